"""Pipelines of CircleCI, Azure and Bitbucket, and what steps start by other files' words: whether the gate still runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import UnitKind
from privet.check.manifests import is_pipeline
from privet.check.pipelines import read
from privet.check.scan import compare, tree_of

_CIRCLE = ".circleci/config.yml"
_AZURE = "azure-pipelines.yml"
_BITBUCKET = "bitbucket-pipelines.yml"
_FLOW = ".github/workflows/privacy.yml"
GATE = "gate-step-removed"
CIRCLE = """\
version: 2.1
jobs:
  privacy:
    docker: [{image: cimg/python:3.12}]
    environment: {WANDB_MODE: disabled}
    steps:
      - checkout
      - run:
          command: privet check --base origin/main
      - run: gitleaks detect
workflows:
  all:
    jobs:
      - privacy
"""
AZURE = """\
pr: [main]
variables: {WANDB_MODE: disabled}
steps:
  - script: privet check --base origin/main
    displayName: gate
"""
BITBUCKET = """\
pipelines:
  pull-requests:
    '**':
      - step:
          script:
            - privet check --base origin/main
"""
GITLAB = """\
include: [{local: ci/base.yml}]
privacy:
  extends: .check
  script: [privet check --base origin/main]
"""
FLOW = """\
name: privacy
on: pull_request
permissions: {}
jobs:
  gate:
    runs-on: ubuntu-24.04
    steps:
      - run: make privacy
"""
ACTION = """\
name: gate
runs:
  using: composite
  steps:
    - run: privet check --base origin/main
      shell: bash
