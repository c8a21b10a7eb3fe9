"""Pods, containers and other objects of manifests."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check import kubernetes
from privet.check.facts import Fact, Space, Unit, UnitKind


def _units(text: str) -> dict[tuple[UnitKind, str], Unit]:
    reading = kubernetes.read("k8s/a.yaml", textwrap.dedent(text))
    assert not reading.notes
    return {(unit.kind, unit.name): unit for unit in reading.units}


def _pod(spec: str, container: str = "", kind: str = "Deployment") -> dict[tuple[UnitKind, str], Unit]:
    spec = textwrap.indent(textwrap.dedent(spec), " " * 6)
    container = textwrap.indent(textwrap.dedent(container), " " * 8)
    return _units(
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: llm}}\nspec:\n  template:\n    spec:\n{spec}"
        f"      containers:\n      - name: server\n        image: vllm/vllm-openai:v0.9\n{container}"
    )


def _container(container: str, spec: str = "") -> Unit:
    return _pod(spec, container)[(UnitKind.CONTAINER, "deployment/llm/server")]


def _values(unit: Unit, name: str) -> list[str | None]:
    return [fact.value for fact in unit.facts if fact.name == name]


@pytest.mark.parametrize(
    ("spec", "name", "values"),
    [
        ("hostNetwork: true\n", "k8s.pod.hostNetwork", ["true"]),
        ("automountServiceAccountToken: false\n", "k8s.pod.automountServiceAccountToken", ["false"]),
        ("volumes: [{name: a, hostPath: {path: /var}}]\n", "k8s.pod.volumes[].hostPath.path", ["/var"]),
        ("volumes: [{name: a, emptyDir: {medium: Memory}}]\n", "k8s.pod.volumes[].emptyDir.medium", ["Memory"]),
        ("volumes: [{name: a, emptyDir: {}}]\n", "k8s.pod.volumes[].emptyDir.medium", []),
        ("", "k8s.pod.containers[].name", ["server"]),
    ],
)
def test_what_a_pod_sets(spec: str, name: str, values: list[str]) -> None:
    assert _values(_pod(spec)[(UnitKind.RESOURCE, "deployment/llm")], name) == values


def test_a_container_has_its_components_and_settings() -> None:
    unit = _container("securityContext: {capabilities: {drop: [ALL]}}\nterminationMessagePolicy: File\n")
    assert unit.components == {"vllm"}
    assert _values(unit, "k8s.container.securityContext.capabilities.drop[]") == ["ALL"]
    assert _values(unit, "k8s.container.terminationMessagePolicy") == ["File"]


def test_a_container_takes_the_pod_s_security_where_it_says_nothing() -> None:
    spec = "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, fsGroup: 1}\n"
    unit = _container("securityContext: {runAsNonRoot: false}\n", spec)
    assert _values(unit, "k8s.container.securityContext.runAsNonRoot") == ["false"]
    assert _values(unit, "k8s.container.securityContext.seccompProfile.type") == ["RuntimeDefault"]
    assert _values(unit, "k8s.container.securityContext.fsGroup") == []


def test_variables_of_a_container() -> None:
    unit = _container(
        """\
        env:
        - {name: A, value: x}
        - {name: B, value: $(A)/$(OTHER)}
        - {name: C, valueFrom: {secretKeyRef: {name: s, key: k}}}
        - {name: D, value: $(C)}
        - {name: E}
        envFrom:
        - configMapRef: {name: first}
        - secretRef: {name: second}
        - {prefix: P_, configMapRef: {name: third}}
        """
    )
    found = {fact.name: fact.value for fact in unit.facts if fact.space is Space.ENV}
    assert found == {"A": "x", "B": "x/$(OTHER)", "C": None, "D": None, "E": ""}
    assert unit.parents == ("secret:second", "configmap:first")


def test_a_variable_from_a_config_map_of_the_same_file_stands_there() -> None:
    text = textwrap.dedent(
        """\
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings}
        data: {host: "192.0.2.7"}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec:
          containers:
          - name: c
            image: x
            env: [{name: HOST, valueFrom: {configMapKeyRef: {name: settings, key: host}}}]
        """
    )
    fact = next(fact for unit in kubernetes.read("a.yaml", text).units for fact in unit.facts if fact.name == "HOST")
    assert (fact.value, text[fact.start : fact.end]) == ("192.0.2.7", '"192.0.2.7"')


@pytest.mark.parametrize(
    "container",
    [
        "args: [--host, h]\n",
        "command: [vllm, serve, m]\nargs: ['--host=h']\n",
        "command: [sh, -c]\nargs: ['exec vllm serve m --host h']\n",
        "command:\n- /bin/sh\n- -c\n- |\n  set -e\n  vllm serve m \\\n    --host h\n",
    ],
)
def test_flags_are_found_in_every_form(container: str) -> None:
    assert _values(_container(container), "--host") == ["h"]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job", "ReplicaSet", "MyOperatorsThing"])
def test_every_workload_has_its_pod(kind: str) -> None:
    assert (UnitKind.CONTAINER, f"{kind.lower()}/llm/server") in _pod("", kind=kind)


def test_pods_of_a_cron_job_and_of_a_list() -> None:
    units = _units(
        """\
        apiVersion: v1
        kind: List
        items:
        - apiVersion: batch/v1
          kind: CronJob
          metadata: {name: nightly}
          spec:
            jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: x}], initContainers: [{name: i, image: y}]}}}}
        """
    )
    assert {name for kind, name in units if kind is UnitKind.CONTAINER} == {"cronjob/nightly/c", "cronjob/nightly/i"}


def test_the_groups_of_a_ray_cluster_are_pods_of_their_own() -> None:
    units = _units(
        """\
        apiVersion: ray.io/v1
        kind: RayCluster
        metadata: {name: ray}
        spec:
          headGroupSpec:
            template: {spec: {hostNetwork: true, containers: [{name: head, image: rayproject/ray:2.9}]}}
          workerGroupSpecs:
          - groupName: small
            template: {spec: {containers: [{name: worker, image: rayproject/ray:2.9}]}}
        """
    )
    assert _values(units[(UnitKind.RESOURCE, "raycluster/ray")], "k8s.pod.hostNetwork") == ["true"]
    assert units[(UnitKind.CONTAINER, "raycluster/ray/small/worker")].components == {"ray"}


def test_a_served_model_is_a_container_and_its_logger_is_the_object_s() -> None:
    units = _units(
        """\
        apiVersion: serving.kserve.io/v1beta1
        kind: InferenceService
        metadata: {name: chat}
        spec:
          predictor:
            logger: {mode: all}
            model: {modelFormat: {name: huggingface}, args: ["--host=h"], storageUri: "pvc://m"}
        """
    )
    assert _values(
        units[(UnitKind.RESOURCE, "inferenceservice/chat")], "k8s.inferenceservice.spec.predictor.logger.mode"
    ) == ["all"]
    container = units[(UnitKind.CONTAINER, "inferenceservice/chat/model")]
    assert container.components == {"kserve", "vllm"}
    assert _values(container, "--host") == ["h"]


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("kind: Service\nspec: {type: NodePort}", "k8s.service.spec.type", ["NodePort"]),
        ("kind: Ingress\nspec: {tls: [{secretName: t}]}", "k8s.ingress.spec.tls[].secretName", ["t"]),
        ("kind: NetworkPolicy\nspec: {egress: [{}]}", "k8s.networkpolicy.spec.egress[]", ["{}"]),
        ("kind: NetworkPolicy\nspec: {egress: [{ports: [{port: 443}]}]}", "k8s.networkpolicy.spec.egress[]", ["{}"]),
        ("kind: NetworkPolicy\nspec: {egress: [{ports: [{port: 53}]}]}", "k8s.networkpolicy.spec.egress[]", []),
        ("kind: StorageClass\nparameters: {encrypted: 'true'}", "k8s.storageclass.parameters.encrypted", ["true"]),
    ],
)
def test_other_objects_are_told_by_kind(text: str, name: str, values: list[str]) -> None:
    (unit,) = [
        u for u in _units(f"apiVersion: v1\nmetadata: {{name: x}}\n{text}\n").values() if u.kind is UnitKind.RESOURCE
    ]
    assert _values(unit, name) == values


def test_labels_of_a_namespace_keep_their_names() -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {pod-security.kubernetes.io/enforce: restricted}}\n"
    name = "k8s.namespace.metadata.labels.pod-security.kubernetes.io/enforce"
    assert _values(_units(text)[(UnitKind.RESOURCE, "namespace/n")], name) == ["restricted"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("podSelector: {}\n  policyTypes: [Egress]", {"egress policy of all pods"}),
        (
            "podSelector: {matchLabels: {app: llm}}\n  policyTypes: [Ingress, Egress]\n  egress: []",
            {"egress policy of app in (llm)", "ingress policy of app in (llm)"},
        ),
        (
            "podSelector: {}\n  egress: [{to: [{podSelector: {}}]}]",  # no policyTypes: one of ingress as well
            {"egress policy of all pods", "ingress policy of all pods"},
        ),
        ("podSelector: {}\n  policyTypes: [Egress]\n  egress: [{ports: [{port: 53}]}]", {"egress policy of all pods"}),
        ("podSelector: {}\n  policyTypes: [Ingress]", {"ingress policy of all pods"}),
        ("podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{}]", set()),
        ("podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{ports: [{port: 80}]}]", set()),
        ("podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", set()),
        (
            "podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{from: [{podSelector: {}}]}]",
            {"ingress policy of all pods"},
        ),
        ("podSelector: {}\n  policyTypes: [Egress]\n  egress: [{}]", set()),
        (
            "podSelector: {}\n  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]",
            {"egress policy of all pods"},
        ),
        ("podSelector: {}\n  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: '::/0'}}]}]", set()),
    ],
)
def test_a_policy_that_keeps_pods_in_is_a_guard(spec: str, expected: set[str]) -> None:
    units = _units(f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: any}}\nspec:\n  {spec}\n")
    assert {name for kind, name in units if kind is UnitKind.GUARD} == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("stringData: {TOKEN: abc123def456}", ["k8s.secret.stringData"]),
        ("data: {TOKEN: YWJjMTIzZGVmNDU2}", ["k8s.secret.data"]),
        ("stringData: {TOKEN: ''}", []),
        ("stringData: {TOKEN: <your token>}", []),
        ("stringData: {TOKEN: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3}", []),
        ("stringData: {TOKEN: changeme}", []),
    ],
)
def test_a_secret_in_clear(body: str, expected: list[str]) -> None:
    unit = _units(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{body}\n")[(UnitKind.RESOURCE, "secret/s")]
    assert [fact.name for fact in unit.facts if not fact.name.startswith("k8s.secret.metadata")] == expected
    assert all(fact.value in {"present", "s"} for fact in unit.facts)


def test_a_config_map_is_an_environment_and_its_files_are_read() -> None:
    text = textwrap.dedent(
        """\
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings}
        data:
          HF_HUB_OFFLINE: "1"
          config.yaml: |
            model_list: []
            litellm_settings:
              set_verbose: true
        """
    )
    units = {unit.name: unit for unit in kubernetes.read("k8s/a.yaml", text).units}
    own, inner = units["configmap/settings"], units["config.yaml"]
    assert own.provides == ("configmap:settings",)
    assert _values(own, "HF_HUB_OFFLINE") == ["1"]
    assert inner.components == {"litellm"}
    fact = next(fact for fact in inner.facts if fact.name == "litellm_settings.set_verbose")
    assert (inner.path, text[fact.start : fact.end]) == ("k8s/a.yaml", "true")


def test_a_container_without_an_image_is_no_container() -> None:
    units = _units(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: llm}\n"
        "spec: {template: {spec: {containers: [{name: c, env: [{name: A, value: x}]}]}}}\n"
    )
    assert _values(units[(UnitKind.ENVIRONMENT, "deployment/llm/c")], "A") == ["x"]
    assert UnitKind.CONTAINER not in {kind for kind, _ in units}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("API_KEY", "q8Zx3Kq9Lw2Pv7Rt5", True),
        ("HF_TOKEN", "changeme-please-1", False),
        ("HF_TOKEN", "<insert-token-123>", False),
        ("MAX_TOKENS", "q8Zx3Kq9Lw2Pv7Rt5", False),
        ("SECRET_FILE", "q8Zx3Kq9Lw2Pv7Rt5", False),
        ("DB_PASSWORD", "/run/secrets/password1", False),
        ("DB_PASSWORD", "short1", False),
    ],
)
def test_a_secret_as_text_of_a_variable(name: str, value: str, expected: bool) -> None:
    unit = _container(f"env: [{{name: {name}, value: '{value}'}}]\n")
    assert bool(_values(unit, "code:k8s-literal-secret")) is expected


def test_a_log_shipper_beside_a_model() -> None:
    shipper = "containers:\n- {name: s, image: fluent/fluent-bit:3}\n- {name: m, image: vllm/vllm-openai:v1}\n"
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n" + textwrap.indent(shipper, "  ")
    assert _values(_units(text)[(UnitKind.CONTAINER, "pod/p/s")], "code:k8s-log-shipper") == ["present"]
    alone = text.replace("vllm/vllm-openai", "nginx")
    assert _values(_units(alone)[(UnitKind.CONTAINER, "pod/p/s")], "code:k8s-log-shipper") == []


def test_bodies_in_the_log_of_a_mesh() -> None:
    text = "apiVersion: v1\nkind: EnvoyFilter\nmetadata: {name: f}\nspec: {inlineCode: 'h:logInfo(h:body():getBytes(0, 9))'}\n"
    assert _values(_units(text)[(UnitKind.RESOURCE, "envoyfilter/f")], "code:k8s-mesh-body-logging") == ["present"]


@given(st.permutations(["hostNetwork: true", "hostPID: false", "serviceAccountName: x"]), st.booleans())
def test_order_and_quotes_say_nothing(lines: list[str], quoted: bool) -> None:
    text = "\n".join(lines) + "\n"
    unit = _pod(text.replace("true", '"true"') if quoted else text)[(UnitKind.RESOURCE, "deployment/llm")]
    found = {(fact.name, fact.value) for fact in unit.facts if fact.name.startswith("k8s.pod.host")}
    assert found == {("k8s.pod.hostNetwork", "true"), ("k8s.pod.hostPID", "false")}


@given(st.text(max_size=60), st.sampled_from(["Deployment", "ConfigMap", "NetworkPolicy", "Secret", "EnvoyFilter"]))
def test_any_text_is_read(text: str, kind: str) -> None:
    kubernetes.read("a.yaml", f"apiVersion: v1\nkind: {kind}\nspec: {text}\n---\n{text}")


def test_a_definition_of_a_kind_is_not_read() -> None:
    assert not kubernetes.is_manifest("apiVersion: v1\nkind: CustomResourceDefinition\n")
    assert kubernetes.is_manifest("apiVersion: v1\nkind: CustomResourceDefinition\n---\nkind: Service\n")


def test_a_fact_shows_no_value() -> None:
    facts: list[Fact] = [fact for unit in _pod("hostNetwork: true\n").values() for fact in unit.facts]
    assert not any("vllm-openai" in repr(fact) for fact in facts)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("nginx.ingress.kubernetes.io/auth-url: http://login.internal", {"login of chat.example.com"}),
        ("alb.ingress.kubernetes.io/auth-type: none", set()),
        ("traefik.ingress.kubernetes.io/router.middlewares: web-oauth@kubernetescrd", {"login of chat.example.com"}),
        ("nginx.ingress.kubernetes.io/proxy-read-timeout: '600'", set()),
    ],
)
def test_an_ingress_that_asks_who_calls_is_a_guard(annotation: str, expected: set[str]) -> None:
    units = _units(
        f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: chat\n  annotations:\n    {annotation}\n"
        "spec:\n  rules: [{host: chat.example.com}]\n"
    )
    assert {name for kind, name in units if kind is UnitKind.GUARD} == expected


@pytest.mark.parametrize(
    ("tag", "is_told"),
    [("v0.8.5", False), ("v0.10.2", True), ("v0.11.0-x86_64", True), ("latest", False), ("v1.0", True)],
)
def test_vllm_of_a_version_that_logs_no_requests_has_the_flag_that_says_so(tag: str, is_told: bool) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
    units = _units(f"{pod}  - {{name: s, image: 'vllm/vllm-openai:{tag}', args: [--model_name=m]}}\n")
    names = {one.name for one in units[UnitKind.CONTAINER, "pod/p/s"].facts if one.space is Space.FLAG}
    assert names == {"--model-name"} | ({"--no-enable-log-requests"} if is_told else set())
