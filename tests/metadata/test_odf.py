"""OpenDocument files: texts, sheets and drawings without identifiers, history, authors and what else rides along."""

from __future__ import annotations

import base64
import contextlib
import io
import random
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from lxml import etree
from odf import dc, draw, office, style, table, text
from odf.opendocument import OpenDocumentPresentation, OpenDocumentSpreadsheet, OpenDocumentText, load

from privet.metadata import odf
from privet.metadata.job import CannotClean, Job, Member

sys.path.append(str(Path(__file__).parent))

import office_files
from jobs import damaged, edits_of
from office_files import members

FOUND = r"jane@example\.com|Jane Doe|4111 ?1111 ?1111 ?1111|CANARY-text"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for name, space in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("style", "style"),
                        ("config", "config"), ("meta", "meta"), ("presentation", "presentation"), ("svg", "svg-compatible"), ("script", "script"))
) + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:x="http://example.com/CANARY"'  # fmt: skip


edits = edits_of(FOUND)


def job() -> Job:
    return Job(edits=edits, nested=lambda name, content: Member(name, content.replace(b"CANARY", b"")))


def cleaned(content: bytes, used: Job | None = None) -> bytes:
    out = io.BytesIO()
    odf.clean(io.BytesIO(content), out, used or job())
    return out.getvalue()


def canaries(content: bytes) -> list[str]:
    return office_files.canaries(content, ("CANARY", "jane@example.com", "Jane Doe", "4111111111111111"))


def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.write(out)  # type: ignore[attr-defined]
    return out.getvalue()


