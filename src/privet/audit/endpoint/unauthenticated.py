"""Ways into an API that needs a key, without one: other prefixes, spellings of a path, headers that proxies believe, keys that are none.

Invariants:

- Only what a model or its list answers counts: a refusal with the wrong status is none.
- Where the API answers without any key, that is said once, and not again for every way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.guard import Guard, guard_of, has_models, is_answered, question
from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.reply import reply_of
from privet.audit.endpoint.scene import Scene

_COMMON_KEYS: Final = (
    "EMPTY",
    "none",
    "sk-1234",
    "token-abc123",
    "lm-studio",
    "ollama",
    "changeme",
    "test",
    "sk-no-key-required",
)
"""Keys of the examples in the documentation of vLLM, LiteLLM, LM Studio, llama.cpp; everybody tries them."""
_PREFIXES: Final = (
    "",
    "/api",
    "/api/v1",
    "/openai",
    "/openai/v1",
    "/v2",
    "/v1beta",
    "/proxy/v1",
    "/internal/v1",
    "/public/v1",
    "/test/v1",
)
_Headers = tuple[tuple[str, str], ...]
_HERE: Final = "127.0.0.1"
_HEADERS: Final[tuple[tuple[str, str, _Headers], ...]] = (
    ("a forwarded address of this machine", "", (("x-forwarded-for", _HERE), ("x-real-ip", _HERE), ("forwarded", f"for={_HERE}"))),
    ("a header that names another path", "/health", (("x-original-url", "{}"), ("x-rewrite-url", "{}"), ("x-forwarded-uri", "{}"))),
    ("a header that names a user", "", (("x-user", "admin"), ("x-forwarded-user", "admin"), ("remote-user", "admin"))),
    ("a header that says internal", "", (("x-internal", "true"), ("x-admin", "true"), ("x-debug", "true"), ("x-internal-request", "1"))),
    ("the name of a health probe", "", (("user-agent", "kube-probe/1.31"),)),
    ("an empty key in another header", "", (("x-api-key", ""), ("api-key", ""))),
    ("a wrong key in another header", "", (("x-api-key", "none"), ("api-key", "none"))),
    ("an overridden method", "", (("x-http-method-override", "OPTIONS"), ("x-method-override", "OPTIONS"))),
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class _Way:
    """One way in. `key`: what is sent as the key, or nothing. `name` is what a report calls it."""

    name: str
    method: str
    path: str
    body: bytes | None = None
    headers: _Headers = ()
    key: str | None = None
    fix: str = "key-check"


async def ask_without_key(scene: Scene, tally: Tally) -> None:
    """Ask the API without its key, in every way."""
    guard = await guard_of(scene)
    if guard.needs_key is None:
        tally.note("whether the API needs a key could not be told")
        return
    if not guard.needs_key:
        if scene.target.key is None:
            tally.note("the API needs no key: whoever reaches the port may use it")
            tally.sample()
        else:
            tally.sample("the API answers without the key", fix="no-key")
        return
    if scene.target.key in _COMMON_KEYS:
        tally.sample("the key is one that stands in documentation", fix="common-key")
    tally.sample()

    async def tried(way: _Way) -> tuple[_Way, Answer]:
        headers = way.headers
        answer = await scene.client.ask(
            way.method, way.path, body=way.body, key=way.key, headers=headers, seconds=10.0, may_fail=True
        )
        scene.client.budget.spent(reply_of(answer).tokens if answer.ok else 0)
        return way, answer

    def take(result: tuple[_Way, Answer]) -> None:
        way, answer = result
        if not answer.status:
            # A path that no server takes may end the connection, which is a refusal.
            tally.unanswered += answer.trouble == "timeout"
            return
        came_in = has_models(answer) if way.method == "GET" else is_answered(answer)
        tally.sample(*([way.name] if came_in else []), fix=way.fix)

    await in_order(scene, [partial(tried, way) for way in _ways(scene, guard)], take)


def _ways(scene: Scene, guard: Guard) -> Iterator[_Way]:
    base, body = scene.dialect.base, question(scene)
    chat = f"{base}/chat/completions" if scene.dialect.chats or not scene.dialect.completes else f"{base}/completions"
    yield _Way("GET /models without a key", "GET", f"{base}/models", fix="unguarded-prefix")
    yield from _other_routes(scene)
    for prefix in _PREFIXES:
        if f"{prefix}/chat/completions" != chat:
            yield _Way(
                f"POST {prefix}/chat/completions without a key",
                "POST",
                f"{prefix}/chat/completions",
                body,
                fix="unguarded-prefix",
            )
        if f"{prefix}/models" != f"{base}/models" and guard.models_closed:
            yield _Way(f"GET {prefix}/models without a key", "GET", f"{prefix}/models", fix="unguarded-prefix")
    for name, key in _keys(scene):
        yield _Way(name, "POST", chat, body, key=key)
    for name, sent_as in (
        ("an empty key", "Bearer "),
        ("no scheme and no key", ""),
        ("a key of another scheme", "Basic Og=="),
    ):
        yield _Way(name, "POST", chat, body, (("authorization", sent_as),))
    closed = [("POST", chat, body)] + ([("GET", f"{base}/models", None)] if guard.models_closed else [])
    for method, path, sent in closed:
        for spelling in _spellings(path):
            yield _Way("another spelling of the path", method, spelling, sent, fix="path-normalization")
        for name, instead, headers in _HEADERS:
            given = tuple((header, value.format(path)) for header, value in headers)
            yield _Way(name, method, instead or path, sent, given, fix="trusted-headers")


def _keys(scene: Scene) -> Iterator[tuple[str, str]]:
    chance = scene.chance("exposed-routes")
    yield "a key that was made up", f"sk-{chance.randbytes(20).hex()}"
    own = scene.target.key
    if own is not None and len(own) > 8:
        yield "the key without its last letter", own[:-1]
        yield "the first half of the key", own[: len(own) // 2]
        yield "the key with a letter more", f"{own}x"
        yield "the key in the other case", own.swapcase()
    for common in _COMMON_KEYS:
        if common != own:
            yield "a key that stands in documentation", common


def _other_routes(scene: Scene) -> Iterator[_Way]:
    base, model = scene.dialect.base, scene.dialect.model
    said = [{"role": "user", "content": "Hi"}]
    bodies: dict[str, dict[str, Any]] = {
        "/chat/completions": {"messages": said, "max_tokens": 1, "stream": True},
        "/completions": {"prompt": "Hi", "max_tokens": 1},
        "/responses": {"input": "Hi", "max_output_tokens": 16, "store": False},
        "/messages": {"messages": said, "max_tokens": 1},
        "/embeddings": {"input": "Hi"},
        f"/engines/{model}/completions": {"prompt": "Hi", "max_tokens": 1},
    }
    for route, fields in bodies.items():
        name = "/engines/MODEL/completions" if route.startswith("/engines") else route
        if model.isprintable() and " " not in route:
            body = msgspec.json.encode({"model": model, **fields})
            yield _Way(f"POST {name} without a key", "POST", base + route, body, fix="unguarded-prefix")


def _spellings(path: str) -> Iterator[str]:
    """Yield what some router or proxy takes for a path while what looks at keys does not."""
    head, _, rest = path.lstrip("/").partition("/")
    yield f"/{path}"
    yield f"/{head}//{rest}"
    yield f"{path}/"
    yield f"/./{head}/{rest}"
    yield f"/health/..{path}"
    yield f"/health/%2e%2e{path}"
    yield f"/health/..;{path}"
    yield f"/{head.upper()}/{rest}"
    yield f"/{head}/{rest.upper()}"
    yield f"/%{ord(head[:1] or '/'):02x}{head[1:]}/{rest}"
    yield f"/{head}%2f{rest}"
    yield f"/{head};x=1/{rest}"
    yield f"{path};.css"
    yield f"{path}?health"
    yield f"{path}%20"
    yield f"{path}.json"
    yield f"{path}%00"
