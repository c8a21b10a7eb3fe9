"""FITS: pixels and their scale stay, remarks and names go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, cleaned, refusal, survives

from privet.metadata import fits


def unit(pixels: bytes, *cards: str) -> bytes:
    head = "".join(card.ljust(80)[:80] for card in (*cards, "END")).encode()
    return head.ljust(-(-len(head) // 2880) * 2880) + pixels.ljust(-(-len(pixels) // 2880) * 2880, b"\0")


def card(name: str, value: object, remark: str = "") -> str:
    text = f"'{value}'" if isinstance(value, str) and value not in "TF" else f"{value!s:>20}"
    return f"{name:<8}= {text}" + (f" / {remark}" if remark else "")


FIRST = (card("SIMPLE", "T"), card("BITPIX", 16), card("NAXIS", 2), card("NAXIS1", 3), card("NAXIS2", 2))
SKY = (card("CTYPE1", "RA---TAN"), card("CRVAL1", "1.5E2"))
NEXT = (
    card("XTENSION", "IMAGE   "),
    card("BITPIX", -32),
    card("NAXIS", 1),
    card("NAXIS1", 2),
    card("PCOUNT", 0),
    card("GCOUNT", 1),
)


def test_pixels_and_scale_stay_and_words_go() -> None:
    words = (
        card("OBSERVER", WORD),
        card("DATE-OBS", WORD),
        card("SITELAT", 12.5),
        f"COMMENT {WORD}",
        f"HISTORY {WORD}",
        f"        {WORD}",
        card("CTYPE2", WORD * 2),
    )
    raw = unit(b"123456789012", *FIRST[:2], *words, *FIRST[2:], *SKY, card("BZERO", 32768, WORD)) + unit(
        b"12345678", *NEXT, card("EXTNAME", WORD)
    )
    out, removed = cleaned(fits, raw + WORD.encode())
    assert out == unit(b"123456789012", *FIRST, *SKY, card("BZERO", 32768)) + unit(b"12345678", *NEXT)
    assert removed["trailing bytes"] == 1
    assert cleaned(fits, out)[0] == out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (unit(bytes(12), *FIRST)[:2885], "truncated"),
        (unit(b"", *FIRST)[:2000], "truncated"),
        (unit(b"") + b"x", "not a fits"),
        (unit(b"", card("SIMPLE", "T"), card("BITPIX", 7), card("NAXIS", 1), card("NAXIS1", 1)), "a keyword"),
        (unit(b"", *FIRST[:2], card("NAXIS", 0)) + unit(b"", card("XTENSION", "BINTABLE"), *FIRST[1:]), "tables"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(fits, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(fits, unit(bytes(12), *FIRST, card("OBSERVER", WORD)), 200)
