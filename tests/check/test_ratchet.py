"""Two sides of a change: what is weaker, and what only looks like it."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of

COMPOSE = """\
services:
  llm:
    image: vllm/vllm-openai:v0.11.0
    command: --model m --host 0.0.0.0
    environment:
      VLLM_NO_USAGE_STATS: "1"
      HF_HUB_OFFLINE: "1"
    ports:
      - "127.0.0.1:8000:8000"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
"""
DOCKER = """\
FROM python:3.12-slim AS base
ENV VLLM_NO_USAGE_STATS=1
FROM base
COPY src/ /app/
USER 1000
CMD ["vllm", "serve", "m"]
"""
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: server
          image: vllm/vllm-openai:v0.11.0
          env:
            - name: VLLM_NO_USAGE_STATS
              value: "1"
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
"""
DENY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec:
  podSelector: {}
  policyTypes: [Egress]
"""
TRAIN = """\
import os
from datasets import load_dataset
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

from cleaning import scrub_text

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
REPORT = "none"


def main():
    data = load_dataset("json", data_files="a.jsonl")
    data = data.map(scrub_text).remove_columns(["email", "phone"])
    model = AutoModelForCausalLM.from_pretrained("m", trust_remote_code=False)
    args = TrainingArguments(output_dir="o", report_to=REPORT, push_to_hub=False)
    Trainer(model=model, args=args, train_dataset=data).train()
"""
GATE = """\
name: privacy
on: pull_request
permissions: {}
jobs:
  gate:
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
        with: {persist-credentials: false, fetch-depth: 0}
      - run: privet check --base "origin/$GITHUB_BASE_REF"
