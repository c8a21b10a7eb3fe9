"""Streamed answers of an OpenAI-compatible server: the same allow-list as whole ones, chunk by chunk.

Invariants: put together, the chunks read as the whole answer would; what is held back comes out before the end of its choice is told, and
nothing that a server says after that end comes out at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from privet.serve.answer_text import AnswerText
from privet.serve.openai_answer import ROLES, TEXTS, AnswerContext, choices_of, finish_of, index_of
from privet.serve.refusals import Refusal


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
        for number, choice in enumerate(choices_of(chunk)):
            index = index_of(choice, number)
            if index in self._over:
                # Nothing comes after the end: what a broken server sends there would be cut off from what it belongs to.
                continue
            self._open.add(index)
            delta = self._delta(choice, index)
            if delta:
                out.append(self._chunk(index, delta, None))
            finish = finish_of(choice)
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
        if delta.get("role") in ROLES:
            result["role"] = delta["role"]
        for name in TEXTS:
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
            place = index_of(call, number)
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
