"""Terraform's `for_each` → what a block is made for, so that one block for many is as good as one block each.

Source: developer.hashicorp.com/terraform/language/meta-arguments/for_each. Invariant: only references that are written out count; of
what a variable or a function brings nothing is known.
"""

from __future__ import annotations

import re
from typing import Final

from privet.check.pattern import regex
from privet.check.readers import Sibling

_EACH: Final = regex(r"^[ \t]*for_each[ \t]*=[ \t]*", re.MULTILINE)
_LOCAL: Final = regex(r"local\.(\w+)")
_REFERENCE: Final = regex(
    r"(?<![\w.\"-])((?!each\.|local\.|var\.|data\.|module\.|path\.|self\.)[a-z]\w*_\w+\.[A-Za-z_][\w-]*)"
)
_STRING: Final = regex(r'"(?:[^"\\\n]|\\.)*"')
_COMMENT: Final = regex(r"#[^\n]*|//[^\n]*")
_LOCALS: Final = ("locals.tf", "main.tf")
"""Other files of a folder in which locals are kept."""
_LONGEST: Final = 20_000


def targets(at: int, path: str, text: str, sibling: Sibling) -> tuple[str, ...]:
    """Return the resources, `type.name`, that the block is made for that begins at a place; none where it does not say which."""
    block = _expression(text, at)
    each = _EACH.search(block)
    if each is None:
        return ()
    said = _expression(block, each.end())
    local = _LOCAL.search(said)
    if local is not None:
        said = _of_local(local[1], path, text, sibling)
    return tuple(dict.fromkeys(_REFERENCE.findall(_STRING.sub('""', said))))


def _of_local(name: str, path: str, text: str, sibling: Sibling) -> str:
    """Return what a local is, in this file or in those where they are usually kept."""
    folder = path.rpartition("/")[0]
    for one in (text, *(sibling(f"{folder}/{file}" if folder else file) for file in _LOCALS)):
        found = re.search(rf"^[ \t]*{re.escape(name)}[ \t]*=[ \t]*", one, re.MULTILINE) if one else None
        if one and found:
            return _expression(one, found.end())
    return ""


def _expression(text: str, at: int) -> str:
    """Return an expression: to the end of its line, or of the line in which its last bracket closes."""
    depth = 0
    said = _COMMENT.sub("", text[at : at + _LONGEST])
    for place, char in enumerate(said):
        depth += (char in "([{") - (char in ")]}")
        if depth < 0 or (char == "\n" and depth <= 0):
            return said[:place]
    return said
