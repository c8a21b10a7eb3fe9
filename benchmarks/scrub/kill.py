"""`privet scrub` killed with all its processes at random moments, then the same command again; a full disk; a read-only target.

What must hold after every kill: each file in the output whose name does not begin with `.privet` is byte for byte what an undisturbed run
gives.
What must hold at the end: so are all of them, and nothing else is there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import english
from processes import PRIVET, adopt_orphans, members

HIDDEN = ".privet"
MANIFEST = "privet-manifest.json"
COMMIT_SHARE = 0.4
"""So many of the kills wait until the outputs come into place."""


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills (default: 100)")
    parser.add_argument("--mb", type=float, default=6, help="of JSON lines and of Parquet each (default: 6)")
    parser.add_argument("--files", type=int, default=300, help="small files beside (default: 300)")
    parser.add_argument("--tier", choices=("patterns", "names"), default="patterns")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="public annotated texts, see benchmarks/detect/README.md"
    )
    return parser.parse_args()


def write(folder: Path, asked: argparse.Namespace) -> None:
    """Write tables, and small files in folders."""
    folder.mkdir()
    texts = list(english.documents(int(asked.mb * 1e6), folder=asked.data))
    english.write_jsonl(folder / "a.jsonl", texts)
    english.write_parquet(folder / "b.parquet", texts, rows_of_group=300)
    for number, text in enumerate(english.documents(10**9, seed=2, folder=asked.data)):
        if number == asked.files:
            break
        place = folder / f"part-{number % 7}"
        place.mkdir(exist_ok=True)
        (place / f"note-{number}.txt").write_text(text, encoding="utf-8")


def digests(out: Path) -> dict[str, str]:
    """Return what a reader sees in an output: files by name, their digests; files of an unfinished run are not seen."""
    seen = {}
    for path in sorted(out.rglob("*")) if out.exists() else []:
        name = path.relative_to(out)
        if path.is_file() and not any(part.startswith(HIDDEN) for part in name.parts):
            seen[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return seen


class Scrub:
    """The command, again and again."""

    def __init__(self, source: Path, state: Path, tier: str) -> None:
        self._arguments = (str(source), "--tier", tier, "--workers", "2")
        self._environment = {**os.environ, "XDG_STATE_HOME": str(state)}

    def start(self, out: Path) -> subprocess.Popen[bytes]:
        """Start it in a session of its own."""
        command = [*PRIVET, *self._arguments, "-o", str(out)]
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, env=self._environment
        )

    def finish(self, out: Path) -> tuple[int, str]:
        """Run it to its end; return its exit status and what it said."""
        process = self.start(out)
        _, said = process.communicate()
        return process.returncode, said.decode(errors="replace").strip()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill all processes of a run at once."""
    for pid in (process.pid, *members(process.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    while members(process.pid):
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.005)


def wait(process: subprocess.Popen[bytes], out: Path, generator: random.Random, usual: float) -> str:
    """Wait for a random moment, or for one at which files come into place; return which."""
    if generator.random() > COMMIT_SHARE:
        end = time.perf_counter() + generator.uniform(0, usual)
        while process.poll() is None and time.perf_counter() < end:
            time.sleep(0.005)
        return "any moment"
    meant = out / ".privet-work" / "outputs.json"
    while process.poll() is None and not meant.exists():
        time.sleep(0.0005)
    time.sleep(generator.uniform(0, 0.05))
    return "files coming into place"


def killed_often(scrub: Scrub, folder: Path, asked: argparse.Namespace) -> int:
    """Kill runs at random moments; return how many things were wrong."""
    begun = time.perf_counter()
    code, said = scrub.finish(folder / "whole")
    usual = time.perf_counter() - begun
    whole = digests(folder / "whole")
    if code or len(whole) < asked.files:
        sys.exit(f"bench: the undisturbed run ended with {code}: {said[-300:]}")
    generator = random.Random(asked.seed)  # noqa: S311  (repeatable)
    wrong = kills = rounds = 0
    moments: dict[str, int] = {}
    partly = 0
    while kills < asked.kills:
        out = folder / "out"
        rounds += 1
        # Several kills in a row before a run may come to its end.
        for _ in range(generator.randrange(1, 6)):
            process = scrub.start(out)
            moment = wait(process, out, generator, usual)
            if process.poll() is None:
                kills += 1
                moments[moment] = moments.get(moment, 0) + 1
            kill(process)
            seen = digests(out)
            partly += 0 < len(seen) < len(whole)
            bad = [name for name, sha256 in seen.items() if whole.get(name) != sha256]
            wrong += len(bad)
            if bad:
                print(f"after a kill at {moment}: {len(bad)} files are not what they should be")
        code, said = scrub.finish(out)
        seen = digests(out)
        left = [path.name for path in out.iterdir() if path.name.startswith(HIDDEN)]
        if code or seen != whole or left:
            wrong += 1
            print(f"the run after the kills: exit {code}, {len(seen)} of {len(whole)} files, the same: {seen == whole}")
            print(f"  left: {left}; it said: {said[-200:]}")
        shutil.rmtree(out)
    where = ", ".join(f"{count} at {moment}" for moment, count in sorted(moments.items()))
    print(
        f"{kills} kills ({where}) in {rounds} rounds; {partly} times the output held some of the files; {wrong} wrong"
    )
    return wrong


def disk_full(scrub: Scrub, folder: Path, megabytes: float) -> int:
    """Run onto a file system that is too small, then make it larger and run again; return how many things were wrong."""
    disk = folder / "disk"
    disk.mkdir()
    size = max(1, int(megabytes))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("disk full: not measured, it takes root and a mount")
        return 0
    try:
        whole = digests(folder / "whole")
        code, said = scrub.finish(disk / "out")
        seen = digests(disk / "out")
        bad = [name for name, sha256 in seen.items() if whole.get(name) != sha256]
        subprocess.run(["mount", "-o", "remount,size=4g", str(disk)], check=True)
        again, _ = scrub.finish(disk / "out")
        same = digests(disk / "out") == whole
    finally:
        subprocess.run(["umount", str(disk)], check=False)
    print(f"disk of {size} MB full: exit {code} ({said.splitlines()[0] if said else ''}), {len(bad)} wrong files")
    print(f"  with more space: exit {again}, the same: {same}")
    return len(bad) + (code == 0) + bool(again) + (not same)


def read_only(scrub: Scrub, folder: Path) -> int:
    """Run into a file system that cannot be written; return how many things were wrong."""
    disk = folder / "fixed"
    disk.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(disk)], capture_output=True, check=False
        ).returncode
    ):
        print("read-only target: not measured, it takes root and a mount")
        return 0
    try:
        code, said = scrub.finish(disk / "out")
    finally:
        subprocess.run(["umount", str(disk)], check=False)
    print(f"read-only target: exit {code} ({said.splitlines()[0] if said else ''})")
    return int(code not in (2, 3)) + int("Traceback" in said)


def main() -> int:
    """Run all; 1 where something was wrong."""
    asked = options()
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as temporary:
        folder = Path(temporary)
        write(folder / "in", asked)
        scrub = Scrub(folder / "in", folder / "state", asked.tier)
        wrong = killed_often(scrub, folder, asked) + disk_full(scrub, folder, asked.mb) + read_only(scrub, folder)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
