"""Whether the target keeps answers and conversations: each is made, asked for, and deleted again.

Invariant: only what was given by this test is asked for, and nothing of it is left where the target lets it be deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.echo import canary, holds
from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.routes import document_of
from privet.audit.endpoint.scene import Scene

_Fields = dict[str, Any]
_META: Final = {"purpose": "audit"}
_SECONDS: Final = 30.0


async def ask_for_kept(scene: Scene, tally: Tally) -> None:
    """Make what can be kept, by every route that keeps, and ask for it."""
    chance = scene.chance("unsafe-features:kept")

    def take(seen: tuple[str, str, bool | None]) -> None:
        name, fix, kept = seen
        if kept is None:
            tally.unanswered += 1
        else:
            tally.sample(*([name] if kept else []), fix=fix)

    jobs = [
        partial(_kept, scene, name, route, fields(scene, word), word)
        for (name, route, fields), word in ((made, canary(chance)) for made in _MADE)
    ]
    jobs.append(partial(_goes_on, scene, canary(chance)))
    await in_order(scene, jobs, take)


async def _kept(
    scene: Scene, name: str, route: str, fields: Mapping[str, Any], word: str
) -> tuple[str, str, bool | None]:
    """See whether what was made can be had again."""
    base = scene.dialect.base
    made = await scene.dialect.post(route, fields, may_fail=True, seconds=_SECONDS)
    object_id = _id(made)
    if not object_id:
        return name, "stored-objects", None if made.trouble == "timeout" else False
    path = f"{base}{route}/{object_id}"
    found = False
    for place in (path, f"{path}/messages", f"{path}/input_items", f"{path}/items"):
        answer = await scene.client.ask("GET", place, may_fail=True)
        # Its own id, or what was said: an answer to any path says neither.
        found = found or (answer.ok and (_id(answer) == object_id or holds(answer.text, word)))
    if found:
        await scene.client.ask("DELETE", path, may_fail=True)
    return name, "stored-objects", found


async def _goes_on(scene: Scene, word: str) -> tuple[str, str, bool | None]:
    """See whether a response goes on from a stored one, and not from one that never was."""
    fields: _Fields = {"model": scene.dialect.model, "max_output_tokens": 16, "store": True}
    name, fix = "a response goes on from a stored one", "stored-objects"
    first = await scene.dialect.post(
        "/responses", {**fields, "input": f"The code word is {word}."}, may_fail=True, seconds=_SECONDS
    )
    object_id = _id(first)
    if not object_id:
        return name, fix, None if first.trouble == "timeout" else False
    second: list[Answer] = []
    for previous in (object_id, f"{object_id[:-4]}0000"):
        more = {**fields, "input": "Go on.", "previous_response_id": previous, "store": False}
        second.append(await scene.dialect.post("/responses", more, may_fail=True, seconds=_SECONDS))
    await scene.client.ask("DELETE", f"{scene.dialect.base}/responses/{object_id}", may_fail=True)
    return name, fix, second[0].ok and not second[1].ok


def _id(answer: Answer) -> str:
    """Return the id of an object, if it has one that can stand in a path."""
    document = document_of(answer)
    value = document.get("id") if answer.ok and isinstance(document, dict) else None
    fits = (
        isinstance(value, str)
        and 4 < len(value) <= 128
        and value.replace("-", "").replace("_", "").isalnum()
        and value.isascii()
    )
    return str(value) if fits else ""


def _chat(scene: Scene, word: str, more: Mapping[str, Any]) -> _Fields:
    said = [{"role": "user", "content": f"The code word is {word}."}]
    return {"model": scene.dialect.model, scene.dialect.limit_field: 1, **scene.dialect.usual, "messages": said, **more}


def _response(scene: Scene, word: str, more: Mapping[str, Any]) -> _Fields:
    return {"model": scene.dialect.model, "input": f"The code word is {word}.", "max_output_tokens": 16, **more}


def _message(word: str) -> _Fields:
    return {"type": "message", "role": "user", "content": f"The code word is {word}."}


_MADE: Final = (
    ("an answer is stored where that is asked for", "/chat/completions", lambda scene, word: _chat(scene, word, {"store": True})),
    ("answers are stored with metadata", "/chat/completions", lambda scene, word: _chat(scene, word, {"store": True, "metadata": _META})),
    ("an answer is stored though nobody asked", "/chat/completions", lambda scene, word: _chat(scene, word, {})),
    ("a response is stored where that is asked for", "/responses", lambda scene, word: _response(scene, word, {"store": True})),
    ("a response is stored though nobody asked", "/responses", lambda scene, word: _response(scene, word, {})),
    ("a response is stored though that was refused", "/responses", lambda scene, word: _response(scene, word, {"store": False})),
    ("a response is made in the background", "/responses", lambda scene, word: _response(scene, word, {"background": True})),
    ("conversations are stored", "/conversations", lambda _scene, word: {"items": [_message(word)]}),
    ("threads are stored", "/threads", lambda _scene, word: {"messages": [{"role": "user", "content": word}]}),
    ("assistants are stored", "/assistants", lambda scene, word: {"model": scene.dialect.model, "instructions": word}),
    ("sessions are stored", "/sessions", lambda scene, word: {"model": scene.dialect.model, "messages": [_message(word)]}),
    ("memories are stored", "/memory", lambda _scene, word: {"content": word, "text": word, "key": "a", "value": word}),
)  # fmt: skip
