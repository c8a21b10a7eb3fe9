"""The end of a run: what each output is called, how all come into place, and whether an earlier run has done it all.

Invariants:

- Files come into place by one rename each, the manifest last; a run that is cut off here knows what it had put there.
- Nothing outside the output is removed, whatever an earlier manifest says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from privet.errors import BadInput
from privet.evidence import Signer, digest, file_digest, is_signed, json_bytes, keyed_file_digest, read_json
from privet.ingest.manifest import names_digest
from privet.ingest.places import Places
from privet.ingest.plan import MANIFEST, Item, opened
from privet.ingest.work import FOLDER, Work, beside, sync, write_beside
from privet.ingest.worker import Done
from privet.metadata.job import CannotClean


def outputs(items: Sequence[Item], files: Mapping[str, Done]) -> dict[str, str]:
    """Tell the inputs' names apart, and return the place of each output, by the keys of their files."""
    found: dict[str, str] = {}
    places = Places()
    names: dict[str, int] = {}
    for item in sorted(items, key=lambda item: _gives_way(item, files[item.key])):
        done = files[item.key]
        done.name = _told_apart(done.name, names)
        if done.status == "cleaned":
            found[item.key] = places.free(done.name, done.suffix)
    return found


def strangers(out: Path) -> list[str]:
    """Return the files in the output of an earlier run that no run put there, by their raw names: what they hold, nobody cleaned."""
    if not (out / MANIFEST).exists() and not (out / FOLDER).exists():
        return []
    known = _earlier(out) | Work(out).meant() | {MANIFEST, beside(out / MANIFEST).name}
    found: list[str] = []
    for folder, folders, names in os.walk(out):
        here = Path(folder).relative_to(out)
        if here == Path():
            folders[:] = [name for name in folders if name != FOLDER]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found += [str(here / name) for name in (*names, *links)]
    return sorted(name for name in found if name not in known)


def put_in_place(work: Work, placed: Mapping[str, str], document: Mapping[str, Any]) -> None:
    """Rename the parts into place; `placed` holds the places by keys, `document` is the manifest."""
    before = _earlier(work.out) | work.meant()
    work.mean(before | set(placed.values()))
    sync(work.out)
    # What is gone goes first: a file may stand where a folder is to be.
    for output in before - set(placed.values()):
        _remove(work.out, output)
    for key, output in placed.items():
        target = work.out / output
        target.parent.mkdir(parents=True, exist_ok=True)
        (work.parts / key).replace(target)
    write_beside(work.out / MANIFEST, json_bytes(document))
    sync(work.out)


def complete(
    items: Sequence[Item], out: Path, plan: Mapping[str, str], signer: Signer, digest_key: bytes
) -> dict[str, Any] | None:
    """Return the manifest of a run of the same plan over the same files whose outputs are all there, else None."""
    if (out / FOLDER).exists():
        return None
    try:
        document = read_json((out / MANIFEST).read_bytes())
        files = document["files"]
        names = names_digest(items, signer)
        if (
            not is_signed(document)
            or document["plan_sha256"] != digest(plan)
            or document["names_hmac_sha256"] != names
            or len(files) != len(items)
        ):
            return None
        for item, known in zip(items, files, strict=True):
            if not _is_same(item, known, out, digest_key):
                return None
    except (OSError, BadInput, CannotClean, KeyError, TypeError):
        return None
    return dict(document)


def _is_same(item: Item, known: dict[str, Any], out: Path, key: bytes) -> bool:
    if known["input_bytes"] != item.size or bool(item.problem) != (known["input_hmac_sha256"] is None):
        return False
    if not item.problem:
        with opened(item) as file:
            if keyed_file_digest(file, key) != known["input_hmac_sha256"]:
                return False
    if known["output"] is None:
        return True
    with (out / known["output"]).open("rb") as file:
        return bool(file_digest(file) == known["output_sha256"])


def _gives_way(item: Item, done: Done) -> bool:
    """Tell whether a file takes another name than it had: what becomes `pic.pdf` leaves that name to the file that was called so."""
    return done.name != item.name or (bool(done.suffix) and PurePosixPath(done.name).suffix != done.suffix)


def _told_apart(name: str, taken: dict[str, int]) -> str:
    """Return the name of an input, with a number where another has the same once both are clean; `taken` holds the next numbers."""
    path, free = PurePosixPath(name), name
    while free in taken:
        # Of a hundred thousand files of one name each looks once.
        free, taken[name] = str(path.with_name(f"{path.stem}-{taken[name]}{path.suffix}")), taken[name] + 1
    taken[free] = 2
    return free


def _earlier(out: Path) -> set[str]:
    """Return the outputs of an earlier run here, which this one takes the place of."""
    try:
        document = read_json((out / MANIFEST).read_bytes())
        return {entry["output"] for entry in document["files"] if entry["output"]}
    except (OSError, BadInput, KeyError, TypeError):
        return set()


def _remove(out: Path, output: str) -> None:
    path = out / output
    if PurePosixPath(output).is_absolute() or ".." in PurePosixPath(output).parts or path.is_symlink():
        return
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == out or any(folder.iterdir()):
            break
        folder.rmdir()
