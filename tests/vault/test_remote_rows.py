from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import Damaged
from privet.vault.batch import incoming
from privet.vault.layout import Scope
from privet.vault.remote_rows import RowSeals, _padded
from privet.vault.remote_table import SealedRow
from privet.vault.subjects import SubjectKeys

SCOPE = Scope(bytes(16), bytes(16))


@pytest.fixture(scope="module")
def seals(tmp_path_factory: pytest.TempPathFactory) -> RowSeals:
    folder: Path = tmp_path_factory.mktemp("keys")
    return RowSeals(SCOPE, SubjectKeys.make(folder / "x.subjects", SCOPE, bytes(32)), "table t")


def rows_of(*rows: SealedRow) -> Generator[SealedRow]:
    yield from rows


@given(st.text(min_size=1), st.one_of(st.none(), st.text()), st.integers(1, 5))
def test_a_row_opens_to_what_it_was(seals: RowSeals, record_id: str, document: str | None, generation: int) -> None:
    vector = np.arange(6, dtype=np.float32)[None]
    what = incoming([record_id], vector, [document], [{"a": 1}], None)
    ((row, _),) = seals.sealed(what, generation, {}, [[b"t" * 16]])
    ((_, opened),) = seals.opened(rows_of(row))
    assert opened.id == record_id
    assert opened.vector is not None
    assert np.array_equal(opened.vector, vector[0])
    assert seals.content(row, opened.subject) == (document, {"a": 1})


@given(st.data())
def test_a_changed_row_does_not_open(seals: RowSeals, data: st.DataObject) -> None:
    what = incoming(["a"], np.ones((1, 4), np.float32), ["text"], None, None)
    ((row, opened),) = seals.sealed(what, 1, {}, [[b"t" * 16]])
    part = data.draw(st.sampled_from(["key", "hot", "cold", "generation", "tokens"]))
    old = getattr(row, part)
    if isinstance(old, bytes):
        place = data.draw(st.integers(0, len(old) - 1))
        changed = row._replace(**{part: old[:place] + bytes([old[place] ^ 1]) + old[place + 1 :]})
    else:
        changed = row._replace(**{part: 2 if part == "generation" else []})
    with pytest.raises(Damaged):
        _read(seals, changed, opened.subject)


def test_two_tokens_joined_to_one_do_not_open(seals: RowSeals) -> None:
    what = incoming(["a"], np.ones((1, 4), np.float32), None, None, None)
    ((row, _),) = seals.sealed(what, 1, {}, [[b"t" * 16, b"u" * 16]])
    with pytest.raises(Damaged):
        list(seals.opened(rows_of(row._replace(tokens=[b"".join(row.tokens)]))))


def _read(seals: RowSeals, row: SealedRow, subject: int) -> None:
    list(seals.opened(rows_of(row)))
    seals.content(row, subject)


def test_the_same_record_never_looks_the_same_twice(seals: RowSeals) -> None:
    what = incoming(["a"], np.ones((1, 4), np.float32), ["text"], None, None)
    ((one, _),), ((two, _),) = (seals.sealed(what, 1, {}, [[]]) for _ in range(2))
    assert one.key == two.key
    assert one.hot != two.hot
    assert one.cold != two.cold
    assert seals.element(one) != seals.element(two)


def test_sizes_are_few() -> None:
    sizes = {length: len(_padded(bytes(length))) for length in range(20_000)}
    assert len(set(sizes.values())) < 70
    assert all(length + 4 <= size <= (length + 4) + max(256, (length + 4) * 0.12) for length, size in sizes.items())
