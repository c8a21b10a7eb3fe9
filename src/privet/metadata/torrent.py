"""Torrents: what is shared and where it is asked for, and nothing of who made the file, when and with what.

Invariants:

- what is shared (`info`) comes out bit for bit, as its digest is its name; where a file's name would have to give way the torrent is
  refused
- addresses of trackers are texts; comments, dates, programs and unknown keys are left out

Source: BEP 3, BEP 5, BEP 12, BEP 19.
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

_ADDRESSES: Final = (b"announce", b"announce-list", b"url-list", b"httpseeds")
_NAMES: Final = {b"comment": "comment", b"creation date": "date", b"created by": "software", b"publisher": "author"}
_LENGTH: Final = re.compile(rb"(\d{1,9}):")
_NUMBER: Final = re.compile(rb"i(-?\d{1,20})e")
_MAX_BYTES: Final = 64 * MIB
_MAX_DEPTH: Final = 40


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the torrent.

    Raises:
        CannotClean: no torrent, damaged, cut off, or sharing a file whose name would have to give way.

    """
    if size_of(source) > min(_MAX_BYTES, job.limits.max_file_bytes):
        raise CannotClean("too large: a torrent over the limit")
    reader = _Reader(source.read())
    fields = reader.fields()
    if b"info" not in fields:
        raise CannotClean("not a torrent, or without what is shared")
    if reader.at < len(reader.data):
        job.dropped("trailing bytes")
    _check(reader.data[slice(*fields[b"info"])], job)
    kept: dict[bytes, bytes] = {b"info": reader.data[slice(*fields[b"info"])]}
    for name, (start, end) in fields.items():
        if name in _ADDRESSES:
            kept[name] = _addresses(reader.data[start:end], job)
        elif name == b"encoding" and reader.data[start:end] in (b"5:UTF-8", b"5:utf-8"):
            kept[name] = reader.data[start:end]
        elif name != b"info":
            job.dropped(_NAMES.get(name, "key"))
    target.write(b"d" + b"".join(b"%d:%b" % (len(name), name) + kept[name] for name in sorted(kept)) + b"e")


class _Reader:
    """The values of a bencoded file, one after the other, by their places."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.texts: list[bytes] = []
        self.keys: set[bytes] = set()

    def fields(self) -> dict[bytes, tuple[int, int]]:
        """Return where the value of each key of the outermost dictionary stands."""
        if self.data[:1] != b"d":
            raise CannotClean("not a torrent, or without what is shared")
        self.at = 1
        found: dict[bytes, tuple[int, int]] = {}
        while self.data[self.at : self.at + 1] != b"e":
            name = self._text()
            start = self.at
            self.skip(0)
            found[name] = start, self.at
        self.at += 1
        return found

    def _text(self) -> bytes:
        length = _LENGTH.match(self.data, self.at)
        end = length.end() + int(length[1]) if length else -1
        if length is None or end > len(self.data):
            raise CannotClean("damaged: a value")
        self.at = end
        return self.data[length.end() : end]

    def skip(self, depth: int) -> None:
        """Pass over a value, noting its texts and keys."""
        mark = self.data[self.at : self.at + 1]
        if depth > _MAX_DEPTH:
            raise CannotClean("damaged: values nested too deep")
        if mark == b"i":
            number = _NUMBER.match(self.data, self.at)
            if number is None:
                raise CannotClean("damaged: a value")
            self.at = number.end()
        elif mark in (b"l", b"d"):
            self.at += 1
            while self.data[self.at : self.at + 1] != b"e":
                if mark == b"d":
                    self.keys.add(self._text())
                self.skip(depth + 1)
            self.at += 1
        else:
            self.texts.append(self._text())


def _check(info: bytes, job: Job) -> None:
    """Refuse what is shared where something in it would have to go, as its digest is how others know it."""
    reader = _Reader(info)
    reader.skip(0)
    names = [text.decode("utf-8", "replace") for text in (*reader.texts, *sorted(reader.keys)) if _is_text(text)]
    if job.rewrite(names, "file name") != names:
        raise CannotClean("the name of a shared file would have to give way, which makes another torrent of it")


def _is_text(value: bytes) -> bool:
    try:
        return value.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _addresses(raw: bytes, job: Job) -> bytes:
    """Return addresses, or lists of them, without identifiers."""
    out = bytearray()
    at = 0
    texts = _Reader(raw)
    texts.skip(0)
    new = iter(job.rewrite([text.decode("utf-8", "replace") for text in texts.texts], "address"))
    while at < len(raw):
        length = _LENGTH.match(raw, at)
        if length is None:
            out += raw[at : at + 1]
            at += 1
            continue
        text = next(new).encode()
        out += b"%d:%b" % (len(text), text)
        at = length.end() + int(length[1])
    return bytes(out)
