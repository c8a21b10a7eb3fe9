"""Pipelines and hooks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check import gitlab, hooks
from privet.check.facts import Space, Unit, UnitKind


def _units(text: str) -> dict[str, Unit]:
    reading = gitlab.read(".gitlab-ci.yml", text)
    assert not reading.notes
    return {unit.name: unit for unit in reading.units}


def test_a_job_has_its_settings_variables_and_programs() -> None:
    text = (
        "variables: {A_B: '1'}\nserve:\n  variables: {C_D: {value: '2', description: x}}\n"
        "  tags: [gpu]\n  script:\n  - vllm serve m --host h\n"
    )
    units = _units(text)
    assert [(f.name, f.value) for f in units["gitlab"].facts] == [("A_B", "1")]
    assert [(f.space, f.name, f.value) for f in units["gitlab/serve"].facts][:2] == [
        (Space.ENV, "C_D", "2"),
        (Space.KEY, "gitlab.tags[]", "gpu"),
    ]
    process = units["gitlab/serve:vllm#1"]
    fact = next(fact for fact in process.facts if fact.name == "--host")
    assert text[fact.start : fact.end] == "h"
    assert set(process.parents) <= set(units["gitlab/serve"].provides)
    assert units["gitlab/serve"].parents == units["gitlab"].provides


def test_what_a_job_extends_is_part_of_it() -> None:
    units = _units(
        ".base: {variables: {A_B: '1', C_D: '1'}, script: [x]}\na: {extends: .base, variables: {C_D: '2'}, script: [y]}\n"
    )
    assert {(f.name, f.value) for f in units["gitlab/a"].facts} == {
        ("A_B", "1"), ("C_D", "2"), ("gitlab.extends", ".base"), ("gitlab.script[]", "y"),
    }  # fmt: skip
    assert "gitlab/.base" not in units


@pytest.mark.parametrize(
    ("job", "is_guard"),
    [
        ("{script: [privet check --base origin/main]}", True),
        ("{script: privet check, rules: [{if: $CI_MERGE_REQUEST_ID}]}", True),
        ("{script: [privet check || true]}", False),
        ("{script: [privet check], allow_failure: true}", False),
        ("{script: [privet check], when: manual}", False),
        ("{script: [privet check], rules: [{when: never}]}", False),
        ("{script: [echo privet check]}", False),
        ("{script: [privet check --base HEAD]}", False),
        ("{script: [privet check --base $CI_MERGE_REQUEST_DIFF_BASE_SHA]}", True),
        ("{script: [privet check], rules: [{if: $CI_MERGE_REQUEST_LABELS !~ /skip/}]}", False),
        ("{script: [privet check], rules: [{changes: [docs/**]}]}", False),
        ("{script: [privet check], rules: [{changes: [docs/**]}, {if: $CI_MERGE_REQUEST_ID}]}", True),
        ("{script: [privet check], only: {changes: [docs/**]}}", False),
    ],
)
def test_the_gate_counts_where_its_failure_does(job: str, is_guard: bool) -> None:
    assert any(unit.kind is UnitKind.GUARD for unit in _units(f"gate: {job}\n").values()) is is_guard


@pytest.mark.parametrize(
    ("repository", "is_guard"),
    [
        ("{repo: https://example.com/org/privet, rev: v1, hooks: [{id: privet-check}]}", True),
        ("{repo: local, hooks: [{id: x, entry: privet check, language: system}]}", True),
        ("{repo: local, hooks: [{id: x, entry: uv run privet check}]}", True),
        ("{repo: local, hooks: [{id: x, entry: privet check, stages: [manual]}]}", False),
        ("{repo: https://example.com/org/privets, hooks: [{id: x}]}", False),
    ],
)
def test_the_gate_as_a_hook(repository: str, is_guard: bool) -> None:
    units = hooks.read(".pre-commit-config.yaml", f"repos:\n- {repository}\n").units
    assert [unit.guard for unit in units] == (["gate-hook-removed"] if is_guard else [])


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("{id: nbstripout}", ["scan by nbstripout"]),
        ("{id: detect-secrets}", ["scan by detect-secrets"]),
        ("{id: x, entry: gitleaks protect}", ["scan by gitleaks"]),
        ("{id: gitleaks, stages: [manual]}", []),
        ("{id: ruff}", []),
    ],
)
def test_a_hook_that_looks_for_secrets_is_a_guard(hook: str, expected: list[str]) -> None:
    text = f"repos:\n- {{repo: 'https://example.com/org/hooks', rev: v1, hooks: [{hook}]}}\n"
    assert [unit.name for unit in hooks.read(".pre-commit-config.yaml", text).units] == expected


@given(st.text(alphabet="script: \n-{}[]&*extnds.a", max_size=80))
def test_any_text_is_read(text: str) -> None:
    gitlab.read(".gitlab-ci.yml", text)
    hooks.read(".pre-commit-config.yaml", "repos:\n" + text)
