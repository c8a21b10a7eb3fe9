"""What errors, headers and answers tell that they need not.

How it is judged: the content of a request or a part of a key that comes back in an error, fields for debugging, traces of the program,
paths, versions of the engine, internal addresses and variables are failures. A name that is not known and said back (a model, a field, a
route) is a note: the caller knows it, though a log of errors then holds it; so is what was asked beside its answer.

Invariant: what a model says is not looked at, so that one which repeats its prompt discloses nothing here.
"""

from __future__ import annotations

import getpass
import hashlib
import re
import socket
from collections.abc import Iterator
from functools import partial
from typing import Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.client import OWN
from privet.audit.endpoint.echo import holds
from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.provocations import Provocation, encoded, provocations
from privet.audit.endpoint.reply import reply_of
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.tell_tales import is_said, remarks, tales

_PART_CHARS: Final = 10
"""So many letters of a random key in a row are in a megabyte of random letters by chance once in a million times."""
_MIN_NAME_CHARS: Final = 6
_MOST_CHARS: Final = 1 << 18
_SECONDS: Final = 20.0


async def run(scene: Scene, tally: Tally) -> None:
    """Provoke errors of every kind, and read what comes back."""
    tally.sampled = False
    chance = scene.chance("disclosure")
    asked = provocations(scene.dialect, chance)
    made_up = f"sk-{chance.randbytes(20).hex()}"
    asked += _with_key(scene, made_up)
    here = _names_here() if scene.target.is_loopback else []
    own = [f"{host}:{scene.target.port}" for host in (scene.target.host, "localhost", "127.0.0.1", "[::1]")]
    own = [f"{scheme}://{place}" for place in (*own, scene.target.authority) for scheme in ("http", "https")] + [
        scene.target.host
    ]

    async def provoked(each: Provocation) -> tuple[Provocation, Answer]:
        key = OWN if each.key is None else each.key
        answer = await scene.client.ask(
            each.method, each.path, body=each.body, headers=each.headers, key=key, seconds=_SECONDS, may_fail=True
        )
        if answer.ok:
            scene.client.budget.spent(reply_of(answer).tokens)
        return each, answer

    def take(result: tuple[Provocation, Answer]) -> None:
        each, answer = result
        if not answer.status:
            tally.unanswered += answer.trouble == "timeout"
            return
        for text in (*remarks(answer), *_names_said(each, answer)):
            tally.note(text)
        found = [
            *_echoes(each, answer),
            *tales(answer, own, (each.path, *each.names)),
            *_keys(scene, made_up, answer),
        ]
        found += [("the name of the machine or its user", "internal-addresses")] if _tells(here, answer) else []
        for _, fix in found[1:]:
            if fix not in tally.fixes:
                tally.fixes.append(fix)
        leaks = dict.fromkeys(leak for leak, _ in found)
        tally.sample(*leaks, fix=found[0][1] if found else "", text=answer.text if leaks else "")

    await in_order(scene, [partial(provoked, each) for each in asked], take)


def _with_key(scene: Scene, made_up: str) -> Iterator[Provocation]:
    base = scene.dialect.base
    body = encoded(
        {"model": scene.dialect.model, scene.dialect.limit_field: 1, "messages": [{"role": "user", "content": "Hi"}]}
    )
    yield Provocation("a key that was made up", "POST", f"{base}/chat/completions", body, key=made_up)
    yield Provocation("a key that was made up, for the models", "GET", f"{base}/models", None, key=made_up)
    yield Provocation(
        "a key of another scheme", "GET", f"{base}/models", None, headers=(("authorization", f"Token {made_up}"),)
    )
    yield Provocation("a key in another header", "GET", f"{base}/models", None, headers=(("x-api-key", made_up),))


def _echoes(each: Provocation, answer: Answer) -> Iterator[tuple[str, str]]:
    if _is_error(answer) and any(holds(_whole(answer), word) for word in each.words):
        yield "the content of the request in an error", "echo-in-errors"


def _is_error(answer: Answer) -> bool:
    """Tell whether it is one: an error in the midst of a stream comes with the status 200."""
    return not answer.ok or any(name.startswith("error") for name in reply_of(answer).channels)


def _names_said(each: Provocation, answer: Answer) -> Iterator[str]:
    if not _is_error(answer) and any(holds(_whole(answer), word) for word in each.words):
        yield "answers hold what was asked in a field beside the answer"
    if not answer.ok and any(holds(answer.text, name) for name in each.names):
        yield "errors say back names that they do not know"


def _keys(scene: Scene, made_up: str, answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield where a key comes back, as it is, in part, or hashed."""
    text = _whole(answer)
    for key in {made_up, *filter(None, (scene.target.key, *scene.target.tenants))}:
        if len(key) < 2 * _PART_CHARS:
            continue
        parts = {key[begin : begin + _PART_CHARS] for begin in range(3, len(key) - _PART_CHARS + 1)}
        # Of a key of words, a part without a digit may be a word of the answer.
        parts = {part for part in parts if re.search(r"\d", part) and re.search(r"[a-zA-Z]", part)}
        ends = _is_masked(key, text)
        hashed = hashlib.sha256(key.encode()).hexdigest() in text
        if ends or hashed or key in text or any(part in text for part in parts):
            yield "a key, or a part of it", "key-echo"


def _is_masked(key: str, text: str) -> bool:
    """Tell whether a key stands there with its middle left out, as in `sk-ab...wxyz`."""
    gap = r"(?:\.\.\.|…|\*{2,64}|x{4,64})"
    return bool(re.search(rf"{gap}{re.escape(key[-4:])}(?!\w)|(?<!\w){re.escape(key[:6])}\w{{0,6}}{gap}", text))


def _whole(answer: Answer) -> str:
    """Return what the server wrote by itself: all of an error, and of an answer what the model did not say."""
    headers = "\n".join(value for name, value in answer.headers if name != "set-cookie")
    return f"{headers}\n{_quiet(answer) if answer.ok else answer.text}"[:_MOST_CHARS]


def _quiet(answer: Answer) -> str:
    return "\n".join(text for name, text in reply_of(answer).channels.items() if not is_said(name))


def _names_here() -> list[str]:
    """Return the names that only somebody on this machine knows."""
    try:
        names = [socket.gethostname(), getpass.getuser()]
    except (OSError, KeyError):
        return []
    return [name for name in names if len(name) >= _MIN_NAME_CHARS and not name.startswith("localhost")]


def _tells(names: list[str], answer: Answer) -> bool:
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", _whole(answer)) for name in names)
