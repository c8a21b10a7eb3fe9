"""What a decoder says of a picture, and that it says nothing else."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from privet.metadata import pixels
from privet.metadata.job import Job, Limits

sys.path.append(str(Path(__file__).parent))

from pictures import encode, picture

RAW = encode(picture(), "JPEG")


def test_a_whole_picture_loads_and_a_cut_one_does_not() -> None:
    source = io.BytesIO(RAW)
    source.seek(5)
    assert pixels.loads(source, ("JPEG",), Job())
    assert source.tell() == 5
    assert not source.closed
    assert not pixels.loads(io.BytesIO(RAW[: len(RAW) // 2]), ("JPEG",), Job())
    assert not pixels.loads(io.BytesIO(RAW), ("PNG",), Job())
    assert not pixels.loads(io.BytesIO(RAW), ("JPEG",), Job(limits=Limits(max_pixels=10)))


def test_equal_pixels_have_equal_digests() -> None:
    first, second = encode(picture(), "PNG"), encode(picture(), "BMP")
    assert pixels.digest(io.BytesIO(first), ("PNG",), Job()) == pixels.digest(io.BytesIO(second), ("BMP",), Job())
    other = encode(picture(seed=2), "PNG")
    assert pixels.digest(io.BytesIO(first), ("PNG",), Job()) != pixels.digest(io.BytesIO(other), ("PNG",), Job())


def test_the_colours_of_a_palette_are_counted() -> None:
    image = picture("P")
    expected = {index for _, index in image.getcolors() or ()}
    assert pixels.indexes(io.BytesIO(encode(image, "TIFF")), ("TIFF",), Job()) == expected
    assert pixels.indexes(io.BytesIO(RAW), ("JPEG",), Job()) is None


def test_pages_are_told_apart() -> None:
    raw = encode(picture("L"), "TIFF", save_all=True, append_images=[picture("L", seed=7)])
    first, second = (pixels.histogram(io.BytesIO(raw), ("TIFF",), Job(), page) for page in (0, 1))
    assert first != second
    assert pixels.histogram(io.BytesIO(raw), ("TIFF",), Job(), 2) is None
