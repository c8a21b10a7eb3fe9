"""How a line of the rule tables becomes a rule: what is not written in a line follows from its place and its values.

Invariants: a line gives the exact spellings that the program reads; the remedy and the two example files are made here unless the
line has its own; nothing is read and nothing is written.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple, TypedDict, Unpack

from privet.check.facts import Space
from privet.check.rule import Absence, Example, Group, Rule, Severity
from privet.check.rules.examples import examples_of, literal
from privet.check.values import TRUE_WORDS, Values, any_of, only_folded

SAFE: Final = Absence.SAFE
UNSAFE: Final = Absence.UNSAFE
WEAKER: Final = Absence.WEAKER


class Stake(NamedTuple):
    """What is at stake, and how badly."""

    group: Group
    severity: Severity

    @property
    def noted(self) -> Stake:
        """The same, only worth a note."""
        return Stake(self.group, Severity.NOTE)


TELEMETRY: Final = Stake(Group.TELEMETRY, Severity.WARNING)
CONTENT: Final = Stake(Group.CONTENT, Severity.ERROR)
"""What people write or get leaves the program: log, trace, service."""
LOGS: Final = Stake(Group.CONTENT, Severity.WARNING)
"""What surrounds content is logged, or a bound on it is missing."""
DOOR: Final = Stake(Group.EXPOSURE, Severity.ERROR)
GAP: Final = Stake(Group.EXPOSURE, Severity.WARNING)
SENT: Final = Stake(Group.FETCH, Severity.ERROR)
FETCH: Final = Stake(Group.FETCH, Severity.WARNING)
KEPT: Final = Stake(Group.PERSISTENCE, Severity.ERROR)
DISK: Final = Stake(Group.PERSISTENCE, Severity.WARNING)
UPLOAD: Final = Stake(Group.TRAINING, Severity.ERROR)
TRAINING: Final = Stake(Group.TRAINING, Severity.WARNING)
ESCAPE: Final = Stake(Group.DEPLOY, Severity.ERROR)
LAYER: Final = Stake(Group.DEPLOY, Severity.WARNING)
FOREIGN: Final = Stake(Group.CODE, Severity.ERROR)
UNVETTED: Final = Stake(Group.CODE, Severity.WARNING)
DATA: Final = Stake(Group.DATA, Severity.ERROR)
GATE: Final = Stake(Group.GATE, Severity.ERROR)

YES: Final = only_folded(*TRUE_WORDS[:4])
"""Safe are 1, true, yes, on: what switches off a thing is switched on."""
NO: Final = only_folded("0", "false", "no", "off")
"""Safe are 0, false, no, off."""
SWITCHED_ON: Final = any_of("present", *TRUE_WORDS)
"""Unsafe as a bare flag and as a true value of the variable that does the same."""
_ABOUT_WORDS: Final = frozenset(("only", "only-folded", "any-of"))
_SAYS_ITSELF: Final = frozenset((Group.TELEMETRY, Group.CONTENT))


class More(TypedDict, total=False):
    """What a line may say besides: a remedy, examples (a value, or a file), when it changed, whether `--fix` may write it."""

    remedy: str
    hit: str | Example
    miss: str | Example
    since: str
    fix: bool


class Line(NamedTuple):
    """A rule without its component and source."""

    space: Space
    id: str
    names: tuple[str, ...]
    values: Values
    stake: Stake
    absence: Absence
    safe: str
    why: str
    more: More


def env(
    rule_id: str, names: str, values: Values, stake: Stake, absence: Absence, safe: str, why: str, **more: Unpack[More]
) -> Line:
    """Return a line about environment variables, apart by blanks."""
    return Line(Space.ENV, rule_id, tuple(names.split()), values, stake, absence, safe, why, more)


def flag(
    rule_id: str, names: str, values: Values, stake: Stake, absence: Absence, safe: str, why: str, **more: Unpack[More]
) -> Line:
    """Return a line about words of a command line, apart by blanks; `env:NAME` for a variable that does the same."""
    return Line(Space.FLAG, rule_id, tuple(names.split()), values, stake, absence, safe, why, more)


def argument(
    rule_id: str, names: str, values: Values, stake: Stake, absence: Absence, safe: str, why: str, **more: Unpack[More]
) -> Line:
    """Return a line about a keyword of Python calls: `package.call(keyword)`, apart by blanks."""
    return Line(Space.ARGUMENT, rule_id, tuple(names.split()), values, stake, absence, safe, why, more)


def key(
    rule_id: str, names: str, values: Values, stake: Stake, absence: Absence, safe: str, why: str, **more: Unpack[More]
) -> Line:
    """Return a line about keys of a config file or manifest, apart by blanks."""
    return Line(Space.KEY, rule_id, tuple(names.split()), values, stake, absence, safe, why, more)


def read_by(component: str, source: str, *lines: Line) -> tuple[Rule, ...]:
    """Return the rules that one program reads at one place."""
    return tuple(_rule(component, source, line) for line in lines)


def _rule(component: str, source: str, line: Line) -> Rule:
    more = line.more
    return Rule(
        id=line.id,
        component=component,
        space=line.space,
        names=line.names,
        group=line.stake.group,
        severity=line.stake.severity,
        values=line.values,
        absence=line.absence,
        safe=line.safe,
        why=line.why,
        remedy=more.get("remedy") or _remedy(line),
        source=source,
        examples=partial(
            examples_of,
            component,
            line.space,
            line.names,
            line.values,
            line.safe,
            more.get("hit"),
            more.get("miss"),
        ),
        since=more.get("since", ""),
        one_spelling=more.get("fix", _has_one_spelling(line)),
    )


def _has_one_spelling(line: Line) -> bool:
    """Tell whether `--fix` may write the safe value: it is a word of the program's own, and nothing stops working."""
    return bool(line.safe) and line.stake.group in _SAYS_ITSELF and line.values.test in _ABOUT_WORDS


def _remedy(line: Line) -> str:
    name = line.names[0].removeprefix("*.").removeprefix("env:")
    if line.space is Space.ARGUMENT:
        callee, _, keyword = name.partition("(")
        return _call_remedy(callee, keyword.rstrip(")"), line.safe)
    if not line.safe:
        return f"leave {name} out"
    if line.space is Space.FLAG:
        return f"pass {line.safe}" if line.safe.startswith("-") else f"pass {name} {line.safe}"
    return f"set {name} to {line.safe}" if line.space is Space.KEY else f"set {name}={line.safe}"


def _call_remedy(callee: str, keyword: str, safe: str) -> str:
    name = callee if keyword in {"", "=", "0", "1"} else keyword
    if not safe:
        return f"leave {name} out"
    return f"write {name} = {literal(safe)}" if keyword == "=" else f"write {name}={literal(safe)}"
