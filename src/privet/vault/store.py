"""Writing to a vault: what was acknowledged is there after any crash.

Invariants:

- A write is one frame, appended and synced before the anchor moves, and acknowledged after that.
- A place that may hold part of a write is never written again: after an error, whatever it was, or a new start, writing goes on in another
  segment under another key. So no nonce comes twice.
- Memory has what was acknowledged. Where the anchor may have more, it is moved back before anything else changes on the disk.
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from privet.errors import BadInput, Unprotected
from privet.vault.files import Files
from privet.vault.frames import Batch, Segment, encoded
from privet.vault.layout import HEAD_BYTES, ID_BYTES, SEGMENT_BYTES, SEGMENT_MAGIC, damaged, head, is_leftover
from privet.vault.manifest import Listed, Manifest, write_manifest
from privet.vault.opening import NO_TAG, Opened
from privet.vault.private_files import sync_folder, write_pieces
from privet.vault.reading import placed
from privet.vault.segments import Stored, stored_runs

_CANARY_BYTES: Final = 32
_MANY_FILES: Final = 64
"""Each is open as long as the vault is, and a process may have 1,024."""


class Store(Files):
    """Writes and reads frames. Not for several threads at once: the vault has a lock."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self._anchor = opened.anchor
        self._tail: int | None = None
        self._is_checked = False
        self._is_unsure = False

    @property
    def is_scattered(self) -> bool:
        """Whether there are so many files that they should be written anew."""
        return len(self._files) > _MANY_FILES

    def check_writable(self) -> None:
        """Refuse to write where this process may not.

        Raises:
            BadInput: it only reads, or is the child of the one that opened the vault.

        """
        if not self._locks:
            raise BadInput("this vault was opened with read_only=True", hint="open it without")
        if not self.can_write:
            raise BadInput("this vault was opened before a fork", hint="open it in the process that writes")

    def settle(self) -> None:
        """Move the anchor to what was found, after a crash or where older data was accepted; remove what a crash has left."""
        if not self.can_write:
            return
        try:
            if not self._is_newest:
                self._adopt()
                return
            if self._anchor.state != self._state:
                self._anchor.write(self._state)
            self._clean()
        except OSError as error:
            raise _refused(error) from error

    def _adopt(self) -> None:
        """Make older data the newest. Files that it does not name stay until the next start: they may be the newest of another line."""
        self._replace(self._ended(), self.dimensions)
        self._is_newest = True

    def _clean(self) -> None:
        listed = {item.name for item in self._manifest.segments}
        for place in self._folder.iterdir():
            if is_leftover(place.name) and place.name not in listed:
                place.unlink()
        if self._manifest.segments and self._manifest.segments[-1].is_open:
            self._cut(self._manifest.segments[-1])

    def write(self, batches: Iterable[Batch], dimensions: int) -> list[list[Stored]]:
        """Write frames and acknowledge them together; return where the runs of each are.

        Raises:
            BadInput: this process only reads.
            Unprotected: the disk refused, or what was written is not sealed. Nothing counts of it.

        """
        self.check_writable()
        try:
            return self._written(batches, dimensions)
        except BaseException as error:
            self._give_up()
            if isinstance(error, OSError):
                raise _refused(error) from error
            raise

    def _written(self, batches: Iterable[Batch], dimensions: int) -> list[list[Stored]]:
        if self._tail is None or self._end > SEGMENT_BYTES or dimensions != self._manifest.dimensions:
            self._begin(dimensions)
        assert self._tail is not None  # noqa: S101 - begun above
        listed, segment, file = self._files[-1]
        end, frames, state = self._end, self._frames, self._state
        found: list[list[Stored]] = []
        canary = b"" if self._is_checked else secrets.token_bytes(_CANARY_BYTES)
        for batch in batches:
            given = batch._replace(dimensions=dimensions)
            pieces, tag = encoded(segment, frames, state.generation + 1, state.tail, given, canary)
            write_pieces(self._tail, pieces, end)
            place = placed(segment, file, end, frames, state.generation + 1, state.tail)
            if place is None:
                raise damaged(listed.name)
            found.append(list(stored_runs(len(self._files) - 1, place)))
            records = max((first + count for first, count in batch.numbers), default=0)
            state = state._replace(generation=state.generation + 1, tail=tag, records=max(state.records, records))
            end, frames, canary = end + place.size, frames + 1, b""
        os.fdatasync(self._tail)
        if not self._is_checked:
            self._check()
        self._anchor.write(state)
        self._end, self._frames, self._state = end, frames, state
        return found

    def _check(self) -> None:
        """Look for the vault's own canary in what was written: a cipher that silently does nothing must not pass."""
        listed, segment, file = self._files[-1]
        place = placed(segment, file, HEAD_BYTES, 0, listed.generation + 1, listed.before)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            is_sealed = place is not None and place.directory.canary and view.find(place.directory.canary) < 0
        if not is_sealed:
            os.truncate(self._folder / listed.name, self._end)
            raise Unprotected(
                "what was written is not sealed", hint="reinstall the library cryptography; nothing was kept"
            )
        self._is_checked = True

    def _begin(self, dimensions: int) -> None:
        """Close the last segment where it ends, and begin another one."""
        segments = self._ended()
        made = Listed(secrets.token_bytes(ID_BYTES), self._state.generation, self._state.tail)
        place = self._folder / made.name
        try:
            self._tail = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            write_pieces(self._tail, [head(SEGMENT_MAGIC)], 0)
            os.fsync(self._tail)
            sync_folder(self._folder)
            opened = self._open(made)
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        try:
            # From here on the disk may have a manifest that names it.
            self._replace([*segments, made], dimensions)
        except BaseException:
            opened.file.close()
            raise
        self._files.append(opened)
        self._end, self._frames, self._is_checked = HEAD_BYTES, 0, False

    def _give_up(self) -> None:
        """Write no more to the last segment, whatever it and the anchor hold now."""
        self._leave_tail()
        self._is_unsure = True

    def _leave_tail(self) -> None:
        if self._tail is not None:
            os.close(self._tail)
            self._tail = None

    def _ended(self) -> list[Listed]:
        """Return the segments, the last one closed at its last frame that counts."""
        self._leave_tail()
        if self._is_unsure:
            # An anchor beyond the data that is cut off below would look like a rollback.
            self._anchor.write(self._state)
            self._is_unsure = False
        segments = list(self._manifest.segments)
        if segments and segments[-1].is_open:
            last = segments[-1]
            self._cut(last)
            tail = self._state.tail if self._frames else last.before
            segments[-1] = Listed(last.id, last.generation, last.before, self._frames, self._end, tail)
            self._files[len(segments) - 1] = self._files[len(segments) - 1]._replace(listed=segments[-1])
        return segments

    def _cut(self, listed: Listed) -> None:
        """Cut off what lies behind the last frame that counts."""
        descriptor = os.open(self._folder / listed.name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_size > self._end:
                os.ftruncate(descriptor, self._end)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _replace(self, segments: list[Listed], dimensions: int) -> None:
        """Write the next manifest, then the anchor that knows it. Whatever fails, memory stays as it was."""
        state = self._state
        manifest = Manifest(state.epoch + 1, state.manifest, dimensions, state.generation, state.tail, segments)
        tag = write_manifest(self._folder, self._scope, self._keys.data_key, manifest)
        state = state._replace(epoch=manifest.epoch, manifest=tag)
        self._anchor.write(state)
        self._state, self._manifest, self.dimensions = state, manifest, dimensions

    def rewrite(self, batches: Iterable[Batch]) -> None:
        """Put other frames in the place of all, and remove the files that held them.

        Raises:
            Unprotected: the disk refused; everything is as it was.

        """
        self.check_writable()
        made = Listed(secrets.token_bytes(ID_BYTES), 0, NO_TAG)
        place = self._folder / made.name
        try:
            try:
                opened = self._open(self._rewritten(made, batches))
            except BaseException:
                place.unlink(missing_ok=True)
                raise
            try:
                self._ended()
                self._replace([opened.listed], self.dimensions)
            except BaseException:
                opened.file.close()
                raise
        except BaseException as error:
            self._give_up()
            if isinstance(error, OSError):
                raise _refused(error) from error
            raise
        old, self._files = self._files, [opened]
        for item in old:
            item.file.close()
            with suppress(OSError):  # the next start removes it
                (self._folder / item.listed.name).unlink()

    def _rewritten(self, made: Listed, batches: Iterable[Batch]) -> Listed:
        segment = Segment.of(self._scope, made.id, self._keys.data_key)
        before, frames = made.before, 0
        descriptor = os.open(self._folder / made.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            size = write_pieces(descriptor, [head(SEGMENT_MAGIC)], 0)
            for batch in batches:
                given = batch._replace(dimensions=self.dimensions)
                pieces, before = encoded(segment, frames, frames + 1, before, given)
                size = write_pieces(descriptor, pieces, size)
                frames += 1
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self._folder)
        return Listed(made.id, made.generation, made.before, frames, size, before)

    def close(self) -> None:
        """Close files and let the next writer in."""
        self._leave_tail()
        super().close()


def _refused(error: OSError) -> Unprotected:
    return Unprotected(
        f"the vault could not be written ({os.strerror(error.errno or 0)})",
        hint="check space and permissions; nothing was lost",
    )
