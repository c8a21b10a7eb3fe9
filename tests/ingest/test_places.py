"""Where outputs go."""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.ingest.places import Places
from privet.ingest.plan import MANIFEST


def placed(*names: str) -> list[str]:
    places = Places()
    return [places.free(name) for name in names]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/b.txt", "c.txt"], ["a/b.txt", "c.txt"]),
        (["a.txt", "a.txt", "a-2.txt", "a.txt"], ["a.txt", "a-2.txt", "a-2-2.txt", "a-3.txt"]),
        (["a.txt", "A.TXT"], ["a.txt", "A-2.TXT"]),
        (["e\u0301.txt", "\u00e9.txt"], ["e\u0301.txt", "\u00e9-2.txt"]),
        (["x", "x/a", "x/b"], ["x", "x-2/a", "x-2/b"]),
        (["x/a", "x", "X"], ["x/a", "x-2", "X-3"]),
        (["x", "x-2", "x/a", "x/x", "x"], ["x", "x-2", "x-3/a", "x-3/x", "x-4"]),
        (
            [MANIFEST, f"{MANIFEST}/a", MANIFEST.upper()],
            ["privet-manifest-2.json", "privet-manifest-3.json/a", "PRIVET-MANIFEST-4.JSON"],
        ),
        ([".privet-work", "a/.privetX", ".PRIVET"], ["_.privet-work", "a/_.privetX", "_.PRIVET"]),
    ],
)
def test_no_two_outputs_have_one_place(names: list[str], expected: list[str]) -> None:
    assert placed(*names) == expected


def test_a_file_of_another_kind_gets_its_ending() -> None:
    places = Places()
    assert [places.free("a.doc", ".docx"), places.free("a.docx"), places.free("b", ".docx")] == [
        "a.docx", "a-2.docx", "b.docx",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("n" * 300 + ".jsonl", ".jsonl"),
        ("é" * 200 + ".txt", ".txt"),
        ("a." + "b" * 300, "b"),
        ("\U0001f469" * 70, "\U0001f469"),
    ],
)
def test_a_name_that_grew_too_long_is_cut(name: str, ending: str, tmp_path: Path) -> None:
    for place in placed(name, name, f"{name}/x", f"dir/{name}"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert placed(name)[0].endswith(ending)


def test_a_name_that_just_fits_stays() -> None:
    name = "n" * 251 + ".txt"
    assert placed(name, name) == [name, "n" * 249 + "-2.txt"]


def test_a_path_that_grew_too_long_keeps_its_name() -> None:
    deep = "/".join(["EMAIL_ADDRESS"] * 300)
    one, two, three = placed(f"{deep}/a.txt", f"{deep}/b.txt", f"{deep}/c/a.txt")
    assert PurePosixPath(one).parent == PurePosixPath(two).parent != PurePosixPath(three).parent
    assert PurePosixPath(one).name == "a.txt"
    assert len(one) < 100


@given(st.lists(st.text(st.sampled_from("aA/-2."), min_size=1, max_size=7), max_size=30))
def test_whatever_the_names_no_output_stands_in_the_way_of_another(names: list[str]) -> None:
    usable = [
        str(PurePosixPath(name))
        for name in names
        if PurePosixPath(name).parts[:1] not in {(), ("/",)} and ".." not in name
    ]
    places = [place.casefold() for place in placed(*usable)]
    assert len(set(places)) == len(places)
    folders = {str(parent) for place in places for parent in PurePosixPath(place).parents}
    assert folders.isdisjoint(places)


def test_a_hundred_thousand_files_of_one_name_take_linear_time() -> None:
    started = time.process_time()
    places = placed(*["EMAIL_ADDRESS.txt"] * 30_000)
    assert places[-1] == "EMAIL_ADDRESS-30000.txt"
    assert time.process_time() - started < 5
