"""A text as a reader sees it, line by line.

Invariants:

- Entities, emphasis, LaTeX, invisible characters, and characters that look like ε change nothing.
- Lines stay lines: a place in what is shown is in the line of the same number.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

_RAISED: Final = re.compile(r"[⁻⁺⁰¹²³⁴-⁹]+")
_ALIKE: Final = str.maketrans(dict.fromkeys("ɛԑєϵε", "ε") | {"−": "-", "–": "-", "‑": "-", "’": "'"})
_LATEX: Final = re.compile(r"\\(?:var)?(epsilon|delta)(?![A-Za-z])")
_SIGNS: Final = {r"\leq": "≤", r"\le": "≤", r"\approx": "≈", r"\times": "×", r"\cdot": "·", r"\,": " ", r"\ ": " "}
_SPACES: Final = re.compile(r"[ \t\xa0]+")
_TAGS: Final = re.compile(r"</?[A-Za-z][^<>]*>")
_DROPPED: Final = re.compile(r"""[*`$\\{}"]|<!--|-->|(?<![A-Za-z])'|'(?![A-Za-z])""")


def shown(text: str) -> str:
    r"""Return a text as it is read.

    >>> shown(r"**&epsilon;**&nbsp;=&nbsp;`1`, $\delta \leq 10^{-5}$; we don't")
    "ε = 1, delta ≤ 10^-5; we don't"
    """
    return "\n".join(map(_line, text.split("\n")))


def without_tags(text: str) -> str:
    """Return a text without the tags of HTML in it."""
    return _TAGS.sub(lambda tag: "\n" * tag[0].count("\n"), text)


def _line(line: str) -> str:
    line = html.unescape(line)
    line = _RAISED.sub(lambda raised: "^" + unicodedata.normalize("NFKC", raised[0]), line)
    line = unicodedata.normalize("NFKC", line).translate(_ALIKE)
    line = "".join(" " if char in "\r\n" else char for char in line if unicodedata.category(char) != "Cf")
    line = _LATEX.sub(r"\1", line)
    for name, sign in _SIGNS.items():
        line = line.replace(name, sign)
    return _SPACES.sub(" ", _DROPPED.sub("", line))
