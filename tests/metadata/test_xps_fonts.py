"""What glyphs show, and fonts that are mixed with their names."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from privet.metadata.job import CannotClean, Job
from privet.metadata.xps_fonts import Font, Fonts, seen

sys.path.append(str(Path(__file__).parent))

from test_font import made

FONT = made()
NAME = "2EA60BB3-12DB-153C-877E-0C393E0F9900"
_A = Font("", {1: "A", 2: "b"})


def mixed(content: bytes, name: str) -> bytes:
    """ECMA-388, 9.1.7.3: the key is the name's digits from the last to the first."""
    key = bytes.fromhex(name.replace("-", ""))[::-1]
    return bytes(byte ^ key[at % 16] for at, byte in enumerate(content[:32])) + content[32:]


@pytest.mark.parametrize(
    ("said", "indices", "shown"),
    [
        ("abc", "", "abc"),
        ("xyz", "1;2;", "Abz"),
        ("x", "1;2;2", "Abb"),
        ("", "1;2", "Ab"),
        ("fi", "(2:1)99", "fi"),
        ("fi", "(2:1)1", "A"),
        ("x", "(1:2)1;2", "Ab"),
        ("xyz", "(1:2)1;99;2", "xbz"),
        ("abc", "nonsense", "abc"),
        ("abc", "(9:99999)1", "A"),
    ],
)
def test_what_is_seen(said: str, indices: str, shown: str) -> None:
    assert seen(said, indices, _A)[0] == shown


def test_the_width_is_that_of_the_advances() -> None:
    assert seen("ab", "1,30;2,70,5", _A)[1] == pytest.approx(1.0)
    assert seen("ab", "", _A)[1] == pytest.approx(1.0)


def test_a_font_is_cleaned_and_mixed_with_a_new_name() -> None:
    fonts = Fonts({f"Resources/{NAME}.odttf": mixed(FONT, NAME)}.__getitem__, Job())
    found = fonts.at(f"Resources/{NAME}.odttf")
    assert found.characters == {1: "A"}
    assert fonts.at(f"Resources/{NAME}.odttf") is found
    ((name, content),) = fonts.members()
    assert found.place == "/" + name
    font = TTFont(io.BytesIO(mixed(content, name[10:-6])))
    assert font.getBestCmap() == {65: "A"}
    assert b"CANARY" not in content


def test_a_name_that_is_no_key_is_refused() -> None:
    with pytest.raises(CannotClean, match="name of a font"):
        Fonts(lambda _name: FONT, Job()).at("Resources/font.odttf")
