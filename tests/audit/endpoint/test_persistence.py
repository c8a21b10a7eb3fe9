from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import raw_server
from raw_server import Answering, Seen, answer, polite, said

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.outcome import Outcome
from privet.audit.endpoint.persistence_channels import CHANNELS, mark_of, stem_of
from privet.audit.endpoint.scene import Size
from privet.audit.endpoint.target import target_of
from privet.audit.endpoint.traces import Traces
from privet.audit.endpoint.watched import DATABASE, LOG, OPEN, PACKED, Watched

SMALL = Size("quick", 8, 8, 1, 30.0)
SEA = "The sea is wide and blue, and nobody knows how deep it is."
Keep = Callable[[Path, bytes, bytes], None]
"""Writes down something of a request (its head, its body) in a folder."""


def audited(url: str, watch: Sequence[Path] = (), pid: int | None = None, key: str | None = None) -> Outcome:
    target = replace(target_of(url), watch=tuple(watch), server_pid=pid, key=key)
    result = asyncio.run(audit_endpoint(target, Options(size=SMALL, only=("persistence",))))
    (outcome,) = result.outcomes
    return outcome


def keeping(folder: Path, keep: Keep) -> Answering:
    lock = threading.Lock()

    def send(connection: socket.socket, request: bytes, seen: Seen) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        with lock:
            keep(folder, head, body)
        if b"about the sea" in body:
            connection.sendall(said(SEA))
        else:
            polite(connection, request, seen)

    return send


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data + b"\n")


def insert(folder: Path, _head: bytes, body: bytes) -> None:
    base = sqlite3.connect(folder / "history.db")
    base.execute("PRAGMA secure_delete = OFF")
    with base:
        base.execute("CREATE TABLE IF NOT EXISTS history (body BLOB)")
        base.execute("INSERT INTO history VALUES (?)", (body,))
        if len(body) > 1_000_000:
            base.execute("DELETE FROM history")
    base.close()


def pack(folder: Path, _head: bytes, body: bytes) -> None:
    with gzip.open(folder / "audit.log.gz", "ab") as file:
        file.write(body)


def digest(folder: Path, _head: bytes, body: bytes) -> None:
    if b"messages" in body:
        try:
            messages = json.loads(body)["messages"]
        except ValueError:
            return
        texts = [each["content"] for each in messages if isinstance(each, dict)]
        append(folder / "cache.log", hashlib.sha256("".join(map(str, texts[-1:])).encode()).hexdigest().encode())


def trace(folder: Path, head: bytes, _body: bytes) -> None:
    rows = dict(row.split(b": ", 1) for row in head.split(b"\r\n")[1:])
    append(folder / "access.log", b"%s %s" % (rows.get(b"x-request-id", b"-"), rows.get(b"user-agent", b"-")))


