"""A content stream read: which strings it shows where and in what font, and what of it is not content.

Invariants:

- Nothing is executed: a form that the stream draws is only noted, so reading costs what the stream is long.
- `Reading.patches` takes out what shows nothing: comments, unknown instructions, strings no instruction uses, custom tags and
  properties of marked content, and all that stands in a layer which is hidden by default.
- Text is text, however it is drawn: invisible, clipped, off the page and under boxes are no different.
"""

from __future__ import annotations

from typing import Final

from privet.metadata import pdf_tokens as tokens
from privet.metadata.job import CannotClean
from privet.metadata.pdf_inline import inline_image
from privet.metadata.pdf_marked import clean_properties, is_standard
from privet.metadata.pdf_reading import FormUse, InlineText, Reading, Run, Scope, Show, plain
from privet.metadata.pdf_state import State
from privet.metadata.pdf_tokens import Operand, Shown, Span

_MAX_TOKENS: Final = 5_000_000
_SHOWS: Final = frozenset({b"Tj", b"TJ", b"'", b'"'})
_MARKS: Final = frozenset({b"BMC", b"BDC", b"EMC", b"DP", b"MP"})
_KNOWN: Final = frozenset(
    b"b B b* B* BX c cs CS d d0 d1 ET EX f F f* G g h i J j K k l m M n re RG rg ri s S SC sc SCN scn sh Tr Ts v w y".split()
)
_PATH: Final = frozenset(b"m l c v y h re".split())
_PAINT: Final = frozenset(b"b B b* B* f F f* s S n".split())
_CONSTANTS: Final = frozenset({b"true", b"false", b"null"})


def read_content(data: bytes, scope: Scope) -> Reading:
    """Return what a content stream shows."""
    return _Reader(data, scope).read()


