"""The one connection out: a small pooled HTTP/1.1 client to the model server.

Invariants:

- It connects to the address it was made with and to nothing else: no proxy, no redirect, no cookie, no variable of the environment.
- It sends four headers of its own (Host, Content-Type, Accept, Authorization with the upstream's own key) and the body; never the caller's.
- Reading is paused while the caller is slow, so memory per stream is bounded.
- An exchange ends in exactly one of: complete, aborted by us, or `UpstreamFailed`.

Why not aiohttp or httpx: measured on the same machine, they cost more CPU per request than everything else in the endpoint together;
httptools parses, asyncio connects, and what is left is this file.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

import httptools

from privet.errors import BadInput, UpstreamFailed

_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_HIGH_WATER_BYTES: Final = 256 * 1024
_MAX_IDLE_CONNECTIONS: Final = 256
_IDLE_CONNECTION_SECONDS: Final = 15.0
_CLOSED: Final = "the model server closed the connection"
_COMPRESSED: Final = "the model server sent a compressed answer that was not asked for"


@dataclass(frozen=True, slots=True)
class UpstreamAddress:
    """Where the model server listens: TCP (`host`, `port`, `tls`) or a Unix socket (`socket_path`)."""

    host: str
    port: int
    base_path: str = ""
    tls: bool = False
    socket_path: str | None = None
    key: str = field(default="", repr=False)

    @property
    def loopback(self) -> bool:
        """Tell whether nothing leaves this machine."""
        if self.socket_path is not None or self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_upstream(url: str, *, key: str = "") -> UpstreamAddress:
    """Read an upstream's base address, such as `http://127.0.0.1:8000/v1`.

    Raises:
        BadInput: not an http(s) address, or one with a password, query or fragment.

    """
    example = "write it like http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadInput("--upstream is not an address", hint=example) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("--upstream is not an http or https address", hint=example)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadInput("--upstream holds more than host, port and path", hint="give a key with --upstream-key-file")
    tls = parts.scheme == "https"
    return UpstreamAddress(parts.hostname, port or (443 if tls else 80), parts.path.rstrip("/"), tls, key=key)


OnStart = Callable[[Callable[[], None]], None]
"""Is given what gives the exchange up, as soon as the request is on its way."""


def _nobody(_stop: Callable[[], None]) -> None:
    """Take no notice."""


class Exchange(Protocol):
    """An answer of the model server on its way."""

    status: int
    content_type: str
    ended_by_close: bool

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the answer's body as it comes."""

    async def read(self, max_bytes: int) -> bytes:
        """Return the whole body."""

    def abort(self) -> None:
        """Give the exchange up."""


class ModelServer(Protocol):
    """Whatever answers requests: the real upstream, or the recorder of a self-test."""

    async def send(self, method: str, path: str, body: bytes = b"", on_start: OnStart = _nobody) -> Exchange:
        """Send one request; return its answer once the headers are there."""


class Connection(asyncio.Protocol):
    """One connection and the exchange that is on it; httptools calls the on_ methods."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
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
        self._upstream.forget(self)

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
            self._upstream.keep(self)
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
        self._patience = self._loop.time() + self._upstream.idle_timeout_seconds
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


class Upstream:
    """The model server behind the endpoint, with its pool of connections."""

    def __init__(
        self,
        address: UpstreamAddress,
        *,
        idle_timeout_seconds: float,
        max_idle_connections: int = _MAX_IDLE_CONNECTIONS,
    ) -> None:
        self.idle_timeout_seconds = idle_timeout_seconds
        self._max_idle = max_idle_connections
        self._idle: deque[Connection] = deque()
        self.move(address)

    def move(self, address: UpstreamAddress) -> None:
        """Send the next requests to another address: an engine that was started anew has a new one."""
        self.address = address
        self._tls = ssl.create_default_context() if address.tls else None
        host = f"[{address.host}]" if ":" in address.host else address.host
        lines = [
            f"Host: {host}:{address.port}",
            "Content-Type: application/json",
            "Accept: application/json, text/event-stream",
        ]
        if address.key:
            lines.append(f"Authorization: Bearer {address.key}")
        self._headers = "\r\n".join(lines)

    def __repr__(self) -> str:
        return "Upstream(...)"

    async def send(self, method: str, path: str, body: bytes = b"", on_start: OnStart = _nobody) -> Connection:
        """Send one request; return its answer once the headers are there.

        Raises:
            UpstreamFailed: it cannot be reached, breaks off, or stays silent.

        """
        head = f"{method} {self.address.base_path}{path} HTTP/1.1\r\n{self._headers}\r\nContent-Length: {len(body)}\r\n\r\n"
        request = head.encode("latin-1") + body
        while self._idle:
            connection = self._idle.pop()
            if connection.closed:
                continue
            connection.start(request)
            on_start(connection.abort)
            try:
                await connection.headers()
            except UpstreamFailed:
                # A kept connection may have been closed while the request was on its way; nothing was answered, so ask once more.
                if connection.answered_nothing:
                    break
                connection.abort()
                raise
            except BaseException:
                connection.abort()
                raise
            return connection
        connection = await self._connect()
        connection.start(request)
        on_start(connection.abort)
        try:
            await connection.headers()
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        address = self.address
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
                if address.socket_path is not None:
                    _, connection = await loop.create_unix_connection(lambda: Connection(self), address.socket_path)
                else:
                    _, connection = await loop.create_connection(
                        lambda: Connection(self),
                        address.host,
                        address.port,
                        ssl=self._tls,
                        server_hostname=address.host if self._tls else None,
                    )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise UpstreamFailed(
                "the model server cannot be reached", hint="check that it runs and its address"
            ) from error
        return connection

    def keep(self, connection: Connection) -> None:
        """Take a connection back for the next request."""
        if len(self._idle) < self._max_idle:
            self._idle.append(connection)
        else:
            connection.discard()

    def forget(self, connection: Connection) -> None:
        """Drop a connection that was closed."""
        if not connection.used and connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().discard()
