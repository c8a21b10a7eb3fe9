"""What is to be scrubbed, in one order, and what is not even opened."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from privet.errors import BadInput
from privet.ingest.plan import Changed, Item, check_unchanged, opened, planned
from privet.metadata.job import CannotClean


@dataclass
class Folder:
    raw: Path
    out: Path

    def problems(self) -> dict[str, str]:
        return {item.name: item.problem for item in planned([self.raw], self.out)}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "raw").mkdir()
    return Folder(tmp_path / "raw", tmp_path / "out")


def test_the_order_is_that_of_the_names_as_bytes(folder: Folder) -> None:
    for name in ("b.txt", "B.txt", "é.txt", "a-1/x", "a/x", "a.txt", "z\n.txt", " a"):
        path = folder.raw / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert list(folder.problems()) == [" a", "B.txt", "a-1/x", "a.txt", "a/x", "b.txt", "z\n.txt", "é.txt"]


def test_names_that_are_no_text_are_planned_all_the_same(folder: Folder) -> None:
    (folder.raw / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    (item,) = planned([folder.raw], folder.out)
    assert os.fsencode(item.name) == b"caf\xe9.txt"
    assert len(item.key) == 24
    with opened(item) as file:
        assert file.read() == b"x"


def test_links_pipes_sockets_and_caches_are_not_opened(folder: Folder) -> None:
    (folder.raw / "real").mkdir()
    (folder.raw / "real" / "a.txt").write_text("x")
    (folder.raw / "real" / "up").symlink_to("..")
    (folder.raw / "loop").symlink_to("loop")
    (folder.raw / "nowhere").symlink_to("missing")
    (folder.raw / "out-of-the-tree").symlink_to("/etc/hostname")
    os.mkfifo(folder.raw / "pipe")
    (folder.raw / "cache-1f00.arrow").write_text("x")
    (folder.raw / ".cache").mkdir()
    (folder.raw / ".cache" / "x.metadata").write_text("x")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder.raw / "socket"))
        found = folder.problems()
    assert found.pop("real/a.txt") == ""
    assert {name: problem.split(":")[0] for name, problem in found.items()} == {
        "real/up": "a link", "loop": "a link", "nowhere": "a link", "out-of-the-tree": "a link", "pipe": "not a file",
        "socket": "not a file", "cache-1f00.arrow": "a cache of a library", ".cache/x.metadata": "a cache of a library",
    }  # fmt: skip


def test_hard_links_are_files_of_their_own(folder: Folder) -> None:
    (folder.raw / "a.txt").write_text("x")
    (folder.raw / "b.txt").hardlink_to(folder.raw / "a.txt")
    assert folder.problems() == {"a.txt": "", "b.txt": ""}


def test_a_folder_deeper_than_a_path_can_say_is_set_aside(folder: Folder) -> None:
    here = os.open(folder.raw, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        deeper = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    found = folder.problems()
    shutil.rmtree(folder.raw)
    assert len(found) == 1
    assert "cannot be read" in next(iter(found.values()))


def test_one_input_keeps_its_places_and_several_go_below_their_names(folder: Folder) -> None:
    other = folder.raw.parent / "other"
    other.mkdir()
    for path in (folder.raw / "a.txt", other / "a.txt"):
        path.write_text("x")
    assert [item.name for item in planned([folder.raw / "a.txt"], folder.out)] == ["a.txt"]
    assert [item.name for item in planned([folder.raw, other], folder.out)] == ["other/a.txt", "raw/a.txt"]


def test_a_folder_that_is_named_by_dots_goes_below_its_own_name(folder: Folder) -> None:
    (folder.raw / "inner").mkdir()
    (folder.raw / "a.txt").write_text("x")
    other = folder.raw.parent / "other"
    other.mkdir()
    items = planned([folder.raw / "inner" / "..", other], folder.out)
    assert [item.name for item in items] == ["raw/a.txt"]


def test_the_output_may_not_lie_in_an_input_nor_the_other_way_round(folder: Folder) -> None:
    (folder.raw / "a.txt").write_text("x")
    link = folder.raw.parent / "link"
    link.symlink_to(folder.raw)
    for inputs, out in (
        ([folder.raw], folder.raw),
        ([folder.raw], folder.raw / "clean" / "deep"),
        ([folder.raw], link / "clean"),
        ([link], folder.raw / "clean"),
        ([folder.raw / "a.txt"], folder.raw),
        ([folder.raw / "a.txt"], folder.raw / "a.txt"),
    ):
        with pytest.raises(BadInput, match="inside"):
            planned(inputs, out)


def planned_one(folder: Folder) -> tuple[Path, Item]:
    path = folder.raw / "a.txt"
    path.write_text("one")
    (item,) = planned([folder.raw], folder.out)
    return path, item


def test_what_is_put_into_a_planned_place_is_not_opened(folder: Folder) -> None:
    path, item = planned_one(folder)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Changed):
        opened(item)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(Changed):
        opened(item)
    path.unlink()
    with pytest.raises(Changed):
        opened(item)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_file_that_may_not_be_read_is_said(folder: Folder) -> None:
    path, item = planned_one(folder)
    path.chmod(0)
    with pytest.raises(CannotClean, match="permissions"):
        opened(item)


def test_a_file_that_changes_is_told_from_the_one_that_was_planned(folder: Folder) -> None:
    path, item = planned_one(folder)
    check_unchanged(item)
    os.utime(path, ns=(item.modified_ns, item.modified_ns + 1))
    with pytest.raises(Changed, match="run the same command again"):
        check_unchanged(item)
    with pytest.raises(Changed):
        opened(item)
    path.unlink()
    with pytest.raises(Changed):
        check_unchanged(item)


def test_keys_depend_on_names_alone_and_tell_nothing_of_them(folder: Folder) -> None:
    _, item = planned_one(folder)
    assert item.key == Item(item.name, "elsewhere", 7, 7).key
    assert item.key != Item("b.txt", item.path, item.size, item.modified_ns).key
    assert "a.txt" not in item.key
