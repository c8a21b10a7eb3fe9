"""Netpbm's pictures (PBM, PGM, PPM, PAM) and PFM: size, depth and pixels, and no comment.

Invariants: binary pixels come out bit for bit, plain ones number for number; the header is written anew; only as many pixels as the header
says are read, and pictures of the same kind that follow one another in one file all stay.

Source: netpbm's pbm(5), pgm(5), ppm(5), pam(5), and the PFM format of Paul Debevec.
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, Window

_SPACE: Final = b" \t\r\n\v\f"
_COMMENT: Final = re.compile(rb"#[^\n]*\n")
_CHANNELS: Final = {b"P1": 1, b"P2": 1, b"P3": 3, b"P4": 1, b"P5": 1, b"P6": 3, b"Pf": 1, b"PF": 3}
_PLAIN: Final = (b"P1", b"P2", b"P3")
_FLOATS: Final = (b"Pf", b"PF")
_TUPLES: Final = frozenset(
    b"BLACKANDWHITE GRAYSCALE RGB BLACKANDWHITE_ALPHA GRAYSCALE_ALPHA RGB_ALPHA CMYK CMYK_ALPHA".split()
)
_SCALE: Final = re.compile(rb"-?\d{1,10}(?:\.\d{1,10})?")
_MAX_WORD: Final = 16
_A_LINE: Final = 12


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the pictures without comments.

    Raises:
        CannotClean: no such picture, damaged, or cut off.

    """
    window = Window(source)
    kind = b""
    while window.has(2) and (mark := window.buffer[window.at : window.at + 2]) in (*_CHANNELS, b"P7"):
        if kind and (mark != kind or kind not in (b"P4", b"P5", b"P6", b"P7")):
            break
        kind = window.take(2)
        _picture(kind, window, target, job)
    if not kind:
        raise CannotClean("not a netpbm picture")
    rest = window.buffer[window.at : window.at + BLOCK].strip(_SPACE)
    if rest or window.has(BLOCK):
        job.dropped("trailing bytes")


def _picture(kind: bytes, window: Window, target: BinaryIO, job: Job) -> None:
    if kind == b"P7":
        width, height, channels, most = _pam_header(window, target, job)
    else:
        channels = _CHANNELS[kind]
        width, height = (_number(_word(window, job)) for _ in range(2))
        most = 1 if kind in (b"P1", b"P4") else 0
        head = b"%b\n%d %d\n" % (kind, width, height)
        if kind in _FLOATS:
            scale = _word(window, job)
            if not _SCALE.fullmatch(scale):
                raise CannotClean("damaged: the header")
            head += scale + b"\n"
        elif not most:
            most = _number(_word(window, job))
            head += b"%d\n" % most
        target.write(head)
    if not 0 < width * height <= job.limits.max_pixels or most > 65535 or not 0 < channels <= 64:
        raise CannotClean("damaged, or more pixels than the limit: the size of the picture")
    if kind in _PLAIN:
        _plain(window, target, width * height * channels, most, job, packed=kind == b"P1")
        return
    each = 4 if kind in _FLOATS else 1 if most < 256 else 2
    size = (width + 7) // 8 * height if kind == b"P4" else width * height * channels * each
    target.writelines(window.take(min(BLOCK, size - at)) for at in range(0, size, BLOCK))


def _word(window: Window, job: Job) -> bytes:
    """Return the next word of the header, having taken the one white space behind it."""
    word = b""
    while window.has(1):
        byte = window.take(1)
        if byte == b"#":
            _line(window)
            job.dropped("comment")
            byte = b"\n"
        if byte in _SPACE:
            if word:
                return word
        elif len(word) == _MAX_WORD:
            break
        else:
            word += byte
    raise CannotClean("damaged: the header")


def _line(window: Window) -> bytes:
    """Return the rest of a line, at most its last block, without its end."""
    line = b""
    while window.has(1):
        end = window.buffer.find(b"\n", window.at)
        if end >= 0:
            line = window.buffer[window.at : end]
            window.at = end + 1
            break
        window.at = len(window.buffer)
    return line


def _number(word: bytes) -> int:
    if not word.isdigit() or not (number := int(word)):
        raise CannotClean("damaged: the header")
    return number


def _pam_header(window: Window, target: BinaryIO, job: Job) -> tuple[int, int, int, int]:
    numbers: dict[bytes, int] = {}
    kind = b""
    _line(window)
    while window.has(1):
        words = _line(window).split()
        if not words:
            continue
        if words[0] == b"ENDHDR":
            break
        if words[0] == b"TUPLTYPE":
            kind = words[1] if len(words) > 1 and words[1] in _TUPLES else b""
        elif len(words) > 1 and words[0] in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"):
            numbers[words[0]] = _number(words[1][:_MAX_WORD])
        else:
            job.dropped("comment")
    if len(numbers) != 4:
        raise CannotClean("damaged: the header")
    names = (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
    lines = [b"P7", *(b"%b %d" % (name, numbers[name]) for name in names), b"TUPLTYPE " + kind if kind else b""]
    target.write(b"\n".join([*filter(None, lines), b"ENDHDR\n"]))
    width, height, depth, most = (numbers[name] for name in names)
    return width, height, depth, most


def _plain(window: Window, target: BinaryIO, count: int, most: int, job: Job, *, packed: bool) -> None:
    """Write `count` numbers; those of a bitmap need no space between them."""
    rest = b""
    commented = False
    waiting: list[int] = []
    while count > 0:
        if not window.has(1):
            if not rest.strip(_SPACE) or rest[:1] == b"#":
                raise CannotClean("truncated: the pixels end early")
            text, rest = rest + b"\n", b""
        else:
            text = rest + window.buffer[window.at : window.at + BLOCK]
            window.at = min(window.at + BLOCK, len(window.buffer))
        text, rest, seen = _without_comments(text, packed=packed)
        commented = commented or seen
        words = [bytes((byte,)) for byte in text if byte not in _SPACE] if packed else text.split()
        waiting += _numbers(words[: count - len(waiting)], most)
        ready = len(waiting) if len(waiting) >= count else len(waiting) // _A_LINE * _A_LINE
        target.writelines(
            " ".join(map(str, waiting[at : min(at + _A_LINE, ready)])).encode() + b"\n"
            for at in range(0, ready, _A_LINE)
        )
        count -= ready
        del waiting[:ready]
    if commented:
        job.dropped("comment")


def _without_comments(text: bytes, *, packed: bool) -> tuple[bytes, bytes, bool]:
    """Return text without comments, what of it has to wait for the next block, and whether there was a comment."""
    seen = b"#" in text
    text = _COMMENT.sub(b"\n", text)
    if b"#" in text:
        # The comment goes on in the next block: what it says need not be kept.
        return text[: text.index(b"#")] + b"\n", b"#", seen
    if packed or not text or text[-1:] in _SPACE:
        return text, b"", seen
    last = text.split()[-1] if len(text) < _MAX_WORD else text[-_MAX_WORD:].split()[-1]
    if len(last) >= _MAX_WORD:
        raise CannotClean("damaged: a pixel")
    return text[: len(text) - len(last)], last, seen


def _numbers(words: list[bytes], most: int) -> list[int]:
    if not all(word.isdigit() for word in words):
        raise CannotClean("damaged: a pixel")
    numbers = [int(word) for word in words if len(word) <= _MAX_WORD]
    if len(numbers) != len(words) or max(numbers, default=0) > most:
        raise CannotClean("damaged: a pixel")
    return numbers
