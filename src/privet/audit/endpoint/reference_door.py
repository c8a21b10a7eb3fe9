"""The door of the reference server: who may come in, and what every answer carries.

Invariants, where no leak is switched on: a foreign Host or Origin is refused before anything else (DNS rebinding, pages of others);
every route but the health needs a key in the Authorization header; no answer may be kept on the way, none tells a program or a version.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from privet.audit.endpoint.reference_http import Request, Response
from privet.audit.endpoint.reference_routes import Routes, exposed, failure
from privet.audit.endpoint.reference_state import Log

_OWN_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_QUERY_NAMES: Final = ("api_key", "api-key", "key", "access_token", "token", "apikey")


@dataclass(slots=True, repr=False)
class Door:
    """Lets requests in. `port` is known once it listens."""

    leaks: frozenset[str]
    keys: Sequence[str]
    routes: Routes
    log: Log
    port: int = 0

    async def answer(self, request: Request) -> Response:
        """Return the answer to a request, whatever it is, and log it."""
        route, response = await self._inside(request)
        self._dress(request, response)
        said = "" if response.events is not None else response.body.decode("utf-8", "replace")
        self.log.write(request, route, response.status, said)
        return response

    async def _inside(self, request: Request) -> tuple[str, Response]:
        foreign = self._foreign(request)
        if foreign is not None:
            return "door", foreign
        if request.path == "/health" and request.method == "GET":
            return "/health", Response.of({"status": "ok"})
        key = self._key(request)
        if key is None:
            return "door", self._closed(request)
        if request.too_large:
            return "door", failure(413, "the body is too large")
        open_anyway = exposed(request, self.leaks)
        return ("open", open_anyway) if open_anyway is not None else await self.routes.answer(request, key)

    def _foreign(self, request: Request) -> Response | None:
        """Refuse another Host or Origin; answer the preflight of an origin that a leak lets in."""
        names = {f"{name}:{self.port}" for name in _OWN_NAMES}
        if request.headers.get("host", "").lower() not in names and "transport:host" not in self.leaks:
            return failure(421, "this host is not served")
        origin = request.headers.get("origin")
        if origin is None or origin in {f"http://{name}" for name in names}:
            return None
        if not self._allows(origin):
            return failure(403, "this origin is not served")
        return Response(204) if request.method == "OPTIONS" else None

    def _allows(self, origin: str) -> bool:
        return "transport:cors" in self.leaks or (origin == "null" and "transport:cors-null" in self.leaks)

    def _closed(self, request: Request) -> Response:
        shown = exposed(request, self.leaks)
        return shown if shown is not None else failure(401, "a key is needed")

    def _key(self, request: Request) -> str | None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        offered = [given.strip()] if scheme.lower() == "bearer" else []
        if "transport:query-key" in self.leaks:
            offered += [value for name in _QUERY_NAMES for value in request.query.get(name, ())]
        for key in self.keys:
            if any(hmac.compare_digest(each.encode(), key.encode()) for each in offered):
                return key
        opened = {
            "/v1/models": "exposed-routes:models",
            "/v1/completions": "exposed-routes:completions",
        }.get(request.path)
        return "" if opened in self.leaks else None

    def _dress(self, request: Request, response: Response) -> None:
        headers = response.headers
        headers["cache-control"] = "no-store"
        headers["x-content-type-options"] = "nosniff"
        if "retention:cached" in self.leaks and response.status == 200:
            headers["cache-control"] = "public, max-age=3600"
            headers["etag"] = '"a1"'
        origin = request.headers.get("origin")
        if origin is not None and self._allows(origin):
            headers["access-control-allow-origin"] = origin
            headers["access-control-allow-credentials"] = "true"
            headers["access-control-allow-headers"] = "authorization, content-type"
            headers["access-control-allow-methods"] = "GET, POST, OPTIONS"
        if "transport:cookie" in self.leaks:
            headers["set-cookie"] = "session=reference; Path=/"
        if "disclosure:version" in self.leaks:
            headers["server"] = "reference-engine/1.4.2 uvicorn/0.30.1"
