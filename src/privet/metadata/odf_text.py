"""Trees of OpenDocument files: what is left out, and which texts, cells and references are rewritten.

Invariants:

- Deleted text of tracked changes, comments, scripts, forms, event listeners and fields that name authors or files are left out.
- A paragraph counts as one text, whatever marks stand in it; text boxes and notes in it are texts of their own.
- A cell whose value is an identifier becomes text, without its formula.
"""

from __future__ import annotations

import re
from typing import Final

from privet.metadata.job import Job
from privet.metadata.odf_cells import empty, freeze, show, shows_its_value
from privet.metadata.odf_names import (
    CELL,
    COVERED,
    DRAW,
    LOOKS,
    NAMESPACES,
    OFFICE,
    PRESENTATION,
    SHEET,
    STYLE,
    TABLE,
    TEXT_NS,
    H,
    P,
    S,
)  # fmt: skip
from privet.metadata.odf_table import Tables
from privet.metadata.office_xml import TAIL, TEXT, Element, Slot, Texts, attributes, local, namespace, remove
from privet.metadata.ooxml_formula import ADDRESS, Names, retold


def _names(space: str, names: str) -> frozenset[str]:
    return frozenset(f"{{{space}}}{name}" for name in names.split())


_LEFT_OUT: Final = (
    _names(OFFICE, "scripts script event-listeners annotation annotation-end dde-source forms meta settings")
    | _names(TEXT_NS, """tracked-changes change change-start change-end dde-connection-decls section-source author-name author-initials
        initial-creator creator printed-by editing-cycles editing-duration file-name template-name print-date print-time creation-date
        creation-time modification-date modification-time sender-firstname sender-lastname sender-initials sender-title sender-position
        sender-email sender-phone-private sender-fax sender-company sender-phone-work sender-street sender-city sender-postal-code
        sender-country sender-state-or-province hidden-text execute-macro script alphabetical-index-auto-mark-file meta-config""")
    | _names(TABLE, "tracked-changes dde-links dde-link data-pilot-tables cell-range-source table-source scenario")
    | _names(DRAW, "control object-ole applet")
    | _names(PRESENTATION, "event-listener sound")
)  # fmt: skip
_WHAT: Final = {
    "tracked-changes": "tracked change", "annotation": "comment", "scripts": "macro", "forms": "form", "data-pilot-tables": "pivot table",
    "creator": "author", "initial-creator": "author", "author-name": "author", "meta": "document properties", "settings": "settings",
    "object-ole": "embedded object", "event-listeners": "macro", "hidden-text": "hidden text",
}  # fmt: skip
_FLAT: Final = _names(TEXT_NS, "user-defined title subject keywords description")
_SPAN: Final = f"{{{TEXT_NS}}}span"
_APART: Final = (
    _names(TEXT_NS, "note p h list section table-of-content") | _names(TABLE, "table")
    | _names(DRAW, "frame text-box custom-shape rect line polyline polygon path circle ellipse g connector caption measure a")
)  # fmt: skip
# A shape's name is seen in a list of the program only; it often is the name of the file that a picture was.
_SHAPES: Final = _names(
    DRAW, "frame custom-shape rect line polyline polygon path circle ellipse g connector caption measure page-thumbnail"
)
_SHAPE_NAME: Final = re.compile(
    r"(?:Frame|Image|Picture|Object|Shape|Graphic|Text ?[Ff]rame|Table|Chart|Title|Placeholder|Line|Group) ?[0-9]{0,9}"
)
_MARKS: Final = {f"{{{TEXT_NS}}}tab": "=\t", f"{{{TEXT_NS}}}line-break": "=\n"}
_WORDS: Final = frozenset((
    "name", "display-name", "title", "description", "string-value", "label", "display", "ref-name", "bookmark-name", "key", "key1", "key2",
    "alternative-text", "help-message", "error-message", "condition", "value", "current-value", "header", "footer",
    "placeholder", "contact", "caption-sequence-name", "user-name", "comment", "data-field-name", "column-name", "target-frame-name",
))  # fmt: skip
_ADDRESSES: Final = frozenset((
    "cell-range-address", "base-cell-address", "print-ranges", "target-range-address", "source-cell-range-addresses", "end-cell-address",
    "filter-range", "condition-source-range-address", "label-cell-range-address", "values-cell-range-address", "cell-range",
    "target-cell-address", "linked-cell", "source-cell-range", "data-cell-range-address", "label-cell-address", "data-range",
    "cell-address", "range-address",
))  # fmt: skip
_DROPPED: Final = frozenset(
    ("protection-key", "protection-key-digest-algorithm", "transformation", "about", "datatype", "property", "author")
)
_PLAIN: Final = re.compile(r"[-+#%.\w]*")
_SUSPICIOUS: Final = re.compile(r"@|://|\\\\|[0-9]{9}")
_LOCAL_FILE: Final = re.compile(r"(file:|vnd\.sun\.star|[a-z]:[\\/]|\\\\|//|/|\.\./)", re.IGNORECASE)
_FORMULA: Final = re.compile(
    r"""(?P<text>"(?:[^"]|"")*")|(?P<ref>\[(?:[^\]']|'(?:[^']|'')*')*\])|(?P<number>[0-9]{6,})|(?P<name>[^\W\d]\w*)"""
)
_MAX_FORMULA: Final = 16_384
_OTHER_FILE: Final = re.compile(r"://|'#|#\$")
_SHEET: Final = re.compile(r"(?<=\$)'(?:[^']|'')*'(?=\.)|'(?:[^']|'')*'(?=\.)|[^\s.:$'\[\]#]+(?=\.)")


