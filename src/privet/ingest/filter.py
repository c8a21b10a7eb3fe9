"""A file on standard input, clean on standard output.

Invariants:

- Text and JSON lines are streamed: what is written never waits for the end of what is read, and memory does not grow.
- Anything else is read whole, up to the policy's limit, and comes out clean or not at all.
"""

from __future__ import annotations

import codecs
import io
from collections import Counter
from typing import BinaryIO, Final

from privet.detect.engine import TierName
from privet.errors import Unprotected
from privet.ingest import jsonl
from privet.ingest.cleaning import Cleaning, guarded, in_memory
from privet.ingest.formats import EDGE_BYTES
from privet.ingest.record_file import Unit
from privet.ingest.texts import Texts
from privet.metadata.job import CannotClean
from privet.metadata.sniff import recognise
from privet.policy import Policy

_CHUNK_BYTES: Final = 1 << 20
_TEXTS: Final = frozenset(("text", "markdown"))


def filtered(source: BinaryIO, target: BinaryIO, policy: Policy, tier: TierName, key: bytes | None) -> Counter[str]:
    """Write what is read, clean; return the kinds that were found.

    Raises:
        Unprotected: it cannot be cleaned. Of a stream what came before may have been written, clean.
        BadInput: a transform needs a key and there is none.

    """
    texts = Texts(policy, tier, key)
    cleaning = Cleaning(policy, texts, key)
    head = _some(source, EDGE_BYTES)
    form = recognise(head, head, "", len(head)) if head else "text"
    try:
        with guarded():
            if form in _TEXTS and _is_utf8(head):
                _text(head, source, target, texts)
            elif form == "jsonl":
                _lines(head, source, target, cleaning)
            else:
                _whole(head, source, target, cleaning)
    except CannotClean as error:
        raise Unprotected(f"the input cannot be cleaned: {error.reason}", hint="nothing more was written") from error
    found: Counter[str] = Counter()
    for kinds in texts.taken().values():
        found.update(kinds)
    return found


def _some(source: BinaryIO, size: int) -> bytes:
    """Return what comes first, waiting for no more than it takes to know what it is."""
    read = getattr(source, "read1", source.read)
    head: bytes = read(size)
    while head and len(head) < size and b"\n" not in head:
        more = read(size - len(head))
        if not more:
            break
        head += more
    return head


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
    chunk = head
    while chunk:
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise CannotClean("it is not UTF-8 text") from error
        target.write(stream.feed(text).encode("utf-8"))
        target.flush()
        chunk = read(EDGE_BYTES)
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


def _whole(head: bytes, source: BinaryIO, target: BinaryIO, cleaning: Cleaning) -> None:
    most = cleaning.limits.max_file_bytes
    content = head + source.read(most - len(head) + 1)
    if len(content) > most:
        raise CannotClean("it is larger than scrub.max_file_bytes")
    target.write(cleaning.whole(content))
