"""`privet audit model DIR|GGUF|URL`: what does a model remember of its training, and what do its files carry?

The report goes to standard output, as text or JSON; `--html` and `--sarif` write files, `--evidence` writes the signed JSON beside the
weights. Exit 0: nothing leaked, 1: a test fails, 2: bad input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.cli.audit_endpoint import key_of
from privet.cli.extras import needing
from privet.cli.policy import load
from privet.cli.steps import Steps
from privet.cli.style import Style
from privet.errors import BadInput, Unprotected
from privet.evidence import Signer, json_bytes, read_json
from privet.keys import state_folder, write_private

if TYPE_CHECKING:
    from privet.audit.model import ModelOptions
    from privet.audit.model_result import ModelResult

_URL: Final = re.compile(r"(?i)https?://")
_EVIDENCE: Final = "evidence/audit-model.json"
_SILENT: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "TQDM_DISABLE")


def add_target(targets: Any) -> None:
    """Add the target."""
    parser: argparse.ArgumentParser = targets.add_parser(
        "model",
        help="weights: what they remember of their training, and what their files carry",
        description=(
            "Asks the model for canaries of its training data against controls that never were in there: extraction, exposure, membership, "
            "a lower bound of epsilon; and looks at the files of the weights. Each test ends with pass, fail, underpowered (fewer than 100 "
            "canaries and 100 controls) or not-tested. Nothing is fetched, unpickled or run. Exit 0: nothing leaked, 1: a test fails, "
            "2: bad input."
        ),
    )
    parser.add_argument("target", metavar="DIR|GGUF|URL", help="weights, or the endpoint that serves them")
    parser.add_argument("--canaries", type=Path, metavar="FILE", help='JSONL of {"prompt", "secret", "member"}')
    parser.add_argument("--membership", type=Path, metavar="FILE", help='JSONL of {"text", "member"}')
    parser.add_argument("--base", type=Path, metavar="DIR", help="the model before this training, to compare with")
    parser.add_argument("--only", type=_ids, metavar="ID,ID", help="these tests only")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same weights, policy and seed: same digest")
    parser.add_argument("--evidence", action="store_true", help="write DIR/evidence/audit-model.json, for privet card")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--html", type=Path, metavar="F", help="write a report with charts")
    parser.add_argument("--sarif", type=Path, metavar="F", help="write SARIF 2.1.0")
    parser.add_argument("--key-file", type=Path, metavar="K", help="of a URL: file with its key")
    parser.add_argument("--i-am-authorized", action="store_true", help="of a URL: needed for the public internet")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    parser.set_defaults(run=run)


def _ids(text: str) -> tuple[str, ...]:
    every = _ids_of_all()
    asked = [part.strip() for part in text.split(",") if part.strip()]
    if not asked or any(part not in every for part in asked):
        raise argparse.ArgumentTypeError(f"expected ids of {', '.join(every)}")
    return tuple(one for one in every if one in asked)


def run(options: argparse.Namespace) -> int:
    """Audit, then report."""
    with needing("audit model", "audit"):
        return _audit(options)


def _audit(options: argparse.Namespace) -> int:
    is_url = bool(_URL.match(options.target))
    _check(options, is_url=is_url)
    chosen = _options(options)
    signer = Signer.load(state_folder(os.environ))
    with Steps(sys.stderr) as steps:
        result = _of_url(options, chosen, steps) if is_url else _of_files(options, chosen, steps)
    document = signer.signed(result.evidence()) | {"run": dict(result.run)}
    if options.evidence:
        _keep(Path(options.target), document)
        sys.stderr.write(f"privet audit model: written to {_EVIDENCE}, beside the weights\n")
    _write_reports(options, document)
    if options.json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        from privet.report.model_text import as_text

        sys.stdout.write(as_text(document, colour=Style.of(sys.stdout).colour))
    return 1 if result.verdict == "fail" else 0


def _check(options: argparse.Namespace, *, is_url: bool) -> None:
    unused = [
        name for name in (("base", "evidence") if is_url else ("key_file", "i_am_authorized")) if getattr(options, name)
    ]
    if unused:
        raise BadInput(
            f"--{unused[0]} does nothing for {'a URL' if is_url else 'weights'}".replace("_", "-"), hint="leave it out"
        )
    if options.base and not options.base.is_dir():
        raise BadInput("expected a folder in --base", hint="name the folder of the model before training")
    if options.evidence and not Path(options.target).is_dir():
        raise BadInput("--evidence writes into a folder of weights", hint="name the folder, or use --json")
    if options.evidence and (lost := _kept_ids(Path(options.target)) - set(options.only or _ids_of_all())):
        raise BadInput(
            f"--evidence would replace an audit that tells of {', '.join(sorted(lost))} too",
            hint="leave --only out, or use --json",
        )


def _ids_of_all() -> tuple[str, ...]:
    from privet.audit.model_tests import IDS

    return IDS


def _kept_ids(folder: Path) -> set[str]:
    """Return which tests an audit that lies beside the weights tells of; none where it cannot be read."""
    try:
        return {str(test["id"]) for test in read_json((folder / _EVIDENCE).read_bytes())["tests"]}
    except (OSError, BadInput, KeyError, TypeError):
        return set()


def _of_files(options: argparse.Namespace, chosen: ModelOptions, steps: Steps) -> ModelResult:
    from privet.audit.model import audit_model

    # Before transformers is imported: it reads them then.
    for name in _SILENT:
        os.environ[name] = "1"
    return audit_model(Path(options.target), chosen, steps.step)


def _of_url(options: argparse.Namespace, chosen: ModelOptions, steps: Steps) -> ModelResult:
    from dataclasses import replace

    from privet.audit.endpoint.target import target_of
    from privet.audit.model_url import audit_url

    target = target_of(options.target, authorized=options.i_am_authorized)
    target = replace(target, key=key_of(options.key_file)) if options.key_file else target
    return asyncio.run(audit_url(target, chosen, steps.step))


def _options(options: argparse.Namespace) -> ModelOptions:
    from privet.audit.endpoint.given import Given, read_canaries, read_passages
    from privet.audit.model import ModelOptions
    from privet.evidence import digest
    from privet.policy_plain import plain_policy

    policy = load(options).policy
    return ModelOptions(
        seed=options.seed,
        only=options.only or _ids_of_all(),
        given=Given(
            read_canaries(options.canaries) if options.canaries else (),
            read_passages(options.membership) if options.membership else (),
        ),
        base=options.base,
        policy=policy,
        policy_sha256=digest(plain_policy(policy)),
    )


def _keep(folder: Path, document: dict[str, Any]) -> None:
    """Write the evidence beside the weights: for the owner alone, whole or not at all."""
    place = (folder / _EVIDENCE).parent
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BadInput("the folder of evidence cannot be made", hint="check the permissions of the weights") from error
    try:
        write_private(folder / _EVIDENCE, json_bytes(document))
    except Unprotected as error:
        raise BadInput("the evidence cannot be written", hint="check space and permissions of the weights") from error


def _write_reports(options: argparse.Namespace, document: dict[str, Any]) -> None:
    if options.html:
        from privet.report.model_html import as_html

        _write(options.html, as_html(document))
    if options.sarif:
        from privet.report.model_sarif import as_sarif

        _write(options.sarif, json.dumps(as_sarif(document), indent=2, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput("a report cannot be written", hint="check the folder, its permissions and its space") from error
