"""Facts of YAML nodes: dotted names, and variables in each of their shapes."""

from __future__ import annotations

import pytest

from privet.check.yaml_facts import environment, is_variable, keys, scattered
from privet.check.yaml_nodes import Node, documents


def _node(text: str) -> Node:
    return documents("a.yaml", text)[0][0]


def test_every_scalar_is_a_key_with_its_path() -> None:
    text = "a: {b: [1, {c: x}], d: {}, e: []}\n"
    found = [(one.name, one.value, text[one.start : one.end]) for one in keys(_node(text), "p")]
    assert found == [
        ("p.a.b[]", "1", "1"),
        ("p.a.b[].c", "x", "x"),
        ("p.a.d", "{}", "{}"),
        ("p.a.e", "[]", "[]"),
    ]


def test_skipped_names_are_not_entered() -> None:
    assert [one.name for one in keys(_node("a: {b: 1}\nc: 2\n"), "p", {"p.a"})] == ["p.c"]


@pytest.mark.parametrize(
    "text",
    [
        "A: x\nB:\n",
        "- A=x\n- B\n",
        "- {name: A, value: x}\n- {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}\n",
    ],
)
def test_variables_are_the_same_in_every_shape(text: str) -> None:
    assert [(one.name, one.value) for one in environment(_node(text))] == [("A", "x"), ("B", None)]


def test_the_value_of_a_pair_in_one_text_has_its_own_place() -> None:
    text = '- "A=192.0.2.7"\n'
    (one,) = environment(_node(text))
    assert text[one.start : one.end] == "192.0.2.7"


def test_the_last_of_two_counts() -> None:
    assert [(one.name, one.value) for one in environment(_node("- A=1\n- A=2\n"))] == [("A", "2")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deep: {er: {DO_NOT_TRACK: 1}}", {"DO_NOT_TRACK": "1"}),
        ("x: {env: {SOME_NAME: a, other: b}}", {"SOME_NAME": "a"}),
        ("x: {extraEnvVars: [{name: SOME_NAME, value: a}]}", {"SOME_NAME": "a"}),
        ("x: [{name: SOME_NAME, value: a}, {name: not-one, value: b}]", {"SOME_NAME": "a"}),
        ("SOME_NAME: a", {}),
        ("- hosts: all\n  environment: {SOME_NAME: a}\n", {"SOME_NAME": "a"}),
    ],
)
def test_variables_are_found_wherever_they_stand(text: str, expected: dict[str, str]) -> None:
    assert {one.name: one.value for one in scattered(_node(text), {"DO_NOT_TRACK"})} == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("HF_HUB_OFFLINE", True), ("PATH", True), ("Name", False), ("A", False)]
)
def test_how_variables_are_written(name: str, expected: bool) -> None:
    assert is_variable(name) is expected
