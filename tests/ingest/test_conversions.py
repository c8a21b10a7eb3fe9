"""Old office files of a batch are converted by one start of a program, and alone where that gives nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import docx
import pytest

from privet.ingest.conversions import Conversions
from privet.ingest.plan import Item, planned
from privet.ingest.work import Work
from privet.ingest.worker import Setup, Worker
from privet.metadata import legacy
from privet.policy import DEFAULT

WORDML = (
    '<?xml version="1.0"?><?mso-application progid="Word.Document"?>'
    '<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:body><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:body>'
    "</w:wordDocument>"
)
CONVERTING = """echo start >> {log}
while [ "$1" != --outdir ]; do shift; done
out=$2; shift 2; mkdir -p "$out"
for file in "$@"; do
    name=${{file##*/}}
    /bin/grep -q damaged "$file" || /bin/cp {made} "$out/${{name%.*}}.docx"
done"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files of old and new formats, and a program that converts all but those that say they are damaged."""
    document = docx.Document()
    document.add_paragraph("write to jane@example.com")
    document.save(str(tmp_path / "made.docx"))
    (tmp_path / "raw").mkdir()
    for name in ("a", "b", "damaged", "e"):
        (tmp_path / "raw" / f"{name}.xml").write_text(WORDML.format(f"text {name}"))
    (tmp_path / "raw" / "c.txt").write_text("plain")
    (tmp_path / "bin").mkdir()
    program(tmp_path, CONVERTING.format(log=tmp_path / "log", made=tmp_path / "made.docx"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def program(folder: Path, script: str) -> None:
    path = folder / "bin" / "soffice"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def items(folder: Path) -> list[Item]:
    return planned([folder / "raw"], folder / "out")


def starts(folder: Path) -> int:
    return (folder / "log").read_text().count("start")


def test_files_that_become_the_same_format_take_one_start(folder: Path) -> None:
    with Conversions(items(folder)) as ready:
        made = {item.name: ready.of(item, "wordml" if item.name.endswith("xml") else "text") for item in items(folder)}
        assert starts(folder) == 1
        assert [name for name, path in made.items() if path is not None] == ["a.xml", "b.xml", "e.xml"]
        paths = [path for path in made.values() if path is not None]
        assert all(path.is_file() for path in paths)
    assert not any(path.exists() for path in paths)


def test_a_batch_without_old_files_starts_nothing(folder: Path) -> None:
    for name in ("a", "b", "damaged", "e"):
        (folder / "raw" / f"{name}.xml").unlink()
    with Conversions(items(folder)) as ready:
        assert [ready.of(item, "text") for item in items(folder)] == [None]
    assert not (folder / "log").exists()


@pytest.fixture
def worker(folder: Path) -> Callable[[], Worker]:
    def make() -> Worker:
        work = Work(folder / "out")
        work.open({})
        work.close(complete=False)
        return Worker(Setup(DEFAULT, "patterns", None, b"d" * 32, str(work.out), 1 << 20))

    return make


def test_what_is_converted_together_is_cleaned_like_what_is_alone(folder: Path, worker: Callable[[], Worker]) -> None:
    together = {done.name: (done.status, done.reason, done.sha256) for done in worker().files(items(folder))}
    # One for all, and one for the damaged file by itself.
    assert starts(folder) == 2
    assert together["damaged.xml"][:2] == (
        "set-aside",
        "LibreOffice cannot read it: damaged, encrypted or of another format",
    )
    assert {name for name, done in together.items() if done[0] == "cleaned"} == {"a.xml", "b.xml", "c.txt", "e.xml"}
    one = worker()
    alone = {done.name: (done.status, done.reason, done.sha256) for item in items(folder) for done in one.files([item])}
    assert alone == together


def test_a_start_that_hangs_leaves_each_file_to_itself(
    folder: Path, worker: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    converting = CONVERTING.format(log=folder / "log", made=folder / "made.docx")
    program(folder, 'case "$*" in *wordml*wordml*) exec /bin/sleep 60;; esac\n' + converting)
    monkeypatch.setattr(legacy, "TIMEOUT_SECONDS", 2)
    monkeypatch.setattr(legacy, "MORE_SECONDS", -0.5)
    done = {done.name: done.status for done in worker().files(items(folder))}
    assert done == dict.fromkeys(("a.xml", "b.xml", "c.txt", "e.xml"), "cleaned") | {"damaged.xml": "set-aside"}
    assert starts(folder) == 4


@pytest.mark.usefixtures("folder")
def test_a_document_is_called_by_its_content(tmp_path: Path) -> None:
    sources = [io.BytesIO(WORDML.format(text).encode()) for text in ("one", "one", "two")]
    (tmp_path / "here").mkdir()
    first, second, third = legacy.converted(tmp_path / "here", sources, ["wordml"] * 3)
    assert first == second != third
    assert first is not None
    assert first.stem.isalpha()
