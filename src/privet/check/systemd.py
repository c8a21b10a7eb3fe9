"""systemd units and Quadlets → one unit a file: its directives, its variables and the program it starts.

Source: systemd.syntax(7), systemd.unit(5). A drop-in, `X.service.d/*.conf`, has the name of the unit that it is laid over.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from privet.check.components import of_command, of_image
from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.networks import is_outside
from privet.check.pattern import regex
from privet.check.programs import started
from privet.check.readers import Sibling
from privet.check.words import split

_DROP_IN: Final = regex(r"(?:^|/)([^/]+\.(?:service|socket|timer|slice|scope))\.d/[^/]+\.conf$")
_SECTION: Final = regex(r"^\[(?P<name>[^\]\n]+)\]", re.MULTILINE)
_LINE: Final = regex(r"^(?P<name>[A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(?P<value>(?:[^\n\\]|\\\n|\\[^\n])*)", re.MULTILINE)
_QUOTED: Final = regex(
    r"""(?P<quote>["'])(?P<name>[A-Za-z_]\w*)=(?P<value>[^"'\n]*)(?P=quote)|(?P<plain>[A-Za-z_]\w*)=(?P<rest>"[^"\n]*"|'[^'\n]*'|[^\s"']*)"""
)


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the one unit of a file."""
    name = path.rsplit("/", 1)[-1]
    over = _DROP_IN.search(path)
    name = over[1] if over else name
    sections = [(found.start(), found["name"]) for found in _SECTION.finditer(text)]
    if not sections:
        return Reading()
    facts: list[Fact] = []
    parents: list[str] = []
    components: frozenset[str] = frozenset()
    start, end = sections[0][0], sections[0][0] + len(sections[0][1]) + 2
    for line in _LINE.finditer(text):
        section = next((label for place, label in reversed(sections) if place < line.start()), "")
        directive, value = line["name"], line["value"].strip()
        if directive == "Environment":
            facts.extend(_variables(path, line["value"], line.start("value")))
        elif directive == "EnvironmentFile":
            # The strongest comes first, and that is the last one; an empty one takes all before it away.
            parents = [_environment_file(path, value.lstrip("-"), sibling), *parents] if value else []
        elif directive in {"ExecStart", "Exec"}:
            for command in split(line["value"].lstrip("-@:+!"), line.end("value") - len(line["value"].lstrip("-@:+!"))):
                found, first = of_command(command.texts())
                inside, given = started(command, found, first, path)
                components = components | found | inside
                facts.extend(given)
                start, end = (
                    command.words[0].start if command.words else start,
                    command.words[0].end if command.words else end,
                )
        elif directive == "Image":
            components = components | of_image(value)
        facts.append(
            Fact(Space.KEY, f"systemd.{section}.{directive}", value, path, line.start("value"), line.end("value"))
        )
    facts.extend(_shown(facts))
    provides = (f"over:{name}",) if over else ()
    return Reading(
        (Unit(UnitKind.PROCESS, name, path, start, end, components, tuple(facts), tuple(parents), provides),)
    )


def _environment_file(path: str, name: str, sibling: Sibling) -> str:
    """Return the reference of an environment file: where it is installed, or beside the unit in the repository."""
    beside = posixpath.join(posixpath.dirname(path), posixpath.basename(name))
    return f"file:{beside}" if sibling(beside) is not None else f"file:{name}"


def _shown(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Yield what follows from what a unit says of the network: one without a network reaches nobody."""
    said = {fact.name: fact for fact in facts if fact.space is Space.KEY}
    private, denied = said.get("systemd.Service.PrivateNetwork"), said.get("systemd.Service.IPAddressDeny")
    if private is not None and denied is None and (private.value or "").lower() in {"yes", "true", "on", "1"}:
        yield private._replace(name="systemd.Service.IPAddressDeny", value="any")
    allowed = [fact for fact in facts if fact.name == "systemd.Service.IPAddressAllow" and fact.value]
    outside = [fact for fact in allowed if any(map(is_outside, (fact.value or "").split()))]
    for fact in (outside or allowed)[:1]:
        yield fact._replace(name="systemd.network.inside", value="false" if outside else "true")


def _variables(path: str, value: str, offset: int) -> list[Fact]:
    found = []
    for pair in _QUOTED.finditer(value):
        if pair["quote"]:
            found.append(
                Fact(
                    Space.ENV,
                    pair["name"],
                    pair["value"],
                    path,
                    offset + pair.start("value"),
                    offset + pair.end("value"),
                )
            )
        else:
            found.append(
                Fact(
                    Space.ENV,
                    pair["plain"],
                    pair["rest"].strip("\"'"),
                    path,
                    offset + pair.start("rest"),
                    offset + pair.end("rest"),
                )
            )
    return found
