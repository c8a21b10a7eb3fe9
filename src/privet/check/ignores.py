""".gitignore and .dockerignore → the lines that keep data, secrets and weights out; losing one is a weakening."""

from __future__ import annotations

import re
from typing import Final

from privet.check.facts import Reading, Unit, UnitKind
from privet.check.readers import Sibling

_KEEPS_OUT: Final = re.compile(
    r"(?:^|[/*._-])(?:\.?env|envrc|data|datasets?|raw|secrets?|credentials?|logs?|prompts?|conversations?|exports?|dumps?|wandb|mlruns|outputs?|checkpoints?|private|pii|keys?)(?:[/*._-]|$)"
    r"|\.(?:jsonl|csv|tsv|parquet|pem|key|p12|pfx|log|sqlite3?|db|ckpt|pkl)$",
    re.IGNORECASE,
)


def read(path: str, text: str, _: Sibling) -> Reading:
    """Return a guard for each line that keeps something out."""
    units = []
    at = 0
    for line in text.splitlines(keepends=True):
        pattern = line.strip().lstrip("\ufeff")
        if pattern and not pattern.startswith(("#", "!")) and _KEEPS_OUT.search(pattern):
            bare = pattern.strip("/").removesuffix("/**").removesuffix("/*").removeprefix("**/")
            name = f"{path.rsplit('/', 1)[-1]} keeps out {bare}"
            units.append(Unit(UnitKind.GUARD, name, path, at, at + len(pattern), guard="ignore-line-removed"))
        at += len(line)
    return Reading(tuple(units))
