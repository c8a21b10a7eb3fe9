"""Reading the words of a picture with Tesseract, where that program is installed.

Invariants:

- the picture goes in and the words come out through pipes: no file is made
- the program runs with an environment of its own, one thread, and a limit of time
- a page that lies on its side or is upside down is read too; so are a few words in a photograph, whichever way up they are

Source: tesseract(1); its TSV output.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Final

import numpy as np
from PIL import Image

from privet.metadata.job import CannotClean
from privet.metadata.picture_text import Corners, Line, Word

_REMEDY: Final = (
    "reading pictures takes the program tesseract, or pip install 'privet[pictures]' and the package rapidocr"
)
_ENVIRONMENT: Final = {"OMP_THREAD_LIMIT": "1", "LC_ALL": "C"}
_TIMEOUT_SECONDS: Final = 120
_MAX_LANGUAGES: Final = 6
_LANGUAGE: Final = re.compile(r"[a-z]{3}(_[a-z]{3,4})?")
# English first: what a word is taken for when several languages fit.
_FIRST: Final = ("eng", "deu", "fra", "spa", "ita", "por")
# Letters of under 20 pixels are read badly (docs of Tesseract): small pictures are read at twice their size, large ones reduced.
_SMALL: Final = 2_000_000
_MAX_SIDE: Final = 6000
_PAGE: Final = "1"
_SPARSE: Final = "11"
# With fewer words a picture is no page, and its words may lie any way.
_PAGE_WORDS: Final = 40
_SURE: Final = 0.5
_TURNS: Final = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
_CONTRAST: Final = 40
_Box = tuple[int, int, int, int]


def installed() -> bool:
    """Return whether Tesseract and a language for it are there."""
    return _program() is not None


def read(image: Image.Image) -> list[Line]:
    """Return the lines of a picture in RGB or grey.

    Raises:
        CannotClean: Tesseract is not installed, fails, or takes too long.

    """
    grey = image.convert("L")
    scale = 2.0 if grey.width * grey.height <= _SMALL else min(1.0, _MAX_SIDE / max(grey.size))
    if scale != 1.0:
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        grey = grey.resize(size, Image.Resampling.BICUBIC)
    lines = _lines(grey, _PAGE)
    if sum(word.certainty > _SURE and len(word.text) > 1 for line in lines for word in line) < _PAGE_WORDS:
        for turn in _TURNS:
            turned = grey if turn is None else grey.transpose(turn)
            lines += [tuple(_back(word, turn, grey.size) for word in line) for line in _lines(turned, _SPARSE)]
    return [tuple(word._replace(corners=_scaled(word.corners, 1 / scale)) for word in line) for line in lines]


@lru_cache(maxsize=1)
def _program() -> tuple[str, str] | None:
    """Return where the program is, and the languages that it has."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    try:
        listed = subprocess.run(  # noqa: S603 - a program that the user installed, without a word of a file
            [program, "--list-langs"], env=_ENVIRONMENT, capture_output=True, timeout=_TIMEOUT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    known = [name for name in listed.stdout.decode("ascii", "replace").split() if _LANGUAGE.fullmatch(name)]
    known.sort(key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    languages = [name for name in known if name not in ("osd", "equ")][:_MAX_LANGUAGES]
    return (program, "+".join(languages)) if languages else None


def _lines(grey: Image.Image, mode: str) -> list[Line]:
    found = _program()
    if found is None:
        raise CannotClean(_REMEDY)
    program, languages = found
    command = [program, "stdin", "stdout", "-l", languages, "--psm", mode, "tsv"]
    picture = b"P5 %d %d 255\n" % grey.size + grey.tobytes()
    try:
        answer = subprocess.run(  # noqa: S603 - as above
            command, input=picture, env=_ENVIRONMENT, capture_output=True, timeout=_TIMEOUT_SECONDS, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise CannotClean(f"reading a picture took more than {_TIMEOUT_SECONDS} seconds") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotClean("tesseract could not read a picture") from error
    rows = [row.split("\t") for row in answer.stdout.decode("utf-8", "replace").split("\n")]
    # level, page, block, paragraph, line, word, left, top, width, height, certainty, text
    words = [row for row in rows if len(row) == 12 and row[0] == "5" and row[11].strip()]
    return [tuple(_words(line, grey)) for _place, line in groupby(words, key=lambda row: row[1:5])]


def _words(rows: Iterable[list[str]], grey: Image.Image) -> Iterator[Word]:
    found = [(row[11].strip(), max(0.0, float(row[10]) / 100), _box(row)) for row in rows]
    reach = [list(box) for _text, _certainty, box in found]
    befores = [" "]
    for at, (one, two) in enumerate(pairwise(box for _text, _certainty, box in found)):
        befores.append("_" if _underscored(grey, one, two) else " ")
        _meet(reach[at], reach[at + 1])
    for (text, certainty, box), (left, top, right, bottom), before in zip(found, reach, befores, strict=True):
        # Covers what stands out of the letters' bodies.
        edge = 2 + min(box[2] - box[0], box[3] - box[1]) // 5
        yield Word(text, _rectangle((left, top, right, bottom), edge), certainty, before)


def _box(row: list[str]) -> _Box:
    left, top, width, height = (int(number) for number in row[6:10])
    return left, top, left + width, top + height


def _meet(one: list[int], two: list[int]) -> None:
    """Let two neighbours in a line reach to the middle between them: a slanted letter is left out of its word's box at times."""
    lying = abs(two[0] - one[0]) >= abs(two[1] - one[1])
    start, end, tall = (0, 2, one[3] - one[1]) if lying else (1, 3, one[2] - one[0])
    first, second = (one, two) if one[start] <= two[start] else (two, one)
    half = (second[start] - first[end]) // 2
    if 0 < half <= tall:
        first[end] += half
        second[start] -= half


def _underscored(grey: Image.Image, one: _Box, two: _Box) -> bool:
    """Return whether a line is drawn between two words: an underscore is read as a space at times."""
    if abs(two[0] - one[0]) >= abs(two[1] - one[1]):
        box = (min(one[2], two[2]) + 1, min(one[1], two[1]), max(one[0], two[0]) - 1, max(one[3], two[3]) + 3)
        wide, tall, axis = box[2] - box[0], box[3] - box[1], 1
    else:
        box = (min(one[0], two[0]) - 3, min(one[3], two[3]) + 1, max(one[2], two[2]) + 3, max(one[1], two[1]) - 1)
        wide, tall, axis = box[3] - box[1], box[2] - box[0], 0
    if not 3 <= wide <= 2 * tall:
        return False
    means = np.asarray(grey.crop(box)).mean(axis=axis)
    return bool(means.max() - means.min() > _CONTRAST)


def _rectangle(box: _Box, edge: int) -> Corners:
    left, top, right, bottom = box[0] - edge, box[1] - edge, box[2] + edge, box[3] + edge
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _scaled(corners: Corners, scale: float) -> Corners:
    one, two, three, four = ((x * scale, y * scale) for x, y in corners)
    return one, two, three, four


def _back(word: Word, turn: Image.Transpose | None, size: tuple[int, int]) -> Word:
    """Return a word that was read in a turned picture, where it is in the picture as it was."""
    width, height = size
    if turn is None:
        return word
    # Pillow turns against the clock.
    if turn is Image.Transpose.ROTATE_180:
        points = [(width - x, height - y) for x, y in word.corners]
    elif turn is Image.Transpose.ROTATE_90:
        points = [(width - y, x) for x, y in word.corners]
    else:
        points = [(y, height - x) for x, y in word.corners]
    one, two, three, four = points
    return word._replace(corners=(one, two, three, four))
