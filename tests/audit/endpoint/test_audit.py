from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
import raw_server
from raw_server import Answering, Seen, answer, polite
from test_client import HOSTILE

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.broken_off import KEY_REFUSED, NO_API, NO_KEY, SILENT, STOPPED
from privet.audit.endpoint.result import EndpointResult
from privet.audit.endpoint.scene import Size
from privet.audit.endpoint.target import target_of

ONLY = ("persistence", "egress")
TINY = Size("quick", 8, 8, 1, 6.0)


def audited(
    seen: Seen, *, watch: Sequence[Path] = (), only: Sequence[str] = ONLY, requests: float = inf, seconds: float = 6.0
) -> EndpointResult:
    target = replace(target_of(seen.url), key="key-a", watch=tuple(watch))
    size = replace(TINY, seconds=seconds)
    return asyncio.run(audit_endpoint(target, Options(size=size, only=only, max_requests=requests)))


_TALKS_NOT = (
    "says nothing, for ever", "closes at once", "drips its body", "sends headers without end", "sends a body without end",
    "closes inside a stream", "says a length of 5,000 digits", "speaks SSH", "switches protocols", "has an empty body",
)  # fmt: skip


@pytest.mark.parametrize("name", _TALKS_NOT)
def test_whatever_a_server_does_there_is_a_result_that_passes_nothing(tmp_path: Path, name: str) -> None:
    begun = time.monotonic()
    with raw_server.serve(HOSTILE[name][0]) as seen:
        result = audited(seen, watch=[tmp_path])
    assert [outcome.id for outcome in result.outcomes] == list(ONLY)
    assert {outcome.verdict for outcome in result.outcomes} <= {"not-tested", "underpowered"}
    assert all(outcome.says for outcome in result.outcomes)
    assert time.monotonic() - begun < 25
    assert result.evidence()["digest"]


OTHERS: dict[str, tuple[Answering, str]] = {
    "pages": (lambda c, *_: c.sendall(answer(b"<html>", "200 OK", "text/html")), "it answers with web pages: is the path right?"),
    "a wrong key": (lambda c, *_: c.sendall(answer(b"{}", "401 Unauthorized")), "the key was refused"),
    "redirects": (
        lambda c, *_: c.sendall(answer(b"", "307 Away", "text/plain", "location: http://192.0.2.1/")),
        "it is not OpenAI-compatible there (status 307)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_talk_is_said_why(name: str) -> None:
    with raw_server.serve(OTHERS[name][0]) as seen:
        result = audited(seen)
    assert result.outcomes[0].says == OTHERS[name][1]
    assert result.outcomes[0].verdict == "not-tested"
    assert result.broken_off == (KEY_REFUSED if name == "a wrong key" else NO_API)


def closed(connection: socket.socket, *_: object) -> None:
    connection.sendall(answer(b"{}", "401 Unauthorized"))


@pytest.mark.parametrize("name", OTHERS)
def test_what_turns_the_audit_away_is_passed_as_a_whole_by_no_test(name: str, tmp_path: Path) -> None:
    only = ("persistence", "disclosure", "transport", "egress")
    with raw_server.serve(OTHERS[name][0]) as seen:
        options = Options(size=TINY, only=only, state=tmp_path)
        result = asyncio.run(audit_endpoint(replace(target_of(seen.url), key="key-a"), options))
    assert "pass" in {outcome.verdict for outcome in result.outcomes}
    assert result.verdict in ("fail", "underpowered")
    assert {outcome.id for outcome in result.outcomes} == set(only)
    # The next audit is of a server that was mended.
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(("only", "broken_off"), [(("persistence", "transport"), NO_KEY), (("transport",), "")])
def test_without_a_key_a_closed_endpoint_turns_away_what_talks(only: Sequence[str], broken_off: str) -> None:
    with raw_server.serve(closed) as seen:
        result = asyncio.run(audit_endpoint(target_of(seen.url), Options(size=TINY, only=only)))
    assert result.broken_off == broken_off


def test_nothing_that_listens_breaks_the_audit_off() -> None:
    with raw_server.serve() as seen:
        pass
    result = audited(seen)
    assert result.broken_off == SILENT
    assert [outcome.verdict for outcome in result.outcomes] == ["not-tested"] * 2


def test_a_server_that_dies_on_the_way_breaks_the_audit_off(tmp_path: Path) -> None:
    def dies(connection: socket.socket, request: bytes, seen: Seen) -> bool:
        if len(seen.requests) > 12:
            seen.die()
            return False
        polite(connection, request, seen)
        return True

    with raw_server.serve(dies) as seen:
        result = audited(seen, watch=[tmp_path], only=("egress", "persistence"))
    assert [outcome.id for outcome in result.outcomes] == list(ONLY)
    assert "pass" not in {outcome.verdict for outcome in result.outcomes}
    assert result.broken_off == STOPPED


def test_a_server_that_never_answers_is_not_said_to_have_stopped() -> None:
    with raw_server.serve(HOSTILE["says nothing, for ever"][0]) as seen:
        assert audited(seen).broken_off == SILENT


def test_what_lacks_its_input_is_not_tested_also_where_the_budget_ends() -> None:
    with raw_server.serve() as seen:
        (persistence,) = audited(seen, only=("persistence",), requests=12).outcomes
    with raw_server.serve() as seen:
        (isolation,) = audited(seen, only=("isolation",), requests=5).outcomes
    assert (persistence.verdict, isolation.verdict) == ("not-tested", "not-tested")
    assert "--watch-dir" in persistence.says
    assert "--tenant-key-file" in isolation.says


def test_a_budget_of_requests_is_kept_and_said(tmp_path: Path) -> None:
    with raw_server.serve() as seen:
        result = audited(seen, watch=[tmp_path], requests=12)
        assert len(seen.requests) == 12
    (persistence, _) = result.outcomes
    assert persistence.verdict == "underpowered"
    assert "budget" in persistence.says
    assert not result.broken_off


def test_limits_slow_an_audit_down_and_change_nothing_of_it(tmp_path: Path) -> None:
    def limited(connection: socket.socket, request: bytes, seen: Seen) -> None:
        if len(seen.requests) % 5 == 0:
            connection.sendall(answer(b"", "429 Too Many Requests", "text/plain", "retry-after: 0"))
        else:
            polite(connection, request, seen)

    with raw_server.serve(limited) as slow, raw_server.serve() as quick:
        results = [audited(seen, watch=[tmp_path], only=("persistence",), seconds=30) for seen in (slow, quick)]
    assert results[0].run["limited"] > 5
    assert results[0].evidence() == results[1].evidence()
    assert results[0].outcomes[0].verdict == "pass"


def test_the_same_behaviour_gives_the_same_evidence(tmp_path: Path) -> None:
    def keeps(connection: socket.socket, request: bytes, seen: Seen) -> None:
        with (tmp_path / "a.log").open("ab") as file:
            file.write(request)
        polite(connection, request, seen)

    with raw_server.serve(keeps) as seen:
        first, second = (audited(seen, watch=[tmp_path], only=("persistence",), seconds=30) for _ in range(2))
    assert first.evidence() == second.evidence()
    assert first.verdict == "fail"


_INTERRUPTED = """
import asyncio, sys
from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.target import target_of
def step(*_):
    print("begun", flush=True)
try:
    asyncio.run(audit_endpoint(target_of(sys.argv[1]), Options(only=("persistence",)), step))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_an_interrupt_ends_it_at_once_and_quietly() -> None:
    with raw_server.serve(HOSTILE["says nothing, for ever"][0]) as seen:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _INTERRUPTED, seen.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert (printed, errors) == ("interrupted\n", "")
