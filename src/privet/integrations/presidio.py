"""Presidio: Privet as a recognizer of its analyzer, and any of its recognizers as a tier of ours.

    registry.add_recognizer(PrivetRecognizer())                      # theirs, with what Privet finds
    Detector(also=[RecognizerTier(MedicalLicenseRecognizer())])      # ours, with what their recognizer finds

Privet's kinds carry Presidio's names where it has one. Needs `presidio-analyzer`; nothing else of Privet imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from privet.detect.engine import Detector, TierName
from privet.errors import Unprotected
from privet.policy import DEFAULT, Policy
from privet.records import KINDS, Span

try:
    from presidio_analyzer import EntityRecognizer, RecognizerResult
except ImportError:
    EntityRecognizer, RecognizerResult = object, None

_KINDS: Final = {
    "US_PASSPORT": "PASSPORT",
    "IT_PASSPORT": "PASSPORT",
    "US_DRIVER_LICENSE": "DRIVER_LICENSE",
    "IT_DRIVER_LICENSE": "DRIVER_LICENSE",
    "US_BANK_NUMBER": "BANK_ACCOUNT",
    "US_ITIN": "TAX_ID",
    "IT_FISCAL_CODE": "TAX_ID",
    "ES_NIF": "TAX_ID",
    "AU_TFN": "TAX_ID",
    "UK_NHS": "HEALTH_ID",
    "AU_MEDICARE": "HEALTH_ID",
    "MEDICAL_LICENSE": "HEALTH_ID",
    "UK_NINO": "NATIONAL_ID",
    "SG_NRIC_FIN": "NATIONAL_ID",
    "PL_PESEL": "NATIONAL_ID",
    "IN_AADHAAR": "NATIONAL_ID",
    "ES_NIE": "NATIONAL_ID",
    "GPE": "LOCATION",
    "ORG": "ORGANIZATION",
}
"""Presidio's name of a kind where Privet's is another. A kind that neither table knows keeps its name."""


class PrivetRecognizer(EntityRecognizer):  # type: ignore[misc]
    """What Privet finds, as a recognizer for Presidio's analyzer.

    A registry asks recognizers by language, and Privet reads all of them with one model: add one recognizer for each language
    that the analyzer is asked for.

    Raises:
        Unprotected: `presidio-analyzer` or a tier is not installed.

    """

    def __init__(self, *, policy: Policy = DEFAULT, tier: TierName = "names", language: str = "en") -> None:
        _require()
        self._detector = Detector(policy.detect, tier)
        kinds = policy.detect.kinds | {rule.kind for rule in policy.detect.rules}
        super().__init__(supported_entities=sorted(kinds), name="Privet", supported_language=language)

    def load(self) -> None:
        """Do nothing: the detector is ready when it is made."""

    def analyze(self, text: str, entities: Sequence[str] | None, nlp_artifacts: object = None) -> list[Any]:
        """Return what is found of the kinds in `entities`, or all of it where none are named."""
        del nlp_artifacts
        return [
            RecognizerResult(entity_type=span.kind, start=span.start, end=span.end, score=span.score)
            for span in self._detector.find(text)
            if not entities or span.kind in entities
        ]


class Recognizer(Protocol):
    """What `RecognizerTier` needs of a recognizer: every `presidio_analyzer.EntityRecognizer` has it."""

    supported_entities: list[str]
    name: str

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> Sequence[Any]:
        """Return results with `entity_type`, `start`, `end` and `score`."""
        ...


class NlpEngine(Protocol):
    """What prepares a text for recognizers that need words and lemmas: a `presidio_analyzer.nlp_engine.NlpEngine`."""

    def process_text(self, text: str, language: str) -> Any:
        """Return the artifacts of a text."""
        ...


class RecognizerTier:
    """Any recognizer of Presidio as a tier: `Detector(also=[RecognizerTier(recognizer)])`.

    `nlp_engine` and `language` are for those that need the artifacts of a language model. It reads whole texts, so such a detector
    takes no streams.
    """

    def __init__(self, recognizer: Recognizer, language: str = "en", *, nlp_engine: NlpEngine | None = None) -> None:
        self._recognizer = recognizer
        self._language = language
        self._nlp_engine = nlp_engine
        self._rule = "presidio-" + recognizer.name.removesuffix("Recognizer").lower()

    def candidates(self, text: str, start: int, end: int) -> list[Span]:
        """Return what the recognizer finds between two places of a text."""
        artifacts = self._nlp_engine.process_text(text, self._language) if self._nlp_engine else None
        results = self._recognizer.analyze(text, list(self._recognizer.supported_entities), artifacts) or ()
        return [
            Span(result.start, result.end, kind_of(result.entity_type), min(1.0, float(result.score)), self._rule)
            for result in results
            if start <= result.start < result.end <= end
        ]


def kind_of(entity_type: str) -> str:
    """Return Privet's name of one of Presidio's kinds.

    >>> kind_of("US_PASSPORT"), kind_of("PERSON"), kind_of("IN_PAN")
    ('PASSPORT', 'PERSON', 'IN_PAN')
    """
    return entity_type if entity_type in KINDS else _KINDS.get(entity_type, entity_type)


def _require() -> None:
    if RecognizerResult is None:
        raise Unprotected("presidio-analyzer is not installed", hint="pip install presidio-analyzer")
