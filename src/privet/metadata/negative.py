"""Digital negatives (DNG): the values of the sensor, and the numbers that make a picture of them.

Invariants:

- the values come out as they are stored; corrections of the lens are lists of numbers, and come out as such
- previews, masks, other versions of the picture, names, notes of makers and the camera's serial number, model and own calibration are left
  out; the values are what is left, in the first directory

Source: Adobe Digital Negative Specification 1.7.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from privet.metadata import tiff_tags as tags
from privet.metadata.job import CannotClean, Job
from privet.metadata.tiff_pages import Field, Page, Reader

_OPCODES: Final = (51008, 51009, 51022)
_KNOWN: Final = range(1, 15)
_MAX_BYTES: Final = 64 * 1024 * 1024


class WritePage(Protocol):
    """What writes a page of a TIFF, with more in its directory."""

    def __call__(self, page: Page, number: int, *, more: Mapping[int, Field]) -> None:
        """Write it."""
        ...


def write(reader: Reader, page: Page, write_page: WritePage, job: Job) -> None:
    """Write the negative that begins with this page.

    Raises:
        CannotClean: without values of a sensor, of an unknown compression, or damaged.

    """
    pages = [page, *reader.sub_directories(page)]
    for each in pages:
        for what in each.what:
            job.dropped(what)
    raw = next((each for each in pages if not each.integer(tags.SUBFILE, 0)), None)
    if raw is None or raw.integer(tags.PHOTOMETRIC, 0) not in tags.CAMERA:
        raise CannotClean("damaged: no values of a sensor")
    if raw.integer(tags.COMPRESSION, tags.RAW) not in (*tags.COMPRESSIONS, tags.LOSSY):
        raise CannotClean("this compression of tiff is not supported")
    # Which way up it is stands with the preview.
    turn = {tags.ORIENTATION: page.fields[tags.ORIENTATION]} if tags.ORIENTATION in page.fields else {}
    write_page(raw, 0, more=turn | _kept(raw, tags.SENSOR) | _kept(page, tags.RENDERING))


def _kept(page: Page, wanted: frozenset[int]) -> dict[int, Field]:
    kept: dict[int, Field] = {}
    for tag in wanted & page.fields.keys():
        found = page.fields[tag]
        if tag in _OPCODES:
            if not _is_list(found.raw):
                raise CannotClean("damaged: a list of corrections")
        elif found.kind in (tags.ASCII, tags.UNDEFINED):
            # Words have no part in the picture.
            continue
        if len(found.raw) <= _MAX_BYTES:
            kept[tag] = found
    return kept


def _is_list(raw: bytes) -> bool:
    """Tell whether bytes are corrections that are known, one behind the other, and nothing else."""
    at = 4
    for _ in range(int.from_bytes(raw[:4])):
        if at + 16 > len(raw) or int.from_bytes(raw[at : at + 4]) not in _KNOWN:
            return False
        at += 16 + int.from_bytes(raw[at + 12 : at + 16])
    return at == len(raw)
