""".gitignore and .dockerignore → the lines that keep data, secrets and weights out; losing one is a weakening."""

from __future__ import annotations

import re
from typing import Final

from privet.check.facts import Reading, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.readers import Sibling

_KEEPS_OUT: Final = regex(
    r"(?:^|[/*._-])(?:\.?env|envrc|data|datasets?|raw|secrets?|credentials?|logs?|prompts?|conversations?|exports?|dumps?|wandb|mlruns|outputs?|checkpoints?|private|pii|keys?)(?:[/*._-]|$)"
    r"|\.(?:jsonl|csv|tsv|parquet|pem|key|p12|pfx|log|sqlite3?|db|ckpt|pkl)$",
    re.IGNORECASE,
)

_OF_IMAGES: Final = ".dockerignore"
_EVERYTHING: Final = frozenset(("*", "**", "/*", "/**", "**/*"))
"""Lines that keep everything out but what is named after them."""


def read(path: str, text: str, _: Sibling) -> Reading:
    """Return a guard for each line that keeps something out, and is not taken back further on."""
    units = []
    at = 0
    name = path.rsplit("/", 1)[-1]
    # One named after its Dockerfile does for it what the one of the folder does: docker/Dockerfile.dockerignore.
    name = _OF_IMAGES if name.endswith(_OF_IMAGES) else name
    for line in text.splitlines(keepends=True):
        pattern = line.strip().lstrip("\ufeff")
        if pattern and not pattern.startswith(("#", "!")) and _KEEPS_OUT.search(pattern):
            units.append(_guard(f"{name} keeps out {_bare(pattern)}", path, at, len(pattern)))
        elif pattern in _EVERYTHING:
            units.append(_guard(name, path, at, len(pattern)))
        elif pattern.startswith("!"):
            back = f"{name} keeps out {_bare(pattern[1:])}"
            units = [unit for unit in units if unit.name != back and not unit.name.startswith(f"{back}/")]
        at += len(line)
    return Reading(tuple(units))


def keeps_out(pattern: str) -> bool:
    """Tell whether a pattern names data, secrets, weights or logs."""
    return bool(_KEEPS_OUT.search(pattern))


def _bare(pattern: str) -> str:
    return pattern.strip("/").removesuffix("/**").removesuffix("/*").removeprefix("**/")


def _guard(name: str, path: str, at: int, length: int) -> Unit:
    return Unit(UnitKind.GUARD, name, path, at, at + length, guard="ignore-line-removed")
