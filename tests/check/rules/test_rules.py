"""The rule tables: each rule hits its own unsafe file and leaves its own safe one alone, and says what it says in the project's form."""

from collections import Counter

import pytest

from privet.check.facts import Space
from privet.check.rule import Absence, Rule
from privet.check.rules import BY_ID, COMMON_NAMES, RULES
from privet.check.scan import compare, scan_texts, tree_of

COMPARED = frozenset(("never", "raised", "lowered", "longer", "better", "added", "switched"))
"""Tests that say something only of two sides."""


def is_compared(rule: Rule) -> bool:
    """Tell whether a rule's hit is the file after a change, and its miss the file before it."""
    return rule.values.test in COMPARED or (rule.names[0].startswith("code:") and rule.absence is Absence.WEAKER)


SCANNED_RULES = [rule for rule in RULES if not is_compared(rule)]
COMPARED_RULES = [rule for rule in RULES if is_compared(rule)]


@pytest.mark.parametrize("rule", SCANNED_RULES, ids=lambda rule: rule.id)
def test_a_rule_hits_its_unsafe_file_and_leaves_its_safe_one_alone(rule: Rule) -> None:
    assert rule.id in {weakness.rule.id for weakness in scan_texts({rule.hit.path: rule.hit.text})}
    assert rule.id not in {weakness.rule.id for weakness in scan_texts({rule.miss.path: rule.miss.text})}


@pytest.mark.parametrize("rule", COMPARED_RULES, ids=lambda rule: rule.id)
def test_a_rule_of_two_sides_sees_the_weaker_one_only(rule: Rule) -> None:
    before, after = (tree_of({example.path: example.text}) for example in (rule.miss, rule.hit))
    assert rule.id in {weakness.rule.id for weakness in compare(before, after).weaknesses}
    assert rule.id not in {weakness.rule.id for weakness in compare(after, before).weaknesses}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_written_in_the_projects_form(rule: Rule) -> None:
    assert rule.id == rule.id.lower()
    assert set(rule.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    for sentence in (rule.why, rule.remedy):
        assert sentence
        assert not sentence.endswith(".")
        assert "\n" not in sentence
        assert sentence == sentence.strip()
    assert len(rule.why) <= 130
    assert rule.source.startswith(("python package ", "node package ", "source ", "documentation ", "program "))
    assert rule.component
    assert rule.names
    assert len(set(rule.names)) == len(rule.names)
    assert rule.safe.startswith("--") or not rule.safe or not rule.values.unsafe((rule.safe,))
    assert not rule.one_spelling or (rule.safe and " " not in rule.safe)


def test_ids_are_unique() -> None:
    assert [rule_id for rule_id, count in Counter(rule.id for rule in RULES).items() if count > 1] == []
    assert len(BY_ID) == len(RULES) > 500


def test_names_have_the_form_of_their_space() -> None:
    for rule in RULES:
        for name in rule.names:
            bare = name.removeprefix("env:")
            if rule.space is Space.ENV or name.startswith("env:"):
                assert " " not in bare
                assert not bare.startswith(("-", "*."))
            elif rule.space is Space.ARGUMENT:
                assert name.endswith(")")
                assert "(" in name


def test_a_common_name_belongs_to_a_rule() -> None:
    known = {name.removeprefix("env:") for rule in RULES for name in rule.names}
    assert sorted(COMMON_NAMES - known) == []
