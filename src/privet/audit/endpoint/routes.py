"""The routes that `exposed_routes.py` asks for, from `routes.toml`, and whether an answer really is one of theirs.

Invariants:

- No route of the table changes anything, or loses anything but time.
- A page that is shown for any path is no route: an answer counts only where it holds what the route shows, and a made-up path beside it
  does not get the same.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from privet.audit.endpoint.answer import Answer

Kind = Literal["open", "admin", "model", "told"]
REFUSALS: Final = frozenset((400, 415, 422))
"""How a server says that it would have done it, had it been asked properly."""
_WELL: Final = frozenset(
    (
        "status", "ok", "health", "healthy", "ready", "live", "alive", "message", "detail", "error", "errors", "success", "code", "time",
        "timestamp", "uptime", "service", "name", "title", "description", "object", "data", "type", "version",
    )
)  # fmt: skip
_WELL_CHARS: Final = 64
_LOGIN: Final = re.compile(r"type=[\"']?password|\blog ?in\b|\bsign ?in\b|unauthori[sz]ed|forbidden", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9a-f]{8,}|\d+")


@dataclass(frozen=True, slots=True)
class Route:
    """A route. `under_base` says that it is asked for below the base of the API too, `accepted` that doing it changes nothing."""

    path: str
    method: str
    kind: Kind
    shows: tuple[str, ...]
    body: str
    accepted: bool
    server: str
    fix: str
    under_base: bool
    only_base: bool

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return f"{self.method} {self.path.partition('?')[0]}"


@lru_cache(maxsize=1)
def routes() -> tuple[Route, ...]:
    """Return all routes."""
    table = tomllib.loads(files("privet.audit.endpoint").joinpath("routes.toml").read_text("utf-8"))
    return tuple(
        _route(section, entry)
        for section in table["section"]
        for entry in [*section.get("routes", ()), *({"path": name} for name in section.get("names", ()))]
    )


def _route(section: dict[str, Any], entry: dict[str, Any]) -> Route:
    body = entry.get("body", "")
    return Route(
        entry["path"],
        entry.get("method", "POST" if body else "GET"),
        entry.get("kind") or section["kind"],
        tuple(entry.get("shows", ())),
        body,
        entry.get("accepted", False),
        section["server"],
        entry.get("fix") or section["fix"],
        section.get("under_base", False),
        entry.get("only_base", False),
    )


def is_shown(route: Route, answer: Answer) -> bool:
    """Tell whether an answer looks as the route does; `is_same` has to be asked besides."""
    if not answer.came:
        return False
    if route.body and answer.status in REFUSALS and not route.accepted:
        return _holds(route.shows, answer)
    if not answer.ok or (route.body and not route.accepted and not route.shows):
        return False
    return _holds(route.shows, answer) if route.shows or route.body else says_something(answer)


def _holds(shows: tuple[str, ...], answer: Answer) -> bool:
    if not shows:
        return True
    text = answer.text
    small = text.casefold()
    known = names_of(answer)
    return any(show[1:] in known if show.startswith(".") else show.casefold() in small for show in shows)


def names_of(answer: Answer) -> frozenset[str]:
    """Return the names at the top of an answer in JSON, or of its first element."""
    document = document_of(answer)
    if isinstance(document, list) and document:
        document = document[0]
    return frozenset(map(str, document)) if isinstance(document, dict) else frozenset()


def document_of(answer: Answer) -> Any:
    """Return an answer in JSON, or None."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def sent_to(answer: Answer) -> SplitResult:
    """Return where an answer sends the caller, or nowhere."""
    try:
        return urlsplit(answer.header("location"))
    except ValueError:
        return urlsplit("")


def says_something(answer: Answer) -> bool:
    """Tell whether an answer says more than that the server is well, or that one has to log in."""
    text = answer.text.strip()
    if not text or answer.body == b"null":
        return False
    document = document_of(answer)
    if isinstance(document, dict):
        return not frozenset(map(str, document)) <= _WELL or _is_long(document)
    if isinstance(document, list):
        return bool(document)
    if document is not None or (answer.content_type != "text/html" and len(text) <= _WELL_CHARS and "\n" not in text):
        return False
    return not _LOGIN.search(text)


def _is_long(document: dict[Any, Any]) -> bool:
    """Tell whether ordinary names hold more than a word: `data` with rows in it."""
    return any(
        isinstance(value, dict | list) and value for name, value in document.items() if name in ("data", "object")
    )


def is_same(one: Answer, other: Answer, *paths: str) -> bool:
    """Tell whether two answers are one page, but for the path, numbers and ids in it."""
    if one.status != other.status or one.content_type != other.content_type:
        return False
    first, second = one.text, other.text
    for path in paths:
        first, second = first.replace(path, ""), second.replace(path, "")
    return _DIGITS.sub("", first) == _DIGITS.sub("", second) or (
        # A page that greets everybody differs by little.
        one.content_type == "text/html"
        and abs(len(first) - len(second)) <= len(first) // 20
        and _title(first) == _title(second)
    )


def _title(text: str) -> str:
    found = re.search(r"<title>(.*?)</title>", text[:10_000], re.IGNORECASE | re.DOTALL)
    return found[1] if found else text[:200]
