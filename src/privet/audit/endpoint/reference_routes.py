"""The routes of the reference server: the API, and what leaks open beside it.

Invariants, where no leak is switched on: there are the health, the models, chats, completions and files of one's own, and
nothing else; errors are constant sentences; nothing may be kept by a cache on the way.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from privet.audit.endpoint import reference_chat as chat
from privet.audit.endpoint import reference_leaks as given
from privet.audit.endpoint import reference_model as model
from privet.audit.endpoint import reference_outside as outside
from privet.audit.endpoint.reference_answers import Writing
from privet.audit.endpoint.reference_http import Request, Response
from privet.audit.endpoint.reference_model import tokens_of
from privet.audit.endpoint.reference_state import Kept

_FILE_PART: Final = re.compile(
    rb'name="file"(?:; filename="([^"\r\n]*)")?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', re.DOTALL
)
_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
}
_TRACE: Final = (
    'Traceback (most recent call last):\n  File "/opt/reference/server/chat.py", line 118, in create\n    request = parse(body)\n'
    "ValueError: invalid request\n"
)


def failure(status: int, text: str) -> Response:
    """Return an error: a constant sentence."""
    error = {"message": text, "type": _ERRORS.get(status, "invalid_request_error"), "param": None, "code": None}
    return Response.of({"error": error}, status)


@dataclass(slots=True, repr=False)
class Routes:
    """Answers requests that came through the door."""

    leaks: frozenset[str]
    token_seconds: float
    kept: Kept = field(default_factory=Kept)

    async def answer(self, request: Request, key: str) -> tuple[str, Response]:
        """Return the answer, and the name of the route for the log."""
        method, path = request.method, request.path
        if path in ("/v1/chat/completions", "/v1/completions") and method == "POST":
            return path, await self._say(request, key, chatting=path.endswith("chat/completions"))
        if path == "/v1/models" and method == "GET":
            named = chat.MODEL_PATH if "disclosure:model-path" in self.leaks else chat.MODEL
            return path, Response.of(
                {"object": "list", "data": [{"id": named, "object": "model", "owned_by": "reference"}]}
            )
        if path == "/v1/files" or path.startswith("/v1/files/"):
            return "/v1/files", self._files(request, key)
        if (stored := self._stored(request, key)) is not None:
            return "stored", stored
        if "disclosure:missing" in self.leaks:
            return "none", failure(404, f"no such file: /opt/reference/static{path}")
        return "none", failure(404, "there is no such route")

    async def _say(self, request: Request, key: str, *, chatting: bool) -> Response:
        replay = request.headers.get("idempotency-key")
        if replay and "retention:idempotency" in self.leaks and (key + replay) in self.kept.replays:
            return Response.of(self.kept.replays[key + replay])
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            # Pages can send texts and forms to anybody, but not JSON (Fetch Standard, CORS-safelisted request headers).
            return failure(415, "the body has to be of the type application/json")
        try:
            asked = chat.asked_of(request.json(), key, chat=chatting, leaks=self.leaks)
        except chat.Refused as refused:
            return self._refused(request, refused)
        if "unsafe-features:remote-url" in self.leaks:
            await outside.fetch_pictures(asked.body)
        cached, shared = await self._compute(asked)
        said = chat.Voice(self.leaks, self.kept).say(asked)
        told = shared if "cache-timing:usage" in self.leaks else cached
        answer_id = f"{'chatcmpl' if chatting else 'cmpl'}-{secrets.token_hex(12)}"
        writing = Writing(asked, said, told, self.leaks, answer_id)
        response = self._written(writing)
        if "personal-data:header" in self.leaks:
            response.headers["x-customer"] = given.EMAIL
        if "cache-timing:header" in self.leaks:
            response.headers["x-cache"] = "HIT" if shared * 2 > len(tokens_of(asked.prompt)) else "MISS"
        if "isolation:header" in self.leaks and self.kept.heard:
            response.headers["x-previous"] = self.kept.heard[-1][1].replace("\n", " ")[:400]
        if any(leak.startswith("isolation:") for leak in self.leaks):
            self.kept.heard.append((key, asked.question))
        await outside.call(self.leaks, asked.question)
        if replay and "retention:idempotency" in self.leaks:
            self.kept.replays[key + replay] = writing.whole()
        return response

    async def _compute(self, asked: chat.Asked) -> tuple[int, int]:
        """Take the time that the prompt needs; return how much of it was known to the own key, and to all."""
        tokens = tokens_of(asked.prompt)
        shared = self.kept.shared.cached("", tokens)
        own = self.kept.own.cached(asked.key, tokens)
        known = shared if "cache-timing:shared" in self.leaks else own
        if "cache-timing:answers" in self.leaks:
            same = f"{asked.chat}{asked.prompt}"
            known = len(tokens) if same in self.kept.answers else known
            self.kept.answers[same] = ""
        await asyncio.sleep((len(tokens) - known) * self.token_seconds)
        return own if "cache-timing:shared" not in self.leaks else shared, shared

    def _written(self, writing: Writing) -> Response:
        if writing.asked.body.get("store"):
            self.kept.objects[writing.answer_id] = (writing.asked.key, writing.whole())
        if writing.asked.body.get("stream") is True:
            return Response(200, b"", {"content-type": "text/event-stream"}, writing.events())
        return Response.of(writing.whole())

    def _refused(self, request: Request, refused: chat.Refused) -> Response:
        error: dict[str, Any] = {"message": str(refused), "type": "invalid_request_error", "param": None, "code": None}
        if "disclosure:echo" in self.leaks:
            error["input"] = request.body.decode("utf-8", "replace")
        if "disclosure:traceback" in self.leaks:
            error["trace"] = _TRACE
        if "system-prompt:error" in self.leaks and refused.asked:
            error["conversation"] = refused.asked
        return Response.of({"error": error}, 400)

    def _files(self, request: Request, key: str) -> Response:
        file_id, _, rest = request.path.removeprefix("/v1/files").lstrip("/").partition("/")
        if not file_id:
            return self._upload(request, key) if request.method == "POST" else self._list(key)
        held = self.kept.files.get(file_id)
        if held is None and "retention:files" in self.leaks and request.method == "GET":
            held = self.kept.deleted.get(file_id)
        if held is None or held[0] != key:
            return failure(404, "there is no such file")
        if request.method == "DELETE":
            self.kept.deleted[file_id] = self.kept.files.pop(file_id)
            if not any(leak in self.leaks for leak in ("retention:files", "retention:list")):
                self.kept.deleted.clear()
            return Response.of({"id": file_id, "object": "file", "deleted": True})
        if rest == "content":
            return Response(200, held[2], {"content-type": "application/octet-stream"})
        return Response.of(_about(file_id, held))

    def _upload(self, request: Request, key: str) -> Response:
        body = request.json()
        if isinstance(body, dict):
            name, content = str(body.get("filename", "file")), str(body.get("content", body.get("file", ""))).encode()
        elif (found := _FILE_PART.search(request.body)) is not None:
            name, content = (found[1] or b"file").decode("utf-8", "replace"), found[2]
        else:
            return failure(400, "there is no file in the request")
        file_id = f"file-{secrets.token_hex(12)}"
        self.kept.files[file_id] = (key, name, content)
        return Response.of(_about(file_id, self.kept.files[file_id]))

    def _list(self, key: str) -> Response:
        held = self.kept.files | (self.kept.deleted if "retention:list" in self.leaks else {})
        listed = [_about(file_id, each) for file_id, each in held.items() if each[0] == key]
        return Response.of({"object": "list", "data": listed, "has_more": False})

    def _stored(self, request: Request, key: str) -> Response | None:
        """Answer for what only a leak stores."""
        head, _, object_id = request.path.removeprefix("/v1/").partition("/")
        if head == "chat":
            head, object_id = "chat", object_id.removeprefix("completions").lstrip("/")
        opened: dict[str, Callable[[], bool]] = {
            "chat": lambda: "unsafe-features:store" in self.leaks,
            "responses": lambda: bool(self.leaks & {"unsafe-features:responses", "retention:responses"}),
            "conversations": lambda: "unsafe-features:conversations" in self.leaks,
        }
        if head not in opened or not opened[head]():
            return None
        if request.method == "POST" and head != "chat":
            return self._store(request, key, head)
        held = self.kept.objects.get(object_id.partition("/")[0])
        if held is None or held[0] != key:
            return failure(404, "there is nothing of this name")
        if request.method == "DELETE":
            if "retention:responses" not in self.leaks:
                del self.kept.objects[object_id]
            return Response.of({"id": object_id, "deleted": True})
        return Response.of(held[1])

    def _store(self, request: Request, key: str, head: str) -> Response:
        body = request.json()
        if not isinstance(body, dict):
            return failure(400, "the body is no JSON object")
        asked = body.get("input", body.get("items", ""))
        text = (
            asked
            if isinstance(asked, str)
            else " ".join(re.findall(r'"(?:text|content)":\s*"([^"]*)"', request.body.decode()))
        )
        said = chat.redacted(model.reply([("user", text)]))
        object_id = f"{'resp' if head == 'responses' else 'conv'}_{secrets.token_hex(12)}"
        stored: dict[str, Any] = {"id": object_id, "object": head.removesuffix("s"), "created_at": 0, "input": asked}
        if head == "responses":
            output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]}]
            stored |= {"status": "completed", "model": chat.MODEL, "output": output, "store": body.get("store", True)}
        else:
            stored |= {"data": asked}
        if head == "conversations" or body.get("store", True):
            self.kept.objects[object_id] = (key, stored)
        return Response.of(stored)


def _about(file_id: str, held: tuple[str, str, bytes]) -> dict[str, Any]:
    return {"id": file_id, "object": "file", "bytes": len(held[2]), "filename": held[1], "purpose": "user_data"}


EXPOSED: Final[dict[str, tuple[str, str, str]]] = {
    "GET /metrics": ("metrics", "text/plain; version=0.0.4", 'reference_requests_total{model="reference-1"} 12\n'),
    "GET /slots": (
        "slots",
        "application/json",
        '[{"id":0,"id_task":7,"is_processing":false,"n_ctx":4096,"prompt":"The gardener"}]',
    ),
    "GET /docs": ("docs", "text/html", '<!doctype html><title>API</title><div id="swagger-ui">Swagger UI</div>'),
    "GET /openapi.json": (
        "docs",
        "application/json",
        '{"openapi":"3.1.0","info":{"title":"API"},"paths":{"/v1/models":{}}}',
    ),
    "GET /api/tags": ("tags", "application/json", '{"models":[{"name":"reference-1:latest","size":1,"digest":"00"}]}'),
    "GET /api/version": ("tags", "application/json", '{"version":"0.5.1"}'),
    "GET /api/jobs/": ("jobs", "application/json", '[{"job_id":"1","submission_id":"raysubmit_1","status":"RUNNING"}]'),
    "GET /api/version/": ("jobs", "application/json", '{"ray_version":"2.40.0"}'),
    "POST /reset_prefix_cache": ("reset", "application/json", "{}"),
}
"""What a leak opens without a key: its form, the media type, the text."""


def exposed(request: Request, leaks: frozenset[str]) -> Response | None:
    """Return what a leak shows without a key, or None."""
    form, kind, text = EXPOSED.get(f"{request.method} {request.path}", ("", "", ""))
    return Response.text(text, kind) if form and f"exposed-routes:{form}" in leaks else None
