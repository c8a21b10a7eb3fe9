"""Property lists of Apple's programs in their binary form: settings, bookmarks, records.

Invariants:

- Texts and keys are rewritten, and a value whose key names a field is cleaned as such; numbers and truth values stay.
- Bytes are cleaned like a file of their own, or as a text, and are empty where they are neither: programs keep paths and people in them.
- What no key or list leads to is not written.
"""

from __future__ import annotations

import datetime as dt
import plistlib
from typing import Any, BinaryIO, Final

from privet.edits import across
from privet.metadata.byte_texts import text_in
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.zip_members import Names

_MAX_BYTES: Final = 64 * MIB
_MAX_VALUES: Final = 1_000_000
_MAX_DEPTH: Final = 64
_READ_TOGETHER: Final = 500


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a property list with its identifiers replaced.

    Raises:
        CannotClean: it is damaged, too large, or nested too deep.

    """
    data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise CannotClean(f"a property list larger than {_MAX_BYTES // MIB} MiB")
    try:
        root = plistlib.loads(data, fmt=plistlib.FMT_BINARY)
    except (plistlib.InvalidFileException, ValueError, OverflowError, RecursionError) as error:
        raise CannotClean("damaged: not a property list") from error
    values = _Values(job)
    values.read(root, "", 0)
    plistlib.dump(values.cleaned(root), target, fmt=plistlib.FMT_BINARY, sort_keys=False)


class _Values:
    """The texts of a list, in the order in which they are met; then the same list with those that they are now."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pairs: list[tuple[str, str]] = []
        self._new: dict[tuple[str, str], str] = {}
        self._count = 0

    def read(self, value: Any, key: str, depth: int) -> None:
        """Note the texts of a value; a value that several places share is counted at each, so nothing grows."""
        self._count += 1
        if depth > _MAX_DEPTH or self._count > _MAX_VALUES:
            raise CannotClean("nested too deep, or more values than the limit")
        if isinstance(value, dict):
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise CannotClean("damaged: a key that is no text")
                self._pairs.append(("", name))
                self.read(inner, name, depth + 1)
        elif isinstance(value, list):
            for inner in value:
                self.read(inner, key, depth + 1)
        elif (shown := _shown(value)) is not None:
            self._pairs.append((key, shown))

    def cleaned(self, root: Any) -> Any:
        """Return the list with its texts cleaned."""
        pairs = list(dict.fromkeys(self._pairs))
        fields = self._job.fields(pairs)
        self._new = dict(zip(pairs, fields, strict=True))
        same = [pair for pair in pairs if self._new[pair] == pair[1]]
        for start in range(0, len(same), _READ_TOGETHER):
            self._rewrite(same[start : start + _READ_TOGETHER])
        return self._value(root, "")

    def _rewrite(self, pairs: list[tuple[str, str]]) -> None:
        """Rewrite texts that stand near each other as lines of one text: what a key says tells what stands behind it."""
        pieces = [piece for key, text in pairs for piece in (f"\n{key}: " if key else "\n", text)]
        new = across(pieces, self._job.edits(["".join(pieces)], "field")[0])
        self._new.update(zip(pairs, new[1::2], strict=True))

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            # Keys that became the same label get a number.
            names = Names()
            return {names.free(self._new["", name]): self._value(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, key) for inner in value]
        if isinstance(value, bytes):
            return self._bytes(value)
        shown = _shown(value)
        if shown is None:
            return value
        new = self._new[key, shown]
        return value if new == shown else new

    def _bytes(self, raw: bytes) -> bytes:
        text = text_in(raw)
        if text is not None:
            return self._job.rewrite([text], "field")[0].encode()
        member = self._job.nested("", raw) if raw else None
        if raw and member is None:
            self._job.dropped("embedded data")
        return b"" if member is None else member.content


def _shown(value: Any) -> str | None:
    """Return a value as a person would read it, or None for one that is no text, number or time."""
    if isinstance(value, str):
        return value
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None
