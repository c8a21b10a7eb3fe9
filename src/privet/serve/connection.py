"""One HTTP/1.1 connection to the model server, and the exchange that is on it.

Invariants:

- Reading is paused while nobody takes what came, so memory per stream is bounded.
- An exchange ends in exactly one of: complete, aborted by us, or `UpstreamFailed`. A connection goes back to the pool only after the first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Protocol, cast

import httptools

from privet.errors import UpstreamFailed

_HIGH_WATER_BYTES: Final = 256 * 1024
_IDLE_CONNECTION_SECONDS: Final = 15.0
_CLOSED: Final = "the model server closed the connection"
_COMPRESSED: Final = "the model server sent a compressed answer that was not asked for"


class Pool(Protocol):
    """Where a connection comes from and goes back to."""

    idle_timeout_seconds: float

    def keep(self, connection: Connection) -> None:
        """Take a connection back for the next request."""

    def forget(self, connection: Connection) -> None:
        """Drop a connection that was closed."""


class Connection(asyncio.Protocol):
    """One connection and the exchange that is on it; httptools calls the on_ methods."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self.used = False
        self._idle_timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._patience = 0.0
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.content_type = ""
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._complete = False
        self._failure: str | None = None
        self._keep = True
        self._framed = False
        self._waiter: asyncio.Future[None] | None = None
        self._reading = True
        # Only the closing of the connection marked the end of the answer: it may have been cut.
        self.ended_by_close = False

    # asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports do not inherit from asyncio.Transport.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; pause where nobody takes it."""
        if self._complete and not self.used:
            self._close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("the model server does not speak HTTP")
            return
        self._wake()
        if self._held_bytes > _HIGH_WATER_BYTES and self._reading and self.transport is not None:
            self.transport.pause_reading()
            self._reading = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange how it ended."""
        self.closed = True
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if not self._complete and self.used:
            # Without a length or chunks, the end of the connection is the end of the body (RFC 9112 section 6.3).
            if self.status and not self._framed and exc is None:
                self._complete = True
                self.ended_by_close = True
            elif self._failure is None:
                # What we closed ourselves has its reason already, and must not look like a kept connection that had timed out.
                self._failure = _CLOSED
        self._wake()
        self._pool.forget(self)

    # httptools callbacks
    def on_message_begin(self) -> None:
        """Stop at a second answer to one request: it must not become the beginning of the next caller's."""
        if self._complete:
            raise UpstreamFailed("the model server answered twice")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note the few headers that matter."""
        lowered = name.lower()
        if lowered == b"content-type":
            self.content_type = value.decode("latin-1").lower()
        elif lowered in (b"content-length", b"transfer-encoding"):
            self._framed = True
        elif lowered == b"content-encoding" and value.lower() != b"identity":
            self._failure = _COMPRESSED

    def on_headers_complete(self) -> None:
        """Note the status."""
        self.status = self._parser.get_status_code()
        self._keep = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Hold a piece until it is taken."""
        self._pieces.append(body)
        self._held_bytes += len(body)

    def on_message_complete(self) -> None:
        """Note the end."""
        if self.status >= 200:
            self._complete = True
        else:
            self.status = 0

    # exchange
    def start(self, request: bytes) -> None:
        """Begin an exchange on this connection."""
        self._reset()
        self.used = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self.transport is not None:
            self.transport.write(request)

    async def headers(self) -> None:
        """Wait for the status and headers of the answer."""
        while not self.status and self._failure is None:
            await self._wait()
        if self._failure is not None and (not self._pieces or self._failure == _COMPRESSED):
            raise UpstreamFailed(self._failure)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[bytes]:
        pieces = self._pieces
        while True:
            if pieces:
                data = pieces.popleft() if len(pieces) == 1 else b"".join(pieces)
                pieces.clear()
                self._held_bytes = 0
                if not self._reading and not self.closed and self.transport is not None:
                    self.transport.resume_reading()
                    self._reading = True
                yield data
            elif self._complete:
                self._finish()
                return
            elif self._failure is not None:
                raise UpstreamFailed(self._failure)
            else:
                await self._wait()

    async def read(self, max_bytes: int) -> bytes:
        """Return the whole body, or fail where it is larger."""
        if self._complete and len(self._pieces) == 1 and self._held_bytes <= max_bytes:
            # Most answers are there in one piece with their headers.
            self._held_bytes = 0
            self._finish()
            return self._pieces.popleft()
        pieces, total = [], 0
        async for piece in self._iterate():
            total += len(piece)
            if total > max_bytes:
                self.abort()
                raise UpstreamFailed("the model server's answer is larger than serve.max_answer_bytes")
            pieces.append(piece)
        return b"".join(pieces)

    @property
    def answered_nothing(self) -> bool:
        """Tell whether the connection ended before the first byte of an answer, as a kept one does that had timed out."""
        return self.closed and not self.status and not self._pieces and self._failure == _CLOSED

    def discard(self) -> None:
        """Close an idle connection."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._close()

    def abort(self) -> None:
        """Give the exchange up; the model server sees the connection close."""
        if self.used and not self.closed:
            self._failure = "aborted"
            self._close()
            self._wake()

    def _finish(self) -> None:
        self.used = False
        if self._keep and not self.closed and not self.ended_by_close:
            self._idle_timer = self._loop.call_later(_IDLE_CONNECTION_SECONDS, self._close)
            self._pool.keep(self)
        else:
            self._close()

    def _fail(self, message: str) -> None:
        self._failure = message
        self._close()
        self._wake()

    def _close(self) -> None:
        if self.transport is not None and not self.closed:
            self.transport.abort()
        self.closed = True

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        self._patience = self._loop.time() + self._pool.idle_timeout_seconds
        if self._watch is None:
            self._watch = self._loop.call_at(self._patience, self._look_at_clock)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look_at_clock(self) -> None:
        """Fail where the wait has lasted too long. One timer serves many waits: most end at once."""
        self._watch = None
        if self._waiter is not None and not self.closed:
            if self._loop.time() >= self._patience:
                self._fail("the model server was silent for too long")
            else:
                self._watch = self._loop.call_at(self._patience, self._look_at_clock)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
