"""What a proxy does for each of its sites, in one form for nginx and Caddy: whether it speaks TLS, whom it asks, what it logs.

Sources: nginx.org/en/docs/http (ngx_http_core_module, ngx_http_ssl_module, ngx_http_proxy_module, ngx_http_log_module,
ngx_http_access_module), caddyserver.com/docs/automatic-https.

Invariants: a site is a unit by its host name, so that a server that only sends people on to TLS is part of what it serves; a fact says
"true" or "false" where that is known, and is not there where it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.networks import is_outside
from privet.check.pattern import regex
from privet.check.values import is_loopback

HEALTH: Final = regex(
    r"health|ping|ready|live|status|metrics|favicon|robots|well-known|static|assets|\.(?:css|js|png|svg|ico)|login|oauth2?|auth"
)
"""Places of a site that anybody may have."""
_WRITES_QUERY: Final = regex(r"\$(?:request|request_uri|args|query_string|http_referer|arg_\w+)\b")
_HTTPS: Final = regex(r"https://|\$https", re.IGNORECASE)
_ASKING: Final = frozenset(("auth_basic", "auth_request", "auth_jwt"))
_URL: Final = regex(r"(?P<scheme>https?|h2c|grpcs?)://(?P<host>\[[^\]]*\]|[^/:$]+)(?P<rest>.*)")
CADDY_ASKS: Final = frozenset(
    (
        "basic_auth",
        "basicauth",
        "forward_auth",
        "authenticate",
        "authorize",
        "authorize_with",
        "jwtauth",
        "oauth2_proxy",
    )
)
"""Caddy's directives that ask who is calling."""
_PASSING: Final = frozenset(("proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"))
_PREFIX: Final = regex(r"location (?:\^~ )?/.*")
"""A place that takes all that begins as it says; others are one address, or a pattern."""
_LONGEST: Final = 200
_SECURE: Final = frozenset(("https", "grpcs"))


class Directive(NamedTuple):
    """One directive: its words with where they stand, and the words of the blocks around it."""

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    blocks: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """Return its first word."""
        return self.words[0]

    @property
    def place(self) -> tuple[int, int]:
        """Return where its values stand, or where it does itself."""
        return self.spans[1 if len(self.spans) > 1 else 0][0], self.spans[-1][1]


def said(path: str, name: str, value: str | bool, one: Directive) -> Fact:
    """Return what a directive says of its site."""
    text = value if isinstance(value, str) else "true" if value else "false"
    return Fact(Space.KEY, f"proxy.{name}", text, path, *one.place)


def site(path: str, name: str, program: str, place: tuple[int, int], facts: Sequence[Fact]) -> Unit:
    """Return a site as a unit."""
    return Unit(UnitKind.SERVICE, f"site {name}", path, *place, frozenset({f"{program}-site"}), tuple(facts))


def upstream(path: str, name: str, url: str, one: Directive) -> Iterator[Unit]:
    """Yield where a proxy sends what it gets: whether in clear, and whether outside."""
    parts = _URL.match(url)
    if parts:
        host = parts["host"].strip("[]")
        facts = [said(path, "upstream.tls", parts["scheme"] in _SECURE or is_loopback(host), one)]
        if "$" not in url:
            facts.append(said(path, "upstream.inside", not is_outside(host), one))
        yield Unit(UnitKind.RESOURCE, f"upstream of {name}", path, *one.place, facts=tuple(facts))


def nginx(path: str, found: Sequence[Directive]) -> Iterator[Unit]:
    """Yield the sites of an nginx configuration, what they send on, and its formats of logs."""
    servers: dict[tuple[tuple[str, ...], ...], list[Directive]] = {}
    for one in found:
        for depth in range(len(one.blocks), 0, -1):
            if one.blocks[depth - 1][0] == "server":
                servers.setdefault(one.blocks[:depth], []).append(one)
                break
    by_name: dict[str, list[Fact]] = {}
    places: dict[str, tuple[int, int]] = {}
    outer = [one for one in found if all(block[0] not in {"server", "upstream"} for block in one.blocks)]
    for block, inner in servers.items():
        own = [one for one in inner if one.blocks == block]
        name = next((one.words[1] for one in own if one.name == "server_name" and len(one.words) > 1), "_")
        by_name.setdefault(name, []).extend(_server(path, own, inner, outer))
        places.setdefault(name, own[0].spans[0] if own else inner[0].spans[0])
        yield from _locations(path, name, inner, block)
    for name, facts in by_name.items():
        yield site(path, name, "nginx", places[name], _worst(facts))
    for one in found:
        if one.name == "log_format" and len(one.words) > 2:
            fact = said(path, "log.query", bool(_WRITES_QUERY.search(" ".join(one.words[2:]))), one)
            yield Unit(UnitKind.RESOURCE, f"log format {one.words[1]}", path, *one.place, facts=(fact,))


