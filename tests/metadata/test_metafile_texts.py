"""Texts of a drawing: judged as one, spread over the same width."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from jobs import edits_of

from privet.metadata.job import Job
from privet.metadata.metafile_texts import rewritten, spread, until_end


def test_an_identifier_over_two_texts_gives_way() -> None:
    job = Job(edits=edits_of("Jane Example"))
    assert rewritten(["for Jane", "Example", "only"], job) == ["for [X]", "", "only"]
    assert rewritten([], job) == []


def test_widths_are_spread_over_other_letters() -> None:
    assert spread([9, 9], 3) == [6, 6, 6]
    assert spread([9], 0) == []


def test_names_end_where_they_end() -> None:
    assert until_end("Arial".encode("utf-16-le") + b"\0\0jane", 2) == "Arial".encode("utf-16-le") + bytes(6)
    assert until_end(b"full") == b"full"
