"""What a repository says about a setting, and where: the one shape that every reader writes and every rule reads.

Invariants:

- A fact knows the exact characters that hold its value, so that a finding has a column and a fix is a splice.
- A unit's name does not depend on its path, on the order of keys or on quoting, so that a moved file is the same unit.
- A repr shows no value: an environment file may hold secrets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class Space(StrEnum):
    """What kind of thing has the name."""

    ENV = "env"
    """An environment variable: `VLLM_NO_USAGE_STATS`."""
    FLAG = "flag"
    """A word of a program's command line, as written: `--host`."""
    ARGUMENT = "argument"
    """A keyword of a Python call, `transformers.TrainingArguments(report_to)`; the call itself is `torch.load()`, value "present"."""
    KEY = "key"
    """A dotted path in a config file or manifest: `service.enable_tls`, `container.securityContext.privileged`; lists end in `[]`."""


class Fact(NamedTuple):
    """One setting in one place.

    `value` is what the program would read, quotes and escapes resolved (booleans and numbers as spelled, null as ""); None where it is
    known only at run time. `start` and `end` are offsets in code points of the file's text: of the value with its quotes, or
    of the name where there is no value.
    """

    space: Space
    name: str
    value: str | None
    path: str
    start: int
    end: int

    def __repr__(self) -> str:
        return f"Fact({self.space.value} {self.name} at {self.path}:{self.start}-{self.end})"


class UnitKind(StrEnum):
    """What a unit is; says how it is matched between two sides of a change."""

    SERVICE = "service"
    """A compose service."""
    CONTAINER = "container"
    """A container of a Kubernetes workload; carries what its pod sets."""
    RESOURCE = "resource"
    """Another Kubernetes object: Service, Ingress, NetworkPolicy, Namespace."""
    IMAGE = "image"
    """A stage of a Dockerfile."""
    PROCESS = "process"
    """A program that a script, a CI step or a systemd unit starts."""
    JOB = "job"
    """A CI job or workflow."""
    CALL = "call"
    """A call in Python."""
    ENVIRONMENT = "environment"
    """Variables for whoever reads the file: .env, ConfigMap, exports of a script, `os.environ` of a module."""
    CONFIG = "config"
    """A program's configuration file."""
    CODE = "code"
    """What a Python module does with values, lists and addresses; for comparing two sides only."""
    DEFAULT = "default"
    """What a Python module sets when nobody says otherwise; for comparing two sides only."""
    GUARD = "guard"
    """A protection whose loss is a weakening in itself; see `Unit.guard`."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that runs or is configured, with everything that the repository sets for it."""

    kind: UnitKind
    name: str
    """Identity without the path: `api`, `deployment/llm/server`, `final`, `train.main:TrainingArguments#1`."""
    path: str
    start: int
    end: int
    """What to point at when something is missing: the service's name, the call's callee, the stage's FROM."""
    components: frozenset[str] = frozenset()
    """Programs and libraries known to be at work here, by image, command, import or file name; see `components.py`."""
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    """In order; of one name the last counts, except lists (`[]`), which count together."""
    parents: tuple[str, ...] = ()
    """References to units whose environment this one inherits, the strongest first: `file:deploy/.env`, `image:Dockerfile`,
    `stage:Dockerfile:base`, `configmap:NAME`. A path is relative to the repository."""
    provides: tuple[str, ...] = ()
    """The references that this unit answers to."""
    guard: str = ""
    """For a GUARD: the id of the rule that is broken when no unit of this kind and name is there any more."""
    over: tuple[str, str] = ("", "")
    """Path and name of the unit that this one is a variant of: where it is new, it is compared with that one."""


class Note(NamedTuple):
    """A file that could not be read, or only in part: never the same as clean."""

    path: str
    line: int
    message: str


class Reading(NamedTuple):
    """What a reader made of one file."""

    units: tuple[Unit, ...] = ()
    notes: tuple[Note, ...] = ()


PRESENT: Final = "present"
NEEDS: Final = "code:needs"
"""The setting without which a guard does nothing."""
NEVER: Final = "\0never"
"""Stands for a setting that nobody can switch on."""
