"""Redaction: what is replaced, what stays, and that it is stable."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.detect.engine import detect, detector
from privet.detect.rules import RULES
from privet.edits import edited
from privet.errors import BadInput
from privet.policy import DEFAULT
from privet.records import KINDS, Span
from privet.redact import Redactor, RedactStream, redact, redact_all, replace_spans, restore
from privet.surrogates import SurrogateName, writing

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
    assert redact(text, tier="patterns") == expected


def test_masks_keep_the_length() -> None:
    assert redact("mail jane@example.com now", surrogate="mask") == "mail **************** now"


SURROGATES = ("label", "mask", "pseudonym", "token", "realistic", "shift")
KEY = bytes(range(32))
NAMES = [
    "Angela Merkel met Emmanuel Macron in Berlin",
    "Dear Mr. Smith,",
    "El doctor Juan García vive en Sevilla",
    "J. Kowalski, ur. 3 maja 1985",
    "2019-05-03",
    "5/3/2019",
    "12 de marzo de 1985",
    "田中太郎は東京に住んでいます",
    "12 12 12 12",
    "the",
    "[PERSON_1]",
]
mixed = st.lists(st.one_of(st.sampled_from(NAMES), st.sampled_from(SAMPLES)), max_size=6).flatmap(
    lambda pieces: st.sampled_from(("", " ", "\n", ", ")).map(lambda gap: gap.join(pieces))
)


@pytest.mark.parametrize("surrogate", SURROGATES)
@settings(max_examples=40, deadline=None)
@given(texts)
@example("password: api_key=jane@example.com")
@example("on 2019-05-03a://call 1 2 3\u30e1\u30fc\u30eb\u306ftaro@example.jp\u3067\u3059angela1955839661")
def test_redacting_twice_changes_nothing(surrogate: SurrogateName, text: str) -> None:
    once = redact(text, surrogate=surrogate, key=KEY, tier="patterns")
    assert redact(once, surrogate=surrogate, key=KEY, tier="patterns") == once


@pytest.mark.parametrize("surrogate", SURROGATES)
@settings(max_examples=25, deadline=None)
@given(mixed, st.integers(1, 60))
@example("12 " * 100, 7)
@example("2019 " * 80, 7)
def test_names_too_are_settled_at_once_and_in_streams(surrogate: SurrogateName, text: str, size: int) -> None:
    once = redact(text, surrogate=surrogate, key=KEY)
    assert redact(once, surrogate=surrogate, key=KEY) == once
    assert streamed(text, size, surrogate=surrogate, key=KEY) == once
    assert list(redact_all([text, ""], surrogate=surrogate, key=KEY)) == [once, ""]
    if surrogate == "token":
        assert restore(once, key=KEY) == text


def streamed(text: str, size: int, **keywords: Any) -> str:
    stream = RedactStream(**keywords)
    return "".join(stream.feed(text[at : at + size]) for at in range(0, len(text), size)) + stream.close()


LONG_KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIBVgIBADANBgkqhkiG9w0BAQEFAASC\n" * 90 + "-----END PRIVATE KEY-----"


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize(
    "value", [LONG_KEY, "https://example.com/u/" + "a1b2/" * 500, "x" * 3000 + " jane@example.com", "4111 " * 900]
)
def test_long_runs_stream_as_they_are_redacted(surrogate: SurrogateName, value: str) -> None:
    text = f"before {value} after 192.0.2.1 end"
    once = redact(text, surrogate=surrogate, key=KEY, tier="patterns")
    for size in (7, 1000, 100_000):
        assert streamed(text, size, surrogate=surrogate, key=KEY, tier="patterns") == once
    assert "192.0.2.1 " not in once
    if surrogate == "token":
        assert restore(once, key=KEY) == text


def test_a_long_key_has_one_label() -> None:
    assert redact(f"a {LONG_KEY} b", tier="patterns") == "a [PRIVATE_KEY] b"


def test_what_is_held_is_bounded() -> None:
    assert RedactStream.hold_back_chars <= 4096
    stream = RedactStream(tier="patterns")
    held = 0
    for _ in range(3000):
        held += 5 - len(stream.feed("xyzab"))
        assert held <= stream.hold_back_chars


@pytest.mark.parametrize("surrogate", ["pseudonym", "token", "shift"])
@pytest.mark.parametrize(
    "make", [lambda **more: redact("x", **more), lambda **more: list(redact_all([], **more)), RedactStream]
)
def test_a_key_is_needed(surrogate: str, make: Any) -> None:
    with pytest.raises(BadInput, match="needs a key") as caught:
        make(surrogate=surrogate)
    assert "32" in caught.value.hint
    with pytest.raises(BadInput, match="32 bytes, found 5"):
        make(surrogate=surrogate, key=b"short")


def test_an_unknown_surrogate_is_refused() -> None:
    with pytest.raises(BadInput, match="another name"):
        redact("x", surrogate="rot13")  # type: ignore[arg-type]


def one(text: str, surrogate: SurrogateName, **more: Any) -> str:
    return redact(text, surrogate=surrogate, tier="patterns", **{"key": KEY, **more})


def test_pseudonyms_hold_across_spellings_and_not_across_keys_and_subjects() -> None:
    assert one("jane@example.com", "pseudonym") == one("JANE@example.com", "pseudonym")
    assert one("+1 415 555 0100", "pseudonym") == one("+1 (415) 555-0100", "pseudonym")
    seen = {
        one("jane@example.com", "pseudonym"),
        one("jane@example.com", "pseudonym", key=b"k" * 32),
        one("jane@example.com", "pseudonym", subject="a"),
        one("john@example.com", "pseudonym"),
    }
    assert len(seen) == 4


def test_tokens_come_back_from_an_edited_text() -> None:
    text = one("write to jane@example.com or +1 415 555 0100", "token")
    mail, phone = re.findall(r"\[[^\]]+\]", text)
    edited = f"{phone}\n* **{mail.replace('[', chr(92) + '[').replace('_', chr(92) + '_')}**, {mail.upper()}"
    assert restore(edited, key=KEY) == "+1 415 555 0100\n* **jane@example.com**, jane@example.com"
    assert restore(edited, key=b"k" * 32) == edited


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("jane.doe@example.com", r"[a-z.]+@example\.(com|org|net)"),
        ("192.0.2.7", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+"),
        ("2001:db8::7334:1", r"2001:db8:[0-9a-f:]+"),
        ("+1 415 555 0100", r"\+1 \d{3} 555 01\d\d"),
        ("+44 7700 900123", r"\+44 7700 900[5-9]\d\d"),
        ("4111 1111 1111 1111", r"4012 8888 8888 1881"),
        ("3782 822463 10005", r"3714 496353 98431"),
        ("GB82 WEST 1234 5698 7654 32", r"GB00 [XZ]{4} [09]{4} [09]{4} [09]{4} [09]{2}"),
        ("219-09-9999", r"9[09]{2}-00-[09]{4}"),
        ("00:1B:44:11:3A:B7", r"00:00:5E:00:53:[0-9A-F]{2}"),
    ],
)
def test_realistic_values_keep_their_shape_in_reserved_ranges(text: str, shape: str) -> None:
    value = one(text, "realistic")
    assert re.fullmatch(shape, value), value
    assert value != text
    assert one(text, "realistic") == value


def test_realistic_names_are_invented_and_hold() -> None:
    text = redact("Angela Merkel met Emmanuel Macron in Berlin", surrogate="realistic", key=KEY)
    assert not re.search("Angela|Merkel|Emmanuel|Macron|Berlin", text)
    assert redact("Angela Merkel met Emmanuel Macron in Berlin", surrogate="realistic", key=KEY) == text
    assert redact(text).count("[PERSON]") >= 1


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


@given(
    st.lists(
        st.sampled_from(["jane@example.com", " Angela Merkel ", "met", " in ", "4111 1111 1111 1111", "\n"]),
        max_size=12,
    )
)
def test_edits_say_what_redact_does(parts: list[str]) -> None:
    text = "".join(parts)
    redactor = Redactor(writing("label", None, ""), detector(DEFAULT.detect))
    assert edited(text, redactor.edits([text])[0]) == redact(text) == redactor.all([text])[0]


@given(st.lists(mixed, max_size=4))
@settings(max_examples=200)
def test_many_texts_in_the_pattern_tier_are_redacted_as_each_alone(held: list[str]) -> None:
    redactor = Redactor(writing("label", None, ""), detector(DEFAULT.detect, "patterns"))
    assert redactor.all(held) == [redact(text, tier="patterns") for text in held]


def test_what_a_span_hid_is_seen_once_it_is_gone() -> None:
    redactor = Redactor(writing("label", None, ""), detector(DEFAULT.detect, "patterns"))
    hidden = [f"{value}{other}" for value in SAMPLES[::9] for other in SAMPLES[::5]]
    assert redactor.all(hidden) == [redact(text, tier="patterns") for text in hidden]
    assert redactor.all(redactor.all(hidden)) == redactor.all(hidden)
