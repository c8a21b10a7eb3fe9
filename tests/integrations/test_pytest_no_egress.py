"""`pytest --privet-no-egress`, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

OUTSIDE = "192.0.2.7"  # reserved for documentation (RFC 5737)
QUIET = """
import socket
def test_loopback():
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
    server.close()
"""
LOUD = f"""
import contextlib, socket, subprocess, sys
def test_that_says_so():
    for _ in range(2):
        with contextlib.suppress(OSError):
            socket.create_connection(("{OUTSIDE}", 443), 2)
def test_that_asks_for_a_name():
    with contextlib.suppress(OSError):
        socket.getaddrinfo("zebra.example.com", 443)
def test_that_starts_something():
    code = "import socket; socket.create_connection(('{OUTSIDE}', 80), 2)"
    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == 1
"""
EARLY = f"""
import socket
with socket.socket() as held:
    held.settimeout(2)
    assert held.connect_ex is not None
    try:
        held.connect(("{OUTSIDE}", 8080))
    except OSError:
        pass
"""


def run(folder: Path, tests: str, *words: str, conftest: str = "") -> tuple[int, str]:
    (folder / "test_them.py").write_text(tests, encoding="utf-8")
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    plugin = ("-p", "privet.integrations.pytest_no_egress", "-p", "no:cacheprovider", "-p", "no:randomly")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "cannot be" in done.stderr:
        pytest.skip(f"the lock cannot be had here: {done.stderr}")
    return done.returncode, done.stdout


def test_a_run_that_stays_here_passes(tmp_path: Path) -> None:
    code, said = run(tmp_path, QUIET, "--privet-no-egress")
    assert code == 0
    assert "privet: no egress: audit hook, seccomp" in said
    assert "to leave this machine" not in said


def test_attempts_are_told_by_test_and_fail_the_run(tmp_path: Path) -> None:
    code, said = run(tmp_path, LOUD, "--privet-no-egress")
    assert code == 1
    assert "3 passed" in said
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert f"test_them.py::test_that_says_so {OUTSIDE}:443 2" in lines
    assert "test_them.py::test_that_asks_for_a_name zebra.example.com 1" in lines
    if "connections" in said.partition("privet: no egress: ")[2].partition(";")[0].partition("\n")[0]:
        assert f"test_them.py::test_that_starts_something {OUTSIDE}:80 1" in lines
        assert any("privet: 4 attempts to leave this machine" in line for line in lines)


def test_what_a_conftest_tries_is_told_too(tmp_path: Path) -> None:
    code, said = run(tmp_path, QUIET, "--privet-no-egress", conftest=EARLY)
    assert code == 1
    assert f"(outside a test)  {OUTSIDE}:8080  1" in said
    assert "privet: 1 attempt to leave this machine" in said


def test_a_failing_run_stays_one(tmp_path: Path) -> None:
    assert run(tmp_path, "def test(): raise ValueError", "--privet-no-egress")[0] == 1


def test_without_the_option_nothing_is_locked(tmp_path: Path) -> None:
    tests = "import socket, sys\ndef test():\n    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()\n"
    tests += "    assert 'privet.egress.in_process' not in sys.modules\n"
    assert run(tmp_path, tests)[0] == 0


def test_where_it_cannot_be_had_no_test_runs(tmp_path: Path) -> None:
    # A datagram socket that is open before could be sent to any address.
    (tmp_path / "early.py").write_text(
        "import socket\nheld = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n", encoding="utf-8"
    )
    (tmp_path / "test_them.py").write_text(QUIET, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-p", "early", "-p", "privet.integrations.pytest_no_egress"]
    done = subprocess.run(
        [*words, "--privet-no-egress", "-p", "no:cacheprovider"],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "open sockets that lead away, or could: 1 UDP" in done.stderr
    assert "passed" not in done.stdout


def test_every_worker_of_xdist_is_locked(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    code, said = run(tmp_path, LOUD, "--privet-no-egress", "-n", "2")
    assert code == 1
    rows = [line for line in said.splitlines() if "::" in line and ("example.com" in line or OUTSIDE in line)]
    told = [row.split() for row in rows]
    assert ["test_them.py::test_that_says_so", f"{OUTSIDE}:443", "2"] in told
    assert ["test_them.py::test_that_asks_for_a_name", "zebra.example.com", "1"] in told
    # The table is aligned.
    assert len({row.index(destination) for row, (_, destination, _) in zip(rows, told, strict=True)}) == 1
    assert len({len(row) for row in rows}) == 1
