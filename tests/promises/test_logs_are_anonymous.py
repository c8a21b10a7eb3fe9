"""Logs and metrics are anonymous: fields from an allow-list, rounded times, bounded labels, nobody's name."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import leaks
import pytest
from caller import CHAT, body_of, call, chat
from endpoint import Endpoint, Start
from upstream import Upstream

from privet.policy import DEFAULT

AGENT = leaks.word("user agent")
WRONG_KEY = leaks.key("wrong key")
PATH = leaks.word("path")
REQUESTS = 12


def logged(endpoint: Endpoint, at_least: int) -> list[dict[str, Any]]:
    """Return the log lines, once there are enough of them."""
    wanted = at_least + endpoint.lines_at_start
    assert endpoint.stderr.wait(lambda data: data.count(b"\n") >= wanted, 20), "expected one log line a request"
    return [json.loads(line) for line in endpoint.log_lines]


@pytest.fixture(scope="module")
def used(start_endpoint: Start, upstream: Upstream) -> Endpoint:
    """Return an endpoint that has seen every sort of request."""
    endpoint = start_endpoint("--upstream", upstream.url)
    headers = {"User-Agent": AGENT.value}
    for _ in range(REQUESTS - 6):
        chat(endpoint, "I am jane@example.com and anna@example.com")
    chat(endpoint, "hello", stream=True)
    call(endpoint, body_of(zebra=1), headers=headers)
    call(endpoint, {}, key=WRONG_KEY.value, headers=headers)
    call(endpoint, path="/v1/models/some-model", headers=headers)
    call(endpoint, path=f"/{PATH.value}/x", headers=headers)
    call(endpoint, b"{", headers=headers)
    # Other tests of this module send more: their lines come after these.
    logged(endpoint, REQUESTS)
    return endpoint


@pytest.fixture(scope="module")
def lines(used: Endpoint) -> list[dict[str, Any]]:
    """Return the log lines of these requests."""
    return logged(used, REQUESTS)[:REQUESTS]


def test_every_request_is_one_line_with_fields_of_the_allow_list(lines: list[dict[str, Any]]) -> None:
    assert len(lines) == REQUESTS
    for line in lines:
        assert set(line) <= DEFAULT.logs.fields
        assert {"route", "status"} <= set(line)


def test_times_are_rounded(lines: list[dict[str, Any]]) -> None:
    times = [line["time"] for line in lines]

    assert times
    for time in times:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else datetime.fromtimestamp(time, UTC)
        assert moment.timestamp() % DEFAULT.logs.round_seconds == 0


def test_no_line_holds_an_address_an_agent_or_a_name(lines: list[dict[str, Any]]) -> None:
    text = json.dumps(lines)

    assert "127.0.0.1" not in text
    assert leaks.find([AGENT, WRONG_KEY, PATH], {"log": text.encode()}) == []
    assert re.search(r"example\.com|mock-model|some-model|zebra", text) is None


def test_routes_are_templates(lines: list[dict[str, Any]]) -> None:
    routes = {line["route"] for line in lines}

    assert CHAT in routes
    assert len(routes) == 3
    assert any("{" in route and route.startswith("/v1/models/") for route in routes)


def test_latencies_are_buckets(lines: list[dict[str, Any]]) -> None:
    latencies = {json.dumps(line["latency"]) for line in lines if "latency" in line}

    assert latencies
    # A figure that tells requests apart would differ in almost every line.
    assert len(latencies) <= REQUESTS // 2


def test_counts_are_by_kind(lines: list[dict[str, Any]]) -> None:
    masked = [line["masked"] for line in lines if line.get("masked")]

    assert masked == [{"EMAIL_ADDRESS": 2}] * (REQUESTS - 6)


def test_a_refusal_is_logged_by_the_id_of_its_rule(lines: list[dict[str, Any]]) -> None:
    rules = [line["rule"] for line in lines if line.get("rule")]

    assert "unknown-field" in rules
    assert all(re.fullmatch(r"[a-z0-9-]+", rule) for rule in rules)


def test_the_caller_is_a_keyed_id_of_this_process(
    start_endpoint: Start, used: Endpoint, lines: list[dict[str, Any]], upstream: Upstream
) -> None:
    first = {line["caller"] for line in lines if line["status"] == 200}
    # The same home folder, and so the same key, in another process.
    again = start_endpoint("--upstream", upstream.url, home=used.home)
    again.key = used.key
    assert chat(again, "hello").status == 200
    # The notice that the key was shown before may come before or behind the readiness of the endpoint.
    assert again.stderr.wait(lambda data: b'"caller"' in data, 20), "expected a log line"
    second = {line["caller"] for line in logged(again, 1) if line.get("caller")}

    assert len(first) == 1, "expected all requests with one key to have one id"
    assert len(second) == 1
    assert first.isdisjoint(second)
    assert used.key is not None
    assert not any(used.key[:8] in json.dumps(sorted(callers)) for callers in (first, second))


def series(endpoint: Endpoint) -> set[str]:
    """Return the names and labels of every metric."""
    answer = call(endpoint, path="/metrics")
    assert answer.status == 200
    lines = answer.body.decode().splitlines()
    return {line.rsplit(" ", 1)[0] for line in lines if line and not line.startswith("#")}


def test_labels_of_metrics_are_bounded(endpoint: Endpoint) -> None:
    def use(number: int) -> None:
        name = leaks.letters()
        call(endpoint, path=f"/{name}/{number}")
        call(endpoint, path=f"/v1/models/{name}")
        chat(endpoint, "hello", model=name)
        chat(endpoint, "hello", **{name: number})
        call(endpoint, {}, key=name)
        call(endpoint, {}, method=name[:7].upper())

    use(0)
    series(endpoint)
    before = series(endpoint)
    for number in range(50):
        use(number)

    assert series(endpoint) == before


def test_metrics_hold_no_name_of_a_model_or_a_caller(used: Endpoint) -> None:
    text = "\n".join(series(used))

    assert re.search(r"mock-model|some-model|example|127\.0\.0\.1", text) is None
    assert leaks.find([AGENT, WRONG_KEY, PATH], {"metrics": text.encode()}) == []
    assert "EMAIL_ADDRESS" in text


def test_metrics_and_posture_need_the_key(endpoint: Endpoint) -> None:
    for path in ("/metrics", "/privet/posture"):
        assert call(endpoint, path=path, key=None).status == 401
        assert call(endpoint, path=path, key="wrong").status == 401


def test_health_needs_no_key_and_says_nothing(endpoint: Endpoint) -> None:
    answer = call(endpoint, path="/health", key=None)

    assert answer.status == 200
    assert answer.json == {"status": "ok"}


def test_an_empty_allow_list_switches_the_log_off(start_endpoint: Start, upstream: Upstream) -> None:
    silent = start_endpoint("--upstream", upstream.url, policy="[logs]\nfields = []\n")

    assert chat(silent, "hello").status == 200
    silent.stop()
    assert silent.log_lines == []
