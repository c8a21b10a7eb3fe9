"""A README as text: where its front matter, the block `privacy:` and the section of the card are, and the same with others put there.

Invariants:

- Everything outside the block and the section stays as it is, byte for byte: keys, their order, comments, quotes, line ends.
- What was written is read again: the other keys are what they were, and the block is what was to be written, or nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from privet.card.block import KEY, as_yaml
from privet.card.problems import CARD
from privet.card.text import BEGIN, END
from privet.errors import BadInput

if TYPE_CHECKING:
    import yaml

# As huggingface_hub reads it (repocard.py, REGEX_YAML_BLOCK): blank lines may stand before.
_OPENING: Final = re.compile(r"\ufeff?\s*---[ \t]*\r?\n")
_CLOSING: Final = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_MARKER: Final = re.compile(rf"^[ \t]*({BEGIN}|{END})[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of a text; `line` is the number of its first line."""

    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Key:
    """A key `privacy` of the front matter: where it is, its value, and whether it is written as a key of its own on its lines."""

    span: Span
    node: yaml.Node
    indent: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A README taken apart. `front`: the lines between the two `---`; `stray`: lines of markers without their other one."""

    text: str
    newline: str
    front: Span | None
    root: yaml.Node | None
    keys: tuple[Key, ...]
    sections: tuple[Span, ...]
    stray: tuple[int, ...]

    def others(self) -> str:
        """Return what the author wrote: lines of the block and the section are empty, so that numbers of lines stay."""
        out = self.text
        for span in sorted((*(key.span for key in self.keys[:1]), *self.sections[:1]), key=lambda one: -one.start):
            out = out[: span.start] + "\n" * out.count("\n", span.start, span.end) + out[span.end :]
        return out


def page_of(text: str) -> Page:
    """Take a README apart.

    Raises:
        BadInput: its front matter is broken; the line is named.

    """
    at = text.find("\n")
    newline = "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"
    front = _front(text)
    root = _root(text, front) if front else None
    keys = tuple(_keys(text, front, root)) if front else ()
    sections, stray = _sections(text, front.end if front else 0)
    return Page(text, newline, front, root, keys, sections, stray)


def _front(text: str) -> Span | None:
    opening = _OPENING.match(text)
    if opening is None:
        return None
    line = _line(text, opening.end())
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        raise BadInput(
            f"{CARD}:{line - 1}: the front matter that begins here has no end", hint="close it with a line ---"
        )
    return Span(opening.end(), closing.start(), line)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _root(text: str, front: Span) -> yaml.Node | None:
    import yaml

    try:
        root = yaml.compose(text[front.start : front.end], Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = front.line + (error.problem_mark.line if error.problem_mark else 0)
        raise BadInput(f"{CARD}:{line}: the front matter is not valid YAML", hint="correct this line") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"{CARD}:{front.line}: the front matter is not valid YAML", hint="correct it") from error
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise BadInput(f"{CARD}:{front.line}: the front matter is no list of keys", hint="write it as key: value")
    return root


def _keys(text: str, front: Span, root: yaml.Node | None) -> Iterator[Key]:
    if root is None:
        return
    for key, value in root.value:
        if key.value != KEY:
            continue
        at = front.start + key.start_mark.index
        start = text.rfind("\n", 0, at) + 1
        end = front.start + value.end_mark.index
        if text[end - 1] != "\n":
            end = text.index("\n", end) + 1
        # The end of a block is where the next thing begins: comments and blank lines between belong to the author.
        while (last := text.rfind("\n", start, end - 1) + 1) > start and _is_between(text[last:end]):
            end = last
        alone = not root.flow_style and not text[start:at].strip()
        yield Key(Span(start, end, _line(text, start)), value, at - start, alone)


def _is_between(line: str) -> bool:
    return not line.strip() or line.startswith("#")


def _sections(text: str, begin: int) -> tuple[tuple[Span, ...], tuple[int, ...]]:
    """Return the sections, markers and all, and the lines of markers that make none."""
    sections: list[Span] = []
    stray: list[int] = []
    opened: Span | None = None
    for found in _MARKER.finditer(text, begin):
        line = _line(text, found.start())
        if found[1] == BEGIN:
            if opened:
                stray.append(opened.line)
            opened = Span(found.start(), found.start(), line)
        elif opened:
            sections.append(Span(opened.start, found.end(), opened.line))
            opened = None
        else:
            stray.append(line)
    if opened:
        stray.append(opened.line)
    return tuple(sections), tuple(stray)


def written(page: Page, block: Mapping[str, Any], section: str) -> str:
    """Return the README with the block and the section in it.

    Raises:
        BadInput: there are several of one, or the author's own front matter leaves no place for the block.

    """
    if len(page.keys) > 1:
        raise BadInput(f"{CARD}:{page.keys[1].span.line}: a second key {KEY}", hint="keep one")
    if page.stray or len(page.sections) > 1:
        line = page.stray[0] if page.stray else page.sections[1].line
        raise BadInput(
            f"{CARD}:{line}: a marker of privet without its other one", hint="leave one pair of markers, or none"
        )
    text = _with_section(page, section)
    text = _with_block(page, text, block)
    _check(page, text, block)
    return text


def _with_section(page: Page, section: str) -> str:
    text = page.text
    if page.sections:
        span = page.sections[0]
        return text[: span.start] + section + text[span.end :]
    if not text.strip("\ufeff"):
        return text + section
    between = "" if text.endswith("\n") else page.newline
    return text + between + page.newline + section


def _with_block(page: Page, text: str, block: Mapping[str, Any]) -> str:
    """Put the block in; it stands before the section, so its place in the text is still what it was."""
    import yaml

    newline = page.newline
    if page.front is None:
        head = "\ufeff" if text.startswith("\ufeff") else ""
        return f"{head}---{newline}{as_yaml(block, newline)}---{newline}{newline}{text[len(head) :]}"
    if page.keys:
        key = page.keys[0]
        if not key.alone or not (isinstance(key.node, yaml.MappingNode) or key.node.tag.endswith(":null")):
            raise BadInput(
                f"{CARD}:{key.span.line}: the key {KEY} is the author's own",
                hint="give it another name: privet card writes its block under it",
            )
        span = key.span
        return text[: span.start] + as_yaml(block, newline, key.indent) + text[span.end :]
    root = page.root
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        return _instead_of_braces(page, text, block, root)
    indent = root.value[0][0].start_mark.column if isinstance(root, yaml.MappingNode) and root.value else 0
    at = page.front.end
    return text[:at] + as_yaml(block, newline, indent) + text[at:]


def _instead_of_braces(page: Page, text: str, block: Mapping[str, Any], root: yaml.MappingNode) -> str:
    """Put the block in the place of `{}`, as the hub's template has it."""
    front = page.front
    if front is None or root.value:
        line = front.line if front else 1
        raise BadInput(f"{CARD}:{line}: the front matter is in braces", hint="write one key a line")
    at, end = (front.start + mark.index for mark in (root.start_mark, root.end_mark))
    line_end = text.index("\n", end) + 1
    rest = text[end:line_end]
    return text[:at] + as_yaml(block, page.newline) + (rest.lstrip() if rest.strip() else "") + text[line_end:]


def _check(page: Page, text: str, block: Mapping[str, Any]) -> None:
    """Hold what is to be written against what was there."""
    import yaml

    line = page.front.line if page.front else 1
    wrong = BadInput(
        f"{CARD}:{line}: the block cannot be put into this front matter without changing other keys",
        hint="write the front matter as one key a line, without anchors around all of it",
    )
    try:
        after = page_of(text)
        same = _shape(page.root) == _shape(after.root)
        held = yaml.load(text[after.front.start : after.front.end], Loader=yaml.CSafeLoader) if after.front else {}
    except (BadInput, yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise wrong from error
    if not same or held.get(KEY) != block or len(after.keys) != 1:
        raise wrong


def _shape(node: yaml.Node | None) -> Any:
    """Return the keys and values of a front matter but the block, without places."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return []
    return [(_plain(key), _plain(value)) for key, value in node.value if key.value != KEY]


def _plain(node: yaml.Node) -> Any:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return node.tag, [(_plain(key), _plain(value)) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return node.tag, [_plain(value) for value in node.value]
    return node.tag, node.value
