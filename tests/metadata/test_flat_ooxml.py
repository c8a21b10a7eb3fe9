"""Office documents as one XML file become the usual packages."""

from __future__ import annotations

import base64
import io
import random
import re
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import docx
import openpyxl
import pytest

from privet.metadata import flat_ooxml
from privet.metadata.job import CannotClean, Job, Member

sys.path.append(str(Path(__file__).parent))

from jobs import damaged, edits_of

_HEAD = '<?xml version="1.0"?><?mso-application progid="Word.Document"?><pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'


def flat(package: bytes) -> bytes:
    """Return a package in the flat form, as Word saves it."""
    parts: list[str] = []
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        types = archive.read("[Content_Types].xml").decode()
        for name in archive.namelist():
            if name == "[Content_Types].xml":
                continue
            kind = re.search(
                f'PartName="/{re.escape(name)}" ContentType="([^"]*)"|ContentType="([^"]*)" PartName="/{re.escape(name)}"',
                types,
            )
            rels = "application/vnd.openxmlformats-package.relationships+xml"
            told = kind[1] or kind[2] if kind else rels if name.endswith(".rels") else "image/png"
            content = archive.read(name)
            held = (
                f"<pkg:xmlData>{re.sub(r'<[?]xml[^>]*>', '', content.decode())}</pkg:xmlData>"
                if name.endswith((".xml", ".rels"))
                else f"<pkg:binaryData>{base64.encodebytes(content).decode()}</pkg:binaryData>"
            )
            parts.append(
                f"<pkg:part pkg:name={quoteattr('/' + name)} pkg:contentType={quoteattr(told)}>{held}</pkg:part>"
            )
    return (_HEAD + "".join(parts) + "</pkg:package>").encode()


def document() -> bytes:
    made = docx.Document()
    made.core_properties.author = "CANARY"
    made.add_paragraph("see Jane Doe")
    out = io.BytesIO()
    made.save(out)
    return flat(out.getvalue())


def cleaned(content: bytes) -> io.BytesIO:
    out = io.BytesIO()
    flat_ooxml.clean(io.BytesIO(content), out, Job(edits=edits_of("Jane Doe"), nested=Member))
    return out


def test_a_document() -> None:
    content = document()
    assert flat_ooxml.cleaned_suffix(io.BytesIO(content)) == ".docx"
    made = cleaned(content)
    assert [paragraph.text for paragraph in docx.Document(made).paragraphs] == ["see [X]"]
    with zipfile.ZipFile(made) as archive:
        assert not any(b"CANARY" in archive.read(name) for name in archive.namelist())


def test_a_workbook() -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "Jane Doe"
    out = io.BytesIO()
    book.save(out)
    content = flat(out.getvalue())
    assert flat_ooxml.cleaned_suffix(io.BytesIO(content)) == ".xlsx"
    assert openpyxl.load_workbook(cleaned(content)).active["A1"].value == "[X]"


@pytest.mark.parametrize("content", [b"", b"<a/>", _HEAD.encode() + b"</pkg:package>", document()[:5000]])
def test_what_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(CannotClean):
        cleaned(content)


def test_damaged_files_are_cleaned_or_refused() -> None:
    chance = random.Random(4)
    whole = document()
    for _turn in range(40):
        try:
            cleaned(damaged(whole, chance))
        except CannotClean as error:
            assert "Jane" not in error.reason
