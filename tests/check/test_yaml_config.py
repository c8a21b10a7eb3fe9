"""Config files of programs, told by name or by what only they have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check import yaml_config
from privet.check.facts import Space, UnitKind


@pytest.mark.parametrize(
    ("path", "text", "component"),
    [
        ("config.yaml", "model_list: []", "litellm"),
        ("config/production.yaml", "service: {enable_tls: false}\nstorage: {}", "qdrant"),
        ("a.yml", "base_model: x\ndatasets: []", "axolotl"),
        ("a.yaml", "model_name_or_path: x\nfinetuning_type: lora", "llamafactory"),
        ("a.yaml", "model_name_or_path: x\ndataset_name: y", "trl"),
        ("otel.yaml", "receivers: {}\nexporters: {}", "otel-collector"),
        ("a.yaml", "chunk_size: 1\nlocal_disk: /x", "lmcache"),
        ("serve.yaml", "tensor-parallel-size: 2\nhost: h", "vllm"),
        ("deploy/qdrant/x.yaml", "a: 1", "qdrant"),
        ("mkdocs.yml", "site_name: x", "mkdocs"),
    ],
)
def test_whose_file_it_is(path: str, text: str, component: str) -> None:
    (unit,) = yaml_config.read(path, text + "\n").units
    assert component in unit.components
    assert (unit.kind, unit.name) == (UnitKind.CONFIG, path.rsplit("/", 1)[-1])


def test_settings_have_dotted_names() -> None:
    (unit,) = yaml_config.read("a.yaml", "litellm_settings: {success_callback: [langfuse], set_verbose: true}\n").units
    assert [(fact.name, fact.value) for fact in unit.facts] == [
        ("litellm_settings.success_callback[]", "langfuse"),
        ("litellm_settings.set_verbose", "true"),
    ]


def test_keys_of_a_server_s_config_are_its_flags() -> None:
    text = "max-model-len: 1\nhost: h\nenable_log_requests: true\n"
    (unit,) = yaml_config.read("a.yaml", text).units
    flags = {fact.name: fact.value for fact in unit.facts if fact.space is Space.FLAG}
    assert flags == {"--max-model-len": "1", "--host": "h", "--enable-log-requests": "true"}


def test_command_lines_of_task_runners_are_processes() -> None:
    text = "resources: {cpus: 2}\nenvs: {A_B: x}\nrun: |\n  cd /x\n  vllm serve m --host h\n"
    config, process = yaml_config.read("task.yaml", text).units
    assert ("A_B", "x") in [(fact.name, fact.value) for fact in config.facts]
    fact = next(fact for fact in process.facts if fact.name == "--host")
    assert (process.components, text[fact.start : fact.end]) == ({"vllm"}, "h")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("privet audit dataset data/clean", ["python-scrub-removed"]),
        ("uv run privet scrub data/raw data/clean", ["python-scrub-removed"]),
        ("python audit.py", []),
    ],
)
def test_a_stage_that_scrubs_or_looks_for_people_is_a_guard(command: str, expected: list[str]) -> None:
    units = yaml_config.read("dvc.yaml", f"stages:\n  audit:\n    cmd: {command}\n").units
    assert [unit.guard for unit in units if unit.kind is UnitKind.GUARD] == expected


def test_a_text_without_a_telling_word_is_not_worth_reading() -> None:
    assert not yaml_config.is_telling("colours: [red, green]\n")
    assert yaml_config.is_telling("litellm_settings: {}\n")


def test_plays_are_read() -> None:
    units = yaml_config.read(
        "play.yml", "- hosts: all\n  tasks:\n  - shell: ollama serve\n    environment: {OLLAMA_X: y}\n"
    ).units
    assert [unit.kind for unit in units] == [UnitKind.CONFIG, UnitKind.PROCESS]
    assert ("OLLAMA_X", "y") in [(fact.name, fact.value) for fact in units[0].facts]


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    yaml_config.read("a.yaml", text)
