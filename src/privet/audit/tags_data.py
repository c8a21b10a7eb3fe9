"""Metadata of data and model files, archives, notebooks and mail.

Invariant: nothing is unpickled or run, and only heads and schemas are read.
"""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from struct import unpack
from typing import Any, BinaryIO, Final

from privet.audit.tag import Tag

_MAX_HEAD: Final = 1 << 27
_PLAIN_KEYS: Final = frozenset(
    (b"pandas", b"huggingface", b"ARROW:schema", b"PARQUET:field_id", b"org.apache.spark.version")
)
_PATH: Final = re.compile(r"(?:/home/|/Users/|/root/|[A-Za-z]:\\Users\\|/mnt/|/tmp/|file://)")
_MAX_STATISTICS: Final = 2000


def parquet(stream: BinaryIO) -> Iterator[Tag]:
    """Yield key-value metadata, `df.attrs`, and the least and greatest values that statistics keep."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(stream) as file:
        yield from _schema(file.schema_arrow)
        yield from _pairs(file.metadata.metadata or {})
        told = 0
        for group in range(file.metadata.num_row_groups):
            for column in range(file.metadata.num_columns):
                statistics = file.metadata.row_group(group).column(column).statistics
                if statistics is None or not statistics.has_min_max or told > _MAX_STATISTICS:
                    continue
                for value in (statistics.min, statistics.max):
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                    if isinstance(text, str):
                        told += 1
                        yield Tag("metadata-parquet-statistics", personal=False, text=text)


def arrow(stream: BinaryIO) -> Iterator[Tag]:
    """Yield schema metadata, and dictionary values that no row uses any more."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start = stream.read(6)
    stream.seek(0)
    opened = pa.ipc.open_file(stream) if start == b"ARROW1" else pa.ipc.open_stream(stream)
    with opened as reader:
        yield from _schema(reader.schema)
        columns = [at for at, field in enumerate(reader.schema) if pa.types.is_dictionary(field.type)]
        if not columns:
            return
        table = reader.read_all()
        for at in columns:
            column = table.column(at).unify_dictionaries()
            used = pc.count_distinct(column.cast(column.type.value_type)).as_py()
            if column.num_chunks and used < len(column.chunk(0).dictionary):
                yield Tag("metadata-unused-dictionary-values")


def _schema(schema: Any) -> Iterator[Tag]:
    yield from _pairs(schema.metadata or {})
    for field in schema:
        if field.metadata:
            yield from _pairs({key: value for key, value in field.metadata.items() if key not in _PLAIN_KEYS})


def _pairs(pairs: Mapping[bytes, bytes]) -> Iterator[Tag]:
    for key, value in pairs.items():
        text = value.decode("utf-8", "replace")
        if key == b"pandas":
            yield from _pandas(text)
        elif key == b"huggingface":
            yield Tag("metadata-huggingface", personal=bool(_PATH.search(text)), text=text)
        elif key not in _PLAIN_KEYS:
            yield Tag("metadata-schema-key")


def _pandas(text: str) -> Iterator[Tag]:
    try:
        known = json.loads(text)
    except ValueError:
        yield Tag("metadata-schema-key")
        return
    if isinstance(known, dict) and known.get("attributes"):
        yield Tag("metadata-pandas-attrs")
    yield Tag("metadata-pandas", personal=bool(_PATH.search(text)))


