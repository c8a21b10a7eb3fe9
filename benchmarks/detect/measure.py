"""Marks and spans to figures with intervals; pure functions.

- Recall and precision count characters that are not white space: who marks a name in one span or in two is no matter.
- An interval is the middle 95 % of 1000 resamples of whole documents, drawn with a fixed seed.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from texts import DIRECT, Document, TextSet

RESAMPLES: Final = 1000
SEED: Final = 23

Spans = Sequence[Sequence[Any]]
Figure = dict[str, float]
Table = dict[str, NDArray[np.float64]]
"""One count a document, for each thing counted."""


def figures(texts: TextSet, found: Sequence[Spans]) -> dict[str, Any]:
    """Return every measure that the set's marks allow; where not everything is marked, precision is a lower bound."""
    table = counted(texts.documents, found)
    weights = resampled(len(texts.documents))
    share = Share(table, weights)
    measures: dict[str, Figure | None] = {
        "recall": share.of("hit", "gold"),
        "precision": share.of("hit", "found"),
        "person_recall": share.of("person_hit", "person_gold"),
        "person_recall_any_kind": share.of("hit PERSON", "gold PERSON"),
        "person_precision": share.of("person_hit", "person_found"),
        "person_f1": share.f1("person_hit", "person_gold", "person_found"),
        "phone_strict_f1": share.f1("phone_hit", "phone_gold", "phone_found"),
    }
    if texts.complete:
        measures |= {
            "f1": share.f1("hit", "gold", "found"),
            "direct_recall": share.of("hit direct", "gold direct"),
            "quasi_recall": share.of("hit quasi", "gold quasi"),
        }
    if not table["gold"].any():
        measures = {"spans_per_100kb": share.of("spans", "bytes", 1e5)}
    known = {name: value for name, value in measures.items() if value is not None}
    kinds = sorted({kind for document in texts.documents for _, _, kind in document.marks})
    return known | {"recall_of": {kind: share.of(f"hit {kind}", f"gold {kind}") for kind in kinds}}


def counted(documents: Sequence[Document], found: Sequence[Spans]) -> Table:
    """Return what is counted in each document."""
    rows = [one(document, spans) for document, spans in zip(documents, found, strict=True)]
    names = sorted(set().union(*rows, _ALWAYS))
    return {name: np.array([row.get(name, 0) for row in rows], dtype=np.float64) for name in names}


_ALWAYS: Final = (
    "bytes",
    "spans",
    "gold",
    "found",
    "hit",
    "person_gold",
    "person_found",
    "person_hit",
    "phone_gold",
    "phone_found",
    "phone_hit",
    "gold PERSON",
    "hit PERSON",
    "gold direct",
    "hit direct",
    "gold quasi",
    "hit quasi",
)


def one(document: Document, spans: Spans) -> Counter[str]:
    """Count in one document."""
    text, counts = document.text, Counter[str]()
    ink = np.array([not char.isspace() for char in text], dtype=bool)
    found = covered(len(text), spans) & ink
    gold = covered(len(text), document.marks) & ink
    people = covered(len(text), [span for span in spans if span[2] == "PERSON"]) & ink
    persons = covered(len(text), [mark for mark in document.marks if mark[2] == "PERSON"]) & ink
    counts["bytes"], counts["spans"] = len(text.encode()), len(spans)
    counts["gold"], counts["found"], counts["hit"] = map(int, (gold.sum(), found.sum(), (gold & found).sum()))
    counts["person_gold"], counts["person_found"] = int(persons.sum()), int(people.sum())
    counts["person_hit"] = int((persons & people).sum())
    for start, end, kind in document.marks:
        whole, hit = int(ink[start:end].sum()), int(found[start:end].sum())
        for name in (kind, "direct" if kind in DIRECT else "quasi"):
            counts[f"gold {name}"] += whole
            counts[f"hit {name}"] += hit
    phones = {(start, end) for start, end, kind in document.marks if kind == "PHONE"}
    numbers = {(start, end) for start, end, kind in spans if kind == "PHONE_NUMBER"}
    counts["phone_gold"], counts["phone_found"] = len(phones), len(numbers)
    counts["phone_hit"] = len(phones & numbers)
    return counts


def covered(length: int, spans: Spans) -> NDArray[np.bool_]:
    """Return which characters lie in a span."""
    mask = np.zeros(length, dtype=bool)
    for start, end, _ in spans:
        mask[start:end] = True
    return mask


def resampled(documents: int) -> NDArray[np.float64]:
    """Return how often each document is drawn in each resample."""
    generator = np.random.default_rng(SEED)
    return generator.multinomial(documents, np.full(documents, 1 / max(documents, 1)), RESAMPLES).astype(np.float64)


class Share:
    """Ratios of counts with their intervals."""

    def __init__(self, table: Table, weights: NDArray[np.float64]) -> None:
        self._whole = {name: float(column.sum()) for name, column in table.items()}
        self._drawn = {name: weights @ column for name, column in table.items()}

    def of(self, part: str, whole: str, scale: float = 100) -> Figure | None:
        """Return `part` of `whole`, in per cent; None where there is nothing to be a part of."""
        if not self._whole[whole]:
            return None
        return interval(
            scale * self._whole[part] / self._whole[whole],
            scale * _ratio(self._drawn[part], self._drawn[whole]),
        )

    def f1(self, hit: str, gold: str, found: str) -> Figure | None:
        """Return the harmonic mean of recall and precision in per cent."""
        if not self._whole[gold]:
            return None
        whole, drawn = self._whole, self._drawn
        return interval(
            200 * whole[hit] / (whole[gold] + whole[found]),
            200 * _ratio(drawn[hit], drawn[gold] + drawn[found]),
        )


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def interval(value: float, drawn: NDArray[np.float64]) -> Figure:
    """Return a value with the middle 95 % of what was drawn."""
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"value": round(value, 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def kinds_found(found: Sequence[Spans]) -> dict[str, int]:
    """Return how many spans of each kind there are, most first."""
    return dict(Counter(str(kind) for spans in found for _, _, kind in spans).most_common())
