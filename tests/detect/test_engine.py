"""The engine: offsets, context, overlaps, policy, time, and that code and logs are left alone."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.detect import detect, detect_all
from privet.detect.engine import Detector, PatternTier, detector, resolve, settled
from privet.detect.patterns import _left
from privet.detect.rule import CONTEXT_CHARS, Candidate
from privet.detect.rules import RULES
from privet.errors import BadInput
from privet.policy import DEFAULT
from privet.records import Span

DETECTOR = Detector(tier="patterns")
MAIL = "jane@example.com"


@pytest.mark.parametrize(
    "before",
    ["", "Grüße an ", "😀 ", "e\u0301 ", "\u202eabc ", "\ud800 ", "\x00 ", "メール ", "\U0001f468\u200d\U0001f469 "],
)
def test_offsets_count_code_points(before: str) -> None:
    text = before + MAIL + " ü"
    assert [(span.start, span.end) for span in DETECTOR.find(text)] == [(len(before), len(before) + len(MAIL))]


def test_several_spans_in_text_beyond_ascii() -> None:
    text = f"Größe: {MAIL}, çà et là «+33 1 99 00 12 34» — fin 192.0.2.1"
    assert [text[span.start : span.end] for span in DETECTOR.find(text)] == [MAIL, "+33 1 99 00 12 34", "192.0.2.1"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_sorted_spans_inside_it(text: str) -> None:
    last = 0
    for span in DETECTOR.find(text):
        assert last <= span.start < span.end <= len(text)
        assert 0 < span.score <= 1
        last = span.end


def test_start_makes_the_text_before_it_context_only() -> None:
    text = f"{MAIL} passport number 123456789"
    assert [span.kind for span in DETECTOR.find(text)] == ["EMAIL_ADDRESS", "PASSPORT"]
    assert DETECTOR.find(text, 33) == DETECTOR.find(text)[1:]
    far = "passport " + "x " * CONTEXT_CHARS + "123456789"
    assert DETECTOR.find(far) == ()


def test_spans_keep_their_offsets_behind_a_long_left_side() -> None:
    text = "é " * 500 + MAIL
    assert DETECTOR.find(text, 1000) == (Span(1000, 1016, "EMAIL_ADDRESS", 0.95, "email-address"),)


def test_an_identifier_behind_a_rejected_number_is_found() -> None:
    text = "9 99 4111 1111 1111 1112 then 12345678901 192.0.2.9"
    assert [text[span.start : span.end] for span in DETECTOR.find(text)] == ["192.0.2.9"]


@pytest.mark.parametrize(
    ("spans", "kept"),
    [
        ([Span(0, 5, "URL", 0.4, "a"), Span(2, 4, "URL", 0.9, "b")], ["b"]),
        ([Span(0, 5, "URL", 0.9, "a"), Span(2, 9, "URL", 0.9, "b")], ["b"]),
        ([Span(0, 5, "URL", 0.9, "a"), Span(5, 9, "URL", 0.4, "b")], ["a", "b"]),
        ([Span(6, 9, "URL", 0.4, "b"), Span(0, 5, "URL", 0.9, "a")], ["a", "b"]),
        ([Span(0, 3, "URL", 0.5, "a"), Span(2, 6, "URL", 0.8, "b"), Span(5, 9, "URL", 0.6, "c")], ["b"]),
        ([Span(0, 3, "URL", 0.5, "b"), Span(0, 3, "URL", 0.5, "a")], ["a"]),
    ],
)
def test_overlaps_go_to_the_higher_score_then_the_longer(spans: list[Span], kept: list[str]) -> None:
    assert [span.rule for span in resolve(spans)] == kept


def test_policy_chooses_kinds_and_score() -> None:
    text = f"{MAIL} https://example.com/docs"
    only_mail = replace(DEFAULT, detect=replace(DEFAULT.detect, kinds=frozenset({"EMAIL_ADDRESS"})))
    certain = replace(DEFAULT, detect=replace(DEFAULT.detect, min_score=0.5))
    nothing = replace(DEFAULT, detect=replace(DEFAULT.detect, kinds=frozenset()))
    assert [span.kind for span in detect(text, tier="patterns")] == ["EMAIL_ADDRESS", "URL"]
    assert [span.kind for span in detect(text, policy=only_mail)] == ["EMAIL_ADDRESS"]
    assert [span.kind for span in detect(text, policy=certain, tier="patterns")] == ["EMAIL_ADDRESS"]
    assert detect(text, policy=nothing) == ()


def test_detect_all_is_detect_of_each() -> None:
    texts = [MAIL, "", "nothing", "192.0.2.1"]
    assert list(detect_all(iter(texts))) == [detect(text) for text in texts]


SAMPLES = sorted({text.replace("«", "").replace("»", "") for rule in RULES for text in (*rule.hits, *rule.misses)})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(SAMPLES) | st.text(alphabet="a1 @.-+\n\0é\u200b\ud800%40", max_size=6), max_size=3),
        max_size=12,
    )
)
def test_many_texts_at_once_are_found_as_each_alone(drawn: list[list[str]]) -> None:
    # What ends one text and begins the next makes no word, no number and no context together.
    texts = ["".join(parts) for parts in drawn]
    alone = [DETECTOR.find(text) for text in texts]
    assert list(DETECTOR.find_all(texts)) == alone
    first = DETECTOR.first_places(texts)
    assert all(at in first for at, spans in enumerate(alone) if spans)
    assert [
        tuple(settled(text, DETECTOR.candidates(text, first=first[at]))) for at, text in enumerate(texts) if at in first
    ] == [alone[at] for at in first]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["a", "B", "card ", "É", "電話", "\u212a", "x" * 40, "\ud800", "İ"]), max_size=12))
def test_what_stands_left_of_a_hit_reads_the_same_in_bytes(parts: list[str]) -> None:
    data = "".join(parts).encode("utf-8", "surrogatepass")
    assert _left(data, len(data), Candidate) == Candidate(data, len(data), len(data)).left.encode("utf-8", "replace")


def test_a_policy_builds_its_rules_once() -> None:
    assert detector(DEFAULT.detect) is detector(replace(DEFAULT.detect))


def test_without_re2_the_fallback_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    tier = PatternTier(DEFAULT.detect)
    text = f"{MAIL}, password: hunter2, 4111 1111 1111 1111"
    assert resolve(tier.candidates(text, 0)) == list(DETECTOR.find(text))


@pytest.mark.parametrize(
    "unit",
    [
        "@",
        "1",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "a.",
        "a@",
        "1.",
        "://",
        "http://a",
        "eyJaaaaaaaaaa-",
        "password=",
        "(123) 45",
        "+1",
        "2001:",
        "\ud800",
        "é",
        "AB12 ",
        "://a:b@c'",
        "token=aaaaaaaaaaaa",
    ],
)
def test_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        before = time.process_time()
        DETECTOR.find(text)
        return time.process_time() - before

    # Eight times the text may take sixteen times the time, not sixty-four; very short times say nothing.
    assert seconds(160_000) < 16 * max(seconds(20_000), 0.01)


def logs(draw: Random) -> str:
    """Return a log without anybody in it."""
    lines = []
    for _ in range(400):
        day = f"2024-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}"
        stamp = f"{day}T{draw.randint(10, 23)}:{draw.randint(10, 59)}:07.{draw.randint(100, 999)}Z"
        version = ".".join(str(draw.randint(0, 30)) for _ in range(4))
        lines += [
            f"{stamp} INFO worker[{draw.randint(100, 99999)}] request {draw.randbytes(16).hex()} took {draw.random() * 1000:.3f} ms",
            f"{stamp} DEBUG gc: freed {draw.randint(10**6, 10**10)} bytes in {draw.randint(1, 400)} us, heap=0x{draw.getrandbits(48):012x}",
            f"[{draw.randint(10**9, 2 * 10**9)}] kernel: v{version} irq {draw.randint(1, 200)}",
            f"{stamp} order {draw.randint(10**9, 10**10)} build 1.{draw.randint(0, 999)} commit {draw.randbytes(20).hex()}",
        ]
    return "\n".join(lines)


def tables(draw: Random) -> str:
    """Return numbers in rows."""
    rows = []
    for _ in range(1500):
        gap = draw.choice((" ", ",", "\t", ";", ", ", "  "))
        form = draw.choice(("{:.4f}", "{:.0f}", "{:,.2f}", "{:.6e}", "{:010.0f}"))
        rows.append(gap.join(form.format(draw.random() * 10 ** draw.randint(0, 11)) for _ in range(draw.randint(3, 9))))
    return "\n".join(rows)


def source_code(_: Random) -> str:
    """Return modules of the standard library."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    return "\n".join(
        (folder / name).read_text("utf-8")
        for name in ("argparse.py", "dataclasses.py", "heapq.py", "ast.py", "tarfile.py", "typing.py")
    )


