"""Text tracks of MP4: subtitles in 3GPP's, QuickTime's, WebVTT's and TTML's form, written anew around edited text.

Invariants:

- Of a sample only the text a viewer reads, its time and where it stands are kept; cue names, comments and links are not.
- A sample that is not of the form its track promises becomes an empty one: what cannot be read cannot be cleaned.
- All texts of a track are edited in one call.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Final

from privet.metadata.isobmff import Box, box, boxes
from privet.metadata.job import CannotClean, Job

PLACE: Final = "subtitle"
# Styles of spans of characters, and where a cue stands. `href` is left out: it holds an address.
_STYLES: Final = frozenset(b"styl hlit hclr krok blnk".split())
_MANNER: Final = frozenset(b"dlay tbox twrp".split())
_SETTINGS: Final = re.compile(
    rb"(?:(?:vertical|line|position|size|align|region):[a-z0-9.,%-]{1,20}[ \t]*)*", re.IGNORECASE
)
_TIME: Final = re.compile(rb"[0-9:.]{1,20}")


def text_entry(entry: Box) -> bytes | None:
    """Return the cleaned sample description of a text track, or None where its form is unknown."""
    body = entry.body
    if entry.kind == b"tx3g" and len(body) >= 38:
        fonts = box(b"ftab", struct.pack(">HH", 1, 1), b"\x0aSans-Serif")
        style = bytearray(body[8:38])
        # The font's number in the style record: the only font there is.
        style[22:24] = b"\0\1"
        return box(b"tx3g", bytes(6), body[6:8], bytes(style), fonts)
    if entry.kind == b"text" and len(body) >= 51:
        return box(b"text", bytes(6), body[6:8], body[8:51], b"\0")
    if entry.kind == b"wvtt":
        return box(b"wvtt", bytes(6), body[6:8], box(b"vttC", b"WEBVTT"))
    if entry.kind == b"stpp":
        return box(b"stpp", bytes(6), body[6:8], b"http://www.w3.org/ns/ttml\0", b"\0", b"\0")
    return None


def rewrite(kind: bytes, samples: Sequence[bytes], job: Job) -> list[bytes]:
    """Return the samples of a text track of this kind with identifiers out of their texts."""
    return _KINDS[kind](samples, job)


def _prefixed(samples: Sequence[bytes], job: Job) -> list[bytes]:
    """Rewrite samples of the form: length, text, boxes of style. UTF-16 where a byte order mark says so."""
    read = [_read_prefixed(sample) for sample in samples]
    texts = [text for text, _, _ in read]
    out: list[bytes] = []
    for (old, coding, rest), new in zip(read, job.rewrite(texts, PLACE), strict=True):
        raw = (b"\xfe\xff" if coding == "utf-16-be" else b"") + new.encode(coding, "replace")
        if len(raw) > 65535:
            raise CannotClean("too large: a cue of more than 65,535 bytes")
        # Styles count characters, so they no longer fit a text that changed.
        allowed = _STYLES | _MANNER if old == new else _MANNER
        out.append(struct.pack(">H", len(raw)) + raw + b"".join(box(*part) for part in rest if part.kind in allowed))
    return out


def _read_prefixed(sample: bytes) -> tuple[str, str, list[Box]]:
    size = int.from_bytes(sample[:2])
    raw, rest = sample[2 : 2 + size], memoryview(sample)[2 + size :]
    coding = "utf-8"
    if raw[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        coding, text = "utf-16-be", raw.decode("utf-16", "replace")
    else:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            coding, text = "mac-roman", raw.decode("mac-roman")
    try:
        return text, coding, list(boxes(rest))
    except CannotClean:
        return text, coding, []


def _web_vtt(samples: Sequence[bytes], job: Job) -> list[bytes]:
    cues = [_cues(sample) for sample in samples]
    texts = [cue[0] for sample in cues for cue in sample]
    new = iter(job.rewrite(texts, PLACE))
    out: list[bytes] = []
    for sample in cues:
        written = [box(b"vttc", *rest, box(b"payl", next(new).encode())) for _, rest in sample]
        out.append(b"".join(written) or box(b"vtte"))
    return out


def _cues(sample: bytes) -> list[tuple[str, list[bytes]]]:
    found: list[tuple[str, list[bytes]]] = []
    try:
        for cue in boxes(memoryview(sample)):
            if cue.kind != b"vttc":
                continue
            text, rest = "", []
            for part in boxes(cue.body):
                if part.kind == b"payl":
                    text = bytes(part.body).decode("utf-8", "replace")
                elif (part.kind == b"sttg" and _SETTINGS.fullmatch(part.body)) or (
                    part.kind == b"ctim" and _TIME.fullmatch(part.body)
                ):
                    rest.append(box(part.kind, part.body))
            found.append((text, rest))
    except CannotClean:
        return []
    return found


def _xml(samples: Sequence[bytes], job: Job) -> list[bytes]:
    out: list[bytes] = []
    for sample in samples:
        member = job.member("subtitle.xml", sample) if sample else None
        out.append(member.content if member is not None else b"")
    return out


_KINDS: Final[dict[bytes, Callable[[Sequence[bytes], Job], list[bytes]]]] = {
    b"tx3g": _prefixed,
    b"text": _prefixed,
    b"wvtt": _web_vtt,
    b"stpp": _xml,
}
