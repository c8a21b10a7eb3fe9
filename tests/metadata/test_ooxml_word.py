"""Word documents: what was deleted, hidden, said beside the text or about its writer is gone; paragraphs are whole texts."""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import docx
import pytest

from privet.edits import Edit
from privet.metadata import ooxml
from privet.metadata.job import CannotClean, Job, Member

sys.path.append(str(Path(__file__).parent))

import office_files
from jobs import edits_of
from office_files import members

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
FOUND = r"jane@example\.com|Jane Doe|555-0100|CANARY-text"
NAMESPACES = (
    f'xmlns:w="{W}" xmlns:r="{R}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" xmlns:x="http://example.com/CANARY-ns"'
)


edits = edits_of(FOUND)


def job() -> Job:
    return Job(edits=edits, nested=lambda name, content: Member(name, b"clean " + content[:4]))


def cleaned(content: bytes, used: Job | None = None) -> bytes:
    out = io.BytesIO()
    ooxml.clean(io.BytesIO(content), out, used or job())
    return out.getvalue()


def canaries(content: bytes) -> list[str]:
    return office_files.canaries(content, ("CANARY", "jane@example.com", "Jane Doe", "555-0100"))


def document(body: str, parts: dict[str, str | bytes] | None = None, relations: str = "", main: str = MAIN) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{R}/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        archive.writestr("word/document.xml", f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>")
        archive.writestr(
            "word/_rels/document.xml.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}</Relationships>',
        )
        for name, content in (parts or {}).items():
            archive.writestr(name, content)
    return out.getvalue()


def relation(number: int, kind: str, target: str, *, external: bool = False) -> str:
    mode = ' TargetMode="External"' if external else ""
    return f'<Relationship Id="rId{number}" Type="{R}/{kind}" Target="{target}"{mode}/>'


def text_of(content: bytes) -> list[str]:
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(content)).paragraphs]


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(run("mail ja") + run("ne@exam", "<w:b/>") + run("ple.com now"), "mail [X] now", id="split-over-runs"),
        pytest.param(run("plain"), "plain", id="plain"),
        pytest.param(run("a") + '<w:del w:author="CANARY" w:date="2020-01-01T00:00:00Z"><w:r><w:delText>CANARY</w:delText></w:r></w:del>', "a", id="deleted"),
        pytest.param(run("a") + f'<w:ins w:author="CANARY">{run("b")}</w:ins>', "ab", id="inserted"),
        pytest.param(f'<w:moveFrom w:author="CANARY">{run("CANARY")}</w:moveFrom><w:moveTo w:author="CANARY">{run("m")}</w:moveTo>', "m", id="moved"),
        pytest.param(run("a") + run("CANARY", "<w:vanish/>"), "a", id="hidden"),
        pytest.param(run("a", '<w:vanish w:val="0"/>'), "a", id="not-hidden"),
        pytest.param('<w:commentRangeStart w:id="0"/>' + run("a") + '<w:commentRangeEnd w:id="0"/><w:r><w:commentReference w:id="0"/></w:r>', "a", id="comment"),
        pytest.param('<w:smartTag w:element="CANARY"><w:smartTagPr><w:attr w:name="CANARY" w:val="CANARY"/></w:smartTagPr>' + run("a") + "</w:smartTag>", "a", id="smart-tag"),
        pytest.param('<w:permStart w:id="1" w:ed="CANARY@example.com"/>' + run("a") + '<w:permEnd w:id="1"/>', "a", id="permission"),
        pytest.param("<w:unknown>CANARY-text</w:unknown><x:foo>CANARY</x:foo><w:r x:foo='CANARY'><w:t>a</w:t></w:r>", "a", id="unknown-elements"),
        pytest.param("<w:r>CANARY-text<w:t>a</w:t></w:r>CANARY", "a", id="stray-text"),
        pytest.param('<w:fldSimple w:instr=" AUTHOR ">' + run("CANARY") + "</w:fldSimple>" + run("a"), "a", id="author-field"),
        # python-docx shows no results of simple fields.
        pytest.param('<w:fldSimple w:instr=" DOCPROPERTY x ">' + run("CANARY-text b") + "</w:fldSimple>" + run("a"), "a", id="property-field"),
        pytest.param('<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> FILENAME \\p </w:instrText></w:r>'
                     '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + run("C:\\CANARY") + '<w:r><w:fldChar w:fldCharType="end"/></w:r>' + run("a"), "a",
                     id="file-name-field"),
        pytest.param('<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> HYPERLINK "mailto:ja</w:instrText></w:r>'
                     '<w:r><w:instrText>ne@example.com" </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>' + run("a")
                     + '<w:r><w:fldChar w:fldCharType="end"/></w:r>', "a", id="split-instruction"),
        pytest.param('<w:r w:rsidR="CANARY"><w:rPr><w:rPrChange w:author="CANARY"><w:rPr/></w:rPrChange></w:rPr><w:t>a</w:t></w:r>', "a", id="formatting-change"),
        pytest.param("<w:r><w:t>Jane</w:t><w:br/><w:t>555-0100</w:t></w:r>", "Jane\n[X]", id="line-break"),
        pytest.param("<w:r><mc:AlternateContent><mc:Choice Requires='x'><x:foo>CANARY</x:foo></mc:Choice><mc:Fallback><w:t>a</w:t></mc:Fallback></mc:AlternateContent></w:r>",
                     "a", id="unknown-alternative"),
    ],
)  # fmt: skip
def test_paragraph(body: str, expected: str) -> None:
    out = cleaned(document(f'<w:p w:rsidR="00CA0000" w14:paraId="CA000000">{body}</w:p>'))
    assert canaries(out) == []
    assert text_of(out) == [expected]
    assert b"rsid" not in members(out)["word/document.xml"]


