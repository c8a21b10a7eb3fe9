import bz2
import gzip
import io
import json
import lzma
import mailbox
import pickle
import sqlite3
import struct
import tarfile
import wave
import zipfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.sniff import mismatch, recognise
from privet.metadata.tfevents import masked_crc

EDGE = 65_536


def _kind(raw: bytes, name: str = "") -> str:
    return recognise(raw[:EDGE], raw[-EDGE:], name, len(raw))


def _zip(**members: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def _picture(kind: str) -> bytes:
    pillow = pytest.importorskip("PIL.Image")
    out = io.BytesIO()
    pillow.new("RGB", (16, 16)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif"), ("TIFF", "tiff"), ("BMP", "bmp"), ("ICO", "ico"),
     ("PDF", "pdf"), ("AVIF", "heif"), ("EPS", "postscript")],
)  # fmt: skip
def test_pictures(kind: str, expected: str) -> None:
    assert _kind(_picture(kind), "a.txt") == expected


def test_heic() -> None:
    heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    heif.from_pillow(pytest.importorskip("PIL.Image").new("RGB", (64, 64))).save(out)
    assert _kind(out.getvalue()) == "heif"


def _wave() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    return out.getvalue()


MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
ADTS_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)
ID3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (_wave(), "wav"),
        (b"RIFF\x20\0\0\0AVI LIST", "avi"),
        (b"RIFF\x20\0\0\0RMID", "midi"),
        (b"FORM\0\0\0\x20AIFFCOMM", "aiff"),
        (MP3_FRAME * 3, "mp3"),
        (bytes(512) + MP3_FRAME * 3, "mp3"),
        (ID3 + MP3_FRAME, "mp3"),
        (ID3 + b"fLaC", "flac"),
        (ID3 + ADTS_FRAME * 2, "adts"),
        (ADTS_FRAME * 2, "adts"),
        (b"\xff\xfb\x90\x00" + bytes(500), "unknown"),
        (b"fLaC\0\0\0\x22", "flac"),
        (b"OggS\0\x02", "ogg"),
        (b"\x1aE\xdf\xa3\x01", "matroska"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", "mp4"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0isommp41", "mp4"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heif"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "camera_raw"),
        (b"\0\0\0\x08wide\0\0\0\x10mdat" + bytes(8), "mp4"),
        (b"8BPS\0\1", "psd"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "postscript"),
        (b"words %PDF-1.4 are the first bytes of a PDF", "text"),
        (b"\n\n%PDF-1.4\n\xe2\xe3\xcf\xd3\n%%EOF", "pdf"),
    ],
)
def test_media(raw: bytes, expected: str) -> None:
    assert _kind(raw) == expected


def _docx() -> bytes:
    out = io.BytesIO()
    pytest.importorskip("docx").Document().save(out)
    return out.getvalue()


def _xlsx() -> bytes:
    out = io.BytesIO()
    book = pytest.importorskip("xlsxwriter").Workbook(out)
    book.add_worksheet()
    book.close()
    return out.getvalue()


def _pptx() -> bytes:
    out = io.BytesIO()
    pytest.importorskip("pptx").Presentation().save(out)
    return out.getvalue()


def _odt() -> bytes:
    out = io.BytesIO()
    pytest.importorskip("odf.opendocument").OpenDocumentText().write(out)
    return out.getvalue()


@pytest.mark.parametrize(("make", "expected"), [(_docx, "ooxml"), (_xlsx, "ooxml"), (_pptx, "ooxml"), (_odt, "odf")])
def test_office_documents(make: Any, expected: str) -> None:
    raw = make()
    assert _kind(raw, "a.zip") == expected
    assert mismatch(expected, "a.zip") is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (_zip(mimetype="application/epub+zip", **{"META-INF/container.xml": ""}), "epub"),
        (_zip(**{"[Content_Types].xml": "", "xl/workbook.bin": ""}), "xlsb"),
        (_zip(**{"[Content_Types].xml": "", "visio/document.xml": ""}), "vsdx"),
        (_zip(**{"[Content_Types].xml": "", "_rels/.rels": "", "FixedDocSeq.fdseq": ""}), "xps"),
        (_zip(**{"index.apxl": ""}), "key"),
        (_zip(**{"index.xml": "", "buildVersionHistory.plist": ""}), "pages"),
        (_zip(a="b"), "zip"),
        (_zip(), "zip"),
        (_zip(**{"a.npy": "", "b.npy": ""}), "npz"),
        (_zip(**{"x/data.pkl": "", "x/version": "3"}), "torch"),
        (_zip(**{"data.pkl": ""}), "zip"),
        (_zip(mimetype="text/plain", a=""), "zip"),
        (b"some text first\n" + _zip(a="b"), "zip"),
        (b"#!/usr/bin/env python\n" + _zip(**{"__main__.py": "print()"}), "zip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07\x01\0", "rar"),
        (gzip.compress(b"a"), "gzip"),
        (bz2.compress(b"a"), "bzip2"),
        (bz2.compress(b""), "bzip2"),
        (lzma.compress(b"a"), "xz"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"\x50\x2a\x4d\x18\0\0\0\0", "zstd"),
    ],
)
def test_archives(raw: bytes, expected: str) -> None:
    assert _kind(raw) == expected


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar(form: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as file:
        file.addfile(tarfile.TarInfo("n" * 90))
    assert _kind(out.getvalue()) == "tar"
    assert _kind(bytes(1024)) == "unknown"


def _ole(stream: str, sector: int = 0) -> bytes:
    """A compound file with one directory entry."""
    head = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(30, b"\0")
        + struct.pack("<H", 9)
        + bytes(16)
        + struct.pack("<I", sector)
    )
    return (
        head.ljust(512 * (sector + 1), b"\0")
        + "Root Entry".encode("utf-16-le").ljust(128, b"\0")
        + stream.encode("utf-16-le").ljust(128, b"\0")
    )


