"""What the parts of all Office programs have in common: compatibility markup, extensions, relationships, attributes, paragraphs.

Invariants:

- An element or attribute of a namespace that is not known to be content is left out, wherever it stands.
- An element whose relationship is gone goes too, or loses the reference where it means something without.
- Every text and every attribute that can hold words is rewritten: what only looks like a number or a keyword is not.
"""

from __future__ import annotations

import re
from typing import Final, cast

from lxml import etree

from privet.metadata.job import CannotClean
from privet.metadata.office_xml import SPACE, TEXT, Element, Slot, Texts, attributes, local, namespace, remove, unwrap
from privet.metadata.ooxml_parts import DGM, EXTENSIONS, MC, NAMESPACES, W14, A, M, O, P, Part, R, W, X

_CHOICE, _FALLBACK, _ALTERNATE = f"{{{MC}}}Choice", f"{{{MC}}}Fallback", f"{{{MC}}}AlternateContent"
_LINK: Final = f"{{{R}}}"
# These say something without what they refer to: a picture's frame, a link's words.
_KEEP_WITHOUT_LINK: Final = frozenset(
    (f"{{{A}}}blip", f"{{{W}}}hyperlink", "{urn:schemas-microsoft-com:vml}imagedata", "{urn:schemas-microsoft-com:vml}fill",
     "{urn:schemas-microsoft-com:vml}stroke", f"{{{P}}}pageSetup", f"{{{W}}}saveThroughXslt")
)  # fmt: skip
_PLAIN: Final = re.compile(r"[-+#%{}.\w]*")
_WORDS: Final = frozenset((
    "name", "descr", "title", "alt", "tooltip", "anchor", "display", "prompt", "promptTitle", "error", "errorTitle", "displayText",
    "caption", "string", "label", "hint", "text", "comment", "help", "description", "statusBar", "phldrT", "totalsRowLabel",
    "sourceLinked", "tgtFrame", "uniqueName", "docLocation", "password",
))  # fmt: skip
# Elements of Word that are named by what they hold, in `val`.
_WORDY: Final = frozenset(
    f"{{{W}}}{name}" for name in (
        "alias", "tag", "helpText", "statusText", "default", "listEntry", "tblCaption", "tblDescription", "description", "lvlText",
    )
) | {f"{{{DGM}}}title", f"{{{DGM}}}desc"}  # fmt: skip
_VALUED: Final = frozenset((f"{{{W}}}val", f"{{{W}}}value", f"{{{W}}}displayText", "val"))
# Values that only machines read; words in them are looked at when they cannot be what they should.
_MACHINE: Final = frozenset((
    "uri", "style", "path", "coordsize", "coordorigin", "ref", "sqref", "typeface", "panose", "points", "formatCode", "adj", "ascii",
    "hAnsi", "cs", "eastAsia", "spans", "activeCell", "topLeftCell", "rotationangle", "formulas", "eqn", "from", "to", "Ignorable",
    "Requires", "lang", "space", "connectsites", "textboxrect", "limo", "inset", "dashstyle", "fmla", "axis", "ptType", "hideLastTrans",
    "st", "cnt", "step", "instr",
))  # fmt: skip
_FONTS: Final = frozenset(
    (f"{{{W}}}font", f"{{{M}}}mathFont", "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}name")
)
_SUSPICIOUS: Final = re.compile(r"@|://|\\\\|[0-9]{9}")
_KNOWN_URI: Final = re.compile(r"http://schemas\.(?:microsoft|openxmlformats)\.(?:com|org)/[A-Za-z0-9/]{1,80}")
_GONE: Final = frozenset((
    f"{{{W}}}author", f"{{{W}}}date", f"{{{W}}}initials", f"{{{W}}}fullDate", f"{{{W14}}}paraId", f"{{{W14}}}textId", f"{{{O}}}gfxdata",
    f"{{{O}}}title", "equationxml", "macro", "codeName", "invalidUrl", "userId", f"{{{MC}}}ProcessContent", f"{{{MC}}}MustUnderstand",
    f"{{{MC}}}PreserveElements", f"{{{MC}}}PreserveAttributes", f"{{{W}}}entryMacro", f"{{{W}}}exitMacro",
))  # fmt: skip
_RSID: Final = f"{{{W}}}rsid"
# Texts that are looked at as part of their paragraph.
_RUNS: Final = frozenset(
    (f"{{{W}}}t", f"{{{A}}}t", f"{{{M}}}t", f"{{{W}}}instrText", f"{{{W}}}delText", f"{{{W}}}delInstrText", f"{{{X}}}t")
)
_NAMED: Final = frozenset(f"{{{X}}}{name}" for name in ("sheet", "definedName", "table", "tableColumn"))
_FORMULAS: Final = frozenset(
    ("f", "formula", "formula1", "formula2", "definedName", "calculatedColumnFormula", "totalsRowFormula")
)
# Codes of digits, dates and conditions; words in quotes are looked at.
_NUMBER_FORMAT: Final = re.compile(
    r"General|[-+#0?.,%/:;@*_ $€£¥()EeyYmMdDhHsS]{1,60}|(?:\[[A-Za-z]{1,10}\]|[-#0.,;%_ @]){1,20}"
)
_LONG: Final = 9
_VERY_LONG: Final = re.compile(r"[0-9]{12}")
_BLANKED: Final = {"macro": ""}
_INTERNAL_NAME: Final = re.compile(r"_[A-Za-z]+[0-9]*")
# A shape's name is seen in a list of the program only; it often is the name of the file that a picture was.
_SHAPES: Final = ("}cNvPr", "}docPr")
_SHAPE_NAME: Final = re.compile(
    r"((?:(?:Content|Text|Picture|Chart|Table|Media|Slide|Date|Footer|Header|Notes|Slide Image|Slide Number|Vertical) )?Placeholder"
    r"|Picture|Image|Graphic|Title|Subtitle|Text ?Box|Rectangle|Oval|Line|Connector|Chart|Diagram|Table|Group|Shape) [0-9]{1,9}"
)


