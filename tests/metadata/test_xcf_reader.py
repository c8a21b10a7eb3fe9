"""The structure of a GIMP picture: nothing is read outside the file, and loops end."""

from __future__ import annotations

import struct

import pytest

from privet.metadata.job import CannotClean, Job
from privet.metadata.xcf_reader import read

HEAD = b"gimp xcf file\0" + struct.pack(">III", 4, 4, 0)
NO_PROPERTIES = bytes(8)


def test_a_picture_without_layers_is_read() -> None:
    drawing = read(HEAD + NO_PROPERTIES + bytes(8), Job())
    assert (drawing.head, drawing.properties, drawing.layers, drawing.channels) == (HEAD, NO_PROPERTIES, [], [])


def test_a_colour_table_with_a_wrong_length_is_read() -> None:
    colours = struct.pack(">III", 1, 4, 2) + bytes(range(6))
    right = struct.pack(">III", 1, 10, 2) + bytes(range(6))
    assert read(HEAD + colours + NO_PROPERTIES + bytes(8), Job()).properties == right + NO_PROPERTIES


def test_layers_that_are_their_own_masks_end() -> None:
    at = len(HEAD) + 8 + 12
    layer = struct.pack(">IIII", 4, 4, 0, 0) + NO_PROPERTIES + struct.pack(">II", at + 32, at)
    pixels = (
        struct.pack(">III", 4, 4, 1)
        + struct.pack(">II", at + 52, 0)
        + struct.pack(">II", 4, 4)
        + struct.pack(">II", 8, 0)
    )
    with pytest.raises(CannotClean):
        read(HEAD + NO_PROPERTIES + struct.pack(">III", at, 0, 0) + layer + pixels, Job())


@pytest.mark.parametrize(
    "raw",
    [HEAD, HEAD + NO_PROPERTIES, HEAD + NO_PROPERTIES + b"\0\0\0\x99" + bytes(8), HEAD + struct.pack(">II", 6, 99)],
)
def test_places_outside_the_file_are_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean, match="truncated"):
        read(raw, Job())