@pytest.mark.parametrize(
    ("stream", "name", "expected"),
    [
        ("WordDocument", "", "doc"),
        ("Workbook", "", "xls"),
        ("Book", "", "xls"),
        ("PowerPoint Document", "", "ppt"),
        ("__properties_version1.0", "", "msg"),
        ("EncryptedPackage", "a.docx", "encrypted"),
        ("VisioDocument", "", "vsd"),
        ("Quill", "a.pub", "pub"),
        ("MatOST", "", "wps"),
        ("StarWriterDocument", "a.sdw", "sdw"),
        ("Other", "a.doc", "doc"),
        ("Other", "", "ole"),
        ("WordDocument", "a.xls", "doc"),
    ],
)
def test_old_office_files(stream: str, name: str, expected: str) -> None:
    assert _kind(_ole(stream), name) == expected
    assert _kind(_ole(stream, 300), name) == expected


def _sqlite() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t(a)")
    return connection.serialize()


def _arrow(kind: str) -> bytes:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"a": [1]})
    out = io.BytesIO()
    if kind == "parquet":
        pytest.importorskip("pyarrow.parquet").write_table(table, out)
    elif kind == "orc":
        pytest.importorskip("pyarrow.orc").write_table(table, out)
    elif kind == "feather1":
        pytest.importorskip("pyarrow.feather").write_feather(table, out, version=1)
    else:
        make = (
            pytest.importorskip("pyarrow.ipc").new_stream
            if kind == "stream"
            else pytest.importorskip("pyarrow.ipc").new_file
        )
        with make(out, table.schema) as writer:
            writer.write_table(table)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "expected"), [("parquet", "parquet"), ("orc", "orc"), ("stream", "arrow"), ("file", "arrow")]
)
def test_tables(kind: str, expected: str) -> None:
    assert _kind(_arrow(kind), "a.txt") == expected


def _npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.arange(3))
    return out.getvalue()


def _record() -> bytes:
    event = b"\x09" + bytes(8) + b"\x1a\x0dbrain.Event:2"
    head = struct.pack("<Q", len(event))
    return head + struct.pack("<I", masked_crc(head)) + event + bytes(4)


def _onnx_model() -> bytes:
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph([], "g" * 100, [], [])
    return onnx.helper.make_model(graph, producer_name="p", doc_string="d" * 100).SerializeToString()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (_sqlite(), "sqlite"),
        (b"Obj\x01\x04", "avro"),
        (b"PAR1" + bytes(20) + b"PARE", "parquet"),
        (b"PAR1" + bytes(20), "unknown"),
        (_npy(), "numpy"),
        (b"GGUF\x03\0\0\0", "gguf"),
        (_onnx_model(), "onnx"),
        (struct.pack("<Q", 2) + b"{}", "safetensors"),
        (struct.pack("<Q", 40) + b'{"__metadata__":{}}'.ljust(40), "safetensors"),
        (struct.pack("<Q", 2**40) + b'{"__metadata__":{}}', "unknown"),
        (_record(), "tfevents"),
        (_record().replace(b"brain", b"train"), "unknown"),
        *((pickle.dumps({"a": [1]}, protocol), "pickle") for protocol in (2, 3, 4, 5)),
        (b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0", "executable"),
        (b"\x7fELF\x02\x01", "executable"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34", "executable"),
        (b"\0asm\1\0\0\0", "executable"),
        (b"\xa7\x0d\r\n" + bytes(12), "executable"),
        (b"", "empty"),
        (bytes(range(256)) * 4, "unknown"),
        (b"\x01\x02\x03", "unknown"),
    ],
)
def test_data_models_and_programs(raw: bytes, expected: str) -> None:
    assert _kind(raw) == expected


