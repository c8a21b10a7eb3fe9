"""HAProxy configurations → their frontends and servers: TLS, whom they ask, what they log.

Source: docs.haproxy.org, configuration manual. Invariants: a section is a unit by its name; a section that sends all on to TLS speaks TLS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privet.check.facts import PRESENT, Fact, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.proxy_sites import Directive, said, site
from privet.check.values import is_loopback

_GUARD: Final = "proxy-auth-removed"
_SECTION: Final = regex(r"(global|defaults|frontend|backend|listen|userlist|peers|resolvers)\b[ \t]*([^\s#]*)")
_WORD: Final = regex(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:\\.|[^\s\"'\\#])+")
_ASKS: Final = regex(
    r"http-request (?:auth|deny|reject)\b.*(?:http_auth|jwt_verify|src\b|ssl_c_)|http-request auth\b|tcp-request .*reject.*\bsrc\b"
)
_CONTENT: Final = regex(
    r"%\[(?:[^\]]*(?:req|res)\.body|[^\]]*(?:cook|hdr\((?:authorization|cookie)))"
    r"|^http-re(?:quest|sponse) capture (?:req|res)\.(?:body|cook|hdr\((?:authorization|cookie))"
    r"|^capture (?:cookie\b|request header (?:authorization|cookie)\b)",
    re.IGNORECASE,
)
"""What puts bodies, keys or cookies into the log: a format, or what is captured, which the usual formats have."""
_ON: Final = regex(r"redirect scheme https(?!.*\b(?:if|unless)\b(?!.*ssl_fc))")


def read(path: str, text: str) -> Reading:
    """Return the sections of a configuration."""
    units: list[Unit] = []
    name, lines = "", list[Directive]()
    for line in re.finditer(r"[^\n]+", text):
        section = _SECTION.match(line[0])
        if section:
            units.extend(_section(path, name, lines))
            name, lines = f"{section[1]} {section[2]}".strip(), []
        words = [] if line[0].lstrip().startswith("#") else list(_WORD.finditer(line[0].partition(" #")[0]))
        if words:
            spans = tuple((line.start() + word.start(), line.start() + word.end()) for word in words)
            lines.append(Directive(tuple(word[0] for word in words), spans, ()))
    units.extend(_section(path, name, lines))
    return Reading(tuple(units))


def _section(path: str, name: str, lines: list[Directive]) -> Iterator[Unit]:
    said_all = [" ".join(one.words) for one in lines]
    sends_on = any(_ON.search(words) for words in said_all)
    facts: list[Fact] = []
    for one, words in zip(lines, said_all, strict=True):
        if one.name == "bind" and len(one.words) > 1:
            host = one.words[1].rpartition(":")[0]
            is_closed = is_loopback(host) or one.words[1].startswith(("/", "unix@"))
            if not is_closed and not sends_on and "accept-proxy" not in one.words:
                facts.append(said(path, "tls", "ssl" in one.words, one))
            if any(line.startswith("stats enable") for line in said_all):
                facts.append(said(path, "admin.closed", is_closed, one))
        elif one.name in {"server", "default-server", "server-template"}:
            inside = is_loopback(one.words[2].rpartition(":")[0]) if len(one.words) > 2 else False
            own = [said(path, "upstream.tls", "ssl" in one.words or inside, one)]
            if "ssl" in one.words:
                own.append(said(path, "upstream.verified", "none" not in one.words[3:], one))
            target = one.words[1] if one.name == "server" else ""
            yield Unit(UnitKind.RESOURCE, f"upstream of {name} {target}", path, *one.place, facts=tuple(own))
        elif _ASKS.search(words):
            yield Unit(UnitKind.GUARD, f"login of {name}", path, *one.place, guard=_GUARD)
        elif one.name in {"log-format", "capture", "http-request", "http-response"} and _CONTENT.search(words):
            facts.append(Fact(Space.KEY, "code:proxy-log-content", PRESENT, path, *one.place))
    if facts:
        tls = [fact for fact in facts if fact.name == "proxy.tls"]
        worst = sorted(tls, key=lambda fact: fact.value != "false", reverse=True)
        start = lines[0].spans[0][0], lines[0].spans[-1][1]
        yield site(path, name, "haproxy", start, [*(fact for fact in facts if fact not in tls), *worst])