ALL = len([channel for channel in CHANNELS if not channel.tracing])
LEAKS: dict[str, tuple[Keep, str, str, int]] = {
    "a log": (lambda f, _, b: append(f / "a.log", b), "a message of the user", LOG, 25),
    "a log in base64, below": (lambda f, _, b: append(f / "below" / "a.log", base64.b64encode(b)), "a tool definition", LOG, 25),
    "a log of refused requests": (
        lambda f, _, b: append(f / "error.log", b) if b'"messages":"' in b else None, "a request of the wrong form", LOG, 1,
    ),
    "a log of streams": (lambda f, _, b: append(f / "a.log", b) if b'"stream":true' in b else None, "a streamed request", LOG, 2),
    "a log of addresses": (lambda f, h, _: append(f / "a.log", h.split(b"\r\n")[0]), "the query of the address", LOG, 1),
    "a log of keys": (lambda f, h, _: append(f / "a.log", h), "a wrong key", LOG, 3),
    "a database, deleted again": (insert, "the field user", DATABASE, 25),
    "a packed log": (pack, "a long message", PACKED, 25),
    "a log of answers": (lambda f, _, b: append(f / "a.log", SEA.encode()) if b"about the sea" in b else None, "an answer", LOG, 1),
    "the last request": (lambda f, _, b: (f / "old.bin").write_bytes(b"\0" + b) if b else None, "a large body", "another file", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
def test_what_is_written_down_is_found(tmp_path: Path, name: str) -> None:
    keep, channel, kind, least = LEAKS[name]
    (tmp_path / "below").mkdir()
    (tmp_path / "old.bin").write_bytes(b"old")
    (tmp_path / "error.log").write_bytes(b"an old line\n" * 1000)
    with raw_server.serve(keeping(tmp_path, keep)) as seen:
        outcome = audited(seen.url, [tmp_path])
    assert outcome.verdict == "fail"
    assert outcome.seen[f"{channel} in {kind}"] == 1
    assert least <= outcome.hits <= outcome.samples == len(CHANNELS) + 1
    assert least > 3 or outcome.hits == least
    assert outcome.fix


CLEAN: dict[str, tuple[Keep, tuple[str, ...]]] = {
    "nothing": (lambda *_: None, ("nothing was written there while the server was asked",)),
    "lines of an access log": (lambda f, h, _: append(f / "a.log", h[:20]), ()),
    "what is made for tracing": (
        trace, ("headers that are made for tracing (x-request-id, user-agent, x-forwarded-for) are written down",),
    ),
    "digests": (digest, ("a digest of what was asked is kept: whoever guesses the text can confirm it",)),
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAN)
def test_what_may_be_written_down_is_no_failure(tmp_path: Path, name: str) -> None:
    keep, notes = CLEAN[name]
    (tmp_path / "old.log").write_text(f"ebony-saddle-18271-aamark {SEA}\n")
    with raw_server.serve(keeping(tmp_path, keep)) as seen:
        outcome = audited(seen.url, [tmp_path])
    assert (outcome.verdict, outcome.hits, outcome.notes) == ("pass", 0, notes)


def metrics(text: Callable[[bytes], bytes]) -> Answering:
    bodies: list[bytes] = []

    def send(connection: socket.socket, request: bytes, seen: Seen) -> None:
        bodies.append(request.partition(b"\r\n\r\n")[2])
        if request.startswith(b"GET /metrics"):
            connection.sendall(answer(text(b"".join(bodies)), "200 OK", "text/plain"))
        else:
            polite(connection, request, seen)

    return send


def test_metrics_are_read_from_outside() -> None:
    with raw_server.serve(metrics(lambda bodies: b'requests{prompt="' + bodies + b'"} 1')) as seen:
        outcome = audited(seen.url)
    assert outcome.verdict == "fail"
    assert outcome.seen["a message of the user in metrics"] == 1


def test_without_a_way_in_nothing_is_passed() -> None:
    with raw_server.serve(metrics(lambda bodies: b"requests %d" % len(bodies))) as seen:
        outcome = audited(seen.url)
        other = audited(seen.url, pid=2**22 + 1)
    assert (outcome.verdict, outcome.samples) == ("not-tested", 0)
    assert "--watch-dir" in outcome.says
    assert "--server-pid" in outcome.says
    assert (other.verdict, other.says) == ("not-tested", "no process has the id of --server-pid")


def test_a_folder_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    with raw_server.serve() as seen:
        outcome = audited(seen.url, [tmp_path / "none"])
    assert outcome.verdict == "underpowered"
    assert outcome.says.startswith("1 files or folders could not be opened")


_OWN_FILES = """
import os, sys, tempfile, threading
sys.path[:0] = [{tests!r}]
import raw_server
unnamed = tempfile.TemporaryFile()
def keep(connection, request, seen):
    body = request.partition(b"\\r\\n\\r\\n")[2]
    if {how!r} == "unnamed":
        unnamed.write(body); unnamed.flush()
    if {how!r} == "printed":
        print(body.decode(), flush=True)
    if {how!r} == "in its folder" and body:
        open("dump.txt", "ab").write(body)
    raw_server.polite(connection, request, seen)
with raw_server.serve(keep) as seen:
    print(seen.port, file=sys.stderr, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("how", "kind"), [("unnamed", OPEN), ("printed", LOG), ("in its folder", LOG), ("not at all", "")]
)
def test_files_of_a_process_are_found_by_its_id(tmp_path: Path, how: str, kind: str) -> None:
    code = _OWN_FILES.format(tests=str(Path(__file__).parent), how=how)
    work, out = tmp_path / "work", tmp_path / "out.log"
    work.mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with out.open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=work,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.PIPE,
        )
    assert process.stderr is not None
    try:
        port = int(process.stderr.readline())
        outcome = audited(f"http://127.0.0.1:{port}/v1", pid=process.pid)
    finally:
        process.communicate(timeout=10)
    if kind:
        assert outcome.verdict == "fail"
        assert outcome.seen[f"a message of the user in {kind}"] == 1
    else:
        assert (outcome.verdict, outcome.hits) == ("pass", 0)


def test_a_server_that_dies_is_searched_for_what_it_wrote(tmp_path: Path) -> None:
    def dies(folder: Path, _head: bytes, body: bytes) -> None:
        append(folder / "core.log", body)
        if len(seen.requests) > 20:
            seen.die()
            raise OSError

    with raw_server.serve(keeping(tmp_path, dies)) as seen:
        outcome = audited(seen.url, [tmp_path])
    assert outcome.verdict == "fail"
    assert LOG in " ".join(outcome.seen)


def test_marks_are_new_in_each_run_and_one_for_each_way() -> None:
    marks = {mark_of(stem_of(nonce), number) for nonce in ("a", "b") for number in range(len(CHANNELS))}
    assert len(marks) == 2 * len(CHANNELS)
    assert len({channel.name for channel in CHANNELS}) == len(CHANNELS)


def test_a_watch_knows_what_has_changed_and_what_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "same.log").write_text("same")
    os.mkfifo(tmp_path / "pipe")
    code = f"""
import os
from pathlib import Path
from privet.audit.endpoint.watched import Watched
if os.geteuid() == 0:
    os.chmod({str(tmp_path)!r}, 0o755); os.chmod({str(tmp_path / "closed")!r}, 0o700)
    os.setgid(65534); os.setuid(65534)
else:
    os.chmod({str(tmp_path / "closed")!r}, 0)
watched = Watched((Path({str(tmp_path)!r}),), None)
watched.begin()
print(len(watched.before), watched.unreadable)
"""
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    (tmp_path / "closed").chmod(0o700)
    assert printed.split() == ["1", "1"]


def test_only_what_changed_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "same.log").write_text("same")
    (tmp_path / "grown.log").write_text("old")
    watched = Watched((tmp_path,), None)
    watched.begin()
    append(tmp_path / "grown.log", b"new")
    (tmp_path / "made.log").write_text("made")
    traces = Traces("ebony-saddle-18271", {"a": ["made"], "b": ["same"], "c": ["oldnew"]})
    found = asyncio.run(watched.search(traces, 1 << 20))
    assert dict(found) == {"a": {LOG}, "c": {LOG}}
    assert watched.changed == 2