def left_out(root: Element, job: Job) -> None:
    """Take out all that is not content."""
    _flatten_fields(root)
    hidden = _hidden_styles(root)
    gone: list[Element] = []
    for element in root.iter():
        tag = element.tag
        if (
            not isinstance(tag, str)
            or tag in _LEFT_OUT
            or namespace(tag) not in NAMESPACES
            or (
                namespace(tag) == TEXT_NS and (element.get(f"{{{TEXT_NS}}}style-name") in hidden or _is_hidden(element))
            )
        ):
            gone.append(element)
    for element in gone:
        if isinstance(element.tag, str):
            job.dropped(
                _WHAT.get(local(element), "hidden text" if namespace(element.tag) == TEXT_NS else "other element")
            )
        target = element.getparent() if element.tag == f"{{{TEXT_NS}}}hidden-paragraph" else element
        if target is not None and target is not root and target.getparent() is not None:
            take_out(target)


def _is_hidden(element: Element) -> bool:
    if element.tag == f"{{{TEXT_NS}}}hidden-paragraph":
        return element.get(f"{{{TEXT_NS}}}is-hidden") != "false"
    return element.tag == f"{{{TEXT_NS}}}section" and element.get(f"{{{TEXT_NS}}}display") == "none"


def _hidden_styles(root: Element) -> set[str]:
    hidden: set[str] = set()
    for style in root.iter(f"{{{STYLE}}}style"):
        properties = style.find(f"{{{STYLE}}}text-properties")
        if properties is not None and properties.get(f"{{{TEXT_NS}}}display") == "none":
            hidden.add(style.get(f"{{{STYLE}}}name") or "")
    return hidden - {""}


def _flatten_fields(root: Element) -> None:
    """Leave fields that show the document's properties as the text they show: the properties are gone."""
    for field in list(root.iter(*_FLAT)):
        flatten(field)


def flatten(element: Element) -> None:
    """Leave of an element what it holds, texts too: as a piece of its paragraph that says nothing itself."""
    for key, _value in attributes(element):
        del element.attrib[key]
    element.tag = _SPAN


def take_out(element: Element) -> None:
    """Take an element out; what stands behind it stays."""
    parent, tail = element.getparent(), element.tail
    if tail and parent is not None and (not tail.isspace() or namespace(str(parent.tag)) == TEXT_NS):
        element.clear()
        element.tail = tail
        element.tag = _SPAN
    else:
        remove(element)


