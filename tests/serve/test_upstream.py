"""The client to the model server, against servers that speak bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from privet.errors import BadInput, UpstreamFailed
from privet.serve.upstream import Upstream, UpstreamAddress, parse_upstream

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Result = TypeVar("Result")
LIMIT_SECONDS: Final = 20.0
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PLAIN: Final = b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n"


def run(test: Coroutine[Any, Any, Result]) -> Result:
    async def limited() -> Result:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await test

    return asyncio.run(limited())


@dataclass
class Server:
    """A raw server: each connection is handled by the next of the talks, the last one for all that follow."""

    talks: tuple[Talk, ...]
    address: UpstreamAddress = field(default_factory=lambda: UpstreamAddress("127.0.0.1", 0))
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = self.talks[min(self.connections, len(self.talks) - 1)]
        self.connections += 1
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.done.set()


@asynccontextmanager
async def served(*talks: Talk, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Server]:
    server = Server(talks)
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server.address = UpstreamAddress(host, port, "/v1", tls=tls is not None)
    try:
        yield server
    finally:
        listener.close()


async def request_on(reader: asyncio.StreamReader) -> bytes:
    """Return the next request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return head + await reader.readexactly(length)


def says(*answers: bytes, keep: bool = False) -> Talk:
    """Return a talk that answers each request with the next bytes, then closes, or waits for the other side to."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request_on(reader)
            writer.write(answer)
            await writer.drain()
        if keep:
            await reader.read()

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request and say nothing, until the other side leaves."""
    del writer
    await request_on(reader)
    await reader.read()


def client(server: Server, *, idle_timeout_seconds: float = LIMIT_SECONDS) -> Upstream:
    return Upstream(server.address, idle_timeout_seconds=idle_timeout_seconds)


async def ask(upstream: Upstream, body: bytes = b"{}") -> bytes:
    exchange = await upstream.send("POST", "/chat/completions", body)
    return await exchange.read(1_000_000)


def one_answer(*talks: Talk) -> bytes:
    """Return what one request gets."""

    async def test() -> bytes:
        async with served(*talks) as server:
            upstream = client(server)
            try:
                return await ask(upstream)
            finally:
                upstream.close()

    return run(test())


def test_exactly_these_bytes_are_sent() -> None:
    async def test() -> None:
        seen: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await request_on(reader))
            writer.write(ANSWER)

        async with served(talk) as server:
            address = UpstreamAddress("127.0.0.1", server.address.port, "/base/v1", key="sk-upstream")
            upstream = Upstream(address, idle_timeout_seconds=LIMIT_SECONDS)
            exchange = await upstream.send("POST", "/chat/completions", b'{"a":"\xc3\xa9"}')
            assert await exchange.read(100) == b"{}"
            assert exchange.content_type == "application/json"
            upstream.close()
        assert seen == [
            b"POST /base/v1/chat/completions HTTP/1.1\r\n"
            b"Host: 127.0.0.1:%d\r\n"
            b"Content-Type: application/json\r\n"
            b"Accept: application/json, text/event-stream\r\n"
            b"Authorization: Bearer sk-upstream\r\n"
            b"Content-Length: 10\r\n"
            b"\r\n"
            b'{"a":"\xc3\xa9"}' % server.address.port
        ]

    run(test())


def test_without_a_key_there_is_no_authorization() -> None:
    async def test() -> None:
        heads: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await request_on(reader))
            writer.write(ANSWER)

        async with served(talk) as server:
            upstream = client(server)
            await ask(upstream)
            upstream.close()
        assert b"uthorization" not in heads[0]

    run(test())


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"])
def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert one_answer(says(ANSWER)) == b"{}"


def test_a_redirect_is_not_followed() -> None:
    async def test() -> None:
        async with (
            served(says(ANSWER)) as other,
            served(
                says(
                    b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:%d/\r\ncontent-length: 0\r\n\r\n"
                    % other.address.port
                )
            ) as server,
        ):
            upstream = client(server)
            exchange = await upstream.send("POST", "/x", b"{}")
            assert exchange.status == 307
            exchange.abort()
            assert other.connections == 0

    run(test())


