"""Tags that real writers leave are found, and clean files pass."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, PngImagePlugin

from privet.audit.tags import tags_of
from privet.audit.unpacking import entry_of


def tags(path: Path) -> dict[str, bool]:
    return {tag.rule: tag.personal for tag in tags_of(entry_of(path, path))}


def _picture() -> Image.Image:
    return Image.new("RGB", (16, 16), "teal")


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x013B] = "Somebody"
    exif[0x0131] = "A program"
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    exif[0x8769] = {0xA431: "123456"}
    return exif


def _png_info() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Somebody")
    return info


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_pictures(tmp_path: Path, suffix: str) -> None:
    _picture().save(tmp_path / f"clean.{suffix}")
    _picture().save(tmp_path / f"tagged.{suffix}", exif=_exif())
    assert tags(tmp_path / f"clean.{suffix}") == {}
    found = tags(tmp_path / f"tagged.{suffix}")
    assert found["metadata-exif-artist"]
    assert found["metadata-exif-gps"]
    assert found["metadata-exif-serial"]
    assert not found["metadata-software"]


def test_tiff(tmp_path: Path) -> None:
    _picture().save(tmp_path / "clean.tiff")
    _picture().save(tmp_path / "a.tiff", tiffinfo={315: "Somebody"})
    assert tags(tmp_path / "clean.tiff") == {}
    assert tags(tmp_path / "a.tiff") == {"metadata-exif-artist": True}


def test_texts_of_pictures(tmp_path: Path) -> None:
    _picture().save(tmp_path / "a.png", pnginfo=_png_info())
    _picture().save(tmp_path / "b.gif", comment=b"somebody's")
    xmp = b"<x:xmpmeta><rdf:RDF><dc:creator>Somebody</dc:creator></rdf:RDF></x:xmpmeta>"
    _picture().save(tmp_path / "c.jpg", xmp=xmp)
    assert tags(tmp_path / "a.png") == {"metadata-image-text": True}
    assert tags(tmp_path / "b.gif") == {"metadata-image-text": True}
    assert tags(tmp_path / "c.jpg") == {"metadata-xmp": True}


def test_pdf(tmp_path: Path) -> None:
    import pikepdf
    from reportlab.pdfgen import canvas

    page = canvas.Canvas(str(tmp_path / "a.pdf"))
    page.setAuthor("Somebody")
    page.drawString(50, 700, "words")
    page.save()
    assert tags(tmp_path / "a.pdf")["metadata-pdf-info"]
    with pikepdf.open(tmp_path / "a.pdf") as document:
        del document.trailer["/Info"]
        document.save(tmp_path / "clean.pdf")
        note = {"/Type": "/Annot", "/Subtype": "/Text", "/T": "Somebody", "/Contents": "a note"}
        annotation = pikepdf.Dictionary(
            {key: pikepdf.Name(value) if value[0] == "/" else value for key, value in note.items()}
        )
        document.pages[0].Annots = document.make_indirect(pikepdf.Array([document.make_indirect(annotation)]))
        document.save(tmp_path / "note.pdf")
    assert tags(tmp_path / "clean.pdf") == {}
    assert tags(tmp_path / "note.pdf") == {"metadata-pdf-annotation-author": True}


def test_office(tmp_path: Path) -> None:
    import docx
    import openpyxl

    book = openpyxl.Workbook()
    book.save(tmp_path / "clean.xlsx")
    book.properties.lastModifiedBy = "Somebody"
    book.save(tmp_path / "a.xlsx")
    document = docx.Document()
    document.core_properties.author = "Somebody"
    document.save(str(tmp_path / "a.docx"))
    assert tags(tmp_path / "clean.xlsx") == {}
    assert tags(tmp_path / "a.xlsx") == {"metadata-office-author": True}
    assert tags(tmp_path / "a.docx")["metadata-office-author"]


def _wave(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(800))


def test_sound(tmp_path: Path) -> None:
    from mutagen.id3 import ID3, TPE1, TSSE

    _wave(tmp_path / "clean.wav")
    assert tags(tmp_path / "clean.wav") == {}
    content = (tmp_path / "clean.wav").read_bytes()
    info = b"INFOIART\x09\x00\x00\x00Somebody\x00\x00"
    (tmp_path / "a.wav").write_bytes(content + b"LIST" + struct.pack("<I", len(info)) + info)
    assert tags(tmp_path / "a.wav") == {"metadata-riff-info": True}
    for version in (3, 4):
        frames = ID3()
        frames.add(TPE1(encoding=3, text="Somebody"))
        frames.add(TSSE(encoding=3, text="LAME"))
        out = io.BytesIO()
        frames.save(out, v2_version=version)
        (tmp_path / "a.mp3").write_bytes(out.getvalue() + b"\xff\xfb\x90\x00" + bytes(400))
        assert tags(tmp_path / "a.mp3") == {"metadata-id3": True, "metadata-encoder": False}
    (tmp_path / "b.mp3").write_bytes(b"\xff\xfb\x90\x00" + bytes(400) + b"TAG" + b"Somebody".ljust(125, b"\x00"))
    assert tags(tmp_path / "b.mp3") == {"metadata-id3v1": True}
    fields = [b"encoder=x", b"ARTIST=Somebody"]
    block = (
        struct.pack("<I", 1)
        + b"v"
        + struct.pack("<I", 2)
        + b"".join(struct.pack("<I", len(one)) + one for one in fields)
    )
    (tmp_path / "a.flac").write_bytes(
        b"fLaC\x00\x00\x00\x22" + bytes(34) + b"\x84" + len(block).to_bytes(3, "big") + block
    )
    assert tags(tmp_path / "a.flac") == {"metadata-vorbis-comment": True, "metadata-encoder": False}
    packet = b"OpusTags" + block
    page = b"OggS" + bytes(22) + bytes([1, len(packet)]) + packet
    (tmp_path / "a.ogg").write_bytes(page)
    assert tags(tmp_path / "a.ogg") == {"metadata-vorbis-comment": True, "metadata-encoder": False}


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def test_film(tmp_path: Path) -> None:
    head = _box(b"ftyp", b"isom\x00\x00\x02\x00")
    (tmp_path / "clean.mp4").write_bytes(head + _box(b"moov", _box(b"mvhd", bytes(100))))
    assert tags(tmp_path / "clean.mp4") == {}
    items = _box(b"ilst", _box(b"\xa9too", b"tool") + _box(b"\xa9ART", b"somebody"))
    meta = _box(b"meta", bytes(4) + _box(b"hdlr", bytes(24)) + items)
    body = _box(b"moov", _box(b"udta", meta + _box(b"\xa9xyz", b"+50+010/")))
    (tmp_path / "a.mp4").write_bytes(head + body)
    assert tags(tmp_path / "a.mp4") == {"metadata-mp4": True, "metadata-mp4-gps": True}


def test_tables(tmp_path: Path) -> None:
    import pandas as pd

    plain = pa.table({"text": ["x", "y"]})
    pq.write_table(plain, tmp_path / "clean.parquet", write_statistics=False)
    assert tags(tmp_path / "clean.parquet") == {}
    pq.write_table(plain, tmp_path / "s.parquet")
    assert tags(tmp_path / "s.parquet") == {"metadata-parquet-statistics": False}
    frame = pd.DataFrame({"text": ["x"]})
    frame.attrs["by"] = "Somebody"
    frame.to_parquet(tmp_path / "a.parquet")
    assert tags(tmp_path / "a.parquet")["metadata-pandas-attrs"]
    pq.write_table(plain.replace_schema_metadata({"owner": "Somebody"}), tmp_path / "k.parquet")
    assert tags(tmp_path / "k.parquet")["metadata-schema-key"]
    for values, expected in ((["a", "b"], {}), (["a", "b", "gone"], {"metadata-unused-dictionary-values": True})):
        column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int8()), pa.array(values))
        batch = pa.record_batch([column], names=["c"])
        with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        assert tags(tmp_path / "a.arrow") == expected


def _safetensors(path: Path, metadata: dict[str, str]) -> None:
    head = json.dumps({"__metadata__": metadata}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head)


def _gguf(path: Path, author: str | None) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_string("tokenizer.chat_template", "x")
    writer.add_array("tokenizer.tokens", ["a", "b"])
    writer.add_array("numbers", [1, 2, 3])
    if author:
        writer.add_author(author)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def test_models(tmp_path: Path) -> None:
    _safetensors(tmp_path / "clean.safetensors", {"format": "pt"})
    _safetensors(tmp_path / "a.safetensors", {"format": "pt", "ss_output_name": "somebody"})
    assert tags(tmp_path / "clean.safetensors") == {}
    assert tags(tmp_path / "a.safetensors") == {"metadata-safetensors": True}
    _gguf(tmp_path / "clean.gguf", None)
    _gguf(tmp_path / "a.gguf", "Somebody")
    assert tags(tmp_path / "clean.gguf") == {}
    assert tags(tmp_path / "a.gguf") == {"metadata-gguf-author": True}


def _gz(path: Path, name: str) -> None:
    with path.open("wb") as raw, gzip.GzipFile(name, "wb", fileobj=raw, mtime=0) as file:
        file.write(b"words")


def _tar(path: Path, owner: str) -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.uname = owner
        archive.addfile(info)


def _zip(path: Path, comment: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "words")
        archive.comment = comment


def _notebook(path: Path, metadata: dict[str, object]) -> None:
    path.write_text(json.dumps({"cells": [], "metadata": metadata, "nbformat": 4}))


PACKED: dict[str, tuple[Callable[[Path], None], Callable[[Path], None], str]] = {
    "a.jsonl.gz": (lambda path: _gz(path, "a.jsonl"), lambda path: _gz(path, "jane.jsonl"), "metadata-gzip-name"),
    "a.tar": (lambda path: _tar(path, ""), lambda path: _tar(path, "jane"), "metadata-tar-owner"),
    "a.zip": (lambda path: _zip(path, b""), lambda path: _zip(path, b"jane's"), "metadata-zip-comment"),
    "a.ipynb": (
        lambda path: _notebook(path, {"kernelspec": {"name": "python3"}}),
        lambda path: _notebook(path, {"authors": [{"name": "Jane"}]}),
        "metadata-notebook",
    ),
    "a.eml": (
        lambda path: _mail(path, "Subject: words\nMIME-Version: 1.0\n"),
        lambda path: _mail(path, "Subject: words\nReceived: from host\n"),
        "metadata-mail-header",
    ),
}


def _mail(path: Path, head: str) -> None:
    path.write_text(head + "\nbody\n")


@pytest.mark.parametrize("name", PACKED)
def test_archives_notebooks_and_mail(tmp_path: Path, name: str) -> None:
    clean, tagged, rule = PACKED[name]
    clean(tmp_path / name)
    assert not any(tags(tmp_path / name).values())
    tagged(tmp_path / name)
    assert tags(tmp_path / name)[rule]


def test_what_no_list_of_tags_names_is_told_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010D] = "of somebody"
    _picture().save(tmp_path / "name.tiff", exif=exif)
    info = PngImagePlugin.PngInfo()
    info.add_text("Owner", "Somebody")
    _picture().save(tmp_path / "owner.png", pnginfo=info)
    _picture().save(tmp_path / "segment.jpg")
    whole = (tmp_path / "segment.jpg").read_bytes()
    (tmp_path / "segment.jpg").write_bytes(whole[:2] + b"\xff\xe9\x00\x0aSomebody" + whole[2:])
    assert tags(tmp_path / "name.tiff")["metadata-exif-title"]
    assert tags(tmp_path / "owner.png")["metadata-image-text"]
    assert tags(tmp_path / "segment.jpg")["metadata-image-segment"]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_bytes_behind_the_end_of_a_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    _picture().save(path)
    path.write_bytes(path.read_bytes() + b"somebody")
    assert tags(path) == {"metadata-behind-the-end": True}


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    from tifffile import TiffWriter

    with TiffWriter(tmp_path / "a.tif") as file:
        for page in range(2):
            file.write(
                np.zeros((8, 8), np.uint8),
                metadata=None,
                software=False,
                extratags=[(315, "s", 0, "Somebody", True)] * page,
            )
    assert tags(tmp_path / "a.tif")["metadata-exif-artist"]


def test_folders_links_and_comments_of_archives(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.txt")
        member.pax_headers = {"comment": "somebody"}
        archive.addfile(member)
        folder = tarfile.TarInfo("Jane_Example")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    found = list(tags_of(entry_of(tmp_path, tmp_path / "a.tar")))
    assert [tag.rule for tag in found] == ["metadata-tar-comment", "metadata-archive-name"]
    assert "Jane Example" in found[1].text


def test_a_path_in_the_head_of_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"\x1f\x8b\x08\x08" + bytes(6) + b"home/jane/a\0" + gzip.compress(b"x")[10:])
    assert tags(tmp_path / "a.gz")["metadata-gzip-name"]


def test_headers_of_mail_are_not_looked_for_in_its_text(tmp_path: Path) -> None:
    head = "Subject: boxes\nMIME-Version: 1.0\n"
    (tmp_path / "a.eml").write_text(f"{head}\nReceived with thanks: five boxes.\n")
    (tmp_path / "b.eml").write_text(f"{head}Message-ID: <1@example.com>\n\ntext\n")
    assert tags(tmp_path / "a.eml") == {}
    assert tags(tmp_path / "b.eml") == {"metadata-mail-header": True}


def test_onnx_aiff_and_rtf(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    value = helper.make_tensor_value_info
    node = helper.make_node("Relu", ["x"], ["y"], doc_string="by somebody")
    graph = helper.make_graph([node], "g", [value("x", TensorProto.FLOAT, [1])], [value("y", TensorProto.FLOAT, [1])])
    save(helper.make_model(graph, producer_name="a program"), tmp_path / "a.onnx")
    assert tags(tmp_path / "a.onnx") == {"metadata-onnx-tool": False, "metadata-onnx-doc": True}
    (tmp_path / "a.aiff").write_bytes(b"FORM\0\0\0\x16AIFFNAME\0\0\0\x08Somebody")
    assert tags(tmp_path / "a.aiff") == {"metadata-aiff": True}
    (tmp_path / "a.rtf").write_bytes(rb"{\rtf1{\info{\author Somebody}{\title  }}text}")
    assert tags(tmp_path / "a.rtf") == {"metadata-office-author": True}
