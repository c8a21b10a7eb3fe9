from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import raw_server

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.calls import LINK, MANY, NAMES, PRIVATE, PUBLIC, Calls, _kind
from privet.audit.endpoint.outcome import Outcome
from privet.audit.endpoint.processes import Processes
from privet.audit.endpoint.scene import Size
from privet.audit.endpoint.sockets import LISTEN, Kernel, Socket, cookie_of, listed
from privet.audit.endpoint.target import target_of

SMALL = Size("quick", 24, 8, 1, 30.0)
_SERVER = """
import socket, subprocess, sys, threading
sys.path[:0] = [{tests!r}]
import raw_server
how = {how!r}
kept = []
sink = socket.create_server(("127.0.0.1", 0))
def call(kind=socket.SOCK_STREAM, peer=("192.0.2.77", 443)):
    caller = socket.socket(socket.AF_INET, kind)
    caller.setblocking(False)
    code = caller.connect_ex(peer)
    if code == 101:  # ENETUNREACH
        print("no route", file=sys.stderr)
    return caller
def answer(connection, request, seen):
    if request.startswith(b"POST"):
        if how == "holds":
            kept.append(call())
        if how == "at once":
            call().close()
        if how == "sends":
            caller = call(socket.SOCK_DGRAM)
            caller.send(b"x")
            kept.append(caller)
        if how == "asks names":
            kept.append(call(socket.SOCK_DGRAM, ("192.0.2.77", 53)))
        if how == "upstream":
            kept.append(call(peer=sink.getsockname()))
        if how == "by a child":
            code = "import socket,sys; s=socket.socket(); s.setblocking(False); s.connect_ex(('192.0.2.77', 443)); sys.stdin.read()"
            kept.append(subprocess.Popen([sys.executable, "-I", "-c", code], stdin=subprocess.PIPE) if len(kept) < 2 else None)
        if how == "without a peer":
            kept.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            kept[-1].sendto(b"x", ("192.0.2.77", 443))
    raw_server.polite(connection, request, seen)
with raw_server.serve(answer) as seen:
    if how == "before":
        kept.append(call())
    print(seen.port, flush=True)
    sys.stdin.read()
    for each in kept:
        if isinstance(each, subprocess.Popen):
            each.communicate()
"""
ROUTED = subprocess.run(
    [sys.executable, "-I", "-c", "import socket; s=socket.socket(2, 2); s.connect(('192.0.2.77', 9))"], check=False, capture_output=True
).returncode == 0  # fmt: skip


@contextmanager
def serving(how: str) -> Iterator[tuple[int, int]]:
    code = _SERVER.format(tests=str(Path(__file__).parent), how=how)
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.communicate(timeout=10)


def audited(port: int, pid: int | None, size: Size = SMALL) -> Outcome:
    target = replace(target_of(f"http://127.0.0.1:{port}/v1"), server_pid=pid)
    result = asyncio.run(audit_endpoint(target, Options(size=size, only=("egress",))))
    (outcome,) = result.outcomes
    return outcome


@pytest.mark.skipif(not ROUTED, reason="no route leads beyond this machine")
@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("holds", PRIVATE), ("at once", PRIVATE), ("sends", PRIVATE), ("asks names", NAMES), ("by a child", PRIVATE), ("before", PRIVATE),
    ],
)  # fmt: skip
def test_a_call_beyond_this_machine_is_seen(how: str, kind: str) -> None:
    with serving(how) as (pid, port):
        # A call that ends before anybody looks is told from others' by a pause.
        outcome = audited(port, pid, replace(SMALL, name="usual") if how == "at once" else SMALL)
    assert (outcome.verdict, dict(outcome.seen)) == ("fail", {kind: 1})
    assert "192" not in repr((outcome.says, outcome.seen, outcome.notes, outcome.figures, outcome.timings["calls"]))


def test_a_server_that_calls_nobody_passes() -> None:
    with serving("not") as (pid, port):
        outcome = audited(port, pid)
    assert (outcome.verdict, outcome.hits, outcome.notes) == ("pass", 0, ())


def test_a_call_to_another_port_of_this_machine_is_a_note() -> None:
    with serving("upstream") as (pid, port):
        outcome = audited(port, pid)
    assert (outcome.verdict, outcome.notes) == ("pass", ("it calls other ports of this machine",))


