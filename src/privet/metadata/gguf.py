"""GGUF models with the keys a reader needs, and the tensors; who made it, where and from what is left out.

Invariants:

- A key is written only if it names the shape of the model or its tokenizer; a key that holds an identifier goes with its value.
- The words of a vocabulary stay byte for byte, addresses and numbers in it get other names (`vocabulary`); every other text that stays is
  rewritten.
- Tensors stay byte for byte and in order, padded with zeros; what lies between or behind them is not written.
- Versions 2 and 3, little and big endian.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from privet.metadata import vocabulary
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.pieces import Pieces, Window, size_of
from privet.metadata.safetensors import distinct

_STRING, _ARRAY = 8, 9
_WIDTHS: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_NUMBERS: Final = frozenset(_WIDTHS)
_GENERAL: Final = frozenset(
    f"general.{name}"
    for name in ("architecture", "quantization_version", "file_type", "alignment", "type", "basename", "size_label")
)
_LICENSE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,39}")
_VOCABULARY: Final = re.compile(r"tokenizer\.(?:ggml\.(?:tokens|merges)|huggingface\.json|rwkv\.world)")
_TOKENS, _MERGES, _TOKENIZER_JSON = "tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.huggingface.json"
_TOKENIZER: Final = re.compile(r"tokenizer\.(?:ggml\.[a-z0-9_]{1,60}|chat_templates?(?:\.[a-z0-9_]{1,40})?)")
_SHAPE: Final = re.compile(r"[a-z0-9_.-]{1,120}")
_OTHER: Final = frozenset({"split.no", "split.count", "split.tensors.count", "adapter.type", "adapter.lora.alpha"})
# ggml type → (weights in a block, bytes of a block): ggml-common.h, ggml.c `type_traits`
_BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2),
    26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
_KEYS_MAX: Final = 65_536
_TENSORS_MAX: Final = 1_000_000


class _Entry(NamedTuple):
    key: str
    kind: int
    items: int
    """the type of an array's items, else the type itself"""
    value: int
    end: int


class _Tensor(NamedTuple):
    name: str
    dims: tuple[int, ...]
    kind: int
    offset: int
    size: int


