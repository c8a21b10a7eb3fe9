"""Findings that were there when the gate was adopted: a file of fingerprints that only shrinks.

Invariants: it holds fingerprints, rule ids and paths, nothing else; what is fixed is taken out, what is new is never put in, and what is
in a file that could not be read stays as it is. See docs/formats/baseline.md.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from privet.check.findings import Finding
from privet.errors import BadInput

FILE: Final = ".privet-baseline.json"
_VERSION: Final = 1


class Item(NamedTuple):
    """A finding that may stay."""

    rule: str
    path: str


Known = Mapping[str, Item]
"""What may stay, by fingerprint."""


def load(path: Path) -> Known | None:
    """Return what a baseline lets pass, None where there is no such file.

    Raises:
        BadInput: the file is broken: what it let pass cannot be known.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _broken(path.name) from error
    return parse(text, path.name)


def parse(text: str, name: str) -> Known:
    """Return what a baseline lets pass.

    Raises:
        BadInput: as `load`.

    """
    try:
        document = json.loads(text)
        if document["version"] != _VERSION:
            raise ValueError
        items = document["findings"]
        return {str(item["fingerprint"]): Item(str(item["rule"]), str(item["path"])) for item in items}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(name) from error


def _broken(name: str) -> BadInput:
    return BadInput(
        f"{name} cannot be read as a baseline", hint="restore it from the repository, or delete it to begin anew"
    )


def save(path: Path, known: Known) -> None:
    """Write a baseline beside its place and rename it into place.

    Raises:
        BadInput: it cannot be written there.

    """
    items = sorted((item.rule, item.path, fingerprint) for fingerprint, item in known.items())
    document = {
        "version": _VERSION,
        "findings": [{"rule": rule, "path": where, "fingerprint": fingerprint} for rule, where, fingerprint in items],
    }
    beside = path.with_name(f"{path.name}.tmp")
    try:
        beside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise BadInput(f"{path.name} cannot be written", hint="name a file in a folder that is yours") from error


def of(findings: Iterable[Finding]) -> Known:
    """Return a baseline that lets these pass."""
    return {finding.fingerprint: Item(finding.rule, finding.path) for finding in findings}


def new_among(findings: Sequence[Finding], known: Known) -> list[Finding]:
    """Return the findings that a baseline does not know."""
    return [finding for finding in findings if finding.fingerprint not in known]


def shrunk(known: Known, findings: Iterable[Finding], unread: Collection[str]) -> Known:
    """Return a baseline without what is fixed; what is in a file that could not be read is not known to be."""
    still = {finding.fingerprint for finding in findings}
    return {mark: item for mark, item in known.items() if mark in still or item.path in unread}
