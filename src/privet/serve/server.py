"""Puts the endpoint up: hardens the process, binds, starts the engine or finds the upstream, verifies, serves, takes it all down again.

Order matters: nothing that could hold text exists before the process is hardened, and the key is shown only once the socket is bound.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import uvicorn

from privet.egress import guard
from privet.egress.closed import close
from privet.egress.dialer import Dialer, Place
from privet.hardening import harden, refuse_content_capture
from privet.keys import KeyRing, state_folder
from privet.logs import AccessLog, LineWriter, PlaceHandler
from privet.policy import Policy
from privet.policy_file import LoadedPolicy
from privet.serve.app import App
from privet.serve.detection import Detection
from privet.serve.engine import SOCKET_SHAPE, socket_folders
from privet.serve.gate import Gate, authority
from privet.serve.http import limited_http
from privet.serve.local_engine import LocalEngine
from privet.serve.metrics import Metrics
from privet.serve.models import Models
from privet.serve.pages import add_pages
from privet.serve.posture import Posture
from privet.serve.refusals import Refusal
from privet.serve.relay import Relay
from privet.serve.setup import ServeOptions, bind, load_options_policy, tls_context, upstream_address
from privet.serve.upstream import Upstream, UpstreamAddress

KEY_FILE: Final = "keys.json"
ENGINE_CONNECTIONS: Final = 32
"""llama.cpp keeps a thread of its 64 for every idle connection."""

_logger: Final = logging.getLogger("privet.serve")
_STDERR: Final = 2
_KEEP_ALIVE_SECONDS: Final = 30
_REVERIFY_SECONDS: Final = 900.0
_KEY_CHECK_SECONDS: Final = 2.0
_SHUTDOWN_SECONDS: Final = 10
_GC_ALLOCATIONS: Final = 20_000
_OPEN_FILES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Ready:
    """What there is to tell the user once the endpoint listens; `key` only when it is new."""

    url: str
    key: str | None
    model: str
    loaded: LoadedPolicy
    upstream_reachable: bool
    engine_networked: bool
    failed: tuple[str, ...]
    layers: tuple[str, ...]
    """of the lock that the kernel holds"""

    def __repr__(self) -> str:
        return f"Ready({self.url!r})"


class _Announce(Protocol):
    def __call__(self, failed: tuple[str, ...], *, reachable: bool) -> None: ...


def serve(options: ServeOptions, *, environment: Mapping[str, str], announce: Callable[[Ready], None]) -> None:
    """Serve until interrupted.

    Raises:
        BadInput: a flag, file, port or model is not usable.
        Unprotected: a protection cannot be put up, or the names model cannot be loaded.
        EngineFailed: the embedded engine does not start.

    """
    refuse_content_capture(environment)
    harden()
    _allow_many_connections()
    _multiply_in_one_thread()
    state = state_folder(environment)
    loaded = load_options_policy(options, environment)
    tls = tls_context(options, loaded)
    address = upstream_address(options, loaded)
    listener = bind(options)
    engine: LocalEngine | None = None
    dialer: Dialer | None = None
    try:
        # Before anything is loaded that has threads, or is to be kept from the dialer.
        dialer = Dialer.start(_place(address, state))
        layers = close()
        detection = Detection.of(loaded.policy)
        ring = KeyRing.load(state / KEY_FILE)
        if address is None:
            engine = LocalEngine(options.model, state, options.threads)
            address = engine.address
        issued = ring.issue() if options.new_key or not len(ring) else None
        port = listener.getsockname()[1]
        link = "tls" if address.tls else "loopback" if address.loopback else "plain"
        own = "tls" if tls else "loopback" if UpstreamAddress(options.host, port).loopback else "plain"
        posture = Posture(loaded, model=engine.alias if engine else "", listening=own, upstream_link=link)
        running = _Running(loaded.policy, detection, _upstream(address, loaded.policy, engine, dialer), engine, posture)
        app = running.app(Gate.at(loaded.policy.serve, ring, options.host, port))
        url = f"{'https' if tls else 'http'}://{authority(options.host, port)}"

        def ready(failed: tuple[str, ...], *, reachable: bool) -> None:
            key = issued.secret if issued else None
            networked = engine is not None and engine.networked
            announce(Ready(url, key, engine.alias if engine else "", loaded, reachable, networked, failed, layers))

        running.run(app, listener, tls, ready)
    finally:
        listener.close()
        if engine is not None:
            engine.stop()
        if dialer is not None:
            dialer.close()


def _place(address: UpstreamAddress | None, state: Path) -> Place:
    """Return the one place that can be dialled: the upstream, or the sockets of engines that are started here."""
    if address is None:
        return Place(folders=socket_folders(state), shape=SOCKET_SHAPE)
    return Place(address.host, address.port)


def _upstream(address: UpstreamAddress, policy: Policy, engine: LocalEngine | None, dialer: Dialer) -> Upstream:
    return Upstream(
        address,
        idle_timeout_seconds=policy.serve.idle_timeout_seconds,
        dialer=dialer,
        **({"max_idle_connections": ENGINE_CONNECTIONS} if engine else {}),
    )


class _Running:
    """The endpoint while it runs."""

    def __init__(
        self,
        policy: Policy,
        detection: Detection,
        upstream: Upstream,
        engine: LocalEngine | None,
        posture: Posture,
    ) -> None:
        self._policy = policy
        self._detection = detection
        self._engine = engine
        self._posture = posture
        self._writer = LineWriter(_STDERR)
        self._upstream = upstream

    def app(self, gate: Gate) -> App:
        """Return the application with all its routes."""
        policy = self._policy
        app = App(
            policy=policy,
            gate=gate,
            relay=Relay(
                policy,
                self._upstream,
                Models(self._upstream, self._engine.alias if self._engine else None),
                self._detection,
                self._engine.fit if self._engine else None,
            ),
            log=AccessLog(policy.logs, self._writer),
            metrics=Metrics(),
            secret=secrets.token_bytes(32),
        )
        add_pages(app, self._posture)
        return app

    def run(self, app: App, listener: socket.socket, tls: ssl.SSLContext | None, ready: _Announce) -> None:
        """Serve until SIGINT or SIGTERM."""
        _quiet_loggers(self._writer, self._policy.logs.round_seconds)
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._serve(app, listener, tls, ready))
        finally:
            self._writer.close()

    async def _serve(self, app: App, listener: socket.socket, tls: ssl.SSLContext | None, ready: _Announce) -> None:
        loop = asyncio.get_running_loop()
        # Debug mode logs the arguments of callbacks.
        loop.set_debug(False)
        loop.set_exception_handler(lambda _loop, context: app.report(context.get("exception")))
        # The kernel refuses all connections; this says it in Python's words, and before a name is asked for.
        guard.put_up(())
        config = uvicorn.Config(
            app,
            http=limited_http(self._policy.serve),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
        # What is loaded by now stays; requests free nearly everything they make by reference counting.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_ALLOCATIONS, 20, 100)
        tasks = [asyncio.create_task(self._verify(app, ready)), asyncio.create_task(_watch_keys(app.gate.ring))]
        if self._engine is not None:
            tasks.append(asyncio.create_task(self._engine.keep(self._upstream)))
        try:
            await uvicorn.Server(config).serve(sockets=[listener])
        finally:
            for task in tasks:
                task.cancel()
            self._upstream.close()

    async def _verify(self, app: App, ready: _Announce) -> None:
        """Confirm every default before the first word is said, and again from time to time."""
        reachable = True
        if self._engine is None:
            try:
                await app.relay.models.listed()
            except Refusal:
                reachable = False
        await self._posture.verify(app)
        ready(self._posture.failed(), reachable=reachable)
        while True:
            await asyncio.sleep(_REVERIFY_SECONDS)
            await self._posture.verify(app)


async def _watch_keys(ring: KeyRing) -> None:
    """Let a key that was made anew elsewhere shut the old one out here, too."""
    while True:
        ring.refresh()
        await asyncio.sleep(_KEY_CHECK_SECONDS)


def _allow_many_connections() -> None:
    """Raise the soft limit on open files: a stream needs two, and the usual limit of 1,024 is for programs that use select."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _multiply_in_one_thread() -> None:
    """Keep numpy's OpenBLAS, which reads this once, when it is loaded, from starting a thread a core.

    They spin while they wait for each other: with other work on two cores, the names model took four to eight times as long.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _quiet_loggers(writer: LineWriter, round_seconds: int) -> None:
    """Send every library's records through the handler that drops their text."""
    root = logging.getLogger()
    root.handlers = [PlaceHandler(writer, round_seconds)]
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False
