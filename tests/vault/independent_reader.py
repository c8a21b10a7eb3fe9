"""A reader of `privet-vault/1` after docs/formats/vault.md alone: nothing of the package is imported.

for record in read(data_folder, key_folder, tenant): record.id, record.vector, record.document, record.metadata
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PAGE, FIRST_PAGE, ENTRY = 16384, 4096, 40
HOT_CHUNK, COLD_CHUNK, TAG = 1 << 20, 1 << 14, 16


Record = namedtuple("Record", "id vector document metadata")  # noqa: PYI024 - a line instead of five


def derive(secret: bytes, *parts: str) -> bytes:
    message = b"".join(struct.pack(">I", len(part.encode())) + part.encode() for part in parts)
    return hmac.digest(secret, message, hashlib.sha256)


def opened(key: bytes, nonce: bytes, sealed: bytes, context: bytes) -> bytes:
    return AESGCM(key).decrypt(nonce, sealed, context)


def head(magic: bytes) -> bytes:
    return magic + b"\0\1" + bytes(6)


def read(data: Path, keys: Path, tenant: str = "") -> Iterator[Record]:
    raw = (data / "vault").read_bytes()
    assert (raw[:10], len(raw)) == (b"PVTVAULT\0\1", 42)
    vault = raw[10:26]
    secret = (keys / f"{vault.hex()}.root").read_bytes()
    assert hmac.compare_digest(derive(secret, "vault-id", vault.hex())[:16], raw[26:])
    tenant_id = derive(secret, "vault-tenant", tenant)[:16]
    folder, name = data / tenant_id.hex(), f"{vault.hex()}-{tenant_id.hex()}"
    scope = b"privet-vault/1\0" + vault + tenant_id
    data_key, subjects = key_table(keys, name, scope)
    generation, tail, epoch, manifest_tag = anchor(keys / f"{name}.anchor", data_key, scope)

    raw = (folder / "manifest").read_bytes()
    assert raw[:16] == head(b"PVTMANIF")
    body = opened(derive(data_key, "vault-manifest"), raw[16:28], raw[28:], scope + raw[:16])
    body = body[4 : 4 + int.from_bytes(body[:4], "big")]
    own_epoch, _, dimensions, own_generation, own_tail, segments = msgspec.msgpack.decode(body)
    assert (own_epoch, raw[-16:]) == (epoch, manifest_tag), "rolled back"
    reached = [(own_generation, own_tail)]
    found: dict[int, Record] = {}
    for segment_id, start, before, frames, _, last in segments:
        raw = (folder / segment_id.hex()).read_bytes()
        assert raw[:16] == head(b"PVTSEGMT")
        position, number, at = 16, start, before
        reached.append((start, before))
        while number - start < frames if frames >= 0 else number < generation:
            number += 1
            frame = Frame(scope, data_key, segment_id, number - start - 1, number, at)
            at, position = read_frame(raw, position, frame, subjects, found)
            reached.append((number, at))
        assert frames < 0 or at == last
    assert (generation, tail) in reached, "rolled back"
    assert all(len(record.vector) == dimensions for record in found.values())
    yield from found.values()


def key_table(keys: Path, name: str, scope: bytes) -> tuple[bytes, list[bytes]]:
    raw, first = (keys / f"{name}.subjects").read_bytes(), head(b"PVTSUBJS")
    assert raw[:16] == first
    both = opened(derive((keys / f"{name}.root").read_bytes(), "vault-wrap"), raw[16:28], raw[28:108], scope + first)
    entries: list[bytes] = []
    for page, start in enumerate(range(FIRST_PAGE, len(raw), PAGE)):
        context = scope + first + struct.pack(">Q", page)
        body = opened(both[32:], raw[start : start + 12], raw[start + 12 : start + PAGE], context)
        given = int.from_bytes(body[:8], "big") & 0xFFFF
        entries += [body[8 + ENTRY * number :][:ENTRY] for number in range(given)]
    return both[:32], [entry[8:] for entry in entries]


def anchor(place: Path, data_key: bytes, scope: bytes) -> tuple[int, bytes, int, bytes]:
    raw, newest = place.read_bytes(), (0, 0, 0, b"", b"", 0)
    for start in (0, 4096):
        body, mac = raw[start : start + 64], raw[start + 64 : start + 96]
        if hmac.compare_digest(hmac.digest(derive(data_key, "vault-anchor"), scope + body, hashlib.sha256), mac):
            newest = max(newest, struct.unpack(">QQQ16s16sQ", body))
    turn, generation, epoch, tail, manifest_tag, _ = newest
    assert turn
    return generation, tail, epoch, manifest_tag


class Frame(NamedTuple):
    scope: bytes
    data_key: bytes
    segment: bytes
    frame: int
    generation: int
    before: bytes

    def context(self, *parts: bytes) -> bytes:
        return b"".join((self.scope, head(b"PVTSEGMT"), self.segment, *parts))

    def area(self, raw: bytes, position: int, size: int, area: int, chunk: int) -> tuple[bytes, int]:
        key, out = derive(self.data_key, "vault-segment", self.segment.hex()), []
        context = self.context(struct.pack(">Q", self.generation))
        for number in range(-(-size // chunk)):
            sealed = raw[position : position + min(chunk, size - number * chunk) + TAG]
            out.append(opened(key, struct.pack(">III", self.frame, area, number), sealed, context))
            position += len(sealed)
        return b"".join(out), position

    def inner(self, key: bytes, area: int, sealed: bytes) -> bytes:
        run_key = derive(key, "vault-run", self.segment.hex(), str(self.frame), str(area))
        if area == 2:  # counter mode: to encrypt once more is to decrypt
            return AESGCM(run_key).encrypt(bytes(12), sealed, None)[:-TAG]
        return opened(run_key, bytes(12), sealed, self.context(struct.pack(">I", self.frame)))


def read_frame(raw: bytes, start: int, frame: Frame, keys: list[bytes], found: dict[int, Record]) -> tuple[bytes, int]:
    size, _ = struct.unpack(">IQ", raw[start : start + 12])
    sealed = raw[start + 12 : start + 12 + size]
    context = frame.context(struct.pack(">Q", frame.generation), frame.before, raw[start : start + 12])
    key = derive(frame.data_key, "vault-segment", frame.segment.hex())
    plain = opened(key, struct.pack(">III", frame.frame, 0, 0), sealed, context)
    _, dimensions, ranges, deleted, runs, padding, _ = msgspec.msgpack.decode(plain)
    hot, position = frame.area(raw, start + 12 + size, sum(run[2] for run in runs), 1, HOT_CHUNK)
    cold, position = frame.area(raw, position, sum(run[3] for run in runs) + padding, 2, COLD_CHUNK)
    for number in struct.unpack(f">{len(deleted) // 8}Q", deleted):
        found.pop(number, None)
    numbers = iter([number for first, count in ranges for number in range(first, first + count)])
    for subject, count, hot_size, cold_size in runs:
        own, entries, hot, cold = hot[:hot_size], cold[:cold_size], hot[hot_size:], cold[cold_size:]
        mine = [next(numbers) for _ in range(count)]
        if subject is not None:
            if not any(keys[subject]):
                continue  # forgotten
            own, entries = frame.inner(keys[subject], 1, own), frame.inner(keys[subject], 2, entries)
        ids, sizes = msgspec.msgpack.decode(own[count * dimensions * 4 :])
        for place, number in enumerate(mine):
            vector = struct.unpack_from(f"<{dimensions}f", own, place * dimensions * 4)
            found[number] = Record(ids[place], vector, *msgspec.msgpack.decode(entries[: sizes[place]]))
            entries = entries[sizes[place] :]
    return sealed[-TAG:], position
