"""Make this process unable to leave its memory behind, and refuse where something already copies content away.

Invariants: after `harden`, a crash writes no core, other processes of the user cannot attach or read memory (Linux), files are
created for the owner only, and no traceback prints a value.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Final

from privet.errors import Unprotected

_PR_SET_DUMPABLE: Final = 4
_PR_GET_DUMPABLE: Final = 3
_OFF: Final = ("", "0", "false", "no", "off", "none", "no_content")

CAPTURE_VARIABLES: Final = (
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
    "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
    "AZURE_TRACING_GEN_AI_CONTENT_RECORDING_ENABLED",
    "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE",
    "TRACELOOP_TRACE_CONTENT",
)
"""Variables that make a tracing library copy messages or headers; any value but an off one switches them on."""


def refuse_content_capture(environment: Mapping[str, str]) -> None:
    """Refuse to go on where tracing of message content is switched on.

    Raises:
        Unprotected: names the variable and how to switch it off.

    """
    for name in CAPTURE_VARIABLES:
        if environment.get(name, "").strip().lower() not in _OFF:
            raise Unprotected(
                f"{name} is set: a tracing library would copy every prompt and answer", hint=f"unset {name}"
            )


def harden() -> None:
    """Switch core dumps, attaching, readable files and talkative tracebacks off for this process.

    Raises:
        Unprotected: the operating system refused one of them.

    """
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        raise Unprotected("core dumps cannot be switched off", hint="start it where setrlimit is allowed") from error
    if sys.platform == "linux" and _prctl(_PR_SET_DUMPABLE, 0) != 0:
        raise Unprotected("the process cannot be made undumpable", hint="start it where prctl is allowed")
    os.umask(0o077)
    # A warning's text may quote what a library stumbled over.
    warnings.simplefilter("ignore")
    sys.excepthook = _quiet_exception
    threading.excepthook = lambda args: _quiet(args.exc_type, args.exc_traceback)
    sys.unraisablehook = lambda args: _quiet(args.exc_type, args.exc_traceback)


def is_hardened() -> bool:
    """Tell whether core dumps and attaching are off right now."""
    cores_off = resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    return cores_off and (sys.platform != "linux" or _prctl(_PR_GET_DUMPABLE, 0) == 0)


def place_of(error: BaseException) -> str:
    """Return where an exception was raised, `ValueError at stream.py:42`, without its text: the text may quote the data."""
    return _place(type(error), error.__traceback__)


def _place(kind: type[BaseException] | None, traceback: TracebackType | None) -> str:
    name = kind.__name__ if kind else "error"
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return name
    file = traceback.tb_frame.f_code.co_filename.rsplit("/", 1)[-1]
    return f"{name} at {file}:{traceback.tb_lineno}"


def _quiet(kind: type[BaseException] | None, traceback: TracebackType | None) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"privet: internal error, {_place(kind, traceback)}\n")


def _quiet_exception(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _quiet(kind, traceback)
    del error


def _prctl(option: int, value: int) -> int:
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0))
