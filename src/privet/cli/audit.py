"""`privet audit dataset PATH`: is raw data left in it, and how sure is that?

The targets `endpoint`, `model` and `vault` are in `audit_endpoint`, `audit_model` and `audit_vault`.

The report goes to standard output, as text or JSON; `--html` and `--sarif` write files. Exit 0: every check passes, 1: one fails,
3: none fails, and one cannot tell (underpowered).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from privet.cli import audit_endpoint, audit_model, audit_vault
from privet.cli.extras import needing
from privet.cli.key_file import read_key
from privet.cli.policy import load
from privet.cli.progress import Progress
from privet.cli.style import Style
from privet.errors import BadInput

_CODES: Final = {"pass": 0, "fail": 1, "underpowered": 3}
_GIVEN: Final = ("sample", "max_residual", "max_duplicates", "t")
_TIERS: Final = ("patterns", "names", "deep")


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("audit", help="is raw data left, and how sure is that")
    parser.set_defaults(run=lambda _options: _help(parser))
    targets = parser.add_subparsers(metavar="TARGET")
    dataset = targets.add_parser(
        "dataset",
        help="a file or folder of data, cleaned by whatever",
        description=(
            "Bounds the share of records that still hold an identifier, given the detector's recall as measured on canaries planted in "
            "this data; looks for identifiers of a raw set, small groups, metadata and copies; checks the manifest. "
            "Exit 0: pass, 1: fail, 3: cannot tell."
        ),
    )
    dataset.add_argument("path", type=Path, metavar="PATH", help="a file or folder")
    dataset.add_argument("--json", action="store_true", help="for machines")
    dataset.add_argument("--html", type=Path, metavar="FILE", help="write a report with charts")
    dataset.add_argument("--sarif", type=Path, metavar="FILE", help="write the findings as SARIF 2.1.0")
    _add_sampling(dataset)
    _add_groups(dataset)
    dataset.set_defaults(run=run)
    audit_endpoint.add_target(targets)
    audit_model.add_target(targets)
    audit_vault.add_target(targets)


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same data, policy and seed: same result (default: 0)"
    )
    parser.add_argument(
        "--sample",
        type=_count,
        metavar="RECORDS",
        help="records to draw, 0 for all (default: 5000, or all if there are fewer)",
    )
    parser.add_argument(
        "--max-residual",
        type=_share,
        metavar="SHARE",
        help="largest share of records with an identifier (default: 0.01)",
    )
    parser.add_argument(
        "--max-duplicates", type=_share, metavar="SHARE", help="largest share of near copies (default: 0.05)"
    )
    parser.add_argument(
        "--raw", type=Path, metavar="RAW", help="the data before it was cleaned: none of its identifiers may be left"
    )
    parser.add_argument("--tier", choices=_TIERS, default="names", help="how deep to look (default: names)")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="with --raw: 32 secret bytes for the fingerprints (default: random)",
    )
    parser.add_argument(
        "--reserved",
        action="store_true",
        help="values that realistic surrogates are made of (numbers reserved for fiction and tests) are nobody's",
    )
    parser.add_argument("--signer", metavar="KEY", help="the public key (base64) that must have signed the manifest")


def _add_groups(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quasi-identifiers", metavar="A,B", help="columns that together may tell who somebody is")
    parser.add_argument("--sensitive", metavar="C", help="the column that must not be learned from them")
    parser.add_argument(
        "--k", type=_count, metavar="N", help="fewest rows that share their quasi-identifiers (default: 5)"
    )
    parser.add_argument(
        "--l", type=_count, metavar="N", help="fewest values of the sensitive column among them (default: 2)"
    )
    parser.add_argument(
        "--t", type=_share, metavar="SHARE", help="largest distance of its values from those of the whole"
    )


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


_count.__name__ = "number"


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError(text)
    return share


_share.__name__ = "share between 0 and 1"


def run(options: argparse.Namespace) -> int:
    """Audit, then report."""
    with needing("audit", "scrub"):
        return _audit(options)


def _audit(options: argparse.Namespace) -> int:
    from privet.audit.dataset import audit_dataset
    from privet.report.audit_text import as_text

    with Progress(sys.stderr) as progress:
        result = audit_dataset(options.path, _options(options), progress.step)
    if options.html:
        from privet.report.audit_html import as_html

        _write(options.html, as_html(result))
    if options.sarif:
        from privet.report.audit_sarif import as_sarif

        _write(options.sarif, json.dumps(as_sarif(result), indent=2, ensure_ascii=False) + "\n")
    if options.json:
        sys.stdout.write(json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(result, colour=Style.of(sys.stdout).colour))
    return _CODES[result.verdict]


def _options(options: argparse.Namespace) -> Any:
    from privet.audit.dataset import Options
    from privet.evidence import digest
    from privet.policy_plain import plain_policy

    policy = load(options).policy
    quasi = _columns(options.quasi_identifiers) or sorted(policy.scrub.quasi_identifiers)
    sensitive = _columns(options.sensitive) or sorted(policy.scrub.sensitive)
    for flag, needs, given in (
        ("key_file", "raw", options.raw),
        ("sensitive", "quasi_identifiers", quasi),
        ("k", "quasi_identifiers", quasi),
        ("l", "sensitive", sensitive),
        ("t", "sensitive", sensitive),
    ):
        if getattr(options, flag) is not None and not given:
            names = f"--{flag} does nothing without --{needs}".replace("_", "-")
            raise BadInput(names, hint="add it, or leave both out")
    given = {name: getattr(options, name) for name in _GIVEN if getattr(options, name) is not None}
    return Options(
        seed=options.seed,
        raw=options.raw,
        tier=options.tier,
        policy=policy.detect,
        key=read_key(options.key_file) if options.key_file else None,
        quasi_identifiers=tuple(quasi),
        sensitive=tuple(sensitive) if quasi else (),
        reserved=options.reserved,
        signer=options.signer,
        policy_sha256=digest(plain_policy(policy)),
        # A flag may ask for more than the policy, never for less.
        k=max(options.k or 0, policy.scrub.min_group_rows),
        l=max(options.l or 0, policy.scrub.min_sensitive_values),
        **given,
    )


def _columns(listed: str | None) -> list[str]:
    return [part.strip() for part in (listed or "").split(",") if part.strip()]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput("a report cannot be written", hint="check the folder, its permissions and its space") from error
