"""Text behind the last pixel of a JPEG is cut, and what only looks like text stays."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from privet.metadata import jpeg, jpeg_tail

sys.path.append(str(Path(__file__).parent))

from pictures import CANARY, WORD, cleaned, encode, frames, leaks, picture

PLAIN = encode(picture(), "JPEG", quality=90)
OPTIONS = (
    {},
    {"progressive": True},
    {"restart_marker_blocks": 2},
    {"optimize": True, "quality": 30},
    {"keep_rgb": True},
)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le", "utf-16-be"])
def test_text_behind_the_last_pixel_is_cut(options: dict[str, object], encoding: str) -> None:
    raw = encode(picture(), "JPEG", **options)
    expected, _ = cleaned(jpeg, raw)
    hidden = raw[:-2] + f"author {WORD} {WORD}".encode(encoding) + raw[-2:]
    clean, removed = cleaned(jpeg, hidden)
    assert frames(clean) == frames(raw)
    assert leaks.find([CANARY], {"clean": clean}) == []
    assert removed["stray data"] == 1
    assert len(clean) - len(expected) < 5


def test_what_looks_like_text_in_the_pixels_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_tail, "_TEXT", re.compile(rb"[ -~]{2}"))
    assert frames(cleaned(jpeg, PLAIN)[0]) == frames(PLAIN)
    assert sorted(cleaned(jpeg, PLAIN)[0]) == sorted(PLAIN)
