"""Canonical JSON, the hash tree and the signature."""

from __future__ import annotations

import hashlib
import io
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import BadInput, Unprotected
from privet.evidence import (
    Signer,
    canonical,
    digest,
    file_digest,
    is_signed,
    json_bytes,
    keyed_file_digest,
    merkle_root,
    read_json,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def by_definition(entries: list[Any]) -> bytes:
    """Return the root as RFC 6962 section 2.1 defines it: split at the largest power of two below the length."""
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + canonical(entries[0])).digest()
    middle = 1
    while middle * 2 < len(entries):
        middle *= 2
    return hashlib.sha256(b"\x01" + by_definition(entries[:middle]) + by_definition(entries[middle:])).digest()


@given(st.lists(VALUES, min_size=1, max_size=33))
def test_the_hash_tree_is_that_of_rfc_6962(entries: list[Any]) -> None:
    assert merkle_root(entries) == by_definition(entries).hex()


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle_root([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.dictionaries(st.text(max_size=4), VALUES))
def test_canonical_json_depends_on_the_values_alone(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items()))
    assert canonical(turned) == canonical(document)
    assert digest(turned) == digest(document)
    assert read_json(json_bytes(document)) == document


@given(st.dictionaries(st.text(max_size=4), VALUES, min_size=1), st.data())
def test_a_signature_holds_for_the_document_and_no_other(document: dict[str, Any], data: st.DataObject) -> None:
    document.pop("signature", None)
    signed = Signer(bytes(32)).signed(document)
    assert is_signed(signed)
    assert is_signed(Signer(bytes(32)).signed(signed))
    other = data.draw(VALUES)
    name = data.draw(st.sampled_from([*document, "further"]))
    if name not in document or canonical(document[name]) != canonical(other):
        assert not is_signed(signed | {name: other})


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "x",
        {},
        {"algorithm": "none", "public_key": "", "value": ""},
        {"algorithm": "ed25519", "public_key": "AA==", "value": "AA=="},
        {"algorithm": "ed25519", "public_key": "!", "value": "AA=="},
        {"algorithm": "ed25519", "public_key": 3, "value": 4},
    ],
)
def test_what_is_no_signature_is_none(signature: object) -> None:
    assert not is_signed({"a": 1, "signature": signature})
    assert not is_signed({"a": 1})


def test_a_signer_is_made_once_and_is_private(tmp_path: Path) -> None:
    first, second = Signer.load(tmp_path), Signer.load(tmp_path)
    path = tmp_path / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.signed({"a": 1}) == second.signed({"a": 1})
    assert first.key("digests") == second.key("digests") != first.key("plan")
    assert path.read_bytes().hex() not in repr(first)
    path.chmod(0o644)
    with pytest.raises(Unprotected, match="read by others"):
        Signer.load(tmp_path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(BadInput, match="32 bytes"):
        Signer.load(tmp_path)


def test_digests_of_files() -> None:
    assert file_digest(io.BytesIO(b"abc")) == hashlib.sha256(b"abc").hexdigest()
    assert keyed_file_digest(io.BytesIO(b"abc"), b"k") != keyed_file_digest(io.BytesIO(b"abc"), b"l")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_said(content: bytes) -> None:
    with pytest.raises(BadInput, match="expected JSON"):
        read_json(content)


def test_the_vectors_of_the_format_hold() -> None:
    page = (Path(__file__).parents[1] / "docs" / "formats" / "manifest.md").read_text()
    signature = Signer(bytes(32)).signed({"x": 1})["signature"]
    assert f"`{merkle_root([{'a': 1}, {'b': [True, None]}])}`" in page
    assert f"`{signature['value']}`" in page
    assert f"`{signature['public_key']}`" in page
