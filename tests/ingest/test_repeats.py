"""Which rows stay."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.ingest import repeats
from privet.ingest.marks import Marks, load
from privet.ingest.repeats import kept_rows
from privet.policy import DEFAULT, ScrubPolicy

PLAIN = DEFAULT.scrub
KEEP_NEAR = replace(PLAIN, near_duplicates="keep")


def saved(folder: Path, scrub: ScrubPolicy, *parts: dict[str, list[Any]]) -> list[tuple[Path, str]]:
    out = []
    for number, batch in enumerate(parts):
        marks = Marks(scrub)
        marks.add(batch, None)
        path = folder / f"{number}.marks"
        with path.open("wb") as file:
            marks.save(file)
        out.append((path, "."))
    return out


def left(folder: Path, scrub: ScrubPolicy, *parts: dict[str, list[Any]]) -> list[list[bool]]:
    kept = kept_rows(saved(folder, scrub, *parts), scrub, folder)
    lengths = [len(next(iter(part.values()))) for part in parts]
    return [
        [True] * length if one.rows is None else one.rows.tolist() for one, length in zip(kept, lengths, strict=True)
    ]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=20), min_size=1, max_size=4))
def test_the_first_of_equal_rows_stays(parts: list[list[str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        flags = left(Path(folder), KEEP_NEAR, *({"x": part} for part in parts))
    seen: set[str] = set()
    for part, kept in zip(parts, flags, strict=True):
        for value, stays in zip(part, kept, strict=True):
            assert stays == (value not in seen)
            seen.add(value)


def test_duplicates_stay_where_the_policy_keeps_them(tmp_path: Path) -> None:
    scrub = replace(PLAIN, duplicates="keep", near_duplicates="keep")
    assert left(tmp_path, scrub, {"x": ["a", "a"]}) == [[True, True]]


def test_near_duplicates_go_and_others_stay(tmp_path: Path) -> None:
    rng = random.Random(3)
    words = [f"w{number}" for number in range(3000)]
    texts: list[str] = []
    is_near: list[bool] = []
    for _ in range(300):
        text = rng.choices(words, k=80)
        texts.append(" ".join(text))
        is_near.append(False)
        if rng.random() < 0.3:
            text[rng.randrange(80)] = "other"
            texts.append(" ".join(text))
            is_near.append(True)
    half = len(texts) // 2
    flags = left(tmp_path, PLAIN, {"x": texts[:half]}, {"x": texts[half:]})
    assert [not stays for part in flags for stays in part] == is_near


def test_a_chain_of_near_duplicates_leaves_its_first(tmp_path: Path) -> None:
    words = [f"w{number}" for number in range(200)]
    texts = []
    for step in range(8):
        words[step * 7] = f"new{step}"
        texts.append(" ".join(words))
    assert left(tmp_path, PLAIN, {"x": texts}) == [[True, *[False] * 7]]


def test_sorting_by_stretches_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(4)
    batch = {"x": [" ".join(rng.choices("abcdefghij", k=rng.choice([3, 12]))) for _ in range(400)]}
    batch["x"] += batch["x"][:100]
    whole = left(tmp_path, PLAIN, batch)
    monkeypatch.setattr(repeats, "_ROWS_AT_ONCE", 16)
    assert left(tmp_path, PLAIN, batch) == whole
    assert not list(tmp_path.glob("digests")) + list(tmp_path.glob("bands"))


def test_small_groups_go(tmp_path: Path) -> None:
    scrub = replace(KEEP_NEAR, quasi_identifiers=frozenset({"age", "zip"}), min_group_rows=3)
    batch = {"age": [30, 30, 30, 40, 40], "zip": ["1", "1", "1", "1", "1"], "x": list("abcde")}
    assert left(tmp_path, scrub, batch) == [[True, True, True, False, False]]


def test_groups_are_counted_over_the_files_of_a_folder(tmp_path: Path) -> None:
    scrub = replace(KEEP_NEAR, quasi_identifiers=frozenset({"age"}), min_group_rows=3)
    parts = saved(tmp_path, scrub, {"age": [30, 30], "x": [1, 2]}, {"age": [30], "x": [3]})
    assert [part.rows for part in kept_rows(parts, scrub, tmp_path)] == [None, None]
    apart = [(parts[0][0], "a"), (parts[1][0], "b")]
    assert [part.suppressed for part in kept_rows(apart, scrub, tmp_path)] == [2, 1]


def test_groups_are_counted_over_what_stays(tmp_path: Path) -> None:
    scrub = replace(KEEP_NEAR, quasi_identifiers=frozenset({"age"}), min_group_rows=2)
    assert left(tmp_path, scrub, {"age": [30, 30], "x": ["so it is said"] * 2}) == [[False, False]]
    assert left(tmp_path, scrub, {"age": [30, 30], "x": [1, 1]}) == [[True, True]]


def test_groups_with_one_sensitive_value_go(tmp_path: Path) -> None:
    scrub = replace(
        KEEP_NEAR,
        quasi_identifiers=frozenset({"age"}),
        sensitive=frozenset({"ill"}),
        min_group_rows=2,
        min_sensitive_values=2,
    )
    batch = {"age": [30, 30, 40, 40], "ill": ["a", "b", "a", "a"], "x": [1, 2, 3, 4]}
    assert left(tmp_path, scrub, batch) == [[True, True, False, False]]


def test_marks_are_the_same_however_rows_are_batched(tmp_path: Path) -> None:
    scrub = replace(PLAIN, quasi_identifiers=frozenset({"a"}), sensitive=frozenset({"b"}))
    rows = {"a": list(range(10)), "b": [f"some words of a text that is number {number}" for number in range(10)]}
    made = []
    for step in (1, 3, 10):
        marks = Marks(scrub)
        for at in range(0, 10, step):
            marks.add({name: values[at : at + step] for name, values in rows.items()}, None)
        path = tmp_path / f"{step}.npz"
        with path.open("wb") as file:
            marks.save(file)
        assert marks.rows == 0
        made.append({name: values.tobytes() for name, values in load(path).items()})
    assert made[0] == made[1] == made[2]
