"""Workflows: what jobs are permitted, set and start, and whether the gate is among it."""

from __future__ import annotations

import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check import workflows
from privet.check.facts import Space, Unit, UnitKind

_PATH = ".github/workflows/ci.yml"


def _units(text: str) -> list[Unit]:
    reading = workflows.read(_PATH, textwrap.dedent(text))
    assert not reading.notes
    return list(reading.units)


def _job(steps: str = "- run: make", job: str = "", on: str = "pull_request", top: str = "") -> list[Unit]:
    body = textwrap.indent(textwrap.dedent(steps), " " * 6)
    return _units(
        f"name: CI\non: {on}\n{top}jobs:\n  a:\n    runs-on: x\n{textwrap.indent(job, ' ' * 4)}    steps:\n{body}\n"
    )


def _values(units: list[Unit], name: str, unit_name: str = "CI/a") -> list[str | None]:
    return [fact.value for unit in units if unit.name == unit_name for fact in unit.facts if fact.name == name]


@pytest.mark.parametrize("on", ["[push, pull_request]", "{push: {branches: [main]}, pull_request: }"])
def test_events_in_every_form(on: str) -> None:
    assert _values(_job(on=on), "actions.on[]", "CI") == ["push", "pull_request"]


@pytest.mark.parametrize(
    ("top", "job", "of_workflow", "of_job"),
    [
        ("permissions: {}\n", "", ["{}"], ["{}"]),
        ("permissions: write-all\n", "", ["write-all"], ["write-all"]),
        ("permissions: {contents: read}\n", "permissions: {}\n", ["by scope"], ["{}"]),
        ("", "permissions: {contents: write}\n", ["by job"], ["by scope"]),
        ("", "", [], ["inherited"]),
    ],
)
def test_permissions_that_a_job_gets(top: str, job: str, of_workflow: list[str], of_job: list[str]) -> None:
    units = _job(top=top, job=job)
    assert _values(units, "actions.permissions", "CI") == of_workflow
    assert _values(units, "actions.permissions") == of_job


def test_scopes_are_told() -> None:
    assert _values(_job(job="permissions: {contents: write}\n"), "actions.permissions.contents") == ["write"]


def test_variables_and_those_that_are_known_only_when_it_runs() -> None:
    units = _job(top="env: {A_B: '1'}\n", job="env: {C_D: '${{ secrets.X }}'}\n")
    assert [(f.name, f.value) for u in units if u.name == "CI/a" for f in u.facts if f.space is Space.ENV] == [
        ("A_B", "1"),
        ("C_D", None),
    ]
    assert _values(units, "actions.env.C_D") == ["${{ secrets.X }}"]


@pytest.mark.parametrize(
    "run",
    [
        "- run: vllm serve ${{ matrix.model }} --host h",
        "- run: |\n    export A_B=1\n    vllm serve m --host h",
        "- run: >-\n    vllm serve m\n    --host h",
        '- run: "vllm serve m --host h"',
    ],
)
def test_programs_that_steps_start(run: str) -> None:
    text = f"on: push\njobs:\n  a:\n    steps:\n{textwrap.indent(run, ' ' * 4)}\n"
    (unit,) = [unit for unit in workflows.read(_PATH, text).units if unit.kind is UnitKind.PROCESS]
    fact = next(fact for fact in unit.facts if fact.name == "--host")
    assert unit.components == {"vllm"}
    assert text[fact.start : fact.end] == "h"
    assert unit.name.startswith("ci/a:")


def test_what_a_script_sets_for_what_follows() -> None:
    units = _job("- run: |\n    export A_B=1\n    echo \"C_D=2\" >> $GITHUB_ENV\n    echo 'E_F=3'\n")
    assert [(f.name, f.value) for u in units if u.name == "CI/a" for f in u.facts if f.space is Space.ENV] == [
        ("A_B", "1"),
        ("C_D", "2"),
    ]


