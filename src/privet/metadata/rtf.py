"""RTF files with nothing but content.

Invariants:

- Properties, histories, comments, embedded objects, hidden and deleted text are left out; pictures are cleaned by the job or left out.
- A paragraph counts as one text, however its letters are coded and styled; what is not edited is the same to the byte.
- What stands behind the last brace is left out.
"""

from __future__ import annotations

import binascii
import codecs
import re
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.edits import across
from privet.metadata.job import CannotClean, Job
from privet.metadata.rtf_words import (
    APART,
    CHARSETS,
    DROPPED,
    ENDS,
    HISTORY,
    KEPT,
    MARKS,
    OWN_FIELD,
    PICTURES,
    SYMBOLS,
    TOKEN,
)

_MAX_BYTES: Final = 256 << 20
_MAX_DEPTH: Final = 2000
_UNDELIMITED: Final = re.compile(rb"\\[A-Za-z]+-?[0-9]*\Z")
_NO_TEXT: Final = frozenset(
    ("fonttbl", "colortbl", "listtable", "listoverridetable", "sn", "leveltext", "levelnumbers")
)


@dataclass(slots=True)
class _Group:
    """What holds inside one pair of braces."""

    start: int = 0
    """where its brace stands in the output"""
    is_dropped: bool = False
    is_silent: bool = False
    """text in it is neither kept nor looked at: hidden, deleted, or the result of a field that names the author"""
    is_hidden: bool = False
    is_deleted: bool = False
    is_table: bool = False
    """what it holds is read by machines: names of fonts, levels of lists"""
    is_starred: bool = False
    is_new: bool = True
    """nothing but its destination has been read"""
    destination: str = ""
    fallback: int = 1
    """characters that stand for one of Unicode"""
    codec: str = "cp1252"
    paragraph: list[tuple[int, str]] = field(default_factory=list)
    """pieces of the text so far: where in the output, and the text"""
    picture: bytearray | None = None
    picture_kind: str = ""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an RTF file with nothing but content.

    Raises:
        CannotClean: not RTF, truncated, or larger than the limits.

    """
    content = source.read(min(_MAX_BYTES, job.limits.max_file_bytes) + 1)
    if len(content) > min(_MAX_BYTES, job.limits.max_file_bytes):
        raise CannotClean("too large: split the file")
    if not content.lstrip().startswith(b"{\\rtf"):
        raise CannotClean("not an RTF file")
    reading = _Reading(content, job)
    reading.read()
    target.write(reading.rewritten())


class _Reading:
    """A file while it is read: what is written so far, and the texts in it."""

    def __init__(self, content: bytes, job: Job) -> None:
        self._content = content
        self._job = job
        self._out: list[bytes] = []
        self._groups: list[_Group] = []
        self._texts: list[list[tuple[int, str]]] = []
        self._fallbacks: dict[int, int] = {}
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._codec = "cp1252"
        self._skip = 0
        self._raw = bytearray()
        self._bytes = bytearray()
        self._letters: list[str] = []

    def read(self) -> None:
        """Read all of the file."""
        place = 0
        size = len(self._content)
        while place < size:
            token = TOKEN.match(self._content, place)
            if token is None:
                # A backslash before what means nothing.
                place += 1
                continue
            place = token.end()
            kind = token.lastgroup
            if kind == "open":
                self._open()
            elif not self._groups:
                continue
            elif kind == "close":
                self._close()
                if not self._groups:
                    return
            elif kind in ("word", "value"):
                value = token["value"]
                number = None if value is None else int(value)
                if token["word"] == b"bin":
                    place = self._binary(place, max(0, number or 0))
                else:
                    self._word(token[0], token["word"].decode("ascii"), number)
            else:
                self._characters(token)
        raise CannotClean("truncated: a brace is not closed")

    def _open(self) -> None:
        self._end_piece()
        self._skip = 0
        if len(self._groups) >= _MAX_DEPTH:
            raise CannotClean("damaged: too many braces in braces")
        outer = self._groups[-1] if self._groups else _Group()
        group = _Group(
            len(self._out), outer.is_dropped, outer.is_silent, outer.is_hidden, outer.is_deleted, outer.is_table,
            fallback=outer.fallback, codec=outer.codec, paragraph=outer.paragraph,
        )  # fmt: skip
        self._groups.append(group)
        if not group.is_dropped:
            self._out.append(b"{")

    def _close(self) -> None:
        self._end_piece()
        self._skip = 0
        group = self._groups.pop()
        if group.is_dropped:
            return
        told = len(self._job.set_aside)
        if group.picture is not None and not self._picture(group):
            self._job.dropped("picture", int(len(self._job.set_aside) == told))
            del self._out[group.start :]
            return
        if group.destination in APART or not self._groups:
            self._end_text(group)
        if group.destination == "fldinst" and self._groups:
            code = "".join(text for _place, text in group.paragraph)
            if OWN_FIELD.match(code):
                self._job.dropped("author")
                self._texts.pop()
                del self._out[group.start :]
                self._groups[-1].is_silent = True
                return
        self._out.append(b"}")

    def _binary(self, place: int, length: int) -> int:
        group = self._groups[-1]
        if group.picture is not None:
            group.picture += binascii.hexlify(self._content[place : place + length])
        return place + length

    def _picture(self, group: _Group) -> bool:
        try:
            content = binascii.unhexlify(bytes(group.picture or b""))
        except binascii.Error:
            return False
        if group.picture_kind not in PICTURES.values():
            return False
        member = self._job.member(f"image.{group.picture_kind}", content)
        if member is None or member.name.rpartition(".")[2].lower().replace("jpeg", "jpg") != group.picture_kind:
            return False
        self._out.append(b"\n" + binascii.hexlify(member.content))
        return True

    def _word(self, raw: bytes, word: str, value: int | None) -> None:
        self._end_piece()
        group = self._groups[-1]
        # A word counts as one of the characters that older readers see.
        self._skip = max(0, self._skip - 1)
        if group.is_dropped or (group.is_new and self._destination(group, word)):
            return
        group.is_new = False
        if group.picture is not None and word in PICTURES:
            group.picture_kind = PICTURES[word]
        self._state(group, word, value)
        if HISTORY.fullmatch(word):
            self._job.dropped("revision id", int("rsid" in word))
        elif word == "u" and value is not None:
            if not self._is_mute(group):
                self._raw += raw
                self._decode()
                self._letters.append(chr(value % 0x10000))
            self._skip = group.fallback
        elif word not in MARKS or not self._is_mute(group):
            self._kept_word(group, raw, word)

    def _kept_word(self, group: _Group, raw: bytes, word: str) -> None:
        self._out.append(raw)
        if word in MARKS and not group.is_table:
            group.paragraph.append((len(self._out) - 1, MARKS[word]))
        if word in ENDS:
            self._end_text(group)

    def _destination(self, group: _Group, word: str) -> bool:
        """Note what a group is for; return whether it is left out."""
        if word in DROPPED or (group.is_starred and word not in KEPT):
            what = {"info": "document properties", "annotation": "comment", "objdata": "embedded object"}.get(
                word, "other destination"
            )
            self._job.dropped(what)
            group.is_dropped = True
            del self._out[group.start :]
            return True
        group.destination = word
        if word in APART:
            group.paragraph = []
        group.is_table = group.is_table or word in _NO_TEXT
        if word == "pict":
            group.picture = bytearray()
        return False

    def _state(self, group: _Group, word: str, value: int | None) -> None:
        if word == "uc" and value is not None:
            group.fallback = max(0, min(value, 8))
        elif word == "v":
            group.is_hidden = value != 0
        elif word == "deleted":
            group.is_deleted = value != 0
        elif word == "plain":
            group.is_hidden = group.is_deleted = False
        elif word == "ansicpg" and value is not None:
            self._codec = group.codec = _codec(f"cp{value}")
        elif word in ("mac", "pc", "pca"):
            self._codec = group.codec = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]
        elif word == "f" and value is not None:
            self._font = value
            group.codec = self._fonts.get(value, self._codec)
        elif word == "fcharset" and value is not None and value in CHARSETS:
            self._fonts[self._font] = CHARSETS[value]

    def _characters(self, token: re.Match[bytes]) -> None:
        group = self._groups[-1]
        symbol = token["symbol"]
        if symbol == b"*" and group.is_new:
            group.is_starred = True
            if not group.is_dropped:
                self._out.append(token[0])
            return
        if token["line"] is not None or (not token[0].strip() and group.is_new):
            return
        group.is_new = False
        if group.is_dropped:
            return
        if group.picture is not None:
            group.picture += (token["text"] or b"").replace(b" ", b"")
        elif symbol is not None and symbol.decode("latin-1") not in SYMBOLS:
            self._end_piece()
            if symbol in b"\r\n" or symbol == b"-":
                self._out.append(b"\\par " if symbol in b"\r\n" else token[0])
            if symbol in b"\r\n":
                self._end_text(group)
        elif not self._is_mute(group):
            self._letter(token)

    def _letter(self, token: re.Match[bytes]) -> None:
        self._raw += token[0]
        if token["hex"] is not None:
            raw = bytes([int(token["hex"], 16)])
        elif token["symbol"] is not None:
            if self._skip:
                self._skip -= 1
                return
            self._decode()
            self._letters.append(SYMBOLS[token["symbol"].decode("latin-1")])
            return
        else:
            raw = token["text"]
        skipped = min(self._skip, len(raw))
        self._skip -= skipped
        self._bytes += raw[skipped:]

    def _is_mute(self, group: _Group) -> bool:
        mute = group.is_silent or group.is_hidden or group.is_deleted
        if mute:
            self._job.dropped("hidden text")
        return mute

    def _decode(self) -> None:
        if self._bytes:
            self._letters.append(self._bytes.decode(self._groups[-1].codec, "replace"))
            self._bytes.clear()

    def _end_piece(self) -> None:
        if not self._raw:
            return
        self._decode()
        text = "".join(self._letters).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        group = self._groups[-1]
        self._out.append(self._delimiter() + bytes(self._raw))
        if not group.is_table:
            group.paragraph.append((len(self._out) - 1, text))
            self._fallbacks[len(self._out) - 1] = group.fallback
        self._raw.clear()
        self._letters.clear()

    def _delimiter(self) -> bytes:
        """Return what keeps letters apart from the word before them: what stood between may be gone."""
        first = bytes(self._raw[:1])
        fuses = first.isalnum() or first in (b" ", b"-")
        return b" " if fuses and self._out and _UNDELIMITED.search(self._out[-1][-48:]) else b""

    def _end_text(self, group: _Group) -> None:
        if group.paragraph:
            self._texts.append(group.paragraph[:])
            # Groups within the paragraph share the list.
            if group.destination != "fldinst":
                group.paragraph.clear()

    def rewritten(self) -> bytes:
        """Return the file with its texts rewritten."""
        wholes = ["".join(text for _place, text in pieces) for pieces in self._texts]
        for pieces, edits in zip(self._texts, self._job.edits(wholes, "body"), strict=True):
            if not edits:
                continue
            old = [text for _place, text in pieces]
            for (place, before), after in zip(pieces, across(old, edits), strict=True):
                if before != after:
                    start = b" " if place and _UNDELIMITED.search(self._out[place - 1][-48:]) else b""
                    self._out[place] = start + _coded(after, self._fallbacks.get(place, 1))
        return b"".join(self._out)


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"


def _coded(text: str, fallback: int) -> bytes:
    out: list[str] = []
    for letter in text:
        if letter in "\\{}":
            out.append("\\" + letter)
        elif letter in "\t\n":
            out.append("\\tab " if letter == "\t" else "\\line ")
        elif " " <= letter <= "~":
            out.append(letter)
        else:
            units = letter.encode("utf-16-le")
            codes = [int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2)]
            # A number ends before a blank or any mark; without fallback characters the blank is needed.
            out += [f"\\u{code}" + ("?" * fallback or " ") for code in codes]
    return "".join(out).encode("ascii")
