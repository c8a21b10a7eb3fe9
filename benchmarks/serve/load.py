"""The load generator: one process, one thread, as many keep-alive connections as asked.

Reads one job (JSON, the fields of `Job`) on standard input, writes one result on standard output. Latency
is from the write of a request to its last byte; first-token time to the first byte of content. Answers are
kept while the clock runs and compared with the expected text afterwards, to the letter. The CPU time
of the server under test is read right before and right after.
"""

import asyncio
import contextlib
import json
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final, cast

import httptools
import uvloop
from process import cpu_seconds, raise_open_files, resident_bytes
from workload import SHORT_ANSWER_EVENTS, Kind, address, answer, body

CONTENT: Final = re.compile(rb'"content":\s*"[^"]')
CONNECT_AT_ONCE: Final = 64
SETTLE_SECONDS: Final = 0.25
WATCH_SECONDS: Final = 0.1
DEADLINE_SECONDS: Final = 180
WARM_SEEDS: Final = 10**6
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask, of whom, how often."""

    port: int
    pid: int
    key: str
    kind: Kind
    stream: bool
    concurrency: int
    requests: int
    warm_up: int
    events: int
    seed: int


@dataclass(slots=True)
class Exchange:
    """One request and what came back."""

    number: int
    sent: float = 0.0
    first: float = 0.0
    done: float = 0.0
    status: int = 0
    parts: list[bytes] = field(default_factory=list)


class Work:
    """The requests that are left, and those that are answered."""

    def __init__(self, job: Job) -> None:
        """Build every body before the clock starts."""
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{job.port}\r\naccept: */*\r\n"
            f"authorization: Bearer {job.key}\r\ncontent-type: application/json\r\ncontent-length: "
        ).encode()
        texts = (body(job.kind, job.seed, number, stream=job.stream) for number in range(job.requests))
        self.messages = [head + b"%d\r\n\r\n" % len(text) + text for text in texts]
        self.taken, self.stream, self.pid, self.cpu = 0, job.stream, job.pid, 0.0
        self.exchanges: list[Exchange] = []
        self.failures: Counter[str] = Counter()
        self.finished = asyncio.Event()

    def take(self) -> Exchange | None:
        """Return the next request to send, if any is left."""
        if self.taken == len(self.messages):
            return None
        self.taken += 1
        return Exchange(self.taken - 1)

    def close(self, exchange: Exchange) -> None:
        """Count one request as over."""
        self.exchanges.append(exchange)
        if len(self.exchanges) == len(self.messages):
            self.finished.set()


class Connection(asyncio.Protocol):
    """One connection that sends its next request when the last one is answered."""

    def __init__(self, work: Work, port: int) -> None:
        """Wait for `start`."""
        self.work, self.port = work, port
        self.exchange: Exchange | None = None
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def start(self) -> None:
        """Send the next request."""
        exchange = self.exchange = self.work.take()
        if exchange is None:
            self.transport.close()
            return
        exchange.sent = time.perf_counter()
        self.transport.write(self.work.messages[exchange.number])

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self.parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        """Keep the part; note when the first content is there."""
        if (exchange := self.exchange) is None:
            return
        exchange.parts.append(part)
        if self.work.stream and not exchange.first and CONTENT.search(b"".join(exchange.parts)):
            exchange.first = time.perf_counter()

    def on_message_complete(self) -> None:
        """Book the answer and go on."""
        if (exchange := self.exchange) is None:
            return
        exchange.done, exchange.status = time.perf_counter(), self.parser.get_status_code()
        self.exchange = None
        self.work.close(exchange)
        if self.parser.should_keep_alive():
            self.start()
        else:
            self.transport.close()
            self.replace()

    def connection_lost(self, exc: Exception | None) -> None:
        """Book a request that was cut off, and take up the rest on a new connection."""
        del exc
        if self.exchange is not None:
            self.work.failures["connection lost"] += 1
            self.work.close(self.exchange)
            self.exchange = None
            self.replace()

    def replace(self) -> None:
        """Open a new connection for the requests that are left; stop where nobody listens any more."""
        if self.work.taken < len(self.work.messages):
            opening = asyncio.get_running_loop().create_task(connect(self.work, self.port))
            opening.add_done_callback(self.replaced)

    def replaced(self, opening: "asyncio.Task[Connection]") -> None:
        """Go on where the new connection is open."""
        if opening.exception() is None:
            opening.result().start()
        else:
            self.work.finished.set()


async def connect(work: Work, port: int) -> Connection:
    """Return an open connection."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(work, port), "127.0.0.1", port)
    return connection


