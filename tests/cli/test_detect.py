"""`privet detect` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from privet.cli.detect import coloured
from privet.detect import detect


def privet_detect(text: bytes, *flags: str) -> subprocess.CompletedProcess[bytes]:
    code = "import sys; from privet.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, "detect", *flags], input=text, capture_output=True, check=False)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_spans_are_json_lines(flags: tuple[str, ...]) -> None:
    done = privet_detect("Grüße an jane@example.com\n".encode(), *flags)
    assert done.returncode == 1
    assert done.stderr == b""
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"start": 9, "end": 25, "kind": "EMAIL_ADDRESS", "score": 0.95, "rule": "email-address"}
    ]


def test_nothing_found_is_exit_0() -> None:
    done = privet_detect(b"nobody here\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_redacted_text() -> None:
    done = privet_detect(b"write to jane@example.com\r\nnow", "--redact")
    assert (done.returncode, done.stdout) == (1, b"write to [EMAIL_ADDRESS]\r\nnow")


def test_another_encoding_is_one_clear_error_without_the_text() -> None:
    done = privet_detect(b"jane\xff\xfe@example.com")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"expected UTF-8 on standard input, found another encoding at byte 4" in done.stderr
    assert b"jane" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_terminal_form_marks_spans_and_disarms_control_characters() -> None:
    text = "a\x1b[2Jb jane@example.com"
    shown = coloured(text, detect(text))
    assert shown == "a\ufffd[2Jb \x1b[7mjane@example.com\x1b[0m\x1b[2m EMAIL_ADDRESS\x1b[0m\n"
