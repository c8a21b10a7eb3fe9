"""A whole run, with real files, real processes and real interruptions."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import sqlite3
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
from docx import Document

from privet.errors import BadInput
from privet.evidence import Signer, is_signed, merkle_root
from privet.ingest import worker
from privet.ingest.local import Failed, LocalEngine, Task
from privet.ingest.plan import MANIFEST, planned
from privet.ingest.run import Job, scrub
from privet.ingest.work import FOLDER, Work
from privet.policy import DEFAULT, Transform, with_value

PEOPLE = "\n".join(
    f'{{"id":{number},"text":"number {number}: write to jane{number}@example.com today"}}' for number in range(3000)
)
ENGINE = partial(LocalEngine, processes=2, timeout_seconds=60)


class Quiet:
    """A watch that nobody looks at."""

    def begin(self, total_bytes: int) -> None:
        self.total = total_bytes

    def step(self, done_bytes: int) -> None:
        self.last = done_bytes


class Inline:
    """Runs the tasks in this process, and may stop after some: what a kill leaves is what has been written by then."""

    def __init__(self, setup: worker.Setup, *, after: int | None = None) -> None:
        self._worker = worker.Worker(setup)
        self._left = after

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
        for task in tasks:
            if self._left == 0:
                raise KeyboardInterrupt
            yield task, getattr(self._worker, task.name)(*task.arguments)
            if self._left is not None:
                self._left -= 1


def make_macro(path: Path) -> None:
    """Say of a document that it may hold macros."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    plain = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    types = members["[Content_Types].xml"]
    assert plain in types
    members["[Content_Types].xml"] = types.replace(plain, b"application/vnd.ms-word.document.macroEnabled.main+xml")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def text_of(path: Path) -> str:
    return "\n".join(paragraph.text for paragraph in Document(str(path)).paragraphs)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    (folder / "deep" / "jane.doe@example.com").mkdir(parents=True)
    (folder / "people.jsonl").write_text(PEOPLE + "\n")
    (folder / "again.jsonl").write_text(PEOPLE[: PEOPLE.index("\n") + 1])
    (folder / "deep" / "note.txt").write_text("call Jane Doe at +1 415 555 0100\n")
    (folder / "deep" / "jane.doe@example.com" / "a.txt").write_text("nothing\n")
    (folder / "blob.bin").write_bytes(bytes(range(256)) * 9)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "out-of-the-tree").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe")
    return folder


def job(raw: Path, out: Path, **changes: Any) -> Job:
    return replace(Job([raw], out, DEFAULT, Signer(bytes(32)), "patterns"), **changes)


