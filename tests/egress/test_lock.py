"""The lock of a process, in processes of their own: it stays, so the test run never takes it."""

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

# Reserved for documentation (RFC 5737, RFC 3849, RFC 2606): nobody answers there.
OUTSIDE = "192.0.2.1"
OUTSIDE_6 = "2001:db8::1"
NAME = "zebra.example.com"

PREPARE = """
import ctypes, json, os, socket, struct, subprocess, sys, threading
from privet import egress
from privet.egress.audit_hook import LeavesMachine
from privet.errors import PrivetError, Unprotected

def outcome(action):
    try:
        return f"passed {action()!r}"[:80]
    except LeavesMachine as error:
        return f"leaves {error.destination}"
    except Unprotected as error:
        return f"refused {error}"
    except OSError as error:
        return f"failed {error.errno}"

def connect(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as out:
        out.settimeout(5)
        out.connect(address)

def by_hand(host, port):
    # The C library's connect: Python's audit hook does not see it.
    with socket.socket() as out:
        address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))
        if ctypes.CDLL(None, use_errno=True).connect(out.fileno(), address, len(address)):
            raise OSError(ctypes.get_errno(), "")
"""


def said(script: str, *words: str, lock: bool = True, wrapper: str = "") -> Any:
    code = PREPARE + ("locked = egress.lock()\n" if lock else "") + textwrap.dedent(script)
    command = [sys.executable, "-c", wrapper + code, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def _possible() -> None:
    found = said("print(json.dumps(outcome(egress.lock)))", lock=False)
    if not found.startswith("passed"):
        pytest.skip(f"the lock cannot be had here: {found}")


@pytest.fixture
def port() -> Iterator[str]:
    """Return a loopback port that answers, of a program outside the lock."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


pytestmark = pytest.mark.usefixtures("_possible")


def test_the_report_names_what_holds_and_is_the_same_twice() -> None:
    layers, missing, same, frozen = said(
        """
        again = egress.lock()
        def change():
            locked.layers = ()
        try:
            change()
        except AttributeError:
            frozen = True
        print(json.dumps([locked.layers, [name for name, _ in locked.missing], again is locked, frozen]))
        """
    )
    assert {"audit hook", "seccomp", "loopback device"} <= set(layers)
    assert set(layers) | set(missing) == {
        "audit hook", "seccomp", "loopback device", "namespace", "connections", "Landlock",
    }  # fmt: skip
    assert same
    assert frozen


LEAVES = {
    f"connect(({OUTSIDE!r}, 443))": f"{OUTSIDE}:443",
    f"socket.socket().connect_ex(({OUTSIDE!r}, 80))": f"{OUTSIDE}:80",
    f"connect(({OUTSIDE_6!r}, 443), socket.AF_INET6)": f"[{OUTSIDE_6}]:443",
    f"connect(('::ffff:{OUTSIDE}', 443), socket.AF_INET6)": f"{OUTSIDE}:443",
    f"socket.create_connection(({NAME!r}, 443), 5)": NAME,
    f"socket.getaddrinfo({NAME!r}, 443)": NAME,
    f"socket.getaddrinfo({NAME.encode()!r}, 443)": NAME,
    f"socket.gethostbyname({NAME!r})": NAME,
    f"socket.gethostbyname_ex({NAME!r})": NAME,
    f"socket.gethostbyaddr({OUTSIDE!r})": OUTSIDE,
    f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ({OUTSIDE!r}, 53))": f"{OUTSIDE}:53",
    f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b'x'], (), 0, ({OUTSIDE!r}, 53))": f"{OUTSIDE}:53",
    "connect(('127.0.0.53', 53))": "127.0.0.53:53",
    "connect(('127.0.0.1', 853))": "127.0.0.1:853",
    f"__import__('asyncio').run(__import__('asyncio').open_connection({OUTSIDE!r}, 80))": f"{OUTSIDE}:80",
}


def test_python_code_is_told_where_it_wanted_to_go() -> None:
    expressions = list(LEAVES)
    found = said(
        f"print(json.dumps([[outcome(lambda: eval(one)) for one in {expressions!r}], len(locked.attempts())]))"
    )
    assert found == [[f"leaves {where}" for where in LEAVES.values()], len(set(LEAVES.values()))]


def test_the_error_says_what_to_do_and_is_one_that_code_knows() -> None:
    kinds, text = said(
        f"""
        try:
            connect(({OUTSIDE!r}, 443))
        except OSError as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            print(json.dumps([kinds, str(error)]))
        """
    )
    assert {"PrivetError", "PermissionError", "OSError"} <= set(kinds)
    assert text.startswith(f"{OUTSIDE}:443 was not reached")
    assert "privet run" in text


def test_urllib_reports_it_as_a_network_that_is_down() -> None:
    assert said(
        f"""
        import urllib.error, urllib.request
        try:
            urllib.request.urlopen("http://{NAME}/?q=secret", timeout=5)
        except urllib.error.URLError as error:
            print(json.dumps([NAME in str(error) for NAME in ("{NAME}", "secret")]))
        """
    ) == [True, False]


def test_native_code_is_refused_by_the_kernel(port: str) -> None:
    unlocked, locked, counted = said(
        f"""
        unlocked = outcome(lambda: by_hand("127.0.0.1", int(sys.argv[1])))
        locked = egress.lock()
        found = outcome(lambda: by_hand("{OUTSIDE}", 443))
        counted = [[one.destination, one.count] for one in locked.attempts()]
        print(json.dumps([unlocked, found, counted if "connections" in locked.layers else [["{OUTSIDE}:443", 1]]]))
        """,
        port,
        lock=False,
    )
    assert unlocked == "passed None"
    assert locked in {"failed 13", "failed 110"}
    assert counted == [[f"{OUTSIDE}:443", 1]]


def test_loopback_works_to_services_outside_and_inside(port: str) -> None:
    assert said(
        """
        own = socket.create_server(("127.0.0.1", 0))
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
        child = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"
        print(json.dumps([
            outcome(lambda: connect(("127.0.0.1", int(sys.argv[1])))),
            outcome(lambda: connect(("localhost", int(sys.argv[1])))),
            outcome(lambda: connect(own.getsockname())),
            outcome(lambda: connect(six.getsockname(), socket.AF_INET6)),
            outcome(lambda: by_hand("127.0.0.1", int(sys.argv[1]))),
            outcome(lambda: subprocess.run([sys.executable, "-c", child, sys.argv[1]]).returncode),
            outcome(lambda: bool(socket.getaddrinfo("localhost", 80))),
        ]))
        """,
        port,
    ) == ["passed None"] * 5 + ["passed 0", "passed True"]


def test_a_server_inside_is_reached_from_outside() -> None:
    code = PREPARE + textwrap.dedent(
        """
        egress.lock()
        server = socket.create_server(("127.0.0.1", 0))
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


REFUSED = {
    "raw": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "ping": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)",
    "packet": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "vsock": "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "multipath": "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)",
    "uevent": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)",
    "unix datagram": "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "unix datagram pair": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "fast open": "socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', 9))",
    "another device": "socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')",
    "no device": "socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'')",
    "odd flags": "socket.socket(socket.AF_INET, socket.SOCK_STREAM | 0x100)",
}


