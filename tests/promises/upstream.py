"""A model server that keeps everything it receives and answers what a test tells it.

It stands for vLLM, Ollama, llama.cpp or any other OpenAI-compatible server, healthy or broken. A script is a
function of the received request and the wire; it runs in the connection's own thread and may send any bytes,
wait, or cut the connection.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

MODELS: Final = ("mock-model", "llama3.2:1b", "meta-llama/Llama-3.2-1B-Instruct")
WAIT_SECONDS: Final = 20.0
TOKEN: Final = re.compile(r"\[[A-Z][A-Z_]*_\d+\]")


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    head: bytes

    @property
    def json(self) -> Any:
        """Return the body, decoded."""
        return json.loads(self.body)

    @property
    def streams(self) -> bool:
        """Tell whether a stream was asked for."""
        return self.json.get("stream") is True

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(slots=True)
class Wire:
    """The connection to the endpoint, for a script to answer on."""

    connection: socket.socket
    stopping: threading.Event
    closed: bool = False

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.connection.sendall(data)

    def answer(self, body: bytes, *, status: int = 200, kind: str = "application/json", headers: str = "") -> None:
        """Send a whole answer."""
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        self.send(head.encode() + body)

    def json(self, value: object) -> None:
        """Send a JSON answer."""
        self.answer(json.dumps(value).encode())

    def begin(self, kind: str = "text/event-stream") -> None:
        """Send the head of a stream."""
        self.send(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())

    def piece(self, data: bytes) -> None:
        """Send a piece of a stream as an HTTP chunk of its own."""
        if data:
            self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end(self) -> None:
        """End a stream as the protocol says."""
        self.send(b"0\r\n\r\n")

    def cut(self, *, reset: bool = False) -> None:
        """Close the connection where it is."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closed = True

    def wait_for_leaving(self) -> None:
        """Wait until the endpoint closes the connection, or the upstream is stopped."""
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.1)
            if readable and not self.connection.recv(65536):
                break
        self.closed = True


Script = Callable[[Received, Wire], None]


@dataclass(slots=True)
class Upstream:
    """The server: `url` to point the endpoint at, `received` to look at, `script` to set."""

    script: Script = field(default_factory=lambda: echo())  # noqa: PLW0108  (defined below)
    received: list[Received] = field(default_factory=list)
    models: tuple[str, ...] = MODELS
    port: int = 0
    _listener: socket.socket | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Start to listen; on the port of the last time, if there was one."""
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._run(self._accept, self._listener)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything and wait for the threads."""
        self._stopping.set()
        with self._lock:
            for connection in (self._listener, *self._open):
                if connection is not None:
                    _shut(connection)
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
        self._threads.clear()

    @property
    def url(self) -> str:
        """Return the base URL, as one gives it to an OpenAI client."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def address(self) -> str:
        """Return the address in the words of `syscalls`."""
        return f"tcp 127.0.0.1:{self.port}"

    @property
    def prompts(self) -> list[Received]:
        """Return what was received beside questions for the list of models."""
        return [request for request in self.received if request.method != "GET"]

    @property
    def last(self) -> Received:
        """Return the last prompt."""
        return self.prompts[-1]

    def reset(self) -> None:
        """Forget everything and echo."""
        self.received.clear()
        self.script = echo()

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while not self._stopping.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with self._lock:
                    self._open.add(connection)
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                self._run(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(connection, self._stopping)
        try:
            with connection, connection.makefile("rb") as reader:
                while not wire.closed and (request := _read(reader)) is not None:
                    self.received.append(request)
                    if request.method == "GET":
                        wire.json({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
                    else:
                        self.script(request, wire)
        except OSError:  # the endpoint left in the middle, which some tests make it do
            pass
        finally:
            with self._lock:
                self._open.discard(connection)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()


def _read(reader: Any) -> Received | None:
    """Return the next request on a connection, or None at its end."""
    lines: list[bytes] = []
    while (line := reader.readline()) not in {b"\r\n", b""}:
        lines.append(line)
    if not lines or not line:
        return None
    method, path, _ = lines[0].decode("latin-1").split(" ", 2)
    headers = tuple(
        (name.strip(), value.strip())
        for name, _, value in (item.decode("latin-1").partition(":") for item in lines[1:])
    )
    fields = {name.lower(): value for name, value in headers}
    if "chunked" in fields.get("transfer-encoding", ""):
        body = b""
        while size := int(reader.readline(), 16):
            body += reader.read(size)
            reader.readline()
        reader.readline()
    else:
        body = reader.read(int(fields.get("content-length", "0")))
    return Received(method, path, headers, body, b"".join(lines))


# What a healthy model server says.


def message(text: str | None, *, tool_calls: Sequence[object] = (), reasoning: str | None = None) -> dict[str, object]:
    """Return an assistant's message."""
    extras = {"tool_calls": list(tool_calls)} if tool_calls else {}
    thoughts = {"reasoning_content": reasoning} if reasoning is not None else {}
    return {"role": "assistant", "content": text, **extras, **thoughts}


def tool_call(arguments: str, *, name: str = "send", call_id: str = "call_1") -> dict[str, object]:
    """Return a call of a function tool."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def whole(*choices: dict[str, object], model: str = "mock-model") -> dict[str, object]:
    """Return a chat completion with these messages."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": model,
        "choices": [
            {
                "index": index,
                "message": item,
                "finish_reason": "tool_calls" if "tool_calls" in item else "stop",
            }
            for index, item in enumerate(choices)
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }


