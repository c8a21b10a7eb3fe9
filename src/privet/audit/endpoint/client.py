"""Requests to the one endpoint: bounded in time and size, patient with limits, and honest about what went wrong.

Invariants:

- Connections go to the target's own addresses. Redirects are not followed, proxies are not used, no cookie is kept.
- No request outlives its time or its test's, however slowly an answer drips. No answer is kept beyond `MAX_BODY`, one that is too large
  to `_KEPT_OF_LARGE`, and all together to `_KEPT_OF_ALL`.
- Whatever comes back is an `Answer`. Only a used-up budget and a target that stopped answering are exceptions: one odd answer does not
  break the audit off.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpcore2

from privet.audit.endpoint.answer import MAX_BODY, Answer, Trouble, unpacked
from privet.audit.endpoint.budget import Budget
from privet.audit.endpoint.patience import Patience
from privet.audit.endpoint.target import Target
from privet.audit.endpoint.tls import unverified
from privet.audit.endpoint.wire import REQUEST, Pinned, Taken

_DEAF_AFTER: Final = 4
_PROBE_SECONDS: Final = 5.0
_PROBE_PAUSES: Final = (0.2, 0.4, 0.8, 0.0)
"""seconds between one look and the next"""
_SILENT_SECONDS: Final = 5.0
_MAX_PIECES: Final = 4096
_KEPT_OF_LARGE: Final = 1024 * 1024
_KEPT_OF_ALL: Final = 256 * 1024 * 1024
_UNSAFE: Final = re.compile(rb"[^\x21-\x7e]")


class BrokenOff(Exception):
    """The target stopped answering."""


class _Own:
    """Stands for the target's own key, which a test may replace by another or none."""


OWN: Final = _Own()
Key = str | _Own | None


