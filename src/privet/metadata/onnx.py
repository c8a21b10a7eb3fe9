"""ONNX models without doc strings, producer, domain, properties and training info; the network stays.

Invariants:

- Every message is cleaned by a table of its fields; a field outside the table is not written.
- Initializers and other bulk stay byte for byte and are streamed.
- Names bind the network: one that is rewritten is rewritten everywhere, to a name that no other has. Operators keep theirs.
- External data stays beside the model: a path that leaves its folder is refused.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.pieces import Pieces, Window, size_of
from privet.metadata.wire import BYTES, FIXED32, VARINT, Cleaning, Field, Schema, fields, tagged

_GRAPH_NAME: Final = b"graph"
_NAME, _VALUE, _FILE = "name", "value", "file name"


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the model with its network only."""
    size = size_of(source)
    window = Window(source, size)
    if not any(found.number == 7 and found.wire == BYTES for found in fields(window, 0, size)):
        raise CannotClean("not an ONNX model: it has no graph")
    texts = _Texts()
    # The first pass gathers all texts, so that they are looked at together; if none changes it is also the last.
    first = Job(limits=job.limits)
    out = Cleaning(window, first, _schemas(texts)).message(0, size, "model")
    if texts.settle(job):
        out = Cleaning(window, job, _schemas(texts)).message(0, size, "model")
    else:
        job.removed += first.removed
    out.write(source, target)


@dataclass(slots=True)
class _Texts:
    """The texts of a model and what they become."""

    found: dict[str, dict[bytes, bytes]] = field(default_factory=lambda: {_NAME: {}, _VALUE: {}, _FILE: {}})

    def settle(self, job: Job) -> bool:
        """Have the texts rewritten; say whether one changed."""
        for place, texts in self.found.items():
            # Bytes that are no text are texts only by the field's name.
            old = {raw: text for raw in texts if (text := _decoded(raw))}
            new = job.rewrite(list(old.values()), place)
            changed = {
                raw: text.encode() for (raw, before), text in zip(old.items(), new, strict=True) if text != before
            }
            self.found[place] = _apart(changed, set(texts)) if place == _NAME else changed
        return any(self.found.values())

    def _put(self, place: str, raw: bytes, found: Field, out: Pieces) -> None:
        new = self.found[place].setdefault(raw, raw)
        if new == raw:
            out.keep(found.start, found.end)
        else:
            out.add(tagged(found.number, new))

    def name(self, cleaning: Cleaning, found: Field, out: Pieces) -> None:
        """Append the name of a node or value."""
        if found.wire == BYTES:
            self._put(_NAME, cleaning.content(found), found, out)

    def value(self, cleaning: Cleaning, found: Field, out: Pieces) -> None:
        """Append a text in an attribute or tensor."""
        if found.wire == BYTES:
            self._put(_VALUE, cleaning.content(found), found, out)

    def external(self, cleaning: Cleaning, found: Field, out: Pieces) -> None:
        """Append one key of where a tensor's bytes lie outside the model."""
        if found.wire != BYTES:
            return
        pair = {part.number: cleaning.content(part) for part in fields(cleaning.window, found.value, found.end)
                if part.wire == BYTES}  # fmt: skip
        key, value = pair.get(1, b""), pair.get(2, b"")
        if key == b"location":
            path = _decoded(value).replace("\\", "/")
            if not path or path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
                raise CannotClean("its external data lies outside its folder: save the model with its data beside it")
            value = self.found[_FILE].setdefault(path.encode(), path.encode())
        elif key not in {b"offset", b"length"} or not value.isdigit():
            cleaning.job.dropped("external data note")
            return
        out.add(tagged(found.number, tagged(1, key) + tagged(2, value)))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _apart(changed: dict[bytes, bytes], old: set[bytes]) -> dict[bytes, bytes]:
    """Return new names with a number behind those that another has."""
    taken = old - set(changed)
    counts: dict[bytes, int] = {}
    out = {}
    for raw, name in changed.items():
        new, count = name, counts.get(name, 1)
        while new in taken or not new:
            count += 1
            new = b"%b_%d" % (name, count)
        counts[name] = count
        taken.add(new)
        out[raw] = new
    return out