def _mail() -> bytes:
    mail = EmailMessage()
    mail["From"] = "a@example.com"
    mail["To"] = "b@example.com"
    mail["Subject"] = "hello"
    mail.set_content("body\n")
    return bytes(mail)


def _mbox(tmp_path: Path) -> bytes:
    box = mailbox.mbox(tmp_path / "box")
    box.add(_mail())
    box.close()
    return (tmp_path / "box").read_bytes()


def test_mailboxes(tmp_path: Path) -> None:
    assert _kind(_mbox(tmp_path), "inbox") == "mbox"
    assert _kind(b"From here on it is a story.\n", "a.txt") == "text"


NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": "x" * 100}], "metadata": {}, "nbformat": 4}).encode()
ROWS = b'{"a": 1}\n{"a": 2}\n'
HTML = b"<!DOCTYPE html>\n<html><body>x</body></html>"
SVG = b'<?xml version="1.0"?>\n<!-- <html> -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
XML = b'<?xml version="1.0"?><root/>'
CARD = b"BEGIN:VCARD\r\nFN:x\r\nEND:VCARD\r\n"


@pytest.mark.parametrize(
    ("raw", "name", "expected"),
    [
        (b"plain words\n", "", "text"),
        (b"plain words\n", "a.md", "markdown"),
        (b"a,b\n1,2\n", "a.csv", "csv"),
        (b"a,b\n1,2\n", "a.txt", "text"),
        (b"a\tb\n", "a.tsv", "tsv"),
        (ROWS, "a.jsonl", "jsonl"),
        (ROWS, "a.json", "jsonl"),
        (ROWS, "a.txt", "jsonl"),
        (ROWS, "", "jsonl"),
        (b'{"a": 1}\n', "a.jsonl", "jsonl"),
        (b'{"a": 1}\n', "a.json", "json"),
        (b'{\n "a": 1\n}\n', "a.jsonl", "json"),
        (b'[{"a": 1},\n {"a": 2}]', "a", "json"),
        (b'{"a": 1,\n"b": ' + b"[1]," * 50_000, "a", "json"),
        (b"[section]\nkey = 1\n", "a.ini", "text"),
        (b"[section]\nkey = 1\n", "a", "text"),
        (b"{broken", "a.json", "json"),
        (b"words", "a.json", "text"),
        (NOTEBOOK, "a.ipynb", "notebook"),
        (NOTEBOOK, "a.txt", "notebook"),
        (NOTEBOOK.replace(b"x" * 100, b"x" * 100_000), "a.json", "notebook"),
        (HTML, "a.html", "html"),
        (HTML, "a", "html"),
        (HTML, "a.xml", "xml"),
        (b"<p>fragment</p>", "a.html", "html"),
        (b"<p>fragment</p>", "a.txt", "text"),
        (SVG, "a.svg", "svg"),
        (SVG, "a.xml", "svg"),
        (SVG, "a.csv", "svg"),
        (XML, "a.rss", "xml"),
        (XML, "a", "xml"),
        (XML, "a.svg", "xml"),
        (_mail(), "a.eml", "mail"),
        (_mail(), "a.txt", "mail"),
        (_mail(), "a.csv", "mail"),
        (b"Subject: only this\n\nbody", "a.eml", "mail"),
        (b"Note: only this\n\nbody", "a.txt", "text"),
        (b"to: x\ncc: y\nname: z\n", "a.yaml", "text"),
        (CARD, "a.vcf", "vcard"),
        (CARD, "a.txt", "vcard"),
        (b"BEGIN:VCALENDAR\nEND:VCALENDAR\n", "a.ics", "calendar"),
        (b"{\\rtf1\\ansi x}", "a.doc", "rtf"),
        (b"import os\n", "a.py", "text"),
        ("caf\u00e9 na\u00efve".encode("latin-1"), "a.txt", "text"),
        ("\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440".encode("cp1251"), "a.txt", "text"),
        ("words \u00e9".encode("utf-16"), "a.txt", "text"),
        ("many ordinary words".encode("utf-16-le"), "a.txt", "text"),
        ("many ordinary words".encode("utf-16-be"), "a.txt", "text"),
        ("words".encode("utf-32"), "a.txt", "text"),
        (('{"a": "\u00e9"}\n' * 3).encode("utf-16"), "a.json", "jsonl"),
        (b"\xef\xbb\xbfa,b\n", "a.csv", "csv"),
        (b"words " * 20_000 + b"\0\1\2\3", "a.txt", "unknown"),
        (b"words\0words", "a.txt", "unknown"),
        ("\u00e9".encode() * 40_000, "a.txt", "text"),
        (pickle.dumps({"a": 1}, 0), "a.pkl", "pickle"),
        (b'<?xpacket begin=""?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/"/>', "a.xml", "xmp"),
        (b'<rdf:RDF xmlns:rdf="x"/>', "a.xmp", "xmp"),
        (b'<?xml version="1.0"?><FictionBook xmlns="x"><body/></FictionBook>', "a.fb2", "fb2"),
        (b'<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument/>', "a.doc", "wordml"),
        (b'<?xml version="1.0"?><pkg:package xmlns:pkg="x"/>', "a.xml", "flat_ooxml"),
        (b"%!\n/x 1 def\n", "a.ps", "postscript"),
        (b'<?xml version="1.0"?><office:document office:version="1.2"/>', "a.fodt", "flat_odf"),
        (b'<?xml version="1.0"?><document/>', "a.xml", "xml"),
        (b"P3\n# made by someone\n2 2\n255\n0 0 0", "a.ppm", "netpbm"),
        (b"P3 is a priority", "a.txt", "text"),
        (b"%FDF-1.2\n", "a.txt", "unknown"),
        (b"words.", "a.pkl", "text"),
    ],
)
def test_texts(raw: bytes, name: str, expected: str) -> None:
    assert _kind(raw, name) == expected


