"""Self-tests of what surrounds the app: the process, its connections, its log, its detector."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
from uvicorn.config import Config
from uvicorn.server import ServerState

from privet.detect.custom import unmarked
from privet.detect.rules import RULES
from privet.egress import guard
from privet.egress.closed import is_closed
from privet.errors import Unprotected, UpstreamFailed
from privet.hardening import is_hardened, refuse_content_capture
from privet.logs import AccessEvent, AccessLog
from privet.policy import LogsPolicy
from privet.serve.app import App
from privet.serve.connection import Connection
from privet.serve.http import limited_http
from privet.serve.selftest import CHAT, Bench, canary_address, with_serve
from privet.serve.upstream import Upstream, UpstreamAddress

_SHORT_SECONDS: Final = 0.02
_WAIT_SECONDS: Final = 2.0


async def persist_queries(app: App) -> bool:
    """Ask with a canary, then look for it in the state folder, and for files this process could write to."""
    canary = canary_address()
    await Bench(app).ask(text=f"remember {canary}")
    folder = app.gate.ring.folder
    kept = any(canary.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return not kept and not _writable_files()


def _writable_files() -> bool:
    """Tell whether a regular file is open for writing, beside standard input, output and error."""
    folder = Path("/proc/self/fd")
    for name in [path.name for path in folder.iterdir()] if folder.is_dir() else ():
        try:
            if int(name) > 2 and stat.S_ISREG(os.fstat(int(name)).st_mode):
                flags = int(
                    Path(f"/proc/self/fdinfo/{name}").read_text(encoding="ascii").split("flags:\t")[1].split()[0], 8
                )
                if flags & os.O_ACCMODE != os.O_RDONLY:
                    return True
        except (OSError, IndexError, ValueError):
            continue
    return False


async def max_answer_bytes(app: App) -> bool:
    """Have a model server send one byte more than allowed."""
    del app
    near, connection = await _upstream(_WAIT_SECONDS)
    near.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n" + b"a" * 65)
    try:
        await connection.headers()
        await connection.read(64)
    except UpstreamFailed:
        return True
    finally:
        near.close()
    return False


async def idle_timeout_seconds(app: App) -> bool:
    """Have a model server fall silent."""
    del app
    near, connection = await _upstream(_SHORT_SECONDS)
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            await connection.headers()
    except UpstreamFailed:
        return True
    except TimeoutError:
        return False
    finally:
        near.close()
    return False


async def _upstream(idle_timeout_seconds: float) -> tuple[socket.socket, Connection]:
    near, far = socket.socketpair()
    upstream = Upstream(UpstreamAddress("localhost", 80), idle_timeout_seconds=idle_timeout_seconds)
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(upstream), sock=far)
    connection.start(b"GET / HTTP/1.1\r\n\r\n")
    return near, connection


async def max_header_bytes(app: App) -> bool:
    """Send a header that is too large."""
    large = b"GET / HTTP/1.1\r\nx: " + b"a" * (app.policy.serve.max_header_bytes + 1) + b"\r\n\r\n"
    return b" 431 " in await _talk(Bench(app).app, large)


async def header_timeout_seconds(app: App) -> bool:
    """Begin headers and do not end them."""
    return b" 408 " in await _talk(Bench(app).app, b"GET / HTTP/1.1\r\nx: ", header_timeout_seconds=_SHORT_SECONDS)


async def body_timeout_seconds(app: App) -> bool:
    """Begin a body and do not end it."""
    bench = Bench(app)
    lines = (b"POST " + CHAT.encode() + b" HTTP/1.1", b"host: " + bench.host, b"authorization: " + bench.authorization)
    begun = b"\r\n".join((*lines, b"content-length: 9", b"", b"{"))
    return b" 408 " in await _talk(bench.app, begun, body_timeout_seconds=_SHORT_SECONDS)


async def _talk(app: App, sent: bytes, **limits: float) -> bytes:
    """Send bytes to the endpoint's HTTP protocol over a pair of sockets; return the first bytes of its answer."""
    protocol = limited_http(with_serve(app.policy, **limits).serve)
    config = Config(
        app, http=protocol, log_config=None, access_log=False, lifespan="off", ws="none", proxy_headers=False
    )
    near, far = socket.socketpair()
    loop = asyncio.get_running_loop()
    near.setblocking(False)
    try:
        await loop.create_connection(
            lambda: protocol(config=config, server_state=ServerState(), app_state={}, _loop=loop), sock=far
        )
        async with asyncio.timeout(_WAIT_SECONDS):
            await loop.sock_sendall(near, sent)
            return await loop.sock_recv(near, 4096)
    except (OSError, TimeoutError):
        return b""
    finally:
        near.close()


async def kinds(app: App) -> bool:
    """Look for an example of every kind that has a rule."""
    policy, detection = app.policy, app.relay.detection
    finders = (
        (detection.prompt.detector, policy.serve.prompt_kinds_shown),
        (detection.answer, policy.serve.answer_kinds_shown),
    )
    samples = {rule.kind: rule.hits[0].replace("«", "").replace("»", "") for rule in RULES}
    return all(
        any(span.kind == kind for span in finder.find(text))
        for finder, shown in finders
        for kind, text in samples.items()
        if kind in policy.detect.kinds - shown
    )


async def own_rules(app: App) -> bool:
    """Look for the first example of every rule of your own."""
    find = app.relay.detection.prompt.detector.find
    samples = {own: unmarked(own.hits[0]) for own in app.policy.detect.rules if own.hits}
    return all(
        all(any(span.start < end and first < span.end for span in find(text)) for first, end in marked)
        for text, marked in samples.values()
    )


async def min_score(app: App) -> bool:
    """Check that nothing below the threshold is reported, and that what lies above it is."""
    spans = app.relay.detection.prompt.detector.find(f"mail {canary_address()} or see https://example.com/docs")
    return bool(spans) and all(span.score >= app.policy.detect.min_score for span in spans)


class _Lines:
    """Takes log lines into memory."""

    dropped = 0

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)


def _log_line(policy: LogsPolicy) -> dict[str, object]:
    lines = _Lines()
    event = AccessEvent(
        route="/v1/chat/completions", status=200, masked={"EMAIL_ADDRESS": 1}, caller=secrets.token_hex(8)
    )
    AccessLog(policy, lines).write(event)
    return msgspec.json.decode(lines.lines[0]) if lines.lines else {}


async def log_fields(app: App) -> bool:
    """Write a line and look for fields that are not allowed."""
    return set(_log_line(app.policy.logs)) <= app.policy.logs.fields


async def log_content(app: App) -> bool:
    """Check that an event has no field that takes text from a request."""
    return set(AccessEvent.__slots__) == {
        "route", "status", "seconds", "prompt_tokens", "answer_tokens", "masked", "redacted", "rule", "caller",
    } and set(_log_line(app.policy.logs)) <= app.policy.logs.fields  # fmt: skip


async def log_round_seconds(app: App) -> bool:
    """Write a line and look at its time."""
    written = _log_line(replace(app.policy.logs, fields=frozenset({"time"}))).get("time", "")
    return app.policy.logs.round_seconds < 60 or str(written).endswith(":00Z")


async def core_dumps(app: App) -> bool:
    """Ask the operating system whether this process may dump or be read."""
    del app
    return is_hardened()


async def content_capture(app: App) -> bool:
    """Check that a capture variable stops the start."""
    del app
    try:
        refuse_content_capture({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"})
    except Unprotected:
        return True
    return False


async def outside_connections(app: App) -> bool:
    """Ask the kernel for a socket that could lead away, and for a connection; both must be refused."""
    del app
    return guard.is_up() and is_closed()
