"""Kustomizations → the objects of an overlay as they take effect, its generated ConfigMaps, and the guards that it installs.

Source: Kustomize reference. Invariants: a unit stands under the kustomization that patches it, its facts under the files that say them;
at most 200 files are looked at, ten folders deep.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from privet.check import kubernetes
from privet.check.facts import PRESENT, Fact, Reading, Space, Unit, UnitKind
from privet.check.kubernetes_config import guards
from privet.check.kubernetes_patches import laid_over, operated
from privet.check.kubernetes_pods import pods
from privet.check.network_policies import INSTALLED
from privet.check.pattern import regex
from privet.check.readers import Sibling
from privet.check.yaml_facts import environment, keys
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, documents
from privet.check.yaml_places import inner

NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_PATCHES: Final = ("patches", "patchesStrategicMerge", "patchesJson6902")
_SIMPLE: Final = regex(r"[\w.-]*(?:\.\*)?[\w.-]*(?:\.\*)?|\w[\w-]*(?:\|\w[\w-]*)*")
"""Expressions that take no long time whatever the name is."""
_FILES: Final = 200
_DEPTH: Final = 10


def is_patch(path: str, sibling: Sibling) -> bool:
    """Tell whether the kustomization beside a file has it as a patch: it is told there then."""
    folder, _, name = path.rpartition("/")
    for beside in NAMES:
        text = sibling(posixpath.join(folder, beside))
        if text and name in text:
            return name in _patch_names(text)
    return False


@lru_cache(maxsize=8)  # every file of a folder asks
def _patch_names(text: str) -> frozenset[str]:
    mappings = (node for node in documents("", text)[0] if isinstance(node, Mapping))
    return frozenset(posixpath.normpath(scalar.text) for node in mappings for scalar in _patch_files(node))


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the units of a kustomization."""
    nodes, notes = documents(path, text)
    own = next((node for node in nodes if isinstance(node, Mapping)), None)
    if own is None:
        return Reading(notes=tuple(notes))
    units = [Unit(UnitKind.RESOURCE, "kustomization", path, own.start, own.start, facts=tuple(_settings(own)))]
    units.extend(_generated(own, path))
    for item, place in _Tree(sibling).built(path, own, _DEPTH).values():
        units.extend(_installed(item, path, own, place))
    return Reading(tuple(units), tuple(notes))


def _installed(item: Mapping, path: str, own: Mapping, place: Node | None) -> Iterator[Unit]:
    """Yield a patched object's units; of one that is taken as it is, only what it guards."""
    if place is None:
        for guard in guards(item, path, own):
            if guard.kind is UnitKind.GUARD:
                yield replace(guard, name=guard.name + INSTALLED, start=own.start, end=own.start)
    else:
        redone = dict(_redone(own, path))
        for unit in kubernetes.units_of([item], path).units:
            parents = tuple(one for parent in unit.parents for one in redone.get(parent, (parent,)))
            over = (item.source.path, unit.name)
            yield replace(unit, start=place.start, end=place.end, over=over, parents=parents)


