"""Looks for a word in bytes: in every encoding, and unpacked from whatever they are packed in.

Invariants:

- A word that can be read by unpacking, decoding or decrypting without a password is found, however deep it lies (eight levels).
- What unpacks to more than a limit is read up to it, so that a bomb costs little.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import hashlib
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEPTH: Final = 8
SHORTEST: Final = 8
LIMIT: Final = 64 * 1024 * 1024
MANY: Final = 4000
ZLIB: Final = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
BASE64: Final = re.compile(rb"[A-Za-z0-9+/\r\n]{24,}={0,2}")
DATA_URI: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}\s*){12,}")


class Word:
    """A word in every encoding that keeps its letters together."""

    def __init__(self, word: str) -> None:
        """Encode it."""
        plain = [word.encode(code) for code in ("utf-8", "utf-16le", "utf-16be", "utf-32le", "utf-32be")]
        plain += [binascii.hexlify(word.encode(code)) for code in ("utf-8", "utf-16le", "utf-16be")]
        plain += [
            "".join(f"%{byte:02x}" for byte in word.encode()).encode(),
            "".join(f"&#{ord(letter)};" for letter in word).encode(),
        ]
        plain += ["".join(f"\\{byte:03o}" for byte in word.encode()).encode(), word[::-1].encode()]
        self.plain = plain
        self.exact = [text for code in ("utf-8", "utf-16le", "utf-16be") for text in _base64(word.encode(code))]

    def search(self, data: bytes) -> bool:
        """Return whether the data hold it."""
        lower = data.lower()
        return any(text in lower for text in self.plain) or any(text in data for text in self.exact)


def _base64(word: bytes) -> Iterator[bytes]:
    """Yield the letters that base64 makes of the word at each of three offsets, without those its neighbours change."""
    for lead in range(3):
        text = base64.b64encode(bytes(lead) + word).rstrip(b"=")
        yield text[(0, 2, 3)[lead] : -1]


def find(data: bytes, word: Word, depth: int = DEPTH, seen: set[bytes] | None = None) -> str | None:
    """Return where the word stands, as the names of what was unpacked on the way, or None."""
    seen = set() if seen is None else seen
    digest = hashlib.blake2b(data).digest()
    if digest in seen:
        return None
    seen.add(digest)
    if word.search(data):
        return "plain"
    if (b"=\n" in data or b"=\r\n" in data) and word.search(re.sub(rb"=\r?\n", b"", data)):
        return "quoted-printable"
    if depth == 0 or len(data) < SHORTEST:
        return None
    for name, content in _inside(data):
        if found := find(content, word, depth - 1, seen):
            return f"{name} > {found}"
    return None


def _inside(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what the bytes hold packed."""
    head = data[:4096]
    yield from _container("zip", _zip, data) if b"PK\x03\x04" in head or b"PK\x05\x06" in data[-70_000:] else ()
    yield from _container("pdf", _pdf, data) if b"%PDF" in head else ()
    yield from _container("ole", _ole, data) if head.startswith(b"\xd0\xcf\x11\xe0") else ()
    yield from _container("arrow", _arrow, data) if head.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")) else ()
    yield from _container("sound", _cover, data) if b"METADATA_BLOCK_PICTURE" in head.upper() else ()
    yield from _container("tar", _tar, data) if data[257:262] == b"ustar" else ()
    for name, magic, opened in (
        ("gzip", b"\x1f\x8b\x08", lambda: zlib.decompressobj(31).decompress(data, LIMIT)),
        ("bzip2", b"BZh", lambda: bz2.BZ2Decompressor().decompress(data, LIMIT)),
        ("xz", b"\xfd7zXZ", lambda: lzma.LZMADecompressor().decompress(data, LIMIT)),
        ("zstd", b"\x28\xb5\x2f\xfd", lambda: _zstd(data)),
    ):
        if data.startswith(magic):
            yield from _container(name, lambda _d, opened=opened: [opened()], data)
    yield from _streams(data)
    if b"\0" in data:
        return
    # What is text can hold more texts.
    for number, match in enumerate(BASE64.finditer(data)):
        if number > MANY:
            break
        letters = re.sub(rb"[\r\n=]", b"", match.group())
        yield "base64", base64.b64decode(letters[: len(letters) // 4 * 4])
    if DATA_URI.search(head):
        from urllib.parse import unquote_to_bytes

        plain = unquote_to_bytes(data)
        if plain != data:
            yield "url", plain
    for number, match in enumerate(HEX.finditer(data[:LIMIT])):
        if number > MANY:
            break
        yield "hex", binascii.unhexlify(re.sub(rb"\s", b"", match.group()))


def _container(name: str, read: Callable[[bytes], Any], data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what a reader gives of the data, as long as it can read."""
    try:
        for content in read(data):
            yield name, content
    except Exception:
        return


def _streams(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every deflate stream, wherever it begins."""
    for number, match in enumerate(ZLIB.finditer(data)):
        if number > MANY:
            return
        try:
            content = zlib.decompressobj().decompress(
                data[match.start() :] if len(data) < 1 << 20 else data[match.start() : match.start() + (1 << 22)], LIMIT
            )
        except zlib.error:
            continue
        if len(content) > 16:
            yield "zlib", content


def _zstd(data: bytes) -> bytes:
    import zstandard

    out: bytes = zstandard.ZstdDecompressor().stream_reader(data).read(LIMIT)
    return out


def _zip(data: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        left = LIMIT * 4
        for item in file.infolist():
            with file.open(item) as member:
                content = member.read(min(LIMIT, left))
            left -= len(content)
            yield content
            if left <= 0:
                return


def _tar(data: bytes) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as file:
        for item in file:
            if item.isfile() and (member := file.extractfile(item)):
                yield member.read(LIMIT)


def _pdf(data: bytes) -> Iterator[bytes]:
    """Yield every string and every stream, decrypted and decoded, also of objects that nothing refers to."""
    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as pdf:
        for thing in pdf.objects:
            if isinstance(thing, pikepdf.Stream):
                try:
                    yield thing.read_bytes()
                except pikepdf.PdfError:
                    yield thing.read_raw_bytes()
                yield thing.unparse()
            else:
                yield from _strings(thing, 12)


def _strings(thing: Any, depth: int) -> Iterator[bytes]:
    import pikepdf

    if isinstance(thing, pikepdf.String):
        yield bytes(thing)
    elif isinstance(thing, pikepdf.Array) and depth:
        for item in thing:
            yield from _strings(item, depth - 1)
    elif isinstance(thing, pikepdf.Dictionary) and depth:
        for key, item in thing.items():
            yield key.encode()
            if not isinstance(item, pikepdf.Object) or not item.is_indirect:
                yield from _strings(item, depth - 1)


def _ole(data: bytes) -> Iterator[bytes]:
    import olefile

    with olefile.OleFileIO(io.BytesIO(data)) as file:
        for name in file.listdir():
            yield file.openstream(name).read()


def _arrow(data: bytes) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = io.BytesIO(data)
    if data.startswith(b"PAR1"):
        file = pq.ParquetFile(source)
        yield repr(file.metadata.metadata).encode()
        yield repr(
            [
                file.metadata.row_group(n).column(c).statistics
                for n in range(file.num_row_groups)
                for c in range(file.metadata.num_columns)
            ]
        ).encode()
        table = file.read()
    elif data.startswith(b"ARROW1"):
        table = pa.ipc.open_file(source).read_all()
    else:
        table = pa.ipc.open_stream(source).read_all()
    yield repr(table.schema.metadata).encode()
    for column in table.columns:
        for chunk in column.chunks:
            yield from (bytes(buffer) for buffer in chunk.buffers() if buffer)
            if isinstance(chunk, pa.DictionaryArray):
                yield repr(chunk.dictionary.to_pylist()).encode()


def _cover(data: bytes) -> Iterator[bytes]:
    for match in re.finditer(rb"(?i)METADATA_BLOCK_PICTURE=([A-Za-z0-9+/=]+)", data):
        yield base64.b64decode(match.group(1) + b"==")