@pytest.mark.parametrize(
    ("form", "name", "is_lie"),
    [
        ("pdf", "a.jpg", True),
        ("executable", "a.txt", True),
        ("zip", "a.png", True),
        ("text", "a.jpg", True),
        ("pdf", "a.PDF", False),
        ("png", "a.jpg", False),
        ("jsonl", "a.json", False),
        ("text", "a.html", False),
        ("text", "folder.d/a", False),
        ("text", "a.strange", False),
        ("unknown", "a.jpg", False),
        ("empty", "a.jpg", False),
        ("svg", "a.png", False),
        ("rtf", "a.doc", False),
        ("torch", "a.pt", False),
        ("torch", "a.bin", False),
        ("ooxml", "a.zip", False),
        ("mp4", "a.mp3", False),
        ("gzip", "a.svgz", False),
        ("executable", "a.exe", False),
        ("parquet", "a.csv", True),
        ("safetensors", "a.mp4", True),
    ],
)
def test_names_that_lie(form: str, name: str, is_lie: bool) -> None:
    assert (mismatch(form, name) is not None) is is_lie


@given(st.binary(max_size=400), st.sampled_from(["", "a.json", "a.csv", "a.pkl", "a.eml", "a.mp3", "a.flac", "a.doc"]))
def test_any_bytes_have_an_answer(raw: bytes, name: str) -> None:
    assert _kind(raw, name)


MAGICS = [b"BM", b"PK\3\4", b"PK\5\6", b"ID3", b"\xff\xf1", b"\xff\xfb\x90", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x08\x07", b"\x80\x04",
          b"MZ", b"\0\0\1\0", b"\0\0\0\x10ftyp", b"\xff\xfe", b"\xff\xfe\0\0", b"{", b"[", b"<", b"\xff\xff\xff\xff"]  # fmt: skip


@given(st.sampled_from(MAGICS), st.binary(max_size=120))
def test_any_beginning_has_an_answer(magic: bytes, rest: bytes) -> None:
    assert _kind(magic + rest)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"%PDF-1.4\n", "pdf"),
        (b"%!PS-Adobe-3.0 PDF-1.4\n", "pdf"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "postscript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(30), "postscript"),
        (b"\x04%!PS\n", "postscript"),
        (b"junk\n%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", "pdf"),
        (b"words of %PDF-1.4 only", "text"),
        (b"\xffWPC" + bytes(30), "wpd"),
        (b"\0\0\2\0\6\4\6\0" + bytes(30), "wk1"),
    ],
)
def test_pages(raw: bytes, expected: str) -> None:
    assert _kind(raw) == expected


def test_apple_documents_are_told_apart_by_their_names() -> None:
    raw = _zip(**{"Index/Document.iwa": "", "preview.jpg": ""})
    assert [_kind(raw, name) for name in ("a.numbers", "a.key", "a.pages", "a")] == ["numbers", "key", "pages", "pages"]


@pytest.mark.parametrize(
    ("program", "expected"), [("writer", "sxw"), ("calc", "sxc"), ("impress.template", "sxi"), ("math", "zip")]
)
def test_documents_of_star_office(program: str, expected: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("mimetype", f"application/vnd.sun.xml.{program}")
        file.writestr("styles.xml", "")
    assert _kind(out.getvalue()) == expected
