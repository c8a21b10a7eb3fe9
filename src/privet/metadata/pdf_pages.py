"""The content streams of a document: read, put together to pages, looked at, and written back where something changed.

Invariants:

- Every stream that can show text is read once and looked at, drawn by a page or not; a form is looked at as part of the page that
  draws it, so an identifier half in a form is found.
- A page's text costs at most `_MAX_RUNS` strings: forms drawn by forms beyond that are looked at on their own.
- Text in a font that does not say what its codes mean is looked at as readers guess it; what no reader can tell is a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from privet.edits import Edit, edited
from privet.metadata import pdf_cmaps
from privet.metadata.job import CannotClean
from privet.metadata.pdf_content import read_content
from privet.metadata.pdf_lines import View
from privet.metadata.pdf_reading import FormUse, InlineText, Matrix, Reading, Run, times
from privet.metadata.pdf_redraw import draws_replacements, redrawn
from privet.metadata.pdf_resources import Fonts, Resources, unescaped
from privet.metadata.pdf_streams import CONTENT_LIMIT, decoded_whole
from privet.metadata.pdf_text import PageText
from privet.metadata.pdf_tree import Pending, Tree, delete
from privet.metadata.pdf_values import number

_MAX_RUNS: Final = 400_000
_MAX_TOKENS: Final = 100_000_000
_MAX_DEPTH: Final = 12
_BATCH: Final = 4_000_000
"""characters looked at in one call"""


@dataclass(slots=True)
class Unit:
    """One content stream."""

    owner: Object
    """the page, or the stream itself"""
    resources: Resources
    reading: Reading
    texts: list[tuple[int, int, str]] = field(default_factory=list)
    whole: bool = True
    """nothing follows its packed bytes"""


class Book:
    """The content of one document."""

    def __init__(self, pdf: Pdf, tree: Tree, pending: Pending) -> None:
        self.pdf = pdf
        self.tree = tree
        self.pending = pending
        self.fonts = Fonts()
        self.units: dict[tuple[int, int], Unit] = {}
        self.looked_at: set[tuple[int, int]] = set()
        self.drawn: dict[tuple[int, int], tuple[Object, set[str]]] = {}
        """XObject resources, and which of them are drawn"""
        self.waiting = 0
        self.tokens = 0
        self.plain_font: Object | None = None

    def clean(self, pages: Iterable[Object]) -> None:
        """Clean the content of the pages, then of what no page draws: appearances, patterns, glyphs."""
        open_pages: list[Unit] = []
        for page in pages:
            unit = self._page(page)
            open_pages.append(unit)
            self._look_at(unit)
            if self.waiting > _BATCH:
                self._finish(open_pages)
        self._finish(open_pages)
        for stream, kind in self.tree.drawn:
            if kind != "pattern" or stream.get("/PatternType") == 1:
                unit = self.form_unit(stream, None)
                if stream.objgen not in self.looked_at:
                    self._look_at(unit)
        self.pending.flush()
        for unit in self.units.values():
            self._write(unit)
        self._forget_cut_codes()
        self._drop_undrawn()

    def _finish(self, pages: list[Unit]) -> None:
        self.pending.flush()
        self.waiting = 0
        for unit in pages:
            self._write(unit)
        pages.clear()

    def _page(self, page: Object) -> Unit:
        contents = page.get("/Contents")
        streams = list(contents) if isinstance(contents, Array) else [contents]
        read = [decoded_whole(stream, CONTENT_LIMIT) for stream in streams if isinstance(stream, Stream)]
        resources = Resources(self.fonts, page, None)
        unit = self._unit(page, resources, b"\n".join(data for data, _whole in read))
        unit.whole = all(whole for _data, whole in read)
        return unit

    def form_unit(self, stream: Object, above: Resources | None) -> Unit:
        """Return a form, a pattern or a glyph read, once."""
        if stream.objgen not in self.units or not stream.is_indirect:
            resources = Resources(self.fonts, stream, above)
            data, whole = decoded_whole(stream, CONTENT_LIMIT)
            self.units[stream.objgen] = self._unit(stream, resources, data)
            self.units[stream.objgen].whole = whole
        return self.units[stream.objgen]

    def _unit(self, owner: Object, resources: Resources, data: bytes) -> Unit:
        unit = Unit(owner, resources, read_content(data, resources))
        self.tokens += unit.reading.tokens
        if self.tokens > _MAX_TOKENS:
            raise CannotClean("its pages have more instructions than is allowed")
        self._note_drawn(resources, unit.reading.names)
        self.tree.job.dropped("hidden layer", unit.reading.hidden)
        for text in unit.reading.texts:

            def done(edits: list[Edit], text: InlineText = text, unit: Unit = unit) -> None:
                unit.texts.append((text.start, text.end, edited(text.text, edits)))

            self.pending.add("structure", text.text, done)
        return unit

    def _note_drawn(self, resources: Resources, names: set[bytes]) -> None:
        pictures = resources.own.get("/XObject")
        if isinstance(pictures, Dictionary):
            holders = (pictures, resources.own, resources.holder)
            key = next((one.objgen for one in holders if one.is_indirect), (0, 0))
            self.drawn.setdefault(key, (pictures, set()))[1].update(unescaped(name) for name in names)

    def _drop_undrawn(self) -> None:
        """Drop pictures and forms that nothing draws: what was taken off a page is often still listed."""
        for pictures, names in self.drawn.values():
            for name in list(pictures.keys()):
                if name not in names:
                    delete(pictures, name)
                    self.tree.job.dropped("picture that is not shown")

    def _look_at(self, unit: Unit) -> None:
        page = PageText(self._runs(unit))
        for old, new in self.tree.also.get(unit.owner.objgen, ()):
            for piece in page.find(old):
                page.cut([piece], new)
        for view in page.views():
            self.waiting += len(view.text)

            def done(edits: list[Edit], view: View = view, page: PageText = page) -> None:
                for edit in edits:
                    page.cut(view.pieces(edit), edit.text)

            self.pending.add("body", view.text, done)

    def _runs(self, unit: Unit) -> list[Run]:
        """Return the strings of a stream and of the forms it draws, in the order of drawing; a form inside itself is not drawn."""
        out: list[Run] = []
        todo: list[tuple[Unit, Matrix | None, int, frozenset[int]]] = [(unit, None, 0, frozenset({id(unit)}))]
        steps = 0
        while todo:
            current, matrix, at, above = todo.pop()
            events = current.reading.events
            while at < len(events):
                event = events[at]
                at += 1
                steps += 1
                if isinstance(event, Run):
                    out.append(event if matrix is None else event.moved(matrix))
                elif len(above) <= _MAX_DEPTH and steps < _MAX_RUNS and len(out) < _MAX_RUNS:
                    inner = self._drawn(current, event)
                    if inner is not None and id(inner[0]) not in above:
                        todo.append((current, matrix, at, above))
                        form, place = inner
                        place = times(place, matrix) if matrix is not None else place
                        todo.append((form, place, 0, above | {id(form)}))
                        break
        return out

    def _drawn(self, unit: Unit, use: FormUse) -> tuple[Unit, Matrix] | None:
        stream = unit.resources.form(use.name)
        if stream is None:
            return None
        self.looked_at.add(stream.objgen)
        form = self.form_unit(stream, unit.resources)
        if not isinstance(stream.get("/Resources"), Dictionary):
            # Its names stand in the resources of whatever draws it.
            self._note_drawn(unit.resources, form.reading.names)
        given = stream.get("/Matrix")
        if not isinstance(given, Array) or len(given) != 6:
            return form, use.matrix
        a, b, c, d, e, f = (number(value) for value in given)
        return form, times((a, b, c, d, e, f), use.matrix)

    def _write(self, unit: Unit) -> None:
        data = redrawn(unit.reading, [*unit.texts, *_texts_left(unit)])
        self._note_kept(unit.reading)
        if data is None:
            if unit.whole:
                return
            data = unit.reading.data
        if draws_replacements(unit.reading):
            if self.plain_font is None:
                font = Dictionary(
                    Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
                )
                self.plain_font = self.pdf.make_indirect(font)
            unit.resources.add_font(self.plain_font)
        if isinstance(unit.owner, Stream):
            unit.owner.write(data)
        else:
            unit.owner.Contents = self.pdf.make_stream(data)

    def _note_kept(self, reading: Reading) -> None:
        for show in reading.shows:
            font = show.font
            font.is_cut = font.is_cut or bool(show.cuts) or show.hidden
            for index, part in enumerate(show.parts):
                if isinstance(part, float) or show.hidden:
                    continue
                cuts = show.cuts.get(index)
                codes = font.codes(part.value)
                font.kept.update(
                    codes if cuts is None else (code for place, code in enumerate(codes) if place not in cuts)
                )

    def _forget_cut_codes(self) -> None:
        """Take codes that no text has any more out of what fonts say about their codes: in order, that could spell what was cut."""
        kept: dict[tuple[int, int], set[int]] = {}
        for objgen, font in self.fonts.known.items():
            told = self.pdf.get_object(objgen).get("/ToUnicode")
            if isinstance(told, Stream):
                kept.setdefault(told.objgen, set()).update(font.kept)
        for objgen, font in self.fonts.known.items():
            told = self.pdf.get_object(objgen).get("/ToUnicode")
            if font.is_cut and isinstance(told, Stream):
                rest = pdf_cmaps.without(decoded_whole(told, CONTENT_LIMIT)[0], kept[told.objgen])
                if rest is not None:
                    told.write(rest)


def _texts_left(unit: Unit) -> Iterator[tuple[int, int, str]]:
    """Return what is read instead of glyphs some of which were cut: the glyphs' own text from now on."""
    changed = {start for start, _end, _text in unit.texts}
    left: dict[int, tuple[InlineText, list[str]]] = {}
    for show in unit.reading.shows:
        if show.actual is not None and show.actual.start not in changed:
            left.setdefault(show.actual.start, (show.actual, []))[1].append(show.text_left())
    cut = {show.actual.start for show in unit.reading.shows if show.actual is not None and show.cuts}
    for start, (actual, texts) in left.items():
        if start in cut:
            yield actual.start, actual.end, "".join(texts)
