"""Audits a target by the command that users call."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from targets import Target

_PROGRAM: Final = (str(Path(sys.executable).with_name("privet")), "audit", "endpoint")


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit found. `code`: its exit status, `seconds`: its wall time."""

    code: int
    seconds: float
    digest: str
    verdicts: dict[str, str]
    says: dict[str, str]
    run: dict[str, Any]
    trouble: str = ""
    fixes: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> list[str]:
        """The ids that fail."""
        return [name for name, verdict in self.verdicts.items() if verdict == "fail"]


def audit(target: Target, *more: str) -> Audited:
    """Return what the audit of a target finds."""
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as folder:
        command = [*_PROGRAM, target.url, *_given(target, Path(folder)), "--json", *more]
        begun = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return Audited(done.returncode, seconds, "", {}, {}, {}, " | ".join(done.stderr.splitlines()[-3:]))
    tests = found["tests"]
    return Audited(
        done.returncode,
        seconds,
        found["digest"],
        {test["id"]: test["verdict"] for test in tests},
        {test["id"]: test["says"] for test in tests},
        found.get("run", {}),
        fixes={test["id"]: test["fix"] for test in tests if test["fix"]},
    )


def _given(target: Target, folder: Path) -> Sequence[str]:
    options: list[str] = []
    for number, key in enumerate(target.keys[:2]):
        file = folder / f"key-{number}"
        file.write_text(key)
        file.chmod(0o600)
        options += ["--tenant-key-file" if number else "--key-file", str(file)]
    if target.pid:
        options += ["--server-pid", str(target.pid)]
    for name, value in (
        ("--watch-dir", target.watch),
        ("--canaries", target.canaries),
        ("--membership", target.membership),
    ):
        if value:
            options += [name, value]
    return options
