"""Who may ask: the checks on a request's line and headers, before any of its body is read.

Order, from what names an attack to what names a mistake: Host, Origin, query string, cookie, key, body headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from privet.keys import KeyRing
from privet.policy import ServePolicy
from privet.serve.refusals import Refusal

Scope = Mapping[str, Any]
LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_BEARER: Final = b"bearer "


class Head(NamedTuple):
    """The headers the endpoint reads; it never looks at any other."""

    host: bytes | None
    origin: bytes | None
    authorization: bytes | None
    cookie: bool
    content_type: bytes
    content_encoding: bytes
    content_length: int | None
    expects_continue: bool


def bracketed(host: str) -> str:
    """Return a host as it stands in an address: IPv6 in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def authority(host: str, port: int) -> str:
    """Return host and port as they stand in an address."""
    return f"{bracketed(host)}:{port}"


def read_head(headers: Iterable[tuple[bytes, bytes]]) -> Head:  # noqa: C901  (one branch a header, on the hot path)
    """Pick the headers that matter.

    Raises:
        Refusal: two Host or Authorization headers, or a length that is no number.

    """
    host = origin = authorization = None
    content_type = content_encoding = b""
    length: int | None = None
    cookie = expects = False
    for name, value in headers:
        if name == b"host":
            if host is not None:
                raise Refusal("foreign-host", "host")
            host = value
        elif name == b"authorization":
            if authorization is not None:
                raise Refusal("missing-key", "authorization")
            authorization = value
        elif name == b"content-type":
            content_type = value
        elif name == b"content-length":
            if not value.isdigit():
                raise Refusal("not-http")
            length = int(value)
        elif name == b"origin":
            origin = value
        elif name == b"cookie":
            cookie = True
        elif name == b"content-encoding":
            content_encoding = value
        elif name == b"expect":
            expects = True
    return Head(host, origin, authorization, cookie, content_type, content_encoding, length, expects)


@dataclass(frozen=True, slots=True)
class Gate:
    """Knows the endpoint's own names, its policy and its keys."""

    policy: ServePolicy
    ring: KeyRing
    authorities: frozenset[bytes]

    @classmethod
    def at(cls, policy: ServePolicy, ring: KeyRing, host: str, port: int) -> Gate:
        """Return the gate of an endpoint that listens on `host` and `port`."""
        own = bracketed(host)
        wildcard = host in ("0.0.0.0", "::")  # noqa: S104  (compared, not bound)
        names = {*LOOPBACK_NAMES, *policy.hosts, *(() if wildcard else (own,))}
        both = {name.lower() for name in names} | {f"{name.lower()}:{port}" for name in names}
        return cls(policy, ring, frozenset(item.encode("idna" if not item.isascii() else "ascii") for item in both))

    def check_host(self, head: Head, local: tuple[str, int] | None = None) -> None:
        """Refuse a Host that is not ours; a web page's rebound name is one.

        `local` is the address the client has reached us at. Where we listen on every address, that one is ours too: a rebound name
        is a name, and never the number itself.
        """
        if head.host is not None:
            if head.host.lower() in self.authorities:
                return
            if local is not None and head.host.decode("latin-1") in (local[0], authority(*local)):
                return
        raise Refusal("foreign-host", "host")

    def check_origin(self, head: Head, scheme: str) -> bytes | None:
        """Return an allowed foreign origin, None for none or our own; refuse any other."""
        if head.origin is None or head.origin.lower() == scheme.encode("ascii") + b"://" + (head.host or b"").lower():
            return None
        if head.origin.decode("latin-1") in self.policy.origins:
            return head.origin
        raise Refusal("foreign-origin", "origin")

    def check_address(self, scope: Scope, head: Head) -> None:
        """Refuse what stands in a query string or a cookie."""
        if scope["query_string"]:
            raise Refusal("query-string", "query")
        if head.cookie:
            raise Refusal("cookie", "cookie")

    def check_key(self, head: Head) -> str:
        """Return the id of the caller's key.

        Raises:
            Refusal: there is none, or it is not one of ours.

        """
        presented = head.authorization or b""
        if presented[: len(_BEARER)].lower() == _BEARER:
            key_id = self.ring.find(presented[len(_BEARER) :].strip())
            if key_id is not None:
                return key_id
        raise Refusal("missing-key", "authorization")

    def check_body(self, head: Head) -> None:
        """Refuse a body that is too large or not plain JSON, by what its headers say."""
        if head.content_length is not None and head.content_length > self.policy.max_body_bytes:
            raise Refusal("body-too-large")
        media_type = head.content_type.split(b";", 1)[0].strip().lower()
        if media_type not in (b"", b"application/json") or head.content_encoding not in (b"", b"identity"):
            raise Refusal("body-encoding")
