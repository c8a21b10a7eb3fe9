"""Whether what one caller says reaches another: secrets of one key, asked for with another.

Invariants:

- A leak is a secret that another caller said and that the asker did not, or an object of another caller that is handed out while one
  that does not exist is refused. As many secrets are made that nobody says: were one of those found, nothing would be shown.
- Memory and caches within one key are no leak; without another caller who is let in nothing is tested.
- Answers to requests at the same time count as one experiment, because which two are mixed up differs from run to run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from privet.audit.endpoint import stores
from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.budget import OutOfBudget
from privet.audit.endpoint.callers import NEED_KEY, REFUSED, Caller, own, strangers, tenants
from privet.audit.endpoint.echo import any_held, canary
from privet.audit.endpoint.isolation_words import AT_ONCE, ROUNDS, WORDS, Round, Said
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.reply import Reply, reply_of
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.stores import Made

ID: Final = "isolation"
_FIX: Final = "isolate-callers"
_FIX_CACHE: Final = "isolate-answer-cache"
_FIX_OBJECTS: Final = "check-object-owner"
_FIX_MIXED: Final = "answers-mixed-up"
_AT_ONCE: Final = 6
_CHAT: Final = "{base}/chat/completions"
_LEAST_ID: Final = 8
"""A shorter id may be in a list by chance."""
_MAX_SEARCHED: Final = 256 * 1024


async def run(scene: Scene, tally: Tally) -> None:
    """Run the test."""
    others = await tenants(scene)
    if not others:
        if scene.target.tenants:
            tally.not_tested(REFUSED)
            return
        try:
            others = await strangers(scene)
        except OutOfBudget:
            # Nobody else is known.
            others = []
        if not others:
            tally.not_tested(NEED_KEY)
            return
        tally.note(
            "keys are not checked: the other caller was one with a wrong key; name a second one with --tenant-key-file"
        )
    await _Run(scene, tally, others).all()


@dataclass(slots=True, repr=False)
class _Run:
    scene: Scene
    tally: Tally
    others: list[Caller]
    chance: Random = field(init=False)
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    """by who said it: secrets, and where they were said"""
    controls: list[str] = field(default_factory=list)
    by_chance: int = 0

    def __post_init__(self) -> None:
        self.chance = self.scene.chance(ID)

    async def all(self) -> None:
        await self._rounds()
        await self._at_once()
        await self._objects()
        self.tally.figures |= {"secrets": sum(map(len, self.said.values())), "controls_found": self.by_chance}
        if self.by_chance:
            # What finds words that nobody said finds nothing.
            self.tally.hits = 0
            self.tally.seen.clear()
            self.tally.underpowered("secrets that nobody said were found as well")

    def _secret(self, caller: str, place: str) -> str:
        made = canary(self.chance)
        self.said.setdefault(caller, {})[made] = place
        self.controls.append(canary(self.chance))
        return made

    async def _rounds(self) -> None:
        size = self.scene.size
        plan = list(ROUNDS) * size.rounds
        for number, each in enumerate(plan):
            self.scene.step(number, len(plan) + 1)
            other = self.others[number % len(self.others)]
            me = own(self.scene)
            # Every fourth one the other way round.
            planter, asker = (other, me) if number % 4 == 3 else (me, other)
            await self._round(each, planter, asker)

    async def _round(self, each: Round, planter: Caller, asker: Caller) -> None:
        secret = self._secret(planter.name, each.place)
        words = {
            "canary": secret,
            "start": secret.rpartition("-")[0],
            "word": self.chance.choice(WORDS),
            "name": ".".join(self.chance.choices(WORDS, k=3)),
        }
        await self._say(each.plant, planter, words)
        for ask in each.asks:
            speaks = "{canary}" in str(ask.messages)
            mine = words | ({"canary": self._secret(asker.name, "a question")} if speaks else {})
            mine["word"] = self.chance.choice(WORDS)
            reply = await self._say(ask, asker, mine)
            if not ask.is_wrong or self._leaks(reply.answer, asker):
                # A refusal shows nothing but a leak.
                self._judge(reply, asker, _FIX_CACHE if each.place == "an answer that may be stored" else _FIX)

    async def _say(self, said: Said, caller: Caller, words: dict[str, str]) -> Reply:
        """Say something; where a field or header is refused that is no part of the message, without it."""
        reply = await self._once(said, caller, words, beside=True)
        is_beside = bool(said.fields or said.headers) and not said.is_wrong
        if is_beside and 400 <= reply.answer.status < 500 and not self._leaks(reply.answer, caller):
            reply = await self._once(said, caller, words, beside=False)
        return reply

    async def _once(self, said: Said, caller: Caller, words: dict[str, str], *, beside: bool) -> Reply:
        dialect = self.scene.dialect
        more: dict[str, Any] = stores.filled(said.fields, words) if beside else {}
        headers = list(stores.filled(said.headers, words).items()) if beside else []
        how: dict[str, Any] = {"key": caller.key, "headers": headers, "may_fail": said.is_wrong}
        messages = stores.filled(list(said.messages), words)
        tokens = min(said.tokens, max(self.scene.size.tokens, 1))
        if said.via == "complete" and dialect.completes:
            return await dialect.complete(messages[-1]["content"], tokens=tokens, more=more, **how)
        is_stream = said.via in ("stream", "aborted") and dialect.streams
        if said.via == "aborted" and is_stream:
            how |= {"stop_after": 1, "may_fail": True}
        return await dialect.chat(messages, tokens=tokens, stream=is_stream, more=more, **how)

    def _judge(self, reply: Reply, asker: Caller, fix: str) -> None:
        answer = reply.answer
        if not answer.came:
            self.tally.unanswered += 1
            return
        self.tally.sample(*self._leaks(answer, asker), fix=fix, text=reply.everything)

    def _leaks(self, answer: Answer, asker: Caller) -> list[str]:
        """Return where in an answer is what others said, and count what nobody did."""
        texts = list(_places(answer))
        theirs = {
            secret: place for name, said in self.said.items() if name != asker.name for secret, place in said.items()
        }
        leaks = {
            f"what another caller said in {theirs[each]} is in {at}"
            for at, text in texts
            for each in any_held(text, theirs)
        }
        self.by_chance += sum(len(any_held(text, self.controls)) for _, text in texts)
        return sorted(leaks)

    async def _at_once(self) -> None:
        """Ask as several callers at the same time: an answer must hold what its own caller said alone."""
        for number in range(self.scene.size.rounds):
            callers = [own(self.scene), self.others[number % len(self.others)]] * (_AT_ONCE // 2)
            jobs = [self._job(caller, is_stream=place % 4 > 1) for place, caller in enumerate(callers)]
            replies = await self.scene.each(jobs)
            came = [(reply, caller) for reply, caller in zip(replies, callers, strict=True) if reply.answer.came]
            self.tally.unanswered += len(replies) - len(came)
            mixed = any(self._leaks(reply.answer, caller) for reply, caller in came)
            for reply, _ in came:
                leak = ("what callers said at the same time is mixed up",) if mixed else ()
                self.tally.sample(*leak, fix=_FIX_MIXED, text=reply.everything)

    def _job(self, caller: Caller, *, is_stream: bool) -> Callable[[], Awaitable[Reply]]:
        said = Said(AT_ONCE.messages, "stream" if is_stream else "chat", AT_ONCE.tokens)
        words = {"canary": self._secret(caller.name, "a request at the same time")}

        async def job() -> Reply:
            return await self._once(said, caller, words, beside=True)

        return job

    async def _objects(self) -> None:
        """Make what can be made, and ask for it as somebody else: by its id, by lists, by a question that refers to it."""
        other = self.others[0]
        made = [thing for store in stores.STORES if (thing := await self._made(store)) is not None]
        # Lists first: what the other asks of a thing may stand in its own list then.
        for path in stores.paths(self.scene):
            answer = await self.scene.client.ask("GET", path, key=other.key, may_fail=True)
            if not answer.ok:
                continue
            listed = answer.text[:_MAX_SEARCHED]
            leaks = ["a list shows what another caller said"] if self._leaks(answer, other) else []
            leaks += ["a list shows the ids of another caller"] if any(
                len(thing.id) >= _LEAST_ID and thing.id in listed for thing in made
            ) else []  # fmt: skip
            if leaks:
                self.tally.sample(*leaks, fix=_FIX_OBJECTS, text=listed)
        for thing in made:
            await self._fetch(thing, other)
            await self._delete(thing, other)
        self.tally.figures["objects_made"] = len(made)

    async def _made(self, store: stores.Store) -> Made | None:
        """Make one; None where its own caller cannot read it either."""
        _, thing = await stores.make(self.scene, store, self._secret("this key", f"a {store.name}"))
        if thing is None:
            return None
        readable = [stores.told(await stores.read(self.scene, thing, part), thing.canary) for part in store.parts]
        # An answer's own id refers to nothing where it cannot be read; that of what was made to be referred to may.
        refers = store.ask is not None and store.make != _CHAT
        return thing if any(readable) or refers else None

    async def _fetch(self, thing: Made, other: Caller) -> None:
        name = thing.store.name
        answers = {part: await stores.read(self.scene, thing, part, key=other.key) for part in thing.store.parts}
        if telling := [answer for answer in answers.values() if self._leaks(answer, other)]:
            self.tally.sample(
                f"a {name} of another caller can be read by its id", fix=_FIX_OBJECTS, text=telling[0].text
            )
            return
        unknown = thing.at[: -len(thing.id)] + _another(thing.id, self.chance)
        for part, answer in answers.items():
            if answer.ok and stores.id_of(answer) == thing.id:
                control = await self.scene.client.ask("GET", unknown + part, key=other.key, may_fail=True)
                if not control.ok:
                    leak = f"it can be told by its id that a {name} of another caller exists"
                    self.tally.sample(leak, fix=_FIX_OBJECTS, text=answer.text)
                    return
        asked = await stores.ask_about(self.scene, thing, key=other.key)
        if asked is not None and self._leaks(asked, other):
            self.tally.sample(
                f"a {name} of another caller can be asked about by its id", fix=_FIX_OBJECTS, text=asked.text
            )

    async def _delete(self, thing: Made, other: Caller) -> None:
        """Delete a thing as somebody else, then as its own caller: nothing is left behind."""
        client = self.scene.client
        there = (await stores.read(self.scene, thing)).ok
        deleted = await client.ask("DELETE", thing.at, key=other.key, may_fail=True)
        if there and deleted.ok and (await stores.read(self.scene, thing)).status in (404, 410):
            self.tally.sample(f"a {thing.store.name} of another caller can be deleted", fix=_FIX_OBJECTS)
        await client.ask("DELETE", thing.at, may_fail=True)


def _places(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield the parts of an answer, the most telling first; a secret across two pieces of a stream is in what they say together."""
    reply = reply_of(answer)
    kind = "an error" if answer.status >= 400 else "an answer"
    yield kind, "\n".join((reply.everything[:_MAX_SEARCHED], answer.text[:_MAX_SEARCHED]))
    yield "a header", "\n".join(value for _, value in answer.headers)


def _another(known: str, chance: Random) -> str:
    """Return an id of the same form that nothing has."""
    digits, letters = "0123456789", "abcdef"
    return "".join(
        chance.choice(digits) if char.isdigit() else chance.choice(letters) if char in letters else char
        for char in known
    ) + ("" if len(known) >= _LEAST_ID else "90817263")
