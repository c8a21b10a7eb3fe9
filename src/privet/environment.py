"""The environment that a program gets: known programs told to keep data at home, secrets and ways outside left out.

Invariants:

- Whatever comes in, every setting of the catalogue holds in what comes out, except those that an exception for their host frees and
  those the caller names one by one.
- No variable whose name or value is shaped like a secret comes out unless it was named.
- Everything else passes unchanged: PATH, HOME, LANG, VIRTUAL_ENV, CUDA_*, LD_LIBRARY_PATH. LD_PRELOAD, PYTHONSTARTUP and BASH_ENV, too:
  they bring allocators and the user's own code, and the lock holds whatever code runs.
- Doing it twice changes nothing more, and no text made here shows a value that was not made here.
"""

from __future__ import annotations

from privet.environment_agents import AGENTS, TRACES
from privet.environment_models import HUBS, SERVING, SHARED, TRACKING
from privet.environment_secrets import is_withheld
from privet.environment_setting import KINDS, Setting
from privet.environment_tools import BUILDS, CLOUDS, HISTORIES, PIPELINES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Final

CATALOGUE: Final[tuple[Setting, ...]] = (
    *SHARED, *SERVING, *HUBS, *TRACKING, *TRACES, *AGENTS, *CLOUDS, *PIPELINES, *BUILDS, *HISTORIES
)  # fmt: skip
_KNOWN: Final = {setting.name: setting for setting in CATALOGUE}


class Safe:
    """What a program gets, and how it differs from what its caller has, as sorted names.

    `added` was not there, `corrected` had a weaker value and was replaced or taken out, `withheld` are secrets and ways outside.
    """

    __slots__ = ("added", "corrected", "environment", "withheld")

    def __init__(
        self, environment: dict[str, str], added: list[str], corrected: list[str], withheld: list[str]
    ) -> None:
        self.environment = environment
        self.added, self.corrected, self.withheld = map(tuple, map(sorted, (added, corrected, withheld)))

    def __repr__(self) -> str:
        # The environment may hold secrets that the caller named.
        return f"Safe(added={len(self.added)}, corrected={self.corrected}, withheld={len(self.withheld)})"


def safe(environment: Mapping[str, str], *, passed: Collection[str] = (), reachable: Collection[str] = ()) -> Safe:
    """Return the environment for a program.

    Args:
        environment: the caller's own.
        passed: names that the caller wants passed on exactly as they are.
        reachable: hosts that exceptions open; settings that only keep a program from them do not apply.

    """
    result: dict[str, str] = {}
    withheld: list[str] = []
    for name, value in environment.items():
        if name in passed or name in _KNOWN or not is_withheld(name, value):
            result[name] = value
        else:
            withheld.append(name)
    added: list[str] = []
    corrected: list[str] = []
    hosts = frozenset(host.lower() for host in reachable)
    for setting in CATALOGUE:
        name = setting.name
        old = result.get(name)
        if setting.holds(old) or name in passed or not hosts.isdisjoint(setting.hosts):
            continue
        (added if old is None else corrected).append(name)
        if setting.value is None:
            del result[name]
        else:
            result[name] = setting.value
    return Safe(result, added, corrected, withheld)


def shell(result: Safe, current: Mapping[str, str]) -> str:
    """Return the text that brings a POSIX shell from its current environment to the safe one: `eval "$(privet env)"`."""
    from shlex import quote

    lines = [
        f"export {name}={quote(value)}\n"
        for name, value in sorted(result.environment.items())
        if current.get(name) != value and _is_identifier(name)
    ]
    gone = sorted(name for name in current if name not in result.environment)
    lines += [f"unset {name}\n" for name in gone if _is_identifier(name)]
    odd = sum(not _is_identifier(name) for name in gone)
    if odd:
        lines.append(f"# {odd} with names that a shell cannot unset\n")
    return "".join(lines)


def _is_identifier(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def difference(result: Safe) -> str:
    """Return what was added, corrected and withheld, a line each, for people; no value of the caller's is shown."""
    lines = [_line("added", name, result) for name in result.added]
    lines += [_line("corrected", name, result) for name in result.corrected]
    lines += [f"withheld   {shown(name)}\n" for name in result.withheld]
    return "".join(lines)


def _line(what: str, name: str, result: Safe) -> str:
    from shlex import quote

    setting = _KNOWN[name]
    now = (
        f"{name}={quote(setting.value)}"
        if name in result.environment and setting.value is not None
        else f"{name} unset"
    )
    return f"{what:<10} {now}  ({', '.join(setting.programs)}: {setting.stops})\n"


def shown(name: str) -> str:
    """Return a variable's name for a terminal: a name may hold anything but `=`."""
    return name if name.isascii() and name.isprintable() else ascii(name)


def as_json(result: Safe) -> dict[str, object]:
    """Return the difference for machines: what to set, what to unset, and why."""
    settings = sorted((*result.added, *result.corrected))
    return {
        "set": {name: result.environment[name] for name in settings if name in result.environment},
        "unset": sorted((*(name for name in settings if name not in result.environment), *result.withheld)),
        "added": list(result.added),
        "corrected": list(result.corrected),
        "withheld": list(result.withheld),
    }


def environment_page() -> str:
    """Return docs/environment.md's reference: every setting with its programs and where its reading was seen."""
    parts = []
    for kind in KINDS:
        rows = [setting for setting in CATALOGUE if setting.kind == kind]
        parts.append(f"### {kind.capitalize()}\n\n{_table(sorted(rows, key=lambda row: row.name))}")
    return "\n".join(parts)


def _table(rows: Iterable[Setting]) -> str:
    lines = ["| variable | value | as safe | programs | switches off | seen in |\n", "|---|---|---|---|---|---|\n"]
    for row in rows:
        value = "unset" if row.value is None else "empty" if not row.value else f"`{row.value}`"
        kept = ", ".join(
            f"`{each}`" if " " not in each else each for each in row.as_safe if each not in ("", row.value)
        )
        stops = row.stops + (f"; not where {row.hosts[0]} is opened" if row.hosts else "")
        lines.append(f"| `{row.name}` | {value} | {kept} | {', '.join(row.programs)} | {stops} | {row.source} |\n")
    return "".join(lines)