def test_deleted_paragraph_marks_join_what_is_left() -> None:
    mark = '<w:pPr><w:rPr><w:del w:author="CANARY"/></w:rPr></w:pPr>'
    gone = f"<w:p>{mark}<w:del><w:r><w:delText>CANARY</w:delText></w:r></w:del></w:p>"
    out = cleaned(document(f"<w:p>{mark}{run('a')}</w:p>{gone}<w:p>{run('b')}</w:p>"))
    assert text_of(out) == ["ab"]
    assert canaries(out) == []


def test_deleted_rows_and_cells_go() -> None:
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    gone = '<w:tr><w:trPr><w:del w:author="CANARY"/></w:trPr>' + cell.format("CANARY") + "</w:tr>"
    lost = '<w:tc><w:tcPr><w:cellDel w:author="CANARY"/></w:tcPr><w:p><w:r><w:t>CANARY</w:t></w:r></w:p></w:tc>'
    out = cleaned(document(f"<w:tbl>{gone}<w:tr>{cell.format('Jane Doe')}{lost}</w:tr></w:tbl><w:p/>"))
    rows = docx.Document(io.BytesIO(out)).tables[0].rows
    assert [[cell.text for cell in row.cells] for row in rows] == [["[X]"]]
    assert canaries(out) == []


def test_text_boxes_are_texts_of_their_own() -> None:
    box = f"<w:txbxContent><w:p>{run('Doe and Jane ')}{run('Doe')}</w:p></w:txbxContent>"
    shape = f'<mc:AlternateContent><mc:Choice Requires="wps"><wps:wsp><wps:txbx>{box}</wps:txbx></wps:wsp></mc:Choice><mc:Fallback><w:pict><v:shape alt="Jane Doe"><v:textbox>{box}</v:textbox><v:textpath string="Jane Doe"/></v:shape></w:pict></mc:Fallback></mc:AlternateContent>'
    out = cleaned(document(f"<w:p>{run('Jane ')}<w:r>{shape}</w:r>{run('Miller')}</w:p>"))
    body = members(out)["word/document.xml"].decode()
    assert canaries(out) == []
    assert body.count("Doe and [X]") == 2
    assert "Jane " in body


