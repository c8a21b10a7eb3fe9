"""A small endpoint on aiohttp: chats only, errors as vLLM writes them, unknown and unsafe fields refused."""

import argparse
import asyncio
import json
import os
import secrets
import socket
import tempfile
import time
import zlib
from pathlib import Path

from aiohttp import web

MODEL = "local-small"
KNOWN = {
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stream",
    "stop",
    "seed",
    "tools",
    "tool_choice",
}
NOTES = (
    "- measure twice\n- cut once",
    "1. read it\n2. sleep on it\n3. answer",
    "**No** single way is best.",
    "It is `fine` either way.",
)


class Service:
    """What the handlers ask: a leaky one overrides a method."""

    known = KNOWN
    middle: tuple = ()

    def __init__(self, watch: Path) -> None:
        self.keys = [secrets.token_urlsafe(20) for _ in range(2)]
        self.watch = watch

    async def say(self, key: str, messages: list, body: dict) -> str:
        return NOTES[zlib.crc32(text_of(messages[-1]).encode()) % len(NOTES)]

    def outgoing(self, text: str) -> list[str]:
        """The pieces of a stream."""
        return [text[start : start + 6] for start in range(0, len(text), 6)]

    def whole(self, text: str) -> str:
        return text

    def routes(self) -> list:
        return []

    def headers(self, request: web.Request) -> dict:
        return {"Cache-Control": "no-store"}


def text_of(message: dict) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else json.dumps(content)


def failed(status: int, message: str) -> web.Response:
    kind = {400: "BadRequestError", 401: "Unauthorized", 404: "NotFoundError"}.get(status, "BadRequestError")
    return web.json_response(
        {"object": "error", "message": message, "type": kind, "param": None, "code": status}, status=status
    )


def application(service: Service, port: int) -> web.Application:
    @web.middleware
    async def door(request: web.Request, handler):
        if request.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return failed(403, "forbidden host")
        given = request.headers.get("Authorization", "").partition(" ")[2]
        if given not in service.keys:
            return failed(401, "Unauthorized")
        request["key"] = given
        try:
            return await handler(request)
        except web.HTTPException as error:
            return failed(error.status, "the request cannot be served")
        except Exception:
            return failed(500, "internal error")

    async def models(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model", "max_model_len": 2048}]})

    async def chat(request: web.Request):
        try:
            body = await request.json()
            messages = body["messages"]
            limit = int(body.get("max_tokens") or body.get("max_completion_tokens") or 50)
            if not messages or not all(isinstance(each["role"], str) for each in messages):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            return failed(400, "the body does not fit the schema")
        if set(body) - service.known:
            return failed(400, "extra fields are not permitted")
        raw = (await service.say(request["key"], messages, body))[: limit * 4]
        base = {"id": f"chatcmpl-{secrets.token_hex(8)}", "created": int(time.time()), "model": MODEL}
        if not body.get("stream"):
            message = {"role": "assistant", "content": service.whole(raw)}
            choice = {"index": 0, "message": message, "finish_reason": "stop", "stop_reason": None}
            usage = {"prompt_tokens": 9, "total_tokens": 9 + len(raw) // 4, "completion_tokens": len(raw) // 4}
            return web.json_response(base | {"object": "chat.completion", "choices": [choice], "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in [*service.outgoing(raw), None]:
            delta = {"content": piece} if piece is not None else {}
            choice = {"index": 0, "delta": delta, "finish_reason": None if piece is not None else "stop"}
            frame = base | {"object": "chat.completion.chunk", "choices": [choice]}
            await response.write(f"data: {json.dumps(frame)}\n\n".encode())
            await asyncio.sleep(0.001)
        await response.write(b"data: [DONE]\n\n")
        return response

    async def dress(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.pop("Server", None)
        response.headers["Server"] = "web"
        for name, value in service.headers(request).items():
            response.headers[name] = value

    app = web.Application(middlewares=[*service.middle, door], client_max_size=2**20)
    app.on_response_prepare.append(dress)
    app.add_routes([web.get("/v1/models", models), web.post("/v1/chat/completions", chat), *service.routes()])
    return app


def main(make: type[Service], **told: object) -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listening:
        listening.bind(("127.0.0.1", parser.parse_args().port))
        port = listening.getsockname()[1]
        service = make(Path(folder))
        listening.listen()
        url = f"http://127.0.0.1:{port}/v1"
        print(json.dumps({"url": url, "keys": service.keys, "pid": os.getpid(), "watch": folder, **told}), flush=True)
        web.run_app(application(service, port), sock=listening, print=None, access_log=None)
