"""A stand-in for a model server that costs almost nothing: the floor under every figure.

It answers `POST /v1/chat/completions` with fixed words around the address (or the token in its place) that
ends the prompt. `PUT /mock` sets how streams run (`{"events": 200, "per_second": 0}`; 0 is as fast as
possible, one write an event) and clears the counts; `GET /mock` returns them: requests seen, and how many of
those held an identifier in the clear. It logs nothing.

Run as `python upstream.py`; the first line on standard output is its port.
"""

import asyncio
import json
import re
import sys
from dataclasses import dataclass
from typing import Final, cast

import httptools
import uvloop
from process import raise_open_files
from workload import MODEL, RAW_MARKERS, SHORT_ANSWER_EVENTS, answer, answer_pieces

STREAMS: Final = re.compile(rb'"stream":\s*true')
MODEL_ENTRY: Final = {"id": MODEL, "object": "model", "created": 0, "owned_by": "mock"}
MODELS: Final = json.dumps({"object": "list", "data": [MODEL_ENTRY]}).encode()
HEAD: Final = b'{"id":"chatcmpl-mock","object":"%s","created":1700000000,"model":"mock-model","choices":[{"index":0,'
ANSWER_HEAD: Final = HEAD % b"chat.completion"
EVENT_HEAD: Final = HEAD % b"chat.completion.chunk"
USAGE: Final = b',"usage":{"prompt_tokens":20,"completion_tokens":12,"total_tokens":32}}'
STREAM_START: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)


@dataclass(slots=True)
class Settings:
    """How streams run, and what was seen since the last change."""

    events: int = 200
    per_second: float = 0
    requests: int = 0
    raw: int = 0


def echo_of(body: bytes) -> bytes:
    """Return the last address or masking token of a body, empty when there is none."""
    at, token = body.rfind(b"@example.com"), body.rfind(b"[EMAIL_ADDRESS")
    if token > at:
        return body[token : body.index(b"]", token) + 1]
    return body[body.rfind(b" ", 0, at) + 1 : at + len(b"@example.com")] if at >= 0 else b""


def chunk(data: bytes) -> bytes:
    """Return one event as one HTTP chunk."""
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


def delta(content: bytes, finish: bytes = b"null") -> bytes:
    """Return one event of a stream."""
    return chunk(EVENT_HEAD + b'"delta":{%s},"finish_reason":%s}]}' % (content, finish))


class Stream:
    """One streamed answer on its way out, paced by the clock or one event a turn of the loop."""

    __slots__ = ("connection", "events", "per_second", "position", "started")

    def __init__(self, connection: "Connection", echo: bytes, settings: Settings) -> None:
        """Write the head and the first delta at once."""
        pieces = answer_pieces(settings.events, echo.decode())
        self.events = [delta(b'"content":"%s"' % piece.encode()) for piece in pieces]
        self.events.append(delta(b"", b'"stop"') + chunk(b"[DONE]") + b"0\r\n\r\n")
        self.connection, self.per_second, self.position = connection, settings.per_second, 0
        self.started = connection.loop.time()
        connection.write(STREAM_START + delta(b'"role":"assistant","content":""'))
        self.step()

    def step(self) -> None:
        """Write one event and arrange for the next."""
        connection, loop = self.connection, self.connection.loop
        if connection.transport.is_closing():
            return
        connection.transport.write(self.events[self.position])
        self.position += 1
        if self.position == len(self.events):
            connection.finish()
        elif self.per_second:
            loop.call_at(self.started + self.position / self.per_second, self.step)
        else:
            loop.call_soon(self.step)


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it are answered one after another."""

    def __init__(self, settings: Settings) -> None:
        """Share the settings with every other connection."""
        self.settings = settings
        self.loop = asyncio.get_running_loop()
        self.parser = httptools.HttpRequestParser(self)
        self.url = self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Start a request."""
        self.url, self.body = url, b""

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Answer."""
        if self.url.startswith(b"/v1/chat/completions"):
            self.complete()
        elif self.url == b"/mock":
            self.control()
        else:
            self.reply(MODELS)

    def complete(self) -> None:
        """Answer a chat request."""
        settings = self.settings
        settings.requests += 1
        settings.raw += any(marker in self.body for marker in RAW_MARKERS)
        echo = echo_of(self.body)
        if STREAMS.search(self.body):
            Stream(self, echo, settings)
            return
        text = answer(SHORT_ANSWER_EVENTS, echo.decode()).encode()
        message = b'"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}]' % text
        self.reply(ANSWER_HEAD + message + USAGE)

    def control(self) -> None:
        """Change the settings or tell the counts."""
        seen = {"requests": self.settings.requests, "raw": self.settings.raw}
        if self.parser.get_method() == b"PUT":
            wanted = json.loads(self.body)
            self.settings.events, self.settings.per_second = wanted["events"], wanted["per_second"]
            self.settings.requests = self.settings.raw = 0
        self.reply(json.dumps(seen).encode())

    def reply(self, body: bytes) -> None:
        """Write a whole answer."""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.write(head + body)
        self.finish()

    def write(self, data: bytes) -> None:
        """Write unless the peer has gone."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def finish(self) -> None:
        """Close where the client asked for it."""
        if not self.parser.should_keep_alive():
            self.transport.close()


async def serve() -> None:
    """Listen on a free port until told to stop."""
    settings = Settings()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(settings), "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    raise_open_files()
    uvloop.run(serve())
