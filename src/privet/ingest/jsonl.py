"""JSON lines: one record a line, in byte ranges that end with a newline.

Invariants:

- A line in which nothing changes keeps every byte, its line end too; so do blank lines and a byte-order mark.
- A line that is not JSON, not UTF-8 or longer than the limit refuses the file: nothing passes that could not be looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from privet.ingest.json_texts import BadText, JsonTexts
from privet.ingest.record_file import Kept, Records, Unit
from privet.ingest.text_file import BOM, CHUNK, chunks, cut_at_newlines, form_of, lines_before, one_unit, writing
from privet.metadata.job import CannotClean

_BATCH_LINES: Final = 256
_SPACE: Final = b" \t\r"


def units(source: Path, unit_bytes: int) -> list[Unit]:
    """Return byte ranges that end with a newline; a packed file is one unit."""
    form = form_of(source)
    return cut_at_newlines(source, unit_bytes) if form.is_plain else one_unit(source, form)


def clean_unit(source: Path, unit: Unit, records: Records, part: BinaryIO) -> None:
    """Write the cleaned lines of a unit.

    Raises:
        CannotClean: a line is not JSON, not UTF-8 or too long.

    """
    form = form_of(source)
    texts = JsonTexts(records)
    done = 0
    most = records.limits.max_record_bytes
    try:
        for lines, end in _batches(chunks(source, form, unit, records.limits), most):
            if unit.start == 0 and done == 0 and lines[0].startswith(BOM):
                part.write(BOM)
                lines[0] = lines[0][len(BOM) :]
            part.write(b"\n".join(_cleaned(texts, lines)) + end)
            done += len(lines)
    except BadText as bad:
        line = lines_before(source, unit) + done + bad.index + 1
        raise CannotClean(f"line {line} is {bad.reason}") from bad
    except RecursionError as error:
        raise CannotClean("a value is nested too deeply") from error


def _cleaned(texts: JsonTexts, lines: list[bytes]) -> list[bytes]:
    """Return cleaned lines; blank ones are no records and stay."""
    at = [index for index, line in enumerate(lines) if line.strip(_SPACE)]
    if len(at) == len(lines):
        return texts.clean(lines)
    try:
        cleaned = texts.clean([lines[index] for index in at])
    except BadText as bad:
        raise BadText(at[bad.index], bad.reason) from bad
    out = list(lines)
    for index, line in zip(at, cleaned, strict=True):
        out[index] = line
    return out


def _batches(pieces: Iterator[bytes], max_bytes: int) -> Iterator[tuple[list[bytes], bytes]]:
    """Yield a few lines at a time without their newlines, and what stands after the last of them: a newline, or nothing at the end."""
    waiting: list[bytes] = []
    waiting_bytes = 0
    for piece in pieces:
        head, newline, rest = piece.rpartition(b"\n")
        if newline:
            lines = b"".join((*waiting, head)).split(b"\n")
            if waiting_bytes + len(head) > max_bytes:
                _check(lines, max_bytes)
            for at in range(0, len(lines), _BATCH_LINES):
                yield lines[at : at + _BATCH_LINES], b"\n"
            waiting, waiting_bytes = [], 0
        waiting.append(rest)
        waiting_bytes += len(rest)
        if waiting_bytes > max_bytes:
            raise BadText(0, _too_long(max_bytes))
    if waiting_bytes:
        yield [b"".join(waiting)], b""


def _check(lines: list[bytes], max_bytes: int) -> None:
    for index, line in enumerate(lines):
        if len(line) > max_bytes:
            raise BadText(index, _too_long(max_bytes))


def _too_long(max_bytes: int) -> str:
    return f"longer than {max_bytes} bytes"


def assemble(source: Path, parts: Sequence[BinaryIO], kept: Sequence[Kept], target: BinaryIO) -> None:
    """Join the parts, without the lines whose flag is False."""
    form = form_of(source)
    with writing(target, form) as write:
        for part, flags in zip(parts, kept, strict=True):
            if flags is not None:
                for lines in _kept_lines(part, flags.tobytes()):
                    write(lines)
            elif form.is_plain:
                _copy(part, target)
            else:
                while piece := part.read(CHUNK):
                    write(piece)


def _kept_lines(part: BinaryIO, flags: bytes) -> Iterator[bytes]:
    at = 0
    while lines := part.readlines(CHUNK):
        out: list[bytes] = []
        for line in lines:
            if not line.removeprefix(BOM).strip():
                out.append(line)
                continue
            if flags[at]:
                out.append(line)
            at += 1
        yield b"".join(out)


def _copy(part: BinaryIO, target: BinaryIO) -> None:
    """Copy what is left of a part; the kernel does it where both are files, without a byte through this process."""
    try:
        target.flush()
        start, at = part.tell(), target.tell()
        left = os.fstat(part.fileno()).st_size - start
        while left > 0 and (copied := os.copy_file_range(part.fileno(), target.fileno(), left, start, at)):
            start, at, left = start + copied, at + copied, left - copied
        part.seek(start)
        target.seek(at)
    except (OSError, AttributeError):
        pass
    shutil.copyfileobj(part, target, CHUNK)
