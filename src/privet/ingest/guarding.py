"""Around readers of hostile bytes: what they raise becomes a reason, and bytes get a path without a disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from privet.errors import PrivetError
from privet.metadata.job import CannotClean

_OUTPUT_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EPIPE)


@contextmanager
def in_memory(content: bytes) -> Iterator[Path]:
    """Give bytes a path without writing them to a disk (memfd_create(2))."""
    descriptor = os.memfd_create("privet", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


@contextmanager
def guarded() -> Iterator[None]:
    """Turn whatever a reader of hostile bytes raises into a reason; what the output cannot take and our own errors stay what they are.

    Raises:
        CannotClean: in place of nearly everything.

    """
    try:
        yield
    except (CannotClean, PrivetError):
        raise
    except MemoryError as error:
        raise CannotClean("it takes more memory than a file may") from error
    except OSError as error:
        if error.errno in _OUTPUT_ERRORS:
            raise
        raise CannotClean(f"its reader failed ({type(error).__name__})") from error
    except Exception as error:
        # Readers of other people's formats raise nearly anything on hostile bytes; its text may quote them.
        raise CannotClean(f"its reader failed ({type(error).__name__})") from error
