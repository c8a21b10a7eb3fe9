"""`privet run`'s own reading of its words agrees with the parser's; what it starts is tested in `tests/egress/test_run.py`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest

from privet.cli import main
from privet.cli.run import add_parser, plain_options


def parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="privet")
    add_parser(parser.add_subparsers())
    return parser.parse_args(["run", *words])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--",),
        ("--", "true"),
        ("true",),
        ("true", "--json"),
        ("--json", "--", "true", "--", "x"),
        ("--audit", "--json", "sh", "-c", "exit"),
        ("--pass-env", "ONE", "--pass-env", "TWO", "--json", "--", "true"),
    ],
)
def test_plain_words_are_read_as_the_parser_reads_them(words: Sequence[str]) -> None:
    mine, theirs = plain_options(words), parsed(words)
    assert mine is not None
    for name in ("explain", "audit", "print_env", "json", "run"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert list(mine.pass_env) == list(theirs.pass_env)
    assert [*mine.command][mine.command[:1] == ("--",) :] == theirs.command[theirs.command[:1] == ["--"] :]


@pytest.mark.parametrize(
    "words",
    [("--help",), ("--explain",), ("--jso", "--", "true"), ("--pass-env",), ("--pass-env=ONE", "true"), ("-x",)],
)
def test_all_other_words_are_the_parsers(words: Sequence[str]) -> None:
    assert plain_options(words) is None


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (("run", "--bogus", "--", "true"), "usage: privet run [options]"),
        (("scrub", "x", "-o", "y", "--bogus"), "usage: privet scrub "),
        (("vault", "info", "x", "--bogus"), "usage: privet vault info "),
    ],
)
def test_unknown_words_show_the_usage_of_the_verb(
    words: Sequence[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(usage)
    assert "unrecognized arguments: --bogus" in said
