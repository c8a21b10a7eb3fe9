"""Files that hold one colour profile: what it does with colours stays, who made it, for what device and when goes.

Invariant: as for profiles in pictures (`privet.metadata.icc`); a profile of another kind is refused.
"""

from __future__ import annotations

from typing import BinaryIO, Final, get_args

from privet.metadata import icc
from privet.metadata.job import CannotClean, Job

_SPACES: Final = {space.encode(): space for space in get_args(icc.Space)}


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a profile with nothing but its colours.

    Raises:
        CannotClean: it is damaged, or turns no colours of pictures into others.

    """
    profile = source.read(icc.MAX_BYTES + 1)
    space = _SPACES.get(profile[16:20])
    kept = icc.neutral(profile, space, is_alone=True) if space is not None else None
    if kept is None:
        raise CannotClean("damaged, or a kind of colour profile that is not supported")
    job.dropped("document properties")
    target.write(kept)
