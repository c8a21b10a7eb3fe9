"""Features of the API that read, keep or show more than an answer needs, and whether the target does what they ask for.

How it is judged: a feature is accepted only where its effect is seen. A server that answers and leaves it out does nothing wrong.

- What a server fetches for a caller is seen by a listener of our own on this machine (`sink.py`).
- What it keeps is seen by asking for it; objects made by the test are deleted again. Files that were given to be kept are no failure.
- Probabilities, echoes and many answers at once are what extraction of training data and membership inference are made of (Carlini et al.
  2021, 2024).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Final

from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.kept_objects import ask_for_kept
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.remote_fields import Remote, remotes
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.shown_more import ask_for_more
from privet.audit.endpoint.sink import Sink, listening

_SECONDS: Final = 15.0


async def run(scene: Scene, tally: Tally) -> None:
    """Ask for every feature."""
    tally.sampled = False
    await ask_for_more(scene, tally)
    await ask_for_kept(scene, tally)
    await _ask_to_fetch(scene, tally)


async def _ask_to_fetch(scene: Scene, tally: Tally) -> None:
    if not scene.target.is_loopback:
        tally.note("whether addresses are fetched can be seen only from the machine that the target runs on")
        tally.underpowered("whether addresses are fetched can be seen only on the target's own machine")
        return
    try:
        async with listening() as sink:
            await _fetching(scene, tally, sink)
    except OSError:
        tally.unanswered += 1


async def _fetching(scene: Scene, tally: Tally, sink: Sink) -> None:
    asked = remotes(scene.dialect, _words(scene), sink.url)
    answered: list[tuple[Remote, bool]] = []

    async def told(remote: Remote) -> tuple[Remote, bool]:
        answer = await scene.client.ask(
            remote.method, remote.path, body=remote.body, headers=remote.headers, seconds=_SECONDS, may_fail=True
        )
        return remote, answer.trouble != "timeout"

    try:
        await in_order(scene, [partial(told, remote) for remote in asked], answered.append)
        await sink.settled()
    finally:
        # Whatever stopped it: what was fetched was fetched.
        for remote, is_answered in answered:
            if remote.word in sink.hits:
                tally.sample(f"an address is fetched: {_where(remote)}", fix="remote-fetch")
            elif is_answered:
                tally.sample()
            else:
                tally.unanswered += 1


def _where(remote: Remote) -> str:
    route = remote.path.rpartition("/")[2] if remote.body is not None else ""
    return f"{remote.name} of {route}" if route else remote.name


def _words(scene: Scene) -> Iterator[str]:
    """Yield words for addresses. They are new in each run: an answer kept from another run must not hide that it was fetched."""
    for number in itertools.count():
        yield f"{scene.nonce}{number:03d}"
