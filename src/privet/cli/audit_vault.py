"""`privet audit vault PATH`: can texts be recovered from what a store of embeddings has on disk?

The bytes are attacked without any key. `--keys` and `--pairs` only tell which texts are in there, to see whether the attack is right.
Exit 0: every check passes, 1: one fails, 3: none fails, and one cannot tell (underpowered).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.cli.extras import needing
from privet.cli.style import Style
from privet.errors import BadInput

if TYPE_CHECKING:  # numpy is loaded by what needs it
    from privet.audit.vault import Known

_CODES: Final = {"pass": 0, "fail": 1, "underpowered": 3}
_MOST: Final = 20_000
"""Records of a vault that are named to the auditor: the first ones, in the order in which they were added."""
_HINT: Final = 'a line for each record, in the order they were added: {"text": "…", "id": "…", "embedding": […]}, all but text optional'


def add_target(targets: Any) -> None:
    """Add the target `vault`."""
    parser: argparse.ArgumentParser = targets.add_parser(
        "vault",
        help="stored embeddings: a vault, or any other store's files",
        description=(
            "Attacks the bytes on disk, without a key: looks for vectors, ids and words, for anything that sealed bytes do not have, and "
            "recovers texts from embeddings (ridge regression on known pairs; token pursuit for static embeddings), beside the same "
            "attack on plain vectors of the same texts. Exit 0: pass, 1: fail, 3: cannot tell."
        ),
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="a file or folder")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same bytes and seed: same result (default: 0)"
    )
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument("--pairs", type=Path, metavar="FILE", help="JSON lines: the texts in it, and their embeddings")
    truth.add_argument(
        "--keys",
        type=Path,
        metavar="FOLDER",
        help="the keys of a vault: only to know which texts the attack should find",
    )
    parser.add_argument(
        "--tenant", default="", metavar="NAME", help="with --keys: whose records (default: those of no tenant)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Audit, then report."""
    with needing("audit vault", "scrub,vault"):
        from privet.audit.vault import Options, audit_vault
        from privet.report.audit_vault_text import as_text
        from privet.vault.embed import LocalModel

        known = _known(options)
        words = (files("privet.vault") / "wordpieces.txt").read_text(encoding="utf-8").split("\n")
        if sys.stderr.isatty():
            sys.stderr.write("embedding texts and trying attacks: half a minute\n")
        result = audit_vault(options.path, Options(LocalModel(), words, options.seed, known))
    if options.json:
        sys.stdout.write(json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(result, colour=Style.of(sys.stdout).colour))
    return _CODES[result.verdict]


def _known(options: argparse.Namespace) -> Known | None:
    if options.pairs:
        return _of_pairs(options.pairs)
    if options.keys:
        return _of_vault(options.path, options.keys, options.tenant)
    if options.tenant:
        raise BadInput("--tenant does nothing without --keys", hint="add it, or leave both out")
    return None


def _of_vault(path: Path, keys: Path, tenant: str) -> Known:
    import numpy as np

    from privet.audit.vault import Known
    from privet.vault import Vault

    if not keys.is_dir():
        raise BadInput("there is no such folder of keys", hint="name the one that the vault was made with")
    with Vault.open(path, keys, tenant=tenant, read_only=True) as vault:
        records = [record for record in vault.get(vault.ids()[:_MOST]) if record is not None]
        if not records:
            raise BadInput("the vault is empty", hint="add records first, or name texts with --pairs")
        return Known(
            texts=[record.document or "" for record in records],
            vectors=np.stack([record.vector for record in records]),
            ids=[record.id for record in records],
            values=[value for record in records for value in _values(record.metadata)],
        )


def _values(metadata: dict[str, Any] | None) -> Iterator[str]:
    return (value for value in (metadata or {}).values() if isinstance(value, str))


def _of_pairs(path: Path) -> Known:
    import numpy as np

    from privet.audit.vault import Known

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        texts = [row["text"] for row in rows]
        vectors = np.array([row["embedding"] for row in rows], np.float32) if rows and "embedding" in rows[0] else None
        ids = [str(row["id"]) for row in rows if "id" in row]
    except OSError as error:
        raise BadInput("the pairs cannot be read", hint="check the path and its permissions") from error
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput("the pairs are not JSON lines with a text each", hint=_HINT) from error
    is_array = vectors is None or (vectors.ndim == 2 and vectors.shape[1] > 0 and bool(np.isfinite(vectors).all()))
    if not texts or not all(isinstance(text, str) for text in texts) or not is_array:
        raise BadInput("the pairs hold no texts, or embeddings of several sizes", hint=_HINT)
    return Known(texts, vectors, ids)
