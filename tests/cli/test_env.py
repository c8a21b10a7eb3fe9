"""`privet env`: what a shell is told, what a person is told, and that no secret is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from privet.cli import VERBS, main
from privet.environment import CATALOGUE, safe

PRIVET = str(Path(sys.executable).with_name("privet"))
WEAK = {"DO_NOT_TRACK": "true", "HF_HUB_OFFLINE": "0", "HF_TOKEN": "zebra-quagga", "SSLKEYLOGFILE": "/tmp/keys"}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sh(tmp_path: Path) -> Run:
    """Return a function that runs a line of POSIX shell, `privet` on its path, with weak variables and nothing else."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{Path(PRIVET).parent}:/usr/bin:/bin", "HOME": str(tmp_path), **WEAK}
        return subprocess.run(
            ["/bin/sh", "-c", line], env=env, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
        )

    return run


def test_a_shell_takes_it(sh: Run) -> None:
    done = sh(
        'eval "$(privet env)"; echo "$DO_NOT_TRACK,$HF_HUB_OFFLINE,$MLFLOW_DISABLE_TELEMETRY,${HF_TOKEN-gone},${SSLKEYLOGFILE-gone}"'
    )
    assert (done.returncode, done.stdout) == (0, "1,1,true,gone,gone\n")
    assert done.stderr == (
        "privet env: corrected DO_NOT_TRACK, HF_HUB_OFFLINE, SSLKEYLOGFILE\n"
        "privet env: taken out HF_TOKEN\n  --pass-env NAME leaves one in\n"
    )


def test_a_second_time_there_is_nothing_to_do(sh: Run) -> None:
    done = sh('eval "$(privet env 2>/dev/null)"; privet env')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_named_is_left_in(sh: Run) -> None:
    done = sh('eval "$(privet env --pass-env HF_TOKEN --pass-env HF_HUB_OFFLINE)"; echo "$HF_TOKEN $HF_HUB_OFFLINE"')
    assert done.stdout == "zebra-quagga 0\n"
    assert done.stderr == "privet env: corrected DO_NOT_TRACK, SSLKEYLOGFILE\n"


@pytest.mark.parametrize("words", ["", "--json", "--json --pass-env HF_TOKEN", "--pass-env HF_TOKEN"])
def test_no_secret_is_shown(sh: Run, words: str) -> None:
    done = sh(f"privet env {words}")
    assert done.returncode == 0
    assert "zebra-quagga" not in done.stdout + done.stderr


def test_machines_are_told_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for setting in CATALOGUE:
        monkeypatch.delenv(setting.name, raising=False)
    for name, value in WEAK.items():
        monkeypatch.setenv(name, value)
    assert main(["env", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["corrected"] == ["DO_NOT_TRACK", "HF_HUB_OFFLINE", "SSLKEYLOGFILE"]
    assert "HF_TOKEN" in told["withheld"]
    assert {"HF_TOKEN", "SSLKEYLOGFILE"} <= set(told["unset"])
    assert told["set"].items() >= safe(WEAK).environment.items()


def test_the_command_is_listed() -> None:
    assert "env" in VERBS
