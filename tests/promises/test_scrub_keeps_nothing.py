"""Scrubbing keeps nothing: no planted identifier and no word of metadata is left in any byte that `privet scrub` writes or prints.

Each format has canaries of its own, made by the libraries that people use: addresses where its text is, words where its metadata is. All
go through one run of the real command, and everything that it leaves is searched, unpacked and decoded.
"""

from __future__ import annotations

import gzip
import io
import json
import mailbox
import sqlite3
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import leaks
import pytest
from leaks import Canary, Leak

Say = Callable[[], str]
Make = Callable[[Say, Say], bytes]


@dataclass(slots=True)
class Planted:
    """What one file holds that must not be left."""

    file: str
    canaries: list[Canary] = field(default_factory=list)

    def address(self) -> str:
        """Plant an address in a text."""
        self.canaries.append(leaks.address(f"{self.file}: address {len(self.canaries)}"))
        return self.canaries[-1].value

    def word(self) -> str:
        """Plant a word in metadata."""
        self.canaries.append(leaks.word(f"{self.file}: word {len(self.canaries)}"))
        return self.canaries[-1].value


def jsonl(text: Say, _told: Say) -> bytes:
    rows = [
        {"m": f"to {text()}", "deep": {"list": [{"x": text()}]}, text(): 1},
        {"m": text().replace("@", "\\u0040"), "n": 2},
    ]
    return b"".join(json.dumps(row).replace("\\\\u0040", "\\u0040").encode() + b"\n" for row in rows)


def json_document(text: Say, _told: Say) -> bytes:
    return json.dumps([{"m": text()}, {"m": {"k": [text()]}}], indent=1).encode()


def table(text: Say, _told: Say) -> bytes:
    return f'n,note\nx,to {text()}\ny,"a ""b"" {text()}"\n'.encode()


def parquet(text: Say, told: Say) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pa.table({"m": [text(), "x"], "kind": pa.array([text(), "y"]).dictionary_encode()})
    rows = rows.replace_schema_metadata({"pandas": told(), "huggingface": told()})
    file = io.BytesIO()
    pq.write_table(rows, file, compression="zstd")
    return file.getvalue()


def arrow(text: Say, told: Say) -> bytes:
    import pyarrow as pa

    rows = pa.table({"m": [text(), "x"], "s": pa.array([{"in": text()}, None])}).replace_schema_metadata({"by": told()})
    file = io.BytesIO()
    with pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)
    return file.getvalue()


def sqlite(text: Say, _told: Say, folder: Path) -> bytes:
    path = folder / "made.db"
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA secure_delete = OFF")
        base.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT)")
        base.executemany("INSERT INTO people (mail) VALUES (?)", [(text(),) for _ in range(9)])
        base.execute("DELETE FROM people WHERE id > 5")
    base.close()
    content = path.read_bytes()
    path.unlink()
    return content


def plain(text: Say, _told: Say) -> bytes:
    return f"to {text()}\r\nand ({text()}).".encode()


def wide(text: Say, _told: Say) -> bytes:
    return f"to {text()}\n".encode("utf-16")


def markdown(text: Say, told: Say) -> bytes:
    return f"---\nauthor: {told()}\n---\n# Notes\n\n[mail](mailto:{text()}) <!-- {text()} -->\n".encode()


def html(text: Say, told: Say) -> bytes:
    return (
        f'<!DOCTYPE html><html><head><meta name="author" content="{told()}"><title>{text()}</title></head><body>'
        f'<!-- {told()} --><p>to <b>{text()}</b> <img src="x.png" alt="{text()}"></p></body></html>'
    ).encode()


def xml(text: Say, told: Say) -> bytes:
    return f'<?xml version="1.0"?><!-- {told()} --><a b="{text()}"><c>{text()}</c> <![CDATA[{text()}]]></a>'.encode()


def eml(text: Say, told: Say) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = text(), text(), f"of {text()}"
    mail["Message-ID"], mail["X-Mailer"] = f"<{told()}@host.example>", told()
    mail["Received"] = f"from {told()} by mx.example.com; Thu, 1 Jan 2020 00:00:00 +0000"
    mail.set_content(f"to {text()}\n", cte="base64")
    mail.add_attachment(f"see {text()}".encode(), maintype="text", subtype="plain", filename=f"{text()}.txt")
    return mail.as_bytes()


def mbox(text: Say, told: Say, folder: Path) -> bytes:
    path = folder / "made.mbox"
    box = mailbox.mbox(path)
    for _ in range(2):
        box.add(eml(text, told))
    box.close()
    content = path.read_bytes()
    path.unlink()
    return content


def notebook(text: Say, told: Say) -> bytes:
    import nbformat
    from nbformat import v4

    book = v4.new_notebook(metadata={"authors": [{"name": told()}]})
    out = v4.new_output("stream", text=f"sent to {text()}\n")
    book.cells = [v4.new_markdown_cell(f"# {text()}"), v4.new_code_cell(f"mail = '{text()}'", outputs=[out])]
    return nbformat.writes(book).encode()


