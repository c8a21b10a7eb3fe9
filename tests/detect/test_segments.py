"""A text in pieces: what is let go, when, and that its spans are those of the whole text."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.detect.engine import Detector
from privet.detect.rules import RULES
from privet.detect.segments import SpanStream, is_cut
from privet.records import Span

DETECTOR = Detector()
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


def run(chunks: Iterable[str]) -> tuple[str, list[Span]]:
    stream = SpanStream(DETECTOR)
    text, spans = "", []
    segments = itertools.chain.from_iterable(stream.feed(chunk) for chunk in chunks)
    for piece, found in itertools.chain(segments, stream_end(stream)):
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
@example("-----BEGIN RSA PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASC\nAA BB\n-----END RSA PRIVATE KEY----- x", 2)
@example('if "-----BEGIN PRIVATE KEY-----" in text: x', 1)
@example("-----BEGIN PRIVATE KEY-----\nMI IB", 1)
def test_spans_of_a_stream_are_those_of_the_whole_text(text: str, size: int) -> None:
    expected = (text, list(DETECTOR.find(text)))
    assert run(chunked(text, size)) == expected
    assert run([text]) == expected


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
    ],
)
def test_an_identifier_in_the_making_is_held(held: str) -> None:
    assert not is_cut("so " + held, len(held) + 3)


@pytest.mark.parametrize("free", ["hello ", "Hello, ", "end. ", "I ", "a ", "room 5\n", "密 "])
def test_ordinary_words_are_not_held(free: str) -> None:
    assert is_cut("so " + free, len(free) + 3)


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
    generator = random.Random(7)  # noqa: S311  (repeatable text, no secret)
    return "https://example.com/u/" + "".join(generator.choices("abcdefgh0123456789/", k=size)) + "z"


KEY_BODY = "\n".join(
    "".join(random.Random(seed).choices("ABCDEFGHIJabcdefghij0123456789+/", k=64))  # noqa: S311  (repeatable text, no secret)
    for seed in range(200)
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
