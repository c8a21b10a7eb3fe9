"""What `privet train` trains on: rows of a file, without identifiers and copies, and whose each is.

Invariants:

- Everything happens in memory, but for digests and signatures of cleaned rows, which lie in the folder that is given.
- Only the column of texts comes out. Who a subject is does not: subjects are numbered.
- A row is cleaned as `privet scrub` cleans it, and copies are told as it tells them.
- Errors name file and line, never what stands there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from privet.errors import BadInput
from privet.ingest.cleaning import Cleaning
from privet.ingest.columns import Columns
from privet.ingest.file_names import clean_component
from privet.ingest.repeats import Kept, kept_rows
from privet.ingest.texts import Texts
from privet.integrations.train_files import rows_of
from privet.policy import Policy
from privet.train_config import TrainConfig

_BATCH_ROWS: Final = 256
Told = Callable[[str, int, int], None]
"""step, how much is done, of how much"""


@dataclass(frozen=True, slots=True, repr=False)
class Examples:
    """Cleaned texts or conversations; `subjects` has a number for each row, None where it is nobody's, and is None without a column."""

    rows: list[Any]
    subjects: list[int | None] | None
    chats: bool
    name: str
    """what the data is called where nothing else is said: the file's name, where that names nobody"""
    done: dict[str, Any]
    """for the evidence: how many rows were read, changed and dropped, and why; what was found, by kind"""


@dataclass(frozen=True, slots=True, repr=False)
class _Read:
    values: list[Any]
    whose: list[Any]
    beside: dict[str, list[Any]]
    column: str
    chats: bool
    total: int


def examples_of(config: TrainConfig, policy: Policy, key: bytes | None, scratch: Path, told: Told) -> Examples:
    """Return the rows of the data, cleaned and each once.

    Raises:
        BadInput: a row or a column is not there, or not what it has to be; a transform needs a key.

    """
    texts = Texts(policy, config.tier, key)
    columns = Cleaning(policy, texts, key).columns()
    named = {item.subject for item in policy.scrub.transform if item.subject} | set(texts.subject_columns)
    read = _read(config, sorted(named))
    if columns.kept_name(read.column) is None:
        raise BadInput(
            f"{config.where('data.path')}: the policy does not keep the column of texts",
            hint="add it to scrub.columns in privet.toml",
        )
    cleaned = _cleaned(columns, read, told)
    kept = _kept(columns, policy, scratch)
    flags = kept.rows
    stay = [
        at
        for at, value in enumerate(cleaned)
        if (flags is None or flags[at]) and (_is_chat(value) if read.chats else isinstance(value, str) and value)
    ]
    if not stay:
        raise BadInput(f"{config.where('data.path')}: no row of the data is left", hint="give it more different rows")
    found = Counter[str]()
    for kinds in texts.taken().values():
        found.update(kinds)
    copies = {"duplicates": kept.duplicates, "near_duplicates": kept.near_duplicates}
    scrubbed = {
        "tier": config.tier,
        "read": read.total,
        "changed": sum(old is not new for old, new in zip(read.values, cleaned, strict=True)),
        "empty": read.total - sum(copies.values()) - kept.suppressed - len(stay),
        "suppressed": kept.suppressed,
        "written": len(stay),
        "found": dict(sorted(found.items())),
    }
    subjects = _numbered([read.whose[at] for at in stay]) if config.subject else None
    name = clean_component(config.data.stem, texts)
    rows = [cleaned[at] for at in stay]
    return Examples(rows, subjects, read.chats, name, {"scrub": scrubbed, "dedup": copies})


def _cleaned(columns: Columns, read: _Read, told: Told) -> list[Any]:
    """Return the texts without identifiers, noting them for `_kept`."""
    out: list[Any] = []
    count = len(read.values)
    for start in range(0, count, _BATCH_ROWS):
        told("scrub", start, count)
        part = slice(start, start + _BATCH_ROWS)
        batch = {name: values[part] for name, values in read.beside.items() if name != read.column}
        batch[read.column] = read.values[part]
        made = columns.clean(batch)
        # Names of columns are cleaned too; the one of texts was put in last.
        texts = made[list(made)[-1]]
        columns.add({"text": texts})
        out += texts
    told("scrub", count, count)
    return out


def _kept(columns: Columns, policy: Policy, scratch: Path) -> Kept:
    """Return which rows stay."""
    marks = scratch / "rows.npz"
    with marks.open("xb") as file:
        columns.marks.save(file)
    try:
        return kept_rows([(marks, "")], policy.scrub, scratch)[0]
    finally:
        marks.unlink()


def _numbered(whose: Sequence[Any]) -> list[int | None]:
    """Return a number for each subject. Two spellings of one may be two people's, and are one unit: that errs on the safe side."""
    numbers: dict[str, int] = {}
    spelled = ["" if one is None else _spelled(one) for one in whose]
    return [numbers.setdefault(one, len(numbers)) if one else None for one in spelled]


def _spelled(whose: str | float) -> str:
    if isinstance(whose, float):
        return "" if math.isnan(whose) else f"{whose:.17g}"
    return str(whose).strip().casefold()


def _read(config: TrainConfig, beside: Sequence[str]) -> _Read:
    """Return the column of texts, that of subjects, and those that transforms ask for."""
    values: list[Any] = []
    whose: list[Any] = []
    more: dict[str, list[Any]] = {name: [] for name in beside}
    column, chats, total = "", False, 0
    for place, row in rows_of(config):
        total += 1
        if not column:
            column, chats = _column(config, row)
        value = _value(config, row, column, place)
        if value is None or value == [] or (isinstance(value, str) and not value.strip()):
            continue
        if chats and not _is_chat(value):
            raise BadInput(
                f"{place}: {column} is no list of {{role, content}}",
                hint="give each message a role and a content, both texts; for plain texts name data.text",
            )
        if not chats and not isinstance(value, str):
            raise BadInput(f"{place}: {column} is no text", hint="give texts, or name data.messages")
        values.append(value)
        whose.append(_subject(config, row, place))
        for name, held in more.items():
            held.append(row.get(name))
    if not values:
        raise BadInput(
            f"{config.where('data.path')}: the data {config.data.name} holds no row with text",
            hint="there is nothing to train on",
        )
    return _Read(values, whose, more, column, chats, total)


def _subject(config: TrainConfig, row: Mapping[str, Any], place: str) -> Any:
    if config.subject is None:
        return None
    whose = _value(config, row, config.subject, place)
    if whose is not None and not isinstance(whose, (str, int, float)):
        raise BadInput(f"{place}: {config.subject} is neither text nor number", hint="name whose the row is, or null")
    return whose


def _column(config: TrainConfig, row: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the name of the column of texts, and whether it holds conversations."""
    if config.messages is not None:
        return config.messages, True
    if config.text is not None:
        return config.text, False
    for name, chats in (("text", False), ("messages", True)):
        if name in row:
            return name, chats
    raise BadInput(
        f"{config.where('data.path')}: the data {config.data.name} has no column text and no column messages",
        hint="name the one to train on: data.text = '...' or data.messages = '...'",
    )


def _value(config: TrainConfig, row: Mapping[str, Any], column: str, place: str) -> Any:
    if column in row:
        return row[column]
    asked = {config.messages: "data.messages", config.text: "data.text", config.subject: "data.subject"}
    key = asked.get(column, "data.path")
    raise BadInput(f"{place}: no column {column}, which {config.where(key)} names", hint="each row needs it")


def _is_chat(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
            for turn in value
        )
    )
