"""One request while it is in work: what came, how to answer it, and what will be counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from privet.logs import AccessEvent
from privet.serve.gate import Head
from privet.serve.http import ON_DISCONNECT, RESPOND
from privet.serve.refusals import Refusal
from privet.serve.responses import Headers, json_headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

NO_HEAD: Final = Head(
    None, None, None, cookie=False, content_type=b"", content_encoding=b"", content_length=None, expects_continue=False
)
"""Stands for the headers until they have been read."""


class Gone(Exception):
    """The caller has left."""


@dataclass(slots=True)
class Request:
    """One request in work."""

    scope: Scope
    receive: Receive
    send: Send
    head: Head
    request_id: bytes
    event: AccessEvent
    origin: bytes | None = None
    cache_salt: str = ""
    started: bool = False
    gone: bool = False
    overdue: bool = False
    extra: Headers = field(default_factory=list)

    def expire(self, task: asyncio.Task[None] | None) -> None:
        """End the work for this request: its time is over."""
        self.overdue = True
        if task is not None:
            task.cancel()

    def stop_with(self, stop: Callable[[], None]) -> None:
        """Have the work for this request stopped when its caller leaves."""

        def leave() -> None:
            self.gone = True
            stop()

        self.scope[ON_DISCONNECT] = leave

    def let_go(self) -> None:
        """Break the circles between a request and its scope, so that what it held is gone at once and not with the next collection."""
        self.scope.pop(ON_DISCONNECT, None)
        self.scope.pop(RESPOND, None)

    async def answer(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        """Send a whole answer."""
        self.started = True
        self.event.status = status
        respond = self.scope.get(RESPOND)
        if respond is not None and headers is None and not self.extra and respond(status, self.request_id, body):
            return
        chosen = json_headers(self.request_id, len(body)) if headers is None else headers
        await self.send({"type": "http.response.start", "status": status, "headers": [*chosen, *self.extra]})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(self, refusal: Refusal) -> None:
        """Send a refusal; in the middle of a stream, as an event."""
        self.event.rule = refusal.rule
        if not self.started:
            if self.head.expects_continue:
                # The client waits for permission to send its body and will not get it: this connection has no further use.
                self.extra.append((b"connection", b"close"))
            await self.answer(refusal.status, refusal.body())
            return
        await self.send(
            {"type": "http.response.body", "body": b"data: " + refusal.body() + b"\n\n", "more_body": False}
        )

    async def body(self, most: int) -> bytes:
        """Return the whole body. How long it may take is kept by `LimitedHttp`.

        Raises:
            Refusal: larger than `most` bytes.
            Gone: the caller left before its end.

        """
        pieces, total = [], 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Gone
            piece = message["body"]
            total += len(piece)
            if total > most:
                raise Refusal("body-too-large")
            pieces.append(piece)
            if not message["more_body"]:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
