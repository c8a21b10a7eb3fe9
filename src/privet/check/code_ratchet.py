"""CODE units of two sides → what is weaker: a value that goes on as it is, a shorter list, an address in clear, a model elsewhere.

Invariants:

- What moves, is renamed with its uses, or is done by another function that the value passes, is no weakening.
- A finding points at the place of the new side where the value, list or address stands now.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from privet.check.code_sides import CodeFile, CodeSide, pairs_of
from privet.check.facts import Fact, Unit
from privet.check.model_providers import classes_of
from privet.check.python_scrubs import is_scrub_name
from privet.check.rules import BY_ID
from privet.check.weakness import Weakness

SCRUB: Final = "python-scrub-removed"
_ENCRYPTED: Final = "python-encryption-removed"
_FEWER: Final = "python-list-shorter"
_MORE: Final = "python-columns-kept"
_PLAIN: Final = "python-address-plain"
_MOVED_OUT: Final = "python-model-moved-out"
_HOSTED: Final = "python-model-hosted"
_FOR_ALL: Final = (
    "addFilter ",
    "add_filter ",
    "add_middleware ",
    "add_processor ",
    "configure ",
    "patch ",
    "register ",
    "add_callback ",
    "new ",
)
"""Beginnings of steps that are taken for whatever passes from then on."""
_DROPS: Final = frozenset(("drop", "drop_columns", "remove_columns"))
_NOTED: Final = {
    "openai-base-url": "openai",
    "langchain-base-url": "openai",
    "anthropic-base-url": "anthropic",
    "hf-inference-client": "huggingface",
}
"""Rules about a client that is told no address of one's own, and whose it is then."""