def test_other_kinds_of_sockets_are_refused() -> None:
    found = said(f"print(json.dumps([outcome(lambda: eval(one)) for one in {list(REFUSED.values())!r}]))")
    assert {kind: result for kind, result in zip(REFUSED, found, strict=True) if not result.startswith("failed ")} == {}


def test_threads_that_were_there_before_are_held_too() -> None:
    assert said(
        f"""
            go, found = threading.Event(), []
            def work():
                go.wait()
                found.append(outcome(lambda: by_hand("{OUTSIDE}", 443)))
                found.append(outcome(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)))
            thread = threading.Thread(target=work)
            thread.start()
            locked = egress.lock()
            go.set()
            thread.join()
            why = dict(locked.missing).get("Landlock", "")
            print(json.dumps([found, "Landlock" in locked.layers or "threads" in why]))
            """,
        lock=False,
    ) in ([["failed 13", "failed 97"], True], [["failed 110", "failed 97"], True])


OPEN_BEFORE = {
    "UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix datagram": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "unconnected unix": "socket.socket(socket.AF_UNIX)",
}


@pytest.mark.parametrize("kind", OPEN_BEFORE)
def test_sockets_that_could_lead_away_stop_it_and_nothing_is_changed(kind: str) -> None:
    refused, after = said(
        f"""
        held = {OPEN_BEFORE[kind]}
        refused = outcome(egress.lock)
        print(json.dumps([refused, outcome(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).fileno() > 0)]))
        """,
        lock=False,
    )
    assert refused.startswith("refused this process has open sockets that lead away, or could")
    assert kind in refused
    assert after == "passed True"


def test_sockets_that_stay_here_are_kept(port: str) -> None:
    assert said(
        """
        server = socket.create_server(("127.0.0.1", 0))
        before = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        own = socket.create_connection(server.getsockname())
        link, _ = server.accept()
        fresh = socket.socket()
        left, right = socket.socketpair()
        egress.lock()
        own.sendall(b"a")
        left.sendall(b"b")
        fresh.connect(server.getsockname())
        print(json.dumps([link.recv(1).decode(), right.recv(1).decode(), outcome(before.getpeername)[:6]]))
        """,
        port,
        lock=False,
    ) == ["a", "b", "passed"]


