from __future__ import annotations

import asyncio
import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import pytest
import raw_server
from raw_server import Answering, Seen, answer, polite

from privet.audit.endpoint.answer import MAX_BODY, Answer
from privet.audit.endpoint.budget import Budget, OutOfBudget, OutOfShare
from privet.audit.endpoint.client import BrokenOff, Client
from privet.audit.endpoint.patience import Patience
from privet.audit.endpoint.target import target_of

_T = TypeVar("_T")
_HEAD = b"HTTP/1.1 200 OK\r\n"


def asked(
    seen: Seen, use: Callable[[Client], Awaitable[_T]], budget: Budget | None = None, seconds: float = 0.6, **how: Any
) -> _T:
    async def go() -> _T:
        target = replace(target_of(seen.url), key="key-a")
        async with Client.open(target, budget or Budget(), request_seconds=seconds, **how) as client:
            return await use(client)

    return asyncio.run(go())


def get(client: Client, **how: Any) -> Awaitable[Answer]:
    return client.ask("GET", "/v1/models", **({"may_fail": True} | how))


def sends(data: bytes) -> Answering:
    def send(connection: socket.socket, _request: bytes, _seen: Seen) -> bool:
        connection.sendall(data)
        return False

    return send


def sends_for_ever(first: bytes, again: bytes, pause: float = 0.0) -> Answering:
    def send(connection: socket.socket, _request: bytes, seen: Seen) -> None:
        connection.sendall(first)
        while not seen.ended.wait(pause):
            connection.sendall(again)

    return send


def hangs(_connection: socket.socket, _request: bytes, seen: Seen) -> None:
    seen.ended.wait(20)


