"""Rules of the project's own: `[[detect.rules]]` of privet.toml made into rules like the built-in ones.

Invariants:

- A rule is ready only when its own examples hold. Whoever makes a detector with a broken rule gets an error, not a detector.
- Own rules keep what the table keeps: bounded patterns, linear time (RE2 decides and matches), and no stream is cut inside one.
- No error repeats a pattern, a word or an example: they may name what is confidential. Examples are told by number.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from privet.detect import checks
from privet.detect.matchers import has_re2
from privet.detect.patterns import PatternTier
from privet.detect.portable import NotPortable, Portable, portable, words_pattern
from privet.detect.rule import MAX_PATTERN_BYTES, Candidate, Check, Rule
from privet.errors import PolicyInvalid
from privet.policy import DetectPolicy, OwnRule
from privet.records import Span

CHECKSUMS: Final = {
    "luhn": "luhn",
    "verhoeff": "verhoeff",
    "damm": "damm",
    "mod97": "iso7064.mod_97_10",
    "iso7064-11-2": "iso7064.mod_11_2",
    "iso7064-11-10": "iso7064.mod_11_10",
    "iso7064-37-2": "iso7064.mod_37_2",
    "iso7064-37-36": "iso7064.mod_37_36",
}
"""Checksums by name, and the module of python-stdnum that knows each. Any other module of it: `stdnum:de.idnr`."""

_MODULE: Final = re.compile(r"stdnum:([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){0,2})")
_SEPARATORS: Final = re.compile(r"[\s./-]+")
_MAX_WORDS: Final = 5000
_UNSPACED: Final = "\u3000"
"""From here on stand the scripts that put no space between words, so that a word has no visible end."""


class OwnTier(PatternTier):
    """The policy's own rules, each with its examples confirmed.

    Raises:
        PolicyInvalid: a rule is not usable or fails its own examples.

    """

    _plain_chars = 0

    def __init__(self, policy: DetectPolicy, *, engine: str = "") -> None:
        ready = [_rule_of(own) for own in sorted(policy.rules, key=lambda own: (own.id, own.where))]
        if not engine:
            engine = "re2" if has_re2() else "re"
        try:
            super().__init__(policy, engine=engine, rules=[rule for rule, _ in ready])
            # The standard library's matcher can take exponential time on a pattern that nobody reviewed.
            matching = [_compiled(rule.pattern, engine) for rule, _ in ready]
        except ValueError as error:
            raise PolicyInvalid("[[detect.rules]] are too large together", hint="split long word lists") from error
        self._known = [known._replace(match=made.match) for known, made in zip(self._known, matching, strict=True)]
        self._crossing = [made for made, (_, shape) in zip(matching, ready, strict=True) if shape.crosses]
        self._reach = max((shape.max_bytes for _, shape in ready if shape.crosses), default=0)
        for own in policy.rules:
            self._confirm(own)

    @property
    def looks_ahead(self) -> bool:
        """Whether a match may hold a place where a stream could be cut."""
        return self._reach > 0

    def settled(self, text: str, start: int) -> tuple[int, list[tuple[int, int]]]:
        """Return up to where matches of a text that goes on are known, and where such matches stand behind `start`."""
        place = max(start, len(text) - self._reach)
        data = text.encode("utf-8", "surrogatepass")
        floor = start if len(data) == len(text) else len(text[:start].encode("utf-8", "surrogatepass"))
        inside = []
        for pattern in self._crossing:
            position = floor
            while found := pattern.search(data, position):
                # One further, so that a match which ends with white space is not cut off right there.
                inside.append((_points(data, found.start()), _points(data, found.end()) + 1))
                position = found.start() + 1
        return place, inside

    def _confirm(self, own: OwnRule) -> None:
        for number, hit in enumerate(own.hits, start=1):
            text, marked = unmarked(hit)
            if not marked:
                raise _refused(own, f"hit {number} has no part between « and »", "mark what is to be found")
            found = self._found(text)
            exact = {(span.start, span.end) for span in found if span.rule == own.id}
            # Another rule of the project may have found the same place first.
            covered = [(span.start, span.end) for span in found if span.rule != own.id]
            if not all(
                mark in exact or any(first <= mark[0] and mark[1] <= last for first, last in covered) for mark in marked
            ):
                raise _refused(
                    own,
                    f"hit {number} is not found, or not exactly between its marks",
                    "correct the pattern, the checksum, the context words, or the example",
                )
        for number, miss in enumerate(own.misses, start=1):
            if any(span.rule == own.id for span in self._found(miss)):
                raise _refused(own, f"miss {number} is found", "make the pattern narrower, or the example right")

    def _found(self, text: str) -> list[Span]:
        return self.candidates(text, 0, len(text))


@lru_cache(maxsize=16)
def own_tier(policy: DetectPolicy) -> OwnTier:
    """Return the tier of a policy's own rules, made and confirmed once."""
    return OwnTier(policy)


def unmarked(hit: str) -> tuple[str, list[tuple[int, int]]]:
    """Return an example without its marks, and where the marked parts stand in it.

    >>> unmarked("staff «E-1», «E-2»")
    ('staff E-1, E-2', [(6, 9), (11, 14)])
    """
    parts = re.split("[«»]", hit)
    if len(parts) % 2 == 0:
        return "", []
    marked = []
    position = 0
    for number, part in enumerate(parts):
        if number % 2:
            marked.append((position, position + len(part)))
        position += len(part)
    return "".join(parts), marked


