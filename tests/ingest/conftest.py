"""A small `Records` that replaces one address and one number, and a run of a record format from source to cleaned file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from privet.ingest.record_file import MISSING, RecordFile, Records
from privet.metadata.job import Limits

EMAIL = "jane@example.com"
CARD = 4111111111111111


class Cleaner:
    """Replaces EMAIL by "[EMAIL]" wherever it stands, in names of columns too; CARD by None; leaves out the columns of `left_out`."""

    def __init__(self, left_out: Sequence[str] = (), limits: Limits | None = None, *, is_idle: bool = False) -> None:
        self.limits = limits or Limits()
        self.left_out = left_out
        self.is_idle = is_idle
        self.rows: list[dict[str, Any]] = []
        self.identities: list[bytes] = []
        self.given: list[Any] = []
        self.seen: set[str] = set()

    def clean(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        self.given += [value for values in batch.values() for value in values]
        if self.is_idle:
            return batch
        return {
            self._inside(name): [self._inside(value) for value in values]
            for name, values in batch.items()
            if name not in self.left_out
        }

    def _inside(self, value: Any) -> Any:
        new = value
        if isinstance(value, str):
            new = value.replace(EMAIL, "[EMAIL]")
        elif isinstance(value, bytes):
            new = value.replace(EMAIL.encode(), b"[EMAIL]")
        elif isinstance(value, (list, tuple)):
            new = [self._inside(item) for item in value]
            return value if all(a is b for a, b in zip(new, value, strict=True)) else new
        elif isinstance(value, dict):
            new = {self._inside(key): self._inside(item) for key, item in value.items()}
            is_same = new.keys() == value.keys() and all(new[key] is item for key, item in value.items())
            return value if is_same else new
        elif value == CARD:
            return None
        return value if new == value else new

    def add(self, batch: dict[str, list[Any]], identities: Sequence[bytes] | None = None) -> None:
        count = len(identities) if identities is not None else len(next(iter(batch.values()), []))
        assert all(len(values) == count for values in batch.values())
        self.identities += identities or []
        self.rows += [
            {name: values[at] for name, values in batch.items() if values[at] is not MISSING} for at in range(count)
        ]


def _scrubbed(
    form: RecordFile,
    source: Path,
    records: Callable[[], Records] = Cleaner,
    *,
    unit_bytes: int = 1 << 24,
    kept: Callable[[int], bool] | None = None,
) -> bytes:
    """Return the cleaned file. `kept` says which rows stay, by their number in the whole file."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as files:
        parts, flags = [], []
        count = 0
        for at, unit in enumerate(form.units(source, unit_bytes)):
            part = files.enter_context(Path(folder, str(at)).open("w+b"))
            cleaner = records()
            form.clean_unit(source, unit, cleaner, part)
            part.seek(0)
            parts.append(part)
            rows = len(cleaner.rows)  # type: ignore[attr-defined]
            flags.append(np.array([kept(count + row) for row in range(rows)], np.bool_) if kept else None)
            count += rows
        with Path(folder, "target").open("w+b") as target:
            form.assemble(source, parts, flags, target)
            target.seek(0)
            return target.read()


@pytest.fixture(scope="session")
def scrubbed() -> Callable[..., bytes]:
    return _scrubbed


@pytest.fixture(scope="session")
def cleaner() -> type[Cleaner]:
    return Cleaner
