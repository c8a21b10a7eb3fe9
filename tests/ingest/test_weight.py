"""What archives weigh, before anything in them is cleaned."""

from __future__ import annotations

import gzip
import io
import os
import zipfile

import pytest

from privet.ingest.weight import check_content, check_weight
from privet.metadata.job import Job, Limits
from privet.metadata.zip_members import TooMuch


def _zip(*contents: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for number, content in enumerate(contents):
            file.writestr(str(number), content)
    return out.getvalue()


def test_the_limit_is_that_of_all_levels_together() -> None:
    raw = _zip(_zip(os.urandom(400_000)), gzip.compress(os.urandom(400_000)))
    source = io.BytesIO(raw)
    check_weight(source, "zip", Job(limits=Limits(max_unpacked_bytes=2_000_000)))
    assert source.tell() == 0
    with pytest.raises(TooMuch, match="more than the limit"):
        check_weight(source, "zip", Job(limits=Limits(max_unpacked_bytes=1_500_000)))


def test_a_light_zip_is_weighed_by_its_directory_and_what_begins_as_an_archive() -> None:
    bomb = _zip(b"0,1\n" * 5_000_000)
    noise = os.urandom(len(bomb) * 20)
    with pytest.raises(TooMuch, match="over and over"):
        check_weight(io.BytesIO(_zip(noise, bomb)), "zip", Job())
    check_weight(io.BytesIO(_zip(noise, b"x" + bomb)), "zip", Job())


def test_how_deep_is_bounded_and_damage_is_not_judged() -> None:
    raw = b"0,1\n" * 5_000_000
    for _ in range(3):
        raw = gzip.compress(raw)
    check_weight(io.BytesIO(raw), "gzip", Job(limits=Limits(max_depth=1)))
    with pytest.raises(TooMuch):
        check_weight(io.BytesIO(raw), "gzip", Job())
    check_weight(io.BytesIO(raw[:-20]), "gzip", Job(limits=Limits(max_depth=1)))
    check_weight(io.BytesIO(b"PK\3\4 no archive"), "zip", Job())


def test_what_is_unpacked_already_is_held_against_what_it_was_packed_in() -> None:
    bomb = gzip.compress(b"0,1\n" * 5_000_000)
    check_content(b"0,1\n" * 5_000_000, 100, Job())
    with pytest.raises(TooMuch, match="over and over"):
        check_content(bomb, len(bomb) // 10, Job())
    with pytest.raises(TooMuch, match="more than the limit"):
        check_content(_zip(os.urandom(400_000)), 400_000, Job(limits=Limits(max_unpacked_bytes=600_000)))
