"""The lines that calendars and address cards are made of: folded, with parameters and escapes.

Source: RFC 5545 section 3.1, RFC 6350 section 3.

Invariants: a line whose name is not allowed is dropped with its folds; one that is not edited is written as it was read.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from privet.metadata.job import Job
from privet.metadata.passage import Coding, Piece, pieces, plain, written

_LINE: Final = re.compile(r"([^\r\n]*+)(\r\n|\n|\r|\Z)")
_NAME: Final = re.compile(r"(?:[A-Za-z0-9-]{1,64}\.)?([A-Za-z0-9-]{1,64})")
_PARAMETER: Final = re.compile(r";([A-Za-z0-9-]{1,64})(?:=((?:\"[^\"]*\"|[^\";:]*+)*?))?(?=[;:])")
_PLAIN: Final = re.compile(r"[\w ./+&,;=:()\"-]{0,200}")
_LONG_NUMBER: Final = re.compile(r"[0-9]{9}")
_LINE_BYTES: Final = 75


class Line(NamedTuple):
    """One line, unfolded."""

    name: str
    """in upper case, without the group"""
    head: str
    """what stands before the colon"""
    parameters: tuple[tuple[str, str], ...]
    value: str
    raw: str
    end: str


def _escape(text: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", text).replace("\r\n", "\\n").replace("\n", "\\n")


ESCAPES: Final = Coding(re.compile(r"\\[nN,;\\:\"]"), lambda text: "\n" if text[1] in "nN" else text[1], _escape, "\\")


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _clock(text: str) -> str:
    return f" {text[1:3]}:{text[3:5]}:{text[5:]}"


DATE: Final = Coding(re.compile(r"\b(?:19|20)[0-9]{6}(?=T|\b)"), _date, plain, "")
CLOCK: Final = Coding(re.compile(r"(?<=[0-9])T[0-9]{6}"), _clock, plain, "T")
"""Times of calendars, as a person writes them: 20240201T100000Z is 2024-02-01 10:00:00Z."""
_ISO_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DATES: Final = re.compile(r"[0-9]{8}(?:T[0-9]{6}Z?)?(?:[/,](?:[0-9]{8}(?:T[0-9]{6}Z?)?|P[0-9DTHMSW]{1,20}))*+")
STRUCTURE: Final = Coding(re.compile(";"), lambda _: ", ", plain, ";")


def lines(text: str) -> list[Line]:
    """Return the lines of a text with their folds undone."""
    found: list[list[str]] = []
    ends: list[str] = []
    is_quoted = False
    for match in _LINE.finditer(text):
        line, end = match[1], match[2]
        if not line and not end:
            break
        if found and (line[:1] in (" ", "\t") or is_quoted):
            found[-1] += (ends[-1], line)
            ends[-1] = end
        else:
            found.append([line])
            ends.append(end)
        # vCard 2.1: a quoted-printable value goes on behind a line that ends with "=".
        is_quoted = line.endswith("=") and "QUOTED-PRINTABLE" in found[-1][0][:200].upper()
    return [_read(parts, end) for parts, end in zip(found, ends, strict=True)]


def _read(parts: Sequence[str], end: str) -> Line:
    raw = "".join(parts)
    is_quoted = "QUOTED-PRINTABLE" in parts[0][:200].upper()
    # Every other part is a line end: a fold is that and one white space.
    if is_quoted:
        text = "".join(part.removesuffix("=") for part in parts[:-1:2]) + parts[-1]
    else:
        text = parts[0] + "".join(part[1:] for part in parts[2::2])
    name = _NAME.match(text)
    if name is None or text[name.end() : name.end() + 1] not in (";", ":"):
        return Line("", "", (), "", raw, end)
    at = name.end()
    parameters: list[tuple[str, str]] = []
    while (found := _PARAMETER.match(text, at)) is not None:
        parameters.append((found[1].upper(), found[2] or ""))
        at = found.end()
    if text[at : at + 1] != ":":
        return Line("", "", (), "", raw, end)
    return Line(name[1].upper(), text[: name.end()], tuple(parameters), text[at + 1 :], raw, end)


def value(line: Line) -> str:
    """Return a line's value as text before its escapes are read: quoted-printable is decoded."""
    if any(
        (key == "ENCODING" and said.upper() == "QUOTED-PRINTABLE") or key == "QUOTED-PRINTABLE"
        for key, said in line.parameters
    ):
        raw = binascii.a2b_qp(line.value.encode("utf-8", "replace"))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("cp1252", "replace")
    return line.value


def is_plain(text: str) -> bool:
    """Tell whether a value that is not read as text is as short and plain as those of its kind: words, rules, zones, durations."""
    return _PLAIN.fullmatch(text) is not None and _LONG_NUMBER.search(text) is None


def rewritten_lines(
    kept: Iterable[Line],
    job: Job,
    place: str,
    *,
    texts: Mapping[str, tuple[Coding, ...]],
    parameters: frozenset[str],
    fixed: Mapping[str, Callable[[str], str]] | None = None,
) -> str:
    """Return lines as one text.

    Args:
        kept: the lines to write.
        job: what says which characters go.
        place: where they stand.
        texts: the names whose values are read, together and each behind its name, and how they are written.
        parameters: those that are kept.
        fixed: the names whose values are replaced by what this says.

    """
    all_lines = list(kept)
    parts: list[Piece] = []
    spans: list[tuple[int, int]] = []
    for line in all_lines:
        start = len(parts)
        if line.name in texts:
            parts.append(Piece("", f"{line.name}: "))
            start += 1
            parts += pieces(value(line), *texts[line.name])
        spans.append((start, len(parts)))
        parts.append(Piece("", "\n"))
    edits = job.edits(["".join(part.shown for part in parts)], place)[0] if parts else []
    new = written(parts, edits, _escape)
    out: list[str] = []
    for line, (start, end) in zip(all_lines, spans, strict=True):
        said = "".join(new[start:end]) if line.name in texts else line.value
        if fixed is not None and line.name in fixed:
            said = fixed[line.name](line.value)
        elif said != line.value and DATE in texts.get(line.name, ()):
            # A label is no date, and calendars that hold one do not open.
            said = _ISO_DATE.sub(r"\1\2\3", said)
            if _DATES.fullmatch(said) is None:
                job.dropped("date")
                continue
        out.append(_written(line, said, parameters))
    return "".join(out)


def _written(line: Line, said: str, parameters: frozenset[str]) -> str:
    """Return a line with another value, and only those parameters; the line as it was if that is the same."""
    wanted = tuple((key, text) for key, text in line.parameters if key in parameters and is_plain(text))
    if said in (line.value, value(line)) and wanted == line.parameters:
        return line.raw + (line.end or "\n")
    if said != line.value:
        wanted = tuple(pair for pair in wanted if pair[0] not in ("ENCODING", "QUOTED-PRINTABLE", "CHARSET"))
    head = line.head + "".join(f";{key}={text}" if text else f";{key}" for key, text in wanted)
    return folded(f"{head}:{said}".replace("\r", "").replace("\n", "\\n"), line.end or "\n")


def folded(text: str, end: str) -> str:
    """Return a line cut into pieces of at most 75 bytes, none of them inside a character."""
    out: list[str] = []
    piece: list[str] = []
    size = 0
    for character in text:
        width = len(character.encode("utf-8", "replace"))
        if size + width > _LINE_BYTES:
            out.append("".join(piece))
            piece, size = [" "], 1
        piece.append(character)
        size += width
    return end.join((*out, "".join(piece))) + end
