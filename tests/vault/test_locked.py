from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from privet.vault.locked import LockedMatrix

LIMITED = """
import ctypes, os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
# The limit does not hold for a superuser with CAP_IPC_LOCK (14): without it in the bounding set, the next program has none.
ctypes.CDLL(None).prctl(24, 14, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[2:]])
"""
CODE = """
import sys
import numpy as np
from privet.vault import Vault
with Vault.open(sys.argv[1] + "/data", keys=sys.argv[1] + "/keys") as vault:
    vault.add([str(number) for number in range(5000)], np.random.default_rng(0).normal(size=(5000, 64)).astype("f4"))
    found = vault.search(np.ones((1, 64), "f4"), 3)
    print(vault.summary().is_locked, len(found[0]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("limit", [0, 64 << 10])
def test_where_memory_cannot_be_locked_the_vault_says_so_and_works(tmp_path: Path, limit: int) -> None:
    command = [sys.executable, "-c", LIMITED, str(limit), CODE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "3"], done.stderr


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] < 1 << 20, reason="this system lets no megabyte be locked"
)
def test_it_is_locked_where_the_limit_allows() -> None:
    matrix = LockedMatrix(64)
    matrix.append(np.ones((2000, 64), np.float32))
    assert matrix.is_locked
    locked = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmLck"))
    assert int(locked.split()[1]) >= 2000 * 64 * 2 // 1024


def test_what_was_in_it_is_overwritten() -> None:
    matrix = LockedMatrix(8)
    matrix.append(np.ones((10, 8), np.float32))
    held = matrix._all
    matrix.reserve(5000)
    assert not held.any()
    assert matrix._all[:10].all()
    held = matrix._all
    matrix.wipe()
    assert not held.any()
    assert matrix.count == 0


@pytest.mark.parametrize("columns", [1, 7, 384])
def test_values_are_kept_to_half_a_step_of_16_bits(columns: int) -> None:
    generator = np.random.default_rng(1)
    rows = np.concatenate((generator.normal(size=(300, columns)), np.zeros((1, columns)))).astype(np.float32)
    rows[::3] *= 1e-4
    matrix = LockedMatrix(columns)
    matrix.append(rows[:7])
    matrix.append(rows[7:])
    steps = np.abs(rows).max(axis=1, keepdims=True) / 32767
    assert (np.abs(matrix.values(slice(None)) - rows) <= 0.51 * steps).all()
    some, query = np.array([300, 0, 299, 0]), generator.normal(size=columns).astype(np.float32)
    assert matrix.products(some, query) == pytest.approx(matrix.values(some) @ query, rel=1e-4, abs=1e-6)
    matrix.clear([0])
    assert not matrix.values(np.array([0])).any()
