"""Parts and flags, one at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from privet.ingest.joining import Flags, Parts


def test_one_part_is_open_at_a_time(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode() * 4)
    with Parts(paths) as parts:
        assert [part.read() for part in parts] == [b"0000", b"1111", b"2222"]
        before = parts[0]
        assert parts[0].read(1) == b"0"
        assert before.closed
        last = parts[2]
        assert not last.closed
        with pytest.raises(IndexError):
            parts[3]
    assert last.closed


def test_flags_are_those_that_were_packed() -> None:
    rows = np.array([True, False, True, True])
    flags = Flags([np.packbits(rows).tobytes(), None])
    assert flags[1] is None
    assert len(flags) == 2
    first = flags[0]
    assert first is not None
    assert first[:4].tolist() == rows.tolist()
