"""A server of the OpenAI API that says what a function returns, for tests that need an answer in an odd place."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.given import Given
from privet.audit.endpoint.outcome import Outcome
from privet.audit.endpoint.scene import QUICK, Size
from privet.audit.endpoint.target import target_of


@dataclass(frozen=True)
class Asked:
    path: str
    body: Mapping[str, Any]
    number: int

    @property
    def turns(self) -> list[tuple[str, str]]:
        messages = self.body.get("messages", [])
        return [(str(each.get("role")), str(each.get("content"))) for each in messages] or [
            ("user", str(self.body.get("prompt")))
        ]

    @property
    def text(self) -> str:
        return next((text for role, text in reversed(self.turns) if role == "user"), "")

    @property
    def system(self) -> str:
        return "\n".join(text for role, text in self.turns if role == "system")

    @property
    def chat(self) -> bool:
        return "chat" in self.path

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))


@dataclass(frozen=True)
class Says:
    """`pieces`: how it comes streamed, else cut up; `message` and `frame`: further fields; `status` other than 200: `frame` alone."""

    content: str = ""
    pieces: Sequence[str] | None = None
    message: Mapping[str, Any] = field(default_factory=dict)
    frame: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    last: str = ""
    """a line at the end of a stream"""


Say = Callable[[Asked], Says | str]


def _body(asked: Asked, said: Says) -> tuple[str, bytes]:
    envelope = {
        "id": f"chatcmpl-{asked.number}5550143",
        "created": 1750000000 + asked.number,
        "model": "tiny",
        "system_fingerprint": "fp_4111111111",
    }
    if said.status != 200:
        return "application/json", json.dumps(said.frame).encode()
    if not asked.streams:
        choice = {"index": 0, "finish_reason": "stop"}
        choice |= (
            {"message": {"role": "assistant", "content": said.content, **said.message}}
            if asked.chat
            else {"text": said.content}
        )
        return "application/json", json.dumps(envelope | {"choices": [choice], **said.frame}).encode()
    pieces = (
        said.pieces if said.pieces is not None else [said.content[at : at + 3] for at in range(0, len(said.content), 3)]
    )
    lines = []
    for piece in pieces:
        choice = {"index": 0, "delta": {"content": piece}} if asked.chat else {"index": 0, "text": piece}
        lines.append(f"data: {json.dumps(envelope | {'choices': [choice]})}\n\n")
    if said.frame or said.message:
        lines.append(
            f"data: {json.dumps(envelope | {'choices': [{'index': 0, 'delta': dict(said.message)}], **said.frame})}\n\n"
        )
    return "text/event-stream", "".join([*lines, said.last, "data: [DONE]\n\n"]).encode()


@contextmanager
def canned(say: Say) -> Iterator[str]:
    """Serve what `say` says, and yield the address."""
    count = [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            known = self.path.endswith("/models")
            self._send(200 if known else 404, {}, "application/json", b'{"data": [{"id": "tiny"}]}' if known else b"{}")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            count[0] += 1
            if not self.path.endswith("/completions"):
                self._send(404, {}, "application/json", b"{}")
                return
            said = say(Asked(self.path, body, count[0]))
            said = Says(said) if isinstance(said, str) else said
            kind, sent = _body(Asked(self.path, body, count[0]), said)
            self._send(said.status, said.headers, kind, sent)

        def _send(self, status: int, headers: Mapping[str, str], kind: str, body: bytes) -> None:
            with suppress(ConnectionError):
                self.send_response(status)
                for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def audited(
    test_id: str, url: str, *, seed: int = 0, size: Size = QUICK, given: Given | None = None, key: str | None = None
) -> Outcome:
    """Return the outcome of one test."""
    target = replace(target_of(url), key=key)
    options = Options(seed=seed, size=size, only=(test_id,), given=given or Given(), reveal=True)
    return asyncio.run(audit_endpoint(target, options)).outcomes[0]


def outcome_of(test_id: str, say: Say, **how: Any) -> Outcome:
    """Return the outcome of one test of a server that says what `say` says."""
    with canned(say) as url:
        return audited(test_id, url, **how)
