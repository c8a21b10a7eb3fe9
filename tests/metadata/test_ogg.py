"""Ogg: packets stay bit for bit, comments and makers' names go, pages are numbered and sealed anew."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import PICTURES, SOUND, WORD, assert_clean, cleaned, film, packets, refused, run

from privet.metadata.job import CannotClean, Job
from privet.metadata.ogg import checksum, clean

FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "vorbis": ("ogg", (*SOUND, "-c:a", "libvorbis")),
    "opus": ("opus", (*SOUND, "-c:a", "libopus")),
    "speex": ("spx", (*SOUND, "-ar", "16000", "-c:a", "libspeex")),
    "flac": ("oga", (*SOUND, "-c:a", "flac")),
    "theora": ("ogv", (*PICTURES, *SOUND, "-c:v", "libtheora", "-c:a", "libvorbis")),
    "vp8": ("ogv", (*PICTURES, "-c:v", "libvpx", "-f", "ogg")),
}


@pytest.mark.parametrize("name", FILES)
def test_packets_stay_and_words_go(name: str) -> None:
    suffix, options = FILES[name]
    raw = film(suffix, *options)
    assert WORD.encode() in raw
    out = cleaned(clean, raw)
    assert packets(out, suffix) == packets(raw, suffix)
    assert_clean(out)
    assert b"Xiph" not in out.split(b"OggS")[2]
    assert run(clean, out, Job()) == out


def test_exiftool_finds_nobody() -> None:
    outs = {
        f"{name}.{suffix}": run(clean, film(suffix, *options), Job())
        for name, (suffix, options) in FILES.items()
        if name != "flac"
    }
    assert films.personal_tags(outs) == []


def page(flags: int, serial: int, sequence: int, *pieces: bytes, granule: int = 0, ends: bool = True) -> bytes:
    """Return a page with these packets, of which the last ends here or goes on."""
    lacing, content = b"", b"".join(pieces)
    for at, piece in enumerate(pieces):
        lacing += b"\xff" * (len(piece) // 255)
        if ends or at < len(pieces) - 1:
            lacing += bytes((len(piece) % 255,))
    head = b"OggS\0" + bytes((flags,)) + struct.pack("<qII", granule, serial, sequence)
    tail = bytes((len(lacing),)) + lacing + content
    return head + struct.pack("<I", checksum(head + bytes(4) + tail)) + tail


def comment(prefix: bytes, words: bytes = WORD.encode()) -> bytes:
    return prefix + struct.pack("<I", len(words)) + words + struct.pack("<II", 1, len(words)) + words


OPUS_HEAD = b"OpusHead\1\1" + struct.pack("<HIhB", 312, 48000, 0, 0)
EMPTY = b"OpusTags" + bytes(8)
SERIAL = 0x5EA1ED


def opus(serial: int, words: bytes = WORD.encode(), *, extra: bytes = b"") -> list[bytes]:
    return [
        page(2, serial, 0, OPUS_HEAD + extra),
        page(0, serial, 1, comment(b"OpusTags", words)),
        page(0, serial, 2, b"sound" * 9, b"more", granule=960),
        page(4, serial, 3, b"last", granule=1920),
    ]


def expected(number: int) -> list[bytes]:
    return [
        page(2, number, 0, OPUS_HEAD),
        page(0, number, 1, EMPTY),
        page(0, number, 2, b"sound" * 9, b"more", granule=960),
        page(4, number, 3, b"last", granule=1920),
    ]


def test_the_checksum_is_that_of_ogg() -> None:
    # CRC-32 with 0x04c11db7, no reflection, nought at the start: the catalogue's value for "123456789" without the final inversion.
    assert checksum(b"123456789") == 0x89A1897F


def test_streams_are_numbered_in_order() -> None:
    raw = b"".join(opus(SERIAL))
    assert cleaned(clean, raw) == b"".join(expected(1))
    # One behind the other.
    assert cleaned(clean, raw + b"".join(opus(SERIAL + 1))) == b"".join(expected(1) + expected(2))
    assert cleaned(clean, raw + raw) == b"".join(expected(1) + expected(2))
    # One between the other's pages.
    mixed = [page for pair in zip(opus(7), opus(9), strict=True) for page in pair]
    assert cleaned(clean, b"".join(mixed)) == b"".join(
        page for pair in zip(expected(1), expected(2), strict=True) for page in pair
    )


def test_a_comment_over_many_pages_becomes_one() -> None:
    words = WORD.encode() * 9000
    whole = comment(b"OpusTags", words)
    pieces = [whole[at : at + 65025] for at in range(0, len(whole), 65025)]
    pages = [
        page(
            1 if at else 0,
            SERIAL,
            1 + at,
            piece,
            granule=0 if at == len(pieces) - 1 else -1,
            ends=at == len(pieces) - 1,
        )
        for at, piece in enumerate(pieces)
    ]
    raw = b"".join([opus(SERIAL)[0], *pages, *opus(SERIAL)[2:]])
    assert cleaned(clean, raw) == b"".join(expected(1))


def test_sound_on_the_page_of_the_headers_stays() -> None:
    raw = (
        opus(SERIAL)[0] + page(0, SERIAL, 1, comment(b"OpusTags"), b"sound" * 9, b"more", granule=960) + opus(SERIAL)[3]
    )
    assert cleaned(clean, raw) == b"".join(expected(1))


def test_other_streams_and_bytes_between_pages_go() -> None:
    text = [page(2, 5, 0, b"\x80kate\0" + WORD.encode()), page(4, 5, 1, WORD.encode())]
    pages = opus(SERIAL, extra=WORD.encode())
    raw = pages[0] + text[0] + pages[1] + WORD.encode() + pages[2] + text[1] + pages[3] + WORD.encode() * 99
    job = Job()
    assert cleaned(clean, raw, job) == b"".join(expected(1))
    assert job.removed["stream of another kind"] == 1
    assert job.removed["bytes between pages"] == 2


def test_blocks_of_flac_become_one_empty_comment() -> None:
    numbers = b"\x7fFLAC\1\0\0\3fLaC\0\0\0\x22" + bytes(34)
    blocks = [
        b"\4\0\0" + bytes((len(comment(b"")),)) + comment(b""),
        b"\2\0\0\x04abcd" + WORD.encode(),
        b"\x86\0\0\x01" + WORD.encode(),
    ]
    raw = page(2, 3, 0, numbers) + page(0, 3, 1, *blocks) + page(4, 3, 2, b"sound", granule=9)
    first = b"\x7fFLAC\1\0\0\1fLaC\0\0\0\x22" + bytes(34)
    assert cleaned(clean, raw) == page(2, 1, 0, first) + page(0, 1, 1, b"\x84\0\0\x08" + bytes(8)) + page(
        4, 1, 2, b"sound", granule=9
    )


def test_tags_of_mutagen_go(tmp_path: Path) -> None:
    oggopus = pytest.importorskip("mutagen.oggopus")
    path = tmp_path / "sound.opus"
    path.write_bytes(b"".join(expected(1)))
    sound = oggopus.OggOpus(path)
    sound["artist"], sound["metadata_block_picture"] = WORD, WORD * 9000
    sound.save()
    assert cleaned(clean, path.read_bytes()) == b"".join(expected(1))


WHOLE = b"".join(opus(SERIAL))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no stream"),
        (bytes(99), "no stream"),
        (WHOLE[:-1], "truncated"),
        (WHOLE[:20], "truncated"),
        (opus(SERIAL)[0], "truncated"),
        (WHOLE[:-1] + b"x", "checksum"),
        (WHOLE[len(opus(SERIAL)[0]) :], "did not begin"),
        (page(2, 1, 0, b"\x80kate\0"), "no stream"),
        (page(2, 1, 0, OPUS_HEAD) + page(0, 1, 1, b"OpusTugs"), "not what it should be"),
        (page(2, 1, 0, b"\x01vorbis"), "cut short"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, WHOLE, 200)
    # A damaged page with the right seal goes further.
    pages = [*opus(SERIAL), *(page(2, 8, 0, b"Speex   " + bytes(72)), page(0, 8, 1, comment(b"")), page(4, 8, 2, b"x"))]
    for at, whole in enumerate(pages):
        for broken in films.damages(whole[27:], 60, seed=at):
            body = whole[:26] + bytes((min(broken[0] if broken else 0, len(broken)),)) + broken
            lacing = body[27 : 27 + body[26]]
            body = (body[: 27 + body[26]] + body[27 + body[26] :].ljust(sum(lacing), b"\0"))[
                : 27 + len(lacing) + sum(lacing)
            ]
            sealed = body[:22] + struct.pack("<I", checksum(body[:22] + bytes(4) + body[26:])) + body[26:]
            try:
                run(clean, b"".join([*pages[:at], sealed, *pages[at + 1 :]]), Job())
            except CannotClean:
                continue
