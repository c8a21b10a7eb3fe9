from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from privet.check.json_places import places

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=20,
)


def scalars(value: object) -> list[object]:
    if isinstance(value, dict):
        return [item for part in value.values() for item in scalars(part)]
    if isinstance(value, list):
        return [item for part in value for item in scalars(part)]
    return [value]


@given(VALUES, st.sampled_from([None, 1]))
def test_every_scalar_stands_where_it_says(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    found, broken = places(text)
    assert broken == -1
    assert [json.loads(text[start:end]) for _, _, start, end in found] == scalars(value)


def test_comments_and_trailing_commas_are_no_trouble() -> None:
    text = '// head\n{"a": {"b": [1, {"c": "x\\"y"}], /* hi */ "d": null,}, "e": [[true]]}'
    found, broken = places(text)
    assert broken == -1
    assert [(path, value) for path, value, _, _ in found] == [
        ("a.b[]", "1"),
        ("a.b[].c", 'x"y'),
        ("a.d", "null"),
        ("e[][]", "true"),
    ]


def test_what_stands_before_a_break_counts() -> None:
    found, broken = places('{"a": 1, "b": [2}')
    assert [item[0] for item in found] == ["a", "b[]"]
    assert broken == 16


def test_depth_is_bounded() -> None:
    assert places("[" * 100_000)[1] == 200


@given(st.text(st.sampled_from('{}[]",: \\/*a1\n')))
def test_any_text_is_read(text: str) -> None:
    places(text)
