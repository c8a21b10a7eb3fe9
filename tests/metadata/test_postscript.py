"""PostScript becomes a PDF with its pages and their text, and without what it says of itself."""

from __future__ import annotations

import io
import shutil
import struct
import sys
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest

from privet.metadata import postscript
from privet.metadata.job import CannotClean, Job, Limits

sys.path.append(str(Path(__file__).parent))

from jobs import edits_of

needs_ghostscript = pytest.mark.skipif(shutil.which("gs") is None, reason="needs Ghostscript")
PICTURE = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 10 20 210 120
%%Creator: CANARY
%%For: CANARY
%%Title: CANARY
%%EndComments
[ /Author (CANARY) /Title (CANARY) /DOCINFO pdfmark
/Helvetica findfont 12 scalefont setfont 20 60 moveto (by Jane Doe, kept) show
% CANARY
showpage
%%EOF
CANARY
"""


def cleaned(content: bytes) -> bytes:
    out = io.BytesIO()
    postscript.clean(io.BytesIO(content), out, Job(edits=edits_of("Jane Doe", "X")))
    return out.getvalue()


def preview(content: bytes) -> bytes:
    """Return a picture with a preview for screens before and behind it."""
    header = b"\xc5\xd0\xd3\xc6" + struct.pack("<IIIIIIH", 36, len(content), 0, 0, 30, 6, 0xFFFF)
    return header + b"CANARY" + content + b"CANARY"


@needs_ghostscript
@pytest.mark.parametrize("content", [PICTURE, preview(PICTURE), PICTURE.replace(b"\n", b"\r\n")])
def test_a_picture_keeps_its_text_and_size(content: bytes) -> None:
    made = cleaned(content)
    assert b"CANARY" not in made
    document = pypdfium2.PdfDocument(made)
    assert document[0].get_size() == (200, 100)
    assert document[0].get_textpage().get_text_bounded().replace(" ,", ",") == "by X, kept"
    assert document.get_metadata_dict(skip_empty=True) == {}


@needs_ghostscript
@pytest.mark.parametrize(
    "content", [b"%!PS\nerror here", PICTURE[: PICTURE.index(b"Doe")], b"%!PS\n(/etc/passwd) (r) file showpage"]
)
def test_a_program_that_fails_is_refused(content: bytes) -> None:
    with pytest.raises(CannotClean, match="cannot read it"):
        cleaned(content)


def test_what_it_needs_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotClean, match="needs Ghostscript: install it or convert the file to PDF"):
        cleaned(PICTURE)


@needs_ghostscript
def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(CannotClean, match="too large"):
        postscript.clean(io.BytesIO(PICTURE), io.BytesIO(), Job(limits=Limits(max_file_bytes=100)))


@needs_ghostscript
def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postscript, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(CannotClean, match="too long"):
        cleaned(b"%!PS\n{ } loop")
