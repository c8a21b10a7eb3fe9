"""The endpoint as an ASGI application: gate, route, answer, count.

Invariants:

- Every error, whatever raised it, becomes a `Refusal` or `internal`, without the text of any exception.
- Every request is counted and logged once, with what `AccessEvent` can hold and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from privet.keys import derive
from privet.logs import AccessEvent, AccessLog
from privet.policy import Policy
from privet.serve.gate import Gate, read_head
from privet.serve.metrics import Metrics
from privet.serve.refusals import Refusal
from privet.serve.relay import ENDPOINTS, Relay
from privet.serve.request import NO_HEAD, Gone, Receive, Request, Scope, Send
from privet.serve.responses import Headers, new_request_id

_logger: Final = logging.getLogger("privet.serve")
_SALT_BYTES: Final = 16
_CALLER_BYTES: Final = 8


class App:
    """The endpoint. Call it as an ASGI application."""

    def __init__(
        self, *, policy: Policy, gate: Gate, relay: Relay, log: AccessLog | None, metrics: Metrics, secret: bytes
    ) -> None:
        self.policy = policy
        self.gate = gate
        self.relay = relay
        self.metrics = metrics
        self._log = log
        self._secret = secret
        # What a key's caller id and cache salt are, so that they are derived once.
        self._callers: dict[str, tuple[str, str]] = {}
        self.pages: dict[tuple[str, str], tuple[bool, Callable[[Request], Awaitable[None]]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never raise."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        event = AccessEvent()
        request = Request(scope, receive, send, NO_HEAD, new_request_id(), event)
        self.metrics.active += 1
        # What asyncio.timeout does, at a third of its price.
        limit = asyncio.get_running_loop().call_later(
            self.policy.serve.answer_timeout_seconds, request.expire, asyncio.current_task()
        )
        try:
            request.head = read_head(scope["headers"])
            await self._route(request)
        except Refusal as refusal:
            await self._refuse(request, refusal)
        except asyncio.CancelledError:
            if not request.overdue:
                raise
            await self._refuse(request, Refusal("upstream-slow"))
        except Gone:
            event.status = 499
        except Exception as error:
            self.report(error)
            await self._refuse(request, Refusal("internal"))
        finally:
            limit.cancel()
            request.let_go()
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
        gate.check_host(head, scope.get("server"))
        request.origin = gate.check_origin(head, scope["scheme"])
        if request.origin is not None:
            request.extra += [(b"access-control-allow-origin", request.origin), (b"vary", b"origin")]
        if self.metrics.active > self.policy.serve.max_concurrent_requests:
            raise Refusal("busy")
        if method == "OPTIONS" and request.origin is not None:
            await self._preflight(request)
            return
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None:
            request.event.route = path
            gate.check_address(scope, head)
            request.event.caller, request.cache_salt = self._caller(gate.check_key(head))
            if method != "POST":
                raise Refusal("method")
            await self.relay.complete(endpoint, request, await self.read_body(request))
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
        """Return the whole body of a request that is JSON by its headers."""
        self.gate.check_body(request.head)
        return await request.body(self.policy.serve.max_body_bytes)
