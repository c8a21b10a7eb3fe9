"""Which cleaner takes which file."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile

import pytest
import zstandard

from privet.ingest import formats
from privet.ingest.formats import DESCRIPTION, RECORDS, cleaner, new_suffix, record_module, seen
from privet.metadata.job import CannotClean, Job

ROWS = b'{"a": 1}\n{"a": 2}\n'
TABLE = b"name,age\nx,1\n"


def form(content: bytes, name: str = "") -> str:
    source = io.BytesIO(content)
    found = seen(source, name, len(content))
    assert source.tell() == 0
    return found


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"", "a.txt", "empty"),
        (b"words\n", "a.txt", "text"),
        (b"words\n", "", "text"),
        (ROWS, "a.txt", "jsonl"),
        (TABLE, "a.csv", "csv"),
        (TABLE, "a.txt", "text"),
        (b'{"a": [1]}', "a.json", "json"),
        (b'{"a": [1]}', "config.json", "hf_json"),
        (b'{"a": [1]}', "deep/dataset_info.json", DESCRIPTION),
        (ROWS, "dataset_info.json", "jsonl"),
        (gzip.compress(ROWS), "rows.jsonl.gz", "jsonl"),
        (gzip.compress(ROWS), "rows", "jsonl"),
        (gzip.compress(TABLE), "rows.csv.gz", "csv"),
        (gzip.compress(TABLE), "rows.gz", "gzip"),
        (gzip.compress(b"words\n"), "a.txt.gz", "gzip"),
        (gzip.compress(b""), "a.jsonl.gz", "gzip"),
        (zstandard.compress(ROWS * 9000), "rows.jsonl.zst", "jsonl"),
        (zstandard.compress(b"words\n"), "a.txt.zst", "zstd"),
        (zipped(a=b"x"), "a.zip", "zip"),
        (tarred(b"x"), "a.tar", "tar"),
        (bytes(range(256)) * 9, "a.bin", "unknown"),
    ],
)
def test_the_content_says_what_it_is(content: bytes, name: str, expected: str) -> None:
    assert form(content, name) == expected


def test_a_record_that_is_cut_off_by_the_look_is_no_damage() -> None:
    rows = (json.dumps({"a": "x" * 60}).encode() + b"\n") * 20_000
    assert form(gzip.compress(rows), "a.jsonl.gz") == "jsonl"
    assert form(rows, "a.jsonl") == "jsonl"


@pytest.mark.parametrize("name", ["a.jpg", "a.csv", "a.zip"])
def test_a_name_that_lies_is_said(name: str) -> None:
    with pytest.raises(CannotClean, match="the name says"):
        form(b"%PDF-1.7\n%%EOF\n", name)


@pytest.mark.parametrize("content", [gzip.compress(ROWS)[:10] + b"\xff" * 40, b"\x28\xb5\x2f\xfd" + b"\xff" * 40])
def test_what_is_packed_and_damaged_is_said(content: bytes) -> None:
    with pytest.raises(CannotClean, match="damaged"):
        form(content, "a.gz")


@pytest.mark.parametrize("name", sorted(formats._REFUSED))
def test_what_has_no_cleaner_says_why(name: str) -> None:
    with pytest.raises(CannotClean) as error:
        cleaner(name, "")
    assert error.value.reason == formats._REFUSED[name]


def test_every_format_that_is_recognised_has_a_cleaner_or_a_reason() -> None:
    media = "jpeg png webp gif tiff bmp ico psd heic svg mp3 flac ogg wav aiff avi mp4 matroska adts pdf ooxml odf epub"
    texts = "text markdown html xml mail mbox notebook vcard calendar"
    models = "numpy npz safetensors gguf onnx pickle torch tfevents"
    others = "hf_json font msg postscript xlsb vsdx key fb2 xmp flat_ooxml"
    for form_id in f"{media} {texts} {models} zip tar gzip zstd bzip2 xz doc xls ppt rtf {others}".split():
        assert callable(cleaner(form_id, "a"))
    for name in RECORDS:
        module = record_module(name)
        assert callable(module.units)
        assert callable(module.assemble)


def sounds_and_pictures() -> dict[str, bytes]:
    from PIL import Image

    def image(kind: str) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (16, 16)).save(file, kind)
        return file.getvalue()

    sound = b"COMM" + (18).to_bytes(4, "big") + b"\0\1\0\0\0\1\0\x08\x40\x0e\xac\x44" + bytes(6)
    sound += b"SSND" + (10).to_bytes(4, "big") + bytes(8) + b"\1\0"
    return {
        "ico": image("ICO"),
        "bmp": image("BMP"),
        "aiff": b"FORM" + (len(sound) + 4).to_bytes(4, "big") + b"AIFF" + sound,
        "pickle": pickle.dumps({"a": [1, 2.5]}),
    }


@pytest.mark.parametrize("name", ["ico", "bmp", "aiff", "pickle"])
def test_a_format_goes_to_the_cleaner_that_knows_it(name: str) -> None:
    content = sounds_and_pictures()[name]
    assert form(content, f"a.{name}") == name
    target = io.BytesIO()
    cleaner(name, f"a.{name}")(io.BytesIO(content), target, Job())
    assert form(target.getvalue(), f"a.{name}") == name


def test_a_missing_package_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise ModuleNotFoundError("no", name="pikepdf")

    monkeypatch.setattr(formats, "import_module", missing)
    with pytest.raises(CannotClean, match=r"not installed \(pikepdf\): pip install"):
        cleaner("pdf", "a.pdf")


def test_a_converted_file_gets_the_ending_of_what_it_becomes() -> None:
    assert new_suffix("text", io.BytesIO()) == ""
    assert new_suffix("doc", io.BytesIO()) == ".docx"
    assert new_suffix("xls", io.BytesIO()) == ".xlsx"
    assert new_suffix("vsd", io.BytesIO()) == new_suffix("postscript", io.BytesIO()) == ".pdf"
    assert new_suffix("msg", io.BytesIO()) == ".eml"
