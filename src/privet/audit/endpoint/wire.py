"""Connections to the addresses that the target had when it was checked, and what is known of each.

Invariants:

- Nothing else is ever connected to, whatever a header or an answer says.
- Who sends more than `MAX_HEAD` before an answer begins (headers without end, 1xx without end) is not listened to any longer.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import httpcore2

MAX_HEAD: Final = 256 * 1024
_CONNECT_SECONDS: Final = 10.0
_QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)


@dataclass(slots=True, repr=False)
class Taken:
    """What one request has got so far."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    rest: bytearray = field(default_factory=bytearray)
    rest_seconds: float = 0.0
    size: int = 0
    stream: Stream | None = None
    reused: bool = False
    """whether the connection had served another request"""


REQUEST: Final[ContextVar[Taken | None]] = ContextVar("REQUEST", default=None)


class Stream(httpcore2.AsyncNetworkStream):
    """A connection that knows whether it was used before, and how much came before an answer."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._taken: Taken | None = None
        self.before = 0
        self.answered = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - its signature
        """Return what came."""
        data = await self._inner.read(max_bytes, timeout)
        if not self.answered:
            self.before += len(data)
            if self.before > MAX_HEAD:
                raise httpcore2.RemoteProtocolError("too much before the answer")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - its signature
        """Send."""
        taken = REQUEST.get()
        if taken is not None and taken is not self._taken:
            taken.stream, taken.reused = self, self._taken is not None
            self._taken, self.before, self.answered = taken, 0, False
        await self._inner.write(buffer, timeout)
        # A server that sends head and body apart (http.server) waits for the first to be acknowledged, which is put off for 40 ms else.
        connection = self._inner.get_extra_info("socket")
        if _QUICK_ACK is not None and connection is not None:
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    async def aclose(self) -> None:
        """Close."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - its signature
    ) -> httpcore2.AsyncNetworkStream:
        """Return the same connection, encrypted."""
        return Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore2 asks for, such as whether something can be read."""
        return self._inner.get_extra_info(info)


class Pinned(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses in turn, and to the one that answered first from then on."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._inner = httpcore2.AnyIOBackend()
        self._addresses = list(addresses)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - its signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a connection, whatever the host is called."""
        del host
        failed: Exception = httpcore2.ConnectError()
        seconds = min(_CONNECT_SECONDS, timeout or _CONNECT_SECONDS)
        for address in tuple(self._addresses):
            try:
                made = await self._inner.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
                continue
            self._addresses.sort(key=lambda each, good=address: each != good)  # type: ignore[misc]
            return Stream(made)
        raise failed

    async def connect_unix_socket(self, *_args: Any, **_more: Any) -> httpcore2.AsyncNetworkStream:
        """Refuse."""
        raise httpcore2.ConnectError

    async def sleep(self, seconds: float) -> None:
        """Wait, between tries of httpcore2's own (there are none)."""
        await asyncio.sleep(seconds)
