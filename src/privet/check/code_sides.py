"""The CODE units of one side, by what they say: values and where they go, lists, addresses, models.

Invariant: order decides nothing but which of several equal places is pointed at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from privet.check.facts import Fact, Unit, UnitKind
from privet.check.python_changes import SETTLED, flows_of, may_lose, takes_steps

Key = tuple[str, str, str]


class Flow(NamedTuple):
    """The places to which a value goes after a step, after one in some cases only, and as it is."""

    taken: list[Fact]
    perhaps: list[Fact]
    bare: list[Fact]
    encrypted: list[Fact]
    """Those of `taken` whose step encrypts."""

    def worse(self, before: Flow) -> Fact | None:
        """Return a place at which less is done to the value than before."""
        was_taken, were_perhaps, was_bare = len(before.taken), len(before.perhaps), len(before.bare)
        if len(self.bare) > was_bare and (
            not was_bare or len(self.taken) + len(self.perhaps) < was_taken + were_perhaps
        ):
            return self.bare[was_bare]
        if len(self.perhaps) > were_perhaps and len(self.taken) < was_taken:
            return self.perhaps[were_perhaps]
        return None


def _no_flow() -> Flow:
    return Flow([], [], [], [])


class Listed(NamedTuple):
    """One list."""

    items: tuple[str, ...]
    fact: Fact


@dataclass(slots=True)
class CodeFile:
    """What one module does."""

    path: str
    text: str | None = field(default=None, repr=False)
    """The source, until it is known where its values go."""
    settled: str = ""
    """Which conditions of it are known."""
    flows: dict[Key, Flow] = field(default_factory=lambda: defaultdict(_no_flow))
    defs: dict[str, Fact] = field(default_factory=dict)
    decorated: set[str] = field(default_factory=set)
    lists: dict[tuple[str, str], list[Listed]] = field(default_factory=lambda: defaultdict(list))
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Functions with the steps that they take."""
    local: list[Fact] = field(default_factory=list)
    hosted: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))

    @property
    def takes_steps(self) -> bool:
        """Tell whether a step may be taken in this module."""
        return self.text is None or takes_steps(self.text)

    @property
    def may_lose(self) -> bool:
        """Tell whether a step may be taken in this module, by a look that is cheaper than where its values go."""
        return self.text is None or may_lose(self.text)

    @property
    def has_something(self) -> bool:
        """Tell whether a value goes through a step here, or something is taken out of records: what can be lost."""
        return (
            bool(self.decorated)
            or any(flow.taken or flow.perhaps for flow in self.flows.values())
            or any(what in {"taken", "does"} for what, _ in self.lists)
        )

    def flow(self, old: CodeFile, label: str, place: str, core: str) -> Flow:
        """Return where a value of the old side goes now; where its function has another name, in the functions that are new."""
        if not label or label in self.defs:
            return self.flows.get((label, place, core)) or _no_flow()
        found = _no_flow()
        for (other, its_place, its_core), flow in self.flows.items():
            if its_place == place and its_core == core and other not in old.defs:
                for part, more in zip(found, flow, strict=True):
                    part.extend(more)
        return found


