"""A listener on this machine that sees whether the target fetches what it is told to (SSRF, OWASP A10:2021).

Invariants:

- It listens on loopback alone, as long as the test runs, and answers everybody with the smallest picture there is.
- A hit is known by the path alone, which nobody can guess; nothing else of a request is kept.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

_PICTURE: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_READ_SECONDS: Final = 2.0
_MOST_BYTES: Final = 16384
_LATE_SECONDS: Final = 0.3


@dataclass(slots=True, repr=False)
class Sink:
    """What listens. `hits` are the words of the paths that were asked for."""

    port: int
    hits: set[str] = field(default_factory=set)

    def url(self, word: str, host: str = "127.0.0.1", ending: str = "png") -> str:
        """Return an address that only somebody who was told it asks for."""
        return f"http://{host}:{self.port}/{word}.{ending}"

    async def settled(self) -> None:
        """Wait for what is fetched after the answer."""
        await asyncio.sleep(_LATE_SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_READ_SECONDS):
                line = (await reader.readuntil(b"\n"))[:_MOST_BYTES].decode("latin-1")
            if found := re.match(r"[A-Z]{1,10} (?:https?://[^/\s]+)?/(\w+)", line):
                self.hits.add(found[1])
            head = f"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {len(_PICTURE)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + _PICTURE)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Sink]:
    """Listen until the block ends, on IPv4 and, where this machine has it, IPv6.

    Raises:
        OSError: this machine lets nobody listen on its loopback address.

    """
    sink = Sink(0)
    servers = [await asyncio.start_server(sink.serve, "127.0.0.1", 0, limit=_MOST_BYTES)]
    sink.port = servers[0].sockets[0].getsockname()[1]
    with contextlib.suppress(OSError):
        servers.append(await asyncio.start_server(sink.serve, "::1", sink.port, limit=_MOST_BYTES))
    try:
        yield sink
    finally:
        for server in servers:
            server.close()
