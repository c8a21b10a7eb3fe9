"""Whether a session that was ended is still remembered.

Invariants:

- A session is a name that the test makes up; nothing else is read or ended.
- What is remembered without the session's name is the memory of a key, which is no leak: then nothing is shown of sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

import msgspec

from privet.audit.endpoint import stores
from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.echo import canary
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.retention_words import ENDS, READS, SESSION_FIELDS, SESSION_HEADERS
from privet.audit.endpoint.scene import Scene

_FIX: Final = "session-end-keeps"
_QUESTION: Final = "What is my access code?"


async def sessions(scene: Scene, tally: Tally, chance: Random) -> None:
    """Say something in sessions, end them, and ask again."""
    for kind in ("headers", "fields", "cookie"):
        name, secret = f"session-{chance.getrandbits(64):016x}", canary(chance)
        session = _Session(scene, name, secret, kind)
        first = await session.say(f"My access code is {secret}. Remember it.", tokens=1)
        if kind == "cookie":
            if not (cookies := [value.partition(";")[0] for value in first.values("set-cookie")]):
                continue
            session.cookie = "; ".join(cookies)
            await session.say(f"My access code is {secret}. Remember it.", tokens=1)
        if not first.came:
            tally.unanswered += 1
            continue
        await _end(scene, tally, session)


class _Session:
    """One session. `kind`: how it is named in a request."""

    def __init__(self, scene: Scene, name: str, secret: str, kind: str) -> None:
        self._scene = scene
        self.name = name
        self.secret = secret
        self.kind = kind
        self.cookie = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        if self.kind == "cookie":
            return [("cookie", self.cookie)] if self.cookie else []
        return [(header, self.name) for header in SESSION_HEADERS] if self.kind == "headers" else []

    @property
    def fields(self) -> Mapping[str, Any]:
        return dict.fromkeys(SESSION_FIELDS, self.name) if self.kind == "fields" else {}

    async def say(self, text: str, *, tokens: int) -> Answer:
        reply = await self._scene.dialect.chat(
            text, tokens=tokens, headers=self.headers, more=self.fields, may_fail=True
        )
        return reply.answer

    async def is_remembered(self) -> bool:
        return stores.told(await self.say(_QUESTION, tokens=24), self.secret)

    async def is_readable(self) -> bool:
        words = stores.words_of(self._scene, id=self.name)
        for path in dict.fromkeys(stores.filled(READS, words)):
            answer = await self._scene.client.ask("GET", path, headers=self.headers, may_fail=True)
            if answer.ok and stores.told(answer, self.secret):
                return True
        return False

    async def end(self) -> bool:
        """Ask for its end in every known way; returns whether one was accepted."""
        words = stores.words_of(self._scene, id=self.name)
        body = msgspec.json.encode({"session_id": self.name, "conversation_id": self.name})
        accepted = False
        for method, route in ENDS:
            sent = body if method == "POST" else None
            answer = await self._scene.client.ask(
                method, stores.filled(route, words), headers=self.headers, body=sent, may_fail=True
            )
            accepted = accepted or answer.ok
        return accepted


async def _end(scene: Scene, tally: Tally, session: _Session) -> None:
    remembered, readable = await session.is_remembered(), await session.is_readable()
    if not remembered and not readable:
        tally.sample()
        return
    if stores.told((await scene.dialect.chat(_QUESTION, tokens=24, may_fail=True)).answer, session.secret):
        tally.note("what was said is known without the name of its session: it belongs to the key")
        remembered = False
    if not await session.end():
        if readable:
            tally.sample("a session cannot be deleted", fix=_FIX)
        else:
            tally.note("sessions are remembered, and no known way ends one")
            tally.sample()
        return
    leaks = []
    if remembered and await session.is_remembered():
        leaks.append("what was said in an ended session is remembered")
    if readable and await session.is_readable():
        leaks.append("an ended session can still be read")
    tally.sample(*leaks, fix=_FIX)
