"""Matroska and WebM: blocks stay bit for bit; titles, names, tags, chapters, attachments and comments in set-ups go."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import NAME, PICTURES, SOUND, WORD, assert_clean, cleaned, decoded, film, packets, refused, run

from privet.metadata.ebml import element, in_memory, long_head, number
from privet.metadata.job import Job
from privet.metadata.matroska import clean

BOTH = (*PICTURES, *SOUND)
FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "h264-vorbis": ("mkv", (*BOTH, "-c:v", "libx264", "-c:a", "libvorbis")),
    "theora-flac": ("mkv", (*BOTH, "-c:v", "libtheora", "-c:a", "flac")),
    "hevc-aac": ("mkv", (*BOTH, "-c:v", "libx265", "-x265-params", "log-level=0", "-c:a", "aac")),
    "vp9-opus": ("webm", (*BOTH, "-c:v", "libvpx-vp9", "-c:a", "libopus")),
    "live": ("webm", (*BOTH, "-c:v", "libvpx", "-c:a", "libvorbis", "-live", "1")),
    "mpeg4-pcm": ("mkv", (*BOTH, "-c:v", "mpeg4", "-c:a", "pcm_s16le", "-cluster_time_limit", "200")),
    "sound": ("mka", (*SOUND, "-c:a", "mp3", "-attach", "lines.srt", "-metadata:s:t", "mimetype=text/plain")),
}


@pytest.mark.parametrize("name", FILES)
def test_packets_stay_and_words_go(name: str) -> None:
    suffix, options = FILES[name]
    raw = film(suffix, *options)
    assert WORD.encode() in raw
    out = cleaned(clean, raw)
    assert_clean(out)
    assert packets(out, suffix) == packets(raw, suffix)
    assert run(clean, out, Job()) == out


def test_exiftool_finds_nobody() -> None:
    outs = {f"{name}.{suffix}": run(clean, film(suffix, *options), Job()) for name, (suffix, options) in FILES.items()}
    assert films.personal_tags(outs) == []


def test_what_is_decoded_stays() -> None:
    raw = film("mkv", *FILES["theora-flac"][1])
    assert decoded(run(clean, raw, Job()), "mkv") == decoded(raw, "mkv")


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "srt"), ("mkv", "ass"), ("webm", "webvtt")])
def test_subtitles_are_edited(suffix: str, codec: str) -> None:
    coding = ("-c:v", "libvpx", "-c:a", "libopus") if suffix == "webm" else ("-c:v", "libx264")
    raw = film(suffix, *BOTH, "-i", "lines.srt", "-map", "0", "-map", "1", "-map", "2", *coding, "-c:s", codec)
    assert NAME in films.subtitles(raw, suffix)
    out = cleaned(clean, raw)
    assert "hello [NAME], said she" in films.subtitles(out, suffix)
    assert "second line" in films.subtitles(out, suffix)
    assert packets(out, suffix) == packets(raw, suffix)
    assert_clean(out)


# From here on files are made element by element, so that they hold what ffmpeg does not write.


def entry(track: int, kind: int, codec: bytes, *more: bytes) -> bytes:
    names = element(0x536E, WORD.encode()) + element(0x258688, WORD.encode()) + number(0x73C5, 0x5EC4E75EC4E7)
    return element(0xAE, number(0xD7, track), number(0x83, kind), element(0x86, codec), names, *more)


def block(track: int, content: bytes, time: int = 0) -> bytes:
    return bytes((0x80 | track,)) + struct.pack(">hB", time, 0) + content


def group(track: int, content: bytes, *more: bytes) -> bytes:
    return element(0xA0, element(0xA1, block(track, content)), number(0x9B, 40), *more)


def film_of(tracks: list[bytes], blocks: list[bytes], *, unknown: bool = False, tail: bytes = b"") -> bytes:
    kind = (number(0x4286, 1), element(0x4282, b"matroska"), number(0x4287, 4), number(0x4285, 2))
    head = element(0x1A45DFA3, *kind, element(0xEC, WORD.encode()))
    words = b"".join(element(name, WORD.encode()) for name in (0x7BA9, 0x4D80, 0x5741, 0x73A4, 0x7384, 0x3CB923))
    info = element(0x1549A966, number(0x2AD7B1, 1_000_000), number(0x4461, 123), words)
    listed = element(0x1654AE6B, *tracks)
    left_out = (0x1043A770, 0x1254C367, 0x1941A469, 0x114D9B74)
    others = b"".join(element(name, element(0x4DBB, WORD.encode())) for name in left_out)
    inside = element(0xBF, b"1234") + number(0xE7, 5) + b"".join(blocks) + element(0xEC, WORD.encode())
    cluster = (
        bytes.fromhex("1f43b675") + b"\x01" + b"\xff" * 7 if unknown else long_head(0x1F43B675, len(inside))
    ) + inside
    place = len(info) + len(listed)
    point = element(0xBB, number(0xB3, 5), element(0xB7, number(0xF7, 1), number(0xF1, place), number(0xF0, 7)))
    body = info + listed + cluster + element(0x1C53BB6B, point) + others
    segment = bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7 if unknown else long_head(0x18538067, len(body))
    return head + segment + body + tail


VIDEO = entry(1, 1, b"V_VP8", element(0xE0, number(0xB0, 64), number(0xBA, 48), element(0xEC, WORD.encode())))
PICTURE = element(0xA3, block(1, b"picture" * 9))


@pytest.mark.parametrize("unknown", [False, True])
def test_only_content_is_kept(unknown: bool) -> None:
    alpha = element(0xA6, number(0xEE, 1), element(0xA5, b"alpha"))
    light = element(0x75A1, alpha, element(0xA6, number(0xEE, 9), element(0xA5, WORD.encode())))
    grouped = group(1, b"grouped" * 5, element(0xEC, WORD.encode()))
    blocks = [PICTURE, grouped, group(1, b"see-through", light), element(0xA3, block(2, WORD.encode()))]
    raw = film_of([VIDEO, entry(2, 0x21, b"B_VOBBTN")], blocks, unknown=unknown, tail=b"" if unknown else WORD.encode())
    job = Job()
    out = cleaned(clean, raw, job)
    assert_clean(out)
    for content in (b"picture" * 9, b"grouped" * 5, b"see-through", b"alpha"):
        assert content in out
    assert {name: job.removed[name] for name in ("chapters", "tags", "attachments", "track")} == dict.fromkeys(
        ("chapters", "tags", "attachments", "track"), 1
    )
    assert job.removed["trailing bytes"] == (not unknown)
    assert b"\x5e\xc4\xe7" not in out
    assert run(clean, out, Job()) == out


def parts(content: bytes) -> dict[int, tuple[int, bytes]]:
    """Return the parts of the segment: id → place in the segment and content."""
    segment = dict(in_memory(content))[0x18538067]
    found, at = {}, 0
    for name, body in in_memory(segment):
        found[name] = (segment.index(body, at) if body else at, body)
        at = found[name][0]
    return found


def test_seek_points_and_the_list_of_parts_point_at_the_parts() -> None:
    out = run(clean, film_of([VIDEO], [PICTURE]), Job())
    segment = dict(in_memory(out))[0x18538067]
    found = parts(out)
    for name, body in in_memory(found[0x114D9B74][1]):
        entry_ = dict(in_memory(body))
        place = int.from_bytes(entry_[0x53AC])
        assert name == 0x4DBB
        assert segment[place:].startswith(entry_[0x53AB])
    point = dict(in_memory(dict(in_memory(found[0x1C53BB6B][1]))[0xBB]))
    position = dict(in_memory(point[0xB7]))
    assert segment[int.from_bytes(position[0xF1]) :].startswith(bytes.fromhex("1f43b675"))
    assert position.keys() == {0xF7, 0xF1}


def packed(way: int, settings: bytes = b"") -> bytes:
    inner = element(0x5034, number(0x4254, way), element(0x4255, settings))
    return element(0x6D80, element(0x6240, number(0x5033, 0), inner))


def test_text_in_every_form_is_edited() -> None:
    style = f"[Script Info]\nTitle: {WORD}\n[V4+ Styles]\nStyle: {WORD},Arial".encode()
    tracks = [
        VIDEO,
        entry(2, 17, b"S_TEXT/UTF8", packed(0)),
        entry(3, 17, b"S_TEXT/ASS", element(0x63A2, style)),
        entry(4, 17, b"D_WEBVTT/SUBTITLES"),
        entry(5, 17, b"S_TEXT/UTF8", packed(3, b"Ja")),
        entry(6, 17, b"S_VOBSUB", element(0x63A2, WORD.encode())),
        entry(7, 17, b"S_TEXT/UTF8", packed(2)),
    ]
    blocks = [
        PICTURE,
        group(2, zlib.compress(f"one {NAME}".encode()), element(0x75A1, WORD.encode())),
        group(3, f"4,0,{WORD},{WORD},0,x,7,{WORD},two {{{WORD}}}{{\\i1}}{NAME}{{\\i0}}".encode()),
        group(4, f"{WORD}\nline:0\nthree {NAME}".encode()),
        element(0xA3, block(5, f"{NAME[2:]} four".encode())),
        group(6, WORD.encode()),
        group(7, WORD.encode()),
        group(2, b"no zlib"),
    ]
    job = Job(edits=films.edits)
    out = cleaned(clean, film_of(tracks, blocks), job)
    assert_clean(out)
    for text in ("one [NAME]", "4,0,Default,,0,0,7,,two {\\i1}[NAME]{\\i0}", "\nline:0\nthree [NAME]", "[NAME] four"):
        assert text.encode() in out
    assert job.removed["subtitle track"] == 2
    assert b"no zlib" not in out


def laced(*packets_: bytes) -> bytes:
    return bytes((len(packets_) - 1,)) + bytes(map(len, packets_[:-1])) + b"".join(packets_)


def test_comments_in_set_ups_go() -> None:
    vorbis = laced(b"\x01vorbis" + bytes(23), b"\x03vorbis" + WORD.encode(), b"\x05vorbis" + b"books" * 90)
    flac = b"fLaC\0\0\0\x22" + bytes(34) + b"\x84\0\0" + bytes((len(WORD),)) + WORD.encode()
    tracks = [VIDEO, entry(2, 2, b"A_VORBIS", element(0x63A2, vorbis)), entry(3, 2, b"A_FLAC", element(0x63A2, flac))]
    out = cleaned(clean, film_of(tracks, [PICTURE]))
    assert_clean(out)
    assert b"\x05vorbis" + b"books" * 90 in out
    assert b"fLaC\x80\0\0\x22" + bytes(34) in out


GOOD = film_of([VIDEO], [PICTURE])
SECRET = element(0x6D80, element(0x6240, number(0x5033, 1), element(0x5035, b"")))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no Matroska"),
        (GOOD[:90], "truncated"),
        (GOOD[:-1], "truncated"),
        (GOOD.replace(b"matroska", b"something"[:8]), "no Matroska"),
        (film_of([entry(1, 1, b"V_VP8", SECRET)], [PICTURE]), "encrypted"),
        (film_of([entry(1, 17, b"S_VOBSUB")], [PICTURE]), "no track"),
        (film_of([VIDEO, VIDEO], [PICTURE]), "two tracks"),
        (film_of([], [PICTURE]), "no track"),
        (film_of([entry(1, 2, b"A_VORBIS", element(0x63A2, b"\2\xff"))], [PICTURE]), "cut short"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    tracks = [VIDEO, entry(2, 17, b"S_TEXT/UTF8", packed(0)), entry(3, 17, b"S_TEXT/ASS")]
    blocks = [
        PICTURE,
        group(2, zlib.compress(b"text")),
        group(3, b"1,2,3,4,5,6,7,8,text"),
        element(0xA3, block(3, b"x")),
    ]
    films.assert_stands(clean, film_of(tracks, blocks), 400)
    films.assert_stands(clean, film_of(tracks, blocks, unknown=True), 200)
    films.assert_stands(clean, film("mkv", *FILES["h264-vorbis"][1]), 100)
