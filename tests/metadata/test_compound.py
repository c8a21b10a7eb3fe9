"""Compound files are read as their writers meant them, and hostile ones end."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from privet.metadata.compound import Compound
from privet.metadata.job import CannotClean

sys.path.append(str(Path(__file__).parent))

from compound_files import Tree, compound

TREE: Tree = {
    "small": b"few bytes",
    "large": bytes(range(256)) * 40,
    "empty": b"",
    "folder": {"inner": b"x" * 64, "deeper": {"last": b"y" * 5000}},
}


def test_what_a_writer_wrote_is_read() -> None:
    file = Compound(compound(TREE))
    assert file.content(file.root, "Small") == b"few bytes"
    assert file.content(file.root, "LARGE") == bytes(range(256)) * 40
    assert file.content(file.root, "empty") == file.content(file.root, "none") == b""
    folder = file.root.storages["FOLDER"]
    assert file.content(folder, "inner") == b"x" * 64
    assert file.content(folder.storages["DEEPER"], "last") == b"y" * 5000


@pytest.mark.parametrize("content", [b"", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", compound(TREE)[:600], bytes(4096)])
def test_what_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(CannotClean, match="damaged"):
        Compound(content)


def test_damaged_files_are_read_or_refused() -> None:
    chance = random.Random(3)
    whole = compound(TREE)
    for _turn in range(400):
        content = bytearray(whole)
        for _change in range(chance.randrange(1, 12)):
            content[chance.randrange(len(content))] = chance.choice((0, 1, 2, 255, chance.randrange(256)))
        try:
            file = Compound(bytes(content))
        except CannotClean:
            continue
        todo = [file.root]
        for storage in todo:
            todo += storage.storages.values()
            assert all(len(file.content(storage, name)) <= len(whole) + 512 for name in storage.streams)
