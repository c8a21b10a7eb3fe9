"""A table of sheets for tests of the formats: what becomes of a column is told by its heading."""

from __future__ import annotations

from collections.abc import Sequence

from privet.metadata.job import Table


class PlainTable:
    """Drops `secret`, stars `phone`, empties `gone`; rows with the word `by-itself` go where `loses_rows` is set. Implements `job.Table`."""

    def __init__(
        self, first: Sequence[Sequence[str]], header: int, *, strict: bool = False, loses_rows: bool = False
    ) -> None:
        self.header = header
        self.keeps_rest = not strict
        self.may_lose_rows = loses_rows
        self._names = list(first[header]) if header >= 0 else []
        self._kept: list[bool] = []
        self.seen: list[dict[int, list[str]]] = []

    def _name(self, at: int) -> str:
        return self._names[at] if at < len(self._names) else f"column_{at + 1}"

    def _is_dropped(self, at: int) -> bool:
        return self._name(at) == "secret" or (not self.keeps_rest and self._name(at).startswith("column_"))

    def heading(self, at: int) -> str | None:
        if self._is_dropped(at):
            return None
        return self._names[at].replace("Jane", "[PERSON]") if at < len(self._names) else ""

    def is_replaced(self, at: int) -> bool:
        return self._is_dropped(at) or self._name(at) in ("phone", "gone")

    def clean(self, columns: dict[int, list[str]]) -> dict[int, list[str]]:
        self.seen.append(columns)
        self._kept += ["by-itself" not in row for row in zip(*columns.values(), strict=True)]
        return {
            at: [self._new(at, value) for value in values] for at, values in columns.items() if not self._is_dropped(at)
        }

    def _new(self, at: int, value: str) -> str:
        if self._name(at) == "gone":
            return ""
        return value and ("***" if self._name(at) == "phone" else value.replace("Jane", "[PERSON]"))

    def kept(self) -> Sequence[bool] | None:
        return self._kept if self.may_lose_rows else None


def header_of(first: Sequence[Sequence[str]]) -> int:
    return next((at for at, row in enumerate(first[:2]) if "name" in row), -1)


def table(first: Sequence[Sequence[str]]) -> Table | None:
    """Take for a table what has a heading `name` in one of its first two rows."""
    header = header_of(first)
    return None if header < 0 else PlainTable(first, header)


def losing_rows(first: Sequence[Sequence[str]]) -> Table | None:
    return PlainTable(first, 0, loses_rows=True) if first and "name" in first[0] else None


def strict(first: Sequence[Sequence[str]]) -> Table | None:
    return PlainTable(first, header_of(first), strict=True)
