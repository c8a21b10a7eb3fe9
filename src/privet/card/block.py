"""What the card says, as the YAML block `privacy:` of its front matter.

Invariants:

- The text is the same for the same facts, and every YAML 1.1 and 1.2 reader takes the same values from it: numbers have a point where
  they are no whole numbers, texts are in quotes unless they are plain words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from privet.card.facts import FORMAT, Facts, Test

KEY: Final = "privacy"
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z_/.-]*[A-Za-z](?:/[0-9]+)?")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]")
_MAX_FIGURES: Final = 40
_WORDS: Final = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
_STEP: Final = 2


def block_of(facts: Facts) -> dict[str, Any]:
    """Return the block as values; its schema is docs/formats/card.schema.json."""
    out: dict[str, Any] = {"format": FORMAT, **facts.privacy, **facts.training}
    valid_until = facts.valid_until
    for name, held in (
        ("scrub", facts.scrub),
        ("dedup", facts.dedup),
        ("detector_recall", facts.recall),
        ("dataset_audit", facts.dataset_audit),
    ):
        if held:
            out[name] = dict(held)
    if facts.audit:
        out["audit"] = {**facts.audit, "tests": [_test(test) for test in facts.tests]}
    if facts.endpoint:
        out["endpoint_audit"] = {**facts.endpoint, "tests": [_test(test) for test in facts.endpoint_tests]}
    out["not_measured"] = facts.not_measured
    if valid_until:
        out["valid_until"] = valid_until.isoformat()
    out["evidence"] = [
        {"file": piece.name, "kind": piece.kind, "sha256": piece.sha256}
        | ({"signed_by": piece.signed_by} if piece.signed_by else {"signed": False})
        | ({"created": piece.created.isoformat()} if piece.created else {})
        for piece in facts.pieces
    ]
    out["weights"] = dict(facts.weights)
    if facts.uncovered:
        out["weights_without_evidence"] = dict(facts.uncovered)
    return out


def _test(test: Test) -> dict[str, Any]:
    out: dict[str, Any] = {"id": test.id, "verdict": test.verdict}
    if test.samples:
        out |= {"samples": test.samples, "hits": test.hits, "interval": list(test.interval)}
    figures = dict(list(test.numbers.items())[:_MAX_FIGURES])
    return out | {"figures": figures} if figures else out


def as_yaml(block: Mapping[str, Any], newline: str = "\n", indent: int = 0) -> str:
    """Return the block with its key, ending with a line break."""
    lines = [f"{KEY}:", *_mapping(block, _STEP)]
    return "".join(f"{' ' * indent}{line}{newline}" for line in lines)


def _mapping(values: Mapping[str, Any], indent: int) -> list[str]:
    lines: list[str] = []
    for name, value in values.items():
        plain = _PLAIN_KEY.fullmatch(name) and name.lower() not in _WORDS
        head = f"{' ' * indent}{name if plain else _quoted(name)}:"
        if isinstance(value, Mapping) and value:
            lines += [head, *_mapping(value, indent + _STEP)]
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            lines += [head, *_items(value, indent + _STEP)]
        else:
            lines.append(f"{head} {_flow(value)}")
    return lines


def _items(values: Sequence[Mapping[str, Any]], indent: int) -> list[str]:
    lines: list[str] = []
    for value in values:
        inner = _mapping(value, indent + _STEP)
        lines += [f"{' ' * indent}- {inner[0].lstrip()}", *inner[1:]]
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    return str(value) if isinstance(value, int) else _text(str(value))


def _number(value: float) -> str:
    """Return a number that YAML 1.1 takes for one: `1e-05` it takes for a text.

    >>> _number(1e-05), _number(8.0), _number(0.25)
    ('1.0e-05', '8.0', '0.25')
    """
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if mark and "." not in mantissa else text


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _quoted(value)


def _quoted(value: str) -> str:
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
