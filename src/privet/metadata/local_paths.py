r"""Paths on somebody's machine, which name the user, the project and the host, reduced to their last part.

>>> reduced("/home/jane/models/tiny"), reduced("C:\\Users\\jane\\tiny\\"), reduced("/v1/chat"), reduced("a/b")
('tiny', 'tiny', '/v1/chat', 'a/b')
"""

from __future__ import annotations

import re
from typing import Final

_ROOTED: Final = re.compile(
    r"(?:file://|[A-Za-z]:\\|\\\\[^\\\s]+\\|~[A-Za-z0-9_.-]*/"
    r"|/(?:home|Users|root|mnt|media|Volumes|scratch|workspace|data|tmp|var|opt|srv|nfs|lustre|gpfs|content|kaggle)/)[^\n]*"
)
# The Trainer's default: `runs/Nov26_12-00-00_<host>`.
_RUN: Final = re.compile(r"[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_.*")


def reduced(text: str) -> str:
    """Return the last part of a text that is a path from the root of a disk, a share or a home; others as they are."""
    return last_part(text) if _ROOTED.fullmatch(text) else text


def last_part(path: str) -> str:
    r"""Return what stands behind the last slash; a run that is named for its day and host is "run".

    >>> last_part("out/runs/Nov26_12-00-00_example-host"), last_part("../a\\b/"), last_part("/")
    ('run', 'b', '/')
    """
    last = re.split(r"[\\/]", path.rstrip("/\\"))[-1]
    return "run" if _RUN.fullmatch(last) else last or path