class CodeRatchet:
    """Compares the code of two sides."""

    def __init__(self, base: Sequence[Unit], head: Sequence[Unit], is_used: Callable[[str], bool]) -> None:
        self._base = CodeSide(base)
        self._head = CodeSide(head)
        self._pairs = list(pairs_of(self._base, self._head))
        self._is_used = is_used
        self._look_at_pairs()

    def _look_at_pairs(self) -> None:
        """Ask where values go in the modules that take a step on one side; where nothing was done to any before, nothing can be lost."""
        for old, new in self._pairs:
            if (old.takes_steps or new.takes_steps) and old.may_lose:
                self._base.look_at(old)
                if old.has_something:
                    self._head.look_at(new)

    @cached_property
    def _all(self) -> tuple[CodeSide, CodeSide]:
        """Both sides, once all modules have been asked that may take a step: for whether a step that is gone is taken elsewhere."""
        for old, new in self._pairs:
            if old.takes_steps or new.takes_steps:
                self._base.look_at(old)
                self._head.look_at(new)
        for new in self._head.files:
            if new.takes_steps:
                self._head.look_at(new)
        return self._base, self._head

    @cached_property
    def _anew(self) -> set[str]:
        base, head = self._all
        return head.decorated_anew(base)

    @cached_property
    def _fresh(self) -> frozenset[str]:
        return _fresh_steps(*self._all) | self._anew

    def _look_everywhere(self) -> None:
        for side in (self._base, self._head):
            for file in side.files:
                side.look_at(file)

    def weaker(self, found: Iterable[Weakness]) -> list[Weakness]:
        """Return what is weaker, given what the rest of the comparison found, of which some is told better here or is none."""
        flows = [weakness for old, new in self._pairs for weakness in self._flows(old, new)]
        told = {weakness.path for weakness in flows}
        models = list(self._models())
        others = [
            *flows,
            *(weakness for old, new in self._pairs for weakness in self._lists(old, new)),
            *self._addresses(),
            *models,
        ]
        places = {(weakness.path, weakness.start) for weakness in others}
        kept = [
            weakness
            for weakness in found
            if not (weakness.rule.id == SCRUB and weakness.is_lost and weakness.path in told)
            and not self._is_known_service(weakness)
            and (weakness.path, weakness.start) not in {(model.path, model.start) for model in models}
        ]
        places |= {(weakness.path, weakness.start) for weakness in kept if not _is_default(weakness)}
        twice = [weakness for weakness in kept if _is_default(weakness) and (weakness.path, weakness.start) in places]
        return [*(weakness for weakness in kept if weakness not in twice), *others]

    def is_kept(self, unit: Unit) -> bool:
        """Tell whether a step that is gone is taken under another name or in another way, or went with a function nobody called."""
        self._look_everywhere()
        renamed = self._base.renamed_in(self._head)
        words = unit.name.removeprefix("@").split()
        if words[0] in _DROPS and self._is_left_out(words[-1], unit.path):
            return True
        return (
            any(word in renamed and self._head.uses(renamed[word]) > 0 for word in words)
            or any(is_scrub_name(word) and 0 < self._base.uses(word) <= self._head.uses(word) for word in words)
            or self._is_dead(unit)
        )

    def _is_left_out(self, column: str, path: str) -> bool:
        """Tell whether a column that was dropped is not among those that are now kept: `frame[["text", "label"]]`."""
        return any(
            what == "more"
            and (what, place) not in self._base.lists
            and all(column not in listed.items for listed in lists)
            for file in self._head.files
            if file.path == path
            for (what, place), lists in file.lists.items()
        )

    def _is_dead(self, unit: Unit) -> bool:
        """Tell whether the functions that took a step are gone, and nothing of the module or of another called them."""
        old = next((file for file in self._base.files if file.path == unit.path), None)
        new = next((after for before, after in self._pairs if before is old), None)
        if old is None or (new is None and self._has_new_files()):
            return False
        words = unit.name.removeprefix("@").split()
        labels = {label for label, step in old.steps if step.removeprefix("@").split()[-1] in words}
        left = new.defs if new is not None else {}
        return bool(labels) and all(
            label and label not in left and not self._base.uses(label.rpartition(".")[2]) for label in labels
        )

    def _has_new_files(self) -> bool:
        """Tell whether a module is there that was not, and may do what one that is gone did."""
        return len(self._head.files) > len(self._pairs)

    def _flows(self, old: CodeFile, new: CodeFile) -> Iterator[Weakness]:
        told: set[tuple[str, str]] = set()
        for (label, place, core), before in old.flows.items():
            if not (before.taken or before.perhaps) or (label, core) in told:
                continue
            fact = new.flow(old, label, place, core).worse(before)
            if fact is not None and not self._is_taken_elsewhere(label, place):
                told.add((label, core))
                yield _weakness(_ENCRYPTED if before.encrypted else SCRUB, fact, label)
        for label in old.decorated:
            if (
                label in new.defs
                and label not in new.decorated
                and label not in self._fresh
                and not self._has_for_all()
            ):
                yield _weakness(SCRUB, new.defs[label], label)

    def _is_taken_elsewhere(self, label: str, place: str) -> bool:
        """Tell whether the function that is given the value takes the step now, or the one that gives it, or something that all passes."""
        last = label.rpartition(".")[2]
        fresh = {name.rpartition(".")[2] for name in self._fresh}
        return place in fresh or label in self._anew or self._has_for_all() or self._is_given_clean(last)

    def _has_for_all(self) -> bool:
        base, head = self._all
        return any(step.startswith(_FOR_ALL) for step in head.steps - base.steps)

    def _is_given_clean(self, last: str) -> bool:
        """Tell whether callers of a function now hand it, or take from it, what has been through a step."""
        base, head = self._all
        return bool(last) and any(
            place == last or f"{last}(" in core for _, place, core in head.taken_keys - base.taken_keys
        )

    def _lists(self, old: CodeFile, new: CodeFile) -> Iterator[Weakness]:
        for key, before in list(old.lists.items()):
            what, place = key
            after = new.lists.get(key)
            if what == "more":
                if after is not None and len(after) == len(before):
                    for was, now in zip(before, after, strict=True):
                        if set(now.items) - set(was.items):
                            yield _weakness(_MORE, now.fact, place)
                continue
            if after is None:
                yield from self._gone_list(what, place, before[0].items, new)
                continue
            was_items = [item for part in before for item in part.items]
            now_items = [item for part in after for item in part.items]
            if self._is_shorter(what, was_items, now_items):
                yield _weakness(SCRUB if what in {"does", "taken", "steps"} else _FEWER, after[0].fact, place)

    @cached_property
    def _gained(self) -> Counter[str]:
        """The items of lists that are there only now."""
        base, head = self._all
        return Counter(item for key, item in head.listed if key not in base.lists and key[0] != "more")

    def _is_shorter(self, what: str, before: Sequence[str], after: Sequence[str]) -> bool:
        was, now = {item.casefold() for item in before}, {item.casefold() for item in after}
        lost = {item for item in before if item.casefold() not in now and not self._gained[item]}
        if not lost:
            return False
        if what == "does":
            return now < was
        new = len(now - was)
        are_kinds = all(item.isupper() for item in lost)
        return len(lost) > new or (are_kinds and what == "less")

    def _gone_list(self, what: str, place: str, items: Sequence[str], new: CodeFile) -> Iterator[Weakness]:
        """Yield a function that takes nothing out of its records any more."""
        is_there = what == "taken" and place in new.defs and place not in self._fresh
        if is_there and not any(self._gained[item] for item in items) and not self._is_taken_elsewhere(place, "return"):
            yield _weakness(SCRUB, new.defs[place], place)

    def _addresses(self) -> Iterator[Weakness]:
        for address, fact in self._head.addresses.items():
            before = self._base.addresses.get(address)
            if before is not None and fact[0] < before[0]:
                yield _weakness(_PLAIN, fact[1], "")

    def _models(self) -> Iterator[Weakness]:
        left_home = len(self._head.local) < len(self._base.local)
        told: set[str] = set()
        for new in self._head.files:
            old = next((before for before, after in self._pairs if after is new), None)
            for provider, facts in new.hosted.items():
                known = 0 if old is None else len(old.hosted.get(provider, ()))
                if len(facts) <= known:
                    continue
                moved = left_home if old is None else len(new.local) < len(old.local)
                if moved:
                    yield _weakness(_MOVED_OUT, facts[known], provider)
                elif provider not in told and not self._is_at_work(provider):
                    told.add(provider)
                    yield _weakness(_HOSTED, facts[known], provider)

    def _is_at_work(self, provider: str) -> bool:
        """Tell whether the repository asked this provider before."""
        return any(provider in file.hosted for file in self._base.files) or any(
            self._is_used(f"{name}({following}")
            for name in classes_of(provider)
            for following in (")", "model", "api_key")
        )

    def _is_known_service(self, weakness: Weakness) -> bool:
        provider = _NOTED.get(weakness.rule.id)
        return (
            provider is not None
            and provider in {name for file in self._head.files for name in file.hosted}
            and self._is_at_work(provider)
        )


def _is_default(weakness: Weakness) -> bool:
    """Tell whether a weakness is a default, which a rule about the call itself may tell better."""
    return weakness.rule.names[0].startswith("code:python-default") or weakness.setting.startswith("settings.")


def _fresh_steps(base: CodeSide, head: CodeSide) -> frozenset[str]:
    """Return the functions that take more steps than before."""
    before: dict[str, int] = defaultdict(int)
    for label, count in base.steps_of.items():
        before[label] += count
    return frozenset(label for label, count in head.steps_of.items() if count > before[label])


def _weakness(rule: str, fact: Fact, unit: str) -> Weakness:
    return Weakness(BY_ID[rule], fact.path, fact.start, fact.end, unit)
