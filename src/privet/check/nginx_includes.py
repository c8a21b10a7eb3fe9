"""What an nginx configuration includes → its directives, where they are included: a login in a snippet is one of the place that takes it.

A path of the image is looked for in the repository: beside the configuration and above it, by as many of its last parts as fit, and where
a Dockerfile or a compose file says what is laid there.

Sources: nginx.org/en/docs/ngx_core_module.html#include, docs.docker.com/reference/dockerfile (COPY).

Invariants: a file is read only where one of this name is there; a pattern of files is not followed; depth and number are bounded, and
what is taken in points at its `include`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from privet.check.pattern import regex
from privet.check.proxy_sites import Directive
from privet.check.readers import Sibling

_MAX_DEPTH: Final = 3
_MAX_DIRECTIVES: Final = 20_000
_MAX_INCLUDES: Final = 100
_FOLDER: Final = "/etc/nginx"
"""What a path without a slash at its beginning is below of."""
_LAYS: Final = (
    *("Dockerfile", "Containerfile", "nginx.Dockerfile", "Dockerfile.nginx"),
    *("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"),
)
_COPIED: Final = regex(
    r"^[ \t]*(?:COPY|ADD)[ \t]+(?:--\S+[ \t]+)*(?P<from>[^\s\[]+)[ \t]+(?P<to>/\S+)[ \t]*$"
    r"|^[ \t]*-[ \t]*[\"']?(?P<here>[\w./-]+):(?P<there>/[^:\s\"']+)",
    re.MULTILINE | re.IGNORECASE,
)

Parse = Callable[[str], Iterable[Directive]]


def included(path: str, found: list[Directive], sibling: Sibling, parse: Parse) -> list[Directive]:
    """Return directives with those of the files that they include."""
    for depth in range(_MAX_DEPTH):
        asked = [one for one in found if one.name == "include" and len(one.words) == 2]
        texts = {one.words[1]: _text(path, one.words[1], sibling) for one in asked[:_MAX_INCLUDES]}
        if not any(texts.values()):
            break
        more = {word: list(parse(text)) for word, text in texts.items() if text}
        if len(found) + sum(len(more.get(one.words[1], ())) for one in asked) > _MAX_DIRECTIVES:
            break
        found = [
            taken
            for number, one in enumerate(found)
            for taken in (
                _inside(one, more[one.words[1]], f"{depth}.{number}")
                if one.name == "include" and len(one.words) == 2 and one.words[1] in more
                else (one,)
            )
        ]
    return found


def _inside(place: Directive, found: Iterable[Directive], number: str) -> Iterator[Directive]:
    for one in found:
        # Blocks of two files are two, whatever their numbers are.
        blocks = ((*block[:-1], f"{block[-1]}.{number}") for block in one.blocks)
        yield Directive(one.words, (place.spans[-1],) * len(one.words), (*place.blocks, *blocks))


def _text(path: str, target: str, sibling: Sibling) -> str | None:
    if "*" in target or "$" in target:
        return None
    return next((text for text in map(sibling, _places(path, target, sibling)) if text is not None), None)


def _places(path: str, target: str, sibling: Sibling) -> Iterator[str]:
    """Yield where a file may stand that an image has at a path, the likeliest first."""
    folders = list(_above(path))
    whole = posixpath.join(_FOLDER, target)
    for folder in folders:
        for name in _LAYS:
            text = sibling(posixpath.join(folder, name))
            for found in _COPIED.finditer(text) if text else ():
                source, to = found["from"] or found["here"], found["to"] or found["there"]
                yield from (posixpath.normpath(posixpath.join(folder, laid)) for laid in _laid(source, to, whole))
    parts = target.strip("/").split("/")
    for start in range(len(parts)):
        for folder in folders if start < len(parts) - 1 else folders[:1]:
            yield posixpath.normpath(posixpath.join(folder, *parts[start:]))


def _above(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _laid(source: str, to: str, target: str) -> Iterator[str]:
    """Yield what of a source becomes a target: the file itself, one that keeps its name, or one below a folder."""
    if to == target or (to.endswith("/") and to + posixpath.basename(source) == target):
        yield source
    if target.startswith(to.rstrip("/") + "/"):
        yield posixpath.join(source, target.removeprefix(to.rstrip("/") + "/"))
