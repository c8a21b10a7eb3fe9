"""`privet card DIR`: the privacy section of a model card from evidence; `--verify` holds it against evidence.

Exit 0: written, or verified; 1: something does not hold; 2: bad input; 3: evidence was edited, so nothing was written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.cli.extras import needing
from privet.cli.style import Style
from privet.errors import BadInput

if TYPE_CHECKING:
    from privet.card.facts import Facts
    from privet.card.verify import Verification
    from privet.card.write import Written

_FORMAT: Final = "privet-card-written/1"
_EXPORTS: Final = ("cyclonedx", "croissant", "spdx", "intoto")


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "card",
        help="the privacy section of a model card, from evidence",
        description=(
            "Writes the privacy section of README.md in a model's folder from the files in its evidence/, and nothing else; says what was "
            "not measured. Exit 0: written, or verified; 1: with --verify, something does not hold; 2: bad input; 3: evidence was edited."
        ),
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with weights, README.md and evidence/")
    parser.add_argument(
        "--verify", action="store_true", help="write nothing; hold the card against evidence and weights"
    )
    parser.add_argument("--signer", metavar="KEY", help="with --verify: the public key (base64) that must have signed")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--cyclonedx", type=Path, metavar="F", help="write a CycloneDX 1.7 ML-BOM too")
    parser.add_argument("--croissant", type=Path, metavar="F", help="write Croissant RAI fields of the dataset too")
    parser.add_argument("--spdx", type=Path, metavar="F", help="write SPDX 3.0.1 with its AI and Dataset profiles too")
    parser.add_argument(
        "--intoto", type=Path, metavar="F", help="write a signed in-toto attestation of the weights too"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write, or verify."""
    with needing("card", "audit"):
        return _verify(options) if options.verify else _write(options)


def _write(options: argparse.Namespace) -> int:
    from privet.card.write import write

    if options.signer:
        raise BadInput("--signer does nothing without --verify", hint="add it, or leave both out")
    done = write(options.folder)
    exported = _export(options, done.facts)
    if options.json:
        _print_json(_written(done, exported))
    else:
        sys.stdout.write(_told(done, exported))
    return 0


def _written(done: Written, exported: list[str]) -> dict[str, Any]:
    facts = done.facts
    return {
        "format": _FORMAT,
        "changed": list(done.changed),
        "exported": exported,
        "evidence": [piece.name for piece in facts.pieces],
        "weights": dict(facts.weights),
        "not_measured": facts.not_measured,
        "valid_until": facts.valid_until.isoformat() if facts.valid_until else None,
    }


def _told(done: Written, exported: list[str]) -> str:
    from privet.card.facts import NOT_MEASURED

    facts = done.facts
    changed = f"written: {', '.join(done.changed)}" if done.changed else "unchanged: the card is what evidence says"
    lines = [changed]
    lines += [f"exported: {', '.join(exported)}"] if exported else []
    named = ", ".join(piece.name for piece in facts.pieces) or "none: the card says that nothing was measured"
    lines.append(f"evidence: {named}")
    if facts.not_measured:
        lines.append(f"not measured: {', '.join(NOT_MEASURED[one][0] for one in facts.not_measured)}")
    return "".join(f"{line}\n" for line in lines)


def _verify(options: argparse.Namespace) -> int:
    from privet.card.verify import verify

    found = verify(options.folder, options.signer)
    exported = [] if found.problems else _export(options, found.facts)
    if options.json:
        _print_json(found.as_json() | {"exported": exported})
    else:
        sys.stdout.write(_judged(found, Style.of(sys.stdout)))
    return 1 if found.problems else 0


def _judged(found: Verification, style: Style) -> str:
    facts = found.facts
    if not found.problems:
        until = f", until {facts.valid_until}" if facts.valid_until else ""
        counts = f"{len(facts.pieces)} files of evidence, {len(facts.weights)} of weights"
        return f"{style.green('verified')}  {counts}{until}\n"
    lines = [f"{style.yellow('not verified')}  {len(found.problems)} problems"]
    for problem in found.problems:
        where = f"{problem.file}:{problem.line}" if problem.line else problem.file
        lines += [f"{where}: {problem.says} [{problem.rule}]", f"  {style.dim(problem.fix)}"]
    return "".join(f"{line}\n" for line in lines)


def _export(options: argparse.Namespace, facts: Facts) -> list[str]:
    """Write what was asked for in the forms of others; return the names of the files."""
    return [_write_export(name, getattr(options, name), options, facts) for name in _EXPORTS if getattr(options, name)]


def _write_export(name: str, path: Path, options: argparse.Namespace, facts: Facts) -> str:
    try:
        path.write_text(
            json.dumps(_exported(name, options, facts), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be written", hint="check the folder, its permissions and its space"
        ) from error
    return path.name


def _exported(name: str, options: argparse.Namespace, facts: Facts) -> Mapping[str, Any]:
    if name == "intoto":
        from privet.card.intoto import as_envelope
        from privet.evidence import Signer
        from privet.keys import state_folder

        return as_envelope(facts, Signer.load(state_folder(os.environ)))
    from privet.card.name import name_of

    called = name_of(options.folder)
    if name == "cyclonedx":
        from privet.card.cyclonedx import as_bom

        return as_bom(facts, called)
    if name == "spdx":
        from privet.card.spdx import as_spdx

        return as_spdx(facts, called)
    from privet.card.croissant import as_croissant

    return as_croissant(facts)


def _print_json(document: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
