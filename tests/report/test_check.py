"""The reports of `privet check`: what they say, and what they must never hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from privet.check.facts import Note
from privet.check.rules import RULES
from privet.check.scan import Result, compare, of_rules, scan, tree_of
from privet.cli.style import Style
from privet.report.check import as_text, plain
from privet.report.check_machines import MACHINES

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0-part.json").read_text())
PLAIN = Style(colour=False)
FORMS = ["text", *MACHINES]

FILES = {
    ".env": "VLLM_NO_USAGE_STATS=true\nOLLAMA_HOST=0.0.0.0\nOLLAMA_DEBUG=1\n",
    "src/ü train.py": 'from transformers import TrainingArguments\nargs = TrainingArguments(output_dir="o", report_to="all")\n',
    "broken.toml": "[telemetry\nenabled = true\n",
}


def written(result: Result, form: str) -> str:
    return as_text(result, PLAIN) if form == "text" else MACHINES[form](result)


@pytest.fixture
def result() -> Result:
    return scan(tree_of(FILES))


def test_sarif_fits_the_schema_and_says_where(result: Result) -> None:
    document = json.loads(MACHINES["sarif"](result))
    jsonschema.Draft4Validator(SCHEMA).validate(document)
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    for item, finding in zip(run["results"], result.findings, strict=True):
        assert rules[item["ruleIndex"]]["id"] == item["ruleId"] == finding.rule
        place = item["locations"][0]["physicalLocation"]
        assert unquote(place["artifactLocation"]["uri"]) == finding.path
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
        assert place["region"]["startLine"] == finding.line
        assert place["region"]["endColumn"] > place["region"]["startColumn"] == finding.column
        assert list(item["partialFingerprints"].values()) == [finding.fingerprint]
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "broken.toml"


def test_the_schema_would_notice() -> None:
    document = json.loads(MACHINES["sarif"](scan(tree_of(FILES))))
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["line"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(document)


def test_fingerprints_are_all_different_and_survive_moved_lines() -> None:
    many = FILES | {"b.py": "import pickle\n" + "x = pickle.load(open('a'))\n" * 3}
    before = scan(tree_of(many)).findings
    after = scan(tree_of({path: f"# moved\n\n{text}" for path, text in many.items() if path != "broken.toml"})).findings
    assert len({finding.fingerprint for finding in before}) == len(before) > 4
    assert {finding.fingerprint for finding in before} == {finding.fingerprint for finding in after}


def test_columns_count_characters_and_point_at_the_value() -> None:
    text = 'from transformers import TrainingArguments\nx = "äö😀"; a = TrainingArguments(report_to="all")\n'
    (finding,) = scan(tree_of({"a.py": text})).findings
    assert text.splitlines()[1][finding.column - 1 : finding.end_column - 1] == '"all"'


MAIL = "jane.roe@example.com"
SECRET = "sk-ant-" + "api03-" + "Zq8vK2mX9pL4wR7tY1nB6cD3fG5hJ0sA" * 2
CARD = "4111 1111 1111 1111"
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "source": [f"mail = '{MAIL}'"],
            "execution_count": 1,
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": [f"{MAIL} {CARD}\n"] * 9}],
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a"},
    "spec": {
        "template": {
            "spec": {
                "hostNetwork": True,
                "containers": [
                    {"name": "c", "image": "vllm/vllm-openai", "args": ["--api-key", SECRET, "--host", MAIL]}
                ],
            }
        }
    },
}
ENVIRONMENT = f"""\
WANDB_API_KEY={SECRET}
OPENAI_API_KEY={SECRET}
MLFLOW_TRACKING_URI=https://jane.roe:{SECRET}@mlflow.example.com
OLLAMA_HOST={MAIL}
VLLM_NO_USAGE_STATS={SECRET}
"""
COMPOSE = f"""\
services:
  jane.roe_example:
    image: ollama/ollama
    privileged: true
    environment:
      OLLAMA_HOST: '{SECRET}'
      OTEL_EXPORTER_OTLP_ENDPOINT: https://{SECRET}@otel.example.com
    ports: ['0.0.0.0:11434:11434']
"""
TRAIN = f"""\
from transformers import TrainingArguments, AutoModel
a = TrainingArguments(report_to='{SECRET}', hub_token='{SECRET}')
AutoModel.from_pretrained('{MAIL}', trust_remote_code=True)
"""
CONFIG = f"""\
users:
  {MAIL}:
    telemetry: true
    send_default_pii: true
    gatherUsageStats: true
browser:
  gatherUsageStats: true
