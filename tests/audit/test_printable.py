"""What stands in files of no known form."""

from __future__ import annotations

import random
from io import BytesIO

import pytest

from privet.audit.printable import marks_in, texts_in

NOISE = random.Random(1).randbytes(3 << 20)


def found(content: bytes) -> str:
    return "\n".join(texts_in(BytesIO(content)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("place", [0, 1_000_001, (1 << 20) - 9, len(NOISE)])
def test_runs_are_found_wherever_they_stand(encoding: str, place: int) -> None:
    words = "write to jöhn@example.com".encode(encoding)
    assert "jöhn@example.com" in found(NOISE[:place] + b"\x80\0\x80" + words + b"\x80\0\x80" + NOISE[place:])


MARKS = {
    "metadata-exif": b"Exif\0\0II*\0",
    "metadata-xmp": b"<x:xmpmeta",
    "metadata-iptc": b"Photoshop 3.0\0",
    "metadata-id3": b"ID3\3\0\0\0\0\1\1TPE1",
    "metadata-pdf-info": b"/Author (Jane)",
    "metadata-office-author": b"<dc:creator>Jane",
    "metadata-ape": b"APETAGEX",
    "metadata-vorbis-comment": b"OpusTags",
}


@pytest.mark.parametrize("rule", MARKS)
def test_marks_of_metadata_are_told_once(rule: str) -> None:
    raw = NOISE[: (1 << 20) - 4] + MARKS[rule] + NOISE[:999] + MARKS[rule]
    assert [(tag.rule, tag.personal) for tag in marks_in(BytesIO(raw))] == [(rule, True)]


def test_noise_holds_no_marks_and_blank_fields_are_none() -> None:
    assert list(marks_in(BytesIO(NOISE + b"/Author () <dc:creator></dc:creator>"))) == []


def test_the_head_of_a_medical_picture() -> None:
    assert [tag.rule for tag in marks_in(BytesIO(bytes(128) + b"DICM"))] == ["metadata-dicom"]
