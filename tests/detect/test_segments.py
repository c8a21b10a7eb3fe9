"""A text in pieces: what is let go, when, and that its spans are those of the whole text."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.detect import segments
from privet.detect.engine import Detector
from privet.detect.rules import RULES
from privet.detect.rules_spelled import SPELLED
from privet.detect.segments import SpanStream, is_cut
from privet.records import Span

DETECTOR = Detector(tier="patterns")
SAMPLES = sorted({text.replace("«", "").replace("»", "") for rule in RULES for text in (*rule.hits, *rule.misses)})
WORDS = [
    *[
        "the",
        "of",
        "and",
        "May",
        "is",
        "password:",
        "token",
        "12",
        "a",
        "GB",
        "5",
        "(x)",
        "-",
        ",",
        "MIIB",
        "US",
        "12.5",
        "のは",
        "です",
        "@me",
        "x@y",
        "de",
        "marzo",
        "1985",
        "-----BEGIN",
        "Bearer",
        "mot",
        "at",
        "dot",
        "(at)",
        "com",
        "%20",
        "%2B49",
        "&#52;",
        "４１",
        "٤٥",
        "\u200b",
        "\u0301",
        "сом",
        "=40",
        "YW5uYUBleGFtcGxlLmNvbQ==",
        "\\u0040",
        "é",
        "€",
    ],
    "\n",
    "\t",
    "  ",
]

texts = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(SAMPLES), st.text(max_size=8)), max_size=9).flatmap(
    lambda pieces: st.sampled_from((" ", "", "\n")).map(lambda gap: gap.join(pieces))
)


def run(chunks: Iterable[str], detector: Detector = DETECTOR) -> tuple[str, list[Span]]:
    stream = SpanStream(detector)
    text, spans = "", []
    fed = itertools.chain.from_iterable(stream.feed(chunk) for chunk in chunks)
    for piece, found in itertools.chain(fed, stream_end(stream)):
        spans += [span._replace(start=span.start + len(text), end=span.end + len(text)) for span in found]
        text += piece
    return text, spans


def stream_end(stream: SpanStream) -> Iterable[tuple[str, tuple[Span, ...]]]:
    yield from stream.close()


def chunked(text: str, size: int) -> list[str]:
    return [text[place : place + size] for place in range(0, len(text), size)]


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(1, 9))
@example("x 2 95 10 99 126 111 93.", 1)
@example("my api key is a1b2c3d4e5f6g7h8i9", 3)
@example("パスワード: hunter2です", 1)
@example("password is requiredpassword is requiredx2019-05-03", 1)
@example("-----BEGIN RSA PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASC\nAA BB\n-----END RSA PRIVATE KEY----- x", 2)
@example('if "-----BEGIN PRIVATE KEY-----" in text: x', 1)
@example("-----BEGIN PRIVATE KEY-----\nMI IB", 1)
def test_spans_of_a_stream_are_those_of_the_whole_text(text: str, size: int) -> None:
    expected = (text, list(DETECTOR.find(text)))
    assert run(chunked(text, size)) == expected
    assert run([text]) == expected


def test_a_letter_behind_any_white_space_decides_on_the_place_before_it() -> None:
    for space in " \t\r\n\f\v":
        text = f":@A{space}0"
        whole, single = SpanStream(DETECTOR), SpanStream(DETECTOR)
        assert "".join(piece for piece, _ in whole.feed(text)) == "".join(
            piece for char in text for piece, _ in single.feed(char)
        )


@settings(max_examples=100, deadline=None)
@given(texts, st.data())
def test_what_was_let_go_depends_on_the_prefix_alone(text: str, data: st.DataObject) -> None:
    prefix = text[: data.draw(st.integers(0, len(text)))]
    places = sorted(data.draw(st.lists(st.integers(0, len(prefix)), max_size=5)))
    released = set()
    for chunks in (list(prefix), [prefix], [prefix[a:b] for a, b in itertools.pairwise([0, *places, len(prefix)])]):
        stream = SpanStream(DETECTOR)
        released.add("".join(piece for chunk in chunks for piece, _ in stream.feed(chunk)))
    assert len(released) == 1


def test_prose_flows_one_word_behind() -> None:
    stream = SpanStream(DETECTOR)
    shown, fed = "", ""
    for token in ("Hello", " world", ",", " how", " are", " you", " today", "?"):
        fed += token
        shown += "".join(piece for piece, _ in stream.feed(token))
        assert fed.removeprefix(shown).count(" ") == 0
    assert shown == "Hello world, how are you "
    assert stream.close() == [("today?", ())]


@pytest.mark.parametrize(
    "held",
    [
        "+49 30 ",
        "(415) ",
        "GB82 WEST ",
        "4111 1111 ",
        "12 March ",
        "12 de marzo de ",
        "password: ",
        "my password is ",
        "Bearer ",
        "le mot de ",
        "curl -u ",
        "jane dot ",
        "jane (at) ",
        "%2B49 ",
        "&#43;49%2030 ",
        "４１１１ ",
        "ＧＢ８２ ＷＥＳＴ ",
        "p\u200bassword: ",
        "٠٣٠ ",
        "77 ",
        "77 vine ",
        "1600 Pennsylvania Ave NW, ",
        "1600 Pennsylvania Ave NW, Washington, DC ",
        "Flat ",
        "12 bis rue de la ",
        "via Giuseppe ",
        "ul. Jana ",
        "Hauptstraße ",
        "Am Alten ",
        "Postfach ",
        "in DE ",
        r"C:\Users\Jane ",
        "12 Main\n",
        "350 West 42nd\n",
    ],
)
def test_an_identifier_in_the_making_is_held(held: str) -> None:
    assert not is_cut("so " + held, len(held) + 3)


@pytest.mark.parametrize("free", ["Hello, ", "end. ", "room 5\n", "密 ", "12 rooms were booked. "])
def test_ordinary_words_are_not_held(free: str) -> None:
    assert is_cut("so " + free, len(free) + 3)


@pytest.mark.parametrize("below", ["Next", "Streets", "13 Pears", "street", "\nStreet"])
def test_a_line_ends_below_which_no_street_is_named(below: str) -> None:
    assert is_cut("at 12 Main\n" + below + " ", 11)


@pytest.mark.parametrize("word", ["hello", "I", "a", "Ünal", "look", "point", "DOT"])
@pytest.mark.parametrize(
    ("after", "free"),
    [
        ("", False),
        (" ", False),
        ("w", True),
        ("d", False),
        ("do", False),
        ("done", True),
        ("at", False),
        ("(", False),
        ("(x", True),
    ],
)
def test_a_word_is_let_go_once_the_next_cannot_be_at_or_dot(word: str, after: str, free: bool) -> None:
    free = free and word.lower() not in SPELLED
    assert is_cut(f"so {word} {after}", len(word) + 4) == free
    assert is_cut(f"so {word}\n{after}", len(word) + 4)


def test_a_name_is_held_before_a_word_that_only_says_street() -> None:
    assert not is_cut("in der Berliner Straße 5", 16)
    assert not is_cut("in der Berliner Str", 16)
    assert is_cut("in der Berliner Strom", 16)


def test_japanese_flows_without_spaces() -> None:
    stream = SpanStream(DETECTOR)
    text = "電話は明日の朝にかけてください"
    assert "".join(piece for char in text for piece, _ in stream.feed(char)) == text[:-1]


@pytest.mark.parametrize("tail", ["", " ", "\n"])
@pytest.mark.parametrize(
    "value", ["jane@example.com", "+1 415 555 0123", "4111 1111 1111 1111", "-----BEGIN PRIVATE KEY-----\nMIIB"]
)
def test_a_stream_that_ends_in_a_span_protects_it(value: str, tail: str) -> None:
    text = "this: " + value + tail
    _, spans = run(list(text))
    assert [(span.start, min(span.end, len(text.rstrip()))) for span in spans] == [(6, 6 + len(value))]


def long_url(size: int) -> str:
    generator = random.Random(7)
    return "https://example.com/u/" + "".join(generator.choices("abcdefgh0123456789/", k=size)) + "z"


KEY_BODY = "\n".join(
    "".join(random.Random(seed).choices("ABCDEFGHIJabcdefghij0123456789+/", k=64)) for seed in range(200)
)
KEY = f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "value", [long_url(20000), long_url(4100), KEY, "eyJhbGciOiJIUzI1NiJ9." + "aB3d" * 3000 + ".sig"]
)
@pytest.mark.parametrize("size", [1, 5, 97, 5000, 100000])
def test_a_span_longer_than_the_limit_is_covered_to_its_end(value: str, size: int) -> None:
    text = f"before {value} after jane@example.com end"
    got, spans = run(chunked(text, size))
    assert got == text
    assert spans == run([text])[1]
    covered = {place for span in spans for place in range(span.start, span.end)}
    wanted = {place for span in DETECTOR.find(text) for place in range(span.start, span.end)}
    assert covered == wanted


@pytest.mark.parametrize("value", ["x" * 20000, "12 " * 5000, "a1b2" * 4000 + "@example.com", "iVBORw0KGgo" * 2000])
def test_no_more_than_the_limit_is_held(value: str) -> None:
    stream = SpanStream(DETECTOR)
    held = 0
    for chunk in chunked(value, 7):
        held += len(chunk) - sum(len(piece) for piece, _ in stream.feed(chunk))
        assert held <= SpanStream.hold_back_chars
    assert run(chunked(value, 7)) == run([value]) == run(list(value))


def test_an_address_at_the_end_of_an_over_long_word_is_found() -> None:
    text = "x" * 9000 + "+jane@example.com now"
    _, spans = run(chunked(text, 11))
    assert [span.kind for span in spans] == ["EMAIL_ADDRESS"]
    assert spans[0].end == len(text) - 4


NAMED = Detector()
NAMED_WORDS = [
    "Yesterday", "Anna", "Müller", "Jan", "Kowalski", "said", "Dr", ".", ",", "in", "Berlin", "and", "Mr", "@", "@anna_b7", "anna",
    "van", "der", "Berg", "(", ")", "2024-01-01", "aged", "34", "years", "-", "O'Neill", "J", "K", "[PERSON]", "#RIPAnna", "x_Anna",
    "\n", "  ", " " * 70, "Ltd", "Bank", "of", "Paris", "mayor", "1,234.5", "Łódź", "said:", "\t", "q" * 70,
]  # fmt: skip
named_texts = st.lists(
    st.one_of(st.sampled_from(NAMED_WORDS), st.sampled_from(SAMPLES), st.text(max_size=5)), max_size=30
).map(" ".join)


@settings(max_examples=120, deadline=None)
@given(named_texts, st.integers(1, 9))
@example("by @ anna_b7 and @ x", 2)
@example("Anna " + " " * 80 + "Müller said", 1)
def test_a_stream_finds_the_names_of_the_whole_text(text: str, size: int) -> None:
    expected = (text, list(NAMED.find(text)))
    assert run(chunked(text, size), NAMED) == expected
    assert run([text], NAMED) == expected


def test_names_flow_about_seven_words_behind() -> None:
    stream = SpanStream(NAMED)
    text = "Yesterday the mayor said that nothing at all had been decided about the new bridge over the river so far. "
    shown, most = "", 0
    for at, char in enumerate(text * 3, 1):
        shown += "".join(piece for piece, _ in stream.feed(char))
        most = max(most, (text * 3)[len(shown) : at].count(" "))
    assert most <= 12


@pytest.mark.parametrize(
    "text",
    [
        '{"dob":"March 12, 1985"}',
        "DOB=Mar 12 1985",
        "NINO:AB 12 34 56 C",
        "a|AB 12 34 56 C|b",
        "\u3000\u3000\u3000 abc",
        "redis://:秘密の言葉@cache.example.com:6379/0",
        "taro＠日本.jp",
        "-----BEGIN \u200bEC PRIVATE KEY-----\nMIIB AA BB\n-----END EC PRIVATE KEY-----\n",
        "jane at example ｄｏｔ com",
        "jane \0at example dot com",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_what_is_glued_or_disguised_is_whole_in_a_stream(text: str, size: int) -> None:
    for detector in (DETECTOR, NAMED):
        assert run(chunked(text, size), detector) == (text, list(detector.find(text)))


@pytest.mark.parametrize(
    "text", ["-----BEGIN RSA PRIVATE KEY-----", "%2d----BEGIN EC PRIVATE KEY-----", "&#45;----BEGIN PRIVATE KEY-----"]
)
def test_a_header_is_seen_however_its_dashes_are_written(text: str) -> None:
    assert segments._has_header(f"é {text}")


@pytest.mark.parametrize("text", ["a – b -- c", "é — 3-4", "- é -"])
def test_dashes_in_prose_are_no_header(text: str) -> None:
    assert not segments._may_begin(text)


def test_a_plain_cut_is_a_cut() -> None:
    samples = " ".join(text.replace("«", "").replace("»", "") for rule in RULES for text in (*rule.hits, *rule.misses))
    gaps = [match.start() for match in re.finditer(" ", samples)]
    plain = [gap for gap in gaps if segments._is_plain_cut(samples, gap)]
    assert plain
    assert all(is_cut(samples, gap + 1) for gap in plain)
