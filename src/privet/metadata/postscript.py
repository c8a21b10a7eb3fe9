"""PostScript: an installed Ghostscript makes a PDF of it, which is then cleaned.

A PostScript file is a program, and what it says of itself, what it shows and what it only computes cannot be told apart without running it.

Invariants:

- Ghostscript runs as `converter.run` says, may read no file but the one it is given, and keeps text as text.
- Nothing of what it writes is kept but the one file, and that only after it was cleaned.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

from privet.metadata import pdf
from privet.metadata.converter import run
from privet.metadata.job import MIB, CannotClean, Job

TIMEOUT_SECONDS: Final = 60
_MAX_BYTES: Final = 256 * MIB
_MAX_PAGES: Final = 10_000
_END: Final = b"%%EOF"
_WITH_PREVIEW: Final = b"\xc5\xd0\xd3\xc6"


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a PDF with the pages that a PostScript file draws.

    Raises:
        CannotClean: no Ghostscript is installed, or the program fails, draws nothing, or takes too long.

    """
    program = shutil.which("gs")
    if program is None:
        raise CannotClean("needs Ghostscript: install it or convert the file to PDF")
    data = source.read(min(_MAX_BYTES, job.limits.max_file_bytes) + 1)
    if len(data) > min(_MAX_BYTES, job.limits.max_file_bytes):
        raise CannotClean("too large to be converted: split the file")
    with tempfile.TemporaryDirectory(prefix="privet-", ignore_cleanup_errors=True) as folder:
        here = Path(folder)
        given, made = here / "in.ps", here / "out.pdf"
        given.write_bytes(_program(data))
        is_picture = b" EPSF-" in data[:64] or data.startswith(_WITH_PREVIEW)
        command = [
            program, "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dQUIET", "-sDEVICE=pdfwrite", "-dCompatibilityLevel=1.7",
            "-dAutoRotatePages=/None",
            f"-dLastPage={_MAX_PAGES}", "-dPreserveAnnots=true", *(["-dEPSCrop"] if is_picture else []), "-sOutputFile=out.pdf", "in.ps",
        ]  # fmt: skip
        if run(command, here, TIMEOUT_SECONDS, "Ghostscript") or not made.is_file():
            raise CannotClean("Ghostscript cannot read it: damaged, or it needs a printer")
        job.dropped("postscript program")
        with made.open("rb") as converted:
            pdf.clean(converted, target, job)


def _program(data: bytes) -> bytes:
    """Return the program without what may stand around it: a preview for screens, and what follows its last line."""
    if data.startswith(_WITH_PREVIEW) and len(data) >= 12:
        start, size = struct.unpack_from("<II", data, 4)
        data = data[start : start + size]
    end = data.rfind(_END)
    return data if end < 0 else data[: end + len(_END)] + b"\n"
