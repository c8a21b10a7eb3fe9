from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import BadInput, Damaged
from privet.vault.layout import Scope
from privet.vault.remote_anchor import Marks, RemoteAnchor, RowSet, listed

SCOPE = Scope(bytes(16), bytes(16))
ELEMENTS = st.lists(st.binary(min_size=32, max_size=32), max_size=5)


@given(ELEMENTS, ELEMENTS, st.randoms())
def test_a_set_is_its_members_in_whatever_order(first: list[bytes], second: list[bytes], random: object) -> None:
    both = RowSet().changed(1, first, ()).changed(2, second, ())
    mixed = first + second
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert both.is_same_as(RowSet().changed(7, mixed, ()))
    assert both.changed(3, (), second).is_same_as(RowSet().changed(1, first, ()))
    assert not both.changed(3, [b"x" * 32], ()).is_same_as(both)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    place = tmp_path / "x.rows"
    anchor = RemoteAnchor(place, SCOPE, bytes(32))
    assert anchor.read() is None
    gone = [(b"k" * 16, 7), (b"l" * 16, 1 << 40)]
    marks = Marks(["field"], False, RowSet(3, 2, b"t" * 32), RowSet(4, 0), listed(gone))
    anchor.write(marks)
    assert anchor.read() == marks
    assert marks.going == set(gone)
    assert b"field" not in place.read_bytes()
    assert place.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("start", "error"), [(0, Damaged), (9, BadInput), (12, Damaged), (40, Damaged), (-1, Damaged)])
def test_one_that_is_not_what_was_written_is_refused(tmp_path: Path, start: int, error: type[Exception]) -> None:
    place = tmp_path / "x.rows"
    anchor = RemoteAnchor(place, SCOPE, bytes(32))
    anchor.write(Marks([], False, RowSet()))
    raw = bytearray(place.read_bytes())
    raw[start] ^= 2
    place.write_bytes(raw)
    with pytest.raises(error):
        anchor.read()


def test_one_under_another_key_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "x.rows"
    RemoteAnchor(place, SCOPE, bytes(32)).write(Marks([], False, RowSet()))
    for scope, key in ((SCOPE, bytes(31) + b"x"), (Scope(b"v" * 16, bytes(16)), bytes(32))):
        with pytest.raises(Damaged, match=r"x\.rows"):
            RemoteAnchor(place, scope, key).read()
