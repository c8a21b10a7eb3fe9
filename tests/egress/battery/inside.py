# ruff: noqa: T201 -- its output is what it is for
"""Runs inside the lock: starts the ways it is told of, several at once, each with a deadline, and says when each has ended.

Standard input: one line of JSON {"name", "argv"} each, an empty line at the end. Standard output: "ready", then one line of JSON each
{"name", "status", "said"}. `said` is the last line of the program; it is shown as a reason and never believed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

AT_ONCE = 6
DEADLINE = 6.0


def attempt(job: dict[str, Any]) -> dict[str, Any]:
    argv = job["argv"]
    try:
        one = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            close_fds=False,
            start_new_session=True,
        )
    except OSError as error:
        return {"name": job["name"], "status": -1, "said": f"cannot be started: {error.strerror}"}
    try:
        said = one.communicate(timeout=DEADLINE)[0]
    except subprocess.TimeoutExpired:
        os.killpg(one.pid, signal.SIGKILL)
        said = one.communicate()[0] + b"\nno end in time"
    last = said.decode("utf-8", "replace").strip().splitlines()
    return {"name": job["name"], "status": one.returncode, "said": last[-1][:200] if last else ""}


def main() -> None:
    print("ready", flush=True)
    jobs = []
    for line in sys.stdin:
        if not line.strip():
            break
        jobs.append(json.loads(line))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for result in pool.map(attempt, jobs):
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