class _Reader:
    def __init__(self, data: bytes, scope: Scope) -> None:
        self.out = Reading(data)
        self.data = data
        self.scope = scope
        self.state = State()
        self.marks: list[tuple[bool, InlineText | None]] = []
        """the marked content that is open: whether it is hidden, what is read instead of it"""
        self.hidden = 0
        self.path = -1
        self.clips = False
        self.operands: list[Operand] = []
        self.start = 0

    def read(self) -> Reading:
        data = self.data
        at = 0
        match, boring = tokens.TOKEN.match, tokens.BORING.match
        while True:
            if not self.operands and not self.hidden and (skipped := boring(data, at)):
                at = skipped.end()
            found = match(data, at)
            if found is None:
                break
            if self.out.tokens > _MAX_TOKENS:
                raise CannotClean("a page has more instructions than is allowed")
            kind = found.lastindex or tokens.OTHER
            begin, at = found.span(kind)
            self.out.tokens += 1
            if not self.operands:
                self.start = begin
            if kind == tokens.OPERATOR:
                at = self._operator(found.group(kind), begin, at)
            else:
                at = self._operand(kind, found.group(kind), begin, at)
        if self.operands:
            self._leave_out(len(data))
        return self.out

    def _operand(self, kind: int, token: bytes, begin: int, end: int) -> int:
        operands = self.operands
        if kind == tokens.NUMBER:
            operands.append(tokens.number(token))
        elif kind == tokens.STRING:
            operands.append(Shown(tokens.literal(token), begin, end))
        elif kind == tokens.NAME:
            operands.append(token)
        elif kind == tokens.HEX:
            operands.append(Shown(tokens.hexadecimal(token), begin, end))
        elif kind == tokens.OPEN_ARRAY:
            items, end = tokens.array(self.data, begin)
            self.out.tokens += len(items)
            operands.append(items)
        elif kind == tokens.OPEN_DICTIONARY:
            end = tokens.dictionary_end(self.data, begin)
            operands.append(Span(begin, end))
        elif kind == tokens.OTHER and token == b"(":
            end = tokens.string_end(self.data, begin)
            operands.append(Shown(tokens.literal(self.data[begin:end]), begin, end))
        else:
            # A comment, or a bracket nobody opened.
            self.out.patches.append((begin, end, b" "))
        return end

    def _operator(self, name: bytes, begin: int, end: int) -> int:
        if name in _CONSTANTS:
            self.operands.append(0.0)
            return end
        if name in _SHOWS:
            self._show(name, end)
        elif name in _MARKS:
            self._mark(name, end)
        elif name == b"BI":
            end = inline_image(self.out, begin, end, self.hidden > 0)
        else:
            self._drop_strings(self.operands)
            self._plain_operator(name, begin, end)
        self.operands.clear()
        return end

    def _plain_operator(self, name: bytes, begin: int, end: int) -> None:
        action = self.state.actions.get(name)
        if action is not None:
            action(self._numbers())
        elif name in {b"Tf", b"gs"}:
            self._set_font(name)
        elif name == b"Do":
            self._draw(end)
        elif name in {b"W", b"W*"}:
            self.clips = True
        elif name not in _KNOWN or (self.hidden and name == b"sh"):
            self._leave_out(end)
        elif self.hidden:
            self._hide_path(name, begin, end)

    def _set_font(self, operator: bytes) -> None:
        name = self._name()
        if operator == b"Tf":
            size = (self._numbers() or [0.0])[-1]
            self.state.set_font(self.scope.font(name), size, name + b" %s Tf" % plain(size))
        elif found := self.scope.state_font(name):
            self.state.set_font(*found, name + b" gs")

    def _leave_out(self, end: int) -> None:
        self.out.patches.append((self.start, end, b" "))

    def _drop_strings(self, operands: list[Operand]) -> None:
        """Take out strings that the instruction does not use."""
        for operand in operands:
            if isinstance(operand, (Shown, Span)):
                self.out.patches.append((operand.start, operand.end, b" "))
            elif isinstance(operand, list):
                self.out.patches += [(item.start, item.end, b" ") for item in operand if isinstance(item, Shown)]

    def _numbers(self) -> list[float]:
        return [value for value in self.operands if isinstance(value, float)]

    def _name(self) -> bytes:
        return next((value for value in reversed(self.operands) if isinstance(value, bytes)), b"")

    def _show(self, name: bytes, end: int) -> None:
        state = self.state
        before = b""
        if name in {b"'", b'"'}:
            before = b"T*"
            if name == b'"':
                state.set_spacings(self._numbers())
                before = b"%s Tw %s Tc T*" % (plain(state.word_spacing), plain(state.spacing))
            state.next_line([])
        operand = self.operands[-1] if self.operands else 0.0
        parts: list[float | Shown] = (
            operand if isinstance(operand, list) else [operand] if isinstance(operand, Shown) else []
        )
        self._drop_strings(self.operands[:-1])
        if state.font is None:
            state.font = self.scope.font(b"")
        show = Show(
            start=self.start,
            end=end,
            parts=parts,
            font=state.font,
            font_operator=state.font_operator,
            size=state.size,
            spacing=state.spacing,
            word_spacing=state.word_spacing,
            scaling=state.scaling,
            before=before,
            hidden=self.hidden > 0,
            actual=self.marks[-1][1] if self.marks else None,
        )
        self.out.shows.append(show)
        self._place(show)

    def _place(self, show: Show) -> None:
        """Note where each string of a show stands, and leave the text position behind the last."""
        ux, uy, unit = self.state.direction(show.font)
        em = abs(show.size) * unit
        events = self.out.events
        for index, text, at in self.state.show(show):
            if not show.hidden:
                events.append(Run(show, index, text, at, em, (ux, uy)))

    def _draw(self, end: int) -> None:
        name = self._name()
        if self.hidden:
            self._leave_out(end)
        else:
            self.out.names.add(name)
            if self.scope.is_form(name):
                self.out.events.append(FormUse(name, self.state.ctm))

    def _hide_path(self, name: bytes, begin: int, end: int) -> None:
        if name in _PATH and self.path < 0:
            self.path = self.start
        elif name in _PAINT:
            if self.clips:
                # The clip lasts longer than the section, so only the paint goes.
                self.out.patches.append((begin, end, b"n"))
            elif self.path >= 0:
                self.out.patches.append((self.path, end, b" "))
            self.path, self.clips = -1, False

    def _mark(self, name: bytes, end: int) -> None:
        if name == b"EMC":
            self._drop_strings(self.operands)
            if self.marks and self.marks.pop()[0]:
                self.hidden -= 1
                self._leave_out(end)
        elif name in {b"DP", b"MP"}:
            # A marked point marks nothing that is shown or read.
            self._leave_out(end)
        else:
            names = [value for value in self.operands if isinstance(value, bytes)]
            hides = len(names) > 1 and names[0] == b"/OC" and self.scope.is_hidden(names[1])
            if hides:
                self.marks.append((True, None))
                self.out.hidden += not self.hidden
                self.hidden += 1
                self.path, self.clips = -1, False
                self._leave_out(end)
            else:
                self.marks.append((False, self._clean_mark()))

    def _clean_mark(self) -> InlineText | None:
        actual = self.marks[-1][1] if self.marks else None
        tag = self.operands[0] if self.operands else b""
        if isinstance(tag, bytes) and not is_standard(tag):
            self.out.patches.append((self.start, self.start + len(tag), b"/Span"))
        for operand in self.operands[1:]:
            if isinstance(operand, Span):
                actual = clean_properties(self.out, operand) or actual
            else:
                self._drop_strings([operand])
        return actual