def prune(part: Part) -> None:
    """Leave out alternatives, extensions, elements and relationships that nobody knows."""
    root = part.root
    if (namespace(str(root.tag)) or "none") not in NAMESPACES:
        raise CannotClean("a part is of an unknown kind: save it anew")
    _alternatives(root)
    unknown = [ext for ext in root.iter("{*}ext") if _is_unknown_extension(ext)]
    if not _all_known(part.source):
        for element in root.iter():
            tag = element.tag
            if not isinstance(tag, str) or namespace(tag) not in NAMESPACES:
                unknown.append(element)
    for element in unknown:
        if element.getparent() is None:
            continue
        holder = element.getparent()
        remove(element)
        if holder is not None and local(holder) == "extLst" and next(holder.iterchildren(), None) is None:
            remove(holder)
    part.job.dropped("extension", len(unknown))
    _relink(part)


def _is_unknown_extension(ext: Element) -> bool:
    parent = ext.getparent()
    return parent is not None and local(parent) == "extLst" and (ext.get("uri") or "").upper() not in EXTENSIONS


def _all_known(source: bytes) -> bool:
    """Tell whether all namespaces that a part declares are known, as far as its bytes can be read as they stand."""
    if b"\0" in source or b"<!" in source or re.search(rb"encoding=.(?!utf-?8|us-ascii)", source[:100], re.IGNORECASE):
        return False
    return all(space in _KNOWN for space in _DECLARED.findall(source)) and source.count(b"xmlns") == len(
        _DECLARED.findall(source)
    )


_KNOWN: Final = frozenset(name.encode() for name in NAMESPACES)
_DECLARED: Final = re.compile(rb"""\sxmlns(?::[\w.-]+)?="([^"]*)\"""")


def _alternatives(root: Element) -> None:
    for choice in list(root.iter(_CHOICE)):
        known = choice.nsmap
        if any(known.get(prefix) not in NAMESPACES for prefix in (choice.get("Requires") or "").split()):
            remove(choice)
    for alternate in list(root.iter(_ALTERNATE)):
        if alternate.find(_CHOICE) is None:
            fallback = alternate.find(_FALLBACK)
            if fallback is not None:
                for child in fallback:
                    alternate.append(child)
                remove(fallback)
            unwrap(alternate)


def _relink(part: Part) -> None:
    # In C: only the elements that refer to something.
    for element in _linked(part.root):
        for key, value in attributes(element):
            if not key.startswith(_LINK) or value == "":
                continue
            new = part.links.get(value)
            if new is not None:
                element.set(key, new)
                continue
            del element.attrib[key]
            if element.tag not in _KEEP_WITHOUT_LINK:
                _remove_unlinked(element)
                break


def _linked(root: Element) -> list[Element]:
    return cast("list[Element]", _LINKED(root))


_LINKED: Final = etree.XPath("//*[@r:*]", namespaces={"r": R})


def _remove_unlinked(element: Element) -> None:
    """Take out what refers to nothing; a slide's embedded object leaves its picture."""
    frame = next(element.iterancestors(f"{{{P}}}graphicFrame"), None)
    if frame is None or local(element) not in ("oleObj", "relIds", "chart"):
        remove(element)
        return
    picture = next(frame.iter(f"{{{P}}}pic"), None)
    parent = frame.getparent()
    if picture is not None and parent is not None:
        parent.replace(frame, picture)
    else:
        remove(frame)


def finish(part: Part) -> None:
    """Clean all attributes and stray texts, and write what the compatibility rules need."""
    root = part.root
    texts = part.texts
    memo: dict[tuple[str, str], str] = {}
    for element in root.iter():
        tag = element.tag
        if (text := element.text) and tag not in _RUNS and not text.isspace():
            _stray(element, text, texts)
        if element.tail and not element.tail.isspace():
            element.tail = None
        scour_attributes(element, texts, memo)


