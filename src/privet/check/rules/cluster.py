"""Rules for who may call what runs in a cluster: policies of ingress, logins of gateways, addresses outside.

What a reader finds by more than a name and a value: `k8s-ingress-policy-removed` and `k8s-ingress-auth-removed`, guards for a policy that
names who may call, and for annotations that have the gateway ask who is calling.

Invariant: a row gives the exact words that the release named as its source honours.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import DOOR, GAP, SAFE, WEAKER, key, read_by
from privet.check.values import only, open_host, present


def _ingress(annotations: str) -> Example:
    return Example(
        "k8s/model.yaml",
        f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: model\n{annotations}"
        "spec:\n  rules:\n    - host: chat.example.com\n",
    )


def _incoming(rules: str) -> Example:
    return Example(
        "k8s/policy.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: model\nspec:\n  podSelector: {}\n"
        f"  policyTypes: [Ingress]\n  ingress:\n{rules}",
    )


def _labelled(visibility: str) -> Example:
    return Example(
        "k8s/model.yaml",
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata:\n  name: model\n  labels:\n"
        f"    networking.kserve.io/visibility: {visibility}\nspec:\n  predictor:\n    minReplicas: 1\n",
    )


def _ray(host: str) -> Example:
    return Example(
        "k8s/ray.yaml",
        "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata:\n  name: embed\nspec:\n  headGroupSpec:\n"
        f'    rayStartParams:\n      dashboard-host: "{host}"\n',
    )


DOORS: Final = (
    *read_by("kubernetes", "documentation kubernetes.io/docs/concepts/services-networking",
        key("k8s-ingress-policy-removed", "code:k8s-ingress-policy-removed", present(), DOOR, WEAKER, "",
            "no policy keeps other pods from calling these any more", remedy="keep the policy, and name who may call",
            hit=_incoming("    - ports:\n        - port: 8000\n"),
            miss=_incoming("    - from:\n        - podSelector:\n            matchLabels: {app: gateway}\n")),
        key("k8s-ingress-auth-removed", "code:k8s-ingress-auth-removed", present(), DOOR, WEAKER, "",
            "the gateway no longer asks who is calling", remedy="keep the annotation",
            hit=_ingress(""),
            miss=_ingress("  annotations:\n    nginx.ingress.kubernetes.io/auth-url: http://oauth2-proxy.internal/oauth2/auth\n")),
        key("k8s-visibility", "k8s.inferenceservice.metadata.labels.networking.kserve.io/visibility "
            "k8s.inferenceservice.metadata.labels.networking.knative.dev/visibility "
            "k8s.service.metadata.labels.networking.knative.dev/visibility",
            only("cluster-local"), DOOR, WEAKER, "cluster-local", "the service gets an address outside the cluster",
            hit=_labelled("exposed"), miss=_labelled("cluster-local"))),
    *read_by("kubernetes", "documentation docs.ray.io/en/latest/cluster/kubernetes/user-guides/config.html",
        key("kuberay-dashboard-host", "k8s.raycluster.spec.headGroupSpec.rayStartParams.dashboard-host "
            "k8s.rayservice.spec.rayClusterConfig.headGroupSpec.rayStartParams.dashboard-host "
            "k8s.rayjob.spec.rayClusterSpec.headGroupSpec.rayStartParams.dashboard-host", open_host(), GAP, SAFE, "127.0.0.1",
            "whoever reaches the pod can run code on the cluster", hit=_ray("0.0.0.0"), miss=_ray("127.0.0.1"))),  # noqa: S104 - what a file says
)  # fmt: skip