def test_pictures_links_and_alternative_texts() -> None:
    drawing = (
        '<w:drawing><wp:inline><wp:docPr id="1" name="Jane Doe" descr="of Jane Doe" title="Jane Doe"/><a:graphic>'
        '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="0" name="Jane Doe.png">'
        '<a:hlinkClick r:id="rId4"/></pic:cNvPr></pic:nvPicPr><pic:blipFill><a:blip r:embed="rId1"/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing>'
    )
    links = "".join(
        f'<w:hyperlink r:id="rId{number}" w:tooltip="Jane Doe">{run(f"l{number}")}</w:hyperlink>'
        for number in (2, 3, 4)
    )
    relations = (
        relation(1, "image", "media/CANARY.png")
        + relation(2, "hyperlink", "mailto:jane%40example.com?subject=hi", external=True)
        + relation(3, "hyperlink", "https://example.com/a%20b", external=True)
        + relation(4, "hyperlink", "file:///C:/Users/CANARY/x.docx", external=True)
    )
    used = job()
    out = cleaned(
        document(f"<w:p><w:r>{drawing}</w:r>{links}</w:p>", {"word/media/CANARY.png": b"\x89PNGCANARY"}, relations),
        used,
    )
    made = members(out)
    assert canaries(out) == []
    assert made["word/media/image1.png"] == b"clean \x89PNG"
    assert b"mailto:%5BX%5D?subject=hi" in made["word/_rels/document.xml.rels"]
    assert b"https://example.com/a%20b" in made["word/_rels/document.xml.rels"]
    assert text_of(out) == ["l2l3l4"]
    assert used.removed["link to a local file"] == 1


def test_a_picture_that_cannot_be_cleaned_goes_with_what_refers_to_it() -> None:
    body = '<w:p><w:r><w:pict><v:shape><v:imagedata r:id="rId1" o:title="CANARY"/></v:shape></w:pict></w:r></w:p>'
    used = Job(edits=edits)
    out = cleaned(document(body, {"word/media/a.png": b"CANARY"}, relation(1, "image", "media/a.png")), used)
    assert canaries(out) == []
    assert b"r:id" not in members(out)["word/document.xml"]
    assert [name for name, _ in used.set_aside] == ["image.png"]
    assert "picture" not in used.removed


def test_parts_that_are_no_content_do_not_come_along() -> None:
    parts = dict.fromkeys(("word/comments.xml", "word/people.xml", "word/vbaProject.bin", "word/vbaData.xml", "customXml/item1.xml", "docProps/custom.xml", "docProps/thumbnail.jpeg", "word/glossary/document.xml", "word/webSettings.xml", "word/CANARY.xml", "CANARY/../../x", "word/activeX/a.bin"), "<CANARY/>")  # fmt: skip
    parts["docProps/core.xml"] = "<CANARY/>"
    parts["word/settings.xml"] = (
        f'<w:settings {NAMESPACES}><w:zoom w:percent="100"/><w:attachedTemplate r:id="rId9"/><w:rsids><w:rsidRoot w:val="00CA0000"/></w:rsids>'
        '<w:docVars><w:docVar w:name="CANARY" w:val="CANARY"/></w:docVars><w:documentProtection w:hash="CANARY"/><w:trackRevisions/>'
        '<w:mailMerge><w:dataSource r:id="rId8"/></w:mailMerge><w:defaultTabStop w:val="720"/></w:settings>'
    )
    relations = "".join(
        relation(number, kind, target)
        for number, (kind, target) in enumerate(
            [("comments", "comments.xml"), ("people", "people.xml"), ("customXml", "../customXml/item1.xml"), ("settings", "settings.xml"),
             ("glossaryDocument", "glossary/document.xml"), ("webSettings", "webSettings.xml"), ("CANARY", "CANARY.xml")], 1
        )
    )  # fmt: skip
    relations += '<Relationship Id="rIdV" Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" Target="vbaProject.bin"/>'
    used = job()
    content = document(
        f"<w:p>{run('a')}</w:p>", parts, relations, "application/vnd.ms-word.document.macroEnabled.main+xml"
    )
    out = cleaned(content, used)
    made = members(out)
    assert canaries(out) == []
    assert set(made) == {
        "[Content_Types].xml", "_rels/.rels", "word/document.xml", "word/_rels/document.xml.rels", "word/settings.xml", "docProps/core.xml",
        "docProps/app.xml",
    }  # fmt: skip
    assert b"defaultTabStop" in made["word/settings.xml"]
    assert MAIN.encode() in made["[Content_Types].xml"]
    assert b"macro" not in made["[Content_Types].xml"]
    assert ooxml.cleaned_suffix(io.BytesIO(content)) == ".docx"
    assert used.removed["macro"] == 2
    assert text_of(out) == ["a"]


