"""`privet serve`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privet.cli.extras import needing
from privet.cli.style import Style
from privet.errors import Unprotected

if TYPE_CHECKING:
    from privet.serve.server import Ready


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "serve",
        help="private OpenAI-compatible endpoint over the embedded model or an upstream",
        description="Serve a private OpenAI-compatible endpoint. Everything is on by default; `privet policy show` lists it.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDR", help="address to listen on; beyond loopback it needs TLS"
    )
    parser.add_argument(
        "--port", type=_port, default=8400, metavar="N", help="port to listen on, 0 for a free one (default 8400)"
    )
    parser.add_argument(
        "--upstream", metavar="URL", help="protect this OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1"
    )
    parser.add_argument("--upstream-key-file", type=Path, metavar="FILE", help="file with the upstream's own key")
    parser.add_argument("--model", type=Path, metavar="FILE", help="run this GGUF file instead of the embedded model")
    parser.add_argument(
        "--threads", type=_positive, default=1, metavar="N", help="threads of the embedded engine (default 1)"
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain in PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key in PEM")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    parser.add_argument(
        "--new-key",
        action="store_true",
        help="make a new API key; running endpoints take it over within seconds",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line with url and key when ready")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    with needing("serve", "serve,engine", Unprotected):
        from privet.serve.server import serve
        from privet.serve.setup import ServeOptions
    signal.signal(signal.SIGTERM, _interrupt)
    chosen = ServeOptions(
        host=options.host,
        port=options.port,
        upstream=options.upstream,
        upstream_key_file=options.upstream_key_file,
        model=options.model,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        policy_file=options.policy,
        new_key=options.new_key,
        threads=options.threads,
    )
    announce = _announce_json if options.json else _announce
    try:
        serve(chosen, environment=os.environ, announce=announce)
    except KeyboardInterrupt:
        if not options.json:
            sys.stderr.write("\nstopped; nothing was kept\n")
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("expected a port from 0 to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError("expected a number from 1 to 1024")
    return int(text)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _announce_json(ready: Ready) -> None:
    sys.stdout.write(json.dumps({"url": ready.url, "key": ready.key}) + "\n")
    sys.stdout.flush()
    lines = _warnings(ready)
    if ready.key is None:
        lines.append("the key was shown at the first start; --new-key makes a new one")
    for line in lines:
        sys.stderr.write(json.dumps({"level": "warning", "message": line}) + "\n")


def _announce(ready: Ready) -> None:
    style = Style.of(sys.stdout)
    # As the user can type it: a clone's .venv is not on the path unless it was activated.
    program = "privet" if shutil.which("privet") else os.path.relpath(sys.argv[0])
    serve_policy = ready.loaded.policy.serve
    model = ready.model or "the upstream's models"
    reach = "no connection but to the embedded engine" if ready.model else "no connection but to the upstream"
    on = (
        f"identifiers in prompts: {serve_policy.prompt_identifiers}; in answers: {serve_policy.answer_identifiers}",
        "nothing kept: no prompt, answer, address or key on disk, in logs or in metrics",
        "stored state, remote files, hosted tools, log probabilities and unknown fields are refused",
        "key needed, foreign hosts and web origins refused, core dumps off",
        f"locked by the kernel ({', '.join(ready.layers)}): {reach}",
    )
    lines = [style.bold(f"Privet serves {model} at {style.green(ready.url)}"), ""]
    lines += [f"  {style.green('on')}  {text}" for text in on]
    lines += ["", f"  page     {ready.url}/", f"  API      {ready.url}/v1"]
    if ready.key is None:
        lines.append(f"  key      as shown at the first start; `{program} serve --new-key` makes a new one")
    else:
        lines.append(f"  key      {style.bold(ready.key)}   (shown once)")
    lines += ["", f"  every default and its reason: {program} policy show      stop: Ctrl+C", ""]
    sys.stdout.write("\n".join(lines))
    for line in _warnings(ready):
        sys.stdout.write(f"  {style.yellow('!')} {line}\n")
    sys.stdout.flush()


def _warnings(ready: Ready) -> list[str]:
    lines = [f"self-test failed: {setting_id}" for setting_id in ready.failed]
    if ready.engine_networked:
        lines.append(
            "this kernel allows no empty network for the embedded engine: allow user namespaces, or trust llama.cpp"
        )
    if not ready.upstream_reachable:
        lines.append("the upstream cannot be reached or lists no models; requests are refused until it answers")
    lines += [
        f"weaker by exception: {item.rule}, until {item.expires}, by {item.owner}: {item.reason}"
        for item in ready.loaded.exceptions
    ]
    lines += [
        f"the exception for {item.rule} expired on {item.expires}: the default holds; renew it or remove it"
        for item in ready.loaded.expired
    ]
    return lines
