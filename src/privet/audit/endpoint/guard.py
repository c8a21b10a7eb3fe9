"""Whether the API needs a key, and when the server looks at it.

Invariant: it is found out once for all tests that need it, by at most three requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.reply import reply_of
from privet.audit.endpoint.routes import REFUSALS, document_of
from privet.audit.endpoint.scene import Scene

CLOSED: Final = frozenset((401, 403, 407))
_KEPT: Final = "guard"


@dataclass(frozen=True, slots=True)
class Guard:
    """`needs_key`: None where it cannot be told. `before_body`: a request without a key is refused before its body is read."""

    needs_key: bool | None
    models_closed: bool
    before_body: bool


async def guard_of(scene: Scene) -> Guard:
    """Return how the API is guarded."""
    known = scene.kept.get(_KEPT)
    if isinstance(known, Guard):
        return known
    client, base = scene.client, scene.dialect.base
    route = f"{base}/chat/completions" if scene.dialect.chats or not scene.dialect.completes else f"{base}/completions"
    bare = await client.ask("POST", route, key=None, body=question(scene))
    listed = await client.ask("GET", f"{base}/models", key=None)
    keyed = scene.target.key is not None
    # Where the key opens the door, whatever keeps others out is a door: some servers fall over where a key is missing.
    works = keyed and (scene.dialect.chats or scene.dialect.completes)
    needs: bool | None = None
    if is_answered(bare):
        needs = False
    elif bare.status in CLOSED or (works and bare.came and not bare.ok):
        needs = True
    elif listed.came:
        needs = True if listed.status in CLOSED else (False if has_models(listed) and not keyed else None)
    closed = listed.came and not listed.ok and bool(scene.dialect.models or listed.status in CLOSED)
    guard = Guard(needs, closed, False)
    if needs:
        empty = await client.ask("POST", route, key=None, body=b"{}")
        told = bare.status not in REFUSALS
        guard = Guard(True, closed, told and empty.status == bare.status)
    scene.kept[_KEPT] = guard
    return guard


def question(scene: Scene) -> bytes:
    """Return the cheapest question that a model answers."""
    dialect = scene.dialect
    fields = {"model": dialect.model, dialect.limit_field: 1, **dialect.usual}
    if dialect.chats or not dialect.completes:
        return msgspec.json.encode(fields | {"messages": [{"role": "user", "content": "Hi"}]})
    return msgspec.json.encode(fields | {"prompt": "Hi"})


def is_answered(answer: Answer) -> bool:
    """Tell whether a model answered, or embedded."""
    reply = reply_of(answer)
    if not reply.is_model:
        document = document_of(answer)
        rows = document.get("data") if answer.ok and isinstance(document, dict) else None
        return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and "embedding" in rows[0]
    return any(name.startswith(("choices.", "output.", "content.", "message.", "response")) for name in reply.channels)


def has_models(answer: Answer) -> bool:
    """Tell whether an answer lists models."""
    document = document_of(answer)
    if not answer.ok or not isinstance(document, dict):
        return False
    rows = document.get("data") or document.get("models")
    return isinstance(rows, list) and any(isinstance(row, dict) and (row.get("id") or row.get("name")) for row in rows)
