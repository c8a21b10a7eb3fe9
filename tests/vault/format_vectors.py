"""Makes the test vectors of docs/formats/vault.md, from fixed keys: `python tests/vault/format_vectors.py` prints them."""

from __future__ import annotations

import hashlib
import struct

import msgspec

from privet.keys import derive
from privet.sealed import TAG_BYTES
from privet.vault.frames import Batch, Cold, Part, Segment, encoded
from privet.vault.layout import Scope, tenant_id, vault_tag

SECRET, ROOT, DATA_KEY, SUBJECT_KEY = (bytes([number]) * 32 for number in range(1, 5))
VAULT = bytes(range(16))
SEGMENT = bytes(range(16, 32))


def vectors() -> str:
    """Return them as the document has them."""
    tenant = tenant_id(SECRET, "acme")
    scope = Scope(VAULT, tenant)
    batch = Batch(
        [
            Part(None, None, ["a"], struct.pack("<2f", 1, -0.5), [msgspec.msgpack.encode(Cold("one", {"n": 1}))]),
            Part(0, SUBJECT_KEY, ["b"], struct.pack("<2f", 0, 0.25), [msgspec.msgpack.encode(Cold(None, None))]),
        ],
        [(7, 2)],
        struct.pack(">Q", 3),
        2,
    )
    pieces, tag = encoded(Segment.of(scope, SEGMENT, DATA_KEY), 0, 5, bytes(TAG_BYTES), batch)
    frame = b"".join(pieces)
    rows = {
        "tag of the file `vault`": vault_tag(SECRET, VAULT),
        "tenant id": tenant,
        "key of `vault-wrap`": derive(ROOT, "vault-wrap"),
        "key of the anchor": derive(DATA_KEY, "vault-anchor"),
        "key of the manifest": derive(DATA_KEY, "vault-manifest"),
        "key of the segment": derive(DATA_KEY, "vault-segment", SEGMENT.hex()),
        "key of the subject's hot run": derive(SUBJECT_KEY, "vault-run", SEGMENT.hex(), "0", "1"),
        "digest of the subject `ann`": derive(derive(DATA_KEY, "vault-subject-names"), "subject", "ann")[:8],
        "frame, first 12 bytes": frame[:12],
        "frame, its directory": pieces[1],
        "frame, SHA-256 of all of it": hashlib.sha256(frame).digest(),
        "frame, tag for the next one": tag,
    }
    return "\n".join(
        ["| what | hex |", "|---|---|", *(f"| {name} | `{value.hex()}` |" for name, value in rows.items())]
    )


if __name__ == "__main__":
    print(vectors())  # noqa: T201 - what it is for
