"""Values that stand alone, with the name of their column: what is found in them, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.detect.cells import Cells
from privet.detect.engine import Detector, detector
from privet.policy import DEFAULT
from privet.records import KINDS

CELLS = Cells(detector(DEFAULT.detect), detector(DEFAULT.detect, "patterns"), DEFAULT.detect.kinds)


def left(column: str, *values: str) -> list[str]:
    """Return what remains of values without what was found."""
    out = []
    for value, spans in zip(values, CELLS.find(values, column), strict=True):
        for span in reversed(spans):
            value = f"{value[: span.start]}[{span.kind}]{value[span.end :]}"  # noqa: PLW2901
        out.append(value)
    return out


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("name", "Kim Lee", "PERSON"),
        ("contact", "Brown, Jasmine", "PERSON"),
        ("owner", "paul strong", "PERSON"),
        ("klient", "Anna Nowak-Kowalska", "PERSON"),
        ("responsable", "Hélène Garnier", "PERSON"),
        ("value", "Kim Lee", "PERSON"),
        ("user", "xlopez", "PERSON"),
        ("place", "Springfield", "LOCATION"),
        ("travel_document", "passport C01X00T47", None),
        ("old passport", "123456789", "PASSPORT"),
        ("account", "143495540", "BANK_ACCOUNT"),
        ("born", "1985-03-12", "DATE_OF_BIRTH"),
        ("created_at", "2024-03-01", "DATE_TIME"),
        ("time", "2018-10-06 03:21", "DATE_TIME"),
        ("date_embauche", "12/03/2019", "DATE_TIME"),
        ("reach", "jane@example.com", "EMAIL_ADDRESS"),
        ("category", "jane@example.com", "EMAIL_ADDRESS"),
        ("status", "4111 1111 1111 1111", "CREDIT_CARD"),
        ("note", "@gpemberton", "SOCIAL_HANDLE"),
        ("text", "@heike.linden", "SOCIAL_HANDLE"),
    ],
)
def test_identifiers_are_found_by_the_name_of_their_column(column: str, value: str, kind: str | None) -> None:
    (spans,) = CELLS.find([value], column)
    if kind is None:
        assert spans
    else:
        assert [(span.start, span.end, span.kind) for span in spans] == [(0, len(value), kind)]


ORDINARY = {
    "category": ["Electronics", "Home & Garden", "Books", "Sports"],
    "status": ["active", "Closed", "PENDING", "on hold"],
    "color": ["Rose Gold", "Midnight Blue", "Olive", "amber", "ruby"],
    "country_code": ["US", "DE", "NL", "PL"],
    "currency": ["GBP", "USD"],
    "in_stock": ["yes", "no", "true", "FALSE"],
    "weight": ["38 kg", "0.5", "12 %", "-4.2"],
    "age": ["34", "7"],
    "adjective": ["frank", "mark", "grace", "happy"],
    "ean": ["4004862424627", "4043795254313"],
    "sku": ["SKU-10172", "B-101207"],
    "order_id": ["T-1000", "10023"],
    "product": ["Bluetooth Speaker", "Desk Lamp", "Running Shoes"],
    "commit": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"],
    "Zahlungsart": ["PayPal", "Rechnung"],
    "contrat": ["CDI", "CDD"],
    "kolor": ["zielony"],
    "disciplina": ["matemática", "inglês"],
    "month": ["January", "May", "August"],
    "stone": ["Ruby", "Jade", "marble"],
}


@pytest.mark.parametrize("column", ORDINARY)
def test_ordinary_words_are_left_alone(column: str) -> None:
    assert left(column, *ORDINARY[column]) == ORDINARY[column]


def test_the_same_word_is_a_name_where_the_column_says_so() -> None:
    assert left("winner", "Kim") == ["[PERSON]"]
    assert left("mother", "frank") == ["[PERSON]"]
    assert left("shade", "frank") == ["frank"]


WORDS = st.sampled_from(
    [
        "Kim",
        "Lee",
        "red",
        "Paris",
        "12",
        "2024-03-01",
        "jane@example.com",
        "ok",
        "A-1",
        "",
        "[PERSON]",
        "\n",
        "é",
        "\ud800",
    ]
)
VALUES = st.lists(WORDS, max_size=4).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=70), st.sampled_from(["name", "x", "status", "created_at", "user", "", "日本"]))
def test_a_value_is_judged_by_itself_and_spans_are_in_order(values: list[str], column: str) -> None:
    together = CELLS.find(values, column)
    assert together == [CELLS.find([value], column)[0] for value in values]
    for value, spans in zip(values, together, strict=True):
        ends = [0, *(place for span in spans for place in (span.start, span.end)), len(value)]
        assert ends == sorted(ends)
        assert all(span.kind in KINDS and span.start < span.end for span in spans)


def test_a_placeholder_is_no_identifier() -> None:
    assert CELLS.find(["[PERSON]", "[DATE_TIME]", "[EMAIL_ADDRESS_k7f3q2mabc]"], "name") == [(), (), ()]


def test_kinds_that_the_policy_does_not_ask_for_are_left() -> None:
    from dataclasses import replace

    policy = replace(DEFAULT.detect, kinds=frozenset(("EMAIL_ADDRESS",)))
    cells = Cells(Detector(policy), Detector(policy, "patterns"), policy.kinds)
    assert cells.find(["2024-03-01", "xlopez"], "user created_at") == [(), ()]
    assert cells.find(["xlopez"], "user") == [()]


def test_a_value_of_several_handles_holds_each_of_them() -> None:
    assert left("mentions", "@a_b, @c_d. @property") == ["[SOCIAL_HANDLE], [SOCIAL_HANDLE]. @property"]


def test_what_is_written_like_a_handle_and_is_none_stays() -> None:
    values = ["@property", "@media", "@scope/package", "@", "@ home", "5 @ 3"]
    assert left("code", *values) == values