# Reuse


def test_a_connection_is_used_again() -> None:
    async def test() -> None:
        async with served(says(ANSWER, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", ANSWER, keep=True)) as server:
            upstream = client(server)
            assert [await ask(upstream) for _ in range(3)] == [b"{}"] * 3
            assert server.connections == 1
            upstream.close()
            await server.done.wait()

    run(test())


def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    async def test() -> None:
        both = asyncio.Event()
        waiting = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await request_on(reader)
            waiting.append(request)
            if len(waiting) == 3:
                both.set()
            await both.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + request[-1:])
            await reader.read()

        async with served(talk) as server:
            upstream = client(server)
            assert await asyncio.gather(*(ask(upstream, body) for body in (b"a", b"b", b"c"))) == [b"a", b"b", b"c"]
            assert server.connections == 3
            upstream.close()

    run(test())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        PLAIN + b"{}",
    ],
    ids=["close", "1.0", "no length"],
)
def test_a_connection_that_is_not_kept_is_not_used_again(answer: bytes) -> None:
    async def test() -> None:
        async with served(says(answer), says(ANSWER)) as server:
            upstream = client(server)
            assert [await ask(upstream), await ask(upstream)] == [b"{}", b"{}"]
            assert server.connections == 2
            upstream.close()

    run(test())


def test_no_more_connections_are_kept_than_allowed() -> None:
    async def test() -> None:
        gate = asyncio.Event()
        arrived, left = asyncio.Semaphore(0), asyncio.Semaphore(0)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_on(reader)
            arrived.release()
            await gate.wait()
            writer.write(ANSWER)
            await reader.read()
            left.release()

        async with served(talk) as server:
            upstream = Upstream(server.address, idle_timeout_seconds=LIMIT_SECONDS, max_idle_connections=2)
            asked = [asyncio.create_task(ask(upstream)) for _ in range(5)]
            for _ in asked:
                await arrived.acquire()
            gate.set()
            assert await asyncio.gather(*asked) == [b"{}"] * 5
            for _ in range(3):
                await left.acquire()
            assert left.locked()
            upstream.close()

    run(test())


def test_a_kept_connection_that_was_closed_meanwhile_is_asked_for_once_more() -> None:
    """The server closes after its first answer, when the second request is already on its way."""

    async def test() -> None:
        async def closes_on_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_on(reader)
            writer.write(ANSWER)
            await request_on(reader)

        async with served(closes_on_second, says(ANSWER)) as server:
            upstream = client(server)
            assert [await ask(upstream), await ask(upstream)] == [b"{}", b"{}"]
            assert server.connections == 2
            upstream.close()

    run(test())


def test_a_kept_connection_that_is_known_to_be_closed_is_not_used() -> None:
    async def test() -> None:
        async with served(says(ANSWER), says(ANSWER)) as server:
            upstream = client(server)
            await ask(upstream)
            await server.done.wait()
            assert await ask(upstream) == b"{}"
            assert server.connections == 2
            upstream.close()

    run(test())


def test_a_fresh_connection_that_is_closed_is_not_asked_twice() -> None:
    async def test() -> None:
        async with served(says(b"")) as server:
            with pytest.raises(UpstreamFailed, match="closed the connection"):
                await ask(client(server))
            assert server.connections == 1

    run(test())


@pytest.mark.parametrize(
    "begun", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"]
)
def test_what_was_answered_in_part_is_never_asked_again(begun: bytes) -> None:
    async def test() -> None:
        async with served(says(ANSWER, begun), says(ANSWER)) as server:
            upstream = client(server)
            await ask(upstream)
            with pytest.raises(UpstreamFailed, match="closed the connection"):
                await ask(upstream)
            assert server.connections == 1
            upstream.close()

    run(test())