@pytest.mark.parametrize(
    ("steps", "job", "on", "is_guard", "is_weak"),
    [
        ("- run: privet check --base origin/main", "", "pull_request", True, False),
        ("- run: |\n    pip install privet\n    python -m privet check", "", "push", True, False),
        ("- uses: example-org/privet@0123", "", "pull_request", True, False),
        ("- uses: example-org/privet-check-else@0123", "", "pull_request", False, False),
        ("- run: privet check || true", "", "pull_request", False, True),
        ("- {run: privet check, continue-on-error: true}", "", "pull_request", False, True),
        ("- {run: privet check, if: false}", "", "pull_request", False, True),
        ("- {run: privet check, if: '${{ false }}'}", "", "pull_request", False, True),
        ("- run: privet check", "continue-on-error: true\n", "pull_request", False, True),
        ("- run: privet check", "if: false\n", "pull_request", False, True),
        ("- run: privet check", "", "workflow_dispatch", False, False),
        ("- run: privet --help", "", "pull_request", False, False),
    ],
)
def test_the_gate_counts_where_its_failure_does(steps: str, job: str, on: str, is_guard: bool, is_weak: bool) -> None:
    units = _job(steps, job, on)
    assert [unit.guard for unit in units if unit.kind is UnitKind.GUARD] == (["gate-step-removed"] if is_guard else [])
    assert bool(_values(units, "code:gate-weakened")) is is_weak


@pytest.mark.parametrize(("on", "expected"), [("pull_request_target", ["present"]), ("pull_request", [])])
def test_a_stranger_s_code_with_the_owner_s_rights(on: str, expected: list[str]) -> None:
    step = "- {uses: actions/checkout@v4, with: {ref: '${{ github.event.pull_request.head.sha }}'}}"
    assert _values(_job(step, on=on), "code:actions-pull-request-target-checkout") == expected


@pytest.mark.parametrize(
    ("value", "on", "expected"),
    [
        ("WANDB_API_KEY: '${{ secrets.WANDB_API_KEY }}'", "pull_request", ["present"]),
        ("KEY: '${{ secrets.HF_TOKEN }}'", "pull_request", ["present"]),
        ("WANDB_API_KEY: '${{ secrets.WANDB_API_KEY }}'", "push", []),
        ("TOKEN: '${{ secrets.GITHUB_TOKEN }}'", "pull_request", []),
        ("WANDB_MODE: offline", "pull_request", []),
    ],
)
def test_secrets_of_services_for_strangers(value: str, on: str, expected: list[str]) -> None:
    for place in ("env", "with"):
        assert (
            _values(_job(f"- {{uses: x/y@1, {place}: {{{value}}}}}", on=on), "code:actions-pull-request-secrets")
            == expected
        )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("head -n 5 data/train.jsonl", True),
        ("cat prompts.txt", True),
        ("echo ${{ secrets.X }}", True),
        ("printenv", True),
        ("cat data/train.jsonl | wc -l", False),
        ("echo ${{ secrets.X }} > key", False),
        ("cat README.md", False),
        ("env FOO=1 make", False),
    ],
)
def test_what_a_log_should_not_hold(line: str, expected: bool) -> None:
    text = f"on: push\njobs:\n  a:\n    steps:\n    - run: |\n        set -e\n        {line}\n"
    facts = [f for unit in workflows.read(_PATH, text).units for f in unit.facts if f.name == "code:actions-log-secret"]
    assert [text[fact.start : fact.end] for fact in facts] == ([line] if expected else [])


def test_paths_count_where_a_step_uploads() -> None:
    units = _job(
        "- {uses: actions/upload-artifact@v4, with: {path: logs/}}\n- {uses: actions/cache@v4, with: {path: data/}}"
    )
    assert _values(units, "actions.steps[].with.path") == ["logs/"]


def test_a_composite_action_is_a_job() -> None:
    text = "name: serve\nruns:\n  using: composite\n  steps:\n  - {run: vllm serve m --host h, shell: bash}\n"
    units = workflows.read("action.yml", text).units
    assert {unit.name for unit in units} == {"action serve", "action serve:vllm#1"}


def test_a_workflow_without_a_name_has_its_file_s() -> None:
    assert workflows.read(_PATH, "on: push\njobs: {}\n").units[0].name == "ci"


