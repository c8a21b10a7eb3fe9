"""A small endpoint on http.server: errors as OpenAI writes them, unknown fields refused. What leaky ones in this style are made of."""

import argparse
import hashlib
import json
import os
import re
import secrets
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODEL = "tiny-chat"
FIELDS = {
    "model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stream", "stop", "seed", "user",
    "tools", "tool_choice", "stream_options",
}  # fmt: skip
LINES = (
    "Let me think about it in small steps.",
    "The short answer is that it depends on the weather.",
    "You can start with the largest piece and work your way down.",
    "Nothing about this is hard once the table is cleared.",
    "Most people find the second try easier.",
)


class Service:
    """What the handler asks: a leaky one overrides a method."""

    fields = FIELDS

    def __init__(self, watch: Path) -> None:
        self.keys = [secrets.token_hex(16), secrets.token_hex(16)]
        self.watch = watch

    def say(self, key: str, messages: list, body: dict) -> str:
        text = str(messages[-1].get("content"))
        number = hashlib.sha256(text.encode()).digest()[0]
        return f"{LINES[number % 5]} {LINES[number // 5 % 5]}"

    def choice(self, key: str, messages: list, body: dict, text: str) -> dict:
        return {}

    def extra(self, key: str, messages: list) -> dict:
        """Headers of an answer."""
        return {}

    def other(self, handler: "Handler", key: str | None) -> bool:
        """Answer a route of its own. `key` is None where none was given."""
        return False

    def seen(self, key: str, body: dict) -> None:
        """Called with each request that is answered."""

    def key_of(self, handler: "Handler") -> str | None:
        given = handler.headers.get("Authorization", "")
        return next((key for key in self.keys if given == f"Bearer {key}"), None)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: Service

    def log_message(self, *_args: object) -> None:
        pass

    def send(self, status: int, value: object, headers: dict | None = None, kind: str = "application/json") -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response_only(status)
        for name, text in {"Content-Type": kind, "Cache-Control": "no-store", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def fail(self, status: int, message: str) -> None:
        self.send(status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self.fail(code, "bad request")

    def handle_any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if size > 2**20:
            self.close_connection = True
            self.fail(413, "too large")
            return
        self.data = self.rfile.read(size)
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self.fail(400, "unknown host")
        elif self.headers.get("Origin") is not None:
            self.fail(403, "not for browsers")
        else:
            self.inside()

    def inside(self) -> None:
        key = self.service.key_of(self)
        if self.service.other(self, key):
            return
        if key is None:
            self.fail(401, "give your key")
            return
        path = self.path.split("?")[0]
        if path == "/v1/models" and self.command == "GET":
            self.send(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        elif path in ("/v1/chat/completions", "/v1/completions") and self.command == "POST":
            self.answer(key, path.endswith("chat/completions"))
        else:
            self.fail(404, "not found")

    do_GET = do_POST = do_DELETE = do_PUT = do_OPTIONS = do_HEAD = do_PATCH = handle_any

    def answer(self, key: str, chat: bool) -> None:
        try:
            body = json.loads(self.data)
            messages = body["messages"] if chat else [{"role": "user", "content": body["prompt"]}]
            assert messages and all(
                isinstance(each, dict) and isinstance(each.get("content"), str) for each in messages
            )
            limit = int(body.get("max_tokens", body.get("max_completion_tokens", 100)))
        except (ValueError, KeyError, TypeError, AssertionError):
            self.fail(400, "the request is not understood")
            return
        if set(body) - self.service.fields:
            self.fail(400, "the request has a field that is not supported")
            return
        self.service.seen(key, body)
        text = self.service.say(key, messages, body)
        cut = re.findall(r"\s*\S+", text)
        text = "".join(cut[:limit])
        why = "length" if len(cut) > limit else "stop"
        base = {"id": f"cmpl-{secrets.token_hex(8)}", "created": int(time.time()), "model": MODEL}
        headers = self.service.extra(key, messages)
        if body.get("stream"):
            self.stream(base, chat, text, why, headers)
            return
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        said |= {"index": 0, "finish_reason": why} | self.service.choice(key, messages, body, text)
        usage = {
            "prompt_tokens": sum(len(each["content"]) // 4 for each in messages),
            "completion_tokens": len(cut[:limit]),
        }
        kind = "chat.completion" if chat else "text_completion"
        self.send(200, base | {"object": kind, "choices": [said], "usage": usage}, headers)

    def stream(self, base: dict, chat: bool, text: str, why: str, headers: dict) -> None:
        self.send_response_only(200)
        for name, value in {"Content-Type": "text/event-stream", "Cache-Control": "no-store", **headers}.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for piece in [*re.findall(r"\s*\S{1,5}", text), None]:
            delta = {"delta": {"content": piece} if piece else {}} if chat else {"text": piece or ""}
            kind = "chat.completion.chunk" if chat else "text_completion"
            frame = base | {"object": kind, "choices": [delta | {"index": 0, "finish_reason": None if piece else why}]}
            self.wfile.write(f"data: {json.dumps(frame)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")


def main(make: type[Service], **told: object) -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    with tempfile.TemporaryDirectory() as folder:
        service = make(Path(folder))
        handler = type("Own", (Handler,), {"service": service})
        server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), handler)
        server.daemon_threads = True
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        print(json.dumps({"url": url, "keys": service.keys, "pid": os.getpid(), "watch": folder, **told}), flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)
