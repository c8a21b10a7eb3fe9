"""Network policies: what they keep closed, what they open, and which pods they still fit after a change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check import kubernetes
from privet.check.facts import UnitKind
from privet.check.network_policies import is_everywhere, is_outside
from privet.check.scan import compare, tree_of
from privet.check.selectors import fits, of_calico
from privet.check.yaml_nodes import Scalar, Source

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    metadata:
      labels: {app: llm}
    spec:
      containers: [{name: server, image: registry.example.com/llm:1}]
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: llm}
spec:
  podSelector: {matchLabels: {app: llm}}
  policyTypes: [Egress]
  egress:
    - to: [{podSelector: {matchLabels: {app: db}}}]
      ports: [{port: 5432}]
"""
CILIUM = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: llm}
spec:
  endpointSelector: {matchLabels: {app: llm}}
  egress:
    - toEndpoints: [{matchLabels: {app: db}}]
"""
CALICO = """\
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: llm}
spec:
  selector: app == 'llm'
  types: [Egress]
  egress:
    - action: Allow
      destination: {selector: app == 'db'}
"""
_LABELLED = (
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [pod.yaml, policy.yaml]\n"
    "commonLabels: {app: llm}\n"
)
BASE = {"k/pod.yaml": POD, "k/policy.yaml": POLICY}
_GONE = "k8s-networkpolicy-removed"


def _weaker(base: dict[str, str], head: dict[str, str]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.path) for finding in compare(tree_of(base), tree_of(head)).findings}


@pytest.mark.parametrize(
    ("path", "before", "after", "rule"),
    [
        ("k/policy.yaml", "{matchLabels: {app: llm}}", "{matchLabels: {app: lm}}", _GONE),
        ("k/policy.yaml", "{matchLabels: {app: llm}}", "{matchLabels: {app: llm, tier: x}}", _GONE),
        ("k/policy.yaml", "{matchLabels: {app: llm}}", "{matchExpressions: [{key: app, operator: NotIn, values: [llm]}]}", _GONE),
        ("k/pod.yaml", "labels: {app: llm}", "labels: {app: other}", _GONE),
        ("k/policy.yaml", "[Egress]", "[Ingress]", _GONE),
        ("k/policy.yaml", "      ports: [{port: 5432}]\n", "", "k8s-egress-ports"),
        ("k/policy.yaml", "{port: 5432}", "{port: 1, endPort: 65535}", "k8s-egress-ports"),
        ("k/policy.yaml", "5432}]\n", "5432}]\n    - to: [{ipBlock: {cidr: 203.0.113.0/24}}]\n", "k8s-egress-outside"),
        ("k/policy.yaml", "5432}]\n", "5432}]\n    - to: [{ipBlock: {cidr: 128.0.0.0/1}}]\n", "k8s-egress-everywhere"),
        ("k/policy.yaml", "5432}]\n", "5432}]\n    - to: [{namespaceSelector: {}}]\n", "k8s-egress-cluster"),
    ],
)  # fmt: skip
def test_pods_that_get_out_where_they_did_not_are_told(path: str, before: str, after: str, rule: str) -> None:
    assert before in BASE[path]
    assert (rule, path) in _weaker(BASE, BASE | {path: BASE[path].replace(before, after)})


@pytest.mark.parametrize(
    "head",
    [
        BASE | {"k/policy.yaml": POLICY.replace("{name: llm}", "{name: closed}")},
        BASE | {"k/policy.yaml": POLICY.replace("{matchLabels: {app: llm}}", "{}")},
        BASE | {"k/policy.yaml": POLICY.replace("{matchLabels: {app: llm}}", "{matchExpressions: [{key: app, operator: Exists}]}")},
        BASE | {"k/policy.yaml": POLICY + "    - ports: [{port: 53, protocol: UDP}]\n"},
        BASE | {"k/policy.yaml": POLICY + "    - to: [{ipBlock: {cidr: 10.1.0.0/16}}]\n      ports: [{port: 443}]\n"},
        {"all.yaml": POD + "---\n" + POLICY},
        {"k/pod.yaml": POD, "k/policy.yaml": CILIUM},
        {path: text.replace("app: llm", "app: model") for path, text in BASE.items()},
        BASE | {"k/pod.yaml": POD.replace("app: llm", "version: '2'"), "k/kustomization.yaml":
            _LABELLED},
    ],
)  # fmt: skip
def test_what_keeps_the_same_pods_closed_is_no_loss(head: dict[str, str]) -> None:
    assert _weaker(BASE, head) == set()


@pytest.mark.parametrize(
    "more",
    [
        "    - toEntities: [world]\n",
        "    - toFQDNs: [{matchPattern: '*'}]\n",
        "    - toCIDRSet: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}]\n",
        "    - toPorts: [{ports: [{port: '443'}]}]\n",
        "  enableDefaultDeny: {egress: false}\n",
    ],
)
def test_a_policy_of_cilium_that_lets_everything_out_is_no_guard(more: str) -> None:
    base = {"k/pod.yaml": POD, "k/policy.yaml": CILIUM}
    assert (_GONE, "k/policy.yaml") in _weaker(base, base | {"k/policy.yaml": CILIUM + more})


def test_an_empty_rule_of_cilium_lets_nothing_out() -> None:
    text = CILIUM[: CILIUM.index("    - toEndpoints")] + "    - {}\n"
    assert [unit.guard for unit in kubernetes.read("a.yaml", text).units if unit.kind is UnitKind.GUARD] == [_GONE]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'llm'", "'other'"),
        ("[Egress]", "[Ingress]"),
        ("app == 'db'}\n", "app == 'db'}\n    - action: Allow\n"),
        ("{selector: app == 'db'}", "{nets: [0.0.0.0/0]}"),
    ],
)
def test_policies_of_calico_are_read(before: str, after: str) -> None:
    base = {"k/pod.yaml": POD, "k/policy.yaml": CALICO}
    assert (_GONE, "k/policy.yaml") in _weaker(base, base | {"k/policy.yaml": CALICO.replace(before, after)})


def test_a_pod_that_went_with_its_policy_is_no_loss() -> None:
    kept = {"k/other.yaml": POD.replace("llm", "other"), "k/deny.yaml": POLICY.replace("app: llm", "app: other")}
    assert _weaker(BASE | kept, kept) == set()


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        (["app in (llm)"], True),
        (["app notin (llm)"], False),
        (["app in (llm)", "?"], None),
        (["tier in (x)", "?"], False),
        (["!tier", "app"], True),
        ([], True),
    ],
)
def test_requirements_are_met_or_not_or_not_known(requirements: list[str], expected: bool | None) -> None:
    assert fits(requirements, {"app": "llm"}) is expected


def test_a_label_that_something_else_may_add_is_not_known() -> None:
    assert fits(["tier in (x)"], {"app": "llm"}, {"tier"}) is None
    assert fits(["tier in (x)"], {"app": "llm"}, {""}) is None


@pytest.mark.parametrize(
    ("address", "outside", "everywhere"),
    [
        ("10.0.0.0/8", False, False),
        ("203.0.113.7", True, False),
        ("0.0.0.0/0", True, True),
        ("fd00::/8", False, False),
        ("2000::/3", True, True),
        ("api.example.com", True, False),
        ("db.internal", False, False),
        ("localhost", False, False),
        ("*", True, True),
    ],
)
def test_addresses_outside(address: str, outside: bool, everywhere: bool) -> None:
    assert (is_outside(address), is_everywhere(address)) == (outside, everywhere)


@given(st.text(st.sampled_from("ap= !&|'\"{}(),in hasl")))
def test_any_selector_is_read(text: str) -> None:
    assert all(isinstance(one, str) for one in of_calico(Scalar(text, 0, 0, Source("a", text))))
