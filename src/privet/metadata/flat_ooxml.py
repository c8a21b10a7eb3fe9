"""Office documents as one XML file (Flat OPC): put into the usual package, which is cleaned.

Invariants: what is written is a DOCX, XLSX or PPTX; no part is larger than the limits of a package's parts.

Source: ECMA-376, part 2, for what a package holds; the namespace of the flat form is Microsoft's.
"""

from __future__ import annotations

import binascii
import io
from typing import BinaryIO, Final

from lxml import etree

from privet.metadata import ooxml
from privet.metadata.job import CannotClean, Job
from privet.metadata.office_xml import MAX_PART_BYTES, Element, parsed
from privet.metadata.package import write

_PKG: Final = "{http://schemas.microsoft.com/office/2006/xmlPackage}"
_TYPES: Final = "http://schemas.openxmlformats.org/package/2006/content-types"


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the package that the file stands for, cleaned.

    Raises:
        CannotClean: as `ooxml.clean` does.

    """
    ooxml.clean(_package(source, job), target, job)


def cleaned_suffix(source: BinaryIO) -> str:
    """Return the suffix of what `clean` makes of this file.

    Raises:
        CannotClean: as `clean` does.

    """
    return ooxml.cleaned_suffix(_package(source, Job()))


def _package(source: BinaryIO, job: Job) -> BinaryIO:
    types = etree.fromstring(f'<Types xmlns="{_TYPES}"/>')
    members: dict[str, bytes] = {}
    for part in parsed(source.read(MAX_PART_BYTES + 1)).iterchildren(f"{_PKG}part"):
        name = part.get(f"{_PKG}name") or ""
        content = _content(part)
        if not name.startswith("/") or content is None or len(members) >= job.limits.max_members:
            continue
        etree.SubElement(
            types, f"{{{_TYPES}}}Override", PartName=name, ContentType=part.get(f"{_PKG}contentType") or ""
        )
        members[name[1:]] = content
    made = io.BytesIO()
    write(made, [("[Content_Types].xml", etree.tostring(types)), *members.items()])
    made.seek(0)
    return made


def _content(part: Element) -> bytes | None:
    for held in part:
        if held.tag == f"{_PKG}xmlData" and len(held):
            return etree.tostring(held[0], encoding="UTF-8", xml_declaration=True, with_tail=False)
        if held.tag == f"{_PKG}binaryData":
            try:
                return binascii.a2b_base64((held.text or "").encode("ascii", "replace"))
            except binascii.Error as error:
                raise CannotClean("damaged: a part is not base64") from error
    return None
