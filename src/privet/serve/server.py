"""Puts the endpoint up: hardens the process, binds, starts the engine or finds the upstream, verifies, serves, takes it all down again.

Order matters: nothing that could hold text exists before the process is hardened, and the key is shown only once the socket is bound.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import uvicorn

from privet.detect import Detector
from privet.egress import guard
from privet.errors import BadInput, Unprotected
from privet.hardening import harden, refuse_content_capture
from privet.keys import KeyRing, state_folder
from privet.logs import AccessLog, LineWriter, PlaceHandler
from privet.policy_file import LoadedPolicy, find_policy_file, load_policy
from privet.serve.app import App
from privet.serve.engine import Engine
from privet.serve.gate import Gate
from privet.serve.http import limited_http
from privet.serve.masking import SpanCache
from privet.serve.metrics import Metrics
from privet.serve.models import Models
from privet.serve.pages import add_pages
from privet.serve.posture import Posture
from privet.serve.upstream import Upstream, UpstreamAddress, parse_upstream

KEY_FILE: Final = "keys.json"
_STDERR: Final = 2
_BACKLOG: Final = 2048
_KEEP_ALIVE_SECONDS: Final = 30
_REVERIFY_SECONDS: Final = 900.0
_SHUTDOWN_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line asks for."""

    host: str = "127.0.0.1"
    port: int = 8400
    upstream: str | None = None
    upstream_key_file: Path | None = None
    model: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    policy_file: Path | None = None
    new_key: bool = False
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Ready:
    """What there is to tell the user once the endpoint listens; `key` only when it is new."""

    url: str
    key: str | None
    model: str
    loaded: LoadedPolicy
    upstream_reachable: bool
    failed: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Ready({self.url!r})"


def serve(options: ServeOptions, *, environment: Mapping[str, str], announce: Callable[[Ready], None]) -> None:
    """Serve until interrupted.

    Raises:
        BadInput: a flag, file, port or model is not usable.
        Unprotected: a protection cannot be put up.
        EngineFailed: the embedded engine does not start.

    """
    refuse_content_capture(environment)
    harden()
    state = state_folder(environment)
    loaded = _policy(options, environment)
    tls = _tls(options, loaded)
    upstream = _upstream(options, loaded)
    listener = _bind(options)
    engine: Engine | None = None
    try:
        ring = KeyRing.load(state / KEY_FILE)
        if upstream is None:
            engine = Engine.start(options.model, state_dir=state, threads=options.threads)
            upstream = UpstreamAddress(
                "localhost", 80, "/v1", socket_path=str(engine.address.socket_path), key=engine.address.key
            )
        issued = ring.issue() if options.new_key or not len(ring) else None
        url = f"{'https' if tls else 'http'}://{_authority(options.host, listener.getsockname()[1])}"
        alias = engine.alias if engine else None
        running = _Running(loaded, upstream, ring, options.host, listener, tls, alias)
        secret = issued.secret if issued else None
        running.run(lambda reachable, failed: announce(Ready(url, secret, alias or "", loaded, reachable, failed)))
    finally:
        listener.close()
        if engine is not None:
            engine.stop()


def _policy(options: ServeOptions, environment: Mapping[str, str]) -> LoadedPolicy:
    config_home = Path(
        environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "~").expanduser() / ".config"
    )
    path = options.policy_file or find_policy_file(Path.cwd(), config_home)
    return load_policy(path, environment=environment, today=date.today())


