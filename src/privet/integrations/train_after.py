"""What follows on a training: the audit of the model with its canaries, and its card. Each is the command that a user would give.

Invariant: what was not measured is said to be not measured; no failure here takes back weights that are in place.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from privet.errors import BadInput
from privet.evidence import read_json
from privet.integrations.train_data import Told
from privet.train_config import TrainConfig

AUDIT: Final = "audit-model.json"
_CLEAN: Final = 0
_FINDINGS: Final = 1


@dataclass(frozen=True, slots=True)
class After:
    """What came of audit and card. `code`: the exit code that follows."""

    verdict: str | None
    audit: str
    card: bool
    card_says: str
    code: int


def after(config: TrainConfig, policy: Path | None, told: Told) -> After:
    """Audit the model where canaries were planted, and write its card."""
    verdict, says, code = None, "not audited: no canaries were planted", _CLEAN
    if config.canaries:
        told("audit", 0, 1)
        verdict, says, code = _audited(config, policy)
    told("card", 0, 1)
    done = _privet("card", config.output)
    card = done.returncode == _CLEAN
    card_says = "README.md, from the evidence" if card else f"not written: {_reason(done)}"
    return After(verdict, says, card, card_says, code or done.returncode)


def _audited(config: TrainConfig, policy: Path | None) -> tuple[str | None, str, int]:
    """Return verdict, words and exit code of the audit, which keeps its report with the evidence."""
    words: list[Any] = [config.output, "--canaries", config.canary_file, "--seed", config.seed, "--evidence", "--json"]
    if config.model.is_dir():
        words += ["--base", config.model]
    if policy is not None:
        words += ["--policy", policy]
    done = _privet("audit", "model", *words)
    try:
        report = read_json(done.stdout) if done.returncode in (_CLEAN, _FINDINGS) else None
    except BadInput:
        report = None
    if not isinstance(report, dict) or "verdict" not in report:
        return None, f"not audited: {_reason(done)}", done.returncode or 3
    return str(report["verdict"]), f"{report['verdict']}: evidence/{AUDIT}", done.returncode


def _privet(*words: str | Path | float) -> subprocess.CompletedProcess[bytes]:
    # A process of its own gives its memory back, and the lock holds it too.
    command = [sys.executable, "-m", "privet", *map(str, words)]
    return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 (our own)


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the first line of what a command said: our messages hold nothing personal."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else f"it ended with {done.returncode}"
