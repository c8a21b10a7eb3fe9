"""The rule table: every example hits, every look-alike misses, and the properties that streams and speed rest on."""

from __future__ import annotations

import re
from re import _parser  # type: ignore[attr-defined]

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privet.detect.engine import Detector, PatternTier
from privet.detect.matchers import re2_matchers, re_matchers
from privet.detect.rule import MAX_PATTERN_BYTES, Rule
from privet.detect.rules import RULES
from privet.detect.segments import _PLACE, is_cut
from privet.policy import DEFAULT
from privet.records import KINDS, NAMES_KINDS

TIER = PatternTier(DEFAULT.detect)
FALLBACK = PatternTier(DEFAULT.detect, engine="re")
HITS = [pytest.param(rule, hit, id=f"{rule.id}-{number}") for rule in RULES for number, hit in enumerate(rule.hits)]
MISSES = [
    pytest.param(rule, miss, id=f"{rule.id}-{number}") for rule in RULES for number, miss in enumerate(rule.misses)
]
BY_RULE = [pytest.param(rule, id=rule.id) for rule in RULES]


def marked(hit: str) -> tuple[str, int, int]:
    before, value, after = re.split("[«»]", hit)
    return before + value + after, len(before), len(before) + len(value)


@pytest.mark.parametrize(("rule", "hit"), HITS)
def test_rule_finds_exactly_the_marked_part(rule: Rule, hit: str) -> None:
    text, start, end = marked(hit)
    found = [span for span in TIER.candidates(text, 0) if span.rule == rule.id]
    assert (start, end, rule.kind) in [(span.start, span.end, span.kind) for span in found]


@pytest.mark.parametrize("hit", [hit for rule in RULES for hit in rule.hits])
def test_marked_part_is_covered_once_overlaps_are_resolved(hit: str) -> None:
    text, start, end = marked(hit)
    covered = {place for span in Detector(tier="patterns").find(text) for place in range(span.start, span.end)}
    assert covered.issuperset(range(start, end))


@pytest.mark.parametrize(("rule", "miss"), MISSES)
def test_rule_leaves_look_alikes(rule: Rule, miss: str) -> None:
    assert [span for span in TIER.candidates(miss, 0) if span.rule == rule.id] == []


def test_fallback_finds_the_same() -> None:
    texts = [marked(hit)[0] for rule in RULES for hit in rule.hits] + [miss for rule in RULES for miss in rule.misses]
    assert [FALLBACK.candidates(text, 0) for text in texts] == [TIER.candidates(text, 0) for text in texts]


def test_every_kind_but_names_has_a_rule() -> None:
    assert {rule.kind for rule in RULES} == set(KINDS) - NAMES_KINDS | {"LOCATION"}


def test_ids_are_unique_and_kebab_case() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+|[a-z]+", rule_id) for rule_id in ids)


@pytest.mark.parametrize("rule", BY_RULE)
def test_rule_is_complete(rule: Rule) -> None:
    assert rule.hits
    assert rule.source
    assert 0 < rule.score <= 1
    assert rule.context or not rule.needs_context
    assert all(word == word.lower() for word in rule.context)


@pytest.mark.parametrize("rule", BY_RULE)
def test_patterns_are_bounded(rule: Rule) -> None:
    for pattern in filter(None, (rule.pattern, rule.head)):
        assert _parser.parse(pattern.encode()).getwidth()[1] <= MAX_PATTERN_BYTES


@pytest.mark.parametrize("rule", BY_RULE)
def test_heads_are_short(rule: Rule) -> None:
    # A search looks ahead by a head at most, so that many candidates in a row stay linear.
    if rule.head:
        assert _parser.parse(rule.head.encode()).getwidth()[1] <= 80


@pytest.mark.parametrize("rule", BY_RULE)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_generated_matches_have_a_head_and_no_cut_inside(rule: Rule, data: st.DataObject) -> None:
    pattern = re.compile(rule.pattern.encode())
    raw = data.draw(st.from_regex(pattern, fullmatch=True))
    text = raw.decode("utf-8", "ignore")
    if not pattern.fullmatch(text.encode()):
        return
    if rule.head:
        assert re.compile(rule.head.encode()).match(text.encode())
    for found in _PLACE.finditer(text):
        if found.end() < len(text):
            assert not is_cut("so " + text, found.end() + 3), "a stream could be cut inside this match"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab1 2.-/:@'\"=+()é電\x00\n", max_size=60))
def test_matchers_agree_on_any_text(text: str) -> None:
    data = text.encode()
    fast, slow = MATCHERS
    position = 0
    while position >= 0:
        position = fast.search(data, position)
        assert position == slow.search(data, max(position, 0)) or position < 0
        if position >= 0:
            assert list(fast.which(data, position)) == list(slow.which(data, position))
            position += 1
    left = text.encode()
    assert set(fast.near(left)) == set(slow.near(left))


MATCHERS = (re2_matchers(RULES), re_matchers(RULES))