def _graph_name(cleaning: Cleaning, found: Field, out: Pieces) -> None:
    """A graph has to have a name, but nothing refers to it."""
    if found.wire == BYTES:
        cleaning.job.dropped("graph name", int(cleaning.content(found) != _GRAPH_NAME))
        out.add(tagged(found.number, _GRAPH_NAME))


_DOC: Final = "doc string"
_PROPERTIES: Final = "metadata"
_FIXED: Final = {
    "model": Schema(
        keep={1: VARINT, 5: VARINT},
        inner={7: "graph", 8: "opset", 25: "function"},
        named={2: "producer", 3: "producer", 4: "domain", 6: _DOC, 14: _PROPERTIES, 20: "training info"},
    ),
    "opset": Schema(keep={1: BYTES, 2: VARINT}),
    "graph": Schema(
        inner={1: "node", 5: "tensor", 11: "typed", 12: "typed", 13: "typed", 14: "quantization", 15: "sparse"},
        rules={2: _graph_name},
        named={10: _DOC, 16: _PROPERTIES},
    ),
    "sparse": Schema(keep={3: None}, inner={1: "tensor", 2: "tensor"}),
    "segment": Schema(keep={1: VARINT, 2: VARINT}),
    "type": Schema(
        keep={6: BYTES},
        inner={1: "tensor type", 4: "holder", 5: "map", 8: "tensor type", 9: "holder", 7: "opaque"},
    ),
    "tensor type": Schema(keep={1: VARINT}, inner={2: "shape"}),
    "holder": Schema(inner={1: "type"}),
    "map": Schema(keep={1: VARINT}, inner={2: "type"}),
    "opaque": Schema(keep={1: BYTES, 2: BYTES}),
    "shape": Schema(inner={1: "dimension"}),
}


def _schemas(texts: _Texts) -> Mapping[str, Schema]:
    """Return the table of messages with rules that gather and rewrite texts."""
    name, value = texts.name, texts.value
    return {
        **_FIXED,
        "node": Schema(
            keep={4: BYTES, 7: BYTES, 8: BYTES},
            inner={5: "attribute"},
            rules={1: name, 2: name, 3: name},
            named={6: _DOC, 9: _PROPERTIES},
        ),
        "attribute": Schema(
            keep={1: BYTES, 2: FIXED32, 3: VARINT, 7: None, 8: None, 20: VARINT, 21: BYTES},
            inner={
                5: "tensor",
                6: "graph",
                10: "tensor",
                11: "graph",
                14: "type",
                15: "type",
                22: "sparse",
                23: "sparse",
            },
            rules={4: value, 9: value},
            named={13: _DOC},
        ),
        "tensor": Schema(
            keep={1: None, 2: VARINT, 4: None, 5: None, 7: None, 9: BYTES, 10: None, 11: None, 14: VARINT},
            inner={3: "segment"},
            rules={6: value, 8: name, 13: texts.external},
            named={12: _DOC, 16: _PROPERTIES},
        ),
        "typed": Schema(inner={2: "type"}, rules={1: name}, named={3: _DOC, 4: _PROPERTIES}),
        "quantization": Schema(inner={2: "pair"}, rules={1: name}),
        "pair": Schema(keep={1: BYTES}, rules={2: name}),
        "dimension": Schema(keep={1: VARINT, 3: BYTES}, rules={2: name}),
        "function": Schema(
            keep={1: BYTES, 6: BYTES, 10: BYTES, 13: BYTES},
            inner={7: "node", 9: "opset", 11: "attribute", 12: "typed"},
            rules={4: name, 5: name},
            named={8: _DOC, 14: _PROPERTIES},
        ),
    }
