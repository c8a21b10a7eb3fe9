"""`privet audit endpoint`: options, reports, exit codes, and what it refuses."""

from __future__ import annotations

import json
import stat
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from privet.audit.endpoint.reference import Running, serve
from privet.cli import main
from privet.evidence import is_signed

Audit = Callable[..., tuple[int, str, str]]
ONLY = ("--quick", "--only", "exposed-routes")


@pytest.fixture(scope="module")
def clean() -> Iterator[Running]:
    """Yield a server that leaks nothing."""
    with serve(token_seconds=0.0) as running:
        yield running


@pytest.fixture(scope="module")
def leaky() -> Iterator[Running]:
    """Yield a server whose metrics are open."""
    with serve(frozenset({"exposed-routes:metrics"}), token_seconds=0.0) as running:
        yield running


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Return a function that audits a server with its key, in an empty folder with a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(running: Running, *words: str) -> tuple[int, str, str]:
        (tmp_path / "key").write_text(running.keys[0] + "\n")
        code = main(["audit", "endpoint", running.url, "--key-file", "key", *words])
        return code, *capsys.readouterr()

    return run


def document_of(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_clean_endpoint_passes(audit: Audit, clean: Running) -> None:
    code, out, err = audit(clean, *ONLY)
    assert (code, err) == (0, "")
    assert out.startswith(f"pass  {clean.url}")


def test_a_leak_fails_and_says_what_to_do(audit: Audit, leaky: Running) -> None:
    code, out, _ = audit(leaky, *ONLY)
    assert code == 1
    assert "fail          exposed-routes" in out
    assert "fix: " in out


def test_json_is_signed_and_the_same_each_time(audit: Audit, leaky: Running) -> None:
    first, second = (document_of(audit(leaky, *ONLY, "--json")[1]) for _ in range(2))
    assert first["digest"] == second["digest"]
    first.pop("run")
    assert is_signed(first)
    second.pop("run")
    assert first == second
    (test,) = first["tests"]
    assert test["id"] == "exposed-routes"
    assert test["verdict"] == "fail"
    assert 0 <= test["interval"][0] < test["hits"] / test["samples"] < test["interval"][1] <= 1


def test_another_port_of_the_same_behaviour_has_the_same_digest(audit: Audit, clean: Running) -> None:
    with serve(token_seconds=0.0) as other:
        digests = {document_of(audit(each, *ONLY, "--json")[1])["digest"] for each in (clean, other)}
    assert len(digests) == 1


def test_reports_are_written(audit: Audit, leaky: Running, tmp_path: Path) -> None:
    audit(leaky, *ONLY, "--html", "a.html", "--sarif", "a.sarif", "--junit", "a.xml")
    assert "exposed-routes" in (tmp_path / "a.html").read_text()
    assert json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == "exposed-routes"
    suite = ET.fromstring((tmp_path / "a.xml").read_text().partition("\n")[2])[0]  # noqa: S314 - our own
    assert suite.get("failures") == "1"


def test_what_got_worse_is_said(audit: Audit, clean: Running, leaky: Running, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(audit(clean, *ONLY, "--json")[1])
    code, out, _ = audit(leaky, *ONLY, "--compare", "old.json")
    assert code == 1
    assert "worse         exposed-routes     was pass, is fail" in out
    (tmp_path / "old.json").write_text((tmp_path / "old.json").read_text().replace('"pass"', '"fail"'))
    code, _, err = audit(leaky, *ONLY, "--compare", "old.json")
    assert (code, "changed after it was signed" in err) == (2, True)


def test_every_test_that_was_asked_for_is_listed(audit: Audit, clean: Running) -> None:
    asked = ["personal-data", "membership", "egress"]
    _, out, _ = audit(clean, "--quick", "--only", ",".join(reversed(asked)), "--max-requests", "9", "--json")
    document = document_of(out)
    assert [test["id"] for test in document["tests"]] == asked
    assert document["run"]["requests"] <= 9


def test_proof_can_be_demanded(audit: Audit, clean: Running, tmp_path: Path) -> None:
    words = ("--quick", "--only", "egress")
    assert audit(clean, *words)[0] == 0
    (tmp_path / "privet.toml").write_text('[audit]\nendpoint_demands = "proof"\n')
    assert audit(clean, *words)[0] == 1
    assert audit(clean, *ONLY)[0] == 0


def test_nobody_there_breaks_off_with_a_report(audit: Audit, tmp_path: Path) -> None:
    with serve(token_seconds=0.0) as gone:
        pass
    code, out, _ = audit(gone, "--quick", "--json", "--html", "a.html")
    document = document_of(out)
    assert code == 3
    assert document["run"]["broken_off"]
    assert len(document["tests"]) == 14
    assert {test["verdict"] for test in document["tests"]} <= {"not-tested", "underpowered"}
    assert "broken off" in (tmp_path / "a.html").read_text()


def test_a_wrong_key_is_no_pass(audit: Audit, clean: Running) -> None:
    code, out, _ = audit(replace(clean, keys=("key-wrong",)), "--quick")
    assert code == 3
    assert out.startswith("underpowered  ")
    assert "broken off: the key was refused" in out
    assert "clean" not in out


def test_what_is_no_endpoint_is_no_pass(audit: Audit, clean: Running) -> None:
    page = replace(clean, url=f"{clean.url}/nothing/here")
    code, out, _ = audit(page, "--quick", "--json")
    document = document_of(out)
    assert code == 3
    assert document["verdict"] != "pass"
    assert document["run"]["broken_off"] == "it is not an OpenAI-compatible endpoint"
    assert len(document["tests"]) == 14


def test_an_interrupt_is_said(audit: Audit, clean: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("privet.audit.endpoint.audit.audit_endpoint", interrupted)
    code, out, err = audit(clean, "--quick")
    assert (code, out) == (130, "")
    assert err == "\nprivet audit endpoint: stopped; the same command goes on within an hour\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("http://192.0.2.7/v1", "--key-file", "none"), "key file none cannot be read"),
        (("ftp://127.0.0.1/",), "expected an address such as"),
        (("http://user:word@127.0.0.1/v1",), "carries a name"),
        (("http://127.0.0.1:1/v1", "--watch-dir", "missing"), "expected a folder"),
        (("http://127.0.0.1:1/v1", "--canaries", "missing"), "cannot be read"),
        (("http://127.0.0.1:1/v1", "--compare", "missing"), "cannot be read"),
        (("http://[2606:4700::1111]/v1",), "public internet"),
        (("http://1.1.1.1/v1",), "public internet"),
    ],
)
def test_bad_input_is_one_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main(["audit", "endpoint", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err


@pytest.mark.parametrize(
    "words", [("--only", "nothing"), ("--only", ""), ("--max-seconds", "0"), ("--quick", "--full")]
)
def test_wrong_options_are_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", "endpoint", "http://127.0.0.1:1/v1", *words])
    assert ended.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "two words", "a\nb", "ä"])
def test_a_file_without_a_key_is_refused(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(content)
    assert main(["audit", "endpoint", "http://127.0.0.1:1/v1", "--key-file", "key"]) == 2
    shown = capsys.readouterr().err
    assert "key file key" in shown
    assert not content.strip() or content not in shown


def test_what_is_kept_is_private(audit: Audit, clean: Running, tmp_path: Path) -> None:
    audit(clean, *ONLY)
    for path in (tmp_path / "state").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077 or path.name == "state"
