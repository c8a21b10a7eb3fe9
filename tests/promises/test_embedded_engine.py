"""The embedded engine has no port, no network, no place to write to, and sees no identifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import endpoint as endpoints
import leaks
import psutil
import pytest
import syscalls
from caller import Answer, call
from endpoint import Endpoint
from syscalls import NAME_SERVICE

MODEL = "smollm2-135m-instruct"
QUESTION = "Repeat this address exactly: {}"


@dataclass(frozen=True, slots=True)
class Run:
    """One traced life of an endpoint over the embedded model."""

    trace: syscalls.Trace
    endpoint: Endpoint
    answers: list[Answer]
    canaries: list[leaks.Canary]
    ports: set[int]
    haystacks: dict[str, bytes]


def listening(server: Endpoint) -> set[int]:
    main = psutil.Process(server.pid)
    return {
        connection.laddr.port
        for process in (main, *main.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    canaries = [leaks.address("prompt"), leaks.word("prompt")]
    text = QUESTION.format(canaries[0].value) + f" {canaries[1].value}"
    with endpoints.start(folder=tmp_path_factory.mktemp("embedded"), trace=True) as server:
        ports = listening(server)
        answers = [
            call(
                server,
                {
                    "model": MODEL,
                    "max_tokens": 24,
                    "temperature": 0,
                    "stream": stream,
                    "messages": [{"role": "user", "content": text}],
                },
            )
            for stream in (False, True)
        ]
        answers.append(call(server, {"model": MODEL, "input": text}, path="/v1/embeddings"))
        server.stop()
        yield Run(server.trace(), server, answers, canaries, ports, server.haystacks())


def test_a_real_model_answers(run: Run) -> None:
    assert [answer.status for answer in run.answers] == [200, 200, 200]
    assert run.answers[0].text
    assert run.answers[1].is_done
    assert len(run.answers[2].json["data"][0]["embedding"]) > 100


def test_nothing_listens_but_the_endpoint(run: Run) -> None:
    assert run.ports == {run.endpoint.port}


def test_no_connection_leaves_the_machine(run: Run) -> None:
    outside = {address for address in run.trace.connections() - {NAME_SERVICE} if not address.startswith("unix:")}
    assert outside == set()


def test_nothing_is_kept(run: Run) -> None:
    assert leaks.find(run.canaries, run.haystacks) == []


def test_no_answer_names_a_file(run: Run) -> None:
    for answer in run.answers:
        assert b".gguf" not in answer.body.lower()
        assert b"site-packages" not in answer.body
