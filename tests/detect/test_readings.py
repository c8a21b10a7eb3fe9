"""Hidden forms of identifiers: found where a person reads them, at their place in the text as given."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.detect.engine import Detector
from privet.detect.matchers import re2_matchers, re_matchers
from privet.detect.patterns import PatternTier
from privet.detect.readings import hidden, opened, read, readings
from privet.detect.rule import CONTEXT_CHARS
from privet.detect.rules import RULES
from privet.detect.segments import SpanStream
from privet.policy import DEFAULT

DETECTOR = Detector(tier="patterns")
SEARCH = re2_matchers([hidden()]).search
CARD = "4111 1111 1111 1111"
MAIL = "jane.doe@example.com"
IBAN = "GB82 WEST 1234 5698 7654 32"
PLAIN = [CARD, MAIL, IBAN, "123-45-6789", "+49 30 901820", "192.0.2.17"]


def found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.kind) for span in DETECTOR.find(text)]


def covered(text: str) -> set[int]:
    return {place for span in DETECTOR.find(text) for place in range(span.start, span.end)}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("４１１１ １１１１ １１１１ １１１１", "CREDIT_CARD"),
        ("４１１１－１１１１－１１１１－１１１１", "CREDIT_CARD"),
        ("٤١١١ ١١١١ ١١١١ ١١١١", "CREDIT_CARD"),
        ("۴۱۱۱ ۱۱۱۱ ۱۱۱۱ ۱۱۱۱", "CREDIT_CARD"),
        ("४१११ ११११ ११११ ११११", "CREDIT_CARD"),
        ("𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏", "CREDIT_CARD"),
        ("4111\xa01111\u202f1111\u20071111", "CREDIT_CARD"),
        ("4111‑1111‑1111‑1111", "CREDIT_CARD"),
        ("4\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e3 1111 1111 1111", "CREDIT_CARD"),
        ("4\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001", "CREDIT_CARD"),
        ("+４９ ３０ ９０１８２０", "PHONE_NUMBER"),
        ("%2B49%2030%20901820", "PHONE_NUMBER"),
        ("%2B49+30+901820", "PHONE_NUMBER"),
        ("&#43;&#52;&#x39;&nbsp;30&nbsp;901820", "PHONE_NUMBER"),
        ("1\u00ad2\u00ad3-45-6789", "US_SSN"),
        ("ＧＢ８２ ＷＥＳＴ １２３４ ５６９８ ７６５４ ３２", "IBAN_CODE"),
        ("GВ82 WЕST 1234 5698 7654 32", "IBAN_CODE"),
        ("jane%2Edoe%40example%2Ecom", "EMAIL_ADDRESS"),
        ("jаne.dое@example.cоm", "EMAIL_ADDRESS"),
        ("ja\u200bne@exa\u200dmple.com", "EMAIL_ADDRESS"),
        ("𝒋𝒂𝒏𝒆@example.com", "EMAIL_ADDRESS"),
        ("jo\u0308rg@example.com", "EMAIL_ADDRESS"),
        ("j%C3%B6rg%40example.com", "EMAIL_ADDRESS"),
        ("j\\u00f6rg\\u0040example.com", "EMAIL_ADDRESS"),
        ("j\\x61ne@example.com", "EMAIL_ADDRESS"),
        ("jane&period;doe&commat;example&period;com", "EMAIL_ADDRESS"),
        ("amFuZS5kb2VAZXhhbXBsZS5jb20=", "EMAIL_ADDRESS"),
        ("bmFtZTogSsO2cmcsIGNhcmQgNDExMSAxMTExIDExMTEgMTExMQ", "CREDIT_CARD"),
        ("fn5-Pz8_IGphbmVAZXhhbXBsZS5jb20", "EMAIL_ADDRESS"),
    ],
)
def test_what_a_person_reads_is_found_whole(value: str, kind: str) -> None:
    assert found(f"so {value} there") == [(value, kind)]
    assert found(f"ünd «{value}»") == [(value, kind)]


def test_white_space_that_is_written_as_an_escape_ends_a_word() -> None:
    assert found(f'{{"text": "call\\n{CARD}\\n"}}') == [(CARD, "CREDIT_CARD")]
    assert found(f"list=%0A{CARD}") == [(CARD, "CREDIT_CARD")]


def test_context_is_read_too() -> None:
    assert found("ｐａｓｓｐｏｒｔ number 123456789") == [("123456789", "PASSPORT")]
    far = "ｐａｓｓｐｏｒｔ " + "&nbsp;" * 20 + "123456789"
    assert found(far) == []
    assert len(far) - 9 > CONTEXT_CHARS


def test_an_identifier_around_a_hidden_one_stays_whole() -> None:
    text = "see https://example.com/users/1?m=jane%2Edoe@example.com now"
    assert 4 in covered(text)
    assert covered(text).issuperset(range(4, len(text) - 4))


@pytest.mark.parametrize(
    "text",
    [
        "look at example dot product",
        "٢٠٢٤/٠٣/١٢ الساعة ١٢:٣٠",
        "२०२४ में १२ मार्च",
        "เมื่อ ๑๒ มีนาคม ๒๕๖๗",
        "１２月３日、３０％ＯＦＦ",
        "wid%74h 100%25 of 3%20a",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRleHQ=",
        "module_with_a_rather_long_name.AndAnotherQuiteLongIdentifier/and/a/path",
        '"\\u0430\\u0431\\x00\\x01\\u2028"',
        "width=40px x=40.5 id=40abc.html",
        "👩‍👩‍👧‍👦 ❤️ e\u0301te\u0301",
        "1990–1995, 10 000–12 000",
        "Привет, это COVIDный тест",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert found(text) == []


@given(st.text(max_size=80))
def test_any_text_is_read_and_mapped_back(text: str) -> None:
    reading = read(text)
    place = 0
    for first in range(len(reading.text)):
        start, end = reading.span(first, first + 1)
        assert place <= start <= end <= len(text)
        place = end
        assert reading.char_of(len(reading.text[:first].encode("utf-8", "surrogatepass"))) == first


@settings(max_examples=200, deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from("%25&#;\\u4０٤\u200b\u0301\xa0-аА１@.a1= ")), max_size=60))
@example("%")
@example("&#0;&#1114112;&#xd800;\\ud800\\u{110000}")
@example("\ud800\u0301%ff%C3")
def test_whatever_is_unfolded_was_searched_for(text: str) -> None:
    """A text without a match of `hidden` reads as it stands; and hits never leave the text."""
    data = text.encode("utf-8", "surrogatepass")
    if SEARCH(data, 0) < 0:
        assert read(text).text == text
        assert list(opened(text)) == []
    for span in DETECTOR.find(text):
        assert 0 <= span.start < span.end <= len(text)


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("%25&#;\\u4０٤\u200b\u0301\xa0-аА１@.aQ= "), max_size=40))
def test_both_engines_search_alike(text: str) -> None:
    data = text.encode()
    other = re_matchers([hidden()]).search
    assert (SEARCH(data, 0) < 0) == (other(data, 0) < 0)


def marked(hit: str) -> tuple[str, str, str]:
    before, value, after = re.split("[«»]", hit)
    return before, value, after


def wide(value: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char for char in value)


def arabic(value: str) -> str:
    return value.translate({ord(str(digit)): 0x660 + digit for digit in range(10)})


def zero_width(value: str) -> str:
    return re.sub(r"(?<=[0-9A-Za-z])(?=[0-9A-Za-z])", "\u200b", value)


def percent(value: str) -> str:
    return "".join(f"%{ord(char):02X}" if char.isascii() and char.isalnum() else quote(char) for char in value)


def entities(value: str) -> str:
    return "".join(f"&#{ord(char)};" for char in value)


FORMS: list[Callable[[str], str]] = [wide, arabic, zero_width, percent, entities]
# A form hides a word or a sign from these rules, or their value is no text that anybody would write so: key blocks, links.
EVERY = [
    (rule, hit)
    for rule in RULES
    for hit in rule.hits
    if "\n" not in hit and rule.kind not in {"URL", "CONNECTION_STRING"}
]


def within(text: str, start: int, end: int) -> float:
    """Return how much of what stands between two places is covered."""
    inside = covered(text)
    wanted = {place for place in range(start, end) if text[place].isalnum()}
    return len(wanted & inside) / len(wanted)


HITS = [pytest.param(hit, id=f"{rule.id}-{number}") for number, (rule, hit) in enumerate(EVERY)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("hit", HITS)
def test_every_rule_finds_the_forms_of_its_hits(hit: str, form: Callable[[str], str]) -> None:
    before, value, after = marked(hit)
    text = before + form(value) + after
    assert within(text, len(before), len(text) - len(after)) == 1


@pytest.mark.parametrize("hit", [hit for hit in HITS if re.sub("[«»]", "", str(hit.values[0])).isascii()])
def test_every_rule_finds_its_hits_in_base64(hit: str) -> None:
    plain = "note: " + re.sub("[«»]", "", hit) + " (end)"
    if max(span.score for span in DETECTOR.find(plain)) < 0.6:
        # Too weak to take a whole run for it.
        plain = f"phone: {plain} {MAIL}"
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        run = encode(plain.encode()).decode()
        text = f"so {run} there"
        assert within(text, 3, 3 + len(run)) == 1


@pytest.mark.parametrize(
    "unit",
    ["%20", "%41", "&#52;", "4\u200b", "a\u0301", "４", "\\u0034", "аa", "1\u2011 ", "YW5uYUBl ", "x" * 900 + "４ "],
)
def test_parts_are_read_once_and_in_few_steps(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    steps = []

    def search(data: bytes, place: int) -> int:
        steps.append(place)
        return SEARCH(data, place)

    parts = list(readings(text.encode(), search))
    assert sum(len(part.original) for part in parts) <= len(text)
    assert len(steps) <= len(text.encode()) // 512 + 2
    assert all(text[part.shift :].startswith(part.original) for part in parts)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([*PLAIN, "so", "at", "dot", "х", "％", "jane"]), max_size=5),
    st.randoms(use_true_random=False),
    st.integers(1, 9),
)
def test_a_stream_reads_what_the_whole_text_reads(words: list[str], random: Random, size: int) -> None:
    forms = [*FORMS, str, lambda value: base64.b64encode(value.encode()).decode()]
    text = " ".join(random.choice(forms)(word) for word in words)
    stream = SpanStream(DETECTOR)
    spans, place = [], 0
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    for piece, inside in [segment for chunk in pieces for segment in stream.feed(chunk)] + stream.close():
        spans += [span._replace(start=span.start + place, end=span.end + place) for span in inside]
        place += len(piece)
    assert spans == list(DETECTOR.find(text))


def test_the_fallback_finds_the_same() -> None:
    fallback, tier = PatternTier(DEFAULT.detect, engine="re"), PatternTier(DEFAULT.detect)
    texts = [f"so {form(value)} there" for form in FORMS for value in PLAIN]
    assert [fallback.candidates(text) for text in texts] == [tier.candidates(text) for text in texts]


def test_a_policy_without_kinds_reads_nothing() -> None:
    policy = replace(DEFAULT.detect, kinds=frozenset())
    assert PatternTier(policy).candidates("card ４１１１ １１１１ １１１１ １１１１") == []