@dataclass(slots=True, repr=False)
class Client:
    """Asks the target. Use it as `async with Client.open(...)`."""

    target: Target
    budget: Budget
    request_seconds: float
    closed: bool = False
    """whether the audit is over: what watches in the background ends then"""
    _pool: httpcore2.AsyncConnectionPool = field(kw_only=True)
    _slots: asyncio.Semaphore = field(kw_only=True)
    _at_once: int = field(kw_only=True)
    _patience: Patience = field(default_factory=Patience)
    _probing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _deaf: int = 0
    _gone: bool = False
    _heard: float = 0.0
    _kept: int = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, target: Target, budget: Budget, *, request_seconds: float = 60.0, concurrency: int = 8
    ) -> AsyncIterator[Client]:
        """Yield a client; at most `concurrency` requests are on their way at once."""
        async with httpcore2.AsyncConnectionPool(
            ssl_context=_context(target) if target.scheme == "https" else None,
            network_backend=Pinned(target.addresses),
            max_connections=concurrency + 4,
            max_keepalive_connections=concurrency,
        ) as pool:
            slots = asyncio.Semaphore(concurrency)
            client = cls(target, budget, request_seconds, _pool=pool, _slots=slots, _at_once=concurrency)
            try:
                yield client
            finally:
                client.closed = True

    @property
    def has_heard(self) -> bool:
        """Whether the target ever answered."""
        return bool(self._heard)

    @property
    def limited(self) -> int:
        """How often the target said that it is too much."""
        return self._patience.limited

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Iterable[tuple[str, str]] = (),
        key: Key = OWN,
        seconds: float | None = None,
        stop_after: int | None = None,
        may_fail: bool = False,
    ) -> Answer:
        """Return the answer to a request; `path` begins at the root of the host.

        A header in `headers` stands for the one of the same name that would be sent. `stop_after`: hang up once so many bytes of the
        body came. `may_fail`: a closed connection is a good answer to this one, and does not count as deafness.

        Raises:
            OutOfBudget: nothing is left to spend.
            BrokenOff: the target does not answer any more.

        """
        request = _Request(method, path, self._headers(headers, key, body), body, stop_after)
        attempt = 0
        while True:
            async with self._slots, self._patience.turn(self.budget):
                if self._gone:
                    raise BrokenOff
                self.budget.ask()
                answer = await self._within(request, seconds or self.request_seconds)
            pause = self._patience.heard(path, answer, attempt)
            if pause is None:
                break
            await asyncio.sleep(min(pause, self.budget.seconds_left))
            attempt += 1
        if answer.status in (429, 503) and answer.came:
            return Answer(answer.status, answer.headers, answer.body, "limited", answer.seconds, answer.pieces)
        if not may_fail:
            await self._listen(answer)
        return answer

    def _headers(self, headers: Iterable[tuple[str, str]], key: Key, body: bytes | None) -> list[tuple[bytes, bytes]]:
        given = [(name.lower(), value) for name, value in headers]
        names = {name for name, _ in given}
        secret = self.target.key if isinstance(key, _Own) else key
        usual = [("host", self.target.authority), ("accept-encoding", "identity")]
        if secret is not None:
            usual.append(("authorization", f"Bearer {secret}"))
        if body is not None:
            usual += [("content-type", "application/json"), ("content-length", str(len(body)))]
        return [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in [*((name, value) for name, value in usual if name not in names), *given]
        ]

    async def _within(self, request: _Request, seconds: float) -> Answer:
        """Ask within the time of the request and of the test.

        Raises:
            OutOfBudget: the time of the test ended it.
            BrokenOff: so it did, and nothing had come for long.

        """
        begun = time.monotonic()
        answer = await self._once(request, min(seconds, self.budget.seconds_left))
        if answer.trouble == "closed" and request.taken.reused and not answer.status:
            # The server had closed a connection that was not in use (RFC 9112 section 9.3.1): the request is no matter of it.
            answer = await self._once(request, min(seconds, self.budget.seconds_left))
        if answer.status:
            self._heard = time.monotonic()
        if answer.trouble == "timeout" and not self.budget.seconds_left:
            # Silence for long while something was asked: is anybody there? A test that was cut short for being slow goes another way.
            if time.monotonic() - max(self._heard, begun) >= min(seconds, _SILENT_SECONDS):
                async with self._probing:
                    await self._see()
            self.budget.check()
        return answer

    async def _once(self, request: _Request, seconds: float) -> Answer:
        begun = time.perf_counter()
        taken = request.taken = Taken()
        trouble: Trouble = ""
        token = REQUEST.set(taken)
        try:
            async with asyncio.timeout(seconds):
                trouble = await self._read(request, seconds, taken, begun)
        except (TimeoutError, httpcore2.TimeoutException):
            trouble = "timeout"
        except Exception as error:
            # Whatever else a library makes of what a target sends (h11: a length of 5,000 digits is a ValueError) is the target's doing.
            trouble = _trouble_of(error, taken)
        finally:
            REQUEST.reset(token)
        if taken.rest:
            taken.pieces.append((taken.rest_seconds, bytes(taken.rest)))
        if trouble == "too-large":
            _shorten(taken)
        whole = b"".join(piece for _, piece in taken.pieces)
        encoding = next((value for name, value in taken.headers if name == "content-encoding"), "").strip().lower()
        whole = unpacked(whole, encoding)[: MAX_BODY if self._kept < _KEPT_OF_ALL else _KEPT_OF_LARGE // 16]
        self._kept += len(whole)
        return Answer(
            taken.status, tuple(taken.headers), whole, trouble, time.perf_counter() - begun, tuple(taken.pieces)
        )

    async def _read(self, request: _Request, seconds: float, taken: Taken, begun: float) -> Trouble:
        target = self.target
        url = httpcore2.URL(
            scheme=target.scheme.encode(), host=_host(target.host), port=target.port, target=_target(request.path)
        )
        timeout = {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}
        limit = MAX_BODY if self._kept < _KEPT_OF_ALL else _KEPT_OF_LARGE // 16
        async with self._pool.stream(
            request.method, url, headers=request.headers, content=request.body, extensions={"timeout": timeout}
        ) as response:
            taken.status = response.status
            if taken.stream is not None:
                taken.stream.answered = True
            taken.headers += [
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers
            ]
            if response.status == 101:
                return ""
            async for piece in response.aiter_stream():
                now = time.perf_counter() - begun
                taken.size += len(piece)
                if len(taken.pieces) < _MAX_PIECES:
                    taken.pieces.append((now, piece))
                else:
                    taken.rest_seconds = taken.rest_seconds or now
                    taken.rest += piece
                if taken.size > limit:
                    return "too-large"
                if request.stop_after is not None and taken.size >= request.stop_after:
                    break
        return ""

    async def _listen(self, answer: Answer) -> None:
        """Count troubles in a row; after some, see whether anybody is still there."""
        if answer.trouble not in ("refused", "timeout", "closed", "protocol"):
            self._deaf = 0
            return
        self._deaf += 1
        # Who has never answered need not be asked as often as who has.
        enough = 1 if answer.trouble == "refused" else _DEAF_AFTER if self._heard else 2
        if self._deaf < enough:
            return
        async with self._probing:
            if self._deaf < enough and not self._gone:
                return
            await self._see()
            # It answers, only not to this: that is for the tests to say, but not for ever.
            if answer.trouble != "timeout":
                self._deaf = 0
            elif self._deaf >= 2 * self._at_once:
                self._gone = True
                raise BrokenOff

    async def _see(self) -> None:
        """See whether anything at all comes back.

        Raises:
            BrokenOff: nothing does.

        """
        until = time.monotonic() + _PROBE_SECONDS
        for pause in _PROBE_PAUSES:
            left = until - time.monotonic()
            if self._gone or left <= 0:
                break
            request = _Request("GET", f"{self.target.path}/models", self._headers((), OWN, None), None, None)
            probe = await self._once(request, left)
            if probe.status and probe.trouble != "timeout":
                self._heard = time.monotonic()
                return
            if probe.trouble == "protocol":
                break
            # Something may start it again.
            await asyncio.sleep(min(pause, max(0.0, until - time.monotonic())))
        self._gone = True
        raise BrokenOff


@dataclass(slots=True, repr=False)
class _Request:
    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    body: bytes | None
    stop_after: int | None
    taken: Taken = field(default_factory=Taken)


def _trouble_of(error: Exception, taken: Taken) -> Trouble:
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, httpcore2.ConnectError):
        return "tls" if isinstance(error.__cause__, ssl.SSLError) or "SSL" in str(error) else "refused"
    if taken.status or isinstance(error, (httpcore2.NetworkError, OSError)):
        return "closed"
    nothing_came = taken.stream is not None and not taken.stream.before
    return "closed" if isinstance(error, httpcore2.RemoteProtocolError) and nothing_came else "protocol"


def _shorten(taken: Taken) -> None:
    size, kept = 0, []
    for seconds, piece in taken.pieces:
        kept.append((seconds, piece[: _KEPT_OF_LARGE - size]))
        size += len(piece)
        if size >= _KEPT_OF_LARGE:
            break
    taken.pieces = kept


def _target(path: str) -> bytes:
    """Return a path as it may go on the wire: a path can hold what the target said before."""
    raw = path.encode("utf-8", "replace")
    return _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], raw)


def _host(name: str) -> bytes:
    """Return a name as it goes on the wire (RFC 3490); an address stays what it is."""
    return name.encode("ascii") if name.isascii() else name.encode("idna")


def _context(target: Target) -> ssl.SSLContext:
    # On loopback a certificate nobody can check is for the test of the transport to report.
    return unverified() if target.is_loopback else ssl.create_default_context()
