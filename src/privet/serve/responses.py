"""Headers that every answer of the endpoint carries."""

from __future__ import annotations

import os
from typing import Final

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


def new_request_id() -> bytes:
    """Return a fresh random id for one request."""
    return b"req_" + os.urandom(12).hex().encode("ascii")


def json_headers(request_id: bytes, length: int) -> Headers:
    """Return the headers of a JSON answer of `length` bytes."""
    return [
        (b"content-type", b"application/json"),
        (b"content-length", str(length).encode("ascii")),
        (b"x-request-id", request_id),
        *SECURE,
    ]


def event_headers(request_id: bytes) -> Headers:
    """Return the headers of a stream of events; the last keeps nginx from buffering it."""
    return [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"x-request-id", request_id),
        *SECURE,
        (b"x-accel-buffering", b"no"),
    ]
