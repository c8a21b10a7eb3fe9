"""The block is YAML that every reader takes alike, and fits its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from privet.card.block import as_yaml, block_of
from privet.card.evidence import read
from privet.card.facts import facts_of
from privet.card.weights import digests

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "formats" / "card.schema.json").read_text())
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    TEXTS,
    st.sampled_from(
        ["true", "no", "null", "1e5", "0x1f", "1:20", "2026-01-01", "~", "", " a", "- a", "a: b", "#", "=", "<<", "%"]
    ),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.dictionaries(TEXTS, inner, max_size=3), st.lists(SCALARS, max_size=3)),
    max_leaves=8,
)


@given(
    block=st.dictionaries(
        TEXTS,
        st.one_of(VALUES, st.lists(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3), max_size=2)),
        max_size=5,
    )
)
def test_what_is_written_is_what_is_read(block: dict[str, Any]) -> None:
    text = as_yaml(block)
    assert (yaml.safe_load(text)["privacy"] or {}) == block
    assert (yaml.load(text, Loader=yaml.CSafeLoader)["privacy"] or {}) == block
    inner = as_yaml(block, "\r\n", 3)
    assert all(line.startswith("   ") for line in inner.split("\r\n")[:-1])


@pytest.fixture
def validated() -> Callable[[Any], dict[str, Any]]:
    """Return a function that holds the block of a model against the schema."""
    Draft202012Validator.check_schema(SCHEMA)

    def held(model: Any) -> dict[str, Any]:
        block = block_of(facts_of(read(model.folder)[0], *digests(model.folder)))
        Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(block)))
        return block

    return held


@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["training"],
        ["audit"],
        ["endpoint"],
        ["manifest"],
        ["dataset_audit"],
        ["training", "audit", "endpoint", "manifest", "dataset_audit"],
    ],
)
def test_every_block_fits_the_published_schema(
    model: Any, validated: Callable[[Any], dict[str, Any]], parts: list[str]
) -> None:
    for part in parts:
        getattr(model, part)()
    model.weights("onnx/model.onnx", b"more")
    assert validated(model)["format"] == "privet-card/1"


@pytest.mark.parametrize(
    "change",
    [
        {"epsilon": -1.0},
        {"unit": "nobody"},
        {"weights": {"a": "b"}},
        {"more": 1},
        {"not_measured": ["nothing"]},
        {"delta": 0},
    ],
)
def test_the_schema_refuses_what_no_card_says(
    full: Any, validated: Callable[[Any], dict[str, Any]], change: dict[str, Any]
) -> None:
    block = validated(full)
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(block | change)
    without = {name: value for name, value in block.items() if name != "delta"}
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(without)
