"""Rules for Kubernetes objects, plain, from Kustomize or from Helm values.

What a reader finds by more than a name and a value:

- `code:k8s-literal-secret`: a container's variable that is named like a secret and has its value in clear.
- `code:k8s-log-shipper`: a container that ships logs, beside one in which a model or its store runs.
- `code:k8s-mesh-body-logging`: a text of a mesh's object that writes bodies to a log.


Invariant: a pod's setting counts for each of its containers, as the cluster sees it.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.cluster import DOORS
from privet.check.rules.row import (
    CONTENT,
    DISK,
    DOOR,
    ESCAPE,
    FETCH,
    GAP,
    KEPT,
    LAYER,
    LOGS,
    SAFE,
    SENT,
    WEAKER,
    key,
    read_by,
)
from privet.check.values import (
    any_of,
    better,
    false,
    filled,
    has,
    lacks,
    matches,
    never,
    present,
    true,
)

_POD: Final = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: model\nspec:\n  selector:\n    matchLabels: {app: model}\n"
    "  template:\n    metadata:\n      labels: {app: model}\n    spec:\n"
)


def _pod(text: str) -> Example:
    """Return a Deployment with these lines in its pod's spec."""
    lines = "".join(f"      {line}\n" for line in text.splitlines())
    return Example(
        "k8s/model.yaml",
        f"{_POD}{lines}      containers:\n        - name: server\n          image: registry.example.com/team/model:1.4\n",
    )


def _container(text: str) -> Example:
    """Return a Deployment with these lines in its container."""
    lines = "".join(f"          {line}\n" for line in text.splitlines())
    return Example(
        "k8s/model.yaml",
        f"{_POD}      containers:\n        - name: server\n          image: registry.example.com/team/model:1.4\n{lines}",
    )


