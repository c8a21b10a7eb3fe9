"""What `harden` does to a process, looked at in processes of their own; the test run itself is never hardened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from privet.errors import Unprotected
from privet.hardening import CAPTURE_VARIABLES, place_of, refuse_content_capture

CANARY = "zebra-quagga-okapi"
HARDEN = f"CANARY = {CANARY!r}\nfrom privet import hardening\nhardening.harden()\n"


def run(code: str, *, before: str = HARDEN, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", before + code], capture_output=True, text=True, check=False, timeout=60, cwd=folder
    )


def test_core_dumps_and_attaching_are_off() -> None:
    done = run(
        "import ctypes, resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), hardening.is_hardened())\n"
    )
    assert done.stdout == "(0, 0) 0 True\n"


def test_a_process_is_not_hardened_by_itself() -> None:
    done = run("print(hardening.is_hardened())", before="from privet import hardening\n")
    assert done.stdout == "False\n"


def test_a_protection_that_was_taken_back_is_noticed() -> None:
    undo = "import ctypes; ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)"
    assert run(f"{undo}\nprint(hardening.is_hardened())").stdout == "False\n"


def test_a_crash_leaves_no_core(tmp_path: Path) -> None:
    done = run("import os; os.abort()", folder=tmp_path)
    assert done.returncode < 0
    assert list(tmp_path.iterdir()) == []


def test_new_files_are_the_owners_alone(tmp_path: Path) -> None:
    run("open('file', 'w').close(); import os; os.mkdir('folder')", folder=tmp_path)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise ValueError(CANARY)", "privet: internal error, ValueError at <string>:4"),
        ("{}[CANARY]", "privet: internal error, KeyError at <string>:4"),
        ("def f(x):\n  raise ValueError(x)\nf(CANARY)", "privet: internal error, ValueError at <string>:5"),
        (
            "try:\n  int(CANARY)\nexcept ValueError as error:\n  raise RuntimeError(CANARY) from error",
            "RuntimeError at <string>:7",
        ),
        ("raise ExceptionGroup(CANARY, [ValueError(CANARY)])", "ExceptionGroup at <string>:4"),
        ("e = ValueError(CANARY); e.add_note(CANARY); raise e", "ValueError at <string>:4"),
        ("import threading\ndef f():\n  raise ValueError(CANARY)\nt = threading.Thread(target=f)\nt.start(); t.join()",
         "ValueError at <string>:6"),
        ("class A:\n  def __del__(self): raise ValueError(CANARY)\nA()", "ValueError at <string>:5"),
    ],
)  # fmt: skip
def test_an_uncaught_error_prints_its_place_and_no_value(code: str, says: str) -> None:
    done = run(code)
    assert says in done.stderr
    assert CANARY not in done.stderr + done.stdout
    assert done.stderr.count("\n") == 1


def test_the_canary_would_be_seen_without_hardening() -> None:
    assert CANARY in run("raise ValueError(CANARY)", before=f"CANARY = {CANARY!r}\n").stderr


def test_an_interrupt_prints_nothing() -> None:
    assert run("raise KeyboardInterrupt").stderr == ""


def test_errors_are_survived_without_standard_error() -> None:
    done = run("import sys; sys.stderr = None\nraise ValueError(CANARY)")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_place_is_file_and_line_of_where_it_was_raised() -> None:
    def fail() -> None:
        raise ValueError(CANARY)

    line = fail.__code__.co_firstlineno + 1
    with pytest.raises(ValueError, match=CANARY) as caught:
        fail()
    assert place_of(caught.value) == f"ValueError at test_hardening.py:{line}"
    assert place_of(ValueError(CANARY)) == "ValueError"


ON = ("true", "True", "1", "yes", "on", "span_only", "event_only", "span_and_event", "anything", "-1", "\u0660")
OFF = ("", " ", "0", "false", "False", " FALSE ", "no", "off", "none", "NO_CONTENT")


@pytest.mark.parametrize("name", CAPTURE_VARIABLES)
@pytest.mark.parametrize("value", ON)
def test_content_capture_is_refused(name: str, value: str) -> None:
    with pytest.raises(Unprotected, match=name) as caught:
        refuse_content_capture({"HOME": "/", name: value})
    assert caught.value.hint == f"unset {name}"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", CAPTURE_VARIABLES)
@pytest.mark.parametrize("value", OFF)
def test_content_capture_that_is_off_is_let_pass(name: str, value: str) -> None:
    refuse_content_capture({name: value})


def test_the_value_of_a_variable_is_not_repeated() -> None:
    with pytest.raises(Unprotected) as caught:
        refuse_content_capture({CAPTURE_VARIABLES[1]: f"s3://{CANARY}"})
    assert CANARY not in str(caught.value)


def test_an_environment_without_tracing_is_let_pass() -> None:
    refuse_content_capture({})
    refuse_content_capture({"OTEL_SERVICE_NAME": "privet", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
