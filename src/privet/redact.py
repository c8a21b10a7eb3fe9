"""Spans and text in, text out.

Invariants:

- `redact(redact(text)) == redact(text)`: a surrogate is never itself found as an identifier.
- Everything outside the spans is returned unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

from privet.detect.engine import detect
from privet.policy import DEFAULT, Policy
from privet.records import Span

Surrogate = Callable[[Span, str], str]


def label(span: Span, _text: str) -> str:
    """Return the kind in brackets, as in [EMAIL_ADDRESS]."""
    return f"[{span.kind}]"


def mask(span: Span, _text: str) -> str:
    """Return stars, one a character."""
    return "*" * (span.end - span.start)


_MAX_PASSES: Final = 8
SURROGATES: Final[dict[str, Surrogate]] = {"label": label, "mask": mask}


def replace_spans(text: str, spans: Iterable[Span], surrogate: Surrogate) -> str:
    """Return the text with each span replaced by `surrogate(span, what stood there)`. Spans are sorted and do not overlap."""
    pieces: list[str] = []
    last = 0
    for span in spans:
        pieces += (text[last : span.start], surrogate(span, text[span.start : span.end]))
        last = span.end
    return "".join((*pieces, text[last:]))


def redact(text: str, *, surrogate: Literal["label", "mask"] = "label", policy: Policy = DEFAULT) -> str:
    """Return the text with every identifier replaced.

    >>> redact("write to jane@example.com")
    'write to [EMAIL_ADDRESS]'
    """
    # What stood beside a span may be seen for what it is once the span is gone.
    for _ in range(_MAX_PASSES):
        spans = detect(text, policy=policy)
        if not spans:
            break
        text = replace_spans(text, spans, SURROGATES[surrogate])
    return text
