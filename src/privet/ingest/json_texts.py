"""JSON texts that are records: cleaned by columns, and written so that only what changed is written anew.

Invariants:

- A field that did not change keeps its bytes: order, spaces, escapes, digits. A text without a change is the very same bytes.
- Nothing hides behind a repeated key: what readers would take (the last value) is looked at, and only that is written.
- A value that is written anew is written as the old one was: same indentation, same spaces, ASCII when it was ASCII.

A text that is no object is a record with the one column `value`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final, NamedTuple

import msgspec

from privet.ingest.record_file import MISSING, Records, is_changed, new_names
from privet.metadata.job import CannotClean

VALUE: Final = "value"
"""The column of texts that are no objects."""
_SPACE: Final = rb"[ \t\r\n]*+"
_LEAD: Final = re.compile(_SPACE + rb"[{,]" + _SPACE)
_KEY: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"' + _SPACE + rb":" + _SPACE, re.DOTALL)
_END: Final = re.compile(_SPACE + rb"\}" + _SPACE)
_EMPTY: Final = re.compile(_SPACE + rb"\{" + _SPACE + rb"\}" + _SPACE)
_SPACED: Final = re.compile(rb'": |, "')
_SPACES: Final = b" \t\r\n"
_DELETE: Final = "\x7f"
_MAX_SHAPES: Final = 256
_MIN_CELLS: Final = 1 << 12
_MAX_SPARSENESS: Final = 8
"""A batch whose cells are more than this many times its values is cut: rows whose keys all differ would be nearly all MISSING."""

_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_value: Final = msgspec.json.Decoder().decode
_values: Final = msgspec.json.Decoder(list[Any]).decode


class BadText(Exception):
    """The text at a place of the batch is not what it should be."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


class _Shape(NamedTuple):
    """How objects with the same keys are written: what stands before each key, each key with its colon, what stands at the end."""

    leads: tuple[bytes, ...]
    keys: tuple[bytes, ...]
    end: bytes


class _Row(NamedTuple):
    """One text taken apart. `fields` are raw where the text is an object that msgspec reads; else they are decoded values."""

    fields: dict[str, Any]
    is_raw: bool
    is_object: bool
    has_repeats: bool