def docx(text: Say, told: Say) -> bytes:
    from docx import Document

    document = Document()
    document.add_paragraph("to ").add_run(text()).bold = True
    document.add_table(1, 1).cell(0, 0).text = text()
    document.sections[0].header.paragraphs[0].text = text()
    document.core_properties.author, document.core_properties.comments = told(), told()
    return saved(document.save)


def xlsx(text: Say, told: Say) -> bytes:
    from openpyxl import Workbook
    from openpyxl.comments import Comment

    book = Workbook()
    book.active["A1"], book.active["A2"] = "mail", text()
    book.active["A2"].comment = Comment(text(), told())
    hidden = book.create_sheet("old")
    hidden.sheet_state = "hidden"
    hidden["B2"] = text()
    book.properties.creator = told()
    return saved(book.save)


def pptx(text: Say, told: Say) -> bytes:
    from pptx import Presentation

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text = text()
    slide.notes_slide.notes_text_frame.text = text()
    deck.core_properties.author = told()
    return saved(deck.save)


def odt(text: Say, told: Say) -> bytes:
    from odf.dc import Creator
    from odf.opendocument import OpenDocumentText
    from odf.text import P

    document = OpenDocumentText()
    document.text.addElement(P(text=f"to {text()}"))
    document.meta.addElement(Creator(text=told()))
    return saved(document.write)


def pdf(text: Say, told: Say) -> bytes:
    from fpdf import FPDF

    page = FPDF()
    page.add_page()
    page.set_font("Helvetica", size=10)
    page.cell(text=f"to {text()} today")
    page.text_annotation(20, 20, text(), name="Note", title=told())
    page.set_author(told())
    page.set_title(told())
    return bytes(page.output())


def jpeg(_text: Say, told: Say) -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x013B], exif[0x9C9B] = told(), told().encode("utf-16-le")
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, "JPEG", exif=exif, comment=told())
    return file.getvalue() + told().encode()


def png(_text: Say, told: Say) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", told())
    info.add_text("Comment", told(), zip=True)
    info.add_itxt("XML:com.adobe.xmp", told())
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, "PNG", pnginfo=info)
    return file.getvalue() + told().encode()


def mp3(_text: Say, told: Say) -> bytes:
    from mutagen.id3 import ID3, TIT2, TPE1

    frames = b"".join(b"\xff\xfb\x90\x64" + bytes(413) for _ in range(9))
    file = io.BytesIO(frames + b"TAG" + told().encode().ljust(125, b"\0"))
    tags = ID3()
    tags.add(TPE1(3, told()))
    tags.add(TIT2(1, told()))
    tags.save(file)
    return file.getvalue()


def wav(_text: Say, told: Say) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)

    body = b"WAVE" + chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8))
    body += (
        chunk(b"LIST", b"INFO" + chunk(b"IART", told().encode()))
        + chunk(b"data", bytes(64))
        + chunk(b"bext", told().encode() * 30)
    )
    return chunk(b"RIFF", body)


def safetensors(_text: Say, told: Say) -> bytes:
    import numpy as np
    from safetensors.numpy import save

    return save({"w": np.zeros(4, np.float32)}, {"user": told(), "path": f"/home/{told()}/run"})


def archive(text: Say, told: Say) -> bytes:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as file:
        info = tarfile.TarInfo(f"{text()}/in.txt")
        content = f"to {text()}".encode()
        info.size, info.uname = len(content), told()
        file.addfile(info, io.BytesIO(content))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = told().encode()
        file.writestr(f"{text()}.txt", text())
        file.writestr("photo.jpg", jpeg(text, told))
        file.writestr("inner.tar.gz", inner.getvalue())
        file.writestr("blob.bin", bytes(range(256)) + told().encode())
    return outer.getvalue()


def packed(text: Say, told: Say) -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile(told(), "wb", fileobj=file) as inner:
        inner.write(f"to {text()}\n".encode())
    return file.getvalue()


def blob(_text: Say, told: Say) -> bytes:
    return bytes(range(256)) * 4 + told().encode()


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


