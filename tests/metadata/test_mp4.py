"""MP4 and QuickTime: samples stay bit for bit, everything that names somebody goes, and damage is refused."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import (
    NAME,
    PICTURES,
    SOUND,
    WORD,
    assert_clean,
    cleaned,
    decoded,
    film,
    packets,
    personal_tags,
    refused,
    run,
)

from privet.metadata.isobmff import box, boxes, first
from privet.metadata.job import Job, Member
from privet.metadata.mp4 import clean

BOTH = (*PICTURES, *SOUND)
PLACE = ("-metadata", "location=+37.5-122.1/", "-metadata", "creation_time=2020-01-02T03:04:05")
FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "h264-aac": ("mp4", (*BOTH, "-c:v", "libx264", "-c:a", "aac", *PLACE)),
    "faststart": ("mp4", (*BOTH, "-c:v", "libx264", "-c:a", "aac", "-movflags", "faststart")),
    "fragments": (
        "mp4",
        (*BOTH, "-c:v", "libx264", "-g", "2", "-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    ),
    "fragments-old": ("mp4", (*BOTH, "-c:v", "libx264", "-g", "2", "-movflags", "frag_keyframe")),
    "fragments-apart": (
        "mp4",
        (*BOTH, "-c:v", "libx264", "-g", "2", "-movflags", "frag_keyframe+empty_moov+separate_moof"),
    ),
    "dash": (
        "mp4",
        (*PICTURES, "-c:v", "libx264", "-g", "2", "-movflags", "dash+global_sidx+frag_keyframe+empty_moov"),
    ),
    "hevc-opus": (
        "mp4",
        (*BOTH, "-c:v", "libx265", "-x265-params", "log-level=0", "-tag:v", "hvc1", "-c:a", "libopus"),
    ),
    "av1-flac": ("mp4", (*BOTH, "-c:v", "libaom-av1", "-cpu-used", "8", "-c:a", "flac", "-strict", "-2")),
    "mpeg4-pcm-timecode": ("mov", (*BOTH, "-c:v", "mpeg4", "-c:a", "pcm_s16le", "-timecode", "01:00:00:00")),
    "mjpeg-pcm8": ("mov", (*BOTH, "-c:v", "mjpeg", "-c:a", "pcm_u8")),
    "prores-pcm24": ("mov", (*BOTH, "-c:v", "prores", "-c:a", "pcm_s24le", "-ac", "2")),
    "rle-adpcm": ("mov", (*BOTH, "-c:v", "qtrle", "-c:a", "adpcm_ima_qt")),
    "alac": ("m4a", (*SOUND, "-c:a", "alac")),
    "h263": ("3gp", (*BOTH, "-c:v", "h263", "-s", "176x144", "-c:a", "aac", "-ac", "1")),
}


@pytest.mark.parametrize("name", FILES)
def test_packets_stay_and_words_go(name: str) -> None:
    suffix, options = FILES[name]
    raw = film(suffix, *options)
    assert WORD.encode() in raw
    out = cleaned(clean, raw)
    assert packets(out, suffix) == packets(raw, suffix)
    assert_clean(out)
    assert run(clean, out, Job()) == out


def test_exiftool_finds_nobody() -> None:
    outs = {f"{name}.{suffix}": run(clean, film(suffix, *options), Job()) for name, (suffix, options) in FILES.items()}
    assert personal_tags(outs) == []


@pytest.mark.parametrize("name", ["h264-aac", "rle-adpcm"])
def test_what_is_decoded_stays(name: str) -> None:
    suffix, options = FILES[name]
    raw = film(suffix, *options)
    assert decoded(run(clean, raw, Job()), suffix) == decoded(raw, suffix)


def test_tables_come_first_and_only_kept_samples_are_there() -> None:
    raw = film("mov", *FILES["mpeg4-pcm-timecode"][1])
    job = Job()
    out = run(clean, raw, job)
    assert [part.kind for part in boxes(memoryview(out))] == [b"ftyp", b"moov", b"mdat"]
    assert job.removed["time code track"] == 1
    assert job.removed["user data"] >= 1


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mov_text"), ("mov", "mov_text")])
def test_subtitles_are_edited(suffix: str, codec: str) -> None:
    raw = film(
        suffix, *BOTH, "-i", "lines.srt", "-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-c:s", codec
    )
    assert NAME in films.subtitles(raw, suffix)
    out = cleaned(clean, raw)
    told = films.subtitles(out, suffix)
    assert "hello [NAME], said she" in told
    assert "second line" in told
    assert "00:00:00,300 --> 00:00:00,600" in told
    assert packets(out, suffix) == packets(raw, suffix)
    assert_clean(out)


def test_cover_pictures_and_chapters_go(tmp_path: Path) -> None:
    mutagen_mp4 = pytest.importorskip("mutagen.mp4")
    path = tmp_path / "song.m4a"
    path.write_bytes(film("m4a", *SOUND, "-c:a", "aac", tags=False))
    song = mutagen_mp4.MP4(path)
    song["\xa9nam"], song["\xa9ART"], song["----:com.example:NOTE"] = WORD, WORD, WORD.encode()
    song["covr"] = [mutagen_mp4.MP4Cover(b"\x89PNG" + WORD.encode(), mutagen_mp4.MP4Cover.FORMAT_PNG)]
    song.save()
    raw = path.read_bytes()
    out = cleaned(clean, raw)
    assert_clean(out)
    assert packets(out, "m4a") == packets(raw, "m4a")


# From here on files are made box by box, so that they hold what ffmpeg does not write.


def track(number: int, handler: bytes, entry: bytes, samples: list[bytes], at: int, extra: bytes = b"") -> bytes:
    tkhd = box(b"tkhd", bytes(3) + b"\7" + bytes(8) + struct.pack(">I", number) + bytes(68))
    mdhd = box(b"mdhd", bytes(4), b"\x11" * 8, struct.pack(">IIHH", 1000, 1000, 0x55C4, 0))
    hdlr = box(b"hdlr", bytes(8), handler, bytes(12), WORD.encode() + b"\0")
    stsz = box(
        b"stsz", struct.pack(">III", 0, 0, len(samples)), *(struct.pack(">I", len(sample)) for sample in samples)
    )
    stbl = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
        box(b"stts", bytes(4), struct.pack(">III", 1, len(samples), 100)),
        box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, len(samples), 1)),
        stsz,
        box(b"stco", bytes(4), struct.pack(">II", 1, at)),
        box(b"uuid", WORD.encode()),
    )
    dinf = box(b"dinf", box(b"dref", bytes(4), struct.pack(">I", 1), box(b"url ", b"\0\0\0\1")))
    minf = box(b"minf", box(b"vmhd", bytes(12)), dinf, stbl)
    return box(b"trak", tkhd, extra, box(b"mdia", mdhd, hdlr, minf), box(b"udta", WORD.encode()))


def movie(*tracks: tuple[bytes, bytes, list[bytes]], extras: tuple[bytes, ...] = (), head: bytes = b"isom") -> bytes:
    """Return a file whose tracks' samples lie one track behind the other, with rubbish between them."""
    ftyp = box(b"ftyp", head, WORD.encode()[:4], head, WORD.encode()[4:8])
    store, places = b"", []
    for _, _, samples in tracks:
        store += WORD.encode()
        places.append(len(ftyp) + 8 + len(store))
        store += b"".join(samples)
    extras = extras + (b"",) * len(tracks)
    traks = [
        track(at + 1, handler, entry, samples, place, extras[at])
        for at, ((handler, entry, samples), place) in enumerate(zip(tracks, places, strict=True))
    ]
    mvhd = box(b"mvhd", bytes(4), b"\x22" * 8, struct.pack(">II", 1000, 1000) + bytes(80))
    moov = box(b"moov", mvhd, *traks, box(b"udta", WORD.encode()), box(b"meta", bytes(4), WORD.encode()))
    return ftyp + box(b"mdat", store) + moov + box(b"free", WORD.encode()) + box(b"uuid", bytes(16), WORD.encode())


