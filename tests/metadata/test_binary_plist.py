"""Binary property lists keep what they say but who it is about."""

from __future__ import annotations

import datetime as dt
import io
import plistlib
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from privet.ingest.formats import seen
from privet.metadata import binary_plist
from privet.metadata.job import CannotClean, Job, Member

sys.path.append(str(Path(__file__).parent))

from jobs import cleaned, damaged, edits_of


def packed(value: Any) -> bytes:
    return plistlib.dumps(value, fmt=plistlib.FMT_BINARY)


def done(raw: bytes, job: Job | None = None) -> Any:
    return plistlib.loads(cleaned(binary_plist.clean, raw, job or Job(edits=edits_of("Jane Doe"))))


def test_texts_and_keys_are_rewritten_and_everything_else_stays() -> None:
    when = dt.datetime(2024, 1, 1)
    raw = packed({"by": "Jane Doe", "Jane Doe": [1, 2.5, True, "ok", when], "n": {"deep": ["Jane Doe here"]}})
    assert seen(io.BytesIO(raw), "a.plist", len(raw)) == "binary_plist"
    assert done(raw) == {"by": "[X]", "[X]": [1, 2.5, True, "ok", when], "n": {"deep": ["[X] here"]}}


def test_a_key_tells_what_its_value_is() -> None:
    assert done(packed({"Author": "Ada", "City": "Ada"}), Job(edits=edits_of(r"(?<=Author: )\w+"))) == {
        "Author": "[X]",
        "City": "Ada",
    }


def test_a_field_is_cleaned_as_one() -> None:
    def fields(pairs: Sequence[tuple[str, str]]) -> list[str]:
        return ["gone" if label == "phone" else value for label, value in pairs]

    assert done(packed({"phone": 5550100, "size": 5550100}), Job(fields=fields)) == {"phone": "gone", "size": 5550100}


def test_keys_that_become_the_same_get_a_number() -> None:
    assert done(packed({"Jane Doe 1": 1, "Jane Doe 2": 2}), Job(edits=edits_of(r"Jane Doe \d"))) == {
        "[X]": 1,
        "[X]-2": 2,
    }


def test_bytes_are_files_texts_or_gone() -> None:
    def nested(_name: str, content: bytes) -> Member | None:
        return Member("", b"clean") if content.startswith(b"\x89PNG") else None

    job = Job(edits=edits_of("Jane Doe"), nested=nested)
    raw = packed({"picture": b"\x89PNG\0", "note": b"by Jane Doe at home", "bookmark": b"book\1\2\3/Users/jane"})
    assert done(raw, job) == {"picture": b"clean", "note": b"by [X] at home", "bookmark": b""}
    assert job.removed["embedded data"] == 1


def test_what_nothing_leads_to_is_not_written() -> None:
    raw = packed(["ok", "CANARY"])
    # The list says that it has one value less than it had.
    place = raw.index(b"\xa2\1\2")
    shorter = raw[:place] + b"\xa1\1\2" + raw[place + 3 :]
    out = cleaned(binary_plist.clean, shorter, Job())
    assert plistlib.loads(out) == ["ok"]
    assert b"CANARY" not in out


def test_a_list_that_holds_itself_many_times_over_is_refused() -> None:
    inner: list[Any] = ["x"]
    for _ in range(30):
        inner = [inner, inner]
    with pytest.raises(CannotClean):
        done(packed(inner))


def test_damage_is_refused_or_cleaned() -> None:
    chance = random.Random(4)
    raw = packed({"by": "Jane Doe", "l": [1, 2.5, b"abc", dt.datetime(2024, 1, 1)]})
    for _ in range(300):
        try:
            done(damaged(raw, chance))
        except CannotClean:
            continue