def scour_attributes(element: Element, texts: Texts, memo: dict[tuple[str, str], str]) -> None:
    """Clean the attributes of one element; `memo` is kept from one to the next."""
    tag = element.tag
    for key, value in attributes(element):
        if key == "name" and str(tag).endswith(_SHAPES):
            if _SHAPE_NAME.fullmatch(value) is None:
                number = element.get("id") or ""
                element.set(key, f"Shape {number}" if number.isdecimal() and len(number) <= _LONG else "Shape")
            continue
        verdict = memo.get((key, value))
        if verdict is None:
            verdict = memo[key, value] = _verdict(key, value)
        if verdict == "drop":
            _drop_attribute(element, key)
        elif (verdict == "words" and not _is_handled(tag, key, value)) or (tag in _WORDY and key in _VALUED):
            texts.add("attribute", [Slot(element, key)])


def _is_handled(tag: object, key: str, value: str) -> bool:
    """Tell whether an attribute of words is rewritten elsewhere, or is the name of a font or of one of the program's own marks."""
    return (
        (tag in _FONTS and not _SUSPICIOUS.search(value))
        or (tag in _NAMED and key.endswith("ame"))
        or (key.endswith("name") and bool(_INTERNAL_NAME.fullmatch(value)))
    )


def _drop_attribute(element: Element, key: str) -> None:
    if key in _BLANKED:
        element.set(key, _BLANKED[key])
    else:
        del element.attrib[key]


def _verdict(key: str, value: str) -> str:
    if key in _GONE or key.startswith(_RSID) or namespace(key) not in NAMESPACES:
        return "drop"
    name = key[key.rfind("}") + 1 :]
    if name == "action":
        return (
            "keep"
            if re.fullmatch(r"ppaction://(hlinksldjump|hlinkshowjump\?jump=[a-z]+|media|noaction)?", value)
            else "drop"
        )
    if name in _WORDS:
        return "words"
    if (_PLAIN.fullmatch(value) and not _VERY_LONG.search(value)) or (
        name in _MACHINE and (not _SUSPICIOUS.search(value) or _KNOWN_URI.fullmatch(value))
    ):
        return "keep"
    return "words"


def _stray(element: Element, text: str, texts: Texts) -> None:
    """Let a text that stands in no paragraph be rewritten; short numbers are measures."""
    if local(element) in _FORMULAS or (local(element) == "formatCode" and _NUMBER_FORMAT.fullmatch(text)):
        return
    try:
        float(text)
    except ValueError:
        texts.add("text", [Slot(element, TEXT)])
        return
    if sum(mark.isdigit() for mark in text) >= _LONG:
        point = element.getparent()
        # A chart's point must stay a number: one that was an identifier goes.
        texts.add(
            "text", [Slot(element, TEXT)], None if point is None or local(point) != "pt" else lambda: remove(point)
        )


def paragraphs(part: Part, place: str) -> None:
    """Let the paragraphs of drawings, charts and slides be rewritten, each as one text."""
    owned: dict[Element, list[Slot]] = {}
    for element in part.root.iter(f"{{{A}}}t", f"{{{A}}}br", f"{{{M}}}t"):
        owner = next(element.iterancestors(f"{{{A}}}p"), element)
        mark = TEXT if element.tag != f"{{{A}}}br" else "=\n"
        owned.setdefault(owner, []).append(Slot(element, mark))
    for slots in owned.values():
        part.texts.add(place, slots)


def tidy(root: Element) -> None:
    """Take out declarations that nothing uses, and name in `Ignorable` only what is declared."""
    ignorable = f"{{{MC}}}Ignorable"
    kept: set[str] = set()
    for element in _ignoring(root):
        prefixes = [name for name in (element.get(ignorable) or "").split() if element.nsmap.get(name) in NAMESPACES]
        kept.update(prefixes)
        if prefixes:
            element.set(ignorable, " ".join(prefixes))
        else:
            del element.attrib[ignorable]
    # Rows are written apart, by the prefixes that stand at the root.
    kept.update(prefix for prefix, space in root.nsmap.items() if prefix and space == X)
    for choice in root.iter(_CHOICE):
        kept.update((choice.get("Requires") or "").split())
    etree.cleanup_namespaces(root, keep_ns_prefixes=sorted(kept))


def _ignoring(root: Element) -> list[Element]:
    return cast("list[Element]", _IGNORING(root))


_IGNORING: Final = etree.XPath("//*[@mc:Ignorable]", namespaces={"mc": MC})


def keep_spaces(element: Element) -> None:
    """Say that the white space at a text's ends counts."""
    text = element.text or ""
    if text != text.strip():
        element.set(SPACE, "preserve")
