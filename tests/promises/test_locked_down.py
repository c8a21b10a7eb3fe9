"""Locked down: a key, TLS beyond loopback, limits, one clear error each, and the server stays up."""

from __future__ import annotations

import http.client
import json
import select
import stat
import threading
from pathlib import Path

import caller
import endpoint as endpoints
import leaks
import pytest
import upstream as upstreams
from caller import CHAT, COMPLETIONS, EMBEDDINGS, body_of, call, chat
from endpoint import Endpoint, Start
from upstream import Upstream

MIB = 1024 * 1024
TIGHT = "[serve]\nheader_timeout_seconds = 0.5\nbody_timeout_seconds = 0.5\n"


@pytest.fixture(scope="module")
def hasty(start_endpoint: Start, upstream: Upstream) -> Endpoint:
    """Return an endpoint that gives its callers half a second."""
    return start_endpoint("--upstream", upstream.url, policy=TIGHT)


def assert_up(endpoint: Endpoint) -> None:
    """Check that the endpoint lives and answers."""
    assert endpoint.is_running
    answer = chat(endpoint, "still there?")
    assert answer.status == 200, answer.body
    assert answer.text == "still there?"


KEYLESS: list[tuple[str, object]] = [
    (CHAT, body_of()),
    (COMPLETIONS, {"model": "mock-model", "prompt": "x"}),
    (EMBEDDINGS, {"input": "x"}),
]
KEYLESS += [
    ("/v1/models", None),
    ("/v1/models/mock-model", None),
    ("/metrics", None),
    ("/privet/posture", None),
]
KEYLESS += [("/privet/verify", {}), ("/privet/preview", body_of())]


@pytest.mark.parametrize(("path", "body"), KEYLESS, ids=[path for path, _ in KEYLESS])
@pytest.mark.parametrize("value", [None, "Bearer wrong", "Bearer ", "Bearer", "Basic eDp5", "wrong", "bearer \t"])
def test_a_key_is_needed_even_on_loopback(
    endpoint: Endpoint, upstream: Upstream, path: str, body: object, value: str | None
) -> None:
    answer = call(endpoint, body, path, key=None, headers=None if value is None else {"Authorization": value})

    assert answer.status == 401
    assert answer.error
    assert upstream.prompts == []


def test_a_part_of_the_key_is_not_enough(endpoint: Endpoint) -> None:
    assert endpoint.key is not None
    for wrong in (endpoint.key[:-1], endpoint.key + "x", endpoint.key.swapcase(), endpoint.key[:8], "\u00e9"):
        assert call(endpoint, body_of(), key=wrong).status in {400, 401}
    assert_up(endpoint)


def test_the_key_is_stored_only_as_a_hash(endpoint: Endpoint) -> None:
    assert endpoint.key is not None
    canary = leaks.Canary("key", endpoint.key, endpoint.key[-20:].lower())
    assert len(endpoint.key) >= 32

    assert (
        leaks.find([canary], leaks.files_under(endpoint.home, endpoint.folder / "cwd", endpoint.folder / "tmp")) == []
    )