def tree(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_a_run_cleans_and_tells(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    outcome = scrub(job(raw, out), ENGINE, Quiet())
    files = {entry["input"]: entry for entry in outcome.manifest["files"]}
    assert set(tree(out)) == {
        "people.jsonl", "again.jsonl", "deep/note.txt", "deep/EMAIL_ADDRESS/a.txt", "empty.txt", MANIFEST
    }  # fmt: skip
    assert (out / "deep" / "note.txt").read_text() == "call Jane Doe at [PHONE_NUMBER]\n"
    assert "example.com" not in str(tree(out))
    assert {name: entry["reason"] for name, entry in files.items() if entry["status"] == "set-aside"} == {
        "blob.bin": "its format is not known",
        "out-of-the-tree": "a link: what it points to is not opened",
        "pipe": "not a file: a device, pipe or socket",
    }
    assert outcome.set_aside == 3
    assert files["people.jsonl"]["rows"] == {
        "read": 3000, "written": 2999, "duplicates": 1, "near_duplicates": 0, "suppressed": 0
    }  # fmt: skip
    assert files["people.jsonl"]["found"] == {"text": {"EMAIL_ADDRESS": 3000}}
    assert is_signed(outcome.manifest)
    assert outcome.manifest["merkle_root"] == merkle_root(outcome.manifest["files"])
    assert json.loads((out / MANIFEST).read_bytes()) == outcome.manifest


def test_files_of_no_bytes_are_clean_whatever_their_names(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "package").mkdir(parents=True)
    names = "a.txt b.csv c.jsonl d.md e.json f.parquet g.png h.7z i.unknown plain .gitkeep package/__init__.py".split()  # noqa: SIM905
    for name in names:
        (raw / name).write_bytes(b"")
    with zipfile.ZipFile(raw / "z.zip", "w") as archive:
        archive.writestr("package/py.typed", b"")
        archive.writestr("note.txt", b"nothing\n")
    (raw / "e.txt.gz").write_bytes(gzip.compress(b"", mtime=0))
    outcome = scrub(job(raw, tmp_path / "clean"), ENGINE, Quiet())
    assert outcome.is_clean
    written = tree(tmp_path / "clean")
    assert {name: written.get(name) for name in names} == dict.fromkeys(names, b"")
    assert {entry["output"] for entry in outcome.manifest["files"]} == {*names, "z.zip", "e.txt.gz"}
    assert gzip.decompress(written["e.txt.gz"]) == b""
    with zipfile.ZipFile(tmp_path / "clean" / "z.zip") as archive:
        assert archive.namelist() == ["package/py.typed", "note.txt"]


def test_names_that_become_one_take_no_file_s_own_name(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    mail = "From: jane.doe@example.com\nSubject: plan\n\n{}\n"
    for name, content in {
        "of jane.doe@example.com.txt": "of the mail",
        "of EMAIL_ADDRESS.txt": "of the name",
        "of john@example.com.txt": "of another",
        "Plan.txt": "large",
        "plan.txt": "small",
        "caf\u00e9.txt": "composed",
        "cafe\u0301.txt": "decomposed",
        "a.docm": "",
        "a.docx": "",
    }.items():
        if content:
            (raw / name).write_text(f"text {content} here\n")
        else:
            document = Document()
            document.add_paragraph(f"text {name} here")
            document.save(str(raw / name))
            if name == "a.docm":
                make_macro(raw / name)
    (raw / "m.eml").write_text(mail.format("one"))
    made = []
    for out in (tmp_path / "whole", tmp_path / "cut"):
        while not (out / MANIFEST).exists():
            with suppress(KeyboardInterrupt):
                scrub(job(raw, out), partial(Inline, after=1), Quiet())
        made.append(tree(out))
    assert made[0] == made[1]
    files = {path.name: path for path in (tmp_path / "whole").iterdir()}
    assert len({unicodedata.normalize("NFC", name).casefold() for name in files}) == len(files) == 11
    assert "text of the name" in files["of EMAIL_ADDRESS.txt"].read_text()
    assert {files[f"of EMAIL_ADDRESS-{number}.txt"].read_text() for number in (2, 3)} == {
        "text of the mail here\n",
        "text of another here\n",
    }
    assert "text a.docx here" in text_of(files["a.docx"])
    assert "text a.docm here" in text_of(files["a-2.docx"])


def test_groups_are_small_in_archives_and_documents_too(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    group = "age,zip\n" + "30,1*\n" * 5
    for number in range(2):
        (raw / f"patient-{number}.json").write_text('{"age": 90, "zip": "9*"}\n')
    (raw / "settings.json").write_text('{"theme": "blue"}\n')
    for name, members in {
        "a.zip": {"some.csv": group + "90,9*\n", "words.txt": "plain words\n"},
        "b.zip": {"lone.json": '{"age": 90, "zip": "9*"}\n'},
    }.items():
        with zipfile.ZipFile(raw / name, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)
    policy = with_value(DEFAULT, "scrub.quasi_identifiers", frozenset({"age", "zip"}))
    out = tmp_path / "clean"
    outcome = scrub(job(raw, out, policy=policy), ENGINE, Quiet())
    files = {entry["input"]: entry for entry in outcome.manifest["files"]}
    reason = "it is a record in a group that is too small"
    assert {name: entry["reason"] for name, entry in files.items() if entry["output"] is None} == {
        "b.zip": f"nothing in it can be cleaned: {reason}",
        "patient-0.json": reason,
        "patient-1.json": reason,
    }
    with zipfile.ZipFile(out / "a.zip") as archive:
        assert archive.read("some.csv").decode() == group
    assert files["a.zip"]["rows"] == {
        "read": 6, "written": 5, "duplicates": 0, "near_duplicates": 0, "suppressed": 1
    }  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == ["a.zip", MANIFEST, "settings.json"]


def test_the_bytes_do_not_depend_on_who_does_the_work(raw: Path, tmp_path: Path) -> None:
    made = []
    for name, engine in (
        ("one", ENGINE),
        ("two", Inline),
        ("three", partial(LocalEngine, processes=1, timeout_seconds=60)),
    ):
        scrub(job(raw, tmp_path / name), engine, Quiet())
        made.append(tree(tmp_path / name))
    assert made[0] == made[1] == made[2]


def test_a_run_that_is_cut_off_goes_on(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privet.ingest.run._UNIT_BYTES", {"patterns": 40_000})
    monkeypatch.setattr("privet.ingest.cleaned._BATCH_FILES", 2)
    scrub(job(raw, tmp_path / "whole"), Inline, Quiet())
    expected = tree(tmp_path / "whole")
    out = tmp_path / "clean"
    cut_off = 0
    while not (out / MANIFEST).exists():
        try:
            scrub(job(raw, out), partial(Inline, after=2), Quiet())
        except KeyboardInterrupt:
            cut_off += 1
            assert {path.name for path in out.iterdir()} == {FOLDER}
    assert cut_off > 4
    assert tree(out) == expected


def test_parts_that_were_damaged_meanwhile_are_made_again(raw: Path, tmp_path: Path) -> None:
    scrub(job(raw, tmp_path / "whole"), Inline, Quiet())
    out = tmp_path / "clean"
    with pytest.raises(KeyboardInterrupt):
        scrub(job(raw, out), partial(Inline, after=2), Quiet())
    for part in (out / FOLDER / "parts").iterdir():
        part.write_bytes(b"torn")
    scrub(job(raw, out), Inline, Quiet())
    assert tree(out) == tree(tmp_path / "whole")


def test_what_changed_meanwhile_is_cleaned_again(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    with pytest.raises(KeyboardInterrupt):
        scrub(job(raw, out), partial(Inline, after=1), Quiet())
    (raw / "deep" / "note.txt").write_text("other words\n")
    scrub(job(raw, out), Inline, Quiet())
    assert (out / "deep" / "note.txt").read_text() == "other words\n"


def test_another_policy_mixes_nothing_in(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    with pytest.raises(KeyboardInterrupt):
        scrub(job(raw, out), partial(Inline, after=2), Quiet())
    narrow = with_value(DEFAULT, "scrub.columns", frozenset({"text"}))
    outcome = scrub(job(raw, out, policy=narrow), Inline, Quiet())
    assert json.loads((out / "people.jsonl").read_text().splitlines()[0]).keys() == {"text"}
    files = {entry["input"]: entry for entry in outcome.manifest["files"]}
    assert files["people.jsonl"]["dropped_columns"] == {"id": 3000}


def test_a_second_run_does_what_is_new_and_removes_what_is_gone(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    assert scrub(job(raw, out), Inline, Quiet()).is_new
    before = tree(out)
    assert not scrub(job(raw, out), Inline, Quiet()).is_new
    assert tree(out) == before
    (raw / "deep" / "note.txt").unlink()
    (raw / "more.txt").write_text("more\n")
    assert scrub(job(raw, out), Inline, Quiet()).is_new
    assert not (out / "deep" / "note.txt").exists()
    assert (out / "more.txt").read_text() == "more\n"
    (out / "more.txt").write_text("jane@example.com\n")
    assert scrub(job(raw, out), Inline, Quiet()).is_new
    assert (out / "more.txt").read_text() == "more\n"


def test_a_task_that_kills_its_process_or_hangs_fails_alone(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    the_job = job(raw, out)
    work = Work(out)
    work.open(the_job.plan())
    fine = planned([raw / "deep" / "note.txt"], out)
    tasks = [
        Task("files", (map(signal.raise_signal, [signal.SIGKILL]),)),
        Task("files", (map(signal.sigwait, [{signal.SIGUSR1}]),)),
        Task("files", (fine,)),
    ]
    with LocalEngine(the_job.setup(), 1, 2) as engine:
        found = [(tasks.index(task), result) for task, result in engine.done(tasks)]
    results = dict(found)
    assert results[0] == Failed("its reader crashed")
    assert results[1] == Failed("it took longer than scrub.max_seconds allows")
    assert results[2][0].status == "cleaned"
    work.close(complete=True)


def test_a_file_that_cannot_be_read_to_its_end_is_set_aside_alone(raw: Path, tmp_path: Path) -> None:
    class Crashing(Inline):
        """Gives no result for whatever has the note in it, as an engine whose process was killed."""

        def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
            for task in tasks:
                if task.name == "files" and any(item.name == "deep/note.txt" for item in task.arguments[0]):
                    yield task, Failed("its reader crashed")
                else:
                    yield from super().done([task])

    outcome = scrub(job(raw, tmp_path / "clean"), Crashing, Quiet())
    reasons = [entry["reason"] for entry in outcome.manifest["files"]]
    assert reasons.count("its reader crashed") == 1
    assert (tmp_path / "clean" / "people.jsonl").exists()
    assert not (tmp_path / "clean" / "deep" / "note.txt").exists()


def test_names_that_become_the_same_are_told_apart(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a@example.com.txt", "b@example.com.txt", ".privet-notes.txt"):
        (raw / name).write_text(name[0] + "\n")
    outcome = scrub(job(raw, tmp_path / "clean"), Inline, Quiet())
    assert [entry["output"] for entry in outcome.manifest["files"]] == [
        "_.privet-notes.txt",
        "EMAIL_ADDRESS.txt",
        "EMAIL_ADDRESS-2.txt",
    ]


def test_what_cannot_be_used_is_said_before_anything_is_written(raw: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("x")
    for inputs, out, says in (
        ([raw], other, "not empty"),
        ([raw], tmp_path / "file", "a file, not a folder"),
        ([raw], raw / "clean", "lies inside"),
        ([raw / "deep"], raw, "lies inside"),
        ([tmp_path / "nowhere"], tmp_path / "clean", "input 1 does not exist"),
        ([raw / "deep", raw / "deep"], tmp_path / "clean", "same name"),
    ):
        with pytest.raises(BadInput, match=says):
            scrub(job(raw, out, inputs=inputs), Inline, Quiet())
    assert tree(other) == {"mine.txt": b"mine"}
    assert not (tmp_path / "clean").exists()


def test_two_runs_at_a_time_in_one_output_are_refused(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"

    class Second(Inline):
        def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
            with pytest.raises(BadInput, match="another run"):
                scrub(job(raw, out), Inline, Quiet())
            return super().done(tasks)

    scrub(job(raw, out), Second, Quiet())


def test_a_full_disk_loses_nothing(raw: Path, tmp_path: Path) -> None:
    class Full(Inline):
        def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
            yield from super().done(tasks)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "clean"
    with pytest.raises(BadInput, match="No space left") as error:
        scrub(job(raw, out), Full, Quiet())
    assert "same command again" in error.value.hint
    assert {path.name for path in out.iterdir()} == {FOLDER}
    scrub(job(raw, tmp_path / "whole"), Inline, Quiet())
    scrub(job(raw, out), Inline, Quiet())
    assert tree(out) == tree(tmp_path / "whole")


def test_several_inputs_go_below_their_names(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    scrub(job(raw, out, inputs=[raw / "deep", raw / "again.jsonl"]), Inline, Quiet())
    assert set(tree(out)) == {"deep/note.txt", "deep/EMAIL_ADDRESS/a.txt", "again.jsonl", MANIFEST}


def test_a_file_that_was_renamed_is_new(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    scrub(job(raw, out), Inline, Quiet())
    (raw / "deep" / "note.txt").rename(raw / "deep" / "nota.txt")
    assert scrub(job(raw, out), Inline, Quiet()).is_new
    assert (out / "deep" / "nota.txt").exists()
    assert not (out / "deep" / "note.txt").exists()


def test_a_folder_may_become_a_file_and_a_file_a_folder(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "clean"
    (raw / "a").mkdir(parents=True)
    (raw / "a" / "x.txt").write_text("x")
    (raw / "b").write_text("b")
    scrub(job(raw, out), Inline, Quiet())
    (raw / "a" / "x.txt").unlink()
    (raw / "a").rmdir()
    (raw / "a").write_text("a")
    (raw / "b").unlink()
    (raw / "b").mkdir()
    (raw / "b" / "x.txt").write_text("x")
    scrub(job(raw, out), Inline, Quiet())
    assert {name: content for name, content in tree(out).items() if name != MANIFEST} == {"a": b"a", "b/x.txt": b"x"}


def test_a_folder_and_a_file_may_get_the_same_clean_name(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "clean"
    (raw / "b@example.com").mkdir(parents=True)
    (raw / "b@example.com" / "x.txt").write_text("x")
    (raw / "a@example.com").write_text("a")
    (raw / MANIFEST).mkdir()
    (raw / MANIFEST / "y.txt").write_text("y")
    outcome = scrub(job(raw, out), Inline, Quiet())
    assert outcome.set_aside == 0
    assert set(tree(out)) == {"EMAIL_ADDRESS", "EMAIL_ADDRESS-2/x.txt", "privet-manifest-2.json/y.txt", MANIFEST}


def test_what_a_run_put_into_place_before_it_was_cut_off_goes_when_its_input_is_gone(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "clean"

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("privet.ingest.placing.write_beside", cut_off)
        with pytest.raises(KeyboardInterrupt):
            scrub(job(raw, out), Inline, Quiet())
    assert (out / "deep" / "note.txt").exists()
    assert not (out / MANIFEST).exists()
    (raw / "deep" / "note.txt").unlink()
    other = with_value(DEFAULT, "scrub.columns", frozenset({"text"}))
    scrub(job(raw, out, policy=other), Inline, Quiet())
    assert set(tree(out)) == {"people.jsonl", "again.jsonl", "deep/EMAIL_ADDRESS/a.txt", "empty.txt", MANIFEST}


def test_rows_that_are_no_longer_double_come_back_after_a_cut(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "clean"
    raw.mkdir()
    for name in ("a", "b"):
        (raw / f"{name}.jsonl").write_text(f'{{"x": "the same words"}}\n{{"x": "other words in {name}"}}\n')

    class CutOff(Inline):
        """Stops when all files are joined."""

        def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
            names = set()
            for task, result in super().done(tasks):
                names.add(task.name)
                yield task, result
            if "joined" in names:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scrub(job(raw, out), CutOff, Quiet())
    (raw / "a.jsonl").unlink()
    outcome = scrub(job(raw, out), Inline, Quiet())
    assert (out / "b.jsonl").read_bytes() == (raw / "b.jsonl").read_bytes()
    assert outcome.manifest["files"][0]["rows"]["written"] == 2


def test_a_row_whose_double_is_set_aside_stays(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "clean"
    raw.mkdir()
    for name in ("a", "b", "c"):
        (raw / f"{name}.jsonl").write_text('{"x": "the same words"}\n')

    class Failing(Inline):
        """Cannot join the first file."""

        def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
            for task in tasks:
                if task.name == "joined" and task.arguments[0].name == "a.jsonl":
                    yield task, Failed("its reader crashed")
                else:
                    yield from super().done([task])

    outcome = scrub(job(raw, out), Failing, Quiet())
    assert [entry["status"] for entry in outcome.manifest["files"]] == ["set-aside", "cleaned", "cleaned"]
    assert [entry["rows"]["written"] for entry in outcome.manifest["files"][1:]] == [1, 0]
    assert (out / "b.jsonl").read_text() == '{"x": "the same words"}\n'
    assert (out / "c.jsonl").read_text() == ""


def test_a_file_that_is_a_pipe_by_the_time_it_failed_is_not_waited_for(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "clean"
    raw.mkdir()
    for name in ("a.txt", "b.txt"):
        (raw / name).write_text("x")

    class Swapped(Inline):
        """Gives no result, and puts a pipe or nothing where the files were."""

        def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
            for task in tasks:
                for item in task.arguments[0]:
                    Path(item.path).unlink(missing_ok=True)
                if not (raw / "a.txt").exists():
                    os.mkfifo(raw / "a.txt")
                yield task, Failed("its reader crashed")

    outcome = scrub(job(raw, out), Swapped, Quiet())
    assert [entry["status"] for entry in outcome.manifest["files"]] == ["set-aside"] * 2
    assert {entry["input_hmac_sha256"] for entry in outcome.manifest["files"]} == {None}


def test_a_thousand_small_files_and_very_long_names(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "clean"
    deep = raw.joinpath(*["d" * 200] * 12)
    deep.mkdir(parents=True)
    (deep / ("n" * 251 + ".txt")).write_text("x")
    for number in range(1000):
        (raw / f"{number % 7}").mkdir(exist_ok=True)
        (raw / f"{number % 7}" / f"a{number}@x.example.com.txt").write_text(f"{number}")
    grown = raw / ("a@b.co " * 35 + ".txt")
    grown.write_text("x")
    outcome = scrub(job(raw, out), Inline, Quiet())
    assert outcome.set_aside == 0
    found = tree(out)
    assert len(found) == 1003
    assert all(len(part) <= 255 for name in found for part in name.split("/"))


def test_a_document_is_no_row_of_a_table(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a.json", "b.json"):
        (raw / name).write_text('{"text": "the same words in both of them"}')
    scrub(job(raw, tmp_path / "clean"), Inline, Quiet())
    assert (tmp_path / "clean" / "b.json").read_text() == (raw / "b.json").read_text()


def test_a_database_keeps_its_rows_or_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with closing(sqlite3.connect(tmp_path / "raw" / "people.db")) as database:
        database.execute("CREATE TABLE people (zip TEXT, note TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?)", [("10115", "the same words in each of them")] * 6)
        database.commit()
    (entry,) = scrub(job(tmp_path / "raw", tmp_path / "clean"), Inline, Quiet()).manifest["files"]
    assert entry["rows"] == {"read": 6, "written": 6, "duplicates": 0, "near_duplicates": 0, "suppressed": 0}
    for rows, status in ((6, "cleaned"), (7, "set-aside")):
        grouped = with_value(DEFAULT, "scrub.quasi_identifiers", frozenset({"zip"}))
        with closing(sqlite3.connect(tmp_path / "raw" / "people.db")) as database:
            if rows > 6:
                database.execute("INSERT INTO people VALUES ('99999', 'alone')")
                database.commit()
        outcome = scrub(job(tmp_path / "raw", tmp_path / f"clean{rows}", policy=grouped), Inline, Quiet())
        (entry,) = outcome.manifest["files"]
        assert entry["status"] == status
    assert "groups that are too small" in entry["reason"]
    assert not (tmp_path / "clean7" / "people.db").exists()


def test_columns_of_sheets_are_told_like_those_of_tables(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["zip", "phone", "text"], [10115, 5550100, "one"], [10115, 5550101, "two"]):
        book.active.append(row)
    (tmp_path / "raw").mkdir()
    book.save(tmp_path / "raw" / "people.xlsx")
    (tmp_path / "raw" / "note.txt").write_text("nothing\n")
    narrow = with_value(DEFAULT, "scrub.columns", frozenset({"text", "zip"}))
    outcome = scrub(job(tmp_path / "raw", tmp_path / "clean", policy=narrow), Inline, Quiet())
    files = {entry["input"]: entry for entry in outcome.manifest["files"]}
    assert files["people.xlsx"]["dropped_columns"] == {"phone": 2}
    assert "dropped_columns" not in files["note.txt"]
    assert outcome.manifest["unused_columns"] == []
    assert outcome.is_clean
    missing = with_value(DEFAULT, "scrub.columns", frozenset({"text", "age"}))
    outcome = scrub(job(tmp_path / "raw", tmp_path / "other", policy=missing), Inline, Quiet())
    assert outcome.manifest["unused_columns"] == ["age"]


def test_a_file_that_somebody_put_into_the_output_is_named_and_nothing_is_touched(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scrub(job(raw, out), Inline, Quiet())
    (out / "deep" / "of bob@example.com.txt").write_text("mine")
    (out / "here").symlink_to(tmp_path)
    before = tree(out)
    for change in (False, True):
        if change:
            (raw / "new.txt").write_text("words\n")
        with pytest.raises(BadInput, match=r"put there: deep/of EMAIL_ADDRESS\.txt and 1 more;"):
            scrub(job(raw, out), Inline, Quiet())
        assert tree(out) == before
    (out / "deep" / "of bob@example.com.txt").unlink()
    (out / "here").unlink()
    assert scrub(job(raw, out), Inline, Quiet()).is_new


def test_inputs_without_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "raw" / "inner").mkdir(parents=True)
    with pytest.raises(BadInput, match="hold no file"):
        scrub(job(tmp_path / "raw", tmp_path / "out"), Inline, Quiet())
    assert not (tmp_path / "out").exists()


def test_a_column_that_is_only_a_field_inside_another_is_told(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.jsonl").write_text('{"meta": {"age": 41}}\n')
    for column, unused in (("age", ["age"]), ("meta.age", [])):
        transform = frozenset((Transform("generalise", column=column, step=10),))
        policy = replace(DEFAULT, scrub=replace(DEFAULT.scrub, transform=transform))
        outcome = scrub(job(tmp_path / "raw", tmp_path / column, policy=policy), Inline, Quiet())
        assert outcome.manifest["unused_columns"] == unused
        assert outcome.is_clean == (not unused)
