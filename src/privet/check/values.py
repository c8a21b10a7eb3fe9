"""What a value means to the program that reads it: tests for rules, with the program's own exactness.

Invariants: a test is data, so that documentation is made from it. A value known only at run time (None) is not judged unsafe by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from privet.check.pattern import regex

_LOOPBACK: Final = regex(
    r"(?:127(?:\.\d{1,3}){1,3}|localhost|::1|\[::1\]|0:0:0:0:0:0:0:1|::ffff:127\.\d+\.\d+\.\d+)", re.IGNORECASE
)
_INSIDE: Final = regex(
    r"(?:[a-z0-9_-]+|host\.docker\.internal|.*\.(?:local|internal|localhost|svc|lan|home\.arpa|test|svc\.cluster\.local))",
    re.IGNORECASE,
)
"""Names that do not leave the machine or the cluster: one label (a service's name), and zones that are never public."""
_ADDRESS: Final = regex(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*")
_NUMBER: Final = regex(r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
_TIME: Final = regex(r"([+-]?\d+(?:\.\d+)?)\s*((?:[smhdwy](?:\w*))?)", re.IGNORECASE)
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31557600.0}
_CODE_NAME: Final = regex(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?", re.ASCII)
_NO_HOST: Final = regex(r"[A-Z_(]|\.(?:host|url|uri|endpoint|address|bind|value|name)\Z")
"""What names in code have and names of hosts do not."""
_BLANK: Final = regex(r"\$\{[^{}]*\}|\$\w+|\{\{.*\}\}|<[^<>]*>", re.DOTALL)
"""What is filled in later: a template's place, a shell's variable, `<your-name>`."""
TRUE_WORDS: Final = ("1", "true", "yes", "on", "y", "t")
FALSE_WORDS: Final = ("0", "false", "no", "off", "n", "f", "")


class Values(NamedTuple):
    """Which values are unsafe. Make one with the functions below."""

    test: str
    words: tuple[str, ...] = ()
    limit: float = 0.0

    def unsafe(self, values: Sequence[str | None]) -> bool:
        """Tell whether the value, or for a list any or all of its items, is unsafe."""
        known = [value for value in values if value is not None and not _BLANK.fullmatch(value)]
        return len(known) == len(values) and _TESTS[self.test](self, known)

    @property
    def asks_presence(self) -> bool:
        """Whether it counts that there is a value, and not which: one that is known only at run time is as good as any."""
        return self.test == "empty" or (self.test == "better" and not self.words)

    def _is_better(self, value: str) -> bool:
        word = value.strip().lower()
        return word in self.words if self.words else word not in {"", "none", "null", "false"}

    def _worse(self, value: str) -> float:
        if self.test == "better":
            return 0.0 if self._is_better(value) else 1.0
        return float(self.words.index(value)) if value in self.words else 0.0

    def rank(self, values: Sequence[str | None]) -> float:
        """Return how weak a value is, for comparing two unsafe ones or two of a rule that only compares."""
        numbers = [_number(value) for value in values if value is not None]
        if self.test == "raised" and numbers and numbers[-1] is not None:
            return math.inf if numbers[-1] == -1 else max(numbers[-1], self.limit)
        if self.test == "above" and numbers and numbers[-1] is not None:
            return numbers[-1]
        if self.test in {"below", "lowered"} and numbers and numbers[-1] is not None:
            return -numbers[-1]
        if self.test == "longer":
            return max((_seconds(value) for value in values if value is not None), default=0.0)
        if self.test in {"better", "written", "switched"}:
            return max((self._worse(value) for value in values if value is not None), default=0.0)
        return 1.0 if self.unsafe(values) else 0.0


def only(*words: str) -> Values:
    """Safe are exactly these spellings; anything else, and empty, is not."""
    return Values("only", words)


def only_folded(*words: str) -> Values:
    """Safe are these words in any case."""
    return Values("only-folded", tuple(word.lower() for word in words))


def any_of(*words: str) -> Values:
    """Unsafe are these words in any case; anything else is not."""
    return Values("any-of", tuple(word.lower() for word in words))


def true() -> Values:
    """Unsafe when it reads as true: 1, true, yes, on."""
    return Values("any-of", TRUE_WORDS)


def false() -> Values:
    """Unsafe when it reads as false: 0, false, no, off, empty."""
    return Values("any-of", FALSE_WORDS)


def present() -> Values:
    """Unsafe by being there, whatever its value."""
    return Values("present")


def filled() -> Values:
    """Unsafe when it has a value at all: a path to which content is written, an address to which it is sent."""
    return Values("filled")


def empty() -> Values:
    """Unsafe when there but without a value: a key, a password."""
    return Values("empty")


def open_host() -> Values:
    """Unsafe when it listens beyond loopback; a Unix socket does not. `0.0.0.0`, `::`, `:8080`, `*`, another address or name."""
    return Values("open-host")


def open_address() -> Values:
    """Unsafe when it is an address that it listens on beyond loopback; a name is not: clients read the variable as well, and call it."""
    return Values("open-host", ("address",))


def remote() -> Values:
    """Unsafe when the URL or host is neither loopback nor a name inside (one label, .svc, .internal, .local)."""
    return Values("remote")


def has(*words: str) -> Values:
    """Unsafe when one of the items is one of these words; a text is split at commas, brackets and quotes."""
    return Values("has", tuple(word.lower() for word in words))


def lacks(*words: str) -> Values:
    """Unsafe when none of the items is one of these words."""
    return Values("lacks", tuple(word.lower() for word in words))


def matches(pattern: str) -> Values:
    """Unsafe when an item matches this regular expression somewhere."""
    return Values("matches", (pattern,))


def above(limit: float) -> Values:
    """Unsafe above a number; more is weaker. Minus one counts as without limit."""
    return Values("above", limit=limit)


def below(limit: float) -> Values:
    """Unsafe below a number; less is weaker."""
    return Values("below", limit=limit)


def raised(floor: float = 0.0) -> Values:
    """Never unsafe by itself; weaker than before when the number went up beyond a floor (epsilon, retention). Minus one is without end."""
    return Values("raised", limit=floor)


def lowered() -> Values:
    """Never unsafe by itself; weaker than before when the number went down (noise multiplier)."""
    return Values("lowered")


def longer() -> Values:
    """Never unsafe by itself, unless without end (-1); weaker than before when a time went up: `7d`, `12h`, `30`."""
    return Values("longer")


def better(*words: str) -> Values:
    """Never unsafe by itself; weaker than before when it was one of these words, or without words anything, and is not any more."""
    return Values("better", tuple(word.lower() for word in words))


def added() -> Values:
    """Never unsafe by itself; a change that brings one in is weaker: content that is printed, an artifact that is uploaded."""
    return Values("added")


def written(*words: str) -> Values:
    """Unsafe is the last of these words; each is weaker than the one before it: taken from elsewhere, known to everybody, a secret."""
    return Values("written", words)


def switched(*words: str) -> Values:
    """Never unsafe by itself; a change that brings in the last of these words, or turns to it from another, is weaker."""
    return Values("switched", words)


def never() -> Values:
    """Never unsafe when there: a rule about absence alone."""
    return Values("never")


def items_of(values: Sequence[str]) -> list[str]:
    """Return the items of a list, or of a text that spells one: `["*"]`, `a,b`, `all`."""
    found: list[str] = []
    for value in values:
        found.extend(word for word in re.split(r"[\s,\[\]\"'()|]+", value.lower()) if word)
    return found


def _number(text: str) -> float | None:
    cleaned = text.strip().strip("\"'")
    return float(cleaned.replace("_", "")) if _NUMBER.fullmatch(cleaned) else None


def _seconds(text: str) -> float:
    """Return a time in seconds; without a unit it is one; without end it is more than any."""
    found = _TIME.fullmatch(text.strip().strip("\"'"))
    if not found:
        return 0.0
    number = float(found[1])
    return math.inf if number < 0 else number * _UNITS[found[2].lower()[:1]]


def _host_of(value: str) -> str:
    """Return the host of `host`, `host:port`, `[v6]:port` or a URL, in lower case."""
    text = value.strip().lower()
    if "://" in text:
        try:
            return urlsplit(text).hostname or ""
        except ValueError:
            return text
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, colon, port = text.rpartition(":")
    return host if colon and ":" not in host and (port.isdigit() or not port) else text


def is_loopback(host: str) -> bool:
    """Tell whether a host is the machine itself."""
    return bool(_LOOPBACK.fullmatch(host))


def _is_name(text: str) -> bool:
    """Tell whether a text is a name in code, whose value is known only at run time: `settings.HOST`, `config.base_url`."""
    return bool(_CODE_NAME.fullmatch(text)) and bool(_NO_HOST.search(text))


def _open(test: Values, values: Sequence[str]) -> bool:
    for value in values:
        text = value.strip()
        if not text:
            continue  # as good as not set
        if "://" in text and not _ADDRESS.fullmatch(_host_of(text)):
            continue  # an address that is called, not one that is listened on
        if text.startswith(("unix:", "/", "fd://")) or text.endswith(".sock") or _is_name(text):
            continue
        host = _host_of(text)
        is_called = bool(test.words) and host not in {"", "*"} and not _ADDRESS.fullmatch(host)
        if not is_called and not _LOOPBACK.fullmatch(host):
            return True
    return False


def _remote(_: Values, values: Sequence[str]) -> bool:
    for value in values:
        host = _host_of(value)
        if (
            host
            and not value.startswith(("/", "unix:", "file:"))
            and not (_LOOPBACK.fullmatch(host) or _INSIDE.fullmatch(host) or _is_name(value.strip()))
        ):
            return True
    return False


def _beyond(values: Sequence[str], limit: float, *, more: bool) -> bool:
    number = _number(values[-1]) if values else None
    if number is None:
        return False
    return (number > limit or number == -1) if more else number < limit


_TESTS: Final[dict[str, Callable[[Values, Sequence[str]], bool]]] = {
    "only": lambda test, values: any(value not in test.words for value in values),
    "only-folded": lambda test, values: any(value.strip().lower() not in test.words for value in values),
    "any-of": lambda test, values: any(value.strip().lower() in test.words for value in values),
    "present": lambda _, __: True,
    "filled": lambda _, values: any(value.strip().lower() not in {"", "none", "null", "false"} for value in values),
    "empty": lambda _, values: all(value.strip().lower() in {"", "none", "null"} for value in values),
    "open-host": _open,
    "remote": _remote,
    "has": lambda test, values: not set(test.words).isdisjoint(items_of(values)),
    "lacks": lambda test, values: set(test.words).isdisjoint(items_of(values)),
    "matches": lambda test, values: any(re.search(test.words[0], value) for value in values),
    "above": lambda test, values: _beyond(values, test.limit, more=True),
    "below": lambda test, values: _beyond(values, test.limit, more=False),
    "raised": lambda _, __: False,
    "lowered": lambda _, __: False,
    "longer": lambda _, values: any(_seconds(value) == math.inf for value in values),
    "better": lambda _, __: False,
    "never": lambda _, __: False,
    "added": lambda _, __: False,
    "switched": lambda _, __: False,
    "written": lambda test, values: any(value == test.words[-1] for value in values),
}