@pytest.mark.skipif(not ROUTED, reason="no route leads beyond this machine")
def test_what_cannot_be_seen_is_not_passed() -> None:
    with serving("without a peer") as (pid, port):
        outcome = audited(port, pid)
    assert (outcome.verdict, outcome.hits) == ("underpowered", 0)
    assert "datagrams" in outcome.says


def test_without_a_process_nothing_is_tested() -> None:
    with raw_server.serve() as seen:
        none, gone = audited(seen.port, None), audited(seen.port, 2**22 + 1)
    assert none.verdict == gone.verdict == "not-tested"
    assert "--server-pid" in none.says
    assert gone.says == "no process has the id of --server-pid"


def test_the_wrong_process_is_no_pass() -> None:
    with serving("not") as (other, _), raw_server.serve() as seen:
        outcome = audited(seen.port, other)
    assert outcome.verdict == "underpowered"
    assert "is it the right one" in outcome.says


def test_the_kernel_and_its_files_list_the_same() -> None:
    kernel = Kernel.opened()
    assert kernel is not None
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as caller,
    ):
        port, peer = caller.getsockname()[1], listening.getsockname()[1]
        for sockets in (list(kernel.sockets()), list(listed(os.getpid()))):
            (mine,) = [each for each in sockets if (each.port, each.peer_port) == (port, peer)]
            assert mine.has_peer
            assert mine.is_local
            assert str(mine.address) == "127.0.0.1"
            assert mine.inode == os.fstat(caller.fileno()).st_ino
            assert any(each.port == peer and each.state == LISTEN for each in sockets)
        cookie = next(each.cookie for each in kernel.sockets() if each.port == port and each.peer_port == peer)
        assert cookie_of(os.getpid(), caller.fileno()) in (cookie, 0)
    until = time.monotonic() + 5
    ended: set[int] = set()
    while cookie not in ended and time.monotonic() < until:
        ended |= {each.cookie for each in kernel.ended()}
    kernel.close()
    assert cookie in ended


def at(peer: str, port: int = 443, *, own: int = 40_000) -> Socket:
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    return Socket(False, 1, own, socket.inet_pton(family, peer), port, 7, 9)


@pytest.mark.parametrize(
    ("peer", "port", "kind"),
    [
        ("8.8.8.8", 443, PUBLIC), ("8.8.8.8", 53, NAMES), ("10.0.0.1", 443, PRIVATE), ("192.0.2.1", 80, PRIVATE),
        ("169.254.169.254", 80, LINK), ("fe80::1", 80, LINK), ("224.0.0.251", 5353, MANY), ("255.255.255.255", 67, MANY),
        ("2606:4700::1", 443, PUBLIC), ("fd00::1", 443, PRIVATE), ("::ffff:8.8.8.8", 443, PUBLIC),
    ],
)  # fmt: skip
def test_addresses_are_of_a_kind(peer: str, port: int, kind: str) -> None:
    assert _kind(at(peer, port)) == kind
    assert not at(peer, port).is_local


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_addresses_of_this_machine_are_known(peer: str) -> None:
    assert at(peer).is_local


def calls() -> Calls:
    process = Processes.of(os.getpid())
    assert isinstance(process, Processes)
    return Calls(process)


def test_who_calls_in_is_no_call() -> None:
    seen = calls()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        mine = os.fstat(listening.fileno()).st_ino
        port = listening.getsockname()[1]
        inside = at("10.0.0.9", 50_000, own=port)._replace(inode=mine)
        seen.look([Socket(False, LISTEN, port, bytes(4), 0, mine, 5), inside])
        assert not seen.kinds
        seen.look([inside._replace(port=port + 1)])
        assert dict(seen.kinds) == {PRIVATE: 1}


def test_sockets_of_others_are_nobody_s_business() -> None:
    seen = calls()
    seen.look([at("10.0.0.9")._replace(inode=1), at("8.8.8.8")._replace(inode=0)])
    assert not seen.kinds


def test_a_process_is_known_by_when_it_started() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE)
    known = Processes.of(process.pid)
    assert isinstance(known, Processes)
    assert known.lives
    assert process.pid in known.ids()
    process.communicate(b"\n")
    assert not known.lives
    assert known.ids() == []
    assert Processes.of(process.pid) == "no process has the id of --server-pid"
