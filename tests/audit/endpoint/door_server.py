"""A server of the OpenAI API that leaks nothing, whose answers a test may change one by one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.outcome import Outcome
from privet.audit.endpoint.scene import QUICK
from privet.audit.endpoint.target import target_of

KEY: Final = "sk-" + "4f0a91c7d2e85b36a01f9c84"
MODEL: Final = "small-1"
_SAID: Final = {
    "/v1/chat/completions": {"message": {"role": "assistant", "content": "ok"}},
    "/v1/completions": {"text": "ok"},
}


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def fields(self) -> dict[str, Any]:
        with suppress(ValueError, RecursionError):
            found = json.loads(self.body)
            return found if isinstance(found, dict) else {}
        return {}


@dataclass(frozen=True)
class Given:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Given:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        if isinstance(value, str):
            return cls(status, value.encode(), {"content-type": "text/plain", **named})
        return cls(status, json.dumps(value).encode(), {"content-type": "application/json", **named})

    def also(self, **fields: Any) -> Given:
        return replace(self, body=json.dumps(json.loads(self.body) | fields).encode())

    def headed(self, **headers: str) -> Given:
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )


Change = Callable[[Asked, Given], Given | None]


def any_of(changes: Iterable[Change]) -> Change:
    """Return what changes an answer as the first of these that does."""
    known = list(changes)
    return lambda asked, given: next((found for change in known if (found := change(asked, given)) is not None), None)


def refused(status: int = 400, text: str = "the request is not accepted") -> Given:
    return Given.of({"error": {"message": text, "type": "error", "code": None}}, status)


def clean(asked: Asked, *, needs_key: bool = True) -> Given:
    if not asked.headers.get("host", "").startswith("127.0.0.1:"):
        return refused(421)
    if asked.path == "/health":
        return Given.of({"status": "ok"})
    if needs_key and asked.key != KEY:
        return refused(401)
    if asked.method == "GET" and asked.path == "/v1/models":
        return Given.of({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "door"}]})
    if asked.method == "POST" and asked.path in _SAID:
        return _spoken(asked)
    return refused(404)


def _spoken(asked: Asked) -> Given:
    fields = asked.fields
    chat = asked.path.endswith("/chat/completions")
    said = fields.get("messages") if chat else fields.get("prompt")
    limit = fields.get("max_tokens", 1)
    if (
        not said
        or not isinstance(said, list if chat else str)
        or not isinstance(limit, int)
        or fields.get("model", MODEL) != MODEL
    ):
        return refused()
    if chat and not all(isinstance(one, dict) and isinstance(one.get("content"), str) for one in said):
        return refused()
    if fields.get("stream") is True:
        piece = {"choices": [{"index": 0, "delta": {"content": "ok"}, "text": "ok", "finish_reason": "stop"}]}
        return Given(
            200, f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode(), {"content-type": "text/event-stream"}
        )
    choice = {"index": 0, "finish_reason": "stop", **_SAID[asked.path]}
    usage = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
    return Given.of(
        {"id": "chatcmpl-1", "object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage}
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(change: Change | None = None, *, needs_key: bool = True) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(int(headers.get("content-length", "0"))))
            given = clean(asked, needs_key=needs_key)
            given = (change(asked, given) if change else None) or given
            lines = [f"{name}: {value}" for name, value in given.headers.items()]
            head = "\r\n".join([f"HTTP/1.1 {given.status} x", *lines, f"content-length: {len(given.body)}", "", ""])
            with suppress(OSError):
                self.wfile.write(head.encode("latin-1") + given.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_TRACE = do_PATCH = _answer  # noqa: N815

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def audited(url: str, test_id: str, *, key: str | None = KEY, seed: int = 0) -> Outcome:
    """Return the outcome of one test."""
    target = replace(target_of(url), key=key)
    return asyncio.run(audit_endpoint(target, Options(seed=seed, size=QUICK, only=(test_id,)))).outcomes[0]


def outcome(
    test_id: str, change: Change | None = None, *, key: str | None = KEY, needs_key: bool = True, seed: int = 0
) -> Outcome:
    """Return the outcome of one test against a server that is changed in one thing."""
    with serving(change, needs_key=needs_key) as url:
        return audited(url, test_id, key=key, seed=seed)
