"""Every word of a command inside YAML points at its own characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.yaml_nodes import Mapping, Scalar, documents
from privet.check.yaml_places import commands, inner, located, part, programs


def _value(text: str, name: str = "run") -> Scalar:
    node = documents("a.yaml", text)[0][0]
    assert isinstance(node, Mapping)
    found = node.get(name)
    assert isinstance(found, Scalar)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "run: vllm serve m --host 192.0.2.7\n",
        "run: 'vllm serve m --host 192.0.2.7'\n",
        'run: "vllm serve m\\n --host 192.0.2.7"\n',
        'run: "vllm serve \\\n   m --host 192.0.2.7"\n',
        "run: 'vllm serve\n   m --host\n   192.0.2.7'\n",
        "run: vllm serve\n   m --host\n   192.0.2.7\n",
        "run: |\n    set -e\n    vllm serve m \\\n      --host 192.0.2.7\n",
        "run: |2-\n    vllm serve m --host 192.0.2.7\n",
        "run: >-\n  vllm serve m\n  --host 192.0.2.7\n\n",
        "# 😀\r\nrun: |\r\n  vllm serve m --host 192.0.2.7\r\n",
    ],
)
def test_words_of_any_style_of_scalar_have_their_place(text: str) -> None:
    words = {word.value: text[word.start : word.end] for command in commands(_value(text)) for word in command.words}
    assert words["serve"] == "serve"
    assert words["192.0.2.7"] == "192.0.2.7"


def test_an_assignment_s_value_has_its_place() -> None:
    text = "run: |\n  export A='b c'\n"
    ((name, word),) = commands(_value(text))[0].assignments
    assert (name, word.value, text[word.start : word.end]) == ("A", "b c", "'b c'")


@given(st.text(alphabet="ab 'é😀\n\t\\\"", min_size=1, max_size=30))
def test_every_part_of_a_quoted_value_is_inside_it(value: str) -> None:
    quoted = "".join(f"\\U{ord(character):08x}" if character in '\\"\n\t' else character for character in value)
    scalar = _value(f'run: "{quoted}"\n')
    assert scalar.value == value
    places = [part(scalar, at, at + 1) for at in range(len(value))]
    assert all(scalar.start <= one.start <= one.end <= scalar.end for one in places)
    assert [one.start for one in places] == sorted(one.start for one in places)


@pytest.mark.parametrize(
    ("text", "components"),
    [
        ('run: ["vllm", "serve", "m"]', {"vllm"}),
        ('run: ["sh", "-c", "cd /x && exec vllm serve m"]', {"vllm"}),
        ('run: ["/bin/bash", "-l", "-c", "vllm serve m"]', {"vllm"}),
        ("run: [bash, -lc, 'vllm serve m']", {"vllm"}),
        ("run: python -m vllm.entrypoints.openai.api_server --model m", {"python", "vllm"}),
        ('run: ["--model", "m"]', set()),
    ],
)
def test_what_a_vector_starts(text: str, components: set[str]) -> None:
    node = documents("a.yaml", text)[0][0]
    assert isinstance(node, Mapping)
    found = programs((node.get("run"), None))
    assert set().union(*(program for program, _ in found)) == components


def test_arguments_without_a_program_are_flags() -> None:
    text = 'run: ["--host", "192.0.2.7", "--port=8000"]'
    node = documents("a.yaml", text)[0][0]
    assert isinstance(node, Mapping)
    ((_, facts),) = programs((None, node.get("run")))
    assert [(one.name, one.value) for one in facts] == [("--host", "192.0.2.7"), ("--port", "8000")]


def test_a_file_inside_a_file_is_placed_in_the_outer_one() -> None:
    text = "run: |\n  a: 1\n  b:\n    c: 192.0.2.7\n"
    node = inner(_value(text))[0]
    assert isinstance(node, Mapping)
    found = node.get("b", "c")
    assert isinstance(found, Scalar)
    assert text[found.start : found.end] == "192.0.2.7"


def test_a_reading_of_an_inner_file_is_placed_in_the_outer_one() -> None:
    text = "run: |\n  A=1\n  B=2\n"
    scalar = _value(text)
    fact = Fact(Space.ENV, "B", "2", "x.env", 6, 7)
    unit = Unit(UnitKind.ENVIRONMENT, "x.env", "x.env", 0, 3, facts=(fact,), provides=("file:x.env",))
    (moved,) = located(Reading((unit,)), scalar).units
    assert (moved.path, text[moved.start : moved.end], moved.provides) == ("a.yaml", "A=1", ())
    assert text[moved.facts[0].start : moved.facts[0].end] == "2"
