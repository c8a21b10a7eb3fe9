"""YAML with Jinja in it, as Ansible and cookiecutter have it → YAML text of the same length.

Invariants: every character that stays is where it was; what an expression writes is `HOLE`, which makes a value unknown; linear time.
"""

from __future__ import annotations

import re
from typing import Final

from privet.check.pattern import regex

HOLE: Final = "\ue002"
_MARK: Final = regex(
    r"(?<!\$)\{\{(?:[^{}]|\{(?!\{)|\}(?!\})){0,2000}+\}\}|\{[%#](?:[^%#{}]|[%#](?!\})|\{(?![%#])|\}){0,2000}+[%#]\}"
)
_VISIBLE: Final = regex(r"[^\r\n]")
_EMPTIED: Final = regex(r"^[ \t]+$", re.MULTILINE)


def has_jinja(text: str) -> bool:
    """Tell whether a text has expressions or statements of a template."""
    return "{%" in text or "{{" in text


def blanked(text: str) -> str:
    """Return a text without statements and comments, and with `HOLE` for each character of an expression."""
    made = _MARK.sub(lambda found: _VISIBLE.sub(HOLE if found[0].startswith("{{") else " ", found[0]), text)
    # Spaces before a block's first line would be its indentation: an emptied line becomes as many empty lines.
    return _EMPTIED.sub(lambda line: "\n" * len(line[0]), made)
