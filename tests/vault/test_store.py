"""Writes that the disk refuses, and power that fails: at every call that changes something on the disk."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

from disks import Losing, Refusing, after_power_failure

from privet.errors import PrivetError, Unprotected
from privet.vault import Vault

VECTORS = np.random.default_rng(3).normal(size=(2000, 2)).astype(np.float32)


def opened(folder: Path, **options: bool) -> Vault:
    return Vault.open(folder / "data", keys=folder / "keys", **options)


def add(vault: Vault, ids: list[str], subjects: list[str | None], *, replace: bool = False) -> None:
    vault.add(ids, VECTORS[: len(ids)], documents=ids, subject=subjects, replace=replace)


@pytest.fixture
def folder(quick_path: Path) -> Path:
    whole = quick_path / "whole"
    with opened(whole) as vault:
        add(vault, ["a", "b", "c"], ["ann", "bob", None])
    return whole


STEPS: dict[str, tuple[Callable[[Vault], object], set[str]]] = {
    "add": (lambda vault: add(vault, ["d"], [None]), {"a", "b", "c", "d"}),
    "add of a subject": (lambda vault: add(vault, ["d"], ["carl"]), {"a", "b", "c", "d"}),
    "replace": (lambda vault: add(vault, ["a"], ["bob"], replace=True), {"a", "b", "c"}),
    "delete": (lambda vault: vault.delete(["c"]), {"a", "b"}),
    "forget": (lambda vault: vault.forget("ann"), {"b", "c"}),
    "rotate": (lambda vault: vault.rotate(), {"a", "b", "c"}),
    "compact": (lambda vault: vault.compact(), {"a", "b", "c"}),
}


def check(vault: Vault, wanted: set[str]) -> None:
    assert set(vault.ids()) == wanted
    names = sorted(wanted)[:10]
    assert [record and record.document for record in vault.get(names)] == names
    vault.verify()


@pytest.mark.parametrize("mode", ["before", "after", "half"])
@pytest.mark.parametrize("step", sorted(STEPS))
def test_a_step_that_the_disk_refuses_can_be_repeated(folder: Path, quick_path: Path, step: str, mode: str) -> None:
    action, after = STEPS[step]
    before = {"a", "b", "c"}
    at, is_reached = 0, True
    while is_reached:
        at, said = at + 1, ""
        copy = quick_path / f"copy-{at}"
        shutil.copytree(folder, copy)
        vault = opened(copy)
        add(vault, ["begun"], [None])
        with pytest.MonkeyPatch.context() as patch:
            disk = Refusing(patch, copy, at, mode)
            try:
                action(vault)
                is_done = True
            except PrivetError as error:
                is_done, said = False, str(error).lower()
        is_reached = disk.calls >= at
        assert is_done or "no space" in said or "cannot be written" in said
        if is_done or at % 2:
            vault.close()
            vault = opened(copy)
        if (not is_done and set(vault.ids()) != after | {"begun"}) or step in {"rotate", "compact", "replace"}:
            check(vault, before | {"begun"})
            # After a rotation that failed nobody knows which table is on the disk.
            with suppress(Unprotected) if step == "rotate" else nullcontext():
                action(vault)
        check(vault, after | {"begun"})
        vault.close()
        with opened(copy) as again:
            check(again, after | {"begun"})
            add(again, ["last"], ["ann"])
            check(again, after | {"begun", "last"})
        shutil.rmtree(copy)
    assert at > 3


def test_a_rotation_that_was_refused_is_finished_by_the_next_start(folder: Path, quick_path: Path) -> None:
    for at in range(1, 30):
        copy = quick_path / f"copy-{at}"
        shutil.copytree(folder, copy)
        with opened(copy) as vault, pytest.MonkeyPatch.context() as patch:
            Refusing(patch, copy, at, "before")
            try:
                vault.rotate()
            except PrivetError:
                continue
            finally:
                patch.undo()
                with opened(copy, read_only=True) as reader:
                    check(reader, {"a", "b", "c"})
        for _ in range(2):
            with opened(copy) as vault:
                check(vault, {"a", "b", "c"})
                vault.rotate()


class Life:
    """A vault's life from its making on; `held` is what was acknowledged, `next` what it will be after the step in progress."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.held: set[str] = set()
        self.next: set[str] = set()

    def told(self) -> tuple[set[str], set[str]]:
        return set(self.held), set(self.next)

    def live(self) -> None:
        with opened(self._folder) as vault:
            self._do({"a", "b", "c"}, lambda: add(vault, ["a", "b", "c"], ["ann", "bob", None]))
            self._do({"a", "b", "c", "d"}, lambda: add(vault, ["d"], ["carl"]))
            self._do({"b", "c", "d"}, lambda: vault.forget("ann"))
        with opened(self._folder) as vault:
            self._do({"b", "c", "d", "e"}, lambda: add(vault, ["e"], ["bob"]))
            vault.rotate()
            self._do({"b", "d", "e"}, lambda: vault.delete(["c"]))
            vault.compact()
            self._do({"d"}, lambda: vault.forget("bob"))
            self._do({"d", "f"}, lambda: add(vault, ["f"], ["bob"]))
            many = [str(number) for number in range(420)]
            self._do({"d", "f", *many}, lambda: add(vault, many, list(many)))

    def _do(self, after: set[str], step: Callable[[], object]) -> None:
        self.next = after
        step()
        self.held = after


def test_what_was_acknowledged_survives_a_power_failure_at_every_call(quick_path: Path) -> None:
    source = quick_path / "life"
    source.mkdir(mode=0o700)
    life = Life(source)
    with pytest.MonkeyPatch.context() as patch:
        disk = Losing(patch, source)
        disk.told = life.told
        life.live()
    assert len(disk.moments) > 100
    for number, moment in enumerate(disk.moments):
        held, following = moment[0]
        for way, chance in enumerate((None, random.Random(number))):
            target = quick_path / f"{number}-{way}"
            after_power_failure(moment, source, target, chance)
            with opened(target) as vault:
                assert set(vault.ids()) in (held, following), number
                check(vault, set(vault.ids()))
                add(vault, ["new"], ["bob"])
            with opened(target) as vault:
                assert "new" in vault
            shutil.rmtree(target)
