"""The harness finds what is planted: every form of a canary, in every place, and nothing where nothing is."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import socket
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import caller
import endpoint as endpoints
import leaks
import pytest
import syscalls
from endpoint import free_port
from upstream import Received, Upstream, Wire

ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "upper case": lambda text: text.upper().encode(),
    "title case": lambda text: text.title().encode(),
    "beginning": lambda text: text[:17].encode(),
    "end": lambda text: text[10:].encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 after one byte": lambda text: base64.b64encode(b"?" + text.encode() + b"?"),
    "base64 after two bytes": lambda text: base64.b64encode(b"??" + text.encode() + b"??"),
    "base64 inside other base64 text": lambda text: b"abc" + base64.b64encode(b"?>" + text.encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(b"\xff\xfe\xfb" + text.encode() + b"\xff\xef"),
    "base64 of upper case": lambda text: base64.b64encode(text.upper().encode()),
    "base64 in lines": lambda text: base64.encodebytes(b"." * 50 + text.encode() + b"." * 50),
    "percent-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "percent-encoded in part": lambda text: text.replace("e", "%65").encode(),
    "JSON-escaped": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text).encode(),
    "JSON-escaped in part": lambda text: text.replace("e", "\\u0065").encode(),
    "Python-escaped": lambda text: "".join(f"\\x{ord(letter):02x}" for letter in text).encode(),
    "octal": lambda text: "".join(f"\\{ord(letter):03o}" for letter in text).encode(),
    "HTML-escaped": lambda text: "".join(f"&#{ord(letter)};" for letter in text).encode(),
    "HTML-escaped in hex": lambda text: "".join(f"&#x{ord(letter):x};" for letter in text).encode(),
    "quoted-printable": lambda text: "".join(f"={byte:02X}" for byte in text.encode()).encode(),
    "UTF-16 little-endian": lambda text: text.encode("utf-16-le"),
    "UTF-16 big-endian": lambda text: text.encode("utf-16-be"),
    "hex": lambda text: text.encode().hex().encode(),
    "upper-case hex": lambda text: text.encode().hex().upper().encode(),
    "gzip": lambda text: gzip.compress(b"before " + text.encode()),
    "gzip cut off": lambda text: gzip.compress(b"before " + text.encode() + bytes(range(256)) * 40)[:-40],
    "zlib": lambda text: zlib.compress(text.encode(), 9),
    "zlib of weak compression": lambda text: zlib.compress(text.encode(), 1),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode())),
    "gzip of base64": lambda text: gzip.compress(base64.b64encode(b"?" + text.encode())),
    "gzip of JSON-escaped": lambda text: gzip.compress("".join(f"\\u{ord(x):04x}" for x in text).encode()),
}
CANARIES = {"word": leaks.word, "address": leaks.address, "key": leaks.key}

LEAKY = """
import os, socket, sys, threading
how, where, canary, port = sys.argv[1], sys.argv[2], sys.stdin.buffer.read(), int(sys.argv[3])
if how == "stdout":
    os.write(1, canary)
