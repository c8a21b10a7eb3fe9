"""The lattice of policies, over random policies of every setting."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.policy import DEFAULT, SETTINGS, Policy, Setting, meet, value_of, weakened, with_value

SAFE = {"false": False, "true": True}
IDS = tuple(SETTINGS)


def values(setting_id: str, known: Setting) -> st.SearchStrategy[Any]:
    """Return values of the setting's type, the default among them."""
    default = value_of(DEFAULT, setting_id)
    if known.ranks:
        return st.sampled_from(known.ranks)
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, frozenset):
        return st.frozensets(st.sampled_from([*sorted(default), "a.example.com", "b.example.com"]), max_size=40)
    near = st.sampled_from([default, default + 1, 0])
    if isinstance(default, int):
        return near | st.integers(0, 2**40)
    return near | st.floats(0, 1e9)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    policy = DEFAULT
    for setting_id in draw(st.sets(st.sampled_from(IDS))):
        policy = with_value(policy, setting_id, draw(values(setting_id, SETTINGS[setting_id])))
    return policy


@given(policies(), policies())
def test_meet_is_commutative(left: Policy, right: Policy) -> None:
    assert meet(left, right) == meet(right, left)


@given(policies(), policies(), policies())
def test_meet_is_associative(left: Policy, middle: Policy, right: Policy) -> None:
    assert meet(meet(left, middle), right) == meet(left, meet(middle, right))


@given(policies())
def test_meet_is_idempotent(policy: Policy) -> None:
    assert meet(policy, policy) == policy


@given(policies(), policies())
def test_meet_is_never_weaker_than_either(left: Policy, right: Policy) -> None:
    both = meet(left, right)
    assert weakened(left, both) == ()
    assert weakened(right, both) == ()


@given(policies(), policies())
def test_a_change_weakens_exactly_when_meet_undoes_it(old: Policy, new: Policy) -> None:
    assert (weakened(old, new) == ()) == (meet(new, old) == new)


@given(policies(), st.data())
def test_weakened_names_exactly_the_setting_that_was_loosened(policy: Policy, data: st.DataObject) -> None:
    setting_id = data.draw(st.sampled_from(IDS))
    old, new = data.draw(values(setting_id, SETTINGS[setting_id])), data.draw(values(setting_id, SETTINGS[setting_id]))
    before, after = with_value(policy, setting_id, old), with_value(policy, setting_id, new)
    assert weakened(before, after) == (() if SETTINGS[setting_id].meet(old, new) == new else (setting_id,))


# One weaker and one stricter value for each direction, written by hand: `meet` is not judged by itself alone.
@pytest.mark.parametrize(
    ("setting_id", "strict", "weak"),
    [
        ("serve.prompt_identifiers", "refuse", "redact"),
        ("serve.prompt_identifiers", "redact", "tokenize"),
        ("serve.prompt_identifiers", "tokenize", "pass"),
        ("serve.answer_identifiers", "redact", "pass"),
        ("serve.persist_queries", False, True),
        ("serve.require_tls", True, False),
        ("serve.max_body_bytes", 1, 2),
        ("serve.idle_timeout_seconds", 1.0, 1.5),
        ("logs.round_seconds", 61, 60),
        ("serve.hosts", frozenset(), frozenset({"a.example.com"})),
        ("logs.fields", frozenset({"time"}), frozenset({"time", "route"})),
        ("detect.kinds", frozenset({"PERSON", "URL"}), frozenset({"PERSON"})),
    ],
)
def test_the_stricter_value_wins(setting_id: str, strict: Any, weak: Any) -> None:
    strict_policy, weak_policy = with_value(DEFAULT, setting_id, strict), with_value(DEFAULT, setting_id, weak)
    assert value_of(meet(strict_policy, weak_policy), setting_id) == strict
    assert value_of(meet(weak_policy, strict_policy), setting_id) == strict
    assert weakened(strict_policy, weak_policy) == (setting_id,)
    assert weakened(weak_policy, strict_policy) == ()


@pytest.mark.parametrize("setting_id", IDS)
def test_every_setting_says_what_it_does_and_why(setting_id: str) -> None:
    known = SETTINGS[setting_id]
    assert len(known.says) > 10
    assert len(known.reason) > 10
    assert not known.says.endswith(".")
    assert (known.safer == "ranked") == bool(known.ranks)


@pytest.mark.parametrize("setting_id", IDS)
def test_the_direction_fits_the_type(setting_id: str) -> None:
    default, known = value_of(DEFAULT, setting_id), SETTINGS[setting_id]
    kinds = {"false": bool, "true": bool, "smaller": (int, float), "larger": (int, float)}
    kinds |= {"subset": frozenset, "superset": frozenset, "ranked": str}
    assert isinstance(default, kinds[known.safer])
    assert isinstance(default, bool) == (known.safer in SAFE)
    if known.ranks:
        assert default in known.ranks
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        assert known.unit


@pytest.mark.parametrize("setting_id", [name for name, known in SETTINGS.items() if known.fixed])
def test_a_fixed_setting_stands_at_its_safe_value(setting_id: str) -> None:
    assert value_of(DEFAULT, setting_id) is SAFE[SETTINGS[setting_id].safer]


@pytest.mark.parametrize("setting_id", [name for name, known in SETTINGS.items() if known.safer in SAFE])
def test_every_switch_is_on_the_safe_side_by_default(setting_id: str) -> None:
    assert value_of(DEFAULT, setting_id) is SAFE[SETTINGS[setting_id].safer]


def test_nothing_about_the_query_can_be_kept_or_shown_by_any_setting() -> None:
    fixed = {name for name, known in SETTINGS.items() if known.fixed}
    assert fixed >= {
        "serve.persist_queries",
        "serve.stored_state",
        "serve.remote_media",
        "serve.hosted_tools",
        "serve.token_probabilities",
        "serve.caller_fields",
        "serve.unknown_fields",
        "serve.require_key",
        "logs.content",
        "process.core_dumps",
        "process.content_capture",
        "process.outside_connections",
    }


def test_the_policy_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT.serve.require_key = False  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        DEFAULT.serve = DEFAULT.serve  # type: ignore[misc]


def test_with_value_changes_one_setting_and_leaves_the_original() -> None:
    changed = with_value(DEFAULT, "serve.max_choices", 1)
    assert {name for name in IDS if value_of(changed, name) != value_of(DEFAULT, name)} == {"serve.max_choices"}
    assert value_of(DEFAULT, "serve.max_choices") == 4
