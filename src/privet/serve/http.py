"""uvicorn's HTTP protocol with limits on headers and time, and errors in the endpoint's own shape.

Invariants: a client that has not finished its headers in time is closed; so is one that goes on sending a body that was refused;
no answer of the protocol itself lacks the error object and the request id; a client that is gone ends the work for it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from privet.policy import ServePolicy
from privet.serve.refusals import Refusal
from privet.serve.responses import json_head, new_request_id

RESPOND = "privet.respond"
"""Key in the ASGI scope of what sends a whole JSON answer at once."""

ON_DISCONNECT = "privet.on_disconnect"
"""Key in the ASGI scope under which the app leaves what to call when the client is gone."""


class JoinedWrites:
    """A transport whose writes of one turn of the event loop leave in one system call: uvicorn writes head and body apart."""

    __slots__ = ("_loop", "_pieces", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep data until the end of this turn."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def is_closing(self) -> bool:
        """Tell whether the connection is being closed."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what is kept, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        pieces = self._pieces
        if pieces and not self._transport.is_closing():
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        pieces.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class LimitedHttp(HttpToolsProtocol):
    """One client connection. Made by a subclass that carries the policy, see `limited_http`."""

    limits: ServePolicy

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = False
        self._in_body = False
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the clock for the first request's headers."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", JoinedWrites(transport, self.loop))
        self._arm(self.limits.header_timeout_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock, and the work for the request that was being answered."""
        self._disarm()
        super().connection_lost(exc)
        if self.cycle is not None and not self.cycle.response_complete:
            stop = cast("dict[str, Any]", self.cycle.scope).get(ON_DISCONNECT)
            if stop is not None:
                stop()

    def data_received(self, data: bytes) -> None:
        """Parse, unless the headers have grown too large."""
        if self._in_head or self.scope is None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_body and self._timer is None and not self._refused:
            # Only a body that did not come with its headers needs a clock.
            self._arm(self.limits.body_timeout_seconds)
        if self._in_head and self._head_bytes > self.limits.max_header_bytes:
            self._refuse("headers-too-large")

    def on_message_begin(self) -> None:
        """Start the clock for a request's headers."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        if self._timer is None:
            self._arm(self.limits.header_timeout_seconds)

    def on_headers_complete(self) -> None:
        """Hand the request to the app, unless its headers are too large in all."""
        self._in_head = False
        self._in_body = True
        self._disarm()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.max_header_bytes:
            self._refuse("headers-too-large")
            return
        if self.url[:1] not in (b"/", b"*"):
            # An absolute target would stand in the place of Host (RFC 9112 section 3.2.2), where nobody would check it.
            self._refuse("foreign-host")
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; what the app has refused is read and dropped for a while, so that the client sees the answer."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock."""
        if self._refused:
            return
        self._in_body = False
        self._disarm()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cast("dict[str, Any]", cycle.scope)[RESPOND] = partial(self._respond, cycle)
        super()._start_asgi_task(cycle, app)

    def _respond(self, cycle: RequestResponseCycle, status: int, request_id: bytes, body: bytes) -> bool:
        """Send a whole JSON answer at once, as two ASGI messages would; return False where those are needed.

        The messages cost more than the rest of the answer: uvicorn checks each header with two regular expressions, and these are ours.
        """
        if cycle.response_started or self.flow.write_paused or cycle.scope["method"] == "HEAD":
            return False
        if not cycle.disconnected:
            cycle.response_started = True
            head = (STATUS_LINE[status], *json_head(request_id, len(body)))
            close = () if cycle.keep_alive else (b"connection: close\r\n",)
            self.transport.write(b"".join((*head, *close, b"\r\n", body)))
            cycle.response_complete = True
            cycle.message_event.set()
            if not cycle.keep_alive:
                self.transport.close()
            cycle.on_response()
        return True

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        del msg
        self._refuse("not-http")

    def _arm(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._expired)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expired(self) -> None:
        self._timer = None
        if self._in_body and self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse("too-slow")

    def _refuse(self, rule: str) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        self._refused = True
        refusal = Refusal(rule)
        body = refusal.body()
        head = (STATUS_LINE[refusal.status], *json_head(new_request_id(), len(body)))
        self.transport.write(b"".join((*head, b"connection: close\r\n\r\n", body)))
        self.transport.close()


def limited_http(policy: ServePolicy) -> type[LimitedHttp]:
    """Return the protocol class for a server under this policy."""
    return type("PolicyHttp", (LimitedHttp,), {"limits": policy})
