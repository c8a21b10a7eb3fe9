from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.toml_places import places

TEXT = """\
a.b = "x" # c
[t."q.r"]
k = [1, "two", # c
  { z = true, y = [ 'l' ] } ]
d = 1979-05-27 07:32:00
s = \"\"\"
multi "x" \"\"\"
[[e]]
r = false
[[e]]
r = { a = 1 }
"""


def test_every_scalar_has_its_path_and_place() -> None:
    found = places(TEXT)
    assert [(path, TEXT[start:end]) for path, _, start, end in found] == [
        ("a.b", '"x"'),
        ("t.q.r.k[]", "1"),
        ("t.q.r.k[]", '"two"'),
        ("t.q.r.k[].z", "true"),
        ("t.q.r.k[].y[]", "'l'"),
        ("t.q.r.d", "1979-05-27 07:32:00"),
        ("t.q.r.s", '"""\nmulti "x" """'),
        ("e[].r", "false"),
        ("e[].r.a", "1"),
    ]
    assert found[6][1] == 'multi "x" '


def test_what_is_not_toml_is_said() -> None:
    with pytest.raises(ValueError, match="line 2"):
        places("a = 1\nb = \n")


NAMES = st.text(st.sampled_from("abc_-1"), min_size=1, max_size=4)
SCALARS = st.one_of(
    st.booleans().map(lambda value: "true" if value else "false"),
    st.integers(-99, 99).map(str),
    st.text(st.sampled_from("ab #[]{}=,.é😀'"), max_size=6).map(lambda text: f'"{text}"'),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[ {', '.join(items)} ]"))


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=3))
def test_as_many_scalars_are_found_as_tomllib_has(tables: dict[str, dict[str, str]]) -> None:
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value} # c\n" for key, value in body.items())
        for name, body in tables.items()
    )

    def count(value: object) -> int:
        if isinstance(value, dict):
            return sum(map(count, value.values()))
        return sum(map(count, value)) if isinstance(value, list) else 1

    found = places(text)
    assert len(found) == count(tomllib.loads(text))
    assert all(
        str(tomllib.loads(f"x = {text[start:end]}")["x"]).lower() == value.lower() for _, value, start, end in found
    )
