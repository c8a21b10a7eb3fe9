"""No way out: the process connects to its upstream only, and forwards nothing of its caller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import endpoint as endpoints
import leaks
import pytest
import syscalls
import upstream as upstreams
from caller import CHAT, COMPLETIONS, EMBEDDINGS, body_of, call, chat
from endpoint import Endpoint, Start
from syscalls import NAME_SERVICE
from upstream import Received, Upstream

SCHEMES = ("http", "https", "file", "ftp", "s3")


@dataclass(frozen=True, slots=True)
class Run:
    """One traced life of an endpoint."""

    trace: syscalls.Trace
    endpoint: Endpoint
    upstream: Upstream
    received: tuple[Received, ...]
    canaries: list[leaks.Canary]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Use every route of a traced endpoint, tempt it to go out, and stop it."""
    canaries = [leaks.word(name) for name in ("agent", "header", "organization", "request id", "accept", "wrong key")]
    headers = {
        "User-Agent": canaries[0].value,
        "X-Note": canaries[1].value,
        "OpenAI-Organization": canaries[2].value,
        "X-Request-Id": canaries[3].value,
        "Accept-Language": canaries[4].value,
        "X-Forwarded-For": "192.0.2.7",
        "X-Stainless-OS": "zebra",
    }
    # A proxy in the environment is a way out that many HTTP clients take without being asked.
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY")
    proxies = dict.fromkeys(names, "http://192.0.2.1:3128")
    with Upstream() as upstream:
        arguments = ("--upstream", upstream.url)
        folder = tmp_path_factory.mktemp("out")
        with endpoints.start(*arguments, folder=folder, trace=True, more_environment=proxies) as server:
            for stream in (False, True):
                call(
                    server,
                    body_of("I am jane@example.com, see https://example.com/x", stream=stream),
                    headers=headers,
                )
                call(
                    server,
                    {"model": "mock-model", "prompt": "x", "stream": stream},
                    COMPLETIONS,
                    headers=headers,
                )
            call(server, {"model": "mock-model", "input": "x"}, EMBEDDINGS, headers=headers)
            call(server, body_of(), key=canaries[5].value, headers=headers)
            for path in (
                "/v1/models",
                "/v1/models/mock-model",
                "/metrics",
                "/privet/posture",
                "/",
                "/health",
            ):
                call(server, path=path, headers=headers)
            call(server, {}, "/privet/verify", headers=headers)
            call(server, body_of("I am jane@example.com"), "/privet/preview", headers=headers)
            for scheme in SCHEMES:
                part = {"type": "image_url", "image_url": {"url": f"{scheme}://192.0.2.9/x.png"}}
                chat(server, [part])
            chat(server, tools=[{"type": "mcp", "server_url": "http://192.0.2.9/"}])
            upstream.script = upstreams.fails(b"", status=307, headers="location: http://192.0.2.9/\r\n")
            chat(server)
            received = tuple(upstream.received)
        yield Run(server.trace(), server, upstream, received, canaries)


def test_it_connects_to_its_upstream_only(run: Run) -> None:
    assert run.trace.connections() - {NAME_SERVICE} == {run.upstream.address}


def test_it_listens_on_its_own_port_only(run: Run) -> None:
    bound = {call.arguments.split(", {", 1)[1] for call in run.trace.calls if call.name == "bind" and call.succeeded}

    assert len(bound) == 1
    assert f"htons({run.endpoint.port})" in bound.pop()


def test_it_starts_no_other_program(run: Run) -> None:
    started = [call for call in run.trace.calls if call.name in {"execve", "execveat"} and call.succeeded]

    # A virtual environment's interpreter may start the real one; nothing else may be started.
    assert {b"privet" in call.strings for call in started} == {True}


def test_the_trace_saw_everything(run: Run) -> None:
    assert run.trace.blind() == []
    assert run.received


def test_the_callers_key_is_never_forwarded(run: Run) -> None:
    assert run.endpoint.key is not None
    for request in run.received:
        assert run.endpoint.key.encode() not in request.head + request.body
        assert request.header("authorization") is None


def test_the_callers_headers_are_never_forwarded(run: Run) -> None:
    for request in run.received:
        assert leaks.find(run.canaries, {"head": request.head, "body": request.body}) == []
        names = {name.lower() for name, _ in request.headers}
        assert names <= {
            "host",
            "content-type",
            "content-length",
            "accept",
            "accept-encoding",
            "connection",
            "user-agent",
        }
        assert request.header("host") == f"127.0.0.1:{run.upstream.port}"


def test_a_path_of_a_model_never_leaves(start_endpoint: Start) -> None:
    """Servers that were given a path often name their model by it."""
    path = "/home/jane.roe/models/small.gguf"
    with Upstream() as upstream:
        upstream.models = (path, "C:\\models\\jane.roe\\small.gguf")
        upstream.script = lambda _request, wire: wire.json(upstreams.whole(upstreams.message("well"), model=path))
        server = start_endpoint("--upstream", upstream.url)
        listed = call(server, path="/v1/models")
        names = [item["id"] for item in listed.json["data"]]
        answers = [chat(server, model=name, stream=stream) for name in names for stream in (False, True)]
        refused = chat(server, model=path)

    for answer in (listed, refused, *answers):
        assert b"jane" not in answer.body
        assert b"models/" not in answer.body
    assert refused.status in {400, 403, 404, 422}


def test_no_other_request_than_the_callers_reaches_the_upstream(run: Run) -> None:
    paths = {request.path for request in run.received}

    assert paths <= {CHAT, COMPLETIONS, EMBEDDINGS, "/v1/models"}
    assert len([request for request in run.received if request.path == EMBEDDINGS]) == 1
