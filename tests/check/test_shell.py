from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import Space, Unit, UnitKind
from privet.check.shell import read


def units(path: str, text: str) -> tuple[Unit, ...]:
    return read(path, text, lambda _: None).units


def values(unit: Unit, space: Space = Space.ENV) -> dict[str, str | None]:
    return {fact.name: fact.value for fact in unit.facts if fact.space is space}


def test_an_environment_file_is_read_as_compose_reads_it() -> None:
    text = "# c\nA=1\nexport B = 'x # y'\nC=\"d e\" # c\nD=plain # c\nE=\nF=${A}/x\nG='${A}'\n"
    (unit,) = units("deploy/.env", text)
    assert values(unit) == {"A": "1", "B": "x # y", "C": "d e", "D": "plain", "E": "", "F": None, "G": "${A}"}
    assert unit.provides == ("file:deploy/.env",)
    assert [text[fact.start : fact.end] for fact in unit.facts[:4]] == ["1", "'x # y'", '"d e"', "plain"]


def test_a_script_has_its_exports_and_its_programs() -> None:
    text = "#!/bin/sh\nexport VLLM_NO_USAGE_STATS=1\nHF_HUB_OFFLINE=1 vllm serve m --host 0.0.0.0\nollama serve\n"
    own, vllm, ollama = units("start.sh", text)
    assert own.kind is UnitKind.ENVIRONMENT
    assert values(own) == {"VLLM_NO_USAGE_STATS": "1"}
    assert vllm.components == {"vllm"}
    assert values(vllm) == {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    assert values(vllm, Space.FLAG)["--host"] == "0.0.0.0"  # noqa: S104 - the finding
    assert own.provides == ("file:start.sh",)
    assert ollama.components == {"ollama"}


@pytest.mark.parametrize("path", ["Makefile", "Procfile"])
def test_recipes_and_process_lines_are_command_lines(path: str) -> None:
    text = (
        "serve: a\n\tvllm serve m --trust-remote-code\n"
        if path == "Makefile"
        else "web: vllm serve m --trust-remote-code\n"
    )
    unit = next(unit for unit in units(path, text) if "vllm" in unit.components)
    fact = next(fact for fact in unit.facts if fact.name == "--trust-remote-code")
    assert text[fact.start : fact.end] == "--trust-remote-code"


def test_a_script_that_runs_the_gate_is_a_guard_unless_its_failure_is_ignored() -> None:
    assert any(unit.guard for unit in units("ci.sh", "privet check --base origin/main\n"))
    assert not any(unit.guard for unit in units("ci.sh", "privet check --base origin/main || true\n"))


def test_docker_run_sets_variables_in_the_container() -> None:
    (unit,) = units("run.sh", "docker run -e VLLM_NO_USAGE_STATS=0 --env=B=2 -p 8000:8000 vllm/vllm-openai\n")
    assert values(unit) == {"VLLM_NO_USAGE_STATS": "0", "B": "2"}


@given(st.sampled_from(["a.sh", ".env", "Makefile", "Procfile"]), st.text(st.sampled_from("AB=\n\t '\"\\$:#é{}<")))
def test_any_text_is_read(path: str, text: str) -> None:
    for unit in units(path, text):
        for fact in unit.facts:
            assert 0 <= fact.start <= fact.end <= len(text)
