"""JPEG 2000: the samples stay, boxes and comments that are not about them go."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, XMP, check, cleaned, encode, frames, picture, refusal, survives, wide_gamut

from privet.metadata import jpeg2000
from privet.metadata.isobmff import box

UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def saved(mode: str = "RGB", **options: object) -> bytes:
    return encode(picture(mode), "JPEG2000", comment=WORD, **options)


def with_boxes(raw: bytes, *more: bytes) -> bytes:
    """Return a file with boxes behind its type, and at its end."""
    at = 12 + int.from_bytes(raw[12:16])
    return raw[:at] + b"".join(more) + raw[at:] + b"".join(more)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
@pytest.mark.parametrize("bare", [True, False])
def test_samples_stay_and_comments_go(mode: str, bare: bool) -> None:
    check(jpeg2000, saved(mode, no_jp2=bare))


def test_tiles_levels_and_lengths_stay() -> None:
    raw = encode(picture(size=(200, 180)), "JPEG2000", tile_size=(64, 64), num_resolutions=3, plt=True, comment=WORD)
    check(jpeg2000, raw)


def test_boxes_that_say_nothing_of_the_samples_go() -> None:
    words = WORD.encode()
    private = (
        box(b"xml ", XMP),
        box(b"uuid", UUID + XMP),
        box(b"jp2i", words),
        box(b"uinf", box(b"ulst", words)),
        box(b"abcd", words),
    )
    out = check(jpeg2000, with_boxes(saved(), *private, box(b"asoc", box(b"lbl ", words))) + words)
    assert out.count(b"jp2h") == out.count(b"jp2c") == 1
    assert b"res " not in out


def test_comments_of_tiles_go_and_lengths_are_written_anew() -> None:
    raw = encode(picture(), "JPEG2000", no_jp2=True)
    start = raw.index(b"\xff\x90")
    comment = b"\xff\x64" + (4 + len(WORD)).to_bytes(2) + b"\0\1" + WORD.encode()
    length = int.from_bytes(raw[start + 6 : start + 10])
    longer = (
        raw[: start + 6]
        + (length + len(comment)).to_bytes(4)
        + raw[start + 10 : start + 12]
        + comment
        + raw[start + 12 :]
    )
    assert frames(longer) == frames(raw)
    assert check(jpeg2000, longer)[-50:] == raw[-50:]


def test_a_profile_loses_its_words_and_a_plain_one_goes() -> None:
    raw = saved()
    at = raw.index(b"colr")
    size = int.from_bytes(raw[at - 4 : at])
    header = raw.index(b"jp2h") - 4
    for profile, kept in ((wide_gamut(), True), (b"no profile" + WORD.encode(), False)):
        colour = box(b"colr", b"\2\0\0" + profile)
        longer = int.from_bytes(raw[header : header + 4]) + len(colour) - size
        out, _ = cleaned(
            jpeg2000, raw[:header] + longer.to_bytes(4) + raw[header + 4 : at - 4] + colour + raw[at - 4 + size :]
        )
        assert WORD.encode("utf-16-be") not in out
        assert WORD.encode() not in out
        assert (b"acsp" in out) is kept
        assert Image.open(io.BytesIO(out)).tobytes() == Image.open(io.BytesIO(raw)).tobytes()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (saved()[:-40], "truncated"),
        (saved(no_jp2=True)[:-40], "truncated"),
        (saved()[:60], "truncated"),
        (jpeg2000.SIGNATURE + box(b"ftbl", b""), "fragments"),
        (b"\x89PNG", "not a jpeg 2000"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(jpeg2000, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(jpeg2000, with_boxes(saved(), box(b"xml ", XMP)))
    survives(jpeg2000, saved(no_jp2=True))
