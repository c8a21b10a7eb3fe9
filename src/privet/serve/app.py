"""The endpoint as an ASGI application: gate, clean, ask, protect, answer, count.

Invariants:

- Nothing reaches the upstream before every check has passed; what reaches it is built anew by the protocol module.
- Every error, whatever raised it, becomes a `Refusal` or `internal`, without the text of any exception.
- What a request held lives in its own `Request` and `Masker`, and is gone with them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from privet.errors import UpstreamFailed
from privet.keys import derive
from privet.logs import AccessEvent, AccessLog
from privet.policy import Policy
from privet.serve.fields import Context
from privet.serve.gate import Gate, Head, read_head
from privet.serve.http import ON_DISCONNECT
from privet.serve.masking import Masker, SpanCache
from privet.serve.metrics import Metrics
from privet.serve.models import Models
from privet.serve.openai_answer import (
    AnswerContext,
    ChatStream,
    CompletionStream,
    chat_answer,
    completion_answer,
    embedding_answer,
)
from privet.serve.openai_request import clean_chat, clean_completion, clean_embedding
from privet.serve.refusals import Refusal
from privet.serve.responses import Headers, event_headers, json_headers, new_request_id
from privet.serve.sse import DONE, EventReader
from privet.serve.upstream import Exchange, ModelServer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_logger: Final = logging.getLogger("privet.serve")
_OFFLOAD_FROM_BYTES: Final = 64 * 1024
_OK: Final = 200
_SALT_BYTES: Final = 16
_CALLER_BYTES: Final = 8


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


@dataclass(slots=True)
class Request:
    """One request in work."""

    scope: Scope
    receive: Receive
    send: Send
    head: Head
    request_id: bytes
    event: AccessEvent
    origin: bytes | None = None
    cache_salt: str = ""
    started: bool = False
    gone: bool = False
    extra: Headers = field(default_factory=list)

    def stop_with(self, stop: Callable[[], None]) -> None:
        """Have the work for this request stopped when its caller leaves."""

        def leave() -> None:
            self.gone = True
            stop()

        self.scope[ON_DISCONNECT] = leave

    async def answer(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        """Send a whole answer."""
        self.started = True
        self.event.status = status
        chosen = json_headers(self.request_id, len(body)) if headers is None else headers
        await self.send({"type": "http.response.start", "status": status, "headers": [*chosen, *self.extra]})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(self, refusal: Refusal) -> None:
        """Send a refusal; in the middle of a stream, as an event."""
        self.event.rule = refusal.rule
        if not self.started:
            if self.head.expects_continue:
                # The client waits for permission to send its body and will not get it: this connection has no further use.
                self.extra.append((b"connection", b"close"))
            await self.answer(refusal.status, refusal.body())
            return
        await self.send(
            {"type": "http.response.body", "body": b"data: " + refusal.body() + b"\n\n", "more_body": False}
        )


class App:
    """The endpoint. Call it as an ASGI application."""

    def __init__(  # noqa: PLR0913  (its parts, each made by whoever starts it)
        self,
        *,
        policy: Policy,
        gate: Gate,
        server: ModelServer,
        models: Models,
        finder: SpanCache,
        log: AccessLog | None,
        metrics: Metrics,
        secret: bytes,
        fit: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self.policy = policy
        self.gate = gate
        self.server = server
        self.models = models
        self.finder = finder
        self.metrics = metrics
        self._log = log
        self._secret = secret
        # What the embedded engine needs said differently, after every check.
        self._fit = fit
        # What a key's caller id and cache salt are, so that they are derived once.
        self._callers: dict[str, tuple[str, str]] = {}
        # Whether the upstream takes `cache_salt` (vLLM, SGLang use it, most ignore it, some refuse it): unknown until it has answered.
        self._salt_taken: bool | None = None
        self.pages: dict[tuple[str, str], tuple[bool, Callable[[Request], Awaitable[None]]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never raise."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        event = AccessEvent()
        request = Request(scope, receive, send, _NO_HEAD, new_request_id(), event)
        self.metrics.active += 1
        try:
            request.head = read_head(scope["headers"])
            async with asyncio.timeout(self.policy.serve.answer_timeout_seconds):
                await self._route(request)
        except Refusal as refusal:
            await self._refuse(request, refusal)
        except TimeoutError:
            await self._refuse(request, Refusal("upstream-slow"))
        except _Gone:
            event.status = 499
        except Exception as error:
            self.report(error)
            await self._refuse(request, Refusal("internal"))
        finally:
            self.metrics.active -= 1
            event.seconds = time.perf_counter() - started
            self.metrics.record(event)
            if self._log is not None:
                self._log.write(event)

    async def _refuse(self, request: Request, refusal: Refusal) -> None:
        try:
            await request.refuse(refusal)
        except Exception as error:
            self.report(error)

    def report(self, error: BaseException | None) -> None:
        """Log where something unforeseen went wrong, without its text."""
        if error is not None:
            _logger.error("unforeseen", exc_info=error)

    async def _route(self, request: Request) -> None:
        scope, head, gate = request.scope, request.head, self.gate
        path, method = scope["path"], scope["method"]
        gate.check_host(head)
        request.origin = gate.check_origin(head, scope["scheme"])
        if request.origin is not None:
            request.extra += [(b"access-control-allow-origin", request.origin), (b"vary", b"origin")]
        if self.metrics.active > self.policy.serve.max_concurrent_requests:
            raise Refusal("busy")
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None:
            request.event.route = path
            if method == "OPTIONS" and request.origin is not None:
                await self._preflight(request)
                return
            gate.check_address(scope, head)
            request.event.caller, request.cache_salt = self._caller(gate.check_key(head))
            if method != "POST":
                raise Refusal("method")
            await self._complete(endpoint, request)
            return
        page = self.pages.get((method, path))
        if page is None and path.startswith("/v1/models/") and method == "GET":
            page = self.pages.get((method, "/v1/models/{id}"))
            path = "/v1/models/{id}"
        if page is None:
            known = any(path == known_path for _, known_path in self.pages)
            raise Refusal("method" if known else "no-route")
        needs_key, handler = page
        request.event.route = path
        if scope["query_string"]:
            raise Refusal("query-string", "query")
        if needs_key:
            gate.check_address(scope, head)
            request.event.caller, request.cache_salt = self._caller(gate.check_key(head))
        await handler(request)

    async def _preflight(self, request: Request) -> None:
        allowed: Headers = [
            (b"access-control-allow-methods", b"POST, GET"),
            (b"access-control-allow-headers", b"authorization, content-type"),
        ]
        await request.answer(204, b"", allowed)

    def _caller(self, key_id: str) -> tuple[str, str]:
        """Return an id and a cache salt of the caller; neither means anything outside this process."""
        known = self._callers.get(key_id)
        if known is None:
            caller = derive(self._secret, "caller", key_id)[:_CALLER_BYTES].hex()
            salt = derive(self._secret, "cache", key_id)[:_SALT_BYTES].hex()
            known = self._callers[key_id] = (caller, salt)
        return known

    async def read_body(self, request: Request) -> bytes:
        """Return the whole body. How long it may take is kept by `LimitedHttp`.

        Raises:
            Refusal: too large, or not plain JSON by its headers.

        """
        most = self.policy.serve.max_body_bytes
        self.gate.check_body(request.head)
        pieces, total = [], 0
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            piece = message["body"]
            total += len(piece)
            if total > most:
                raise Refusal("body-too-large")
            pieces.append(piece)
            if not message["more_body"]:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def prepare(
        self, endpoint: Endpoint, body: bytes, *, keep_parts: bool = False
    ) -> tuple[dict[str, Any], Masker]:
        """Return a request body as the model may see it, and what its tokens stand for."""
        if len(body) < _OFFLOAD_FROM_BYTES:
            return self._prepare(endpoint, body, keep_parts)
        # A long text takes longer than other callers should wait for.
        return await asyncio.get_running_loop().run_in_executor(None, self._prepare, endpoint, body, keep_parts)

    def _prepare(self, endpoint: Endpoint, body: bytes, keep_parts: bool) -> tuple[dict[str, Any], Masker]:
        try:
            decoded = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Refusal("not-json") from error
        if not isinstance(decoded, dict):
            raise Refusal("not-json")
        masker = Masker(self.finder, self.policy.serve.prompt_identifiers, body, keep_parts=keep_parts)
        return endpoint.clean(decoded, Context(self.policy, masker)), masker

    async def _complete(self, endpoint: Endpoint, request: Request) -> None:
        body = await self.read_body(request)
        cleaned, masker = await self.prepare(endpoint, body)
        event = request.event
        event.masked, event.redacted = masker.masked, masker.redacted
        model = cleaned["model"]
        cleaned["model"] = self.models.upstream_name(model)
        streamed = cleaned.get("stream") is True
        if streamed and endpoint.stream is None:
            raise Refusal("invalid-value", "stream")
        context = AnswerContext(
            self.policy,
            self.finder.detector,
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
                raise _Gone from error
            raise Refusal("upstream-failed") from error
        finally:
            event.prompt_tokens = context.usage.get("prompt_tokens")
            event.answer_tokens = context.usage.get("completion_tokens")

    async def _ask(self, endpoint: Endpoint, cleaned: dict[str, Any], request: Request) -> Exchange:
        """Send the request on, with a cache salt of the caller's own where the upstream takes one."""
        if self._salt_taken is not False:
            cleaned["cache_salt"] = request.cache_salt
        if self._fit is not None and endpoint.stream is ChatStream:
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
        return await self.server.send("POST", endpoint.upstream_path, msgspec.json.encode(cleaned), request.stop_with)

    async def _whole(self, endpoint: Endpoint, exchange: Exchange, context: AnswerContext, request: Request) -> None:
        raw = await exchange.read(self.policy.serve.max_answer_bytes)
        if len(raw) < _OFFLOAD_FROM_BYTES:
            body = _protect(endpoint, raw, context)
        else:
            body = await asyncio.get_running_loop().run_in_executor(None, _protect, endpoint, raw, context)
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
        total, limit = 0, self.policy.serve.max_answer_bytes
        ended = False
        async for piece in exchange:
            total += len(piece)
            if total > limit:
                raise Refusal("upstream-invalid")
            out, ended = _protect_events(stream, reader.feed(piece))
            if ended:
                await send({"type": "http.response.body", "body": out, "more_body": False})
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


class _Gone(Exception):
    """The caller has left."""


_NO_HEAD: Final = Head(
    None, None, None, cookie=False, content_type=b"", content_encoding=b"", content_length=None, expects_continue=False
)
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


def _encode(chunks: Any) -> bytes:
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
