"""Own rules: found like the built-in ones, in whole texts and in streams; a rule that fails its own examples stops everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privet.detect import Detector
from privet.detect.custom import CHECKSUMS, OwnTier, unmarked
from privet.detect.rules import RULES
from privet.detect.segments import SpanStream
from privet.errors import PolicyInvalid
from privet.policy import DEFAULT, DetectPolicy, OwnRule

CANARY = "zebra"
STAFF = OwnRule(
    "staff-number", "STAFF_NUMBER", pattern=r"\bEMP-(\d{4,6})\b", hits=("badge EMP-«12345»",), misses=("EMP-1",)
)
CODE = OwnRule(
    "code-name", "CODE_NAME", words=("Project Nightjar", "Nightjar", "Zürich Eins", "日本計画", "new york", "new")
)
ROOM = OwnRule(
    "room",
    "ROOM",
    pattern=r"\d{2}\.\d{3}",
    hits=("room «12.345»",),
    misses=("price 12.345",),
    context=("room", "raum"),
    needs_context=True,
    context_score=0.7,
    score=0.2,
)
VISIT = OwnRule("visit", "VISIT", pattern=r"visit [a-z]{2} \d{2}", hits=("«visit ab 12»",))


def policy(*rules: OwnRule) -> DetectPolicy:
    return replace(DEFAULT.detect, rules=frozenset(rules))


def found(text: str, *rules: OwnRule, engine: str = "") -> list[str]:
    spans = OwnTier(policy(*rules), engine=engine).candidates(text, 0, len(text))
    return [text[span.start : span.end] for span in sorted(spans)]


@pytest.mark.parametrize("engine", ["re2", "re"])
@pytest.mark.parametrize(
    ("text", "rule", "expected"),
    [
        ("EMP-12345, EMP-1234567, TEMP-12345", STAFF, ["12345"]),
        ("the project\n nightjar and NIGHTJAR_prod; nightjars, xnightjar", CODE, ["project\n nightjar", "NIGHTJAR"]),
        ("nightjar", CODE, ["nightjar"]),
        ("in zürich EINS, zürich einsam", CODE, ["zürich EINS"]),
        ("这是日本計画的", CODE, ["日本計画"]),
        ("new yorkers, new york", CODE, ["new", "new york"]),
        ("newé énew", CODE, []),
        ("Raum 12.345, EUR 12.345", ROOM, ["12.345", "12.345"]),
        ("EUR 12.345", ROOM, []),
        ("é EMP-1234", STAFF, ["1234"]),
    ],
)
def test_own_rules_find_what_they_name(engine: str, text: str, rule: OwnRule, expected: list[str]) -> None:
    assert found(text, rule, engine=engine) == expected


def test_case_counts_where_it_is_asked_for() -> None:
    rule = OwnRule("unit", "UNIT", words=("IT",), case=True, hits=("the «IT» unit",), misses=("let it be",))
    assert found("it and IT", rule) == ["IT"]


@pytest.mark.parametrize(
    ("checksum", "valid", "invalid"),
    [
        ("luhn", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("verhoeff", "12340", "12341"),
        ("damm", "5724", "5725"),
        ("mod97", "99991234567890121477", "99991234567890121478"),
        ("iso7064-11-10", "00200667306", "00200667307"),
        ("iso7064-11-2", "079X", "0794"),
        ("iso7064-37-2", "G123489654321Y", "G123489654321Z"),
        ("iso7064-37-36", "A12425GABC1234002M", "A12425GABC1234002N"),
        ("stdnum:de.idnr", "36 574 261 809", "36 574 261 808"),
        ("stdnum:luhn", "79927398713", "79927398714"),
    ],
)
def test_a_checksum_tells_numbers_from_look_alikes(checksum: str, valid: str, invalid: str) -> None:
    rule = OwnRule("number", "NUMBER", pattern=r"#([A-Z0-9 ]{4,30})", checksum=checksum, hits=(f"#«{valid}»",))
    assert found("#" + valid, rule) == [valid]
    assert found("#" + invalid, rule) == []


def test_every_named_checksum_exists() -> None:
    for name in CHECKSUMS:
        with pytest.raises(PolicyInvalid, match="hit 1"):
            OwnTier(policy(OwnRule("a", "AB", pattern="[a-z]{2}", checksum=name, hits=("«ab»",))))


def test_rules_that_overlap_confirm_each_other() -> None:
    wide = OwnRule("wide", "WIDE", pattern=r"EMP-\d{4,6}", hits=("«EMP-12345»",))
    assert found("EMP-12345", STAFF, wide)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": "email-address"}, "belongs to a built-in rule"),
        ({"id": "names-person"}, "belongs to a built-in rule"),
        ({"words": (CANARY,)}, "either a pattern or words"),
        ({"pattern": ""}, "either a pattern or words"),
        ({"hits": ()}, "needs an example"),
        ({"hits": (f"EMP-«12345» {CANARY}", f"EMP-«1234»5 {CANARY}")}, "hit 2 is not found, or not exactly"),
        ({"hits": (f"EMP-12345 {CANARY}",)}, "hit 1 has no part between"),
        ({"hits": (f"«EMP {CANARY}",)}, "hit 1 has no part between"),
        ({"misses": ("EMP-1", f"{CANARY} EMP-12345")}, "miss 2 is found"),
        ({"pattern": f"{CANARY}+"}, "no end"),
        ({"pattern": f"^{CANARY}"}, "stream"),
        ({"pattern": f"({CANARY}"}, "no regular expression"),
        ({"pattern": f"({CANARY})({CANARY})"}, "more than one group"),
        ({"pattern": f"{CANARY}.{{0,200}}"}, "more than 640 bytes"),
        ({"pattern": "(?:a{0,40}){0,40}b"}, "more than 640 bytes"),
        ({"pattern": "a?b?"}, "less than two characters"),
        ({"pattern": "a?b"}, "less than two characters"),
        ({"checksum": CANARY}, "no such checksum"),
        ({"checksum": "stdnum:os"}, "no such checksum"),
        ({"checksum": "stdnum:../os"}, "no such checksum"),
        ({"needs_context": True}, "without context words"),
        ({"score": 0.0}, "score"),
        ({"context_score": 1.5}, "score"),
        ({"score": 0.1}, "hit 1 is not found"),
        ({"pattern": "", "words": ("ab", " "), "hits": ()}, "empty or too many"),
        ({"context": ("",)}, "empty or too many"),
    ],
)
def test_a_broken_rule_makes_no_detector(change: dict[str, Any], says: str) -> None:
    broken = replace(STAFF, where="privet.toml:7", **change)
    with pytest.raises(PolicyInvalid, match=says) as caught:
        Detector(policy(broken), "patterns")
    assert caught.value.message.startswith(f"privet.toml:7: rule {broken.id}: ")
    assert caught.value.hint
    assert CANARY not in str(caught.value) + repr(broken)


def test_linear_time_on_a_pattern_that_backtracks() -> None:
    # A backtracking matcher takes 2^30 steps for this one.
    rule = OwnRule("trap", "TRAP", pattern="(?:(?:a|a){30}b|aa)", hits=("«aa»",))
    assert found("a" * 400, rule)


def test_own_rules_count_in_every_tier_and_whatever_kinds_are_chosen() -> None:
    chosen = replace(policy(STAFF), kinds=frozenset({"URL"}))
    for tier in ("patterns", "names"):
        assert [span.rule for span in Detector(chosen, tier).find("badge EMP-12345 lost")] == ["staff-number"]  # type: ignore[arg-type]


def test_batches_find_the_same() -> None:
    detector = Detector(policy(STAFF, CODE))
    texts = ["EMP-12345", "Project Nightjar", "Angela Merkel EMP-1234", ""]
    assert list(detector.find_all(texts)) == [detector.find(text) for text in texts]


WORDS = (
    "Project",
    "project",
    "Nightjar",
    "nightjar",
    "visit",
    "ab",
    "12",
    "EMP-12345",
    "日本",
    "計画",
    "plain",
    "room",
    "12.345",
)
PHRASES = ("project nightjar ", "Project  Nightjar x", "visit ab 12", "new york and", "Zürich\nEins ", "日本計画 ")
TEXTS = st.lists(st.sampled_from([*WORDS, *PHRASES, " ", " ", "\n", "  ", ", ", "x" * 30]), max_size=80).map("".join)


@pytest.mark.parametrize("tier", ["patterns", "names"])
@given(text=TEXTS, sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8))
@example(
    "EMP-12345計画12project nightjar 12.345project nightjar ", [40]
)  # a name that its hyphen joins to the next words
def test_streams_find_what_whole_texts_have(tier: Any, text: str, sizes: list[int]) -> None:
    detector = DETECTORS[tier]
    stream = SpanStream(detector)
    segments, place, turn = [], 0, 0
    while place < len(text):
        size = sizes[turn % len(sizes)]
        segments += stream.feed(text[place : place + size])
        place, turn = place + size, turn + 1
    segments += stream.close()
    assert "".join(piece for piece, _ in segments) == text
    spans, start = [], 0
    for piece, inside in segments:
        spans += [span._replace(start=span.start + start, end=span.end + start) for span in inside]
        start += len(piece)
    assert tuple(spans) == detector.find(text)


def test_a_stream_lets_go_while_own_rules_look_ahead() -> None:
    stream = SpanStream(DETECTORS["patterns"])
    released = "".join(piece for _ in range(200) for piece, _ in stream.feed("some plain words here "))
    assert len(released) > 200 * 22 - 700


def test_marks_are_taken_out() -> None:
    assert unmarked("a «b» c «d»") == ("a b c d", [(2, 3), (6, 7)])
    assert unmarked("plain") == ("plain", [])


def test_no_own_rule_can_be_named_like_a_built_in_one() -> None:
    for rule in RULES:
        with pytest.raises(PolicyInvalid, match="built-in"):
            OwnTier(policy(replace(STAFF, id=rule.id)))


DETECTORS = {
    "patterns": Detector(policy(STAFF, CODE, ROOM, VISIT), "patterns"),
    "names": Detector(policy(STAFF, CODE, ROOM, VISIT), "names"),
}
