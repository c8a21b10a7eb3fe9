"""What servers keep by an id, if they keep anything: how it is made, read, listed, deleted, and asked about.

Invariants:

- Only what was made here is read by its id or deleted: nothing of anybody else's.
- Something counts as kept only where reading it gives back what was put in.

Sources: the OpenAI API reference (responses, conversations, stored chat completions, files, threads, assistants, vector stores); the routes
of Open WebUI (`/api/v1/chats`, `/api/v1/memories`), LiteLLM and LibreChat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.client import OWN, Key
from privet.audit.endpoint.echo import holds
from privet.audit.endpoint.reply import reply_of
from privet.audit.endpoint.scene import Scene

_MESSAGE: Final = {"role": "user", "content": "My access code is {canary}."}
_MAX_SEARCHED: Final = 256 * 1024
_ID_FIELDS: Final = (
    "id", "_id", "uuid", "key", "session_id", "sessionId", "conversation_id", "conversationId", "chat_id", "thread_id", "response_id",
    "file_id", "memory_id",
)  # fmt: skip
_WRAPPED: Final = ("data", "session", "conversation", "chat", "thread", "response", "file", "result", "memory", "item")
_ID: Final = re.compile(r"[A-Za-z0-9][-\w.:~=]{0,255}", re.ASCII)
_NONE: Final[Mapping[str, Any]] = {}
_BOUNDARY: Final = "privet-audit-5d1c0e"


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of thing. `make` is where it is posted, and listed; `{base}` is the API's own. `under`: where it is read, if elsewhere.

    `parts`: what is read of it, below its id. `ask`: fields of a question that refers to it by `{id}`, posted to `asked`.
    """

    name: str
    make: str
    body: Mapping[str, Any]
    parts: Sequence[str] = ("",)
    under: str = ""
    is_file: bool = False
    asked: str = ""
    ask: Mapping[str, Any] | None = None


_QUESTION: Final = "What is my access code?"
STORES: Final = (
    Store(
        "response",
        "{base}/responses",
        {"model": "{model}", "input": "My access code is {canary}. Repeat it.", "store": True, "max_output_tokens": 16},
        ("", "/input_items"),
        asked="{base}/responses",
        ask={"model": "{model}", "previous_response_id": "{id}", "input": _QUESTION, "max_output_tokens": 24, "store": False},
    ),
    Store(
        "stored chat completion",
        "{base}/chat/completions",
        {"model": "{model}", "messages": [_MESSAGE], "store": True, "max_tokens": 1, "metadata": {"code": "{canary}"}},
        ("", "/messages"),
        asked="{base}/chat/completions",
        ask={
            "model": "{model}", "messages": [{"role": "user", "content": _QUESTION}], "max_tokens": 24,
            "previous_completion_id": "{id}", "previous_response_id": "{id}",
        },
    ),
    Store(
        "conversation",
        "{base}/conversations",
        {
            "items": [{"type": "message", **_MESSAGE}], "messages": [_MESSAGE], "metadata": {"code": "{canary}"},
            "title": "{canary}",
        },
        ("", "/items", "/messages"),
        asked="{base}/responses",
        ask={"model": "{model}", "conversation": "{id}", "input": _QUESTION, "max_output_tokens": 24, "store": False},
    ),
    Store("file", "{base}/files", {"purpose": "assistants"}, ("", "/content"), is_file=True),
    Store("thread", "{base}/threads", {"messages": [_MESSAGE], "metadata": {"code": "{canary}"}}, ("", "/messages")),
    Store("assistant", "{base}/assistants", {"model": "{model}", "name": "{canary}", "instructions": "Say {canary}."}),
    Store("vector store", "{base}/vector_stores", {"name": "{canary}", "metadata": {"code": "{canary}"}}),
    Store("prompt", "{base}/prompts", {"name": "{canary}", "prompt": "Say {canary}.", "content": "Say {canary}."}),
    Store(
        "session",
        "{base}/sessions",
        {"messages": [_MESSAGE], "title": "{canary}", "metadata": {"code": "{canary}"}},
        ("", "/messages", "/history"),
        asked="{base}/chat/completions",
        ask={
            "model": "{model}", "messages": [{"role": "user", "content": _QUESTION}], "max_tokens": 24,
            "session_id": "{id}", "conversation_id": "{id}",
        },
    ),
    Store("memory", "{base}/memories", {"content": "{canary}", "text": "{canary}", "memory": "{canary}"}),
    Store("session", "/api/sessions", {"messages": [_MESSAGE], "title": "{canary}"}, ("", "/messages", "/history")),
    Store("session", "/sessions", {"messages": [_MESSAGE], "title": "{canary}"}, ("", "/messages", "/history")),
    Store("conversation", "/api/conversations", {"messages": [_MESSAGE], "title": "{canary}"}, ("", "/messages")),
    Store("chat", "/api/chats", {"messages": [_MESSAGE], "title": "{canary}"}, ("", "/messages")),
    Store("chat", "/api/v1/chats/new", {"chat": {"title": "{canary}", "messages": [_MESSAGE]}}, under="/api/v1/chats"),
    Store("memory", "/api/v1/memories/add", {"content": "{canary}"}, under="/api/v1/memories"),
    Store("file", "/api/v1/files/", {}, ("", "/content", "/data/content"), under="/api/v1/files", is_file=True),
)  # fmt: skip
LISTS: Final = (
    "{base}/batches", "{base}/fine_tuning/jobs", "{base}/history", "{base}/messages", "{base}/chats", "/history", "/conversations",
    "/chats", "/api/history", "/api/chat/history", "/api/messages", "/api/v1/history", "/api/v1/conversations", "/api/v1/sessions",
    "/memories", "/api/memories", "/memory", "{base}/memory",
)  # fmt: skip
"""Where servers list what was said, beside the routes above."""


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    """A thing that was made. `at`: its own address."""

    store: Store
    id: str
    at: str
    canary: str


