"""Parts of Word documents: changes accepted, comments and hidden text gone, paragraphs rewritten as whole texts.

Invariants:

- What was deleted while changes were tracked is taken out, what was inserted stays; nothing says who did so or when.
- Comments go with their anchors: they are talk about the document between people that it names, not its text.
- Text that is marked as hidden, or whose style is, is taken out.
- Fields that show who wrote the document, or where it lies, become empty; others keep their result, rewritten.
"""

from __future__ import annotations

import re
from typing import Final

from privet.metadata.job import Job
from privet.metadata.office_xml import TEXT, Element, Slot, attached, namespace, remove, remove_all, unwrap
from privet.metadata.ooxml_formula import Names
from privet.metadata.ooxml_parts import A, M, Part, W
from privet.metadata.ooxml_scour import keep_spaces, paragraphs

PLACES: Final = {"header": "header", "footer": "footer", "footnotes": "notes", "endnotes": "notes"}


def _w(*names: str) -> tuple[str, ...]:
    return tuple(f"{{{W}}}{name}" for name in names)


_DELETED: Final = _w("del", "moveFrom")
_INSERTED: Final = _w("ins", "moveTo")
_HISTORY: Final = _w(
    "rPrChange", "pPrChange", "sectPrChange", "tblPrChange", "tblGridChange", "tcPrChange", "trPrChange", "tblPrExChange",
    "numberingChange", "cellIns", "cellMerge", "moveFromRangeStart", "moveFromRangeEnd", "moveToRangeStart", "moveToRangeEnd",
    "customXmlInsRangeStart", "customXmlInsRangeEnd", "customXmlDelRangeStart", "customXmlDelRangeEnd",
    "customXmlMoveFromRangeStart", "customXmlMoveFromRangeEnd", "customXmlMoveToRangeStart", "customXmlMoveToRangeEnd",
)  # fmt: skip
_COMMENTS: Final = _w("commentRangeStart", "commentRangeEnd", "commentReference", "annotationRef")
_LEFT_OUT: Final = (
    *_w("proofErr", "permStart", "permEnd", "dataBinding", "smartTagPr", "customXmlPr", "contentPart", "control", "nsid", "tmpl",
        "rsid", "latentStyles", "subDoc", "entryMacro", "exitMacro", "mailMerge", "docPart", "placeholder"),
    "{http://schemas.microsoft.com/office/word/2012/wordml}dataBinding", "{urn:schemas-microsoft-com:office:office}signatureline",
)  # fmt: skip
_WRAPPERS: Final = _w("smartTag", "customXml")
_SETTINGS: Final = frozenset((
    *_w("zoom", "removePersonalInformation", "removeDateAndTime", "displayBackgroundShape", "mirrorMargins", "alignBordersAndEdges",
        "bordersDoNotSurroundHeader", "bordersDoNotSurroundFooter", "gutterAtTop", "defaultTabStop", "autoHyphenation",
        "consecutiveHyphenLimit", "hyphenationZone", "doNotHyphenateCaps", "evenAndOddHeaders", "bookFoldPrinting",
        "bookFoldRevPrinting", "bookFoldPrintingSheets", "drawingGridHorizontalSpacing", "drawingGridVerticalSpacing",
        "displayHorizontalDrawingGridEvery", "displayVerticalDrawingGridEvery", "characterSpacingControl", "noLineBreaksAfter",
        "noLineBreaksBefore", "strictFirstAndLastChars", "footnotePr", "endnotePr", "compat", "themeFontLang", "clrSchemeMapping",
        "decimalSymbol", "listSeparator", "embedTrueTypeFonts", "saveSubsetFonts", "stylePaneSortMethod"),
    f"{{{M}}}mathPr",
))  # fmt: skip
_MARKS: Final = dict(
    zip(_w("tab", "ptab", "br", "cr", "noBreakHyphen"), ("=\t", "=\t", "=\n", "=\n", "=-"), strict=True)
)
_TEXTS: Final = (*_w("t", "instrText"), f"{{{M}}}t", *_MARKS)
_P, _R, _T, _INSTR, _RPR, _FLD = _w("p", "r", "t", "instrText", "rPr", "fldChar")
_VAL: Final = f"{{{W}}}val"
_OFF: Final = ("0", "false", "off")
_OWN: Final = re.compile(
    r"\s*(AUTHOR|LASTSAVEDBY|USERNAME|USERINITIALS|USERADDRESS|FILENAME|TEMPLATE|INCLUDETEXT|INCLUDEPICTURE|LINK|DDE|DDEAUTO|DATABASE"
    r"|INFO|COMMENTS|KEYWORDS|EDITTIME|CREATEDATE|SAVEDATE|PRINTDATE|RD)\b",
    re.IGNORECASE,
)
_EMPTIED: Final = re.compile(
    r"\s*(AUTHOR|LASTSAVEDBY|USERNAME|USERINITIALS|USERADDRESS|FILENAME|TEMPLATE|COMMENTS|KEYWORDS)\b", re.IGNORECASE
)
_PLAIN_FIELD: Final = re.compile(r"""\s*[A-Za-z=]+(\s+(\\\S+|_[A-Za-z]+[0-9]+|"[-0-9 ]*"|[A-Za-z]+|[0-9]{1,4}))*\s*""")
_PERSONAL_BINDING: Final = re.compile(r"creator|lastModifiedBy|Manager|Company", re.IGNORECASE)


