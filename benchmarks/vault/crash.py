"""Kills a writing process so many times and looks at the vault after each: `crash.py [KILLS] [SEED]`.

Each kill comes after a number of acknowledged steps of chance and a moment of the next one. What was acknowledged must be there, the step
in progress all or not at all, and every byte must open. It prints how many steps were acknowledged and how many vaults were not as they
should be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests" / "vault"))

from crashes import Told, killed_once

PER_VAULT = 25
"""A vault that is too large makes each check slow."""


def main() -> int:
    """Return how many kills left a vault that is not as it should be, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", nargs="?", type=int, default=1000)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    given = parser.parse_args()
    steps = bad = 0
    started = time.monotonic()
    for first in range(0, given.kills, PER_VAULT):
        told = Told()
        with tempfile.TemporaryDirectory() as folder:
            for kill in range(first, min(first + PER_VAULT, given.kills)):
                try:
                    killed_once(Path(folder), told, given.seed * 1_000_003 + kill, most_lines=40)
                except AssertionError as error:
                    bad += 1
                    print(f"kill {kill}: {error}", file=sys.stderr)
                    break
        steps += told.steps
    print(f"{given.kills} kills, {steps} acknowledged steps, {bad} bad, {time.monotonic() - started:.0f} s")
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