"""
POLICY = f"""\
[[exception]]
rule = 'ollama-host'
path = '{MAIL}'
reason = ''
owner = '{MAIL}'
expires = 2020-01-01
"""
CANARIES = {
    "data/rows.csv": f"name,mail,card\nJane Roe,{MAIL},{CARD}\n" * 20,
    "data/rows.jsonl": f'{{"mail": "{MAIL}", "card": "{CARD}"}}\n' * 20,
    ".env": ENVIRONMENT,
    "nb.ipynb": json.dumps(NOTEBOOK),
    "compose.yaml": COMPOSE,
    "train.py": TRAIN,
    "broken.yaml": f"telemetry: [{MAIL}\n  {SECRET}: {{\n",
    "broken.toml": f"telemetry = {MAIL}\n",
    "compose.override.yaml": f"services:\n  a:\n    image: x\n    privileged: {MAIL}\n    {MAIL}: [\n",
    "broken.py": f"import torch; torch.load('{MAIL}'\n",
    "k8s.yaml": f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  token: {SECRET}\n",
    "deployment.yaml": json.dumps(DEPLOYMENT),
    "run.sh": f"export VLLM_NO_USAGE_STATS='{SECRET}'\nvllm serve m --api-key {SECRET} --host {MAIL}\ncurl -k https://{MAIL}\n",
    "notes.md": f"# Model card\nAsk {MAIL}, card {CARD}\n",
    "config.yaml": CONFIG,
    ".gitignore": f"{MAIL}/data/\n",
    "privet.toml": POLICY,
}


@pytest.mark.parametrize("form", FORMS)
def test_no_report_holds_what_was_matched(form: str) -> None:
    found = scan(tree_of(CANARIES))
    base = tree_of({"a.txt": "a"})
    emptied = tree_of(dict.fromkeys(CANARIES, "\n"))
    for known in (found, compare(base, tree_of(CANARIES)), compare(tree_of(CANARIES), emptied)):
        report = written(known, form)
        for canary in (MAIL, SECRET, SECRET[8:40], CARD, "jane.roe", "Jane Roe", str(Path.cwd())):
            assert canary not in report, canary
    assert len(found.findings) > 8


def test_repr_of_a_result_holds_no_value() -> None:
    assert SECRET not in repr(scan(tree_of(CANARIES)))


def test_the_text_ends_with_grade_counts_and_the_next_step(result: Result) -> None:
    text = as_text(result, PLAIN)
    assert ".env:2:13  error  ollama-host\n  OLLAMA_HOST 0.0.0.0: " in text
    assert "  instead: set OLLAMA_HOST=127.0.0.1:11434\n" in text
    assert "docs/rules/ollama.md#ollama-host\n" in text
    assert "not checked, or only in part:\n  broken.toml:1  " in text
    assert re.search(r"grade F: 4 findings in 3 files: 3 errors, 1 warning\n", text)
    assert text.rstrip().splitlines()[-1].startswith("next: `privet check --fix` rewrites ")


def test_after_a_fix_the_text_says_what_is_left_and_offers_no_other(result: Result) -> None:
    text = as_text(result, PLAIN, fixed=2)
    assert "2 fixed: look at them" in text
    assert (
        "\n4 left, which need a decision: vllm-no-usage-stats, ollama-host, ollama-debug, transformers-report-to; "
        in text
    )
    assert "--fix` rewrites" not in text
    assert "nothing is left to fix" in as_text(replace(result, findings=()), PLAIN, fixed=0)
    assert "left" not in as_text(result, PLAIN)


def test_an_exception_that_does_not_count_is_no_file_that_was_not_read() -> None:
    old = '[[exception]]\nrule = "ollama-host"\npath = ".env"\nreason = "demo"\nowner = "a"\nexpires = 2020-01-01\n'
    line = "# privet: allow ollama-host expires=2020-01-01\nOLLAMA_HOST=0.0.0.0\n"
    text = as_text(scan(tree_of({".env": line, "privet.toml": old, "b.toml": "[a\n"})), PLAIN)
    refused, unread = text.partition("exceptions that do not count")[2].split("not checked, or only in part:")
    assert "privet.toml:1  this [[exception]] does not count: it expired on 2020-01-01" in refused
    assert ".env:1  this allowance does not count: it has no reason" in refused
    assert "does not count" not in unread
    assert "1 note: what was not checked is not known to be clean" in unread


def test_where_only_some_rules_were_asked_it_is_said_and_there_is_no_grade(result: Result) -> None:
    found = of_rules(result, ["ollama-host"])
    text = as_text(found, PLAIN)
    assert [finding.rule for finding in found.findings] == ["ollama-host"]
    assert "1 finding in 3 files: 1 error\n" in text
    assert f"only ollama-host: the other {len(RULES) - 1:,} rules were not asked, so there is no grade" in text
    assert "grade F" not in text
    document = json.loads(MACHINES["json"](found))
    assert (document["grade"], document["only"]) == (None, ["ollama-host"])
    clean = as_text(of_rules(result, ["mlflow-disable-telemetry"]), PLAIN)
    assert clean.startswith("exceptions") is False
    assert "nothing in 3 files" in clean


def test_an_allowed_finding_of_another_rule_is_not_counted_for_the_rules_asked() -> None:
    lines = '# privet: allow ollama-host reason="demo" expires=2999-01-01\nOLLAMA_HOST=0.0.0.0\nOLLAMA_DEBUG=1\n'
    known = scan(tree_of({".env": lines}))
    assert (of_rules(known, ["ollama-host"]).allowed, of_rules(known, ["ollama-debug"]).allowed) == (1, 0)


def test_a_compact_line_has_what_an_editor_jumps_to(result: Result) -> None:
    lines = MACHINES["compact"](result).splitlines()
    assert len(lines) == len(result.findings) + len(result.notes)
    assert lines[1].startswith(".env:2:13: error ollama-host: OLLAMA_HOST 0.0.0.0: ")
    assert lines[1].endswith("; instead: set OLLAMA_HOST=127.0.0.1:11434")
    assert any(line.startswith("broken.toml:1:1: note: ") for line in lines), "what was not read is never clean"


def test_the_text_of_a_clean_repository_is_short() -> None:
    clean = scan(tree_of({"a.py": "import os\n"}))
    assert as_text(clean, PLAIN) == "grade A: nothing weakens privacy in 1 file\n"
    assert as_text(clean, PLAIN, base="origin/main") == "grade A: nothing is weaker than origin/main in 1 file\n"
    assert as_text(replace(clean, allowed=1), PLAIN).endswith("1 allowed by an exception\n")


def test_lines_are_broken_at_the_width_of_the_terminal(result: Result) -> None:
    text = as_text(result, PLAIN, width=60)
    assert all(len(line) <= 60 or "http" in line for line in text.splitlines())


def test_colours_only_where_they_are_wanted(result: Result) -> None:
    assert "\x1b[" in as_text(result, Style(colour=True))
    assert "\x1b[" not in as_text(result, PLAIN)


def test_junit_is_xml_with_a_failure_for_each_finding(result: Result) -> None:
    suite = ET.fromstring(MACHINES["junit"](result))  # noqa: S314 - our own
    assert suite.attrib == {"name": "privet check", "tests": "5", "failures": "4", "errors": "0", "skipped": "1"}
    assert len(suite.findall("testcase/failure")) == 4
    clean = ET.fromstring(MACHINES["junit"](scan(tree_of({"a.txt": "a"}))))  # noqa: S314 - our own
    assert clean.attrib["tests"] == "1"


def test_github_has_one_command_a_line(result: Result) -> None:
    lines = MACHINES["github"](result).splitlines()
    assert len(lines) == len(result.findings) + len(result.notes)
    assert all(
        re.match(r"::(?:error|warning|notice) file=[^,:]+,line=\d+(?:,col=\d+)?,title=[^:,]+::\S", line)
        for line in lines
    )
    assert "file=src/ü train.py," in "".join(lines)


@pytest.mark.parametrize("name", ["a\nb", "::error::x", "\x1b[2J", "##[error]", "a\r", "\u202ea", "\x00", "a,b:c%"])
@pytest.mark.parametrize("form", FORMS)
def test_names_in_notes_are_as_harmless(result: Result, form: str, name: str) -> None:
    noted = replace(result, findings=(), notes=(Note(name, 1, "cannot be read"),))
    report = written(noted, form)
    assert (
        not set("\x1b\x00\r\u202e") & set(report) if form != "json" else json.loads(report)["notes"][0]["path"] == name
    )
    if form in {"text", "github"}:
        assert "##[" not in report
    if form == "github":
        assert len(report.splitlines()) == 1
    if form == "text":
        assert not any(line.lstrip().startswith("::") for line in report.splitlines())
    if form == "sarif":
        jsonschema.Draft4Validator(SCHEMA).validate(json.loads(report))


def test_plain_keeps_what_people_write() -> None:
    assert plain("deploy/ä ö.yaml") == "deploy/ä ö.yaml"
    assert plain("bytes\udcff") == "bytes\\xff"
