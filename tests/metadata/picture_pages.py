"""Pictures of text for the tests of what reads and covers pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from privet.edits import Edit

NAMES = ("jane.doe@example.com", "192.0.2.146", "k.lindqvist@example.org", "+1 202 555 0143")
_FOUND = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+1[\d ]{9,}\d|192\.[\d.]+\d")
INK = (40, 40, 60)
GROUND = (240, 235, 220)
STRIPE = (30, 90, 160)


def edits(texts: Sequence[str], _place: str = "") -> list[list[Edit]]:
    return [[Edit(found.start(), found.end(), "X") for found in _FOUND.finditer(text)] for text in texts]


def text_picture(name: str = NAMES[0], mode: str = "RGB") -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Return a small picture with a name in it, and where that is."""
    image = Image.new("RGB", (460, 120), GROUND)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(20)
    draw.rectangle((0, 90, 460, 120), fill=STRIPE)
    draw.text((12, 15), "Write to ", font=font, fill=INK)
    left = 12 + round(draw.textlength("Write to ", font=font))
    draw.text((left, 15), name, font=font, fill=INK)
    draw.text((12, 50), "about the blue boat", font=font, fill=INK)
    place = _box(draw.textbbox((left, 15), name, font=font))
    return _in_mode(image, mode), place


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    grey = image.convert("L")
    if mode == "1":
        return grey.point(lambda level: 255 * (level > 90)).convert("1")
    if mode == "P":
        return image.quantize(32)
    if mode == "I;16":
        return Image.fromarray(np.asarray(grey, np.uint16) * 257)
    if mode == "RGBA":
        full = image.convert("RGBA")
        full.putalpha(grey.point(lambda level: 255 if level < 120 else 60))
        return full
    return image.convert(mode)


def text_page(names: Sequence[str] = NAMES) -> tuple[Image.Image, list[tuple[int, int, int, int]]]:
    """Return a page with names in several sizes, and where they are."""
    image = Image.new("RGB", (1000, 150 + 260 * len(names)), "white")
    draw = ImageDraw.Draw(image)
    places = []
    top = 60
    for number, name in enumerate(names):
        font = ImageFont.load_default(22 + 3 * number)
        draw.text((60, top), "Please write to ", font=font, fill=INK)
        left = 60 + round(draw.textlength("Please write to ", font=font))
        draw.text((left, top), name, font=font, fill=INK)
        places.append(_box(draw.textbbox((left, top), name, font=font)))
        for _line in range(4):
            top += round(font.size * 1.6)
            draw.text((60, top), "The quarterly figures were discussed at length.", font=font, fill=INK)
        top += round(font.size * 2.5)
    return image, places


def _box(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(side) for side in box)
    return left, top, right, bottom


def bare(image: Image.Image, place: tuple[int, int, int, int]) -> float:
    """Return the share of a place that is not black."""
    return 1 - black_share(image.crop(place))


def black_share(image: Image.Image) -> float:
    """Return the share of pixels that are black, or as dark as the darkest colour of a palette."""
    levels = np.asarray(image) >> 8 if image.mode == "I;16" else np.asarray(image.convert("L"))
    return float((levels < 30).mean())
