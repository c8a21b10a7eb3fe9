"""A small endpoint on bare sockets of asyncio: errors as Ollama writes them, a field that is not known has no effect."""

import argparse
import asyncio
import json
import os
import re
import secrets
import tempfile
from pathlib import Path

MODEL = "wire:latest"


class Service:
    """What the connection asks: a leaky one overrides a method."""

    def __init__(self, watch: Path) -> None:
        self.keys = [secrets.token_hex(20) for _ in range(2)]
        self.watch = watch

    async def think(self, key: str, messages: list) -> None:
        """Take the time that the prompt takes."""
        await asyncio.sleep(0.002)

    def say(self, key: str, messages: list, body: dict) -> str:
        words = len(str(messages[-1].get("content")).split())
        return f"That was a question of {'few' if words < 8 else 'many'} words, and I have no opinion on it."

    def call(self, body: dict, text: str, streamed: bool) -> tuple[str, str] | None:
        """Return the name and the arguments of a tool to call, or None."""
        return None

    def after(self, key: str, messages: list) -> None:
        """Called once the answer is out."""


STATUS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Too Large",
}


class Wire:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.port = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass
        writer.close()

    async def one(self, reader, writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
        headers = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*?)\r?$", head.split("\r\n", 1)[1]))
        headers = {name.lower(): value for name, value in headers.items()}
        size = int(headers.get("content-length", 0))
        if size > 2**20:
            await self.reply(writer, 413, {"error": "too large"})
            return False
        body = await reader.readexactly(size)
        if headers.get("host") not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}") or "origin" in headers:
            await self.reply(writer, 403, {"error": "forbidden"})
            return True
        key = headers.get("authorization", "").removeprefix("Bearer ")
        if key not in self.service.keys:
            await self.reply(writer, 401, {"error": "unauthorized"})
        elif path == "/v1/models":
            await self.reply(
                writer, 200, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "library"}]}
            )
        elif path == "/v1/chat/completions":
            await self.chat(writer, key, body)
        else:
            await self.reply(writer, 404, {"error": "not found"})
        return True

    async def chat(self, writer, key: str, data: bytes) -> None:
        try:
            body = json.loads(data)
            messages = [dict(each) for each in body["messages"]]
            limit = int(body.get("max_tokens") or 1000)
            messages[-1]["role"]
        except (ValueError, KeyError, TypeError, IndexError):
            await self.reply(writer, 400, {"error": "invalid request"})
            return
        await self.service.think(key, messages)
        text = " ".join(self.service.say(key, messages, body).split(" ")[:limit])
        streamed = bool(body.get("stream"))
        call = self.service.call(body, text, streamed)
        frame = {"id": f"chatcmpl-{secrets.randbelow(1000)}", "model": MODEL, "system_fingerprint": "fp_wire"}
        if streamed:
            await self.stream(writer, frame, text, call)
        else:
            message = {"role": "assistant", "content": text}
            if call:
                message = {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": call[0], "arguments": call[1]}}
                    ],
                }
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}
            await self.reply(
                writer,
                200,
                frame
                | {"object": "chat.completion", "choices": [choice], "usage": {"completion_tokens": len(text) // 4}},
            )
        self.service.after(key, messages)

    async def stream(self, writer, frame: dict, text: str, call) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        if call:
            deltas = [
                {
                    "tool_calls": [
                        {"index": 0, "id": "call_1", "type": "function", "function": {"name": call[0], "arguments": ""}}
                    ]
                }
            ]
            deltas += [
                {"tool_calls": [{"index": 0, "function": {"arguments": call[1][at : at + 4]}}]}
                for at in range(0, len(call[1]), 4)
            ]
        else:
            deltas = [{"role": "assistant", "content": text[at : at + 9]} for at in range(0, len(text), 9)]
        for delta in [*deltas, None]:
            choice = {"index": 0, "delta": delta or {}, "finish_reason": None if delta else "stop"}
            event = f"data: {json.dumps(frame | {'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()

    async def reply(self, writer, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} {STATUS[status]}\r\ncontent-type: application/json\r\ncache-control: no-store\r\ncontent-length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        await writer.drain()


def main(make: type[Service], **told: object) -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port

    async def serve(folder: str) -> None:
        wire = Wire(make(Path(folder)))
        server = await asyncio.start_server(wire.connected, "127.0.0.1", port)
        wire.port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{wire.port}/v1"
        print(
            json.dumps({"url": url, "keys": wire.service.keys, "pid": os.getpid(), "watch": folder, **told}), flush=True
        )
        await server.serve_forever()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(serve(folder))
