"""What a change of manifests makes weaker, end to end: readers, rules and ratchet together."""

from __future__ import annotations

from datetime import date

import pytest

from privet.check import scan

_COMPOSE = """\
services:
  api:
    image: vllm/vllm-openai:v0.9
    environment:
      VLLM_NO_USAGE_STATS: "1"
    ports: ["127.0.0.1:8000:8000"]
    networks: [inner]
networks:
  inner: {internal: true}
"""
_POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      securityContext: {runAsNonRoot: true}
      containers:
      - {name: s, image: "vllm/vllm-openai:v1", env: [{name: VLLM_NO_USAGE_STATS, value: "1"}]}
"""
_DENY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Egress]}
"""
_OVERLAY = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../k]\n"
_VALUES = """\
image: {repository: vllm/vllm-openai, tag: v1}
networkPolicy: {enabled: true}
env: [{name: VLLM_NO_USAGE_STATS, value: "1"}]
"""
_TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  template:
    spec:
      containers:
      - name: s
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
        env:
          {{- toYaml .Values.env | nindent 10 }}
"""
_GATE = """\
name: privacy
on: pull_request
permissions: {}
jobs:
  gate:
    runs-on: x
    steps:
    - run: privet check --base origin/main
"""
_FLOW = ".github/workflows/privacy.yml"
_CHART_DENY = (
    "{{- if .Values.networkPolicy.enabled }}\n" + _DENY.replace("{}", "{matchLabels: {a: b}}") + "{{- end }}\n"
)
_REPLICAS = _POD[: _POD.index("spec")] + "spec: {replicas: 3}\n"
_SECURE = "securityContext: {runAsNonRoot: true}"
_IN_CONTAINER = _POD.replace(f"      {_SECURE}\n", "").replace("{name: s,", f"{{{_SECURE}, name: s,")
_RENAMED = _GATE.replace("gate:", "check:").replace("name: privacy", "name: gate")
_OFF = _VALUES.replace("enabled: true", "enabled: false")
_BASE = {
    "compose.yaml": _COMPOSE,
    "k/kustomization.yaml": _OVERLAY.replace("../k", "pod.yaml, deny.yaml"),
    "k/pod.yaml": _POD,
    "k/deny.yaml": _DENY,
    "prod/kustomization.yaml": _OVERLAY,
    "chart/Chart.yaml": "name: x\n",
    "chart/values.yaml": _VALUES,
    "chart/templates/pod.yaml": _TEMPLATE,
    "chart/templates/deny.yaml": _CHART_DENY,
    _FLOW: _GATE,
}


def _weaker(change: dict[str, str | None]) -> set[tuple[str, str]]:
    changed = {path: text for path, text in (_BASE | change).items() if text is not None}
    found = scan.compare(scan.tree_of(_BASE), scan.tree_of(changed), today=date(2026, 1, 1))
    return {(finding.rule, finding.path) for finding in found.findings}


_STATS = "vllm-no-usage-stats"
_PATCH = _POD.replace('image: "vllm/vllm-openai:v1", ', "").replace('"1"', '"0"')


@pytest.mark.parametrize(
    ("change", "rule", "path"),
    [
        ({"compose.yaml": _COMPOSE.replace('"1"', '"true"')}, _STATS, "compose.yaml"),
        ({"compose.yaml": _COMPOSE.replace('    environment:\n      VLLM_NO_USAGE_STATS: "1"\n', "")}, _STATS, "compose.yaml"),
        ({"compose.yaml": _COMPOSE.replace("127.0.0.1:", "")}, "compose-ports-all-interfaces", "compose.yaml"),
        ({"compose.yaml": _COMPOSE.replace("true}", "false}")}, "compose-network-internal", "compose.yaml"),
        ({"compose.override.yml": "services: {api: {environment: [VLLM_NO_USAGE_STATS=0]}}\n"}, _STATS, "compose.override.yml"),
        ({"compose.prod.yml": "services:\n  api:\n    ports: ['8000:8000']\n"}, "compose-ports-all-interfaces", "compose.prod.yml"),
        ({"k/pod.yaml": _POD.replace("      securityContext: {runAsNonRoot: true}\n", "")}, "k8s-run-as-non-root", "k/pod.yaml"),
        ({"k/pod.yaml": _POD.replace('"1"', '"0"')}, _STATS, "k/pod.yaml"),
        ({"k/deny.yaml": None, "k/kustomization.yaml": _OVERLAY.replace("../k", "pod.yaml")}, "k8s-networkpolicy-removed", "k/deny.yaml"),
        ({"k/kustomization.yaml": _OVERLAY.replace("../k", "pod.yaml")}, "k8s-networkpolicy-removed", "k/kustomization.yaml"),
        ({"prod/kustomization.yaml": _OVERLAY + "patches: [{path: p.yaml}]\n", "prod/p.yaml": _PATCH}, _STATS, "prod/p.yaml"),
        ({"chart/values.yaml": _VALUES.replace('"1"', '"0"')}, _STATS, "chart/values.yaml"),
        ({"chart/values-prod.yaml": "env: [{name: VLLM_NO_USAGE_STATS, value: '0'}]\n"}, _STATS, "chart/values-prod.yaml"),
        ({"chart/values.yaml": _OFF}, "k8s-networkpolicy-removed", "chart/templates/deny.yaml"),
        ({_FLOW: _GATE.replace("privet check --base origin/main", "make")}, "gate-step-removed", _FLOW),
        ({_FLOW: _GATE + "      continue-on-error: true\n"}, "gate-step-removed", _FLOW),
        ({_FLOW: _GATE.replace("main", "main || true")}, "gate-step-removed", _FLOW),
        ({_FLOW: _GATE.replace("on: pull_request", "on: workflow_dispatch")}, "gate-step-removed", _FLOW),
    ],
)  # fmt: skip
def test_what_weakens_is_told_where_it_is_said(change: dict[str, str | None], rule: str, path: str) -> None:
    assert (rule, path) in _weaker(change)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"compose.yaml": _COMPOSE.replace('"', "'").replace("      VLLM_NO_USAGE_STATS: '1'", "    - VLLM_NO_USAGE_STATS=1")},
        {"compose.yaml": _COMPOSE.replace('"1"', "${STATS:-1}")},
        {"compose.yaml": "# a note\n" + _COMPOSE.replace("api:", "server:")},
        {"compose.prod.yml": "services:\n  api:\n    restart: always\n"},
        {"compose.yaml": None, "docker-compose.yml": _COMPOSE},
        {"k/deny.yaml": _DENY.replace("deny", "no-egress")},
        {"k/pod.yaml": _IN_CONTAINER},
        {"prod/kustomization.yaml": _OVERLAY + "patches: [{path: p.yaml}]\n", "prod/p.yaml": _REPLICAS},
        {"chart/values.yaml": "# a note\n" + _VALUES.replace('"1"', "'1'")},
        {_FLOW: None, ".github/workflows/gate.yml": _RENAMED},
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_not_told(change: dict[str, str | None]) -> None:
    assert _weaker(change) == set()


def test_a_policy_whose_types_no_longer_name_egress_denies_none() -> None:
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec:\n  podSelector: {}\n"
        "  policyTypes: [Ingress, Egress]\n  ingress: []\n  egress: []\n"
    )
    found = scan.compare(
        scan.tree_of({"a.yaml": policy}), scan.tree_of({"a.yaml": policy.replace(", Egress", "")})
    ).findings
    assert {finding.rule for finding in found} == {"k8s-networkpolicy-removed"}


_OUTER = "networks:\n  outer: {}\n"
_INCLUDING = "include: [deploy/llm.yaml]\n"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"compose.override.yml": "networks: {inner: {internal: false}}\n"}, "compose.override.yml"),
        ({"compose.prod.yml": "networks: {inner: {internal: false}}\n"}, "compose.prod.yml"),
        ({"compose.prod.yml": "services: {api: {networks: [outer]}}\n" + _OUTER}, "compose.prod.yml"),
        ({"compose.override.yml": "services: {api: {networks: {outer: {}}}}\n" + _OUTER}, "compose.override.yml"),
        ({"compose.override.yml": "services: {api: {network_mode: bridge}}\n"}, "compose.override.yml"),
    ],
)
def test_a_network_that_another_file_opens_is_told_there(change: dict[str, str | None], path: str) -> None:
    assert ("compose-network-internal", path) in _weaker(change)


@pytest.mark.parametrize(
    "change",
    [
        {"compose.yaml": _COMPOSE.replace("inner", "backend")},
        {"compose.yaml": _COMPOSE.replace("{internal: true}", "{internal: '${CLOSED:-true}'}")},
        {"compose.yaml": _COMPOSE.replace("{internal: true}", "{internal: '${CLOSED}'}")},
        {"compose.yaml": _COMPOSE.replace('"1"', "${STATS}")},
        {"compose.prod.yml": "networks: {inner: {driver_opts: {mtu: '1400'}}}\n"},
        {"compose.dev.yml": "services: {api: {build: ., volumes: ['./src:/app']}}\n"},
        {"compose.yaml": _INCLUDING, "deploy/llm.yaml": _COMPOSE},
    ],
)
def test_a_network_that_stays_closed_is_not_told(change: dict[str, str | None]) -> None:
    assert _weaker(change) == set()


def test_a_service_that_an_included_file_has_is_laid_over() -> None:
    base = {"compose.yaml": _INCLUDING, "deploy/llm.yaml": _COMPOSE}
    head = base | {"compose.override.yaml": "services: {api: {networks: [outer]}}\n" + _OUTER}
    found = scan.compare(scan.tree_of(base), scan.tree_of(head)).findings
    assert [(finding.rule, finding.path) for finding in found] == [
        ("compose-network-internal", "compose.override.yaml")
    ]
