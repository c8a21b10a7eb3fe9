"""What the command line asks for, turned into what the server needs, or refused before anything is started."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from privet.errors import BadInput, Unprotected
from privet.policy_file import LoadedPolicy, config_home, find_policy_file, load_policy
from privet.serve.upstream import UpstreamAddress, parse_upstream

_BACKLOG: Final = 2048


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


def load_options_policy(options: ServeOptions, environment: Mapping[str, str]) -> LoadedPolicy:
    """Return the policy in force for these options."""
    path = options.policy_file or find_policy_file(Path.cwd(), config_home(environment))
    return load_policy(path, environment=environment, today=date.today())


def tls_context(options: ServeOptions, loaded: LoadedPolicy) -> ssl.SSLContext | None:
    """Return the TLS context to listen with, None on plain loopback.

    Raises:
        Unprotected: it is needed and not given.
        BadInput: the files are not usable.

    """
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


def upstream_address(options: ServeOptions, loaded: LoadedPolicy) -> UpstreamAddress | None:
    """Return where the upstream is, None for the embedded engine.

    Raises:
        BadInput: the address or the key file is not usable.
        Unprotected: it would be reached in the clear.

    """
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


def bind(options: ServeOptions) -> socket.socket:
    """Return a socket that listens.

    Raises:
        BadInput: the address or port cannot be used.

    """
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
        reason = {errno.EADDRINUSE: "is in use", errno.EACCES: "needs more rights"}.get(
            error.errno or 0, "cannot be used"
        )
        raise BadInput(
            f"port {options.port} {reason}", hint="stop what listens there, or choose another with --port"
        ) from error
    listener.set_inheritable(False)
    return listener
