"""Which cleaner takes which file, and why some take none.

Invariants:

- A format is named by its content (`privet.metadata.sniff`); the name of the file only tells apart what is written alike: the settings
  of a model, the description of a dataset and any other JSON, and what is inside a packed file.
- A file without a cleaner is set aside with a reason that says what to do. A file of no bytes needs none: it is clean, whatever its name.
"""

from __future__ import annotations

import zlib
from functools import partial
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, Protocol

from privet.ingest import long_text
from privet.metadata.hf_json import is_model_json
from privet.metadata.job import CannotClean, Job
from privet.metadata.sniff import mismatch, recognise
from privet.metadata.vocabulary import is_token_list

EDGE_BYTES: Final = 65536
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
KEEP_ALL: Final = frozenset(("sqlite",))
"""Formats whose rows refer to each other, so that none is taken out."""
DESCRIPTION: Final = "dataset description"
_PACKED_ROWS: Final = frozenset(("jsonl", "csv", "tsv"))
_MODULES: Final = {
    "heic": "heif",
    "markdown": "text",
    "mbox": "mail",
    "npz": "numpy",
    "pickle": "pickles",
    "torch": "torch_zip",
}
"""Formats whose cleaner is not the module of their own name in `privet.metadata`."""
LEGACY: Final = frozenset(
    "doc xls ppt wordml xlsb vsd vsdx pub wps wpd wri sxw sxc sxi sxd sdw sdc sda wks wk1 123 pages numbers key".split()  # noqa: SIM905
)
"""Formats of which an installed LibreOffice makes one of today."""
_RENAMED: Final = {"msg": ".eml", "postscript": ".pdf"}
"""Formats whose cleaned files are always of another one, with its suffix."""
_ARCHIVES: Final = frozenset(("zip", "tar", "gzip", "zstd", "bzip2", "xz"))
_EMPTY: Final = "empty"
_REFUSED: Final = {
    "executable": "a program",
    "7z": "a 7z archive: unpack it first",
    "rar": "a rar archive: unpack it first",
    "camera_raw": "camera raw: what makes a picture of it stands in its maker's notes: convert it to DNG first",
    "dicom": "a DICOM file: its text is part of a medical record; take a tool that de-identifies by PS3.15 first",
    "avro": "an Avro file: convert it to Parquet or JSONL first",
    "encrypted": "encrypted with a password",
    "ole": "an older format that is not known",
    "unknown": "its format is not known",
}


class Clean(Protocol):
    """A cleaner of one format."""

    def __call__(self, source: BinaryIO, target: BinaryIO, job: Job) -> None:
        """Write to `target` what of `source` is content."""
        ...


def seen(source: BinaryIO, name: str, size: int) -> str:
    """Return the format of a file; `source` stands at 0 again.

    Raises:
        CannotClean: its name says something else than its content.

    """
    head = source.read(EDGE_BYTES)
    source.seek(max(0, size - EDGE_BYTES))
    tail = source.read(EDGE_BYTES)
    source.seek(0)
    form = recognise(head, tail, name, size)
    lie = mismatch(form, name) if name else None
    if lie:
        raise CannotClean(lie)
    if form in ("text", "markdown") and is_token_list(name, head):
        return "vocabulary"
    if form == "json":
        return _json_form(PurePosixPath(name).name)
    if form in ("gzip", "zstd"):
        inside = _inside(form, head, name)
        return inside if inside in _PACKED_ROWS else form
    return form


def _json_form(name: str) -> str:
    from privet.ingest.hf_folder import DESCRIPTIONS

    if name in DESCRIPTIONS:
        return DESCRIPTION
    return "hf_json" if is_model_json(name) else "json"


def _inside(form: str, head: bytes, name: str) -> str:
    """Return the format of what is packed, as far as its beginning tells."""
    from privet.ingest.archives import inner_name

    try:
        if form == "gzip":
            begin = zlib.decompressobj(wbits=31).decompress(head, EDGE_BYTES)
        else:
            import zstandard

            begin = zstandard.ZstdDecompressor().stream_reader(head).read(EDGE_BYTES)
    except (zlib.error, ImportError, OSError, ValueError) as error:
        raise CannotClean("damaged, or reading it takes pip install 'privet[scrub]'") from error
    except Exception as error:  # zstandard.ZstdError, which cannot be named where zstandard is missing
        raise CannotClean("damaged: it does not unpack") from error
    # Its end is not known: as long as it may be, the begun line at its end is no sign of damage.
    return recognise(begin, begin, inner_name(name), max(len(begin), EDGE_BYTES + 1))


def cleaner(form: str, name: str) -> Clean:
    """Return what cleans a format of documents, archives, media or model files.

    Raises:
        CannotClean: there is none, or what it needs is not installed.

    """
    if form in _REFUSED:
        raise CannotClean(_REFUSED[form])
    if form == _EMPTY:
        return _nothing
    if form in LEGACY:
        return partial(_module("privet.metadata.legacy").clean, kind=form)
    if form in _ARCHIVES:
        clean: Clean = getattr(_module("privet.ingest.archives"), f"clean_{form}")
        return clean if form in ("zip", "tar") else partial(clean, name=name)  # type: ignore[call-arg]
    if form == "flat_odf":
        flat: Clean = _module("privet.metadata.odf").clean_flat
        return flat
    found: Clean = _module(f"privet.metadata.{_MODULES.get(form, form)}").clean
    return found


def _nothing(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write no bytes for no bytes."""
    del source, target, job


def new_suffix(form: str, source: BinaryIO) -> str:
    """Return the suffix that a cleaned file takes where it is of another kind than the raw one, else nothing.

    Raises:
        CannotClean: the file cannot be read.

    """
    if form in LEGACY:
        return str(_module("privet.metadata.legacy").converted_suffix(form))
    if form in _RENAMED:
        return _RENAMED[form]
    if form in ("ooxml", "flat_ooxml"):
        suffix = str(_module(f"privet.metadata.{form}").cleaned_suffix(source))
        source.seek(0)
        return suffix
    return ""


def record_module(form: str) -> Any:
    """Return the module that reads and writes a format of rows.

    Raises:
        CannotClean: what it needs is not installed.

    """
    return _module(f"privet.ingest.{RECORDS[form]}")


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise CannotClean(
            f"reading it takes a package that is not installed ({error.name}): pip install 'privet[scrub]'"
        ) from error
