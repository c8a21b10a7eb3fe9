"""Pages of other origins that ask: what the server lets a browser hand to them (Fetch standard, section 3.3, CORS protocol).

Invariant: the origins are of nobody (`.example`, RFC 2606), in the forms that careless checks let through.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.guard import question
from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.scene import Scene

_EVIL: Final = "https://evil.example"
_PREFLIGHT: Final = (
    ("access-control-request-method", "POST"),
    ("access-control-request-headers", "authorization,content-type"),
    ("access-control-request-private-network", "true"),
)


async def ask_as_foreign_pages(scene: Scene, tally: Tally) -> None:
    """Ask as pages of other origins do."""

    async def asked(origin: str, kind: str) -> tuple[str, Answer]:
        return origin, await _ask(scene, origin, kind)

    def take(result: tuple[str, Answer]) -> None:
        origin, answer = result
        if not answer.status:
            tally.unanswered += answer.trouble == "timeout"
            return
        tally.sample(*_allowed(origin, answer), fix="cross-origin")

    jobs = [partial(asked, origin, kind) for origin in _origins(scene) for kind in ("list", "preflight", "refused")]
    jobs.append(partial(asked, _EVIL, "answer"))
    await in_order(scene, jobs, take)


def _origins(scene: Scene) -> Iterator[str]:
    target = scene.target
    host = target.authority
    yield _EVIL
    yield "null"
    # What a check for a beginning, an end or a part of the own name takes for the own.
    yield f"{target.origin}.evil.example"
    yield f"{target.scheme}://{target.host.strip('[]')}.evil.example"
    yield f"https://evil.example.{host}" if not host.startswith("[") else "https://evil-localhost.example"
    yield "http://localhost.evil.example"
    yield f"{target.scheme}://evil.example?{host}"


async def _ask(scene: Scene, origin: str, kind: str) -> Answer:
    base, client = scene.dialect.base, scene.client
    headers = (("origin", origin),)
    if kind == "list":
        return await client.ask("GET", f"{base}/models", headers=headers, may_fail=True)
    route = "/chat/completions" if scene.dialect.chats or not scene.dialect.completes else "/completions"
    if kind == "preflight":
        return await client.ask("OPTIONS", base + route, key=None, headers=(*headers, *_PREFLIGHT), may_fail=True)
    if kind == "refused":
        return await client.ask("POST", base + route, key=None, body=b"{}", headers=headers, may_fail=True)
    return await client.ask("POST", base + route, body=question(scene), headers=headers, may_fail=True)


def _allowed(origin: str, answer: Answer) -> list[str]:
    """Return what a browser would let a page of this origin do with the answer."""
    allowed = [value.strip() for value in answer.values("access-control-allow-origin")]
    credentials = answer.header("access-control-allow-credentials").strip().casefold() == "true"
    if "null" in allowed and origin == "null":
        leak = "pages without an origin may read answers"
    elif origin in allowed:
        leak = "a foreign origin is allowed by its own name"
    elif "*" in allowed:
        leak = "any origin is allowed"
    else:
        return []
    leaks = [f"{leak} (with credentials)" if credentials else leak]
    if answer.header("access-control-allow-private-network").strip().casefold() == "true":
        leaks.append("pages of the internet may reach into the network")
    return leaks
