"""Files of real writers come back as records."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from privet.audit.files import digest_of
from privet.audit.record import BLOCK_CHARS, text_blocks
from privet.audit.unpacking import entry_of
from privet.audit.walking import Dataset, named
from privet.errors import BadInput

ROWS = [{"text": f"line {number}", "n": number} for number in range(5)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def texts(path: Path) -> list[str]:
    dataset = Dataset.at(path)
    found = [seen.record.text for seen in dataset.pass_over()]
    assert not dataset.unread
    return found


def unread(path: Path) -> dict[str, str]:
    dataset = Dataset.at(path)
    for _ in dataset.pass_over():
        pass
    return dataset.unread


def _sqlite(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE t (text, n)")
    database.executemany("INSERT INTO t VALUES (:text, :n)", ROWS)
    database.commit()
    database.close()


def _arrow(path: Path, new: Callable[..., object]) -> None:
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:  # type: ignore[attr-defined]
        writer.write_table(table)


def _tar(path: Path, mode: str) -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("in/data.jsonl")
        info.size = len(LINES)
        archive.addfile(info, io.BytesIO(LINES))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in/data.jsonl.gz", gzip.compress(LINES))


TABLES: dict[str, Callable[[Path], object]] = {
    "a.jsonl": lambda path: path.write_bytes(LINES),
    "no-suffix": lambda path: path.write_bytes(LINES),
    "a.json": lambda path: path.write_text(json.dumps(ROWS)),
    "b.json": lambda path: path.write_text(json.dumps({"rows": ROWS}, indent=2)),
    "a.csv": lambda path: path.write_text("text,n\n" + "".join(f"line {n},{n}\n" for n in range(5))),
    "semicolons.csv": lambda path: path.write_text("text;n\n" + "".join(f"line {n};{n}\n" for n in range(5))),
    "a.tsv": lambda path: path.write_text("text\tn\n" + "".join(f"line {n}\t{n}\n" for n in range(5))),
    "a.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
    "a.arrow": lambda path: _arrow(path, pa.ipc.new_file),
    "stream.arrow": lambda path: _arrow(path, pa.ipc.new_stream),
    "a.db": _sqlite,
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(LINES)),
    "a.jsonl.zst": lambda path: path.write_bytes(zstandard.compress(LINES)),
    "a.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(LINES)),
    "a.jsonl.xz": lambda path: path.write_bytes(lzma.compress(LINES)),
    "a.tar": lambda path: _tar(path, "w"),
    "a.tar.gz": lambda path: _tar(path, "w:gz"),
    "a.zip": _zip,
}


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_a_table_are_records_with_their_columns(tmp_path: Path, name: str) -> None:
    TABLES[name](tmp_path / name)
    assert texts(tmp_path) == [f"text: line {n}\nn: {n}\n" for n in range(5)]
    seen = next(Dataset.at(tmp_path / name).pass_over())
    assert seen.record.column_at(7) == "text"
    assert seen.record.content == "line 0\n0\n"
    assert seen.record.fields is not None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_is_read_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_text("Grüße an alle, schön\n\nund noch einmal", encoding=encoding)
    assert texts(tmp_path) == ["Grüße an alle, schön", "und noch einmal"]


def test_documents_are_blocks(tmp_path: Path) -> None:
    import docx
    import openpyxl
    from odf.opendocument import OpenDocumentText
    from odf.text import P, Span
    from reportlab.pdfgen import canvas

    (tmp_path / "a.html").write_text("<p>One <b>bold</b> word</p><!-- a note --><img alt='a picture'>")
    (tmp_path / "b.xml").write_text("<a who='somebody'><b>inside</b><![CDATA[raw]]></a>")
    cells = [{"source": ["x = 1\n", "y"], "outputs": [{"text": "printed"}]}, {"source": "words"}]
    (tmp_path / "c.ipynb").write_text(json.dumps({"cells": cells}))
    document = docx.Document()
    document.add_paragraph("Hello Anna Schmidt")
    document.save(str(tmp_path / "d.docx"))
    book = openpyxl.Workbook()
    book.active.append(["a name", 5550123])
    book.save(tmp_path / "e.xlsx")
    text = OpenDocumentText()
    paragraph = P(text="Hello ")
    paragraph.addElement(Span(text="Anna"))
    paragraph.addText(" Schmidt")
    text.text.addElement(paragraph)
    text.save(str(tmp_path / "f.odt"))
    page = canvas.Canvas(str(tmp_path / "g.pdf"))
    page.drawString(50, 700, "Words on a page")
    page.save()
    message = EmailMessage()
    message["Subject"] = "a subject"
    message.set_content("the body")
    message.add_attachment(b"attached words", maintype="application", subtype="octet-stream", filename="h.txt")
    (tmp_path / "h.eml").write_bytes(bytes(message))
    found: dict[str, list[str]] = {}
    for seen in Dataset.at(tmp_path).pass_over():
        found.setdefault(seen.name, []).append(seen.record.text)
    assert found["a.html"] == ["One bold word", " a note ", "a picture"]
    assert found["b.xml"] == ["somebody", "inside", "raw"]
    assert found["c.ipynb"] == ["x = 1\ny", "printed", "words"]
    assert found["d.docx"] == ["Hello Anna Schmidt"]
    assert "a name" in "".join(found["e.xlsx"])
    assert "5550123" in "".join(found["e.xlsx"])
    assert found["f.odt"] == ["Hello Anna Schmidt"]
    assert found["g.pdf"] == ["Words on a page"]
    assert found["h.eml"][:2] == ["Subject: a subject", "the body"]
    assert found["h.eml!/h.txt"] == ["attached words"]


def test_a_broken_line_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": "x"}\n{"a": "jane@\n')
    assert texts(tmp_path) == ["a: x\n", '{"a": "jane@\n\n']


def test_a_table_without_names_keeps_its_first_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("jane@example.com,1\njoe@example.com,2\n")
    assert [text.split()[2] for text in texts(tmp_path)] == ["jane@example.com", "joe@example.com"]


def test_keys_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"by": {"jane@example.com": {"n": 1}}}\n')
    assert "jane@example.com" in texts(tmp_path)[0]


def test_blocks_are_short_and_lose_nothing() -> None:
    words = [f"word{number}" for number in range(3000)]
    blocks = list(text_blocks(" ".join(words)))
    assert all(len(block.text) <= BLOCK_CHARS for block in blocks)
    assert "".join(block.text for block in blocks).split() == words
    assert [block.line for block in text_blocks("a\nb\n\n\nc")] == [1, 5]


def test_a_large_json_array_is_streamed(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("w") as file:
        file.write("[")
        file.writelines(f'{", " if n else ""}{{"text": "{"x" * 400}{n}"}}' for n in range(1000))
        file.write("] trailing words")
    found = texts(tmp_path)
    assert len(found) == 1001
    assert found[-1].strip() == "trailing words"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.bin", bytes(range(256)) * 4),
        ("a.parquet", b"PAR1" + bytes(100)),
        ("a.pdf", b"%PDF-1.7\nnothing else"),
        ("a.zip", b"PK\x03\x04" + bytes(60)),
        ("a.jsonl.gz", gzip.compress(LINES * 1000)[:-400]),
        ("a.docx", b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml"),
        ("a.db", b"SQLite format 3\x00" + bytes(200)),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert list(unread(tmp_path)) != []


def test_a_picture_of_letters_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"P6\n# made\n4 4\n255\n" + b"some words of it\n" * 3)
    assert texts(path) == []
    assert not unread(path)
    path.write_bytes(b"P6 is a kind of picture.")
    assert texts(path) == ["P6 is a kind of picture."]


def test_packed_without_end_is_unread(tmp_path: Path) -> None:
    content = LINES
    for _ in range(8):
        content = gzip.compress(content)
    (tmp_path / "a.gz").write_bytes(content)
    assert "packed too deep" in unread(tmp_path).values()


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("words")
    (tmp_path / "out.txt").write_text("beyond")
    (tmp_path / "data" / "b.txt").symlink_to(tmp_path / "out.txt")
    (tmp_path / "data" / "c.txt").symlink_to(tmp_path / "data" / "a.txt")
    dataset = Dataset.at(tmp_path / "data")
    assert [seen.record.text for seen in dataset.pass_over()] == ["words"]
    assert list(dataset.unread) == ["b.txt"]


def test_nothing_to_read_is_bad_input(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(BadInput):
            Dataset.at(path)


def test_the_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    def digest() -> str:
        return digest_of(named(tmp_path, Dataset.at(tmp_path).files))

    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "b.txt").write_text("more")
    first = digest()
    (tmp_path / "a.txt").write_text("words")
    assert digest() == first
    (tmp_path / "a.txt").write_text("Words")
    assert digest() != first
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "a.txt").rename(tmp_path / "c.txt")
    assert digest() != first


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "jane@example.com", "text": "calm"}',
        '{"jane@example.com": true}',
        '{"jane@example.com": []}',
        '{"a": {"jane@example.com": null}}',
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_members_of_one_name_and_keys_without_a_value_are_looked_at(tmp_path: Path, line: str, name: str) -> None:
    (tmp_path / name).write_text(f"{line}\n" if name == "a.jsonl" else f"[{line}]")
    assert "jane@example.com" in "".join(texts(tmp_path))


def test_names_of_columns_without_rows_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Jane Example,town\n")
    pq.write_table(pa.table({"jane@example.com": pa.array([], pa.string())}), tmp_path / "b.parquet")
    assert texts(tmp_path) == ["Jane Example\ntown\n", "jane@example.com\n"]


def test_two_columns_of_one_name_are_both_looked_at(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_arrays([pa.array(["first"]), pa.array(["last"])], names=["a", "a"]), tmp_path / "a.parquet"
    )
    assert texts(tmp_path) == ["a: first\na 1: last\n"]


def test_files_in_binary_columns_are_files(tmp_path: Path) -> None:
    values = [{"bytes": "Größe ist viel".encode("cp1252"), "path": "x"}, {"bytes": bytes(range(250, 256)), "path": "y"}]
    pq.write_table(pa.table({"file": values}), tmp_path / "a.parquet")
    assert "Größe ist viel" in texts(tmp_path)
    pq.write_table(pa.table({"file": [bytes([1, 2, 0xFF]) * 100]}), tmp_path / "a.parquet")
    assert unread(tmp_path) == {"a.parquet!/file": "unknown format"}


def test_views_of_a_database_are_looked_at(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("CREATE VIEW v AS SELECT 'jane@example.com'")
        database.commit()
    assert any("jane@example.com" in text for text in texts(tmp_path))


@pytest.mark.parametrize(
    "start", ["BMW", "ID3", "GIF8", "OggS", "GGUF", "BZh", "the big WAVE", "a file starts with %PDF-1.7"]
)
def test_a_text_that_begins_like_another_form_is_text(tmp_path: Path, start: str) -> None:
    (tmp_path / "a.txt").write_text(f"{start} is what it says, and more of it follows")
    assert texts(tmp_path) == [f"{start} is what it says, and more of it follows"]


def test_an_office_file_is_one_in_any_order_of_its_members(tmp_path: Path) -> None:
    from docx import Document

    document = Document()
    document.add_paragraph("words")
    whole = io.BytesIO()
    document.save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda name: name.startswith(("[", "_", "docProps"))):
            target.writestr(name, source.read(name))
    entry = entry_of(tmp_path, tmp_path / "a.docx")
    assert entry.form.name == "office"


def test_outlines_and_links_of_a_pdf_are_looked_at(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.bookmarkPage("k")
    canvas.addOutlineEntry("about Jane Example", "k")
    canvas.linkURL("mailto:jane%40example.com", (0, 0, 50, 50))
    canvas.drawString(72, 700, "words")
    canvas.save()
    found = texts(tmp_path)
    assert "about Jane Example" in found
    assert "mailto:jane@example.com" in found
