"""What the reference server does outside itself where a leak says so: pictures fetched from this machine, calls to TEST-NET.

Invariant: nothing is ever contacted but loopback addresses and 192.0.2.0/24 (RFC 5737: nobody's).
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from privet.audit.endpoint.reference_model import drawn

NOBODY: Final = ("192.0.2.77", 443)
"""An address that nobody has: what calls it waits."""
GATE: Final = ("192.0.2.1", 443)
"""Where a test network has its gateway, this is it: what calls it is refused at once."""
_HOLD_SECONDS: Final = 3.0
_CHILD: Final = (
    "import socket,time\ns=socket.socket()\ns.setblocking(False)\ns.connect_ex(('192.0.2.77',443))\ntime.sleep(3)\n"
)
_waiting: set[asyncio.Task[None]] = set()


async def fetch_pictures(body: Mapping[str, Any]) -> None:
    """Fetch every picture of a conversation that is on this machine."""
    for url in _pictures(body):
        parts = urlsplit(url)
        if parts.hostname not in ("127.0.0.1", "localhost", "::1") or parts.scheme != "http":
            continue
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
                path = parts.path or "/"
                writer.write(f"GET {path} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n\r\n".encode())
                await reader.read(4096)
                writer.close()


def _pictures(body: Mapping[str, Any]) -> Iterator[str]:
    for message in body.get("messages") or ():
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            held = part.get(part.get("type", ""), part.get("image_url"))
            url = held.get("url") if isinstance(held, dict) else held
            if isinstance(url, str):
                yield url


async def call(leaks: frozenset[str], question: str) -> None:
    """Call elsewhere, if a leak says so."""
    if "egress:connect" in leaks or ("egress:some" in leaks and not drawn(question, 4)):
        task = asyncio.create_task(_connect())
        _waiting.add(task)
        task.add_done_callback(_waiting.discard)
    if "egress:refused" in leaks:
        with suppress(OSError), socket.socket() as caller:
            caller.setblocking(False)
            caller.connect_ex(GATE)
            await asyncio.sleep(0.05)
    if "egress:udp" in leaks:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(NOBODY)
            sender.send(b"usage=1")
            await asyncio.sleep(0.3)
    if "egress:child" in leaks:
        await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", _CHILD)


async def _connect() -> None:
    with socket.socket() as caller:
        caller.setblocking(False)
        with suppress(OSError):
            caller.connect_ex(NOBODY)
        await asyncio.sleep(_HOLD_SECONDS)