HOSTILE: dict[str, tuple[Answering, int, str]] = {
    "says nothing, for ever": (hangs, 0, "timeout"),
    "closes at once": (lambda *_: False, 0, "closed"),
    "drips its headers": (sends_for_ever(b"H", b"T", 0.02), 0, "timeout"),
    "drips its body": (sends_for_ever(_HEAD + b"content-length: 100000\r\n\r\n", b".", 0.02), 200, "timeout"),
    "drips an endless stream": (
        sends_for_ever(_HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n.\r\n", 0.02), 200, "timeout",
    ),
    "sends headers without end": (sends_for_ever(_HEAD, b"x-more: " + b"y" * 4096 + b"\r\n"), 0, "protocol"),
    "sends one header without end": (sends_for_ever(_HEAD + b"x-more: ", b"y" * 4096), 0, "protocol"),
    "sends 100 without end": (sends_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 64), 0, "protocol"),
    "sends a body without end": (sends_for_ever(_HEAD + b"\r\n", b"z" * 65536), 200, "too-large"),
    "sends small chunks without end": (
        sends_for_ever(_HEAD + b"transfer-encoding: chunked\r\n\r\n", b"fff\r\n" + b"c" * 4095 + b"\r\n"), 200, "too-large",
    ),
    "sends less than it said": (sends(_HEAD + b"content-length: 100\r\n\r\nfew"), 200, "closed"),
    "closes inside a stream": (
        sends(_HEAD + b"transfer-encoding: chunked\r\n\r\n8\r\ndata: {}\r\n"), 200, "closed",
    ),
    "sends a chunk that is none": (sends(_HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n."), 200, "closed"),
    "says a length of 5,000 digits": (sends(_HEAD + b"content-length: " + b"9" * 5000 + b"\r\n\r\n"), 0, "protocol"),
    "says two lengths": (sends(_HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n.."), 0, "protocol"),
    "says a negative length": (sends(_HEAD + b"content-length: -1\r\n\r\n"), 0, "protocol"),
    "speaks HTTP/0.9": (sends(b"<html>hello</html>\n"), 0, "protocol"),
    "speaks SSH": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), 0, "protocol"),
    "sends binary": (sends(bytes(range(256)) * 8), 0, "protocol"),
    "has NUL in a header": (sends(_HEAD + b"x-a: \0\r\ncontent-length: 0\r\n\r\n"), 0, "protocol"),
    "switches protocols": (sends(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), 0, "protocol"),
    "has status 999": (sends(b"HTTP/1.1 999 What\r\ncontent-length: 2\r\n\r\nok"), 999, ""),
    "has an empty body": (sends(answer(b"")), 200, ""),
    "answers 204": (sends(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, ""),
    "sends more than it said": (sends(_HEAD + b"content-length: 2\r\n\r\nok" + b"HTTP/1.1 200 OK\r\n" * 9), 200, ""),
    "sends the same header twice": (sends(answer(b"ok", "200 OK", "text/plain", "x-a: 1", "x-a: 2")), 200, ""),
    "says gzip and sends text": (sends(answer(b"plain", "200 OK", "text/plain", "content-encoding: gzip")), 200, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_server_does_is_an_answer_in_time(name: str) -> None:
    answering, status, trouble = HOSTILE[name]
    begun = time.monotonic()
    with raw_server.serve(answering) as seen:
        got = asked(seen, get, seconds=0.6 if trouble == "timeout" else 15)
    assert (got.status, got.trouble) == (status, trouble)
    assert len(got.body) <= MAX_BODY
    assert time.monotonic() - begun < 15


def test_an_answer_that_is_too_large_is_kept_in_part_only() -> None:
    with raw_server.serve(HOSTILE["sends a body without end"][0]) as seen:
        got = asked(seen, get, seconds=20)
    assert got.trouble == "too-large"
    assert 0 < len(got.body) <= 1024 * 1024
    assert sum(len(piece) for _, piece in got.pieces) == len(got.body)


def test_the_pieces_of_an_answer_are_bounded_too() -> None:
    many = _HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\n.\r\n" * 20_000 + b"0\r\n\r\n"
    with raw_server.serve(sends(many)) as seen:
        got = asked(seen, get, seconds=20)
    assert got.body == b"." * 20_000
    assert len(got.pieces) <= 5000


def test_a_bomb_is_unpacked_in_part_only() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), 9)
    with raw_server.serve(sends(answer(bomb, "200 OK", "text/plain", "content-encoding: gzip"))) as seen:
        got = asked(seen, get, seconds=20)
    assert len(got.body) <= MAX_BODY


def test_redirects_are_not_followed() -> None:
    with raw_server.serve() as other:
        redirect = f"location: http://127.0.0.1:{other.port}/v1/models"
        with raw_server.serve(sends(answer(b"", "302 Found", "text/plain", redirect, "set-cookie: a=b"))) as seen:
            got = asked(seen, get)
    assert got.status == 302
    assert not other.requests
    assert not any(b"cookie" in request.lower() for request in seen.requests)


def test_a_path_and_headers_cannot_end_a_line() -> None:
    async def use(client: Client) -> tuple[Answer, Answer]:
        path = await client.ask("GET", "/v1/models/a\r\nx-evil: 1\r\n b/é\ud800", may_fail=True)
        return path, await client.ask("GET", "/v1/models", headers=[("x-a", "1\r\nx-evil: 1")], may_fail=True)

    with raw_server.serve() as seen:
        first, second = asked(seen, use)
    assert first.status == 404
    assert b"\r\nx-evil" not in b"".join(seen.requests)
    assert second.trouble == "protocol"


def test_the_key_is_sent_unless_another_or_none_is() -> None:
    async def use(client: Client) -> None:
        await get(client)
        await get(client, key="key-b")
        await get(client, key=None)
        await get(client, headers=[("Authorization", "Basic x")])

    with raw_server.serve() as seen:
        asked(seen, use)
    keys = [
        next((row for row in request.split(b"\r\n") if row.startswith(b"authorization")), b"")
        for request in seen.requests
    ]
    assert keys == [b"authorization: Bearer key-a", b"authorization: Bearer key-b", b"", b"authorization: Basic x"]


def test_a_connection_that_was_closed_while_idle_is_no_trouble() -> None:
    def once(connection: socket.socket, request: bytes, seen: Seen) -> bool:
        polite(connection, request, seen)
        # It closes without saying so, when the next request is already on its way.
        connection.recv(1)
        return False

    async def use(client: Client) -> list[str]:
        return [(await get(client)).trouble for _ in range(4)]

    with raw_server.serve(once) as seen:
        assert asked(seen, use) == ["", "", "", ""]


LIMITS = {
    "seconds": "retry-after: 0",
    "a date": f"retry-after: {format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)}",
}


@pytest.mark.parametrize("told", LIMITS)
def test_limits_are_waited_for_and_every_request_comes_through(told: str) -> None:
    left = iter(range(10))
    lock = threading.Lock()

    def limited(connection: socket.socket, request: bytes, seen: Seen) -> None:
        with lock:
            too_much = next(left, None) is not None
        if too_much:
            connection.sendall(answer(b"", "429 Too Many Requests", "text/plain", LIMITS[told]))
        else:
            polite(connection, request, seen)

    async def use(client: Client) -> tuple[list[bool], int]:
        answers = await asyncio.gather(*(get(client) for _ in range(12)))
        return [each.ok for each in answers], client.limited

    with raw_server.serve(limited) as seen:
        answers, times = asked(seen, use, seconds=5)
    assert answers == [True] * 12
    assert times == 10


def test_a_limit_makes_every_request_wait() -> None:
    times: list[float] = []

    def limited(connection: socket.socket, request: bytes, seen: Seen) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            connection.sendall(answer(b"", "429 Too Many Requests", "text/plain", "retry-after: 1"))
        else:
            polite(connection, request, seen)

    async def use(client: Client) -> None:
        await asyncio.gather(get(client), get(client), get(client))

    with raw_server.serve(limited) as seen:
        asked(seen, use, seconds=5, concurrency=1)
    assert min(times[1:]) - times[0] >= 0.9


def test_an_endless_limit_ends_with_the_time() -> None:
    limited = sends(answer(b"", "429 Too Many Requests", "text/plain", "retry-after: 3600"))
    begun = time.monotonic()
    with raw_server.serve(limited) as seen, pytest.raises(OutOfBudget):
        asked(seen, get, Budget(until=time.monotonic() + 0.5))
    assert time.monotonic() - begun < 5


def test_what_stays_unavailable_is_not_waited_for_again_and_again() -> None:
    down = sends(answer(b"", "503 Service Unavailable", "text/plain"))

    async def use(client: Client) -> list[str]:
        first = [(await client.ask("GET", "/a", may_fail=True)).trouble]
        before = len(seen.requests)
        again = [(await client.ask("GET", "/a", may_fail=True)).trouble for _ in range(3)]
        assert len(seen.requests) - before == 3
        return first + again

    with raw_server.serve(down) as seen:
        assert asked(seen, use, seconds=5) == ["limited"] * 4


def test_patience_backs_off_further_each_time_and_gives_up() -> None:
    told = Answer(429, (), b"", "", 0.0)
    patience = Patience()
    assert [patience.heard("/a", told, attempt) for attempt in range(8)] == [0.0] * 7 + [None]
    assert patience._open_at - time.monotonic() > 30


@pytest.mark.parametrize("wait", ["9" * 400, "-5", "soon", "Fri, 99 Foo 2026", "", "1e9", "٣"])
def test_odd_times_to_wait_are_no_error(wait: str) -> None:
    patience = Patience()
    told = Answer(429, (("retry-after", wait),), b"", "", 0.0)
    assert patience.heard("/a", told, 0) == 0.0
    assert patience._open_at - time.monotonic() <= 60


def test_the_share_of_a_test_cuts_a_request_that_hangs() -> None:
    budget = Budget(until=time.monotonic() + 60)

    def hang_on_posts(connection: socket.socket, request: bytes, seen: Seen) -> None:
        hangs(connection, request, seen) if request.startswith(b"POST") else polite(connection, request, seen)

    async def use(client: Client) -> None:
        budget.share(0.4)
        with pytest.raises(OutOfShare):
            await client.ask("POST", "/v1/chat/completions", body=b"{}")
        budget.share(30)
        assert (await get(client)).ok

    begun = time.monotonic()
    with raw_server.serve(hang_on_posts) as seen:
        asked(seen, use, budget, seconds=30)
    assert time.monotonic() - begun < 10


def test_a_budget_of_requests_holds_for_tries_too() -> None:
    with raw_server.serve(sends(answer(b"", "429 No", "text/plain", "retry-after: 0"))) as seen:
        with pytest.raises(OutOfBudget):
            asked(seen, get, Budget(requests=3))
        assert len(seen.requests) == 3


def test_a_server_that_dies_breaks_the_audit_off() -> None:
    def dies(connection: socket.socket, request: bytes, seen: Seen) -> bool:
        polite(connection, request, seen)
        if len(seen.requests) == 3:
            seen.die()
        return False

    async def use(client: Client) -> int:
        came = await until_broken_off(client)
        with pytest.raises(BrokenOff):
            await get(client)
        return came

    with raw_server.serve(dies) as seen:
        assert asked(seen, use, seconds=3) == 3


async def until_broken_off(client: Client) -> int:
    """Return how many answers came before."""
    for count in range(40):
        try:
            await get(client, may_fail=False)
        except BrokenOff:
            return count
    return -1


def test_a_server_that_hangs_breaks_the_audit_off() -> None:
    begun = time.monotonic()
    with raw_server.serve(hangs) as seen:
        assert asked(seen, until_broken_off, seconds=0.2) >= 1
    assert time.monotonic() - begun < 12


def test_one_odd_answer_breaks_nothing_off() -> None:
    def odd(connection: socket.socket, request: bytes, seen: Seen) -> object:
        return polite(connection, request, seen) if b"/models" in request else False

    async def use(client: Client) -> list[str]:
        return [(await client.ask("GET", f"/v1/odd/{number}")).trouble for number in range(20)]

    with raw_server.serve(odd) as seen:
        assert set(asked(seen, use)) == {"closed"}


def test_an_interrupt_leaves_nothing_open() -> None:
    async def use(client: Client) -> None:
        asking = [asyncio.create_task(client.ask("POST", "/v1/chat/completions", body=b"{}")) for _ in range(8)]
        await asyncio.to_thread(all_hang.wait, 10)
        for task in asking:
            task.cancel()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)

    all_hang = threading.Barrier(9)

    def hang_until_closed(connection: socket.socket, _request: bytes, _seen: Seen) -> bool:
        connection.settimeout(10)
        all_hang.wait(10)
        return bool(connection.recv(1)) and False

    with raw_server.serve(hang_until_closed) as seen:
        asked(seen, use, seconds=30)
        with seen.closed:
            assert seen.closed.wait_for(lambda: seen.open == 0, 5)


def test_the_next_address_is_asked_where_one_refuses() -> None:
    with raw_server.serve() as seen:

        async def go() -> bool:
            target = replace(target_of(seen.url), addresses=("::1", "127.0.0.1"))
            async with Client.open(target, Budget(), request_seconds=5) as client:
                return (await get(client)).ok

        assert asyncio.run(go())


_SERVER = """
import asyncio
body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"' + b"hello " * 40 + b'"}}]}'
async def talk(reader, writer):
    with __import__("contextlib").suppress(Exception):
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\\r")[0]))
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body)
    writer.close()
async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def slow_port() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_endpoint_is_the_limit_and_not_the_audit(slow_port: int) -> None:
    from privet.audit.endpoint.dialect import Dialect

    async def go() -> float:
        async with Client.open(target_of(f"http://127.0.0.1:{slow_port}/v1"), Budget()) as client:
            dialect = Dialect(client, "/v1", chats=True)
            await dialect.chat("Hello.", tokens=4)
            best = 1.0
            for _ in range(3):
                spent = time.process_time()
                await asyncio.gather(*(dialect.chat("Hello.", tokens=4) for _ in range(80)))
                best = min(best, (time.process_time() - spent) / 80)
            return best

    assert asyncio.run(go()) < 0.003