def event(value: object) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE: Final = b"data: [DONE]\n\n"


def chunk(delta: dict[str, object], *, index: int = 0, finish: str | None = None) -> dict[str, object]:
    """Return one chunk of a streamed chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "mock-model",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
    }


def deltas(pieces: Iterable[dict[str, object]], *, index: int = 0) -> list[dict[str, object]]:
    """Return the chunks of one choice: the role, the pieces, the end."""
    return [
        chunk({"role": "assistant", "content": ""}, index=index),
        *(chunk(piece, index=index) for piece in pieces),
        chunk({}, index=index, finish="stop"),
    ]


def stream(chunks: Iterable[dict[str, object]], *, done: bool = True) -> bytes:
    """Return the bytes of a whole stream."""
    return b"".join(event(item) for item in chunks) + (DONE if done else b"")


def completion(text: str) -> dict[str, object]:
    """Return a text completion."""
    choice = {"index": 0, "text": text, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "mock-model",
        "choices": [choice],
        "usage": usage,
    }


def embedding(inputs: object) -> dict[str, object]:
    """Return one short vector per input."""
    count = len(inputs) if isinstance(inputs, list) else 1
    return {
        "object": "list",
        "model": "mock-model",
        "data": [{"object": "embedding", "index": index, "embedding": [0.25, -0.5]} for index in range(count)],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


# Scripts.


def says(text: str, *, tool_calls: Sequence[dict[str, Any]] = (), reasoning: str | None = None) -> Script:
    """Return a script that answers this, in the protocol and manner it is asked in."""

    def script(request: Received, wire: Wire) -> None:
        _answer(request, wire, text, tool_calls, reasoning)

    return script


def echo() -> Script:
    """Return a script that repeats the last message of the user, or the prompt."""

    def script(request: Received, wire: Wire) -> None:
        _answer(request, wire, last_text(request.json))

    return script


def utter_tokens() -> Script:
    """Return a script that says every token found anywhere in the request, as a model could."""

    def script(request: Received, wire: Wire) -> None:
        _answer(request, wire, " ".join(dict.fromkeys(TOKEN.findall(request.body.decode()))))

    return script


def last_text(body: dict[str, Any]) -> str:
    """Return the text of the last user message of a chat, or of a prompt."""
    if "messages" not in body:
        prompt = body.get("prompt", "")
        return prompt if isinstance(prompt, str) else " ".join(prompt)
    content = next((item["content"] for item in reversed(body["messages"]) if item["role"] == "user"), "")
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


def _answer(
    request: Received,
    wire: Wire,
    text: str,
    tool_calls: Sequence[dict[str, Any]] = (),
    reasoning: str | None = None,
) -> None:
    body = request.json
    if "input" in body:
        wire.json(embedding(body["input"]))
    elif "messages" not in body:
        if request.streams:
            wire.begin()
            wire.piece(event(completion(text)) + DONE)
            wire.end()
        else:
            wire.json(completion(text))
    elif request.streams:
        pieces: list[dict[str, object]] = [{"content": text}] if text else []
        pieces += [{"reasoning_content": reasoning}] if reasoning is not None else []
        pieces += [{"tool_calls": [{"index": index, **call}]} for index, call in enumerate(tool_calls)]
        wire.begin()
        wire.piece(stream(deltas(pieces)))
        wire.end()
    else:
        choice = message(text, tool_calls=tool_calls, reasoning=reasoning)
        wire.json(whole(*[choice] * (body.get("n") or 1)))


def raw_stream(*pieces: bytes) -> Script:
    """Return a script that sends these pieces, each as an HTTP chunk, and ends the stream."""

    def script(_request: Received, wire: Wire) -> None:
        wire.begin()
        for piece in pieces:
            wire.piece(piece)
        wire.end()

    return script


def dies(*pieces: bytes, reset: bool = False) -> Script:
    """Return a script that sends these pieces of a stream and then cuts the connection."""

    def script(_request: Received, wire: Wire) -> None:
        wire.begin()
        for piece in pieces:
            wire.piece(piece)
        wire.cut(reset=reset)

    return script


def dies_at_once() -> Script:
    """Return a script that cuts the connection without an answer."""
    return lambda _request, wire: wire.cut()


def fails(body: bytes, *, status: int = 500, headers: str = "", kind: str = "application/json") -> Script:
    """Return a script that answers with an error."""
    return lambda _request, wire: wire.answer(body, status=status, headers=headers, kind=kind)


def garbage(data: bytes) -> Script:
    """Return a script that sends bytes that are not HTTP."""

    def script(_request: Received, wire: Wire) -> None:
        wire.send(data)
        wire.cut()

    return script


def silent() -> Script:
    """Return a script that never answers."""
    return lambda _request, wire: wire.wait_for_leaving()


def gated(first: bytes, gate: threading.Event, rest: bytes) -> Script:
    """Return a script that sends a part of a stream, waits for the gate to open, and sends the rest."""

    def script(_request: Received, wire: Wire) -> None:
        wire.begin()
        wire.piece(first)
        if not gate.wait(WAIT_SECONDS):
            wire.cut()
            return
        wire.piece(rest)
        wire.end()

    return script
