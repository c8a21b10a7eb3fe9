"""Entries of a tokenizer that hold personal data: a tokenizer that was trained or extended on private texts keeps their frequent words.

Invariant: entries are counted by kind, and never shown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from privet.audit.endpoint.personal import Personal

_MOST_BYTES: Final = 1 << 28
_LEAST_CHARS: Final = 7
"""Shorter entries hold no address, number or name that would count."""
_BLANKS: Final = str.maketrans({"\u0120": " ", "\u2581": " ", "\u010a": "\n"})
_TOGETHER: Final = 200


def personal_in(entries: Iterable[str], personal: Personal) -> Counter[str]:
    """Return how many entries hold something personal, by its kind."""
    found: Counter[str] = Counter()
    able = [text for entry in dict.fromkeys(entries) if len(text := _plain(entry)) >= _LEAST_CHARS and _may_hold(text)]
    for at in range(0, len(able), _TOGETHER):
        part = able[at : at + _TOGETHER]
        # Most hold nothing: a part is looked at as a whole first, and entry by entry only where something is.
        if personal.found("\n\n".join(part)):
            for text in part:
                found.update(set(personal.found(text)))
    return found


def _plain(entry: str) -> str:
    return entry.translate(_BLANKS).removeprefix("##").removesuffix("</w>").strip()


def _may_hold(text: str) -> bool:
    """Tell whether an entry may be more than a word of a language or a rule of signs."""
    return "@" in text or sum(map(str.isdigit, text)) >= 5 or (" " in text and any(map(str.isupper, text)))


def entries_of(document: Any) -> Iterator[str]:
    """Yield the entries of a tokenizer's JSON: its vocabulary, added and special tokens, whichever file it is."""
    if isinstance(document, list):
        for each in document:
            yield from entries_of(each)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key in {
                "vocab",
                "added_tokens",
                "added_tokens_decoder",
                "additional_special_tokens",
                "extra_special_tokens",
            }:
                yield from _named(value)
            elif isinstance(value, int) and not isinstance(value, bool):
                yield key
            elif key.endswith("_token"):
                yield from _named(value)
            elif isinstance(value, dict):
                yield from entries_of(value)


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            # Unigram: a piece and how likely it is.
            yield from _named(each[0] if isinstance(each, list) and each else each)
    elif isinstance(value, dict):
        if isinstance(value.get("content"), str):
            yield value["content"]
            return
        for key, inner in value.items():
            yield from _named(inner) if isinstance(inner, dict) else (key,)


def read_json(stream: BinaryIO) -> Any:
    """Return a JSON file.

    Raises:
        ValueError: it is none, or too large.

    """
    raw = stream.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ValueError("the file is too large")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("no JSON") from error


def pieces_of(raw: bytes) -> Iterator[str]:
    """Yield the pieces of a SentencePiece model (`ModelProto.pieces`, field 1; a piece's text is its field 1).

    Raises:
        ValueError: it is none.

    """
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        if tag & 7 == 2:
            size, at = _varint(raw, at)
            if tag >> 3 == 1 and raw[at : at + 1] == b"\n":
                length, start = _varint(raw, at + 1)
                yield raw[start : start + length].decode("utf-8", "replace")
            at += size
        elif tag & 7 == 0:
            _, at = _varint(raw, at)
        elif tag & 7 in {1, 5}:
            at += 8 if tag & 7 == 1 else 4
        else:
            raise ValueError("no SentencePiece model")
    if at != len(raw):
        raise ValueError("the model ends early")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            raise ValueError("the file ends early")
        value |= (raw[at] & 127) << shift
        at += 1
        if raw[at - 1] < 128:
            return value, at
    raise ValueError("no number of protocol buffers")
