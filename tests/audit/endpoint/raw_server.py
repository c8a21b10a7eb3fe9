"""Servers on loopback that answer with the bytes a test gives them, however wrong: one thread a connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

MODELS = b'{"object": "list", "data": [{"id": "small", "object": "model"}]}'


@dataclass
class Seen:
    """What one server saw. `ended` is set when the test is over: hang until then."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    closed: threading.Condition = field(default_factory=threading.Condition)
    listening: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def die(self) -> None:
        """Listen no more."""
        assert self.listening is not None
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


Answering = Callable[[socket.socket, bytes, Seen], object]
"""Sends an answer; what it returns does not matter, unless it is False: then the connection is closed."""


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


def said(text: str) -> bytes:
    return answer(json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).encode())


def stream(text: str) -> bytes:
    events = "".join(
        f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': word}}]})}\n\n" for word in text.split(" ")
    )
    return answer((events + "data: [DONE]\n\n").encode(), kind="text/event-stream")


def polite(connection: socket.socket, request: bytes, seen: Seen) -> None:
    """Answer as a model server does."""
    del seen
    route = request.split(b" ", 2)[1].partition(b"?")[0]
    if route == b"/v1/models":
        connection.sendall(answer(MODELS))
    elif route not in (b"/v1/chat/completions", b"/v1/completions") or not request.startswith(b"POST"):
        connection.sendall(answer(b'{"error": "no such route"}', "404 Not Found"))
    elif b'"stream":true' in request:
        connection.sendall(stream("all is well"))
    elif route.endswith(b"/chat/completions"):
        connection.sendall(said("all is well"))
    else:
        connection.sendall(answer(b'{"choices": [{"index": 0, "text": "all is well"}]}'))


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while sizes and len(body) < int(sizes[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _talk(connection: socket.socket, answering: Answering, seen: Seen) -> None:
    with connection, suppress(OSError):
        while request := _request(connection):
            seen.requests.append(request)
            if answering(connection, request, seen) is False:
                break
    with seen.closed:
        seen.open -= 1
        seen.closed.notify_all()


@contextmanager
def serve(answering: Answering = polite) -> Iterator[Seen]:
    seen = Seen()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        seen.port, seen.listening = listening.getsockname()[1], listening

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    seen.connections += 1
                    seen.open += 1
                    threading.Thread(target=_talk, args=(connection, answering, seen), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            seen.ended.set()
            seen.die()
            thread.join(5)
