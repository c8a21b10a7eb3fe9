"""GIF: the frames, their timing, and how often they are shown.

Invariants:

- the codes of every frame are kept; what follows a frame's end code is cut, and the bits behind it are zero
- of the extensions only the graphic control and the loop count come back, built anew
- a colour that no pixel of its table's frames has is black
- what follows the trailer is not read

Source: GIF89a specification; giflib and Pillow for what viewers tolerate.
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from privet.metadata import pixels
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import Window

_TABLE: Final = 0x80
_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_BLOCK: Final = re.compile(rb"[!,;]")
_NAMES: Final = {0xFE: "comment", 0x01: "text", 0xFF: "application data"}
# Codes looked at in one go: most clear codes come after some four thousand. A hostile file has them everywhere, so the first few behind
# each are looked at one by one, and there is a limit to how often they may come.
_LONG: Final = 4096
_SHORT: Final = 32
_MAX_CLEARS: Final = 200_000
_CLEAR_BYTES: Final = 128
_MAX_FRAME: Final = 256 * 1024 * 1024


_Numbers = npt.NDArray[np.uint32]
_Marks = npt.NDArray[np.bool_]
_State = tuple[int, int, bool]
"""place of the next code in bits, codes since the last clear code, whether the last was the end code"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the pictures without metadata.

    Raises:
        CannotClean: no GIF, no frame in it, or a frame that is cut off.

    """
    _Pictures(source, target, job).copy()


class _Pictures:
    def __init__(self, source: BinaryIO, target: BinaryIO, job: Job) -> None:
        self._source = source
        self._window = Window(source)
        self._target = target
        self._job = job
        self._used: set[int] = set()
        self._control = b""
        self._frames = 0
        self._looped = False
        self._shown: set[int] = set()

    def copy(self) -> None:
        """Write the whole file."""
        window, target = self._window, self._target
        head = window.take(13) if window.has(13) else b""
        if head[:6] not in (b"GIF87a", b"GIF89a"):
            raise CannotClean("not a gif")
        table = window.take(_table_bytes(head[10]))
        target.write(head + table)
        if table:
            self._shown.add(head[11])
        ended = self._blocks()
        if not self._frames:
            raise CannotClean("no picture: no frame")
        if not ended and not pixels.loads(self._source, ("GIF",), self._job):
            raise CannotClean("truncated: the end of the file is missing")
        if window.has(1):
            self._job.dropped("trailing data")
        target.write(b";")
        end = target.tell()
        target.seek(13)
        target.write(_blanked(table, self._used | self._shown))
        target.seek(end)

    def _blocks(self) -> bool:
        """Copy blocks up to the trailer; return whether there was one."""
        window = self._window
        while window.has(1):
            found = _BLOCK.search(window.buffer, window.at)
            if found is None or found.start() != window.at:
                self._job.dropped("stray data")
                window.at = found.start() if found else len(window.buffer)
                continue
            window.at += 1
            if found[0] == b";":
                return True
            try:
                (self._frame if found[0] == b"," else self._extension)()
            except CannotClean:
                # Viewers show the frames that are whole.
                if not self._frames:
                    raise
                self._job.dropped("damaged frame")
                window.at = len(window.buffer)
                return True
        return False

    def _sub_blocks(self) -> bytes:
        """Return the data of a chain of sub-blocks."""
        window = self._window
        out = bytearray()
        while length := window.take(1)[0]:
            out += window.take(length)
            if len(out) > _MAX_FRAME:
                raise CannotClean("too large: one block of over 256 MiB")
        return bytes(out)

    def _extension(self) -> None:
        label = self._window.take(1)[0]
        data = self._sub_blocks()
        if label == 0xF9 and len(data) >= 4:
            # Disposal, user input and transparency; the other bits are reserved.
            self._control = b"!\xf9\x04" + bytes((data[0] & 0x1F,)) + data[1:4] + b"\0"
            return
        if label == 0xFF and data[:11] in _LOOPS and len(data) >= 14 and data[11] & 7 == 1:
            if not self._looped:
                self._looped = True
                self._target.write(b"!\xff\x0b" + data[:11] + b"\x03\x01" + data[12:14] + b"\0")
            return
        if label == 0x01:
            # A graphic control in front of a text is the text's.
            self._control = b""
        self._job.dropped("xmp" if data.startswith(b"XMP Data") else _NAMES.get(label, "extension"))

    def _frame(self) -> None:
        window = self._window
        head = window.take(9)
        table = window.take(_table_bytes(head[8]))
        bits = window.take(1)[0]
        if not 1 <= bits <= 11:
            raise CannotClean("damaged: a frame's code size")
        data = self._sub_blocks()
        codes, used = _codes(data, bits)
        if len(codes) < len(data):
            self._job.dropped("stray data")
        # The colours of the background and of transparency are seen where a viewer shows no pixel.
        used |= self._shown
        if self._control and self._control[3] & 1:
            used.add(self._control[6])
        if table:
            table = _blanked(table, used)
        else:
            self._used |= used
        self._target.write(self._control + b"," + head + table + bytes((bits,)))
        self._target.write(
            b"".join(bytes((len(codes[at : at + 255]),)) + codes[at : at + 255] for at in range(0, len(codes), 255))
        )
        self._target.write(b"\0")
        self._control = b""
        self._frames += 1


def _table_bytes(flags: int) -> int:
    return 3 * 2 ** (1 + (flags & 7)) if flags & _TABLE else 0


def _blanked(table: bytes, used: set[int]) -> bytes:
    """Return a colour table with black for the colours that are not used."""
    count = len(table) // 3
    if table == bytes(level for level in range(count) for _ in range(3)):
        # Readers know the grey picture by it, and it says nothing.
        return table
    return b"".join(table[3 * index : 3 * index + 3] if index in used else b"\0\0\0" for index in range(count))


def _codes(data: bytes, bits: int) -> tuple[bytes, set[int]]:
    """Return the LZW data up to and with its end code, and the colours in it.

    A colour that the picture shows stands in the data as a code of its own at least once after each clear code. How wide a code is
    depends only on how many came since the clear code, so thousands of codes are read at once.
    """
    clear = 1 << bits
    widths = _widths(bits)
    levels = np.frombuffer(data + b"\0\0\0", np.uint8).astype(np.uint32)
    seen = np.zeros(clear, np.bool_)
    place = since = clears = 0
    while 8 * len(data) - place >= widths[min(since, len(widths) - 1)]:
        if since == 0:
            place, since, stop = _few(data, place, clear, widths, seen)
        else:
            place, since, stop = _many(levels, place, since, clear, widths, seen)

        clears += since == 0
        if stop:
            last = bytes((data[(place - 1) // 8] & (1 << (1 + (place - 1) % 8)) - 1,))
            return data[: (place - 1) // 8] + last, set(np.flatnonzero(seen).tolist())
        if clears > _MAX_CLEARS + len(data) // _CLEAR_BYTES:
            raise CannotClean("damaged: too many clear codes")
    return data, set(np.flatnonzero(seen).tolist())


def _few(data: bytes, place: int, clear: int, widths: _Numbers, seen: _Marks) -> _State:
    """Read the first codes after a clear code, one by one."""
    first = int(widths[0])
    total = 8 * len(data)
    for since in range(_SHORT):
        wide = max(first, min(12, (clear + 1 + since).bit_length()))
        if place + wide > total:
            return total, 0, False
        at = place >> 3
        code = int.from_bytes(data[at : at + 3], "little") >> (place & 7) & (1 << wide) - 1
        place += wide
        if code < clear:
            seen[code] = True
        elif code <= clear + 1:
            return place, 0, code == clear + 1
    return place, _SHORT, False


def _many(levels: _Numbers, place: int, since: int, clear: int, widths: _Numbers, seen: _Marks) -> _State:
    """Read the codes up to the next clear code or end code, thousands at once."""
    wide = widths[since : since + _LONG] if since < len(widths) else np.full(_LONG, 12, np.uint32)
    ends = place + np.cumsum(wide, dtype=np.int64)
    ends = ends[: int(np.searchsorted(ends, 8 * (len(levels) - 3), "right"))]
    if not len(ends):
        return 8 * len(levels), since, False
    wide = wide[: len(ends)]
    starts = ends - wide
    at = starts >> 3
    codes = levels[at] | levels[at + 1] << 8 | levels[at + 2] << 16
    codes = codes >> (starts & 7).astype(np.uint32) & (1 << wide) - 1
    marks = np.flatnonzero((codes == clear) | (codes == clear + 1))
    read = int(marks[0]) + 1 if len(marks) else len(codes)
    literals = codes[:read]
    seen[literals[literals < clear]] = True
    stop = bool(len(marks)) and int(codes[marks[0]]) == clear + 1
    return int(ends[read - 1]), 0 if len(marks) else since + read, stop


def _widths(bits: int) -> _Numbers:
    """Return how many bits the codes after a clear code have, up to where all have twelve."""
    return np.array([min(12, (2**bits + 1 + since).bit_length()) for since in range(4096)], np.uint32)
