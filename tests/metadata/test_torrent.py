"""Torrents: what is shared stays bit for bit, who made the file goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import NAME, WORD, cleaned, refused
from jobs import edits_of

from privet.metadata.job import CannotClean, Job
from privet.metadata.torrent import clean


def coded(value: Any) -> bytes:
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(coded, value)) + b"e"
    return b"d" + b"".join(coded(key) + coded(value[key]) for key in sorted(value)) + b"e"


INFO = {
    "name": "holiday",
    "piece length": 16384,
    "pieces": bytes(range(256)),
    "files": [{"length": 5, "path": ["a", "b.txt"]}],
}
KEPT = {"announce": "https://tracker.example.com/a", "announce-list": [["https://tracker.example.com/a"]], "info": INFO}


def test_what_is_shared_stays_and_words_go() -> None:
    job = Job()
    raw = coded(
        KEPT
        | {
            "comment": WORD,
            "created by": WORD,
            "creation date": 1700000000,
            "private key": [WORD, {"a": WORD}],
            "encoding": WORD,
        }
    )
    assert cleaned(clean, raw + WORD.encode(), job) == coded(KEPT)
    assert job.removed == {"comment": 1, "software": 1, "date": 1, "key": 2, "trailing bytes": 1}
    assert cleaned(clean, coded(KEPT | {"encoding": "UTF-8"})) == coded(KEPT | {"encoding": "UTF-8"})


def test_addresses_lose_identifiers() -> None:
    job = Job(edits=edits_of("example.com"))
    out = cleaned(clean, coded(KEPT), job)
    assert out == coded(KEPT | {"announce": "https://tracker.[X]/a", "announce-list": [["https://tracker.[X]/a"]]})


def test_a_shared_name_that_would_have_to_go_is_a_reason() -> None:
    for info in (INFO | {"name": f"by {NAME}"}, INFO | {NAME: 1}):
        with pytest.raises(CannotClean, match="would have to give way"):
            films.run(clean, coded({"info": info}), Job(edits=edits_of(NAME)))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (coded(KEPT)[:-9], "damaged"),
        (coded({"announce": "a"}), "without what is shared"),
        (coded({"info": INFO}).replace(b"i5e", b"ixe"), "damaged"),
        (b"d4:info" + b"l" * 100, "too deep"),
        (bytes(99), "not a torrent"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, coded(KEPT | {"comment": WORD}))
