"""No way out: the escape battery against `privet run`, and what has to work under it all the same."""

from __future__ import annotations

import errno
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).parent / "battery" / "driver.py"
PRIVET = Path(sys.executable).with_name("privet")
NO_WORLD = 69
LEAVES, NOT_RUN = "leaves", "not run"


@pytest.fixture(scope="module")
def _world() -> None:
    probe = subprocess.run([sys.executable, DRIVER, "--probe"], capture_output=True, text=True, check=False)
    if probe.returncode == NO_WORLD:
        pytest.skip(f"namespaces cannot be had here: {probe.stderr.strip()}")
    assert probe.returncode == 0, probe.stderr


@pytest.fixture(scope="module")
def verdicts(_world: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("battery") / "verdicts.json"
    done = subprocess.run(
        [sys.executable, DRIVER, "--systems", "unlocked,privet", "--json", target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert target.exists(), done.stderr
    found: dict[str, Any] = json.loads(target.read_bytes())
    return found


def judged(verdicts: dict[str, Any]) -> list[dict[str, Any]]:
    return [way for way in verdicts["ways"] if way["works_as"] and way["judged"]]


def test_at_least_forty_ways_work_unlocked(verdicts: dict[str, Any]) -> None:
    assert len(judged(verdicts)) >= 40


def test_no_way_leads_out(verdicts: dict[str, Any]) -> None:
    assert [
        (way["name"], way["verdicts"]["privet"])
        for way in judged(verdicts)
        if LEAVES in way["verdicts"]["privet"].values()
    ] == []


def test_every_way_was_tried_under_the_lock(verdicts: dict[str, Any]) -> None:
    untried = [way["name"] for way in judged(verdicts) if NOT_RUN in way["verdicts"]["privet"].values()]
    assert untried == [], verdicts["refused"]


def test_not_a_frame_crosses_the_wire(verdicts: dict[str, Any]) -> None:
    assert {who: by["privet"] for who, by in verdicts["frames"].items()} == {"user": 0, "root": 0}


def test_the_named_host_is_reached_through_the_broker(verdicts: dict[str, Any]) -> None:
    control = next(way for way in verdicts["ways"] if way["name"] == "broker-control")
    assert control["verdicts"]["privet"] == {"user": LEAVES, "root": LEAVES}, control["said"]


def start(script: str, *words: str, lock: bool = True) -> subprocess.Popen[str]:
    prefix = [str(PRIVET), "run", "--"] if lock else []
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", textwrap.dedent(script), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(one: subprocess.Popen[str], given: str = "") -> tuple[int, str]:
    try:
        said, errors = one.communicate(given, timeout=20)
    except subprocess.TimeoutExpired:
        one.kill()
        one.communicate()
        raise
    sys.stderr.write(errors)
    return one.returncode, said


def run(script: str, *words: str, lock: bool = True, given: str = "") -> tuple[int, str]:
    return finish(start(script, *words, lock=lock), given)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


SERVER = """
    import socket, sys
    one = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
    print("ready", flush=True)
    while True:
        link, _ = one.accept()
        link.sendall(link.recv(64).upper())
        link.close()
"""
# A program of its own: the test process may speak to 127.0.0.1 only.
CLIENT = """
    import json, socket, sys
    answers = {}
    for address in sys.argv[2:]:
        try:
            with socket.create_connection((address, int(sys.argv[1])), 2) as one:
                one.settimeout(2)
                one.sendall(b"question")
                answers[address] = one.recv(64).decode()
        except OSError:
            answers[address] = ""
    print(json.dumps(answers))
"""


def own_addresses() -> list[str]:
    """Return the machine's addresses beside 127.0.0.1, as far as the kernel lists them without asking anybody."""
    tables = Path("/proc/net/fib_trie").read_text("utf-8").splitlines()
    found = {line.split()[-1] for line, below in itertools.pairwise(tables) if "/32 host LOCAL" in below}
    return sorted(found - {"127.0.0.1"})


@pytest.mark.usefixtures("_world")
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 -- inside the lock
def test_a_server_inside_answers_on_127_0_0_1_at_its_port_and_nowhere_else(address: str) -> None:
    port = free_port()
    server = start(SERVER, address, str(port))
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        until = time.monotonic() + 10
        while not (answer := asked(port, "127.0.0.1")["127.0.0.1"]) and time.monotonic() < until:
            continue
        assert answer == "QUESTION"
        others = ["127.0.0.2", "::1", *own_addresses()]
        assert asked(port, *others) == dict.fromkeys(others, "")
    finally:
        server.terminate()
        finish(server)


def asked(port: int, *addresses: str) -> dict[str, str]:
    _, said = run(CLIENT, str(port), *addresses, lock=False)
    answers: dict[str, str] = json.loads(said)
    return answers


SOCKETS_INSIDE = """
    import os, socket, sys, tempfile
    folder = tempfile.mkdtemp()
    S, D, P = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET
    rows = [(socket.AF_UNIX, kind, f"{folder}/{kind}") for kind in (S, D, P)]
    rows += [(socket.AF_UNIX, kind, f"\\0inside-{os.getpid()}-{kind}") for kind in (S, D, P)]
    rows += [(socket.AF_INET, kind, ("127.0.0.1", 0)) for kind in (S, D)]
    rows += [(socket.AF_INET6, kind, ("::1", 0)) for kind in (S, D)]
    for family, kind, address in rows:
        with socket.socket(family, kind) as server, socket.socket(family, kind) as client:
            server.bind(address)
            server.settimeout(5)
            if kind != D:
                server.listen()
            if os.fork() == 0:
                client.connect(server.getsockname())
                client.send(b"inside")
                os._exit(0)
            link = server if kind == D else server.accept()[0]
            print(family.name, kind.name, link.recv(16).decode())
            os.wait()
"""


@pytest.mark.usefixtures("_world")
def test_sockets_made_inside_work_between_processes_inside() -> None:
    code, said = run(SOCKETS_INSIDE)
    assert code == 0
    assert said.splitlines() == [
        *["AF_UNIX SOCK_STREAM inside", "AF_UNIX SOCK_DGRAM inside", "AF_UNIX SOCK_SEQPACKET inside"] * 2,
        *["AF_INET SOCK_STREAM inside", "AF_INET SOCK_DGRAM inside"],
        *["AF_INET6 SOCK_STREAM inside", "AF_INET6 SOCK_DGRAM inside"],
    ]


@pytest.mark.usefixtures("_world")
def test_standard_input_and_output_pass() -> None:
    assert run("import sys; sys.stdout.write(sys.stdin.read()[::-1])", given="abc") == (0, "cba")


@pytest.mark.usefixtures("_world")
@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_kept(code: int) -> None:
    assert run(f"raise SystemExit({code})")[0] == code


@pytest.mark.usefixtures("_world")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGABRT])
def test_death_by_a_signal_is_told(number: signal.Signals) -> None:
    code, _ = run(f"import os; os.kill(os.getpid(), {int(number)})")
    assert code in {128 + number, -number}


@pytest.mark.usefixtures("_world")
def test_an_unknown_program_is_told() -> None:
    done = subprocess.run([PRIVET, "run", "--", "no-such-program-anywhere"], capture_output=True, check=False)
    assert done.returncode in {2, 127}


HANDLER = """
    import signal, sys
    def told(number, frame):
        print("told", number, flush=True)
        sys.exit(9)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, told)
    print("ready", flush=True)
    signal.pause()
"""


@pytest.mark.usefixtures("_world")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    one = start(HANDLER)
    assert one.stdout is not None
    assert one.stdout.readline() == "ready\n"
    one.send_signal(number)
    assert finish(one) == (9, f"told {int(number)}\n")


# The daemon holds a named pipe open for reading as long as it lives: that is how its end is seen from outside.
DAEMON = """
    import os, signal, sys
    done, tell = os.pipe()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork():
            os._exit(0)
        held = os.open(sys.argv[1], os.O_RDWR)
        os.write(tell, b".")
        for number in (0, 1, 2, done, tell):
            os.close(number)
        os.read(held, 1)
        os._exit(0)
    os.read(done, 1)
    print("ready", flush=True)
    if sys.argv[2] == "stay":
        signal.pause()
"""


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "held"
    os.mkfifo(path)
    yield path
    if is_held(path):  # let a daemon that is left end
        end = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(end, b".")
        os.close(end)


def is_held(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return False
    return True


def let_go(path: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while is_held(path):
        if time.monotonic() > until:
            return False
        select.select([], [], [], 0.01)
    return True


def test_a_daemon_outlives_its_program_without_the_lock(pipe: Path) -> None:
    assert run(DAEMON, str(pipe), "go", lock=False)[0] == 0
    assert is_held(pipe)


@pytest.mark.usefixtures("_world")
def test_a_daemon_ends_with_the_program(pipe: Path) -> None:
    one = start(DAEMON, str(pipe), "go")
    assert one.stdout is not None
    assert one.stdout.readline() == "ready\n"
    assert finish(one)[0] == 0
    assert let_go(pipe, 5)


@pytest.mark.usefixtures("_world")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_everything_ends_when_privet_is_killed(pipe: Path, number: signal.Signals) -> None:
    one = start(DAEMON, str(pipe), "stay")
    assert one.stdout is not None
    assert one.stdout.readline() == "ready\n"
    assert is_held(pipe)
    one.send_signal(number)
    finish(one)
    assert let_go(pipe, 5)


ENVIRONMENTS = """
    import os, sys
    found = 0
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                found += sys.argv[1].encode()[::-1] in file.read()
        except OSError:
            pass
    print(found)
"""


@pytest.mark.usefixtures("_world")
def test_the_environments_of_neighbours_cannot_be_read() -> None:
    value = "made-up-value-of-a-neighbour"
    neighbour = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        env=os.environ | {"NEIGHBOUR": value},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert neighbour.stdout is not None
        neighbour.stdout.readline()
        assert run(ENVIRONMENTS, value[::-1], lock=False) == (0, "1\n")
        assert run(ENVIRONMENTS, value[::-1]) == (0, "0\n")
    finally:
        neighbour.communicate()


@pytest.mark.usefixtures("_world")
def test_no_program_can_gain_privileges() -> None:
    _, said = run("print(open('/proc/self/status').read())")
    assert "NoNewPrivs:\t1" in said


DOORS = """
    import os, socket
    for name, family, kind, protocol in (
        ("vsock", 40, 1, 0), ("packet", 17, 3, 0), ("xdp", 44, 3, 0), ("tipc", 30, 5, 0), ("bluetooth", 31, 1, 3),
        ("can", 29, 3, 1), ("qrtr", 42, 2, 0), ("rds", 21, 5, 0), ("mptcp-or-refused", 2, 1, 262),
    ):
        try:
            socket.socket(family, kind, protocol).close()
            print(name)
        except OSError:
            pass
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"):
        try:
            os.close(os.open(path, os.O_WRONLY))
            print(path)
        except OSError:
            pass
"""
HARMLESS = {"mptcp-or-refused"}  # its packets do not leave: the battery sends some


@pytest.mark.usefixtures("_world")
def test_doors_that_the_battery_cannot_go_through_are_shut() -> None:
    _, said = run(DOORS)
    assert set(said.splitlines()) - HARMLESS == set()


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
@pytest.mark.usefixtures("_world")
def test_node_starts_and_speaks_to_itself() -> None:
    script = (
        "const net = require('net'); const s = net.createServer(c => c.end('hello')).listen(0, '127.0.0.1', () => "
        "net.connect(s.address().port, '127.0.0.1').on('data', d => { console.log(String(d)); process.exit(0); }))"
    )
    done = subprocess.run([PRIVET, "run", "--", "node", "-e", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "hello\n")
