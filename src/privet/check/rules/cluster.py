"""Rules for who may call what runs in a cluster: policies of ingress, logins of gateways, addresses outside.

What a reader finds by more than a name and a value: `k8s-ingress-policy-removed` and `k8s-ingress-auth-removed`, guards for a policy that
names who may call, and for annotations that have the gateway ask who is calling.

Invariant: a row gives the exact words that the release named as its source honours.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import DOOR, GAP, LAYER, SAFE, SENT, WEAKER, key, read_by
from privet.check.values import added, better, matches, never, only, open_host, present, raised


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


def _outgoing(network: str, ports: str = "") -> Example:
    return Example(
        "k8s/policy.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: model\nspec:\n  podSelector: {}\n"
        f"  policyTypes: [Egress]\n  egress:\n    - to:\n        - ipBlock:\n            cidr: {network}\n{ports}",
    )


def _peer(namespaces: str) -> Example:
    return Example(
        "k8s/policy.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: model\nspec:\n  podSelector: {}\n"
        f"  policyTypes: [Egress]\n  egress:\n    - to:\n        - namespaceSelector: {namespaces}\n",
    )


def _balanced(network: str) -> Example:
    return Example(
        "k8s/service.yaml",
        f"apiVersion: v1\nkind: Service\nmetadata:\n  name: model\nspec:\n  type: LoadBalancer\n  loadBalancerSourceRanges: [{network}]\n",
    )


def _isolated(line: str) -> Example:
    return Example(
        "k8s/model.yaml",
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: model\nspec:\n{line}  containers:\n    - name: model\n"
        "      image: registry.example.com/team/model:1.4\n",
    )


def _labelled(visibility: str) -> Example:
    return Example(
        "k8s/model.yaml",
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata:\n  name: model\n  labels:\n"
        f"    networking.kserve.io/visibility: {visibility}\nspec:\n  predictor:\n    minReplicas: 1\n",
    )


def _role(names: str, verb: str = "get") -> Example:
    return Example(
        "k8s/role.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: model\nrules:\n"
        f'  - apiGroups: [""]\n    resources: [secrets]\n{names}    verbs: ["{verb}"]\n',
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
        key("k8s-egress-outside", "code:k8s-egress-outside", added(), SENT, SAFE, "",
            "the pods reach a host outside that they could not reach", remedy="go through a proxy inside that logs nothing",
            hit=_outgoing("203.0.113.0/24"), miss=_outgoing("10.0.0.0/8")),
        key("k8s-egress-cluster", "code:k8s-egress-cluster", added(), GAP, SAFE, "",
            "the pods reach every pod of the cluster, proxies among them", remedy="name the pods that are needed",
            hit=_peer("{}"), miss=_peer("{matchLabels: {team: models}}")),
        key("k8s-peer-wider", "code:k8s-peer-wider", added(), DOOR, SAFE, "",
            "more pods get through than before: what one item asked for together, this one does not ask for",
            remedy="keep both selectors in one item",
            hit=_incoming("    - from:\n        - namespaceSelector:\n            matchLabels: {team: chat}\n"),
            miss=_incoming("    - from:\n        - namespaceSelector:\n            matchLabels: {team: chat}\n"
            "          podSelector:\n            matchLabels: {app: gateway}\n")),
        key("k8s-egress-ports", "k8s.egress.ports", raised(), GAP, SAFE, "", "every port of what the pods may reach is open to them",
            remedy="name the ports that are needed", hit=_outgoing("10.0.0.0/8"),
            miss=_outgoing("10.0.0.0/8", "      ports:\n        - port: 443\n")),
        key("k8s-service-source-ranges", "k8s.service.spec.loadBalancerSourceRanges[]",
            matches(r"^(?!10\.|127\.)[\d.]+/[0-7]$|^(?!f[cde])[\da-f:]+/(?:\d|1[0-5])$"), DOOR, WEAKER, "",
            "the service can be reached from every address", remedy="name the networks that may call",
            hit=_balanced("0.0.0.0/0"), miss=_balanced("10.0.0.0/8")),
        key("k8s-runtime-class", "k8s.pod.runtimeClassName", never(), LAYER, WEAKER, "", "the pod shares the node's kernel with others",
            remedy="keep the runtime class", hit=_isolated(""), miss=_isolated("  runtimeClassName: gvisor\n")),
        key("k8s-ingress-auth-removed", "code:k8s-ingress-auth-removed", present(), DOOR, WEAKER, "",
            "the gateway no longer asks who is calling", remedy="keep the annotation",
            hit=_ingress(""),
            miss=_ingress("  annotations:\n    nginx.ingress.kubernetes.io/auth-url: http://oauth2-proxy.internal/oauth2/auth\n")),
        key("k8s-visibility", "k8s.inferenceservice.metadata.labels.networking.kserve.io/visibility "
            "k8s.inferenceservice.metadata.labels.networking.knative.dev/visibility "
            "k8s.service.metadata.labels.networking.knative.dev/visibility",
            only("cluster-local"), DOOR, WEAKER, "cluster-local", "the service gets an address outside the cluster",
            hit=_labelled("exposed"), miss=_labelled("cluster-local"))),
    *read_by("kubernetes", "documentation kubernetes.io/docs/concepts/security/rbac-good-practices",
        key("k8s-rbac-every", "code:k8s-rbac-every", added(), DOOR, SAFE, "",
            "whoever has the role reaches every secret, or what runs in every pod", remedy="name those that are needed in resourceNames",
            hit=_role(""), miss=_role("    resourceNames: [model-key]\n")),
        key("k8s-rbac-verbs", "k8s.rbac.verbs", better("read"), GAP, SAFE, "read",
            "whoever has the role can change the secret, and not only read it",
            remedy="keep get alone", hit=_role("    resourceNames: [model-key]\n", "*"), miss=_role("    resourceNames: [model-key]\n"))),
    *read_by("kubernetes", "documentation docs.ray.io/en/latest/cluster/kubernetes/user-guides/config.html",
        key("kuberay-dashboard-host", "k8s.raycluster.spec.headGroupSpec.rayStartParams.dashboard-host "
            "k8s.rayservice.spec.rayClusterConfig.headGroupSpec.rayStartParams.dashboard-host "
            "k8s.rayjob.spec.rayClusterSpec.headGroupSpec.rayStartParams.dashboard-host", open_host(), GAP, SAFE, "127.0.0.1",
            "whoever reaches the pod can run code on the cluster", hit=_ray("0.0.0.0"), miss=_ray("127.0.0.1"))),  # noqa: S104 - what a file says
)  # fmt: skip
