"""Documents and metadata that were read last, opened: many records lie in one chunk, and opening it takes longer than all else of a hit.

Invariants:

- It holds no more than `BYTES`, and nothing of a run from which a record was taken out.
- A chunk is authenticated when it is read; `Vault.verify` reads it again.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

from privet.vault.layout import COLD_CHUNK

if TYPE_CHECKING:
    from privet.vault.segments import Stored
    from privet.vault.store import Store

BYTES: Final = 1 << 25
_WHOLE: Final = -1


class Recent:
    """Opened pieces of runs, those read longest ago given up first. A piece is a chunk, or the whole run of a subject."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pieces: dict[tuple[int, int], bytes] = {}
        self._bytes = 0

    def __repr__(self) -> str:
        return f"Recent({self._bytes} bytes)"

    def read(self, run: int, stored: Stored, start: int, size: int) -> bytes:
        """Return one cold entry of a run.

        Raises:
            Damaged: it is not what was written.

        """
        number, begin = _WHOLE, start
        if stored.run.subject is None:
            # Chunks are counted from where the cold area of the frame begins.
            first = stored.cold + start
            number = first // COLD_CHUNK
            if first + size > (number + 1) * COLD_CHUNK:
                return self._store.cold(stored, start, size)
            begin = first - max(stored.cold, number * COLD_CHUNK)
        piece = self._pieces.pop((run, number), None)
        if piece is None:
            piece = self._opened(run, stored, number)
        else:
            self._pieces[run, number] = piece
        return piece[begin : begin + size]

    def drop(self, runs: AbstractSet[int]) -> None:
        """Give up what is held of runs."""
        for key in [key for key in self._pieces if key[0] in runs]:
            self._bytes -= len(self._pieces.pop(key))

    def _opened(self, run: int, stored: Stored, number: int) -> bytes:
        """Return a piece that is not held, and hold it if there is room."""
        piece = self._store.cold_whole(stored) if number == _WHOLE else self._chunk(stored, number)
        self._pieces[run, number] = piece
        self._bytes += len(piece)
        while self._bytes > BYTES:
            self._bytes -= len(self._pieces.pop(next(iter(self._pieces))))
        return piece

    def _chunk(self, stored: Stored, number: int) -> bytes:
        first = max(stored.cold, number * COLD_CHUNK)
        end = min(stored.cold + stored.run.cold, (number + 1) * COLD_CHUNK)
        return self._store.cold(stored, first - stored.cold, end - first)
