"""Whether what was asked is kept: marks by every channel, then logs, files, databases and metrics of the server are searched for them.

Invariants:

- What is found says by itself how it came: each channel has a mark of its own, new in each run. A hit is a channel, not a place in a file.
- Without a folder or a process nothing is known of the disk: then the test may fail, by what metrics show, but never pass.
- What is made to be written down (a request's id, the program that asked, an address) is a note; so is a digest of a text, and what can be
  read back with the same key, which other tests judge.
- Files are looked at for marks alone; nothing of them is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.budget import OutOfBudget
from privet.audit.endpoint.client import OWN, BrokenOff, Key
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.persistence_channels import CHANNELS, UPLOAD, Channel, mark_of, send, stem_of
from privet.audit.endpoint.processes import Processes
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.traces import Traces
from privet.audit.endpoint.watched import DATABASE, Watched

ID: Final = "persistence"
_ANSWER: Final = "an answer"
_QUESTION: Final = "Write one sentence about the sea."
_MIN_ANSWER: Final = 32
_MAX_ANSWER: Final = 96
_METRICS: Final = "metrics"
_METRIC_ROUTES: Final = (
    "/metrics", "{base}/metrics", "/prometheus", "/prometheus/metrics", "/actuator/prometheus", "/stats", "{base}/stats",
)  # fmt: skip
_LIST_ROUTES: Final = (
    "{base}/chat/completions", "{base}/responses", "{base}/conversations", "{base}/batches", "{base}/history", "{base}/logs",
    "{base}/sessions", "/history", "/logs", "/api/v1/chats", "/spend/logs",
)  # fmt: skip
_QUICK_BYTES: Final = 512 * 1024 * 1024
_FULL_BYTES: Final = 8 * _QUICK_BYTES
_NO_WAY_IN: Final = "what is written to disk can be looked at only with --watch-dir or --server-pid"


async def begin(scene: Scene) -> None:
    """Note what is on disk before anything is asked."""
    target = scene.target
    process = Processes.of(target.server_pid) if target.server_pid is not None else None
    watched = Watched(tuple(target.watch), process if isinstance(process, Processes) else None)
    watched.begin()
    scene.kept[ID] = _Kept(watched, process if isinstance(process, str) else "")


async def run(scene: Scene, tally: Tally) -> None:
    """Send, wait until nothing is written any more, search."""
    tally.sampled = False
    kept = scene.kept.get(ID)
    if not isinstance(kept, _Kept):
        await begin(scene)
        kept = scene.kept[ID]
    planted = _Planted(stem_of(scene.nonce))
    ended: Exception | None = None
    try:
        await _plant(scene, planted)
        await _read_metrics(scene, planted, tally)
    except (OutOfBudget, BrokenOff) as error:
        # What was sent may have been written down all the same.
        ended = error
    await _look(scene, kept, planted, tally)
    if ended is not None:
        raise ended


@dataclass(slots=True, repr=False)
class _Kept:
    watched: Watched
    trouble: str
    """why the process cannot be watched"""


@dataclass(slots=True, repr=False)
class _Planted:
    """What was sent: marks by channel, and the texts they were in."""

    stem: str
    sent: set[str] = field(default_factory=set)
    texts: dict[str, Sequence[str]] = field(default_factory=dict)
    answer: str = ""
    stored: bool = False
    """whether a file was taken in, to be kept"""
    metrics: set[str] = field(default_factory=set)

    @property
    def marks(self) -> dict[str, list[str]]:
        marks = {channel.name: [mark_of(self.stem, number)] for number, channel in enumerate(CHANNELS)}
        return marks | ({_ANSWER: [self.answer]} if self.answer else {})

    def traces(self) -> Traces:
        return Traces(self.stem, self.marks, self.texts)


async def _plant(scene: Scene, planted: _Planted) -> None:
    async def one(channel: Channel, mark: str) -> None:
        answer, texts = await send(scene, channel, mark)
        if answer.trouble != "refused":
            planted.sent.add(channel.name)
            planted.texts[channel.name] = texts
        if channel.name == UPLOAD and answer.ok:
            planted.stored = True
            await _remove(scene, answer)

    async def ask() -> None:
        reply = await scene.dialect.chat(_QUESTION, tokens=scene.size.tokens, may_fail=True)
        line = max(reply.said.splitlines() or [""], key=len).strip()[:_MAX_ANSWER]
        if reply.is_model:
            planted.sent.add(_ANSWER)
            planted.answer = line if len(line) >= _MIN_ANSWER else ""

    marked = [(channel, mark_of(planted.stem, number)) for number, channel in enumerate(CHANNELS)]
    jobs: list[Callable[[], Awaitable[None]]] = [partial(one, channel, mark) for channel, mark in marked[:-1]]
    await scene.each([*jobs, ask])
    await one(*marked[-1])


async def _remove(scene: Scene, answer: Answer) -> None:
    """Delete the file that was uploaded: keeping it until then is what it was sent for."""
    import msgspec

    try:
        made = msgspec.json.decode(answer.body)
        name = made["id"]
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError):
        return
    if isinstance(name, str) and name.replace("-", "").replace("_", "").isalnum():
        await scene.client.ask("DELETE", f"{scene.dialect.base}/files/{name}", may_fail=True)


async def _read_metrics(scene: Scene, planted: _Planted, tally: Tally) -> None:
    traces = planted.traces()

    async def names(route: str, key: Key) -> set[str]:
        answer = await scene.client.ask("GET", route.replace("{base}", scene.dialect.base), key=key, may_fail=True)
        return traces.found(answer.body)[0] if answer.ok else set()

    keys = (OWN, None) if scene.target.key is not None else (OWN,)
    for found in await scene.each([partial(names, route, key) for route in _METRIC_ROUTES for key in keys]):
        planted.metrics |= found
    listed = await scene.each([partial(names, route, OWN) for route in _LIST_ROUTES])
    if any(found - {UPLOAD} for found in listed):
        tally.note("what was asked can be read back with the same key")


async def _look(scene: Scene, kept: _Kept, planted: _Planted, tally: Tally) -> None:
    watched = kept.watched
    found: Mapping[str, set[str]] = {}
    looks = bool(watched.folders) or watched.processes is not None
    if looks:
        quick = scene.size.name == "quick"
        await watched.quiet(3.0 if quick else 6.0)
        found = await watched.search(planted.traces(), _QUICK_BYTES if quick else _FULL_BYTES)
        if watched.hashed:
            tally.note("a digest of what was asked is kept: whoever guesses the text can confirm it")
        if not watched.changed:
            tally.note("nothing was written there while the server was asked")
    for name, tracing in [*((channel.name, channel.tracing) for channel in CHANNELS), (_ANSWER, False)]:
        places = sorted(found.get(name, set()) | ({_METRICS} if name in planted.metrics else set()))
        if not places and name not in planted.sent:
            tally.unanswered += name != _ANSWER
        elif tracing or (name == UPLOAD and planted.stored):
            tally.sample()
            if places:
                tally.note(_TRACING if tracing else _UPLOADED)
        else:
            tally.sample(*(f"{name} in {place}" for place in places), fix=_fix(places))
    _judge(kept, tally, looks=looks)


_TRACING: Final = "headers that are made for tracing (x-request-id, user-agent, x-forwarded-for) are written down"
_UPLOADED: Final = "what an uploaded file held is on disk after the file was deleted"


def _fix(places: Sequence[str]) -> str:
    if _METRICS in places:
        return "metrics-content"
    return "prompt-store" if DATABASE in places else "prompt-log"


def _judge(kept: _Kept, tally: Tally, *, looks: bool) -> None:
    """Say what keeps a clean result from being a pass."""
    if tally.hits:
        return
    watched = kept.watched
    if not looks:
        tally.not_tested(kept.trouble or _NO_WAY_IN)
    elif kept.trouble:
        tally.underpowered(kept.trouble)
    elif watched.unreadable or watched.unread:
        parts = [f"{watched.unreadable} files or folders could not be opened"] if watched.unreadable else []
        parts += [f"{watched.unread} files were too large to be read to their end"] if watched.unread else []
        tally.underpowered(" and ".join(parts))
    elif watched.partly and not watched.folders:
        tally.underpowered(
            "the folder that the process works in is too large to be looked at whole: name one with --watch-dir"
        )
    elif watched.processes is not None and not watched.processes.lives:
        tally.underpowered("the process of --server-pid ended")
