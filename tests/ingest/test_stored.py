"""Arrays on disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from privet.ingest import stored
from privet.ingest.stored import Stored


@pytest.mark.parametrize("width", [(), (3,)])
@pytest.mark.parametrize("in_memory", [False, True])
def test_what_was_put_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: tuple[int, ...], *, in_memory: bool
) -> None:
    monkeypatch.setattr(stored, "_MAPPED_BYTES", 256)
    rng = np.random.default_rng(1)
    expected = rng.integers(0, 2**60, (5000, *width), dtype=np.uint64)
    with Stored(None if in_memory else tmp_path, np.uint64, width) as array:
        for start in range(0, 5000, 700):
            array.append(expected[start : start + 700])
        assert np.array_equal(array.read(650, 1500), expected[650:1500])
        assert len(array.read(4990, 6000)) == 10
        places = rng.integers(0, 5000, 800)
        assert np.array_equal(array.take(places), expected[places])
        changed = rng.permutation(5000)[:300].astype(np.uint32)
        new = rng.integers(0, 9, (300, *width), dtype=np.uint64)
        array.put(changed, new)
        expected[changed] = new
        assert np.array_equal(array.read(0, 5000), expected)
        assert array.take(places[:0]).shape == (0, *width)


def test_the_file_has_no_name(tmp_path: Path) -> None:
    with Stored(tmp_path, np.uint8) as array:
        array.append(np.ones(10, np.uint8))
        assert array.take(np.array([3])).tolist() == [1]
        assert not list(tmp_path.iterdir())


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_single_rows_of_a_large_array_leave_nothing_in_memory(tmp_path: Path) -> None:
    places = np.random.default_rng(2).integers(0, 1_500_000, 20_000)
    with Stored(tmp_path, np.uint64, (8,)) as array:
        for _ in range(15):
            array.append(np.ones((100_000, 8), np.uint64))
        array.take(places)
        before = resident_bytes()
        array.take(places)
        array.put(np.unique(places), np.zeros((len(np.unique(places)), 8), np.uint64))
        # Of 96 MB, all of which were looked at.
        assert resident_bytes() - before < 20_000_000
