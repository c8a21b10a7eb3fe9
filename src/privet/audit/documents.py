"""Texts of documents as blocks: plain text, HTML, XML, mail, notebooks, office files and PDF.

Invariant: what a reader of the document could come to see counts as text: attributes, comments, notes, hidden sheets, headers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from io import BytesIO, StringIO
from typing import Any, BinaryIO, Final, TextIO
from urllib.parse import unquote
from zipfile import ZipFile

from privet.audit.markup import markup
from privet.audit.record import File, Record, blocks, text_blocks
from privet.audit.tables import lines_of

_PARAGRAPHS: Final = frozenset(("p", "h", "si", "row"))
_SPACED: Final = frozenset(("tab", "br", "line-break", "c", "table-cell", "v", "s", "title", "li"))
_SAID_BY: Final = frozenset(
    ("author", "initials", "descr", "title", "name", "Target", "displayName", "userId", "creator")
)
_LOOKS: Final = frozenset(
    ("styles.xml", "stylesWithEffects.xml", "fontTable.xml", "settings.xml", "webSettings.xml", "numbering.xml", "presProps.xml",
     "viewProps.xml", "tableStyles.xml")
)  # fmt: skip
_PROPERTIES: Final = frozenset(("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml"))
_MEMBER_BYTES: Final = 256 * 1024 * 1024


def plain(stream: TextIO) -> Iterator[Record]:
    """Yield the paragraphs of a plain text."""
    return blocks(lines_of(stream))


def mail(content: bytes) -> Iterator[Record | File]:
    """Yield the headers, the text parts and the attachments of a message."""
    message = BytesParser(policy=policy.default).parsebytes(content)
    yield from message_parts(message)


def message_parts(message: Any) -> Iterator[Record | File]:
    """Yield what a parsed message holds."""
    yield from text_blocks("\n".join(_headers(message)))
    for part in message.walk():
        if part is not message:
            yield from text_blocks("\n".join(_headers(part)))
        if part.is_multipart():
            continue
        raw = part.get_payload(decode=True) or b""
        if part.get_content_maintype() == "text" and not part.get_filename():
            text = raw.decode(_charset(part), "replace")
            if part.get_content_subtype() == "html":
                yield from markup(StringIO(text), is_html=True)
            else:
                yield from text_blocks(text)
        else:
            yield File(str(part.get_filename() or "attachment"), raw)


def _headers(message: EmailMessage) -> Iterator[str]:
    for name, value in message.items():
        if name.lower() not in {"content-type", "content-transfer-encoding", "mime-version", "date"}:
            yield f"{name}: {value}"


def _charset(part: EmailMessage) -> str:
    name = part.get_content_charset() or "utf-8"
    try:
        "".encode(name)
    except (LookupError, UnicodeError):
        return "latin-1"
    return name


def mailbox(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the messages of an mbox."""
    waiting: list[bytes] = []
    for line in stream:
        if line.startswith(b"From ") and waiting:
            yield b"".join(waiting)
            waiting = []
        if not (line.startswith(b"From ") and not waiting):
            waiting.append(line)
    if waiting:
        yield b"".join(waiting)


