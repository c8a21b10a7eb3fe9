"""Columns of tables and fields of records: whole columns of identifiers, numbers, nested values, transforms, groups."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from privet.ingest.columns import Columns
from privet.ingest.record_file import MISSING
from privet.ingest.texts import Texts
from privet.metadata.job import Limits
from privet.policy import DEFAULT, Policy, Transform

KEY = bytes(range(32))


def columns(policy: Policy = DEFAULT) -> Columns:
    return Columns(policy, Texts(policy, "names", KEY), key=KEY, nested=lambda _name, _content: None, limits=Limits())


def cleaned(column: str, *values: Any, policy: Policy = DEFAULT) -> list[Any]:
    (new,) = columns(policy).clean({column: list(values)}).values()
    return new


@pytest.mark.parametrize(
    ("column", "value", "new"),
    [
        ("lat", 52.520008, None),
        ("longitude", "13.404954", "[GPS_COORDINATES]"),
        ("long", 100, 100),
        ("customer_id", 71244, None),
        ("customer_id", "C-7", "[ID_NUMBER]"),
        ("order_id", 71244, 71244),
        ("phone", 5550100, None),
        ("is_email_verified", True, True),
        ("email", False, False),
        ("email", None, None),
        ("phone_model", "Nova 7", "Nova 7"),
        ("first_name", "zq", "[PERSON]"),
        ("password", "hunter2", "[PASSWORD]"),
        ("emails", ["jane@example.com", ""], ["[EMAIL_ADDRESS]", ""]),
        ("age", "34", "34"),
        ("twitter", "@gpemberton", "[SOCIAL_HANDLE]"),
        ("handle", "@jane_doe", "[SOCIAL_HANDLE]"),
        ("instagram", "heike_linden", "[SOCIAL_HANDLE]"),
        ("github", "hlindenbaum", "[SOCIAL_HANDLE]"),
        ("note", "@gpemberton", "[SOCIAL_HANDLE]"),
        ("twitter", "what was said there, in full", "what was said there, in full"),
    ],
)
def test_a_value_under_the_name_of_its_column(column: str, value: Any, new: Any) -> None:
    assert cleaned(column, value) == [new]


def test_a_column_of_mail_may_hold_letters() -> None:
    letter = "Dear all, please note that the office is closed. Write to jane@example.com. " * 4
    new, short = cleaned("email", letter, "please see the notes below")
    assert new == letter.replace("jane@example.com", "[EMAIL_ADDRESS]")
    assert short == "please see the notes below"


def test_fields_inside_say_for_themselves_what_they_hold() -> None:
    record = {"type": "home", "number": "555-0100", "is_main": True, "note": ""}
    assert cleaned("phone", record) == [{"type": "home", "number": "[PHONE_NUMBER]", "is_main": True, "note": ""}]
    address = {"street": "Hauptstr. 3", "lat": 52.520008, "country_code": "DE", "geo": {"lon": 13.404954}}
    assert cleaned("address", address) == [
        {"street": "[LOCATION]", "lat": None, "country_code": "DE", "geo": {"lon": None}}
    ]


def test_names_in_the_way_of_medical_records() -> None:
    patient = {"name": [{"given": ["Kim"], "family": "Lee"}], "gender": "female", "birthDate": "1985-03-12"}
    assert cleaned("patient", patient) == [
        {"name": [{"given": ["[PERSON]"], "family": "[PERSON]"}], "gender": "female", "birthDate": "[DATE_OF_BIRTH]"}
    ]


def test_what_did_not_change_is_the_very_same_object() -> None:
    held = [{"type": "home", "is_main": True}, ["", None], ("-", True), "[PHONE_NUMBER]", MISSING]
    assert all(new is old for new, old in zip(cleaned("phone", *held), held, strict=True))


def test_a_transform_inside_a_column_of_identifiers_counts() -> None:
    scrub = replace(
        DEFAULT.scrub,
        transform=frozenset(
            (
                Transform(column="address.zip", how="generalise", keep_chars=2),
                Transform(column="address.street", how="drop"),
            )
        ),
    )
    new = cleaned("address", {"zip": "10115", "street": "Hauptstr. 3"}, policy=replace(DEFAULT, scrub=scrub))
    assert list(new[0]) == ["zip"]
    assert "10" in new[0]["zip"]
    assert "10115" not in new[0]["zip"]


def test_columns_that_groups_are_formed_by_keep_what_is_no_identifier() -> None:
    scrub = replace(DEFAULT.scrub, quasi_identifiers=frozenset(("zip",)))
    assert cleaned("zip", "10115", "jane@example.com", policy=replace(DEFAULT, scrub=scrub)) == [
        "10115",
        "[EMAIL_ADDRESS]",
    ]
    assert cleaned("zip", "10115") == ["[LOCATION]"]


def test_numbers_with_a_fraction_are_measures_and_whole_ones_may_be_cards() -> None:
    values = [0.5, -1e9 - 0.5, float("inf"), 4111111111111111.0, 99999.0]
    assert cleaned("amount", *values) == [0.5, -1e9 - 0.5, float("inf"), None, 99999.0]


def test_each_value_is_judged_by_itself() -> None:
    values = [
        "Kim Lee",
        "jane@example.com",
        "red",
        "x" * 300,
        ["Kim Lee"],
        {"a": "Kim Lee"},
        4111111111111111,
        None,
        True,
    ]
    for column in ("name", "email", "shade", "value", "address"):
        assert cleaned(column, *values) == [cleaned(column, value)[0] for value in values]


def test_kinds_that_the_policy_does_not_ask_for_stay() -> None:
    policy = replace(DEFAULT, detect=replace(DEFAULT.detect, kinds=frozenset(("EMAIL_ADDRESS",))))
    assert cleaned("first_name", "Kim", policy=policy) == ["Kim"]
    assert cleaned("email", "zq", policy=policy) == ["[EMAIL_ADDRESS]"]


def _with(*transforms: Transform) -> Policy:
    return replace(DEFAULT, scrub=replace(DEFAULT.scrub, transform=frozenset(transforms)))


def test_a_transform_of_a_kind_tells_subjects_apart() -> None:
    policy = _with(Transform(kind="EMAIL_ADDRESS", how="pseudonym", subject="user"))
    batch = {
        "user": ["a", "b", "a", None],
        "note": ["write to jane@example.com"] * 4,
        "email": ["jane@example.com"] * 4,
        "inner": [{"to": ["jane@example.com"]}] * 4,
    }
    new = columns(policy).clean(batch)
    for column in ("note", "email", "inner"):
        first, second, again, nobody = new[column]
        assert "jane" not in str(new[column])
        assert first == again
        assert len({str(first), str(second), str(nobody)}) == 3


def test_days_move_with_their_subject() -> None:
    policy = _with(Transform(kind="DATE_TIME", how="shift", subject="user"))
    days = ["She died on 3 May 2019.", "She died on 5 May 2019."]
    new = columns(policy).clean({"user": ["a"] * 2 + ["b"] * 2, "note": days * 2})["note"]
    assert len({*new, *days}) == 6
    # Behind a moved day stand the marks by which it is known as moved.
    plain = [re.sub("[\u2061-\u2064]", "", text) for text in new]
    moved = [datetime.strptime(text, "She died on %d %B %Y.") for text in plain]  # noqa: DTZ007 - days, no times
    assert [moved[1] - moved[0], moved[3] - moved[2]] == [timedelta(2)] * 2


def test_a_key_with_an_identifier_is_cleaned_where_it_stands() -> None:
    new = cleaned("replies", {"jane@example.com": "yes", "other": "no"})
    assert list(new[0].items()) == [("[EMAIL_ADDRESS]", "yes"), ("other", "no")]


def test_a_transform_inside_is_no_unused_column() -> None:
    held = columns(_with(Transform(column="address.zip", how="generalise", keep_chars=2)))
    held.clean({"address": [{"zip": "10115"}]})
    assert "address.zip" in held.seen


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("name", "Jane Doe", "PERSON"),
        ("patient", "Jane Doe", "PERSON"),
        ("patient", "P-0017", "ID_NUMBER"),
        ("customer", "Jane Doe", "PERSON"),
        ("email", "jane@example.com", "EMAIL_ADDRESS"),
        ("ward", "north", "ID_NUMBER"),
        ("patient", 17, "ID_NUMBER"),
    ],
)
def test_a_pseudonym_is_of_the_kind_of_its_column(column: str, value: Any, kind: str) -> None:
    scrub = replace(DEFAULT.scrub, transform=frozenset((Transform("pseudonym", column=column),)))
    used = columns(replace(DEFAULT, scrub=scrub))
    batch: dict[str, list[Any]] = {column: [value]}
    (new,) = used.clean(batch).values()
    assert re.fullmatch(rf"\[{kind}_\w+\]", new[0])
    assert used._texts.taken() == {column: {kind: 1}}
    declared = replace(scrub, transform=frozenset((Transform("pseudonym", column=column, kind="AGE"),)))
    assert cleaned(column, value, policy=replace(DEFAULT, scrub=declared))[0].startswith("[AGE_")


def test_a_column_without_a_name_is_said_to_have_none() -> None:
    used = columns()
    raw: dict[str, list[Any]] = {"": ["jane@example.com"], "b": [{"": "bob@example.com"}]}
    assert used.clean(raw) == {
        "": ["[EMAIL_ADDRESS]"],
        "b": [{"": "[EMAIL_ADDRESS]"}],
    }
    assert used._texts.taken() == {
        "(no name)": {"EMAIL_ADDRESS": 1},
        "b.(no name)": {"EMAIL_ADDRESS": 1},
    }
    narrow = columns(replace(DEFAULT, scrub=replace(DEFAULT.scrub, columns=frozenset(("b",)))))
    narrow.clean({"": ["x"], "b": ["y"]})
    assert narrow.dropped == {"(no name)": 1}


@pytest.mark.parametrize(
    ("how", "value", "kind"),
    [
        (Transform("shift", column="visit"), "2024-03-14", "DATE_TIME"),
        (Transform("generalise", column="seen", to="month"), "2024-03-14", "DATE_TIME"),
        (Transform("generalise", column="age", step=10), 34, "AGE"),
        (Transform("generalise", column="patientAge", step=10), "34", "AGE"),
        (Transform("generalise", column="income", step=1000), 34_500, "QUANTITY"),
        (Transform("generalise", column="stage", step=2), 3, "QUANTITY"),
        (Transform("generalise", column="zip", keep_chars=2), "10115", "LOCATION"),
    ],
)
def test_what_a_transform_replaced_is_counted_as_what_it_is(how: Transform, value: Any, kind: str) -> None:
    used = columns(replace(DEFAULT, scrub=replace(DEFAULT.scrub, transform=frozenset((how,)))))
    used.clean({how.column: [value]})
    assert used._texts.taken() == {how.column: {kind: 1}}
