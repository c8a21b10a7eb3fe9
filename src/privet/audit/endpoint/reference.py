"""A server of the OpenAI API that leaks nothing, or just what it is told to: what the audit of endpoints is measured on.

`python -m privet.audit.endpoint.reference --leak personal-data:rare` prints one line of JSON as soon as it
listens and serves until it is ended.
Without `--leak` it is what a careful endpoint is. The leaks and their forms are in `reference_leaks.py`.

Invariants:

- It listens on loopback alone, and its model knows nothing of anybody.
- A leak that is not switched on is not there; each adds one way for data to get out, and no other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from privet.audit.endpoint import reference_leaks as given
from privet.audit.endpoint.reference_door import Door
from privet.audit.endpoint.reference_http import LIMIT, read_request, write_response
from privet.audit.endpoint.reference_routes import Routes
from privet.audit.endpoint.reference_state import Log
from privet.errors import PrivetError

TOKEN_SECONDS: Final = 0.0003
"""What a token of a prompt costs that was not computed before: as a small model on a processor."""
_IDLE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Running:
    """A server that listens. `watch` is where it writes; `canaries` and `membership` are files for the audit."""

    url: str
    keys: tuple[str, ...]
    pid: int
    watch: Path
    canaries: Path
    membership: Path

    def told(self) -> dict[str, Any]:
        """Return what is printed."""
        return {
            "url": self.url,
            "keys": list(self.keys),
            "pid": self.pid,
            "watch": str(self.watch),
            "canaries": str(self.canaries),
            "membership": str(self.membership),
        }


class _Server:
    def __init__(self, leaks: frozenset[str], tenants: int, state: Path, token_seconds: float) -> None:
        self.keys = tuple(f"key-{secrets.token_urlsafe(24)}" for _ in range(tenants))
        self._door = Door(leaks, self.keys, Routes(leaks, token_seconds), Log(state, leaks))
        self._callers: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=LIMIT)
        self._door.port = server.sockets[0].getsockname()[1]
        return server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._door.port}/v1"

    def stop(self) -> None:
        for caller in self._callers:
            caller.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._callers.add(task)
        task.add_done_callback(self._callers.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    request = await read_request(reader)
                if request is None:
                    break
                close = request.too_large or request.headers.get("connection", "").lower() == "close"
                await write_response(writer, await self._door.answer(request), close=close)
                if close:
                    break
        writer.close()


def _files(folder: Path) -> tuple[Path, Path]:
    """Write what the user of the audit would know of the model."""
    canaries, membership = folder / "canaries.jsonl", folder / "membership.jsonl"
    rows = [{"prompt": each.prompt, "secret": each.secret, "member": each.member} for each in given.canaries()]
    canaries.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    texts = [{"text": each.text, "member": each.member} for each in given.passages()]
    membership.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in texts))
    return canaries, membership


@contextmanager
def serve(
    leaks: frozenset[str] = frozenset(),
    *,
    tenants: int = 2,
    state: Path | None = None,
    token_seconds: float = TOKEN_SECONDS,
) -> Iterator[Running]:
    """Serve in a thread until the block ends; `leaks` as for `--leak`, `state` the folder for what it writes, else one of its own."""
    with tempfile.TemporaryDirectory(prefix="privet-reference-") as own:
        watch = state or Path(own, "state")
        watch.mkdir(exist_ok=True)
        server = _Server(given.leaks_of(leaks), tenants, watch, token_seconds)
        loop = asyncio.new_event_loop()
        listening = loop.run_until_complete(server.start(0))
        thread = threading.Thread(target=loop.run_forever, name="reference", daemon=True)
        thread.start()
        try:
            yield Running(server.url, server.keys, os.getpid(), watch, *_files(Path(own)))
        finally:
            asyncio.run_coroutine_threadsafe(_ended(listening, server), loop).result(5)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)
            loop.close()


async def _ended(listening: asyncio.Server, server: _Server) -> None:
    listening.close()
    server.stop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _until_ended(arguments: argparse.Namespace, leaks: frozenset[str], folder: Path) -> None:
    watch = arguments.state or folder / "state"
    watch.mkdir(parents=True, exist_ok=True)
    server = _Server(leaks, arguments.tenants, watch, arguments.token_seconds)
    listening = await server.start(arguments.port)
    running = Running(server.url, server.keys, os.getpid(), watch, *_files(folder))
    sys.stdout.write(msgspec.json.encode(running.told()).decode() + "\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await _ended(listening, server)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(
        prog="python -m privet.audit.endpoint.reference", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--leak", default="", help="leaks, ID or ID:FORM, with commas between them")
    parser.add_argument("--tenants", type=int, default=2, help="how many keys there are")
    parser.add_argument("--state", type=Path, help="folder for what it writes, else a temporary one")
    parser.add_argument(
        "--token-seconds", type=float, default=TOKEN_SECONDS, help="what a token that is not cached costs"
    )
    arguments = parser.parse_args(argv)
    try:
        leaks = given.leaks_of(name for name in arguments.leak.split(",") if name)
        with tempfile.TemporaryDirectory(prefix="privet-reference-") as folder:
            asyncio.run(_until_ended(arguments, leaks, Path(folder)))
    except (PrivetError, OSError) as error:
        sys.stderr.write(f"reference: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
