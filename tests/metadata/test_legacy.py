"""Older office files: an installed LibreOffice makes newer ones of them, which are cleaned."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import docx
import openpyxl
import pypdf
import pytest

from privet.edits import Edit
from privet.metadata import legacy
from privet.metadata.job import CannotClean, Job, Limits

needs_libreoffice = pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")


def job() -> Job:
    return Job(
        edits=lambda texts, _place: [
            [Edit(text.index("Jane Doe"), text.index("Jane Doe") + 8, "[X]")] if "Jane Doe" in text else []
            for text in texts
        ]
    )


def test_without_libreoffice_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotClean, match="needs LibreOffice: install it or convert the file"):
        legacy.clean(io.BytesIO(b"\xd0\xcf\x11\xe0"), io.BytesIO(), job())


def test_what_it_will_be_called() -> None:
    assert legacy.converted_suffix("doc") == ".docx"
    assert legacy.converted_suffix("xls") == ".xlsx"
    assert legacy.converted_suffix("pps") == ".pptx"


@needs_libreoffice
def test_documents() -> None:
    old = b"{\\rtf1\\ansi{\\info{\\author CANARY}{\\company CANARY}}see {\\b Jane} Doe\\par}"
    made = io.BytesIO()
    legacy.clean(io.BytesIO(old), made, job(), "rtf")
    assert b"CANARY" not in made.getvalue()
    assert [paragraph.text for paragraph in docx.Document(made).paragraphs] == ["see [X]"]


@needs_libreoffice
def test_sheets() -> None:
    made = io.BytesIO()
    legacy.clean(io.BytesIO(b'ID;PCANARY;N;E\r\nC;Y2;X2;K"Jane Doe"\r\nC;Y1;X1;K5\r\nE\r\n'), made, job(), "slk")
    assert [[cell.value for cell in row] for row in openpyxl.load_workbook(made).active.iter_rows()] == [
        [5, None],
        [None, "[X]"],
    ]


@needs_libreoffice
def test_drawings_become_pages() -> None:
    space = "urn:oasis:names:tc:opendocument:xmlns"
    drawing = f"""<?xml version="1.0"?><office:document xmlns:office="{space}:office:1.0" xmlns:text="{space}:text:1.0"
 xmlns:draw="{space}:drawing:1.0" xmlns:svg="{space}:svg-compatible:1.0" xmlns:meta="{space}:meta:1.0" office:version="1.3"
 office:mimetype="application/vnd.oasis.opendocument.graphics"><office:meta><meta:initial-creator>CANARY</meta:initial-creator></office:meta>
<office:body><office:drawing><draw:page draw:name="p"><draw:frame svg:x="1cm" svg:y="1cm" svg:width="9cm" svg:height="2cm">
<draw:text-box><text:p>see Jane Doe</text:p></draw:text-box></draw:frame></draw:page></office:drawing></office:body></office:document>"""
    made = io.BytesIO()
    legacy.clean(io.BytesIO(drawing.encode()), made, job(), "sxd")
    assert b"CANARY" not in made.getvalue()
    assert "see [X]" in pypdf.PdfReader(made).pages[0].extract_text()


def program(folder: Path, script: str) -> None:
    path = folder / "soffice"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(("script", "reason"), [("exit 1", "cannot read"), ("exec /bin/sleep 60", "too long")])
def test_what_libreoffice_cannot_read_is_refused(
    script: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(legacy, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(CannotClean, match=reason):
        legacy.clean(io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)), io.BytesIO(), job(), "ppt")


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotClean, match="too large"):
        legacy.clean(io.BytesIO(bytes(100)), io.BytesIO(), Job(limits=Limits(max_file_bytes=99)), "doc")
