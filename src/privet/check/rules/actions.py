"""Rules for workflows: GitHub Actions and GitLab CI.

What a reader finds by more than a name and a value:

- `code:actions-pull-request-target-checkout`: a workflow on pull_request_target with a checkout of the pull request's head.
- `code:actions-log-secret`: a `run` that prints a secret, or what is in a data file.
- `code:actions-pull-request-secrets`: a job that runs on pull requests and gets the secret of a tracker, hub or model service.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DOOR,
    GAP,
    GATE,
    KEPT,
    LAYER,
    LOGS,
    SAFE,
    SENT,
    UNVETTED,
    WEAKER,
    env,
    key,
    read_by,
)
from privet.check.values import above, any_of, matches, present, true

_HEAD: Final = "name: checks\non: {on}\n{top}jobs:\n  check:\n    runs-on: ubuntu-24.04\n{job}    steps:\n{steps}"
_STEP: Final = "      - run: make check\n"


def _workflow(steps: str = _STEP, on: str = "push", top: str = "permissions: {}\n", job: str = "") -> Example:
    return Example(".github/workflows/checks.yml", _HEAD.format(on=on, top=top, job=job, steps=steps))


_PIN: Final = "9c091bb21b7c1c1d1991bb908d89e4e9dddfe3e0"

GITHUB: Final = read_by("actions", "documentation docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax",
    key("actions-pull-request-target", "actions.on[]", any_of("pull_request_target"), GAP, SAFE, "pull_request",
        "strangers' changes run with the repository's secrets",
        hit=_workflow(on="pull_request_target"), miss=_workflow(on="pull_request")),
    key("actions-checkout-head", "code:actions-pull-request-target-checkout", present(), DOOR, SAFE, "",
        "strangers' code runs with the repository's secrets",
        hit=_workflow(f"      - uses: actions/checkout@{_PIN}\n        with:\n"
        f"          ref: ${{{{ github.event.pull_request.head.sha }}}}\n", on="pull_request_target"),
        miss=_workflow(f"      - uses: actions/checkout@{_PIN}\n", on="pull_request"), remedy="run on pull_request"),
    key("actions-permissions-write-all", "actions.permissions", any_of("write-all"), DOOR, SAFE, "{}",
        "every step may write to the repository",
        hit=_workflow(top="permissions: write-all\n"), miss=_workflow()),
    key("actions-permissions-inherited", "actions.permissions", any_of("inherited"), GAP.noted, WEAKER, "{}",
        "steps get the rights that the repository gives by default, often to write",
        hit=_workflow(top=""), miss=_workflow(), remedy="write permissions: {}, and name what a job needs"),
    key("actions-permission-write",
        "actions.permissions.contents actions.permissions.packages actions.permissions.actions actions.permissions.id-token",
        any_of("write"), GAP.noted, SAFE, "read",
        "every step may write", hit=_workflow(top="permissions:\n  contents: write\n"),
        miss=_workflow(top="permissions:\n  contents: read\n")),
    key("actions-upload-data", "actions.steps[].with.path",
        matches(r"(?i)(?:^|[/\s])(?:data|datasets?|logs?|prompts|transcripts|samples|outputs?)(?:/|\s|$)|\.(?:jsonl|ndjson|csv|parquet|"
        r"log|pt|ckpt)\b|^\.$"),
        KEPT, SAFE, "", "data becomes a file that whoever reads the repository can fetch",
        hit=_workflow(f"      - uses: actions/upload-artifact@{_PIN}\n        with:\n          name: run\n          path: logs/\n"),
        miss=_workflow(f"      - uses: actions/upload-artifact@{_PIN}\n        with:\n          name: report\n"
        f"          path: report.html\n"), remedy="upload only what holds no data"),
    key("actions-log-secret", "code:actions-log-secret", present(), CONTENT, SAFE, "", "data or secrets stand in a log that others read",
        hit=_workflow("      - run: head -n 5 data/train.jsonl\n"), miss=_workflow(), remedy="print counts, not content"),
    key("actions-pull-request-secrets", "code:actions-pull-request-secrets", present(), SENT, SAFE, "",
        "a change that nobody has read may send data to a service",
        hit=_workflow(on="pull_request", job="    env:\n      WANDB_API_KEY: ${{ secrets.WANDB_API_KEY }}\n"),
        miss=_workflow(on="pull_request"), remedy="give secrets only to jobs on the main branch"),
    key("actions-persist-credentials", "actions.steps[].with.persist-credentials", true(), GAP.noted, WEAKER, "false",
        "the token stays in the folder, and in what is uploaded from it",
        hit=_workflow(f"      - uses: actions/checkout@{_PIN}\n        with:\n          persist-credentials: true\n"),
        miss=_workflow(f"      - uses: actions/checkout@{_PIN}\n        with:\n          persist-credentials: false\n")),
    key("actions-unpinned", "actions.steps[].uses", matches(r"^(?!\./|docker://)[^@\s]+@(?:main|master|latest|HEAD|develop|dev)$"),
        UNVETTED, SAFE, "", "tomorrow another program may run under the same name",
        hit=_workflow("      - uses: example-org/action@main\n"), miss=_workflow(f"      - uses: example-org/action@{_PIN}\n"),
        remedy="pin it by the commit's hash"),
    key("actions-self-hosted", "actions.runs-on actions.runs-on[]", any_of("self-hosted"), LAYER.noted, SAFE, "",
        "what one job leaves behind, the next can read",
        hit=Example(".github/workflows/checks.yml", _HEAD.format(on="push", top="permissions: {}\n", job="",
        steps=_STEP).replace("ubuntu-24.04", "self-hosted")), miss=_workflow(),
        remedy="use a fresh machine for every job"),
    key("actions-artifact-retention", "actions.steps[].with.retention-days", above(30), KEPT, SAFE, "5",
        "what is uploaded stays for months",
        hit=_workflow(f"      - uses: actions/upload-artifact@{_PIN}\n        with:\n          path: report.html\n"
        f"          retention-days: 90\n"),
        miss=_workflow(f"      - uses: actions/upload-artifact@{_PIN}\n        with:\n          path: report.html\n"
        f"          retention-days: 5\n")),
    env("actions-step-debug", "ACTIONS_STEP_DEBUG ACTIONS_RUNNER_DEBUG", true(), LOGS, SAFE, "", "logs that others read hold every value",
        hit=_workflow(job='    env:\n      ACTIONS_STEP_DEBUG: "true"\n'), miss=_workflow()),
)  # fmt: skip

GITLAB: Final = read_by("actions", "documentation docs.gitlab.com/ci/yaml",
    key("gitlab-artifacts-data", "gitlab.artifacts.paths[]",
        matches(r"(?i)(?:^|/)(?:data|datasets?|logs?|prompts|transcripts|samples)(?:/|$)|\.(?:jsonl|ndjson|csv|parquet|log)$"), KEPT,
        SAFE, "",
        "data becomes a file that whoever reads the project can fetch", hit=Example(".gitlab-ci.yml",
        "train:\n  script:\n    - make train\n  artifacts:\n    paths:\n      - data/\n"),
        miss=Example(".gitlab-ci.yml", "train:\n  script:\n    - make train\n  artifacts:\n    paths:\n      - report.html\n"),
        remedy="upload only what holds no data"),
    env("gitlab-debug-trace", "CI_DEBUG_TRACE CI_DEBUG_SERVICES", true(), LOGS, SAFE, "false",
        "logs that others read hold every variable, secrets among them",
        hit=Example(".gitlab-ci.yml", 'train:\n  variables:\n    CI_DEBUG_TRACE: "true"\n  script:\n    - make train\n'),
        miss=Example(".gitlab-ci.yml", 'train:\n  variables:\n    CI_DEBUG_TRACE: "false"\n  script:\n    - make train\n')),
)  # fmt: skip

_HOOKS: Final = (
    "repos:\n  - repo: https://github.com/astral-sh/ruff-pre-commit\n    rev: v0.14.0\n    hooks:\n      - id: ruff\n"
)

SCANS: Final = read_by("any", "documentation pre-commit.com",
    key("secret-scan-removed", "code:secret-scan-removed", present(), GATE, WEAKER, "",
        "nothing looks at changes any more for secrets, or for what notebooks printed", remedy="keep the hook or step",
        hit=Example(".pre-commit-config.yaml", _HOOKS),
        miss=Example(".pre-commit-config.yaml", _HOOKS + "  - repo: https://github.com/kynan/nbstripout\n    rev: 0.8.1\n    hooks:\n"
        "      - id: nbstripout\n")),
)  # fmt: skip

ACTIONS: Final = (*GITHUB, *GITLAB, *SCANS)