"""
_CALLED = FLOW.replace("run: make privacy", "uses: ./.github/actions/gate")
_ACTION = ".github/actions/gate/action.yml"
_MAKE = "lint:\n\truff check\nprivacy: lint\n\tprivet check --base origin/main\n"
BASE = {
    _CIRCLE: CIRCLE,
    _AZURE: AZURE,
    _BITBUCKET: BITBUCKET,
    ".gitlab-ci.yml": GITLAB,
    "ci/base.yml": ".check:\n  image: python:3.12\n  rules:\n    - if: $CI_PIPELINE_SOURCE == 'merge_request_event'\n",
    _FLOW: FLOW,
    "Makefile": _MAKE,
    ".github/workflows/called.yml": _CALLED.replace("name: privacy", "name: called"),
    _ACTION: ACTION,
}


def _weaker(change: dict[str, str]) -> set[tuple[str, str]]:
    found = compare(tree_of(BASE), tree_of(BASE | change)).findings
    return {(finding.rule, finding.path) for finding in found}


@pytest.mark.parametrize(
    ("path", "before", "after", "rule"),
    [
        (_CIRCLE, "command: privet check --base origin/main", "command: make", GATE),
        (_CIRCLE, "origin/main", "origin/main || true", GATE),
        (_CIRCLE, "          command:", "          when: on_fail\n          command:", GATE),
        (_CIRCLE, "      - privacy\n", "      - privacy: {filters: {branches: {only: main}}}\n", GATE),
        (_CIRCLE, "      - privacy\n", "      - hold: {type: approval}\n      - privacy: {requires: [hold]}\n", GATE),
        (_CIRCLE, "gitleaks detect", "make", "secret-scan-removed"),
        (_CIRCLE, "WANDB_MODE: disabled", "WANDB_MODE: online", "wandb-mode"),
        (_CIRCLE, "      - run: gitleaks", "      - store_artifacts: {path: data/}\n      - run: gitleaks", "actions-upload-data"),
        (_AZURE, "  - script: privet check --base origin/main\n    displayName: gate\n", "  - script: make\n", GATE),
        (_AZURE, "    displayName: gate", "    continueOnError: true", GATE),
        (_AZURE, "    displayName: gate", "    enabled: false", GATE),
        (_AZURE, "pr: [main]", "pr: none", GATE),
        (_AZURE, "origin/main", "origin/main | tee found.txt", GATE),
        (_BITBUCKET, "pull-requests", "custom", GATE),
        (".gitlab-ci.yml", "  script:", "  allow_failure: true\n  script:", GATE),
        ("ci/base.yml", "merge_request_event'", "merge_request_event'\n      when: manual", GATE),
        ("ci/base.yml", "merge_request_event", "schedule", GATE),
        (_FLOW, "make privacy", "make lint", GATE),
        (_FLOW, "make privacy", "set +e\n          make privacy\n          exit 0", GATE),
        ("Makefile", "\tprivet", "\t-privet", GATE),
        (_ACTION, "origin/main", "origin/main || true", GATE),
        (".github/workflows/called.yml", "uses: ./.github/actions/gate", "run: make", GATE),
    ],
)  # fmt: skip
def test_a_gate_that_stops_nothing_any_more_is_told(path: str, before: str, after: str, rule: str) -> None:
    assert before in BASE[path]
    after = after if "\n          " not in after or path != _FLOW else "|\n          " + after
    assert rule in {found for found, _ in _weaker({path: BASE[path].replace(before, after)})}


@pytest.mark.parametrize(
    "change",
    [
        {_CIRCLE: CIRCLE.replace("privacy", "gate")},
        {_CIRCLE: CIRCLE.replace("- run:\n          command: privet", "- run: privet")},
        {_CIRCLE: CIRCLE.replace("      - privacy\n", "      - privacy: {context: ci, filters: {branches: {ignore: gh-pages}}}\n")},
        {_AZURE: AZURE.replace("variables: {WANDB_MODE: disabled}", "variables: [{name: WANDB_MODE, value: disabled}]")},
        {_AZURE: AZURE.replace("steps:", "jobs:\n- job: gate\n  steps:").replace("\n  - s", "\n    - s").replace("\n    d", "\n      d")},
        {_AZURE: AZURE.replace("- script: privet", "- bash: privet")},
        {_AZURE: "trigger: none\n", _FLOW: FLOW.replace("make privacy", "privet check --base origin/main"),
         ".github/workflows/b.yml": FLOW.replace("make privacy", "env WANDB_MODE=disabled privet check --base origin/main")},
        {_FLOW: FLOW.replace("make privacy", "privet check --base origin/main")},
        {_FLOW: _CALLED},
        {_FLOW: FLOW.replace("- run: make privacy", "- shell: bash\n        run: make privacy | tee found.txt")},
        {".gitlab-ci.yml": GITLAB.replace("extends: .check", "extends: [.check]")},
        {".gitlab-ci.yml": GITLAB + ".other:\n  script: [make]\n"},
    ],
)  # fmt: skip
def test_a_gate_that_runs_another_way_is_no_loss(change: dict[str, str]) -> None:
    assert {rule for rule, _ in _weaker(change)} & {GATE, "gate-weakened"} == set()


def test_a_custom_command_and_an_anchor_are_followed() -> None:
    text = CIRCLE.replace("- run:\n          command: privet check --base origin/main", "- gate")
    text += "commands:\n  gate:\n    steps:\n      - run: privet check --base origin/main\n"
    assert "privet check" in {unit.name for unit in read(_CIRCLE, text, lambda _: None).units if unit.guard == GATE}


def test_each_job_has_its_variables_and_its_programs() -> None:
    text = AZURE + "  - bash: vllm serve m --host 0.0.0.0\n    env: {HF_HUB_OFFLINE: '1'}\n"
    units = read(_AZURE, text, lambda _: None).units
    (job,) = [unit for unit in units if unit.kind is UnitKind.JOB]
    assert {fact.name: fact.value for fact in job.facts} == {"WANDB_MODE": "disabled", "HF_HUB_OFFLINE": "1"}
    assert [sorted(unit.components) for unit in units if unit.kind is UnitKind.PROCESS] == [["privet"], ["vllm"]]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (_CIRCLE, True),
        ("azure-pipelines-nightly.yaml", True),
        (".azure-pipelines/steps/build.yml", True),
        (_BITBUCKET, True),
        ("docs/azure.yml", False),
    ],
)
def test_pipelines_are_known_by_their_paths(path: str, expected: bool) -> None:
    assert is_pipeline(path) is expected


@given(st.text(st.sampled_from("jobs steprun:-[]{} \n'\"*&")))
def test_any_text_is_read(text: str) -> None:
    for path in (_CIRCLE, _AZURE, _BITBUCKET):
        read(path, text, lambda _: None)


@pytest.mark.parametrize(
    ("told", "is_run"),
    [
        ('filters: pipeline.git.branch == "main"', False),
        ("filters: pipeline.git.branch == 'master' or pipeline.git.branch == 'main'", False),
        ('filters: pipeline.git.branch == "main" or pipeline.git.branch starts-with "pull"', True),
        ("filters: {branches: {only: main}}", False),
        ('filters: pipeline.git.branch != "main"', True),
    ],
)
def test_a_job_that_an_expression_keeps_to_the_main_branch_looks_at_no_proposal(told: str, is_run: bool) -> None:
    text = (
        "version: 2.1\njobs:\n  scan:\n    steps:\n      - run: gitleaks detect\n"
        f"workflows:\n  all:\n    jobs:\n      - scan:\n          {told}\n"
    )
    units = read(".circleci/config.yml", text, lambda _: None).units
    assert any(unit.guard == "secret-scan-removed" for unit in units) is is_run


def test_a_workflow_for_the_main_branch_alone_looks_at_no_proposal() -> None:
    text = (
        "version: 2.1\njobs:\n  scan:\n    steps:\n      - run: gitleaks detect\n"
        'workflows:\n  all:\n    when: pipeline.git.branch == "main"\n    jobs: [scan]\n'
    )
    units = read(".circleci/config.yml", text, lambda _: None).units
    assert not any(unit.guard == "secret-scan-removed" for unit in units)
