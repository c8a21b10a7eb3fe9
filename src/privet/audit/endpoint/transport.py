"""What the connection and the browser side let through: plain HTTP, certificates, other origins and names, keys in addresses, cookies.

How it is judged:

- Plain HTTP, and a certificate that cannot be verified, are failures beyond loopback and notes on it.
- Pages of other origins may not read answers (Fetch standard, CORS protocol): an origin that is reflected, `null`, or any origin (`*`).
- A foreign name in the Host header must not be served on this machine or in a private network: that is how a page reaches a server there
  (DNS rebinding; CVE-2024-28224 of Ollama).
- A key in an address stands in histories and logs (RFC 6750 section 2.3).
- Limits of rate and size that are missing, and HSTS, are notes; so is JSON sent as text, since its sender cannot read the answer.
"""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Final
from urllib.parse import quote

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.certificate import look_at_tls
from privet.audit.endpoint.cross_origin import ask_as_foreign_pages
from privet.audit.endpoint.guard import CLOSED, Guard, guard_of, has_models, is_answered, question
from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.routes import sent_to
from privet.audit.endpoint.scene import Scene

_QUERY_NAMES: Final = (
    "api_key", "key", "access_token", "token", "apikey", "api-key", "auth", "authorization", "auth_token", "bearer", "x-api-key", "secret",
)  # fmt: skip
_FOREIGN: Final = "rebinding.example"
_BIG: Final = 12 * 1024 * 1024
_LONG: Final = 64 * 1024
_SECONDS: Final = 10.0


async def run(scene: Scene, tally: Tally) -> None:
    """Look at the connection first, then at what a browser would let others do."""
    tally.sampled = False
    await look_at_tls(scene, tally)
    guard = await guard_of(scene)
    models = await scene.client.ask("GET", f"{scene.dialect.base}/models")
    if not models.status:
        tally.unanswered += 1
        return
    if scene.target.scheme == "https" and not models.header("strict-transport-security"):
        tally.note("HTTPS is not made to stay (no Strict-Transport-Security)")
    await ask_as_foreign_pages(scene, tally)
    await _ask_by_other_names(scene, tally)
    await _give_key_in_address(scene, tally, guard)
    await _look_at_cookies(scene, tally)
    await _ask_otherwise(scene, tally)
    await _try_limits(scene, tally, guard)


async def _ask_by_other_names(scene: Scene, tally: Tally) -> None:
    """Ask for what only the own name should get (compared with what it gets)."""
    target, base = scene.target, scene.dialect.base
    own = await scene.client.ask("GET", f"{base}/models")
    chats = is_answered(await _chat(scene)) if not has_models(own) else False
    if not has_models(own) and not chats:
        tally.unanswered += 1
        return
    near = all(not ipaddress.ip_address(address).is_global for address in target.addresses)
    names = (
        ("a foreign name in the Host header", f"{_FOREIGN}:{target.port}"),
        ("a foreign name without a port", _FOREIGN),
        ("a foreign name that begins like the own", f"{target.host.strip('[]')}.{_FOREIGN}:{target.port}"),
        ("a foreign name that ends like the own", f"{_FOREIGN}.localhost.example:{target.port}"),
    )

    async def named(name: str, host: str) -> tuple[str, Answer]:
        headers = (("host", host),)
        if chats:
            return name, await _chat(scene, headers)
        return name, await scene.client.ask("GET", f"{base}/models", headers=headers, may_fail=True)

    def take(result: tuple[str, Answer]) -> None:
        name, answer = result
        served = is_answered(answer) if chats else has_models(answer)
        if served and not near:
            tally.note("any name in the Host header is served")
        tally.sample(*([f"{name} is served"] if served and near else []), fix="host-check")

    await in_order(scene, [partial(named, name, host) for name, host in names], take)
    other = await scene.client.ask("GET", f"{base}/models/", headers=(("x-forwarded-host", _FOREIGN),), may_fail=True)
    if _FOREIGN in other.header("location"):
        tally.note("a redirect goes to the name in X-Forwarded-Host")


