"""The generation anchor: which write was the last that was acknowledged. It lies beside the keys, never in the data folder.

Invariants:

- Two slots in turn: a torn write of one leaves the other. The newest slot whose MAC holds counts (HMAC-SHA-256, RFC 2104).
- It moves after the data is on the disk and before the write is acknowledged, so data may be one write ahead of it, never behind.
- A slot that could not be written is written again before the other one is, which may be the only whole one.
"""

from __future__ import annotations

import hmac
import os
import struct
from pathlib import Path
from typing import Final, NamedTuple

from privet.errors import Damaged, Unprotected
from privet.keys import derive
from privet.sealed import TAG_BYTES
from privet.vault.private_files import write_at, write_beside

_SLOT: Final = struct.Struct(f">QQQ{TAG_BYTES}s{TAG_BYTES}sQ")
_MAC_BYTES: Final = 32
_STRIDE: Final = 4096
"""Slots lie in disk blocks of their own."""


class State(NamedTuple):
    """What was acknowledged: how many frames ever, the tag of the last one's directory, the manifest's epoch and tag, records ever."""

    generation: int
    tail: bytes
    epoch: int
    manifest: bytes
    records: int


class Anchor:
    """A small file with the newest acknowledged state."""

    def __init__(self, place: Path, key: bytes, context: bytes) -> None:
        self._place = place
        self._key = derive(key, "vault-anchor")
        self._context = context
        self._turn = 0
        self.state: State | None = None
        """What it holds, as far as this process knows."""

    def __repr__(self) -> str:
        return "Anchor(...)"

    def read(self) -> State | None:
        """Return the newest state, None where there is no anchor.

        Raises:
            Damaged: there is a file, and none of its slots is of this vault.

        """
        try:
            raw = self._place.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unprotected("the anchor cannot be read", hint="check the permissions of the key folder") from error
        found: State | None = None
        for start in (0, _STRIDE):
            body = raw[start : start + _SLOT.size]
            mac = raw[start + _SLOT.size : start + _SLOT.size + _MAC_BYTES]
            if len(mac) == _MAC_BYTES and hmac.compare_digest(mac, self._mac(body)):
                turn, *state = _SLOT.unpack(body)
                if found is None or turn > self._turn:
                    self._turn, found = turn, State(state[0], state[2], state[1], state[3], state[4])
        if found is None:
            raise Damaged(
                f"the anchor {self._place.name} in the key folder is damaged",
                hint="restore the key folder from its backup",
            )
        self.state = found
        return found

    def write(self, state: State) -> None:
        """Store a state durably.

        Raises:
            Unprotected: it cannot be written, so the write must not be acknowledged.

        """
        turn = self._turn + 1
        body = _SLOT.pack(turn, state.generation, state.epoch, state.tail, state.manifest, state.records)
        slot = body + self._mac(body)
        start = turn % 2 * _STRIDE
        if turn == 1:
            # A file that is there has a slot that is whole.
            write_beside(self._place, (bytes(start) + slot).ljust(2 * _STRIDE, b"\0"))
        else:
            self._write_slot(slot, start)
        self._turn, self.state = turn, state

    def _write_slot(self, slot: bytes, start: int) -> None:
        try:
            descriptor = os.open(self._place, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                write_at(descriptor, slot, start)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unprotected(
                f"the anchor cannot be written ({os.strerror(error.errno or 0)})",
                hint="check space and permissions of the key folder",
            ) from error

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, self._context + body, "sha256")
