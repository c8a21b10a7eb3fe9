"""Text tracks of Matroska: SubRip, WebVTT and SubStation Alpha lines written anew around edited text.

Invariants:

- Of a line only the text a viewer reads stays, and where it stands; names of speakers, cues and styles, and comments do not.
- What is not text of the form its track promises becomes an empty line.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from privet.metadata.job import Job

PLACE: Final = "subtitle"
_MOST_UNPACKED: Final = 1024 * 1024
# One style and the order of fields, in place of whatever styles and notes there were.
_SCRIPT: Final = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, "
    b"OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, "
    b"Alignment, MarginL, MarginR, MarginV, Encoding\r\nStyle: Default,Sans,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,"
    b"10,10,10,1\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)
_NUMBER: Final = re.compile(r"-?\d{1,9}")
_COMMENT: Final = re.compile(r"\{[^\\}]*\}")
_SETTINGS: Final = re.compile(
    r"(?:(?:vertical|line|position|size|align|region):[a-z0-9.,%-]{1,20}[ \t]*)*", re.IGNORECASE
)


class Line(NamedTuple):
    """A line: what stands before its text, and the text."""

    before: str
    text: str


class Kind(NamedTuple):
    """A kind of text track: how a line of it is read, and the set-up that goes with it."""

    read: Callable[[str], Line]
    setup: bytes


def _plain(line: str) -> Line:
    return Line("", line)


def _script(line: str) -> Line:
    fields = line.split(",", 8)
    if len(fields) < 9:
        return Line("0,0,Default,,0,0,0,,", "")
    order, layer, left, right, foot = (
        field if _NUMBER.fullmatch(field) else "0" for field in (fields[0], fields[1], *fields[4:7])
    )
    return Line(f"{order},{layer},Default,,{left},{right},{foot},,", _COMMENT.sub("", fields[8]))


def _web(line: str) -> Line:
    """Read a line of WebM's older form: the cue's name, its settings, the text."""
    _, _, rest = line.partition("\n")
    settings, _, text = rest.partition("\n")
    return Line("\n" + (settings if _SETTINGS.fullmatch(settings) else "") + "\n", text)


KINDS: Final = {
    b"S_TEXT/UTF8": Kind(_plain, b""),
    b"S_TEXT/ASCII": Kind(_plain, b""),
    b"S_TEXT/WEBVTT": Kind(_plain, b"WEBVTT\n"),
    b"S_TEXT/ASS": Kind(_script, _SCRIPT),
    b"S_TEXT/SSA": Kind(_script, _SCRIPT),
    b"D_WEBVTT/SUBTITLES": Kind(_web, b""),
    b"D_WEBVTT/CAPTIONS": Kind(_web, b""),
}


def unpacked(content: bytes, *, is_zlib: bool, taken_off: bytes) -> bytes:
    """Return a line as it was before it was packed; an empty one where it cannot be unpacked."""
    if not is_zlib:
        return taken_off + content
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else whole


def rewrite(lines: Sequence[tuple[bytes, bytes]], job: Job) -> list[bytes]:
    """Return lines, given with the kind of their track, with identifiers out of their texts."""
    read = [KINDS[kind].read(content.decode("utf-8", "replace")) for kind, content in lines]
    texts = job.rewrite([line.text for line in read], PLACE)
    return [(line.before + text).encode() for line, text in zip(read, texts, strict=True)]
