"""YAML nodes stand where they are written, whatever the text, and hostile text ends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.yaml_nodes import MAX_NODES, Items, Mapping, Node, Scalar, documents


def _only(text: str) -> Mapping:
    nodes, notes = documents("a.yaml", text)
    assert not notes
    assert isinstance(nodes[0], Mapping)
    return nodes[0]


@pytest.mark.parametrize(
    ("text", "value", "written"),
    [
        ("a: plain\n", "plain", "plain"),
        ("a: 'it''s'\n", "it's", "'it''s'"),
        ('a: "x\\ty"\n', "x\ty", '"x\\ty"'),
        ("\ufeffa: after a mark\n", "after a mark", "after a mark"),
        ("z: 😀é\r\na: beyond\r\n", "beyond", "beyond"),
        ("a: &here !!str yes\n", "yes", "yes"),
        ("a: |-\n  one\n  two\n\nb: 1\n", "one\ntwo", "|-\n  one\n  two"),
        ("a: >\n  one\n  two\n", "one two\n", ">\n  one\n  two"),
        ("a: ~\n", "", "~"),
        ("a: null\n", "", "null"),
        ("a:\n", "", ""),
        ('a: "null"\n', "null", '"null"'),
        ("a: 1\na: 2\n", "2", "2"),
    ],
)
def test_a_scalar_has_its_value_and_its_place(text: str, value: str, written: str) -> None:
    node = _only(text).get("a")
    assert isinstance(node, Scalar)
    assert node.value == value
    assert text[node.start : node.end] == written


def test_merge_keys_give_way_to_the_mapping_s_own() -> None:
    node = _only("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 0\n")
    assert {name: node.text("z", name) for name in "abc"} == {"a": "0", "b": "1", "c": "2"}


def test_an_alias_stands_where_its_anchor_does() -> None:
    text = "a: &v 192.0.2.7\nb: *v\n"
    node = _only(text).get("b")
    assert isinstance(node, Scalar)
    assert text[node.start : node.end] == "192.0.2.7"


def test_a_broken_document_is_a_note_with_its_line_and_the_others_are_read() -> None:
    nodes, notes = documents("a.yaml", "a: 1\n---\nb: [\n---\nc: 2\n")
    assert [list(node.pairs) for node in nodes if isinstance(node, Mapping)] == [["a"], ["c"]]
    assert [(note.path, note.line) for note in notes] == [("a.yaml", 4)]


@pytest.mark.parametrize("text", ["a: 1\nb: é\nc: \x07\n", "a: 1\nb: é\nc: \ud800\n"])
def test_a_character_that_yaml_forbids_is_a_note_with_its_line(text: str) -> None:
    nodes, notes = documents("a.yaml", text)
    assert nodes == []
    assert [note.line for note in notes] == [3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {{ x }}\nb: 1\n", {"a": None, "b": "1"}),
        ("{% if x %}\na: '{{ x }}-y'\n{% endif %}\nb: 1\n", {"a": None, "b": "1"}),
        ("{# note #}\na: {{ x | default('y') }}z\nb: 1\n", {"a": None, "b": "1"}),
        ("a: ${{ x }}\n", {"a": "${{ x }}"}),
        ("a: |\n  {% if x %}\n  b c\n  {% endif %}\n", {"a": "{% if x %}\nb c\n{% endif %}\n"}),
    ],
)
def test_what_a_template_writes_is_not_known(text: str, expected: dict[str, str | None]) -> None:
    node = _only(text)
    assert {name: value.value for name, (_, value) in node.pairs.items() if isinstance(value, Scalar)} == expected


def test_no_note_holds_words_of_the_file() -> None:
    _, notes = documents("a.yaml", "password: hunter2: [\n")
    assert notes
    assert "hunter2" not in notes[0].message


def _size(node: Node) -> int:
    if isinstance(node, Scalar):
        return 1
    below = node.items if isinstance(node, Items) else tuple(value for _, value in node.pairs.values())
    return 1 + sum(_size(one) for one in below)


def test_a_bomb_of_aliases_is_bounded_and_noted() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    nodes, notes = documents("bomb.yaml", "\n".join(lines))
    assert _size(nodes[0]) < 2 * MAX_NODES
    assert [note.message for note in notes] == [f"aliases repeat more than {MAX_NODES:,} nodes: not followed from here"]


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 20_000, "{a: " * 900, "[" * 90 + "]" * 90])
def test_what_is_nested_too_deeply_is_a_note(text: str) -> None:
    nodes, notes = documents("deep.yaml", text)
    assert notes
    for node in nodes:
        _size(node)


def test_an_anchor_inside_itself_ends() -> None:
    nodes, _ = documents("a.yaml", "a: &a [*a]\n")
    assert _size(nodes[0]) == 3


def test_a_large_text_is_read_in_time_that_grows_with_it() -> None:
    def seconds(lines: int) -> float:
        text = "\n".join(f"key{n}: value{n}" for n in range(lines))
        start = time.process_time()
        documents("a.yaml", text)
        return time.process_time() - start

    small = min(seconds(1_000) for _ in range(3))
    assert seconds(10_000) < 40 * small + 0.05


@given(st.text())
def test_any_text_is_read_or_noted(text: str) -> None:
    nodes, notes = documents("a.yaml", text)
    for node in nodes:
        assert 0 <= node.start <= node.end <= len(text)
    for note in notes:
        assert 1 <= note.line <= text.count("\n") + 1


def test_nodes_do_not_show_what_they_hold() -> None:
    assert "hunter2" not in repr(_only("password: hunter2\n"))
