"""What the endpoint looks for in prompts and in answers, made from the policy once, before it listens.

Invariants:

- What a pattern finds in a prompt stays found: the names model reads what is left, and adds to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

from privet.detect import Detector
from privet.policy import DetectPolicy, Policy
from privet.records import KINDS, NAMES_KINDS, Span
from privet.redact import replace_spans
from privet.serve.masking import SpanCache

_FIRST_WORDS: Final = "Angela Merkel met Emmanuel Macron in Berlin. "


class PeopleDetector:
    """Finds what the patterns find, and beside it the kinds that only the names model knows."""

    def __init__(self, policy: DetectPolicy, patterns: Detector) -> None:
        self._patterns = patterns
        self._names = Detector(replace(policy, kinds=policy.kinds & NAMES_KINDS, rules=frozenset()))

    def find(self, text: str, start: int = 0) -> tuple[Span, ...]:
        """Return the spans behind `start`; what stands left of it is context only."""
        patterns = self._patterns.find(text, start)
        if not patterns:
            return self._names.find(text, start)
        # As the model behind will read it: an address is one word here, and its parts are nobody's names.
        sent = replace_spans(text, patterns, _label)
        return tuple(sorted((*patterns, *_moved(self._names.find(sent, start), patterns))))


def _label(span: Span, _value: str = "") -> str:
    """Return a label that the names model knows for one."""
    return f"[{span.kind if span.kind in KINDS else 'MISC'}]"


def _moved(names: Iterable[Span], patterns: Iterable[Span]) -> Iterator[Span]:
    """Yield spans of a text with labels as they lie in the text without."""
    waiting = iter(patterns)
    pattern = next(waiting, None)
    shift = 0
    for name in names:
        while pattern is not None and pattern.start < name.start + shift:
            shift += pattern.end - pattern.start - len(_label(pattern))
            pattern = next(waiting, None)
        yield name._replace(start=name.start + shift, end=name.end + shift)


@dataclass(frozen=True, slots=True)
class Detection:
    """The detectors of one endpoint; they hold no text, and threads share them.

    `prompt` masks; `answer` protects what the model says; `answer_id` looks at machine-made ids in answers.
    """

    prompt: SpanCache
    answer: Detector
    answer_id: Detector
    names_in_prompts: bool

    @property
    def names_in_answers(self) -> bool:
        """Tell whether the names model reads answers, too."""
        return self.answer.names is not None

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Load what the policy asks for.

        Raises:
            Unprotected: the names model cannot be loaded.

        """
        asked = _without(policy.detect, policy.serve.prompt_kinds_shown)
        said = _without(policy.detect, policy.serve.answer_kinds_shown)
        plain = Detector(asked, "patterns")
        named = bool(asked.kinds & NAMES_KINDS)
        people = PeopleDetector(asked, plain) if named else plain
        answer = answer_id = Detector(said, "patterns")
        if said.kinds & NAMES_KINDS:
            answer = Detector(said)
        # The first use makes what the model keeps between uses.
        people.find(_FIRST_WORDS)
        return cls(SpanCache(people, plain), answer, answer_id, named)


def _without(policy: DetectPolicy, shown: frozenset[str]) -> DetectPolicy:
    """Return what to look for where these kinds may be seen. What a project's own rules find is never among them."""
    return replace(policy, kinds=policy.kinds - shown)
