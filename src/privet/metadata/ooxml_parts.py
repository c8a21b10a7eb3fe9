"""What a package of Word, Excel or PowerPoint is made of: namespaces, kinds of parts, media types.

Invariants:

- These are lists of what is kept. A part, namespace or extension that stands in none of them is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from privet.metadata.job import Job
from privet.metadata.office_xml import Element, Texts

_OX: Final = "http://schemas.openxmlformats.org/"
_MS: Final = "http://schemas.microsoft.com/office/"
W: Final = _OX + "wordprocessingml/2006/main"
X: Final = _OX + "spreadsheetml/2006/main"
P: Final = _OX + "presentationml/2006/main"
A: Final = _OX + "drawingml/2006/main"
C: Final = _OX + "drawingml/2006/chart"
M: Final = _OX + "officeDocument/2006/math"
R: Final = _OX + "officeDocument/2006/relationships"
MC: Final = _OX + "markup-compatibility/2006"
DGM: Final = _OX + "drawingml/2006/diagram"
V: Final = "urn:schemas-microsoft-com:vml"
O: Final = "urn:schemas-microsoft-com:office:office"  # noqa: E741 (the prefix that everyone uses)
W14: Final = _MS + "word/2010/wordml"
XM: Final = _MS + "excel/2006/main"
RELATIONS: Final = _OX + "package/2006/relationships"
TYPES: Final = _OX + "package/2006/content-types"
XML: Final = "http://www.w3.org/XML/1998/namespace"

NAMESPACES: Final = frozenset((
    "", W, X, P, A, C, M, R, MC, DGM, V, O, W14, XM, XML,
    _OX + "drawingml/2006/chartDrawing", _OX + "drawingml/2006/compatibility", _OX + "drawingml/2006/lockedCanvas",
    _OX + "drawingml/2006/picture", _OX + "drawingml/2006/spreadsheetDrawing", _OX + "drawingml/2006/wordprocessingDrawing",
    "urn:schemas-microsoft-com:office:word", "urn:schemas-microsoft-com:office:excel",
    _MS + "word/2012/wordml", _MS + "word/2010/wordprocessingDrawing", _MS + "word/2010/wordprocessingShape",
    _MS + "word/2010/wordprocessingGroup", _MS + "word/2010/wordprocessingCanvas",
    _MS + "drawing/2007/8/2/chart", _MS + "drawing/2008/diagram", _MS + "drawing/2010/main", _MS + "drawing/2012/chart",
    _MS + "drawing/2012/chartStyle", _MS + "drawing/2014/chartex", _MS + "drawing/2016/SVG/main", _MS + "drawing/2017/decorative",
    _MS + "powerpoint/2010/main", _MS + "powerpoint/2012/main",
    "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main", "http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac",
))  # fmt: skip
# Extensions that are content; the others hold ids, histories and links to services.
EXTENSIONS: Final = frozenset((
    "{B025F937-C7B1-47D3-B67F-A62EFF666E3E}",  # which rule a conditional format belongs to
    "{78C0D931-6437-407D-A8EE-F0AAD7539E65}",  # conditional formats
    "{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}",  # data validations
    "{05C60535-1F16-4FD2-B633-F4F36F0B64E0}",  # sparklines
    "{96DAC541-7B7A-43D3-8B79-37D633B846F1}",  # the SVG behind a picture
    "{28A0092B-C50C-407E-A947-70E740481C1C}",  # resolution of a picture
    "{C183D7F6-B498-43B3-948B-1728B52AA6E4}",  # decorative pictures
    "{DAA4B4D4-6D71-4841-9C94-3DE7FCFB9230}",  # an embedded film
    "HTTP://SCHEMAS.MICROSOFT.COM/OFFICE/DRAWING/2008/DIAGRAM",  # the drawing of a diagram
))  # fmt: skip
_STRICT: Final = re.compile(
    rb"http://purl\.oclc\.org/ooxml/(officeDocument|drawingml|presentationml|spreadsheetml|wordprocessingml)/([a-zA-Z]+)"
)


def usual_namespaces(content: bytes) -> bytes:
    """Return a part of ISO 29500 strict with the names of the transitional one, which every reader knows.

    >>> usual_namespaces(b'<a xmlns="http://purl.oclc.org/ooxml/drawingml/chart"/>')
    b'<a xmlns="http://schemas.openxmlformats.org/drawingml/2006/chart"/>'
    """
    if b"purl.oclc.org" not in content:
        return content
    content = _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", content)
    return re.sub(rb"\sconformance=[\"']strict[\"']", b"", content)


class Kind(NamedTuple):
    """One kind of part, as relationships name it."""

    media_type: str
    stem: str
    """folder and name, below the folder of the program"""
    turn: int = 0
    """lower ones are cleaned first: what later ones need to know"""


_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml."
_SHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_SLIDES: Final = "application/vnd.openxmlformats-officedocument.presentationml."
_DRAWING: Final = "application/vnd.openxmlformats-officedocument.drawingml."
_SHARED: Final = {
    "theme": Kind("application/vnd.openxmlformats-officedocument.theme+xml", "theme/theme"),
    "themeOverride": Kind("application/vnd.openxmlformats-officedocument.themeOverride+xml", "theme/themeOverride"),
    "chart": Kind(_DRAWING + "chart+xml", "charts/chart"),
    "chartEx": Kind("application/vnd.ms-office.chartex+xml", "charts/chartEx"),
    "chartStyle": Kind("application/vnd.ms-office.chartstyle+xml", "charts/style"),
    "chartColorStyle": Kind("application/vnd.ms-office.chartcolorstyle+xml", "charts/colors"),
    "chartUserShapes": Kind(_DRAWING + "chartshapes+xml", "drawings/chartShapes"),
    "diagramData": Kind(_DRAWING + "diagramData+xml", "diagrams/data"),
    "diagramLayout": Kind(_DRAWING + "diagramLayout+xml", "diagrams/layout"),
    "diagramQuickStyle": Kind(_DRAWING + "diagramStyle+xml", "diagrams/quickStyle"),
    "diagramColors": Kind(_DRAWING + "diagramColors+xml", "diagrams/colors"),
    "diagramDrawing": Kind("application/vnd.ms-office.drawingml.diagramDrawing+xml", "diagrams/drawing"),
}
WORD: Final = _SHARED | {
    "styles": Kind(_WORD + "styles+xml", "styles", -1),
    "settings": Kind(_WORD + "settings+xml", "settings"),
    "fontTable": Kind(_WORD + "fontTable+xml", "fontTable"),
    "numbering": Kind(_WORD + "numbering+xml", "numbering"),
    "footnotes": Kind(_WORD + "footnotes+xml", "footnotes"),
    "endnotes": Kind(_WORD + "endnotes+xml", "endnotes"),
    "header": Kind(_WORD + "header+xml", "header"),
    "footer": Kind(_WORD + "footer+xml", "footer"),
}
SHEET: Final = _SHARED | {
    "worksheet": Kind(_SHEET + "worksheet+xml", "worksheets/sheet"),
    "chartsheet": Kind(_SHEET + "chartsheet+xml", "chartsheets/sheet"),
    "styles": Kind(_SHEET + "styles+xml", "styles", -1),
    "sharedStrings": Kind(_SHEET + "sharedStrings+xml", "sharedStrings", 1),
    "table": Kind(_SHEET + "table+xml", "tables/table", 2),
    "drawing": Kind("application/vnd.openxmlformats-officedocument.drawing+xml", "drawings/drawing"),
}
SLIDES: Final = _SHARED | {
    "slide": Kind(_SLIDES + "slide+xml", "slides/slide"),
    "slideLayout": Kind(_SLIDES + "slideLayout+xml", "slideLayouts/slideLayout"),
    "slideMaster": Kind(_SLIDES + "slideMaster+xml", "slideMasters/slideMaster"),
    "notesMaster": Kind(_SLIDES + "notesMaster+xml", "notesMasters/notesMaster"),
    "notesSlide": Kind(_SLIDES + "notesSlide+xml", "notesSlides/notesSlide"),
    "handoutMaster": Kind(_SLIDES + "handoutMaster+xml", "handoutMasters/handoutMaster"),
    "presProps": Kind(_SLIDES + "presProps+xml", "presProps"),
    "tableStyles": Kind(_SLIDES + "tableStyles+xml", "tableStyles"),
}
# Parts that are files of their own, and the folder that holds them.
FILES: Final = {
    "image": "media/image", "video": "media/media", "audio": "media/media", "media": "media/media",
    "package": "embeddings/file", "aFChunk": "chunks/chunk", "font": "fonts/font",
}  # fmt: skip
MEDIA_TYPES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "jfif": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp",
    "tif": "image/tiff", "tiff": "image/tiff", "svg": "image/svg+xml", "emf": "image/x-emf", "wmf": "image/x-wmf", "webp": "image/webp",
    "mp4": "video/mp4", "m4v": "video/mp4", "mov": "video/quicktime", "avi": "video/x-msvideo", "wmv": "video/x-ms-wmv",
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "wav": "audio/wav", "wma": "audio/x-ms-wma", "ogg": "audio/ogg",
    "odttf": "application/vnd.openxmlformats-officedocument.obfuscatedFont", "fntdata": "application/x-fontdata",
    "docx": _WORD + "document", "xlsx": _SHEET + "sheet", "pptx": _SLIDES + "presentation", "pdf": "application/pdf",
    "htm": "text/html", "html": "text/html", "xhtml": "application/xhtml+xml", "txt": "text/plain", "rtf": "application/rtf",
}  # fmt: skip


class Main(NamedTuple):
    """One kind of package: the type of its main part once macros are gone, and the suffix that goes with it."""

    media_type: str
    suffix: str
    folder: str


def _mains() -> dict[str, Main]:
    plain = {
        _WORD + "document.main+xml": (".docx", "word"),
        _WORD + "template.main+xml": (".dotx", "word"),
        _SHEET + "sheet.main+xml": (".xlsx", "xl"),
        _SHEET + "template.main+xml": (".xltx", "xl"),
        _SLIDES + "presentation.main+xml": (".pptx", "ppt"),
        _SLIDES + "slideshow.main+xml": (".ppsx", "ppt"),
        _SLIDES + "template.main+xml": (".potx", "ppt"),
    }
    mains = {name: Main(name, suffix, folder) for name, (suffix, folder) in plain.items()}
    macros = {
        "application/vnd.ms-word.document.macroEnabled.main+xml": _WORD + "document.main+xml",
        "application/vnd.ms-word.template.macroEnabledTemplate.main+xml": _WORD + "template.main+xml",
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml": _SHEET + "sheet.main+xml",
        "application/vnd.ms-excel.template.macroEnabled.main+xml": _SHEET + "template.main+xml",
        "application/vnd.ms-excel.addin.macroEnabled.main+xml": _SHEET + "sheet.main+xml",
        "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml": _SLIDES + "presentation.main+xml",
        "application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml": _SLIDES + "slideshow.main+xml",
        "application/vnd.ms-powerpoint.template.macroEnabled.main+xml": _SLIDES + "template.main+xml",
        "application/vnd.ms-powerpoint.addin.macroEnabled.main+xml": _SLIDES + "presentation.main+xml",
    }
    return mains | {name: mains[plain_name] for name, plain_name in macros.items()}


MAINS: Final = _mains()
KINDS: Final = {"word": WORD, "xl": SHEET, "ppt": SLIDES}


@dataclass(slots=True)
class Part:
    """An XML part while it is cleaned."""

    kind: str
    """its relationship's name; the main part's is `main`"""
    root: Element
    links: dict[str, str]
    """the ids of its relationships that are kept, and what they are called now"""
    job: Job
    texts: Texts
    source: bytes = b""
    """its bytes, for a quick look whether something can be in it at all"""