def _tls(options: ServeOptions, loaded: LoadedPolicy) -> ssl.SSLContext | None:
    if (options.tls_cert is None) != (options.tls_key is None):
        raise BadInput("--tls-cert and --tls-key belong together", hint="give both, or none on loopback")
    if options.tls_cert is None or options.tls_key is None:
        if not UpstreamAddress(options.host, options.port).loopback and loaded.policy.serve.require_tls:
            raise Unprotected(
                "listening beyond loopback needs TLS",
                hint="add --tls-cert FILE and --tls-key FILE, or listen on 127.0.0.1",
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(
            "the TLS certificate or key cannot be read", hint="give PEM files that belong together"
        ) from error
    return context


def _upstream(options: ServeOptions, loaded: LoadedPolicy) -> UpstreamAddress | None:
    if options.upstream is None:
        if options.upstream_key_file is not None:
            raise BadInput("--upstream-key-file without --upstream", hint="add --upstream URL")
        return None
    if options.model is not None:
        raise BadInput("--model and --upstream exclude each other", hint="leave one of them out")
    key = ""
    if options.upstream_key_file is not None:
        try:
            key = options.upstream_key_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise BadInput(
                "the upstream's key file cannot be read", hint="put the key alone into a text file"
            ) from error
        if not key.isprintable() or " " in key:
            raise BadInput("the upstream's key file holds more than a key", hint="put the key alone into a text file")
    address = parse_upstream(options.upstream, key=key)
    if not address.tls and not address.loopback and not loaded.policy.serve.plain_http_upstream:
        raise Unprotected(
            "an upstream beyond loopback needs https",
            hint="use https, or add an [[exception]] for serve.plain_http_upstream",
        )
    return address


def _bind(options: ServeOptions) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise BadInput("--host is not an address of this machine", hint="use 127.0.0.1") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise BadInput(
            f"port {options.port} cannot be used", hint="stop what listens there, or choose another with --port"
        ) from error
    listener.set_inheritable(False)
    return listener


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Running:
    """The endpoint while it runs."""

    def __init__(
        self,
        loaded: LoadedPolicy,
        address: UpstreamAddress,
        ring: KeyRing,
        host: str,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        engine_alias: str | None,
    ) -> None:
        self._loaded = loaded
        self._address = address
        self._listener = listener
        self._tls = tls
        self._alias = engine_alias
        self._gate = Gate.at(loaded.policy.serve, ring, host, listener.getsockname()[1])
        own = "loopback" if UpstreamAddress(host, 0).loopback else "plain"
        link = "loopback" if address.loopback else "plain"
        self._posture = Posture(
            loaded,
            model=engine_alias or "",
            listening="tls" if tls else own,
            upstream_link="tls" if address.tls else link,
        )

    def run(self, announce: Callable[[bool, tuple[str, ...]], None]) -> None:
        """Serve until SIGINT or SIGTERM."""
        policy = self._loaded.policy
        writer = LineWriter(_STDERR)
        _quiet_loggers(writer, policy.logs.round_seconds)
        upstream = Upstream(self._address, idle_timeout_seconds=policy.serve.idle_timeout_seconds)
        app = App(
            policy=policy,
            gate=self._gate,
            server=upstream,
            models=Models(upstream, self._alias),
            finder=SpanCache(Detector(policy.detect)),
            log=AccessLog(policy.logs, writer),
            metrics=Metrics(),
            secret=secrets.token_bytes(32),
        )
        add_pages(app, self._posture)
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._serve(app, upstream, announce))
        finally:
            writer.close()

    async def _serve(self, app: App, upstream: Upstream, announce: Callable[[bool, tuple[str, ...]], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(False)
        loop.set_exception_handler(lambda _loop, context: app.report(context.get("exception")))
        guard.put_up({(self._address.host, self._address.port)} if self._address.socket_path is None else set())
        config = uvicorn.Config(
            app,
            http=limited_http(self._loaded.policy.serve),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            ssl_context_factory=self._tls_context if self._tls else None,
        )
        serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[self._listener]))
        verifying = asyncio.create_task(self._verify(app, announce))
        try:
            await serving
        finally:
            verifying.cancel()
            upstream.close()

    def _tls_context(self, _config: uvicorn.Config, _default: object) -> ssl.SSLContext:
        if self._tls is None:
            raise Unprotected("no TLS context")
        return self._tls

    async def _verify(self, app: App, announce: Callable[[bool, tuple[str, ...]], None]) -> None:
        """Confirm every default before the first word is said, and again from time to time."""
        reachable = True
        if self._alias is None:
            try:
                await app.models.listed()
            except Exception:
                reachable = False
        await self._posture.verify(app)
        announce(reachable, self._posture.failed())
        while True:
            await asyncio.sleep(_REVERIFY_SECONDS)
            await self._posture.verify(app)


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
