"""Privacy by default for open-source models.

>>> from privet import redact
>>> redact("write to jane@example.com")
'write to [EMAIL_ADDRESS]'
"""

from __future__ import annotations

import sys
from types import ModuleType

# Not from `typing`, which takes longer to load than all that `privet run` needs to start a program.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from privet.detect import detect, detect_all
    from privet.errors import PrivetError
    from privet.records import Span
    from privet.redact import RedactStream, redact, redact_all, restore

__version__ = "0.1.0"
__all__ = [
    "PrivetError",
    "RedactStream",
    "Span",
    "__version__",
    "detect",
    "detect_all",
    "redact",
    "redact_all",
    "restore",
]

_HOMES: Final = {
    "PrivetError": "privet.errors",
    "RedactStream": "privet.redact",
    "Span": "privet.records",
    "detect_all": "privet.detect",
    "redact_all": "privet.redact",
    "restore": "privet.redact",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: `privet run` must start a program sooner than the detector's modules are read.
    if name not in _HOMES:
        message = f"module 'privet' has no attribute {name!r}"
        raise AttributeError(message)
    found = globals()[name] = getattr(_module(_HOMES[name]), name)
    return found


def _module(name: str) -> ModuleType:
    import importlib

    return importlib.import_module(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _function(name: str) -> property:
    """Return the function that has the name of its module: importing `privet.redact` must not put the module in its place."""
    return property(lambda _package: getattr(_module(f"privet.{name}"), name), lambda _package, _loaded: None)


class _Package(ModuleType):
    detect = _function("detect")
    redact = _function("redact")


sys.modules[__name__].__class__ = _Package
