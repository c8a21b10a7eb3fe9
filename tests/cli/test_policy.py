"""`privet policy`: the policy in force, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from privet.cli import main
from privet.policy import SETTINGS, value_of
from privet.policy_file import load_policy

Output = tuple[int, str, str]
Run = Callable[..., Output]


@pytest.fixture
def privet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in an empty folder with a configuration of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*words: str) -> Output:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def exception(days: int) -> str:
    return (
        '[[exception]]\nrule = "serve.require_tls"\nvalue = false\nreason = "a proxy ends TLS"\n'
        f'owner = "ops@example.com"\nexpires = {date.today() + timedelta(days)}\n'
    )


def test_show_names_every_setting_with_what_it_does_and_why(privet: Run) -> None:
    code, out, err = privet("policy", "show")
    assert (code, err) == (0, "")
    for setting_id, known in SETTINGS.items():
        assert f"\n{setting_id.split('.')[1]} " in out
        assert known.says in out
        assert f"because {known.reason}" in out
    for section in ("serve", "detect", "logs", "process"):
        assert f"\n[{section}]\n" in out
    assert "defaults only, no privet.toml here" in out
    assert "exception" not in out
    assert "\x1b" not in out


def test_show_lists_the_ways_out_that_are_open(privet: Run, tmp_path: Path) -> None:
    block = (
        '[[exception]]\nrule = "egress"\nhost = "{}"\nport = 8443\nreason = "models of the team"\n'
        'owner = "platform"\nexpires = {}\n'
    )
    soon, before = date.today() + timedelta(1), date.today() - timedelta(1)
    text = block.format("hub.example.com", soon) + block.format("old.example.com", before)
    (tmp_path / "privet.toml").write_text(text, encoding="utf-8")
    code, out, err = privet("policy", "show")
    assert code == 0
    assert f"hub.example.com:8443       open to privet run in this folder until {soon}\n" in out
    assert "  because models of the team, owner platform\n" in out
    assert "old.example.com" not in out
    assert err == f"privet policy: the exception for old.example.com:8443 expired on {before}: it is closed\n"
    shown = json.loads(privet("policy", "show", "--json")[1])["egress"]
    assert [(way["host"], way["port"], way["expires"]) for way in shown] == [("hub.example.com", 8443, str(soon))]


def test_show_says_what_differs_and_where_it_was_read(
    privet: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "privet.toml").write_text("[serve]\nmax_choices = 1\n" + exception(0), encoding="utf-8")
    monkeypatch.setenv("PRIVET_LOGS_ROUND_SECONDS", "3600")
    code, out, err = privet("policy", "show")
    states = {
        line.split()[0]: line.split()[-1] for line in out.splitlines() if line.endswith(("tightened", "exception"))
    }
    assert (code, err) == (0, "")
    assert states == {"max_choices": "tightened", "round_seconds": "tightened", "require_tls": "exception"}
    assert "read from privet.toml, PRIVET_LOGS_ROUND_SECONDS; " in out


def test_show_for_machines_holds_the_whole_policy(privet: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("[serve]\nprompt_identifiers = 'refuse'\n", encoding="utf-8")
    code, out, err = privet("policy", "show", "--json", "--policy", str(path))
    document = json.loads(out)
    policy = load_policy(path, environment={}, today=date.today()).policy
    assert (code, err) == (0, "")
    assert document["sources"] == ["other.toml"]
    assert [each["id"] for each in document["settings"]] == list(SETTINGS)
    for each in document["settings"]:
        value = value_of(policy, each["id"])
        assert each["value"] == (sorted(value) if isinstance(value, frozenset) else value)
        assert each["state"] == ("tightened" if each["id"] == "serve.prompt_identifiers" else "default")


def test_an_expired_exception_is_told(privet: Run, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(exception(-1), encoding="utf-8")
    code, out, err = privet("policy", "show", "--json")
    yesterday = date.today() - timedelta(1)
    assert code == 0
    assert err == f"privet policy: the exception for serve.require_tls expired on {yesterday}: the default holds\n"
    assert {each["state"] for each in json.loads(out)["settings"]} == {"default"}


def test_explain_says_everything_about_one_setting(privet: Run) -> None:
    for setting_id, known in SETTINGS.items():
        code, out, err = privet("policy", "explain", setting_id)
        assert (code, err) == (0, "")
        assert out.startswith(f"{setting_id}\n")
        assert known.says in out
        assert known.reason in out


def test_explain_for_machines(privet: Run) -> None:
    code, out, _ = privet("policy", "explain", "logs.round_seconds", "--json")
    assert code == 0
    assert json.loads(out) == {
        "id": "logs.round_seconds",
        "value": 60,
        "default": 60,
        "state": "default",
        "says": SETTINGS["logs.round_seconds"].says,
        "reason": SETTINGS["logs.round_seconds"].reason,
        "unit": "seconds",
        "safer": "a larger number",
        "fixed": False,
    }


def test_a_setting_that_does_not_exist_is_not_repeated(privet: Run) -> None:
    code, out, err = privet("policy", "explain", "zebra-quagga")
    assert (code, out) == (2, "")
    assert err == "privet policy: there is no such setting\n  privet policy show lists them\n"


def test_the_users_own_file_counts_where_the_folder_has_none(privet: Run, tmp_path: Path) -> None:
    (tmp_path / "config" / "privet").mkdir(parents=True)
    (tmp_path / "config" / "privet" / "privet.toml").write_text("[serve]\nmax_choices = 1\n", encoding="utf-8")
    assert "read from privet.toml" in privet("policy", "show")[1]
    (tmp_path / "privet.toml").write_text("[serve]\nmax_choices = 2\n", encoding="utf-8")
    assert json.loads(privet("policy", "explain", "serve.max_choices", "--json")[1])["value"] == 2


def test_a_weaker_file_is_refused(privet: Run, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text("[serve]\n\nrequire_tls = false\n", encoding="utf-8")
    code, out, err = privet("policy", "show")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "privet policy: privet.toml:3: this value of serve.require_tls is weaker than the value in force",
        "  remove it, or add an [[exception]] for serve.require_tls to privet.toml",
    ]


def test_a_variable_nobody_knows_is_refused(privet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVET_SERVE_REQUIRE_TSL", "zebra")
    code, out, err = privet("policy", "show")
    assert (code, out) == (2, "")
    assert "did you mean PRIVET_SERVE_REQUIRE_TLS?" in err
    assert "zebra" not in err


def test_the_verb_alone_shows_its_help(privet: Run) -> None:
    code, out, err = privet("policy")
    assert (code, err) == (0, "")
    assert out.startswith("usage: privet policy ")
    assert "explain" in out


RULE = """[[detect.rules]]
id = "code-name"
kind = "CODE_NAME"
words = ["nightjar"]
hits = ["the «Nightjar» plan"]
misses = ["nightjars"]
"""


def test_check_runs_the_examples_of_own_rules(privet: Run, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(RULE, encoding="utf-8")
    code, out, err = privet("policy", "check")
    assert (code, err) == (0, "")
    first, last = out.splitlines()
    assert " ".join(first.split()) == "ok code-name CODE_NAME 1 found, 1 left alone privet.toml:1"
    assert last == "the policy holds, 1 own rules"
    assert json.loads(privet("policy", "check", "--json")[1]) == {
        "ok": True,
        "rules": [{"id": "code-name", "kind": "CODE_NAME", "hits": 1, "misses": 1, "where": "privet.toml:1"}],
    }


@pytest.mark.parametrize("verb", ["check", "show"])
def test_a_rule_whose_example_fails_is_refused_everywhere(privet: Run, tmp_path: Path, verb: str) -> None:
    (tmp_path / "privet.toml").write_text("\n" + RULE.replace('"nightjars"', '"a zebra nightjar"'), encoding="utf-8")
    code, out, err = privet("policy", verb)
    assert (code, out) == (2, "")
    assert err.startswith("privet policy: privet.toml:2: rule code-name: miss 1 is found\n  ")
    assert "zebra" not in err


def test_what_own_rules_look_for_is_not_shown(privet: Run, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(RULE, encoding="utf-8")
    for words in (["show"], ["show", "--json"], ["explain", "detect.rules"], ["explain", "detect.rules", "--json"]):
        code, out, _ = privet("policy", *words)
        assert code == 0
        assert "ightjar" not in out
    assert json.loads(privet("policy", "explain", "detect.rules", "--json")[1])["value"] == ["code-name"]


def test_check_holds_without_own_rules(privet: Run) -> None:
    assert privet("policy", "check")[:2] == (0, "the policy holds, 0 own rules\n")
