"""The fuzz target, driven by hypothesis."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from privet.detect.rules import RULES

SPEC = importlib.util.spec_from_file_location("fuzz_detect", Path(__file__).parents[2] / "fuzz" / "fuzz_detect.py")
assert SPEC is not None
assert SPEC.loader is not None
FUZZ = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FUZZ)

SEEDS = sorted(
    {text.replace("«", "").replace("»", "").encode() for rule in RULES for text in (*rule.hits, *rule.misses)}
)
inputs = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(SEEDS),
        st.sampled_from([b" ", b"\n", b"@", b"://", b"\x00", b"\xed\xa0\x80"]),
        st.sampled_from([b"%20", b"%2B", b"&#52;", b"\\u0034", b"\\n", b"at", b" dot ", b"YW5uYUBleGFtcGxlLmNvbQ=="]),
        st.sampled_from([char.encode() for char in "\u200b\u0301\xa0４٤а．"]),
    ),
    max_size=8,
)


@settings(max_examples=250, deadline=None)
@given(inputs.map(b"".join))
def test_promises_hold_for_any_bytes(data: bytes) -> None:
    FUZZ.check(data)
