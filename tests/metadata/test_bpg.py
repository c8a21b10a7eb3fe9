"""BPG: the coded picture stays, extensions go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused

from privet.metadata.bpg import clean
from privet.metadata.job import Job

PICTURE = bytes(range(200))


def file(*extensions: tuple[int, bytes], length: int = 200, flags: int = 0) -> bytes:
    body = b"".join(bytes((kind, len(content))) + content for kind, content in extensions)
    size = (
        (bytes((len(body),)) if len(body) < 128 else bytes((0x80 | len(body) >> 7, len(body) & 127))) if body else b""
    )
    coded = b"\x81\x48" if length else b"\0"
    return b"BPG\xfb\x10" + bytes((flags | (8 if body else 0),)) + b"\x81\0\x60" + coded + size + body + PICTURE


def test_the_picture_stays_and_extensions_go() -> None:
    words = WORD.encode()
    job = Job()
    raw = file((1, words), (3, words), (5, b"\0\1\1"), (77, words), flags=1)
    assert cleaned(clean, raw + words, job) == file((5, b"\0\1\1"), flags=1)
    assert job.removed == {"exif": 1, "xmp": 1, "extension": 1, "trailing bytes": 1}
    assert cleaned(clean, file((2, words))) == file()
    assert cleaned(clean, file((2, words), length=0)) == file(length=0)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file()[:-1], "truncated"),
        (file((1, b"abc"))[:12], "truncated"),
        (b"BPG\xfb\x10\0\xff\xff\xff\xff\xff\xff", "damaged"),
        (file((1, b"abc")).replace(b"\1\3abc", b"\1\x30abc"), "an extension"),
        (bytes(99), "not a bpg"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file((1, WORD.encode())))