"""
ALLOWED = """\
[[exception]]
rule = "compose-ports-all-interfaces"
path = "compose.yaml"
reason = "x"
owner = "y"
expires = 2999-01-01
"""


def change(base: dict[str, str], head: dict[str, str]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.path) for finding in compare(tree_of(base), tree_of(head)).findings}


WEAKER = {
    "a switch is turned": (
        {"compose.yaml": COMPOSE},
        {"compose.yaml": COMPOSE.replace('USAGE_STATS: "1"', 'USAGE_STATS: "0"')},
        ("vllm-no-usage-stats", "compose.yaml"),
    ),
    "a switch has a value that the program does not honour": (
        {"compose.yaml": COMPOSE},
        {"compose.yaml": COMPOSE.replace('USAGE_STATS: "1"', 'USAGE_STATS: "true"')},
        ("vllm-no-usage-stats", "compose.yaml"),
    ),
    "a safe line is gone": (
        {"compose.yaml": COMPOSE},
        {"compose.yaml": COMPOSE.replace('      VLLM_NO_USAGE_STATS: "1"\n', "")},
        ("vllm-no-usage-stats", "compose.yaml"),
    ),
    "a port is published everywhere": (
        {"compose.yaml": COMPOSE},
        {"compose.yaml": COMPOSE.replace("127.0.0.1:8000", "8000")},
        ("compose-ports-all-interfaces", "compose.yaml"),
    ),
    "a layer is dropped": (
        {"compose.yaml": COMPOSE},
        {"compose.yaml": COMPOSE.replace("    read_only: true\n", "")},
        ("compose-read-only", "compose.yaml"),
    ),
    "an override takes it back": (
        {"compose.yaml": COMPOSE},
        {
            "compose.yaml": COMPOSE,
            "compose.override.yaml": 'services:\n  llm:\n    environment:\n      VLLM_NO_USAGE_STATS: "0"\n',
        },
        ("vllm-no-usage-stats", "compose.override.yaml"),
    ),
    "the base image's variable is gone": (
        {"Dockerfile": DOCKER},
        {"Dockerfile": DOCKER.replace("ENV VLLM_NO_USAGE_STATS=1\n", "")},
        ("vllm-no-usage-stats", "Dockerfile"),
    ),
    "the environment file is gone": (
        {
            "compose.yaml": COMPOSE.replace(
                '    environment:\n      VLLM_NO_USAGE_STATS: "1"\n      HF_HUB_OFFLINE: "1"\n', "    env_file: .env\n"
            ),
            ".env": "VLLM_NO_USAGE_STATS=1\n",
        },
        {
            "compose.yaml": COMPOSE.replace(
                '    environment:\n      VLLM_NO_USAGE_STATS: "1"\n      HF_HUB_OFFLINE: "1"\n', "    env_file: .env\n"
            )
        },
        ("vllm-no-usage-stats", ".env"),
    ),
    "a container may gain rights": (
        {"k8s/llm.yaml": POD},
        {"k8s/llm.yaml": POD.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")},
        ("k8s-privilege-escalation", "k8s/llm.yaml"),
    ),
    "a pod's own layer is gone": (
        {"k8s/llm.yaml": POD},
        {"k8s/llm.yaml": POD.replace("        seccompProfile: {type: RuntimeDefault}\n", "")},
        ("k8s-seccomp", "k8s/llm.yaml"),
    ),
    "the network policy is gone": (
        {"k8s/llm.yaml": POD, "k8s/deny.yaml": DENY},
        {"k8s/llm.yaml": POD},
        ("k8s-networkpolicy-removed", "k8s/deny.yaml"),
    ),
    "a constant is changed": (
        {"train.py": TRAIN},
        {"train.py": TRAIN.replace('REPORT = "none"', 'REPORT = "wandb"')},
        ("transformers-report-to", "train.py"),
    ),
    "a step is gone": (
        {"train.py": TRAIN},
        {"train.py": TRAIN.replace(".map(scrub_text)", "")},
        ("python-scrub-removed", "train.py"),
    ),
    "a column stays": (
        {"train.py": TRAIN},
        {"train.py": TRAIN.replace('["email", "phone"]', '["phone"]')},
        ("python-scrub-removed", "train.py"),
    ),
    "foreign code runs": (
        {"train.py": TRAIN},
        {"train.py": TRAIN.replace("trust_remote_code=False", "trust_remote_code=True")},
        ("transformers-trust-remote-code", "train.py"),
    ),
    "the gate's step is gone": (
        {".github/workflows/privacy.yml": GATE},
        {
            ".github/workflows/privacy.yml": GATE.replace(
                '      - run: privet check --base "origin/$GITHUB_BASE_REF"\n', ""
            )
        },
        ("gate-step-removed", ".github/workflows/privacy.yml"),
    ),
    "the gate's failure is ignored": (
        {".github/workflows/privacy.yml": GATE},
        {".github/workflows/privacy.yml": GATE.replace('BASE_REF"', 'BASE_REF" || true')},
        ("gate-step-removed", ".github/workflows/privacy.yml"),
    ),
    "the policy is looser": (
        {"privet.toml": "[serve]\nmax_body_bytes = 1000\n"},
        {"privet.toml": ""},
        ("privet-policy-weaker", "privet.toml"),
    ),
    "an exception allows itself": (
        {"compose.yaml": COMPOSE},
        {
            "compose.yaml": COMPOSE.replace("127.0.0.1:8000", "8000"),
            "privet.toml": ALLOWED,
        },
        ("compose-ports-all-interfaces", "compose.yaml"),
    ),
    "a data file is kept no longer out": (
        {".gitignore": "data/\n.env\n", "a.py": ""},
        {".gitignore": "data/\n", "a.py": ""},
        ("ignore-line-removed", ".gitignore"),
    ),
}


@pytest.mark.parametrize("name", WEAKER)
def test_what_weakens_is_found(name: str) -> None:
    base, head, expected = WEAKER[name]
    assert expected in change(base, head)


HARMLESS = {
    "nothing": ({"compose.yaml": COMPOSE}, {"compose.yaml": COMPOSE}),
    "a file moves": ({"compose.yaml": COMPOSE}, {"deploy/compose.yaml": COMPOSE}),
    "keys change places": (
        {"compose.yaml": COMPOSE},
        {
            "compose.yaml": COMPOSE.replace("    read_only: true\n", "").replace(
                "    ports:", "    read_only: true\n    ports:"
            )
        },
    ),
    "quotes change": (
        {"compose.yaml": COMPOSE},
        {"compose.yaml": COMPOSE.replace('USAGE_STATS: "1"', "USAGE_STATS: '1'").replace("[ALL]", '\n      - "ALL"')},
    ),
    "a map becomes a list": (
        {"compose.yaml": COMPOSE},
        {
            "compose.yaml": COMPOSE.replace(
                '      VLLM_NO_USAGE_STATS: "1"\n      HF_HUB_OFFLINE: "1"',
                "      - VLLM_NO_USAGE_STATS=1\n      - HF_HUB_OFFLINE=1",
            )
        },
    ),
    "a variable moves into the image": (
        {"compose.yaml": COMPOSE.replace("image: vllm/vllm-openai:v0.11.0", "build: ."), "Dockerfile": DOCKER},
        {
            "compose.yaml": COMPOSE.replace("image: vllm/vllm-openai:v0.11.0", "build: .").replace(
                '      VLLM_NO_USAGE_STATS: "1"\n', ""
            ),
            "Dockerfile": DOCKER,
        },
    ),
    "a service is renamed": ({"compose.yaml": COMPOSE}, {"compose.yaml": COMPOSE.replace("  llm:", "  model:")}),
    "a service is removed": ({"compose.yaml": COMPOSE + "  web:\n    image: nginx\n"}, {"compose.yaml": COMPOSE}),
    "a service is added": (
        {"compose.yaml": COMPOSE},
        {
            "compose.yaml": COMPOSE
            + '  web:\n    image: nginx:1.27\n    ports: ["127.0.0.1:80:80"]\n    read_only: true\n    cap_drop: [ALL]\n'
        },
    ),
    "an image is updated": ({"compose.yaml": COMPOSE}, {"compose.yaml": COMPOSE.replace("v0.11.0", "v0.12.0")}),
    "a constant is inlined": ({"train.py": TRAIN}, {"train.py": TRAIN.replace("report_to=REPORT", 'report_to="none"')}),
    "code moves to another file": ({"train.py": TRAIN}, {"src/finetune/train.py": TRAIN}),
    "a step is renamed": ({"train.py": TRAIN}, {"train.py": TRAIN.replace("scrub_text", "redact_text")}),
    "a line is logged": ({"train.py": TRAIN}, {"train.py": TRAIN + "\n\nprint('done')\n"}),
    "everything of a folder is gone": ({"a.py": "", "old/train.py": TRAIN, "old/compose.yaml": COMPOSE}, {"a.py": ""}),
    "the workflow gets a job": (
        {".github/workflows/privacy.yml": GATE},
        {
            ".github/workflows/privacy.yml": GATE
            + "  lint:\n    runs-on: ubuntu-24.04\n    permissions: {contents: read}\n    steps:\n      - run: ruff check\n"
        },
    ),
    "a safe call comes before": (
        {"train.py": TRAIN},
        {
            "train.py": TRAIN.replace(
                "    model = Auto", '    other = AutoModelForCausalLM.from_pretrained("x")\n    model = Auto'
            )
        },
    ),
    "a pod's layer moves to the container": (
        {"k8s/llm.yaml": POD},
        {
            "k8s/llm.yaml": POD.replace("        runAsNonRoot: true\n", "").replace(
                "            readOnly", "            runAsNonRoot: true\n            readOnly"
            )
        },
    ),
    "the policy gets tighter": ({"privet.toml": ""}, {"privet.toml": "[serve]\nmax_body_bytes = 1000\n"}),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_like_it_is_not(name: str) -> None:
    assert change(*HARMLESS[name]) == set()


def test_an_exception_of_the_base_counts() -> None:
    head = {"compose.yaml": COMPOSE.replace("127.0.0.1:8000", "8000"), "privet.toml": ALLOWED}
    assert change({"compose.yaml": COMPOSE, "privet.toml": ALLOWED}, head) == set()
    late = ALLOWED.replace("2999", "1999")
    result = compare(tree_of({"compose.yaml": COMPOSE, "privet.toml": late}), tree_of(head))
    assert any("expired" in note.message for note in result.notes)
    assert ("compose-ports-all-interfaces", "compose.yaml") in {(item.rule, item.path) for item in result.findings}
