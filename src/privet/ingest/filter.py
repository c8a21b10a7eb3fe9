"""A file on standard input, clean on standard output.

Invariants:

- Text and JSON lines are streamed: what is written never waits for the end of what is read, and memory does not grow.
- Anything else is read whole, up to the policy's limit, and comes out clean or not at all.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from typing import BinaryIO, Final

from privet.detect.engine import TierName
from privet.errors import Unprotected
from privet.ingest import jsonl
from privet.ingest.cleaning import Cleaning
from privet.ingest.dialect import dialect_of, is_blank, is_header, rows_of
from privet.ingest.formats import EDGE_BYTES
from privet.ingest.guarding import guarded, in_memory
from privet.ingest.record_file import Unit
from privet.ingest.texts import Texts
from privet.metadata.job import CannotClean
from privet.metadata.sniff import recognise
from privet.policy import Policy

_CHUNK_BYTES: Final = 1 << 20
_TEXTS: Final = frozenset(("text", "markdown"))
_NAMES: Final = {"csv": "table.csv"}
"""Names for what is told from other texts by its name alone."""
_COMPARED_ROWS: Final = 50


def filtered(source: BinaryIO, target: BinaryIO, policy: Policy, tier: TierName, key: bytes | None) -> Counter[str]:
    """Write what is read, clean; return the kinds that were found.

    Raises:
        Unprotected: it cannot be cleaned. Of a stream what came before may have been written, clean.
        BadInput: a transform needs a key and there is none.

    """
    texts = Texts(policy, tier, key)
    cleaning = Cleaning(policy, texts, key)
    head, form = _begin(source)
    try:
        with guarded():
            if form in _TEXTS and _is_utf8(head):
                _text(head, source, target, texts)
            elif form == "jsonl":
                _lines(head, source, target, cleaning)
            else:
                _whole(head, source, target, cleaning, _NAMES.get(form, ""))
    except CannotClean as error:
        raise Unprotected(f"the input cannot be cleaned: {error.reason}", hint="nothing more was written") from error
    found: Counter[str] = Counter()
    for kinds in texts.taken().values():
        found.update(kinds)
    return found


def _begin(source: BinaryIO) -> tuple[bytes, str]:
    """Return what comes first and what it is, waiting for no more than it takes to know that."""
    read = getattr(source, "read1", source.read)
    head = b""
    while True:
        more: bytes = read(EDGE_BYTES - len(head)) if len(head) < EDGE_BYTES else b""
        is_whole = not more and len(head) < EDGE_BYTES
        head += more
        # Where more is to come, a document that is cut off here is no damaged one.
        form = recognise(head, head, "", len(head) + (not is_whole)) if head else "text"
        if not more or (b"\n" in head and not _is_open(form, head)):
            return head, "csv" if form == "text" and _is_table(head, 2) else form


def _is_open(form: str, head: bytes) -> bool:
    """Tell whether the next line decides what it is: one record is a document, or the first of JSON lines; a line, or a header."""
    if form == "json":
        return head.find(b"\n") == len(head) - 1
    return form == "text" and (head.strip() in {b"{", b"["} or (head.count(b"\n") == 1 and _is_table(head, 1)))


def _is_table(head: bytes, least: int) -> bool:
    """Tell whether a text is a table: rows of one width below names of columns. A file's name would say so; here is none."""
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    text = text[: text.rfind("\n") + 1]
    dialect = dialect_of(text)
    rows = [row for row in rows_of(dialect.fields(text), dialect.delimiter) if not is_blank(row)]
    values = [[dialect.value(field) for field, _ in row] for row in rows[:_COMPARED_ROWS]]
    widths = set(map(len, values))
    if len(values) < least or len(widths) != 1 or widths == {1}:
        return False
    return is_header(values[0], values[1:]) and _is_named(values[0])


def _is_named(header: list[str]) -> bool:
    """Tell whether all cells of a header are names: one word, or a few, and no sentence."""
    return all(re.fullmatch(r"\w+(?:[ _.-]\w+){0,3}", cell) for cell in header)


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _text(head: bytes, source: BinaryIO, target: BinaryIO, texts: Texts) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    stream = texts.stream("text")
    read = getattr(source, "read1", source.read)
    chunk, is_more = head, True
    while is_more:
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise CannotClean("it is not UTF-8 text") from error
        target.write(stream.feed(text).encode("utf-8"))
        target.flush()
        is_more = bool(chunk)
        chunk = read(EDGE_BYTES) if is_more else b""
    target.write(stream.close().encode("utf-8"))
    target.flush()


def _lines(head: bytes, source: BinaryIO, target: BinaryIO, cleaning: Cleaning) -> None:
    columns = cleaning.columns()
    read = getattr(source, "read1", source.read)
    waiting = head
    while True:
        cut = waiting.rfind(b"\n") + 1
        if cut:
            _put_lines(waiting[:cut], target, columns)
            target.flush()
            waiting = waiting[cut:]
        if len(waiting) > cleaning.limits.max_record_bytes:
            raise CannotClean("a line is longer than scrub.max_record_bytes")
        more = read(_CHUNK_BYTES)
        if not more:
            break
        waiting += more
    if waiting:
        _put_lines(waiting, target, columns)


def _put_lines(lines: bytes, target: BinaryIO, columns: object) -> None:
    with in_memory(lines) as path:
        part = io.BytesIO()
        jsonl.clean_unit(path, Unit(0, len(lines)), columns, part)  # type: ignore[arg-type]
        target.write(part.getvalue())


def _whole(head: bytes, source: BinaryIO, target: BinaryIO, cleaning: Cleaning, name: str) -> None:
    most = cleaning.limits.max_file_bytes
    content = bytearray(head)
    while len(content) <= most and (more := source.read(_CHUNK_BYTES)):
        content += more
    if len(content) > most:
        raise CannotClean("it is larger than scrub.max_file_bytes")
    clean = cleaning.whole(bytes(content), name)
    if cleaning.set_aside:
        raise CannotClean(f"of a file inside it: {cleaning.set_aside[0].reason}")
    target.write(clean)
