"""What a worker does before its first Arrow table."""

from __future__ import annotations

import subprocess
import sys


def test_pyarrow_loads_no_pandas_and_values_are_the_same() -> None:
    code = """
import sys
import pyarrow as pa
from privet.ingest.memory import hold_little

hold_little()
assert pa.default_memory_pool().backend_name == "system"
moments = pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns"))
assert moments.cast(pa.timestamp("us"), safe=False).to_pylist()[0].year == 2023
assert pa.array([[1], None, [2, 3]]).to_pylist() == [[1], None, [2, 3]]
assert pa.array([1.5, 2.5]).to_numpy().sum() == 4
assert "pandas" not in sys.modules
hold_little()
import pandas
assert pandas.Series([1]).sum() == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_is_free_is_given_back() -> None:
    code = """
from pathlib import Path
from privet.ingest.memory import give_back

def held():
    return next(int(line.split()[1]) for line in Path("/proc/self/smaps_rollup").open() if line.startswith("Rss"))

texts = [b"x" * 50_000 for _ in range(800)]
last = b"y" * 50_000
del texts
before = held()
give_back()
assert held() < before - 20_000, (before, held())
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
