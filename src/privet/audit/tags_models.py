"""Metadata of model files: safetensors, GGUF, ONNX, and what training leaves.

Invariant: nothing is unpickled or run, and only heads are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from struct import unpack
from typing import BinaryIO, Final

from privet.audit.tag import Tag
from privet.audit.tags_tables import PATH

_MAX_HEAD: Final = 1 << 27


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
        elif PATH.search(text) and len(text) < 4096 and "template" not in key:
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


def torrent(stream: BinaryIO) -> Iterator[Tag]:
    """Yield comments, who made a torrent and with what."""
    raw = stream.read(1 << 22)
    for name, personal in ((b"comment", True), (b"publisher", True), (b"created by", False), (b"creation date", False)):
        if re.search(rb"%d:%s(?:i\d|[1-9])" % (len(name), name), raw):
            yield Tag("metadata-torrent", personal)


_FONT_NAMES: Final = {
    0: "copyright", 3: "id", 7: "trademark", 8: "maker", 9: "author", 10: "description", 11: "url", 12: "url", 13: "license", 14: "url",
    18: "name", 19: "text",
}  # fmt: skip
_FONT_NOTES: Final = frozenset(("id", "trademark", "license", "text", "name"))


def font(stream: BinaryIO) -> Iterator[Tag]:
    """Yield who made a font and what they say of it (ISO 14496-22, 5.2.8), and the signature."""
    raw = stream.read(1 << 28)
    starts = [0]
    if raw[:4] == b"ttcf":
        starts = list(
            unpack(
                f">{min(int.from_bytes(raw[8:12], 'big'), 256)}I",
                raw[12:][: 4 * min(int.from_bytes(raw[8:12], "big"), 256)],
            )
        )
    for first in starts:
        for at in range(int.from_bytes(raw[first + 4 : first + 6], "big")):
            entry = raw[first + 12 + 16 * at :][:16]
            start, size = unpack(">II", entry[8:16])
            if entry[:4] == b"name":
                yield from _font_names(raw[start : start + size])
            elif entry[:4] in {b"PfEd", b"meta", b"FFTM", b"DSIG"}:
                yield Tag("metadata-font-table", personal=entry[:4] == b"PfEd")


def _font_names(table: bytes) -> Iterator[Tag]:
    count, texts = unpack(">HH", table[2:6])
    for at in range(count):
        platform, _, _, number, size, place = unpack(">6H", table[6 + 12 * at :][:12])
        raw = table[texts + place : texts + place + size]
        if number in _FONT_NAMES and raw.strip(b"\0 "):
            said = _FONT_NAMES[number]
            text = raw.decode("latin-1" if platform == 1 else "utf-16-be", "replace")
            yield Tag(f"metadata-font-{said}", personal=said not in _FONT_NOTES, text=text)


def postscript(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the remarks that say for whom and with what a page was made (DSC 3.0)."""
    raw = stream.read(1 << 20)
    for match in re.finditer(rb"(?m)^%%(For|Author|Copyright|Title|Routing|Creator):[ \t]*(\(?[^()\s][^\r\n]*)", raw):
        known = match[1] == b"Creator"
        yield Tag("metadata-software" if known else "metadata-postscript", personal=not known)
