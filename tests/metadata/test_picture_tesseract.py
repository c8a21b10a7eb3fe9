"""Reading with Tesseract: words, where they stand, whichever way up they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from privet.metadata import picture_files, picture_tesseract
from privet.metadata.job import CannotClean
from privet.metadata.picture_files import Found
from privet.metadata.picture_text import Word

sys.path.append(str(Path(__file__).parent))

import picture_pages as pages

reading = pytest.mark.skipif(not picture_tesseract.installed(), reason="tesseract is not installed")
BOX = ((10.0, 20.0), (40.0, 20.0), (40.0, 28.0), (10.0, 28.0))


@pytest.mark.parametrize("turn", picture_tesseract._TURNS)
def test_places_in_a_turned_picture_come_back(turn: Image.Transpose | None) -> None:
    image = Image.new("RGB", (90, 60), "white")
    # Marked as it is, and where the turned picture shows the mark.
    marked = picture_files.fill(image, Found((BOX,)))
    shown = marked if turn is None else marked.transpose(turn)
    left, top, right, bottom = shown.convert("L").point(lambda level: 255 - level).getbbox() or (0, 0, 0, 0)
    word = Word("x", ((left, top), (right, top), (right, bottom), (left, bottom)))
    back = picture_tesseract._back(word, turn, image.size)
    assert sorted(back.corners) == [(10, 20), (10, 29), (41, 20), (41, 29)]


@reading
def test_words_and_their_places() -> None:
    image, place = pages.text_picture("k.lindqvist@example.org")
    words = [word for line in picture_tesseract.read(image) for word in line if "@" in word.text]
    assert words
    for word in words:
        xs, ys = zip(*word.corners, strict=True)
        assert min(xs) <= place[0]
        assert min(ys) <= place[1]
        assert max(xs) >= place[2]
        assert max(ys) >= place[3]
        assert max(xs) - min(xs) < place[2] - place[0] + 24


@pytest.mark.parametrize(("drawn", "expected"), [(True, "_"), (False, " ")])
def test_a_line_between_two_words_may_be_an_underscore(drawn: bool, expected: str) -> None:
    grey = Image.new("L", (200, 60), 230)
    if drawn:
        grey.paste(20, (61, 42, 76, 44))
    rows = [
        ["5", "1", "1", "1", "1", str(at), left, "20", "50", "22", "90", "hr"] for at, left in ((1, "10"), (2, "77"))
    ]
    assert [word.before for word in picture_tesseract._words(iter(rows), grey)] == [" ", expected]


@reading
def test_a_picture_is_read_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image, _place = pages.text_picture()
    assert picture_tesseract.read(image)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "seconds", "message"),
    [("exit 1", 60, "could not read"), ("exec tail -f /dev/null", 0.2, "took more than")],
)
def test_a_program_that_fails_or_hangs_is_a_reason(
    script: str, seconds: float, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(picture_tesseract, "_program", lambda: (str(program), "eng"))
    monkeypatch.setattr(picture_tesseract, "_TIMEOUT_SECONDS", seconds)
    with pytest.raises(CannotClean, match=message):
        picture_tesseract.read(Image.new("RGB", (50, 50)))