def video_entry(kind: bytes = b"avc1", *children: bytes) -> bytes:
    name = b"\x08" + WORD.encode()[:8].ljust(31, b"\0")
    fixed = bytes(6) + b"\0\1" + bytes(4) + WORD.encode()[:4] + bytes(26) + name + b"\0\x18\xff\xff"
    return box(kind, fixed, *children)


SAMPLES = [b"first-sample" * 9, b"second" * 5]
VIDEO = (b"vide", video_entry(b"avc1", box(b"avcC", b"\1\2\3"), box(b"uuid", WORD.encode())), SAMPLES)


def test_a_file_made_by_hand_keeps_its_samples() -> None:
    job = Job()
    out = run(clean, movie(VIDEO, (b"meta", box(b"mett", WORD.encode()), [WORD.encode() * 3])), job)
    assert_clean(out)
    assert b"".join(SAMPLES) in out
    assert out.endswith(b"".join(SAMPLES))
    assert job.removed["metadata track"] == 1
    moov = first(memoryview(out), b"moov")
    assert moov is not None
    assert len([part for part in boxes(moov) if part.kind == b"trak"]) == 1
    assert b"\x22" * 8 not in out
    assert b"\x11" * 8 not in out
    assert run(clean, out, Job()) == out


def test_trailing_bytes_are_left_out() -> None:
    job = Job()
    out = run(clean, movie(VIDEO) + b"PK\3\4" + WORD.encode() * 9, job)
    assert_clean(out)
    assert job.removed["trailing bytes"] == 1


