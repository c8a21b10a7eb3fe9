"""Presidio both ways. Where presidio-analyzer is missing, what can be shown without it is."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pytest

from privet.detect import Detector
from privet.detect.segments import SpanStream
from privet.errors import BadInput, Unprotected
from privet.integrations.presidio import PrivetRecognizer, RecognizerTier, kind_of
from privet.policy import DEFAULT

INSTALLED = find_spec("presidio_analyzer") is not None
needs_presidio = pytest.mark.skipif(not INSTALLED, reason="presidio-analyzer is not installed")


@dataclass
class Result:
    entity_type: str
    start: int
    end: int
    score: float


class Plates:
    """A recognizer by the shape of Presidio's, for one word."""

    name = "PlateRecognizer"
    supported_entities = ["PLATE"]  # noqa: RUF012 (Presidio's own are lists)

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[Result]:
        self.seen.append((entities, nlp_artifacts))
        place = text.find("ABC-123")
        return [] if place < 0 else [Result("PLATE", place, place + 7, 1.7), Result("PLATE", place, 999, 0.9)]


class Words:
    def process_text(self, text: str, language: str) -> Any:
        return (language, text.split())


def test_any_recognizer_is_a_tier() -> None:
    plates = Plates()
    detector = Detector(tier="patterns", also=[RecognizerTier(plates, "de", nlp_engine=Words())])
    text = "jane@example.com drives ABC-123"
    assert [(text[span.start : span.end], span.kind, span.score, span.rule) for span in detector.find(text)] == [
        ("jane@example.com", "EMAIL_ADDRESS", 0.95, "email-address"),
        ("ABC-123", "PLATE", 1.0, "presidio-plate"),
    ]
    assert plates.seen == [(["PLATE"], ("de", text.split()))]
    assert RecognizerTier(plates).candidates(text, 0, 20) == []
    with pytest.raises(BadInput, match="whole text"):
        SpanStream(detector)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("PERSON", "PERSON"), ("US_DRIVER_LICENSE", "DRIVER_LICENSE"), ("UK_NHS", "HEALTH_ID"), ("X", "X")],
)
def test_kinds_have_our_names(theirs: str, ours: str) -> None:
    assert kind_of(theirs) == ours


@pytest.mark.skipif(INSTALLED, reason="presidio-analyzer is installed")
def test_without_presidio_the_recognizer_says_so() -> None:
    with pytest.raises(Unprotected, match="not installed") as caught:
        PrivetRecognizer()
    assert caught.value.hint == "pip install presidio-analyzer"


@needs_presidio
def test_the_analyzer_takes_privet_as_a_recognizer() -> None:
    from presidio_analyzer import EntityRecognizer, RecognizerRegistry

    registry = RecognizerRegistry(recognizers=[], supported_languages=["de", "en"])
    registry.add_recognizer(PrivetRecognizer(language="de"))
    registry.add_recognizer(PrivetRecognizer(tier="patterns"))
    (german,) = registry.get_recognizers(language="de", all_fields=True)
    assert isinstance(german, EntityRecognizer)
    assert set(german.supported_entities) == DEFAULT.detect.kinds
    text = "Angela Merkel schreibt an jane@example.com"
    found = german.analyze(text, ["PERSON", "EMAIL_ADDRESS"], None)
    assert [(text[each.start : each.end], each.entity_type) for each in found] == [
        ("Angela Merkel", "PERSON"),
        ("jane@example.com", "EMAIL_ADDRESS"),
    ]
    assert [each.entity_type for each in german.analyze(text, ["PERSON"])] == ["PERSON"]


@needs_presidio
def test_presidios_own_recognizers_are_tiers() -> None:
    from presidio_analyzer.predefined_recognizers import MedicalLicenseRecognizer

    text = "license BB1388568 of the practice"
    detector = Detector(tier="patterns", also=[RecognizerTier(MedicalLicenseRecognizer())])
    assert [(text[span.start : span.end], span.kind) for span in detector.find(text)] == [("BB1388568", "HEALTH_ID")]
