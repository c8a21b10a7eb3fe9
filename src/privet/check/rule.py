"""One row of the rule tables: a setting of one program, which values weaken privacy, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from privet.check.facts import Space
from privet.check.values import Values


class Group(StrEnum):
    """What is at stake; the class of the report's table."""

    TELEMETRY = "telemetry"
    CONTENT = "content-logging"
    EXPOSURE = "exposure"
    FETCH = "network-fetch"
    PERSISTENCE = "persistence"
    TRAINING = "training"
    DEPLOY = "deploy"
    CODE = "untrusted-code"
    DATA = "data"
    GATE = "gate"


class Severity(StrEnum):
    """How much weaker: an error sends content or opens a door, a warning removes a layer, a note is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Absence(StrEnum):
    """What it means that nothing sets it, where the component is at work."""

    SAFE = "safe"
    """The program's own default is safe: removing the line is no weakening."""
    UNSAFE = "unsafe"
    """The default is unsafe and this is worth a finding of its own wherever the component runs: phones home unless told not to."""
    WEAKER = "weaker"
    """The default is weaker than a safe setting: removing one is a weakening, never having had one is no finding."""


class Example(NamedTuple):
    """A file that a test writes into an empty repository: name and content."""

    path: str
    text: str


class Rule(NamedTuple):
    """A row. `names` are spellings of the same setting (see `Space` for their form); a leading `*.` stands for any owner."""

    id: str
    component: str
    space: Space
    names: tuple[str, ...]
    group: Group
    severity: Severity
    values: Values
    absence: Absence
    safe: str
    """What to write instead, as the program reads it; "" where the line should go or where there is no one safe spelling."""
    why: str
    """One sentence, no full stop: what happens to whose data."""
    remedy: str
    source: str
    """File of a release in which the reading was seen, a specification, or `documentation PAGE`."""
    examples: Callable[[], tuple[Example, Example]]
    """Makes the two below: only tests and pages want them, and a check does not wait for a thousand."""
    since: str = ""
    """Where it changed between versions: `"none" since transformers 5, "all" before`."""
    one_spelling: bool = False
    """Whether `--fix` may write `safe` (or take the line out) without being asked what was meant."""

    @property
    def hit(self) -> Example:
        """A file in which it is found."""
        return self.examples()[0]

    @property
    def miss(self) -> Example:
        """The same file without it."""
        return self.examples()[1]
