"""What is judged: the command lines that lock a program, and why one cannot be had here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
NOWHERE: Final = "http://127.0.0.1:9"
PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class System:
    """A named way to lock a program: the words that stand before its command."""

    name: str
    title: str
    prefix: tuple[str, ...]

    def refusal(self, env: dict[str, str], folder: Path) -> str:
        """Return why it does not start here, or nothing."""
        if not self.prefix:
            return ""
        if not shutil.which(self.prefix[0]):
            return "not installed"
        try:
            done = subprocess.run(
                [*(word for word in self.prefix if word != "--quiet"), "true"],
                capture_output=True,
                timeout=30,
                check=False,
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return "no end within 30 s"
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        if b"existing sandbox was detected" in done.stderr:
            return "it takes this world for a sandbox, and locks nothing"
        return "" if done.returncode == 0 else f"exit {done.returncode}: {said[-1] if said else ''}"


def systems(privet: str) -> dict[str, System]:
    """Return every system by name; `privet` is the path of the command under test."""
    every = (
        System("unlocked", "unlocked", ()),
        System("privet", "`privet run`", (privet, "run", "--")),
        System("bwrap", "bwrap `--unshare-net`", ("bwrap", "--dev-bind", "/", "/", "--unshare-net", "--")),
        System("landlock", "Landlock alone", (sys.executable, "-ESs", str(HERE / "landlock.py"))),
        System("proxy", "proxy variables", ("env", *(f"{name}={NOWHERE}" for name in PROXIES))),
        System("firejail", "firejail `--net=none`", ("firejail", "--quiet", "--noprofile", "--net=none", "--")),
    )
    return {one.name: one for one in every}
