"""Model cards → whether they say what was done for privacy. A card is Markdown with the metadata block of a model hub, or MODEL_CARD.md."""

from __future__ import annotations

import re
from typing import Final

from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.readers import Sibling

MISSING: Final = "code:card-without-privacy"
_FRONT: Final = regex(r"\A\ufeff?---\r?\n(?P<block>.*?)\r?\n---", re.DOTALL)
_MODEL: Final = regex(r"^(?:library_name|pipeline_tag|base_model|model-index|model_name)\s*:", re.MULTILINE)
_SECTION: Final = regex(
    r"^#{1,6}[^\n]*\b(?:privacy|personal data|data protection|sensitive (?:data|information)|pii)\b",
    re.MULTILINE | re.IGNORECASE,
)


def read(path: str, text: str, _: Sibling) -> Reading:
    """Return a unit for a model card; it is a guard where the section is there."""
    front = _FRONT.match(text)
    name = path.rsplit("/", 1)[-1].lower()
    is_card = (front is not None and _MODEL.search(front["block"])) or name in {
        "model_card.md",
        "modelcard.md",
        "model-card.md",
    }
    found = _SECTION.search(text)
    if found and (is_card or name.endswith(".md")):
        return Reading(
            (Unit(UnitKind.GUARD, "privacy section", path, found.start(), found.end(), guard="card-privacy-removed"),)
        )
    if not is_card:
        return Reading()
    facts = (Fact(Space.KEY, MISSING, "1", path, 0, min(len(text), 3)),)
    return Reading((Unit(UnitKind.CONFIG, "model card", path, 0, 0, frozenset(), facts),))
