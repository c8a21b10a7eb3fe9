"""What stands around the parts of an Office package: relationships, the list of types, properties.

Invariants:

- What is written here says which parts there are, and nothing else.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import unquote

from privet.metadata.job import CannotClean
from privet.metadata.office_xml import MAX_PART_BYTES, parsed
from privet.metadata.ooxml_parts import MAINS, MEDIA_TYPES, RELATIONS, TYPES, Main, usual_namespaces
from privet.metadata.package import Package

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_CORE: Final = (
    DECLARATION
    + '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
_APP: Final = (
    DECLARATION + '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>'
)
_ROOT_RELATIONS: Final = (
    ("http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties", "docProps/core.xml"),
    ("http://schemas.openxmlformats.org/officeDocument/2006/relationships/extended-properties", "docProps/app.xml"),
)
_PROPERTY_TYPES: Final = (
    ("docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
    ("docProps/app.xml", "application/vnd.openxmlformats-officedocument.extended-properties+xml"),
)


class Relation(NamedTuple):
    """One relationship of a part."""

    kind: str
    target: str
    external: bool
    id: str


def main_part(package: Package) -> tuple[str, Main]:
    """Return the name and the kind of the main part.

    Raises:
        CannotClean: it is missing, or of none of the kinds that are known.

    """
    for kind, target, external, _id in relations(package, "_rels/.rels"):
        if kind != OFFICE or external:
            continue
        where = package.spelled(absolute("", target))
        types = package.spelled("[Content_Types].xml")
        if where is None or types is None:
            break
        media_type = _media_type(package, types, where)
        if media_type in MAINS:
            return where, MAINS[media_type]
        if "sheet.binary" in media_type:
            raise CannotClean("a binary workbook: save it as XLSX")
        break
    raise CannotClean("not a file of Word, Excel or PowerPoint")


def _media_type(package: Package, types: str, where: str) -> str:
    root = parsed(package.read(types, MAX_PART_BYTES))
    found = ""
    for entry in root.iter(f"{{{TYPES}}}Override", f"{{{TYPES}}}Default"):
        if (entry.get("PartName") or "").removeprefix("/").lower() == where.lower():
            return entry.get("ContentType") or ""
        if entry.get("Extension") and where.lower().endswith("." + (entry.get("Extension") or "").lower()):
            found = entry.get("ContentType") or ""
    return found


def relations(package: Package, name: str) -> list[Relation]:
    """Return the relationships in a part of the package; none if it is missing."""
    spelled = package.spelled(name)
    if spelled is None:
        return []
    root = parsed(usual_namespaces(package.read(spelled, MAX_PART_BYTES)))
    return [
        Relation(
            entry.get("Type") or "",
            entry.get("Target") or "",
            entry.get("TargetMode") == "External",
            entry.get("Id") or "",
        )
        for entry in root.iter(f"{{{RELATIONS}}}Relationship")
    ]


def absolute(folder: str, target: str) -> str:
    """Return the name of the part that a relationship of a part in a folder points at."""
    steps: list[str] = [] if target.startswith(("/", "\\")) else [step for step in folder.split("/") if step]
    for step in unquote(target).replace("\\", "/").split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps)


def relative(folder: str, name: str) -> str:
    """Return how a part is addressed from a folder."""
    here, there = folder.split("/"), name.split("/")
    same = 0
    while same < min(len(here), len(there) - 1) and here[same] == there[same]:
        same += 1
    return "/".join([".."] * (len(here) - same) + there[same:])


def surroundings(main: str, names: set[str], types: dict[str, str]) -> list[tuple[str, bytes]]:
    """Return the list of types and the package's own relationships, for a main part, all names and the types of XML parts."""
    suffixes = sorted({name.rpartition(".")[2] for name in names} & MEDIA_TYPES.keys())
    defaults = "".join(f'<Default Extension="{suffix}" ContentType="{MEDIA_TYPES[suffix]}"/>' for suffix in suffixes)
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{media_type}"/>'
        for name, media_type in (*types.items(), *_PROPERTY_TYPES)
    )
    lines = "".join(
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{name}"/>'
        for number, (kind, name) in enumerate(((OFFICE, main), *_ROOT_RELATIONS), 1)
    )
    listed = (
        f'{DECLARATION}<Types xmlns="{TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{defaults}{overrides}</Types>'
    )
    related = f'{DECLARATION}<Relationships xmlns="{RELATIONS}">{lines}</Relationships>'
    return [("[Content_Types].xml", listed.encode()), ("_rels/.rels", related.encode())]


# What is said to have been left out, by the relationship or the name of a part.
_WHAT: Final = {
    "hyperlink": "link to a local file", "attachedTemplate": "template path", "oleObject": "embedded object", "image": "picture",
    "package": "embedded object", "comments": "comment part", "printerSettings": "printer settings", "externalLink": "external link",
}  # fmt: skip
_MEMBERS: Final = (
    ("vba", "macro"), ("macrosheet", "macro"), ("docprops/core", "document properties"), ("docprops/app", "document properties"),
    ("docprops/custom", "custom property"), ("thumbnail", "thumbnail"), ("customxml", "custom xml"), ("signature", "signature"),
    ("comment", "comment part"), ("person", "person list"), ("people", "person list"), ("printersettings", "printer settings"),
    ("pivotcache", "pivot cache"), ("pivottable", "pivot table"), ("externallink", "external link"), ("connection", "connection"),
    ("revision", "revision log"), ("glossary", "building blocks"), ("activex", "control"), ("ctrlprop", "control"),
    ("embeddings", "embedded object"), ("media/", "picture"),
)  # fmt: skip


def left_out_part(kind: str) -> str:
    """Say what is left out with a relationship of this kind."""
    return _WHAT.get(kind.rpartition("/")[2], "other part")


def left_out_member(name: str) -> str:
    """Say what is left out with a member of this name."""
    return next((what for mark, what in _MEMBERS if mark in name.lower()), "other part")


PROPERTIES: Final = (("docProps/core.xml", _CORE.encode()), ("docProps/app.xml", _APP.encode()))
