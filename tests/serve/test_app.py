"""The running endpoint: what an HTTP client sees of it, whatever it sends and however it leaves."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import upstream as upstreams
from caller import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    Answer,
    body_of,
    call,
    chat,
    connect,
    events,
    headers_of,
    joined,
    parsed,
    request_bytes,
    rest_of,
)
from endpoint import Endpoint, Start
from upstream import Received, Upstream, Wire

JANE: Final = "jane.roe@example.com"
REQUEST_ID: Final = re.compile(r"req_[0-9a-f]{24}\Z")
ERROR_FIELDS: Final = {"message", "type", "param", "code", "rule"}


def exceptions(**values: str) -> str:
    """Return a policy file with an exception for each of the settings of `serve`; values are TOML."""
    expires = (datetime.now(UTC).date() + timedelta(days=20)).isoformat()
    return "".join(
        f'[[exception]]\nrule = "serve.{name}"\nvalue = {value}\nreason = "a test"\nowner = "ops@example.com"\nexpires = {expires}\n'
        for name, value in values.items()
    )


def answers_on(connection: socket.socket, count: int) -> list[Answer]:
    """Read whole answers with a length from a connection that stays open."""
    reader = connection.makefile("rb")
    found = []
    for _ in range(count):
        lines = []
        while (line := reader.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        head = b"".join(lines)
        length = int(parsed(head + b"\r\n").headers["content-length"])
        found.append(parsed(head + b"\r\n" + reader.read(length)))
    return found


def payload(text: str = "hello", **more: Any) -> bytes:
    return json.dumps(body_of(text, **more)).encode()


# Connections


def test_requests_that_come_at_once_are_answered_in_their_order(endpoint: Endpoint) -> None:
    with connect(endpoint) as connection:
        connection.sendall(b"".join(request_bytes(endpoint, payload(f"number {number} {JANE}")) for number in range(4)))
        answers = answers_on(connection, 4)
    assert [answer.text for answer in answers] == [f"number {number} {JANE}" for number in range(4)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 4


def test_a_connection_lives_on_after_a_refusal(endpoint: Endpoint) -> None:
    with connect(endpoint) as connection:
        for body, status in ((b"{", 400), (payload(zebra=1), 400), (payload(), 200)):
            connection.sendall(request_bytes(endpoint, body))
            (answer,) = answers_on(connection, 1)
            assert answer.status == status


def test_a_request_byte_by_byte_is_understood(endpoint: Endpoint) -> None:
    data = request_bytes(endpoint, payload(f"to {JANE}"))
    with connect(endpoint) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            connection.sendall(data[at : at + 1])
        (answer,) = answers_on(connection, 1)
    assert answer.text == f"to {JANE}"


def test_a_chunked_request_is_understood(endpoint: Endpoint) -> None:
    body = payload(f"to {JANE}")
    head = "\r\n".join(
        f"{name}: {value}" for name, value in headers_of(endpoint, more={"Transfer-Encoding": "chunked"}).items()
    )
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + 9]), body[at : at + 9]) for at in range(0, len(body), 9))
    with connect(endpoint) as connection:
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\n{head}\r\n\r\n".encode() + chunks + b"0\r\n\r\n")
        (answer,) = answers_on(connection, 1)
    assert answer.text == f"to {JANE}"


def test_an_old_client_is_answered_and_the_connection_closed(endpoint: Endpoint) -> None:
    data = request_bytes(endpoint, payload("hello")).replace(b"HTTP/1.1", b"HTTP/1.0")
    with connect(endpoint) as connection:
        connection.sendall(data)
        answer = parsed(rest_of(connection))
    assert answer.text == "hello"


def test_a_client_may_wait_for_permission_to_send(endpoint: Endpoint) -> None:
    body = payload("hello")
    data = request_bytes(endpoint, body, headers={"Expect": "100-continue"})
    with connect(endpoint) as connection:
        connection.sendall(data[: -len(body)])
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        (answer,) = answers_on(connection, 1)
    assert answer.text == "hello"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Content-Length": "99999999"}, 413),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_client_that_waits_in_vain_is_told_so(endpoint: Endpoint, headers: dict[str, str], status: int) -> None:
    data = request_bytes(endpoint, b"", headers={"Content-Length": "10", **headers, "Expect": "100-continue"})
    with connect(endpoint) as connection:
        connection.sendall(data)
        answer = parsed(rest_of(connection))
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.error


# Limits


@pytest.fixture(scope="module")
def narrow(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return an endpoint with little patience and room for little."""
    from endpoint import start

    policy = """
    [serve]
    header_timeout_seconds = 1.0
    body_timeout_seconds = 1.0
    answer_timeout_seconds = 1.5
    idle_timeout_seconds = 1.0
    max_body_bytes = 100000
    max_answer_bytes = 50000
    max_concurrent_requests = 2
    """
    with start("--upstream", upstream.url, folder=tmp_path_factory.mktemp("narrow"), policy=policy) as server:
        yield server


