"""Settings that a program does not read any more: from a release on they stand there, and do nothing.

Invariant: only an image whose tag says the release decides; `latest`, a digest or a place to be filled in leaves the settings as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from privet.check.facts import Fact, Space
from privet.check.pattern import regex

_IMAGES: Final = frozenset(("compose.image", "k8s.container.image", "docker.from"))


class _Ended(NamedTuple):
    """The images of a program, the release that was the first without some variables, and what those begin with."""

    image: re.Pattern[str]
    since: tuple[int, int]
    beginning: str


_ENDED: Final = (
    # documentation docs.trychroma.com/docs/overview/migration, v1.0.0: no built-in authentication any more
    _Ended(regex(r"(?:^|/)chroma(?:db)?:v?(\d+)\.(\d+)"), (1, 0), "CHROMA_SERVER_AUTH"),
)


def in_effect(own: Sequence[Fact], facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Return the facts of a unit without the variables that its image's release does not read; `own` are those of the unit itself."""
    ended = tuple(_ended(fact.value or "" for fact in own if fact.space is Space.KEY and fact.name in _IMAGES))
    if not ended:
        return facts
    return tuple(fact for fact in facts if fact.space is not Space.ENV or not fact.name.startswith(ended))


def _ended(images: Iterable[str]) -> Iterable[str]:
    for image in images:
        for known in _ENDED:
            found = known.image.search(image)
            if found and (int(found[1]), int(found[2])) >= known.since:
                yield known.beginning