def filled(template: Any, words: Mapping[str, str]) -> Any:
    """Return a template with its words put in, however deep they stand."""
    if isinstance(template, str):
        for name, word in words.items():
            template = template.replace("{" + name + "}", word)
        return template
    if isinstance(template, Mapping):
        return {name: filled(inner, words) for name, inner in template.items()}
    return [filled(inner, words) for inner in template] if isinstance(template, list) else template


def words_of(scene: Scene, **more: str) -> dict[str, str]:
    """Return what every template may name, and more."""
    return {"base": scene.dialect.base, "model": scene.dialect.model, **more}


def paths(scene: Scene) -> list[str]:
    """Return every route that lists things, once."""
    routes = [*(store.under or store.make for store in STORES), *LISTS]
    return list(dict.fromkeys(filled(route, words_of(scene)) for route in routes))


async def make(
    scene: Scene, store: Store, canary: str, *, key: Key = OWN, more: Mapping[str, Any] = _NONE
) -> tuple[Answer, Made | None]:
    """Make one, with more fields; None where the target makes no such thing, or gives it no id."""
    words = words_of(scene, canary=canary)
    path = filled(store.make, words)
    fields = {**filled(store.body, words), **more}
    if store.is_file:
        kind = ("content-type", f"multipart/form-data; boundary={_BOUNDARY}")
        answer = await scene.client.ask(
            "POST", path, body=_form(fields, canary), headers=(kind,), key=key, may_fail=True
        )
    else:
        answer = await scene.client.ask("POST", path, body=msgspec.json.encode(fields), key=key, may_fail=True)
        scene.client.budget.spent(reply_of(answer).tokens)
    made = id_of(answer) if answer.ok else ""
    at = f"{filled(store.under, words) or path.rstrip('/')}/{made}"
    return answer, Made(store, made, at, canary) if made else None


async def read(scene: Scene, made: Made, part: str = "", *, key: Key = OWN) -> Answer:
    """Return the answer to reading a part of a thing."""
    return await scene.client.ask("GET", made.at + part, key=key, may_fail=True)


async def ask_about(scene: Scene, made: Made, *, key: Key = OWN) -> Answer | None:
    """Return the answer to a question that refers to a thing; None where there is no such way."""
    if made.store.ask is None:
        return None
    words = words_of(scene, id=made.id)
    body = msgspec.json.encode(filled(made.store.ask, words))
    answer = await scene.client.ask("POST", filled(made.store.asked, words), body=body, key=key, may_fail=True)
    scene.client.budget.spent(reply_of(answer).tokens)
    return answer


def told(answer: Answer, secret: str) -> bool:
    """Tell whether an answer holds a secret: in its body, in what its fields say, or in a header."""
    texts = (answer.text[:_MAX_SEARCHED], reply_of(answer).everything[:_MAX_SEARCHED], *(v for _, v in answer.headers))
    return any(holds(text, secret) for text in texts)


def id_of(answer: Answer) -> str:
    """Return the id that an answer gives to what was made, or nothing."""
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return next((made for level in _levels(document) for name in _ID_FIELDS if (made := _as_id(level.get(name)))), "")


def _levels(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
        for name in _WRAPPED:
            if isinstance(inner := document.get(name), dict):
                yield inner


def _as_id(value: Any) -> str:
    """Return an id that can stand in a path: what else a server sends is none."""
    value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _form(fields: Mapping[str, str], canary: str) -> bytes:
    """Return a form (RFC 7578) with fields and one file."""
    parts = [
        f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = f'content-disposition: form-data; name="file"; filename="{canary}.txt"\r\ncontent-type: text/plain\r\n\r\n'
    return "".join([*parts, f"--{_BOUNDARY}\r\n{head}My access code is {canary}.\r\n--{_BOUNDARY}--\r\n"]).encode()
