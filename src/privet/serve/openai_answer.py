"""What an OpenAI-compatible server may say, field by field, and how each is protected on its way to the caller.

Invariants: an answer is built anew from an allow-list, so a model path, a host name, a probability or a field nobody knows cannot pass;
every text goes through `AnswerText`; ids are the request's own; the model's name is the one the caller asked for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from privet.detect import Detector
from privet.policy import Policy
from privet.serve.answer_text import AnswerJson, AnswerText
from privet.serve.masking import Masker
from privet.serve.refusals import Refusal

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_.:\-]{1,256}\Z")
_FINISH: Final = ("stop", "length", "tool_calls", "content_filter", "function_call")
_ROLES: Final = ("assistant", "tool", "user", "system")
_TEXTS: Final = ("content", "reasoning_content", "reasoning", "refusal")
_USAGE: Final = frozenset(
    {
        "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details",
        "cached_tokens", "reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens",
    }
)  # fmt: skip
_MAX_INDEX: Final = 1024


@dataclass(slots=True)
class AnswerContext:
    """What is needed to protect the answer to one request."""

    policy: Policy
    detector: Detector
    masker: Masker
    model: str
    answer_id: str
    json_content: bool = False
    usage: dict[str, Any] = field(default_factory=dict)

    def channel(self, *, json: bool = False) -> AnswerText:
        """Return a fresh protector for one text of the answer."""
        serve = self.policy.serve
        kind = AnswerJson if json else AnswerText
        redact = serve.answer_identifiers == "redact"
        return kind(self.detector, self.masker, redact=redact, min_score=serve.answer_min_score)

    def whole(self, value: object, *, json: bool = False) -> str | None:
        """Return a complete text protected; None stays None."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise Refusal("upstream-invalid")
        return self.channel(json=json).whole(value)

    def safe_id(self, value: object, otherwise: str) -> str:
        """Return a machine-made id if it is one, and holds no identifier."""
        if isinstance(value, str) and _SAFE_ID.match(value) and not self.detector.find(value):
            return value
        return otherwise

    def head(self, answer: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Return the fields that every answer starts with."""
        created = answer.get("created")
        known = isinstance(created, int) and not isinstance(created, bool)
        return {
            "id": self.answer_id,
            "object": kind,
            "created": created if known else int(time.time()),
            "model": self.model,
        }

    def take_usage(self, answer: Mapping[str, Any]) -> dict[str, Any] | None:
        """Keep and return the token counts of an answer."""
        usage = answer.get("usage")
        if not isinstance(usage, dict):
            return None
        self.usage = _counts(usage)
        return self.usage


def _counts(usage: Mapping[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for name, value in usage.items():
        if name in _USAGE:
            if isinstance(value, dict):
                counts[name] = _counts(value)
            elif isinstance(value, int) and not isinstance(value, bool):
                counts[name] = value
    return counts


def _choices(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    choices = answer.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise Refusal("upstream-invalid")
    return choices


def _index(node: Mapping[str, Any], otherwise: int) -> int:
    index = node.get("index", otherwise)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < _MAX_INDEX:
        raise Refusal("upstream-invalid")
    return index


def _finish(choice: Mapping[str, Any]) -> str | None:
    """Return how a choice ended; None, and what some servers send instead of it, means that it has not."""
    reason = choice.get("finish_reason")
    if reason is None or reason in ("", "null"):
        return None
    return reason if reason in _FINISH else "stop"


def chat_answer(answer: Mapping[str, Any], context: AnswerContext) -> dict[str, Any]:
    """Return a whole chat completion, protected.

    Raises:
        Refusal: `upstream-invalid`, the answer has not the shape of one.

    """
    result = context.head(answer, "chat.completion")
    result["choices"] = [
        {
            "index": _index(choice, number),
            "message": _message(choice.get("message"), context),
            "logprobs": None,
            "finish_reason": _finish(choice) or "stop",
        }
        for number, choice in enumerate(_choices(answer))
    ]
    result["usage"] = context.take_usage(answer)
    return result


def _message(message: object, context: AnswerContext) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise Refusal("upstream-invalid")
    role = message.get("role")
    result: dict[str, Any] = {"role": role if role in _ROLES else "assistant", "content": None, "refusal": None}
    for name in _TEXTS:
        if message.get(name) is not None:
            result[name] = context.whole(message[name], json=context.json_content and name == "content")
    calls = message.get("tool_calls")
    if calls:
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            raise Refusal("upstream-invalid")
        result["tool_calls"] = [
            {
                "id": context.safe_id(call.get("id"), f"call_{context.answer_id[-8:]}{number}"),
                "type": "function",
                "function": _function(call.get("function"), context),
            }
            for number, call in enumerate(calls)
        ]
    if message.get("function_call"):
        result["function_call"] = _function(message["function_call"], context)
    return result


def _function(function: object, context: AnswerContext) -> dict[str, Any]:
    if not isinstance(function, dict):
        raise Refusal("upstream-invalid")
    name = context.safe_id(function.get("name"), "unknown")
    return {"name": name, "arguments": context.whole(function.get("arguments") or "", json=True)}


def completion_answer(answer: Mapping[str, Any], context: AnswerContext) -> dict[str, Any]:
    """Return a whole text completion, protected."""
    result = context.head(answer, "text_completion")
    result["choices"] = [
        {
            "index": _index(choice, number),
            "text": context.whole(choice.get("text") or ""),
            "logprobs": None,
            "finish_reason": _finish(choice) or "stop",
        }
        for number, choice in enumerate(_choices(answer))
    ]
    result["usage"] = context.take_usage(answer)
    return result


def embedding_answer(answer: Mapping[str, Any], context: AnswerContext) -> dict[str, Any]:
    """Return embeddings: numbers, or base64 of numbers, and nothing else."""
    rows = answer.get("data")
    if not isinstance(rows, list):
        raise Refusal("upstream-invalid")
    data = []
    for number, row in enumerate(rows):
        vector = row.get("embedding") if isinstance(row, dict) else None
        listed = isinstance(vector, list) and all(isinstance(item, (int, float)) for item in vector)
        packed = isinstance(vector, str) and re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", vector) is not None
        if not listed and not packed:
            raise Refusal("upstream-invalid")
        data.append({"object": "embedding", "index": _index(row, number), "embedding": vector})
    return {"object": "list", "data": data, "model": context.model, "usage": context.take_usage(answer)}


class ChatStream:
    """Protects a streamed chat completion, chunk by chunk."""

    kind = "chat.completion.chunk"

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._channels: dict[int, dict[tuple[str, int], AnswerText]] = {}
        self._head: dict[str, Any] = {}
        self._open: set[int] = set()
        self._over: set[int] = set()

    @property
    def finished(self) -> bool:
        """Tell whether every choice that has begun has said how it ended."""
        return bool(self._head) and not self._open

    def feed(self, chunk: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        """Take a chunk of the upstream; return the chunks the caller may have now.

        Raises:
            Refusal: `upstream-invalid`, or `upstream-failed` where the chunk reports an error. What was held back is dropped.

        """
        if "error" in chunk:
            raise Refusal("upstream-failed")
        if not self._head:
            self._head = self._context.head(chunk, self.kind)
        out = []
        for number, choice in enumerate(_choices(chunk)):
            index = _index(choice, number)
            if index in self._over:
                # Nothing comes after the end: what a broken server sends there would be cut off from what it belongs to.
                continue
            self._open.add(index)
            delta = self._delta(choice, index)
            if delta:
                out.append(self._chunk(index, delta, None))
            finish = _finish(choice)
            if finish is not None:
                self._open.discard(index)
                self._over.add(index)
                tail = self._close(index)
                if tail:
                    out.append(self._chunk(index, tail, None))
                out.append(self._chunk(index, {}, finish))
        usage = self._context.take_usage(chunk)
        if usage is not None:
            if out:
                out[-1]["usage"] = usage
            else:
                out.append({**self._head, "choices": [], "usage": usage})
        return out

    def end(self) -> Iterable[dict[str, Any]]:
        """Return what is still held back, at the regular end of the stream."""
        out = []
        for index in list(self._channels):
            tail = self._close(index)
            if tail:
                out.append(self._chunk(index, tail, None))
        return out

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        return {**self._head, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    def _channel(self, index: int, name: str, call: int = 0, *, json: bool = False) -> AnswerText:
        channels = self._channels.setdefault(index, {})
        channel = channels.get((name, call))
        if channel is None:
            channel = channels[name, call] = self._context.channel(json=json)
        return channel

    def _delta(self, choice: Mapping[str, Any], index: int) -> dict[str, Any]:  # noqa: C901  (the hot path of a stream)
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise Refusal("upstream-invalid")
        result: dict[str, Any] = {}
        if delta.get("role") in _ROLES:
            result["role"] = delta["role"]
        for name in _TEXTS:
            value = delta.get(name)
            if value is None:
                continue
            if not isinstance(value, str):
                raise Refusal("upstream-invalid")
            safe = self._channel(index, name, json=self._context.json_content and name == "content").feed(value)
            if safe or (not value and result):
                result[name] = safe
        calls = delta.get("tool_calls")
        if calls:
            result_calls = self._calls(calls, index)
            if result_calls:
                result["tool_calls"] = result_calls
        function = delta.get("function_call")
        if function:
            piece = self._function(function, index, "function_call", 0)
            if piece:
                result["function_call"] = piece
        return result

    def _calls(self, calls: object, index: int) -> list[dict[str, Any]]:
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            raise Refusal("upstream-invalid")
        out = []
        for number, call in enumerate(calls):
            place = _index(call, number)
            piece: dict[str, Any] = {"index": place}
            if call.get("id"):
                piece["id"] = self._context.safe_id(call["id"], f"call_{self._context.answer_id[-8:]}{place}")
                piece["type"] = "function"
            function = self._function(call.get("function") or {}, index, "arguments", place)
            if function:
                piece["function"] = function
            if len(piece) > 1:
                out.append(piece)
        return out

    def _function(self, function: object, index: int, name: str, call: int) -> dict[str, Any]:
        if not isinstance(function, dict):
            raise Refusal("upstream-invalid")
        piece: dict[str, Any] = {}
        if function.get("name"):
            piece["name"] = self._context.safe_id(function["name"], "unknown")
            piece["arguments"] = ""
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            safe = self._channel(index, name, call, json=True).feed(arguments)
            if safe:
                piece["arguments"] = safe
        elif arguments is not None:
            raise Refusal("upstream-invalid")
        return piece

    def _close(self, index: int) -> dict[str, Any]:
        """Return the delta that releases everything one choice still holds."""
        result: dict[str, Any] = {}
        calls = []
        for (name, call), channel in self._channels.pop(index, {}).items():
            tail = channel.close()
            if tail and name == "arguments":
                calls.append({"index": call, "function": {"arguments": tail}})
            elif tail and name == "function_call":
                result["function_call"] = {"arguments": tail}
            elif tail:
                result[name] = tail
        if calls:
            result["tool_calls"] = calls
        return result


class CompletionStream(ChatStream):
    """Protects a streamed text completion."""

    kind = "text_completion"

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        choice = {"index": index, "text": delta.get("text", ""), "logprobs": None, "finish_reason": finish}
        return {**self._head, "choices": [choice]}

    def _delta(self, choice: Mapping[str, Any], index: int) -> dict[str, Any]:
        value = choice.get("text")
        if value is None:
            return {}
        if not isinstance(value, str):
            raise Refusal("upstream-invalid")
        safe = self._channel(index, "text").feed(value)
        return {"text": safe} if safe else {}
