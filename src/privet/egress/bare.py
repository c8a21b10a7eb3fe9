"""What a start needs of the standard library, without its modules that take longer to load than a program takes to start.

Those are `typing`, `enum`, `re`, `contextlib`, `pathlib`, and `signal` and `socket`, which make enumerations of what the interpreter has
built in. Invariant: nothing on the way to the program's first instruction imports one of them.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from types import TracebackType
else:
    import _signal as signal
    import _socket as socket

__all__ = ["Ignoring", "read_text", "signal", "socket", "write_text"]


class Ignoring:
    """Go on behind the block where one of these errors ends it."""

    def __init__(self, *errors: type[BaseException]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        return kind is not None and issubclass(kind, self._errors)


def read_text(path: str) -> str:
    """Return what a file holds; bytes that are no UTF-8 come back as they are when it is written."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 (see above)
        return file.read()


def write_text(path: str, text: str) -> None:
    """Write a file in one piece, as those of /proc are to be."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
