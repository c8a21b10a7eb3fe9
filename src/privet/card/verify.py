"""Holds a card against the evidence and the weights beside it.

Invariants:

- The card is written anew from evidence, and what is there has to be that: each key and each line that is not is named with its line.
- Claims of privacy outside of it have to be backed by the same evidence.
- Evidence that does not hold backs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.card.block import KEY, as_yaml, block_of
from privet.card.chart import as_svg
from privet.card.claims import unbacked
from privet.card.evidence import CHART
from privet.card.facts import Facts
from privet.card.page import Key, Page
from privet.card.problems import CARD, Problem
from privet.card.text import as_text
from privet.card.write import charted, gather, page_and_text

if TYPE_CHECKING:
    import yaml

FORMAT: Final = "privet-card-verification/1"
_WEIGHTS: Final = ("weights", "weights_without_evidence")
_APART: Final = ("evidence", *_WEIGHTS)
"""members that are compared file by file"""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was held against what, and all that does not hold: evidence first, then files and lines in order."""

    facts: Facts
    problems: Sequence[Problem]

    def as_json(self) -> dict[str, Any]:
        """Return the verification for machines."""
        return {
            "format": FORMAT,
            "verified": not self.problems,
            "card": CARD,
            "evidence": [
                {"file": piece.name, "kind": piece.kind, "sha256": piece.sha256, "signed_by": piece.signed_by or None}
                for piece in self.facts.pieces
            ],
            "weights": dict(self.facts.weights),
            "weights_without_evidence": dict(self.facts.uncovered),
            "not_measured": self.facts.not_measured,
            "valid_until": self.facts.valid_until.isoformat() if self.facts.valid_until else None,
            "problems": [problem.as_json() for problem in self.problems],
        }


def verify(folder: Path, signer: str | None = None, today: date | None = None) -> Verification:
    """Hold the card of a model against its evidence; `signer`: the public key (base64) that must have signed all of it.

    Raises:
        BadInput: there is no card, or its front matter is broken.

    """
    page, text = page_and_text(folder)
    facts, problems = gather(folder, today or date.today())
    problems += [
        Problem("evidence-other-key", piece.name, 0, "it is not signed by the key that was asked for")
        for piece in facts.pieces
        if signer is not None and piece.signed_by != signer
    ]
    problems += [*_block(page, text, facts), *_section(page, text, facts), *_chart(folder, facts)]
    problems += [Problem("card-unbacked", CARD, claim.line, claim.says) for claim in unbacked(page.others(), facts)]
    return Verification(facts, sorted(set(problems), key=_order))


def _order(problem: Problem) -> tuple[bool, bool, str, int, str]:
    # Evidence that does not hold is why what the card says of it does not: the cause comes first.
    is_cause = problem.rule.startswith("evidence") and problem.file != CARD
    return not is_cause, problem.file != CARD, problem.file, problem.line, problem.rule


def _block(page: Page, text: str, facts: Facts) -> Iterator[Problem]:
    if not page.keys:
        yield Problem("card-missing", CARD, page.front.line if page.front else 1, f"the front matter has no key {KEY}")
        return
    yield from (Problem("card-key-twice", CARD, key.span.line, f"a second key {KEY}") for key in page.keys[1:])
    key, expected = page.keys[0], block_of(facts)
    if text[key.span.start : key.span.end] == as_yaml(expected, page.newline, key.indent):
        return
    found = list(_differences(expected, key.node, (KEY,), _Lines(page)))
    yield from found
    if not found:
        # The values are right, and the text is not: comments, quotes, order.
        yield Problem(
            "card-edited",
            CARD,
            _first_line(text, key, expected, page),
            "the block is not written as privet card writes it",
        )


def _first_line(text: str, key: Key, expected: Mapping[str, Any], page: Page) -> int:
    pairs = zip(
        text[key.span.start : key.span.end].split("\n"),
        as_yaml(expected, page.newline, key.indent).split("\n"),
        strict=False,
    )
    return key.span.line + next((number for number, (one, two) in enumerate(pairs) if one != two), 0)


@dataclass(frozen=True, slots=True)
class _Lines:
    page: Page

    def of(self, node: yaml.Node) -> int:
        """Return the line of the card that a node begins in."""
        front = self.page.front
        start = front.start if front else 0
        return self.page.text.count("\n", 0, start + node.start_mark.index) + 1


def _differences(expected: Any, node: yaml.Node, path: tuple[str, ...], lines: _Lines) -> Iterator[Problem]:
    """Yield where the card says something else than evidence."""
    import yaml

    name, line = ".".join(path), lines.of(node)
    if isinstance(expected, Mapping) and isinstance(node, yaml.MappingNode):
        yield from _keys(expected, node, path, lines)
    elif isinstance(expected, list) and isinstance(node, yaml.SequenceNode):
        for number, (one, two) in enumerate(zip(expected, node.value, strict=False)):
            yield from _differences(one, two, (*path, str(number)), lines)
        for extra in node.value[len(expected) :]:
            yield Problem("card-added", CARD, lines.of(extra), f"{name}: evidence does not hold this")
        if len(node.value) < len(expected):
            yield Problem("card-edited", CARD, line, f"{name}: evidence holds more")
    elif _value(node) != expected or isinstance(expected, (Mapping, list)):
        yield Problem("card-edited", CARD, line, f"{name}: evidence holds another value")


