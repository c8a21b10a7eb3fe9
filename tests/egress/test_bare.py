"""The way to a program's first instruction is short."""

from __future__ import annotations

import subprocess
import sys

SLOW = (
    "typing",
    "enum",
    "re",
    "contextlib",
    "pathlib",
    "signal",
    "socket",
    "collections",
    "argparse",
    "json",
    "threading",
)


def test_a_start_imports_no_slow_module() -> None:
    source = f"import sys; import privet.cli, privet.cli.run, privet.egress.run; print([n for n in {SLOW!r} if n in sys.modules])"
    # Without the site, which imports what the installed packages want.
    path = [entry for entry in sys.path if entry.endswith("src")]
    source = f"import sys; sys.path[:0] = {path!r}; {source}"
    done = subprocess.run([sys.executable, "-S", "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
