"""No way out of a process that has locked itself in: every way is first shown to work without the lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BATTERY = Path(__file__).parent / "lock_battery.py"
NO_WORLD = 69
# What the lock leaves open, each for a reason that docs/lock.md gives: loopback, and files of root.
OPEN = {"tcp-loopback", "tcp-loopback6", "tcp-zero", "tcp-late", "host-name"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("battery") / "found.json"
    done = subprocess.run(
        [sys.executable, BATTERY, "--how", "itself", "--json", target], capture_output=True, text=True, check=False
    )
    if done.returncode == NO_WORLD:
        pytest.skip(f"namespaces cannot be had here: {done.stderr.strip()}")
    assert target.exists(), done.stderr
    read: dict[str, Any] = json.loads(target.read_bytes())
    return read


def test_at_least_a_hundred_ways_work_unlocked(found: dict[str, Any]) -> None:
    assert len(set(found["unlocked"]["left"]) - OPEN) >= 100
    assert found["unlocked"]["frames"] > 0


def test_no_way_leads_out(found: dict[str, Any]) -> None:
    said = found["itself"]["said"]
    assert {name: said[name] for name in found["itself"]["left"] if name not in OPEN} == {}


def test_not_a_frame_crosses_the_wire(found: dict[str, Any]) -> None:
    assert found["itself"]["frames"] == 0


def test_every_way_was_tried_under_the_lock(found: dict[str, Any]) -> None:
    assert set(found["unlocked"]["left"]) <= set(found["itself"]["ran"])


def test_loopback_is_open(found: dict[str, Any]) -> None:
    assert {"tcp-loopback", "tcp-loopback6", "tcp-late"} <= set(found["itself"]["left"])
