from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.endpoint.harmless import harmless


@given(st.text(st.characters(), max_size=400))
def test_nothing_that_acts_comes_out(text: str) -> None:
    shown = harmless(text)
    assert len(shown) <= 161
    assert not set("<>&`[]|*_#!\\") & set(shown)
    assert all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in shown)
    shown.encode()


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J\x1b]0;title\x07", "\u202egnp.exe", "\u200bhidden\u2066", "a\r\nb\u2028c", "<script>alert(1)</script>",
        "![x](http://example.com/a.png)", "\x9b31m", "\ue000\ud800", "<img src=x onerror=alert(1)>", "`code`", "# title", "a|b",
    ],
)  # fmt: skip
def test_known_tricks_are_dull(text: str) -> None:
    shown = harmless(text)
    assert shown.isprintable()
    assert "<" not in shown
    assert "\x1b" not in shown
    assert "](" not in shown


def test_plain_words_stay_as_they_are_and_long_texts_are_cut() -> None:
    assert harmless("Call +1 202-555-0143, Zoë.") == "Call +1 202-555-0143, Zoë."
    assert harmless("x" * 500) == "x" * 160 + "…"
