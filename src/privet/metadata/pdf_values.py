"""Names, strings and numbers of a PDF as Python has them, whatever bytes stand there.

Invariants: nothing here raises for a value of another type, or for bytes that are no text; a name is spelled as keys of a dictionary are.
"""

from __future__ import annotations

from pikepdf import Name, String


def spelled(value: object) -> str:
    """Return a name with its slash, and any other value as it reads; bytes that are no UTF-8 stand as surrogates."""
    return bytes(value).decode("utf-8", "surrogateescape") if isinstance(value, Name) else str(value)


def written(value: String) -> str:
    """Return the text of a string; one that breaks its own encoding is read as Latin-1."""
    try:
        return str(value)
    except UnicodeDecodeError:
        return bytes(value).decode("latin-1")


def number(value: object) -> float:
    """Return a number; 0 for what is none."""
    try:
        return float(str(value))
    except (TypeError, ValueError):
        return 0.0


def integer(value: object) -> int:
    """Return a whole number; 0 for what is none, or is beyond what a PDF can hold."""
    found = number(value)
    return int(found) if abs(found) < 1 << 48 else 0
