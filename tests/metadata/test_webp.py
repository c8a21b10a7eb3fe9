"""WebP: bitstreams, transparency and timing come out, and nothing else does."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from privet.metadata import webp
from privet.metadata.job import CannotClean

sys.path.append(str(Path(__file__).parent))

from pictures import (
    CANARY,
    WORD,
    XMP,
    check,
    cleaned,
    encode,
    exif,
    frames,
    leaks,
    orientation,
    picture,
    survives,
    tagged,
    wide_gamut,
)

OPTIONS = ({"lossless": True}, {"quality": 80}, {"quality": 50, "alpha_quality": 50})
PLAIN = encode(picture(), "WEBP")
MOVING = {
    "save_all": True,
    "append_images": [picture("RGBA", seed=2), picture("RGBA", seed=3)],
    "duration": [10, 20, 30],
    "loop": 3,
}


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2)


def chunks(raw: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 12
    while at < len(raw):
        length = int.from_bytes(raw[at + 4 : at + 8], "little")
        found.append((raw[at : at + 4], raw[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    body = b"WEBP" + b"".join(chunk(name, body) for name, body in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_what_pillow_writes(mode: str, options: dict[str, object]) -> None:
    raw = encode(picture(mode), "WEBP", exif=exif(), xmp=XMP, icc_profile=wide_gamut(), **options)
    clean = check(webp, raw + WORD.encode())
    pictures = {b"VP8 ", b"VP8L", b"ALPH"}
    assert [part for part in chunks(clean) if part[0] in pictures] == [
        part for part in chunks(raw) if part[0] in pictures
    ]
    assert {name for name, _ in chunks(clean)} <= {b"VP8X", b"ICCP", *pictures}
    assert cleaned(webp, raw + b"more")[1].keys() == {"exif", "xmp", "icc", "trailing data"}


def test_a_clean_picture_comes_out_as_it_went_in() -> None:
    assert cleaned(webp, PLAIN) == (PLAIN, {})


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_which_way_up_it_is_stays_alone(turn: int) -> None:
    clean = check(webp, encode(picture(), "WEBP", exif=exif(turn)))
    assert orientation(clean) == turn
    assert chunks(clean)[0][1][0] == (0 if turn == 1 else 0x08)
    packet = XMP.replace(b"dc:creator", b'tiff:Orientation="%d" dc:creator' % turn)
    assert orientation(check(webp, encode(picture(), "WEBP", xmp=packet))) == turn


def test_what_exiftool_writes(tmp_path: Path) -> None:
    assert orientation(check(webp, tagged(encode(picture(), "WEBP", exif=exif(6)), ".webp", tmp_path))) == 6


def test_animations_keep_frames_and_times() -> None:
    raw = encode(picture("RGBA"), "WEBP", exif=exif(), xmp=XMP, **MOVING)
    clean = check(webp, raw)
    assert len(frames(clean)) == 3
    name, body = next(part for part in chunks(raw) if part[0] == b"ANMF")
    hidden = joined(
        [(each, content + chunk(b"HIDE", WORD.encode()) if each == name else content) for each, content in chunks(raw)]
    )
    assert len(body)
    assert check(webp, hidden) == clean


def test_unknown_chunks_reserved_bits_and_padding_are_left_out() -> None:
    parts = chunks(encode(picture("RGBA"), "WEBP", exif=exif()))
    expected = cleaned(webp, joined(parts))[0]
    head = bytes((parts[0][1][0] | 0xC1, *WORD[:3].encode())) + parts[0][1][4:]
    raw = joined([(b"VP8X", head), (b"HIDE", WORD.encode()), *parts[1:], (b"XMP ", XMP), (b"VP8L", WORD.encode())])
    assert cleaned(webp, raw)[0] == expected


def test_what_follows_a_simple_picture_is_left_out() -> None:
    raw = joined([*chunks(PLAIN), (b"EXIF", exif(6).tobytes())])
    clean, removed = cleaned(webp, raw)
    assert clean == PLAIN
    assert removed == {"exif": 1}
    assert leaks.find([CANARY], {"clean": clean}) == []


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"RIFF", "not a webp"),
        (joined([]), "no picture"),
        (joined([(b"EXIF", b"x")]), "no picture"),
        (PLAIN[: len(PLAIN) // 2], "truncated"),
        (encode(picture("RGBA"), "WEBP", **MOVING)[:900], "truncated"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(webp, raw)


def test_a_length_that_is_too_large_is_put_right() -> None:
    raw = PLAIN[:4] + struct.pack("<I", len(PLAIN) + 1000) + PLAIN[8:]
    assert cleaned(webp, raw)[0] == PLAIN


def test_damage_is_cleaned_or_refused() -> None:
    survives(webp, encode(picture("RGBA"), "WEBP", exif=exif(6), xmp=XMP, icc_profile=wide_gamut()))
    survives(webp, encode(picture("RGBA"), "WEBP", **MOVING), 60)