def _worst(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts with those last that count: one server of a name in clear is that name in clear."""
    return sorted(facts, key=lambda fact: (fact.name, (fact.value == "true") == (fact.name not in _BAD)), reverse=True)


_BAD: Final = frozenset(("proxy.log.query",))


def _server(
    path: str, own: Sequence[Directive], inner: Sequence[Directive], outer: Sequence[Directive]
) -> Iterator[Fact]:
    sends_on = any(one.name in {"return", "rewrite"} and _HTTPS.search(" ".join(one.words)) for one in inner)
    sends_on = sends_on and not any(one.name.endswith("_pass") for one in inner)
    listens = [one for one in own if one.name == "listen" and len(one.words) > 1]
    is_on = any(one.words[:2] == ("ssl", "on") for one in own)
    for one in listens:
        if not sends_on and not is_loopback(one.words[1].rpartition(":")[0]) and not one.words[1].startswith("unix:"):
            yield said(path, "tls", is_on or not {"ssl", "quic"}.isdisjoint(one.words[2:]), one)
    log = _last((own, outer), "access_log")
    place = log or (own[0] if own else None)
    if place is not None and not sends_on:
        yield said(path, "quiet", log is not None and log.words[1] == "off", place)


def _locations(path: str, name: str, inner: Sequence[Directive], block: tuple[tuple[str, ...], ...]) -> Iterator[Unit]:
    """Yield what each place of a server sends on, and where it asks less than the server."""
    own = [one for one in inner if one.blocks == block]
    asks = any(one.name in _ASKING and one.words[1:2] != ("off",) for one in own)
    yield from _asked(path, name, inner, block)
    for one in inner:
        where = " ".join(one.blocks[-1][:-1]) if one.blocks != block else "server"
        if one.name in {"proxy_pass", "grpc_pass"} and len(one.words) > 1:
            beside = [other for other in inner if other.blocks == one.blocks]
            for unit in upstream(path, f"{name} {where}", one.words[1], one):
                verifies = _last((beside, own), "proxy_ssl_verify")
                said_of = said(
                    path, "upstream.verified", verifies is not None and "on" in verifies.words, verifies or one
                )
                yield replace(unit, facts=(*unit.facts, *((said_of,) if one.words[1].startswith("https") else ())))
        elif asks and one.name in _ASKING and one.words[1:2] == ("off",) and not HEALTH.search(where):
            yield _sign(path, "proxy-auth-off", f"no login at {name} {where}", one)
        elif one.name == "satisfy" and one.words[1:2] == ("any",):
            yield _sign(path, "proxy-satisfy-any", f"satisfy any at {name} {where}", one)


def _asked(path: str, name: str, inner: Sequence[Directive], block: tuple[tuple[str, ...], ...]) -> Iterator[Unit]:
    """Yield whether each place of a server that asks anywhere is asked for a login: what stands in one place does nothing for another."""
    asking: dict[tuple[tuple[str, ...], ...], bool] = {}
    for one in inner:
        if one.name in _ASKING:
            asking[one.blocks] = asking.get(one.blocks, False) or one.words[1:2] != ("off",)
    if True not in asking.values():
        return  # that nothing asks any more is told of the whole site
    passing = {one.blocks: one for one in reversed(inner) if one.name in _PASSING and one.blocks != block}
    internal = {one.blocks for one in inner if one.name == "internal"}
    prefixes = {blocks[-1][-2]: blocks for blocks in passing if _PREFIX.fullmatch(" ".join(blocks[-1][:-1]))}
    for blocks, one in passing.items():
        where = " ".join(blocks[-1][:-1])
        if "@" in where or HEALTH.search(where) or blocks in internal:
            continue
        is_asked = next(
            (asking[blocks[:depth]] for depth in range(len(blocks), 0, -1) if blocks[:depth] in asking), False
        )
        own = blocks[-1][-2] if len(blocks[-1]) > 1 else ""
        shorter = (own[:length] for length in range(min(len(own), _LONGEST) - 1, 0, -1))
        wider = next((text for text in shorter if text in prefixes), "/" if own != "/" and "/" in prefixes else "")
        over = (path, f"login at {name} {' '.join(prefixes[wider][-1][:-1])}") if wider else ("", "")
        # What an `off` or a new place without a login does is told as such.
        if blocks not in asking or is_asked:
            facts = (said(path, "place.asks", is_asked, one),)
            yield Unit(UnitKind.RESOURCE, f"login at {name} {where}", path, *one.place, facts=facts, over=over)


def _sign(path: str, rule: str, name: str, one: Directive) -> Unit:
    fact = Fact(Space.KEY, f"code:{rule}", PRESENT, path, *one.place)
    return Unit(UnitKind.RESOURCE, name, path, *one.place, facts=(fact,))


def _last(levels: Iterable[Sequence[Directive]], name: str) -> Directive | None:
    """Return what holds of a directive: the innermost level's last."""
    return next((one for some in levels for one in reversed(some) if one.name == name and len(one.words) > 1), None)


def caddy(path: str, found: Sequence[Directive]) -> Iterator[Unit]:
    """Yield the sites of a Caddyfile and what they send on."""
    heads = {one.blocks[0]: one for one in reversed(found) if one.blocks and len(one.blocks[0]) > 1}
    for block, first in heads.items():
        head = next((one for one in found if one.words == block[:-1] and not one.blocks), first)
        if block[0].startswith(("(", "@", "&")) or not any(one.blocks[:1] == (block,) for one in found):
            continue
        inner = [one for one in found if one.blocks[:1] == (block,)]
        addresses = [word.strip(",") for word in block[:-1] if word != ","]
        has_tls = any(one.name == "tls" and len(one.blocks) == 1 for one in inner)
        is_secure = all(map(_is_secure, addresses)) or has_tls
        name = _bare(addresses[0])
        if not all(is_loopback(_bare(address).rpartition(":")[0] or _bare(address)) for address in addresses):
            span = head.spans[0][0], head.spans[-1][1]
            place = Directive(head.words[:1], (span,), ())
            yield site(path, name, "caddy", span, [said(path, "tls", is_secure, place)])
        for one in inner:
            if one.name == "reverse_proxy":
                url = next((word for word in one.words[1:] if "://" in word), "")
                yield from upstream(path, f"{name} {_matcher(one)}", url, one)
        yield from _asked_by_caddy(path, name, inner)


def _matcher(one: Directive) -> str:
    return one.words[1] if len(one.words) > 1 and one.words[1][:1] in {"/", "@", "*"} else ""


def _asked_by_caddy(path: str, name: str, inner: Sequence[Directive]) -> Iterator[Unit]:
    """Yield whether what a site sends on is asked for a login, where it asks anywhere: a login with a matcher asks at some places only."""
    asking = [one for one in inner if one.name in CADDY_ASKS]
    if not asking:
        return
    for one in inner:
        if one.name != "reverse_proxy":
            continue
        matcher = _matcher(one)
        where = " ".join((*(" ".join(block[:-1]) for block in one.blocks[1:]), matcher)).strip() or "all"
        if HEALTH.search(where):
            continue
        around = [login for login in asking if one.blocks[: len(login.blocks)] == login.blocks]
        is_asked = any(_matcher(login) == matcher or _takes_all(_matcher(login), inner) for login in around)
        facts = (said(path, "place.asks", is_asked, one),)
        yield Unit(UnitKind.RESOURCE, f"login at {name} {where}", path, *one.place, facts=facts)


def _takes_all(matcher: str, inner: Sequence[Directive]) -> bool:
    """Tell whether a matcher leaves out nothing that is anybody's business: none, all paths, or all but places of health and files."""
    if matcher in {"", "*", "/*"}:
        return True
    if not matcher.startswith("@"):
        return False
    said_of = [one.words[1:] for one in inner if one.name == matcher]
    said_of += [one.words for one in inner if len(one.blocks) > 1 and one.blocks[-1][0] == matcher]
    left_out = [words for words in said_of if words[:1] == ("not",)]
    is_named = any(words and words[0] != "not" for words in said_of)
    return not is_named and all(HEALTH.search(word) for words in left_out for word in words[2:])


def _bare(address: str) -> str:
    return re.sub(r"^https?://", "", address).partition("/")[0]


def _is_secure(address: str) -> bool:
    """Tell whether Caddy serves an address by TLS: one with a name of a host, whoever makes its certificate."""
    host, _, port = _bare(address).partition(":")
    if address.startswith("https://") or port == "443":
        return True
    return not (address.startswith("http://") or port == "80" or not host)
