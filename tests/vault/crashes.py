"""Kills a writing process at points of chance, and looks at what the vault has then."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent))

from crash_child import vector_of

from privet.vault import Vault

CHILD = Path(__file__).parent / "crash_child.py"


class Told:
    """What a process said it did: records and their subjects that were acknowledged, and the step it was at."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.steps = 0

    def after(self, step: str) -> dict[str, str]:
        """Return what is held after a step."""
        kind, _, rest = step.partition(" ")
        if kind == "+":
            return self.held | {name: subject for name, _, subject in (each.partition(":") for each in rest.split())}
        if kind == "-":
            return {name: subject for name, subject in self.held.items() if name != rest}
        if kind == "forget":
            return {name: subject for name, subject in self.held.items() if subject != rest}
        return self.held

    def hear(self, lines: list[str]) -> str:
        """Take what was said; return the step that was not acknowledged, if there is one."""
        step = ""
        for line in lines:
            if line == "ok":
                self.held, step = self.after(step), ""
                self.steps += 1
            elif line != "opened":
                step = line
        return step


def killed_once(folder: Path, told: Told, seed: int, most_lines: int) -> None:
    """Let a process write, kill it after so many lines and a moment, and compare."""
    chance = random.Random(seed)
    stop = chance.randrange(1, most_lines)
    with subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        lines = []
        for line in child.stdout:
            lines.append(line.rstrip("\n"))
            if len(lines) == stop:
                break
        # Whole numbers of nothing: some part of the next step goes on meanwhile.
        sum(range(chance.randrange(200_000)))
        child.kill()
        lines += child.stdout.read().split("\n")[:-1]
        errors = child.stderr.read()
    assert not errors, errors
    check(folder, told, told.hear(lines))


def check(folder: Path, told: Told, step: str) -> None:
    """See that everything acknowledged is there, and of the last step all or nothing."""
    with Vault.open(folder / "data", keys=folder / "keys") as vault:
        found = set(vault.ids())
        following = told.after(step)
        assert found in (set(told.held), set(following)), (step, found ^ set(told.held))
        if found == set(following):
            told.held = following
        for name, record in zip(sorted(found), vault.get(sorted(found)), strict=True):
            assert record is not None
            assert record.document == f"document {name}"
            assert np.array_equal(record.vector, np.array(vector_of(name), np.float32))
        vault.verify()
