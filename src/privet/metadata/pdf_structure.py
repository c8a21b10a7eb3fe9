"""The logical structure of a tagged PDF: headings, paragraphs, figures and their alternative texts.

Invariants: structure types are the standard's own; no identifiers, titles, classes or custom attributes; an element refers only to pages,
annotations and pictures that are kept.
"""

from __future__ import annotations

from typing import Final

from pikepdf import Array, Dictionary, Name, Object, Stream

from privet.metadata.pdf_marked import STANDARD_TAGS
from privet.metadata.pdf_tree import Rule, Tree, each, keys, language, named_tree, plain, table, text
from privet.metadata.pdf_values import spelled

_OWNERS: Final = frozenset({"/Layout", "/List", "/PrintField", "/Table"})


def _page(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    return value if isinstance(value, Dictionary) and value.objgen in tree.pages else None


def _in_structure(tree: Tree, owner: Object, key: str, value: object) -> object:
    """Keep a child of a structure element: content by number, an annotation, or another element."""
    if isinstance(value, int):
        return value
    if isinstance(value, Array):
        return each(_in_structure)(tree, owner, key, value)
    if not isinstance(value, Dictionary):
        return None
    kind = value.get("/Type")
    if kind == Name.OBJR:
        return value if _is_kept_object(tree, value.get("/Obj")) and tree.push(value, "object") else None
    return value if tree.push(value, "mark" if kind == Name.MCR else "element") else None


def _is_kept_object(tree: Tree, value: object) -> bool:
    return isinstance(value, (Dictionary, Stream)) and any(
        (value.objgen, kind) in tree.seen for kind in ("annotation", "field", "form", "image")
    )


def _object(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    return value if _is_kept_object(tree, value) else None


def _structure_type(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Keep a standard type; one of the writer's own gives way to the standard type it stands for."""
    for _step in range(8):
        if spelled(value)[1:] in STANDARD_TAGS:
            return value
        value = tree.roles.get(spelled(value), Name.NonStruct)
    return Name.NonStruct


def _structure_parent(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    if isinstance(value, Dictionary) and value.get("/Type") == Name.StructTreeRoot:
        return value if (value.objgen, "structure") in tree.seen else None
    return value if tree.push(value, "element") else None


def _attributes(tree: Tree, owner: Object, key: str, value: object) -> object:
    if isinstance(value, Array):
        return each(_attributes)(tree, owner, key, value)
    if not isinstance(value, Dictionary) or spelled(value.get("/O")) not in _OWNERS:
        return value if isinstance(value, int) else None
    return table(plain)(tree, owner, key, value)


def _parents(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Write the tree from marked content to structure elements anew."""
    items: list[object] = []
    for number, element in named_tree(value, "/Nums", 4_000_000):
        kept = _element_or_list(tree, element)
        if isinstance(number, int) and kept is not None:
            items += (number, kept)
    return Dictionary(Nums=Array(items))


def _element_or_list(tree: Tree, value: object) -> object:
    if isinstance(value, Array):
        # A gap in the list is kept: its items are found by number.
        items = [item if isinstance(item, Dictionary) and tree.push(item, "element") else None for item in value]
        return tree.pdf.make_indirect(Array(items))
    return value if tree.push(value, "element") else None


def read_roles(tree: Tree, structure: object) -> None:
    """Note which standard types the writer's own types stand for."""
    roles = structure.get("/RoleMap") if isinstance(structure, Dictionary) else None
    if isinstance(roles, Dictionary):
        tree.roles |= {name: role for name, role in roles.items() if isinstance(role, Name)}


TABLES: Final[dict[str, dict[str, Rule]]] = {
    "structure": keys(plain, "Type ParentTreeNextKey") | {"/K": _in_structure, "/ParentTree": _parents},
    "element": keys(plain, "Type R")
    | keys(text("structure"), "Alt ActualText E")
    | {"/S": _structure_type, "/P": _structure_parent, "/Pg": _page, "/K": _in_structure, "/A": _attributes, "/Lang": language},
    "mark": keys(plain, "Type MCID") | {"/Pg": _page},
    "object": keys(plain, "Type") | {"/Pg": _page, "/Obj": _object},
}  # fmt: skip
