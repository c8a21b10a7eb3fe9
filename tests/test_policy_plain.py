"""A policy as plain JSON values."""

from privet.evidence import canonical
from privet.policy import DEFAULT, SETTINGS, Policy, Transform, with_value
from privet.policy_plain import plain_policy


def test_each_setting_changes_the_policys_digest() -> None:
    plain = plain_policy(DEFAULT)
    assert plain.keys() == SETTINGS.keys()
    assert canonical(plain) == canonical(plain_policy(Policy()))
    for setting, value in {
        "scrub.columns": frozenset({"b", "a"}),
        "scrub.max_seconds": 1,
        "scrub.near_duplicates": "keep",
        "scrub.transform": frozenset({Transform("label", column="a")}),
        "detect.kinds": frozenset({"PERSON"}),
    }.items():
        assert canonical(plain_policy(with_value(DEFAULT, setting, value))) != canonical(plain)


def test_where_a_transform_stands_is_no_part_of_the_policy() -> None:
    made = [
        plain_policy(with_value(DEFAULT, "scrub.transform", frozenset({Transform("label", column="a", where=where)})))
        for where in ("privet.toml:1", "privet.toml:9")
    ]
    assert made[0] == made[1]
