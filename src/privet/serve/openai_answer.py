"""What an OpenAI-compatible server may say, field by field, and how each is protected on its way to the caller.

Invariants: an answer is built anew from an allow-list, so a model path, a host name, a probability or a field nobody knows cannot pass;
every text goes through `AnswerText`; ids are the request's own; the model's name is the one the caller asked for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from privet.policy import Policy
from privet.serve.answer_text import AnswerJson, AnswerText
from privet.serve.detection import Detection
from privet.serve.masking import Masker
from privet.serve.refusals import Refusal

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_.:\-]{1,256}\Z")
_FINISH: Final = ("stop", "length", "tool_calls", "content_filter", "function_call")
ROLES: Final = ("assistant", "tool", "user", "system")
TEXTS: Final = ("content", "reasoning_content", "reasoning", "refusal")
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
    detection: Detection
    masker: Masker
    model: str
    answer_id: str
    json_content: bool = False
    usage: dict[str, Any] = field(default_factory=dict)

    def channel(self, *, json: bool = False) -> AnswerText:
        """Return a fresh protector for one text of the answer."""
        serve = self.policy.serve
        kind = AnswerJson if json else AnswerText
        return kind(
            self.detection.answer,
            self.masker,
            redact=serve.answer_identifiers == "redact",
            min_score=serve.answer_min_score,
        )

    def whole(self, value: object, *, json: bool = False) -> str | None:
        """Return a complete text protected; None stays None."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise Refusal("upstream-invalid")
        return self.channel(json=json).whole(value)

    def safe_id(self, value: object, otherwise: str) -> str:
        """Return a machine-made id if it is one, and holds no identifier."""
        if isinstance(value, str) and _SAFE_ID.match(value) and not self.detection.answer_id.find(value):
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


def choices_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the choices of an answer or chunk."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise Refusal("upstream-invalid")
    return choices


def index_of(node: Mapping[str, Any], otherwise: int) -> int:
    """Return the index of a choice or tool call."""
    index = node.get("index", otherwise)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < _MAX_INDEX:
        raise Refusal("upstream-invalid")
    return index


def finish_of(choice: Mapping[str, Any]) -> str | None:
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
            "index": index_of(choice, number),
            "message": _message(choice.get("message"), context),
            "logprobs": None,
            "finish_reason": finish_of(choice) or "stop",
        }
        for number, choice in enumerate(choices_of(answer))
    ]
    result["usage"] = context.take_usage(answer)
    return result


def _message(message: object, context: AnswerContext) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise Refusal("upstream-invalid")
    role = message.get("role")
    result: dict[str, Any] = {"role": role if role in ROLES else "assistant", "content": None, "refusal": None}
    for name in TEXTS:
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
            "index": index_of(choice, number),
            "text": context.whole(choice.get("text") or ""),
            "logprobs": None,
            "finish_reason": finish_of(choice) or "stop",
        }
        for number, choice in enumerate(choices_of(answer))
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
        data.append({"object": "embedding", "index": index_of(row, number), "embedding": vector})
    return {"object": "list", "data": data, "model": context.model, "usage": context.take_usage(answer)}
