"""Address cards (VCF): what can be read is rewritten; pictures, keys, places, ids and dates go.

Invariant: only known properties are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.metadata.content_lines import ESCAPES, STRUCTURE, Line, is_plain, lines, rewritten_lines
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.text import blocks, encoded, encoding

_TEXTS: Final = frozenset("FN N NICKNAME ORG TITLE ROLE ADR LABEL TEL EMAIL NOTE URL CATEGORIES".split())  # noqa: SIM905
_STRUCTURED: Final = frozenset(("N", "ADR", "ORG"))
_HOW: Final = {name: (ESCAPES, STRUCTURE) if name in _STRUCTURED else (ESCAPES,) for name in _TEXTS}
_KEPT: Final = _TEXTS | frozenset(("BEGIN", "END", "VERSION"))
_PARAMETERS: Final = frozenset(
    ("TYPE", "PREF", "LANGUAGE", "VALUE", "CHARSET", "ENCODING", "QUOTED-PRINTABLE", "HOME", "WORK", "CELL")
)


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write address cards with their identifiers replaced."""
    codec, mark = encoding(source)
    start = source.read(256)
    source.seek(0)
    if b"VCARD" not in start.replace(b"\0", b"").upper():
        raise CannotClean("not an address card")
    target.write(mark)
    waiting = ""
    for block in blocks(source, codec, len(mark), job.limits.max_record_bytes):
        waiting += block
        if len(waiting) > job.limits.max_record_bytes:
            raise CannotClean(f"an address card longer than {job.limits.max_record_bytes // MIB} MiB")
        end = waiting.upper().rfind("\nEND:VCARD")
        end = waiting.find("\n", end + 1) + 1 if end >= 0 else 0
        target.write(encoded(rewritten_vcard(waiting[:end], job), codec))
        waiting = waiting[end:]
    target.write(encoded(rewritten_vcard(waiting, job), codec))


def rewritten_vcard(text: str, job: Job) -> str:
    """Return address cards with their identifiers replaced."""
    return rewritten_lines(_kept(lines(text), job), job, "vcard", texts=_HOW, parameters=_PARAMETERS)


def _kept(found: list[Line], job: Job) -> Iterator[Line]:
    is_skipping = False
    for line in found:
        component = line.value.strip().upper()
        if line.name in ("BEGIN", "END") and component != "VCARD":
            is_skipping = line.name == "BEGIN"
        elif line.name in _KEPT and not is_skipping and (line.name in _TEXTS or is_plain(line.value)):
            yield line
        elif line.raw.strip():
            job.dropped("property")
