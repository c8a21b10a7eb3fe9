"""What an answer says, field by field, its pieces put together in the order in which they came.

Invariant: a text that comes in pieces of one field, of whatever name, is one text here, also where two pieces are the same; choices of
several answers are kept apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from privet.audit.endpoint.reply import Reply

_MAX_DEPTH: Final = 32
_MAX_EVENTS: Final = 20_000


def texts_of(reply: Reply) -> dict[str, str]:
    """Return every text by the path of its field; what a stream calls `delta` is called `message`, as in a whole answer."""
    joined: dict[str, list[str]] = {}
    for document in _documents(reply.answer.text):
        _collect(document, "", joined, 0)
    texts = {path.replace(".delta", ".message"): "".join(parts) for path, parts in joined.items()}
    comments = [line for line in reply.answer.text.splitlines() if line.startswith((":", "event:", "id:"))]
    return texts | {"comments": "\n".join(comments)}


def _documents(body: str) -> Iterator[Any]:
    whole = _json(body)
    if whole is not None:
        yield whole
        return
    for number, line in enumerate(body.splitlines()):
        if number > _MAX_EVENTS:
            return
        known = _json(line.removeprefix("data:").strip())
        if known is not None:
            yield known


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None


def _collect(value: Any, path: str, joined: dict[str, list[str]], depth: int) -> None:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        joined.setdefault(path, []).append(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        joined.setdefault(path, []).append(str(value))
    elif isinstance(value, dict):
        mark = value.get("index")
        path = f"{path}/{mark}" if isinstance(mark, int) else path
        for name, inner in value.items():
            if name != "index":
                _collect(inner, f"{path}.{name}", joined, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, path, joined, depth + 1)