def safetensors(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the keys of `__metadata__` but `format`."""
    size = int.from_bytes(stream.read(8), "little")
    head = json.loads(stream.read(min(size, _MAX_HEAD)))
    for key, value in head.get("__metadata__", {}).items():
        if key != "format":
            yield Tag("metadata-safetensors", text=str(value))


_GGUF_PERSONAL: Final = re.compile(
    r"general\.(?:author|organization|url|doi|uuid|repo_url|source\.|description|name|basename|quantized_by|license\.link|base_model\.|dataset\.|tags)"
)
_GGUF_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def gguf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the keys that say who made a model, and values that hold a path."""
    stream.read(4)
    version, _, count = unpack("<IQQ", stream.read(20))
    if version < 2:
        return
    for _ in range(min(count, 100_000)):
        key = stream.read(int.from_bytes(stream.read(8), "little") & 0xFFFF).decode("utf-8", "replace")
        text = _gguf_value(stream, int.from_bytes(stream.read(4), "little"))
        if _GGUF_PERSONAL.match(key):
            author = key.split(".")[1] in {"author", "organization", "quantized_by", "uuid"}
            yield Tag("metadata-gguf-author" if author else "metadata-gguf", personal=author, text=text)
        elif _PATH.search(text) and len(text) < 4096 and "template" not in key:
            yield Tag("metadata-gguf")


def _gguf_value(stream: BinaryIO, kind: int) -> str:
    if kind == 8:
        size = int.from_bytes(stream.read(8), "little")
        return stream.read(min(size, 1 << 24)).decode("utf-8", "replace")
    if kind == 9:
        inner = int.from_bytes(stream.read(4), "little")
        for _ in range(count := min(int.from_bytes(stream.read(8), "little"), 1 << 24)):
            if inner in _GGUF_SIZES:
                stream.seek(count * _GGUF_SIZES[inner], 1)
                break
            _gguf_value(stream, inner)
        return ""
    stream.seek(_GGUF_SIZES[kind], 1)
    return ""


_ONNX: Final = {(): {6: "doc", 14: "property", 2: "tool", 3: "tool", 4: "tool"}, (7,): {10: "doc"}, (7, 1): {6: "doc"}}
"""Fields of onnx.proto by the way to their message: the model, its graph (7), the nodes of that (1)."""


def onnx(stream: BinaryIO) -> Iterator[Tag]:
    """Yield what a model says about itself: doc strings and properties, and which program wrote it."""
    stream.seek(0, 2)
    end = stream.tell()
    stream.seek(0)
    yield from _onnx_fields(stream, end, ())


def _onnx_fields(stream: BinaryIO, end: int, way: tuple[int, ...]) -> Iterator[Tag]:
    while stream.tell() < end:
        number, wire = divmod(_varint(stream), 8)
        if wire == 0:
            _varint(stream)
            continue
        size = {1: 8, 5: 4}.get(wire) or (_varint(stream) if wire == _BYTES else 0)
        last = stream.tell() + size
        if not size or last > end:
            if wire != _BYTES or last > end:
                raise ValueError("no message of protocol buffers")
            continue
        said = _ONNX[way].get(number)
        if said and wire == _BYTES:
            text = stream.read(min(size, 1 << 20)).decode("utf-8", "replace")
            yield Tag(f"metadata-onnx-{said}", personal=said != "tool", text=text)
        elif (*way, number) in _ONNX and wire == _BYTES:
            yield from _onnx_fields(stream, last, (*way, number))
        stream.seek(last)


_BYTES: Final = 2


def _varint(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise ValueError("the file ends early")
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError("no number of protocol buffers")


def rtf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the properties of a document and the authors of its changes."""
    for match in _RTF.finditer(stream.read(_MAX_HEAD)):
        yield Tag("metadata-office-author" if match[1] in _RTF_PEOPLE else "metadata-office-title")


_RTF: Final = re.compile(
    rb"\{(?:\\\*)?\\(author|operator|manager|company|title|subject|keywords|doccomm|comment|hlinkbase|atnauthor|revtbl)\b\s*(?=[^\s{}\\])"
)
_RTF_PEOPLE: Final = frozenset((b"author", b"operator", b"manager", b"company", b"atnauthor", b"revtbl"))


def notebook(stream: BinaryIO) -> Iterator[Tag]:
    """Yield authors, paths and widget state of a notebook's metadata."""
    known = json.loads(stream.read(_MAX_HEAD))
    metadata = known.get("metadata", {}) if isinstance(known, dict) else {}
    for key in metadata:
        if key not in {"kernelspec", "language_info"}:
            yield Tag(
                "metadata-notebook", personal=key in {"authors", "colab", "widgets", "papermill", "vscode", "title"}
            )
    if _PATH.search(json.dumps(metadata.get("kernelspec", {}))):
        yield Tag("metadata-notebook-path")
    for cell in known.get("cells", ()) if isinstance(known, dict) else ():
        if any(key in cell.get("metadata", {}) for key in ("executionInfo", "execution", "user")):
            yield Tag("metadata-notebook", personal="executionInfo" in cell["metadata"])


def gzip_head(stream: BinaryIO, name: str) -> Iterator[Tag]:
    """Yield a stored name that is not the file's own, and a comment (RFC 1952)."""
    head = stream.read(10)
    flags = head[3] if len(head) == 10 else 0
    if flags & 4:
        stream.read(int.from_bytes(stream.read(2), "little"))
    if flags & 8:
        stored = _until_zero(stream).decode("latin-1")
        if stored != PurePosixPath(name).name.removesuffix(".gz"):
            yield Tag("metadata-gzip-name")
    if flags & 16 and _until_zero(stream):
        yield Tag("metadata-gzip-comment")
    if head[4:8].strip(b"\x00"):
        yield Tag("metadata-gzip-date", personal=False)


def _until_zero(stream: BinaryIO) -> bytes:
    out = b""
    while len(out) < 4096 and (byte := stream.read(1)) not in (b"", b"\x00"):
        out += byte
    return out


_NOBODY: Final = frozenset(("", "root", "wheel", "nobody", "nogroup"))


def tar(stream: BinaryIO) -> Iterator[Tag]:
    """Yield owners and comments of members, and what folders and links are called: names of files are looked at anyway."""
    is_owned = False
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            named = member.uname not in _NOBODY or member.gname not in _NOBODY
            if (named or member.uid >= _FIRST_USER or member.gid >= _FIRST_USER) and not is_owned:
                is_owned = True
                yield Tag("metadata-tar-owner")
            if not _PAX.issuperset(member.pax_headers):
                yield Tag("metadata-tar-comment")
            if not member.isfile():
                yield Tag("metadata-archive-name", personal=False, text=_as_words(f"{member.name} {member.linkname}"))


_FIRST_USER: Final = 500
_PAX: Final = frozenset(
    ("path", "linkpath", "size", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "charset", "hdrcharset")
)


def _as_words(name: str) -> str:
    """Return a name as it is, and as words: people write `Jane_Doe`."""
    return f"{name}\n{re.sub(r'[_./-]', ' ', name)}"


def zip_comments(stream: BinaryIO) -> Iterator[Tag]:
    """Yield comments and extra fields that hold an owner."""
    with zipfile.ZipFile(stream) as archive:
        if archive.comment or any(info.comment for info in archive.infolist()):
            yield Tag("metadata-zip-comment")
        for info in archive.infolist():
            if info.is_dir():
                yield Tag("metadata-archive-name", personal=False, text=_as_words(info.filename))
        if any(b"ux\x0b\x00" in info.extra for info in archive.infolist()):
            yield Tag("metadata-zip-owner", personal=False)


_MAIL: Final = re.compile(
    r"(?i)(?:received|x-received|x-originating-ip|message-id|return-path|delivered-to|x-original-to|dkim-signature|x-sender|x-google-|arc-)"
)
_MAIL_TOOLS: Final = frozenset(("x-mailer", "user-agent"))


def mail(stream: BinaryIO) -> Iterator[Tag]:
    """Yield headers that say which machines and accounts a message passed, those of messages inside it too."""
    from email.parser import BytesParser

    message = BytesParser().parsebytes(stream.read(_MAX_HEAD))
    for name in (name for part in message.walk() for name in part.keys()):  # noqa: SIM118 (a message is no mapping)
        if name.lower() in _MAIL_TOOLS:
            yield Tag("metadata-mail-tool", personal=False)
        elif _MAIL.match(name):
            yield Tag("metadata-mail-header")


def mailbox(stream: BinaryIO) -> Iterator[Tag]:
    """Yield what `mail` does, of each message of an mbox."""
    from io import BytesIO

    from privet.audit import documents

    for content in documents.mailbox(stream):
        yield from mail(BytesIO(content))


def sqlite(stream: BinaryIO) -> Iterator[Tag]:
    """Yield free pages, which keep rows that were deleted."""
    head = stream.read(100)
    if int.from_bytes(head[36:40], "big"):
        yield Tag("metadata-sqlite-free-pages")
