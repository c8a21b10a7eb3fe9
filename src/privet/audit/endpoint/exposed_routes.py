"""Routes of the engine and its administration that answer, and ways into the API without its key.

How a route is judged: whoever has no key must not see metrics, documentation, configuration, or what the engine does; an ordinary key must
not reach what shows others or changes the server. What is the API itself in another dress (Ollama's /api/tags beside /v1/models) is exposed
only where the API needs a key. The health of a server is nobody's secret.

Invariants:

- Nothing is asked that changes the server: see `routes.toml`.
- A route is exposed only where its own content was seen and a made-up path beside it does not get the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.guard import CLOSED, Guard, guard_of
from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.routes import REFUSALS, Route, is_same, is_shown, routes, sent_to
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.unauthenticated import ask_without_key

_SECONDS: Final = 5.0
_MUCH: Final = 64 * 1024
_MADE_UP: Final = 2
_NOTED: Final = frozenset(("metrics", "docs"))


async def run(scene: Scene, tally: Tally) -> None:
    """Ask for every route without a key, and where that is refused, with an ordinary one."""
    tally.sampled = False
    await ask_without_key(scene, tally)
    guard = await guard_of(scene)
    asking = _Asking(scene, guard)
    named: set[str] = set()

    def take(result: tuple[Route, str, bool]) -> None:
        route, how, answered = result
        if not answered:
            tally.unanswered += 1
        elif how == "note":
            tally.note(f"{route.name} answers")
        elif how == "keyed":
            tally.note(f"{route.name} answers to the key")
        elif how and route.name not in named:
            named.add(route.name)
            tally.sample(f"{route.name} {how}", fix=route.fix)
        else:
            tally.sample()

    jobs = [partial(asking.judged, route, path) for route, path in _wanted(scene)]
    await in_order(scene, jobs, take)


def _wanted(scene: Scene) -> Iterator[tuple[Route, str]]:
    """Yield every route with the path to ask: at the root, and below the API where it may be."""
    base = scene.dialect.base
    above = base.rpartition("/")[0]
    known: set[tuple[str, str]] = set()
    for route in routes():
        bases = [base] if route.only_base else ["", base] if route.under_base else [""]
        for before in dict.fromkeys([*bases, *([above] if above and not route.only_base else [])]):
            path = before + route.path
            if (route.method, path) not in known and path != f"{base}/files":
                known.add((route.method, path))
                yield route, path


class _Asking:
    def __init__(self, scene: Scene, guard: Guard) -> None:
        self._scene = scene
        self._guard = guard
        self._ordinary = (scene.target.tenants or (scene.target.key,))[0]
        self._chance = scene.chance("exposed-routes")
        self._strange = [f"{self._chance.randbytes(6).hex()}" for _ in range(_MADE_UP)]

    async def judged(self, route: Route, path: str) -> tuple[Route, str, bool]:
        """Return how a route is exposed, or nothing, and whether it could be told."""
        answer = await self._ask(route, path, None)
        if not answer.came and answer.trouble != "closed":
            return route, "", answer.status > 0
        if await self._is_real(route, path, answer, None):
            return route, self._open(route, answer), True
        closed = answer.status in CLOSED or answer.status >= 500
        # What is merely open is worth a second question only where a note says that it is there.
        if closed and self._ordinary is not None and (route.kind == "admin" or route.fix in _NOTED):
            answer = await self._ask(route, path, self._ordinary)
            if await self._is_real(route, path, answer, self._ordinary):
                return route, "answers to an ordinary key" if self._is_powerful(route, answer) else "keyed", True
        return route, "", True

    def _open(self, route: Route, answer: Answer) -> str:
        if route.kind == "told":
            return "note"
        if route.kind == "model" and not self._guard.needs_key:
            return ""
        if answer.status in REFUSALS and self._guard.needs_key and not self._guard.before_body:
            # A body that is looked at before the key is: nothing is known of the route.
            return "note"
        return "answers without a key"

    def _is_powerful(self, route: Route, answer: Answer) -> bool:
        return route.kind == "admin" and (answer.ok or self._guard.before_body)

    async def _is_real(self, route: Route, path: str, answer: Answer, key: str | None) -> bool:
        if not is_shown(route, answer):
            return False
        folder, _, name = urlsplit(path).path.rstrip("/").rpartition("/")
        ending = name[name.rindex(".") :] if "." in name[1:] else ""
        tail = "/" if urlsplit(path).path.endswith("/") else ""
        for strange in self._strange:
            beside = f"{folder}/{strange}{ending}{tail}"
            other = await self._ask(route, beside, key)
            if is_same(answer, other, path, beside, name, strange):
                return False
        return True

    async def _ask(self, route: Route, path: str, key: str | None) -> Answer:
        client = self._scene.client
        body = route.body.encode() if route.body else None
        answer = await client.ask(route.method, path, body=body, key=key, seconds=_SECONDS, stop_after=_MUCH)
        place = sent_to(answer) if answer.status in (301, 302, 307, 308) else None
        if (
            place is not None
            and place.path == f"{urlsplit(path).path}/"
            and place.netloc in ("", self._scene.target.authority)
        ):
            # The same page under its full name, on the same host.
            return await client.ask(route.method, place.path, body=body, key=key, seconds=_SECONDS, stop_after=_MUCH)
        return answer
