"""Small networks that find things in pictures, from the files of packages that carry them.

Invariants: nothing is downloaded, and no code of these packages runs: a network's file is found beside the package's own and read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from privet.metadata.job import CannotClean

_QUIET: Final = 3


class Network(NamedTuple):
    """A network in a package."""

    package: str
    file: str
    """its path inside the package"""
    remedy: str


def path(network: Network) -> Path | None:
    """Return where a network's file is, or None where it or what runs it is not installed."""
    if find_spec("onnxruntime") is None:
        return None
    spec = find_spec(network.package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place) / network.file
        if file.is_file():
            return file
    return None


@lru_cache(maxsize=8)
def session(network: Network, prepared: Callable[[bytes], bytes] = bytes) -> Any:
    """Return a network ready to run, loaded once; `prepared` changes the bytes of its file first.

    Raises:
        CannotClean: it is not installed, or its file is broken.

    """
    file = path(network)
    if file is None:
        raise CannotClean(network.remedy)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: files are cleaned side by side, and what comes out must not depend on how many cores there are.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = _QUIET
    try:
        return onnxruntime.InferenceSession(prepared(file.read_bytes()), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX raises types of its own, which are not exported.
        raise CannotClean(f"{network.remedy}; its files are broken") from error