def test_a_body_that_is_too_large_is_answered_though_it_is_sent_to_its_end(
    narrow: Endpoint, upstream: Upstream
) -> None:
    data = request_bytes(narrow, payload("x" * 3_000_000))
    with connect(narrow) as connection:
        connection.sendall(data)
        (answer,) = answers_on(connection, 1)
    assert answer.status == 413
    assert answer.error["code"] == "request_too_large"
    assert upstream.prompts == []


def test_a_chunked_body_that_grows_too_large_is_refused(narrow: Endpoint, upstream: Upstream) -> None:
    head = "\r\n".join(
        f"{name}: {value}" for name, value in headers_of(narrow, more={"Transfer-Encoding": "chunked"}).items()
    )
    with connect(narrow) as connection:
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\n{head}\r\n\r\n".encode())
        for _ in range(12):
            connection.sendall(b"2710\r\n" + b" " * 10000 + b"\r\n")
        (answer,) = answers_on(connection, 1)
    assert answer.status == 413
    assert answer.error["code"] == "request_too_large"
    assert upstream.prompts == []


def test_a_body_of_just_the_limit_is_taken(narrow: Endpoint) -> None:
    body = payload("hello")
    assert call(narrow, body + b" " * (100_000 - len(body))).text == "hello"
    assert call(narrow, body + b" " * (100_001 - len(body))).status == 413


