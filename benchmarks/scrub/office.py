"""Office documents of python-docx, openpyxl, XlsxWriter, python-pptx, odfpy and LibreOffice."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from pictures import base, exif_block
from planting import Corpus, command, prose, row_of, seen

if TYPE_CHECKING:
    from pathlib import Path

WHEN: Final = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
FROM: Final = {
    "docx": ("odt", "doc", "rtf", "docx", "pdf", "epub", "txt", "html", "fodt"),
    "xlsx": ("ods", "xls", "xlsx", "pdf", "csv", "fods"),
    "pptx": ("odp", "ppt", "pptx", "pdf"),
}
"""What LibreOffice makes of each."""
DAY: Final = "2024-01-02T03:04:05Z"


def photo(canary: str) -> BytesIO:
    """Return a JPEG with EXIF."""
    out = BytesIO()
    base(4, size=(120, 90)).save(out, "JPEG", exif=exif_block(canary))
    out.seek(0)
    return out


def _properties(properties: Any, canary: str) -> None:
    for name in (
        "author",
        "creator",
        "last_modified_by",
        "lastModifiedBy",
        "title",
        "subject",
        "keywords",
        "comments",
        "description",
        "category",
    ):
        if hasattr(properties, name):
            setattr(properties, name, canary)
    properties.created = properties.modified = WHEN.replace(tzinfo=None)


def word(path: Path, canary: str, how: int) -> None:
    """Write a text document with pictures, notes, tracked changes, custom parts."""
    import docx

    document = docx.Document()
    _properties(document.core_properties, canary)
    document.add_heading("Garden", 1)
    paragraph = document.add_paragraph(prose(canary))
    document.sections[0].header.paragraphs[0].text = f"from {seen(canary)}@example.com"
    if how % 3 == 1:
        document.add_picture(photo(canary))
        document.add_table(2, 2).cell(0, 0).text = f"{seen(canary)}@example.com"
    if how % 3 == 2 and hasattr(document, "add_comment"):
        document.add_comment(paragraph.runs, text=f"ask {seen(canary)}@example.com", author=canary, initials="cn")
    document.save(str(path))
    if how >= 3:
        _extra_parts(path, canary)


def _extra_parts(path: Path, canary: str) -> None:
    """Add what Word adds: tracked changes, revision ids, a custom part, application properties, dates of members."""
    out = BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename == "word/document.xml":
                change = (
                    f'<w:p w:rsidR="00AB12CD"><w:ins w:id="1" w:author="{canary}" w:date="{DAY}"><w:r><w:t>well</w:t></w:r></w:ins>'
                    f'<w:del w:id="2" w:author="{canary}" w:date="{DAY}"><w:r>'
                    f"<w:delText>{seen(canary)}@example.com</w:delText></w:r></w:del></w:p>"
                )
                content = content.replace(b"<w:sectPr", change.encode() + b"<w:sectPr", 1)
            if item.filename == "docProps/app.xml":
                content = content.replace(
                    b"</Properties>", f"<Company>{canary}</Company><Manager>{canary}</Manager></Properties>".encode()
                )
            new.writestr(zipfile.ZipInfo(item.filename, WHEN.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
        new.writestr("customXml/item9.xml", f"<a>{canary}</a>")
        new.writestr("notes-of-owner.bin", canary)
        new.comment = canary.encode()
    path.write_bytes(out.getvalue())


def sheet(path: Path, canary: str, how: int) -> None:
    """Write a workbook of openpyxl with a comment, a hidden sheet, a name and a picture."""
    import openpyxl
    from openpyxl.comments import Comment
    from openpyxl.drawing.image import Image
    from openpyxl.workbook.defined_name import DefinedName

    book = openpyxl.Workbook()
    _properties(book.properties, canary)
    page = book.active
    page.append(["plant", "count", "note"])
    for row in range(20):
        page.append([row_of(canary, row), row * 3, f"{seen(canary)}@example.com" if row == 7 else "dry"])
    page["A3"].comment = Comment(f"ask {seen(canary)}@example.com", canary)
    page.oddFooter.center.text = f"{seen(canary)}@example.com"
    hidden = book.create_sheet("more")
    hidden.sheet_state = "hidden"
    hidden["A1"] = f"{seen(canary)}@example.com"
    if how % 2:
        page.add_image(Image(photo(canary)), "E5")
        book.defined_names["beds"] = DefinedName("beds", attr_text="Sheet!$A$1:$A$9", comment=canary)
    book.save(path)


def written(path: Path, canary: str, how: int) -> None:
    """Write a workbook of XlsxWriter with a chart, rich text and a text box."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": how % 2 == 1})
    book.set_properties(
        dict.fromkeys(
            (
                "title",
                "subject",
                "author",
                "manager",
                "company",
                "category",
                "keywords",
                "comments",
                "status",
                "hyperlink_base",
            ),
            canary,
        )
    )
    book.set_custom_property("Owner", canary)
    page = book.add_worksheet("beds")
    for row in range(20):
        page.write_row(row, 0, [row_of(canary, row), row, f"{seen(canary)}@example.com" if row == 3 else "dry"])
    page.write_comment("A2", f"ask {seen(canary)}@example.com", {"author": canary})
    page.insert_textbox("F9", f"{seen(canary)}@example.com", {"description": f"{seen(canary)}@example.com"})
    page.insert_image("H2", "photo.jpg", {"image_data": photo(canary), "description": f"{seen(canary)}@example.com"})
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=beds!$B$1:$B$20", "name": f"{seen(canary)}@example.com"})
    page.insert_chart("F20", chart)
    page.data_validation(
        "D1",
        {
            "validate": "list",
            "source": [f"{seen(canary)}@example.com", "none"],
            "input_message": f"{seen(canary)}@example.com",
        },
    )
    book.close()


