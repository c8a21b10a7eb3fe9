"""Whether the server calls elsewhere while it serves: its sockets, and those of what it has started, watched from the beginning to the end.

Invariants:

- Without the id of its process nothing is tested. It passes only where the watch ran from the beginning on, without gaps, over enough
  answers.
- A call to another port of this machine is what a gateway does, and a note. A call to a name service elsewhere is a call.
- Addresses are in no report: only of what kind they are.

What ends within milliseconds is seen because the kernel tells of each socket that ends (sockets.py). Calls that cannot be told to be the
server's count where they come with requests and not without: at least `_STRAYS` while it served, none in a pause in which `_EXPECTED` more
would have come. A call to a neighbour that is not there ends only when nobody has answered for it (`_LATE_SECONDS`, three probes of one
second: Linux, `mcast_solicit`). A datagram from a socket without a peer, and a call where no route leads, cannot be seen.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Final

from privet.audit.endpoint.budget import OutOfBudget
from privet.audit.endpoint.calls import KINDS, Calls
from privet.audit.endpoint.client import BrokenOff
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.processes import Processes
from privet.audit.endpoint.scene import Scene

ID: Final = "egress"
_STRAYS: Final = 12
_EXPECTED: Final = 9.0
_LATE_SECONDS: Final = 3.2
_MIN_PAUSE_SECONDS: Final = 2.0
_MAX_PAUSE_SECONDS: Final = 6.0
_SETTLE_SECONDS: Final = 0.1
_MAX_GAP: Final = 0.2
_QUESTIONS: Final = (
    "What is the weather in {place} today?",
    "Summarize the page https://example.com/{word} in one sentence.",
    "Search the web for {word}.",
    "Translate to French: {word}.",
    "Who answers at 192.0.2.{number}?",
    "Tell me something about {place}.",
    "Send a mail to jane.doe@example.com with the word {word}.",
    "How much is {number} times {number}?",
)
_PLACES: Final = ("Lisbon", "Oslo", "Quito", "Hanoi", "Perth", "Dakar")
_WORDS: Final = ("harbor", "lantern", "meadow", "pebble", "saddle", "walnut")


@dataclass(slots=True, repr=False)
class _Kept:
    calls: Calls | None
    trouble: str
    asked: int
    task: asyncio.Task[None] | None = None


async def begin(scene: Scene) -> None:
    """Start to watch, in the background, until the test is over or the client is closed."""
    pid = scene.target.server_pid
    if pid is None:
        return
    process = Processes.of(pid)
    if isinstance(process, str):
        scene.kept[ID] = _Kept(None, process, 0)
        return
    calls = Calls(process)
    calls.open()
    kept = _Kept(calls, "", scene.client.budget.asked)
    kept.task = asyncio.create_task(calls.watch(lambda: scene.client.closed))
    scene.kept[ID] = kept


async def run(scene: Scene, tally: Tally) -> None:
    """Ask harmless things while the watch looks closely, and say what it saw."""
    tally.sampled = False
    if scene.target.server_pid is None:
        tally.not_tested("the sockets of the server can be watched only with --server-pid, on its machine")
        return
    if ID not in scene.kept:
        await begin(scene)
    kept = scene.kept[ID]
    calls = kept.calls
    if calls is None:
        tally.not_tested(kept.trouble)
        return
    found: Counter[str] = Counter()
    try:
        found = await _serve(scene, calls)
    except (OutOfBudget, BrokenOff):
        _count(scene, kept, calls, found, tally)
        raise
    finally:
        calls.stopped = True
    _count(scene, kept, calls, found, tally)


async def _serve(scene: Scene, calls: Calls) -> Counter[str]:
    """Return the kinds of strays that come with requests and not without."""
    calls.closely = True
    try:
        await scene.each([partial(_ask, scene, question) for question in _questions(scene)])
        await asyncio.sleep(_SETTLE_SECONDS)
    finally:
        calls.closely = False
    served = time.monotonic() - calls.begun
    if calls.kinds or (scene.size.name == "quick" and calls.strays.total() < _STRAYS):
        return Counter()
    await asyncio.sleep(_LATE_SECONDS)
    strays = calls.strays.copy()
    if strays.total() < _STRAYS:
        return Counter()
    pause = min(max(_MIN_PAUSE_SECONDS, _EXPECTED * served / strays.total()), _MAX_PAUSE_SECONDS)
    await asyncio.sleep(pause)
    idle = calls.strays - strays
    return Counter(
        {
            kind: count
            for kind, count in strays.items()
            if count >= _STRAYS and count / served * pause >= _EXPECTED and not idle[kind]
        }
    )


def _questions(scene: Scene) -> list[str]:
    chance = scene.chance(ID)
    return [
        _QUESTIONS[number % len(_QUESTIONS)].format(
            place=chance.choice(_PLACES), word=chance.choice(_WORDS), number=chance.randrange(10, 250)
        )
        for number in range(scene.size.samples)
    ]


async def _ask(scene: Scene, question: str) -> None:
    if scene.dialect.chats or scene.dialect.completes:
        await scene.dialect.chat(question, tokens=1)
    else:
        await scene.client.ask("GET", f"{scene.dialect.base}/models")


def _count(scene: Scene, kept: _Kept, calls: Calls, strays: Counter[str], tally: Tally) -> None:
    for kind in KINDS:
        tally.sample(*([kind] if calls.kinds[kind] or strays[kind] else []), fix="egress")
    if calls.upstream_ports:
        tally.note("it calls other ports of this machine")
    if calls.asks_names_here:
        tally.note("it asks the name service of this machine")
    watched = time.monotonic() - calls.begun
    tally.timings |= {
        "calls": dict(calls.kinds),
        "of_unknown_callers": calls.strays.total(),
        "ports_of_this_machine": len(calls.upstream_ports),
        "looks": calls.samples,
        "seconds": round(watched, 1),
    }
    if not tally.hits and (reason := _weakness(scene, kept, calls, watched)):
        tally.underpowered(reason)


def _weakness(scene: Scene, kept: _Kept, calls: Calls, watched: float) -> str:
    """Return what keeps a watch that saw nothing from being a pass, or nothing."""
    if not calls.processes.lives:
        return "the process of --server-pid ended"
    if not calls.processes.listens_at(scene.target.port):
        return "the process of --server-pid does not listen where the target does: is it the right one?"
    if scene.client.budget.asked - kept.asked < scene.size.samples:
        return "too little was asked while it was watched"
    if not calls.hears_all and calls.gap_seconds > _MAX_GAP * watched:
        return "the machine was too busy to watch without gaps"
    if calls.has_open_udp:
        return "it sends datagrams from sockets without a peer: where to cannot be seen"
    return ""