def _redone(own: Mapping, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a workload of this overlay gets in the place of a ConfigMap that is generated anew, or with more in it."""
    for generator in own.items("configMapGenerator"):
        if isinstance(generator, Mapping) and generator.text("behavior") in {"replace", "merge"}:
            name = f"configmap:{generator.text('name')}"
            here = f"{name}@{path}"
            yield name, (here,) if generator.text("behavior") == "replace" else (here, name)


def _settings(own: Mapping) -> Iterator[Fact]:
    skipped = {f"k8s.kustomization.{name}" for name in (*_PATCHES, "kind", "apiVersion", "secretGenerator")}
    yield from keys(own, "k8s.kustomization", skipped)
    for generator in own.items("secretGenerator"):
        for literal in generator.items("literals") if isinstance(generator, Mapping) else ():
            if isinstance(literal, Scalar) and literal.text.partition("=")[2]:
                yield Fact(Space.KEY, "k8s.secret.stringData", PRESENT, literal.source.path, literal.start, literal.end)


def _generated(own: Mapping, path: str) -> Iterator[Unit]:
    redone = dict(_redone(own, path))
    for generator in own.items("configMapGenerator"):
        if not isinstance(generator, Mapping):
            continue
        name = generator.text("name")
        place = generator.get("name") or generator
        files = [node.text for node in (*generator.items("envs"), *generator.items("env")) if isinstance(node, Scalar)]
        parents = tuple(f"file:{found}" for file in reversed(files) if (found := _beside(path, file)))
        yield Unit(
            UnitKind.ENVIRONMENT,
            f"configmap/{name}",
            path,
            place.start,
            place.end,
            facts=environment(generator.get("literals")),
            parents=parents,
            provides=(redone.get(f"configmap:{name}", (f"configmap:{name}",))[0],),
        )


def _beside(path: str, name: str) -> str:
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return "" if found.startswith(("../", "/")) or "://" in name else found


def _patch_files(own: Mapping) -> Iterator[Scalar]:
    for field in _PATCHES:
        for item in own.items(field):
            found = item.get("path") if isinstance(item, Mapping) else item
            if isinstance(found, Scalar) and found.value and "\n" not in found.value:
                yield found


class _Tree:
    """The files of a tree that kustomizations name, at most so many."""

    def __init__(self, sibling: Sibling) -> None:
        self._sibling = sibling
        self._left = _FILES

    def _nodes(self, path: str) -> list[Node]:
        self._left -= 1
        text = self._sibling(path) if path and self._left > 0 else None
        return documents(path, text)[0] if text else []

    def built(self, path: str, own: Mapping, depth: int) -> dict[str, tuple[Mapping, Node | None]]:
        """Return the objects of a kustomization by `kind/name`, each with what in it patches the object, if anything does."""
        found: dict[str, tuple[Mapping, Node | None]] = {}
        self._add(path, own, found, depth)
        return found

    def _add(self, path: str, own: Mapping, found: dict[str, tuple[Mapping, Node | None]], depth: int) -> None:
        """Add a kustomization's objects to those that are there, and change them; a component changes its user's."""
        for field in ("resources", "bases"):
            for entry in own.items(field):
                if isinstance(entry, Scalar) and entry.value:
                    found.update((name, (item, None)) for name, item in self._named(_beside(path, entry.value), depth))
        for entry in own.items("components"):
            for below, node in (
                self._within(_beside(path, entry.text) if isinstance(entry, Scalar) else "") if depth else ()
            ):
                before = dict(found)
                self._add(below, node, found, depth - 1)
                # What a component changes is told where it is taken in.
                found.update(
                    (name, (item, entry))
                    for name, (item, _) in found.items()
                    if item is not before.get(name, (item,))[0]
                )
        for field in _PATCHES:
            for entry in own.items(field):
                self._patch(path, entry, found)
        for name, (item, place) in found.items():
            generator = _generator_of(item, own) if place is None else None
            if generator is not None:
                found[name] = (item, generator)

    def _within(self, folder: str) -> Iterator[tuple[str, Mapping]]:
        """Yield the kustomization of a folder."""
        for name in NAMES if folder else ():
            below = posixpath.join(folder, name)
            yield from ((below, node) for node in self._nodes(below) if isinstance(node, Mapping))

    def _named(self, path: str, depth: int) -> Iterator[tuple[str, Mapping]]:
        if path.endswith((".yaml", ".yml")):
            for item in kubernetes.objects(self._nodes(path)):
                yield kubernetes.name_of(item), item
        elif depth:
            for below, node in self._within(path):
                for key, (item, _) in self.built(below, node, depth - 1).items():
                    yield key, item

    def _patch(self, path: str, entry: Node, found: dict[str, tuple[Mapping, Node | None]]) -> None:
        target: Mapping | None = None
        place = entry
        if isinstance(entry, Mapping):
            target = entry.mapping("target") if "target" in entry.pairs else None
            place = entry.get("path") or entry.get("patch") or entry
        for patch in self._contents(path, place):
            operations = patch.items if isinstance(patch, Items) else ()
            for name in _targets(patch, target, found):
                item = found[name][0]
                changed = operated(item, operations) if operations else item
                if isinstance(patch, Mapping):
                    changed = laid_over(item, patch)
                found[name] = (changed, place)

    def _contents(self, path: str, place: Node) -> list[Node]:
        if not isinstance(place, Scalar) or not place.value:
            return []
        return inner(place) if "\n" in place.value else self._nodes(_beside(path, place.value))


def _is_named(pattern: str, name: str) -> bool:
    """Tell whether a target's pattern is that of a name: an expression for the whole of it, or nothing for every name."""
    if not pattern or pattern == name:
        return True
    return bool(_SIMPLE.fullmatch(pattern)) and bool(re.fullmatch(pattern, name))


def _generator_of(item: Mapping, own: Mapping) -> Node | None:
    """Return the generator that gives an object another environment than it had, if one does."""
    named = {
        generator.text("name"): generator
        for generator in own.items("configMapGenerator")
        if isinstance(generator, Mapping) and generator.text("behavior") in {"replace", "merge"}
    }
    for pod in pods(item, "") if named else ():
        for container in pod.spec.items("containers"):
            for source in container.items("envFrom") if isinstance(container, Mapping) else ():
                name = source.text("configMapRef", "name") if isinstance(source, Mapping) else ""
                if name in named:
                    return named[name].get("name")
    return None


def _targets(patch: Node, target: Mapping | None, found: Iterable[str]) -> list[str]:
    if target is not None:
        kind, name = target.text("kind").lower(), target.text("name")
        return [key for key in found if _is_named(kind, key.split("/")[0]) and _is_named(name, key.partition("/")[2])]
    own = kubernetes.name_of(patch) if isinstance(patch, Mapping) and patch.text("kind") else ""
    return [own] if own in set(found) else []
