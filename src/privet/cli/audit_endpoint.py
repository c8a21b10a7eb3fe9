"""`privet audit endpoint URL`: does it leak, and how sure is that?

The report goes to standard output, as text or JSON; `--html`, `--sarif` and `--junit` write files. Exit 0: nothing leaked, 1: a test fails,
2: bad input, 3: the target broke the audit off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.cli.extras import needing
from privet.cli.policy import load
from privet.cli.steps import Steps
from privet.cli.style import Style
from privet.errors import BadInput
from privet.evidence import Signer
from privet.keys import state_folder

if TYPE_CHECKING:
    from privet.audit.endpoint.result import EndpointResult
    from privet.audit.endpoint.target import Target

_MAX_KEY_BYTES: Final = 64 * 1024


def add_target(targets: Any) -> None:
    """Add the target."""
    parser: argparse.ArgumentParser = targets.add_parser(
        "endpoint",
        help="an OpenAI-compatible endpoint: fourteen tests of what it gives away",
        description=(
            "Asks the endpoint, and nobody else, and ends with a verdict for each of fourteen tests: pass, fail, underpowered "
            "(never a pass without power) or not-tested. "
            "Exit 0: nothing leaked, 1: a test fails, 2: bad input, 3: the target broke the audit off."
        ),
    )
    parser.add_argument("url", metavar="URL", help="e.g. http://127.0.0.1:8000/v1")
    parser.add_argument("--key-file", type=Path, metavar="K", help="file with the key of the endpoint")
    parser.add_argument(
        "--tenant-key-file",
        type=Path,
        action="append",
        default=[],
        metavar="K",
        help="file with another caller's key, to test that callers are kept apart (repeatable)",
    )
    _add_sight(parser)
    _add_amount(parser)
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--html", type=Path, metavar="F", help="write a report with charts")
    parser.add_argument("--sarif", type=Path, metavar="F", help="write SARIF 2.1.0")
    parser.add_argument("--junit", type=Path, metavar="F", help="write JUnit XML")
    parser.add_argument("--compare", type=Path, metavar="OLD", help="say what changed since an earlier audit's JSON")
    parser.add_argument("--reveal", action="store_true", help="show what leaked, made harmless")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    parser.add_argument("--i-am-authorized", action="store_true", help="needed for an address of the public internet")
    parser.set_defaults(run=run)


def _add_sight(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch-dir",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder that the server writes to: logs, state, databases (repeatable)",
    )
    parser.add_argument("--server-pid", type=_positive, metavar="PID", help="its process, to see files and connections")
    parser.add_argument("--canaries", type=Path, metavar="FILE", help='JSONL of {"prompt", "secret", "member"}')
    parser.add_argument("--membership", type=Path, metavar="FILE", help='JSONL of {"text", "member"}')


def _add_amount(parser: argparse.ArgumentParser) -> None:
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a minute")
    size.add_argument("--full", action="store_true", help="up to two hours, ten times the power")
    parser.add_argument("--only", type=_ids, metavar="ID,ID", help="these tests only")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same target, policy and seed: same digest")
    parser.add_argument("--max-requests", type=_positive, metavar="N", help="requests at most")
    parser.add_argument("--max-tokens", type=_positive, metavar="N", help="generated tokens at most")
    parser.add_argument("--max-seconds", type=_positive, metavar="N", help="seconds at most (default: 60, 900 or 7200)")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("expected a number above 0")
    return int(text)


def _ids(text: str) -> tuple[str, ...]:
    from privet.audit.endpoint.tests import IDS

    asked = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [part for part in asked if part not in IDS]
    if unknown or not asked:
        raise argparse.ArgumentTypeError(f"expected ids of {', '.join(IDS)}")
    return tuple(one for one in IDS if one in asked)


def run(options: argparse.Namespace) -> int:
    """Audit, then report."""
    with needing("audit endpoint", "audit"):
        return _audit(options)


def _audit(options: argparse.Namespace) -> int:
    from privet.audit.endpoint.audit import audit_endpoint
    from privet.audit.endpoint.compare import read_evidence

    target = _target(options)
    chosen = _options(options)
    earlier = read_evidence(options.compare) if options.compare else None
    signer = Signer.load(state_folder(os.environ))
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with Steps(sys.stderr) as steps:
            result = asyncio.run(audit_endpoint(target, chosen, steps.step))
    except KeyboardInterrupt:
        sys.stderr.write("\nprivet audit endpoint: stopped; the same command goes on within an hour\n")
        raise
    document = _document(result, signer, earlier)
    _write_reports(options, document)
    if options.json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        from privet.report.endpoint_text import as_text

        sys.stdout.write(as_text(document, colour=Style.of(sys.stdout).colour))
    return _code(result, chosen.policy.audit.endpoint_demands)


def _code(result: EndpointResult, demands: str) -> int:
    verdicts = {outcome.verdict for outcome in result.outcomes}
    if "fail" in verdicts or (demands == "proof" and not result.broken_off and verdicts != {"pass"}):
        return 1
    return 3 if result.broken_off else 0


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _target(options: argparse.Namespace) -> Target:
    from privet.audit.endpoint.target import target_of

    for folder in options.watch_dir:
        if not folder.is_dir():
            raise BadInput("expected a folder in --watch-dir", hint="name the folder that the server writes to")
    return replace(
        target_of(options.url, authorized=options.i_am_authorized),
        key=key_of(options.key_file) if options.key_file else None,
        tenants=tuple(key_of(path) for path in options.tenant_key_file),
        server_pid=options.server_pid,
        watch=tuple(options.watch_dir),
    )


def key_of(path: Path) -> str:
    """Return the key in a file: its first line that is not empty."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_KEY_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the key file {path.name} cannot be read", hint="it holds the key, and nothing else") from error
    if not text or len(text.split()) != 1:
        raise BadInput(f"the key file {path.name} holds no single key", hint="it holds the key, and nothing else")
    return text


