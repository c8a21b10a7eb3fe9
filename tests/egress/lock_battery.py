# ruff: noqa: T201 -- a program that prints
"""The escape battery against `privet.egress.lock()`: every way unlocked, then from programs that a locked process starts, then in itself.

    lock_battery.py [--json FILE] [--how itself,programs]

The ways, the sinks and the world around them are those of `battery`. `itself` runs Python's ways in forks of the locked process, where the
audit hook is up too, and the others as its children; `programs` runs all as programs of their own, which have the kernel's layers alone.
The exit status is 1 where a way leaves that is not expected to, 69 where namespaces cannot be had.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent / "battery"))

import driver
import inside
import run
import world
from systems import System
from way import WAYS

EXPECTED: Final = {
    "tcp-loopback": "loopback is open",
    "tcp-loopback6": "loopback is open",
    "tcp-zero": "0.0.0.0 is loopback",
    "tcp-late": "loopback is open, also to what starts later",
    "host-name": "a file that root of the world may write",
}
NEEDS_NO_SOCKET_OPEN_BEFORE: Final = ("inherited-tcp", "inherited-udp", "inherited-unix", "inherited-fresh")
DEADLINE: Final = 6


def main() -> int:
    """Build the world and print what left."""
    parser = argparse.ArgumentParser(description="the escape battery against the lock of a process")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--how", default="itself,programs")
    parser.add_argument("--inside", choices=("unlocked", "programs", "itself"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        be_inside(options.inside)
        return 0
    with tempfile.TemporaryDirectory(prefix="battery-", dir="/tmp") as name:
        folder = Path(name)
        try:
            code = world.enter(folder, lambda: act(folder, options.how.split(",")))
        except world.NoWorld as missing:
            print(f"no world: {missing}", file=sys.stderr)
            return driver.NO_WORLD
        if code:
            return code
        found = json.loads((folder / "found.json").read_bytes())
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    left = {how: sorted(set(found[how]["left"]) & set(found["unlocked"]["left"])) for how in options.how.split(",")}
    print(f"{len(found['unlocked']['left'])} ways leave unlocked")
    for how, names in left.items():
        print(f"locked, {how}: {len(found[how]['ran'])} ways tried, {len(names)} left: {', '.join(names)}")
    return int(any(set(names) - set(EXPECTED) for names in left.values()))


def act(folder: Path, kinds: list[str]) -> int:
    """Run all ways unlocked and locked; write which ran and which words arrived."""
    stage = driver.set_the_stage(folder, "user", set())
    stage.records = [
        one for one in stage.records
        if one.group == "batch" and one.network and not one.missing and one.name not in NEEDS_NO_SOCKET_OPEN_BEFORE
    ]  # fmt: skip
    numbers = {
        "folder": os.open("/run", os.O_RDONLY),
        "o_path": os.open(stage.targets["docker"], os.O_PATH),
        "pidfd": os.pidfd_open(stage.targets["victim"]["pid"]),
        "namespace": os.open("/proc/self/ns/net", os.O_RDONLY),
    }
    stage.targets["inherited"] = numbers
    found = {how: tried(stage, how, tuple(numbers.values())) for how in ("unlocked", *kinds)}
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")
    return 0


def tried(stage: run.Stage, how: str, kept: tuple[int, ...]) -> dict[str, Any]:
    """Run the ways of the stage once."""
    run.fresh_targets(stage)
    words = {one.name: run.new_word() for one in stage.records}
    command = (sys.executable, str(Path(__file__).resolve()), "--inside", how)
    before = stage.outside.drain()
    outcomes = batch(stage, command, words, kept)
    crossed = stage.outside.drain() - before
    if stage.victim and stage.victim.stdin and stage.victim.stdout:
        stage.victim.stdin.write("send\n")
        stage.victim.stdin.flush()
        stage.victim.stdout.readline()
    arrived = stage.arrived()
    run.close(stage)
    return {
        "ran": sorted(outcomes),
        "left": sorted(name for name, word in words.items() if word in arrived),
        "frames": crossed,
        "said": outcomes,
    }


def batch(stage: run.Stage, command: tuple[str, ...], words: dict[str, str], kept: tuple[int, ...]) -> dict[str, str]:
    """Start this file inside, give it the ways, return the last line of each."""
    with run.started(stage, System(command[-1], "", ()), list(command), pass_fds=kept) as one:
        run.late(stage)
        jobs = [{"name": way.name, "argv": way.argv(words[way.name], stage.targets)} for way in stage.records]
        said, _ = one.communicate("".join(json.dumps(job) + "\n" for job in jobs) + "\n", timeout=60)
    return {result["name"]: result["said"] for result in map(json.loads, said.splitlines())}


def be_inside(how: str) -> None:
    """Take orders as `inside` does, in a locked process."""
    if how != "programs":
        import by_inherited  # noqa: F401 -- they enter themselves into the table
        import by_kernel  # noqa: F401
        import by_socket  # noqa: F401
        import by_unix  # noqa: F401

        inside.attempt = partial(attempt, inside.attempt)
    if how != "unlocked":
        from privet import egress

        egress.lock()
    sys.stdin.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    inside.main()


def attempt(as_program: Callable[[Any], Any], job: dict[str, Any]) -> Any:
    """Run a Python way in a fork of this process; its last line is the error."""
    if len(job["argv"]) < 3 or job["argv"][-3] not in WAYS:
        return as_program(job)
    name, word, targets = job["argv"][-3:]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()
        said = "done"
        try:
            signal.alarm(DEADLINE)
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            WAYS[name].act(word.encode(), json.loads(targets))
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(writing, said.encode()[:200])
            os._exit(0)
    os.close(writing)
    with contextlib.closing(os.fdopen(reading, "rb", closefd=True)) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return {"name": job["name"], "status": status, "said": said.decode("utf-8", "replace")}


if __name__ == "__main__":
    sys.exit(main())
