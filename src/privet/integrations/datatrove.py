"""Datatrove: documents without identifiers, as a step of a pipeline, where its own PII formatter would stand.

    LocalPipelineExecutor([JsonlReader("raw"), PrivetScrub(), JsonlWriter("clean")]).run()

Invariants:

- A document is a record: its text, its id and each key of its metadata are columns of the policy. What the policy leaves out is gone.
- Documents keep their order and number; the same document is cleaned alike on every rank.
- Statistics hold places and kinds, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from privet.detect.engine import TierName
from privet.errors import BadInput, Unprotected
from privet.ingest.cleaning import Cleaning
from privet.ingest.columns import Columns
from privet.ingest.record_file import MISSING
from privet.ingest.texts import Texts
from privet.policy import DEFAULT, EVERYTHING, Policy

try:
    from datatrove.data import Media
    from datatrove.pipeline.base import PipelineStep
except ImportError:
    Media, PipelineStep = None, object

_BATCH_DOCUMENTS: Final = 256
_READERS_PATH: Final = "file_path"
"""Metadata that a reader adds: a path of the machine that read."""


class PrivetScrub(PipelineStep):  # type: ignore[misc]
    """Cleans text, id, metadata and media of documents.

    `file_path`, which readers add to the metadata, is left out unless the policy names it. A document whose id is left out gets its number.

    Args:
        policy: which kinds are looked for, which columns are kept and how they are transformed.
        tier: "patterns", "names" or "deep".
        key: 32 secret bytes, for transforms that need a key.

    Raises:
        BadInput: the policy does not keep `text`, or a transform needs a key and there is none.
        Unprotected: `datatrove` is not installed.

    """

    type = "🧹 - SCRUB"
    name = "🌿 Privet"

    def __init__(self, policy: Policy = DEFAULT, *, tier: TierName = "names", key: bytes | None = None) -> None:
        if Media is None:
            raise Unprotected("datatrove is not installed", hint="pip install datatrove")
        super().__init__()
        if not {EVERYTHING, "text"} & policy.scrub.columns:
            raise BadInput("scrub.columns does not keep text, which every document has", hint="add text to it")
        self._how = (policy, tier, key)
        self._is_path_kept = _READERS_PATH in policy.scrub.columns
        # Loaded by the process that runs the step: it is made in one and sent to others.
        Texts(policy, "patterns", key)

    def run(self, data: Iterable[Any] | None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Yield each document, cleaned."""
        del world_size
        policy, tier, key = self._how
        texts = Texts(policy, tier, key)
        columns = Cleaning(policy, texts, key).columns()
        waiting, number = iter(data or ()), 0
        while batch := list(islice(waiting, _BATCH_DOCUMENTS)):
            with self.track_time("batch"):
                self._clean(batch, columns, f"{rank}/", number)
            self._count(texts, columns, batch)
            number += len(batch)
            yield from batch

    def _clean(self, batch: list[Any], columns: Columns, prefix: str, number: int) -> None:
        rows = [_row(document, is_path_kept=self._is_path_kept) for document in batch]
        names = dict.fromkeys(name for row in rows for name in row)
        cleaned = columns.clean({name: [row.get(name, MISSING) for row in rows] for name in names})
        for at, document in enumerate(batch):
            row = {name: values[at] for name, values in cleaned.items() if values[at] is not MISSING}
            document.text = _text(row.pop("text", None))
            document.id = _text(row.pop("id", None)) or f"{prefix}{number + at}"
            document.media = [Media(**media) for media in row.pop("media", None) or ()]
            document.metadata = row

    def _count(self, texts: Texts, columns: Columns, batch: list[Any]) -> None:
        self.stat_update("total", value=len(batch))
        for document in batch:
            self.update_doc_stats(document)
        for place, kinds in texts.taken().items():
            for kind, count in kinds.items():
                self.stat_update(f"found: {kind} in {place}", value=count)
        for column, count in columns.taken():
            self.stat_update(f"dropped: {column}", value=count)


def _row(document: Any, *, is_path_kept: bool) -> dict[str, Any]:
    """Return a document as the record that a reader made it from."""
    row = {name: value for name, value in document.metadata.items() if is_path_kept or name != _READERS_PATH}
    row |= {"text": document.text, "id": document.id}
    if document.media:
        row["media"] = [asdict(media) for media in document.media]
    return row


def _text(value: Any) -> str:
    """Return a value as text: a transform may have left a number or nothing."""
    return "" if value is None else str(value)