FILES: dict[str, Make] = {
    "a.jsonl": jsonl, "a.json": json_document, "a.csv": table, "a.parquet": parquet, "a.arrow": arrow, "a.txt": plain, "wide.txt": wide,
    "a.md": markdown, "a.html": html, "a.xml": xml, "a.eml": eml, "a.ipynb": notebook, "a.docx": docx, "a.xlsx": xlsx, "a.pptx": pptx,
    "a.odt": odt, "a.pdf": pdf, "a.jpg": jpeg, "a.png": png, "a.mp3": mp3, "a.wav": wav, "a.safetensors": safetensors, "a.zip": archive,
    "a.txt.gz": packed, "blob.bin": blob,
}  # fmt: skip
IN_FILES: dict[str, Callable[[Say, Say, Path], bytes]] = {"a.db": sqlite, "a.mbox": mbox}


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A run: what was planted, what it printed and wrote."""

    planted: dict[str, Planted]
    done: subprocess.CompletedProcess[bytes]
    out: Path
    found: list[Leak]

    def of(self, name: str) -> list[Leak]:
        """Return what is left of the canaries of one file."""
        names = {canary.name for canary in self.planted[name].canaries}
        return [leak for leak in self.found if leak.canary in names]


@pytest.fixture(scope="module")
def scrubbed(tmp_path_factory: pytest.TempPathFactory) -> Scrubbed:
    folder = tmp_path_factory.mktemp("scrub")
    raw, out, state = folder / "raw", folder / "out", folder / "state"
    raw.mkdir()
    planted: dict[str, Planted] = {}
    for name in (*FILES, *IN_FILES):
        planted[name] = held = Planted(name)
        make = FILES.get(name)
        content = make(held.address, held.word) if make else IN_FILES[name](held.address, held.word, folder)
        (raw / name).write_bytes(content)
    planted["names"] = names = Planted("names")
    (raw / names.address()).mkdir()
    (raw / names.canaries[0].value / f"{names.address()}.txt").write_text("words\n")
    command = [str(Path(sys.executable).with_name("privet")), "scrub", "raw", "-o", "out", "--tier", "patterns"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder / "home"), "XDG_STATE_HOME": str(state)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False, timeout=120)
    haystacks = leaks.files_under(out, state) | {"stdout": done.stdout, "stderr": done.stderr}
    canaries = [canary for held in planted.values() for canary in held.canaries]
    return Scrubbed(planted, done, out, leaks.find(canaries, all_of(haystacks)))


def all_of(haystacks: dict[str, bytes]) -> dict[str, bytes]:
    return haystacks | {name: inner for outer, content in haystacks.items() for name, inner in opened(outer, content)}


def opened(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is in a file that a search of its bytes does not see."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            for member in inner.infolist():
                yield f"{name}: member {member.filename}", member.filename.encode()
                yield f"{name}: {member.filename}", inner.read(member)
                yield from opened(f"{name}: {member.filename}", inner.read(member))
    elif content[:4] == b"PAR1":
        import pyarrow.parquet as pq

        rows = pq.read_table(io.BytesIO(content))
        yield (
            f"{name}: rows",
            f"{rows.schema} {rows.to_pylist()} {pq.read_metadata(io.BytesIO(content)).to_dict()}".encode(),
        )
    elif content[:4] == b"%PDF":
        import pikepdf

        with pikepdf.open(io.BytesIO(content)) as document:
            for number, item in enumerate(document.objects):
                yield f"{name}: object {number}", repr(item).encode()
                if isinstance(item, pikepdf.Stream):
                    yield f"{name}: stream {number}", item.read_bytes()


@pytest.mark.parametrize("name", [*FILES, *IN_FILES, "names"])
def test_nothing_that_was_planted_is_left(scrubbed: Scrubbed, name: str) -> None:
    assert scrubbed.planted[name].canaries
    assert scrubbed.of(name) == []


def test_all_but_the_unknown_file_came_out_clean(scrubbed: Scrubbed) -> None:
    document = json.loads((scrubbed.out / "privet-manifest.json").read_bytes())
    aside = {entry["input"]: entry["reason"] for entry in document["files"] if entry["status"] != "cleaned"}
    assert aside == {"blob.bin": "its format is not known"}
    assert (scrubbed.done.returncode, scrubbed.done.stderr) == (1, b"")
    assert {entry["output"] for entry in document["files"] if entry["output"]} == {
        str(path.relative_to(scrubbed.out)) for path in scrubbed.out.rglob("*") if path.is_file()
    } - {"privet-manifest.json"}
    assert not list(scrubbed.out.rglob(".privet*"))


def test_what_was_no_identifier_is_still_there(scrubbed: Scrubbed) -> None:
    out = scrubbed.out
    assert (out / "a.txt").read_bytes() == b"to [EMAIL_ADDRESS]\r\nand ([EMAIL_ADDRESS])."
    assert (out / "a.csv").read_bytes() == b'n,note\nx,to [EMAIL_ADDRESS]\ny,"a ""b"" [EMAIL_ADDRESS]"\n'
    assert (out / "EMAIL_ADDRESS" / "EMAIL_ADDRESS.txt").read_bytes() == b"words\n"
    assert gzip.decompress((out / "a.txt.gz").read_bytes()) == b"to [EMAIL_ADDRESS]\n"
    with zipfile.ZipFile(out / "a.zip") as inner:
        assert inner.namelist() == ["EMAIL_ADDRESS.txt", "photo.jpg", "inner.tar.gz"]


def test_the_search_finds_what_was_planted(scrubbed: Scrubbed) -> None:
    """The raw files, searched the same way, show their canaries, so that finding none says something."""
    raw = scrubbed.out.with_name("raw")
    for name in (
        "a.txt",
        "wide.txt",
        "a.parquet",
        "a.db",
        "a.docx",
        "a.pdf",
        "a.png",
        "a.mp3",
        "a.zip",
        "a.txt.gz",
        "a.eml",
    ):
        held = scrubbed.planted[name]
        found = leaks.find(held.canaries, all_of({name: (raw / name).read_bytes()}))
        assert len({leak.canary for leak in found}) > len(held.canaries) / 2, name
