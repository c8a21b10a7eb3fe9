"""XML parts of office files: parsed without entities, written plainly, and their texts rewritten together.

Invariants:

- No entity is expanded, nothing is fetched; comments, processing instructions and document types are left out.
- All texts of one place in a part go to the job in one call; the pieces of a paragraph count as one text.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, cast

from lxml import etree

from privet.edits import across
from privet.metadata.job import CannotClean, Job

Element = etree._Element  # noqa: SLF001 (lxml has no public name for it)

MAX_PART_BYTES: Final = 64 * 1024**2
"""largest part that is read as a tree, which takes about eight times as much"""
_HUGE: Final = 8 * 1024**2
_CROWDED: Final = etree.XPath("boolean(descendant-or-self::*/@*[257])")
SPACE: Final = "{http://www.w3.org/XML/1998/namespace}space"
TEXT: Final = "\0text"
TAIL: Final = "\0tail"


class Slot(NamedTuple):
    """One piece of a text: an element's text or tail, one of its attributes, or a fixed mark that it stands for."""

    element: Element
    where: str
    """TEXT, TAIL or the name of an attribute; what starts with `=` is the mark itself"""

    def value(self) -> str:
        """Return the characters."""
        if self.where == TEXT:
            return self.element.text or ""
        if self.where == TAIL:
            return self.element.tail or ""
        return self.where[1:] if self.where[0] == "=" else self.element.get(self.where) or ""

    def put(self, text: str) -> None:
        """Set the characters; a fixed mark stays as it is."""
        if self.where == TEXT:
            self.element.text = text or None
        elif self.where == TAIL:
            self.element.tail = text or None
        elif self.where[0] != "=":
            self.element.set(self.where, text)


def parsed(content: bytes) -> Element:
    """Return the root of a part.

    Raises:
        CannotClean: it is too large or not well-formed.

    """
    if len(content) > MAX_PART_BYTES:
        raise CannotClean("a part is too large to be read as a tree: split the file")
    # Past libxml2's bounds, 10 MB for one text among them, only where the part is known to be that large.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=len(content) > _HUGE,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.LxmlError, ValueError) as error:
        raise CannotClean("damaged: a part is not well-formed XML") from error
    check_attributes(root)
    if b"<!" in content:
        for entity in list(root.iter(etree.Entity)):
            remove(entity)
    return root


def ends(content: bytes, tag: str) -> Any:
    """Return what yields ("end", element) for the elements of a tag, for parts of any length: no entity is opened, no comment is there.

    It has the `root` once all was read, and raises etree.LxmlError or ValueError where the part is not well-formed.
    """
    return etree.iterparse(
        io.BytesIO(content), events=("end",), tag=tag, resolve_entities=False, no_network=True, load_dtd=False,
        remove_comments=True, remove_pis=True, huge_tree=True,
    )  # fmt: skip


def check_attributes(root: Element) -> None:
    """Refuse elements of very many attributes: to read all of them takes the square of their number."""
    if _CROWDED(root):
        raise CannotClean("damaged: an element has more attributes than any program writes")


def serialized(root: Element) -> bytes:
    """Return a part's bytes."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True)


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    tag = str(element.tag)
    return tag[tag.rfind("}") + 1 :]


def namespace(name: str) -> str:
    """Return the namespace of a name in Clark's notation, empty for none."""
    return name[1 : name.rfind("}")] if name[:1] == "{" else ""


def attributes(element: Element) -> list[tuple[str, str]]:
    """Return an element's attributes, which may be changed while the list is read."""
    return cast("list[tuple[str, str]]", element.items())


def drop(element: Element, key: str) -> None:
    """Take an attribute away, if it is there."""
    element.attrib.pop(key, "")


def remove(element: Element) -> None:
    """Take an element out of its parent, with the white space behind it."""
    parent = element.getparent()
    if parent is not None:
        # Empty elements move in constant time; full ones take the square of what is in them.
        element.clear()
        parent.remove(element)


def remove_all(root: Element, tags: Iterable[str]) -> int:
    """Take out all elements of these names; return how many there were."""
    found = [element for element in root.iter(*tags) if element is not root]
    for element in found:
        remove(element)
    return len(found)


def unwrap(element: Element) -> None:
    """Put an element's children in its place; its own text goes."""
    for child in list(element):
        element.addprevious(child)
    remove(element)


def attached(element: Element, root: Element) -> bool:
    """Tell whether an element is still in the tree."""
    while (parent := element.getparent()) is not None:
        element = parent
    return element is root


class Texts:
    """The texts of a part, waiting to be rewritten together."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._waiting: dict[str, list[tuple[list[Slot], str, Callable[[], None] | None]]] = {}

    def add(self, place: str, slots: list[Slot], then: Callable[[], None] | None = None) -> None:
        """Let a text be rewritten that these pieces make up; `then` is called once it has changed."""
        whole = "".join([slot.value() for slot in slots])
        if whole and not whole.isspace():
            self._waiting.setdefault(place, []).append((slots, whole, then))

    def finish(self) -> int:
        """Rewrite all texts that wait; return how many changed."""
        changed = 0
        for place, waiting in self._waiting.items():
            edits = self._job.edits([whole for _slots, whole, _then in waiting], place)
            for (slots, whole, then), found in zip(waiting, edits, strict=True):
                if not found:
                    continue
                changed += 1
                values = [slot.value() for slot in slots]
                now = "".join(values)
                # A text that waited at two places has been rewritten at the first.
                made = found if now == whole else self._job.edits([now], place)[0]
                for slot, old, new in zip(slots, values, across(values, made), strict=True):
                    if old != new:
                        slot.put(new)
                if then is not None:
                    then()
        self._waiting.clear()
        return changed
