"""What an answer of an OpenAI-compatible server says, channel by channel.

Invariants:

- Every string of an answer is in some channel, whatever field it is in: a leak in a field that nobody knows is a leak. So is a leak in the
  name of a field, in a comment of a stream, or in a number of seven digits and more.
- Of a stream, what belongs together is put together: pieces of one field of one choice read as they would unstreamed.
- What is no JSON is read as text, in the channel `body`.
- Names of channels are the target's own fields: no report shows one. Texts hold no lone surrogates, so they can be encoded.
- Any bytes give a reply, in time and memory linear in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from privet.audit.endpoint.answer import Answer

_MAX_LINES: Final = 100_000
_MAX_JOINED: Final = 64
_MAX_PATH: Final = 256
_MAX_TOKENS: Final = 1 << 20
_TEXTS: Final = (
    "arguments", "body", "completion", "content", "delta", "generated_text", "output_text", "partial_json", "reasoning",
    "reasoning_content", "refusal", "response", "summary", "text", "thinking", "thought", "transcript",
)  # fmt: skip
"""Fields whose pieces in a stream are one text."""
_MARKS: Final = (
    "call_id",
    "created",
    "finish_reason",
    "id",
    "index",
    "item_id",
    "model",
    "name",
    "object",
    "role",
    "status",
    "type",
)
"""Fields of a piece that say what it is."""
_USUAL_NAME: Final = re.compile(r"[A-Za-z_]\w{0,40}", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_STREAMS: Final = (
    "text/event-stream",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/stream+json",
)
_SAID: Final = (
    "choices.message.content",
    "choices.message.content.text",
    "choices.delta.content",
    "choices.text",
    "choices.message.refusal",
    "message.content",
    "response",
    "content.text",
    "delta.text",
    "output.content.text",
    "generated_text",
)


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """`channels` are dotted paths without numbers; `finish` why the model ended, `tokens` how many it wrote (about, where not told)."""

    answer: Answer
    channels: Mapping[str, str]
    finish: str
    tokens: int
    is_model: bool
    """whether a model answered: a choice, a message, a response"""

    @property
    def said(self) -> str:
        """What the model said: the text that a user would read."""
        return "\n".join(self.channels[name] for name in _SAID if self.channels.get(name))

    @property
    def everything(self) -> str:
        """Every channel, one after the other."""
        return "\n".join(self.channels.values())


def reply_of(answer: Answer) -> Reply:
    """Return what an answer says."""
    parts = _Parts()
    tokens, is_model = 0, False
    for document in _documents(answer, parts):
        is_model = is_model or _is_model(document)
        tokens = max(tokens, _tokens(document))
        parts.add(document)
    texts = parts.texts()
    if not texts and answer.body:
        texts = {"body": answer.text}
    finish = (texts.get("choices.finish_reason") or texts.get("done_reason", "")).rpartition("\n")[2]
    said = sum(len(texts.get(name, "")) for name in _SAID)
    return Reply(answer, texts, finish, tokens or said // 4, is_model and answer.ok)


def is_stream(answer: Answer) -> bool:
    """Tell whether an answer came as a stream of documents, by its type or its look."""
    return answer.content_type in _STREAMS or answer.body.lstrip().startswith((b"data:", b"event:"))


def _documents(answer: Answer, parts: _Parts) -> Iterator[Any]:
    body = answer.body.removeprefix(b"\xef\xbb\xbf")
    if answer.content_type == "text/event-stream" or body.lstrip().startswith((b"data:", b"event:")):
        yield from _events(body, parts)
        return
    known = _json(body)
    if known is not None:
        yield known
        return
    lines = [_json(line) for line in body.splitlines()[:_MAX_LINES] if line.strip()]
    if len(lines) > 1 and sum(isinstance(line, dict) for line in lines) * 2 > len(lines):
        yield from (line for line in lines if line is not None)
        for line in body.splitlines():
            if line.strip() and _json(line) is None:
                parts.put("body", line)


def _events(body: bytes, parts: _Parts) -> Iterator[Any]:
    """Yield the data of server-sent events (WHATWG HTML section 9.2.6), also where nobody put an empty line between them."""
    held: list[bytes] = []
    lines = body.splitlines()
    for number, line in enumerate([*lines, b""]):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if line and name == b"data":
            known = _json(value) if not held else None
            if known is None and value.strip() != b"[DONE]":
                held.append(value)
                known = _json(b"\n".join(held)) if 1 < len(held) <= _MAX_JOINED else None
            if known is not None:
                held.clear()
                yield known
            continue
        if held and (not line or number == len(lines)):
            # One text in several lines, or lines that are no JSON at all.
            whole = _json(b"\n".join(held)) if len(held) > _MAX_JOINED else None
            yield whole if whole is not None else b"\n".join(held).decode("utf-8", "replace")
            held.clear()
        if line and name not in (b"event", b"retry"):
            parts.put("sse.id" if name == b"id" else "sse.comment" if not name else "body", value if not name else line)


def _json(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    if b"NaN" not in data and b"Infinity" not in data and b"\\ud" not in data.lower():
        return None
    try:
        # What Python's own servers send: NaN, Infinity and half characters, which are no JSON (RFC 8259 sections 6 and 8.2).
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _is_model(document: Any) -> bool:
    return isinstance(document, dict) and any(
        document.get(name)
        for name in ("choices", "message", "response", "content", "output", "completion", "generated_text")
    )


def _tokens(document: Any) -> int:
    usage = document.get("usage") if isinstance(document, dict) else None
    if not isinstance(usage, dict):
        return 0
    count = usage.get("completion_tokens", usage.get("output_tokens", 0))
    return min(max(count, 0), _MAX_TOKENS) if isinstance(count, int) else 0


class _Parts:
    """The strings of an answer by where they are: the path, and which of several (choices, tools) it belongs to."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}
        self._documents = 0

    def put(self, name: str, raw: bytes) -> None:
        """Add what is no JSON."""
        if text := raw.decode("utf-8", "replace").strip():
            self._found.setdefault((name, str(len(self._found))), []).append(text)

    def add(self, document: Any) -> None:
        """Add every string of a document; `place` keeps the numbers, so that choices of a stream are not mixed up."""
        self._documents += 1
        waiting: list[tuple[Any, str, str]] = [(document, "", "")]
        while waiting:
            value, path, place = waiting.pop()
            if isinstance(value, str):
                self._found.setdefault((path, place), []).append(_encodable(value))
            elif isinstance(value, dict):
                waiting.extend(reversed(list(self._fields(value, path, place))))
            elif isinstance(value, list):
                waiting.extend((inner, path, place) for inner in reversed(value))
            elif isinstance(value, int) and not isinstance(value, bool) and 10**6 <= abs(value) < 10**40:
                # A telephone or card number may come as a number.
                self._found.setdefault((path, place), []).append(str(value))

    def _fields(self, value: dict[Any, Any], path: str, place: str) -> Iterator[tuple[Any, str, str]]:
        # In a stream the place in the list is always 0, and `index` says which one it is.
        mark = value.get("index", value.get("output_index"))
        place = f"{place}/{mark}" if isinstance(mark, int) and abs(mark) < 10**6 else place
        before = f"{path}." if path else ""
        for name, inner in value.items():
            if _USUAL_NAME.fullmatch(name) and len(path) < _MAX_PATH:
                yield inner, before + name, place
            else:
                self._found.setdefault(("names", ""), []).append(_encodable(name))
                yield inner, f"{before[:_MAX_PATH]}other", place

    def texts(self) -> dict[str, str]:
        """Return what each channel says."""
        named: dict[str, dict[str, None]] = {}
        for (path, _), parts in self._found.items():
            last = path.rpartition(".")[2]
            joined = self._documents > 1 and (last in _TEXTS or ("delta." in path and last not in _MARKS))
            named.setdefault(path or "body", {}).update(dict.fromkeys(["".join(parts)] if joined else parts))
        return {name: "\n".join(parts) for name, parts in named.items()}


def _encodable(text: str) -> str:
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