def slides(path: Path, canary: str, how: int) -> None:
    """Write slides with notes, a picture and a hidden slide."""
    import pptx

    deck = pptx.Presentation()
    _properties(deck.core_properties, canary)
    for number in range(3):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = "Garden"
        slide.placeholders[1].text = prose(canary)
        slide.notes_slide.notes_text_frame.text = f"tell {seen(canary)}@example.com"
        if how % 2:
            slide.shapes.add_picture(photo(canary), 100, 100).name = canary
        if number == 2:
            slide._element.set("show", "0")  # noqa: SLF001 -- no other way
    deck.save(str(path))


def odf(path: Path, canary: str, how: int) -> None:
    """Write an OpenDocument text or table of odfpy."""
    from odf import dc, meta, office, table, text
    from odf.opendocument import OpenDocumentSpreadsheet, OpenDocumentText

    document = OpenDocumentText() if path.suffix == ".odt" else OpenDocumentSpreadsheet()
    for element in (
        dc.Creator,
        dc.Title,
        dc.Subject,
        dc.Description,
        meta.InitialCreator,
        meta.Keyword,
        meta.Generator,
        meta.PrintedBy,
    ):
        document.meta.addElement(element(text=canary))
    note = office.Annotation()
    note.addElement(dc.Creator(text=canary))
    note.addElement(text.P(text=f"ask {seen(canary)}@example.com"))
    if path.suffix == ".odt":
        paragraph = text.P(text=prose(canary))
        paragraph.addElement(note)
        document.text.addElement(paragraph)
        if how % 2:
            document.addPictureFromString(photo(canary).getvalue(), "image/jpeg")
    else:
        page = table.Table(name="beds")
        row = table.TableRow()
        for words in ("bed 1", f"{seen(canary)}@example.com"):
            cell = table.TableCell(valuetype="string")
            cell.addElement(text.P(text=words))
            row.addElement(cell)
        page.addElement(row)
        document.spreadsheet.addElement(page)
    document.save(str(path))


def converted(corpus: Corpus) -> None:
    """Let LibreOffice make one file of every kind it writes of three documents of each."""
    work = corpus.folder / ".convert"
    work.mkdir()
    writers = {"docx": word, "xlsx": sheet, "pptx": slides}
    canaries: dict[str, str] = {}
    for suffix, write in writers.items():
        for how in (1, 5) if suffix == "docx" else (0, 1):
            canary = corpus.word()
            canaries[f"{suffix}{how}"] = canary
            write(work / f"{suffix}{how}.{suffix}", canary, how)
    for suffix, targets in FROM.items():
        for target in targets:
            out = work / target
            try:
                command(
                    "soffice",
                    f"-env:UserInstallation={(work / 'profile').as_uri()}",
                    "--headless",
                    "--convert-to",
                    target,
                    "--outdir",
                    out,
                    *sorted(work.glob(f"{suffix}*.{suffix}")),
                )
            except Exception as error:
                corpus.missing[f"libreoffice {suffix} {target}"] = type(error).__name__
                continue
            for made in sorted(out.glob(f"{suffix}*.{target}")):
                form = {
                    "docx": "ooxml",
                    "xlsx": "ooxml",
                    "pptx": "ooxml",
                    "odt": "odf",
                    "ods": "odf",
                    "odp": "odf",
                    "fodt": "xml",
                    "fods": "xml",
                    "doc": "legacy office",
                    "xls": "legacy office",
                    "ppt": "legacy office",
                    "txt": "text",
                    "html": "html",
                    "rtf": "rtf",
                }.get(target, target)
                corpus.put(
                    form,
                    f".{target}",
                    f"libreoffice-{suffix}",
                    lambda p, _c, made=made: shutil.copyfile(made, p),
                    canary=canaries[made.stem],
                )
    shutil.rmtree(work)


def office_documents(corpus: Corpus) -> None:
    """Write every office document."""
    for how in range(6):
        for _ in range(2):
            corpus.put("ooxml", ".docx", "python-docx", lambda p, c, how=how: word(p, c, how))
        corpus.put("ooxml", ".xlsx", "openpyxl", lambda p, c, how=how: sheet(p, c, how))
        corpus.put("ooxml", ".xlsx", "xlsxwriter", lambda p, c, how=how: written(p, c, how))
        corpus.put("ooxml", ".pptx", "python-pptx", lambda p, c, how=how: slides(p, c, how))
        corpus.put("odf", ".odt", "odfpy", lambda p, c, how=how: odf(p, c, how))
        corpus.put("odf", ".ods", "odfpy", lambda p, c, how=how: odf(p, c, how))
    converted(corpus)
