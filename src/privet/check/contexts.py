"""Builds of images → which `.dockerignore` files are read: that of the folder that is sent, or one named after the Dockerfile.

Source: docs.docker.com/build/concepts/context, ".dockerignore files". Invariant: a file is said not to be read only where a build is
known that takes a Dockerfile beside it and sends another folder, and none that sends its own.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Final

from privet.check.facts import Unit

_NAME: Final = ".dockerignore"
_STEP: Final = "actions.steps[].with."


def unread(units: Sequence[Unit]) -> frozenset[int]:
    """Return the numbers of the guards that stand in a `.dockerignore` that no known build reads."""
    lines = [number for number, unit in enumerate(units) if unit.guard and posixpath.basename(unit.path) == _NAME]
    builds = set(_builds(units)) if lines else set()
    sent = {context for _, context in builds}
    beside = {posixpath.dirname(dockerfile) for dockerfile, context in builds} - sent
    return frozenset(number for number in lines if posixpath.dirname(units[number].path) in beside)


def _builds(units: Sequence[Unit]) -> Iterator[tuple[str, str]]:
    """Yield the Dockerfile of each build and the folder that it sends, both as paths in the repository."""
    for unit in units:
        said = {fact.name: fact for fact in unit.facts if fact.value is not None}
        context = said.get("compose.build.context")
        if context is not None and context.value:
            folder = _joined(posixpath.dirname(context.path), context.value)
            file = said.get("compose.build.dockerfile")
            yield _joined(folder, (file.value if file else "") or "Dockerfile"), folder
        context, file = said.get(f"{_STEP}context"), said.get(f"{_STEP}file")
        if context is not None or file is not None:
            folder = _joined("", (context.value if context else "") or ".")
            yield _joined("", file.value) if file and file.value else _joined(folder, "Dockerfile"), folder


def _joined(folder: str, path: str) -> str:
    bare = posixpath.normpath(posixpath.join(folder, path))
    return "" if bare == "." else bare
