"""The folder of a run."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from privet.errors import BadInput
from privet.evidence import file_digest
from privet.ingest.plan import MANIFEST
from privet.ingest.work import FOLDER, Work, write_beside

PLAN = {"policy": "one"}


class Note(msgspec.Struct):
    text: str


def test_a_run_finds_again_what_it_left(tmp_path: Path) -> None:
    work = Work(tmp_path / "out")
    assert not work.open(PLAN)
    work.write("a", Note("kept"))
    work.close(complete=False)
    again = Work(tmp_path / "out")
    assert again.open(PLAN)
    assert again.read("a", Note) == Note("kept")
    again.close(complete=True)
    assert list((tmp_path / "out").iterdir()) == []


def test_another_plan_starts_from_nothing(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.open(PLAN)
    work.write("a", Note("kept"))
    (work.parts / "a").write_text("part")
    work.mean({"x.txt"})
    work.close(complete=False)
    other = Work(tmp_path)
    assert not other.open({"policy": "two"})
    assert other.read("a", Note) is None
    assert list(other.parts.iterdir()) == []
    assert other.meant() == {"x.txt"}
    other.close(complete=False)


@pytest.mark.parametrize("content", [b"", b"{", b'{"text": 1}', b"\xff"])
def test_a_torn_record_is_none(tmp_path: Path, content: bytes) -> None:
    work = Work(tmp_path)
    work.open(PLAN)
    (work.state / "a.json").write_bytes(content)
    assert work.read("a", Note) is None
    (work.folder / "outputs.json").write_bytes(content)
    assert work.meant() == set()
    work.close(complete=False)


def test_a_torn_plan_is_another_plan(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.open(PLAN)
    work.close(complete=False)
    (work.folder / "plan.json").write_bytes(b'{"pol')
    assert not work.open(PLAN)
    work.close(complete=False)


def test_a_part_holds_where_its_digest_fits(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.open(PLAN)
    (work.parts / "a").write_bytes(b"part")
    with (work.parts / "a").open("rb") as file:
        digest = file_digest(file)
    assert work.holds("a", digest)
    (work.parts / "a").write_bytes(b"par")
    assert not work.holds("a", digest)
    assert not work.holds("b", digest)
    work.close(complete=True)


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    work = Work(tmp_path / "out")
    work.open(PLAN)
    assert stat.S_IMODE(work.folder.stat().st_mode) == 0o700
    work.close(complete=True)


def test_two_runs_do_not_share_an_output(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.open(PLAN)
    with pytest.raises(BadInput, match="another run"):
        Work(tmp_path).open(PLAN)
    work.close(complete=False)
    work.open(PLAN)
    work.close(complete=True)


def test_an_output_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(BadInput, match="not empty"):
        Work(tmp_path).open(PLAN)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    (tmp_path / MANIFEST).write_text("{}")
    work = Work(tmp_path)
    work.open(PLAN)
    assert (tmp_path / FOLDER).is_dir()
    work.close(complete=True)


@pytest.mark.parametrize("place", ["file", "file/below", "dangling"])
def test_an_output_that_can_be_no_folder_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(BadInput) as error:
        Work(tmp_path / place).open(PLAN)
    assert error.value.hint
    assert str(tmp_path) not in error.value.message


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    write_beside(tmp_path / "a", b"one")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_beside(tmp_path / "folder", b"two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]
    assert (tmp_path / "a").read_bytes() == b"one"


def test_a_work_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="is a link"):
        Work(tmp_path / "out").open(PLAN)
    assert not list((tmp_path / "elsewhere").iterdir())
