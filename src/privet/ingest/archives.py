"""Archives in, archives out: every member cleaned like a file of its own, and nothing said about who packed them.

Invariants:

- Members keep their order; one that cannot be cleaned is left out and told, and the archive goes on. Where none is left of those that
  there were, the archive is refused: an empty one would look like a clean one.
- No member leaves the archive's folder; no link, device, owner, date, comment or extra field is written.
- Unpacking stops at the limits of the job, before anything is cleaned; how deep archives may lie in archives is the caller's to say.
- An encrypted member makes the whole archive unfit: nobody can tell what is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO, Final, NamedTuple

from privet.ingest.packed import Packer, stored_name, unpacked
from privet.ingest.tar_members import TarEntry, TarWriter, read_tar
from privet.ingest.weight import check_content, check_weight
from privet.metadata.job import CannotClean, Job
from privet.metadata.pieces import size_of
from privet.metadata.zip_members import UNSAFE, Meter, Names, open_zip, safe_name, shown_name, write_zip

_TAR_ENDINGS: Final = {
    "tgz": "tar",
    "tbz2": "tar",
    "tbz": "tar",
    "txz": "tar",
    "tzst": "tar",
    "svgz": "svg",
    "emz": "emf",
}
_NOTHING: Final = "nothing in it can be cleaned"
_LEFT_OUT: Final = frozenset(("link", "device"))
_UNCLEAN: Final = "what is packed in it cannot be cleaned"
_TOO_LARGE: Final = "larger than scrub.max_file_bytes"
_ENDINGS: Final = frozenset(("gz", "gzip", "zst", "zstd", "bz2", "bzip2", "xz"))


class _Found(NamedTuple):
    name: str
    content: Callable[[], bytes | None]
    """None where the member is too large"""
    add: Callable[[str, bytes], None]


def clean_zip(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a zip archive of cleaned members."""
    check_weight(source, "zip", job)
    archive = open_zip(source, job)
    writer = write_zip(target)
    found = (
        _Found(
            name,
            lambda entry=entry: archive.read(entry, job.limits.max_file_bytes),  # type: ignore[misc]
            lambda new, content, entry=entry: writer.add(  # type: ignore[misc]
                new,
                content,
                packed=entry.compress_type != 0,
                executable=entry.create_system == 3 and bool(entry.external_attr >> 16 & 0o100),
            ),
        )
        for name, entry in archive.entries(job)
    )
    _clean_members(found, job)
    writer.file.close()


def clean_tar(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a tar archive of cleaned members."""
    check_weight(source, "tar", job)
    entries = read_tar(source, job)
    meter = Meter(job, 0)
    writer = TarWriter(target)
    found = (
        _Found(
            name,
            lambda entry=entry: _content(source, entry, meter, job),  # type: ignore[misc]
            lambda new, content, entry=entry: writer.add(new, content, executable=entry.executable),  # type: ignore[misc]
        )
        for name, entry in entries.items()
    )
    _clean_members(found, job)
    writer.close()


def clean_gzip(source: BinaryIO, target: BinaryIO, job: Job, name: str = "") -> None:
    """Write a gzip file with its content cleaned; `name` is the file's own and says what the content may be."""
    _clean_packed(source, target, job, name, "gzip")


def clean_zstd(source: BinaryIO, target: BinaryIO, job: Job, name: str = "") -> None:
    """Write a zstd file with its content cleaned."""
    _clean_packed(source, target, job, name, "zstd")


def clean_bzip2(source: BinaryIO, target: BinaryIO, job: Job, name: str = "") -> None:
    """Write a bzip2 file with its content cleaned."""
    _clean_packed(source, target, job, name, "bzip2")


def clean_xz(source: BinaryIO, target: BinaryIO, job: Job, name: str = "") -> None:
    """Write an xz file with its content cleaned."""
    _clean_packed(source, target, job, name, "xz")


def refuse(_source: BinaryIO, _target: BinaryIO, _job: Job) -> None:
    """Refuse 7z and RAR, for which there is no reader to trust."""
    raise CannotClean("unpack it first")


def inner_name(name: str) -> str:
    """Return the name of what is in a compressed file.

    >>> inner_name("data/rows.csv.gz"), inner_name("all.tgz"), inner_name("dump")
    ('data/rows.csv', 'all.tar', 'dump')
    """
    stem, dot, ending = name.rpartition(".")
    if not dot:
        return name
    if ending.lower() in _TAR_ENDINGS:
        return f"{stem}.{_TAR_ENDINGS[ending.lower()]}"
    return stem if ending.lower() in _ENDINGS and stem else name


def _content(source: BinaryIO, entry: TarEntry, meter: Meter, job: Job) -> bytes | None:
    if entry.size > job.limits.max_file_bytes:
        return None
    meter.packed += entry.size
    meter.add(entry.size)
    source.seek(entry.start)
    content = source.read(entry.size)
    if len(content) != entry.size:
        raise CannotClean("truncated: the last member is not whole")
    return content


def _clean_members(found: Iterable[_Found], job: Job) -> None:
    names = Names()
    for member in found:
        content = member.content()
        if content is None:
            job.leave_out(member.name, _TOO_LARGE)
            continue
        cleaned = job.member(member.name, content)
        if cleaned is None:
            continue
        new = safe_name(cleaned.name)
        if new is None:
            job.leave_out(shown_name(cleaned.name), UNSAFE)
            continue
        member.add(names.free(new), cleaned.content)
    if not names.taken and (job.set_aside or job.removed.keys() & _LEFT_OUT):
        # Of archives in archives the innermost says why.
        why = job.set_aside[0].reason.removeprefix(f"{_NOTHING}: ") if job.set_aside else ""
        raise CannotClean(f"{_NOTHING}: {why}" if why else _NOTHING)


def _clean_packed(source: BinaryIO, target: BinaryIO, job: Job, name: str, kind: str) -> None:
    if not name and kind == "gzip":
        name = stored_name(source)
    held = bytearray()
    for block in unpacked(source, kind, job):
        held += block
        if len(held) > job.limits.max_file_bytes:
            raise CannotClean("unpacks to more than the limit: unpack it first")
    content = bytes(held)
    del held
    check_content(content, size_of(source), job)
    cleaned = job.nested(inner_name(name), content)
    if cleaned is None:
        raise CannotClean(f"what is packed in it cannot be cleaned: {job.refused}" if job.refused else _UNCLEAN)
    packer = Packer(target, kind)
    packer.write(cleaned.content)
    packer.close()
