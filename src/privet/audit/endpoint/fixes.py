"""What to do about what was found, in this server: the flag or the setting, from `fixes.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

_ANY: Final = "any"


@lru_cache(maxsize=1)
def fixes() -> Mapping[str, Mapping[str, str]]:
    """Return every remedy: by the key of the finding, then by server."""
    return tomllib.loads(files("privet.audit.endpoint").joinpath("fixes.toml").read_text("utf-8"))


def remedy(fix: str, server: str) -> str:
    """Return what to do in a server, or in any where that is not known."""
    known = fixes().get(fix, {})
    return known.get(server) or known.get(_ANY, fix)
