"""Parts of PowerPoint presentations: slides, hidden ones too, notes, masters and layouts.

Invariants:

- Every slide stays, in its place; comments, their authors, tags, sections' ids and the history of changes are left out.
"""

from __future__ import annotations

from typing import Final

from privet.metadata.job import Job
from privet.metadata.office_xml import Element, local, remove, remove_all
from privet.metadata.ooxml_formula import Names
from privet.metadata.ooxml_parts import P, Part
from privet.metadata.ooxml_scour import paragraphs

_PRESENTATION: Final = frozenset(
    f"{{{P}}}{name}" for name in (
        "sldMasterIdLst", "notesMasterIdLst", "handoutMasterIdLst", "sldIdLst", "sldSz", "notesSz", "embeddedFontLst", "custShowLst",
        "photoAlbum", "kinsoku", "defaultTextStyle",
    )
)  # fmt: skip
_PROPERTIES: Final = frozenset((f"{{{P}}}showPr", f"{{{P}}}clrMru"))
_LEFT_OUT: Final = tuple(
    f"{{{P}}}{name}" for name in ("custDataLst", "smartTags", "modifyVerifier", "controls", "contentPart", "snd")
)


class Slides:
    """Cleans the parts of one presentation."""

    def __init__(self, job: Job) -> None:
        self.names = Names(job)

    def clean(self, part: Part) -> None:
        """Clean what is PowerPoint's own in a part."""
        allowed = {"main": _PRESENTATION, "presProps": _PROPERTIES}.get(part.kind)
        if allowed is not None:
            _only(part, allowed)
        part.job.dropped("custom data", remove_all(part.root, _LEFT_OUT))
        paragraphs(part, "notes" if part.kind == "notesSlide" else "body")


def _only(part: Part, allowed: frozenset[str]) -> None:
    elements: list[Element] = list(part.root)
    for child in elements:
        if child.tag not in allowed:
            remove(child)
            part.job.dropped("document setting", int(local(child) != "extLst"))
