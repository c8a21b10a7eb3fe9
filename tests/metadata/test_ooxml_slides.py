"""PowerPoint presentations: slides, hidden ones, notes, tables, charts and diagrams without identifiers."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import openpyxl
import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from privet.edits import Edit
from privet.metadata import ooxml
from privet.metadata.job import Job, Member

sys.path.append(str(Path(__file__).parent))

import office_files
from jobs import edits_of
from office_files import members, packed

FOUND = r"jane@example\.com|Jane Doe|CANARY-text"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# One pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


edits = edits_of(FOUND)


def nested(name: str, content: bytes) -> Member | None:
    if name.endswith(".xlsx"):
        out = io.BytesIO()
        ooxml.clean(io.BytesIO(content), out, Job(edits=edits, nested=nested))
        return Member(name, out.getvalue())
    return Member(name, content.replace(b"CANARY", b""))


def cleaned(content: bytes) -> bytes:
    out = io.BytesIO()
    ooxml.clean(io.BytesIO(content), out, Job(edits=edits, nested=nested))
    return out.getvalue()


def canaries(content: bytes) -> list[str]:
    return office_files.canaries(content, ("CANARY", "jane@example.com", "Jane Doe"))


def show() -> pptx.presentation.Presentation:
    made = pptx.Presentation()
    made.core_properties.author = "CANARY"
    slide = made.slides.add_slide(made.slide_layouts[1])
    title = slide.shapes.title
    assert title is not None
    title.text = "About Jane Doe"
    title.name = "Jane Doe"
    paragraph = slide.placeholders[1].text_frame.paragraphs[0]
    for piece in ("mail ja", "ne@exam", "ple.com now"):
        paragraph.add_run().text = piece
    slide.notes_slide.notes_text_frame.text = "said jane@example.com"
    picture = slide.shapes.add_picture(io.BytesIO(PNG), 0, 0, Inches(1))
    picture._element.nvPicPr.cNvPr.set("descr", "Jane Doe")
    picture.name = "CANARY.jpg"
    picture.click_action.hyperlink.address = "mailto:jane@example.com"
    hidden = made.slides.add_slide(made.slide_layouts[6])
    hidden._element.set("show", "0")
    table = hidden.shapes.add_table(1, 2, 0, 0, Inches(4), Inches(1)).table
    table.cell(0, 0).text = "Jane Doe"
    table.cell(0, 1).text = "kept"
    data = CategoryChartData()
    data.categories = ["Jane Doe", "b"]
    data.add_series("of Jane Doe", (1, 2))
    hidden.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, 0, 0, Inches(3), Inches(3), data)
    return made


def saved(presentation: pptx.presentation.Presentation) -> bytes:
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def test_slides_notes_tables_charts_and_pictures() -> None:
    content = saved(show())
    out = cleaned(content)
    again = pptx.Presentation(io.BytesIO(out))
    first, hidden = again.slides
    assert canaries(out) == []
    assert first.shapes.title is not None
    assert first.shapes.title.text == "About [X]"
    assert [run.text for run in first.placeholders[1].text_frame.paragraphs[0].runs] == ["mail [X]", "", " now"]
    assert first.notes_slide.notes_text_frame is not None
    assert first.notes_slide.notes_text_frame.text == "said [X]"
    assert hidden._element.get("show") == "0"
    table, chart = list(hidden.shapes)
    assert [cell.text for cell in table.table.iter_cells()] == ["[X]", "kept"]
    assert list(chart.chart.plots[0].categories) == ["[X]", "b"]
    book = openpyxl.load_workbook(io.BytesIO(chart.chart.part.chart_workbook.xlsx_part.blob))
    assert [[cell.value for cell in row] for row in book.active.iter_rows()] == [[None, "of [X]"], ["[X]", 1], ["b", 2]]
    assert cleaned(content) == out
    assert cleaned(out) == out


def test_layouts_and_masters_stay() -> None:
    content = saved(show())
    before, after = (pptx.Presentation(io.BytesIO(data)) for data in (content, cleaned(content)))
    assert [layout.name for layout in after.slide_layouts] == [layout.name for layout in before.slide_layouts]
    assert (after.slide_width, after.slide_height) == (before.slide_width, before.slide_height)
    assert [shape.shape_type for shape in after.slides[0].shapes] == [
        shape.shape_type for shape in before.slides[0].shapes
    ]


def test_comments_authors_tags_and_histories_do_not_come_along() -> None:
    parts = members(saved(show()))
    extra = "".join(
        f'<Relationship Id="rIdX{number}" Type="{kind}" Target="/ppt/{target}"/>'
        for number, (kind, target) in enumerate(
            [(f"{R}/commentAuthors", "commentAuthors.xml"), (f"{R}/tags", "tags/tag1.xml"), (f"{R}/viewProps", "viewProps.xml"),
             ("http://schemas.microsoft.com/office/2016/11/relationships/changesInfo", "changesInfos/c.xml"),
             ("http://schemas.microsoft.com/office/2018/10/relationships/authors", "authors.xml")]
        )
    )  # fmt: skip
    name = "ppt/_rels/presentation.xml.rels"
    parts[name] = parts[name].replace(b"</Relationships>", extra.encode() + b"</Relationships>")
    for target in (
        "commentAuthors.xml",
        "tags/tag1.xml",
        "viewProps.xml",
        "changesInfos/c.xml",
        "authors.xml",
        "vbaProject.bin",
    ):
        parts["ppt/" + target] = b"<CANARY/>"
    parts["ppt/presentation.xml"] = parts["ppt/presentation.xml"].replace(
        b"<p:sldSz",
        b'<p:custDataLst><p:tags r:id="rIdX1"/></p:custDataLst><p:modifyVerifier hashData="CANARY"/><p:sldSz',
        1,
    )
    parts["ppt/slides/slide1.xml"] = parts["ppt/slides/slide1.xml"].replace(
        b"</p:cSld>",
        b'<p:extLst><p:ext uri="{BB962C8B-B14F-4D97-AF65-F5344CB8AC3E}"><CANARY/></p:ext></p:extLst></p:cSld>',
    )
    out = cleaned(packed(parts))
    assert canaries(out) == []
    assert len(pptx.Presentation(io.BytesIO(out)).slides) == 2


def test_diagrams_keep_their_drawing() -> None:
    parts = members(saved(show()))
    texts = "<a:p><a:r><a:t>Jane </a:t></a:r><a:r><a:t>Doe</a:t></a:r></a:p>"
    spaces = (
        'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        f'xmlns:dsp="http://schemas.microsoft.com/office/drawing/2008/diagram" xmlns:r="{R}"'
    )
    parts["ppt/diagrams/data1.xml"] = (
        f'<dgm:dataModel {spaces}><dgm:ptLst><dgm:pt modelId="1"><dgm:prSet phldrT="Jane Doe"/><dgm:t>{texts}</dgm:t></dgm:pt></dgm:ptLst>'
        '<dgm:extLst><a:ext uri="http://schemas.microsoft.com/office/drawing/2008/diagram"><dsp:dataModelExt relId="rId92"/></a:ext></dgm:extLst></dgm:dataModel>'
    ).encode()
    parts["ppt/diagrams/drawing1.xml"] = (
        f"<dsp:drawing {spaces}><dsp:txBody>{texts}</dsp:txBody></dsp:drawing>".encode()
    )
    name = "ppt/slides/_rels/slide1.xml.rels"
    parts[name] = parts[name].replace(
        b"</Relationships>",
        f'<Relationship Id="rId91" Type="{R}/diagramData" Target="../diagrams/data1.xml"/><Relationship Id="rId92" '
        'Type="http://schemas.microsoft.com/office/2007/relationships/diagramDrawing" Target="../diagrams/drawing1.xml"/></Relationships>'.encode(),
    )
    made = members(cleaned(packed(parts)))
    assert canaries(packed(made)) == []
    assert b'relId="rId92"' in made["ppt/diagrams/data1.xml"]
    assert made["ppt/diagrams/drawing1.xml"].count(b"[X]") == 1
    assert made["ppt/slides/_rels/slide1.xml.rels"].count(b"diagram") >= 2


def test_an_embedded_object_that_cannot_stay_leaves_its_picture() -> None:
    parts = members(saved(show()))
    frame = (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="9" name="o"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm/><a:graphic>'
        '<a:graphicData uri="http://schemas.openxmlformats.org/presentationml/2006/ole"><p:oleObj progId="Word.Document.8" r:id="rId93">'
        '<p:embed/><p:pic><p:nvPicPr><p:cNvPr id="0" name="Picture 7"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill/><p:spPr/></p:pic></p:oleObj>'
        "</a:graphicData></a:graphic></p:graphicFrame></p:spTree>"
    )
    parts["ppt/slides/slide1.xml"] = parts["ppt/slides/slide1.xml"].replace(b"</p:spTree>", frame.encode())
    name = "ppt/slides/_rels/slide1.xml.rels"
    parts[name] = parts[name].replace(
        b"</Relationships>",
        f'<Relationship Id="rId93" Type="{R}/oleObject" Target="../embeddings/o.bin"/></Relationships>'.encode(),
    )
    parts["ppt/embeddings/o.bin"] = b"CANARY"
    out = cleaned(packed(parts))
    slide = members(out)["ppt/slides/slide1.xml"]
    assert canaries(out) == []
    assert b"oleObj" not in slide
    assert b'name="Picture 7"' in slide


def test_number_formats_of_charts_stay() -> None:
    out = io.BytesIO()
    job = Job(
        edits=lambda texts, _place: [[Edit(0, len(text), "[X]")] if text else [] for text in texts], nested=nested
    )
    ooxml.clean(io.BytesIO(saved(show())), out, job)
    charts = [
        body for name, body in members(out.getvalue()).items() if "charts/chart" in name and name.endswith(".xml")
    ]
    assert len(charts) == 1
    assert b"formatCode>General<" in charts[0]