def _keys(
    expected: Mapping[str, Any], node: yaml.MappingNode, path: tuple[str, ...], lines: _Lines
) -> Iterator[Problem]:
    at: dict[str, int] = {}
    for key, value in node.value:
        word = str(key.value)
        where = ".".join((*path, word))
        if word in at:
            yield Problem("card-key-twice", CARD, lines.of(key), f"{where}: a second time")
        elif len(path) == 1 and word in _APART:
            yield from _files(word, expected.get(word, {}), value, lines)
        elif word not in expected:
            yield Problem("card-added", CARD, lines.of(key), f"{where}: no evidence holds this")
        else:
            yield from _differences(expected[word], value, (*path, word), lines)
        at.setdefault(word, lines.of(key))
    line = lines.of(node)
    for word, due in expected.items():
        if word in at:
            line = at[word]
        elif len(path) == 1 and word in _WEIGHTS:
            yield from (Problem("weights-added", CARD, line, f"{name}: the card does not name it") for name in due)
        else:
            where = ".".join((*path, word))
            yield Problem(
                "card-edited", CARD, line, f"{where}: evidence holds it, and after this line the card does not say it"
            )


def _files(word: str, expected: Any, node: yaml.Node, lines: _Lines) -> Iterator[Problem]:
    """Compare the files that the card names with those that are there."""
    held = _value(node)
    if word == "evidence":
        yield from _evidence(expected, held, node, lines)
        return
    named = held if isinstance(held, dict) else {}
    at = {str(key.value): lines.of(key) for key, _ in node.value} if isinstance(held, dict) else {}
    for name, digest in named.items():
        if name not in expected:
            yield Problem(
                "weights-missing", CARD, at.get(str(name), lines.of(node)), f"{name}: the card names it, and it is gone"
            )
        elif expected[name] != digest:
            yield Problem(
                "weights-changed", CARD, at.get(str(name), lines.of(node)), f"{name}: the card is of another file"
            )
    for name in expected:
        if name not in named:
            yield Problem("weights-added", CARD, lines.of(node), f"{name}: the card does not name it")


def _evidence(expected: Any, held: Any, node: yaml.Node, lines: _Lines) -> Iterator[Problem]:
    there = {one["file"]: one for one in expected}
    named: set[str] = set()
    for number, one in enumerate(held if isinstance(held, list) else ()):
        line = lines.of(node.value[number])
        name = str(one.get("file", "")) if isinstance(one, dict) else ""
        named.add(name)
        if name not in there:
            yield Problem(
                "evidence-missing",
                CARD,
                line,
                f"{name or 'a nameless file'}: the card names it, and it is gone or does not count",
            )
        elif one.get("signed_by") != there[name].get("signed_by"):
            yield Problem("evidence-other-key", CARD, line, f"{name}: it is signed by another key than the card names")
        elif one != there[name]:
            yield Problem("evidence-edited", CARD, line, f"{name}: it is not the file that the card names")
    yield from (
        Problem("evidence-added", CARD, lines.of(node), f"{name}: the card does not name it")
        for name in there
        if name not in named
    )


def _value(node: yaml.Node) -> Any:
    """Return the value of a node; of one that has none, the node, which equals nothing."""
    import yaml

    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return node


def _section(page: Page, text: str, facts: Facts) -> Iterator[Problem]:
    yield from (Problem("card-markers", CARD, line, "a marker of privet without its other one") for line in page.stray)
    yield from (Problem("card-markers", CARD, one.line, "a second section of privet") for one in page.sections[1:])
    if not page.sections:
        yield Problem("card-missing", CARD, 0, "there is no section of privet card in the text")
        return
    span = page.sections[0]
    held, expected = text[span.start : span.end], as_text(facts, page.newline)
    if held == expected:
        return
    there, due = held.split("\n"), expected.split("\n")
    for tag, low, high, first, last in SequenceMatcher(None, there, due, autojunk=False).get_opcodes():
        line = span.line + min(low, len(there) - 1)
        if tag == "insert":
            yield Problem(
                "card-edited", CARD, line, f"{last - first} lines of what evidence says are not in the section here"
            )
        elif tag != "equal":
            rule, says = (
                ("card-added", "evidence does not hold this")
                if tag == "delete"
                else ("card-edited", "evidence says something else")
            )
            yield from (Problem(rule, CARD, span.line + number, f"the section: {says}") for number in range(low, high))


def _chart(folder: Path, facts: Facts) -> Iterator[Problem]:
    for name in charted(facts):
        path = folder / name
        if not path.is_file():
            yield Problem("chart-edited", CHART, 0, "the chart that the card shows is gone")
        elif path.read_bytes() != as_svg(facts).encode():
            yield Problem("chart-edited", CHART, 0, "the chart shows something else than evidence")
