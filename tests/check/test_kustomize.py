"""Overlays as they take effect."""

from __future__ import annotations

import textwrap

import pytest

from privet.check import kustomize
from privet.check.facts import Unit, UnitKind
from privet.check.manifests import read
from privet.check.scan import compare, tree_of

_BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      containers:
      - name: server
        image: vllm/vllm-openai:v1
        env: [{name: VLLM_NO_USAGE_STATS, value: "1"}, {name: A, value: "1"}]
      - {name: side, image: x}
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Egress]}
"""
_PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      hostNetwork: true
      containers:
      - name: server
        env: [{name: VLLM_NO_USAGE_STATS, value: "0"}]
      - {name: side, $patch: delete}
"""


def _overlay(own: str, **more: str) -> dict[tuple[UnitKind, str], Unit]:
    files = {
        "base/kustomization.yaml": "resources: [app.yaml, deny.yaml]\n",
        "base/app.yaml": _BASE,
        "base/deny.yaml": _POLICY,
        "prod/patch.yaml": _PATCH,
        "prod/kustomization.yaml": textwrap.dedent(own),
    } | more
    reading = kustomize.read("prod/kustomization.yaml", files["prod/kustomization.yaml"], files.get)
    assert not reading.notes
    return {(unit.kind, unit.name): unit for unit in reading.units}


def _values(unit: Unit, name: str) -> list[tuple[str | None, str]]:
    return [(fact.value, fact.path) for fact in unit.facts if fact.name == name]


def test_a_patch_lies_over_the_base() -> None:
    units = _overlay("resources: [../base]\npatches: [{path: patch.yaml}]\n")
    server = units[(UnitKind.CONTAINER, "deployment/llm/server")]
    assert server.components == {"vllm"}
    assert _values(server, "VLLM_NO_USAGE_STATS") == [("0", "prod/patch.yaml")]
    assert _values(server, "A") == [("1", "base/app.yaml")]
    assert _values(units[(UnitKind.RESOURCE, "deployment/llm")], "k8s.pod.hostNetwork") == [("true", "prod/patch.yaml")]
    assert (UnitKind.CONTAINER, "deployment/llm/side") not in units


def test_a_patch_in_the_kustomization_stands_there() -> None:
    own = """\
    resources: [../base]
    patches:
    - target: {kind: Deployment}
      patch: |-
        - op: add
          path: /spec/template/spec/hostPID
          value: true
        - op: replace
          path: /spec/template/spec/containers/0/env/0/value
          value: "0"
        - op: remove
          path: /spec/template/spec/containers/0/env/1
    """
    units = _overlay(own)
    text = textwrap.dedent(own)
    pod = units[(UnitKind.RESOURCE, "deployment/llm")]
    fact = next(fact for fact in pod.facts if fact.name == "k8s.pod.hostPID")
    assert (fact.path, text[fact.start : fact.end]) == ("prod/kustomization.yaml", "true")
    server = units[(UnitKind.CONTAINER, "deployment/llm/server")]
    assert _values(server, "VLLM_NO_USAGE_STATS") == [("0", "prod/kustomization.yaml")]
    assert _values(server, "A") == []


def test_what_is_taken_as_it_is_gives_its_guards_only() -> None:
    units = _overlay("resources: [../base]\n")
    assert {kind for kind, _ in units} == {UnitKind.RESOURCE, UnitKind.GUARD}
    assert (UnitKind.GUARD, "egress policy of all pods, installed") in units


def test_generated_config_maps_are_environments() -> None:
    units = _overlay(
        "configMapGenerator: [{name: settings, literals: [A=1, 'B=x y'], envs: [a.env, ../b.env]}]\n"
        "secretGenerator: [{name: s, literals: [T=abc]}]\n"
    )
    unit = units[(UnitKind.ENVIRONMENT, "configmap/settings")]
    assert [(fact.name, fact.value) for fact in unit.facts] == [("A", "1"), ("B", "x y")]
    assert unit.parents == ("file:b.env", "file:prod/a.env")
    assert unit.provides == ("configmap:settings",)
    assert _values(units[(UnitKind.RESOURCE, "kustomization")], "k8s.secret.stringData") == [
        ("present", "prod/kustomization.yaml")
    ]


def test_a_patch_is_not_read_as_a_workload() -> None:
    files = {"prod/kustomization.yaml": "patches: [{path: patch.yaml}]\n", "prod/patch.yaml": _PATCH}
    assert read("prod/patch.yaml", _PATCH, files.get).units == ()
    assert read("prod/other.yaml", _PATCH, files.get).units != ()


def test_kustomizations_that_name_each_other_end() -> None:
    files = {
        "a/kustomization.yaml": "resources: [../b, ../b]\n",
        "b/kustomization.yaml": "resources: [../a, ../a, ../a]\n",
    }
    reading = kustomize.read("a/kustomization.yaml", files["a/kustomization.yaml"], files.get)
    assert [unit.name for unit in reading.units] == ["kustomization"]


_OVER = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n"
_WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      containers:
        - name: s
          image: vllm/vllm-openai:v0.11.0
          envFrom: [{configMapRef: {name: env}}]
          securityContext: {readOnlyRootFilesystem: true}
"""
_REMOVING = (
    "patches:\n  - target: {kind: Deployment}\n    patch: |-\n      - op: remove\n"
    "        path: /spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem\n"
)
_TREE = {
    "base/kustomization.yaml": _OVER.replace("../base", "d.yaml")
    + "configMapGenerator:\n  - name: env\n    literals: [VLLM_NO_USAGE_STATS=1]\n",
    "base/d.yaml": _WORKLOAD,
    "prod/kustomization.yaml": _OVER,
    "debug/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
    "  - target: {kind: Deployment, name: 'l.*'}\n    patch: |-\n"
    "      - op: add\n        path: /spec/template/spec/hostPID\n        value: true\n",
}


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ("configMapGenerator:\n  - {name: env, behavior: replace, literals: [A=1]}\n", "vllm-no-usage-stats"),
        ("configMapGenerator:\n  - {name: env, behavior: merge, literals: [VLLM_NO_USAGE_STATS=0]}\n", "vllm-no-usage-stats"),
        ("components: [../debug]\n", "k8s-host-pid"),
        ("images: [{name: vllm/vllm-openai, newTag: latest}]\n", "k8s-image-latest"),
        (_REMOVING, "k8s-read-only-root"),
        ("configMapGenerator:\n  - {name: env, behavior: merge, literals: [A=1]}\n", None),
        ("namePrefix: prod-\n", None),
    ],
)  # fmt: skip
def test_an_overlay_is_compared_with_what_it_is_laid_over(more: str, rule: str | None) -> None:
    head = _TREE | {"prod/kustomization.yaml": _OVER + more}
    found = compare(tree_of(_TREE), tree_of(head)).findings
    assert {finding.rule for finding in found} == ({rule} if rule else set())