class Words:
    """Cleans the parts of one document."""

    def __init__(self, job: Job) -> None:
        self._hidden: frozenset[str] = frozenset()
        self.names = Names(job)

    def clean(self, part: Part) -> None:
        """Clean what is Word's own in a part."""
        root = part.root
        if part.kind == "settings":
            for child in list(root):
                if child.tag not in _SETTINGS:
                    remove(child)
                    part.job.dropped("document setting")
        _history(part)
        if part.kind == "styles":
            self._hidden = _hidden_styles(root)
            for name in root.iter(f"{{{W}}}name"):
                value = name.get(_VAL) or ""
                if _own_style(name) or "@" in value:
                    part.texts.add("style name", [Slot(name, _VAL)])
        _bound(part)
        part.job.dropped("comment", remove_all(root, _COMMENTS))
        remove_all(root, _LEFT_OUT)
        for wrapper in list(root.iter(*_WRAPPERS)):
            unwrap(wrapper)
        if part.kind != "styles":
            self._hide(part)
            _fields(part)
            _rewrite(part)
        paragraphs(part, "drawing")

    def _hide(self, part: Part) -> None:
        if not self._hidden and next(part.root.iter(f"{{{W}}}vanish"), None) is None:
            return
        for run in list(part.root.iter(_R)):
            if not self._is_hidden(run):
                continue
            part.job.dropped("hidden text")
            for child in list(run):
                # A field's marks come in threes, of which the others may be shown.
                if child.tag not in (_RPR, _FLD):
                    remove(child)

    def _is_hidden(self, run: Element) -> bool:
        properties = run.find(_RPR)
        if properties is not None:
            vanish = properties.find(f"{{{W}}}vanish")
            if vanish is not None:
                return (vanish.get(_VAL) or "1") not in _OFF
            style = properties.find(f"{{{W}}}rStyle")
            if self._hidden and style is not None and style.get(_VAL) in self._hidden:
                return True
        if not self._hidden:
            return False
        paragraph = next(run.iterancestors(_P), None)
        style = None if paragraph is None else paragraph.find(f"{{{W}}}pPr/{{{W}}}pStyle")
        return style is not None and style.get(_VAL) in self._hidden


def _own_style(name: Element) -> bool:
    style = name.getparent()
    return style is not None and style.get(f"{{{W}}}customStyle") in ("1", "true", "on")


def _hidden_styles(root: Element) -> frozenset[str]:
    hidden: set[str] = set()
    based: dict[str, str] = {}
    for style in root.iter(f"{{{W}}}style"):
        name = style.get(f"{{{W}}}styleId") or ""
        vanish = style.find(f"{_RPR}/{{{W}}}vanish")
        base = style.find(f"{{{W}}}basedOn")
        if vanish is not None:
            if (vanish.get(_VAL) or "1") not in _OFF:
                hidden.add(name)
        elif base is not None:
            based.setdefault(base.get(_VAL) or "", "")
            based[name] = base.get(_VAL) or ""
    children: dict[str, list[str]] = {}
    for name, parent in based.items():
        children.setdefault(parent, []).append(name)
    waiting = list(hidden)
    while waiting:
        for child in children.pop(waiting.pop(), ()):
            hidden.add(child)
            waiting.append(child)
    return frozenset(hidden)


def _history(part: Part) -> None:
    root = part.root
    if next(root.iter(*_DELETED, *_INSERTED, *_HISTORY, *_w("cellDel")), None) is None:
        return
    merged = _take_out_deleted(part)
    for mark in list(root.iter(*_INSERTED)):
        parent = mark.getparent()
        part.job.dropped("tracked change")
        if parent is not None and parent.tag in _w("rPr", "trPr", "numPr", "ctrlPr"):
            remove(mark)
        else:
            unwrap(mark)
    remove_all(root, _HISTORY)
    # From the last to the first, so that what is left of a paragraph moves once.
    for paragraph in reversed(merged):
        if attached(paragraph, root):
            _merge(paragraph)
    _mend_tables(root)


def _take_out_deleted(part: Part) -> list[Element]:
    """Take out deleted runs, rows and cells; return the paragraphs whose end was deleted."""
    root, job = part.root, part.job
    merged: list[Element] = []
    deleted: list[Element] = []
    for mark in list(root.iter(*_DELETED, *_w("cellDel"))):
        parent = mark.getparent()
        if parent is None:
            continue
        job.dropped("tracked change")
        if parent.tag == f"{{{W}}}trPr" or mark.tag == f"{{{W}}}cellDel":
            owner = parent.getparent()
            deleted += [] if owner is None else [owner]
        elif parent.tag == _RPR and next(parent.iterancestors(), root).tag == f"{{{W}}}pPr":
            merged += list(parent.iterancestors(_P))[:1]
        remove(mark)
    for element in deleted:
        remove(element)
    return merged


