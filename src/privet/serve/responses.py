"""Headers that every answer of the endpoint carries."""

from __future__ import annotations

import os
from typing import Final

_ID_BYTES: Final = 12
_IDS_AT_A_TIME: Final = 64

Headers = list[tuple[bytes, bytes]]

CSP: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURE: Final[Headers] = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
"""`no-store` keeps answers out of browser and proxy caches; they are somebody's conversation."""

PAGE: Final[Headers] = [
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", CSP),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


_SECURE_LINES: Final = b"\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in SECURE)


class RequestIds:
    """Hands out random ids, 96 bits each; asks the operating system for many at a time."""

    def __init__(self) -> None:
        self._pool = b""

    def __call__(self) -> bytes:
        """Return a fresh id for one request."""
        if not self._pool:
            self._pool = os.urandom(_ID_BYTES * _IDS_AT_A_TIME)
        fresh, self._pool = self._pool[:_ID_BYTES], self._pool[_ID_BYTES:]
        return b"req_" + fresh.hex().encode("ascii")


new_request_id: Final = RequestIds()


def json_headers(request_id: bytes, length: int) -> Headers:
    """Return the headers of a JSON answer of `length` bytes."""
    return [
        (b"content-type", b"application/json"),
        (b"content-length", str(length).encode("ascii")),
        (b"x-request-id", request_id),
        *SECURE,
    ]


def json_head(request_id: bytes, length: int) -> tuple[bytes, ...]:
    """Return the same headers as they stand on the wire."""
    return (
        b"content-type: application/json\r\ncontent-length: %d\r\nx-request-id: " % length,
        request_id,
        _SECURE_LINES,
    )


def event_headers(request_id: bytes) -> Headers:
    """Return the headers of a stream of events; the last keeps nginx from buffering it."""
    return [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"x-request-id", request_id),
        *SECURE,
        (b"x-accel-buffering", b"no"),
    ]