def text_of(exchange: Exchange, *, stream: bool) -> str:
    """Return the text of an answer, or raise ValueError, KeyError or IndexError where it is not one."""
    raw = b"".join(exchange.parts)
    if not stream:
        return str(json.loads(raw)["choices"][0]["message"]["content"])
    events = [line[5:].strip() for line in raw.split(b"\n") if line.startswith(b"data:")]
    if events[-1] != b"[DONE]":
        message = "stream without an end"
        raise ValueError(message)
    chunks = [json.loads(event) for event in events[:-1]]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])


def fault(exchange: Exchange, job: Job) -> str:
    """Return what is wrong with an answer in a few words, empty when nothing is."""
    if exchange.status != OK:
        return f"status {exchange.status}"
    try:
        text = text_of(exchange, stream=job.stream)
    except (ValueError, KeyError, IndexError):
        return "answer not understood"
    mine = address(job.seed, exchange.number)
    if text == answer(job.events if job.stream else SHORT_ANSWER_EVENTS, mine):
        return ""
    return "wrong text" if text.count("@example.com") == text.count(mine) else "somebody else's address"


def quantiles(values: list[float], name: str) -> dict[str, float]:
    """Return the median and the 99th percentile in milliseconds."""
    ordered = sorted(values)
    return {
        f"{name}_p50_ms": 1000 * ordered[len(ordered) // 2],
        f"{name}_p99_ms": 1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    }


async def watch(pid: int, peak: list[int]) -> None:
    """Keep the largest resident memory seen in `peak`."""
    while True:
        peak[0] = max(peak[0], resident_bytes(pid))
        await asyncio.sleep(WATCH_SECONDS)


async def send_all(work: Work, port: int, concurrency: int) -> float:
    """Open all connections, then send and await every request; return the seconds from the first write on."""
    connections: list[Connection] = []
    for first in range(0, concurrency, CONNECT_AT_ONCE):
        several = range(first, min(first + CONNECT_AT_ONCE, concurrency))
        connections += await asyncio.gather(*(connect(work, port) for _ in several))
    work.cpu, clock = cpu_seconds(work.pid), time.perf_counter()
    for connection in connections:
        connection.start()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work.finished.wait(), DEADLINE_SECONDS)
    return time.perf_counter() - clock


async def run(job: Job) -> dict[str, object]:
    """Warm the server up, do the job and return its figures."""
    if job.warm_up:
        warm = replace(job, requests=job.warm_up, seed=job.seed + WARM_SEEDS)
        await send_all(Work(warm), job.port, min(job.concurrency, job.warm_up))
    work = Work(job)
    peak = [resident_bytes(job.pid)]
    watcher = asyncio.create_task(watch(job.pid, peak)) if job.stream else None
    wall = await send_all(work, job.port, job.concurrency)
    await asyncio.sleep(SETTLE_SECONDS)  # what a server still does after its last byte is part of the price
    cpu = cpu_seconds(job.pid) - work.cpu
    if watcher:
        watcher.cancel()
    return figures(work, job, cpu, wall) | {"peak_bytes": peak[0], "after_bytes": resident_bytes(job.pid)}


def figures(work: Work, job: Job, cpu: float, wall: float) -> dict[str, object]:
    """Return what was measured, over the requests that were answered."""
    faults = work.failures + Counter(filter(None, (fault(e, job) for e in work.exchanges if e.done)))
    answered = [e for e in work.exchanges if e.done]
    if missing := job.requests - len(work.exchanges):
        faults["no answer in time"] = missing
    result: dict[str, object] = {
        "requests": job.requests,
        "faults": dict(faults),
        "wall_s": wall,
        "cpu_s": cpu,
    }
    result["cpu_us"] = 1e6 * cpu / job.requests
    result["busy"] = cpu / wall
    result["per_s"] = len(answered) / wall
    result |= quantiles([e.done - e.sent for e in answered], "total") if answered else {}
    if job.stream:
        result["cpu_us_event"] = 1e6 * cpu / (job.requests * job.events)
        first = [e.first - e.sent for e in answered if e.first]
        result |= quantiles(first, "first") if first else {}
        # How many had content before any had ended: streams that truly ran side by side.
        earliest = min((e.done for e in answered), default=0.0)
        result["together"] = sum(0 < e.first < earliest for e in answered)
    return result


if __name__ == "__main__":
    raise_open_files()
    json.dump(uvloop.run(run(Job(**json.load(sys.stdin)))), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # closing a thousand connections one by one is nobody's measurement
