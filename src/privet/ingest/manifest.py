"""What a run says of itself: each file, what was found and done, digests, a hash tree and a signature.

The format is in docs/formats/manifest.md.

Invariants:

- The same input, policy, tier, key and version give the same bytes: no clock, host, path or order of work is in it.
- Names are cleaned names; places and kinds are counted; no value, and of raw input only a keyed digest.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from privet import __version__
from privet.evidence import Signer, digest, keyed_file_digest, merkle_root
from privet.ingest.plan import Item
from privet.ingest.repeats import Kept
from privet.ingest.worker import Done, UnitDone
from privet.metadata.job import SetAside

FORMAT: Final = "privet-manifest/1"
_MAX_NAMED: Final = 1000
"""members of one file"""


def entry(done: Done, output: str | None) -> dict[str, Any]:
    """Return what the manifest says of a file that is no file of rows; there may be tables in it."""
    out: dict[str, Any] = {
        "input": done.name,
        "output": output,
        "status": done.status,
        "reason": done.reason or None,
        "format": done.form or None,
        "input_bytes": done.size,
        "input_hmac_sha256": done.input_hmac or None,
        "output_sha256": done.sha256 or None if output else None,
        "output_bytes": done.bytes if output else None,
        "removed": done.removed,
        "found": done.found,
    }
    if done.pixels:
        out["pixels"] = done.pixels
    if done.members:
        out["members"] = _told(done.members)
    if done.tables:
        out["dropped_columns"] = done.dropped
    if done.rows:
        out["rows"] = done.rows
    return out


def _told(members: Sequence[SetAside]) -> list[dict[str, str]]:
    return [{"name": member.name, "reason": member.reason} for member in members]


def table_entry(done: Done, output: str | None, units: Sequence[UnitDone], kept: Sequence[Kept]) -> dict[str, Any]:
    """Return what the manifest says of a file of rows."""
    found: dict[str, Counter[str]] = {}
    dropped: Counter[str] = Counter()
    removed: Counter[str] = Counter(done.removed)
    for unit in units:
        dropped.update(unit.dropped)
        removed.update(unit.removed)
        for place, kinds in unit.found.items():
            found.setdefault(place, Counter()).update(kinds)
    members = [member for unit in units for member in unit.members][:_MAX_NAMED]
    rows = sum(unit.rows for unit in units)
    gone = Counter[str]()
    for part in kept:
        gone.update(duplicates=part.duplicates, near_duplicates=part.near_duplicates, suppressed=part.suppressed)
    out = entry(done, output) | ({"members": _told(members)} if members else {})
    return out | {
        "removed": dict(sorted(removed.items())),
        "found": {place: dict(sorted(kinds.items())) for place, kinds in sorted(found.items())},
        "dropped_columns": dict(sorted(dropped.items())),
        "rows": {"read": rows, "written": rows - sum(gone.values()), **gone},
    }


def names_digest(items: Sequence[Item], signer: Signer) -> str:
    """Return a keyed digest of the raw names, which tells whether a file was renamed and to nobody what it was called."""
    names = b"\0".join(os.fsencode(item.name) for item in items)
    return keyed_file_digest(io.BytesIO(names), signer.key("raw names"))


def manifest(
    files: Sequence[dict[str, Any]], plan: Mapping[str, str], signer: Signer, names: str, unused: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the signed manifest of a run.

    `files` stand in the order of their inputs, `names` is the digest of what they were called, `unused` are columns that the policy
    names and no table has.
    """
    body: dict[str, Any] = {
        "format": FORMAT,
        "privet": __version__,
        "policy_sha256": plan["policy_sha256"],
        "plan_sha256": digest(plan),
        "tier": plan["tier"],
        "names_hmac_sha256": names,
        "unused_columns": list(unused),
        "files": list(files),
        "merkle_root": merkle_root(files),
    }
    return signer.signed(body)
