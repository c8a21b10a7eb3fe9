from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from privet.errors import BadInput
from privet.vault import Vault

THREADS = 24
EACH = 8


def test_writes_of_many_threads_share_a_sync_and_all_are_there(
    quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = 0
    gate = threading.Barrier(THREADS)
    real = os.fdatasync

    def counted(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        # As long as a sync of a disk, so that others come meanwhile.
        threading.Event().wait(0.005)
        real(descriptor)

    def work(vault: Vault, thread: int) -> None:
        gate.wait()
        for number in range(EACH):
            vault.add([f"{thread}-{number}"], np.full((1, 4), thread + 1, np.float32), subject=f"s{thread}")

    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        vault.add(["first"], np.ones((1, 4), np.float32))
        monkeypatch.setattr(os, "fdatasync", counted)
        threads = [threading.Thread(target=work, args=(vault, thread)) for thread in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        monkeypatch.undo()
        assert len(vault) == THREADS * EACH + 1
        # Two for each group, and two for the key table. Groups of one would be twice as many as there are writes.
        assert syncs < THREADS * EACH
    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        assert len(vault) == THREADS * EACH + 1
        assert vault.forget("s3") == EACH
        vault.verify()


def test_writes_of_one_id_at_once_are_one_after_the_other(quick_path: Path) -> None:
    results: list[str] = []
    gate = threading.Barrier(THREADS)

    def work(vault: Vault, thread: int, replace: bool) -> None:
        gate.wait()
        try:
            vault.add(["one"], np.ones((1, 4), np.float32), documents=[str(thread)], replace=replace)
            results.append("added")
        except BadInput:
            results.append("refused")

    for replace, added in ((False, 1), (True, THREADS)):
        results.clear()
        with Vault.open(quick_path / f"data-{replace}", keys=quick_path / "keys") as vault:
            threads = [threading.Thread(target=work, args=(vault, thread, replace)) for thread in range(THREADS)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            assert results.count("added") == added
            (record,) = vault.get(["one"])
            assert record is not None
        with Vault.open(quick_path / f"data-{replace}", keys=quick_path / "keys") as vault:
            assert vault.ids() == ["one"]
            (again,) = vault.get(["one"])
            assert again is not None
            assert again.document == record.document


def test_a_bad_write_is_an_error_for_its_caller_alone(quick_path: Path) -> None:
    results: dict[int, object] = {}
    gate = threading.Barrier(8)

    def work(vault: Vault, thread: int) -> None:
        gate.wait()
        try:
            results[thread] = vault.add([f"{thread}"], np.ones((1, 4 + thread % 2), np.float32))
        except BadInput:
            results[thread] = "refused"

    with Vault.open(quick_path / "data", keys=quick_path / "keys") as vault:
        vault.add(["first"], np.ones((1, 4), np.float32))
        threads = [threading.Thread(target=work, args=(vault, thread)) for thread in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(vault) == 5
    assert results == {thread: "refused" if thread % 2 else 1 for thread in range(8)}
