"""Charts: values as settings of what they install, templates as the manifests that they become."""

from __future__ import annotations

import pytest

from privet.check import helm
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.manifests import is_values, read

_TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "llm.fullname" . }}
spec:
  template:
    spec:
      {{- with .Values.podSecurityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          args: ["--host", {{ .Values.host | quote }}]
          env:
            {{- toYaml .Values.env | nindent 12 }}
            - name: HF_HUB_OFFLINE
              value: "1"
{{- if .Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Egress]}
{{- end }}
"""
_VALUES = """\
image: {repository: vllm/vllm-openai, tag: ""}
podSecurityContext: {runAsNonRoot: true}
host: 192.0.2.7
networkPolicy: {enabled: true}
env: [{name: VLLM_NO_USAGE_STATS, value: "1"}]
service: {type: NodePort}
"""
_CHART = 'name: llm\nappVersion: "0.9"\ndependencies: [{name: qdrant}, {name: postgresql, alias: db}]\n'


def _units(path: str, **changed: str) -> dict[tuple[UnitKind, str], Unit]:
    files = {"c/templates/app.yaml": _TEMPLATE, "c/values.yaml": _VALUES, "c/Chart.yaml": _CHART}
    files |= {f"c/{name.replace('__', '.')}": text for name, text in changed.items()}
    reading = read(path, files[path], files.get)
    assert not reading.notes
    return {(unit.kind, unit.name): unit for unit in reading.units}


def _fact(unit: Unit, name: str) -> Fact:
    return [fact for fact in unit.facts if fact.name == name][-1]


def test_a_template_is_a_manifest_whose_values_stand_in_the_values_file() -> None:
    units = _units("c/templates/app.yaml")
    ((_, name),) = [key for key in units if key[0] is UnitKind.CONTAINER]
    unit = units[(UnitKind.CONTAINER, name)]
    assert name == 'deployment/{{ include "llm.fullname" . }}/llm'
    assert unit.components == {"vllm"}
    assert _fact(unit, "k8s.container.image").value == "vllm/vllm-openai:0.9"
    for setting, value in {"--host": "192.0.2.7", "VLLM_NO_USAGE_STATS": "1"}.items():
        assert (_fact(unit, setting).value, _fact(unit, setting).path) == (value, "c/values.yaml")
    assert _fact(unit, "HF_HUB_OFFLINE").path == "c/templates/app.yaml"
    assert _fact(unit, "k8s.container.securityContext.runAsNonRoot").value == "true"


def test_what_the_values_switch_off_is_not_there() -> None:
    guard = (UnitKind.GUARD, "egress policy of all pods")
    assert guard in _units("c/templates/app.yaml")
    assert guard not in _units("c/templates/app.yaml", values__yaml=_VALUES.replace("enabled: true", "enabled: false"))


def test_values_are_settings_of_the_programs_in_them() -> None:
    unit = _units("c/values.yaml")[(UnitKind.CONFIG, "values.yaml")]
    assert unit.components == {"vllm"}
    assert (_fact(unit, "service.type").value, _fact(unit, "k8s.service.spec.type").value) == ("NodePort", "NodePort")
    assert (_fact(unit, "VLLM_NO_USAGE_STATS").space, _fact(unit, "VLLM_NO_USAGE_STATS").value) == (Space.ENV, "1")


def test_a_dependency_s_settings_are_its_own() -> None:
    values = "qdrant: {service: {enable_tls: false}}\ndb: {auth: {password: x}}\n"
    units = _units("c/values.yaml", values__yaml=values)
    unit = units[(UnitKind.CONFIG, "values.yaml/qdrant")]
    assert (unit.components, _fact(unit, "service.enable_tls").value) == ({"qdrant"}, "false")
    assert units[(UnitKind.CONFIG, "values.yaml/db")].components == {"postgres"}


def test_a_values_file_lies_over_the_chart_s_own() -> None:
    files = {"c/values.yaml": _VALUES, "c/values-prod.yaml": "host: 192.0.2.9\n"}
    (unit,) = helm.read_values("c/values-prod.yaml", files["c/values-prod.yaml"], files.get).units
    assert (_fact(unit, "host").value, _fact(unit, "host").path) == ("192.0.2.9", "c/values-prod.yaml")
    assert _fact(unit, "VLLM_NO_USAGE_STATS").path == "c/values.yaml"


def test_lists_of_a_values_file_take_the_place_of_the_chart_s_own() -> None:
    files = {"c/values.yaml": _VALUES, "c/values-prod.yaml": "env: [{name: LOG_LEVEL, value: info}]\nhost: null\n"}
    (unit,) = helm.read_values("c/values-prod.yaml", files["c/values-prod.yaml"], files.get).units
    stats = _fact(unit, "VLLM_NO_USAGE_STATS")
    assert (stats.value, stats.path) == ("", "c/values-prod.yaml")
    assert _fact(unit, "LOG_LEVEL").value == "info"
    assert "host" not in {fact.name for fact in unit.facts}


@pytest.mark.parametrize("name", ["qdrant-values.yaml", "values-qdrant.yaml", "values.qdrant.yml"])
def test_a_values_file_without_its_chart_is_known_by_its_name(name: str) -> None:
    (unit,) = helm.read_values(f"k8s/{name}", "config:\n  telemetry_disabled: false\n", lambda _: None).units
    assert unit.components == {"qdrant"}
    assert _fact(unit, "telemetry_disabled").value == "false"


def test_a_helper_that_is_one_action_writes_what_that_does() -> None:
    template = _TEMPLATE.replace("toYaml .Values.env", 'include "llm.env" .')
    helpers = '{{/* list */}}{{- define "llm.env" -}}\n{{- toYaml .Values.env }}\n{{- end }}\n{{ define "two" }}a{{ .b }}{{ end }}'
    units = _units("c/templates/app.yaml", **{"templates/app__yaml": template, "templates/_helpers__tpl": helpers})
    (container,) = [unit for (kind, _), unit in units.items() if kind is UnitKind.CONTAINER]
    assert (_fact(container, "VLLM_NO_USAGE_STATS").value, _fact(container, "VLLM_NO_USAGE_STATS").path) == (
        "1",
        "c/values.yaml",
    )


def test_a_helper_that_names_itself_writes_nothing() -> None:
    template = _TEMPLATE.replace("toYaml .Values.env", 'include "a" .')
    units = _units(
        "c/templates/app.yaml",
        **{"templates/app__yaml": template, "templates/_helpers__tpl": '{{ define "a" }}{{ include "a" . }}{{ end }}'},
    )
    (container,) = [unit for (kind, _), unit in units.items() if kind is UnitKind.CONTAINER]
    assert "VLLM_NO_USAGE_STATS" not in {fact.name for fact in container.facts}


def test_the_production_stack_is_known_by_its_keys() -> None:
    text = "servingEngineSpec:\n  vllmApiKey: ''\n  modelSpec:\n  - {repository: vllm/vllm-openai, env: [{name: A_B, value: x}]}\n"
    (unit,) = read("helm/values.yaml", text, {}.get).units
    assert unit.components == {"production-stack", "vllm"}
    assert _fact(unit, "servingEngineSpec.vllmApiKey").value == ""
    assert _fact(unit, "A_B").value == "x"


def test_a_template_that_is_no_yaml_is_a_note_with_what_is_plain_in_it() -> None:
    text = 'apiVersion: v1\nkind: Pod\nfoo: [\n{{ .x }}\nenv:\n- name: SOME_NAME\n  value: "x"\n- name: OTHER_NAME\n  value: {{ .y }}\n'
    reading = read("c/templates/a.yaml", text, {}.get)
    assert [note.path for note in reading.notes] == ["c/templates/a.yaml"]
    ((fact,),) = [unit.facts for unit in reading.units]
    assert (fact.name, fact.value, text[fact.start : fact.end]) == ("SOME_NAME", "x", '"x"')


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/values.yaml", True),
        ("a/values-prod.yml", True),
        ("a/prod.values.yaml", True),
        ("a/myvalues.yaml", False),
        ("c/prod.yaml", True),
    ],
)
def test_which_files_are_values(path: str, expected: bool) -> None:
    assert is_values(path, {"c/Chart.yaml": "name: x\n"}.get) is expected


@pytest.mark.parametrize(
    ("source", "is_guard"),
    [("{{ toYaml .Values.unknown | nindent 8 }}", True), ("- {podSelector: {}}", True), ("[]", False)],
)
def test_who_may_call_by_a_template_is_not_everybody(source: str, is_guard: bool) -> None:
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  podSelector: {}\n"
        f"  policyTypes: [Ingress]\n  ingress:\n    - from:\n        {source}\n"
    )
    units = _units("c/templates/app.yaml", **{"templates/app__yaml": policy})
    assert any(kind is UnitKind.GUARD for kind, _ in units) is is_guard


_HELPERS = """\
{{- define "llm.env" -}}
- name: VLLM_NO_USAGE_STATS
  value: {{ .stats | quote }}
- name: HF_HUB_OFFLINE
  value: "1"
{{- end -}}
{{- define "llm.secure" -}}
readOnlyRootFilesystem: true
{{- end -}}
"""
_CALLING = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:v0.11.0
          env:
            {{- include "llm.env" (dict "stats" .Values.stats "root" $) | nindent 12 }}
          securityContext:
            {{- include "llm.secure" . | nindent 12 }}
"""


def test_a_named_template_of_several_lines_is_what_it_writes() -> None:
    files = {
        "c/Chart.yaml": "name: c\n",
        "c/values.yaml": "stats: '0'\n",
        "c/templates/_helpers.tpl": _HELPERS,
        "c/templates/d.yaml": _CALLING,
    }
    units = helm.read_template("c/templates/d.yaml", _CALLING, files.get).units
    (container,) = [unit for unit in units if unit.name == "deployment/llm/server"]
    found = {fact.name: fact for fact in container.facts}
    assert (found["VLLM_NO_USAGE_STATS"].value, found["VLLM_NO_USAGE_STATS"].path) == ("0", "c/values.yaml")
    root = found["k8s.container.securityContext.readOnlyRootFilesystem"]
    assert (root.path, _HELPERS[root.start : root.end]) == ("c/templates/_helpers.tpl", "true")


def test_a_named_template_that_names_itself_ends() -> None:
    files = {"c/templates/_helpers.tpl": '{{ define "a" }}\nb:\n  {{ include "a" . | nindent 2 }}\n{{ end }}\n'}
    text = 'apiVersion: v1\nkind: Pod\nmetadata:\n  {{ include "a" . | nindent 2 }}\n'
    assert not helm.read_template("c/templates/d.yaml", text, files.get).notes
