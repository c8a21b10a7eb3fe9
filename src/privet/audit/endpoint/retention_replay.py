"""Whether an answer is kept and handed out again, for another request or to somebody else, by the name of a request.

Invariants:

- The same request with the same name may get the same answer: that is what the name is for. Another one, or another caller, may not.
- It is handed out again where it holds the first request's secret, or has its id while ids differ otherwise, and does so twice: what is
  told now and then is told for another reason.

Source: draft-ietf-httpapi-idempotency-key-header-07, sections 2.4 (a key is the caller's own) and 2.7 (another payload: 422).
"""

from __future__ import annotations

from random import Random
from typing import Final

from privet.audit.endpoint import stores
from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.callers import strangers, tenants
from privet.audit.endpoint.client import OWN, Key
from privet.audit.endpoint.echo import canary
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.retention_words import REPLAY_HEADERS
from privet.audit.endpoint.scene import Scene

_FIX: Final = "idempotency-replay"
_TOKENS: Final = 12


async def replays(scene: Scene, tally: Tally, chance: Random) -> None:
    """Ask with the same name of a request for something else, and as somebody else."""
    plain = [await _ask(scene, canary(chance)) for _ in range(2)]
    varies = stores.id_of(plain[0]) != stores.id_of(plain[1])
    others = await tenants(scene) or await strangers(scene)
    for header in REPLAY_HEADERS:
        named = ((header, f"{chance.getrandbits(128):032x}"),)
        secret = canary(chance)
        first = await _ask(scene, secret, named)
        if not first.came:
            tally.unanswered += 1
            continue
        second = await _ask(scene, canary(chance), named)
        leaks = []
        if _is(second, first, secret, varies) and _is(await _ask(scene, canary(chance), named), first, secret, varies):
            leaks.append("another request of the same name gets the stored answer")
        if others:
            # The same request holds the secret itself: the id of its answer alone can tell.
            theirs = [await _ask(scene, each, named, others[0].key) for each in (canary(chance), secret)]
            if _is(theirs[0], first, secret, varies) or (varies and _same_id(theirs[1], first)):
                again = [await _ask(scene, each, named, others[0].key) for each in (canary(chance), secret)]
                if _is(again[0], first, secret, varies) or (varies and _same_id(again[1], first)):
                    leaks.append("another caller gets the stored answer by the name of the request")
        if leaks and stores.told(await _ask(scene, canary(chance)), secret):
            # What is told without the name is no matter of it.
            leaks = []
        tally.sample(*leaks, fix=_FIX, text=second.text)


async def _ask(scene: Scene, secret: str, headers: tuple[tuple[str, str], ...] = (), key: Key = OWN) -> Answer:
    text = f"Repeat this access code, and nothing else: {secret}"
    return (await scene.dialect.chat(text, tokens=_TOKENS, headers=headers, key=key)).answer


def _is(answer: Answer, first: Answer, secret: str, varies: bool) -> bool:
    return answer.ok and (stores.told(answer, secret) or (varies and _same_id(answer, first)))


def _same_id(answer: Answer, first: Answer) -> bool:
    return answer.ok and bool(made := stores.id_of(answer)) and made == stores.id_of(first)
