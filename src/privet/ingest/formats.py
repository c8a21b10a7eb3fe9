"""Which cleaner takes which format, and why some take none.

Invariants:

- A format is named by its content, never by the file's name alone (`privet.metadata.sniff`).
- A format without a cleaner is set aside with a reason that says what to do.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, BinaryIO, Final, Protocol

from privet.ingest import long_text
from privet.metadata.job import CannotClean, Job

RECORDS: Final = {
    "jsonl": "jsonl",
    "json": "json_doc",
    "csv": "delimited",
    "tsv": "delimited",
    "parquet": "arrow",
    "arrow": "arrow",
    "orc": "arrow",
    "sqlite": "sqlite",
    long_text.FORM: "long_text",
}
"""Formats of rows: modules of this package with `units`, `clean_unit` and `assemble`; see `record_file`."""
_MODULES: Final = {
    "heic": ("heif", "clean"),
    "ico": ("bmp", "clean"),
    "aiff": ("wav", "clean"),
    "avi": ("wav", "clean"),
    "markdown": ("text", "clean"),
    "mbox": ("mail", "clean"),
    "npz": ("numpy", "clean"),
}
"""Formats whose cleaner is not the module of their own name in `privet.metadata`."""
_ARCHIVES: Final = ("zip", "tar", "gzip", "zstd", "bzip2", "xz")
_REFUSED: Final = {
    "empty": "",
    "executable": "a program",
    "7z": "a 7z archive: unpack it first",
    "rar": "a rar archive: unpack it first",
    "avro": "an Avro file: convert it to Parquet or JSONL first",
    "unknown": "its format is not known",
}


class Clean(Protocol):
    """A cleaner of one format."""

    def __call__(self, source: BinaryIO, target: BinaryIO, job: Job) -> None:
        """Write to `target` what of `source` is content."""
        ...


def cleaner(form: str) -> Clean:
    """Return what cleans a format of documents, archives, media or model files.

    Raises:
        CannotClean: there is none, or what it needs is not installed.

    """
    if form in _REFUSED:
        raise CannotClean(_REFUSED[form] or "it is empty")
    if form in _ARCHIVES:
        return _loaded("privet.ingest.archives", f"clean_{form}")
    module, function = _MODULES.get(form, (form, "clean"))
    return _loaded(f"privet.metadata.{module}", function)


def record_module(form: str) -> Any:
    """Return the module that reads and writes a format of rows.

    Raises:
        CannotClean: what it needs is not installed.

    """
    return _module(f"privet.ingest.{RECORDS[form]}")


def _loaded(module: str, function: str) -> Clean:
    found: Clean = getattr(_module(module), function)
    return found


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise CannotClean(
            f"reading it takes a package that is not installed ({error.name}): pip install 'privet[scrub]'"
        ) from error