class JsonTexts:
    """Cleans JSON texts in batches."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._names: dict[tuple[str, ...], dict[str, str]] = {}

    def clean(self, texts: Sequence[bytes]) -> list[bytes]:
        """Return the cleaned texts; their rows are noted.

        Raises:
            BadText: one is not JSON.

        """
        try:
            fields = list(map(_fields, texts))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rows = [_row(index, text) for index, text in enumerate(texts)]
            return self._cleaned_mixed(texts, rows)
        if not fields:
            return []
        keys = tuple(fields[0])
        if all(tuple(field) == keys for field in fields):
            return self._cleaned_alike(texts, fields, keys)
        return self._cleaned_mixed(texts, [_Row(field, True, True, False) for field in fields])

    def _cleaned_alike(
        self, texts: Sequence[bytes], fields: list[dict[str, msgspec.Raw]], keys: tuple[str, ...]
    ) -> list[bytes]:
        """Clean objects that all have the same keys in the same order: the way of nearly all data, so it works by columns."""
        raws = list(zip(*(field.values() for field in fields), strict=True))
        try:
            values = {key: _column(raw) for key, raw in zip(keys, raws, strict=True)}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._cleaned_mixed(texts, [_Row(field, True, True, False) for field in fields])
        if not keys:
            return self._cleaned_mixed(texts, [_Row(field, True, True, False) for field in fields])
        cleaned = self._records.clean(values)
        names = self._names_of(keys, cleaned)
        changes: dict[int, dict[str, bytes]] = {}
        for raw, (key, old) in zip(raws, values.items(), strict=True):
            if key in names:
                new = cleaned[names[key]]
                for at in is_changed(new, old):
                    changes.setdefault(at, {})[key] = written(new[at], bytes(raw[at]))
                for at in _with_repeats(raw, old):
                    changes.setdefault(at, {}).setdefault(key, written(old[at], bytes(raw[at])))
        is_same = len(names) == len(keys) and all(old == new for old, new in names.items())
        out = self._written_alike(texts, fields, keys, names, changes, is_same=is_same)
        self._records.add(cleaned, [text.rstrip() for text in out])
        return out

    def _written_alike(
        self,
        texts: Sequence[bytes],
        fields: list[dict[str, msgspec.Raw]],
        keys: tuple[str, ...],
        names: dict[str, str],
        changes: dict[int, dict[str, bytes]],
        *,
        is_same: bool,
    ) -> list[bytes]:
        buffer: list[Any] = [b""] * (2 * len(keys) + 1)
        shape = self._shapes.get(keys)
        if shape is not None:
            buffer[::2] = _separators(shape)
        out: list[bytes] = []
        places = {key: 2 * at + 1 for at, key in enumerate(keys)}
        for at, (text, field) in enumerate(zip(texts, fields, strict=True)):
            buffer[1::2] = field.values()
            if shape is None or b"".join(buffer) != text:
                found = _shape(text, field)
                if found is None:
                    out.append(_joined(_compact(keys), field, names, changes.get(at, {})))
                    continue
                shape = self._known(keys, found)
                buffer[::2] = _separators(shape)
            change = changes.get(at)
            if is_same and change is None:
                out.append(text)
            elif is_same and change is not None:
                for key, value in change.items():
                    buffer[places[key]] = value
                out.append(b"".join(buffer))
            else:
                out.append(_joined(shape, field, names, change or {}))
        return out

    def _known(self, keys: tuple[str, ...], shape: _Shape) -> _Shape:
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
        self._shapes[keys] = shape
        return shape

    def _names_of(self, keys: tuple[str, ...], cleaned: dict[str, list[Any]]) -> dict[str, str]:
        """Return the new names of the columns that are kept."""
        names = self._names.get(keys)
        if names is None:
            if len(self._names) >= _MAX_SHAPES:
                self._names.clear()
            names = self._names[keys] = new_names(self._records, keys)
        if list(names.values()) != list(cleaned):
            raise CannotClean("columns cannot be told apart")
        return names

    def _cleaned_mixed(self, texts: Sequence[bytes], rows: list[_Row]) -> list[bytes]:
        """Clean texts of any kind. Batches are cut so that the columns of all rows together stay few."""
        out: list[bytes] = []
        start = 0
        filled = 0
        columns: dict[str, None] = {}
        for at, row in enumerate(rows):
            more = [key for key in row.fields if key not in columns]
            cells = (len(columns) + len(more)) * (at + 1 - start)
            if cells > _MIN_CELLS and cells > _MAX_SPARSENESS * (filled + len(row.fields)) and at > start:
                out += self._cleaned_batch(texts[start:at], rows[start:at], tuple(columns), start)
                start, filled, columns, more = at, 0, {}, list(row.fields)
            columns.update(dict.fromkeys(more))
            filled += len(row.fields)
        return out + self._cleaned_batch(texts[start:], rows[start:], tuple(columns), start)

    def _cleaned_batch(
        self, texts: Sequence[bytes], rows: list[_Row], columns: tuple[str, ...], start: int
    ) -> list[bytes]:
        decoded = [_decoded(start + at, row) for at, row in enumerate(rows)]
        values = {name: [fields.get(name, MISSING) for fields in decoded] for name in columns}
        cleaned = self._records.clean(values)
        names = self._names_of(columns, cleaned)
        out: list[bytes] = []
        for at, (text, row, old) in enumerate(zip(texts, rows, decoded, strict=True)):
            new = {key: cleaned[names[key]][at] for key in old if key in names}
            out.append(_rewritten(text, row, old, new, names))
        # Rows without a field are rows.
        self._records.add(cleaned or {VALUE: [MISSING] * len(rows)}, [text.rstrip() for text in out])
        return out


_CONTAINERS: Final = frozenset((dict, list))


def _column(raws: Sequence[msgspec.Raw]) -> list[Any]:
    """Return the values of a column. One call for all of them is several times faster than one for each."""
    values = _values(b"[%b]" % b",".join(raws))
    if len(values) != len(raws):  # cannot be: each is one value
        raise BadText(0, "not JSON")
    return values


def _row(index: int, text: bytes) -> _Row:
    try:
        return _Row(_fields(text), True, True, False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    value, has_repeats = _loosely_decoded(index, text)
    if isinstance(value, dict):
        return _Row(value, False, True, has_repeats)
    return _Row({VALUE: value}, False, False, has_repeats)


def _loosely_decoded(index: int, text: bytes) -> tuple[Any, bool]:
    """Return a value that msgspec does not read: NaN, lone surrogates, control characters, numbers out of range; and no objects.

    Lone surrogates, which are no text, are read as U+FFFD.
    """
    has_repeats = False

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_repeats
        found = {_text(key): value for key, value in pairs}
        has_repeats = has_repeats or len(found) != len(pairs)
        return found

    try:
        value = json.loads(text.decode(), object_pairs_hook=object_of, strict=False)
    except UnicodeDecodeError as error:
        raise BadText(index, "not UTF-8") from error
    except RecursionError as error:
        raise BadText(index, "nested too deeply") from error
    except ValueError as error:
        raise BadText(index, "not JSON") from error
    return _with_text(value), has_repeats


def _with_text(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_with_text(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_text(item) for key, item in value.items()}
    return value


def _text(text: str) -> str:
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _decoded(index: int, row: _Row) -> dict[str, Any]:
    if not row.is_raw:
        return row.fields
    out: dict[str, Any] = {}
    for key, raw in row.fields.items():
        try:
            out[key] = _value(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            out[key] = _loosely_decoded(index, bytes(raw))[0]
    return out


def _rewritten(text: bytes, row: _Row, old: dict[str, Any], new: dict[str, Any], names: dict[str, str]) -> bytes:
    is_same = len(new) == len(old) and all(names[key] == key for key in new)
    if row.is_raw:
        changes = {
            key: written(value, bytes(row.fields[key]))
            for key, value in new.items()
            if value is not old[key] or repeats_a_key(row.fields[key], value)
        }
        shape = _shape(text, row.fields)
        if shape is not None and is_same and not changes:
            return text
        return _joined(shape or _compact(tuple(row.fields)), row.fields, names, changes)
    if is_same and not row.has_repeats and all(value is old[key] for key, value in new.items()):
        return text
    if not row.is_object:
        return written(new.get(VALUE), text)
    return written({names[key]: value for key, value in new.items()}, text)


def _shape(text: bytes, fields: dict[str, msgspec.Raw]) -> _Shape | None:
    """Return how an object is written, or None where a key comes twice: then the text is not its fields in order."""
    leads: list[bytes] = []
    keys: list[bytes] = []
    at = 0
    for key, raw in fields.items():
        lead = _LEAD.match(text, at)
        name = _KEY.match(text, lead.end()) if lead else None
        if lead is None or name is None or json.loads(name[0][: name[0].rindex(b'"') + 1]) != key:
            return None
        if not text.startswith(bytes(raw), name.end()):
            return None
        leads.append(lead[0])
        keys.append(name[0])
        at = name.end() + len(memoryview(raw))
    end = (_END if fields else _EMPTY).fullmatch(text, at)
    return _Shape(tuple(leads), tuple(keys), end[0]) if end else None


def _compact(keys: Sequence[str]) -> _Shape:
    leads = (b"{", *(b"," for _ in keys[1:]))
    return _Shape(leads[: len(keys)], tuple(msgspec.json.encode(key) + b":" for key in keys), b"}" if keys else b"{}")


def _separators(shape: _Shape) -> Iterator[bytes]:
    yield from map(bytes.__add__, shape.leads, shape.keys)
    yield shape.end


def _joined(shape: _Shape, fields: dict[str, Any], names: dict[str, str], changes: dict[str, bytes]) -> bytes:
    """Return an object with its changed fields written anew and without the columns that are not in `names`."""
    leads = iter(shape.leads)
    pieces: list[Any] = []
    for (key, raw), written_key in zip(fields.items(), shape.keys, strict=True):
        name = names.get(key)
        if name is None:
            continue
        if name != key:
            end = written_key.rindex(b'"') + 1
            written_key = written(name, written_key[:end]) + written_key[end:]  # noqa: PLW2901 - the renamed key
        pieces += (next(leads), written_key, changes.get(key, raw))
    if not pieces:
        return b"{}" + shape.end[shape.end.rindex(b"}") + 1 :]
    return b"".join((*pieces, shape.end))


def _with_repeats(raws: Sequence[msgspec.Raw], values: list[Any]) -> list[int]:
    """Return which values of a column hold an object with a repeated key; the whole column is looked at in one go, as most have none."""
    if not any(map(_CONTAINERS.__contains__, map(type, values))):
        return []
    if _is_same_but_for_space(b"[%b]" % b",".join(raws), values):
        return []
    return [at for at, (raw, value) in enumerate(zip(raws, values, strict=True)) if repeats_a_key(raw, value)]


def _is_same_but_for_space(text: bytes, value: Any) -> bool:
    """Whether a text is its own value written again. Then it has the same keys: a space more or less, even in a string, makes no key."""
    again = msgspec.json.encode(value)
    return text == again or text.translate(None, _SPACES) == again.translate(None, _SPACES)


def repeats_a_key(raw: msgspec.Raw | bytes, value: Any) -> bool:
    """Whether an object inside a value has a key twice.

    Each key stands before a colon, and a colon outside of texts behind a quote or a space: counting them is enough for most values.
    """
    text = bytes(raw)
    if not isinstance(value, (dict, list)) or _is_same_but_for_space(text, value):
        return False
    keys = _count_keys(value)
    if text.count(b":") == keys or sum(map(text.count, (b'":', b" :", b"\t:", b"\r:", b"\n:"))) == keys:
        return False
    return _loosely_decoded(0, text)[1]


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_keys(item) for item in value.values() if isinstance(item, (dict, list)))
    return sum(_count_keys(item) for item in value if isinstance(item, (dict, list)))


def written(value: Any, old: bytes) -> bytes:
    r"""Return a value as JSON, written as the old one was.

    >>> written({"a": [1, 2]}, b'{"b": 1}')
    b'{"a": [1, 2]}'
    >>> written("é", b'"e"')
    b'"\\u00e9"'
    """
    is_ascii = old.isascii()
    tail = old[len(old.rstrip(_SPACES)) :]
    if type(value) is str:
        return _text_written(value, is_ascii=is_ascii) + tail
    if isinstance(value, (dict, list)):
        lines = old.strip().split(b"\n")
        if len(lines) > 1:
            base = _indent(lines[-1])
            step = _indent(lines[1])[len(base) :]
            text = json.dumps(value, ensure_ascii=is_ascii, indent=step).replace("\n", "\n" + base)
        else:
            separators = (", ", ": ") if _SPACED.search(old) else (",", ":")
            text = json.dumps(value, ensure_ascii=is_ascii, separators=separators)
        return text.encode() + tail
    return json.dumps(value, ensure_ascii=is_ascii).encode() + tail


def _text_written(value: str, *, is_ascii: bool) -> bytes:
    """Return a text as `json.dumps` writes it. msgspec does so ten times faster, but leaves DEL and what is beyond ASCII as they are."""
    if not is_ascii or (value.isascii() and _DELETE not in value):
        try:
            return msgspec.json.encode(value)
        except UnicodeEncodeError:  # half of a pair of surrogates: below, as `json` has it
            pass
    return (encode_basestring_ascii if is_ascii else encode_basestring)(value).encode()


def _indent(line: bytes) -> str:
    return line[: len(line) - len(line.lstrip(b" \t"))].decode()
