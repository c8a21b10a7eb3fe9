"""Reading the words of a picture with PP-OCRv6, two small networks that the package rapidocr carries.

Invariants:

- of the package only the files of the networks are used: none of its code, none of its dependencies, nothing downloaded
- text may lie at any angle; a line that may be the other way round is read both ways, and the more certain reading counts
- the places of words in a line leave no gap to their spaces: a word is covered up to the middle of what separates it

Source: PaddleOCR, "PP-OCRv6"; Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", 2020, for how a map of
text becomes boxes; weights under Apache-2.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from privet.metadata import picture_models
from privet.metadata.job import CannotClean
from privet.metadata.picture_models import Network
from privet.metadata.picture_text import Corners, Line, Word

_REMEDY: Final = (
    "reading pictures takes pip install 'privet[pictures]' and the package rapidocr, or the program tesseract"
)
FINDER: Final = Network("rapidocr", "models/PP-OCRv6_det_small.onnx", _REMEDY)
READER: Final = Network("rapidocr", "models/PP-OCRv6_rec_small.onnx", _REMEDY)
_STEP: Final = 32
# A page of A4 at 175 dots per inch; a small picture is enlarged, as its networks were trained with.
_MAX_SIDE: Final = 2048
_MIN_SIDE: Final = 736
_IS_TEXT: Final = 0.3
_IS_LINE: Final = 0.45
_MIN_POINTS: Final = 12
_MAX_LINES: Final = 2000
# The map shows the middles of letters: a line is that much larger, for its area and length (DB, section 3.5).
_GROW: Final = 1.7
_HEIGHT: Final = 48
_MIN_WIDTH: Final = 320
_MAX_WIDTH: Final = 3200
_SURE: Final = 0.92
_CERTAIN: Final = 0.4
# Scripts without spaces: a word is one character.
_TOKEN: Final = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\s぀-ヿ㐀-鿿豈-﫿]+")
_Floats = npt.NDArray[np.float64]
_Map = npt.NDArray[np.float32]


class _Reading(NamedTuple):
    text: str
    places: _Floats
    """the middle of each character, as a share of the line"""
    certainties: _Map

    @property
    def certainty(self) -> float:
        """How certain the whole is."""
        return float(self.certainties.mean()) if self.text else 0.0


def installed() -> bool:
    """Return whether pictures can be read."""
    return picture_models.path(FINDER) is not None and picture_models.path(READER) is not None


def read(image: Image.Image) -> list[Line]:
    """Return the lines of an RGB picture, from the top to the bottom.

    Raises:
        CannotClean: the networks are not installed, or there is too much text.

    """
    lines = []
    for box in sorted(_boxes(image), key=lambda box: (round(float(box[:, 1].mean()) / 12), float(box[:, 0].mean()))):
        line = _line(image, box)
        if line:
            lines.append(line)
    return lines


def _boxes(image: Image.Image) -> list[_Floats]:
    """Return the corners of each line of text: left top, right top, right bottom, left bottom, as far as it lies upright."""
    from scipy import ndimage

    scale = max(1.0, min(_MIN_SIDE / min(image.size), 3.0))
    scale = min(scale, _MAX_SIDE / max(image.size))
    width, height = (max(_STEP, round(side * scale / _STEP) * _STEP) for side in image.size)
    session = picture_models.session(FINDER)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    found = session.run(None, {session.get_inputs()[0].name: _input(np.asarray(small))})[0][0, 0]
    marks, _count = ndimage.label(ndimage.binary_dilation(found > _IS_TEXT, np.ones((2, 2))))
    out: list[_Floats] = []
    for number, area in enumerate(ndimage.find_objects(marks), 1):
        mine = marks[area] == number
        y, x = np.nonzero(mine)
        if len(x) >= _MIN_POINTS and found[area][mine].mean() >= _IS_LINE:
            points = np.stack((x + area[1].start + 0.5, y + area[0].start + 0.5), axis=1)
            if len(out) == _MAX_LINES:
                raise CannotClean(f"a picture with more than {_MAX_LINES} lines of text")
            out.append(_box(points) * (image.width / width, image.height / height))
    return out


def _input(pixels: npt.NDArray[Any]) -> _Map:
    """Return pixels as the networks take them: blue first, -1 to 1."""
    return np.ascontiguousarray((pixels[:, :, ::-1].astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])


def _box(points: _Floats) -> _Floats:
    """Return the corners of the rectangle around points, along their longest direction, grown to the size of the text."""
    middle = points.mean(axis=0)
    values, directions = np.linalg.eigh(np.cov((points - middle).T))
    along = directions[:, 1] if values[1] > 4 * values[0] else np.array((1.0, 0.0))
    # To the right, or down where it stands on end.
    if along[int(abs(along[1]) > abs(along[0]))] < 0:
        along = -along
    across = np.array((-along[1], along[0]))
    low = [(points - middle) @ axis for axis in (along, across)]
    (left, right), (top, bottom) = ((values.min() - 0.5, values.max() + 0.5) for values in low)
    edge = (right - left) * (bottom - top) * _GROW / (2 * (right - left + bottom - top))
    left, top, right, bottom = left - edge, top - edge, right + edge, bottom + edge
    return np.stack(
        [middle + along * u + across * v for u, v in ((left, top), (right, top), (right, bottom), (left, bottom))]
    )


def _line(image: Image.Image, box: _Floats) -> Line:
    along, across = (float(np.hypot(*(box[corner] - box[0]))) for corner in (1, 3))
    if min(along, across) < 3:
        return ()
    if across > 1.5 * along:
        box, along, across = np.roll(box, 1, axis=0), across, along
    reading = _read(image, box, along / across)
    upright = abs(box[1, 0] - box[0, 0]) >= abs(box[1, 1] - box[0, 1])
    if not upright or reading.certainty < _SURE:
        other = np.roll(box, 2, axis=0)
        turned = _read(image, other, along / across)
        if turned.certainty > reading.certainty:
            box, reading = other, turned
    return tuple(_words(reading, box)) if reading.certainty >= _CERTAIN else ()


def _read(image: Image.Image, box: _Floats, ratio: float) -> _Reading:
    width = min(_MAX_WIDTH, max(8, round(_HEIGHT * ratio)))
    corners = tuple(float(value) for corner in (0, 3, 2, 1) for value in box[corner])
    strip = image.transform((width, _HEIGHT), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    pixels = np.zeros((1, 3, _HEIGHT, max(_MIN_WIDTH, width)), np.float32)
    pixels[:, :, :, :width] = _input(np.asarray(strip))
    session = picture_models.session(READER)
    shares = session.run(None, {session.get_inputs()[0].name: pixels})[0][0]
    best, certain = shares.argmax(axis=1), shares.max(axis=1)
    # A character is said once for each run of steps that show it; 0 says none.
    said = np.flatnonzero((best > 0) & np.concatenate(([True], best[1:] != best[:-1])))
    alphabet = _alphabet()
    text = "".join(alphabet[index] if index < len(alphabet) else " " for index in best[said])
    places = (said + 0.5) / len(best) * pixels.shape[3] / width
    return _Reading(text, np.minimum(places, 1.0), certain[said])


@lru_cache(maxsize=1)
def _alphabet() -> tuple[str, ...]:
    known = picture_models.session(READER).get_modelmeta().custom_metadata_map["character"].split("\n")
    # One character each, so that a place of a character is a place in the text; what is none is unreadable.
    return ("", *(char if len(char) == 1 else "?" for char in known if char))


def _words(reading: _Reading, box: _Floats) -> Iterator[Word]:
    found = list(_TOKEN.finditer(reading.text))
    places = reading.places
    cuts = [0.0]
    cuts += [float(places[one.end() - 1] + places[two.start()]) / 2 for one, two in pairwise(found)]
    cuts.append(1.0)
    end = None
    for token, (left, right) in zip(found, pairwise(cuts), strict=True):
        certainty = float(reading.certainties[token.start() : token.end()].min())
        yield Word(token[0], _part(box, left, right), certainty, "" if token.start() == end else " ")
        end = token.end()


def _part(box: _Floats, left: float, right: float) -> Corners:
    top, bottom = box[1] - box[0], box[2] - box[3]
    corners = (box[0] + top * left, box[0] + top * right, box[3] + bottom * right, box[3] + bottom * left)
    one, two, three, four = ((float(x), float(y)) for x, y in corners)
    return one, two, three, four