def test_state_is_for_its_owner_only(endpoint: Endpoint) -> None:
    state = endpoint.home / ".local" / "state" / "privet"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    files = [path for path in state.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (path for path in state.rglob("*") if path.is_dir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_the_key_is_shown_once(start_endpoint: Start, upstream: Upstream, tmp_path: Path) -> None:
    first = start_endpoint("--upstream", upstream.url, home=tmp_path)
    assert first.key
    first.stop()

    second = start_endpoint("--upstream", upstream.url, home=tmp_path)

    assert second.key is None
    assert first.key.encode() not in bytes(second.stdout.data + second.stderr.data)
    assert call(second, body_of(), key=first.key).status == 200


def test_a_fresh_home_has_a_fresh_key(start_endpoint: Start, upstream: Upstream, endpoint: Endpoint) -> None:
    other = start_endpoint("--upstream", upstream.url)

    assert other.key
    assert other.key != endpoint.key
    assert call(other, body_of(), key=endpoint.key).status == 401


def test_state_follows_the_xdg_folders(start_endpoint: Start, upstream: Upstream, tmp_path: Path) -> None:
    place = {"XDG_STATE_HOME": str(tmp_path / "state")}
    start_endpoint("--upstream", upstream.url, more_environment=place)

    assert [path.name for path in (tmp_path / "state").iterdir()] == ["privet"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_beyond_loopback_it_does_not_start_without_tls(tmp_path: Path, upstream: Upstream, host: str) -> None:
    port = str(endpoints.free_port())

    status, output, error = endpoints.run("--upstream", upstream.url, "--host", host, "--port", port, folder=tmp_path)

    assert status in {2, 3}
    assert "TLS" in error
    assert "Traceback" not in error
    assert output == ""


def test_an_upstream_beyond_loopback_needs_tls(tmp_path: Path) -> None:
    arguments = ("--upstream", "http://192.0.2.1:8000/v1", "--port", str(endpoints.free_port()))

    status, output, error = endpoints.run(*arguments, folder=tmp_path)

    assert status in {2, 3}
    assert "TLS" in error or "https" in error
    assert output == ""


def test_a_busy_port_is_one_clear_error(tmp_path: Path, endpoint: Endpoint, upstream: Upstream) -> None:
    status, output, error = endpoints.run("--upstream", upstream.url, "--port", str(endpoint.port), folder=tmp_path)

    assert status == 2
    assert str(endpoint.port) in error
    assert "Traceback" not in error
    assert output == ""


BAD_POLICIES = {
    "not TOML": "[serve\n",
    "an unknown section": "[zebra]\nx = 1\n",
    "an unknown setting": "[serve]\nzebra = true\n",
    "another type": '[serve]\nmax_body_bytes = "many"\n',
    "a weaker default": "[serve]\nmax_choices = 50\n",
    "a fixed default": "[serve]\nrequire_key = false\n",
}


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_a_broken_policy_is_one_clear_error(tmp_path: Path, upstream: Upstream, name: str) -> None:
    arguments = ("--upstream", upstream.url, "--port", str(endpoints.free_port()))

    status, output, error = endpoints.run(*arguments, folder=tmp_path, policy=BAD_POLICIES[name])

    assert status == 2
    assert "privet.toml" in error
    assert "Traceback" not in error
    assert output == ""


def test_a_body_that_says_it_is_too_large_is_refused(endpoint: Endpoint, upstream: Upstream) -> None:
    before = endpoint.memory_bytes()
    head = caller.request_bytes(endpoint, b"", headers={"Content-Length": str(1024 * MIB)})

    with caller.connect(endpoint) as connection:
        connection.sendall(head)
        answer = caller.answer_on(connection)

    assert answer.status == 413
    assert answer.error
    assert upstream.prompts == []
    assert endpoint.memory_bytes() - before < 64 * MIB
    assert_up(endpoint)


def test_a_body_that_grows_too_large_is_refused(endpoint: Endpoint, upstream: Upstream) -> None:
    before = endpoint.memory_bytes()
    fields = {**caller.headers_of(endpoint), "Transfer-Encoding": "chunked"}
    head = f"POST {CHAT} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    with caller.connect(endpoint) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(1024 * MIB // len(chunk)):
                if select.select([connection], [], [], 0)[0]:
                    break
                connection.sendall(chunk)
        except ConnectionError:
            pass
        answer = caller.answer_on(connection)

    assert answer.status == 413
    assert answer.error
    assert upstream.prompts == []
    assert endpoint.memory_bytes() - before < 64 * MIB
    assert_up(endpoint)


def test_a_large_body_within_the_limit_is_answered(endpoint: Endpoint) -> None:
    text = "hedge " * (MIB // 6)

    assert chat(endpoint, text).text == text


def test_headers_that_are_too_large_are_refused(endpoint: Endpoint) -> None:
    answer = caller.parsed(
        caller.raw(endpoint, caller.request_bytes(endpoint, b"{}", headers={"X-Long": "x" * (128 * 1024)}))
    )

    assert answer.status in {400, 413, 414, 431}
    assert answer.error
    assert_up(endpoint)


def test_an_address_line_that_is_too_long_is_refused(endpoint: Endpoint) -> None:
    answer = caller.parsed(caller.raw(endpoint, caller.request_bytes(endpoint, b"{}", "/" + "x" * (128 * 1024))))

    assert answer.status in {400, 404, 413, 414, 431}
    assert answer.error
    assert_up(endpoint)


@pytest.mark.parametrize("start", [b"", b"P", b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "])
def test_a_slow_header_is_closed(hasty: Endpoint, start: bytes) -> None:
    with caller.connect(hasty) as connection:
        connection.sendall(start)
        rest = caller.rest_of(connection)

    assert rest == b"" or caller.parsed(rest).status in {400, 408}
    assert_up(hasty)


def test_a_header_that_trickles_is_closed(hasty: Endpoint) -> None:
    """A byte every tenth of a second must not keep the connection open."""
    head = caller.request_bytes(hasty, b"", headers={"X-Slow": "x" * 200})
    sent = 0
    with caller.connect(hasty) as connection:
        try:
            while sent < len(head) and not select.select([connection], [], [], 0.1)[0]:
                connection.sendall(head[sent : sent + 1])
                sent += 1
        except ConnectionError:
            pass

    assert sent < 60, "expected the connection to be closed long before six seconds"
    assert_up(hasty)


def test_a_body_that_trickles_is_closed(hasty: Endpoint, upstream: Upstream) -> None:
    body = json.dumps(body_of("x" * 300)).encode()
    head = caller.request_bytes(hasty, b"", headers={"Content-Length": str(len(body))})
    sent = 0
    with caller.connect(hasty) as connection:
        connection.sendall(head)
        try:
            while sent < len(body) and not select.select([connection], [], [], 0.1)[0]:
                connection.sendall(body[sent : sent + 1])
                sent += 1
        except ConnectionError:
            pass
        rest = caller.rest_of(connection)

    assert sent < 60
    assert rest == b"" or caller.parsed(rest).status in {400, 408}
    assert upstream.prompts == []
    assert_up(hasty)


def test_many_idle_connections_do_not_stop_it(hasty: Endpoint) -> None:
    idle = [caller.connect(hasty) for _ in range(100)]
    try:
        assert_up(hasty)
    finally:
        for connection in idle:
            connection.close()


MALFORMED = {
    "nothing": b"",
    "an open brace": b"{",
    "half a request": json.dumps(body_of()).encode()[:-1],
    "trailing text": json.dumps(body_of()).encode() + b"x",
    "not UTF-8": b'{"model": "\xff"}',
    "a lone surrogate": b'{"model": "mock-model", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "UTF-16": json.dumps(body_of()).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf[]",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "not a number": b'{"model": "mock-model", "messages": [], "temperature": NaN}',
    "a huge number": b'{"model": "mock-model", "messages": [{"role": "user", "content": "x"}], "n": 1e999}',
    "very deep": b"[" * 100_000,
    "very deep objects": b'{"messages":' * 50_000,
    "no messages": b'{"model": "mock-model"}',
    "no message": b'{"model": "mock-model", "messages": []}',
    "messages of numbers": b'{"model": "mock-model", "messages": [1]}',
    "content of numbers": b'{"model": "mock-model", "messages": [{"role": "user", "content": 1}]}',
    "parts of numbers": b'{"model": "mock-model", "messages": [{"role": "user", "content": [1]}]}',
    "a model of another type": b'{"model": 7, "messages": [{"role": "user", "content": "x"}]}',
    "stream of another type": json.dumps(body_of(stream="yes")).encode(),
    "n of another type": json.dumps(body_of(n="2")).encode(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_body_is_one_clear_error(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    answer = call(endpoint, MALFORMED[name])

    assert answer.status in {400, 422}, answer.body
    assert answer.error
    assert upstream.prompts == []
    assert_up(endpoint)


NOT_HTTP = {
    "words": b"hello there\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "a null byte": b"GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "noise": bytes(range(256)),
    "a header without a colon": b"GET /health HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "a bad length": b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
    "a negative length": b"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_not_http_is_one_clear_error(endpoint: Endpoint, name: str) -> None:
    answer = caller.parsed(caller.raw(endpoint, NOT_HTTP[name]))

    assert answer.status == 400
    assert answer.error
    assert_up(endpoint)


SMUGGLED = {
    "two lengths": "Content-Length: 5\r\nContent-Length: 70\r\n",
    "a length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "odd chunks": "Transfer-Encoding: xchunked\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_a_second_request_cannot_be_smuggled(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    inner = caller.request_bytes(endpoint, json.dumps(body_of("inner")).encode())
    fields = "".join(f"{header}: {value}\r\n" for header, value in caller.headers_of(endpoint).items())
    data = f"POST {CHAT} HTTP/1.1\r\n{fields}{SMUGGLED[name]}\r\n0\r\n\r\n".encode() + inner

    answer = caller.raw(endpoint, data)

    assert b"inner" not in b"".join(request.body for request in upstream.prompts)
    assert answer == b"" or caller.parsed(answer).status in {400, 501}
    assert_up(endpoint)


FAILURES = {
    "500": upstreams.fails(b'{"error": {"message": "zebra"}}'),
    "503 in HTML": upstreams.fails(b"<h1>zebra</h1>", status=503, kind="text/html"),
    "400": upstreams.fails(b'{"error": {"message": "zebra"}}', status=400),
    "401": upstreams.fails(b'{"error": {"message": "zebra"}}', status=401),
    "404": upstreams.fails(b'{"detail": "zebra"}', status=404),
    "a redirect": upstreams.fails(b"zebra", status=307, headers="location: http://192.0.2.1/zebra\r\n"),
    "200 in HTML": upstreams.fails(b"<h1>zebra</h1>", status=200, kind="text/html"),
    "200 and nothing": upstreams.fails(b"", status=200),
    "another shape": upstreams.fails(b'{"zebra": 1}', status=200),
    "a list": upstreams.fails(b'["zebra"]', status=200),
    "an error with 200": upstreams.fails(b'{"error": {"message": "zebra"}}', status=200),
    "not HTTP": upstreams.garbage(b"zebra\r\n\r\n"),
    "gone": upstreams.dies_at_once(),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_failure_of_the_upstream_is_told_in_our_words(
    endpoint: Endpoint, upstream: Upstream, name: str, *, stream: bool
) -> None:
    upstream.script = FAILURES[name]

    answer = chat(endpoint, "hello", stream=stream)

    assert 500 <= answer.status < 600, answer.body
    assert answer.error
    assert b"zebra" not in answer.body + str(answer.headers).encode()
    upstream.reset()
    assert_up(endpoint)


def test_too_many_requests_of_the_upstream_may_stay(endpoint: Endpoint, upstream: Upstream) -> None:
    upstream.script = upstreams.fails(b'{"error": {"message": "zebra"}}', status=429)

    answer = chat(endpoint, "hello")

    assert answer.status == 429 or 500 <= answer.status < 600
    assert answer.error
    assert b"zebra" not in answer.body


def test_an_answer_that_is_too_large_is_dropped(start_endpoint: Start, upstream: Upstream) -> None:
    endpoint = start_endpoint("--upstream", upstream.url, policy="[serve]\nmax_answer_bytes = 100000\n")
    upstream.script = upstreams.says("x" * 200_000)

    answer = chat(endpoint, "hello")

    assert 500 <= answer.status < 600
    assert answer.error
    upstream.reset()
    assert_up(endpoint)


def test_an_upstream_that_cannot_be_reached_is_one_clear_error(start_endpoint: Start) -> None:
    with Upstream() as upstream:
        endpoint = start_endpoint("--upstream", upstream.url)
        assert_up(endpoint)

    answer = chat(endpoint, "hello")
    stream = chat(endpoint, "hello", stream=True)
    models = call(endpoint, path="/v1/models")

    for failed in (answer, stream, models):
        assert 500 <= failed.status < 600
        assert str(upstream.port) not in failed.error["message"]
    with upstream:
        assert_up(endpoint)


def test_a_silent_upstream_is_given_up(start_endpoint: Start, upstream: Upstream) -> None:
    endpoint = start_endpoint("--upstream", upstream.url, policy="[serve]\nidle_timeout_seconds = 0.5\n")
    upstream.script = upstreams.silent()

    for stream in (False, True):
        answer = chat(endpoint, "hello", stream=stream)
        assert 500 <= answer.status < 600
        assert answer.error
    upstream.reset()
    assert_up(endpoint)


def test_more_requests_than_allowed_get_503(start_endpoint: Start, upstream: Upstream) -> None:
    endpoint = start_endpoint("--upstream", upstream.url, policy="[serve]\nmax_concurrent_requests = 1\n")
    inside, gate = threading.Event(), threading.Event()
    echo = upstreams.echo()

    def script(request: upstreams.Received, wire: upstreams.Wire) -> None:
        inside.set()
        gate.wait(20)
        echo(request, wire)

    upstream.script = script
    first = threading.Thread(target=chat, args=(endpoint, "first"))
    first.start()
    assert inside.wait(20)

    second = chat(endpoint, "second")
    gate.set()
    first.join(20)

    assert second.status == 503
    assert second.error
    assert_up(endpoint)


def test_it_stops_cleanly(start_endpoint: Start, upstream: Upstream) -> None:
    endpoint = start_endpoint("--upstream", upstream.url)
    assert chat(endpoint, "hello").status == 200

    status = endpoint.stop()

    assert status in {0, -15}
    for line in endpoint.log_lines:
        json.loads(line)


def test_a_client_that_leaves_early_does_not_stop_it(endpoint: Endpoint, upstream: Upstream) -> None:
    upstream.script = upstreams.silent()
    body = json.dumps(body_of("hello", stream=True)).encode()
    for _ in range(5):
        with caller.connect(endpoint) as connection:
            connection.sendall(caller.request_bytes(endpoint, body))
    upstream.reset()

    assert_up(endpoint)


def test_one_connection_serves_many_requests(endpoint: Endpoint) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=20)
    try:
        for body in (body_of("one"), {"zebra": 1}, body_of("two")):
            connection.request("POST", CHAT, json.dumps(body), caller.headers_of(endpoint))
            response = connection.getresponse()
            data = response.read()
            assert response.status == (400 if "zebra" in body else 200), data
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/", "/privet.css", "/privet.js", "/favicon.svg", CHAT])
def test_answers_tell_browsers_and_proxies_to_keep_nothing(endpoint: Endpoint, path: str) -> None:
    headers = call(endpoint, body_of() if path == CHAT else None, path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "no-store" in headers["cache-control"] or path != CHAT
    assert "server" not in headers or "uvicorn" not in headers["server"].lower()
    if path == "/":
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_the_page_holds_no_secret_and_loads_nothing_from_elsewhere(endpoint: Endpoint) -> None:
    assert endpoint.key is not None
    for path in ("/", "/privet.css", "/privet.js", "/favicon.svg"):
        answer = call(endpoint, path=path, key=None)
        assert answer.status == 200
        assert endpoint.key.encode() not in answer.body
        text = answer.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text
        assert "http://" not in text.replace("http://127.0.0.1", "")
