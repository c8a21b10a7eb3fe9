"""The locks that are timed side by side, each as the words before a command; what is not installed is left out and named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PRIVET: Final = str(Path(sys.executable).with_name("privet"))
_LANDLOCK: Final = Path(__file__).resolve().parents[2] / "tests" / "egress" / "battery" / "landlock.py"

EVERY: Final[dict[str, list[str]]] = {
    "none": [],
    "privet run": [PRIVET, "run", "--"],
    "bwrap --unshare-net": ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--"],
    "firejail --net=none": ["firejail", "--quiet", "--noprofile", "--net=none", "--"],
    "python3 (for scale)": [sys.executable, "-ESs", "-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"],
    "Landlock alone": [sys.executable, "-ESs", str(_LANDLOCK)],
}


def at_hand(names: list[str]) -> dict[str, list[str]]:
    """Return the locks that start here, "none" first; name the others on standard error."""
    found = {}
    for name in names:
        prefix = EVERY[name]
        if prefix and not shutil.which(prefix[0]):
            print(f"{name}: not installed", file=sys.stderr)
        elif subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
            print(f"{name}: does not start here", file=sys.stderr)
        else:
            found[name] = prefix
    return found
