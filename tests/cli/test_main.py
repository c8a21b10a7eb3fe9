"""The command itself: help, version, wrong words, and where errors go."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from privet import __version__
from privet.cli import VERBS, main

Run = Callable[..., subprocess.CompletedProcess[str]]
VERB_NAMES = ("serve", "detect", "policy")


@pytest.fixture
def privet(tmp_path: Path) -> Run:
    """Return a function that runs the installed command in an empty folder with a home of its own."""
    program = Path(sys.executable).with_name("privet")

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environment}
        return subprocess.run(
            [program, *words], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path, env=env, input=""
        )

    return run


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_lists_the_verbs(privet: Run, words: tuple[str, ...]) -> None:
    done = privet(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: privet ")
    for verb in VERB_NAMES:
        assert f"    {verb} " in done.stdout
        assert VERBS[verb] in " ".join(done.stdout.split())
    assert "\x1b" not in done.stdout


def test_help_loads_no_verb_and_no_library() -> None:
    code = (
        "import sys; from privet.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('uvicorn', 'uvloop', 'httptools', 'PIL', 're2', 'phonenumbers', 'prometheus_client', 'xllamacpp', 'asyncio')\n"
        "  or m.startswith(('privet.serve', 'privet.cli.'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", VERB_NAMES)
def test_every_verb_has_help(privet: Run, verb: str) -> None:
    done = privet(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: privet {verb} ")


def test_the_version_is_the_packages(privet: Run) -> None:
    done = privet("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"privet {__version__}\n", "")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "privet", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path)
    assert done.stdout == f"privet {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("sevre",),
        ("serv",),
        ("--sevre",),
        ("serve", "--sevre"),
        ("serve", "--port", "zebra"),
        ("serve", "extra"),
        ("policy", "sohw"),
        ("policy", "explain"),
        ("--policy", "x", "serve"),
    ],
)
def test_wrong_words_are_bad_usage(privet: Run, words: tuple[str, ...]) -> None:
    done = privet(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: privet ")
    assert "Traceback" not in done.stderr


def test_bad_input_goes_to_standard_error_with_its_hint(privet: Run) -> None:
    done = privet("policy", "show", "--policy", "gone.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "privet policy: gone.toml does not exist\n  create it or leave --policy out\n"


def test_a_protection_that_cannot_be_had_is_exit_3(privet: Run) -> None:
    done = privet("serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - it is refused
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("privet serve: listening beyond loopback needs TLS\n  ")
    done = privet("serve", "--port", "0", TRACELOOP_TRACE_CONTENT="true")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[1] == "  unset TRACELOOP_TRACE_CONTENT"


def test_main_returns_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert main(["policy", "explain", "serve.zebra"]) == 2
    captured = capsys.readouterr()
    assert captured.out == f"privet {__version__}\n"
    assert captured.err == "privet policy: there is no such setting\n  privet policy show lists them\n"


@pytest.mark.parametrize(
    "words", [("policy", "show"), ("policy", "show", "--json"), ("policy", "explain", "logs.fields")]
)
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name("privet")
    started = subprocess.Popen(
        [program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env={"HOME": str(tmp_path)}
    )
    assert started.stdout is not None
    started.stdout.close()
    _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (0, b"")


def test_the_package_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "privet", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, f"privet {__version__}\n")
