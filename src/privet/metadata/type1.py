"""Type 1 fonts: programs in text (PFA) or in pieces (PFB), and the tables of their measures (AFM, PFM).

Invariants:

- What draws glyphs is copied; it is encrypted under a key that everyone knows, so it is read first, and an identifier in it is refused.
- Of the words in a font those stay that programs list it by, rewritten; notices, versions, comments and unique numbers go.
- What follows the program is left out.

Source: Adobe Type 1 Font Format, chapters 2 and 7; Adobe Technical Notes 5004 (AFM) and 5040 (PFB); Windows 3.1 printer font metrics.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO, Final

from privet.metadata.job import MIB, CannotClean, Job

_MAX_BYTES: Final = 32 * MIB
_START: Final = re.compile(rb"%!(?:PS-AdobeFont|FontType1)-1\.\d{1,3}(:[ \t]*[\w.+-]{1,63})?[^\r\n]*[\r\n]+")
_EEXEC: Final = re.compile(rb"currentfile\s+eexec\s?")
_ZEROS: Final = bytes(256)
_END: Final = (b"0" * 64 + b"\n") * 8 + b"cleartomark\n"
_KEY: Final = 55665
_STRING: Final = rb"\((?:[^()\\]|\\.|\((?:[^()\\]|\\.){0,400}\)){0,4000}\)"
_WORDS: Final = re.compile(
    rb"(?<=[(])(?:[^()\\]|\\.|\((?:[^()\\]|\\.){0,400}\)){0,4000}(?=[)])|(?<=/FontName /)[^\s/()<>\[\]{}%]{1,63}"
)
"""words in strings, and what the font is called"""
_GLYPH: Final = re.compile(rb"\s(\d{1,5}) (?:RD|-\|) ")
_COMMENTS: Final = re.compile(rb"(" + _STRING + rb")|%[ -~\t]{2,}(?:\r\n|\r|\n)")
_TOLD: Final = re.compile(
    rb"/(?:Notice|Copyright|version|BaseFontName|Trademark)\s*"
    + _STRING
    + rb"[ \t]*(?:readonly[ \t]+)?(?:def|ND|\|-)[ \t]*"
)
_NUMBERED: Final = re.compile(rb"/(?:UniqueID|XUID)\s*(?:\d+|\[[\d\s]*\])[ \t]*(?:readonly[ \t]+)?(?:def|ND|\|-)[ \t]*")
_STRINGS_AND_COMMENTS: Final = re.compile(rb"(" + _STRING + rb")|%[^\r\n]*(?:\r\n|\r|\n)?")
_KEYS: Final = frozenset(
    "StartFontMetrics StartMasterFontMetrics StartCompFontMetrics MetricsSets Weight ItalicAngle IsFixedPitch CharacterSet FontBBox "  # noqa: SIM905
    "UnderlinePosition UnderlineThickness EncodingScheme MappingScheme EscChar CapHeight XHeight Ascender Descender StdHW StdVW Characters "
    "IsBaseFont IsCIDFont VVector IsFixedV CharWidth StartDirection EndDirection StartCharMetrics C CH EndCharMetrics StartKernData "
    "StartKernPairs StartKernPairs0 StartKernPairs1 KPX KPY KP KPH EndKernPairs StartTrackKern TrackKern EndTrackKern EndKernData "
    "StartComposites CC PCC EndComposites EndFontMetrics EndMasterFontMetrics EndCompFontMetrics Masters Axes WeightVector "
    "BlendDesignPositions BlendDesignMap BlendAxisTypes".split()
)
_CALLED: Final = frozenset(("FontName", "FullName", "FamilyName"))
_MEASURE: Final = re.compile(r"[A-Za-z0-9 \t;.,<>\[\]/_+-]*")
"""numbers, and names of glyphs"""
_PFM_NOTICE: Final = slice(6, 66)
_PFM_HEAD: Final = 117
_PFM_NAMES: Final = 101
"""where the places of the printer's name and the font's stand"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a font, or its measures, without what does not show.

    Raises:
        CannotClean: it is damaged, too large, or its program holds an identifier.

    """
    data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise CannotClean(f"a font larger than {_MAX_BYTES // MIB} MiB")
    if data.startswith(b"Start"):
        target.write(_measures(data, job))
    elif data.startswith(b"\0\1"):
        target.write(_windows_measures(data, job))
    elif data.startswith(b"\x80"):
        target.write(_pieces(data, job))
    else:
        target.write(_text(data, job))


def _measures(data: bytes, job: Job) -> bytes:
    lines = [line for line in data.decode("latin-1").splitlines() if line.strip()]
    if not lines or not lines[-1].startswith("End"):
        raise CannotClean("truncated: the end of the measures is missing")
    kept: list[str] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word in _CALLED:
            # Names of glyphs are no names of people, so only these are looked at.
            kept.append(f"{word} {job.rewrite([rest.strip()], 'name')[0]}")
        elif word in _KEYS and _MEASURE.fullmatch(line):
            kept.append(line)
        else:
            job.dropped("comment" if word == "Comment" else "font name")
    return "\n".join(kept).encode("latin-1", "replace") + b"\n"


def _windows_measures(data: bytes, job: Job) -> bytes:
    """Return measures for Windows; their strings stand behind tables of numbers."""
    (size,) = struct.unpack_from("<I", data, 2)
    if not _PFM_HEAD <= size <= len(data):
        raise CannotClean("truncated: the measures end early")
    out = bytearray(data[:size])
    job.dropped("font name", int(any(out[_PFM_NOTICE])))
    out[_PFM_NOTICE] = bytes(60)
    job.dropped("trailing bytes", int(size < len(data)))
    for place in struct.unpack_from("<II", out, _PFM_NAMES):
        text = bytes(out[place:]).partition(b"\0")[0] if place else b""
        if any(job.edits([text.decode("latin-1")], "name")):
            raise CannotClean("the measures are of a font whose name would have to give way")
    return bytes(out)


def _text(data: bytes, job: Job) -> bytes:
    start = _EEXEC.search(data)
    if start is None:
        raise CannotClean("damaged: the font has no program")
    end = data.find(b"cleartomark", start.end())
    body = data[start.end() : end if end >= 0 else len(data)]
    digits = b"".join(body.split())
    try:
        binary = bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
    except ValueError as error:
        raise CannotClean("damaged: the program of the font") from error
    program = binary[: len(binary) - len(_ZEROS)] if digits.endswith(b"0" * 512) else binary
    digits = _program(program, job).hex().encode()
    lines = b"".join(digits[at : at + 64] + b"\n" for at in range(0, len(digits), 64))
    return _head(data[: start.end()], job) + lines + _END


def _pieces(data: bytes, job: Job) -> bytes:
    """Return a font in pieces: a mark, a kind, a length."""
    out = bytearray()
    at = 0
    is_end = has_program = False
    while not is_end:
        if data[at : at + 1] != b"\x80" or at + 2 > len(data):
            raise CannotClean("damaged: a piece of the font")
        kind = data[at + 1]
        is_end = kind == 3
        if is_end:
            break
        (size,) = struct.unpack_from("<I", data.ljust(at + 6, b"\0"), at + 2)
        piece = data[at + 6 : at + 6 + size]
        if len(piece) < size or kind not in (1, 2):
            raise CannotClean("truncated: a piece of the font is cut short")
        at += 6 + size
        if kind == 2:
            has_program = True
            piece = _program(piece, job)
        elif not has_program:
            piece = _head(piece, job)
        else:
            piece = _END
        out += b"\x80" + bytes([kind]) + struct.pack("<I", len(piece)) + piece
    if not has_program:
        raise CannotClean("damaged: the font has no program")
    job.dropped("trailing bytes", int(at + 2 < len(data)))
    return bytes(out) + b"\x80\3"


def _head(head: bytes, job: Job) -> bytes:
    """Return the part that can be read: without notices and comments, with the names rewritten."""
    start = _START.match(head)
    if start is None:
        raise CannotClean("damaged: not a font")
    shown = _STRINGS_AND_COMMENTS.sub(lambda found: found[1] or b"", head[start.end() :])
    job.dropped("comment", head.count(b"%") - shown.count(b"%"))
    for pattern in (_TOLD, _NUMBERED):
        shown, count = pattern.subn(b"", shown)
        job.dropped("font name", count)
    words = [found[0].decode("latin-1") for found in _WORDS.finditer(shown)]
    new = iter(job.rewrite(words, "name"))
    shown = _WORDS.sub(lambda _found: next(new).encode("latin-1", "replace"), shown)
    return b"%!PS-AdobeFont-1.0" + (start[1] or b"") + b"\n" + shown


def _program(program: bytes, job: Job) -> bytes:
    """Return the program without comments; one in whose words somebody is named is refused, as it may rely on them."""
    plain = _decrypted(program)
    out = bytearray()
    at = 0
    while found := _GLYPH.search(plain, at):
        # What draws a glyph is as many bytes as the number before it says.
        end = min(found.end() + int(found[1]), len(plain))
        out += _said(plain[at : found.end()], job) + plain[found.end() : end]
        at = end
    out += _said(plain[at:], job)
    return program if out == plain else _encrypted(bytes(out))


def _said(text: bytes, job: Job) -> bytes:
    shown = _COMMENTS.sub(lambda found: found[1] or b"\n", text)
    job.dropped("comment", int(shown != text))
    words = [found[0].decode("latin-1") for found in re.finditer(_STRING, shown)]
    if any(job.edits(words, "program")):
        raise CannotClean("the program of the font holds an identifier")
    return shown


def _decrypted(program: bytes) -> bytes:
    """Return the program as it runs (Type 1 Font Format, 7.2)."""
    key = _KEY
    out = bytearray(len(program))
    for at, byte in enumerate(program):
        out[at] = byte ^ key >> 8
        key = (byte + key) * 52845 + 22719 & 0xFFFF
    return bytes(out)


def _encrypted(plain: bytes) -> bytes:
    key = _KEY
    out = bytearray(len(plain))
    for at, byte in enumerate(plain):
        out[at] = byte ^ key >> 8
        key = (out[at] + key) * 52845 + 22719 & 0xFFFF
    return bytes(out)
