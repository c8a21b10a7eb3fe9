"""pre-commit hooks → guards: what looks at every commit.

Source: pre-commit.com, "hooks". Invariant: a hook that is run by hand only, or whose failure is lost, is no guard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.hook_scope import EXCLUDE, FILES
from privet.check.scanners import scanning
from privet.check.yaml_nodes import Mapping, Scalar, documents

HOOK: Final = "gate-hook-removed"


def read(path: str, text: str) -> Reading:
    """Return a guard for each hook that runs the gate, or looks for secrets."""
    nodes, notes = documents(path, text)
    units: list[Unit] = []
    for document in nodes:
        if not isinstance(document, Mapping):
            continue
        of_all = _filters(document)
        for repository in document.items("repos"):
            if isinstance(repository, Mapping):
                units.extend(_hooks(path, repository, of_all))
    return Reading(tuple(units), tuple(notes))


def _hooks(path: str, repository: Mapping, of_all: tuple[Fact, ...]) -> Iterator[Unit]:
    """Yield what runs on a commit; a hook that is only run by hand is none."""
    is_ours = repository.text("repo").removesuffix(".git").rstrip("/").endswith("/privet")
    for hook in repository.items("hooks"):
        if not isinstance(hook, Mapping):
            continue
        entry = hook.text("entry").split()
        runs = "check" in entry and any(word.rsplit("/", 1)[-1] == "privet" for word in entry)
        stages = {item.text for item in hook.items("stages") if isinstance(item, Scalar)}
        if stages == {"manual"} or "|| true" in hook.text("entry"):
            continue
        place = hook.get("id") or hook
        facts = (*of_all, *_filters(hook))
        for unit in scanning(hook.text("id") if "entry" not in hook.pairs else hook.text("entry"), place):
            yield replace(unit, facts=facts)
        if is_ours or runs:
            yield Unit(
                UnitKind.GUARD,
                "privet hook",
                path,
                place.start,
                place.end,
                frozenset({"privet"}),
                facts,
                guard=HOOK,
            )


def _filters(node: Mapping) -> tuple[Fact, ...]:
    """Return which files a hook, or all of them, look at."""
    found = ((name, node.get(key)) for key, name in (("files", FILES), ("exclude", EXCLUDE)))
    return tuple(
        Fact(Space.KEY, name, value.value, value.source.path, value.start, value.end)
        for name, value in found
        if isinstance(value, Scalar) and value.value
    )
