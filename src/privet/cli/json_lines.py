"""JSON lines in, JSON lines out: one field is looked at, all others are passed on byte for byte."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple, TypeVar

import msgspec

from privet.cli.progress import Progress
from privet.detect.engine import Detector
from privet.errors import BadInput
from privet.records import Span

Result = TypeVar("Result")

_SPANS: Final = "spans"


class _Record(NamedTuple):
    """One line: its fields as they were written, and the text of the one that is looked at."""

    fields: dict[str, msgspec.Raw]
    text: str


class JsonLines:
    """One JSON object a line, `field` holds the text. Order is kept.

    Both methods write the lines before a bad one, and then raise `BadInput`, which names it.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO, field: str) -> None:
        self._source = source
        self._sink = sink
        self._field = field
        self._error: BadInput | None = None

    def add_spans(self, detector: Detector, kinds: frozenset[str] | None, progress: Progress) -> bool:
        """Write each line with its spans in the field `spans`; tell whether there are any."""

        def put(record: _Record, found: tuple[Span, ...]) -> int:
            spans = [span._asdict() for span in found if kinds is None or span.kind in kinds]
            record.fields[_SPANS] = _raw(spans)
            return len(spans)

        return self._run(detector.find_all, put, progress)

    def rewrite(self, rewritten: Callable[[Iterable[str]], Iterator[str]], progress: Progress) -> bool:
        """Write each line with another text in its field; tell whether any differs."""

        def put(record: _Record, text: str) -> int:
            if text != record.text:
                record.fields[self._field] = _raw(text)
            return int(text != record.text)

        return self._run(rewritten, put, progress)

    def _run(
        self,
        process: Callable[[Iterable[str]], Iterator[Result]],
        put: Callable[[_Record, Result], int],
        progress: Progress,
    ) -> bool:
        waiting: deque[_Record] = deque()
        for result in process(self._texts(waiting, progress)):
            record = waiting.popleft()
            progress.found = (progress.found or 0) + put(record, result)
            with progress.aside():
                self._sink.write(msgspec.json.encode(record.fields) + b"\n")
        self._sink.flush()
        if self._error is not None:
            raise self._error
        return bool(progress.found)

    def _texts(self, waiting: deque[_Record], progress: Progress) -> Iterator[str]:
        """Yield the text of each line; a bad line ends it, and its error waits until the lines before it are written."""
        done = 0
        for number, line in enumerate(self._source, start=1):
            done += len(line)
            progress.step(done)
            if line.isspace():
                continue
            try:
                record = self._record(line, number)
            except BadInput as error:
                self._error = error
                return
            waiting.append(record)
            yield record.text

    def _record(self, line: bytes, number: int) -> _Record:
        try:
            fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError):
            # The error may hold a part of the line, so it is not chained.
            raise BadInput(f"line {number} is not a JSON object", hint="with --jsonl each line is one object") from None
        try:
            text = json.loads(bytes(fields[self._field]))
        except (KeyError, ValueError, RecursionError):
            text = None
        if not isinstance(text, str):
            raise BadInput(f"line {number} has no text in the field that is looked at", hint="name it with --field")
        if _SPANS in fields and self._field != _SPANS:
            raise BadInput(f"line {number} has a field {_SPANS} already", hint="rename it first")
        return _Record(fields, text)


def _raw(value: object) -> msgspec.Raw:
    try:
        return msgspec.Raw(json.dumps(value, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8.
        return msgspec.Raw(json.dumps(value).encode())