def prefixed(text: str, coding: str = "utf-8", *styles: bytes) -> bytes:
    raw = text.encode(coding)
    if coding == "utf-16-be":
        raw = b"\xfe\xff" + raw
    return struct.pack(">H", len(raw)) + raw + b"".join(styles)


def text_track(kind: bytes, entry: bytes, samples: list[bytes]) -> tuple[bytes, bytes, list[bytes]]:
    return (b"text", box(kind, bytes(6), b"\0\1", entry), samples)


def test_text_in_every_form_is_edited() -> None:
    style = box(b"styl", b"\0\1" + bytes(12))
    link = box(b"href", WORD.encode())
    tx3g = text_track(
        b"tx3g",
        bytes(30) + box(b"ftab", b"\0\1\0\1", bytes((len(WORD),)), WORD.encode()),
        [
            prefixed(f"a {NAME}", "utf-8", style, link),
            prefixed("plain", "utf-8", style),
            prefixed(NAME, "utf-16-be"),
            b"\0\0",
        ],
    )
    old = text_track(
        b"text",
        bytes(43) + bytes((len(WORD),)) + WORD.encode(),
        [prefixed(f"old {NAME}"), prefixed("caf\xe9", "mac-roman")],
    )
    cue = box(b"vttc", box(b"iden", WORD.encode()), box(b"sttg", b"line:0"), box(b"payl", f"web {NAME}".encode()))
    web = text_track(b"wvtt", box(b"vttC", f"WEBVTT {WORD}".encode()), [cue, box(b"vtte"), box(b"vtta", WORD.encode())])
    xml = text_track(b"stpp", b"http://www.w3.org/ns/ttml\0" + WORD.encode() + b"\0\0", [f"<tt>{NAME}</tt>".encode()])
    seen: list[str] = []

    def nested(name: str, content: bytes) -> Member:
        seen.append(name)
        return Member(name, content.replace(NAME.encode(), b"[NAME]"))

    out = run(clean, movie(VIDEO, tx3g, old, web, xml), Job(edits=films.edits, nested=nested))
    assert_clean(out)
    for text in ("a [NAME]", "plain", "old [NAME]", "web [NAME]", "<tt>[NAME]</tt>", "line:0"):
        assert text.encode() in out
    assert "[NAME]".encode("utf-16-be") in out
    assert "caf\xe9".encode("mac-roman") in out
    # A style counts characters: it goes with the text that changed, and stays with the other.
    assert out.count(b"styl") == 1
    assert seen == ["subtitle.xml"]


def test_an_xml_subtitle_that_cannot_be_cleaned_becomes_an_empty_one() -> None:
    xml = text_track(b"stpp", b"x\0\0\0", [f"<tt>{NAME}</tt>".encode()])
    assert_clean(run(clean, movie(VIDEO, xml), Job()))