def test_an_answer_that_nobody_asked_for_spoils_the_connection() -> None:
    """What comes behind an answer must not become the beginning of the next caller's."""

    async def test() -> None:
        late = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nforeign"
        async with served(says(ANSWER + late, keep=True), says(ANSWER)) as server:
            upstream = client(server)
            assert await ask(upstream) == b"{}"
            assert await ask(upstream) == b"{}"
            assert server.connections == 2
            upstream.close()

    run(test())


def test_words_on_an_idle_connection_close_it() -> None:
    async def test() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_on(reader)
            writer.write(ANSWER)
            await asked.wait()
            writer.write(ANSWER)
            await reader.read()

        asked = asyncio.Event()
        async with served(talk, says(ANSWER)) as server:
            upstream = client(server)
            await ask(upstream)
            asked.set()
            await server.done.wait()
            assert await ask(upstream) == b"{}"
            assert server.connections == 2
            upstream.close()

    run(test())


# Bodies


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (ANSWER, b"{}"),
        (CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}"),
        (CHUNKED + b"2;name=value\r\n{}\r\n0\r\ntrailer: x\r\n\r\n", b"{}"),
        (CHUNKED + b"0\r\n\r\n", b""),
        (PLAIN + b"until the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER, b"{}"),
        (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + ANSWER, b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
    ],
    ids=["length", "chunks", "trailer", "no chunk", "until close", "empty", "100", "102 and 103", "identity"],
)  # fmt: skip
def test_a_body_is_read_to_its_end(answer: bytes, body: bytes) -> None:
    assert one_answer(says(answer)) == body