def notebook(stream: TextIO) -> Iterator[Record]:
    """Yield the blocks of the cells of a notebook and of their outputs."""
    text = stream.read()
    try:
        cells = json.loads(text)["cells"]
        parts = [part for cell in cells for part in _cell(cell)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        parts = [text]
    for part in parts:
        yield from text_blocks(part)


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    yield _joined(cell.get("source", ""))
    for output in cell.get("outputs", ()):
        yield _joined(output.get("text", ""))
        yield _joined(output.get("traceback", ""))
        for form, data in output.get("data", {}).items():
            if not form.startswith(("image/", "application/octet")):
                yield _joined(data)


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def office(content: bytes) -> Iterator[Record | File]:
    """Yield the paragraphs, cells, notes and comments of an OOXML, ODF or EPUB file, and what is embedded in it."""
    with ZipFile(BytesIO(content)) as archive:
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            if info.is_dir():
                continue
            if info.file_size > _MEMBER_BYTES:
                raise ValueError("a part is too big to be read")
            name = info.filename
            if name.endswith((".xml", ".rels", ".xhtml", ".html", ".vml", ".opf", ".ncx")):
                # Properties are metadata, and looked at as such.
                if name not in _PROPERTIES and not _is_looks(name):
                    yield from _xml_texts(archive.read(info))
            elif name != "mimetype" and not name.endswith(".psmdcp"):
                yield File(name, archive.read(info))


def _is_looks(name: str) -> bool:
    """Tell whether a member of an office file only says how it looks; ODF keeps headers and footers in its styles.xml."""
    return "/theme/" in name or ("/" in name and name.rsplit("/", 1)[-1] in _LOOKS) or name == "meta.xml"


def _xml_texts(content: bytes) -> Iterator[Record]:
    from lxml import etree

    events = etree.iterparse(BytesIO(content), events=("end",), resolve_entities=False, no_network=True, recover=True)
    root = None
    for _, element in events:
        root = element
        tag = etree.QName(element).localname
        for name, value in element.attrib.items() if tag != "style" else ():
            if etree.QName(name).localname in _SAID_BY and _is_said(value):
                yield from text_blocks(unquote(str(value)))
        if tag in _PARAGRAPHS:
            yield from text_blocks("".join(_inner(element)))
            tail, element.tail = element.tail, None
            element.clear()
            element.tail = tail
    if root is not None:
        yield from text_blocks("".join(_inner(root)))


def _is_said(value: str) -> bool:
    """Tell whether an attribute may be words of a person and no name of a style or part."""
    return any(mark in value for mark in " @:%") or value.istitle()


def _inner(element: Any) -> Iterator[str]:
    """Yield the text inside an element, with a space where a cell, a tab or a line ends."""
    from lxml import etree

    for event, each in etree.iterwalk(element, events=("start", "end", "comment")):
        if event == "comment":
            yield f"\n\n{each.text or ''}\n\n"
            continue
        tag = etree.QName(each).localname
        if event == "start":
            # Cells that only point to a shared string hold its number.
            points = tag == "v" and each.getparent() is not None and each.getparent().get("t") == "s"
            yield "" if points else each.text or ""
            continue
        if tag in _SPACED:
            yield " "
        if each is not element:
            yield each.tail or ""


def pdf(content: bytes) -> Iterator[Record | File]:
    """Yield the blocks of each page of a PDF, and of its annotations and form fields; and what is attached to it."""
    import pypdfium2  # type: ignore[import-untyped]

    document = pypdfium2.PdfDocument(content)
    try:
        for at in range(len(document)):
            page = document[at]
            text_page = page.get_textpage()
            yield from (
                Record(at + 1, block.text) for block in text_blocks(text_page.get_text_bounded().replace("\r\n", "\n"))
            )
            text_page.close()
            page.close()
    finally:
        document.close()
    yield from _pdf_notes(content)


def _pdf_notes(content: bytes) -> Iterator[Record | File]:
    import pikepdf

    with pikepdf.open(BytesIO(content)) as document:
        info = document.trailer.get("/Info")
        known = info.objgen if isinstance(info, pikepdf.Dictionary) else None
        seen: set[tuple[int, int]] = set()
        for item in document.objects:
            # Of the document's properties the metadata are told.
            if isinstance(item, pikepdf.Dictionary) and item.objgen != known:
                yield from _pdf_strings(item, 0)
            if isinstance(item, (pikepdf.Dictionary, pikepdf.Array, pikepdf.Stream)):
                yield from _attached(item, seen, 0)


_PDF_SAID: Final = frozenset(
    (
        "/Contents",
        "/T",
        "/V",
        "/DV",
        "/RC",
        "/TU",
        "/TM",
        "/Subj",
        "/Title",
        "/Alt",
        "/ActualText",
        "/E",
        "/URI",
        "/JS",
        "/Desc",
        "/Lbl",
    )
)
_MAX_DEPTH: Final = 8


def _pdf_strings(item: Any, depth: int) -> Iterator[Record]:
    """Yield what an object and what is written inside it says to a reader: notes, outlines, links, alternate texts."""
    import pikepdf

    for key, value in item.items():
        if isinstance(value, pikepdf.String) and key in _PDF_SAID and str(value).strip():
            yield from text_blocks(unquote(str(value)) if key == "/URI" else str(value))
        elif isinstance(value, pikepdf.Dictionary) and not value.is_indirect and depth < _MAX_DEPTH:
            yield from _pdf_strings(value, depth + 1)


def _attached(item: Any, seen: set[tuple[int, int]], depth: int) -> Iterator[File]:
    """Yield the files that an object, or what is written inside it, holds or refers to: each once."""
    import pikepdf

    is_list = isinstance(item, pikepdf.Array)
    if not is_list and isinstance(files := item.get("/EF"), pikepdf.Dictionary):
        name = str(item.get("/UF", item.get("/F", "attachment")))
        for stream in files.values():
            if isinstance(stream, pikepdf.Stream) and stream.objgen not in seen:
                seen.add(stream.objgen)
                yield File(name, stream.read_bytes())
    for value in item if is_list else item.values():
        is_inside = isinstance(value, (pikepdf.Dictionary, pikepdf.Array)) and not value.is_indirect
        if is_inside and depth < _MAX_DEPTH:
            yield from _attached(value, seen, depth + 1)
