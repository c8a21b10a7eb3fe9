"""What the processes of a run do so that they hold less: before the first Arrow table, and between one piece of work and the next.

Invariant: values are read and written the same; only memory and time differ.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Final


@cache
def hold_little() -> None:
    """Make pyarrow give memory back at once, and not load pandas, of which nothing here has any use: 25 MB and half a second.

    It is of the whole process, so it is for a worker's own and not for a program that uses this package.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    if _PANDAS in sys.modules:
        return
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        # It looks for pandas once, when it first makes an array.
        pa.array([0])
    finally:
        sys.meta_path.remove(hidden)


def give_back() -> None:
    """Give the system back what is free: a process that waits, or goes on to something else that is large, would hold both."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)


_PANDAS: Final = "pandas"


class _Hidden(MetaPathFinder):
    """Finds no pandas, and leaves everything else to others."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Refuse pandas."""
        del path, target
        if fullname == _PANDAS:
            raise ModuleNotFoundError(f"no {_PANDAS} here", name=fullname)
        return None