def _rule_of(own: OwnRule) -> tuple[Rule, Portable]:
    """Return the rule for the engine, and the shape of its pattern."""
    from privet.detect.rules import RULES

    if own.id.startswith(("names-", "deep-")) or any(own.id == rule.id for rule in RULES):
        raise _refused(own, "this id belongs to a built-in rule", "choose another id")
    if bool(own.pattern) == bool(own.words):
        raise _refused(own, "a rule has either a pattern or words", "write pattern = '...' or words = [...]")
    if own.pattern and not own.hits:
        raise _refused(own, "a pattern needs an example that it must find", "write hits = ['badge «B-1234»']")
    if own.needs_context and not own.context:
        raise _refused(own, "needs_context without context words", "write context = ['badge']")
    if any(not 0 < score <= 1 for score in (own.score, own.context_score or 1)):
        raise _refused(own, "a score is not above 0 and at most 1", "0.85 is the default")
    shape = _shape_of(own)
    rule = Rule(
        id=own.id,
        kind=own.kind,
        pattern=shape.pattern,
        score=own.score,
        source="privet.toml",
        hits=own.hits,
        misses=own.misses,
        check=_check_of(own),
        context=tuple(word.lower() for word in own.context),
        context_score=own.context_score,
        needs_context=own.needs_context,
    )
    return rule, shape


def _shape_of(own: OwnRule) -> Portable:
    if len(own.words) > _MAX_WORDS or any(not word.strip() for word in (*own.words, *own.context)):
        raise _refused(own, "words are empty or too many", f"at most {_MAX_WORDS}, each with a letter or digit")
    try:
        shape = words_pattern(own.words, case=own.case) if own.words else portable(own.pattern)
    except NotPortable as error:
        raise _refused(own, str(error), "RE2 syntax in the part that Python's re shares; see docs/policy.md") from None
    if shape.max_bytes > MAX_PATTERN_BYTES:
        raise _refused(
            own,
            f"it may match more than {MAX_PATTERN_BYTES} bytes",
            "bound its repeats more tightly; . is up to 4 bytes",
        )
    if shape.min_bytes < 2:
        raise _refused(own, "it may match less than two characters", "make it longer")
    if shape.groups > 1:
        raise _refused(own, "more than one group", "write (?:...); the one plain group is the part that is found")
    return shape


def _check_of(own: OwnRule) -> Check | None:
    checksum = _checksum(own) if own.checksum else None
    if not own.words:
        return checksum
    whole = _whole_words(own)
    return checks.both(whole, checksum) if checksum else whole


def _checksum(own: OwnRule) -> Check:
    """Return a check by the name of a checksum; separators do not count."""
    name = CHECKSUMS.get(own.checksum) or next(iter(_MODULE.findall(own.checksum)), "")
    try:
        valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{name}").is_valid
    except (ImportError, AttributeError):
        raise _refused(
            own, "there is no such checksum", f"one of {', '.join(CHECKSUMS)}, or a module such as stdnum:de.idnr"
        ) from None

    def check(hit: Candidate) -> bool:
        try:
            return bool(valid(_SEPARATORS.sub("", hit.value)))
        except (ValueError, LookupError, ArithmeticError):
            return False

    return check


def _whole_words(own: OwnRule) -> Check:
    """Return a check that passes whole words; where the longest is part of a longer one, a shorter may still be whole."""
    plain = [word if own.case else word.lower() for word in own.words]
    begun = [word for word in plain if any(other != word and other.startswith(word) for other in plain)]
    engine = "re2" if has_re2() else "re"
    shorter = [
        _compiled(words_pattern([word], case=own.case).pattern, engine) for word in sorted(begun, key=len, reverse=True)
    ]

    def check(hit: Candidate) -> bool:
        before = hit.before(4).decode("utf-8", "replace")[-1:]
        if _joined(before, hit.value[:1]):
            return False
        ends = (found.end() for pattern in shorter if (found := pattern.match(hit.data, hit.start)))
        for end in (hit.end, *ends):
            hit.end = end
            if not _joined(hit.after(4).decode("utf-8", "replace")[:1], hit.value[-1:]):
                return True
        return False

    return check


def _joined(neighbour: str, edge: str) -> bool:
    """Tell whether a character goes on with the word at whose edge it stands; an underscore does not, as in acme_prod."""
    return all(char.isalnum() and char < _UNSPACED for char in (neighbour, edge))


def _compiled(pattern: str, engine: str) -> Any:
    data = pattern.encode("ascii")
    if engine != "re2":
        return re.compile(data)
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    try:
        return re2.compile(data, options)
    except re2.error:
        raise ValueError("the pattern is too large") from None


def _points(data: bytes, offset: int) -> int:
    return len(data[:offset].decode("utf-8", "surrogatepass"))


def _refused(own: OwnRule, says: str, remedy: str) -> PolicyInvalid:
    return PolicyInvalid(f"{own.where or '[[detect.rules]]'}: rule {own.id}: {says}", hint=remedy)
