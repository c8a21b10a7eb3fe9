"""Self-tests of the running endpoint: each default is tried, with canaries made on the spot, against the app as it is configured.

A probe sends requests through a copy of the app that shares its policy, gate and detector, but asks a recorder instead of the model
and counts into metrics of its own. It says whether the endpoint does what the policy says, whatever the policy says.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, Final

import msgspec

from privet.keys import KeyRing
from privet.policy import Policy
from privet.serve.app import App
from privet.serve.metrics import Metrics
from privet.serve.models import Models
from privet.serve.relay import Relay
from privet.serve.upstream import OnStart

CHAT: Final = "/v1/chat/completions"
_SHORT_SECONDS: Final = 0.02
_GIVEN_NAMES: Final = ("Anna", "Peter", "Maria", "Thomas", "Laura", "Martin")
_SURNAMES: Final = ("Schmidt", "Miller", "Garcia", "Rossi", "Fischer", "Johnson")
_TEST_CARD: Final = "4111 1111 1111 1111"
"""The card number that payment services reserve for tests."""
Body = dict[str, Any]


class Recorder:
    """Stands where the model server would: remembers what it was sent and answers with a text made from it."""

    status = 200
    content_type = "application/json"
    ended_by_close = False

    def __init__(self, says: Callable[[str], str] = lambda heard: heard, *, silent: bool = False) -> None:
        self.heard: list[bytes] = []
        self._says = says
        self._silent = silent
        self._answer = b""

    async def send(self, method: str, path: str, body: bytes = b"", on_start: OnStart | None = None) -> Recorder:
        """Remember a request."""
        del method, path, on_start
        self.heard.append(body)
        if self._silent:
            await asyncio.get_running_loop().create_future()
        messages = msgspec.json.decode(body)["messages"]
        said = self._says(messages[-1]["content"])
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        self._answer = msgspec.json.encode({"choices": [choice]})
        return self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._answer

    async def read(self, max_bytes: int) -> bytes:
        """Return the answer."""
        return self._answer[:max_bytes]

    def abort(self) -> None:
        """Do nothing: there is no connection."""


class Bench:
    """A copy of the app under test, its recorder, and a key for it."""

    def __init__(self, app: App, recorder: Recorder | None = None, policy: Policy | None = None) -> None:
        self.recorder = recorder or Recorder()
        ring, issued = KeyRing.temporary()
        chosen = policy or app.policy
        self.authorization = b"Bearer " + issued.secret.encode("ascii")
        self.host = min(app.gate.authorities)
        self.app = App(
            policy=chosen,
            gate=replace(app.gate, ring=ring, policy=chosen.serve),
            relay=Relay(chosen, self.recorder, Models(self.recorder), app.relay.detection),
            log=None,
            metrics=Metrics(),
            secret=secrets.token_bytes(32),
        )

    async def ask(
        self,
        more: Body | None = None,
        *,
        text: str = "hello",
        headers: dict[bytes, bytes] | None = None,
    ) -> tuple[int, str]:
        """Send a chat request; return status and the answer's text, or the error's code."""
        body = msgspec.json.encode(
            {"model": "self-test", "messages": [{"role": "user", "content": text}], **(more or {})}
        )
        sent = {
            b"host": self.host,
            b"authorization": self.authorization,
            b"content-type": b"application/json",
            **(headers or {}),
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": CHAT,
            "query_string": b"",
            "scheme": "http",
            "headers": [(name, value) for name, value in sent.items() if value],
        }
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        answer = msgspec.json.decode(b"".join(message.get("body", b"") for message in messages[1:]))
        said = answer["error"]["code"] if "error" in answer else answer["choices"][0]["message"]["content"]
        return messages[0]["status"], said

    async def refused(self, more: Body, *, status: int = 400) -> bool:
        """Tell whether a request with these fields is refused and nothing of it reaches the model."""
        got, _ = await self.ask(more)
        return got == status and not self.recorder.heard

    def heard(self, text: str) -> bool:
        """Tell whether a text reached the model."""
        return any(text.encode() in body for body in self.recorder.heard)


def canary_address() -> str:
    """Return an address that nobody has, in a domain that nobody can have (RFC 2606)."""
    return f"{secrets.token_hex(6)}@example.com"


def with_serve(policy: Policy, **changes: Any) -> Policy:
    """Return the policy with changed limits, for a probe that would take too long with the real ones."""
    return replace(policy, serve=replace(policy.serve, **changes))


def canary_name() -> str:
    """Return a person's name that is easy to know for one, and that a great many people have."""
    return f"{secrets.choice(_GIVEN_NAMES)} {secrets.choice(_SURNAMES)}"


async def prompt_identifiers(app: App) -> bool:
    """Send an address; look for it at the model and in the answer."""
    canary = canary_address()
    return await _masks(app, f"write to {canary}", canary, "EMAIL_ADDRESS")


async def prompt_kinds_shown(app: App) -> bool:
    """Send a person's name; look for it at the model and in the answer."""
    canary = canary_name()
    return await _masks(app, f"My name is {canary}, please write to my colleague.", canary, "PERSON")


