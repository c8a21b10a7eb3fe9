"""Formulas of spreadsheets: their texts are rewritten, and sheets, names and columns are called by their new names.

Invariants:

- A formula that reads another file is given up: its value stays.
- A sheet, name or table that is renamed is renamed everywhere, to something that a spreadsheet accepts and that nothing else is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from privet.metadata.job import Job
from privet.metadata.office_xml import local, remove
from privet.metadata.ooxml_parts import Part

_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"]|"")*")
    |(?P<quoted>'(?:[^']|'')*'!?)
    |(?P<bracket>\[(?:[^\[\]']|'.|\[(?:[^\[\]']|'.)*\])*\])
    |(?P<sheet>(?:[\w.]|[^\W\d])[\w.]*(?::[\w.]+)?!)
    |(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?(?![\w.]))
    |(?P<name>[\w\\.?]+)""",
    re.VERBOSE,
)
_COLUMN: Final = re.compile(r"[^\[\]@,:#]+")
_BARE: Final = re.compile(r"[^\W\d][\w.]*")
_LONG: Final = 6
ADDRESS: Final = re.compile(r"\w@\w|://")
_MAX_SHEET: Final = 31
_MAX_FORMULA: Final = 8192
"""characters of a formula, as Excel bounds them"""
_SIMPLE: Final = re.compile(r"[A-Z0-9$:(),.+\-*/=<>^&% ]*")


def retold(pattern: re.Pattern[str], text: str, new_of: Callable[[re.Match[str]], str | None]) -> str | None:
    """Return a formula with each token said anew, or None where one cannot be, or where it holds an address in no text."""
    out: list[str] = []
    last = 0
    for token in pattern.finditer(text):
        new = new_of(token)
        if new is None:
            return None
        out += (text[last : token.start()], new)
        last = token.end()
    made = "".join((*out, text[last:]))
    # An address that stands in no text is no formula at all.
    return None if ADDRESS.search(made) else made


class Names:
    """What the sheets, names and columns of one workbook are called now."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._texts: dict[tuple[str, str], str] = {}
        self._sheets: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self.gone: set[str] = set()
        """tables that are not there any more, in small letters"""

    def keep(self, names: Iterable[str]) -> None:
        """Note what sheets are called, so that none that is renamed takes the name of another."""
        self._taken.update(name.lower() for name in names)

    def text(self, text: str, place: str = "formula") -> str:
        """Return a text with its edits made."""
        if not text or text.isspace():
            return text
        if (text, place) not in self._texts:
            self.learn([text], place)
        return self._texts[text, place]

    def learn(self, texts: Iterable[str], place: str = "formula") -> None:
        """Rewrite many texts at once that will be asked for."""
        new = [text for text in dict.fromkeys(texts) if (text, place) not in self._texts]
        self._texts.update(
            ((text, place), edited) for text, edited in zip(new, self._job.rewrite(new, place), strict=True)
        )

    def sheet(self, old: str) -> str:
        """Return what a sheet is called now."""
        key = old.lower()
        if key not in self._sheets:
            new = self.text(old, "sheet name")
            self._sheets[key] = (
                self._free(re.sub(r"[\[\]:*?/\\'\x00-\x1f]", "", new), _MAX_SHEET) if new != old else old
            )
            self._taken.add(self._sheets[key].lower())
        return self._sheets[key]

    def name(self, old: str) -> str:
        """Return what a defined name or table is called now."""
        key = old.lower()
        if key not in self._names:
            # Names have no blanks; a name of a person in one is written with lines below.
            new = self.text(old.replace("_", " "), "name") if "_" in old.strip("_") and not old.startswith("_") else ""
            new = new if new != old.replace("_", " ") else ""
            new = new or self.text(old, "name")
            self._names[key] = self._free("_" + re.sub(r"[^\w.]+", "_", new).strip("_"), 255) if new != old else old
            self._taken.add(self._names[key].lower())
        return self._names[key]

    def renamed(self, word: str) -> str:
        """Return a word of a formula, which may be a name."""
        return self._names.get(word.lower(), word) if self._names else word

    def _free(self, wanted: str, longest: int) -> str:
        wanted = wanted.strip()[:longest] or "Sheet"
        free, number = wanted, 1
        while free.lower() in self._taken:
            number += 1
            free = wanted[: longest - len(str(number)) - 1] + f"_{number}"
        return free

    def formula(self, text: str) -> str | None:
        """Return a formula that says the same, or None where it cannot."""
        if _SIMPLE.fullmatch(text) and not self._names and not self.gone and not re.search(r"[0-9]{6}", text):
            return text
        if len(text) > _MAX_FORMULA:
            return None
        return retold(_TOKEN, text, lambda token: self._token(token, text))

    def _token(self, token: re.Match[str], whole: str) -> str | None:  # noqa: PLR0911 (one for each kind of token)
        kind, old = token.lastgroup, token[0]
        if kind == "text":
            plain = old[1:-1].replace('""', '"')
            return '"' + self.text(plain).replace('"', '""') + '"'
        if kind in ("quoted", "sheet"):
            return self._reference(old)
        if kind == "bracket":
            follows = whole[token.end() : token.end() + 1]
            # [1]Sheet!A1 and [Book.xlsx]Sheet!A1 read another file; Table[Column] does not.
            if re.fullmatch(r"\[[0-9]+\]", old) or follows.isalnum() or follows in ("'", "!", "_"):
                return None
            if self.gone and (
                token.start() == 0 or not (whole[token.start() - 1].isalnum() or whole[token.start() - 1] == "_")
            ):
                return None
            return _COLUMN.sub(lambda column: self.text(column[0], "cell"), old)
        if kind == "number":
            return old if sum(mark.isdigit() for mark in old) < _LONG or self.text(old, "cell") == old else None
        return None if old.lower() in self.gone else self.renamed(old)

    def _reference(self, old: str) -> str | None:
        if not old.endswith("!"):
            return self.text(old, "formula")
        body = old[:-1]
        if body.startswith("'"):
            body = body[1:-1].replace("''", "'")
        if "[" in body or "\\" in body or "/" in body:
            return None
        sheets = [self.sheet(name) for name in body.split(":")]
        if sheets == body.split(":"):
            return old
        joined = ":".join(sheets)
        return joined + "!" if all(_BARE.fullmatch(name) for name in sheets) else "'" + joined.replace("'", "''") + "'!"


_FORMULAS: Final = tuple(
    f"{{*}}{name}"
    for name in ("f", "formula", "formula1", "formula2", "definedName", "calculatedColumnFormula", "totalsRowFormula")
)
_OWNERS: Final = {"formula": "cfRule", "formula1": "dataValidation", "formula2": "dataValidation"}


def rewrite_formulas(part: Part, names: Names) -> None:
    """Rewrite the formulas of a part that are not in cells; what reads another file goes with what it is for."""
    for element in [element for element in part.root.iter(*_FORMULAS) if element.text]:
        old = element.text or ""
        new = names.formula(old)
        if new is None and part.kind in ("chart", "chartEx"):
            # A chart shows what it remembers; where that came from may be called anything.
            new = names.formula(re.sub(r"\[[^\]]*\]|(?<=')[^']*[\\/](?=[^'\\/]*')", "", old)) or ""
        if new is not None:
            element.text = new
            continue
        part.job.dropped("formula")
        owner = next(
            (parent for parent in element.iterancestors() if local(parent) == _OWNERS.get(local(element))), element
        )
        remove(owner)
