"""What the target understands: which routes, which fields, which model; found out once, before the tests.

Invariant: what could not be found out is said, and tests that need it are not passed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.broken_off import KEY_REFUSED, NO_API, NO_KEY
from privet.audit.endpoint.client import Client
from privet.audit.endpoint.reply import Reply, is_stream, reply_of

_BARE: Final = {"temperature": 0}
_CLOSED: Final = (401, 403)
_MAX_MODELS: Final = 1000
_MAX_NAME: Final = 300
_MAX_TRIED: Final = 3
_SILENT: Final = re.compile(r"(?i)embed|rerank|whisper|tts|clip|bge-|guard|moderation")
_NONE: Final[Mapping[str, Any]] = {}


@dataclass(slots=True, repr=False)
class Dialect:
    """How to talk to the target. `base` is where the API begins; `model` the first that it lists."""

    client: Client
    base: str
    model: str = "default"
    models: Sequence[str] = ()
    chats: bool = False
    completes: bool = False
    streams: bool = False
    limit_field: str = "max_tokens"
    usual: Mapping[str, Any] = field(default_factory=lambda: dict(_BARE))
    trouble: str = ""
    """why it does not talk: one sentence"""
    turned_away: str = ""
    """why an audit of it is none, of `broken_off.py`, or nothing"""

    async def chat(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        tokens: int,
        system: str | None = None,
        stream: bool = False,
        more: Mapping[str, Any] = _NONE,
        **how: Any,
    ) -> Reply:
        """Return what the model answers to a conversation, or to one message of the user.

        Where the target only completes texts, it is given the conversation as one. `more` are further fields, `how` (another key, headers,
        where to stop) as for `Client.ask`.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        if system is not None:
            messages = [{"role": "system", "content": system}, *messages]
        fields: dict[str, Any] = {"model": self.model, self.limit_field: tokens, **self.usual, **more}
        if stream:
            fields["stream"] = True
        if self.chats or not self.completes:
            answer = await self.post("/chat/completions", {"messages": list(messages), **fields}, **how)
        else:
            answer = await self.post("/completions", {"prompt": _as_text(messages), **fields}, **how)
        return self._counted(answer)

    async def complete(self, prompt: str, *, tokens: int, more: Mapping[str, Any] = _NONE, **how: Any) -> Reply:
        """Return how the model continues a text, by the route for that."""
        fields = {"model": self.model, "prompt": prompt, "max_tokens": tokens, **self.usual, **more}
        return self._counted(await self.post("/completions", fields, **how))

    async def post(self, route: str, fields: Mapping[str, Any], **how: Any) -> Answer:
        """Return the answer to fields sent to a route of the API; `how` as for `Client.ask`."""
        return await self.client.ask("POST", self.base + route, body=_packed(fields), **how)

    def _counted(self, answer: Answer) -> Reply:
        reply = reply_of(answer)
        self.client.budget.spent(reply.tokens)
        return reply


def _as_text(messages: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"{str(message.get('role', 'user')).capitalize()}: {message.get('content', '')}" for message in messages]
    return "\n".join([*lines, "Assistant:"])


def _packed(fields: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(fields)
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
        # Half characters that the target sent before go back as they came, escaped.
        return json.dumps(fields, default=str).encode()


async def dialect_of(client: Client) -> Dialect:
    """Find out how the target talks."""
    known = Dialect(client, client.target.path)
    listed = await _find_models(known)
    reply = await _talk(known)
    if not (known.chats or known.completes or listed) and not known.base and reply.answer.status not in _CLOSED:
        known.base = "/v1"
        reply = await _talk(known)
    if known.chats or known.completes:
        streamed = await known.chat("Say hello.", tokens=8, stream=True)
        known.streams = streamed.is_model and is_stream(streamed.answer)
    else:
        known.trouble = _trouble(reply.answer, has_key=client.target.key is not None)
        if reply.answer.came and reply.answer.status in _CLOSED:
            known.turned_away = known.trouble
        elif reply.answer.came and not listed:
            known.turned_away = NO_API
    return known


async def _talk(known: Dialect) -> Reply:
    """Find a model that answers, and the fields it takes. Returns what came last."""
    for model in _likely(known.models) or (known.model,):
        known.model = model
        for fields, limit in ((_BARE, "max_tokens"), ({}, "max_tokens"), ({}, "max_completion_tokens")):
            known.usual, known.limit_field, known.chats = dict(fields), limit, True
            reply = await known.chat("Say hello.", tokens=8)
            known.chats = reply.is_model
            if known.chats or reply.answer.status in _CLOSED or not reply.answer.came:
                break
        if known.chats:
            known.completes = (await known.complete("Hello", tokens=1)).is_model
            break
        known.usual, known.limit_field = dict(_BARE), "max_tokens"
        if not reply.answer.came:
            break
        completed = await known.complete("Hello", tokens=8)
        known.completes = completed.is_model
        if known.completes or reply.answer.status in _CLOSED:
            break
    return reply


def _likely(models: Sequence[str]) -> Sequence[str]:
    """Return the first few models, those last whose names say that they do not talk."""
    return sorted(models, key=lambda name: bool(_SILENT.search(name)))[:_MAX_TRIED]


async def _find_models(known: Dialect) -> bool:
    client = known.client
    bases = [client.target.path, f"{client.target.path}/v1"]
    for base in bases if client.target.path else [*bases, "/api", "/openai"]:
        answer = await client.ask("GET", f"{base}/models")
        if answer.ok and (models := _model_ids(answer)) is not None:
            known.base, known.models = base, models
            known.model = models[0] if models else known.model
            return True
        if answer.status in _CLOSED or answer.trouble in ("timeout", "protocol"):
            break
    return False


def _model_ids(answer: Answer) -> list[str] | None:
    try:
        listed = msgspec.json.decode(answer.body)
        found = [item["id"] for item in listed["data"]]
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return [each for each in found[:_MAX_MODELS] if isinstance(each, str) and 0 < len(each) <= _MAX_NAME]


_TROUBLES: Final = {
    "refused": "nothing listens there",
    "timeout": "it did not answer in time",
    "closed": "it closed the connection before the answer was whole",
    "too-large": "its answer was too large",
    "protocol": "what it speaks is no HTTP",
    "limited": "it said that there are too many requests until patience ran out",
    "tls": "its certificate cannot be verified, or it speaks no TLS",
}


def _trouble(answer: Answer, *, has_key: bool) -> str:
    if answer.trouble:
        return _TROUBLES[answer.trouble]
    if answer.status in _CLOSED:
        return KEY_REFUSED if has_key else NO_KEY
    if answer.content_type == "text/html":
        return "it answers with web pages: is the path right?"
    return f"it is not OpenAI-compatible there (status {answer.status})"
