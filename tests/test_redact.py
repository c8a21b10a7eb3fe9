"""Redaction: what is replaced, what stays, and that it is stable."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.detect.engine import detect
from privet.detect.rules import RULES
from privet.records import KINDS, Span
from privet.redact import redact, replace_spans

SAMPLES = sorted({text.replace("«", "").replace("»", "") for rule in RULES for text in (*rule.hits, *rule.misses)})
texts = st.lists(
    st.one_of(
        st.sampled_from(SAMPLES),
        st.text(max_size=6),
        st.sampled_from(["password: ", "Bearer ", "phone ", "@", "://", "="]),
    ),
    max_size=7,
).flatmap(lambda pieces: st.sampled_from(("", " ", "\n")).map(lambda gap: gap.join(pieces)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane@example.com now", "write to [EMAIL_ADDRESS] now"),
        ("Grüße, +49 30 123456!", "Grüße, [PHONE_NUMBER]!"),
        ("a\ud800b 192.0.2.1", "a\ud800b [IP_ADDRESS]"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_labels(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_masks_keep_the_length() -> None:
    assert redact("mail jane@example.com now", surrogate="mask") == "mail **************** now"


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from(("label", "mask")))
@example("password: api_key=jane@example.com", "label")
def test_redacting_twice_changes_nothing(text: str, surrogate: str) -> None:
    once = redact(text, surrogate=surrogate)  # type: ignore[arg-type]
    assert redact(once, surrogate=surrogate) == once  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "before",
    ["", "password: ", "api_key=", "Bearer ", "phone: ", "passport ", "https://example.com/", "IBAN ", '"password": "'],
)
@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_tokens_are_no_identifiers(kind: str, before: str) -> None:
    for token in (f"[{kind}]", f"[{kind}_1]", f"[{kind}_12]", f"[{kind}_123456]"):
        text = before + token + '"'
        assert [span for span in detect(text) if span.end > len(before)] == []


@given(st.text(max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_text_outside_the_spans_is_unchanged(text: str, places: list[int]) -> None:
    bounds = sorted(min(place, len(text)) for place in places)
    spans = [Span(a, b, "URL", 1.0, "r") for a, b in zip(bounds[::2], bounds[1::2], strict=False)]
    seen: list[str] = []

    def keep(_span: Span, value: str) -> str:
        seen.append(value)
        return value

    assert replace_spans(text, spans, keep) == text
    assert seen == [text[span.start : span.end] for span in spans]
