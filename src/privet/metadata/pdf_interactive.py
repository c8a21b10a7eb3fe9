"""What of a PDF lies over its pages: annotations, form fields, links.

Invariants: no script and no action but going to a place or an address; no author, date, name or identifier of a note; every text that
stays goes through `Pending`; destinations are written out, so no tree of names is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pikepdf import Array, Dictionary, Name, Object, Stream, String

from privet.edits import Edit, edited
from privet.metadata.pdf_streams import decoded
from privet.metadata.pdf_tree import (
    Rule,
    Tree,
    code,
    delete,
    each,
    either,
    keys,
    language,
    one,
    plain,
    simple,
    text,
)
from privet.metadata.pdf_values import spelled, written

_SHOWN: Final = frozenset(
    "Text Link FreeText Line Square Circle Polygon PolyLine Highlight Underline Squiggly StrikeOut Stamp Caret Ink Widget Watermark".split()  # noqa: SIM905
)
_ICONS: Final = frozenset(
    "Comment Key Note Help NewParagraph Paragraph Insert Approved Experimental NotApproved AsIs Expired NotForPublicRelease "  # noqa: SIM905
    "Confidential Final Sold Departmental ForComment TopSecret Draft ForPublicRelease Check Checkmark Circle Cross Star".split()
)
_NAMED: Final = frozenset({"/NextPage", "/PrevPage", "/FirstPage", "/LastPage"})


def _annotation(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Keep an annotation or form field of a kind that shows something."""
    if not isinstance(value, Dictionary):
        return None
    kind = value.get("/Subtype")
    if kind == Name.FileAttachment and "/FS" in value:
        tree.files.append(value.FS)
        return None
    if kind is not None and spelled(kind)[1:] not in _SHOWN:
        tree.job.dropped("annotation")
        return None
    if value.get("/FT") == Name.Sig:
        tree.job.dropped("signature")
        return None
    if "/OC" in value and tree.layers.hidden(value.OC):
        tree.job.dropped("hidden layer")
        return None
    return value if tree.push(value, "field" if _is_field(value) else "annotation") else None


def _is_field(value: Object) -> bool:
    return "/Subtype" not in value or spelled(value.Subtype) == "/Widget"


def _icon(_tree: Tree, _owner: Object, _key: str, value: object) -> object:
    return value if isinstance(value, Name) and spelled(value)[1:] in _ICONS else None


def _destination(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Keep a place in the document; a named one is written out."""
    if isinstance(value, (Name, String)):
        value = tree.destinations.get(written(value) if isinstance(value, String) else spelled(value)[1:])
    if isinstance(value, Dictionary):
        value = value.get("/D")
    if not isinstance(value, Array) or not len(value) or not isinstance(value[0], Dictionary):
        return None
    rest = list(value)[1:]
    return Array([value[0], *rest]) if value[0].objgen in tree.pages and all(simple(item) for item in rest) else None


def _action(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    if not isinstance(value, Dictionary):
        return None
    kind = value.get("/S")
    if kind == Name.GoTo:
        place = _destination(tree, value, "/D", value.get("/D"))
        return None if place is None else Dictionary(S=Name.GoTo, D=place)
    if kind == Name.URI and isinstance(value.get("/URI"), String):
        new = Dictionary(S=Name.URI, URI=value.URI)
        text("link")(tree, new, "/URI", value.URI)
        return new
    if kind == Name.Named and spelled(value.get("/N")) in _NAMED:
        return Dictionary(S=Name.Named, N=value.N)
    tree.job.dropped("action")
    return None


def _appearance(tree: Tree, owner: Object, key: str, value: object) -> object:
    from privet.metadata.pdf_drawing import TABLES

    form = TABLES["resources"]["/XObject"]
    if not isinstance(value, Dictionary):
        return None
    for state, shown in list(value.items()):
        if state not in {"/N", "/D", "/R"} or not isinstance(shown, (Stream, Dictionary)):
            delete(value, state)
            continue
        if isinstance(shown, Stream):
            # Some writers leave out that an appearance is a form.
            shown.Subtype = Name.Form
            value[state] = tree.pdf.make_indirect(shown) if not shown.is_indirect else shown
            tree.push(shown, "form")
        else:
            form(tree, owner, key, shown)
    return value


def _value(tree: Tree, owner: Object, key: str, value: object) -> object:
    """Keep the value of a form field: a text, a choice or several."""
    if isinstance(value, Array):
        return each(either(text("form"), each(text("form"))))(tree, owner, key, value)
    if isinstance(value, Stream):
        value = String(decoded(value).decode("latin-1"))
    if not isinstance(value, String):
        return value if isinstance(value, Name) else None
    told = written(value)

    def done(edits: list[Edit]) -> None:
        owner[key] = String(edited(told, edits))
        gone = [(told[edit.start : edit.end], edit.text) for edit in edits]
        for picture in _appearances(owner):
            tree.also.setdefault(picture.objgen, []).extend(gone)

    tree.pending.add("form", told, done)
    return String(told)


def _appearances(field: Object) -> Iterator[Object]:
    """Return the pictures of a form field's value."""
    kids = field.get("/Kids")
    for widget in (field, *(kids if isinstance(kids, Array) else ())):
        states = widget.get("/AP") if isinstance(widget, Dictionary) else None
        for shown in states.values() if isinstance(states, Dictionary) else ():
            if isinstance(shown, Stream):
                yield shown


PLACES: Final[dict[str, Rule]] = {"/Dest": _destination, "/A": _action}

TABLES: Final[dict[str, dict[str, Rule]]] = {
    "page": keys(plain, "Type MediaBox CropBox BleedBox TrimBox ArtBox Rotate StructParents Tabs UserUnit")
    | {"/Resources": one("resources"), "/Group": one("group"), "/Annots": each(_annotation)}
    | {"/Contents": either(one("content"), each(one("content")))},
    "annotation": PLACES
    | keys(plain, "Type Subtype Rect F AS Border C IC CA ca H QuadPoints L LE InkList Vertices IT RD StructParent Q")
    | keys(plain, "LL LLE LLO CP CO Cap BM")
    | {"/Name": _icon, "/Contents": text("annotation"), "/DA": code, "/AP": _appearance, "/Lang": language}
    | keys(one("border"), "BS BE"),
    "border": keys(plain, "Type W S D I"),
    "field": PLACES
    | keys(plain, "Type Subtype Rect F AS Border C H StructParent Q FT Ff MaxLen TI I")
    | keys(text("form"), "T TU")
    | keys(_value, "V DV Opt")
    | {"/DA": code, "/AP": _appearance, "/BS": one("border"), "/MK": one("look"), "/Parent": _annotation, "/Kids": each(_annotation)},
    "look": keys(plain, "R BC BG TP IF") | keys(text("form"), "CA RC AC"),
    "fields": keys(plain, "NeedAppearances Q") | {"/Fields": each(_annotation), "/DR": one("resources"), "/DA": code},
}  # fmt: skip