def _object(kind: str, text: str, version: str = "v1") -> Example:
    """Return an object with these lines after its metadata."""
    return Example(f"k8s/{kind.lower()}.yaml", f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: model\n{text}")


def _policy(egress: str) -> Example:
    return _object(
        "NetworkPolicy",
        f"spec:\n  podSelector: {{}}\n  policyTypes: [Egress]\n  egress:\n{egress}",
        "networking.k8s.io/v1",
    )


_SECURE: Final = "securityContext:\n  "

PODS: Final = read_by("kubernetes", "documentation kubernetes.io/docs/concepts/security/pod-security-standards",
    key("k8s-host-network", "k8s.pod.hostNetwork *.hostNetwork", true(), ESCAPE, SAFE, "false",
        "network policies do not apply to the pod",
        hit=_pod("hostNetwork: true"), miss=_pod("hostNetwork: false")),
    key("k8s-host-pid", "k8s.pod.hostPID", true(), ESCAPE, SAFE, "false",
        "the pod sees the processes of others, and can read their memory",
        hit=_pod("hostPID: true"), miss=_pod("hostPID: false")),
    key("k8s-host-ipc", "k8s.pod.hostIPC", true(), ESCAPE, SAFE, "false",
        "memory that the model shares can be read by others on the node",
        hit=_pod("hostIPC: true"), miss=_pod("hostIPC: false")),
    key("k8s-share-process-namespace", "k8s.pod.shareProcessNamespace", true(), LAYER, SAFE, "false",
        "a sidecar can read the model's memory",
        hit=_pod("shareProcessNamespace: true"), miss=_pod("shareProcessNamespace: false")),
    key("k8s-service-account-token", "k8s.pod.automountServiceAccountToken", true(), LAYER, WEAKER, "false",
        "the model gets a token of the cluster's API",
        hit=_pod("automountServiceAccountToken: true"), miss=_pod("automountServiceAccountToken: false")),
    key("k8s-host-path", "k8s.pod.volumes[].hostPath.path", filled(), DISK, SAFE, "",
        "what is written stays on the node, and the node's files can be read",
        hit=_pod("volumes:\n  - name: data\n    hostPath:\n      path: /var/lib/model"),
        miss=_pod("volumes:\n  - name: data\n    emptyDir: {}"), remedy="use a claim or an emptyDir"),
    key("k8s-docker-socket", "k8s.pod.volumes[].hostPath.path", matches(r"(?:docker|containerd|crio)\.sock|^/$|^/(?:etc|proc|root)/?$"),
        ESCAPE, SAFE, "",
        "the pod can do what the node can", hit=_pod("volumes:\n  - name: engine\n    hostPath:\n      path: /var/run/docker.sock"),
        miss=_pod("volumes:\n  - name: data\n    hostPath:\n      path: /var/lib/model"), remedy="take the volume out"),
    key("k8s-empty-dir-medium", "k8s.pod.volumes[].emptyDir.medium", better("memory"), DISK, WEAKER, "Memory",
        "what is written for a while is written to the node's disk",
        hit=_pod("volumes:\n  - name: tmp\n    emptyDir: {}"), miss=_pod("volumes:\n  - name: tmp\n    emptyDir:\n      medium: Memory"),
        remedy="give the emptyDir medium: Memory"),
    key("k8s-dns-policy", "k8s.pod.dnsConfig.nameservers[]",
        matches(r"^(?!10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|127\.|169\.254\.|f[cd])"), FETCH, SAFE, "",
        "names that the pod asks for go to a server outside", hit=_pod("dnsPolicy: None\ndnsConfig:\n  nameservers:\n    - 192.0.2.53"),
        miss=_pod("dnsPolicy: None\ndnsConfig:\n  nameservers:\n    - 10.96.0.10"), remedy="leave names to the cluster"),
)  # fmt: skip

CONTAINERS: Final = read_by("kubernetes", "documentation kubernetes.io/docs/concepts/security/pod-security-standards",
    key("k8s-privileged", "k8s.container.securityContext.privileged *.containerSecurityContext.privileged", true(), ESCAPE, SAFE, "false",
        "the container can do what the node can",
        hit=_container(_SECURE + "privileged: true"), miss=_container(_SECURE + "privileged: false")),
    key("k8s-privilege-escalation",
        "k8s.container.securityContext.allowPrivilegeEscalation *.containerSecurityContext.allowPrivilegeEscalation", true(), LAYER,
        WEAKER, "false",
        "a program inside can become root",
        hit=_container(_SECURE + "allowPrivilegeEscalation: true"), miss=_container(_SECURE + "allowPrivilegeEscalation: false")),
    key("k8s-read-only-root", "k8s.container.securityContext.readOnlyRootFilesystem", false(), DISK, WEAKER, "true",
        "prompts can be written anywhere in the container",
        hit=_container(_SECURE + "readOnlyRootFilesystem: false"), miss=_container(_SECURE + "readOnlyRootFilesystem: true")),
    key("k8s-run-as-non-root", "k8s.container.securityContext.runAsNonRoot *.podSecurityContext.runAsNonRoot", false(), LAYER, WEAKER,
        "true",
        "the container may run as root",
        hit=_container(_SECURE + "runAsNonRoot: false"), miss=_container(_SECURE + "runAsNonRoot: true")),
    key("k8s-run-as-root", "k8s.container.securityContext.runAsUser k8s.pod.securityContext.runAsUser", any_of("0"), LAYER, SAFE, "",
        "the container runs as root",
        hit=_container(_SECURE + "runAsUser: 0"), miss=_container(_SECURE + "runAsUser: 1000"), remedy="name a user other than 0"),
    key("k8s-capabilities-drop", "k8s.container.securityContext.capabilities.drop[]", lacks("all"), LAYER, WEAKER, "ALL",
        "the container keeps rights, such as to forge packets",
        hit=_container(_SECURE + "capabilities:\n    drop: [NET_RAW]"), miss=_container(_SECURE + "capabilities:\n    drop: [ALL]")),
    key("k8s-capabilities-add", "k8s.container.securityContext.capabilities.add[]",
        has("all", "sys_admin", "sys_ptrace", "net_admin", "net_raw", "sys_module", "dac_read_search", "bpf", "perfmon"), ESCAPE, SAFE,
        "",
        "the container gets rights with which it can read others' memory or traffic",
        hit=_container(_SECURE + "capabilities:\n    add: [SYS_PTRACE]"),
        miss=_container(_SECURE + "capabilities:\n    add: [IPC_LOCK]"), remedy="take the capability out"),
    key("k8s-seccomp", "k8s.container.securityContext.seccompProfile.type k8s.pod.securityContext.seccompProfile.type",
        any_of("unconfined"), LAYER, WEAKER, "RuntimeDefault",
        "system calls that reach around a network policy are open", hit=_container(_SECURE + "seccompProfile:\n    type: Unconfined"),
        miss=_container(_SECURE + "seccompProfile:\n    type: RuntimeDefault")),
    key("k8s-proc-mount", "k8s.container.securityContext.procMount", any_of("unmasked"), ESCAPE, SAFE, "Default",
        "the container sees what the node's kernel hides",
        hit=_container(_SECURE + "procMount: Unmasked"), miss=_container(_SECURE + "procMount: Default")),
    key("k8s-host-port", "k8s.container.ports[].hostPort", filled(), DOOR, SAFE, "", "the port is open on the node itself",
        hit=_container("ports:\n  - containerPort: 8000\n    hostPort: 8000"),
        miss=_container("ports:\n  - containerPort: 8000"), remedy="publish through a Service"),
    key("k8s-termination-message", "k8s.container.terminationMessagePolicy", any_of("fallbacktologsonerror"), LOGS, SAFE, "File",
        "the end of the log, with what it holds, goes into the cluster's database",
        hit=_container("terminationMessagePolicy: FallbackToLogsOnError"),
        miss=_container("terminationMessagePolicy: File")),
    key("k8s-image-latest", "k8s.container.image k8s.kustomization.images[].newTag", matches(r"(?:^|:)latest$"), LAYER.noted, SAFE, "",
        "tomorrow another program may run under the same name",
        hit=Example("k8s/model.yaml",
        f"{_POD}      containers:\n        - name: server\n          image: registry.example.com/team/model:latest\n"),
        miss=_container("tty: false"),
        remedy="name a version, or better a digest"),
)  # fmt: skip

SECRETS: Final = (
    *read_by("kubernetes", "documentation kubernetes.io/docs/concepts/configuration/secret",
        key("k8s-literal-secret", "code:k8s-literal-secret", present(), DOOR, SAFE, "", "a secret stands in the repository",
            remedy="use valueFrom.secretKeyRef, and change the secret",
            hit=_container("env:\n  - name: API_KEY\n    value: Zx3Kq9Lw2Pv7Rt5Yb8Nm4Hc6Jd1Fg0Sa"),
            miss=_container("env:\n  - name: API_KEY\n    valueFrom:\n      secretKeyRef: {name: model, key: api-key}"))),
    *read_by("kubernetes", "documentation kubernetes.io/docs/concepts/configuration/secret",
        key("k8s-secret-committed", "k8s.secret.stringData k8s.secret.data", present(), DOOR, SAFE, "",
            "a secret stands in the repository, in clear or as good as",
            hit=Example("k8s/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: model\nstringData:\n  password: Zx3Kq9Lw2Pv7Rt5Yb8\n"),
            miss=Example("k8s/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: model\nstringData:\n  password: ${PASSWORD}\n"),
            remedy="let the cluster get it from a vault, and change it")),
    *read_by("kubernetes", "documentation kubernetes.io/docs/concepts/cluster-administration/swap-memory-management",
        key("kubelet-swap", "*.failSwapOn k8s.kubeletconfiguration.failSwapOn", false(), DISK, SAFE, "true",
            "prompts in memory may be written to swap",
            hit=Example("k8s/kubelet.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailSwapOn: false\n"),
            miss=Example("k8s/kubelet.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailSwapOn: true\n"))),
)  # fmt: skip


OBJECTS: Final = read_by("kubernetes", "documentation kubernetes.io/docs/concepts/services-networking",
    key("k8s-service-type", "k8s.service.spec.type *.service.type k8s.raycluster.spec.headGroupSpec.serviceType "
        "k8s.rayservice.spec.rayClusterConfig.headGroupSpec.serviceType k8s.rayjob.spec.rayClusterSpec.headGroupSpec.serviceType "
        "k8s.raycluster.spec.headGroupSpec.headService.spec.type", any_of("loadbalancer", "nodeport"), GAP, SAFE, "ClusterIP",
        "the service can be reached from outside the cluster",
        hit=_object("Service", "spec:\n  type: LoadBalancer\n  ports:\n    - port: 8000\n"), miss=_object("Service",
        "spec:\n  type: ClusterIP\n  ports:\n    - port: 8000\n")),
    key("k8s-service-external-ips", "k8s.service.spec.externalIPs[]", filled(), DOOR, SAFE, "",
        "the service can be reached from outside the cluster",
        hit=_object("Service", "spec:\n  externalIPs: [192.0.2.10]\n  ports:\n    - port: 8000\n"), miss=_object("Service",
        "spec:\n  ports:\n    - port: 8000\n")),
    key("k8s-ingress-tls", "k8s.ingress.spec.tls[].secretName k8s.ingress.spec.tls[].hosts[]", never(), GAP, WEAKER, "",
        "prompts and answers cross the network in clear",
        hit=_object("Ingress", "spec:\n  rules:\n    - host: chat.example.com\n", "networking.k8s.io/v1"),
        miss=_object("Ingress", "spec:\n  tls:\n    - hosts: [chat.example.com]\n      secretName: chat-tls\n  rules:\n"
        "    - host: chat.example.com\n", "networking.k8s.io/v1"),
        remedy="give the Ingress a tls section"),
    key("k8s-ingress-no-redirect", "k8s.ingress.metadata.annotations.nginx.ingress.kubernetes.io/ssl-redirect", false(), GAP, SAFE,
        "true", "prompts and answers cross the network in clear",
        hit=Example("k8s/ingress.yaml",
        'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: chat\n  annotations:\n'
        '    nginx.ingress.kubernetes.io/ssl-redirect: "false"\nspec:\n  rules: []\n'),
        miss=Example("k8s/ingress.yaml",
        'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: chat\n  annotations:\n'
        '    nginx.ingress.kubernetes.io/ssl-redirect: "true"\nspec:\n  rules: []\n')),
    key("k8s-egress-everywhere", "k8s.networkpolicy.spec.egress[].to[].ipBlock.cidr",
        matches(r"^(?!10\.|127\.)[\d.]+/[0-7]$|^(?!f[cde])[\da-f:]+/(?:\d|1[0-5])$"), SENT, SAFE, "",
        "the pods reach every host",
        hit=_policy("    - to:\n        - ipBlock:\n            cidr: 0.0.0.0/0\n"),
        miss=_policy("    - to:\n        - ipBlock:\n            cidr: 10.0.0.0/8\n"),
        remedy="name the addresses that are needed"),
    key("k8s-egress-empty-rule", "k8s.networkpolicy.spec.egress[]", any_of("{}"), SENT, SAFE, "",
        "an empty rule lets the pods reach every host",
        hit=_policy("    - {}\n"), miss=_policy("    - to:\n        - ipBlock:\n            cidr: 10.0.0.0/8\n"),
        remedy="name the addresses that are needed"),
    key("k8s-pod-security-enforce", "k8s.namespace.metadata.labels.pod-security.kubernetes.io/enforce", any_of("privileged", "baseline"),
        LAYER, WEAKER, "restricted",
        "pods that can reach around the rules are let in",
        hit=Example("k8s/namespace.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: models\n  labels:\n    pod-security.kubernetes.io/enforce: privileged\n"),
        miss=Example("k8s/namespace.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: models\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n")),
    key("k8s-claim-encryption", "k8s.storageclass.parameters.encrypted", false(), DISK, WEAKER, "true",
        "what is stored lies in clear on the disk",
        hit=Example("k8s/storage.yaml",
        'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: prompts\nprovisioner: ebs.csi.aws.com\nparameters:\n'
        '  encrypted: "false"\n'),
        miss=Example("k8s/storage.yaml",
        'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: prompts\nprovisioner: ebs.csi.aws.com\nparameters:\n'
        '  encrypted: "true"\n')),
    key("k8s-claim-storage-class", "k8s.persistentvolumeclaim.spec.storageClassName",
        matches(r"(?i)^(?:un|no[nt]?-?)encrypted|-unencrypted$"), KEPT, SAFE, "",
        "what is stored lies in clear on the disk", hit=_object("PersistentVolumeClaim", "spec:\n  storageClassName: gp3-unencrypted\n"),
        miss=_object("PersistentVolumeClaim", "spec:\n  storageClassName: gp3-encrypted\n"), remedy="name a class that encrypts"),
    key("k8s-log-shipper", "code:k8s-log-shipper", present(), CONTENT, SAFE, "",
        "a sidecar ships what the model's server writes to its log",
        hit=Example("k8s/model.yaml",
        f"{_POD}      containers:\n        - name: server\n          image: vllm/vllm-openai:v0.33.0\n        - name: shipper\n"
        f"          image: fluent/fluent-bit:4.1\n"),
        miss=Example("k8s/model.yaml",
        f"{_POD}      containers:\n        - name: server\n          image: vllm/vllm-openai:v0.33.0\n        - name: metrics\n"
        f"          image: prom/statsd-exporter:v0.28.0\n"),
        remedy="ship logs only through a filter that takes content out"),
)  # fmt: skip

MESH: Final = (
    *read_by("kubernetes", "documentation helm.sh/docs/chart_best_practices/values",
        key("helm-network-policy", "*.networkPolicy.enabled *.networkPolicies.enabled", false(), SENT, WEAKER, "true",
            "no policy keeps the pods from sending elsewhere",
            hit=Example("charts/model/values.yaml", "replicaCount: 1\nnetworkPolicy:\n  enabled: false\n"),
            miss=Example("charts/model/values.yaml", "replicaCount: 1\nnetworkPolicy:\n  enabled: true\n"))),
    *read_by("kubernetes", "documentation istio.io/latest/docs/reference/config/telemetry",
        key("k8s-mesh-body-logging", "code:k8s-mesh-body-logging", present(), CONTENT, SAFE, "",
            "the mesh reads bodies of requests, and can write them to a log",
            hit=_object("EnvoyFilter",
            'spec:\n  configPatches:\n    - applyTo: HTTP_FILTER\n      patch:\n        value:\n'
            '          inlineCode: "request_handle:logInfo(request_handle:body():getBytes(0, 100))"\n',
                "networking.istio.io/v1alpha3"),
            miss=_object("EnvoyFilter", "spec:\n  configPatches:\n    - applyTo: HTTP_FILTER\n      patch:\n        operation: MERGE\n",
            "networking.istio.io/v1alpha3"),
            remedy="log no bodies"),
        key("k8s-mesh-access-log", "k8s.telemetry.spec.accessLogging[].disabled", false(), LOGS, WEAKER, "true",
            "the mesh logs who asked whom for what",
            hit=_object("Telemetry", "spec:\n  accessLogging:\n    - disabled: false\n", "telemetry.istio.io/v1"),
            miss=_object("Telemetry", "spec:\n  accessLogging:\n    - disabled: true\n", "telemetry.istio.io/v1")),
        key("k8s-istio-egress-policy", "*.outboundTrafficPolicy.mode k8s.sidecar.spec.outboundTrafficPolicy.mode", any_of("allow_any"),
            SENT, WEAKER, "REGISTRY_ONLY",
            "pods reach every host", hit=_object("Sidecar", "spec:\n  outboundTrafficPolicy:\n    mode: ALLOW_ANY\n",
            "networking.istio.io/v1"),
            miss=_object("Sidecar", "spec:\n  outboundTrafficPolicy:\n    mode: REGISTRY_ONLY\n", "networking.istio.io/v1")),
        key("k8s-istio-mtls", "k8s.peerauthentication.spec.mtls.mode k8s.peerauthentication.spec.portLevelMtls",
            any_of("permissive", "disable"), GAP, WEAKER, "STRICT",
            "prompts and answers may cross the cluster in clear",
            hit=_object("PeerAuthentication", "spec:\n  mtls:\n    mode: DISABLE\n", "security.istio.io/v1"),
            miss=_object("PeerAuthentication", "spec:\n  mtls:\n    mode: STRICT\n", "security.istio.io/v1"))),
)  # fmt: skip

KUBERNETES: Final = (*PODS, *CONTAINERS, *SECRETS, *OBJECTS, *MESH, *DOORS)
