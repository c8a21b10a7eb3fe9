"""The policy as text."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from privet.policy import DEFAULT, SETTINGS, value_of, with_value
from privet.policy_file import LoadedPolicy, PolicyException, variable_of
from privet.report.policy_text import as_json, explain, policy_page, readme_table, safer, shown

LOADED = LoadedPolicy()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (True, "", "true"),
        (False, "", "false"),
        (frozenset(), "", "[]"),
        (frozenset({"b", "a"}), "", '["a", "b"]'),
        ("tokenize", "", '"tokenize"'),
        (4, "choices", "4 choices"),
        (8388608, "bytes", "8,388,608 bytes"),
        (0.5, "score 0..1", "0.5"),
        (10.0, "seconds", "10 seconds"),
        (4, "", "4"),
    ],
)
def test_a_value_is_shown(value: Any, unit: str, text: str) -> None:
    assert shown(value, unit) == text


@pytest.mark.parametrize("setting_id", [name for name, known in SETTINGS.items() if not known.unit])
def test_a_value_without_unit_reads_as_toml(setting_id: str) -> None:
    default = value_of(DEFAULT, setting_id)
    read = tomllib.loads(f"x = {shown(default)}")["x"]
    assert (frozenset(read) if isinstance(read, list) else read) == default


def test_the_safer_direction_is_in_words() -> None:
    assert safer(SETTINGS["serve.prompt_identifiers"]) == "refuse > redact > tokenize > pass"
    assert safer(SETTINGS["serve.require_tls"]) == "true"
    assert safer(SETTINGS["serve.hosts"]) == "fewer entries"
    assert all(safer(known) for known in SETTINGS.values())


@pytest.mark.parametrize("setting_id", SETTINGS)
def test_an_explanation_says_how_to_change_the_setting(setting_id: str) -> None:
    text = explain(setting_id, LOADED)
    if SETTINGS[setting_id].fixed:
        assert "loosen     never" in text
        assert "tighten" not in text
    else:
        assert variable_of(setting_id) in text
        assert f"tighten    [{setting_id.split('.', maxsplit=1)[0]}] in privet.toml" in text
        assert f'rule = "{setting_id}", value, reason, owner and expires' in text
    assert "(default)" in text


def test_an_explanation_shows_value_default_and_exception() -> None:
    item = PolicyException("serve.max_choices", 16, "an evaluation", "ops@example.com", date(2027, 1, 31))
    loaded = replace(LOADED, policy=with_value(DEFAULT, "serve.max_choices", 16), exceptions=(item,))
    lines = [line.strip() for line in explain("serve.max_choices", loaded).splitlines()]
    assert "value      16 choices (exception)" in lines
    assert "default    4 choices" in lines
    assert "exception  until 2027-01-31, by ops@example.com: an evaluation" in lines
    assert "exception  until" not in explain("serve.max_body_bytes", loaded)
    assert as_json("serve.max_choices", loaded)["state"] == "exception"


def test_the_readmes_table_has_every_switch_and_the_page_every_setting() -> None:
    table, page = readme_table(), policy_page()
    rows = table.splitlines()[2:]
    assert all(row.count("|") == 5 for row in table.splitlines())
    ids = [row.split("`")[1] for row in rows]
    assert len(ids) == len(set(ids))
    assert {name for name, known in SETTINGS.items() if known.fixed} <= set(ids)
    for row, setting_id in zip(rows, ids, strict=True):
        assert row.endswith("| never |" if SETTINGS[setting_id].fixed else "| by exception |")
    for setting_id, known in SETTINGS.items():
        assert page.count(f"### `{setting_id}`\n") == 1
        assert known.reason in page
        assert f"- **Variable:** `{variable_of(setting_id)}`" in page
