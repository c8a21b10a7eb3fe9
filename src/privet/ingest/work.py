"""The folder in which a run keeps what is done: `.privet-work` in the output, gone when the run is complete.

Invariants:

- Something counts as done when its record stands in `state/`; a record is written beside and renamed into place, after what it tells of.
- A record names size and time of the file it was made from, and the digest of what was made: a run that goes on trusts neither blindly.
- Another policy, tier, key or version is another plan: what an earlier one left is thrown away, not mixed in.
- Only cleaned content is kept here, in a folder of mode 0700.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from privet.errors import BadInput
from privet.evidence import canonical, file_digest
from privet.ingest.plan import MANIFEST, PREFIX

FOLDER: Final = f"{PREFIX}-work"
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Work:
    """The state of one run."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out / FOLDER
        self.parts = self.folder / "parts"
        self.state = self.folder / "state"
        self._lock: BinaryIO | None = None

    def open(self, plan: dict[str, Any]) -> bool:
        """Make the folder or find it again; tell whether an earlier run of the same plan left something.

        Raises:
            BadInput: the output holds other files, cannot be written, or another run is at work in it.

        """
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            if not self.folder.exists() and not (self.out / MANIFEST).exists() and any(self.out.iterdir()):
                raise BadInput(
                    "the output folder is not empty, and what is in it was not written by `privet scrub`",
                    hint="choose a new or empty folder",
                )
            if self.folder.is_symlink():
                raise BadInput("the work folder in the output is a link", hint=f"remove {FOLDER} from the output")
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = (self.folder / "lock").open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            wanted = canonical(plan)
            known = self.folder / "plan.json"
            goes_on = known.exists() and known.read_bytes() == wanted
            if not goes_on:
                for folder in (self.parts, self.state):
                    shutil.rmtree(folder, ignore_errors=True)
                self.parts.mkdir()
                self.state.mkdir()
                write_beside(known, wanted)
        except BlockingIOError as error:
            self.close(complete=False)
            raise BadInput("another run is at work in this output", hint="wait for it, or stop it") from error
        except FileExistsError as error:
            raise BadInput("the output is a file, not a folder", hint="name a folder after -o") from error
        except OSError as error:
            self.close(complete=False)
            raise BadInput(
                f"the output folder cannot be written ({error.strerror})",
                hint="check its permissions and the space left",
            ) from error
        return goes_on

    def read(self, name: str, made: type[_Struct]) -> _Struct | None:
        """Return a record, or None where there is none that can be read."""
        try:
            return msgspec.json.decode((self.state / f"{name}.json").read_bytes(), type=made)
        except (OSError, msgspec.MsgspecError):
            return None

    def read_all(self, start: str, made: type[_Struct]) -> Iterator[_Struct]:
        """Yield the records whose names begin so, as far as they can be read."""
        for path in sorted(self.state.glob(f"{start}*.json")):
            record = self.read(path.name.removesuffix(".json"), made)
            if record is not None:
                yield record

    def write(self, name: str, record: msgspec.Struct) -> None:
        """Write a record into place."""
        write_beside(self.state / f"{name}.json", msgspec.json.encode(record))

    def holds(self, name: str, sha256: str) -> bool:
        """Tell whether a part is there, whole."""
        try:
            with (self.parts / name).open("rb") as file:
                return file_digest(file) == sha256
        except OSError:
            return False

    def mean(self, outputs: Collection[str]) -> None:
        """Note the outputs that are about to be put into place, so that a run with other inputs knows them if this one is cut off."""
        write_beside(self.folder / "outputs.json", msgspec.json.encode(sorted(outputs)))

    def meant(self) -> set[str]:
        """Return the outputs that a run that was cut off may have put into place, of this plan or another."""
        try:
            return msgspec.json.decode((self.folder / "outputs.json").read_bytes(), type=set[str])
        except (OSError, msgspec.MsgspecError):
            return set()

    def close(self, *, complete: bool) -> None:
        """Let go of the folder, and remove it where the run is complete."""
        if complete:
            shutil.rmtree(self.folder)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def beside(path: Path) -> Path:
    """Return where a file is written before it is renamed into place."""
    return path.with_name(f"{PREFIX}-{path.name}.new")


def write_beside(path: Path, content: bytes) -> None:
    """Write a file beside and rename it into place."""
    new = beside(path)
    try:
        new.write_bytes(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def sync(folder: Path) -> None:
    """Have everything written that is still in memory for the disk of a folder: one call for thousands of files (syncfs(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except AttributeError:  # not Linux
        os.sync()
    finally:
        os.close(descriptor)
