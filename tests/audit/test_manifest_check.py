"""A manifest that holds passes, and every way to break it is seen."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privet.audit.files import files_of
from privet.audit.manifest_check import NAME, _tree, checked, names_in
from privet.audit.result import Check

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def reference_tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + reference_tree(leaves[:split]) + reference_tree(leaves[split:])).digest()


@pytest.mark.parametrize("size", [*range(20), 63, 64, 65])
def test_the_tree_is_that_of_rfc_6962(size: int) -> None:
    leaves = [f"leaf {number}".encode() for number in range(size)]
    assert _tree(leaves) == reference_tree(leaves)


def signed(manifest: dict[str, Any]) -> dict[str, Any]:
    body = {key: value for key, value in manifest.items() if key != "signature"}
    signature = {
        "algorithm": "ed25519",
        "public_key": base64.b64encode(KEY.public_key().public_bytes_raw()).decode(),
        "value": base64.b64encode(KEY.sign(rfc8785.dumps(body))).decode(),
    }
    return body | {"signature": signature}


def dataset(root: Path, change: Callable[[dict[str, Any]], object] = dict) -> Path:
    entries: list[dict[str, Any]] = []
    for number in range(3):
        (root / f"{number}.txt").write_text(f"words {number}")
        digest = hashlib.sha256((root / f"{number}.txt").read_bytes()).hexdigest()
        entries.append(
            {
                "input": f"{number}.txt",
                "output": f"{number}.txt",
                "status": "cleaned",
                "reason": None,
                "output_sha256": digest,
            }
        )
    entries.append(
        {"input": "x.bin", "output": None, "status": "set-aside", "reason": "unknown", "output_sha256": None}
    )
    root_hash = reference_tree([rfc8785.dumps(entry) for entry in entries]).hex()
    manifest = {"format": "privet-manifest/1", "policy_sha256": "0" * 64, "files": entries, "merkle_root": root_hash}
    change(manifest)
    (root / "privet-manifest.json").write_text(json.dumps(signed(manifest)))
    return root


def check(root: Path, signer: str | None = None) -> Check:
    return checked(root, files_of(root), signer)


def test_a_manifest_that_holds_passes(tmp_path: Path) -> None:
    found = check(dataset(tmp_path))
    assert found.verdict == "pass"
    key = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
    assert check(tmp_path, key).verdict == "pass"
    assert check(tmp_path, "another").figures["problems"] == ["signed-by-another-key"]


def test_another_policy_is_a_remark_and_no_failure(tmp_path: Path) -> None:
    dataset(tmp_path)
    same, other = (checked(tmp_path, files_of(tmp_path), None, digest * 64) for digest in "01")
    assert (same.verdict, same.figures["same_policy"]) == ("pass", True)
    assert (other.verdict, other.figures["same_policy"]) == ("pass", False)
    assert "another policy" in other.says
    assert "another policy" not in same.says
    assert check(tmp_path).figures["same_policy"] is None


def test_without_a_manifest_there_is_nothing_to_check(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    assert check(tmp_path).verdict == "not-applicable"


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown-format": lambda manifest: manifest.update(format="other/1"),
    "policy-digest-missing": lambda manifest: manifest.pop("policy_sha256"),
    "merkle-root-differs": lambda manifest: manifest["files"].reverse(),
    "reason-missing": lambda manifest: manifest["files"][3].update(reason=""),
    "status-unknown": lambda manifest: manifest["files"][0].update(status="kept"),
    "file-missing": lambda manifest: manifest["files"][0].update(output="../0.txt"),
    "malformed": lambda manifest: manifest.pop("files"),
}


@pytest.mark.parametrize("problem", CHANGES)
def test_what_is_wrong_inside_is_seen(tmp_path: Path, problem: str) -> None:
    found = check(dataset(tmp_path, CHANGES[problem]))
    assert found.verdict == "fail"
    assert problem in found.figures["problems"]


def test_what_was_changed_outside_is_seen(tmp_path: Path) -> None:
    dataset(tmp_path)
    (tmp_path / "0.txt").write_text("other words")
    (tmp_path / "1.txt").unlink()
    (tmp_path / "new.txt").write_text("words")
    assert check(tmp_path).figures["problems"] == ["file-changed", "file-missing", "file-not-listed"]


def test_a_forged_signature_is_seen(tmp_path: Path) -> None:
    path = dataset(tmp_path) / "privet-manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"tier": "patterns"}))
    assert check(tmp_path).figures["problems"] == ["signature-invalid"]
    path.write_text(json.dumps({key: value for key, value in manifest.items() if key != "signature"}))
    assert check(tmp_path).figures["problems"] == ["unsigned"]
    path.write_text("no json")
    assert check(tmp_path).figures["problems"] == ["malformed"]


def test_names_in_a_manifest_are_text_too(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({"files": [{"input": "cv.pdf", "output": "cv.pdf", "reason": None}]}))
    assert names_in(tmp_path) == ["cv.pdf", "cv.pdf"]
    members = [{"name": "in.zip/jane.doc", "reason": "encrypted"}]
    (tmp_path / NAME).write_text(json.dumps({"files": [{"input": "a.zip", "members": members}]}))
    assert names_in(tmp_path) == ["a.zip", "in.zip/jane.doc", "encrypted"]
    for broken in ("[]", "{", '{"files": [3]}', '{"files": 3}'):
        (tmp_path / NAME).write_text(broken)
        assert names_in(tmp_path) == []
