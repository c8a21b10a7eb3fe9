from __future__ import annotations

import pytest

from privet.check.programs import container_of
from privet.check.scan import compare, scan_texts, tree_of


@pytest.mark.parametrize(
    ("line", "image", "is_open"),
    [
        ("run -d --rm -p 8000:8000 vllm/vllm-openai:v0.8.5 --model m", "vllm/vllm-openai:v0.8.5", True),
        ("run -it --name x -p 127.0.0.1:8000:8000 ollama/ollama serve", "ollama/ollama", False),
        ("container run --publish=0.0.0.0:1:1 qdrant/qdrant", "qdrant/qdrant", True),
        ("run --network host chromadb/chroma", "chromadb/chroma", True),
        ("run --gpus all alpine echo run", "alpine", False),
        ("build -t app .", "", True),
        ("run -p", "", True),
    ],
)
def test_what_docker_runs_and_whether_it_is_published(line: str, image: str, is_open: bool) -> None:
    assert container_of(line.split()) == (image, is_open)


def test_flags_behind_an_image_are_those_of_its_program() -> None:
    line = "docker run --rm -p 127.0.0.1:8000:8000 vllm/vllm-openai:v0.8.5 --model m{}\n"
    before, after = (tree_of({"run.sh": line.format(flag)}) for flag in (" --disable-log-requests", ""))
    assert "vllm-disable-log-requests" in {finding.rule for finding in compare(before, after).findings}


def test_a_server_in_a_container_listens_everywhere_and_nobody_comes() -> None:
    line = "docker run --rm -p {}:8000:8000 vllm/vllm-openai:v0.8.5 --model m --host 0.0.0.0\n"
    found = [
        {found.rule.id for found in scan_texts({"run.sh": line.format(host)})}
        for host in ("127.0.0.1", "0.0.0.0")  # noqa: S104 - what a script says
    ]
    assert ["vllm-host" in ids for ids in found] == [False, True]
