"""One channel of an answer (content, reasoning, tool arguments…): fed in pieces, given out protected.

Invariants, each with a property test:

- What comes out does not depend on how the text was cut into pieces, so a stream reads exactly as the whole answer would.
- Tokens of the request come back as what the caller wrote; identifiers that the caller did not write come out as labels.
- At most `SpanStream.hold_back_chars` characters are held; an abort drops them, only `close` releases them.
- In a JSON channel, what is put in is escaped (RFC 8259 section 7), so valid JSON stays valid.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from typing import Final

from privet.detect import Detector
from privet.detect.segments import SpanStream
from privet.records import Span
from privet.serve.masking import TOKEN_CHARS, Masker, kind_label

_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE_ESCAPE_CHARS: Final = 6
_VALUE_ENDS: Final = ",}]"
_NUMBER_CHARS: Final = "0123456789+-.eE"

Edit = tuple[int, int, str]
"""Start, end and replacement within a segment."""


class AnswerText:
    """Protects one channel of an answer that holds plain text."""

    __slots__ = ("_detector", "_masker", "_min_score", "_redact", "_spans")

    def __init__(
        self,
        detector: Detector,
        masker: Masker,
        *,
        redact: bool,
        min_score: float,
    ) -> None:
        self._detector = detector
        self._spans: SpanStream | None = None
        self._masker = masker
        self._redact = redact
        self._min_score = min_score

    @property
    def _stream(self) -> SpanStream:
        if self._spans is None:
            self._spans = SpanStream(self._detector)
        return self._spans

    def feed(self, text: str) -> str:
        """Take a piece of what the model said; return what is safe by now."""
        return self._render(self._stream.feed(text))

    def close(self) -> str:
        """Return what was held back, at the regular end of the answer."""
        return self._render(self._stream.close())

    def whole(self, text: str) -> str:
        """Return a complete text protected, as feeding and closing does."""
        if len(text) < SpanStream.hold_back_chars:
            # So short a text is never cut by force, and then a stream finds exactly what one look finds.
            return self._render([(text, self._detector.find(text))])
        return self.feed(text) + self.close()

    def _render(self, segments: Iterable[tuple[str, tuple[Span, ...]]]) -> str:
        out = []
        for text, spans in segments:
            if spans or "_" in text:
                out.append(_apply(text, self._edits(text, spans)))
            else:
                out.append(text)
        return "".join(out)

    def _edits(self, text: str, spans: tuple[Span, ...]) -> list[Edit]:
        """Return the replacements for a segment, in order and without overlap; a token wins over a span."""
        edits: list[Edit] = []
        masker = self._masker
        if masker.values and "_" in text:
            for found in TOKEN_CHARS.finditer(text):
                written = found[0]
                value = masker.restore(written)
                if value is not None:
                    start, end = found.span()
                    if written[0] != "[" and written[-1] == "]":
                        end -= 1
                    elif written[0] == "[" and written[-1] != "]":
                        start += 1
                    edits.append((start, end, value))
        if not self._redact:
            return edits
        tokens = len(edits)
        for span in spans:
            if span.score < self._min_score or masker.gave(text[span.start : span.end]):
                continue
            if any(span.start < end and start < span.end for start, end, _ in edits[:tokens]):
                edits += self._around(span, edits[:tokens])
            else:
                edits.append((span.start, span.end, kind_label(span.kind)))
            masker.note_redacted(span.kind)
        edits.sort()
        return edits

    @staticmethod
    def _around(span: Span, tokens: list[Edit]) -> list[Edit]:
        """Cover what a span holds beside the tokens inside it."""
        at = span.start
        edits: list[Edit] = []
        for start, end, _ in [*tokens, (span.end, span.end, "")]:
            if at < start <= span.end:
                edits.append((at, start, kind_label(span.kind)))
            if start < span.end and end > at:
                at = end
        return [edit for edit in edits if edit[1] <= span.end]


class AnswerJson(AnswerText):
    r"""Protects a channel that holds JSON: tool arguments, and content in JSON mode.

    Detection reads what the JSON says (`jane\u0040example.com` is an address); what is not touched leaves exactly as it was written.
    """

    __slots__ = ("_inside", "_marks", "_pending")

    def __init__(
        self,
        detector: Detector,
        masker: Masker,
        *,
        redact: bool,
        min_score: float,
    ) -> None:
        super().__init__(detector, masker, redact=redact, min_score=min_score)
        self._inside = False
        self._pending = ""
        # For every character fed to detection and not yet released: how it was written, and whether it stands in a string.
        self._marks: deque[tuple[str, bool]] = deque()

    def feed(self, text: str) -> str:
        """Take a piece of JSON text; return what is safe by now."""
        *values, rest = self._decode(text)
        segments = []
        for value in values:
            segments += self._stream.feed(value)
            segments += self._stream.close()
        return self._render([*segments, *self._stream.feed(rest)])

    def close(self) -> str:
        """Return what was held back; an escape that never ended comes out as it was written."""
        tail = self._pending
        self._pending = ""
        self._marks.extend((char, self._inside) for char in tail)
        return self._render([*self._stream.feed(tail), *self._stream.close()])

    def whole(self, text: str) -> str:
        """Return complete JSON protected."""
        return self.feed(text) + self.close()

    def _decode(self, text: str) -> list[str]:
        """Return what the text says, cut behind each value: no identifier crosses from one JSON value into the next.

        Without that, JSON without white space would be held until its end.
        """
        values = []
        said: list[str] = []
        marks = self._marks
        pending = self._pending
        for char in text:
            if pending:
                pending += char
                if len(pending) == 2 and char != "u":
                    said.append(_ESCAPES.get(char, char))
                elif len(pending) == _UNICODE_ESCAPE_CHARS:
                    said.append(_unicode_escape(pending))
                else:
                    continue
                marks.append((pending, self._inside))
                pending = ""
            elif char == "\\" and self._inside:
                pending = char
            else:
                if char == '"':
                    self._inside = not self._inside
                    marks.append((char, False))
                else:
                    marks.append((char, self._inside))
                said.append(char)
                if char in _VALUE_ENDS and not self._inside:
                    values.append("".join(said))
                    said = []
        self._pending = pending
        return [*values, "".join(said)]

    def _render(self, segments: Iterable[tuple[str, tuple[Span, ...]]]) -> str:
        out: list[str] = []
        for text, spans in segments:
            marks = [self._marks.popleft() for _ in text]
            edits = self._edits(text, spans) if spans or "_" in text else []
            at = 0
            for edit_start, edit_end, value in edits:
                if edit_end <= at:
                    continue
                start, end = _whole_number(marks, edit_start, edit_end)
                out += (mark[0] for mark in marks[at:start])
                out += _written(value, marks[start:end])
                at = end
            out += (mark[0] for mark in marks[at:])
        return "".join(out)


def _apply(text: str, edits: list[Edit]) -> str:
    out: list[str] = []
    at = 0
    for start, end, value in edits:
        out += (text[at:start], value)
        at = end
    out.append(text[at:])
    return "".join(out)


def _written(value: str, marks: list[tuple[str, bool]]) -> list[str]:
    """Write a replacement into JSON: escaped inside a string, as a string outside one; quotes it covers stay where they are."""
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    if all(inside for _, inside in marks):
        return [escaped]
    if not any(inside for _, inside in marks) and not any(written == '"' for written, _ in marks):
        return [f'"{escaped}"']
    out: list[str] = []
    done = False
    for written, inside in marks:
        if not inside:
            out.append(written)
        elif not done:
            out.append(escaped)
            done = True
    return out


def _whole_number(marks: list[tuple[str, bool]], start: int, end: int) -> tuple[int, int]:
    """Widen a replacement that begins in a number outside strings to all of it: `-"[PHONE_NUMBER]"` is not JSON."""
    if not marks[start][1] and marks[start][0].isdigit():
        while start and not marks[start - 1][1] and marks[start - 1][0] in _NUMBER_CHARS:
            start -= 1
        while end < len(marks) and not marks[end][1] and marks[end][0] in _NUMBER_CHARS:
            end += 1
    return start, end


def _unicode_escape(written: str) -> str:
    try:
        return chr(int(written.removeprefix("\\u"), 16))
    except ValueError:
        return written[-1]