@pytest.mark.parametrize(
    "answer", [ANSWER, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER]
)
def test_a_body_is_read_byte_by_byte(answer: bytes) -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_on(reader)
        for at in range(len(answer)):
            writer.write(answer[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0)

    assert one_answer(slowly) == b"{}"


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        CHUNKED, CHUNKED + b"2\r\n{", CHUNKED + b"2\r\n{}\r\n", CHUNKED + b"2\r\n{}\r\n0\r\n",
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_has_failed(answer: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        one_answer(says(answer))


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"SSH-2.0-x\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"220 smtp ready\r\n",
        CHUNKED + b"zz\r\n{}\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_not_http_has_failed(answer: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        one_answer(says(answer, keep=True))


def test_a_compressed_answer_is_not_passed_on_as_it_is() -> None:
    with pytest.raises(UpstreamFailed, match="compressed"):
        one_answer(says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", keep=True))


def test_a_reset_in_a_body_without_length_is_no_end() -> None:
    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_on(reader)
        writer.write(PLAIN + b"half")
        await writer.drain()
        await reached.wait()
        writer.transport.abort()

    async def test() -> None:
        async with served(resets) as server:
            exchange = await client(server).send("POST", "/x", b"{}")
            with pytest.raises(UpstreamFailed):  # noqa: PT012  (it fails in the middle)
                async for piece in exchange:
                    assert piece == b"half"
                    # A reset instead of a regular end, because something that was sent is left unread.
                    exchange.transport.write(b"unread")  # type: ignore[union-attr]
                    reached.set()

    reached = asyncio.Event()
    run(test())


def test_only_a_close_is_told_from_a_regular_end() -> None:
    async def test() -> list[bool]:
        ends = []
        for answer in (ANSWER, CHUNKED + b"0\r\n\r\n", PLAIN + b"x"):
            async with served(says(answer)) as server:
                exchange = await client(server).send("POST", "/x", b"{}")
                await exchange.read(10)
                ends.append(exchange.ended_by_close)
        return ends

    assert run(test()) == [False, False, True]


def test_a_body_that_is_too_large_is_given_up() -> None:
    async def test() -> None:
        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_on(reader)
            writer.write(PLAIN)
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()

        async with served(endless) as server:
            exchange = await client(server).send("POST", "/x", b"{}")
            with pytest.raises(UpstreamFailed, match="max_answer_bytes"):
                await exchange.read(100_000)
            await server.done.wait()

    run(test())


def test_silence_has_an_end() -> None:
    async def test() -> None:
        for talk in (silent, says(b"HTTP/1.1 200 OK\r\n", keep=True), says(CHUNKED + b"1\r\n{\r\n", keep=True)):
            async with served(talk) as server:
                with pytest.raises(UpstreamFailed, match="silent for too long"):
                    await ask(client(server, idle_timeout_seconds=0.05))
                await server.done.wait()

    run(test())


def test_time_passes_only_while_nothing_comes() -> None:
    async def test() -> None:
        async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_on(reader)
            writer.write(CHUNKED)
            for _ in range(30):
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
            writer.write(b"0\r\n\r\n")

        async with served(trickles) as server:
            upstream = client(server, idle_timeout_seconds=0.5)
            assert await ask(upstream) == b"x" * 30
            upstream.close()

    run(test())


def test_an_exchange_that_is_given_up_closes_its_connection() -> None:
    async def test() -> None:
        async with served(silent) as server:
            stops: list[Callable[[], None]] = []
            started = asyncio.Event()

            def on_start(stop: Callable[[], None]) -> None:
                stops.append(stop)
                started.set()

            asking = asyncio.create_task(client(server).send("POST", "/x", b"{}", on_start))
            await started.wait()
            stops[0]()
            with pytest.raises(UpstreamFailed, match="aborted"):
                await asking
            await server.done.wait()

    run(test())


@pytest.mark.parametrize("reason", ["left", "silence"])
def test_a_kept_connection_that_was_given_up_is_not_asked_for_again(reason: str) -> None:
    """Nobody waits for that answer any more: a second try would have the prompt computed for nobody."""

    async def test() -> None:
        async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_on(reader)
            writer.write(ANSWER)
            await silent(reader, writer)

        async with served(answers_once, says(ANSWER)) as server:
            upstream = client(server, idle_timeout_seconds=LIMIT_SECONDS if reason == "left" else 0.05)
            await ask(upstream)
            stop = (
                (lambda stop: asyncio.get_running_loop().call_soon(stop)) if reason == "left" else (lambda _stop: None)
            )
            with pytest.raises(UpstreamFailed, match="aborted" if reason == "left" else "silent"):
                await upstream.send("POST", "/x", b"{}", stop)
            await server.done.wait()
            assert server.connections == 1

    run(test())


def test_a_cancelled_request_closes_its_connection() -> None:
    async def test() -> None:
        async with served(silent) as server:
            started = asyncio.Event()
            asking = asyncio.create_task(client(server).send("POST", "/x", b"{}", lambda _stop: started.set()))
            await started.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await server.done.wait()

    run(test())


def test_a_complete_exchange_is_not_harmed_by_giving_it_up() -> None:
    async def test() -> None:
        async with served(says(ANSWER, ANSWER, keep=True)) as server:
            upstream = client(server)
            for _ in range(2):
                exchange = await upstream.send("POST", "/x", b"{}")
                assert await exchange.read(10) == b"{}"
                exchange.abort()
            assert server.connections == 1
            upstream.close()

    run(test())


def test_a_slow_reader_slows_the_server_down() -> None:
    total = 32 * 1024 * 1024

    async def test() -> None:
        sent = 0

        async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await request_on(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
            while sent < total:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536

        async with served(pours) as server:
            exchange = await client(server).send("POST", "/x", b"{}")
            while exchange._reading:  # noqa: ASYNC110  (nothing says when reading is paused)
                await asyncio.sleep(0)
            for _ in range(1000):
                # Time for the server to go on, if it could.
                await asyncio.sleep(0)
            assert exchange._held_bytes < 1024 * 1024
            assert sent < total
            received = 0
            async for piece in exchange:
                received += len(piece)
            assert received == total

    run(test())


def test_a_server_that_is_not_there_has_failed() -> None:
    async def test() -> None:
        async with served(silent) as server:
            address = server.address
        with pytest.raises(UpstreamFailed, match="cannot be reached"):
            await ask(Upstream(address, idle_timeout_seconds=1))

    run(test())


def test_a_unix_socket_is_spoken_to(tmp_path: Path) -> None:
    async def test() -> None:
        server = Server((says(ANSWER),))
        path = str(tmp_path / "s")
        listener = await asyncio.start_unix_server(server.handle, path)
        upstream = Upstream(
            UpstreamAddress("localhost", 80, "/v1", socket_path=path), idle_timeout_seconds=LIMIT_SECONDS
        )
        assert await ask(upstream) == b"{}"
        upstream.close()
        listener.close()

    run(test())


def test_after_a_move_the_next_request_goes_to_the_new_address() -> None:
    async def test() -> None:
        async with served(says(ANSWER)) as old, served(says(ANSWER)) as new:
            upstream = client(old)
            await ask(upstream)
            await old.done.wait()
            upstream.move(new.address)
            await ask(upstream)
            assert (old.connections, new.connections) == (1, 1)
            upstream.close()

    run(test())


# TLS


async def ask_over_tls(context: ssl.SSLContext, host: str) -> bytes:
    async with served(says(ANSWER), tls=context, host=host) as server:
        upstream = client(server)
        try:
            return await ask(upstream)
        finally:
            upstream.close()


def test_a_certificate_is_checked(
    monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    path, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    assert run(ask_over_tls(context, "localhost")) == b"{}"
    with pytest.raises(UpstreamFailed, match="cannot be reached"):
        run(ask_over_tls(context, "127.0.0.1"))
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(UpstreamFailed, match="cannot be reached"):
        run(ask_over_tls(context, "localhost"))


def test_a_server_without_tls_is_not_spoken_to_in_the_clear() -> None:
    async def test() -> None:
        seen: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.read(65536))
            writer.write(ANSWER)

        async with served(talk) as server:
            address = UpstreamAddress("127.0.0.1", server.address.port, tls=True, key="sk-upstream")
            with pytest.raises(UpstreamFailed, match="cannot be reached"):
                await ask(Upstream(address, idle_timeout_seconds=LIMIT_SECONDS), b"text")
        assert b"sk-upstream" not in b"".join(seen)
        assert b"text" not in b"".join(seen)

    run(test())


# Addresses


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000/v1", UpstreamAddress("127.0.0.1", 8000, "/v1")),
        ("http://127.0.0.1:8000/v1/", UpstreamAddress("127.0.0.1", 8000, "/v1")),
        ("http://localhost", UpstreamAddress("localhost", 80)),
        ("https://gpu.example.com/a/b", UpstreamAddress("gpu.example.com", 443, "/a/b", tls=True)),
        ("http://[::1]:11434/v1", UpstreamAddress("::1", 11434, "/v1")),
        ("HTTP://EXAMPLE.com:81", UpstreamAddress("example.com", 81)),
    ],
)
def test_an_address_is_read(url: str, address: UpstreamAddress) -> None:
    assert parse_upstream(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:8000", "localhost:8000/v1", "ftp://x", "unix:/x", "http://", "http://user:pw@host/", "http://host/?key=1",
        "http://host/#x", "http://host:99999", "http://host:x", "http://[::1", "file:///x", "http:///v1",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse_upstream(url)
    assert "pw" not in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("192.0.2.1", False),  # noqa: S104
     ("example.com", False), ("localhost.example.com", False), ("::", False)],
)  # fmt: skip
def test_loopback_is_known(host: str, loopback: bool) -> None:
    assert UpstreamAddress(host, 1).loopback is loopback


def test_neither_address_nor_client_shows_the_key() -> None:
    address = parse_upstream("http://127.0.0.1:1", key="sk-upstream")
    assert "sk-upstream" not in f"{address} {address!r} {Upstream(address, idle_timeout_seconds=1)!r}"
