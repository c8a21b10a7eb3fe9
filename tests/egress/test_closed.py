"""The lock of a process that connects to nothing, and the dialer beside it, in processes of their own."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.egress.dialer import Place

OUTSIDE = "192.0.2.1"
PREPARE = """
import asyncio, json, os, socket, subprocess, sys, threading
from pathlib import Path
from privet.egress.closed import close, is_closed
from privet.egress.dialer import Dialer, Place
from privet.errors import Unprotected

def outcome(action):
    try:
        return f"passed {action()!r}"[:60]
    except OSError as error:
        return f"failed {error.errno}"

def dialled(dialer, path=""):
    async def ask():
        connection = await dialer.connection(path)
        with connection:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(connection, b"question")
            return (await loop.sock_recv(connection, 9)).decode()
    return outcome(lambda: asyncio.run(ask()))
"""


def said(script: str, *words: str) -> Any:
    command = [sys.executable, "-c", PREPARE + textwrap.dedent(script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(autouse=True, scope="module")
def _possible() -> None:
    found = said(
        """
        try:
            print(json.dumps(bool(close())))
        except Unprotected as error:
            print(json.dumps(str(error)))
        """
    )
    if found is not True:
        pytest.skip(f"the lock cannot be had here: {found}")


ECHO = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0)) if len(sys.argv) == 1 else socket.socket(socket.AF_UNIX)
if len(sys.argv) > 1:
    server.bind(sys.argv[1])
    server.listen()
print(server.getsockname()[1] if len(sys.argv) == 1 else "ready", flush=True)
while True:
    link, _ = server.accept()
    with link:
        link.sendall(link.recv(9).upper())
"""


@pytest.fixture
def port() -> Iterator[str]:
    """Return a loopback port of another program that answers in capitals."""
    with subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        yield one.stdout.readline().strip()
        one.kill()


WAYS = {
    "loopback": "socket.create_connection(('127.0.0.1', int(sys.argv[1])))",
    "outside": f"socket.create_connection(({OUTSIDE!r}, 443), 2)",
    "UDP": f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ({OUTSIDE!r}, 9))",
    "unix": "socket.socket(socket.AF_UNIX).connect(sys.argv[2])",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "packet": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
}


def test_nothing_connects_once_it_is_closed(port: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind(str(tmp_path / "s"))
        outside.listen()
        ways = [WAYS[name] for name in ("loopback", "outside", "UDP", "unix", "netlink", "packet")]
        before, layers, closed, after = said(
            f"""
            before = [outcome(lambda: eval(one)) for one in {[WAYS["loopback"], WAYS["unix"], WAYS["netlink"]]!r}]
            opened = is_closed()
            layers = close()
            after = [outcome(lambda: eval(one)) for one in {ways!r}]
            print(json.dumps([before, layers, [opened, is_closed()], after]))
            """,
            port,
            str(tmp_path / "s"),
        )
    assert [one[:6] for one in before] == ["passed"] * 3
    assert "seccomp" in layers
    assert closed == [False, True]
    assert after == ["failed 13"] * 6


def test_children_and_threads_are_closed_in_too(port: str) -> None:
    child, thread = said(
        """
        code = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
        found, go = [], threading.Event()
        def work():
            go.wait()
            found.append(outcome(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])))))
        thread = threading.Thread(target=work)
        thread.start()
        close()
        go.set()
        thread.join()
        done = subprocess.run([sys.executable, "-c", code, sys.argv[1]], capture_output=True, text=True)
        print(json.dumps([done.stderr.splitlines()[-1], found[0]]))
        """,
        port,
    )
    assert child.startswith("PermissionError")
    assert thread == "failed 13"


def test_it_serves_whom_it_listened_for() -> None:
    code = PREPARE + textwrap.dedent(
        """
        server = socket.create_server(("127.0.0.1", 0))
        close()
        print(server.getsockname()[1], flush=True)
        link, _ = server.accept()
        link.sendall(link.recv(9).upper())
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        with socket.create_connection(("127.0.0.1", int(one.stdout.readline())), 5) as link:
            link.sendall(b"question")
            assert link.recv(9) == b"QUESTION"


def test_the_dialer_reaches_the_place_that_was_named_and_no_file(port: str, tmp_path: Path) -> None:
    assert said(
        """
        dialer = Dialer.start(Place("127.0.0.1", int(sys.argv[1])))
        close()
        print(json.dumps([dialled(dialer), dialled(dialer), dialled(dialer, sys.argv[2])]))
        """,
        port,
        str(tmp_path / "s"),
    ) == ["passed 'QUESTION'", "passed 'QUESTION'", "failed 1"]


def test_the_dialer_reaches_sockets_of_a_shape(tmp_path: Path) -> None:
    (tmp_path / "engine-1").mkdir()
    path = tmp_path / "engine-1" / "http.sock"
    with subprocess.Popen([sys.executable, "-c", ECHO, str(path)], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        found = said(
            r"""
            folder = Path(sys.argv[1])
            dialer = Dialer.start(Place(folders=(folder,), shape=r"engine-[0-9]/http\.sock"))
            close()
            print(json.dumps([
                dialled(dialer, f"{folder}/engine-1/http.sock"),
                dialled(dialer, f"{folder}/engine-2/http.sock"),
                dialled(dialer, f"{folder}/../{folder.name}/engine-1/http.sock"),
                dialled(dialer),
            ]))
            """,
            str(tmp_path),
        )
        one.kill()
    assert found == ["passed 'QUESTION'", "failed 2", "failed 1", "failed 1"]


@pytest.mark.parametrize(
    ("host", "number"), [("127.0.0.1", 111), ("zebra.invalid", 0)], ids=["nobody listens", "no such name"]
)
def test_what_cannot_be_reached_is_an_error(host: str, number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    code = f"dialer = Dialer.start(Place({host!r}, {port}))\nclose()\nprint(json.dumps(dialled(dialer)))"
    assert said(code) == f"failed {number}"


def test_the_dialer_ends_with_the_process_also_when_that_is_killed(port: str) -> None:
    code = PREPARE + textwrap.dedent(
        """
        dialer = Dialer.start(Place("127.0.0.1", int(sys.argv[1])))
        close()
        print(open("/proc/self/task/%d/children" % os.getpid()).read().strip(), flush=True)
        sys.stdin.read()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None
        dialer = os.pidfd_open(int(one.stdout.readline()))
        one.kill()
    assert select.select([dialer], [], [], 10)[0]
    os.close(dialer)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/state/engine-0/http.sock", True),
        ("/tmp/engine-0/http.sock", True),
        ("/state/engine-0/http.sock.old", False),
        ("/state/engine-0/../engine-0/http.sock", False),
        ("/state2/engine-0/http.sock", False),
        ("/run/docker.sock", False),
        ("", False),
    ],
)
def test_which_files_a_place_allows(path: str, allowed: bool) -> None:
    assert Place(folders=(Path("/state"), Path("/tmp")), shape=r"engine-\d/http\.sock").allows(path) is allowed
