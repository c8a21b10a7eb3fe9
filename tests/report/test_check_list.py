"""The list of rules: a line each, and the same for programs."""

from __future__ import annotations

import json

from privet.check.rules import BY_ID, RULES
from privet.report.check_list import as_json, as_lines


def test_every_rule_has_one_line_with_its_id_first() -> None:
    lines = as_lines(RULES).splitlines()
    assert [line.split()[0] for line in lines] == [rule.id for rule in RULES]
    assert all(rule.why in line for rule, line in zip(RULES, lines, strict=True))


def test_a_line_says_how_bad_and_what_happens() -> None:
    line = as_lines([BY_ID["vllm-no-usage-stats"]])
    assert line.split()[:4] == ["vllm-no-usage-stats", "warning", "telemetry", "VLLM_NO_USAGE_STATS:"]


def test_what_is_no_setting_has_no_name_of_a_reader() -> None:
    assert " code:" not in as_lines(RULES)


def test_programs_get_the_source_and_the_remedy() -> None:
    (listed,) = json.loads(as_json([BY_ID["ollama-host"]]))["rules"]
    assert listed["rule"] == "ollama-host"
    assert listed["fix"] == BY_ID["ollama-host"].remedy
    assert listed["source"] == BY_ID["ollama-host"].source
    assert listed["help"].endswith("ollama.md#ollama-host")
