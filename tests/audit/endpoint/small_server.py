"""A small threaded server of the OpenAI API, written apart from the reference server: clean, with features that leak nothing, or leaky.

A feature is a word; what each does stands where it is looked up. The model repeats what follows a colon, recalls codes of its conversation,
and says "ok" else.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

CODE: Final = re.compile(r"\b[a-z]+-[a-z]+-\d{5}\b")
KEYS: Final = ("key-a", "key-b")
_STORES: Final = ("responses", "conversations", "files", "threads", "sessions")


@dataclass
class Said:
    """What came in."""

    key: str
    path: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    text: str = ""
    whole: str = ""


@dataclass
class Memory:
    """What the server keeps."""

    last: str = ""
    current: str = ""
    count: int = 0
    number: int = 0
    left: str = ""
    by: dict[Any, list[str]] = field(default_factory=dict)
    prefixes: set[Any] = field(default_factory=set)
    answers: dict[Any, Any] = field(default_factory=dict)
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    gone: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


class SmallServer:
    """Answers requests. `members`: texts that its model was trained on."""

    def __init__(self, features: frozenset[str], members: frozenset[str]) -> None:
        self.has = features.__contains__
        self.members = members
        self.memory = Memory()
        self.lock = threading.Lock()
        self.chance = random.Random(7)

    # What it says.

    def say(self, said: Said) -> str:
        memory, has = self.memory, self.has
        session = said.headers.get("x-session-id") or said.body.get("session_id")
        names = {
            "memory-all": "all",
            "memory-of-key": said.key,
            "session-of-all": ("session", session) if session else None,
            "session-of-key": (said.key, session) if session else None,
            "user-of-all": ("user", said.body.get("user")) if said.body.get("user") else None,
        }
        before = [text for name, where in names.items() if has(name) and where for text in memory.by.get(where, [])]
        text = self.reply(said.text, "\n".join([*before, said.whole]))
        for name, where in names.items():
            if has(name) and where:
                memory.by.setdefault(where, []).append(said.whole)
        if has("every-tenth") and memory.count % 10 == 9:
            text += " " + memory.last
        if has("leftover"):
            text, memory.left = memory.left + text, ""
        return text

    def reply(self, asked: str, whole: str) -> str:
        if has_member := next((each for each in self.members if asked.strip() and self._goes_on(asked, each)), ""):
            return has_member
        if self.has("echo"):
            return f"You said: {whole}"
        if self.has("makes-up-codes"):
            return f"amber-anvil-{self.chance.randrange(10_000, 99_999)}"
        if ":" in asked:
            return asked.partition(":")[2].strip() or "ok"
        if re.search(r"code|previous|above|conversation|who am", asked, re.IGNORECASE):
            codes = CODE.findall(whole)
            return codes[-1] if codes else "I do not know."
        return "ok"

    def _goes_on(self, asked: str, member: str) -> str | None:
        for feature, start in (("recites-chat", asked), ("recites", asked.rpartition(": ")[2])):
            if self.has(feature) and len(start) > 20 and member.startswith(start):
                return member[len(start) :]
        return None

    # How long it takes, and what a cache tells.

    def wait(self, said: Said) -> int:
        """Wait as a model that reads would, and return how many words were known."""
        words = said.whole.split()
        owner = "" if self.has("prefix-of-all") or self.has("usage-of-all") else said.key
        cached, block = 0, 16
        for end in range(block, len(words) + 1, block):
            mark = (owner, " ".join(words[:end]))
            cached = end if mark in self.memory.prefixes and cached == end - block else cached
            self.memory.prefixes.add(mark)
        exact = ("" if self.has("exact-of-all") else said.key, said.whole)
        if self.has("exact-of-all") or self.has("exact-of-key"):
            known = len(words) if exact in self.memory.prefixes else 0
            self.memory.prefixes.add(exact)
        else:
            known = cached if self.has("prefix-of-all") or self.has("prefix-of-key") else 0
        if self.has("slow"):
            time.sleep(0.0003 * (len(words) - known) + (self.chance.expovariate(1000) if self.has("jitter") else 0))
        return cached


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    small: SmallServer

    def log_message(self, *_: Any) -> None:
        pass

    def handle_one(self, method: str) -> None:
        size = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(size)
        key = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        if key not in KEYS and not self.small.has("no-keys"):
            self.send(401, {"error": "key"})
            return
        try:
            body = json.loads(raw) if raw[:1] == b"{" else {"file": raw.decode()}
        except ValueError:
            body = {}
        said = Said(key, self.path, body, {name.lower(): value for name, value in self.headers.items()})
        self.route(method, said)

    def do_GET(self) -> None:
        self.handle_one("GET")

    def do_POST(self) -> None:
        self.handle_one("POST")

    def do_DELETE(self) -> None:
        self.handle_one("DELETE")

    def route(self, method: str, said: Said) -> None:
        path = said.path.partition("?")[0]
        if path == "/v1/models":
            self.send(200, {"data": [{"id": "small"}]})
        elif method == "POST" and (
            path in ("/v1/chat/completions", "/v1/completions")
            or (self.small.has("catch-all") and "/files" not in path)
        ):
            self.talk(said)
        elif (
            path.startswith("/v1/") and path.split("/")[2] in _STORES and self.small.has(f"keeps-{path.split('/')[2]}")
        ):
            self.keep(method, said, *path.split("/")[2:5])
        elif method == "GET" and path == "/history" and self.small.has("history-of-all"):
            self.send(200, {"history": self.small.memory.by.get("history", [])})
        elif method == "DELETE" and path.startswith("/v1/sessions/") and self.small.has("session-of-key"):
            if not self.small.has("session-kept"):
                self.small.memory.by.pop((said.key, path.rpartition("/")[2]), None)
            self.send(200, {"deleted": True})
        elif method == "GET" and self.small.has("catch-all"):
            self.send(200, {"id": "anything", "status": "ok"})
        else:
            self.send(404, {"error": "no such route"})

    # Talking.

    def talk(self, said: Said) -> None:
        small, memory = self.small, self.small.memory
        if not self.understood(said):
            error = "the request is wrong" + (f"; before: {memory.last}" if small.has("error-of-all") else "")
            self.send(400, {"error": {"message": error}})
            return
        with small.lock:
            text, document, headers = self.written(said)
            cached = small.wait(said)
        if small.has("races"):
            memory.current = said.whole
            time.sleep(0.01)
            text = small.reply(memory.current.rpartition("\n")[2], memory.current)
            document = document | {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
        if small.has("usage-of-all") or small.has("prefix-of-key"):
            document["usage"] = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": cached}}
        if said.body.get("stream") is True:
            self.stream(said, text, headers)
        else:
            self.send(200, document, headers)

    def understood(self, said: Said) -> bool:
        body = said.body
        if "prompt" in body and isinstance(body["prompt"], str):
            said.text = said.whole = body["prompt"]
        elif isinstance(body.get("messages"), list) and all(isinstance(each, dict) for each in body["messages"]):
            said.whole = "\n".join(str(each.get("content")) for each in body["messages"])
            said.text = str(body["messages"][-1].get("content")) if body["messages"] else ""
        elif not self.small.has("catch-all"):
            return False
        known = {"model", "messages", "prompt", "max_tokens", "temperature", "stream", "user", "echo", "logprobs"}
        return isinstance(body.get("temperature", 0), int | float) and not (
            self.small.has("strict") and body.keys() - known
        )

    def written(self, said: Said) -> tuple[str, dict[str, Any], dict[str, str]]:
        small, memory = self.small, self.small.memory
        text = small.say(said)
        memory.number += 1
        answer_id = "same" if small.has("same-ids") else f"cmpl-{memory.number:06d}"
        document: dict[str, Any] = {"id": answer_id, "choices": [self.choice(said, text)]}
        if small.has("half-cache"):
            about = re.sub(r"[\W\d]+", "", said.text.partition(":")[0])
            document = memory.answers.setdefault(about, document)
        if small.has("answers-of-key"):
            document = memory.answers.setdefault((said.key, said.whole), document)
        replay = said.headers.get("idempotency-key")
        if replay:
            name: Any = {"replay-any": (said.key, replay), "replay-all": (replay, said.whole)}
            for feature, mark in name.items():
                document = memory.answers.setdefault(mark, document) if small.has(feature) else document
            if small.has("replay-right"):
                document = memory.answers.setdefault((said.key, replay, said.whole), document)
        if small.has("field-of-all"):
            document["debug"] = {"previous": memory.last}
        headers = {}
        if small.has("header-of-all") and memory.last:
            headers["x-trace"] = memory.last.encode().hex()
        headers |= {
            value[0]: value[1]
            for feature, value in {
                "public": ("Cache-Control", "public"),
                "max-age": ("Cache-Control", "max-age=60"),
                "s-maxage": ("Cache-Control", "s-maxage=60"),
                "expires": ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
                "age": ("Age", "12"),
                "no-cache": ("Cache-Control", "no-cache, max-age=0"),
                "private": ("Cache-Control", "private, max-age=60"),
            }.items()
            if small.has(feature)
        }
        memory.by.setdefault("history", []).append(said.whole)
        memory.last, memory.count = said.whole, memory.count + 1
        return text, dict(document), headers

    def choice(self, said: Said, text: str) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        choice |= {"message": {"role": "assistant", "content": text}} if "messages" in said.body else {"text": text}
        if said.body.get("logprobs") and any(
            map(self.small.has, ("echo-logprobs", "chat-logprobs", "even-logprobs", "length-logprobs"))
        ):
            choice["logprobs"] = self.likely(said)
        return choice

    def likely(self, said: Said) -> dict[str, Any]:
        small, chance = self.small, random.Random(said.whole)
        known = said.text in small.members and not small.has("even-logprobs")
        if small.has("length-logprobs"):
            known = len(said.text) > 100
        numbers = [-(0.8 if known else 1.5) - chance.random() for _ in range(12)]
        if "messages" in said.body:
            return (
                {"content": [{"token": "x", "logprob": number} for number in numbers]}
                if small.has("chat-logprobs")
                else {}
            )
        return {"token_logprobs": [None, *numbers]} if said.body.get("echo") and not small.has("chat-logprobs") else {}

    def stream(self, said: Said, text: str, headers: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        left = re.findall(r"\S+\s*|^$", text)
        with suppress(OSError):
            while left:
                word = {"delta": {"content": left[0]}} if "messages" in said.body else {"text": left[0]}
                self.wfile.write(b"data: " + json.dumps({"choices": [{"index": 0, **word}]}).encode() + b"\n\n")
                self.wfile.flush()
                left.pop(0)
            self.wfile.write(b"data: [DONE]\n\n")
        if self.small.has("leftover") and "three times" in said.text:
            # A client that hangs up at once has been sent everything by then: what it asked is taken for unsent.
            self.small.memory.left = text

    # Keeping.

    def keep(self, method: str, said: Said, kind: str, name: str = "", part: str = "") -> None:
        small, objects = self.small, self.small.memory.objects
        own = "" if small.has("any-owner") else said.key
        if method == "POST" and not name:
            self.make(kind, said)
            return
        if method == "POST":
            self.send(404, {"error": "no such route"})
            return
        if not name:
            hidden = small.memory.gone if small.has("still-listed") else {}
            if "include_deleted=true" in said.path and small.has("soft-deleted"):
                hidden = small.memory.gone
            every = [each for at, each in {**objects, **hidden}.items() if at[0] == kind]
            shown = [each["shown"] for each in every if each["key"] == said.key or small.has("lists-all")]
            self.send(200, {"data": shown})
            return
        held = objects.get((kind, name))
        if held is None and (small.has("still-readable") or (part and small.has("parts-left"))):
            held = small.memory.gone.get((kind, name))
        if held is None or (held["key"] != said.key and own):
            self.send(404, {"error": "no such thing"})
        elif method == "DELETE" and small.has("no-delete"):
            self.send(405, {"error": "no"})
        elif method == "DELETE":
            small.memory.gone[kind, name] = objects.pop((kind, name), held)
            self.send(200, {"id": name, "deleted": True})
        elif held["until"] < time.time() and not small.has("expired-kept"):
            self.send(404, {"error": "no such thing"})
        else:
            self.send(200, {"id": name, "content": held["text"]} if part else held["shown"])

    def make(self, kind: str, said: Said) -> None:
        small, memory = self.small, self.small.memory
        memory.number += 1
        name = f"{kind[:4]}_{random.Random(memory.number).getrandbits(64):016x}"
        text = json.dumps(said.body)
        asked = str(said.body.get("previous_response_id", ""))
        before = memory.objects.get((kind, asked)) or (
            memory.gone.get((kind, asked)) if small.has("still-known") else None
        )
        known = before["text"] if before and (before["key"] == said.key or small.has("any-owner")) else ""
        shown = {"id": name, "object": kind, "output": small.reply(str(said.body.get("input", "")), f"{known}\n{text}")}
        shown |= {} if kind == "files" else {"kept": said.body}
        until = time.time() + (0.2 if said.body.get("ttl") else 9e9)
        if small.has("expiring") or small.has("expired-kept"):
            shown["expires_at"] = until
        if kind != "responses" or said.body.get("store") is not False or small.has("store-ignored"):
            memory.objects[kind, name] = {"key": said.key, "text": text, "shown": shown, "until": until}
        self.send(200, shown)

    def send(self, status: int, document: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def small_server(*features: str, members: frozenset[str] = frozenset()) -> Iterator[str]:
    """Serve until the block ends; yields the URL."""
    handler = type("Handler", (_Handler,), {"small": SmallServer(frozenset(features), members)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