def test_styles_that_hide_text_hide_it_here_too() -> None:
    styles = (
        f'<w:styles {NAMESPACES}><w:latentStyles><w:lsdException w:name="CANARY"/></w:latentStyles>'
        '<w:style w:type="character" w:styleId="H"><w:name w:val="H"/><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="H2"><w:name w:val="H2"/><w:basedOn w:val="H"/></w:style>'
        '<w:style w:type="paragraph" w:customStyle="1" w:styleId="P"><w:name w:val="Jane Doe"/><w:rsid w:val="00CA0000"/></w:style></w:styles>'
    )
    body = "<w:p>" + run("a") + run("CANARY", '<w:rStyle w:val="H2"/>') + "</w:p>"
    out = cleaned(document(body, {"word/styles.xml": styles}, relation(1, "styles", "styles.xml")))
    assert canaries(out) == []
    assert text_of(out) == ["a"]
    assert b"rsid" not in members(out)["word/styles.xml"]


def test_headers_notes_and_controls() -> None:
    parts = {
        "word/header1.xml": f"<w:hdr {NAMESPACES}><w:p>{run('h Jane ')}{run('Doe')}</w:p></w:hdr>",
        "word/footnotes.xml": f'<w:footnotes {NAMESPACES}><w:footnote w:id="2"><w:p>{run("n 555-0100")}</w:p></w:footnote></w:footnotes>',
    }
    control = (
        '<w:sdt><w:sdtPr><w:alias w:val="Jane Doe"/><w:tag w:val="CANARY-text"/><w:dataBinding w:xpath="/CANARY/creator"/>'
        '<w:dropDownList><w:listItem w:displayText="Jane Doe" w:value="Jane Doe"/></w:dropDownList></w:sdtPr>'
        f"<w:sdtContent>{run('CANARY')}</w:sdtContent></w:sdt>"
    )
    relations = relation(1, "header", "header1.xml") + relation(2, "footnotes", "footnotes.xml")
    seen: dict[str, list[str]] = {}

    def noting(texts: Sequence[str], place: str) -> list[list[Edit]]:
        seen.setdefault(place, []).extend(texts)
        return edits(texts, place)

    body = f'<w:p>{control}</w:p><w:sectPr><w:headerReference r:id="rId1"/></w:sectPr>'
    out = cleaned(document(body, parts, relations), Job(edits=noting))
    assert canaries(out) == []
    assert seen["header"] == ["h Jane Doe"]
    assert seen["notes"] == ["n 555-0100"]


def test_python_docx_opens_what_it_wrote_and_the_rest_is_the_same() -> None:
    written = docx.Document()
    written.core_properties.author = "CANARY"
    written.core_properties.comments = "CANARY"
    written.add_heading("Title", 1)
    written.add_paragraph("see Jane Doe", style="List Bullet").add_run(" bold").bold = True
    table = written.add_table(2, 2)
    table.cell(1, 1).text = "555-0100"
    written.add_comment(written.paragraphs[0].runs, text="CANARY", author="CANARY", initials="CAN")
    source = io.BytesIO()
    written.save(source)
    out = cleaned(source.getvalue())
    again = docx.Document(io.BytesIO(out))
    assert canaries(out) == []
    assert [(p.text, p.style.name if p.style else "") for p in again.paragraphs] == [
        ("Title", "Heading 1"),
        ("see [X] bold", "List Bullet"),
    ]
    assert again.paragraphs[1].runs[1].bold is True
    assert [[cell.text for cell in row.cells] for row in again.tables[0].rows] == [["", ""], ["", "[X]"]]
    assert cleaned(source.getvalue()) == out
    assert cleaned(out) == out


