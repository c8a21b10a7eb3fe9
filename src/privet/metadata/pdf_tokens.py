"""The tokens of a PDF content stream, with where each stands.

Invariants: every byte belongs to a token, to space or to a comment; reading is linear; a string is the same bytes its viewer shows.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_WS: Final = rb"[\0\t\n\f\r ]"
_END: Final = rb"(?=[\0\t\n\f\r ()<>\[\]{}/%]|\Z)"
_BORING: Final = (
    rb"(?:re|m|l|c|v|y|h|S|s|f\*?|F|B\*?|b\*?|n|W\*?|g|G|rg|RG|k|K|w|J|j|M|i|sc|SC)"  # paths, colours, lines
)
BORING: Final = re.compile(rb"(?:(?:" + _WS + rb"*+[+\-.\d]++)*+" + _WS + rb"*+" + _BORING + _END + rb")++")
"""A run of instructions that show no text, name nothing and change nothing that text depends on."""

TOKEN: Final = re.compile(
    _WS
    + rb"""*+(?:
    ([+\-.]*+\d[\d.\-]*+|[+\-.]+)      # 1 number
    |(\((?:[^()\\]++|\\.)*+\))         # 2 string without brackets inside
    |(<<)                              # 3
    |(<[^<>]*+>)                       # 4 string in hexadecimal
    |(/[^\0\t\n\f\r ()<>\[\]{}/%]*+)   # 5 name
    |([^\0\t\n\f\r ()<>\[\]{}/%]++)    # 6 operator
    |(%[^\r\n]*+)                      # 7 comment
    |(\[)                              # 8
    |(.)                               # 9 anything else
    )""",
    re.VERBOSE | re.DOTALL,
)
NUMBER, STRING, OPEN_DICTIONARY, HEX, NAME, OPERATOR, COMMENT, OPEN_ARRAY, OTHER = range(1, 10)

OPERATORS: Final = frozenset(
    b"b B b* B* BDC BI BMC BT BX c cm cs CS d d0 d1 Do DP EI EMC ET EX f F f* G g gs h i ID j J K k l m M MP n q Q re RG rg ri s S SC sc "
    b"SCN scn sh T* Tc Td TD Tf Tj TJ TL Tm Tr Ts Tw Tz v w W W* y ' \"".split()
)
"""All instructions (ISO 32000-1, table A.1)."""

_BRACKET: Final = re.compile(rb"\\.|[()]", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|\r|\n)|(.))|(\r\n?)", re.DOTALL)
_ESCAPES: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_PLAIN_ITEM: Final = re.compile(
    rb"[\0\t\n\f\r ]*+(?:([+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++))(?=[\0\t\n\f\r (<\]])|\(([^()\\\r]*+)\))"
)
"""What arrays of text are made of: numbers, and strings in brackets without any inside and without escapes."""
_NOT_HEX: Final = re.compile(rb"[^0-9A-Fa-f]")


class Shown(NamedTuple):
    """A string operand: its bytes and where it stands."""

    value: bytes
    start: int
    end: int


class Span(NamedTuple):
    """A dictionary operand, unread."""

    start: int
    end: int


Operand = float | bytes | Shown | Span | list["float | Shown"]
"""A number, a name with its slash, a string, a dictionary, an array of strings and numbers."""


def number(token: bytes) -> float:
    """Return a number; malformed ones as viewers take them."""
    try:
        return float(token)
    except ValueError:
        found = re.match(rb"[+-]*(\d*\.?\d*)", token)
        digits = found.group(1) if found else b""
        value = float(digits) if digits.strip(b".") else 0.0
        return -value if token.startswith(b"-") else value


def string_end(data: bytes, start: int) -> int:
    """Return where the string ends whose bracket opens at `start`; the end of the data if it never does."""
    depth = 0
    for found in _BRACKET.finditer(data, start):
        token = found.group()
        depth += (token == b"(") - (token == b")")
        if depth == 0:
            return found.end()
    return len(data)


def literal(token: bytes) -> bytes:
    """Return the bytes of a string in brackets."""
    inner = token[1:-1] if token.endswith(b")") else token[1:]
    return _ESCAPE.sub(_unescaped, inner) if b"\\" in inner or b"\r" in inner else inner


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, newline, char, bare_newline = found.groups()
    if octal is not None:
        return bytes((int(octal, 8) & 255,))
    if bare_newline is not None:
        return b"\n"
    return b"" if newline is not None else _ESCAPES.get(char, char)


def hexadecimal(token: bytes) -> bytes:
    """Return the bytes of a string in hexadecimal."""
    digits = _NOT_HEX.sub(b"", token)
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def dictionary_end(data: bytes, start: int) -> int:
    """Return where the dictionary ends that opens at `start`."""
    depth = 0
    at = start
    while at < len(data):
        found = TOKEN.match(data, at)
        if found is None:
            return len(data)
        kind = found.lastindex
        at = found.end()
        if kind == OPEN_DICTIONARY:
            depth += 1
        elif kind == OTHER and found.group(OTHER) == b"(":
            at = string_end(data, found.start(OTHER))
        elif kind == OTHER and data[at - 1 : at + 1] == b">>":
            at += 1
            depth -= 1
            if depth == 0:
                return at
    return len(data)


def _plain_items(data: bytes, at: int, out: list[float | Shown]) -> int:
    """Add the items that are read fast, as nearly all are; return where the first other one starts."""
    while found := _PLAIN_ITEM.match(data, at):
        at = found.end()
        string = found[2]
        if string is None:
            out.append(float(found[1]))
        else:
            out.append(Shown(string, found.start(2) - 1, at))
    return at


def array(data: bytes, start: int) -> tuple[list[float | Shown], int]:
    """Return the strings and numbers of the array that opens at `start`, and where it ends."""
    out: list[float | Shown] = []
    at = start + 1
    depth = 1
    while True:
        at = _plain_items(data, at, out)
        found = TOKEN.match(data, at)
        if found is None:
            return out, len(data)
        kind = found.lastindex or OTHER
        begin, at = found.span(kind)
        token = found.group(kind)
        if kind == NUMBER:
            out.append(number(token))
        elif kind == STRING:
            out.append(Shown(literal(token), begin, at))
        elif kind == HEX:
            out.append(Shown(hexadecimal(token), begin, at))
        elif token == b"(":
            at = string_end(data, begin)
            out.append(Shown(literal(data[begin:at]), begin, at))
        elif token in {b"[", b"]"}:
            depth += 1 if token == b"[" else -1
            if depth == 0:
                return out, at
        elif kind == OPERATOR and token in _ENDS:
            # An array that is never closed ends where text does.
            return out, begin


_ENDS: Final = frozenset({b"TJ", b"Tj", b"ET"})


def operand_end(data: bytes, start: int, stop: int) -> int:
    """Return where the operand ends that starts, after space, at `start`; `stop` at most."""
    found = TOKEN.match(data, start, max(start, stop))
    if found is None:
        return stop
    kind = found.lastindex or OTHER
    begin = found.start(kind)
    if kind == OPEN_DICTIONARY:
        return dictionary_end(data, begin)
    if kind == OPEN_ARRAY:
        return array(data, begin)[1]
    if kind == OTHER and found.group(kind) == b"(":
        return string_end(data, begin)
    return found.end()
