"""What `privet scrub` says of a run on the terminal, from its manifest: what was done, what was set aside, what to do next."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from privet.cli.style import Style
from privet.metadata.job import MEMBER

_MAX_SHOWN: Final = 20
_MAX_KINDS: Final = 8
_MANY_ROWS: Final = 20
_WHY_DROPPED: Final = ("duplicates", "near_duplicates", "suppressed")
_OF_SHEETS: Final = frozenset(
    ("row of a small group", "column", "formula", "cell above a table", "cell in the place of another", "rule for cells", "chart values",
     "filter")
)  # fmt: skip
"""What is left out of tables in workbooks, and of what repeats their cells."""


def tell(manifest: dict[str, Any], out: Path, *, is_new: bool) -> None:
    """Print what was done and what to do next."""
    style = Style.of(sys.stdout)
    files = manifest["files"]
    aside = [entry for entry in files if entry["status"] != "cleaned"]
    write = sys.stdout.write
    if not is_new:
        write("nothing to do: the output is complete and unchanged\n")
    write(f"{style.bold(str(len(files) - len(aside)))} of {len(files)} files clean, {len(aside)} set aside\n")
    _tell_counts(files)
    if unused := manifest["unused_columns"]:
        write(f"  {style.yellow('columns')}      named in the policy and in no table: {', '.join(unused)}\n")
    _tell_dropped(files)
    for entry in files:
        if _is_mostly_gone(entry.get("rows")):
            left = f"{entry['rows']['written']:,} of {entry['rows']['read']:,} rows are left"
            write(f"  {style.yellow('mostly gone')}  {entry['input']}: {left}\n")
        if members := entry["removed"].get(MEMBER, 0):
            write(f"  {style.yellow('set aside')}    {entry['input']}: {members:,} of its members\n")
    for entry in aside[:_MAX_SHOWN]:
        write(f"  {style.yellow('set aside')}    {entry['input']}: {entry['reason']}\n")
    if len(aside) > _MAX_SHOWN:
        write(f"  … and {len(aside) - _MAX_SHOWN} more, in the manifest\n")
    write(f"next: privet audit dataset {out}\n")


def _tell_dropped(files: Sequence[dict[str, Any]]) -> None:
    """Say of which files rows were dropped, those that lost most first."""
    gone = [(entry, counts) for entry in files if (counts := _dropped(entry.get("rows", {})))]
    gone.sort(key=lambda item: -sum(item[1].values()))
    for entry, counts in gone[:_MAX_SHOWN]:
        sys.stdout.write(f"  {'dropped':<12} {entry['output']}: {_listed(counts)}\n")
    if len(gone) > _MAX_SHOWN:
        sys.stdout.write(f"  … and rows of {_number(len(gone) - _MAX_SHOWN, 'more file')}, in the manifest\n")


def _dropped(rows: dict[str, int]) -> dict[str, int]:
    return {name: rows[name] for name in _WHY_DROPPED if rows.get(name)}


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(
        f"{count:,} {name if name == 'suppressed' or count != 1 else name.removesuffix('s')}".replace("_", " ")
        for name, count in counts.items()
    )


def _number(count: int, noun: str) -> str:
    """Return a number of things in words.

    >>> _number(1, "file"), _number(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _is_mostly_gone(rows: dict[str, int] | None) -> bool:
    return rows is not None and rows["read"] >= _MANY_ROWS and rows["written"] < rows["read"] / 2


def _tell_counts(files: Sequence[dict[str, Any]]) -> None:
    kinds: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    sheets: Counter[str] = Counter()
    for entry in files:
        for what, count in entry["removed"].items():
            if what != MEMBER:  # that is content
                (sheets if what in _OF_SHEETS else removed)[what] += count
        rows.update(entry.get("rows", {}))
        columns.update(entry.get("dropped_columns", {}))
        for found in entry["found"].values():
            kinds.update(found)
    write = sys.stdout.write
    for title, counts in (("identifiers", kinds), ("metadata", removed), ("sheets", sheets)):
        if counts:
            most = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common(_MAX_KINDS))
            rest = len(counts) - _MAX_KINDS
            more = f", and {_number(rest, 'more kind')}" if rest > 0 else ""
            write(f"  {title:<12} {most}{more}\n")
    if columns:
        write(f"  {'columns':<12} dropped: {', '.join(sorted(columns))}\n")
    if rows["read"]:
        gone = _listed({name: rows[name] for name in _WHY_DROPPED})
        write(f"  {'rows':<12} {rows['read']:,} read, {rows['written']:,} written; dropped: {gone}\n")
    if unseen := sum(entry.get("pixels") == "not looked at" for entry in files):
        write(
            f"  {'pixels':<12} of {_number(unseen, 'file')} not looked at: pip install 'privet[pictures]' covers text and faces\n"
        )
