"""Whole files, their members and the members of those."""

from __future__ import annotations

import errno
import gzip
import io
import json
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from docx import Document

from privet.errors import Unprotected
from privet.ingest import delimited
from privet.ingest.cleaning import Cleaning
from privet.ingest.guarding import guarded, in_memory
from privet.ingest.record_file import Unit
from privet.ingest.texts import Texts
from privet.metadata.job import CannotClean
from privet.policy import DEFAULT, Policy, with_value

EMAIL = b"jane.doe@example.com"
MIB = 1 << 20


def cleaning(policy: Policy = DEFAULT) -> Cleaning:
    return Cleaning(policy, Texts(policy, "patterns", None), None)


@pytest.fixture(scope="module")
def plain() -> Cleaning:
    return cleaning()


def zipped(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tarred(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def test_members_of_all_kinds_are_cleaned_like_files(plain: Cleaning) -> None:
    rows = b'{"m": "to jane.doe@example.com"}\n{"m": "x"}\n'
    cleaned = unzipped(
        plain.whole(
            zipped(
                ("a.txt", b"to jane.doe@example.com\n"),
                ("rows.jsonl", rows),
                ("rows.jsonl.gz", gzip.compress(b'{"m": "of jane.doe@example.com"}\n', mtime=0)),
                ("t.csv", b"mail,n\njane.doe@example.com,1\n"),
                ("of jane.doe@example.com/a.txt", b"nothing\n"),
                ("inner.zip", zipped(("b.txt", EMAIL))),
                ("c.tar", tarred("c.txt", EMAIL)),
                ("blob.bin", bytes(range(256)) * 9),
            )
        )
    )
    assert cleaned["a.txt"] == b"to [EMAIL_ADDRESS]\n"
    assert cleaned["rows.jsonl"] == b'{"m": "to [EMAIL_ADDRESS]"}\n{"m": "x"}\n'
    assert gzip.decompress(cleaned["rows.jsonl.gz"]) == b'{"m": "of [EMAIL_ADDRESS]"}\n'
    assert cleaned["t.csv"] == b"mail,n\n[EMAIL_ADDRESS],1\n"
    assert cleaned["of EMAIL_ADDRESS/a.txt"] == b"nothing\n"
    assert unzipped(cleaned["inner.zip"]) == {"b.txt": b"[EMAIL_ADDRESS]"}
    assert EMAIL not in cleaned["c.tar"]
    assert "blob.bin" not in cleaned


def nested(depth: int, wrap: Callable[[bytes], bytes]) -> bytes:
    content = b"deep\n"
    for _ in range(depth):
        content = wrap(content)
    return content


def test_archives_in_archives_have_an_end(plain: Cleaning) -> None:
    deepest = DEFAULT.scrub.max_depth

    def inside(content: bytes) -> bytes:
        found = unzipped(content) if content[:2] == b"PK" else {}
        return inside(found["a"]) if found else content

    wrap = lambda content: zipped(("a", content))  # noqa: E731
    assert inside(plain.whole(nested(deepest, wrap))) == b"deep\n"
    for too_deep in (deepest + 1, deepest + 4):
        with pytest.raises(CannotClean, match=r"^nothing in it can be cleaned: nested too deep$"):
            plain.whole(nested(too_deep, wrap))
    assert gzip.decompress(plain.whole(gzip.compress(b"deep\n"))) == b"deep\n"
    with pytest.raises(CannotClean, match="cannot be cleaned"):
        plain.whole(nested(deepest + 1, lambda content: gzip.compress(content, mtime=0)))


def test_members_that_are_left_out_are_named_without_identifiers(plain: Cleaning) -> None:
    inner = zipped(("deep/jane.doe@example.com.bin", bytes(range(256))), ("a.txt", b"words"))
    packed = gzip.compress(zipped(("b.exe", b"MZ" + bytes(300)), ("c.txt", b"words")))
    raw = zipped(
        ("in.zip", inner),
        ("all.zip.gz", packed),
        ("none.zip", zipped(("b.exe", b"MZ" + bytes(300)))),
        ("c.7z", b"7z\xbc\xaf\x27\x1c" + bytes(40)),
        ("d.txt", b"words"),
    )
    plain.begin()
    removed = plain.document("zip", "a.zip", io.BytesIO(raw), io.BytesIO())
    assert [tuple(member) for member in plain.set_aside] == [
        ("in.zip/deep/EMAIL_ADDRESS.bin", "its format is not known"),
        ("all.zip.gz/all.zip/b.exe", "a program"),
        ("none.zip", "nothing in it can be cleaned: a program"),
        ("c.7z", "a 7z archive: unpack it first"),
    ]
    assert removed["member set aside"] == len(plain.set_aside)
    plain.begin()
    many = zipped(("a.txt", b"words"), *((f"{number}.bin", bytes(range(256))) for number in range(1010)))
    assert plain.document("zip", "a.zip", io.BytesIO(many), io.BytesIO())["member set aside"] == 1010
    assert len(plain.set_aside) == 1000
    plain.begin()
    assert not plain.set_aside


def test_a_member_that_leads_out_is_dropped(plain: Cleaning) -> None:
    names = ("../up.txt", "/etc/passwd", "a/../../b.txt", "C:\\x.txt", "..\\y.txt", "fine.txt")
    assert list(unzipped(plain.whole(zipped(*((name, b"x\n") for name in names))))) == ["fine.txt"]
    with pytest.raises(CannotClean, match=r"^nothing in it can be cleaned: its name leads out"):
        plain.whole(tarred("../../x.txt", b"x\n"))


def test_an_archive_that_comes_out_empty_was_empty(plain: Cleaning) -> None:
    assert unzipped(plain.whole(zipped())) == {}
    folder = zipped(("folder/", b""))
    assert unzipped(plain.whole(folder)) == {}
    for raw in (zipped(("a.bin", bytes(range(256)))), tarred("a.exe", b"MZ" + bytes(300))):
        with pytest.raises(CannotClean, match=r"^nothing in it can be cleaned: (its format is not known|a program)$"):
            plain.whole(raw)


@pytest.mark.parametrize("kind", ["zip", "gzip", "tar.gz", "docx", "png", "members"])
def test_a_bomb_is_refused_in_bounded_time(kind: str) -> None:
    policy = with_value(DEFAULT, "scrub.max_unpacked_bytes", (1 if kind == "members" else 32) * MIB)
    zeros = bytes(64 * MIB)
    if kind == "zip":
        content = zipped(("a.txt", zeros))
    elif kind == "members":
        content = zipped(*((f"{number}.txt", b"words \n" * 40_000) for number in range(6)))
    elif kind == "docx":
        content = zipped(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<a>" + b" " * (64 * MIB)))
    elif kind == "png":
        content = bomb_png()
    else:
        content = gzip.compress(tarred("a.txt", zeros) if kind == "tar.gz" else zeros, 9)
    del zeros
    started = time.process_time()
    with pytest.raises(CannotClean):
        cleaning(policy).whole(content)
    assert time.process_time() - started < 5


def bomb_png() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = (30_000).to_bytes(4, "big") * 2 + bytes([8, 6, 0, 0, 0])
    data = zlib.compress(bytes(16 * MIB), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_description_names_the_columns_that_are_left() -> None:
    policy = with_value(DEFAULT, "scrub.columns", frozenset({"text"}))
    content = json.dumps({
        "features": {"text": {"dtype": "string"}, "owner": {"dtype": "string"}}, "homepage": "by jane.doe@example.com",
    }).encode()  # fmt: skip
    target = io.BytesIO()
    cleaning(policy).document("dataset description", "x/dataset_info.json", io.BytesIO(content), target)
    assert json.loads(target.getvalue()) == {"features": {"text": {"dtype": "string"}}}


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ValueError("jane.doe@example.com"), "its reader failed (ValueError)"),
        (RecursionError(), "its reader failed (RecursionError)"),
        (MemoryError(), "more memory"),
        (FileNotFoundError(errno.ENOENT, "x", "/home/jane"), "its reader failed (FileNotFoundError)"),
        (CannotClean("encrypted"), "encrypted"),
    ],
)
def test_whatever_a_reader_raises_is_a_reason_without_a_word_of_the_file(raised: Exception, reason: str) -> None:
    with pytest.raises(CannotClean) as error, guarded():
        raise raised
    assert reason in error.value.reason
    assert "jane" not in error.value.reason


@pytest.mark.parametrize(
    "raised",
    [
        OSError(errno.ENOSPC, "full"),
        OSError(errno.EROFS, "x"),
        BrokenPipeError(errno.EPIPE, "x"),
        Unprotected("x"),
        KeyboardInterrupt(),
    ],
)
def test_a_full_disk_and_our_own_errors_stay_what_they_are(raised: BaseException) -> None:
    with pytest.raises(type(raised)) as error, guarded():
        raise raised
    assert error.value is raised


def test_bytes_have_a_path_without_a_disk() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with in_memory(b"content") as path:
        assert path.read_bytes() == b"content"
        assert path.stat().st_size == 7
        assert "memfd" in str(path.readlink())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_fields_of_a_struct_keep_their_values_when_a_name_before_them_changes(plain: Cleaning) -> None:
    kind = pa.struct([(EMAIL.decode(), pa.int64()), ("b", pa.int64())])
    rows = [{EMAIL.decode(): 1, "b": 2}]
    table = pa.table(
        {
            "s": pa.array(rows, kind),
            "m": pa.array([[("k", rows[0])]], pa.map_(pa.string(), kind)),
            "l": pa.array([rows], pa.list_(pa.field("item", kind), 1)),
        }
    )
    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    out = pa.ipc.open_file(plain.whole(file.getvalue())).read_all()
    names = ["[EMAIL_ADDRESS]", "b"]
    assert [field.name for field in out.schema.field("s").type] == names
    assert [field.name for field in out.schema.field("m").type.item_type] == names
    assert [field.name for field in out.schema.field("l").type.value_type] == names
    (row,) = out.to_pylist()
    assert (row["s"]["b"], row["m"][0][1]["b"], row["l"][0]["b"]) == (2, 2, 2)


@pytest.mark.parametrize("content", [b"{}", b"[{}, {}]", b"{}\n{}\n"])
def test_objects_without_a_field_are_records_too(plain: Cleaning, content: bytes) -> None:
    assert plain.whole(content, "a.jsonl" if content.endswith(b"\n") else "a.json") == content


def test_a_table_in_an_encoding_of_its_own_keeps_its_header(plain: Cleaning) -> None:
    content = "名前,メール\n山田太郎,{}\n".encode("shift-jis").replace(b"{}", EMAIL)
    out = io.BytesIO()
    with in_memory(content) as path:
        columns = plain.columns()
        delimited.clean_unit(path, Unit(0, len(content)), columns, out)
        assert columns.marks.rows == 1
    assert out.getvalue() == content.replace(EMAIL, b"[EMAIL_ADDRESS]")


def test_a_member_that_becomes_another_kind_is_called_so(plain: Cleaning) -> None:
    document = io.BytesIO()
    Document().save(document)
    macros = {
        name: content.replace(
            b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
            b"application/vnd.ms-word.document.macroEnabled.main+xml",
        )
        for name, content in unzipped(document.getvalue()).items()
    }
    held = unzipped(plain.whole(zipped(("a.docm", zipped(*macros.items())), ("a.docx", document.getvalue()))))
    assert sorted(held) == ["a-2.docx", "a.docx"]


def test_of_texts_that_are_the_same_each_counts(plain: Cleaning) -> None:
    document = Document()
    for text in (
        "to jane.doe@example.com",
        "words",
        "to jane.doe@example.com",
        "of 192.0.2.7",
        "words",
        "to jane.doe@example.com",
    ):
        document.add_paragraph(text)
    raw, target = io.BytesIO(), io.BytesIO()
    document.save(raw)
    plain.texts.taken()
    plain.begin()
    plain.document("ooxml", "a.docx", io.BytesIO(raw.getvalue()), target)
    made = [paragraph.text for paragraph in Document(target).paragraphs]
    assert made == [
        "to [EMAIL_ADDRESS]", "words", "to [EMAIL_ADDRESS]", "of [IP_ADDRESS]", "words", "to [EMAIL_ADDRESS]"
    ]  # fmt: skip
    assert plain.texts.taken() == {"body": {"EMAIL_ADDRESS": 3, "IP_ADDRESS": 1}}


def test_what_is_attached_and_cannot_be_cleaned_is_named_with_the_reason(plain: Cleaning) -> None:
    mail = b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b\nContent-Type: application/x-a; name=%s\n\n%s\n--b--\n"
    plain.begin()
    removed = plain.document("mail", "m.eml", io.BytesIO(mail % (EMAIL, b"MZ" + bytes(300))), io.BytesIO())
    assert removed == {"member set aside": 1}
    ((name, reason),) = plain.set_aside
    assert EMAIL.decode() not in name
    assert reason == "a program"
