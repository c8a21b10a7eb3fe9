"""A small endpoint as an ASGI application under uvicorn: errors as FastAPI writes them, unknown fields ignored without effect."""

import argparse
import asyncio
import json
import os
import random
import secrets
import socket
import tempfile
import time
from pathlib import Path

import uvicorn

MODEL = "acme/assistant-7b"
OPENERS = ("Sure!", "Of course.", "Happy to help.", "Good question.")
ENDS = (
    "Tell me more about it and I will go into details.",
    "Is there anything else?",
    "In short: try it and see.",
    "It takes a little time.",
)


class Service:
    """What the application asks: a leaky one overrides a method."""

    open_paths = ("/health",)

    def __init__(self, watch: Path) -> None:
        self.keys = [f"sk-{secrets.token_urlsafe(18)}" for _ in range(2)]
        self.watch = watch

    async def say(self, key: str, messages: list, body: dict) -> str:
        chance = random.Random(messages[-1]["content"])
        return f"{chance.choice(OPENERS)} {chance.choice(ENDS)}"

    async def pieces(self, text: str):
        words = text.split(" ")
        for number, word in enumerate(words):
            yield word if number == 0 else f" {word}"
            await asyncio.sleep(0)

    def extra(self, key: str, messages: list, body: dict, text: str) -> dict:
        """Further fields of the answer."""
        return {}

    def invalid(self, where: list, why: str, given: object) -> dict:
        return {"detail": [{"loc": where, "msg": why, "type": "value_error"}]}

    def headers(self) -> dict:
        return {"cache-control": "no-store"}

    async def other(self, method: str, path: str, key: str | None, body: bytes, headers: dict):
        """Return (status, value) for a route of its own, or None."""
        return None


class App:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.port = 0

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > 2**20:
                await self.json(send, 413, {"detail": "Request Entity Too Large"})
                return
            if not message.get("more_body"):
                break
        if headers.get("host") not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            await self.json(send, 400, {"detail": "Invalid host header"})
            return
        await self.inside(scope, bytes(body), headers, send)

    async def inside(self, scope, body: bytes, headers: dict, send) -> None:
        service, path, method = self.service, scope["path"], scope["method"]
        given = headers.get("authorization", "").removeprefix("Bearer ")
        key = next((each for each in service.keys if secrets.compare_digest(each.encode(), given.encode())), None)
        own = await service.other(method, path, key, body, headers)
        if own is not None:
            await self.json(send, *own)
        elif path in service.open_paths:
            await self.json(send, 200, {"status": "ok"})
        elif key is None:
            await self.json(send, 401, {"detail": "Not authenticated"})
        elif path == "/v1/models":
            await self.json(
                send,
                200,
                {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "acme"}]},
            )
        elif path in ("/v1/chat/completions", "/v1/completions"):
            if method != "POST":
                await self.json(send, 405, {"detail": "Method Not Allowed"})
            else:
                await self.answer(send, key, path, body)
        else:
            await self.json(send, 404, {"detail": "Not Found"})

    async def answer(self, send, key: str, path: str, data: bytes) -> None:
        chat = path.endswith("chat/completions")
        try:
            body = json.loads(data)
        except ValueError:
            await self.json(send, 422, self.service.invalid(["body"], "JSON decode error", data.decode("latin-1")))
            return
        name = "messages" if chat else "prompt"
        messages = body.get(name) if isinstance(body, dict) else None
        if not chat and isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        good = isinstance(messages, list) and messages
        if not good or not all(
            isinstance(each, dict) and isinstance(each.get("content"), str | list) for each in messages
        ):
            await self.json(send, 422, self.service.invalid(["body", name], "Input should be a valid list", messages))
            return
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 64
        if not isinstance(limit, int) or limit < 1:
            await self.json(
                send, 422, self.service.invalid(["body", "max_tokens"], "Input should be greater than 0", limit)
            )
            return
        text = await self.service.say(key, messages, body)
        words = text.split(" ")
        why = "length" if len(words) > limit else "stop"
        text = " ".join(words[:limit])
        base = {
            "id": secrets.token_hex(12),
            "object": "chat.completion" if chat else "text_completion",
            "created": int(time.time()),
            "model": MODEL,
        }
        if body.get("stream"):
            await self.stream(send, base, chat, text, why)
            return
        choice = {"index": 0, "finish_reason": why}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        usage = {"prompt_tokens": len(str(messages)) // 4, "completion_tokens": len(words[:limit]), "total_tokens": 0}
        answer = base | {"choices": [choice], "usage": usage}
        for field, value in self.service.extra(key, messages, body, text).items():
            choice[field] = value
        await self.json(send, 200, answer)

    async def stream(self, send, base: dict, chat: bool, text: str, why: str) -> None:
        named = {"content-type": "text/event-stream; charset=utf-8", **self.service.headers()}
        head = [(name.encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        kind = {"object": "chat.completion.chunk"} if chat else {}
        async for piece in self.service.pieces(text):
            choice = {"index": 0, "finish_reason": None} | ({"delta": {"content": piece}} if chat else {"text": piece})
            frame = json.dumps(base | kind | {"choices": [choice]})
            await send({"type": "http.response.body", "body": f"data: {frame}\n\n".encode(), "more_body": True})
        last = json.dumps(
            base | kind | {"choices": [{"index": 0, "finish_reason": why} | ({"delta": {}} if chat else {"text": ""})]}
        )
        await send({"type": "http.response.body", "body": f"data: {last}\n\ndata: [DONE]\n\n".encode()})

    async def json(self, send, status: int, value: object) -> None:
        data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        kind = "text/plain" if isinstance(value, str) else "application/json"
        named = {"content-type": kind, "content-length": str(len(data)), **self.service.headers()}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(n.encode(), v.encode()) for n, v in named.items()],
            }
        )
        await send({"type": "http.response.body", "body": data})


def main(make: type[Service], **told: object) -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listening:
        listening.bind(("127.0.0.1", parser.parse_args().port))
        app = App(make(Path(folder)))
        app.port = listening.getsockname()[1]
        settings = uvicorn.Config(app, log_level="critical", server_header=False, date_header=False, lifespan="off")
        server = uvicorn.Server(settings)
        listening.listen()
        url = f"http://127.0.0.1:{app.port}/v1"
        print(
            json.dumps({"url": url, "keys": app.service.keys, "pid": os.getpid(), "watch": folder, **told}), flush=True
        )
        server.run(sockets=[listening])
