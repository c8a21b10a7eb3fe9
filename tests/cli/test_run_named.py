"""What `privet run` reads of ./privet.toml by itself is what the whole policy says of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from privet.cli.run_named import _plain, named
from privet.errors import PolicyInvalid
from privet.policy_file import load_policy


def block(host: str = "registry.example.com", port: str = "443", expires: str = "2999-01-31", more: str = "") -> str:
    return (
        f'[[exception]]\nrule = "egress"\nhost = "{host}"\nport = {port}\nreason = "tests"\nowner = "tests"\n'
        f"expires = {expires}\n{more}\n"
    )


GATE = (
    '[[exception]]\nrule = "data-secret"\npath = "tests/"\nreason = "made up"\nowner = "tests"\nexpires = 2999-01-31\n'
)
PLAIN = {
    "nothing": "",
    "one": block(),
    "two": block() + block("192.0.2.7", "8080"),
    "upper case and a dot": block("Registry.Example.COM."),
    "IPv6": block("[2001:db8::7]"),
    "a day in quotes": block(expires='"2999-01-31"'),
    "expired": block(expires="2001-01-31") + block("www.example.com"),
    "for the gate": GATE + block(),
}
WITH_MORE = {
    "a setting": "[serve]\nhost_checks = true\n",
    "an exception for a setting": block() + GATE.replace("path", "value"),
    "an unknown table": '[[exceptions]]\nrule = "egress"\n',
    "an unknown rule": block().replace('"egress"', '"egres"'),
    "no rule": block().replace('rule = "egress"', ""),
    "no table": "exception = 3\n",
    "no list": block().replace("[[exception]]", "[exception]"),
    "a list of words": 'exception = ["egress"]\n',
    "a path on a destination": block(more='path = "x"'),
    "a wildcard": block("*.example.com"),
    "digits": block("192.0.2"),
    "no port": block(port="0"),
    "no day": block(expires='""'),
    "no TOML": "[[exception]\n",
    "no text": "\udcff",
}


def in_policy() -> tuple[list[tuple[str, int]], list[str]] | str:
    try:
        loaded = load_policy(Path("privet.toml"), environment={}, today=date.today())
    except PolicyInvalid as error:
        return str(error)
    return [(item.host, item.port) for item in loaded.egress], [str(item) for item in loaded.expired_egress]


def in_run() -> tuple[list[tuple[str, int]], list[str]] | str:
    said: list[str] = []
    try:
        found = named("privet.toml", said.append)
    except PolicyInvalid as error:
        return str(error)
    return found, [line.split()[3] for line in said]


@pytest.mark.parametrize("text", (PLAIN | WITH_MORE).values(), ids=(PLAIN | WITH_MORE).keys())
def test_the_same_is_found_as_in_the_policy(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("privet.toml").write_text(text, encoding="utf-8", errors="surrogateescape")
    assert in_run() == in_policy()
    assert (_plain("privet.toml") is not None) == (text in PLAIN.values())
