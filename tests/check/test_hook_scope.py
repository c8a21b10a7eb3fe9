"""Pre-commit hooks that stay and look at less."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of

HOOK = "repos:\n  - repo: https://github.com/{}\n    rev: 1.0.0\n    hooks:\n      - id: {}\n{}"
STRIP = "kynan/nbstripout", "nbstripout"
LEAKS = "gitleaks/gitleaks", "gitleaks"
FILES = {
    "notebooks/a.ipynb": '{"cells": [], "nbformat": 4, "metadata": {}}',
    "src/app.py": "",
    "poetry.lock": "",
    "tests/a.py": "",
}
CONFIG = ".pre-commit-config.yaml"


def told(before: str, after: str) -> list[tuple[str, str, int]]:
    found = compare(tree_of({CONFIG: before, **FILES}), tree_of({CONFIG: after, **FILES})).findings
    return [(finding.rule, finding.path, finding.line) for finding in found]


@pytest.mark.parametrize(
    ("hook", "line"),
    [
        (STRIP, "        exclude: ^notebooks/\n"),
        (STRIP, "        exclude: \\.ipynb$\n"),
        (STRIP, "        files: ^docs/\n"),
        (
            STRIP,
            "        exclude: |\n          (?x)^(\n            vendor/.* |  # not ours\n            notebooks/.*\n          )$\n",
        ),
        (LEAKS, "        exclude: ^src/\n"),
    ],
)
def test_a_hook_that_passes_by_what_it_looked_at_is_told(hook: tuple[str, str], line: str) -> None:
    ((rule, path, at),) = told(HOOK.format(*hook, ""), HOOK.format(*hook, line))
    assert (rule, path) == ("secret-scan-removed", CONFIG)
    assert at >= 6, "where the expression stands"


def test_an_expression_for_all_hooks_counts_for_each() -> None:
    assert told(HOOK.format(*STRIP, ""), "exclude: ^notebooks/\n" + HOOK.format(*STRIP, ""))


@pytest.mark.parametrize(
    ("hook", "before", "after"),
    [
        (STRIP, "", "        exclude: ^vendor/\n"),  # nothing is there
        (STRIP, "", "        files: \\.ipynb$\n"),
        (STRIP, "        exclude: ^notebooks/\n", ""),
        (STRIP, "        exclude: ^notebooks/\n", "        exclude: ^notebooks/.*\n"),
        (LEAKS, "", "        exclude: ^(?:poetry\\.lock|tests/)\n"),  # holds nothing that a person wrote
        (STRIP, "", "        exclude: (?<!a)b\n"),  # not an expression that takes a bounded time
    ],
)
def test_a_hook_that_looks_at_all_that_it_did_is_none(hook: tuple[str, str], before: str, after: str) -> None:
    assert told(HOOK.format(*hook, before), HOOK.format(*hook, after)) == []