class CodeSide:
    """All modules of one side that were read."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.files: list[CodeFile] = []
        self.steps: Counter[str] = Counter()
        self.steps_of: Counter[str] = Counter()
        self.taken_keys: set[Key] = set()
        self.listed: list[tuple[tuple[str, str], str]] = []
        self.lists: set[tuple[str, str]] = set()
        self.addresses: dict[str, tuple[int, Fact]] = {}
        self.local: list[Fact] = []
        self._digests: dict[str, set[str]] = defaultdict(set)
        self._names: Counter[str] = Counter()
        for unit in units:
            if unit.kind is UnitKind.CODE:
                self.files.append(self._file(unit))

    def _file(self, unit: Unit) -> CodeFile:
        file = CodeFile(unit.path)
        if unit.facts and unit.facts[0].name == "text":
            file.text = unit.facts[0].value
            file.settled = next((fact.value or "" for fact in unit.facts if fact.name == SETTLED), "")
        self._take(file, unit.facts)
        return file

    def look_at(self, file: CodeFile) -> None:
        """Read where a module's values go, once."""
        if file.text is not None:
            text, file.text = file.text, None
            self._take(file, flows_of(file.path, text, file.settled))

    def _take(self, file: CodeFile, facts: Iterable[Fact]) -> None:
        for fact in facts:
            first, _, rest = (fact.value or "").partition("\0")
            if fact.name == "flow":
                self._flow(file, first, rest, fact)
            elif fact.name == "step":
                self._step(file, first, rest.partition("\0")[2])
            elif fact.name == "def":
                file.defs[first] = fact
                digest = rest.partition("\0")[2]
                self._digests[first.rpartition(".")[2]].update((digest,) if digest else ())
            elif fact.name == "list":
                self._list(file, first, rest, fact)
            elif fact.name == "address":
                known = self.addresses.get(rest)
                if known is None or int(first) < known[0]:
                    self.addresses[rest] = (int(first), fact)
            elif fact.name == "model":
                self._model(file, first, rest, fact)
            elif fact.name == "uses":
                self._names.update((fact.value or "").split())

    def _flow(self, file: CodeFile, label: str, rest: str, fact: Fact) -> None:
        place, _, value = rest.partition("\0")
        key = (label, place, value[1:])
        flow = file.flows[key]
        {"-": flow.bare, "?": flow.perhaps}.get(value[0], flow.taken).append(fact)
        if value[0] == "e":
            flow.encrypted.append(fact)
        if value[0] != "-":
            self.taken_keys.add(key)

    def _step(self, file: CodeFile, label: str, step: str) -> None:
        self.steps[step] += 1
        file.steps.append((label, step))
        if step.startswith("@"):
            file.decorated.add(label)
        else:
            self.steps_of[label] += 1

    def _list(self, file: CodeFile, what: str, rest: str, fact: Fact) -> None:
        place, _, text = rest.partition("\0")
        items = tuple(text.split("\n")) if text else ()
        file.lists[(what, place)].append(Listed(items, fact))
        self.lists.add((what, place))
        self.listed.extend(((what, place), item) for item in items)

    def _model(self, file: CodeFile, first: str, rest: str, fact: Fact) -> None:
        if first == "local":
            file.local.append(fact)
            self.local.append(fact)
        else:
            file.hosted[rest].append(fact)

    def uses(self, name: str) -> int:
        """Return how often a name is read."""
        return self._names[name]

    def renamed_in(self, head: CodeSide) -> dict[str, str]:
        """Return the functions that have another name on the other side, and the same body."""
        found = {}
        by_digest = {
            digest: name for name, digests in head._digests.items() for digest in digests if name not in self._digests
        }
        for name, digests in self._digests.items():
            if name not in head._digests:
                new = next((by_digest[digest] for digest in digests if digest in by_digest), "")
                if new:
                    found[name] = new
        return found

    def decorated_anew(self, base: CodeSide) -> set[str]:
        """Return the functions that a step stands above now and did not before."""
        before = {label for file in base.files for label in file.decorated}
        return {label for file in self.files for label in file.decorated} - before


def pairs_of(base: CodeSide, head: CodeSide) -> Iterator[tuple[CodeFile, CodeFile]]:
    """Yield each module with itself before: at the same path, or where that is gone, one of the same file name."""
    by_path = {file.path: file for file in base.files}
    here = {file.path for file in head.files}
    gone: dict[str, list[CodeFile]] = defaultdict(list)
    for file in base.files:
        if file.path not in here:
            gone[file.path.rpartition("/")[2]].append(file)
    for file in head.files:
        old = by_path.get(file.path)
        if old is None:
            same = gone[file.path.rpartition("/")[2]]
            old = same.pop(0) if same else None
        if old is not None:
            yield old, file
