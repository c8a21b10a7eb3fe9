"""Switches of the project's own programs, on two sides of a change."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, scan_texts, tree_of


def told(path: str, before: str, after: str) -> set[str]:
    return {item.rule.id for item in compare(tree_of({path: before}), tree_of({path: after})).weaknesses}


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("c.yaml", "a:\n  redact: true\n", "a:\n  redact: false\n"),
        ("c.yaml", "redaction:\n  mode: full\n  # as agreed\n  enabled: true\n", "redaction:\n  mode: full\n  enabled: false\n"),
        ("c.yaml", "a: 1\n", "a: 1\nanonymize: false\n"),
        ("c.yaml", "a: 1\n", "a: 1\nstore_prompts: true\n"),
        ("c.yaml", "saveConversations: false\n", "saveConversations: true\n"),
        ("c.yaml", "a: 1\nmaskPii: yes\n", "a: 1\nmaskPii: no\n"),
        ("c.yaml", "a: 1\nscrub_emails: on\n", "a: 1\n"),
        ("c.yaml", "no_log_prompts: true\n", "no_log_prompts: false\n"),
        ("c.yaml", "disable_redaction: false\n", "disable_redaction: true\n"),
        ("c.toml", "[privacy]\nscrub = true\n", "[privacy]\nscrub = false\n"),
        ("c.toml", "[app.redaction]\nenabled = true\n", "[app.redaction]\nenabled = false\n"),
        ("c.json", '{"a": {"mask_pii": true}}', '{"a": {"mask_pii": false}}'),
        ("c.json", '{"encryption": {"mode": "gcm", "enabled": true}}', '{"encryption": {"mode": "gcm", "enabled": false}}'),
        (".env", "CHAT_LOG_PROMPTS=false\n", "CHAT_LOG_PROMPTS=true\n"),
        (".env", 'CHAT_REQUIRE_AUTH="1"\n', 'CHAT_REQUIRE_AUTH="0"\n'),
        ("compose.yaml", "services:\n  a:\n    image: a\n    environment: [LOG_REQUESTS=0]\n",
            "services:\n  a:\n    image: a\n    environment: [LOG_REQUESTS=1]\n"),
        ("k.yaml", 'env:\n- name: REDACT_PII\n  value: "true"\n', 'env:\n- name: REDACT_PII\n  value: "false"\n'),
    ],
)  # fmt: skip
def test_a_switch_that_turns_is_weaker_and_turning_back_is_not(path: str, before: str, after: str) -> None:
    assert told(path, before, after)
    assert told(path, after, before) == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("redact: true\n", "privacy:\n  redact: true\n"),
        ("redact: true\n", 'redact: "yes"\n'),
        ("log_tokens: false\n", "log_tokens: true\n"),
        ("save_steps: false\nsave_outputs: false\n", "save_steps: true\nsave_outputs: true\n"),
        ("cache:\n  enabled: true\n", "cache:\n  enabled: false\n"),
        ("a: 1\n", "a: 1\n# log_prompts: true\n"),
        ("redaction:\n  level: 1\nchat:\n  enabled: true\n", "redaction:\n  level: 1\nchat:\n  enabled: false\n"),
        ("log_format: yes\n", "log_format: no\n"),
    ],
)
def test_what_moves_or_is_no_switch_is_no_weakening(before: str, after: str) -> None:
    assert told("config.yaml", before, after) == set()


def test_alone_a_switch_says_nothing() -> None:
    rules = {item.rule.id for item in scan_texts({".env": "CHAT_REDACT_EMAILS=false\nCHAT_LOG_QUERIES=true\n"})}
    assert rules == set()


def test_a_file_that_is_gone_takes_its_switches_with_it() -> None:
    before, after = {"a/c.env": "REDACT_EMAILS=true\n", "a/d.env": "TZ=UTC\n"}, {"a/d.env": "TZ=UTC\n"}
    assert compare(tree_of(before), tree_of(after)).weaknesses == ()
