"""From a request's body to the answer: clean, ask, protect. One `Endpoint` a protocol route; everything else is shared.

Invariants:

- Nothing reaches the upstream before every check has passed; what reaches it is built anew by the protocol module.
- What a request held lives in its own `Masker`, and is gone with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from privet.errors import UpstreamFailed
from privet.policy import Policy
from privet.serve.detection import Detection
from privet.serve.fields import Context
from privet.serve.masking import Masker
from privet.serve.models import Models
from privet.serve.openai_answer import AnswerContext, chat_answer, completion_answer, embedding_answer
from privet.serve.openai_request import clean_chat, clean_completion, clean_embedding
from privet.serve.openai_stream import ChatStream, CompletionStream
from privet.serve.refusals import Refusal
from privet.serve.request import Gone, Request
from privet.serve.responses import event_headers
from privet.serve.sse import DONE, EventReader
from privet.serve.upstream import Exchange, ModelServer

_OFFLOAD_FROM_BYTES: Final = 64 * 1024
_OFFLOAD_NAMES_FROM_BYTES: Final = 512
"""The names model takes 20 to 30 microseconds a word: some forty words, with what JSON needs around them, are read at once."""
_OK: Final = 200
_WORKERS: Final = 2
_END_SECONDS: Final = 1.0

Result = TypeVar("Result")
Fit = Callable[[dict[str, Any]], dict[str, Any]]


class Endpoint(NamedTuple):
    """One protocol route: how its request is cleaned and its answers are protected."""

    upstream_path: str
    id_prefix: str
    clean: Callable[[object, Context], dict[str, Any]]
    whole: Callable[[dict[str, Any], AnswerContext], dict[str, Any]]
    stream: type[ChatStream] | None


ENDPOINTS: Final[dict[str, Endpoint]] = {
    "/v1/chat/completions": Endpoint("/chat/completions", "chatcmpl-", clean_chat, chat_answer, ChatStream),
    "/v1/completions": Endpoint("/completions", "cmpl-", clean_completion, completion_answer, CompletionStream),
    "/v1/embeddings": Endpoint("/embeddings", "embd-", clean_embedding, embedding_answer, None),
}


class Relay:
    """Carries requests to the model server and answers back. `fit` is what the embedded engine needs said differently."""

    def __init__(
        self, policy: Policy, server: ModelServer, models: Models, detection: Detection, fit: Fit | None = None
    ) -> None:
        self.models = models
        self.detection = detection
        self._policy = policy
        self._server = server
        self._fit = fit
        # Whether the upstream takes `cache_salt` (vLLM, SGLang use it, most ignore it, some refuse it): unknown until it has answered.
        self._salt_taken: bool | None = None
        sizes = (_OFFLOAD_FROM_BYTES, _OFFLOAD_NAMES_FROM_BYTES)
        self._prompt_at_once_bytes = sizes[detection.names_in_prompts]
        self._answer_at_once_bytes = sizes[detection.names_in_answers]
        # Few, because an image needs some hundred megabytes while it is written anew. Common prompts do not wait behind those.
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="privet-text")
        self._heavy_workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="privet-media")

    async def prepare(
        self, endpoint: Endpoint, body: bytes, *, keep_parts: bool = False
    ) -> tuple[dict[str, Any], Masker]:
        """Return a request body as the model may see it, and what its tokens stand for."""
        media = b"data:" in body
        if len(body) < self._prompt_at_once_bytes and not media:
            return self._prepare(endpoint, body, keep_parts)
        # Long texts and images take longer than other callers should wait for.
        return await self._aside(len(body), partial(self._prepare, endpoint, body, keep_parts), heavy=media)

    async def _aside(self, size_bytes: int, work: Callable[[], Result], *, heavy: bool = False) -> Result:
        """Do work on a text of this size in a thread."""
        workers = self._heavy_workers if heavy or size_bytes >= _OFFLOAD_FROM_BYTES else self._workers
        return await asyncio.get_running_loop().run_in_executor(workers, work)

    def _prepare(self, endpoint: Endpoint, body: bytes, keep_parts: bool) -> tuple[dict[str, Any], Masker]:
        try:
            decoded = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Refusal("not-json") from error
        if not isinstance(decoded, dict):
            raise Refusal("not-json")
        masker = Masker(self.detection.prompt, self._policy.serve.prompt_identifiers, body, keep_parts=keep_parts)
        return endpoint.clean(decoded, Context(self._policy, masker)), masker

    async def complete(self, endpoint: Endpoint, request: Request, body: bytes) -> None:
        """Answer one request.

        Raises:
            Refusal: names the rule and the field.
            Gone: the caller left.

        """
        cleaned, masker = await self.prepare(endpoint, body)
        event = request.event
        event.masked, event.redacted = masker.masked, masker.redacted
        model = cleaned["model"]
        cleaned["model"] = self.models.upstream_name(model)
        streamed = cleaned.get("stream") is True
        if streamed and endpoint.stream is None:
            raise Refusal("invalid-value", "stream")
        context = AnswerContext(
            self._policy,
            self.detection,
            masker,
            model,
            endpoint.id_prefix + request.request_id[4:].decode("ascii"),
            json_content=(cleaned.get("response_format") or {}).get("type", "text") != "text",
        )
        try:
            exchange = await self._ask(endpoint, cleaned, request)
            try:
                if streamed and endpoint.stream is not None:
                    await self._stream(endpoint.stream(context), exchange, request)
                else:
                    await self._whole(endpoint, exchange, context, request)
            finally:
                exchange.abort()
        except UpstreamFailed as error:
            if request.gone:
                raise Gone from error
            raise Refusal("upstream-failed") from error
        finally:
            event.prompt_tokens = context.usage.get("prompt_tokens")
            event.answer_tokens = context.usage.get("completion_tokens")

    async def _ask(self, endpoint: Endpoint, cleaned: dict[str, Any], request: Request) -> Exchange:
        """Send the request on, with a cache salt of the caller's own where the upstream takes one."""
        if self._salt_taken is not False:
            cleaned["cache_salt"] = request.cache_salt
        if self._fit is not None and endpoint.stream is not None:
            cleaned = self._fit(cleaned)
        exchange = await self._send(endpoint, cleaned, request)
        if exchange.status in (400, 422) and self._salt_taken is None:
            exchange.abort()
            del cleaned["cache_salt"]
            exchange = await self._send(endpoint, cleaned, request)
            if exchange.status == _OK:
                self._salt_taken = False
        elif exchange.status == _OK and self._salt_taken is None:
            self._salt_taken = True
        if exchange.status != _OK:
            exchange.abort()
            if exchange.status == 429:
                raise Refusal("upstream-busy")
            raise Refusal("upstream-refused" if 400 <= exchange.status < 500 else "upstream-failed")
        return exchange

    async def _send(self, endpoint: Endpoint, cleaned: dict[str, Any], request: Request) -> Exchange:
        return await self._server.send("POST", endpoint.upstream_path, msgspec.json.encode(cleaned), request.stop_with)

    async def _whole(self, endpoint: Endpoint, exchange: Exchange, context: AnswerContext, request: Request) -> None:
        raw = await exchange.read(self._policy.serve.max_answer_bytes)
        if len(raw) < self._answer_at_once_bytes:
            body = _protect(endpoint, raw, context)
        else:
            body = await self._aside(len(raw), partial(_protect, endpoint, raw, context))
        await request.answer(_OK, body)

    async def _stream(self, stream: ChatStream, exchange: Exchange, request: Request) -> None:
        if not exchange.content_type.startswith("text/event-stream"):
            raise Refusal("upstream-invalid")
        reader = EventReader()
        request.started = True
        request.event.status = _OK
        send = request.send
        headers = [*event_headers(request.request_id), *request.extra]
        await send({"type": "http.response.start", "status": _OK, "headers": headers})
        total, limit = 0, self._policy.serve.max_answer_bytes
        ended = False
        async for piece in exchange:
            total += len(piece)
            if total > limit:
                raise Refusal("upstream-invalid")
            events = reader.feed(piece)
            if len(piece) < self._answer_at_once_bytes:
                out, ended = _protect_events(stream, events)
            else:
                out, ended = await self._aside(len(piece), partial(_protect_events, stream, events))
            if ended:
                await send({"type": "http.response.body", "body": out, "more_body": False})
                await _let_end(exchange)
                return
            if out:
                await send({"type": "http.response.body", "body": out, "more_body": True})
        if exchange.ended_by_close and not stream.finished:
            # Only the closing of the connection marks the end, and no choice has said that it is complete: it was cut.
            raise Refusal("upstream-failed")
        out, ended = _protect_events(stream, reader.close())
        if not ended:
            out += _encode(stream.end()) + DONE
        await send({"type": "http.response.body", "body": out, "more_body": False})


async def _let_end(exchange: Exchange) -> None:
    """Wait a moment for the last bytes of an answer that has said it is done: its connection can be used again then."""
    try:
        async with asyncio.timeout(_END_SECONDS):
            async for _ in exchange:
                pass
    except (TimeoutError, UpstreamFailed):
        pass


_encoder: Final = msgspec.json.Encoder()


def _protect(endpoint: Endpoint, raw: bytes, context: AnswerContext) -> bytes:
    return _encoder.encode(endpoint.whole(_decode(raw), context))


def _decode(raw: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal("upstream-invalid") from error
    if not isinstance(decoded, dict):
        raise Refusal("upstream-invalid")
    return decoded


def _encode(chunks: Iterable[dict[str, Any]]) -> bytes:
    return b"".join([b"data: " + _encoder.encode(chunk) + b"\n\n" for chunk in chunks])


def _protect_events(stream: ChatStream, events: list[bytes]) -> tuple[bytes, bool]:
    """Return what the caller may have now, and whether the upstream has said that it is done."""
    out: list[bytes] = []
    for data in events:
        if data == b"[DONE]":
            out += (_encode(stream.end()), DONE)
            return b"".join(out), True
        out.append(_encode(stream.feed(_decode(data))))
    return b"".join(out), False
