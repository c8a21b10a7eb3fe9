"""Words that claim privacy, and what of evidence backs each.

What no evidence can show (that nothing personal is left at all, that a law is kept) is never backed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from privet.card.facts import Facts


class Phrase(NamedTuple):
    """A way to claim something: `says` what. Where it is `negatable`, a `not` before it makes it no claim."""

    pattern: re.Pattern[str]
    says: str
    backed: Callable[[Facts], bool]
    negatable: bool = True


def _is_private(facts: Facts) -> bool:
    return bool(facts.privacy)


def _by_subject(facts: Facts) -> bool:
    return facts.privacy.get("unit") == "subject"


def _is_scrubbed(facts: Facts) -> bool:
    return bool(facts.scrub)


def _never(_facts: Facts) -> bool:
    return False


def _passed(*ids: str) -> Callable[[Facts], bool]:
    def judged(facts: Facts) -> bool:
        return {test.id for test in facts.tests if test.verdict == "pass"}.issuperset(ids)

    return judged


def _phrase(says: str, backed: Callable[[Facts], bool], *patterns: str, negatable: bool = True) -> Phrase:
    return Phrase(re.compile("|".join(patterns), re.IGNORECASE), says, backed, negatable)


_PII: Final = (
    r"(?:pii|phi|personal(?:ly)?[\s-](?:identif\w+[\s-])?(?:data|information|details)|identif(?:iers|ying\s+information)"
    r"|(?:sensitive|private)\s+(?:personal\s+)?(?:data|information))"
)
_TAKEN: Final = (
    r"(?:removed|redacted|scrubbed|masked|stripped|filtered|deleted|cleaned|anonymi[sz]ed|eliminated|cleansed)"
)
_DATA: Final = (
    r"(?:data|datasets?|corpus|corpora|records|tickets|notes|conversations|chats|logs|texts?|examples|samples|training)"
)
_NAMELESS: Final = r"(?:anonymi[sz]ed|pseudonymi[sz]ed|de-?identified)"
_SAFE: Final = (
    r"\b(?:resistant|robust|immune|safe|protected|secure)\s+(?:\w+\s+){0,2}(?:to|against|from)\s+(?:\w+\s+){0,3}"
)
_LAW: Final = r"(?:gdpr|hipaa|ccpa|dsgvo|rgpd|lgpd)"
_WHO: Final = r"\b(?:user|subject|person|patient|client|customer|author|individual)"

PHRASES: Final = (
    _phrase(
        "differential privacy",
        _is_private,
        r"differential(?:ly)?[\s_-]+priva(?:te|cy)",
        r"\bdp[\s_-]?(?:sgd|adamw?|ftrl|lora|fine-?tun\w*|train\w*|guarantee\w*|protected|private)\b",
        # dp=8 is eight copies of a model, side by side.
        r"(?:\b(?:with|under|using|via)\s+|\)\s*-?\s*)dp\b(?!\s*[=:]\s*\d)",
        r"\bzcdp\b",
    ),
    _phrase(
        "private training",
        _is_private,
        r"\bprivately\s+(?:fine-?\s?)?(?:trained|tuned)",
        r"\bprivate\s+(?:fine-?\s?tuning|training)\b",
    ),
    _phrase(
        "a guarantee of privacy",
        _is_private,
        r"\bprivacy[\s_-](?:preserving|safe|protected|guaranteed|certified)",
        r"\b(?:provable|proven|formal|guaranteed?s?|full|total|complete)\s+privacy",
        r"\bprivacy\s+(?:is|was)\s+(?:guaranteed|protected|preserved|proven|ensured)",
    ),
    _phrase(
        "privacy of whole subjects", _by_subject, _WHO + r"[\s-]level\s+(?:\w+\s+){0,2}(?:dp\b|differential|priva)"
    ),
    _phrase(
        "that nothing personal is left",
        _never,
        rf"\b(?:no|zero|without(?:\s+any)?|free\s+(?:of|from)|contains?\s+none\s+of)\s+(?:any\s+|real\s+|raw\s+)?{_PII}",
        r"\bpii[\s-]free",
        rf"(?:does|do)(?:\s+not|n't)\s+(?:contain|include|hold|use)\s+(?:any\s+)?{_PII}",
        r"\b(?:fully|completely|entirely|all|perfectly|100\s?%)\s+(?:\w+\s+)?(?:anonym\w+|de-?identified)",
        rf"\ball\s+(?:\w+\s+)?{_PII}\s+(?:\w+\s+){{0,3}}{_TAKEN}",
        negatable=False,
    ),
    _phrase(
        "that identifiers were taken out",
        _is_scrubbed,
        rf"\b{_PII}\s+(?:\w+\s+){{0,3}}{_TAKEN}\b",
        rf"\b{_TAKEN}\s+(?:\w+\s+){{0,3}}{_PII}\b",
        rf"\b{_DATA}\b[^.\n|]{{0,40}}\b{_NAMELESS}\b",
        rf"\b{_NAMELESS}\b[^.\n|]{{0,40}}\b{_DATA}\b",
    ),
    _phrase(
        "that training data does not come out",
        _passed("extraction", "exposure"),
        r"(?:\b(?:no|without|zero|not|never|cannot|can't)|n't)\s+(?:\w+\s+){0,2}(?:memori[sz]\w+|regurgitat\w+)",
        r"(?:\b(?:not|never|cannot|can't)|n't)\s+(?:\w+\s+){0,2}(?:leak|reveal|reproduce|disclose|emit)\w*\s+(?:\w+\s+){0,4}"
        r"(?:training|personal|private|data)\b",
        _SAFE + r"(?:extraction|memori)",
        negatable=False,
    ),
    _phrase("that membership cannot be told", _passed("membership"), _SAFE + "membership"),
    _phrase(
        "that attacks fail which no evidence tries", _never, _SAFE + r"(?:inversion|all\s+attacks|privacy\s+attacks)"
    ),
    _phrase(
        "that a law is kept",
        _never,
        rf"\b{_LAW}\b[\s-]+(?:\w+\s+)?(?:complian\w+|safe|conform\w*|certified)",
        rf"\bcomplian\w+\s+with\s+(?:the\s+)?{_LAW}",
    ),
)
# Between a `not` and what it denies stand only such words: "not trained with".
_BETWEEN: Final = (
    r"(?:been|yet|an?|any|use[sd]?|using|trained|fine-tuned|be|claim\w*|provide\w*|give\w*|formal|formally|to|with|by|under|is|are|was"
    r"|were|or|the|apply|offer\w*|make|have|has|had|guarantee\w*)"
)
DENIED: Final = re.compile(rf"(?:\b(?:not|without|never|no|nor|neither)|n't)\s+(?:{_BETWEEN}\s+)*$", re.IGNORECASE)
