"""`privet serve` is locked by the kernel: itself, its threads and the engine's process; the dialer beside it reaches one place."""

from __future__ import annotations

import http.server
import json
import os
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from caller import call, chat
from endpoint import Endpoint, Start, run, start
from upstream import Upstream

DOCUMENTED = {"seccomp", "Landlock"}


def states(pid: int, field: str) -> set[str]:
    """Return what /proc says of each thread of a process."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text("utf-8").splitlines()
        found |= {line.split()[1] for line in lines if line.startswith(f"{field}:")}
    return found


def test_every_thread_of_the_server_is_behind_the_filter(endpoint: Endpoint) -> None:
    assert call(endpoint, path="/v1/models").status == 200
    assert states(endpoint.pid, "Seccomp") == {"2"}
    assert states(endpoint.pid, "NoNewPrivs") == {"1"}


def test_the_dialer_is_the_one_process_that_is_not(endpoint: Endpoint) -> None:
    (dialer,) = psutil.Process(endpoint.pid).children(recursive=True)
    assert states(dialer.pid, "Seccomp") == {"0"}
    # Nothing but its line and the standard three: no listening socket, no key file.
    assert len(list(Path(f"/proc/{dialer.pid}/fd").iterdir())) <= 4


def test_the_self_test_asks_the_kernel(endpoint: Endpoint) -> None:
    posture = call(endpoint, path="/privet/posture").json
    (setting,) = [one for one in posture["settings"] if one["id"] == "process.outside_connections"]
    assert setting["verified"]["ok"] is True
    assert "Ask the kernel" in setting["verified"]["how"]


def test_the_engine_is_behind_the_same_filter(start_endpoint: Start) -> None:
    pytest.importorskip("xllamacpp")
    server = start_endpoint()
    children = psutil.Process(server.pid).children(recursive=True)
    filtered = [child.pid for child in children if states(child.pid, "Seccomp") == {"2"}]
    assert len(children) == 2
    assert len(filtered) == 1
    assert chat(server, "hello", model="smollm2-135m-instruct", max_tokens=2).status == 200


def test_an_engine_that_died_is_started_anew_and_reached(start_endpoint: Start) -> None:
    pytest.importorskip("xllamacpp")
    server = start_endpoint()
    (engine,) = [
        child for child in psutil.Process(server.pid).children(recursive=True) if states(child.pid, "Seccomp") == {"2"}
    ]
    engine.kill()
    # The line that says it died; nothing is answered until the new one is there.
    assert server.stderr.wait(lambda data: b'"level":"error"' in data)
    answer = call(server, {"model": "smollm2-135m-instruct", "input": "x"}, "/v1/embeddings")
    assert answer.status == 200
    (again,) = [
        child for child in psutil.Process(server.pid).children(recursive=True) if states(child.pid, "Seccomp") == {"2"}
    ]
    assert again.pid != engine.pid


def test_the_layers_are_said_at_the_start(tmp_path: Path) -> None:
    with Upstream() as upstream:
        from endpoint import launch

        command = (sys.executable, "-m", "privet", "serve", "--port", "0")
        server = launch("--upstream", upstream.url, folder=tmp_path, command=command)
        try:
            assert server.stdout.wait(lambda data: b"stop: Ctrl+C" in data)
            (line,) = [line for line in server.stdout.lines if "locked by the kernel" in line]
        finally:
            server.stop()
    layers = line.partition("(")[2].partition(")")[0].split(", ")
    assert layers[0] == "seccomp"
    assert set(layers) <= DOCUMENTED
    assert line.endswith("no connection but to the upstream")


@contextmanager
def tls_upstream(certificate: tuple[Path, Path]) -> Iterator[int]:
    """Serve a list of one model over TLS on loopback."""

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps({"object": "list", "data": [{"id": "tls-model", "object": "model"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_an_upstream_over_tls_is_reached_and_its_name_checked(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    with tls_upstream(certificate) as port:
        for name, status in (("localhost", 200), ("127.0.0.1", 502)):
            folder = tmp_path / name
            trust = {"SSL_CERT_FILE": str(certificate[0])}
            folder.mkdir()
            with start("--upstream", f"https://{name}:{port}/v1", folder=folder, more_environment=trust) as server:
                answer = call(server, path="/v1/models")
                assert answer.status == status


# A container's own filter: it refuses seccomp(2), or something that is not needed here.
CONTAINER = """
import errno, os, struct, sys
from privet.egress import kernel
from privet.egress.seccomp import CALLS
def instruction(code, value, yes=0, no=0):
    return struct.pack("<HBBI", code, yes, no, value)
number = {{"seccomp": {{"x86_64": 317, "aarch64": 277}}, "keyctl": {{"x86_64": 250, "aarch64": 219}}}}["{refused}"][os.uname().machine]
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
kernel.install_silent_filter(
    instruction(0x20, 0) + instruction(0x15, number, 0, 1) + instruction(6, 0x50000 | errno.EPERM) + instruction(6, 0x7FFF0000)
)
sys.argv = ["privet", *sys.argv[1:]]
from privet.cli import main
sys.exit(main())
"""


def test_where_the_kernel_gives_no_lock_it_does_not_start(tmp_path: Path) -> None:
    command = (sys.executable, "-c", CONTAINER.format(refused="seccomp"), "serve", "--json")
    status, out, err = run("--upstream", "http://127.0.0.1:9/v1", "--port", "0", folder=tmp_path, command=command)
    assert (status, out) == (3, "")
    assert "no filter of system calls can be put up for all threads: operation not permitted" in err
    assert "run it in a container whose seccomp profile allows seccomp(2)" in err


def test_in_a_container_that_filters_other_calls_it_starts(tmp_path: Path) -> None:
    command = (sys.executable, "-c", CONTAINER.format(refused="keyctl"), "serve", "--json")
    with Upstream() as upstream, start("--upstream", upstream.url, folder=tmp_path, command=command) as server:
        assert call(server, path="/v1/models").status == 200


def test_without_a_home_the_settings_of_nobody_are_read(tmp_path: Path) -> None:
    from privet.policy_file import config_home
    from privet.serve.setup import ServeOptions, load_options_policy

    policy = tmp_path / "privet.toml"
    policy.write_text("", encoding="utf-8")
    assert load_options_policy(ServeOptions(policy_file=policy), {}).policy.serve.require_key
    assert config_home({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path
    assert os.environ.get("HOME") is None or config_home(os.environ) is not None
