"""Regular expressions that are compiled when they are first asked: a check needs a tenth of those that its modules have.

Invariant: what they find is what `re` finds. `mentions` is for whole files, of which it is asked only whether there is anything at all: RE2
decides that in one pass, however many words it looks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, AnyStr, cast


class _Lazy:
    """Stands for a compiled expression until one of its methods is asked for."""

    def __init__(self, *made: Any) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        found = re.compile(*self._made)
        # Asked for once more, they are plain attributes.
        self.__dict__.update({each: getattr(found, each) for each in dir(found) if not each.startswith("_")})
        return getattr(found, name)


def regex(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what `re.compile` would."""
    return cast("re.Pattern[AnyStr]", _Lazy(text, flags))


@lru_cache(maxsize=64)
def automaton(text: str, *, ignore_case: bool = False, captures: bool = False) -> Any:
    """Return an expression as RE2 has it, made once. Without `captures` a match has no groups and is found by the automaton alone."""
    import re2

    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.never_capture = not captures
    return re2.compile(text, options)


def mentions(text: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """Return whether a text has anywhere what an expression says, one that RE2 knows."""
    return lambda given: (
        automaton(text, ignore_case=ignore_case).search(given.encode("utf-8", "surrogatepass")) is not None
    )
