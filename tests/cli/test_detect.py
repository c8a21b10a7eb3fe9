"""`privet detect` as a user runs it."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from privet.cli.detect import coloured
from privet.cli.progress import Progress
from privet.detect import detect
from privet.redact import redact, restore

EMAIL = {"kind": "EMAIL_ADDRESS", "score": 0.95, "rule": "email-address"}
RULE = '[[detect.rules]]\nid = "code-name"\nkind = "CODE_NAME"\nwords = ["Project Nightjar"]\n'
PEOPLE = "Angela Merkel met Emmanuel Macron in Berlin"
CODE = "import sys; from privet.cli import main; sys.exit(main())"


def privet_detect(text: bytes, *flags: str, folder: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", CODE, "detect", *flags]
    return subprocess.run(command, input=text, capture_output=True, check=False, cwd=folder)


def spans(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_spans_are_json_lines(flags: tuple[str, ...]) -> None:
    done = privet_detect("Grüße an jane@example.com\n".encode(), *flags)
    assert done.returncode == 1
    assert done.stderr == b""
    assert spans(done) == [{"start": 9, "end": 25, **EMAIL}]


def test_nothing_found_is_exit_0() -> None:
    done = privet_detect(b"nobody here\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("tier", ["patterns", "names"])
def test_a_long_input_is_found_as_one_text(tier: str) -> None:
    text = f"{PEOPLE}, mail jane@example.com.\n\n" * 900 + "é" * 35_000 + " jane@example.com"
    done = privet_detect(text.encode(), "--tier", tier)
    assert done.returncode == 1
    assert spans(done) == [span._asdict() for span in detect(text, tier=tier)]  # type: ignore[arg-type]


def test_kinds_narrow_what_is_shown() -> None:
    text = f"{PEOPLE} jane@example.com".encode()
    assert {span["kind"] for span in spans(privet_detect(text, "--kinds", "PERSON, URL"))} == {"PERSON"}
    done = privet_detect(text, "--kinds", "URL")
    assert (done.returncode, done.stdout) == (0, b"")


def test_redacted_text() -> None:
    done = privet_detect(b"write to jane@example.com\r\nnow", "--redact")
    assert (done.returncode, done.stdout) == (1, b"write to [EMAIL_ADDRESS]\r\nnow")


def test_a_redacted_text_has_nothing_left_to_redact() -> None:
    done = privet_detect(b"write to [EMAIL_ADDRESS]\r\nnow", "--redact")
    assert (done.returncode, done.stdout) == (0, b"write to [EMAIL_ADDRESS]\r\nnow")


@pytest.mark.parametrize("surrogate", ["mask", "pseudonym", "token"])
@pytest.mark.parametrize("form", ["raw", "hex"])
def test_surrogates_are_those_of_the_library(tmp_path: Path, surrogate: str, form: str) -> None:
    key = bytes(range(32))
    (tmp_path / "key").write_bytes(key if form == "raw" else key.hex().encode() + b"\n")
    flags = ("--redact", "--surrogate", surrogate, "--key-file", str(tmp_path / "key"), "--subject", "x")
    done = privet_detect(b"write to jane@example.com", *flags)
    assert done.returncode == 1
    expected = redact("write to jane@example.com", surrogate=surrogate, key=key, subject="x")  # type: ignore[arg-type]
    assert done.stdout.decode() == expected
    if surrogate == "token":
        assert restore(done.stdout.decode(), key=key) == "write to jane@example.com"


def test_json_lines_gain_spans_and_keep_the_rest() -> None:
    lines = (
        b'{"id": 1.0, "text": "to jane@example.com", "m": {"b":[1,  2]}}\n\n{"text":"\\ud83d\\ude00 none","z":1e400}'
    )
    done = privet_detect(lines, "--jsonl")
    first, second = done.stdout.splitlines()
    assert done.returncode == 1
    assert first.startswith(b'{"id":1.0,"text":"to jane@example.com","m":{"b":[1,  2]},"spans":')
    assert json.loads(first)["spans"] == [{"start": 3, "end": 19, **EMAIL}]
    assert second == b'{"text":"\\ud83d\\ude00 none","z":1e400,"spans":[]}'


def test_json_lines_keep_their_order() -> None:
    lines = [{"number": number, "body": "jane@example.com" * (number % 3 == 0)} for number in range(300)]
    done = privet_detect("\n".join(map(json.dumps, lines)).encode(), "--jsonl", "--field", "body", "--tier", "patterns")
    out = spans(done)
    assert [line["number"] for line in out] == list(range(300))
    assert [bool(line["spans"]) for line in out] == [number % 3 == 0 for number in range(300)]


def test_json_lines_can_be_redacted() -> None:
    done = privet_detect(
        b'{"body":"\\u00fc jane@example.com","n":1}\n{"body":"none","n":2}', "--jsonl", "--field", "body", "--redact"
    )
    assert done.returncode == 1
    assert done.stdout == '{"body":"ü [EMAIL_ADDRESS]","n":1}\n{"body":"none","n":2}\n'.encode()
    clean = privet_detect(b'{"text":"none"}', "--jsonl", "--redact")
    assert (clean.returncode, clean.stdout) == (0, b'{"text":"none"}\n')


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"zebra", b"line 3 is not a JSON object"),
        (b"[1]", b"line 3 is not a JSON object"),
        (b'{"zebra":1}', b"line 3 has no text in the field"),
        (b'{"text":["zebra"]}', b"line 3 has no text in the field"),
        (b'{"text":"zebra\xff"}', b"line 3 "),
        (b'{"text":"zebra","spans":1}', b"line 3 has a field spans already"),
    ],
)
def test_a_bad_line_is_named_after_those_before_it_are_written(bad: bytes, says: bytes) -> None:
    done = privet_detect(b'{"text":"jane@example.com"}\n{"text":"none"}\n' + bad + b'\n{"text":"never"}\n', "--jsonl")
    assert done.returncode == 2
    assert [len(line["spans"]) for line in spans(done)] == [1, 0]  # type: ignore[arg-type]
    assert says in done.stderr
    assert b"zebra" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_folders_policy_counts_and_another_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(RULE, encoding="utf-8")
    text = b"the Project\nNightjar plan"
    assert spans(privet_detect(text, "--tier", "patterns", folder=tmp_path)) == []
    flags = ("--tier", "patterns", "--policy", "other.toml", "--kinds", "CODE_NAME")
    (found,) = spans(privet_detect(text, *flags, folder=tmp_path))
    assert (found["start"], found["end"], found["rule"]) == (4, 20, "code-name")
    (tmp_path / "privet.toml").write_text(RULE, encoding="utf-8")
    assert privet_detect(text, "--redact", "--tier", "patterns", folder=tmp_path).stdout == b"the [CODE_NAME] plan"


def test_a_rule_that_fails_its_examples_stops_it(tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(RULE + "misses = ['zebra Project Nightjar']\n", encoding="utf-8")
    done = privet_detect(b"jane@example.com", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"privet.toml:1: rule code-name: miss 1 is found" in done.stderr
    assert b"zebra" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--field", "a"), b"--field does nothing without --jsonl"),
        (("--surrogate", "mask"), b"--surrogate does nothing without --redact"),
        (("--subject", "a"), b"--subject does nothing without --redact"),
        (("--key-file", "a"), b"--key-file does nothing without --redact"),
        (("--redact", "--surrogate", "token"), b"the surrogate token needs a key\n  add --key-file"),
        (("--redact", "--key-file", "zebra"), b"the key file cannot be read"),
        (("--redact", "--key-file", sys.executable), b"the key file holds no key of 32 bytes"),
        (("--redact", "--kinds", "URL"), b"redaction takes everything"),
        (("--kinds", "zebra"), b"--kinds names a kind that is not looked for"),
        (("--kinds", ","), b"--kinds names a kind that is not looked for"),
        (("--policy", "missing.toml"), b"missing.toml does not exist"),
        (("--tier", "zebra"), b"invalid choice"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(flags: tuple[str, ...], says: bytes) -> None:
    done = privet_detect(b"jane@example.com", *flags)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr


@pytest.mark.parametrize(
    ("before", "place"), [(b"jane", 4), (b"a" * 65_535 + "é".encode()[:1], 65_535), ("é".encode() * 50_000, 100_000)]
)
@pytest.mark.parametrize("flags", [(), ("--redact",)])
def test_another_encoding_is_one_clear_error_without_the_text(
    before: bytes, place: int, flags: tuple[str, ...]
) -> None:
    done = privet_detect(before + b"\xff\xfe@example.com", *flags)
    assert done.returncode == 2
    assert f"expected UTF-8 on standard input, found another encoding at byte {place}\n".encode() in done.stderr
    assert b"jane" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_text_that_ends_inside_a_character_is_refused() -> None:
    done = privet_detect("é".encode()[:1])
    assert done.returncode == 2
    assert b"at byte 0" in done.stderr


def test_text_comes_out_while_more_is_still_to_come() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CODE, "detect", "--redact", "--tier", "patterns"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b"plain words, jane@example.com and more words\n" * 40)
        running.stdin.flush()
        assert running.stdout.readline() == b"plain words, [EMAIL_ADDRESS] and more words\n"
        running.stdin.close()
        assert running.wait() == 1


def test_memory_does_not_grow_with_the_text() -> None:
    # VmHWM: what getrusage tells begins with the memory of the process that started this one.
    tell = "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)"
    code = CODE.replace("sys.exit(main())", f"main(); {tell}")
    used = []
    for count in (2_000, 60_000):
        done = subprocess.run(
            [sys.executable, "-c", code, "detect", "--tier", "patterns"],
            input=b"some plain words and jane@example.com here in a line\n" * count,
            capture_output=True,
            check=False,
        )
        assert len(done.stdout.splitlines()) == count
        used.append(int(done.stderr))
    assert used[1] - used[0] < 1_500, "kilobytes, of an input that grew by 3,000"


def test_terminal_form_marks_spans_and_disarms_control_characters() -> None:
    text = "a\x1b[2Jb jane@example.com"
    assert (
        coloured(text, detect(text, tier="patterns"))
        == "a\ufffd[2Jb \x1b[7;33mjane@example.com\x1b[0m\x1b[2m EMAIL_ADDRESS\x1b[0m"
    )


def test_a_terminal_shows_the_text_with_its_spans_in_the_colour_of_their_group() -> None:
    ours, theirs = pty.openpty()
    text = b"Angela Merkel, jane@example.com, password: hunter2xK9"
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, "detect"],
        input=text,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
        env=environment,
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 1
    assert "\x1b[7;36mAngela Merkel\x1b[0m\x1b[2m PERSON\x1b[0m, \x1b[7;33mjane@example.com\x1b[0m" in shown
    assert "\x1b[7;31mhunter2xK9\x1b[0m\x1b[2m PASSWORD\x1b[0m\r\n" in shown


class Screen(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_after_two_seconds_on_a_terminal_and_goes_away(terminal: bool) -> None:
    times = iter([0.0, 0.0, 1.9, 2.1, 2.2, 2.7])
    screen = Screen(terminal=terminal)
    seen = []
    with Progress(screen, lambda: next(times)) as progress:
        for done in (1_000_000, 2_000_000, 3_000_000, 4_000_000):
            progress.found = done // 1_000_000
            progress.step(done)
            seen.append(screen.getvalue().count("MB read"))
    assert seen == ([0, 1, 1, 2] if terminal else [0, 0, 0, 0])
    assert ("2.0 MB read, 0.95 MB/s, 2 found" in screen.getvalue()) == terminal
    assert screen.getvalue().endswith("\r\x1b[K" if terminal else "")