def test_strict_files_and_unusual_prefixes_and_encodings() -> None:
    body = f'<q:document xmlns:q="{W}"><q:body><q:p><q:r><q:t>Jane Doe</q:t></q:r></q:p></q:body></q:document>'
    strict = f'<w:document xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main" w:conformance="strict"><w:body><w:p>{run("Jane Doe")}</w:p></w:body></w:document>'
    for xml in (body.encode("utf-16"), body.encode(), strict.encode()):
        content = members(document(""))
        content["word/document.xml"] = xml
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, part in content.items():
                archive.writestr(name, part)
        out = cleaned(packed.getvalue())
        assert text_of(out) == ["[X]"]


def test_embedded_objects_leave_their_picture() -> None:
    body = (
        '<w:p><w:r><w:object><v:shape><v:imagedata r:id="rId1"/></v:shape><o:OLEObject Type="Embed" ProgID="Excel.Sheet.8" r:id="rId2"/></w:object></w:r></w:p>'
        '<w:p><w:r><w:object><v:shape/><o:OLEObject r:id="rId3"/></w:object></w:r></w:p>'
    )
    parts: dict[str, str | bytes] = {
        "word/media/a.png": b"\x89PNG",
        "word/embeddings/o.bin": b"CANARY",
        "word/embeddings/CANARY.xlsx": b"PK\3\4CANARY",
    }
    relations = (
        relation(1, "image", "media/a.png")
        + relation(2, "oleObject", "embeddings/o.bin")
        + relation(3, "package", "embeddings/CANARY.xlsx")
    )
    out = cleaned(document(body, parts, relations))
    made = members(out)
    assert canaries(out) == []
    assert made["word/document.xml"].count(b"OLEObject") == 1
    assert [name for name in made if "embeddings" in name] == ["word/embeddings/file2.xlsx"]


@pytest.mark.parametrize(
    "xml",
    [
        pytest.param('<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>', id="entities"),
        pytest.param("<w:document", id="broken"),
        pytest.param("<a xmlns='http://example.com'/>", id="unknown-root"),
        pytest.param(f"<w:document {NAMESPACES}>" + "<w:p>" * 3000, id="deep"),
    ],
)
def test_hostile_parts_are_refused(xml: str) -> None:
    content = members(document(""))
    content["word/document.xml"] = xml.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    with pytest.raises(CannotClean):
        cleaned(packed.getvalue())


@pytest.mark.parametrize(
    "body",
    [
        "<w:p>" + "<w:ins><w:r><w:t>a</w:t></w:r></w:ins>" * 20_000 + "</w:p>",
        "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p>" * 4000 + "<w:p/>",
        "<w:p>" + "<x:foo/>\n" * 50_000 + "</w:p>",
        "<w:p><w:del>" + "<w:r><w:t>a</w:t></w:r>" * 30_000 + "</w:del></w:p>",
        "<w:p>" + '<w:r><w:fldChar w:fldCharType="begin"/></w:r>' * 20_000 + "</w:p>",
        "<w:p>" + "<w:r><w:t>jane@example.com</w:t></w:r>" * 10_000 + "</w:p>",
    ],
    ids=["inserted", "merged", "unknown", "deleted", "fields", "edits"],
)
def test_large_documents_take_time_by_their_size(body: str) -> None:
    start = time.perf_counter()
    cleaned(document(body))
    assert time.perf_counter() - start < 10


def test_settings_keep_what_is_the_formats_own() -> None:
    setting = (
        '<w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="14"/>'
    )
    settings = (
        f'<w:settings xmlns:w="{W}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:mathPr><m:mathFont m:val="Cambria Math"/>'
        f"</m:mathPr><w:compat>{setting}</w:compat></w:settings>"
    )
    made = members(
        cleaned(
            document(run("a"), {"word/settings.xml": settings}, relation(1, "settings", "settings.xml")),
            Job(edits=lambda texts, _place: [[Edit(0, len(text), "[X]")] if len(text) > 1 else [] for text in texts]),
        )
    )
    assert b'm:val="Cambria Math"' in made["word/settings.xml"]
    assert b'uri="http://schemas.microsoft.com/office/word"' in made["word/settings.xml"]
