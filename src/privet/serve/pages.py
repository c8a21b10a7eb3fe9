"""Every route that is not a protocol's: models, health, metrics, the local page and what it asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final

import msgspec

from privet.serve.app import App
from privet.serve.posture import Posture
from privet.serve.refusals import Refusal
from privet.serve.relay import ENDPOINTS
from privet.serve.request import Request
from privet.serve.responses import PAGE, json_headers

_OK: Final = 200
_FILES: Final = {
    "/": ("index.html", b"text/html; charset=utf-8"),
    "/privet.css": ("privet.css", b"text/css; charset=utf-8"),
    "/privet.js": ("privet.js", b"text/javascript; charset=utf-8"),
    "/favicon.svg": ("favicon.svg", b"image/svg+xml"),
}


def add_pages(app: App, posture: Posture) -> None:
    """Give the app its other routes."""
    pages = app.pages
    for path, (name, media_type) in _FILES.items():
        pages["GET", path] = (False, _file(name, media_type))
    pages["GET", "/health"] = (False, _health)
    pages["GET", "/metrics"] = (True, _metrics(app))
    pages["GET", "/v1/models"] = (True, _models(app))
    pages["GET", "/v1/models/{id}"] = (True, _model(app))
    pages["GET", "/privet/posture"] = (True, _posture(app, posture))
    pages["POST", "/privet/verify"] = (True, _verify(app, posture))
    pages["POST", "/privet/preview"] = (True, _preview(app))


Handler = Callable[[Request], Awaitable[None]]


def _file(name: str, media_type: bytes) -> Handler:
    content = resources.files("privet.serve").joinpath("web", name).read_bytes()

    async def handler(request: Request) -> None:
        headers = [*json_headers(request.request_id, len(content))[1:], *PAGE, (b"content-type", media_type)]
        await request.answer(_OK, content, headers)

    return handler


async def _health(request: Request) -> None:
    await request.answer(_OK, b'{"status":"ok"}')


def _metrics(app: App) -> Handler:
    async def handler(request: Request) -> None:
        body = app.metrics.expose()
        headers = [
            *json_headers(request.request_id, len(body))[1:],
            (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
        ]
        await request.answer(_OK, body, headers)

    return handler


def _models(app: App) -> Handler:
    async def handler(request: Request) -> None:
        await request.answer(_OK, msgspec.json.encode({"object": "list", "data": await app.relay.models.listed()}))

    return handler


def _model(app: App) -> Handler:
    async def handler(request: Request) -> None:
        wanted = request.scope["path"].removeprefix("/v1/models/")
        for model in await app.relay.models.listed():
            if model["id"] == wanted:
                await request.answer(_OK, msgspec.json.encode(model))
                return
        raise Refusal("no-such-model", "model")

    return handler


def _posture(app: App, posture: Posture) -> Handler:
    async def handler(request: Request) -> None:
        await request.answer(_OK, msgspec.json.encode(posture.describe(app)))

    return handler


def _verify(app: App, posture: Posture) -> Handler:
    async def handler(request: Request) -> None:
        await posture.verify(app)
        await request.answer(_OK, msgspec.json.encode(posture.describe(app)))

    return handler


def _preview(app: App) -> Handler:
    endpoint = ENDPOINTS["/v1/chat/completions"]

    async def handler(request: Request) -> None:
        _, masker = await app.relay.prepare(endpoint, await app.read_body(request), keep_parts=True)
        parts = [_part(part) for part in masker.parts or ()]
        await request.answer(_OK, msgspec.json.encode({"parts": parts}))

    return handler


def _part(part: Any) -> dict[str, Any]:
    """Return one text as typed and as sent, with the places of its identifiers in both."""
    tokens, shift = [], 0
    for span, token in zip(part.spans, part.tokens, strict=True):
        start = span.start + shift
        tokens.append(
            {
                "start": start,
                "end": start + len(token),
                "kind": span.kind,
                "token": token,
                "typed_start": span.start,
                "typed_end": span.end,
            }
        )
        shift += len(token) - (span.end - span.start)
    spans = [{"start": span.start, "end": span.end, "kind": span.kind, "score": span.score} for span in part.spans]
    return {"field": part.field, "typed": part.typed, "spans": spans, "sent": part.sent, "tokens": tokens}
