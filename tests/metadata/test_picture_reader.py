"""Reading with networks: text at any angle, and where its words stand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from privet.metadata import picture_cover, picture_files, picture_reader
from privet.metadata.picture_files import Found
from privet.metadata.picture_text import to_cover

sys.path.append(str(Path(__file__).parent))

import picture_pages as pages

pytestmark = pytest.mark.skipif(not picture_reader.installed(), reason="rapidocr is not installed")


def text_of(image: Image.Image) -> str:
    return "\n".join(" ".join(word.text for word in line) for line in picture_reader.read(image))


@pytest.mark.parametrize("angle", [0, 4, 90, 180, 270])
def test_text_is_read_at_any_angle(angle: int) -> None:
    image, _place = pages.text_picture()
    turned = image.rotate(angle, expand=True, fillcolor=pages.GROUND, resample=Image.Resampling.BICUBIC)
    read = text_of(turned)
    assert "Write to jane.doe@example.com" in read
    assert "about the blue boat" in read


def test_a_word_is_covered_up_to_its_spaces() -> None:
    for name in pages.NAMES:
        image, place = pages.text_picture(name)
        found = to_cover(picture_reader.read(image), pages.edits)
        out = picture_files.fill(image, Found(tuple(found)))
        assert pages.bare(out, place) < 0.02
        # The word before it is seen still.
        assert pages.black_share(out.crop((0, 10, place[0] - 12, 44))) < 0.01


def test_an_empty_picture_has_no_lines() -> None:
    assert picture_reader.read(Image.new("RGB", (40, 3000), "white")) == []
    assert picture_reader.read(Image.new("RGB", (picture_cover._MIN_SIDE, picture_cover._MIN_SIDE))) == []


def test_one_line_of_japanese_is_many_words() -> None:
    reading = picture_reader._Reading(
        "東京 to 大阪", picture_reader.np.linspace(0.1, 0.9, 8), picture_reader.np.ones(8, "f4")
    )
    box = picture_reader.np.array([[0, 0], [100, 0], [100, 10], [0, 10]], float)
    words = list(picture_reader._words(reading, box))
    assert [(word.before, word.text) for word in words] == [
        (" ", "東"),
        ("", "京"),
        (" ", "to"),
        (" ", "大"),
        ("", "阪"),
    ]
    assert [word.corners[1] for word in words[:-1]] == [word.corners[0] for word in words[1:]]
