"""Notebooks → the settings in their code, and personal data in their outputs (nbformat 4).

Invariants: places are those of the JSON text; a cell's code is read as the lines that it is made of, magics and shell lines apart.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import replace
from typing import Any, Final

from privet.check import content, python
from privet.check.facts import Fact, Note, Reading, Unit
from privet.check.json_places import places
from privet.check.programs import process_units
from privet.check.readers import Sibling
from privet.check.words import split

_TEXTS: Final = frozenset(("text/plain", "text/html", "text/markdown", "application/json", "text/csv"))


def read(path: str, text: str, sibling: Sibling, *, compared: bool = False) -> Reading:
    """Return the units of a notebook's cells; with `compared`, also what only a change can be judged by."""
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Reading(notes=(Note(path, 1, "is not a notebook of format 4, so it was not read"),))
    scalars, _ = places(text)
    lines = [place for place in scalars if place[0] in {"cells[].source[]", "cells[].source"}]
    code = _code_of(cells)
    units: list[Unit] = []
    notes: list[Note] = []
    reading = python.read(path, code, sibling, compared=compared)
    where = _Places(lines, cells)
    units.extend(where.moved(unit) for unit in reading.units)
    notes.extend(Note(path, 1, note.message) for note in reading.notes)
    for number, (line, command) in enumerate(_shell_of(cells)):
        units.extend(where.at_line(unit, line) for unit in process_units(split(command), path, owner=f"shell {number}"))
    facts = tuple(fact for key, value, start, _ in scalars if _is_output(key) for fact in _people(value, path, start))
    if facts:
        total = sum(int(fact.value or 0) for fact in facts)
        units.append(content.unit_of(path, (facts[0]._replace(value=str(total)),)))
    return Reading(tuple(units), tuple(notes))


def _is_output(key: str) -> bool:
    if not key.startswith("cells[].outputs[]"):
        return False
    rest = key.removeprefix("cells[].outputs[].").removesuffix("[]")
    return rest in {"text", "evalue", "traceback"} or (
        rest.startswith("data.") and rest.removeprefix("data.") in _TEXTS
    )


def _people(value: str, path: str, start: int) -> tuple[Fact, ...]:
    found = content.people_in(value, path)
    # The place inside the escaped string is not the place inside its value: the whole string is pointed at.
    return tuple(fact._replace(name="code:notebook-output-personal", start=start, end=start + 1) for fact in found)


def _lines_of(cell: Any) -> list[str]:
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    if isinstance(source, str):
        return source.splitlines(keepends=True)
    return [line for line in source if isinstance(line, str)] if isinstance(source, list) else []


def _is_code(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _code_of(cells: Any) -> str:
    """Return the code of all cells as one module; what is not Python is a comment of the same length."""
    parts: list[str] = []
    for cell in cells if isinstance(cells, list) else []:
        lines = _lines_of(cell)
        if not _is_code(cell) or (
            lines and lines[0].startswith("%%") and not lines[0].startswith(("%%time", "%%capture"))
        ):
            continue
        parts.extend("#" + line[1:] if line.lstrip().startswith(("!", "%", "?")) else line for line in lines)
        parts.append("\n")
    return "".join(parts)


def _shell_of(cells: Any) -> list[tuple[int, str]]:
    """Return shell commands, each with the number of its line among the lines of all cells."""
    found = []
    at = 0
    for cell in cells if isinstance(cells, list) else []:
        lines = _lines_of(cell)
        if _is_code(cell) and lines and lines[0].startswith(("%%bash", "%%sh")):
            found.append((at + 1, "".join(lines[1:])))
        elif _is_code(cell):
            found.extend(
                (at + number, line.lstrip()[1:]) for number, line in enumerate(lines) if line.lstrip().startswith("!")
            )
        at += len(lines)
    return found


class _Places:
    """From a place in the joined code to the line of the JSON text that holds it."""

    def __init__(self, lines: list[tuple[str, str, int, int]], cells: Any) -> None:
        self._starts: list[tuple[int, int, int]] = []
        self._lines: list[tuple[int, int]] = []
        code_at, index = 0, 0
        for cell in cells if isinstance(cells, list) else []:
            own = _lines_of(cell)
            skipped = not _is_code(cell) or (
                own and own[0].startswith("%%") and not own[0].startswith(("%%time", "%%capture"))
            )
            is_list = isinstance(cell, dict) and isinstance(cell.get("source"), list)
            for line in own:
                place = lines[min(index, len(lines) - 1)] if lines else ("", "", 0, 0)
                self._lines.append((place[2], place[3]))
                if is_list:
                    index += 1
                if not skipped:
                    self._starts.append((code_at, place[2], place[3]))
                    code_at += len(line)
            if own and not is_list:
                index += 1
            if not skipped:
                code_at += 1

    def moved(self, unit: Unit) -> Unit:
        """Return a unit of the joined code that points at the lines of the notebook."""
        start, end = self._place(unit.start)
        facts = tuple(
            fact._replace(start=self._place(fact.start)[0], end=self._place(fact.start)[1]) for fact in unit.facts
        )
        return replace(unit, start=start, end=end, facts=facts)

    def at_line(self, unit: Unit, line: int) -> Unit:
        """Return a unit that points at one line of the notebook's cells."""
        start, end = self._lines[line] if line < len(self._lines) else (0, 0)
        return replace(
            unit, start=start, end=end, facts=tuple(fact._replace(start=start, end=end) for fact in unit.facts)
        )

    def _place(self, at: int) -> tuple[int, int]:
        index = bisect_right(self._starts, (at, 2**60, 2**60)) - 1
        return self._starts[index][1:] if self._starts and index >= 0 else (0, 0)
