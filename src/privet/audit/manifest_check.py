"""A manifest beside the data: does it parse, is its tree right, its signature valid, and is every file as it says?

Invariants:

- Everything is computed here, with `hashlib` and `cryptography`: the auditor uses no code of whoever wrote the manifest.
- The signature proves that nothing changed since whoever has the key signed; whose key it is, only `--signer` can tell.
- A policy other than the one in force is a remark and no failure: the data are as they were signed, under another promise.

The layout is in docs/formats/manifest.md: the root is an RFC 6962 hash over the RFC 8785 form of each entry of `files`, in order.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from privet.audit.files import name_of, sha256_of
from privet.audit.result import Check

NAME: Final = "privet-manifest.json"
FORMAT: Final = "privet-manifest/1"
_STATUSES: Final = frozenset(("cleaned", "set-aside"))
_MAX_BYTES: Final = 1 << 30
_KEY_BYTES: Final = 32


def is_public_key(text: str) -> bool:
    """Tell whether a text is an Ed25519 public key (32 bytes) in base64, as a manifest holds it.

    >>> is_public_key("O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="), is_public_key("somebody")
    (True, False)
    """
    try:
        return len(base64.b64decode(text, validate=True)) == _KEY_BYTES
    except ValueError:
        return False


class Problem(NamedTuple):
    """What does not hold, in a word of this module, and the file of which it is true."""

    word: str
    file: str = ""


def checked(
    root: Path,
    files: Sequence[Path],
    signer: str | None = None,
    policy_sha256: str | None = None,
    masked: Callable[[str], str] = str,
) -> Check:
    """Return what is true of a dataset's manifest.

    `policy_sha256` is the digest of the whole policy in force, where it is known; `masked` makes a name fit to be shown.
    """
    path = root / NAME
    if not root.is_dir() or not path.is_file():
        return Check("manifest", "not-applicable", "there is no manifest beside the data")
    try:
        manifest = json.loads(path.read_bytes()[:_MAX_BYTES])
        problems = list(_problems(manifest, root, files, signer))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError):
        problems = [Problem("malformed")]
    words = sorted({problem.word for problem in problems})
    figures: dict[str, Any] = {
        "problems": words,
        "problem_count": len(problems),
        "problem_files": [{"file": masked(each.file), "problem": each.word} for each in problems if each.file],
    }
    if problems:
        named = figures["problem_files"]
        where = f" ({named[0]['file']}{f' and {len(named) - 1} more' if named[1:] else ''})" if named else ""
        return Check("manifest", "fail", f"the manifest does not hold: {', '.join(words[:4])}{where}", figures)
    figures["signed_by"] = hashlib.sha256(base64.b64decode(manifest["signature"]["public_key"])).hexdigest()[:16]
    says = f"signature, tree and the digests of {len(manifest['files'])} entries hold"
    figures["same_policy"] = policy_sha256 and manifest.get("policy_sha256") == policy_sha256
    if figures["same_policy"] is False:
        says += "; it was made under another policy than the one in force here"
    return Check("manifest", "pass", says, figures)


def names_in(root: Path) -> list[str]:
    """Return what a manifest calls the files and their members: that is text too. Of one that is none, nothing: `checked` says so."""
    try:
        entries = json.loads((root / NAME).read_bytes()[:_MAX_BYTES])["files"]
        named = [one for entry in entries for one in (entry, *entry.get("members", ()))]
        return [str(one[key]) for one in named for key in ("input", "output", "name", "reason") if one.get(key)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError):
        return []


def _problems(manifest: dict[str, Any], root: Path, files: Sequence[Path], signer: str | None) -> Iterator[Problem]:
    """Yield what does not hold, in words of this module."""
    import rfc8785

    if manifest["format"] != FORMAT:
        yield Problem("unknown-format")
        return
    if not any("policy" in key and value for key, value in manifest.items()):
        yield Problem("policy-digest-missing")
    entries = manifest["files"]
    leaves = [rfc8785.dumps(entry) for entry in entries]
    if manifest["merkle_root"].lower().removeprefix("sha256:") != _tree(leaves).hex():
        yield Problem("merkle-root-differs")
    yield from _signature(manifest, signer)
    yield from _outputs(entries, root, files)


def _signature(manifest: dict[str, Any], signer: str | None) -> Iterator[Problem]:
    import rfc8785
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = manifest.get("signature")
    if not signature:
        yield Problem("unsigned")
        return
    if signature["algorithm"] != "ed25519":
        yield Problem("signature-algorithm-unknown")
        return
    if signer is not None and signature["public_key"] != signer:
        yield Problem("signed-by-another-key")
    signed = rfc8785.dumps({key: value for key, value in manifest.items() if key != "signature"})
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"], validate=True))
        key.verify(base64.b64decode(signature["value"], validate=True), signed)
    except (InvalidSignature, ValueError):
        yield Problem("signature-invalid")


def _outputs(entries: Sequence[dict[str, Any]], root: Path, files: Sequence[Path]) -> Iterator[Problem]:
    """Compare digests, and look for files that the manifest does not list."""
    listed: set[Path] = set()
    for entry in entries:
        if entry["status"] not in _STATUSES:
            yield Problem("status-unknown", str(entry.get("input", "")))
        if entry["status"] != "cleaned":
            if not entry.get("reason"):
                yield Problem("reason-missing", str(entry.get("input", "")))
            continue
        path = root / entry["output"]
        listed.add(path)
        if (
            ".." in Path(entry["output"]).parts
            or Path(entry["output"]).is_absolute()
            or not path.is_file()
            or path.is_symlink()
        ):
            yield Problem("file-missing", str(entry["output"]))
            continue
        digest = sha256_of(path)
        if digest is None:
            yield Problem("file-unreadable", str(entry["output"]))
        elif digest != entry["output_sha256"].lower().removeprefix("sha256:"):
            yield Problem("file-changed", str(entry["output"]))
    yield from (
        Problem("file-not-listed", name_of(root, path)) for path in files if path not in listed and path != root / NAME
    )


def _tree(leaves: Sequence[bytes]) -> bytes:
    """Return the hash of RFC 6962 section 2.1: leaves and nodes are told apart by their first byte."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    # Pairing from the left, the odd one carried up, splits at the largest power of two, as the RFC has it.
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0]