@pytest.mark.parametrize("begun", [b"", b"POST ", b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nA: "])
def test_headers_that_do_not_come_are_not_waited_for(narrow: Endpoint, begun: bytes) -> None:
    with connect(narrow) as connection:
        connection.sendall(begun)
        answer = parsed(rest_of(connection))
    assert answer.status == 408
    assert answer.error["code"] == "request_timeout"


def test_headers_that_trickle_are_not_waited_for(narrow: Endpoint) -> None:
    """Each byte in time is not enough: the whole head has to be."""
    stopped = threading.Event()
    with connect(narrow) as connection:

        def trickle() -> None:
            try:
                connection.sendall(b"GET /health HTTP/1.1\r\nX: ")
                while not stopped.wait(0.1):
                    connection.sendall(b"y")
            except OSError:
                pass

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            answer = parsed(rest_of(connection))
        finally:
            stopped.set()
            thread.join()
    assert answer.status == 408


def test_a_body_that_does_not_come_is_not_waited_for(narrow: Endpoint, upstream: Upstream) -> None:
    body = payload("hello")
    with connect(narrow) as connection:
        connection.sendall(request_bytes(narrow, body)[:-3])
        answer = parsed(rest_of(connection))
    assert answer.status == 408
    assert answer.error["code"] == "request_timeout"
    assert upstream.prompts == []


def test_more_requests_than_allowed_are_sent_away(narrow: Endpoint, upstream: Upstream) -> None:
    gate, arrived = threading.Event(), threading.Semaphore(0)

    def waits(request: Received, wire: Wire) -> None:
        arrived.release()
        gate.wait(10)
        upstreams.says("done")(request, wire)

    upstream.script = waits
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(chat(narrow))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert arrived.acquire(timeout=10)
    busy = chat(narrow)
    gate.set()
    for thread in threads:
        thread.join()
    assert busy.status == 503
    assert busy.error["code"] == "overloaded"
    assert [answer.text for answer in answers] == ["done", "done"]
    assert chat(narrow).status == 200


def test_an_answer_that_does_not_come_is_not_waited_for(narrow: Endpoint, upstream: Upstream) -> None:
    left = threading.Event()

    def never(_request: Received, wire: Wire) -> None:
        wire.wait_for_leaving()
        left.set()

    upstream.script = never
    answer = chat(narrow)
    assert answer.status in {502, 504}
    assert answer.error["code"] in {"upstream_failed", "upstream_timeout"}
    assert left.wait(10)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_takes_too_long_in_all_is_cut(narrow: Endpoint, upstream: Upstream, stream: bool) -> None:
    """It never falls silent, so only the limit of the whole answer ends it."""
    left = threading.Event()

    def babbles(_request: Received, wire: Wire) -> None:
        try:
            wire.begin("text/event-stream" if stream else "application/json")
            while not wire.stopping.wait(0.1):
                wire.piece(upstreams.event(upstreams.chunk({"content": "word "})) if stream else b" ")
        finally:
            left.set()

    upstream.script = babbles
    answer = chat(narrow, stream=stream)
    if stream:
        assert answer.status == 200
        assert answer.events[-1]["error"]["code"] == "upstream_timeout"
        assert answer.streamed().startswith("word word ")
    else:
        assert answer.status == 504
        assert answer.error["code"] == "upstream_timeout"
    assert left.wait(10)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_too_large_is_cut(narrow: Endpoint, upstream: Upstream, stream: bool) -> None:
    upstream.script = upstreams.says("word " * 20_000)
    answer = chat(narrow, stream=stream)
    if stream:
        assert not answer.is_done
    else:
        assert answer.status == 502
        assert answer.error


# Errors


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "GET", "TRACE", "QUERY"])
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, EMBEDDINGS])
def test_other_methods_are_refused(endpoint: Endpoint, upstream: Upstream, method: str, path: str) -> None:
    answer = call(endpoint, method=method, path=path)
    assert answer.status in {400, 405}
    if method != "HEAD":
        assert answer.error["code"] in {"method_not_allowed", "invalid_request"}
    assert upstream.prompts == []


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("path", ["/v1/models", "/", "/health", "/metrics", "/privet/posture"])
def test_other_methods_of_pages_are_refused(endpoint: Endpoint, method: str, path: str) -> None:
    answer = call(endpoint, b"" if method == "POST" else None, method=method, path=path)
    assert answer.status == 405
    assert answer.body == b"" if method == "HEAD" else answer.error