@dataclass(slots=True)
class _Reader:
    window: Window
    order: str
    place: int = 4
    longest: int = 64 * MIB

    def number(self, code: str, width: int) -> int:
        found: int = struct.unpack(self.order + code, self.window.at(self.place, width))[0]
        self.place += width
        return found

    def text(self) -> str:
        length = self.number("Q", 8)
        if length > self.longest:
            raise CannotClean("a text is too long")
        raw = self.window.at(self.place, length)
        self.place += length
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CannotClean("damaged: a text is not UTF-8") from error

    def skip(self, count: int) -> None:
        self.place += count
        if self.place > self.window.size:
            raise CannotClean("truncated: a length points past the end of the file")

    def entry(self) -> _Entry:
        key = self.text()
        kind = items = self.number("I", 4)
        value = self.place
        count = 1
        if kind == _ARRAY:
            items, count = self.number("I", 4), self.number("Q", 8)
        if items in _NUMBERS:
            self.skip(_WIDTHS[items] * count)
        elif items == _STRING:
            if count > (self.window.size - self.place) // 8:
                raise CannotClean("truncated: a length points past the end of the file")
            for _ in range(count):
                self.skip(self.number("Q", 8))
        else:
            raise CannotClean("a value has an unknown type")
        return _Entry(key, kind, items, value, self.place)

    def tensor(self) -> _Tensor:
        name = self.text()
        count = self.number("I", 4)
        if count > 8:
            raise CannotClean("damaged: a tensor has too many dimensions")
        dims = tuple(self.number("Q", 8) for _ in range(count))
        kind, offset = self.number("I", 4), self.number("Q", 8)
        if kind not in _BLOCKS:
            raise CannotClean("a tensor has an unknown type")
        weights = 1
        for dim in dims:
            weights *= dim
        block, width = _BLOCKS[kind]
        if (dims[0] if dims else 1) % block:
            raise CannotClean("damaged: a tensor is not whole blocks long")
        return _Tensor(name, dims, kind, offset, weights // block * width)

    def texts(self, entry: _Entry) -> list[str]:
        """Return the texts of a value."""
        self.place = entry.value + (12 if entry.kind == _ARRAY else 0)
        out = []
        while self.place < entry.end:
            out.append(self.text())
        return out


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the model with the keys it needs and its tensors."""
    window = Window(source, size_of(source))
    reader = _opened(window, job)
    version = reader.number("I", 4)
    count, keys = reader.number("Q", 8), reader.number("Q", 8)
    if count > _TENSORS_MAX or keys > _KEYS_MAX:
        raise CannotClean("damaged: too many keys or tensors")
    entries = [reader.entry() for _ in range(keys)]
    tensors = [reader.tensor() for _ in range(count)]
    alignment = _alignment(reader, entries)
    start = -(-reader.place // alignment) * alignment
    kept = _kept(reader, entries, job)
    order = reader.order
    out = Pieces()
    out.add(b"GGUF" + struct.pack(order + "IQQ", version, count, len(kept)))
    texts = _rewritten(reader, kept, job)
    for entry in kept:
        out.add(_text(order, entry.key) + struct.pack(order + "I", entry.kind))
        if entry.key in texts:
            out.add(_value(order, entry, texts[entry.key]))
        else:
            out.keep(entry.value, entry.end)
    _add_tensors(out, tensors, start, alignment, order, window, job)
    out.write(source, target)


def _opened(window: Window, job: Job) -> _Reader:
    magic = window.some(0, 8)
    if magic[:4] != b"GGUF" or len(magic) < 8:
        raise CannotClean("not GGUF")
    for order in "<>":
        version = struct.unpack(order + "I", magic[4:])[0]
        if version in (2, 3):
            return _Reader(window, order, longest=job.limits.max_record_bytes)
    raise CannotClean("an old or unknown version of GGUF: convert it to version 3")


def _alignment(reader: _Reader, entries: list[_Entry]) -> int:
    for entry in entries:
        if entry.key == "general.alignment" and entry.kind == 4:
            place = struct.unpack(reader.order + "I", reader.window.at(entry.value, 4))[0]
            if not 1 <= place <= MIB or place & (place - 1):
                raise CannotClean("damaged: the alignment is no power of two")
            return int(place)
    return 32


def _kept(reader: _Reader, entries: list[_Entry], job: Job) -> list[_Entry]:
    place = reader.place
    architecture = next(
        (text for e in entries if e.key == "general.architecture" and e.kind == _STRING for text in reader.texts(e)), ""
    )
    prefix = architecture + "." if re.fullmatch(r"[a-z0-9_-]{1,40}", architecture) else "\0"
    kept = []
    seen = set()
    for entry, hits in zip(entries, job.edits([entry.key for entry in entries], "key"), strict=True):
        if entry.key in seen:
            raise CannotClean("damaged: a key stands twice")
        seen.add(entry.key)
        if not hits and _is_kept(reader, entry, prefix):
            kept.append(entry)
        else:
            job.dropped(entry.key if entry.key in _TOLD else "metadata")
    reader.place = place
    return kept


_TOLD: Final = frozenset(
    f"general.{name}" for name in ("name", "author", "organization", "description", "url", "license")
)


def _is_kept(reader: _Reader, entry: _Entry, prefix: str) -> bool:
    key = entry.key
    if key in _GENERAL or key in _OTHER:
        return entry.kind != _ARRAY
    if key == "general.license":
        return entry.kind == _STRING and all(_LICENSE.fullmatch(text) for text in reader.texts(entry))
    if _VOCABULARY.fullmatch(key):
        return True
    if key.startswith("general.sampling."):
        return entry.items in _NUMBERS and bool(_SHAPE.fullmatch(key))
    if key.startswith(prefix):
        return bool(_SHAPE.fullmatch(key))
    # Lists of texts are a vocabulary or the names of templates; others are of no use to a reader.
    return bool(_TOKENIZER.fullmatch(key)) and (
        entry.items != _STRING or entry.kind == _STRING or key == "tokenizer.chat_templates"
    )


def _rewritten(reader: _Reader, kept: list[_Entry], job: Job) -> dict[str, list[str]]:
    """Return the new texts of the keys in which something gave way."""
    out = {}
    for entry in kept:
        if entry.items != _STRING or _VOCABULARY.fullmatch(entry.key):
            continue
        texts = reader.texts(entry)
        new = job.rewrite(texts, "template" if "template" in entry.key else "value")
        if new != texts:
            out[entry.key] = new
    return out | _rewritten_tokens(reader, {entry.key: entry for entry in kept}, job)


def _rewritten_tokens(reader: _Reader, kept: dict[str, _Entry], job: Job) -> dict[str, list[str]]:
    """Return the tokens and merges where an identifier is among the tokens."""
    entries = (kept.get(_TOKENS), kept.get(_MERGES), kept.get(_TOKENIZER_JSON))
    tokens, merges, whole = (reader.texts(entry) if entry and entry.items == _STRING else [] for entry in entries)
    out: dict[str, list[str]] = {}
    if names := vocabulary.renamed({token: at for at, token in enumerate(tokens)}, {}, job):
        out[_TOKENS] = [names.get(token, token) for token in tokens]
        if merges:
            out[_MERGES] = [merge for merge in merges if not vocabulary.is_gone(merge, names)]
    if whole and (new := vocabulary.rewritten_json(whole[0], job)) is not None:
        out[_TOKENIZER_JSON] = [new, *whole[1:]]
    return out


def _text(order: str, text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack(order + "Q", len(raw)) + raw


def _value(order: str, entry: _Entry, texts: list[str]) -> bytes:
    head = struct.pack(order + "IQ", _STRING, len(texts)) if entry.kind == _ARRAY else b""
    return head + b"".join(_text(order, text) for text in texts)


def _add_tensors(
    out: Pieces, tensors: list[_Tensor], start: int, alignment: int, order: str, window: Window, job: Job
) -> None:
    places: dict[int, int] = {}
    bulk = Pieces()
    last = 0
    for index, tensor in sorted(enumerate(tensors), key=lambda pair: (pair[1].offset, pair[1].size)):
        if tensor.offset < last and tensor.size:
            raise CannotClean("damaged: tensors overlap")
        if tensor.offset + tensor.size > window.size - start:
            raise CannotClean("truncated: a tensor lies outside the file")
        last = max(last, tensor.offset + tensor.size)
        places[index] = bulk.length
        bulk.keep(start + tensor.offset, start + tensor.offset + tensor.size)
        bulk.add(bytes(-bulk.length % alignment))
    names = distinct(job.rewrite([tensor.name for tensor in tensors], "tensor name"))
    for index, (tensor, name) in enumerate(zip(tensors, names, strict=True)):
        out.add(_text(order, name) + struct.pack(f"{order}I{len(tensor.dims)}Q", len(tensor.dims), *tensor.dims))
        out.add(struct.pack(order + "IQ", tensor.kind, places[index]))
    out.add(bytes(-out.length % alignment))
    out.extend(bulk)