@given(st.text(alphabet="jobs: \n-{}[]$&*!|>runtep'\"a", max_size=80))
def test_any_text_is_read(text: str) -> None:
    workflows.read(_PATH, text)
    workflows.read(
        _PATH, "on: push\njobs:\n  a:\n    steps:\n    - run: |\n        " + text.replace("\n", "\n        ")
    )


@pytest.mark.parametrize("piece", ["${{", "cat data ", "echo ${{ secrets.", "privet check || "])
def test_hostile_scripts_take_time_that_grows_with_them(piece: str) -> None:
    def seconds(count: int) -> float:
        start = time.process_time()
        workflows.read(_PATH, f"on: push\njobs:\n  a:\n    steps:\n    - run: '{piece * count}'\n")
        return time.process_time() - start

    small = min(seconds(200) for _ in range(3))
    assert seconds(2_000) < 40 * small + 0.05


_PRIVET = "- run: privet check --base origin/main"


def _is_guarded(units: list[Unit]) -> bool:
    return any(unit.kind is UnitKind.GUARD for unit in units)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("{pull_request: {branches: [main]}}", True),
        ("{pull_request: {paths: [docs/**]}}", False),
        ("{pull_request: {paths: ['**']}}", True),
        ("{pull_request: {paths: ['**', '!deploy/**']}}", False),
        ("{pull_request: {paths-ignore: ['**.md', 'docs/**']}}", True),
        ("{pull_request: {paths-ignore: ['deploy/**']}}", False),
        ("{pull_request: {types: [labeled]}}", False),
        ("{pull_request: {types: [opened, synchronize, reopened]}}", True),
        ("{push: {branches: [main]}, pull_request: {paths: [docs/**]}}", False),
        ("{push: {branches: [main]}}", True),
        ("{schedule: [{cron: '0 0 * * *'}]}", False),
    ],
)
def test_the_gate_is_a_guard_where_it_sees_every_change(on: str, expected: bool) -> None:
    assert _is_guarded(_job(_PRIVET, on=on)) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("always()", True),
        ("github.event_name == 'pull_request'", True),
        ("github.event_name == 'push'", False),
        ("github.event_name != 'pull_request'", False),
        ("github.actor != 'a-bot'", False),
        ("\"!contains(github.event.pull_request.labels.*.name, 'skip')\"", False),
        ("github.ref == 'refs/heads/main'", False),
    ],
)
def test_a_gate_that_who_asks_can_skip_is_none(condition: str, expected: bool) -> None:
    step = f"- if: {condition}\n  run: privet check --base origin/main"
    for units in (_job(step), _job(_PRIVET, job=f"if: {condition}\n")):
        assert _is_guarded(units) is expected
        assert bool(_values(units, "code:gate-weakened")) is not expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("HEAD", False),
        ("HEAD~1", True),
        ("$GITHUB_SHA", False),
        ('"${{ github.sha }}"', False),
        ("${{ github.event.pull_request.head.sha }}", False),
        ("${{ github.event.pull_request.base.sha }}", True),
        ('"origin/$GITHUB_BASE_REF"', True),
        ("origin/$GITHUB_HEAD_REF", False),
    ],
)
@pytest.mark.parametrize("form", ["--base {}", "--base={}"])
def test_a_gate_that_compares_the_change_with_itself_is_none(form: str, base: str, expected: bool) -> None:
    units = _job(f"- run: |\n    privet check {form.format(base)} --format github")
    assert _is_guarded(units) is expected
    assert bool(_values(units, "code:gate-weakened")) is not expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("- uses: gitleaks/gitleaks-action@v2", ["scan by gitleaks"]),
        ("- uses: trufflesecurity/trufflehog@main", ["scan by trufflehog"]),
        ("- run: nbstripout --verify *.ipynb", ["scan by nbstripout"]),
        ("- run: pip install nbstripout", []),
        ("- run: gitleaks detect || true", []),
    ],
)
def test_a_step_that_looks_for_secrets_is_a_guard(step: str, expected: list[str]) -> None:
    assert [unit.name for unit in _job(step) if unit.kind is UnitKind.GUARD] == expected