async def _masks(app: App, text: str, canary: str, kind: str) -> bool:
    """Tell whether the canary in a prompt is treated as the policy says."""
    bench, policy = Bench(app), app.policy
    status, said = await bench.ask(text=text)
    masked = kind in policy.detect.kinds - policy.serve.prompt_kinds_shown
    match policy.serve.prompt_identifiers if masked else "pass":
        case "refuse":
            return status == 400 and not bench.recorder.heard
        case "redact":
            return not bench.heard(canary) and canary not in said
        case "tokenize":
            return not bench.heard(canary) and canary in said
        case _:
            return bench.heard(canary)


async def answer_identifiers(app: App) -> bool:
    """Have the model utter an address that nobody gave."""
    canary = canary_address()
    _, said = await Bench(app, Recorder(lambda _: f"ask {canary} about it")).ask()
    return (canary not in said) == _redacts(app, "EMAIL_ADDRESS")


async def answer_kinds_shown(app: App) -> bool:
    """Have the model utter a card number that nobody gave, and a person's name."""
    name = canary_name()
    _, said = await Bench(app, Recorder(lambda _: f"{name} paid with {_TEST_CARD} for it")).ask()
    return (_TEST_CARD not in said) == _redacts(app, "CREDIT_CARD") and (name not in said) == _redacts(app, "PERSON")


def _redacts(app: App, kind: str) -> bool:
    policy = app.policy
    return policy.serve.answer_identifiers == "redact" and kind in policy.detect.kinds - policy.serve.answer_kinds_shown


async def answer_min_score(app: App) -> bool:
    """Have the model utter a link with a password in it, which scores high."""
    canary = secrets.token_hex(8)
    _, said = await Bench(app, Recorder(lambda _: f"see https://user:{canary}@example.com/ now")).ask()
    return (canary not in said) == _redacts(app, "URL")


async def caller_fields(app: App) -> bool:
    """Send fields that name the caller; look for them at the model."""
    bench, canary = Bench(app), secrets.token_hex(8)
    status, _ = await bench.ask(
        {"user": canary, "metadata": {"who": canary}, "cache_salt": canary, "safety_identifier": canary}
    )
    return status == 200 and not bench.heard(canary)


async def stored_state(app: App) -> bool:
    """Ask for storage, and for something stored."""
    asked: tuple[Body, ...] = ({"store": True}, {"previous_response_id": "resp_1"}, {"conversation": "conv_1"})
    return all([await Bench(app).refused(more) for more in asked])


async def remote_media(app: App) -> bool:
    """Send the address of an image."""
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    return await Bench(app).refused({"messages": [{"role": "user", "content": [part]}]})


async def hosted_tools(app: App) -> bool:
    """Ask for tools that run elsewhere."""
    asked: tuple[Body, ...] = (
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "mcp", "server_url": "https://example.com"}]},
        {"web_search_options": {}},
    )
    return all([await Bench(app).refused(more) for more in asked])


async def token_probabilities(app: App) -> bool:
    """Ask for probabilities and for a bias."""
    return all(
        [await Bench(app).refused(more) for more in ({"logprobs": True}, {"logit_bias": {"1": 1}}, {"echo": True})]
    )


async def unknown_fields(app: App) -> bool:
    """Send a field that nobody knows."""
    return await Bench(app).refused({"x_" + secrets.token_hex(4): True})


async def max_choices(app: App) -> bool:
    """Ask for one answer more than allowed."""
    return await Bench(app).refused({"n": app.policy.serve.max_choices + 1})


async def require_key(app: App) -> bool:
    """Ask without a key, and with a wrong one."""
    asked = (b"", b"Bearer privet_" + secrets.token_hex(16).encode())
    return all([(await Bench(app).ask(headers={b"authorization": value}))[0] == 401 for value in asked])


async def hosts(app: App) -> bool:
    """Ask under a foreign name."""
    return (await Bench(app).ask(headers={b"host": b"rebound.example.com"}))[0] == 421


async def origins(app: App) -> bool:
    """Ask as a foreign web page."""
    return (await Bench(app).ask(headers={b"origin": b"https://foreign.example.com"}))[0] == 403


async def max_body_bytes(app: App) -> bool:
    """Announce a body that is too large, and send one without announcing."""
    announced = str(app.policy.serve.max_body_bytes + 1).encode()
    said = (await Bench(app).ask(headers={b"content-length": announced}))[0]
    small = with_serve(app.policy, max_body_bytes=64)
    return said == (await Bench(app, policy=small).ask(text="a" * 64))[0] == 413


async def max_concurrent_requests(app: App) -> bool:
    """Ask while as many requests as allowed are in work."""
    bench = Bench(app)
    bench.app.metrics.active = app.policy.serve.max_concurrent_requests
    return (await bench.ask())[0] == 503


async def answer_timeout_seconds(app: App) -> bool:
    """Ask a model that never answers."""
    short = with_serve(app.policy, answer_timeout_seconds=_SHORT_SECONDS)
    return (await Bench(app, Recorder(silent=True), short).ask())[0] == 504
