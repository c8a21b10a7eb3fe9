"""Rows are what docs/formats/vault-rows.md says: a reader after that page alone opens them, and its test vectors are those of the code."""

from __future__ import annotations

import hashlib
import hmac
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.append(str(Path(__file__).parent))

from row_vectors import DATA_KEY, SCOPE, SUBJECT_KEY, Keys, row, vectors

from privet.vault.batch import incoming
from privet.vault.remote_rows import RowSeals
from privet.vault.remote_table import SealedRow
from privet.vault.remote_tokens import Tokens

PAGE = Path(__file__).parents[2] / "docs/formats/vault-rows.md"
BASE = b"privet-vault/1\0" + SCOPE.vault + SCOPE.tenant + b"row"


def derived(key: bytes, *parts: str) -> bytes:
    """H of the page."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key, message, "sha256").digest()


def read(found: SealedRow) -> dict[str, Any]:
    """Return what a row holds, by the page."""
    named = found.key + found.generation.to_bytes(8, "big")
    context = BASE + named + b"".join(found.tokens)
    hot, cold = found.hot, found.cold
    whose = AESGCM(derived(DATA_KEY, "vault-row-subjects")).decrypt(hot[:12], hot[12:36], b"whose" + context)
    number = int.from_bytes(whose, "big") - 1
    cipher = AESGCM(derived(DATA_KEY, "vault-rows") if number < 0 else SUBJECT_KEY)
    plain = cipher.decrypt(hot[36:48], hot[48:], b"hot" + context)
    length, size = int.from_bytes(plain[:4], "big"), int.from_bytes(plain[4:8], "big")
    assert len(plain) == -(-(8 + length) // 64) * 64 + size
    content = cipher.decrypt(cold[:12], cold[12:], b"cold" + BASE + named + hot[-16:])
    end = 4 + int.from_bytes(content[:4], "big")
    assert not any(content[end:])
    document, metadata = msgspec.msgpack.decode(content[4:end])
    vector = np.frombuffer(plain[len(plain) - size :], dtype="<f4").tolist()
    return {"id": plain[8 : 8 + length].decode(), "subject": number, "vector": vector, "content": [document, metadata]}


def test_the_vectors_are_those_of_the_page() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(f"\n\n{vectors()}\n")


def test_the_row_of_the_page_opens() -> None:
    assert read(row()) == {"id": "a", "subject": 0, "vector": [1, -0.5], "content": ["one", {"n": 1}]}


@pytest.mark.parametrize("subject", [None, "ann"])
@pytest.mark.parametrize("document", [None, "ü" * 40, "long " * 9000])
def test_rows_of_the_program_open_and_what_stands_beside_them_is_bound(
    subject: str | None, document: str | None
) -> None:
    metadata = {"lang": "en", "year": 2020.0, "old": True}
    seals, tokens = RowSeals(SCOPE, Keys(), "t"), Tokens(DATA_KEY, metadata)  # type: ignore[arg-type]
    what = incoming(["id-ü"], np.ones((1, 3), np.float32), [document], [metadata], subject)
    ((found, _),) = seals.sealed(what, 7, {"ann": 0}, [tokens.of_record(metadata)])
    number = -1 if subject is None else 0
    assert read(found) == {"id": "id-ü", "subject": number, "vector": [1, 1, 1], "content": [document, metadata]}
    name = hmac.new(derived(DATA_KEY, "vault-row-names"), "id-ü".encode(), "sha256").digest()[:16]
    texts = {"lang": b"sen", "year": b"n2020", "old": b"b1"}
    keys = {field: derived(DATA_KEY, "vault-token", field) for field in texts}
    expected = sorted(hmac.new(keys[field], text, "sha256").digest()[:16] for field, text in texts.items())
    assert (found.key, found.tokens) == (name, expected)
    set_key = derived(DATA_KEY, "vault-row-set")
    summand = hashlib.blake2b(name + (7).to_bytes(8, "big") + found.hot[-16:], key=set_key, digest_size=32).digest()
    assert seals.element(found) == summand
    for changed in (found._replace(generation=8), found._replace(tokens=[]), found._replace(key=bytes(16))):
        with pytest.raises(InvalidTag):
            read(changed)
