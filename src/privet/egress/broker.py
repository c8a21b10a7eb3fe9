"""The way to destinations that are named: an HTTP proxy inside that knows CONNECT and nothing else.

Source: RFC 9110, section 9.3.6 (CONNECT); RFC 9112, section 3.2.3 (authority-form).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from privet.egress.attempts import Attempts, Opened, Unreached
from privet.egress.outside import Outside, Refusal
from privet.egress.relay import relay

NAME_PORT: Final = 53
_MAX_HEAD_BYTES: Final = 16_384
_HEAD_SECONDS: Final = 30.0
_STATUS: Final = {Refusal.UNRESOLVED: "502 Bad Gateway", Refusal.SILENT: "502 Bad Gateway"}
_CONNECT: Final = re.compile(rb"CONNECT (\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5}) HTTP/1\.[01]\r?\n")


def serve(client: socket.socket, outside: Outside, attempts: Attempts, program: Callable[[], str]) -> None:
    """Serve one connection to the proxy; `program` tells whose it is."""
    with suppress(OSError), client:
        client.settimeout(_HEAD_SECONDS)
        head = _head(client)
        asked = _CONNECT.match(head)
        if asked is None:
            _refuse(
                client, "405 Method Not Allowed", "only CONNECT to a destination that privet.toml names is open here"
            )
            return
        host, port = asked[1].decode().strip("[]").rstrip(".").lower(), int(asked[2])
        opened = outside.dial(host, port)
        if isinstance(opened, Refusal):
            if opened is Refusal.UNNAMED:
                attempts.add(program(), f"{host}:{port}")
            else:
                attempts.unreached(Unreached(host, port, opened))
            _refuse(client, _STATUS.get(opened, "403 Forbidden"), f"{host}:{port} {opened}")
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        sent, came = relay(client, opened)
        attempts.opened(Opened(host, port, sent, came))


def open_door(client: socket.socket, host: str, port: int, outside: Outside, attempts: Attempts) -> None:
    """Join one connection with a named destination."""
    with suppress(OSError), client:
        opened = outside.dial(host, port)
        if isinstance(opened, Refusal):
            attempts.unreached(Unreached(host, port, opened))
            return
        sent, came = relay(client, opened)
        attempts.opened(Opened(host, port, sent, came))


def _head(client: socket.socket) -> bytes:
    """Read up to the end of the request's head, and nothing behind it: that is for the destination."""
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")) and len(head) < _MAX_HEAD_BYTES:
        seen = client.recv(_MAX_HEAD_BYTES, socket.MSG_PEEK)
        if not seen:
            return b""
        end = min(
            (place + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (place := (head + seen).find(mark)) >= 0),
            default=0,
        )
        head += client.recv(end - len(head) if end else len(seen))
    return head


def _refuse(client: socket.socket, status: str, why: str) -> None:
    body = f"privet run: {why}\n".encode()
    client.sendall(
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n".encode()
        + body
    )
