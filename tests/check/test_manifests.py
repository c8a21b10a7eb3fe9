"""Which reader a YAML file gets; and that moving, re-ordering and re-quoting say nothing, in real shapes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.check.facts import Reading, UnitKind
from privet.check.manifests import read

_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "llm"},
    "spec": {
        "template": {
            "spec": {
                "securityContext": {"runAsNonRoot": True},
                "containers": [
                    {
                        "name": "server",
                        "image": "vllm/vllm-openai:v1",
                        "args": ["--host", "h"],
                        "securityContext": {"privileged": False},
                    }
                ],
            }
        }
    },
}
_COMPOSE = {
    "services": {
        "ollama": {
            "image": "ollama/ollama:0.5",
            "environment": {"OLLAMA_HOST": "h", "A_B": "1"},
            "ports": ["1:1", "2:2"],
        },
        "web": {"image": "ghcr.io/open-webui/open-webui:main", "volumes": ["a:/b"], "depends_on": ["ollama"]},
    },
    "volumes": {"a": {}},
}
_WORKFLOW = {
    "name": "CI",
    "on": ["push", "pull_request"],
    "permissions": {"contents": "read"},
    "jobs": {
        "a": {"runs-on": "x", "env": {"A_B": "1"}, "steps": [{"run": "privet check"}, {"run": "vllm serve m --host h"}]}
    },
}
_SHAPES = [("k8s/a.yaml", _DEPLOYMENT), ("compose.yaml", _COMPOSE), (".github/workflows/a.yml", _WORKFLOW)]


def _said(reading: Reading) -> set[tuple[object, ...]]:
    return {
        (unit.kind, unit.name, unit.components, fact.space, fact.name, fact.value)
        for unit in reading.units
        for fact in unit.facts
    }


def _shuffled(node: Any, data: st.DataObject) -> Any:
    if isinstance(node, dict):
        return {key: _shuffled(node[key], data) for key in data.draw(st.permutations(list(node)))}
    return [_shuffled(item, data) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize(("path", "shape"), _SHAPES)
@given(data=st.data())
@settings(max_examples=25)
def test_the_order_of_keys_and_the_style_say_nothing(path: str, shape: dict[str, Any], data: st.DataObject) -> None:
    plain = read(path, yaml.safe_dump(shape), {}.get)
    style = data.draw(st.sampled_from([None, '"', "'"]))
    text = (
        yaml.safe_dump(
            _shuffled(shape, data),
            sort_keys=False,
            default_flow_style=data.draw(st.sampled_from([True, False, None])),
            default_style=None if style is None else style,
            indent=data.draw(st.integers(2, 6)),
            width=data.draw(st.sampled_from([20, 200])),
        )
        .replace("!!bool ", "")
        .replace("!!int ", "")
    )
    assert _said(read(path, text, {}.get)) == _said(plain)


@pytest.mark.parametrize(("path", "shape"), _SHAPES)
def test_a_place_holds_what_the_fact_says(path: str, shape: dict[str, Any]) -> None:
    text = "\ufeff# 😀 é\r\n" + yaml.safe_dump(shape).replace("\n", "\r\n")
    for unit in read(path, text, {}.get).units:
        for fact in unit.facts:
            written = text[fact.start : fact.end].strip("'\"")
            assert fact.value in {written, "present", "{}", "by scope", *(written.split("="))} or fact.name in {
                "actions.on[]",
                "k8s.pod.namespace",
                "compose.network.internal",
            }


def test_a_moved_file_is_the_same() -> None:
    text = yaml.safe_dump(_DEPLOYMENT)
    assert _said(read("a.yaml", text, {}.get)) == _said(read("deploy/b.yml", text, {}.get))


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("stack.yml", "services:\n  a:\n    image: x\n", UnitKind.SERVICE),
        ("x/kustomization.yaml", "resources: []\n", UnitKind.RESOURCE),
        (".gitlab-ci.yml", "a: {script: [x]}\n", UnitKind.JOB),
        ("ci/.gitlab-ci.yml", "a: {script: [x]}\n", UnitKind.JOB),
        ("action.yml", "runs: {using: composite, steps: []}\n", UnitKind.JOB),
        ("a/values.yaml", "x: 1\n", UnitKind.CONFIG),
        ("config.yaml", "model_list: []\nlitellm_settings: {set_verbose: true}\n", UnitKind.CONFIG),
    ],
)
def test_which_reader_a_file_gets(path: str, text: str, kind: UnitKind) -> None:
    assert read(path, text, {}.get).units[0].kind is kind


@pytest.mark.parametrize("path", ["i18n/de.yml", ".pre-commit-config.yaml", "data/table.yaml"])
def test_a_file_that_no_rule_looks_at_says_nothing(path: str) -> None:
    assert read(path, "greeting: hello\nrows: [1, 2]\n", {}.get) == Reading()


@pytest.mark.parametrize(
    ("path", "text", "is_noted"),
    [
        ("e.yaml", "x: [\n", True),
        ("deep.yaml", "[" * 5000, True),
        ("fine.yaml", "x: [1]\n---\ny: 2\n", False),
        ("plays.yaml", "x: {{ y }}\n", False),
        ("page.yml", "{% if x %}\na: [\n{% endif %}\n", False),
        ("_helpers.tpl", '{{- define "x" -}}\na: [\n', False),
    ],
)
def test_what_is_broken_is_a_note_in_a_file_of_no_known_kind_too(path: str, text: str, is_noted: bool) -> None:
    reading = read(path, text, lambda _path: None)
    assert not reading.units
    assert bool(reading.notes) is is_noted