def packed(body: str, kind: str = "text", parts: dict[str, bytes] | None = None, styles: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        inner = {"text": "text", "spreadsheet": "spreadsheet", "presentation": "presentation", "graphics": "drawing"}[
            kind
        ]
        archive.writestr(
            "content.xml",
            f"<office:document-content {SPACES}><office:scripts><x>CANARY</x></office:scripts><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:{inner}>{body}</office:{inner}></office:body></office:document-content>",
        )
        for name, content in (parts or {}).items():
            archive.writestr(name, content)
    return out.getvalue()


def paragraphs(content: bytes) -> list[str]:
    root = etree.fromstring(members(content)["content.xml"])
    return ["".join(element.itertext()) for element in root.iter(TEXT + "p", TEXT + "h")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("<text:p>mail ja<text:span>ne@exam</text:span>ple.com now</text:p>", ["mail [X] now"], id="split"),
        pytest.param("<text:h>Jane<text:s/>Doe</text:h>", ["[X]"], id="space-element"),
        pytest.param("<text:p>Jane <text:span>Doe<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>n Jane Doe</text:p></text:note-body></text:note></text:span> x</text:p>",
                     ["[X]1n [X] x", "n [X]"], id="note"),
        pytest.param("<text:tracked-changes><text:changed-region><text:deletion><office:change-info><dc:creator>CANARY</dc:creator></office:change-info>"
                     "<text:p>CANARY</text:p></text:deletion></text:changed-region></text:tracked-changes><text:p>a<text:change text:change-id='c'/>b</text:p>",
                     ["ab"], id="tracked"),
        pytest.param("<text:p>a<office:annotation><dc:creator>CANARY</dc:creator><text:p>CANARY</text:p></office:annotation>b<office:annotation-end/>c</text:p>", ["abc"], id="comment"),
        pytest.param("<text:p>by <text:author-name>CANARY</text:author-name><text:initial-creator>CANARY</text:initial-creator>; "
                     "<text:file-name>CANARY</text:file-name><text:sender-email>CANARY</text:sender-email>x</text:p>", ["by ; x"], id="fields"),
        pytest.param("<text:p><text:title>About Jane</text:title> Doe</text:p>", ["About [X]"], id="title-field"),
        pytest.param("<text:p>a<text:span text:style-name='T1'>CANARY</text:span>b</text:p>", ["ab"], id="hidden-style"),
        pytest.param("<text:section text:display='none' text:name='s'><text:p>CANARY</text:p></text:section><text:p>a</text:p>", ["a"], id="hidden-section"),
        pytest.param("<text:p>a<text:a xlink:href='mailto:jane@example.com' office:title='Jane Doe'>me</text:a></text:p>", ["ame"], id="mail-link"),
        pytest.param("<text:p>a<text:a xlink:href='file:///home/CANARY/x'>me <text:span>too</text:span></text:a> b</text:p>", ["ame too b"], id="file-link"),
        pytest.param("<text:p>a<x:foo>CANARY</x:foo>b<text:span x:foo='CANARY'>c</text:span></text:p>", ["abc"], id="unknown"),
        pytest.param("<text:p><draw:frame draw:name='CANARY.png'><draw:image xlink:href='Pictures/CANARY.png'/><svg:title>Jane Doe</svg:title>"
                     "<svg:desc>CANARY-text</svg:desc></draw:frame>a</text:p>", ["[X][X]a"], id="picture"),
        pytest.param("<text:p>a<text:variable-set office:string-value='Jane Doe' text:name='v'>Jane Doe</text:variable-set></text:p>", ["a[X]"], id="variable"),
        pytest.param("<text:p>a<draw:object-ole xlink:href='./CANARY'/><draw:control draw:control='CANARY'/></text:p>", ["a"], id="objects"),
    ],
)  # fmt: skip
def test_text(body: str, expected: list[str]) -> None:
    hidden = (
        '<style:style style:name="T1" style:family="text"><style:text-properties text:display="none"/></style:style>'
    )
    out = cleaned(packed(body, parts={"Pictures/CANARY.png": PNG}, styles=hidden))
    assert canaries(out) == []
    assert paragraphs(out) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('office:value-type="float" office:value="4111111111111111"><text:p>4.11E+15</text:p>', "[X]"),
        ('office:value-type="float" office:value="4111111111111111"><text:p>4111 1111 1111 1111</text:p>', "[X]"),
        ('office:value-type="float" office:value="12"><text:p>12</text:p>', "12"),
        ('office:value-type="string" office:string-value="Jane Doe"><text:p>Jane Doe</text:p>', "[X]"),
        (
            'office:value-type="string" table:formula="of:=&quot;jane&quot;&amp;&quot;@example.com&quot;"><text:p>jane@example.com</text:p>',
            "[X]",
        ),
        (
            'office:value-type="float" office:value="1" table:formula="of:=\'file:///CANARY.ods\'#$Sheet1.A1"><text:p>1</text:p>',
            "1",
        ),
        (
            'office:value-type="float" office:value="1" table:formula="of:=[\'file:///CANARY.ods\'#$Sheet1.A1]"><text:p>1</text:p>',
            "1",
        ),
    ],
)
def test_cell(cell: str, expected: str) -> None:
    body = f'<table:table table:name="S"><table:table-row><table:table-cell {cell}</table:table-cell></table:table-row></table:table>'
    out = cleaned(packed(body, "spreadsheet"))
    content = members(out)["content.xml"]
    assert canaries(out) == []
    assert paragraphs(out) == [expected]
    assert (b"formula" in content) is False
    assert (b'value-type="string"' in content) is (expected == "[X]")


def test_sheets_are_renamed_wherever_they_are_named() -> None:
    body = (
        "<table:table table:name=\"Jane Doe\" table:print-ranges=\"'Jane Doe'.A1:'Jane Doe'.B2\"><table:table-row><table:table-cell "
        'table:formula="of:=SUM([$\'Jane Doe\'.A2:.B3])+[.A9]" office:value-type="float" office:value="3"><text:p>3</text:p></table:table-cell>'
        '</table:table-row></table:table><table:named-expressions><table:named-range table:name="Jane_Doe" table:base-cell-address="$\'Jane Doe\'.$A$1" '
        "table:cell-range-address=\"$'Jane Doe'.$A$1:.$B$1\"/></table:named-expressions>"
    )
    out = cleaned(packed(body, "spreadsheet"))
    content = members(out)["content.xml"].decode()
    assert canaries(out) == []
    assert "Jane" not in content
    assert "SUM([$'X'.A2:.B3])+[.A9]" in content
    assert content.count("'X'.") == 5


