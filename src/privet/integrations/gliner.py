"""GLiNER: a model that finds what its labels name, as a tier of ours: `Detector(also=[GlinerTier("models/gliner")])`.

Only from a folder on this machine. A name that a hub would look up is refused, because asking a hub tells it what is being done, and
what it answers is code and weights that nobody looked at.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

from privet.detect.deep import joined, windows
from privet.errors import BadInput, Unprotected
from privet.records import Span

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "person": "PERSON",
        "location": "LOCATION",
        "address": "LOCATION",
        "organization": "ORGANIZATION",
        "date": "DATE_TIME",
        "age": "AGE",
        "nationality": "NRP",
        "occupation": "OCCUPATION",
        "email": "EMAIL_ADDRESS",
        "phone number": "PHONE_NUMBER",
        "passport number": "PASSPORT",
        "username": "SOCIAL_HANDLE",
    }
)
"""What the model is asked for, and what it is here."""

_WINDOW_CHARS: Final = 1200
"""About 250 words: models of this kind take 384 and drop what stands beyond."""
_OVERLAP_CHARS: Final = 200
_OFFLINE: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


class Model(Protocol):
    """What is needed of a model: every `gliner.GLiNER` has it."""

    def predict_entities(self, text: str, labels: list[str], threshold: float) -> list[dict[str, Any]]:
        """Return entities with `start`, `end`, `label` and `score`."""
        ...


def load_offline(folder: Path) -> Model:
    """Return the model in a folder, with every way to a hub shut.

    Raises:
        Unprotected: gliner is not installed, cannot be kept offline, or does not load the folder.

    """
    hub = sys.modules.get("huggingface_hub.constants")
    if hub is not None and not getattr(hub, "HF_HUB_OFFLINE", False):
        raise Unprotected(
            "huggingface_hub was imported before it was told to stay offline",
            hint="set HF_HUB_OFFLINE=1 before the program starts",
        )
    for name in _OFFLINE:
        # Read when the libraries are imported: a model's configuration may name a tokenizer on the hub.
        os.environ[name] = "1"
    try:
        from gliner import GLiNER
    except ImportError as error:
        raise Unprotected("gliner is not installed", hint="pip install gliner") from error
    try:
        model: Model = GLiNER.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # torch, transformers and the hub raise types of their own.
        raise Unprotected(
            "the folder does not load as a GLiNER model without the network",
            hint="it needs the weights, gliner_config.json and the tokenizer's files",
        ) from error
    return model


class GlinerTier:
    """A GLiNER model in a local folder, asked for `labels`, which name kinds. `load` turns the folder into the model.

    Raises:
        BadInput: the path is not a folder that exists.
        Unprotected: gliner is not installed, cannot be kept offline, or does not load the folder.

    """

    def __init__(
        self,
        path: Path | str,
        *,
        labels: Mapping[str, str] = LABELS,
        threshold: float = 0.5,
        load: Callable[[Path], Model] = load_offline,
    ) -> None:
        folder = Path(path)
        if not folder.is_dir():
            raise BadInput(
                "expected a folder with a GLiNER model, found none there",
                hint="download the model yourself and give its folder; names of a hub are not looked up",
            )
        self._model, self._labels, self._threshold = load(folder), dict(labels), threshold

    def candidates(self, text: str, start: int, end: int) -> list[Span]:
        """Return what the model finds between two places; the whole text is read, in windows that overlap."""
        parts = [
            Span(
                first + found["start"],
                first + found["end"],
                self._labels[found["label"]],
                round(min(1.0, float(found["score"])), 2),
                "gliner-" + found["label"].replace(" ", "-"),
            )
            for first, last in windows(text, _WINDOW_CHARS, _OVERLAP_CHARS)
            for found in self._model.predict_entities(text[first:last], list(self._labels), self._threshold)
            if found["label"] in self._labels
        ]
        return [span for span in joined(text, parts) if span.start >= start and span.end <= end]
