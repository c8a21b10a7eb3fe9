"""Sealed values and the token format: round trips, the vectors of the spec, and what must be rejected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import BadInput
from privet.records import Span
from privet.redact import restore
from privet.sealed import checked_key, seal, unseal
from privet.surrogates import writing

KEY = bytes(range(32))
SPEC = (Path(__file__).parents[1] / "docs" / "formats" / "token.md").read_text(encoding="utf-8")
VECTORS = re.findall(r"^\| `([A-Z_]+)` \| `(.+?)` \| `(\[.+?\])` \|$", SPEC, re.MULTILINE)


def token(kind: str, value: str, key: bytes = KEY) -> str:
    return writing("token", key, "").surrogate(Span(0, len(value), kind, 1.0, "r"), value)


def test_the_spec_has_vectors() -> None:
    assert len(VECTORS) == 3


@pytest.mark.parametrize(("kind", "value", "written"), VECTORS)
def test_vectors(kind: str, value: str, written: str) -> None:
    assert token(kind, value) == written
    assert restore(written, key=KEY) == value


@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32), st.text("abc", max_size=5))
def test_what_is_sealed_opens_under_its_key_and_context_only(value: bytes, key: bytes, context: str) -> None:
    sealed = seal(value, key, "a", context)
    assert len(sealed) == len(value) + 16
    assert unseal(sealed, key, "a", context) == value
    assert unseal(sealed, key, "a", context + "x") is None
    assert unseal(sealed, bytes(b ^ 1 for b in key), "a", context) is None
    assert unseal(bytes([sealed[0] ^ 1]) + sealed[1:], key, "a", context) is None


@given(st.text(min_size=1, max_size=900))
def test_tokens_of_any_text_are_restored(value: str) -> None:
    assert restore(token("PERSON", value), key=KEY) == value


def test_lone_surrogates_and_long_values_are_restored() -> None:
    for value in ("a\ud800b", "x" * 3000, "李" * 999):
        assert restore(token("PRIVATE_KEY", value), key=KEY) == value


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(":1", ":2"),
        lambda text: text.replace("IP_ADDRESS", "PERSON"),
        lambda text: text[:-2] + "]",
        lambda text: text[:-1] + "b]",
        lambda text: text.replace("pct", "pcu"),
        lambda text: text.replace("[", "("),
    ],
)
def test_a_changed_token_stays_as_it_is(change: object) -> None:
    changed = change(token("IP_ADDRESS", "192.0.2.1"))  # type: ignore[operator]
    assert restore(changed, key=KEY) == changed


def test_bits_beyond_the_last_byte_are_rejected() -> None:
    written = token("IP_ADDRESS", "192.0.2.12")  # 26 bytes are 41.6 characters
    assert written[-2] in "aceginqsuwy246kmo"
    assert restore(written[:-2] + "b]", key=KEY) == written[:-2] + "b]"


@pytest.mark.parametrize("key", [b"", b"x" * 31, b"x" * 33, "x" * 32, None])
def test_a_key_is_32_bytes(key: object) -> None:
    with pytest.raises(BadInput, match="32 bytes") as caught:
        checked_key(key)  # type: ignore[arg-type]
    assert "xxx" not in str(caught.value)
    assert caught.value.hint
