"""Traefik's routers, from labels of containers and from files → whether they speak TLS, and whom they ask.

Source: doc.traefik.io, "Routers", "Docker". Invariants: a router is a unit by its name; where an entry point makes TLS for all, a router
need not say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.networks import are_everywhere
from privet.check.pattern import regex
from privet.check.proxy_sites import HEALTH
from privet.check.yaml_facts import keys
from privet.check.yaml_nodes import Mapping

_ROUTER: Final = regex(
    r"(?:.*\.)?(?:traefik\.)?http\.routers\.(?P<router>[^.]+)\.(?P<key>tls|entrypoints|middlewares|rule|service)(?:\[\]|\..*)?",
    re.IGNORECASE,
)
_ADDRESSES: Final = regex(
    r"(?:.*\.)?(?:traefik\.)?http\.middlewares\.(?P<name>[^.]+)\.ip(?:allow|white)list\.sourcerange(?:\[\])?",
    re.IGNORECASE,
)
_MOST: Final = 300
"""So many routers of one file are compared with one another."""
_PLAIN: Final = frozenset(("web", "http", "insecure"))
_AUTH: Final = regex(
    r"auth|oidc|oauth|jwt|login|sso|chain|ip-?(?:allow|white)|allow-?list|authelia|authentik|secure", re.IGNORECASE
)
_ENTRY: Final = regex(r"entry-?points\.\w+\.http\.tls", re.IGNORECASE)
_PREFIX: Final = regex(r"PathPrefix\([`\"']([^`\"'()]*)[`\"']\)")
_PATH: Final = regex(r"Path(?:Prefix)?\([`\"']([^`\"'()]*)[`\"']\)")
_YES: Final = frozenset(("", "{}", "true", "1", "yes", "on"))


def of_labels(labels: Mapping, text: str) -> Iterator[Unit]:
    """Yield the routers that labels make; `text` is the file in which an entry point may make TLS for all."""
    if any(name.startswith("traefik.") for name in labels.pairs):
        facts = list(keys(labels, ""))
        yield from _routers(facts, makes_tls=bool(_ENTRY.search(text)))
        yield from _address_lists(facts)


def of_file(document: Mapping) -> Iterator[Unit]:
    """Yield the routers of a file of Traefik's."""
    if isinstance(document.get("http", "routers"), Mapping) or isinstance(document.get("http", "middlewares"), Mapping):
        facts = list(keys(document, ""))
        yield from _routers(facts, makes_tls=False)
        yield from _address_lists(facts)


def _address_lists(facts: Iterable[Fact]) -> Iterator[Unit]:
    """Yield whether each list of addresses that a middleware lets in still keeps anybody out."""
    lists: dict[str, list[Fact]] = {}
    for fact in facts:
        found = _ADDRESSES.fullmatch(fact.name)
        if found and fact.value:
            lists.setdefault(found["name"], []).append(fact)
    for name, listed in lists.items():
        texts = [text.strip() for fact in listed for text in (fact.value or "").split(",")]
        place = listed[-1]
        fact = place._replace(name="proxy.place.asks", value="false" if are_everywhere(texts) else "true")
        yield Unit(UnitKind.RESOURCE, f"addresses of {name}", place.path, place.start, place.end, facts=(fact,))


def _routers(facts: Iterable[Fact], *, makes_tls: bool) -> Iterator[Unit]:
    by_router: dict[str, dict[str, list[Fact]]] = {}
    for fact in facts:
        found = _ROUTER.fullmatch(fact.name)
        if found:
            by_router.setdefault(found["router"], {}).setdefault(found["key"].lower(), []).append(fact)
    rules = {
        name: parts_of(" && ".join(fact.value or "" for fact in said.get("rule", ())))
        for name, said in by_router.items()
    }
    for name, said in by_router.items():
        place = next(iter(said.values()))[0]
        yield Unit(
            UnitKind.SERVICE,
            f"router {name}",
            place.path,
            place.start,
            place.end,
            frozenset({"traefik-router"}),
            (_tls(said, place, makes_tls=makes_tls), _auth(said, place)),
            over=_wider(name, rules, place.path),
        )


def _wider(name: str, rules: dict[str, frozenset[str]], path: str) -> tuple[str, str]:
    """Return the router that takes what this one does, and more: a new one beside it is judged by it."""
    own = rules[name]
    few = rules if len(rules) <= _MOST else {}
    others = [other for other, parts in few.items() if other != name and is_wider_rule(parts, own)]
    return (path, f"router {max(others, key=lambda other: len(rules[other]))}") if others else ("", "")


def parts_of(rule: str) -> frozenset[str]:
    """Return what a rule asks for together; nothing for one with alternatives, or for places that anybody may have."""
    bare = re.sub(r"\s", "", rule)
    parts = frozenset(filter(None, bare.split("&&")))
    is_for_all = any(part.startswith("Path") and HEALTH.search(part) for part in parts)
    return frozenset() if "||" in bare or is_for_all else parts


def is_wider_rule(parts: frozenset[str], own: frozenset[str]) -> bool:
    """Tell whether a rule fits whatever another one does: it asks for less, or for the beginning of the same path."""
    return bool(parts) and own != parts and all(part in own or any(_begins(part, one) for one in own) for part in parts)


def _begins(part: str, other: str) -> bool:
    was, now = _PREFIX.fullmatch(part), _PATH.fullmatch(other)
    return was is not None and now is not None and now[1].startswith(was[1])


def _tls(said: dict[str, list[Fact]], place: Fact, *, makes_tls: bool) -> Fact:
    own = said.get("tls", [])
    is_on = any(not fact.name.lower().endswith("tls") or (fact.value or "").lower() in _YES for fact in own)
    entries = said.get("entrypoints", [])
    plain = [fact for fact in entries if any(word.strip().lower() in _PLAIN for word in (fact.value or "").split(","))]
    at = plain[0] if plain else own[0] if own else place
    value = "true" if (is_on or makes_tls) and not plain else "false"
    return Fact(Space.KEY, "proxy.tls", value, at.path, at.start, at.end)


def _auth(said: dict[str, list[Fact]], place: Fact) -> Fact:
    listed = said.get("middlewares", [])
    asks = [fact for fact in listed if fact.value is None or _AUTH.search(fact.value)]
    at = (asks or listed or [place])[0]
    return Fact(Space.KEY, "proxy.asks", "true" if asks else "false", at.path, at.start, at.end)
