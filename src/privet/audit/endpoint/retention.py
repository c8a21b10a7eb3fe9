"""Whether what was deleted or has expired is gone, and whether answers may be kept by others.

Invariants:

- Only what the test itself made is deleted.
- Something is still there where it gives back what was put in, or stands where it stood as it was; once more after a moment, since
  servers may delete behind their answer. A bare id, or a mark that something was deleted, is a note.
- What a server never kept cannot be kept too long: that is a good answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import msgspec

from privet.audit.endpoint import stores
from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.echo import canary
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.retention_headers import cacheable, forbids_keeping, is_kept_privately
from privet.audit.endpoint.retention_replay import replays
from privet.audit.endpoint.retention_sessions import sessions
from privet.audit.endpoint.retention_words import EXPIRY_FIELDS, LIFE_FIELDS
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.stores import Made, Store

ID: Final = "retention"
_FIX: Final = "delete-keeps"
_FIX_NONE: Final = "no-delete"
_FIX_STORE: Final = "store-ignored"
_FIX_EXPIRY: Final = "expiry-ignored"
_FIX_HEADERS: Final = "cacheable-answers"
_MOMENT_SECONDS: Final = 0.5
_MAX_LIFE_SECONDS: Final = 5.0
_DELETED: Final = ("?include_deleted=true", "?deleted=true", "?limit=100", "?include=all")
_WITH_STORE: Final = ("response", "stored chat completion")


async def run(scene: Scene, tally: Tally) -> None:
    """Run the test."""
    tally.sampled = False
    test = _Run(scene, tally, scene.chance(ID))
    await test.headers()
    for number, store in enumerate(stores.STORES):
        scene.step(number, len(stores.STORES) + 1)
        await test.deleted(store)
        if store.name in _WITH_STORE:
            await test.unwanted(store)
    await sessions(scene, tally, scene.chance(f"{ID}:sessions"))
    await replays(scene, tally, scene.chance(f"{ID}:replays"))
    tally.figures["kinds_kept"] = len(test.kept)


@dataclass(slots=True, repr=False)
class _Run:
    scene: Scene
    tally: Tally
    chance: Random
    kept: list[str] = field(default_factory=list)
    """addresses of the kinds of things that the target keeps"""

    async def headers(self) -> None:
        """See whether answers say that others may keep them; the same question twice, as a cache would be asked."""
        dialect, word = self.scene.dialect, canary(self.chance)
        answers = [(await dialect.chat(f"Say ok. {word}", tokens=1)).answer for _ in range(2)]
        answers.append((await dialect.chat("Say ok.", tokens=1, stream=dialect.streams)).answer)
        if dialect.completes:
            answers.append((await dialect.complete("Say ok.", tokens=1)).answer)
        for answer in answers:
            self._headers_of(answer)

    def _headers_of(self, answer: Answer) -> None:
        if not answer.came:
            self.tally.unanswered += 1
            return
        self.tally.sample(*cacheable(answer), fix=_FIX_HEADERS)
        if is_kept_privately(answer):
            self.tally.note("the caller's own cache may keep answers (private, max-age)")
        if not forbids_keeping(answer):
            self.tally.note("answers do not say that nobody may keep them (Cache-Control: no-store)")

    async def deleted(self, store: Store) -> None:
        """Make a thing, delete it, and ask for it in every way."""
        answer, made = await stores.make(self.scene, store, canary(self.chance))
        if not answer.came:
            self.tally.unanswered += 1
            return
        before = await self._looks(made) if made is not None else None
        if made is None or before is None or not before.is_kept:
            self.tally.sample()
            return
        self.kept.append(made.at)
        self.tally.sample(*before.headers, fix=_FIX_HEADERS)
        if not await self._delete(made):
            after = await self._looks(made)
            leaks = [f"a {store.name} is kept and cannot be deleted"] if after.is_kept else []
            self.tally.sample(*leaks, fix=_FIX_NONE)
        else:
            self.tally.sample(*await self._left(made, before), fix=_FIX)
        await self._expired(store)

    async def _left(self, made: Made, before: _Looks) -> list[str]:
        after = await self._looks(made)
        if leaks := after.leaks(made.store.name, before):
            await asyncio.sleep(_MOMENT_SECONDS)
            after = await self._looks(made)
            leaks = after.leaks(made.store.name, before)
        if not leaks and after.has_id:
            self.tally.note("the id of something deleted is still known")
        return leaks

    async def _delete(self, made: Made) -> bool:
        client = self.scene.client
        if (await client.ask("DELETE", made.at, may_fail=True)).ok:
            return True
        return (await client.ask("POST", f"{made.at}/delete", body=b"{}", may_fail=True)).ok

    async def _looks(self, made: Made) -> _Looks:
        """Ask for a thing by its id, in lists, and by a question that refers to it."""
        scene, looks = self.scene, _Looks()
        for part in made.store.parts:
            answer = await stores.read(scene, made, part)
            looks.add_read(part, answer, made)
        if looks.has_id and not looks.tells:
            # A target that answers anything to any id keeps nothing by it.
            unknown = Made(made.store, "x" + made.id[:-1], made.at[: -len(made.id)] + "x" + made.id[:-1], made.canary)
            if (await stores.read(scene, unknown)).ok:
                looks.has_id, looks.bodies = False, {}
        path = stores.filled(made.store.under or made.store.make, stores.words_of(scene))
        for more in ("", *_DELETED):
            listed = await scene.client.ask("GET", path + more, may_fail=True)
            if not listed.ok:
                break
            looks.listed = looks.listed or stores.told(listed, made.canary)
            looks.has_id = looks.has_id or (len(made.id) >= 8 and made.id in listed.text)
        for more in _DELETED[:2]:
            hidden = await stores.read(scene, made, more)
            looks.add_read(more, hidden, made)
        # Last, and only where nothing else was found: a stored answer to it would be one more thing that holds what was put in.
        if not looks.is_kept:
            asked = await stores.ask_about(scene, made)
            if asked is not None and asked.ok and stores.told(asked, made.canary):
                nameless = await stores.ask_about(scene, Made(made.store, "none", made.at, made.canary))
                looks.asked = nameless is None or not stores.told(nameless, made.canary)
        return looks

    async def unwanted(self, store: Store) -> None:
        """Ask that nothing be kept, and look for it."""
        answer, made = await stores.make(self.scene, store, canary(self.chance), more={"store": False})
        if not answer.came:
            self.tally.unanswered += 1
            return
        kept = (
            [stores.told(await stores.read(self.scene, made, part), made.canary) for part in store.parts]
            if made
            else []
        )
        leaks = [f"a {store.name} is kept although the request forbids it"] if any(kept) else []
        self.tally.sample(*leaks, fix=_FIX_STORE)
        if made is not None and any(kept):
            await self._delete(made)

    async def _expired(self, store: Store) -> None:
        """Make a thing that is to live a second, and ask for it afterwards, if the target says that it took the time."""
        life: dict[str, Any] = dict.fromkeys(LIFE_FIELDS, 1)
        life["expires_after"] = {"anchor": "created_at", "seconds": 1}
        answer, made = await stores.make(self.scene, store, canary(self.chance), more={} if store.is_file else life)
        if made is None:
            return
        wait = _life(answer)
        if wait is not None and wait <= _MAX_LIFE_SECONDS:
            await asyncio.sleep(max(0.0, wait) + _MOMENT_SECONDS)
            told = [stores.told(await stores.read(self.scene, made, part), made.canary) for part in store.parts]
            leaks = [f"an expired {store.name} can still be read"] if any(told) else []
            self.tally.sample(*leaks, fix=_FIX_EXPIRY)
        await self._delete(made)


@dataclass(slots=True, repr=False)
class _Looks:
    """Where a thing was found. `bodies`: what was read of it, part by part, where its id was in there."""

    tells: bool = False
    listed: bool = False
    asked: bool = False
    has_id: bool = False
    bodies: dict[str, bytes] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        return self.tells or self.listed or self.asked or bool(self.bodies)

    def add_read(self, part: str, answer: Answer, made: Made) -> None:
        if not answer.ok:
            return
        self.tells = self.tells or stores.told(answer, made.canary)
        self.headers += [leak for leak in cacheable(answer) if leak not in self.headers]
        if stores.id_of(answer) == made.id:
            self.has_id = True
            self.bodies[part] = answer.body

    def leaks(self, name: str, before: _Looks) -> list[str]:
        """Return what is still there of what was there before."""
        same = any(self.bodies.get(part) == body for part, body in before.bodies.items())
        return [
            leak
            for leak, found in (
                (f"a deleted {name} can still be read", self.tells or same),
                (f"a deleted {name} is still listed", self.listed and not before.asked),
                (f"a deleted {name} can still be asked about", self.asked),
            )
            if found
        ]


def _life(answer: Answer) -> float | None:
    """Return for how many seconds something will be kept, where the target says so."""
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    for name in EXPIRY_FIELDS:
        until = _time(document.get(name)) if isinstance(document, dict) else None
        if until is not None:
            return until - time.time()
    return None


def _time(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) / (1000 if value > 1e11 else 1)
    if not isinstance(value, str):
        return None
    try:
        known = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (known if known.tzinfo else known.replace(tzinfo=UTC)).timestamp()
