"""HTTP/1.1 for the reference server: requests read and answers written, no more than it needs.

Invariants: no header tells a program or a version; a body beyond `MAX_BODY` is not read; nothing is logged here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

MAX_BODY: Final = 1024 * 1024
_MAX_HEAD: Final = 64 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What was asked. Header names are in lower case; the last of a name counts."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    target: str
    headers: Mapping[str, str]
    body: bytes
    too_large: bool = False

    def json(self) -> Any:
        """Return the body as JSON, or None."""
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(self.body)
        return None


@dataclass(slots=True, repr=False)
class Response:
    """What is answered. With `events` it is a stream of them, each written as it comes."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    events: AsyncIterator[bytes] | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Response:
        """Return an answer in JSON."""
        return cls(status, msgspec.json.encode(value), {"content-type": "application/json"})

    @classmethod
    def text(cls, text: str, content_type: str = "text/plain; charset=utf-8") -> Response:
        """Return a text."""
        return cls(200, text.encode(), {"content-type": content_type})


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request of a connection, or None where it ended or is no HTTP."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *rest = head[:-4].decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        parts = urlsplit(target if target.startswith("/") and not target.startswith("//") else f"/.{target}")
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        size = int(headers.get("content-length", "0"))
        body, too_large = b"", size > MAX_BODY
        if "chunked" in headers.get("transfer-encoding", ""):
            body, too_large = await _chunks(reader)
        elif not too_large:
            body = await reader.readexactly(size)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        return None
    return Request(method, parts.path, parse_qs(parts.query), target, headers, body, too_large)


async def _chunks(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if len(body) + size > MAX_BODY:
            return b"", True
        body += (await reader.readexactly(size + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body), False


async def write_response(writer: asyncio.StreamWriter, response: Response, *, close: bool) -> None:
    """Write an answer; a caller who hung up ends the stream of events."""
    headers = dict(response.headers)
    if response.events is None:
        headers["content-length"] = str(len(response.body))
    else:
        headers["transfer-encoding"] = "chunked"
    if close:
        headers["connection"] = "close"
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + response.body)
    await writer.drain()
    if response.events is not None:
        async for event in response.events:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


LIMIT: Final = _MAX_HEAD
"""How long the head of a request may be."""