def test_members_that_are_no_content_do_not_come_along() -> None:
    names = (
        "meta.xml", "Thumbnails/thumbnail.png", "Basic/Standard/Module1.xml", "Scripts/python/CANARY.py", "Configurations2/x.xml", "layout-cache",
        "META-INF/documentsignatures.xml", "manifest.rdf", "Versions/Version1", "VersionList.xml", "ObjectReplacements/Object 1", "CANARY", "../x",
    )  # fmt: skip
    settings = (
        f'<office:document-settings {SPACES}><office:settings><config:config-item-set config:name="ooo:configuration-settings">'
        '<config:config-item config:name="PrinterName" config:type="string">CANARY</config:config-item>'
        '<config:config-item config:name="AddParaTableSpacing" config:type="boolean">true</config:config-item>'
        '<config:config-item config:name="PrinterSetup" config:type="base64Binary">CANARY</config:config-item>'
        '</config:config-item-set><config:config-item-set config:name="ooo:view-settings"><config:config-item config:name="CANARY" '
        'config:type="boolean">true</config:config-item></config:config-item-set></office:settings></office:document-settings>'
    )
    parts = dict.fromkeys(names, b"CANARY") | {"settings.xml": settings.encode()}
    used = job()
    out = cleaned(packed("<text:p>a</text:p>", parts=parts), used)
    made = members(out)
    assert canaries(out) == []
    assert list(made) == ["mimetype", "content.xml", "settings.xml", "meta.xml", "META-INF/manifest.xml"]
    assert b"AddParaTableSpacing" in made["settings.xml"]
    assert out[30:38] == b"mimetype"
    assert used.removed["macro"] == 3


def test_objects_in_the_document_are_cleaned_too() -> None:
    inner = members(packed("<text:p>in Jane Doe</text:p>"))["content.xml"]
    parts = {"CANARY 1/content.xml": inner, "CANARY 1/meta.xml": b"CANARY", "ObjectReplacements/CANARY 1": b"CANARY"}
    body = '<text:p><draw:frame><draw:object xlink:href="./CANARY 1"/><draw:image xlink:href="./ObjectReplacements/CANARY 1"/></draw:frame></text:p>'
    out = cleaned(packed(body, parts=parts))
    made = members(out)
    assert canaries(out) == []
    assert b"in [X]" in made["Object 1/content.xml"]
    assert b'xlink:href="./Object 1"' in made["content.xml"]
    assert b"draw:image" not in made["content.xml"]
    assert b'full-path="Object 1/"' in made["META-INF/manifest.xml"]


def test_odfpy_opens_what_it_wrote() -> None:
    document = OpenDocumentText()
    document.meta.addElement(dc.Creator(text="CANARY"))
    bold = style.Style(name="Bold", family="text")
    bold.addElement(style.TextProperties(fontweight="bold"))
    document.automaticstyles.addElement(bold)
    paragraph = text.P(text="see Jane ")
    paragraph.addElement(text.Span(stylename=bold, text="Doe"))
    note = office.Annotation()
    note.addElement(dc.Creator(text="CANARY"))
    paragraph.addElement(note)
    document.text.addElement(paragraph)
    picture = document.addPictureFromString(PNG, "image/png")
    frame = draw.Frame(width="1cm", height="1cm")
    frame.addElement(draw.Image(href=picture))
    document.text.addElement(frame)
    content = saved(document)
    out = cleaned(content)
    again = load(io.BytesIO(out))
    assert canaries(out) == []
    assert [str(p) for p in again.getElementsByType(text.P)] == ["see [X]"]
    assert again.getElementsByType(text.Span)[0].getAttribute("stylename") == "Bold"
    assert PNG in members(out).values()
    assert cleaned(content) == out
    assert cleaned(out) == out


