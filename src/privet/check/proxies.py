"""Caddyfiles and nginx configurations → their settings, and what asks for a password or keeps addresses out.

Sources: nginx.org/en/docs (beginner's guide, "Configuration File's Structure"), caddyserver.com/docs/caddyfile/concepts.

Invariants: linear time, no recursion; a guard is named by the site or server that it is for, so that moving it within one is no loss;
of a password or a hash nothing is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.networks import are_everywhere, is_everywhere
from privet.check.nginx_includes import included
from privet.check.pattern import regex
from privet.check.proxy_sites import Directive, caddy, nginx
from privet.check.readers import Sibling

_GUARD: Final = "proxy-auth-removed"
_TOKEN: Final = regex(
    r"""(?P<blank>[ \t\r]+|\\\r?\n)|(?P<comment>\#[^\n]*)|(?P<line>\n)|(?P<end>;)"""
    r"""|(?P<word>(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\$?\{[\w.$:*-]+\}|\\.|[^\s;{}"'\\])+)|(?P<open>\{)|(?P<close>\})|(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_MAX_DEPTH: Final = 100
_MAX_IMPORTS: Final = 5
"""How deep snippets import snippets."""
_MAX_DIRECTIVES: Final = 20_000
_NGINX: Final = regex(r"^[ \t]*(?:server|http|upstream|location\b[^\n{;]*)[ \t]*\{", re.MULTILINE)
_ASKS: Final = frozenset(
    ("auth_basic", "auth_request", "auth_jwt", "auth_digest", "basic_auth", "basicauth", "forward_auth", "authenticate", "authorize",
     "authorize_with", "jwtauth", "client_auth", "oauth2_proxy", "access_by_lua_file")
)  # fmt: skip
"""Directives that ask who is calling."""


def is_nginx(text: str) -> bool:
    """Tell whether a text is an nginx configuration."""
    return bool(_NGINX.search(text)) and ";" in text


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the settings of a proxy as one unit, its sites, and its guards."""
    if "haproxy" in path.rsplit("/", 1)[-1].lower():
        from privet.check import haproxy

        return haproxy.read(path, text)
    is_caddy = "caddy" in path.rsplit("/", 1)[-1].lower()
    found = list(_directives(text, by_line=is_caddy))
    facts = [
        Fact(Space.KEY, one.name, None if _asks(one) else " ".join(one.words[1:]), path, *one.place) for one in found
    ]
    found = _imported(found) if is_caddy else included(path, found, sibling, partial(_directives, by_line=False))
    names = _names(found, is_caddy=is_caddy)
    units = [
        Unit(UnitKind.GUARD, f"login of {_site(one, names)}", path, *one.place, guard=_GUARD)
        for one in found
        if _asks(one)
    ]
    for block in _denying(found):
        start, end = block.spans[0][0], block.spans[-1][1]
        units.append(Unit(UnitKind.GUARD, f"addresses let in by {_site(block, names)}", path, start, end, guard=_GUARD))
    units.extend((caddy if is_caddy else nginx)(path, found))
    component = frozenset({"caddy" if is_caddy else "nginx"})
    if facts:
        units.append(Unit(UnitKind.CONFIG, path.rsplit("/", 1)[-1], path, 0, 0, component, tuple(facts)))
    return Reading(tuple(units))


def _imported(found: list[Directive]) -> list[Directive]:
    """Return what sites do, with each snippet of the file where it is imported: in itself it does nothing."""
    snippets: dict[str, list[Directive]] = {}
    for one in found:
        name = one.blocks[0][0] if one.blocks else ""
        if name.startswith("(") and name.endswith(")"):
            snippets.setdefault(name[1:-1], []).append(one)
    written = {f"({name})" for name in snippets}
    own = [one for one in found if not one.blocks or one.blocks[0][0] not in written]
    for _ in range(_MAX_IMPORTS):
        taken = [snippets.get(one.words[1], []) if one.name == "import" and len(one.words) > 1 else [] for one in own]
        if not any(taken) or sum(map(len, taken)) > _MAX_DIRECTIVES:
            break
        own = [
            more
            for one, some in zip(own, taken, strict=True)
            for more in ([inner._replace(blocks=(*one.blocks, *inner.blocks[1:])) for inner in some] or [one])
        ]
    return own


def _asks(one: Directive) -> bool:
    return one.words[0] in _ASKS and one.words[1:2] != ("off",)


def _denying(found: list[Directive]) -> Iterator[Directive]:
    """Yield what keeps addresses out: `deny all` after which nobody was let in, a certificate that is asked for, a matcher of addresses."""
    allowed: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for one in found:
        if one.name == "allow":
            allowed.setdefault(one.blocks, []).extend(one.words[1:])
    opened = {blocks for blocks, words in allowed.items() if "all" in words or are_everywhere(words)}
    for one in found:
        is_closed = one.words[:2] == ("deny", "all") and one.blocks not in opened
        is_asked = one.words[0] == "ssl_verify_client" and one.words[1:2] == ("on",)
        is_matched = not {"remote_ip", "client_ip"}.isdisjoint(one.words) and not any(map(_is_anyone, one.words))
        if is_closed or is_asked or is_matched:
            yield one


def _is_anyone(word: str) -> bool:
    return word == "all" or is_everywhere(word)


def _names(found: list[Directive], *, is_caddy: bool) -> dict[tuple[tuple[str, ...], ...], str]:
    """Return the names of nginx's servers by the blocks around them."""
    if is_caddy:
        return {}
    return {one.blocks: one.words[1] for one in found if one.words[0] == "server_name" and len(one.words) > 1}


def _site(one: Directive, names: dict[tuple[tuple[str, ...], ...], str]) -> str:
    for depth in range(len(one.blocks), 0, -1):
        if one.blocks[:depth] in names:
            return names[one.blocks[:depth]]
    return " ".join(one.blocks[0][:1]) if one.blocks else "all sites"


def _directives(text: str, *, by_line: bool) -> Iterator[Directive]:
    """Yield directives in order; one ends at a semicolon, at a line's end (`by_line`), or where its block begins."""
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    blocks: list[tuple[str, ...]] = []
    numbers = 0
    for token in _TOKEN.finditer(text):
        ends = token["end"] or token["open"] or token["close"] or (token["line"] and by_line)
        if token["word"]:
            words.append(_unquoted(token["word"]))
            spans.append(token.span())
        if not ends:
            continue
        if words:
            yield Directive(tuple(words), tuple(spans), tuple(blocks))
        if token["open"]:
            numbers += 1
            if len(blocks) == _MAX_DEPTH:
                return
            # Two servers without a name of their own are two.
            blocks.append((*words, f"#{numbers}"))
        elif token["close"] and blocks:
            blocks.pop()
        words, spans = [], []
    if words:
        yield Directive(tuple(words), tuple(spans), tuple(blocks))


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word