@pytest.mark.parametrize("make", [logs, tables, source_code])
def test_text_without_people_stays_as_it_is(make: object) -> None:
    assert callable(make)
    text = make(Random(11))
    false = [span for span in DETECTOR.find(text) if span.kind not in {"URL", "EMAIL_ADDRESS"}]
    assert len(false) <= 2 * len(text) / 100_000, [(span.rule, text[span.start : span.end]) for span in false]


def test_import_is_light() -> None:
    code = "import sys, privet.detect; print(sorted({'re2', 'phonenumbers', 'stdnum', 'privet.detect.rules'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_a_rule_overlaps_stays_covered() -> None:
    rule, name = Span(7, 13, "API_KEY", 0.9, "own"), Span(0, 13, "PERSON", 0.85, "names-person")
    assert settled("Angela Merkel", [name, rule]) == [name._replace(end=6), rule]
    weak = rule._replace(score=0.5)
    assert settled("Angela Merkel", [weak, name]) == [name]


@pytest.mark.parametrize("char", ["あ", "\u200b", "é", "😀"])
@pytest.mark.parametrize("size", [1, 30, 61, 62, 63, 64, 250, 700])
@pytest.mark.parametrize("begun", ["jane.doe@example.com.", "https://example.com/u?mail=", "password: ", "curl -u a:"])
def test_a_bound_never_cuts_a_character(begun: str, char: str, size: int) -> None:
    text = f"write to {begun}{char * size} now"
    for span in detect(text, tier="patterns"):
        assert 0 <= span.start < span.end <= len(text)


@pytest.mark.parametrize("wrong", ["Angela Merkel", b"Angela Merkel"])
def test_one_text_is_not_taken_for_many(wrong: Any) -> None:
    # Letter by letter nothing would be found.
    with pytest.raises(BadInput):
        list(detect_all(wrong))


@pytest.mark.parametrize("wrong", [None, b"bytes", 5])
def test_what_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInput):
        detect(wrong)
    with pytest.raises(BadInput):
        list(detect_all(["fine", wrong]))