class Reader:
    """Finds what is to be rewritten in the trees of one document."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.names = Names(job)
        self._tables = Tables(job)

    def sheets(self, root: Element) -> None:
        """Learn what the sheets of a spreadsheet are called."""
        book = self.tables(root)
        names = [] if book is None else [sheet.get(f"{{{TABLE}}}name") or "" for sheet in book.iterchildren(SHEET)]
        self.names.learn(names, "sheet name")
        self.names.keep(names)
        for name in names:
            self.names.sheet(name)
        for named in root.iter(f"{{{TABLE}}}named-range", f"{{{TABLE}}}named-expression"):
            old = named.get(f"{{{TABLE}}}name") or ""
            named.set(f"{{{TABLE}}}name", self.names.name(old))

    def tables(self, root: Element) -> Element | None:
        """Learn which sheets of a spreadsheet are tables; return it, or None where the root holds none."""
        book = root.find(f"{{{OFFICE}}}body/{{{OFFICE}}}spreadsheet")
        if book is not None:
            self._tables.learn(book)
        return book

    def clean(self, root: Element) -> None:
        """Rewrite the texts, cells and attributes of a tree. What refers to members of the package is the caller's."""
        self._tables.clean(root)
        texts = Texts(self._job)
        numbers: list[tuple[str, Element]] = []
        repeating: list[Element] = []
        owned: set[Element] = set()
        inner: set[Element] = set()
        for element in root.iter():
            tag = element.tag
            if tag in (P, H):
                self._paragraph(element, owned, inner, texts)
            elif element not in owned and element.text and not element.text.isspace():
                texts.add("text", [Slot(element, TEXT)])
            if element not in inner and element.tail and not element.tail.isspace():
                element.tail = None
            if tag in (CELL, COVERED) and self._repeats(element):
                repeating.append(element)
            elif tag in (CELL, COVERED) and element not in self._tables.judged:
                self._cell(element, texts, numbers)
            self._attributes(element, texts)
        shown = [text for text, _cell in numbers]
        for (old, cell), new in zip(numbers, self._job.rewrite(shown, "cell") if shown else [], strict=True):
            if new != old:
                freeze(cell)
                show(cell, new)
        texts.finish()
        for cell in repeating:
            self._job.dropped("formula")
            empty(cell)

    def _repeats(self, cell: Element) -> bool:
        formula = cell.get(f"{{{TABLE}}}formula")
        return formula is not None and cell not in self._tables.judged and self._tables.repeats(formula, cell)

    def _paragraph(self, paragraph: Element, owned: set[Element], inner: set[Element], texts: Texts) -> None:
        slots = [Slot(paragraph, TEXT)]
        waiting = [iter(paragraph)]
        path = [paragraph]
        while waiting:
            child = next(waiting[-1], None)
            if child is None:
                waiting.pop()
                done = path.pop()
                if done is not paragraph:
                    slots.append(Slot(done, TAIL))
                continue
            inner.add(child)
            if child.tag in _APART:
                slots.append(Slot(child, TAIL))
                continue
            owned.add(child)
            if child.tag == S:
                count = child.get(f"{{{TEXT_NS}}}c") or "1"
                slots.append(Slot(child, "=" + " " * min(int(count) if count.isdigit() else 1, 1000)))
            else:
                slots.append(Slot(child, _MARKS.get(str(child.tag), TEXT)))
            waiting.append(iter(child))
            path.append(child)
        owned.add(paragraph)
        cell = paragraph.getparent()
        if cell is not None and cell in self._tables.judged and shows_its_value(cell):
            return
        if cell is not None and cell.tag in (CELL, COVERED):
            texts.add("cell", slots, lambda: freeze(cell))
        else:
            texts.add("body", slots)

    def _cell(self, cell: Element, texts: Texts, numbers: list[tuple[str, Element]]) -> None:
        if cell.get(f"{{{OFFICE}}}string-value") is not None:
            texts.add("cell", [Slot(cell, f"{{{OFFICE}}}string-value")], lambda: freeze(cell))
        value = cell.get(f"{{{OFFICE}}}value") or ""
        try:
            number = float(value or "0")
        except ValueError:
            del cell.attrib[f"{{{OFFICE}}}value"]
            return
        if number.is_integer() and abs(number) >= 10**5:
            numbers.append((value if value.isdigit() else f"{number:.0f}", cell))
        formula = cell.get(f"{{{TABLE}}}formula")
        if formula is not None:
            new = self.formula(formula)
            if new is None:
                self._job.dropped("formula")
                del cell.attrib[f"{{{TABLE}}}formula"]
            elif new != formula:
                cell.set(f"{{{TABLE}}}formula", new)

    def formula(self, text: str) -> str | None:
        """Return a formula that says the same, or None where it reads another file."""
        if len(text) > _MAX_FORMULA or _OTHER_FILE.search(text):
            return None
        return retold(_FORMULA, text, self._token)

    def _token(self, token: re.Match[str]) -> str | None:
        old = token[0]
        if token.lastgroup == "text":
            return '"' + self.names.text(old[1:-1].replace('""', '"')).replace('"', '""') + '"'
        if token.lastgroup == "ref":
            return self.address(old)
        if token.lastgroup == "number":
            return old if self.names.text(old, "cell") == old else None
        return self.names.renamed(old)

    def address(self, text: str) -> str:
        """Return addresses of cells with the names that sheets have now."""

        def renamed(found: re.Match[str]) -> str:
            old = found[0]
            plain = old[1:-1].replace("''", "'") if old[0] == "'" else old
            new = self.names.sheet(plain)
            return old if new == plain else "'" + new.replace("'", "''") + "'"

        return _SHEET.sub(renamed, text)

    def _attributes(self, element: Element, texts: Texts) -> None:
        in_cell = element.tag in (CELL, COVERED)
        for key, value in attributes(element):
            space, name = namespace(key), key[key.rfind("}") + 1 :]
            if space not in NAMESPACES or name in _DROPPED or name.endswith("rsid"):
                del element.attrib[key]
            elif in_cell and space == OFFICE:
                # Its value and its text were looked at with the cell.
                if name not in ("value", "string-value") and _SUSPICIOUS.search(value):
                    del element.attrib[key]
            elif name == "name" and space == DRAW and element.tag in _SHAPES:
                if _SHAPE_NAME.fullmatch(value) is None:
                    del element.attrib[key]
            elif value and name != "href":
                self._attribute(element, key, value, texts)

    def _attribute(self, element: Element, key: str, value: str, texts: Texts) -> None:
        space, name = namespace(key), key[key.rfind("}") + 1 :]
        if name in ("formula", "condition") and space == TABLE:
            if element.tag not in (CELL, COVERED):
                self._set(element, key, self.formula(value))
        elif name in _ADDRESSES:
            self._set(element, key, self.address(value) if not ADDRESS.search(value) else None)
        elif element.tag == SHEET and name == "name" and space == TABLE:
            element.set(key, self.names.sheet(value))
        elif name == "name" and space in (STYLE, TABLE) and not _SUSPICIOUS.search(value):
            return
        elif (name in _WORDS and space not in LOOKS) or (not _PLAIN.fullmatch(value) and _SUSPICIOUS.search(value)):
            texts.add("attribute", [Slot(element, key)])

    def _set(self, element: Element, key: str, value: str | None) -> None:
        if value is None:
            self._job.dropped("external link")
            del element.attrib[key]
        else:
            element.set(key, value)

    def link(self, target: str) -> str | None:
        """Return what a link outside the package leads to, or None for a file of the writer's machine."""
        if _LOCAL_FILE.match(target.strip()):
            return None
        if target.startswith("#"):
            new = self.address(target)
            return self.names.text(new, "link") if new == target else new
        from urllib.parse import quote, unquote

        plain = unquote(target)
        new = self.names.text(plain, "link")
        return target if new == plain else quote(new, safe="/:?#@!$&'()*+,;=~")
