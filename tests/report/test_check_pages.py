"""docs/rules, generated from the rule tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from privet.check import values
from privet.check.rules import BY_ID, RULES
from privet.check.values import Values
from privet.report.check import page_of
from privet.report.check_pages import pages, unsafe_words

PAGES = pages()


def test_every_rule_has_a_heading_on_the_page_that_findings_name() -> None:
    for rule in RULES:
        name, _, anchor = page_of(rule.id).rpartition("/")[2].partition("#")
        assert f"\n### {anchor}\n" in PAGES[name]
        assert anchor == rule.id


def test_every_page_is_linked_and_no_page_takes_the_place_of_another() -> None:
    linked = set(re.findall(r"\]\(([\w.-]+\.md)\)", PAGES["README.md"]))
    assert linked == set(PAGES) - {"README.md"} | {"serve.md"}
    assert "serve.md" not in PAGES
    assert sum(text.count("\n### ") for text in PAGES.values()) == len(RULES)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+\.md", name) for name in PAGES)


def test_a_rule_is_told_in_words_with_what_is_found() -> None:
    text = PAGES["vllm.md"].partition("### vllm-no-usage-stats")[2].partition("###")[0]
    rule = BY_ID["vllm-no-usage-stats"]
    for part in (
        rule.why,
        rule.remedy,
        rule.source,
        "anything but exactly `1`",
        "\n-VLLM_NO_USAGE_STATS=",
        "variable `VLLM",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (values.true(), "whatever reads as true"),
        (values.false(), "whatever reads as false"),
        (values.only(""), "anything but exactly empty"),
        (values.above(8), "more than 8, or no limit"),
        (values.has("*", "all"), "`*`, `all` among its items"),
        (values.matches("a`b"), "what matches ``a`b``"),
    ],
)
def test_values_are_told_in_words(test: Values, words: str) -> None:
    assert unsafe_words(test).startswith(words)


def test_every_kind_of_value_has_words() -> None:
    kinds = {rule.values.test for rule in RULES}
    assert len(kinds) > 10
    assert all(unsafe_words(rule.values) for rule in RULES)


def test_what_is_in_the_repository_is_what_is_generated() -> None:
    folder = Path(__file__).parents[2] / "docs" / "rules"
    there = {path.name for path in folder.glob("*.md")} - {"serve.md"}
    assert there == set(PAGES), "run make docs"
