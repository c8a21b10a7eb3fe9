"""What a database has to do to hold a vault: keep sealed rows, give them back, and compare tokens.

Invariants:

- It sees keyed names, sealed bytes and keyed tokens, never a key, a text, a value or a vector; rotated vectors only where somebody asked
  for that.
- `write` is all or nothing where the database has transactions; where it has not, it adds first and removes last, and a cut-short one
  is settled at the next opening.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from privet.errors import Damaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEY: Final = 16
"""Bytes of a row's keyed name."""
TOKEN: Final = 16
"""Bytes of a token."""
HEADER_KEY: Final = bytes(KEY)
"""The row under which a table says which vault it is: no keyed name is all zeros."""

Groups = list[list[bytes]]
"""A filter: of each group at least one token."""


class SealedRow(NamedTuple):
    """A record as the database has it; `hot` is its id and vector, `cold` its document and metadata, empty where it was not asked for."""

    key: bytes
    generation: int
    tokens: list[bytes]
    hot: bytes
    cold: bytes
    search: NDArray[np.float32] | None = None

    def __repr__(self) -> str:
        return f"SealedRow({self.key.hex()})"


Version = tuple[bytes, int]
"""A row's name and generation: which version of it."""


class Table(Protocol):
    """A table or collection that holds one vault.

    Raises, everywhere:
        BadInput: the database cannot be reached.
        Unprotected: it refused a write.

    """

    @property
    def name(self) -> str:
        """What it is called, for messages."""
        ...

    def made(self, header: bytes) -> bytes:
        """Make the table where it is missing, with this header; return the header that it has."""
        ...

    def header(self) -> bytes | None:
        """Return the header, None where there is no table.

        Raises:
            BadInput: it is another program's table.
            Damaged: it is a vault's table without a header, or with one that cannot be read.

        """
        ...

    def is_empty(self) -> bool:
        """Whether it has no row but the header."""
        ...

    def write(self, rows: Sequence[SealedRow], gone: Sequence[Version]) -> None:
        """Remove versions of rows and add others, durably."""
        ...

    def settle(self) -> None:
        """Wait until a write of somebody who is gone is over, whether it counts or not."""
        ...

    def changed(self, after: int) -> Generator[SealedRow]:
        """Yield the rows of later generations, without `cold`."""
        ...

    def rows(self, keys: Sequence[bytes] | None) -> Generator[SealedRow]:
        """Yield whole rows: those of these names, or all."""
        ...

    def versions(self) -> Iterator[Version]:
        """Yield the versions of all rows."""
        ...

    def matching(self, groups: Groups) -> set[bytes]:
        """Return the names of the rows that have the tokens."""
        ...

    def nearest(self, query: NDArray[np.float32], k: int, groups: Groups) -> list[tuple[bytes, float]]:
        """Return names and cosines of the rows nearest to a rotated query, best first."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def damaged_header(name: str, how: str) -> Damaged:
    """Return the error for a table whose header somebody took or changed: nobody can tell which vault it is."""
    return Damaged(
        f"the header of {name} {how}: which vault it is cannot be told",
        hint="restore the table from its newest backup; nothing was changed",
    )