CHILD = (
    PREPARE
    + f"""
again = egress.lock()
print(json.dumps([
    again.layers,
    outcome(lambda: connect(("127.0.0.1", int(sys.argv[1])))),
    outcome(lambda: connect(("{OUTSIDE}", 1))),
]))
"""
)


def test_a_child_that_locks_itself_too_is_as_it_was(port: str) -> None:
    layers, loopback, outside = said(
        "print(subprocess.run([sys.executable, '-c', sys.argv[2], sys.argv[1]], capture_output=True, text=True).stdout)",
        port,
        CHILD,
    )
    assert {"audit hook", "seccomp", "loopback device"} <= set(layers)
    assert (loopback, outside) == ("passed None", f"leaves {OUTSIDE}:1")


def test_multiprocessing_works_by_all_its_methods(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing, sys
            from privet import egress
            if __name__ == "__main__":
                locked = egress.lock()
                methods = ["fork", "spawn"] + ["forkserver"] * ("connections" in locked.layers)
                for method in methods:
                    with multiprocessing.get_context(method).Pool(1) as pool:
                        print(pool.map(abs, [-1]))
            """
        ),
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() in (["[1]"] * 3, ["[1]"] * 2), done.stderr


def test_unix_sockets_lead_to_those_made_inside_only(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind(str(tmp_path / "outside"))
        outside.listen()
        holds, inside, out, pair = said(
            """
            def serve():
                server = socket.socket(socket.AF_UNIX)
                server.bind(sys.argv[1] + "/inside")
                server.listen()
                connect(sys.argv[1] + "/inside", socket.AF_UNIX)
            out = outcome(lambda: connect(sys.argv[1] + "/outside", socket.AF_UNIX))
            pair = outcome(lambda: [one.close() for one in socket.socketpair()])
            print(json.dumps(["connections" in locked.layers, outcome(serve), out, pair]))
            """,
            str(tmp_path),
        )
    assert (inside, out) == ("passed None" if holds else "failed 13", "failed 13")
    assert pair == "passed [None, None]"


# As a user without privileges whose processes may not be read, in a user namespace with or without users.
POORER = """
import ctypes, os
libc = ctypes.CDLL(None)
user, group = os.getuid(), os.getgid()
assert libc.unshare(0x10000000) == 0
if {mapped}:
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"{{user}} {{user}} 1")
    open("/proc/self/gid_map", "w").write(f"{{group}} {{group}} 1")
from privet.egress import kernel
kernel.give_up_capabilities()
kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
"""


@pytest.mark.parametrize("mapped", [True, False])
def test_where_processes_may_not_be_read_unix_sockets_are_refused_and_the_rest_holds(mapped: bool, port: str) -> None:
    if subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces cannot be had here")
    layers, missing, loopback, unix, udp, outside = said(
        f"""
        print(json.dumps([
            locked.layers, dict(locked.missing), outcome(lambda: by_hand("127.0.0.1", int(sys.argv[1]))),
            outcome(lambda: socket.socket(socket.AF_UNIX)), outcome(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
            outcome(lambda: connect(("{OUTSIDE}", 443))),
        ]))
        """,
        port,
        wrapper=POORER.format(mapped=mapped),
    )
    assert "connections" not in layers
    assert "unix sockets are refused" in missing["connections"]
    assert loopback == "passed None"
    assert unix == "failed 13"
    assert ("namespace" in layers) == mapped == udp.startswith("passed")
    assert outside == f"leaves {OUTSIDE}:443"


def test_the_keeper_is_nobodys_child_and_ends_with_the_last_who_is_locked(tmp_path: Path) -> None:
    # What is on Python's path is on the keeper's command line.
    code = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        + PREPARE
        + textwrap.dedent(
            """
            egress.lock()
            try:
                print(os.waitpid(-1, os.WNOHANG)[0], flush=True)
            except ChildProcessError:
                print("none", flush=True)
            sys.stdin.read()
            """
        )
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "none\n"
        keepers = [
            os.pidfd_open(int(entry.parent.name))
            for entry in Path("/proc").glob("[0-9]*/cmdline")
            if str(tmp_path).encode() in entry.read_bytes() and b"lock_keeper" in entry.read_bytes()
        ]
        assert keepers
        one.communicate("")
    for pidfd in keepers:
        assert select.select([pidfd], [], [], 10)[0]
        os.close(pidfd)


def test_this_kernel_is_told_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    from privet.egress import in_process, kernel
    from privet.errors import Unprotected

    monkeypatch.setattr(kernel, "machine", lambda: "riscv64")
    with pytest.raises(Unprotected, match="no Linux on x86_64 or aarch64") as error:
        in_process.lock()
    assert error.value.exit_code == 3
    assert "docker run --network none" in error.value.hint
