"""The tools that are compared, each as fast as it can be driven: one process for all files, started once.

Invariants:

- Every tool sees the same files and writes to a folder of its own; what it printed or wrote nowhere else is not judged.
- A file that takes longer than its limit is a hang, one whose process dies a crash; the process is started again for the next.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
SECONDS_A_FILE: Final = 30
PR_SET_CHILD_SUBREAPER: Final = 36


def adopt() -> None:
    """Become the parent of grandchildren that outlive their parents, so that their processor time is counted."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass(slots=True)
class Outcome:
    """What a tool did with one file; `out` is None where it wrote none."""

    status: str
    out: Path | None = None
    reason: str = ""
    seconds: float | None = None


@dataclass(slots=True)
class Run:
    """What a tool did with all files, in wall and processor seconds."""

    outcomes: dict[str, Outcome]
    wall_seconds: float
    cpu_seconds: float
    notes: list[str] = field(default_factory=list)


def _cpu() -> float:
    """Return the processor seconds of all children, also of those whose parents are gone."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def privet(raw: Path, out: Path, names: Sequence[str], tier: str, workers: int) -> Run:
    """Scrub the folders that hold the files in one command."""
    inputs = sorted({raw / name.partition("/")[0] for name in names})
    environment = {**os.environ, "XDG_STATE_HOME": str(out.parent / "state")}
    started, cpu = time.monotonic(), _cpu()
    done = subprocess.run(
        [sys.executable, "-m", "privet", "scrub", *inputs, "-o", out, "--tier", tier, "--workers", str(workers)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=3600,
        check=False,
    )
    wall = time.monotonic() - started
    time.sleep(1)  # until the last helper has ended
    used = _cpu() - cpu
    notes = [] if done.returncode in (0, 1) else [f"privet scrub: exit {done.returncode}: {done.stderr[-400:]}"]
    manifest = (
        json.loads((out / "privet-manifest.json").read_text())
        if (out / "privet-manifest.json").exists()
        else {"files": []}
    )
    entries = {entry["input"]: entry for entry in manifest["files"]}
    outcomes = {}
    for name in names:
        # One folder is scrubbed as the tree that it is, several are told apart by their names.
        entry = entries.get(name if len(inputs) > 1 else name.partition("/")[2])
        if entry is None:
            outcomes[name] = Outcome("crashed", reason="not in the manifest")
        elif entry["status"] == "cleaned":
            outcomes[name] = Outcome("emitted", out / entry["output"])
        else:
            reason = entry["reason"] or ""
            crash = "failed" in reason or "unexpected" in reason or "stopped" in reason
            hang = "too long" in reason or "seconds" in reason
            outcomes[name] = Outcome("hung" if hang else "crashed" if crash else "refused", reason=reason)
    return Run(outcomes, wall, used, notes)


class Worker:
    """A child process that takes a path a line and answers with JSON a line."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it."""
        self.command = list(command)
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return its answer; "hung" or "crashed" where there is none, and it is started again for the next."""
        if self.process is None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.close()
            return {"status": "crashed"}
        if not select.select([self.process.stdout], [], [], SECONDS_A_FILE)[0]:
            self.process.kill()
            self.close()
            return {"status": "hung"}
        line = self.process.stdout.readline()
        if not line:
            self.close()
            return {"status": "crashed"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        if self.process:
            assert self.process.stdin
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def worked(command: Sequence[str], raw: Path, out: Path, names: Sequence[str]) -> Run:
    """Let a worker clean the files one by one."""
    outcomes = {}
    worker = Worker(command)
    started, cpu = time.monotonic(), _cpu()
    for name in names:
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        answer = worker.ask({"source": str(raw / name), "target": str(target)})
        exists = target.exists() and not target.is_symlink()
        status = answer["status"] if answer["status"] != "emitted" or exists else "refused"
        outcomes[name] = Outcome(
            status,
            target if status == "emitted" else None,
            str(answer.get("reason", ""))[:120],
            time.monotonic() - begun,
        )
    worker.close()
    return Run(outcomes, time.monotonic() - started, _cpu() - cpu)


def mat2(raw: Path, out: Path, names: Sequence[str]) -> Run:
    """Use mat2 as a library in the Python of the system, so that its start is paid once."""
    return worked(["/usr/bin/python3", str(HERE / "mat2_worker.py")], raw, out, names)


def pikepdf(raw: Path, out: Path, names: Sequence[str]) -> Run:
    """Rewrite PDFs without document information, XMP, annotations' authors and embedded files."""
    return worked(
        [sys.executable, str(HERE / "pikepdf_worker.py")], raw, out, [name for name in names if name.endswith(".pdf")]
    )


def exiftool(raw: Path, out: Path, names: Sequence[str]) -> Run:
    """Run `exiftool -all=` over all files in one process."""
    lines: list[str] = []
    for name in names:
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        lines += ["-all=", "-q", "-o", str(target), str(raw / name), "-execute"]
    started, cpu = time.monotonic(), _cpu()
    subprocess.run(
        ["exiftool", "-@", "-"], input="\n".join(lines), text=True, capture_output=True, timeout=1800, check=False
    )
    wall, used = time.monotonic() - started, _cpu() - cpu
    outcomes = {
        name: Outcome("emitted", out / name) if (out / name).is_file() else Outcome("refused", reason="no output")
        for name in names
    }
    return Run(outcomes, wall, used)


def available() -> dict[str, bool]:
    """Return which tools are installed."""
    return {
        "privet": True,
        "mat2": shutil.which("mat2") is not None,
        "exiftool": shutil.which("exiftool") is not None,
        "pikepdf": True,
    }
