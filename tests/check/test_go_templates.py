"""Helm templates as YAML text of the same length, and what their actions stand for."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.go_expressions import Names, holds, value_of
from privet.check.go_templates import closed, opened
from privet.check.yaml_nodes import Mapping, Node, Scalar, Source, documents

_VALUES = """\
name: chat
empty: ""
on: true
off: false
count: 0
map: {a: 1, b: {c: x}}
list: [1, 2]
none: {}
"""


def _names() -> Names:
    return Names(
        documents("values.yaml", _VALUES)[0][0], documents("Chart.yaml", "name: llm\nappVersion: '1.2'\n")[0][0]
    )


def _read(text: str) -> Mapping:
    template = opened("t.yaml", text, _names())
    assert len(template.text) == len(text)
    nodes, notes = documents("t.yaml", template.text, text)
    assert not notes
    node = closed(nodes[0], template)
    assert isinstance(node, Mapping)
    return node


def _plain(node: Node | None) -> object:
    if isinstance(node, Mapping):
        return {name: _plain(value) for name, (_, value) in node.pairs.items()}
    if isinstance(node, Scalar):
        return node.value
    return [_plain(item) for item in node.items] if node is not None else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{- $x := .Values.map -}}\na: {{ $x.b.c }}", {"a": "x"}),
        ("{{- $x := .Values.name -}}\n{{- $x = .y }}\na: {{ $x }}", {"a": None}),
        (
            "{{- range $i, $one := .Values.list }}\na: {{ $one }}/{{ $i }}\nb: {{ $one }}\n{{ end }}",
            {"a": None, "b": "1"},
        ),
        ("{{- range .Values.nothing }}\na: {{ .x }}\n{{ end }}", {"a": None}),
        ("{{- with $ }}\na: {{ $.Values.name }}\nb: {{ .Values.name }}\n{{ end }}", {"a": "chat", "b": "chat"}),
        ('a: \'{"b": {"c": {{ .Values.name | quote }}}}\'', {"a": '{"b": {"c": chat}}'}),
        ('{{- if or\n  (eq .Values.name "chat")\n  .Values.off\n}}\na: 1\n{{- else }}\na: 2\n{{- end }}', {"a": "1"}),
        ("a: {{ .Values.name }}", {"a": "chat"}),
        ("a: {{ .Values.name | quote }}", {"a": "chat"}),
        ('a: "{{ .Values.name }}-{{ .Chart.AppVersion }}"', {"a": "chat-1.2"}),
        ('a: {{ .Values.empty | default "x" }}', {"a": "x"}),
        ('a: {{ default "x" .Values.nothing }}', {"a": "x"}),
        ("a: {{ .Values.nothing }}", {"a": None}),
        ('a: {{ include "b" . }}', {"a": None}),
        ('a: "{{ .Release.Name }}-x"', {"a": None}),
        ("a: {{ toYaml .Values.map | nindent 2 }}", {"a": {"a": "1", "b": {"c": "x"}}}),
        ("a:\n  {{- toYaml .Values.map | nindent 2 }}\n  c: 3", {"a": {"a": "1", "b": {"c": "x"}, "c": "3"}}),
        ("a:\n  {{- toYaml .Values.list | nindent 2 }}\n  - 3", {"a": ["1", "2", "3"]}),
        (
            "a:\n  {{- with .Values.map }}\n  {{- toYaml . | nindent 2 }}\n  {{- end }}",
            {"a": {"a": "1", "b": {"c": "x"}}},
        ),
        ("{{ with .Values.map.b }}\na: {{ .c }}\n{{ end }}", {"a": "x"}),
        ("{{- with .Values.none }}\na: 1\n{{- end }}\nb: 2", {"b": "2"}),
        ("{{ if .Values.on }}\na: 1\n{{ else }}\na: 2\n{{ end }}", {"a": "1"}),
        ("{{ if .Values.off }}\na: 1\n{{ else if .Values.on }}\na: 2\n{{ else }}\na: 3\n{{ end }}", {"a": "2"}),
        ("a: {{ if .Values.off }}1{{ else }}2{{ end }}", {"a": "2"}),
        ("a: {{ if .Release.x }}1{{ else }}2{{ end }}", {"a": None}),
        ("{{ range .Values.list }}\na: {{ . }}\n{{ end }}", {"a": "1"}),
        ("{{/* a: 1\n{{ x }} */}}\nb: 2", {"b": "2"}),
        ("{{- $x := .Values.name -}}\nb: {{ $x }}", {"b": "chat"}),
        ("{{ .Values.name }}: 1\n{{ .Values.nothing }}: 2", {"chat": "1"}),
        ("a: |\n  {{- if .Values.off }}\n  b\n  {{- end }}\n  c {{ .x }} d\n", {"a": "\n\n\n\n\n\n"}),
    ],
)
def test_a_template_as_the_chart_s_own_values_make_it(text: str, expected: dict[str, object]) -> None:
    found = _plain(_read(text))
    if "|\n" in text:  # a script: only that its words are there is told
        assert isinstance(found, dict)
        assert found["a"].split() == ["c", "$_______", "d"]
    else:
        assert found == expected


def test_a_value_stands_in_the_values_file() -> None:
    node = _read("a: {{ .Values.map.b.c }}").get("a")
    assert isinstance(node, Scalar)
    assert (node.source.path, _VALUES[node.start : node.end]) == ("values.yaml", "x")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (".Values.on", True),
        (".Values.count", False),
        (".Values.nothing.deep", False),
        ("not .Values.on", False),
        ("and .Values.on .Values.map", True),
        ("and .Values.on .Values.off", False),
        ("or .Values.off (not .Values.on)", False),
        ("or .Values.on .Release.x", True),
        ("and .Values.on .Release.x", None),
        ('eq .Values.name "chat"', True),
        ('ne .Values.name "chat"', False),
        ("(.Values.on)", True),
        ('hasKey .Values "map"', True),
        ('not (hasKey .Values.map "z")', True),
        ("empty .Values.none", True),
        ("(not (empty .Values.list))", True),
        (".Release.IsUpgrade", None),
        ('hasKey .Release "x"', None),
        ("", None),
    ],
)
def test_conditions(said: str, expected: bool | None) -> None:
    assert holds(said, None, _names()) is expected


def test_a_literal_stands_where_the_action_does() -> None:
    node = value_of('default "x" .Values.empty', None, _names(), Source("t.yaml", ""), (3, 9))
    assert isinstance(node, Scalar)
    assert (node.value, node.start, node.end, node.source.path) == ("x", 3, 9, "t.yaml")


_PIECES = [
    "{{ range $a, $b := .Values.list }}",
    "{{ $b := ",
    "$b",
    "{{",
    "}}",
    "{{- if .Values.on }}",
    "{{ else }}",
    "{{ end }}",
    "{{ with . }}",
    "{{/*",
    "*/}}",
    "`",
    '"',
    "a: ",
    "\n",
    " ",
    "x",
    "|",
    "(",
    "- ",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
def test_any_template_keeps_its_length(text: str) -> None:
    template = opened("t.yaml", text, _names())
    assert len(template.text) == len(text)
    for node in documents("t.yaml", template.text, text)[0]:
        closed(node, template)


@pytest.mark.parametrize("piece", ["{{", "{{/*", '{{"', "{{ if x }}a ", "{{`", "x {{ . }}", "${{ (", "\n"])
def test_hostile_templates_take_time_that_grows_with_them(piece: str) -> None:
    def seconds(count: int) -> float:
        start = time.process_time()
        opened("t.yaml", piece * count, _names())
        return time.process_time() - start

    small = min(seconds(500) for _ in range(3))
    assert seconds(5_000) < 40 * small + 0.05
