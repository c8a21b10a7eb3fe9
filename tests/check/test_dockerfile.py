from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from privet.check.dockerfile import read
from privet.check.facts import Space, Unit
from privet.check.judge import link

TEXT = """\
# syntax=docker/dockerfile:1
ARG TAG=v1
FROM vllm/vllm-openai:${TAG} AS base
ENV VLLM_NO_USAGE_STATS=1 \\
    # why not
    DO_NOT_TRACK="1"
ENV HF_HUB_OFFLINE 1

FROM base
RUN <<EOF
export A=1
EOF
COPY --chown=1 data/ .env /app/
COPY --from=base /x /y
USER 1000
CMD ["vllm", "serve", "m", "--host", "0.0.0.0"]
"""


def units(text: str) -> tuple[Unit, ...]:
    return read("docker/Dockerfile", text, lambda _: None).units


def test_stages_have_what_they_set_and_inherit() -> None:
    base, final = units(TEXT)
    assert base.name == "base"
    assert base.components == {"vllm"}
    assert {fact.name: fact.value for fact in base.facts if fact.space is Space.ENV} == {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
    }
    assert final.components == {"vllm"}
    assert "image:docker/Dockerfile" in final.provides
    effective = link((base, final))[1]
    assert {fact.name for fact in effective if fact.space is Space.ENV} >= {"VLLM_NO_USAGE_STATS", "HF_HUB_OFFLINE"}


def test_facts_point_at_their_characters() -> None:
    _, final = units(TEXT)
    found = {fact.name: TEXT[fact.start : fact.end] for fact in final.facts}
    assert found["--host"] == '"0.0.0.0"'
    assert found["docker.user"] == "1000"
    assert [fact.value for fact in final.facts if fact.name == "docker.copy[]"] == ["data/", ".env"]


def test_a_shell_form_is_read_as_a_shell_reads_it() -> None:
    (unit,) = units("FROM python:3\nCMD export A=1 && exec vllm serve m --api-key $KEY\n")
    assert unit.components == {"vllm"}
    found = {fact.name: fact.value for fact in unit.facts}
    assert found["A"] == "1"
    assert found["--api-key"] is None


def test_a_file_without_a_stage_has_no_unit() -> None:
    assert units("ENV A=1\n") == ()


@given(st.text(st.sampled_from("FROM ENVCMDa=1\\\n\"'[],#<E")))
def test_any_text_is_read(text: str) -> None:
    for unit in units(text):
        for fact in unit.facts:
            assert 0 <= fact.start <= fact.end <= len(text)
