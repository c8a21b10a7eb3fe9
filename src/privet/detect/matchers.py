"""The three questions the engine asks of all rules at once, answered by RE2 or by the standard library.

- Where is the next place at which some rule may match? (`Search`)
- Which rules match at this place? (`Which`)
- Which rules have a context word in this text? (`Near`)

Both answer alike: same patterns, same bytes. RE2 does it in linear time whatever the text; `re` is slower by a factor of
about fifty and stands in where google-re2 has no wheel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from privet.detect.rule import MAX_PATTERN_BYTES, Rule, utf8

Search = Callable[[bytes, int], int]
Which = Callable[[bytes, int], Sequence[int]]
Near = Callable[[bytes], Collection[int]]

_RE2_MEMORY_BYTES: Final = 64 * 1024 * 1024
_IDEOGRAM: Final = "\u3040"


class Matchers(NamedTuple):
    """Answers for one list of rules; rules are named by their place in it."""

    search: Search
    which: Which
    near: Near


def has_re2() -> bool:
    """Tell whether RE2 can be used."""
    try:
        import re2  # noqa: F401
    except ImportError:
        return False
    return True


def _heads(rules: Sequence[Rule]) -> bytes:
    return "|".join(f"(?:{head})" for head in dict.fromkeys(rule.head or rule.pattern for rule in rules)).encode(
        "ascii"
    )


def _at(rule: Rule) -> bytes:
    r"""Return the pattern of a rule with the byte before it, so that \b at its beginning sees that."""
    return rf"(?s:.)(?:{rule.pattern})".encode("ascii")


def _window(data: bytes, position: int) -> bytes:
    return data[position - 1 : position + MAX_PATTERN_BYTES] if position else b"\n" + data[:MAX_PATTERN_BYTES]


def _words(rule: Rule) -> bytes:
    """Return a pattern for the context words of a rule; an underscore ends a word, as in passport_number."""
    spaced = "|".join(utf8(re.escape(word)) for word in rule.context if word[0] < _IDEOGRAM)
    # Chinese and Japanese write without spaces, so a word there has no visible end.
    joined = "".join("|" + utf8(word) for word in rule.context if word[0] >= _IDEOGRAM)
    return rf"(?:\A|[^a-z0-9\x80-\xff])(?:{spaced})(?:\z|[^a-z0-9\x80-\xff]){joined}".encode("ascii")


def re2_matchers(rules: Sequence[Rule]) -> Matchers:
    """Return the answers of RE2."""
    # The compiled objects themselves: the package's wrapper costs more than the search of a short text.
    from re2 import Options, _re2

    options = Options()
    options.encoding = Options.Encoding.LATIN1
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _RE2_MEMORY_BYTES
    expression: Any = _re2.RE2(_heads(rules) if rules else b"[^\\x00-\\xff]", options)
    anywhere = _re2.RE2.Anchor.UNANCHORED
    match = expression.Match
    table: Any = _re2.Set(_re2.RE2.Anchor.ANCHOR_START, options)
    contexts: Any = _re2.Set(anywhere, options)
    with_context = [number for number, rule in enumerate(rules) if rule.context]
    added = [table.Add(_at(rule)) for rule in rules] + [contexts.Add(_words(rules[number])) for number in with_context]
    if not expression.ok() or min(added, default=0) < 0 or not table.Compile() or not contexts.Compile():
        message = "the rules do not compile"
        raise ValueError(message)

    table_match = table.Match

    def search(data: bytes, position: int) -> int:
        return match(anywhere, data, position, len(data))[0][0]  # type: ignore[no-any-return]

    def which(data: bytes, position: int) -> Sequence[int]:
        window = data[position - 1 : position + MAX_PATTERN_BYTES] if position else _window(data, 0)
        found = table_match(window)
        return sorted(found) if len(found) > 1 else found

    contexts_match = contexts.Match

    def near(left: bytes) -> Collection[int]:
        found = contexts_match(left)
        return {with_context[place] for place in found} if found else ()

    return Matchers(search, which, near)


def re_matchers(rules: Sequence[Rule]) -> Matchers:
    """Return the answers of the standard library."""
    searching = re.compile(_heads(rules) if rules else b"(?!)").search
    matching = [re.compile(_at(rule)).match for rule in rules]
    contexts = [
        (number, re.compile(_words(rule).replace(rb"\z", rb"\Z")).search)
        for number, rule in enumerate(rules)
        if rule.context
    ]

    def search(data: bytes, position: int) -> int:
        found = searching(data, position)
        return found.start() if found else -1

    def which(data: bytes, position: int) -> Sequence[int]:
        window = _window(data, position)
        return [number for number, match in enumerate(matching) if match(window)]

    def near(left: bytes) -> Collection[int]:
        return {number for number, found in contexts if found(left)}

    return Matchers(search, which, near)