def test_chapters_are_dropped() -> None:
    chapters = text_track(b"text", bytes(44), [prefixed(WORD)])
    refers = box(b"tref", box(b"chap", struct.pack(">I", 2)))
    job = Job()
    out = run(clean, movie(VIDEO, chapters, extras=(refers, b"")), job)
    assert_clean(out)
    assert job.removed["chapters"] == 1
    assert b"tref" not in out


def test_packed_tables_are_unpacked() -> None:
    raw = movie(VIDEO)
    at = raw.index(b"moov") - 4
    size = int.from_bytes(raw[at : at + 4])
    whole = raw[at : at + size]
    packed = box(
        b"moov", box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", struct.pack(">I", size), zlib.compress(whole)))
    )
    out = run(clean, raw[:at] + packed, Job())
    assert_clean(out)
    assert out.endswith(b"".join(SAMPLES))


def sound(kind: bytes, samples: bytes, channels: int, bits: int) -> tuple[bytes, bytes, bytes]:
    return (
        b"soun",
        box(kind, bytes(6), b"\0\1", bytes(8), struct.pack(">HHHHI", channels, bits, 0, 0, 48000 << 16)),
        samples,
    )


def test_quicktime_sound_counted_in_single_bytes_is_kept_whole() -> None:
    # Sixteen samples of one "byte" each, which are four bytes in truth.
    content = bytes(range(64))
    raw = movie((b"soun", sound(b"sowt", b"", 2, 16)[1], [content]), head=b"qt  ")
    at = raw.index(b"stsz") + 4
    raw = raw[:at] + struct.pack(">III", 0, 1, 16) + raw[at + 12 :]
    stsc = raw.index(b"stsc") + 12
    raw = raw[:stsc] + struct.pack(">III", 1, 16, 1) + raw[stsc + 12 :]
    # The table of one size is gone: its four bytes become a box's rest, which readers skip.
    assert run(clean, raw, Job()).endswith(content)


ENCRYPTED = (b"vide", video_entry(b"encv", box(b"sinf", box(b"frma", b"avc1"))), SAMPLES)
WHOLE = movie(VIDEO)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "truncated"),
        (b"\0" * 100, "truncated"),
        (WHOLE[: WHOLE.index(b"moov") - 4], "truncated"),
        (WHOLE[: WHOLE.index(b"moov") + 100], "truncated"),
        (movie(ENCRYPTED), "encrypted"),
        (movie((b"vide", video_entry(b"avc1", box(b"sinf")), SAMPLES)), "encrypted"),
        (movie((b"meta", box(b"mett"), [b"x"])), "no track"),
        (movie(VIDEO, head=b"crx "), "raw file"),
        (WHOLE + WHOLE, "twice"),
        (WHOLE.replace(b"mdat", b"free", 1), "truncated"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_a_count_that_lies_takes_no_memory() -> None:
    at = WHOLE.index(b"stsz") + 4
    raw = WHOLE[:at] + struct.pack(">III", 0, 0, 2**32 - 1) + WHOLE[at + 12 :]
    assert "longer than it is" in refused(clean, raw)
    raw = WHOLE[:at] + struct.pack(">III", 0, 2**31, 2**32 - 1) + WHOLE[at + 12 :]
    assert refused(clean, raw)


def test_samples_that_overlap_are_written_once() -> None:
    raw = movie(VIDEO, VIDEO)
    places = [at for at in range(len(raw)) if raw[at : at + 4] == b"stco"]
    second = places[1] + 12
    raw = raw[:second] + raw[places[0] + 12 : places[0] + 16] + raw[second + 4 :]
    out = run(clean, raw, Job())
    assert out.count(SAMPLES[0]) == 1


@pytest.mark.parametrize("name", ["h264-aac", "fragments", "mpeg4-pcm-timecode"])
def test_damage_is_cleaned_or_refused(name: str) -> None:
    suffix, options = FILES[name]
    films.assert_stands(clean, film(suffix, *options))


def test_damage_to_text_is_cleaned_or_refused() -> None:
    tx3g = text_track(b"tx3g", bytes(38), [prefixed(f"a {NAME}"), prefixed("plain")])
    web = text_track(b"wvtt", b"", [box(b"vttc", box(b"payl", b"x"))])
    films.assert_stands(clean, movie(VIDEO, tx3g, web), 300)
