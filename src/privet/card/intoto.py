"""A card as an in-toto attestation of the weights, in a signed DSSE envelope.

Source: in-toto/attestation, spec/v1/statement.md (`_type`, `subject`, `predicateType`, `predicate`), spec/v1/envelope.md (`payloadType`);
secure-systems-lab/dsse, protocol.md (PAE) and envelope.md (`payload`, `signatures`, `keyid`, `sig`).

Invariants:

- A subject is called as model-signing calls it: the path of the file below the model's folder, `/` between, in the order of names, with
  its SHA-256. Every weight file is one, those without evidence too, and nothing else is.
- What is signed begins with `DSSEv1`, so it is never taken for evidence, which begins with a brace.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any, Final

from privet.card.block import KEY, block_of
from privet.card.facts import Facts
from privet.errors import BadInput
from privet.evidence import Signer, canonical

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://github.com/privet-ai/privet/blob/main/docs/formats/card.md#v1"


def statement_of(facts: Facts) -> dict[str, Any]:
    """Return the statement.

    Raises:
        BadInput: there are no weights that it could be of.

    """
    weights = {**facts.weights, **facts.uncovered}
    if not weights:
        raise BadInput("there are no weights to attest", hint="name the folder that holds them")
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(weights.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {KEY: block_of(facts)},
    }


def as_envelope(facts: Facts, signer: Signer) -> dict[str, Any]:
    """Return the statement in its envelope."""
    payload = canonical(statement_of(facts))
    public = b64decode(signer.public_key)
    value = signer.sign(pae(PAYLOAD_TYPE, payload))
    return {
        "payload": b64encode(payload).decode("ascii"),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": sha256(public).hexdigest(), "sig": b64encode(value).decode("ascii")}],
    }


def pae(kind: str, body: bytes) -> bytes:
    """Return the pre-authentication encoding of DSSE v1.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(body), body)
