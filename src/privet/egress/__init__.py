"""No outside call unless it is named.

>>> from privet import egress
>>> locked = egress.lock()  # doctest: +SKIP
>>> locked.layers  # doctest: +SKIP
('audit hook', 'seccomp', 'loopback device', 'namespace', 'connections', 'Landlock')
"""

from __future__ import annotations

# Not from `typing`, which takes longer to load than all that `privet run` needs to start a program.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from privet.egress.in_process import lock

__all__ = ["lock"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: `privet run` needs none of it.
    if name != "lock":
        message = f"module 'privet.egress' has no attribute {name!r}"
        raise AttributeError(message)
    from privet.egress.in_process import lock

    return lock