def broken(endpoint: Endpoint) -> dict[str, bytes]:
    """Return requests that are refused, as bytes."""
    ask = request_bytes(endpoint, payload())
    return {
        "no key": ask.replace(b"Authorization", b"X-Authorization"),
        "another key": ask.replace(b"Bearer privet_", b"Bearer pirate_"),
        "basic": ask.replace(b"Bearer ", b"Basic "),
        "two keys": ask.replace(b"Accept: */*", b"Authorization: Bearer x"),
        "host": ask.replace(b"Host: 127.0.0.1", b"Host: evil.example.com"),
        "no host": ask.replace(b"Host:", b"X-Host:"),
        "two hosts": ask.replace(b"Accept:", b"Host:"),
        "origin": ask.replace(b"Accept: */*", b"Origin: https://example.com"),
        "cookie": ask.replace(b"Accept:", b"Cookie:"),
        "query": ask.replace(b"/completions ", b"/completions?a=b "),
        "absolute": ask.replace(b"POST /v1", b"POST http://evil.example.com/v1"),
        "no route": ask.replace(b"/v1/chat/completions", b"/v1/responses"),
        "slash": ask.replace(b"/completions ", b"/completions/ "),
        "dots": ask.replace(b"/v1/chat", b"/v1/../v1/chat"),
        "encoded": ask.replace(b"/chat/", b"/%2e%2e/chat/"),
        "type": ask.replace(b"application/json", b"text/plain"),
        "form": ask.replace(b"application/json", b"application/x-www-form-urlencoded"),
        "encoding": ask.replace(b"Accept: */*", b"Content-Encoding: gzip"),
        "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "no version": b"GET /\r\n\r\n",
        "space in header": ask.replace(b"Accept:", b"Ac cept:"),
        "two lengths": ask.replace(b"Accept: */*", b"Content-Length: 3"),
        "length and chunks": ask.replace(b"Accept: */*", b"Transfer-Encoding: chunked"),
        "negative length": ask.replace(b"Content-Length: ", b"Content-Length: -"),
        "large headers": ask.replace(b"Accept: */*", b"Accept: " + b"x" * 20000),
        "many headers": ask.replace(b"Accept: */*\r\n", b"".join(b"x-%d: y\r\n" % number for number in range(3000))),
        "not json": request_bytes(endpoint, b"{'a': 1}"),
        "nothing": request_bytes(endpoint, b""),
        "a list": request_bytes(endpoint, b"[]"),
        "a bom": request_bytes(endpoint, b"\xef\xbb\xbf" + payload()),
        "latin": request_bytes(endpoint, payload("x").replace(b'"x"', b'"\xe9"')),
        "utf-16": request_bytes(endpoint, payload().decode().encode("utf-16")),
        "surrogate": request_bytes(endpoint, payload("\ud800")),
        "nan": request_bytes(endpoint, payload(temperature=float("nan"))),
        "huge": request_bytes(endpoint, payload().replace(b"}]", b'}],"seed":' + b"1" * 5000)),
        "exponent": request_bytes(endpoint, payload().replace(b"}]", b'}],"seed":1e999')),
        "deep": request_bytes(endpoint, b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "deep schema": request_bytes(
            endpoint,
            payload(tools=[{"type": "function", "function": {"name": "x", "parameters": {}}}]).replace(
                b'"parameters": {}', b'"parameters": ' + b'{"a":' * 500 + b"1" + b"}" * 500
            ),
        ),
        "field": request_bytes(endpoint, payload(**{JANE: 1})),
        "model": request_bytes(endpoint, payload(model="/srv/x.gguf")),
        "stream": request_bytes(endpoint, b'{"model":"m","input":"x","stream":true}', EMBEDDINGS),
        "no such model": request_bytes(endpoint, b"", "/v1/models/nobody").replace(b"POST", b"GET"),
    }


BROKEN: Final = tuple(broken(Endpoint(None, Path(), Path(), None, 0, None, None, port=1, key="privet_x")))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BROKEN)
def test_every_error_has_the_shape_of_an_error(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    with connect(endpoint) as connection:
        connection.sendall(broken(endpoint)[name])
        (answer,) = answers_on(connection, 1)
    assert 400 <= answer.status < 500
    assert set(answer.error) == ERROR_FIELDS
    assert REQUEST_ID.match(answer.headers["x-request-id"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert "evil" not in answer.body.decode()
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    assert upstream.prompts == []


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [
        (400, 502, "upstream_refused"), (401, 502, "upstream_refused"), (404, 502, "upstream_refused"), (413, 502, "upstream_refused"),
        (422, 502, "upstream_refused"), (429, 429, "upstream_busy"), (500, 502, "upstream_failed"), (503, 502, "upstream_failed"),
        (307, 502, "upstream_failed"), (201, 502, "upstream_failed"), (204, 502, "upstream_failed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_the_upstream_is_told_without_its_words(
    endpoint: Endpoint,
    upstream: Upstream,
    status: int,
    seen: int,
    code: str,
    stream: bool,
) -> None:
    upstream.script = upstreams.fails(
        b'{"error": "prompt was secret words"}', status=status, headers="retry-after: 7\r\nx-host: gpu-7\r\n"
    )
    answer = chat(endpoint, "secret words", stream=stream)
    assert answer.status == seen
    assert answer.error["code"] == code
    assert "secret" not in answer.body.decode()
    assert "gpu-7" not in str(answer.headers)


def test_an_upstream_that_is_not_there_is_told(start_endpoint: Start, upstream: Upstream) -> None:
    with Upstream() as gone:
        url = gone.url
    endpoint = start_endpoint("--upstream", url)
    assert chat(endpoint).error["code"] == "upstream_failed"
    assert call(endpoint, path="/v1/models").error["code"] == "upstream_failed"
    del upstream


# The upstream


def test_a_caller_who_leaves_ends_the_work(endpoint: Endpoint, upstream: Upstream) -> None:
    for stream in (False, True):
        arrived, left = threading.Event(), threading.Event()

        def waits(
            _request: Received, wire: Wire, arrived: threading.Event = arrived, left: threading.Event = left
        ) -> None:
            arrived.set()
            wire.wait_for_leaving()
            left.set()

        upstream.script = waits
        with connect(endpoint) as connection:
            connection.sendall(request_bytes(endpoint, payload(stream=stream)))
            assert arrived.wait(10)
        assert left.wait(10)
    assert len(upstream.prompts) == 2


def test_a_caller_who_leaves_in_the_middle_of_a_stream_ends_the_work(endpoint: Endpoint, upstream: Upstream) -> None:
    left = threading.Event()

    def half(_request: Received, wire: Wire) -> None:
        wire.begin()
        wire.piece(upstreams.event(upstreams.chunk({"content": "half of it "})))
        wire.wait_for_leaving()
        left.set()

    upstream.script = half
    with connect(endpoint) as connection:
        connection.sendall(request_bytes(endpoint, payload(stream=True)))
        received = b""
        while b"half of" not in received:
            received += connection.recv(65536)
    assert left.wait(10)


def test_a_caller_who_leaves_is_not_asked_for_again_on_a_kept_connection(
    endpoint: Endpoint, upstream: Upstream
) -> None:
    chat(endpoint)
    upstream.reset()
    arrived, left = threading.Event(), threading.Event()

    def waits(_request: Received, wire: Wire) -> None:
        arrived.set()
        wire.wait_for_leaving()
        left.set()

    upstream.script = waits
    with connect(endpoint) as connection:
        connection.sendall(request_bytes(endpoint, payload("only once")))
        assert arrived.wait(10)
    assert left.wait(10)
    upstream.script = upstreams.echo()
    assert chat(endpoint, "another").text == "another"
    assert [request.json["messages"][0]["content"] for request in upstream.prompts] == ["only once", "another"]


@pytest.mark.parametrize("stream", [False, True])
def test_connections_to_the_upstream_are_kept(endpoint: Endpoint, upstream: Upstream, stream: bool) -> None:
    ports = []

    def notes(request: Received, wire: Wire) -> None:
        ports.append(wire.connection.getpeername()[1])
        upstreams.echo()(request, wire)

    upstream.script = notes
    for _ in range(5):
        assert chat(endpoint, stream=stream).status == 200
    # One that was not ready again in time is not waited for.
    assert len(set(ports)) <= 2


def test_an_upstream_that_refuses_a_cache_salt_is_asked_without(start_endpoint: Start, upstream: Upstream) -> None:
    def strict(request: Received, wire: Wire) -> None:
        if "cache_salt" in request.json:
            wire.answer(b'{"error": "unknown field"}', status=400)
        else:
            upstreams.echo()(request, wire)

    endpoint = start_endpoint("--upstream", upstream.url)
    upstream.reset()
    upstream.script = strict
    assert chat(endpoint, f"to {JANE}").text == f"to {JANE}"
    assert chat(endpoint, "again", stream=True).streamed() == "again"
    assert ["cache_salt" in request.json for request in upstream.prompts] == [True, False, False]


def test_an_upstream_that_refuses_the_request_itself_is_asked_with_a_salt_again(
    start_endpoint: Start, upstream: Upstream
) -> None:
    endpoint = start_endpoint("--upstream", upstream.url)
    upstream.reset()
    upstream.script = upstreams.fails(b"{}", status=400)
    assert chat(endpoint).error["code"] == "upstream_refused"
    upstream.script = upstreams.echo()
    assert chat(endpoint).status == 200
    upstream.script = upstreams.fails(b"{}", status=400)
    assert chat(endpoint).error["code"] == "upstream_refused"
    assert ["cache_salt" in request.json for request in upstream.prompts] == [True, False, True, True]


def test_a_number_of_any_size_in_a_schema_is_passed_on(endpoint: Endpoint, upstream: Upstream) -> None:
    schema = {"type": "integer", "maximum": 10**30, "minimum": -1.5e300, "multipleOf": 0.1}
    chat(endpoint, tools=[{"type": "function", "function": {"name": "x", "parameters": schema}}])
    assert upstream.last.json["tools"][0]["function"]["parameters"] == schema


@pytest.mark.parametrize("stream", [False, True])
def test_long_texts_go_both_ways(endpoint: Endpoint, upstream: Upstream, stream: bool) -> None:
    text = f"word {JANE}\n" * 20_000
    answer = chat(endpoint, text, stream=stream)
    assert (answer.streamed() if stream else answer.text) == text
    assert JANE not in upstream.last.body.decode()


def test_the_upstreams_key_is_sent_and_the_callers_is_not(
    start_endpoint: Start, upstream: Upstream, tmp_path: Path
) -> None:
    key_file = tmp_path / "upstream.key"
    key_file.write_text("sk-upstream\n")
    endpoint = start_endpoint("--upstream", upstream.url, "--upstream-key-file", str(key_file))
    assert chat(endpoint).status == 200
    assert upstream.last.header("authorization") == "Bearer sk-upstream"
    assert endpoint.key is not None
    assert endpoint.key.encode() not in upstream.last.head + upstream.last.body


# Routes


def test_models_are_listed_and_found(endpoint: Endpoint) -> None:
    listed = call(endpoint, path="/v1/models").json
    assert [model["id"] for model in listed["data"]] == list(upstreams.MODELS)
    for name in upstreams.MODELS:
        assert call(endpoint, path=f"/v1/models/{name}").json["id"] == name
    assert call(endpoint, path="/v1/models/meta-llama%2FLlama-3.2-1B-Instruct").json["id"] == upstreams.MODELS[2]
    assert call(endpoint, path="/v1/models/nobody").error["code"] == "model_not_found"


def test_health_needs_no_key_and_says_nothing(endpoint: Endpoint) -> None:
    assert call(endpoint, path="/health", key=None).json == {"status": "ok"}


@pytest.mark.parametrize("path", ["/metrics", "/v1/models", "/privet/posture"])
def test_what_tells_of_use_needs_the_key(endpoint: Endpoint, path: str) -> None:
    assert call(endpoint, path=path, key=None).status == 401
    assert call(endpoint, path=path).status == 200


def test_the_preview_shows_what_the_model_would_see(endpoint: Endpoint, upstream: Upstream) -> None:
    answer = call(endpoint, body_of(f"to {JANE} ok"), path="/privet/preview")
    (part,) = answer.json["parts"]
    assert (part["field"], part["typed"], part["sent"]) == (
        "messages[0].content",
        f"to {JANE} ok",
        "to [EMAIL_ADDRESS_1] ok",
    )
    (token,) = part["tokens"]
    assert part["sent"][token["start"] : token["end"]] == token["token"] == "[EMAIL_ADDRESS_1]"
    assert part["typed"][token["typed_start"] : token["typed_end"]] == JANE
    assert upstream.prompts == []


def test_the_posture_is_verified(endpoint: Endpoint) -> None:
    posture = call(endpoint, b"", path="/privet/verify").json
    assert [item["id"] for item in posture["settings"] if not item["verified"]["ok"]] == []
    assert {item["state"] for item in posture["settings"]} == {"default"}


def test_metrics_count_without_a_name(endpoint: Endpoint) -> None:
    chat(endpoint, f"to {JANE}")
    call(endpoint, path="/v1/secret-route")
    text = call(endpoint, path="/metrics").body.decode()
    assert re.search(r'^privet_requests_total\{route="/v1/chat/completions",status="200"\} [1-9]', text, re.MULTILINE)
    assert re.search(r'^privet_masked_total\{kind="EMAIL_ADDRESS"\} [1-9]', text, re.MULTILINE)
    assert "secret-route" not in text
    assert JANE not in text
    assert "_created" not in text


def test_a_stream_has_the_headers_of_one(endpoint: Endpoint) -> None:
    answer = chat(endpoint, "hello", stream=True)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert REQUEST_ID.match(answer.headers["x-request-id"])
    assert answer.is_done


def test_an_answers_id_is_the_requests(endpoint: Endpoint) -> None:
    answer = chat(endpoint)
    assert answer.json["id"] == "chatcmpl-" + answer.headers["x-request-id"].removeprefix("req_")
    stream = chat(endpoint, stream=True)
    assert {item["id"] for item in stream.events[:-1]} == {
        "chatcmpl-" + stream.headers["x-request-id"].removeprefix("req_")
    }


def test_an_embedding_is_numbers_of_a_masked_text(endpoint: Endpoint, upstream: Upstream) -> None:
    answer = call(endpoint, {"model": "m", "input": [JANE, "x"]}, path=EMBEDDINGS)
    assert [row["embedding"] for row in answer.json["data"]] == [[0.25, -0.5]] * 2
    assert upstream.last.json["input"] == ["[EMAIL_ADDRESS_1]", "x"]


# TLS


def test_the_endpoint_speaks_tls(start_endpoint: Start, upstream: Upstream, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    endpoint = start_endpoint("--upstream", upstream.url, "--tls-cert", str(cert), "--tls-key", str(key))
    assert endpoint.url == f"https://127.0.0.1:{endpoint.port}"
    context = ssl.create_default_context(cafile=str(cert))
    data = request_bytes(endpoint, payload(f"to {JANE}"), headers={"Connection": "close"})
    with connect(endpoint) as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}
        connection.sendall(data)
        assert parsed(rest_of(connection)).text == f"to {JANE}"
    with connect(endpoint) as plain:
        plain.sendall(data)
        assert not rest_of(plain).startswith(b"HTTP/1.1 200")


# Origins


def test_an_allowed_origin_may_call(start_endpoint: Start, upstream: Upstream) -> None:
    endpoint = start_endpoint("--upstream", upstream.url, policy=exceptions(origins='["https://app.example.com"]'))
    origin = {"Origin": "https://app.example.com"}
    asks = call(
        endpoint, method="OPTIONS", path=CHAT, key=None, headers={**origin, "Access-Control-Request-Method": "POST"}
    )
    assert (asks.status, asks.body) == (204, b"")
    assert asks.headers["access-control-allow-origin"] == origin["Origin"]
    assert "authorization" in asks.headers["access-control-allow-headers"]
    for answer in (
        call(endpoint, body_of("hello"), headers=origin),
        call(endpoint, body_of("hello", stream=True), headers=origin),
        call(endpoint, body_of("hello", zebra=1), headers=origin),
        call(endpoint, body_of("hello"), key="wrong", headers=origin),
        call(endpoint, path="/v1/models", headers=origin),
    ):
        assert answer.headers["access-control-allow-origin"] == origin["Origin"]
        assert answer.headers["vary"] == "origin"
        assert "access-control-allow-credentials" not in answer.headers
    for other in ("https://evil.example.com", "https://app.example.com.evil.example", "http://app.example.com", "null"):
        refused = call(endpoint, body_of("hello"), headers={"Origin": other})
        assert refused.status == 403
        assert "access-control-allow-origin" not in refused.headers
    assert len(upstream.prompts) == 2


def test_an_allowed_origin_may_ask_for_models_before_it_calls(start_endpoint: Start, upstream: Upstream) -> None:
    """A browser asks first, because of the Authorization header."""
    endpoint = start_endpoint("--upstream", upstream.url, policy=exceptions(origins='["https://app.example.com"]'))
    asks = call(
        endpoint,
        method="OPTIONS",
        path="/v1/models",
        key=None,
        headers={"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"},
    )
    assert asks.status == 204
    assert asks.headers["access-control-allow-origin"] == "https://app.example.com"


def test_a_stream_is_cut_into_events_that_stand_alone(endpoint: Endpoint, upstream: Upstream) -> None:
    upstream.script = upstreams.says(f"one two three {JANE} four")
    with connect(endpoint) as connection:
        connection.sendall(request_bytes(endpoint, payload(stream=True), headers={"Connection": "close"}))
        data = rest_of(connection)
    assert joined(events(data)) == "one two three [EMAIL_ADDRESS] four"
