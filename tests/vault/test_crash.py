"""Processes that are killed, and last writes that are torn: what was acknowledged is there, nothing is there in part."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

from crashes import Told, killed_once

from privet.errors import Damaged
from privet.vault import Vault

KILLS = 14
VECTORS = np.random.default_rng(5).normal(size=(4, 4)).astype(np.float32)


def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(quick_path: Path) -> None:
    told = Told()
    for seed in range(KILLS):
        killed_once(quick_path, told, seed, most_lines=30)
    assert told.steps > KILLS


def test_a_last_write_that_is_torn_at_any_byte_never_was(quick_path: Path) -> None:
    source = quick_path / "source"
    with Vault.open(source / "data", keys=source / "keys") as vault:
        vault.add(["one"], VECTORS[:1], documents=["one"])
        segment = max(
            (source / "data").rglob("*"), key=lambda place: (len(place.name) == 32 and place.is_file(), place.name)
        )
        before = segment.read_bytes()
        keys = {place.name: place.read_bytes() for place in (source / "keys").iterdir()}
        vault.add(["two"], VECTORS[1:2], documents=["two"])
        after = segment.read_bytes()
    # As if the anchor of the second write had not reached the disk.
    for name, content in keys.items():
        (source / "keys" / name).write_bytes(content)
    chance = random.Random(1)
    sizes = [*range(len(before), len(before) + 300), *range(len(before) + 300, len(after), 37), len(after)]
    for size in sizes:
        for filling in (b"", bytes(len(after) - size), chance.randbytes(len(after) - size)):
            segment.write_bytes(after[:size] + filling)
            with Vault.open(source / "data", keys=source / "keys", read_only=True) as vault:
                assert vault.ids() == ["one"]
    for size in (len(before) + 5, len(before) + 200, len(after) - 1, len(after)):
        copy = quick_path / str(size)
        shutil.copytree(source, copy)
        place = copy / segment.relative_to(source)
        place.write_bytes(after[:size])
        with Vault.open(copy / "data", keys=copy / "keys") as vault:
            assert vault.ids() == (["one", "two"] if size == len(after) else ["one"])
            vault.verify()
            vault.add(["three"], VECTORS[2:3])
        with Vault.open(copy / "data", keys=copy / "keys") as vault:
            assert "three" in vault


def test_an_acknowledged_write_that_is_torn_is_damage(quick_path: Path) -> None:
    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        vault.add(["one"], VECTORS[:1])
    segment = next(place for place in (quick_path / "data").rglob("*") if place.is_file() and len(place.name) == 32)
    segment.write_bytes(segment.read_bytes()[:-1])
    with pytest.raises(Damaged, match=segment.name):
        Vault.open(quick_path / "data", keys=quick_path / "keys")