def _options(options: argparse.Namespace) -> Any:
    from privet.audit.endpoint.audit import Options
    from privet.audit.endpoint.given import Given, read_canaries, read_passages
    from privet.audit.endpoint.scene import FULL, QUICK, USUAL
    from privet.audit.endpoint.tests import IDS
    from privet.evidence import digest

    policy = load(options).policy
    limits = {
        name: getattr(options, name)
        for name in ("max_requests", "max_tokens", "max_seconds")
        if getattr(options, name) is not None
    }
    return Options(
        seed=options.seed,
        size=QUICK if options.quick else FULL if options.full else USUAL,
        only=options.only or IDS,
        given=Given(
            read_canaries(options.canaries) if options.canaries else (),
            read_passages(options.membership) if options.membership else (),
        ),
        policy=policy,
        policy_sha256=digest(_plain(policy)),
        reveal=options.reveal,
        state=state_folder(os.environ),
        **limits,
    )


def _plain(policy: Any) -> Any:
    from privet.policy_plain import plain_policy

    return plain_policy(policy)


def _document(result: EndpointResult, signer: Signer, earlier: Any) -> dict[str, Any]:
    """Return the signed evidence, what changed, and the run."""
    from privet.audit.endpoint.compare import compared

    document = signer.signed(result.evidence())
    if earlier is not None:
        document["comparison"] = compared(earlier, document).as_json()
    return document | {"run": result.run_block()}


def _write_reports(options: argparse.Namespace, document: dict[str, Any]) -> None:
    if options.html:
        from privet.report.endpoint_html import as_html

        _write(options.html, as_html(document))
    if options.sarif or options.junit:
        from privet.report.endpoint_sarif import as_junit, as_sarif

        if options.sarif:
            _write(options.sarif, json.dumps(as_sarif(document), indent=2, ensure_ascii=False) + "\n")
        if options.junit:
            _write(options.junit, as_junit(document))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput("a report cannot be written", hint="check the folder, its permissions and its space") from error