async def _chat(scene: Scene, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    route = "/chat/completions" if scene.dialect.chats or not scene.dialect.completes else "/completions"
    return await scene.client.ask(
        "POST", scene.dialect.base + route, body=question(scene), headers=headers, may_fail=True
    )


async def _give_key_in_address(scene: Scene, tally: Tally, guard: Guard) -> None:
    """Give the key in the query of an address: once under all names, and where that is accepted under each."""
    key = scene.target.key
    if not guard.needs_key or key is None:
        return
    base = scene.dialect.base
    route = "/chat/completions" if scene.dialect.chats or not scene.dialect.completes else "/completions"

    async def given(names: tuple[str, ...]) -> bool:
        query = "&".join(f"{name}={quote(key, safe='')}" for name in names)
        ask = partial(scene.client.ask, key=None, may_fail=True, seconds=_SECONDS)
        if guard.models_closed and has_models(await ask("GET", f"{base}/models?{query}")):
            return True
        return is_answered(await ask("POST", f"{base}{route}?{query}", body=question(scene)))

    tally.note("the key was sent in an address, as this test needs: replace it if the server logs addresses")
    # Some servers refuse any name that they do not know, so the usual ones are tried by themselves too.
    together = await given(_QUERY_NAMES)
    leaks = [
        f"the key is accepted in the address as {name}"
        for name in _QUERY_NAMES[: None if together else 4]
        if await given((name,))
    ]
    if together and not leaks:
        leaks = ["the key is accepted in the address"]
    tally.sample(*leaks, fix="key-in-address")


async def _look_at_cookies(scene: Scene, tally: Tally) -> None:
    """Look at every cookie of a root page, a list, an answer, an error."""
    base, client = scene.dialect.base, scene.client
    answers = [
        await client.ask("GET", "/", may_fail=True),
        await client.ask("GET", f"{base}/models"),
        await client.ask("GET", f"{base}/models", key=None),
        await _chat(scene),
    ]
    leaks = set()
    for value in [value for answer in answers for value in answer.values("set-cookie")]:
        tally.note("a cookie is set: an API needs none, and a cookie tells callers apart")
        leaks |= _missing(value, tls=scene.target.scheme == "https")
    tally.sample(*sorted(leaks), fix="cookies")


def _missing(value: str, *, tls: bool) -> set[str]:
    """Return what a cookie lacks (RFC 6265bis section 4.1.2)."""
    words = {
        part.partition("=")[0].strip().casefold(): part.partition("=")[2].strip().casefold()
        for part in value.split(";")[1:]
    }
    missing = set()
    if "httponly" not in words:
        missing.add("a cookie without HttpOnly")
    if words.get("samesite") not in ("lax", "strict", "none"):
        missing.add("a cookie without SameSite")
    if "secure" not in words and (tls or words.get("samesite") == "none"):
        missing.add("a cookie without Secure")
    return missing


async def _ask_otherwise(scene: Scene, tally: Tally) -> None:
    """TRACE, JSONP, redirects to other hosts, JSON sent as text."""
    client, base = scene.client, scene.dialect.base
    mark = f"mark{scene.chance('transport').randrange(10**8, 10**9)}"
    traced = await client.ask("TRACE", f"{base}/models", headers=(("x-mark", mark),), may_fail=True)
    tally.sample(*(["TRACE gives headers back"] if traced.ok and mark in traced.text else []), fix="trace")
    called = await client.ask("GET", f"{base}/models?callback={mark}&jsonp={mark}", may_fail=True)
    wrapped = called.ok and called.text.lstrip("/* \r\n").startswith((f"{mark}(", f"typeof {mark}"))
    tally.sample(*(["answers are given as a script (JSONP)"] if wrapped else []), fix="cross-origin")
    moved = [
        await client.ask("GET", path, may_fail=True) for path in (f"{base}/models", f"{base}/models/", base or "/")
    ]
    hosts = [sent_to(answer) for answer in moved if 300 <= answer.status < 400]
    away = any(place.netloc and place.hostname != scene.target.host for place in hosts)
    tally.sample(*(["callers are sent to another host"] if away else []), fix="redirect")
    if any(place.scheme == "http" for place in hosts) and scene.target.scheme == "https":
        tally.sample("callers are sent to plain HTTP", fix="plain-http")
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        sent = await client.ask(
            "POST", f"{base}/chat/completions", body=question(scene), headers=(("content-type", kind),), may_fail=True
        )
        if is_answered(sent):
            tally.note("a question is taken whatever its content type: a page can send it, though not read the answer")


async def _try_limits(scene: Scene, tally: Tally, guard: Guard) -> None:
    """Try what is too much; whatever happens is at most a note."""
    client, base = scene.client, scene.dialect.base
    # Nothing but a field that nobody reads, so that no model works on it.
    body = b'{"padding": "' + b"x" * _BIG + b'"}'
    big = await client.ask("POST", f"{base}/chat/completions", body=body, may_fail=True, seconds=_SECONDS)
    if big.status and big.status != 413 and not (guard.needs_key and big.status in CLOSED):
        tally.note("a body of 12 MiB is taken")
    long = await client.ask(
        "GET", f"{base}/models", headers=(("x-padding", "x" * _LONG),), may_fail=True, seconds=_SECONDS
    )
    if long.ok:
        tally.note("a header of 64 KiB is taken")
    if not client.limited:
        tally.note("no limit of the rate of requests was met")
