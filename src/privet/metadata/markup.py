"""What HTML, XML and SVG have in common: a source that is kept as written, with the texts in it, which are rewritten together.

Invariants:

- Texts of one block are one text, whatever marks stand between their letters; blocks near each other are read together.
- What is not edited is written as it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from privet.edits import Edit
from privet.metadata.job import CannotClean, Job
from privet.metadata.passage import ENTITY, Coding, Escape, Piece, pieces, plain, reading, rewritten, written

PASSAGE_CHARS: Final = 65536
"""Blocks are read together up to about this many characters."""
QUOTE: Final = '"'


def _unquoted(text: str) -> str:
    # A function of its own, so that the two codings are told apart.
    return ENTITY.escape(text)


def _angled(text: str) -> str:
    return ENTITY.escape(text)


UNQUOTED: Final = ENTITY._replace(escape=_unquoted)
"""The value of an attribute without quotes: it gets them once it is edited."""
ANGLED: Final = ENTITY._replace(escape=_angled)
"""A text in angle brackets: once it is edited it is no tag any more, and may not become another one."""
Write = Callable[[str], None]


class Sheet:
    """The source of a document as it is put together again: what is kept, what is text, what is an attribute."""

    __slots__ = ("_attributes", "_job", "_out", "_said", "_size", "_write")

    def __init__(self, job: Job, write: Write) -> None:
        self._job = job
        self._write = write
        self._out: list[str] = []
        # Where in `_out` a text stands, and how it is written; a gap stands nowhere and is its own text.
        self._said: list[tuple[int, tuple[Coding, ...]] | str] = []
        self._attributes: dict[tuple[Coding, ...], dict[str, list[int]]] = {}
        self._size = 0

    def keep(self, source: str) -> None:
        """Add source that no text is in."""
        self._out.append(source)

    def say(self, source: str, codings: tuple[Coding, ...]) -> None:
        """Add source that is read as text."""
        self._said.append((len(self._out), codings))
        self._out.append(source)
        self._size += len(source)

    def gap(self, shown: str) -> None:
        """End a block: what follows does not belong to the same word."""
        self._said.append(shown)

    def value(self, source: str, *codings: Coding) -> None:
        """Add source that is a text of its own: the value of an attribute."""
        self._attributes.setdefault(codings, {}).setdefault(source, []).append(len(self._out))
        self._out.append(source)
        self._size += len(source)

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush at the end of the block."""
        return self._size >= PASSAGE_CHARS or len(self._out) >= PASSAGE_CHARS

    def flush(self) -> None:
        """Write what was added, with its edits."""
        out = self._out
        shown = [self._shown(said) for said in self._said]
        # Between blocks one line end is enough, however many of them begin and end there.
        shown = [
            "" if text.isspace() and at and shown[at - 1][-1:] in ("\n", "") else text for at, text in enumerate(shown)
        ]
        whole = "".join(shown)
        if whole and not whole.isspace():
            edits = self._job.edits([whole], "body")[0]
            if edits:
                self._edit(shown, edits)
        for codings, values in self._attributes.items():
            self._edit_values(codings, values)
        self._write("".join(out))
        self._out, self._said, self._attributes, self._size = [], [], {}, 0

    def _shown(self, said: tuple[int, tuple[Coding, ...]] | str) -> str:
        return said if isinstance(said, str) else reading(self._out[said[0]], said[1])

    def _edit(self, shown: Sequence[str], edits: Sequence[Edit]) -> None:
        parts: list[Piece] = []
        places: list[int] = []
        escapes: list[Escape] = []
        for said, text in zip(self._said, shown, strict=True):
            if not text:
                continue
            if isinstance(said, str):
                new = [Piece("", text)]
                places.append(-1)
                escapes.append(plain)
            else:
                source = self._out[said[0]]
                new = pieces(source, *said[1]) if source != text else [Piece(source, source)]
                places += [said[0]] * len(new)
                escapes += [ENTITY.escape if ENTITY in said[1] else plain] * len(new)
            parts += new
        sources: dict[int, list[str]] = {}
        for at, source in zip(places, written(parts, edits, escapes), strict=True):
            sources.setdefault(at, []).append(source)
        sources.pop(-1, None)
        for at, pieces_there in sources.items():
            self._out[at] = "".join(pieces_there)

    def _edit_values(self, codings: tuple[Coding, ...], values: dict[str, list[int]]) -> None:
        texts = list(values)
        for text, new in zip(texts, rewritten(texts, self._job, "attribute", *codings), strict=True):
            if new != text:
                quoted = new
                if codings[0] is UNQUOTED:
                    quoted = f'"{new.replace(QUOTE, "&quot;")}"'
                elif codings[0] is ANGLED:
                    quoted = new.replace("<", "&lt;")
                for at in values[text]:
                    self._out[at] = quoted


def windows(chunks: Iterator[str], step: Callable[[str, bool], int], max_token_chars: int) -> None:
    """Read a document in pieces: `step(text, is_last)` returns how much of the text it took; the rest comes again with more.

    Raises:
        CannotClean: something in it is longer than `max_token_chars`.

    """
    rest = ""
    waiting: list[str] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        # What a step could not take is looked at again once it has doubled: linear time, however long it is.
        if size < 2 * len(rest):
            continue
        text = "".join((rest, *waiting))
        rest = text[step(text, False) :]
        if len(rest) > max_token_chars:
            raise CannotClean(f"a tag or text longer than {max_token_chars} characters")
        waiting, size = [], 0
    text = "".join((rest, *waiting))
    step(text, True)
