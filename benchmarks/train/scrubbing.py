"""Tickets without identifiers and copies, as `privet train` cleans its data."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tickets
from tqdm import tqdm

from privet.integrations.train_data import examples_of
from privet.policy import DEFAULT
from privet.train_config import TrainConfig


def cleaned(raw: Sequence[tickets.Ticket]) -> tuple[list[list[str]], dict[str, Any]]:
    """Return the tickets scrubbed and each once, with whose each is, and what was done: by the pipeline of `privet train`."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "tickets.jsonl"
        data.write_text("".join(json.dumps(asdict(one)) + "\n" for one in raw))
        config = TrainConfig(
            model=data, data=data, output=Path(folder) / "out", text="text", subject="customer", dataset_id="demo"
        )
        told = tqdm(total=len(raw), desc="scrub", file=sys.stderr)
        found = examples_of(
            config, DEFAULT, None, Path(folder), lambda _step, at, _of: told.update(at - told.n) and None
        )
        told.close()
    return [[text, f"S-{whose}"] for text, whose in zip(found.rows, found.subjects or [], strict=True)], found.done
