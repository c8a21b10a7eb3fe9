"""Old office files of a batch, converted together: starting LibreOffice takes longer than what it does.

Invariants:

- What is converted together is what each file would give alone: where a start fails, or gives nothing for a file, nothing of it is used for
  that file, and its cleaner asks again for it alone.
- Nothing is converted before the first such file is met, and nothing stays once the batch is done.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Self

from privet.ingest.formats import LEGACY, seen
from privet.ingest.plan import Item, opened
from privet.metadata.job import CannotClean

_MOST_BYTES: Final = 64 << 20


class Conversions:
    """What an installed program made of the files of a batch."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._made: dict[str, Path] = {}
        self._done: set[str] = set()
        self._forms: dict[str, str] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def of(self, item: Item, form: str) -> Path | None:
        """Return what became of a file, or None where it is to be converted alone."""
        if form not in LEGACY or len(self._items) == 1:
            return None
        from privet.metadata import legacy

        wanted = legacy.CONVERTED[form]
        if wanted not in self._done:
            self._done.add(wanted)
            if self._forms is None:
                self._forms = {each.key: _form(each) for each in self._items}
            alike = [each for each in self._items if legacy.CONVERTED.get(self._forms[each.key]) == wanted]
            if len(alike) > 1 and sum(each.size for each in alike) <= _MOST_BYTES:
                self._convert(alike, [self._forms[each.key] for each in alike])
        return self._made.get(item.key)

    def _convert(self, items: Sequence[Item], forms: Sequence[str]) -> None:
        from privet.metadata import legacy

        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="privet-", ignore_cleanup_errors=True))
        with ExitStack() as sources:
            try:
                files: list[BinaryIO] = [sources.enter_context(opened(item)) for item in items]
                made = legacy.converted(Path(folder), files, forms)
            except CannotClean:
                return
        self._made.update((item.key, path) for item, path in zip(items, made, strict=True) if path is not None)


def _form(item: Item) -> str:
    """Return the format of a file that is to be converted; nothing for any other, and for what cannot be opened."""
    if item.problem:
        return ""
    try:
        with opened(item) as source:
            form = seen(source, Path(item.name).name, item.size)
    except (CannotClean, OSError):
        return ""
    return form if form in LEGACY else ""
