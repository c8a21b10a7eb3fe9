"""Building blocks of the allow-list."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.detect import Detector
from privet.policy import DEFAULT
from privet.serve import fields
from privet.serve.masking import Masker, SpanCache
from privet.serve.refusals import Refusal

CONTEXT = fields.Context(DEFAULT, Masker(SpanCache(Detector(tier="patterns")), "tokenize", b""))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda node: st.one_of(st.lists(node, max_size=3), st.dictionaries(st.text(max_size=5), node, max_size=3)),
    max_leaves=6,
)


def outcome(check: fields.Check, value: object) -> Any:
    """Return what a check lets through, or the rule and field of its refusal."""
    try:
        return check(value, CONTEXT, "a.b")
    except Refusal as refusal:
        return (refusal.rule, refusal.param)


@given(JSON)
def test_a_number_lies_in_its_range(value: object) -> None:
    found = outcome(fields.number(-2, 2), value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value) and -2 <= value <= 2:
        assert found == value
    else:
        assert found == ("invalid-value", "a.b")


@given(JSON)
def test_an_integer_is_whole_and_lies_in_its_range(value: object) -> None:
    found = outcome(fields.integer(-3, 3), value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value in range(-3, 4):
        assert found == value
        assert type(found) is int
    else:
        assert found == ("invalid-value", "a.b")


@given(JSON)
def test_no_value_breaks_a_check(value: object) -> None:
    table = {"type": fields.one_of("x"), "a": fields.text, "b": fields.boolean}
    checks = (
        fields.boolean, fields.text, fields.json_text, fields.json_schema, fields.arguments, fields.description,
        fields.opaque_id, fields.function_name, fields.person_name,
        fields.choices, fields.strip, fields.refuse("stored-state"), fields.one_of("x", "y"), fields.nested(table, "a"),
        fields.each(fields.text, most=2), fields.by_type({"x": fields.nested(table)}, {"y": "hosted-tool"}, "invalid-value"),
    )  # fmt: skip
    for check in checks:
        outcome(check, value)


@pytest.mark.parametrize("value", [False, None, 0, 0.0, "", [], {}])
def test_what_says_off_is_dropped(value: object) -> None:
    assert outcome(fields.refuse("stored-state"), value) is fields.DROP


@pytest.mark.parametrize("value", [True, 1, "x", [0], {"a": None}, -1])
def test_what_says_on_is_refused(value: object) -> None:
    assert outcome(fields.refuse("stored-state"), value) == ("stored-state", "a.b")


def test_dropped_items_leave_a_list() -> None:
    assert outcome(fields.each(fields.refuse("stored-state"), most=3), [0, False]) == []
    assert outcome(fields.each(fields.refuse("stored-state"), most=3), [0, 1]) == ("stored-state", "a.b[1]")
    assert outcome(fields.each(fields.text, most=1), ["a", "b"]) == ("invalid-value", "a.b")
    assert outcome(fields.each(fields.text, most=1, fewest=1), []) == ("invalid-value", "a.b")


def test_the_path_grows_with_the_depth() -> None:
    check = fields.nested({"list": fields.each(fields.nested({"name": fields.text}, "name"), most=3)})
    assert outcome(check, {"list": [{"name": "x"}, {"name": 3}]}) == ("invalid-value", "a.b.list[1].name")
    assert outcome(check, {"list": [{}]}) == ("missing-field", "a.b.list[0].name")
    assert outcome(check, {"list": [{"other": 1}]}) == ("unknown-field", "a.b.list[0].other")
    assert outcome(check, {"list": ["x"]}) == ("invalid-value", "a.b.list[0]")


@pytest.mark.parametrize("name", ["a b", "", "x" * 129, "é", "a\n", "a\x00", "{}", "a/b", "a:b"])
def test_a_functions_name_is_plain(name: str) -> None:
    assert outcome(fields.function_name, name) == ("invalid-value", "a.b")


@pytest.mark.parametrize("name", ["a", "a.b-c_D9", "x" * 128])
def test_a_plain_name_passes(name: str) -> None:
    assert outcome(fields.function_name, name) == name