def _merge(paragraph: Element) -> None:
    """Put what is left of a paragraph, whose mark was deleted, at the start of the one behind it."""
    follower = paragraph.getnext()
    rest = [child for child in paragraph if child.tag != f"{{{W}}}pPr"]
    if follower is not None and follower.tag == _P:
        properties = next(follower.iterchildren(f"{{{W}}}pPr"), None)
        for child in reversed(rest):
            if properties is not None:
                properties.addnext(child)
            else:
                follower.insert(0, child)
        remove(paragraph)
    elif not any(child.tag in _w("r", "hyperlink", "sdt", "fldSimple") for child in rest):
        section = paragraph.find(f"{{{W}}}pPr/{{{W}}}sectPr")
        if section is None:
            remove(paragraph)


def _mend_tables(root: Element) -> None:
    for row in list(root.iter(f"{{{W}}}tr")):
        if next(row.iter(f"{{{W}}}tc"), None) is None:
            remove(row)
    for table in list(root.iter(f"{{{W}}}tbl")):
        if next(table.iter(f"{{{W}}}tr"), None) is None:
            remove(table)
    for holder in root.iter(*_w("tc", "txbxContent", "footnote", "endnote", "hdr", "ftr")):
        if next(holder.iterchildren(_P, f"{{{W}}}sdt"), None) is None:
            holder.append(holder.makeelement(_P, None, None))


def _bound(part: Part) -> None:
    """Empty the controls that show properties of the document which name people."""
    for binding in list(part.root.iter(f"{{{W}}}dataBinding")):
        control = next(binding.iterancestors(f"{{{W}}}sdt"), None)
        if control is not None and _PERSONAL_BINDING.search(binding.get(f"{{{W}}}xpath") or ""):
            for text in control.iter(_T):
                text.text = ""
            part.job.dropped("author")


def _fields(part: Part) -> None:
    for field in list(part.root.iter(f"{{{W}}}fldSimple")):
        code = field.get(f"{{{W}}}instr") or ""
        if _OWN.match(code):
            if _EMPTIED.match(code):
                part.job.dropped("author")
                for text in field.iter(_T):
                    text.text = ""
            unwrap(field)
        elif not _PLAIN_FIELD.fullmatch(code):
            part.texts.add("field", [Slot(field, f"{{{W}}}instr")])
    stack: list[_Field] = []
    for element in list(part.root.iter(_FLD, _INSTR, _T)):
        if element.tag == _FLD:
            _mark(element, stack, part)
        elif stack and element.tag == _INSTR:
            stack[-1].code.append(element)
        elif stack and any(field.emptied for field in stack):
            element.text = ""


class _Field:
    """A field that is open: its marks, the pieces of its code, and whether its result is to be emptied."""

    __slots__ = ("code", "emptied", "marks")

    def __init__(self) -> None:
        self.marks: list[Element] = []
        self.code: list[Element] = []
        self.emptied = False

    def text(self) -> str:
        return "".join(piece.text or "" for piece in self.code)


def _mark(element: Element, stack: list[_Field], part: Part) -> None:
    kind = element.get(f"{{{W}}}fldCharType")
    if kind == "begin":
        stack.append(_Field())
    if not stack:
        return
    field = stack[-1]
    field.marks.append(element)
    code = field.text()
    if kind == "separate":
        field.emptied = _EMPTIED.match(code) is not None
    if kind != "end":
        return
    stack.pop()
    if _OWN.match(code):
        part.job.dropped("author", int(field.emptied))
        for gone in (*field.marks, *field.code):
            remove(gone)
    elif not _PLAIN_FIELD.fullmatch(code):
        part.texts.add("field", [Slot(piece, TEXT) for piece in field.code])


def _rewrite(part: Part) -> None:
    place = PLACES.get(part.kind, "body")
    owned: dict[Element, list[Slot]] = {}
    for element in part.root.iter(*_TEXTS):
        tag = element.tag
        if tag == _INSTR:
            continue
        run = element.getparent()
        owner = None if run is None else run.getparent()
        if run is None or owner is None or run.tag == f"{{{W}}}tabs":
            continue
        if owner.tag != _P:
            owner = next(element.iterancestors(_P), owner)
        owned.setdefault(owner, []).append(Slot(element, _MARKS.get(str(tag), TEXT)))
    for slots in owned.values():
        part.texts.add(place, slots, _Spaces(slots))


class _Spaces:
    """Marks the white space of texts that changed as meant."""

    __slots__ = ("_slots",)

    def __init__(self, slots: list[Slot]) -> None:
        self._slots = slots

    def __call__(self) -> None:
        for slot in self._slots:
            if slot.where == TEXT and namespace(str(slot.element.tag)) != A:
                keep_spaces(slot.element)
