"""Programs of the system that make another format of a file: run apart, bounded, and ended with all that they started.

Invariants: a folder and settings of their own, no input, no output but files in that folder, no network where the system allows it to be
cut off.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from privet.metadata.job import CannotClean


def run(command: Sequence[str], folder: Path, seconds: float, name: str) -> int:
    """Run a program in a folder until it ends; return its exit status.

    Raises:
        CannotClean: it takes longer than that; `name` is what it is called.

    """
    settings = {
        "PATH": os.defpath + os.pathsep + "/usr/local/bin", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8",
        "SAL_USE_VCLPLUGIN": "svp", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9",
    }  # fmt: skip
    with subprocess.Popen(  # noqa: S603 (a program of the system, with a file that has a fixed name)
        [*_without_network(), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=settings,
        cwd=folder,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise CannotClean(f"{name} takes too long to read it") from error
        finally:
            # A starter leaves when what it started does not: all of the session goes.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


@functools.cache
def _without_network() -> tuple[str, ...]:
    """Return the words before a command that keep it off the network, none where this system lets nobody do so."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    words = (program, "--user", "--map-current-user", "--net", "--")
    try:
        tried = subprocess.run([*words, "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return words if tried.returncode == 0 else ()
