"""The guard, in processes of their own: once up it stays up, so the test run itself never raises it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Reserved for documentation (RFC 5737, RFC 3849, RFC 2606): nobody answers there.
OUTSIDE = "192.0.2.1"
OUTSIDE_6 = "2001:db8::1"
NAME = "zebra.example.com"

Ask = Callable[[str], Any]

PREPARE = """
import json, socket, sys, traceback
from privet.egress import guard
port, other, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
allowed = ("127.0.0.1", port)

def outcome(action):
    try:
        return f"passed {action()!r}"[:60]
    except guard.OutsideConnection as error:
        return "blocked " + "".join(traceback.format_exception_only(error)).strip()
    except guard.Unprotected as error:
        return f"refused {error}"
    except OSError as error:
        return f"failed {type(error).__name__}"

def connect(address, family=socket.AF_INET):
    with socket.socket(family) as out:
        out.settimeout(5)
        out.connect(address)

def datagram(address, family=socket.AF_INET, send="sendto"):
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        return out.sendto(b"x", address) if send == "sendto" else out.sendmsg([b"x"], (), 0, address)

def through_a_pair(kind, send):
    left, right = socket.socketpair(type=kind)
    with left, right:
        return getattr(left, send)(b"x" if send == "send" else [b"x"])

guard.put_up({allowed})
"""


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """Return two loopback ports that answer."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        yield one.getsockname()[1], two.getsockname()[1]


@pytest.fixture
def unix(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        yield path


@pytest.fixture
def ask(ports: tuple[int, int], unix: str) -> Ask:
    def run(expression: str) -> Any:
        code = f"{PREPARE}\nprint(json.dumps({expression}))"
        words = [sys.executable, "-c", code, str(ports[0]), str(ports[1]), unix]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert done.stderr == ""
        return json.loads(done.stdout)

    return run


def test_the_named_destination_can_be_reached(ask: Ask) -> None:
    assert ask("[outcome(lambda: connect(allowed)), guard.blocked_count(), guard.is_up()]") == ["passed None", 0, True]
    assert ask("[outcome(lambda: socket.create_connection(allowed, 5).close())]") == ["passed None"]
    (found,) = ask("[outcome(lambda: bool(socket.getaddrinfo('127.0.0.1', port)))]")
    assert found == "passed True"


BLOCKED = {
    "another port": "connect(('127.0.0.1', other))",
    "another address": f"connect(({OUTSIDE!r}, port))",
    "an address of IPv6": f"connect(({OUTSIDE_6!r}, port), socket.AF_INET6)",
    "loopback of IPv6": "connect(('::1', port, 0, 0), socket.AF_INET6)",
    "the named address by another name": "connect(('localhost', port))",
    "connect_ex": f"socket.socket().connect_ex(({OUTSIDE!r}, 80))",
    "create_connection": f"socket.create_connection(({NAME!r}, 443), 5)",
    "sendto": f"datagram(({OUTSIDE!r}, 53))",
    "sendmsg": f"datagram(({OUTSIDE!r}, 53), send='sendmsg')",
    "sendto of IPv6": f"datagram(({OUTSIDE_6!r}, 53), socket.AF_INET6)",
    "getaddrinfo": f"socket.getaddrinfo({NAME!r}, 443)",
    "getaddrinfo of bytes": f"socket.getaddrinfo({NAME.encode()!r}, 443)",
    "gethostbyname": f"socket.gethostbyname({NAME!r})",
    "gethostbyname_ex": f"socket.gethostbyname_ex({NAME!r})",
    "gethostbyaddr": f"socket.gethostbyaddr({OUTSIDE!r})",
    "getnameinfo": f"socket.getnameinfo(({OUTSIDE!r}, 80), 0)",
    "urllib": f"__import__('urllib.request').request.urlopen('http://{NAME}/?q=secret', timeout=5)",
    "http.client": f"__import__('http.client').client.HTTPConnection({OUTSIDE!r}, timeout=5).request('GET', '/')",
    "asyncio": f"__import__('asyncio').run(__import__('asyncio').open_connection({OUTSIDE!r}, 80))",
}


@pytest.mark.parametrize("way", BLOCKED)
def test_every_other_way_out_is_blocked_and_not_named(ask: Ask, way: str) -> None:
    result, count = ask(f"[outcome(lambda: {BLOCKED[way]}), guard.blocked_count()]")
    assert result.startswith("blocked ")
    assert result.endswith("a connection to an address that was not named was blocked")
    for part in (OUTSIDE, OUTSIDE_6, NAME, "127.0.0.1", "secret", "443"):
        assert part not in result
    assert count >= 1


def test_sockets_that_stay_on_this_machine_pass(ask: Ask) -> None:
    assert ask("[outcome(lambda: connect(path, socket.AF_UNIX)), guard.blocked_count()]") == ["passed None", 0]
    streams = "outcome(lambda: through_a_pair(socket.SOCK_STREAM, 'send'))"
    datagrams = "outcome(lambda: through_a_pair(socket.SOCK_DGRAM, 'sendmsg'))"
    assert ask(f"[{streams}, {datagrams}, guard.blocked_count()]") == ["passed 1", "passed 1", 0]


def test_listening_passes(ask: Ask) -> None:
    assert ask("[outcome(lambda: socket.create_server(('127.0.0.1', 0)).close())]") == ["passed None"]


def test_a_guard_is_put_up_once(ask: Ask) -> None:
    more = "outcome(lambda: guard.put_up({allowed, ('192.0.2.1', 80)}))"
    same, refused, outside = ask(f"[guard.put_up({{allowed}}), {more}, outcome(lambda: connect(('192.0.2.1', 80)))]")
    assert same is None
    assert refused.startswith("refused ")
    assert "is up already" in refused
    assert outside.startswith("blocked ")


def test_a_guard_that_allows_nothing_blocks_everything(ports: tuple[int, int]) -> None:
    code = PREPARE.replace("{allowed}", "()") + "print(outcome(lambda: connect(allowed)))"
    words = [sys.executable, "-c", code, str(ports[0]), str(ports[1]), ""]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.startswith("blocked ")


def test_other_threads_are_guarded_too(ask: Ask) -> None:
    threaded = "__import__('concurrent.futures').futures.ThreadPoolExecutor(1).submit(lambda: connect(('192.0.2.1', 1))).result()"
    (result,) = ask(f"[outcome(lambda: {threaded})]")
    assert result.startswith("blocked ")


def test_without_a_guard_nothing_is_blocked() -> None:
    from privet.egress import guard

    assert guard.is_up() is False
    assert guard.blocked_count() == 0