@pytest.mark.parametrize("made", [OpenDocumentSpreadsheet, OpenDocumentPresentation])
def test_other_kinds(made: type) -> None:
    document = made()
    if made is OpenDocumentSpreadsheet:
        sheet = table.Table(name="S")
        row = table.TableRow()
        cell = table.TableCell()
        cell.addElement(text.P(text="Jane Doe"))
        row.addElement(cell)
        sheet.addElement(row)
        document.spreadsheet.addElement(sheet)
    else:
        page = draw.Page(name="Jane Doe", masterpagename="m")
        frame = draw.Frame()
        box = draw.TextBox()
        box.addElement(text.P(text="Jane Doe"))
        frame.addElement(box)
        page.addElement(frame)
        document.presentation.addElement(page)
    out = cleaned(saved(document))
    assert canaries(out) == []
    assert [str(p) for p in load(io.BytesIO(out)).getElementsByType(text.P)] == ["[X]"]


def test_flat_files() -> None:
    picture = base64.b64encode(PNG).decode()
    flat = (
        f'<office:document {SPACES} office:mimetype="application/vnd.oasis.opendocument.text"><office:meta><dc:creator>CANARY</dc:creator></office:meta>'
        "<office:settings><x>CANARY</x></office:settings><office:scripts>CANARY</office:scripts><office:body><office:text><text:p>Jane <text:span>Doe</text:span>"
        f"<draw:frame><draw:image><office:binary-data>{picture}</office:binary-data></draw:image></draw:frame>"
        "<draw:frame><draw:image><office:binary-data>!!CANARY</office:binary-data></draw:image></draw:frame></text:p></office:text></office:body></office:document>"
    )
    out = io.BytesIO()
    odf.clean_flat(io.BytesIO(flat.encode()), out, job())
    made = out.getvalue()
    assert b"CANARY" not in made
    assert b"[X]" in made
    assert picture.encode() in made
    with pytest.raises(CannotClean):
        odf.clean_flat(io.BytesIO(b"<a/>"), io.BytesIO(), job())


def test_damaged_files_are_cleaned_or_refused() -> None:
    chance = random.Random(1)
    document = OpenDocumentText()
    document.text.addElement(text.P(text="some words"))
    for content in (saved(document), packed("<text:p>a<text:span>b</text:span></text:p>")):
        for _ in range(60):
            broken = damaged(content, chance)
            with contextlib.suppress(CannotClean):
                cleaned(broken)


@pytest.mark.parametrize(
    "body",
    [
        "<text:p>" + "<text:change/>a" * 50_000 + "</text:p>",
        "<text:p>" + "<text:title>a</text:title>" * 50_000 + "</text:p>",
        "<text:p>" + "<text:tab/>" * 50_000 + "</text:p>",
        "<office:annotation>" + "<text:p/>" * 50_000 + "</office:annotation>",
        "<text:section>" * 100 + "<text:p/>" * 20_000 + "</text:section>" * 100,
    ],
    ids=["taken-out", "flattened", "marks", "removed", "nested"],
)
def test_large_documents_take_time_by_their_size(body: str) -> None:
    start = time.perf_counter()
    cleaned(packed(body))
    assert time.perf_counter() - start < 10


def test_encrypted_and_foreign_packages_are_refused() -> None:
    manifest = (
        '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><m:file-entry m:full-path="content.xml">'
        "<m:encryption-data/></m:file-entry></m:manifest>"
    )
    with pytest.raises(CannotClean, match="encrypted"):
        cleaned(packed("", parts={"META-INF/manifest.xml": manifest.encode()}))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/zip")
    with pytest.raises(CannotClean, match="not an OpenDocument"):
        cleaned(out.getvalue())


@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_libreoffice_reads_what_was_cleaned(tmp_path: Path) -> None:
    flat = packed("<text:h text:outline-level='1'>Heading</text:h><text:p>mail jane@example.com</text:p>")
    (tmp_path / "a.odt").write_bytes(cleaned(flat))
    command = [
        "soffice",
        f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
        "--headless",
        "--convert-to",
        "txt:Text (encoded):UTF8",
    ]
    subprocess.run(
        [*command, "--outdir", str(tmp_path), str(tmp_path / "a.odt")], capture_output=True, timeout=120, check=True
    )
    assert (tmp_path / "a.txt").read_text(encoding="utf-8-sig").split("\n")[:2] == ["Heading", "mail [X]"]
