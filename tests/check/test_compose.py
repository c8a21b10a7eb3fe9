"""Compose services as they take effect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check import compose
from privet.check.facts import Fact, Space, Unit, UnitKind


def _units(files: dict[str, str], path: str = "compose.yaml") -> dict[str, Unit]:
    reading = compose.read(path, files[path], files.get)
    assert not reading.notes
    return {unit.name: unit for unit in reading.units}


def _service(lines: str, more: str = "", dotenv: str = "") -> Unit:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    units = _units({"compose.yaml": f"services:\n  api:\n{body}{more}", ".env": dotenv})
    return units["api"]


def _values(unit: Unit, name: str) -> list[str | None]:
    return [fact.value for fact in unit.facts if fact.name == name]


def _named(unit: Unit, name: str) -> Fact:
    return [fact for fact in unit.facts if fact.name == name][-1]


def test_a_service_is_a_unit_that_points_at_its_name() -> None:
    text = "services:\n  api:\n    image: ollama/ollama:0.5\n"
    unit = _units({"compose.yaml": text})["api"]
    assert unit.kind is UnitKind.SERVICE
    assert text[unit.start : unit.end] == "api"
    assert unit.components == {"ollama"}


@pytest.mark.parametrize(
    ("lines", "name", "values"),
    [
        ("privileged: true", "compose.privileged", ["true"]),
        ("network_mode: host", "compose.network_mode", ["host"]),
        ("cap_drop: [ALL]", "compose.cap_drop[]", ["ALL"]),
        ("ports: ['8000:8000', '127.0.0.1:1:1']", "compose.ports[]", ["8000:8000", "127.0.0.1:1:1"]),
        ("ports: [{target: 80, published: 8080, host_ip: 127.0.0.1}]", "compose.ports[]", ["127.0.0.1:8080:80"]),
        ("ports: [{target: 80, host_ip: '::1', published: '1'}]", "compose.ports[]", ["[::1]:1:80"]),
        ("ports: [{target: 80}]", "compose.ports[]", ["80"]),
        ("ports: ['${PORT:-8000}:80']", "compose.ports[]", ["8000:80"]),
        ("ports: [{target: 80, published: 80, host_ip: '${BIND}'}]", "compose.ports[]", [None]),
        ("volumes: ['./a:/b:ro']", "compose.volumes[]", ["./a:/b:ro"]),
        ("volumes: [{type: bind, source: ./a, target: /b, read_only: true}]", "compose.volumes[]", ["./a:/b:ro"]),
        ("volumes: [{type: tmpfs, target: /tmp}]", "compose.tmpfs[]", ["/tmp"]),
        ("tmpfs: /tmp", "compose.tmpfs[]", ["/tmp"]),
        ("ulimits: {core: 0}", "compose.ulimits.core", ["0"]),
        ("ulimits: {core: {soft: 0, hard: -1}}", "compose.ulimits.core", ["-1"]),
        ("logging: {driver: json-file, options: {max-size: 10m}}", "compose.logging.options.max-size", ["10m"]),
        ("dns: 192.0.2.1", "compose.dns[]", ["192.0.2.1"]),
        ("extra_hosts: {a: 192.0.2.1}", "compose.extra_hosts[]", ["a:192.0.2.1"]),
        ("env_file: .env", "compose.env_file[]", [".env"]),
        (
            "healthcheck: {test: [CMD, curl, 'http://localhost']}",
            "compose.healthcheck.test[]",
            ["CMD", "curl", "http://localhost"],
        ),
        ("networks: {inner: {aliases: [x]}}", "compose.networks[]", ["inner"]),
        ("labels: ['a.b=c']", "compose.labels.a.b", ["c"]),
    ],
)
def test_settings_have_one_form(lines: str, name: str, values: list[str | None]) -> None:
    assert _values(_service(f"image: x\n{lines}"), name) == values


@pytest.mark.parametrize("lines", ["environment:\n  A: x\n  B: 'true'\n  C:", "environment: ['A=x', B=true, C]"])
def test_environment_is_the_same_as_list_and_as_mapping(lines: str) -> None:
    unit = _service(lines)
    assert [(f.name, f.value) for f in unit.facts if f.space is Space.ENV] == [("A", "x"), ("B", "true"), ("C", None)]


@pytest.mark.parametrize(
    ("value", "dotenv", "expected"),
    [
        ("${A:-x}", "", "x"),
        ("${A:-x}", "A=y\n", "y"),
        ("${A:-x}", "A=\n", "x"),
        ("${A-x}", "A=\n", ""),
        ("$A/$$B", "A='y z' # note\n", "y z/$B"),
        ("${A}", "", None),
        ("${A:?needed}", "", None),
        ("${A:+set}", "A=1\n", "set"),
        ("${A:-${B:-deep}}", "", "deep"),
        ("plain # not a comment", "", "plain"),
    ],
)
def test_variables_are_filled_from_the_env_file_beside(value: str, dotenv: str, expected: str | None) -> None:
    unit = _service(f"environment:\n  X: {value}", dotenv=dotenv)
    assert _values(unit, "X") == [expected]


def test_a_value_that_is_one_variable_stands_in_the_env_file() -> None:
    dotenv = "# ports\nHOST=192.0.2.7\n"
    fact = _named(_service("environment: ['X=${HOST}']", dotenv=dotenv), "X")
    assert (fact.path, dotenv[fact.start : fact.end]) == (".env", "192.0.2.7")


@pytest.mark.parametrize(
    "lines",
    [
        "command: --host 192.0.2.7",
        "command: ['--host', '192.0.2.7']",
        "command: >\n  --host\n  192.0.2.7",
        "command: --host=${HOST:-192.0.2.7}",
        "entrypoint: vllm\ncommand: serve m --host 192.0.2.7",
        "entrypoint: [sh, -c]\ncommand: ['exec vllm serve m --host 192.0.2.7']",
        "command: --host $HOST",
    ],
)
def test_flags_are_found_in_every_form_of_command(lines: str) -> None:
    unit = _service(f"image: vllm/vllm-openai:v0.9\n{lines}", dotenv="HOST=192.0.2.7\n")
    assert _values(unit, "--host") == ["192.0.2.7"]
    assert "vllm" in unit.components


def test_a_flag_with_a_variable_has_its_own_place() -> None:
    text = "services:\n  api:\n    command: --port 1 --host ${HOST:-192.0.2.7} --x\n"
    fact = _named(_units({"compose.yaml": text})["api"], "--host")
    assert (fact.value, text[fact.start : fact.end]) == ("192.0.2.7", "${HOST:-192.0.2.7}")


@pytest.mark.parametrize(
    ("lines", "parents"),
    [
        ("env_file: [a.env, {path: ../b.env, required: false}]", ("file:b.env", "file:deploy/a.env")),
        ("build: ./svc", ("image:deploy/svc/Dockerfile",)),
        ("build: {context: .., dockerfile: docker/X, target: prod}", ("stage:docker/X:prod",)),
        ("build: https://example.com/a.git", ()),
        ("env_file: ../../outside.env", ()),
        ("env_file: a.env\nbuild: .", ("file:deploy/a.env", "image:deploy/Dockerfile")),
    ],
)
def test_where_an_environment_comes_from_besides(lines: str, parents: tuple[str, ...]) -> None:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    unit = _units({"deploy/compose.yaml": f"services:\n  api:\n{body}"}, "deploy/compose.yaml")["api"]
    assert unit.parents == parents


@pytest.mark.parametrize(
    ("lines", "more", "values"),
    [
        ("networks: [a]", "networks: {a: {internal: true}}\n", ["true"]),
        ("networks: [a, b]", "networks: {a: {internal: true}, b: {}}\n", ["false"]),
        ("image: x", "networks: {default: {internal: true}}\n", ["true"]),
        ("image: x", "", ["false"]),
        ("network_mode: none", "", ["true"]),
        ("network_mode: host", "", ["false"]),
        ("network_mode: 'service:vpn'", "", [None]),
        ("networks: [a]", "networks: {a: {external: true}}\n", ["false"]),
        ("networks: [a]", "networks: {a: {internal: '${CLOSED}'}}\n", [None]),
    ],
)
def test_whether_all_networks_are_internal(lines: str, more: str, values: list[str | None]) -> None:
    assert _values(_service(lines, more), "compose.network.internal") == values


_BASE = "services:\n  api:\n    image: vllm/vllm-openai:v0.9\n    environment: [VLLM_NO_USAGE_STATS=1, A=1]\n    ports: ['127.0.0.1:1:1']\n"


def test_an_override_takes_effect_in_the_base_and_points_into_itself() -> None:
    over = "services:\n  api:\n    environment: {VLLM_NO_USAGE_STATS: '0'}\n    ports: ['192.0.2.7:2:2']\n    command: --host 192.0.2.7\n"
    files = {"compose.yaml": _BASE, "compose.override.yaml": over}
    unit = _units(files)["api"]
    fact = _named(unit, "VLLM_NO_USAGE_STATS")
    assert (unit.path, fact.path, fact.value, over[fact.start : fact.end]) == (
        "compose.yaml",
        "compose.override.yaml",
        "0",
        "'0'",
    )
    assert _values(unit, "A") == ["1"]
    assert _values(unit, "compose.ports[]") == ["127.0.0.1:1:1", "192.0.2.7:2:2"]
    assert _values(unit, "--host") == ["192.0.2.7"]
    assert _units(files, "compose.override.yaml") == {}


def test_a_service_that_only_the_override_has_is_its_own() -> None:
    files = {"compose.yaml": _BASE, "compose.override.yaml": "services:\n  extra: {image: x}\n"}
    assert list(_units(files, "compose.override.yaml")) == ["extra"]


def test_a_variant_without_an_image_lies_over_the_base() -> None:
    files = {"compose.yaml": _BASE, "compose.prod.yml": "services:\n  api:\n    environment: {A: '2'}\n"}
    unit = _units(files, "compose.prod.yml")["api"]
    assert (unit.path, unit.components) == ("compose.prod.yml", {"vllm"})
    assert _values(unit, "VLLM_NO_USAGE_STATS") == ["1"]
    assert _values(unit, "A") == ["2"]
    assert _values(_units(files)["api"], "A") == ["1"]


def test_tags_reset_and_replace() -> None:
    files = {
        "compose.yaml": _BASE,
        "compose.override.yaml": "services:\n  api:\n    environment: !reset null\n    ports: !override ['3:3']\n",
    }
    unit = _units(files)["api"]
    assert _values(unit, "A") == []
    assert _values(unit, "compose.ports[]") == ["3:3"]


def test_what_a_service_extends_is_part_of_it() -> None:
    text = "services:\n  base: {image: ollama/ollama, environment: {A: '1', B: '1'}}\n  api: {extends: base, environment: {B: '2'}}\n"
    unit = _units({"compose.yaml": text})["api"]
    assert (_values(unit, "A"), _values(unit, "B"), unit.components) == (["1"], ["2"], {"ollama"})


def test_what_a_service_extends_from_another_file_keeps_its_place() -> None:
    files = {
        "app/compose.yaml": "services:\n  api:\n    extends: {file: ../common/c.yml, service: base}\n",
        "common/c.yml": "services:\n  base: {image: x, env_file: a.env, privileged: true}\n",
    }
    unit = _units(files, "app/compose.yaml")["api"]
    assert unit.parents == ("file:common/a.env",)
    assert _named(unit, "compose.privileged").path == "common/c.yml"


def test_extending_in_a_circle_ends() -> None:
    _units({"compose.yaml": "services:\n  a: {extends: b}\n  b: {extends: a}\n"})


def test_the_first_version_of_the_format_has_only_services() -> None:
    assert list(_units({"compose.yaml": "api:\n  image: x\nnot-one: 1\n"})) == ["api"]


def test_a_broken_file_is_a_note() -> None:
    reading = compose.read("compose.yaml", "services:\n  a: [\n", {}.get)
    assert (reading.units, len(reading.notes)) == ((), 1)


@given(
    st.permutations(
        [
            "image: vllm/vllm-openai:v1",
            "environment: {A: x, B: y}",
            "ports: ['1:1']",
            "command: --host h",
            "privileged: true",
        ]
    )
)
def test_the_order_of_keys_says_nothing(lines: list[str]) -> None:
    unit = _service("\n".join(lines))
    assert {(fact.space, fact.name, fact.value) for fact in unit.facts} == {
        (Space.KEY, "compose.image", "vllm/vllm-openai:v1"),
        (Space.ENV, "A", "x"),
        (Space.ENV, "B", "y"),
        (Space.KEY, "compose.ports[]", "1:1"),
        (Space.FLAG, "--host", "h"),
        (Space.KEY, "compose.privileged", "true"),
        (Space.KEY, "compose.network.internal", "false"),
    }


@given(st.text(alphabet="servics: \n-{}[]&*!$\"'abx<#|", max_size=80))
def test_any_text_is_read(text: str) -> None:
    compose.read("compose.yaml", "services:\n" + text, {"compose.override.yml": text, ".env": text}.get)
