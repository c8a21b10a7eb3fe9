"""The parts of a file and which of their rows stay, one part at a time: there may be thousands.

Invariants:

- One part is open at any time, the one that was asked for last.
- The flags of one part are unpacked at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from privet.ingest.record_file import Kept


class Parts(Sequence[BinaryIO]):
    """The parts of a file, opened when they are asked for. Use it as a context manager."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, at: Any) -> Any:
        """Return one part, open; the one before is closed."""
        path = self._paths[at]
        self._open.close()
        return self._open.enter_context(path.open("rb"))


class Flags(Sequence[Kept]):
    """Which rows of each part stay, unpacked when they are asked for."""

    def __init__(self, packed: Sequence[bytes | None]) -> None:
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, at: Any) -> Any:
        """Return the flags of one part."""
        packed = self._packed[at]
        return None if packed is None else np.unpackbits(np.frombuffer(packed, np.uint8)).astype(bool)
