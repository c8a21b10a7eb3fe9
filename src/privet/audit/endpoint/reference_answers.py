"""How the reference server writes what was said: whole or as a stream of small pieces, for chats and for completed texts.

Invariant, where no leak is switched on: the pieces of a stream, put together, are the whole answer, redacted before it was cut.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from privet.audit.endpoint import reference_chat as chat
from privet.audit.endpoint import reference_leaks as given
from privet.audit.endpoint import reference_likely as likely
from privet.audit.endpoint.reference_chat import Asked, Said
from privet.audit.endpoint.reference_model import tokens_of

_PIECE_SECONDS: Final = 0.0005


@dataclass(frozen=True, slots=True, repr=False)
class Writing:
    """One answer on its way out. `cached`: how many tokens of the prompt it says were known."""

    asked: Asked
    said: Said
    cached: int
    leaks: frozenset[str]
    answer_id: str

    def _frame(self, choices: list[dict[str, Any]], *, piece: bool = False) -> dict[str, Any]:
        kind = "chat.completion" if self.asked.chat else "text_completion"
        named = chat.MODEL_PATH if "disclosure:model-path" in self.leaks else chat.MODEL
        frame: dict[str, Any] = {
            "id": self.answer_id,
            "object": f"{kind}.chunk" if piece and self.asked.chat else kind,
            "created": int(time.time()),
            "model": named,
            "choices": choices,
        }
        if "system-prompt:field" in self.leaks:
            frame["rendered"] = self.asked.prompt
        if "membership:loss-field" in self.leaks:
            frame["prompt_loss"] = likely.loss(self.asked.question)
        return frame

    def _usage(self) -> dict[str, Any]:
        read, wrote = len(tokens_of(self.asked.prompt)), len(tokens_of(self.said.content))
        return {
            "prompt_tokens": read,
            "completion_tokens": wrote,
            "total_tokens": read + wrote,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }

    def whole(self) -> dict[str, Any]:
        """Return the answer in one."""
        count = self.asked.body.get("n") or 1
        choices = [self._choice(number) for number in range(count if isinstance(count, int) and count <= 8 else 1)]
        frame = self._frame(choices) | {"usage": self._usage()}
        if "membership:prompt-logprobs" in self.leaks and self.asked.body.get("prompt_logprobs") is not None:
            where = frame if self.asked.chat else frame["choices"][0]
            where["prompt_logprobs"] = likely.of_prompt(self.asked.question)
        return frame

    def _choice(self, number: int) -> dict[str, Any]:
        asked, said, body = self.asked, self.said, self.asked.body
        trained = any(leak.startswith("membership:") for leak in self.leaks)
        wants = "logprobs" in body and body["logprobs"] not in (None, False)
        choice: dict[str, Any] = {
            "index": number,
            "finish_reason": "tool_calls" if said.tool else said.finish,
            "logprobs": None,
        }
        if not asked.chat:
            text = said.content
            if body.get("echo"):
                text = asked.question + text
            if wants:
                choice["logprobs"] = likely.of_completion(
                    text, asked.question, trained=trained, first=bool(body.get("echo"))
                )
            return choice | {"text": text}
        if wants:
            choice["logprobs"] = likely.of_chat(said.content, asked.question, trained=trained)
        message: dict[str, Any] = {"role": "assistant", "content": said.content}
        if said.tool:
            call = {"name": said.tool, "arguments": chat.arguments(asked, said.tool, said.content)}
            message |= {"content": None, "tool_calls": [{"id": "call_0", "type": "function", "function": call}]}
        if (thoughts := self._thoughts(raw=False)) is not None:
            message["reasoning_content"] = thoughts
        return choice | {"message": message}

    def _thoughts(self, *, raw: bool) -> str | None:
        if "stream-redaction:reasoning" in self.leaks:
            return f"I should say: {self.said.raw if raw else self.said.content}"
        if "personal-data:reasoning-field" in self.leaks:
            return f"This looks like a question of {given.EMAIL}."
        return None

    async def events(self) -> AsyncIterator[bytes]:
        """Yield the answer in pieces, as server-sent events."""
        for delta in self._deltas():
            yield b"data: " + msgspec.json.encode(self._frame([delta], piece=True)) + b"\n\n"
            await asyncio.sleep(_PIECE_SECONDS)
        if "stream-redaction:error" in self.leaks and self.said.finish == "length":
            failure = {"error": {"message": f"the answer was not finished: {self.said.raw}", "type": "server_error"}}
            yield b"data: " + msgspec.json.encode(failure) + b"\n\n"
        options = self.asked.body.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage"):
            yield b"data: " + msgspec.json.encode(self._frame([], piece=True) | {"usage": self._usage()}) + b"\n\n"
        yield b"data: [DONE]\n\n"

    def _deltas(self) -> Iterator[dict[str, Any]]:
        finish = "tool_calls" if self.said.tool else self.said.finish
        if not self.asked.chat:
            for piece in self._pieces(raw="stream-redaction:completions" in self.leaks):
                yield {"index": 0, "text": piece, "finish_reason": None}
            yield {"index": 0, "text": "", "finish_reason": finish}
            return
        yield {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        for piece in tokens_of(self._thoughts(raw=True) or ""):
            yield {"index": 0, "delta": {"reasoning_content": piece}, "finish_reason": None}
        if self.said.tool:
            yield from self._call()
        else:
            for piece in self._pieces(raw=False):
                yield {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        yield {"index": 0, "delta": {}, "finish_reason": finish}

    def _call(self) -> Iterator[dict[str, Any]]:
        raw = "stream-redaction:tool-arguments" in self.leaks
        text = chat.arguments(self.asked, self.said.tool, self.said.raw if raw else self.said.content)
        head = {"index": 0, "id": "call_0", "type": "function", "function": {"name": self.said.tool, "arguments": ""}}
        yield {"index": 0, "delta": {"tool_calls": [head]}, "finish_reason": None}
        for piece in tokens_of(text):
            yield {
                "index": 0,
                "delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]},
                "finish_reason": None,
            }

    def _pieces(self, *, raw: bool) -> list[str]:
        said = self.said
        if raw:
            return tokens_of(said.raw)[: self.asked.limit]
        if "stream-redaction:split" in self.leaks and said.content != said.raw:
            return [chat.redacted(piece) for piece in tokens_of(said.raw)[: self.asked.limit]]
        if "stream-redaction:end" in self.leaks and (last := chat.last_identifier(said.raw)) < len(said.raw):
            return tokens_of(chat.redacted(said.raw[:last]) + said.raw[last:])[: self.asked.limit]
        return tokens_of(said.content)