elif how == "stderr in two pieces":
    os.write(2, canary[:len(canary) // 2]); os.write(2, canary[len(canary) // 2:])
elif how == "file":
    open(where + "/kept", "wb").write(canary)
elif how == "file of a thread":
    thread = threading.Thread(target=lambda: open(where + "/kept", "wb").write(canary))
    thread.start(); thread.join()
elif how == "file that is removed":
    open(where + "/kept", "wb").write(canary); os.unlink(where + "/kept")
elif how == "file of a child":
    if os.fork() == 0:
        open(where + "/kept", "wb").write(canary); os._exit(0)
    os.wait()
elif how == "vector":
    descriptor = os.open(where + "/kept", os.O_CREAT | os.O_WRONLY)
    os.writev(descriptor, [canary[:5], canary[5:]])
elif how == "name":
    open(os.path.join(where.encode(), canary.replace(b"/", b"_")), "wb")
elif how == "connection":
    socket.create_connection(("127.0.0.1", port)).sendall(canary)
elif how == "datagram":
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(canary, ("127.0.0.1", port))
"""


@pytest.mark.parametrize("kind", CANARIES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_form_of_a_canary_is_found(encoding: str, kind: str) -> None:
    canary = CANARIES[kind]()
    hay = b"\x00 some text, {" + ENCODINGS[encoding](canary.value) + b"} more \xff\n"

    assert {(leak.canary, leak.haystack) for leak in leaks.find([canary], {"log": hay})} == {(kind, "log")}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_canary_is_not_found_where_another_was_written(encoding: str) -> None:
    written, sought = leaks.word(), leaks.word()

    assert leaks.find([sought], {"log": ENCODINGS[encoding](written.value)}) == []


def test_a_leak_does_not_show_the_canary() -> None:
    canary = leaks.word()

    (leak, *_) = leaks.find([canary], {"log": canary.value.encode()})

    assert canary.random not in repr(leak)


def test_canaries_are_found_in_an_archive() -> None:
    canary, archive = leaks.word(), io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("x", zlib.compress(canary.value.encode()))

    assert leaks.find([canary], {"archive": archive.getvalue()})


def test_names_and_contents_of_files_are_searched(tmp_path: Path) -> None:
    named, inside = leaks.word("named"), leaks.word("inside")
    (tmp_path / "deep" / named.value).mkdir(parents=True)
    (tmp_path / "deep" / named.value / "x").write_text(inside.value)

    assert {leak.canary for leak in leaks.find([named, inside], leaks.files_under(tmp_path))} == {
        "named",
        "inside",
    }


def test_new_files_in_shared_folders_are_searched_and_old_ones_are_not(tmp_path: Path) -> None:
    canary = leaks.word()
    new, skipped = tmp_path / "new", tmp_path / "skipped" / "inner"
    skipped.mkdir(parents=True)
    new.write_text(canary.value)
    (skipped / "x").write_text(canary.value)
    moment = new.stat().st_mtime

    assert list(leaks.new_files([tmp_path], moment, leave_out=[tmp_path / "skipped"])) == [f"file {new}"]
    assert leaks.new_files([tmp_path], moment + 1000) == {}


def leak_under_strace(tmp_path: Path, how: str, data: bytes, port: int) -> syscalls.Trace:
    """Run the leaky program under the same tracer as the endpoint."""
    place, log = tmp_path / "place", tmp_path / "log"
    place.mkdir()
    command = syscalls.traced([sys.executable, "-c", LEAKY, how, str(place), str(port)], log)
    subprocess.run(command, input=data, check=True, capture_output=True, timeout=60)
    return syscalls.read_trace(log)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a listening socket that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


PLACES = [
    "stdout",
    "stderr in two pieces",
    "file",
    "file of a thread",
    "file that is removed",
    "file of a child",
    "vector",
    "connection",
    "datagram",
]


@pytest.mark.parametrize("how", PLACES)
def test_a_canary_is_found_wherever_it_is_written(tmp_path: Path, listener: socket.socket, how: str) -> None:
    canary = leaks.address()

    trace = leak_under_strace(tmp_path, how, f"said {canary.value} twice".encode(), listener.getsockname()[1])

    assert leaks.find([canary], trace.written(1, "tcp 127.0.0.1:1"))
    assert trace.blind() == []


@pytest.mark.parametrize("encoding", ["base64 after one byte", "gzip", "UTF-16 little-endian", "JSON-escaped in part"])
def test_an_encoded_canary_is_found_in_the_trace(tmp_path: Path, encoding: str) -> None:
    canary = leaks.word()

    trace = leak_under_strace(tmp_path, "file that is removed", ENCODINGS[encoding](canary.value), 1)

    assert leaks.find([canary], trace.written(1, "tcp 127.0.0.1:1"))


def test_a_canary_in_a_file_name_is_found_in_the_trace(tmp_path: Path) -> None:
    canary = leaks.word()

    trace = leak_under_strace(tmp_path, "name", canary.value.encode(), 1)

    assert leaks.find([canary], trace.names())
    assert {path.name for path in trace.changed_paths() if "place" in path.parts} == {canary.value}


@pytest.mark.parametrize("how", ["connection", "datagram"])
def test_a_foreign_connection_is_seen(tmp_path: Path, listener: socket.socket, how: str) -> None:
    port = listener.getsockname()[1]

    trace = leak_under_strace(tmp_path, how, b"x", port)

    assert trace.connections() == {f"tcp 127.0.0.1:{port}"}


def test_what_goes_to_the_upstream_is_not_called_a_leak(tmp_path: Path, listener: socket.socket) -> None:
    canary, port = leaks.word(), listener.getsockname()[1]

    trace = leak_under_strace(tmp_path, "connection", canary.value.encode(), port)

    assert leaks.find([canary], trace.written(1, f"tcp 127.0.0.1:{port}")) == []


def test_what_goes_to_a_caller_is_not_called_a_leak_and_what_others_accept_is(tmp_path: Path) -> None:
    canary, log, port = leaks.word(), tmp_path / "log", free_port()
    serving = (
        f"import socket, sys\nserver = socket.create_server(('127.0.0.1', {port}))\n"
        "print('ready', flush=True)\n"
        "caller, _ = server.accept(); caller.sendall(sys.stdin.buffer.read())"
    )
    with subprocess.Popen(
        syscalls.traced([sys.executable, "-c", serving], log), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            process.stdin.write(canary.value.encode())
            process.stdin.close()
            assert connection.recv(100)
    trace = syscalls.read_trace(log)

    assert leaks.find([canary], trace.written(port, "tcp 127.0.0.1:1")) == []
    assert leaks.find([canary], trace.written(port + 1, "tcp 127.0.0.1:1"))


# A server that forwards prompts, and, where it is told to, keeps them as a careless one would.
STAND_IN = """
import base64, gzip, http.server, json, os, pathlib, socket, sys, urllib.request
how, other, options = sys.argv[1], int(sys.argv[2]), dict(zip(sys.argv[3::2], sys.argv[4::2]))
home = pathlib.Path(os.environ["HOME"])

class Answering(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if how == "a log in base64":
            print(base64.b64encode(b"!" + body).decode(), file=sys.stderr, flush=True)
        elif how == "a packed history":
            (home / ".history").write_bytes(gzip.compress(body))
        elif how == "a file where it was started":
            pathlib.Path("last.json").write_bytes(body)
        elif how == "a temporary file that is removed":
            (pathlib.Path(os.environ["TMPDIR"]) / "x").write_bytes(body); os.unlink(os.environ["TMPDIR"] + "/x")
        elif how == "telemetry":
            socket.create_connection(("127.0.0.1", other)).sendall(json.dumps({"seen": body.decode()}).encode())
        request = urllib.request.Request(options["--upstream"] + "/chat/completions", body)
        answer = urllib.request.urlopen(request).read()
        self.send_response(200); self.send_header("Content-Length", str(len(answer))); self.end_headers()
        self.wfile.write(answer)

server = http.server.HTTPServer(("127.0.0.1", int(options["--port"])), Answering)
print(json.dumps({"url": "http://127.0.0.1:" + options["--port"], "key": "none"}), flush=True)
server.serve_forever()
"""
CARELESS = {
    "a log in base64": "stderr",
    "a packed history": "file home/.history",
    "a file where it was started": "file cwd/last.json",
    "a temporary file that is removed": "tmp/x",
    "telemetry": "socket:",
}


def leaks_of_a_stand_in(
    folder: Path, upstream: Upstream, how: str, port: int
) -> tuple[list[leaks.Leak], syscalls.Trace]:
    """Send a canary to a stand-in and search what it left, as the tests of the real endpoint do."""
    canary = leaks.address()
    command = [sys.executable, "-c", STAND_IN, how, str(port)]
    with endpoints.start("--upstream", upstream.url, folder=folder, command=command, trace=True) as server:
        assert caller.chat(server, f"I am {canary.value}").text == f"I am {canary.value}"
    trace = server.trace()
    left = {**server.haystacks(), **trace.written(server.port, upstream.address), **trace.names()}
    return leaks.find([canary], left), trace


@pytest.mark.parametrize("how", CARELESS)
def test_a_careless_server_is_caught(tmp_path: Path, upstream: Upstream, listener: socket.socket, how: str) -> None:
    found, _ = leaks_of_a_stand_in(tmp_path, upstream, how, listener.getsockname()[1])

    assert any(CARELESS[how] in leak.haystack for leak in found)


def test_a_foreign_connection_of_a_server_is_caught(
    tmp_path: Path, upstream: Upstream, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]

    _, trace = leaks_of_a_stand_in(tmp_path, upstream, "telemetry", port)

    assert trace.connections() - {syscalls.NAME_SERVICE} == {upstream.address, f"tcp 127.0.0.1:{port}"}


def test_an_honest_server_leaves_nothing(tmp_path: Path, upstream: Upstream) -> None:
    found, trace = leaks_of_a_stand_in(tmp_path, upstream, "honest", 1)

    assert found == []
    assert trace.blind() == []
    assert trace.connections() - {syscalls.NAME_SERVICE} == {upstream.address}


def test_a_trace_says_where_it_was_blind() -> None:
    unseen = syscalls.Call(1, "write", r"3<\x2f\x78>, 0x7ffe0f3598d0, 5", "5")
    cut = syscalls.Call(1, "sendmsg", r'3<\x2f>, {msg_iov=[{iov_base="\x61"..., iov_len=9}]}, 0', "9")
    shared = syscalls.Call(1, "mmap", r"NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3<\x2f\x78>, 0", "0x7f00")
    ring = syscalls.Call(1, "io_uring_setup", "8, {}", r"4<\x61>")
    seen = syscalls.Call(1, "write", r'3<\x2f\x78>, "\x61", 1', "1")

    trace = syscalls.Trace((unseen, cut, shared, ring, seen), ())

    assert [line.split()[0] for line in trace.blind()] == ["write", "sendmsg", "mmap", "io_uring_setup"]


def test_without_strace_the_tests_fail_and_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(syscalls.StraceMissing, match="apt-get install strace"):
        syscalls.traced(["true"], tmp_path / "log")


def test_the_upstream_keeps_what_it_receives(upstream: Upstream) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
    with socket.create_connection(("127.0.0.1", upstream.port), 20) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nX-One: two\r\nTransfer-Encoding: chunked\r\n\r\n"
            + f"{len(body):x}\r\n".encode()
            + body
            + b"\r\n0\r\n\r\n"
        )
        answer = connection.recv(65536)

    assert b'"content": "hello"' in answer
    assert upstream.last.header("x-one") == "two"
    assert upstream.last.body == body


def test_html_entities_are_undone_only_where_there_are_any() -> None:
    canary = leaks.word()

    assert leaks.find([canary], {"page": html.escape(f"<{canary.value}>").encode()})


def test_the_upstream_can_be_stopped_while_it_waits() -> None:
    with Upstream() as server:
        gate = threading.Event()

        def script(_request: Received, wire: Wire) -> None:
            gate.set()
            wire.wait_for_leaving()

        server.script = script
        connection = socket.create_connection(("127.0.0.1", server.port), 20)
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert gate.wait(20)
    with connection:
        assert connection.recv(10) == b""
