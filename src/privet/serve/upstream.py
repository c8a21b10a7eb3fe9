"""The one connection out: a small pooled HTTP/1.1 client to the model server.

Invariants:

- It connects to the address it was made with and to nothing else: no proxy, no redirect, no cookie. Of the environment only what
  OpenSSL reads to find the certificates it trusts (`SSL_CERT_FILE`) counts.
- It sends four headers of its own (Host, Content-Type, Accept, Authorization with the upstream's own key) and the body; never the caller's.

Why not aiohttp or httpx: docs/decisions/0002-own-upstream-client.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Protocol
from urllib.parse import urlsplit

from privet.egress.dialer import Dialer
from privet.errors import BadInput, UpstreamFailed
from privet.serve.connection import Connection

_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_MAX_IDLE_CONNECTIONS: Final = 256


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


class Upstream:
    """The model server behind the endpoint, with its pool of connections."""

    def __init__(
        self,
        address: UpstreamAddress,
        *,
        idle_timeout_seconds: float,
        max_idle_connections: int = _MAX_IDLE_CONNECTIONS,
        dialer: Dialer | None = None,
    ) -> None:
        """Dial nothing yet; a locked process connects by the dialer only."""
        self._dialer = dialer
        self.idle_timeout_seconds = idle_timeout_seconds
        self._max_idle = max_idle_connections
        self._idle: deque[Connection] = deque()
        self.move(address)

    def move(self, address: UpstreamAddress) -> None:
        """Send the next requests to another address: an engine that was started anew has a new one."""
        self.close()
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
                if self._dialer is not None:
                    connection = await self._dialled(self._dialer)
                elif address.socket_path is not None:
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

    async def _dialled(self, dialer: Dialer) -> Connection:
        loop, address = asyncio.get_running_loop(), self.address
        held = await dialer.connection(address.socket_path or "")
        try:
            if address.socket_path is not None:
                _, connection = await loop.create_unix_connection(lambda: Connection(self), sock=held)
            else:
                _, connection = await loop.create_connection(
                    lambda: Connection(self),
                    sock=held,
                    ssl=self._tls,
                    server_hostname=address.host if self._tls else None,
                )
        except BaseException:
            held.close()
            raise
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
