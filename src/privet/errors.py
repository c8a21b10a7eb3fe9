"""What can go wrong, named for what the caller can do about it.

    PrivetError              exit code 2 unless said otherwise
    ├── BadInput             a file, flag or body is not what was expected: correct it
    │   └── PolicyInvalid    privet.toml, the environment or a flag: names file, line and remedy
    ├── Damaged              a stored file is not what was written
    │   └── RolledBack       it is what was written, but not what was written last
    ├── Unprotected          exit code 3: a protection cannot be had, so nothing was started
    ├── EngineFailed         the embedded model could not be started or has died
    └── UpstreamFailed       the model server behind the endpoint cannot be reached or misbehaves

Messages say what was expected, what was found and what to do next. They never hold a prompt, an answer, an identifier or a key.
"""

from __future__ import annotations


class PrivetError(Exception):
    """Every error this package raises on purpose.

    Args:
        message: what was expected and what was found, lower case, no full stop.
        hint: what to do next; shown after the message.

    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class BadInput(PrivetError):
    """Something the user gave is not usable; nothing was changed."""


class PolicyInvalid(BadInput):
    """A policy source is broken, unknown or tries to weaken a default without an exception."""


class Damaged(PrivetError):
    """A stored file is missing, torn, changed or another one's: the message names it."""

    exit_code = 3


class RolledBack(Damaged):
    """Stored files are older than what was acknowledged: somebody put back a copy."""


class Unprotected(PrivetError):
    """A protection could not be put up, so the command refused to go on."""

    exit_code = 3


class EngineFailed(PrivetError):
    """The embedded engine did not start, or is gone."""


class UpstreamFailed(PrivetError):
    """The upstream is unreachable, too slow, or does not speak the protocol."""
