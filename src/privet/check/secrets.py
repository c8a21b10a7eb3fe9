"""Secrets that nothing but their name tells: `DB_PASSWORD=…`, `password: …`, `getenv("X_API_KEY", "…")`, `Bearer …`, `postgres://user:…@host`.

The text is looked at as a person would, name, sign, value, so that every format of settings and every language has one reader, comments and
tests left out. Values are judged by `secret_shapes`.

Invariants: a value leaves this module as a place and as one of three words; so many facts a file, and no more; linear time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from privet.check.pattern import automaton, regex
from privet.check.secret_files import CONFIG, is_shown, kind_of
from privet.check.secret_shapes import LITERAL, NOTHING, REFERENCE, STAND_IN, is_secret_name, state_of, words_of

_WORD: Final = (
    r"(?:pass(?:w(?:or)?d|phrase|code)|pwd|[_-]pass|secret|token|salt|requirepass|(?:api|secret|access|private|auth|encryption|signing|sign|master|account"
    r"|storage|hmac|jwt|fernet|session|role|admin|subscription|shared|webhook|cookie|crypto|cipher|aes|deploy|database|db|openai|anthropic)[_.-]?key)"
)
_CONTEXT: Final = r"authorization[\"'\\\]]{0,3}\s{0,4}[:=,]\s{0,4}[\"'\\]{0,2}(?:bearer|basic|token)\s+[A-Za-z0-9]"
_USERINFO: Final = r"://[^\s:@/\"'<>`]{0,64}:[^\s@/\"'<>`]{3,128}@[A-Za-z0-9$[{]"
_LOGIN: Final = r"(?:-u|--user)[ =][\"']?[\w.@+-]{1,40}:[^\s\"'$<]"
_OTHERS: Final = rf"{_CONTEXT}|{_USERINFO}|{_LOGIN}"
INTERESTING: Final = rf"{_WORD}\w{{0,12}}[\\\"'`\])]{{0,3}}[ \t]{{0,8}}[:=, \n]|{_OTHERS}"
"""What a file must hold somewhere, as RE2 reads it."""
WRITTEN: Final = rf"{_WORD}\w*[\\\"'`\])]*\s*(?:[:=,)|?]|or)[^\n\"'`]*\s*[^\n\"'`]*[\"'`][^\"'`\n]*[0-9]|{_OTHERS}"
"""The same for code, where a secret stands in quotes and has a digit."""

_QUOTED: Final = frozenset(("toml", "json", "terraform"))
"""Formats in which only a quoted text is one."""
_SPACED: Final = frozenset(("ini", "proxy"))
_COMMENT: Final = regex(r"[ \t]*(?:#|//|\*|/\*|;|--\s|<!--|rem\s|>>>)", re.IGNORECASE)
_OF_PEOPLE: Final = regex(r"(?:passw(?:or)?d|passphrase|secret(?:[_-]?key)?)\Z", re.IGNORECASE)
"""Names for which, in code too, a word that everybody knows is worse than none: a key of a local model may well be `ollama`."""
_NAME: Final = regex(r"[\w.-]+", re.ASCII)
_MOST: Final = 40
_LONG_LINE: Final = 1000
_LONGEST: Final = 320
_EXAMPLE: Final = regex(r"\b(?:examples?|e\.g\.|for instance)(?![\w.-]*[@.])|:param\b|``", re.IGNORECASE)
_ESCAPED: Final = regex(r"%[0-9A-Fa-f]{2}")
_CALLED: Final = regex(r"\w\(\s*[A-Za-z]?\\?[\"'`](?:--)?\Z")

_WRAPPED: Final = r"(?:(?:\w+\.)?(?:SecretStr|Secret|Field|str|String|SecureString|Some|default|text|literal)\s*\(\s*(?:default\s*=\s*)?)?"
_IN_CODE: Final = regex(
    r"(?P<close>\\?[\"'`])?\s{0,4}\]?\s{0,4}"
    r"(?:(?::\s{0,4}[\w\[\], .|]{1,48}?\s{0,4})?=(?![=~])|:=|=>|:|(?P<comma>,)"
    r"|(?:,[^()\n\"'`]{0,80})?\)?\s{0,4}(?:\bor\b|\|\||\?\?)|(?P<option>,[^()]{0,160}?\bdefault\s{0,2}=))"
    rf"\s{{0,40}}{_WRAPPED}(?P<prefix>[A-Za-z]{{0,2}})(?P<quote>\\?[\"'`])(?P<value>[^\"'`\n\\]{{0,300}})(?P=quote)(?P<next>[ \t]*[+%.\[]?)"
)
_TAKEN: Final = regex(
    r"[\"']?\s{0,4}(?::[^=\n]{1,40})?[=:]\s{0,4}(?:os\.|environ|getenv|process\.env|settings\.|config[.(]|env[.(]|secrets?[.(]|(?:\w+\.)?get_secret|Path\()"
    r"|[\"']\s{0,4}[\])]"
)
"""How code takes a secret from elsewhere: `= os.environ[…]`, and the name of the variable there."""
_AFTER: Final = regex(
    r"[\"']?(?:[ \t]{0,20}(?::(?![:/=])|=(?![=>~])|=>)[ \t]{0,20}|(?P<space>[ \t]{1,20}))(?P<rest>[^\n]{0,400})"
)
_VALUE_BELOW: Final = regex(
    r"[\"']?[ \t]*,?\s{0,40}(?:#[^\n]*\n\s{0,40})?[\"']?(?:(?P<from>valueFrom)|value)[\"']?[ \t]*[:=][ \t]*(?P<rest>[^\n]{0,400})"
)
_NAME_BEFORE: Final = regex(r"\b(?:name|key)[\"']?[ \t]*[:=][ \t]*[\"']?\Z", re.IGNORECASE)
_ITEM_BELOW: Final = regex(r"[\"']?(?:[ \t]*,\s{0,40}|[ \t]*\n[ \t]*-[ \t]+)(?P<rest>[^\n]{0,400})")
_VARIABLE_BLOCK: Final = regex(r"\"\s{0,4}\{[^{}]{0,400}?\bdefault[ \t]*=[ \t]*(?P<rest>[^\n]{0,400})")
_DOCKER_SPACE: Final = regex(r"^[ \t]*(?:ENV|ARG|LABEL)[ \t]+\Z", re.IGNORECASE)
_TEXT: Final = regex(r"(?P<quote>\\?[\"'])(?P<value>(?:(?!(?P=quote)).)*)(?P=quote)")
_BARE: Final = regex(r"[^\s\"'#][^\s\"']*")
_CURL: Final = regex(r"(?:-u|--user)[ =][\"']?[\w.@+-]+:(?P<value>[^\s\"'$<]{6,80})(?=[\s\"'])")
_USER: Final = regex(r"(?P<user>[^\s:@/\"'<>`]{0,64}):(?P<value>[^\s@/\"'<>`]{3,128})@")
_BEARER: Final = regex(r"(?:bearer|basic|token)\s+(?P<value>[A-Za-z0-9][^\s\"'`\\,;)}\]]{11,300})", re.IGNORECASE)
_KEYED: Final = regex(r"^kind:[ \t]*[\"']?Secret\b", re.MULTILINE)


class Found(NamedTuple):
    """A name of a secret, what is said there, and the place of the value."""

    name: str
    state: str
    start: int
    end: int


_NAMED, _BEARER_OF, _URL, _LOGIN_OF = range(4)


_CANDIDATE: Final = rf"[\w.-]{{0,48}}{_WORD}[\w-]{{0,12}}[\\\"'`\])]{{0,3}}[ \t]{{0,8}}[:=, \n]|{_OTHERS}"


def _candidates(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Yield what may be a secret, the name that says so, and its place: one pass over the bytes, so that it stays linear."""
    raw = text.encode(errors="replace")
    is_plain = len(raw) == len(text)
    at, chars = 0, 0
    for match in automaton(_CANDIDATE, ignore_case=True).finditer(raw):
        start = match.start()
        if not is_plain:
            chars += len(raw[at:start].decode(errors="replace"))
            at, start = start, chars
        said = match[0].decode(errors="replace")
        name = _NAME.match(said)
        if said.startswith("://"):
            yield _URL, "", start, start + len(said)
        elif name is None or name[0] in {"-u", "--user"}:
            yield _LOGIN_OF, "", start, start + len(said)
        elif name[0].lower() == "authorization":
            yield _BEARER_OF, "", start, start + len(said)
        else:
            yield _NAMED, name[0], start, start + name.end()


def found_in(text: str, path: str, *, compared: bool) -> list[Found]:
    """Return the secrets of a text, at most so many; with `compared` also what stands in for one, or refers to it."""
    look = _Look(text, path)
    if not look.is_config and len(text) > _LONG_LINE * (text.count("\n") + 2):
        return []  # written by a program, whose lines are passed over one by one otherwise
    found: dict[int, Found] = {}
    for place in look.places():
        if place.state == LITERAL or (compared and (look.is_config or _OF_PEOPLE.search(place.name))):
            found.setdefault(place.start, place)
        if len(found) >= _MOST:
            break
    return list(found.values())


class _Look:
    """One file."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._kind = kind_of(path)
        self.is_config = self._kind in CONFIG
        self._many = is_shown(path)
        self._is_secret_object = self._kind in {"yaml", "json"} and _KEYED.search(text) is not None

    def places(self) -> Iterator[Found]:
        for what, name, start, end in _candidates(self._text):
            line = self._text.rfind("\n", max(0, start - _LONG_LINE), start) + 1 or max(0, start - _LONG_LINE)
            if self._is_comment(line) or (not self.is_config and self._is_shown(line)):
                continue
            if what == _URL:
                yield from self._in_url(start + 3, line)
            elif what == _BEARER_OF:
                match = _BEARER.search(self._text, start, end + _LONGEST)
                yield from self._judged("authorization", match, strict=True)
            elif what == _LOGIN_OF:
                yield from self._judged("password", _CURL.match(self._text, start), strict=not self.is_config)
            else:
                yield from self._named(name, start, end, line)

    def _is_comment(self, line: int) -> bool:
        found = _COMMENT.match(self._text, line)
        return found is not None and not (
            found[0].endswith("//") and self._kind == "ini"
        )  # .npmrc: //host/:_authToken=…

    def _is_shown(self, line: int) -> bool:
        """Tell whether a line of code is no code: an example in a text, or one of a program that another program wrote."""
        end = self._text.find("\n", line, line + _LONG_LINE)
        if end < 0 and len(self._text) - line > _LONG_LINE:
            return True
        return _EXAMPLE.search(self._text, line, end if end >= 0 else len(self._text)) is not None

    def _in_url(self, at: int, line: int) -> Iterator[Found]:
        match = _USER.match(self._text, at)
        before = self._text[line:at]
        names = re.findall(r"[A-Za-z_][\w-]{2,40}(?=[\"']?\s*[:=])", before)
        if match:
            name = f"{names[-1] if names else 'url'}-{match['user'][:24]}-password"
            value = _ESCAPED.sub("-", match["value"])
            yield from self._found(name, value, match.start("value"), match.end("value"), strict=not self.is_config)

    def _named(self, name: str, start: int, end: int, line: int) -> Iterator[Found]:
        flag = name.startswith("--")
        if not is_secret_name(name):
            return
        if not self.is_config:
            match = _IN_CODE.match(self._text, end)
            if match and self._is_said(match, start):
                yield from self._judged(name, match, strict=True)
            elif _TAKEN.match(self._text, end):
                yield Found(name, REFERENCE, start, end)
            return
        before = self._text[line:start]
        if before.endswith(("$", "${")):
            return  # the name of a reference
        for pattern in self._ways(before, flag=flag):
            match = pattern.match(self._text, end)
            if not match:
                continue
            if pattern is _VALUE_BELOW and match["from"]:
                yield Found(name, REFERENCE, match.start("from"), match.end("from"))
                return
            if pattern is _AFTER and match["space"] and not self._may_be_apart(before, flag=flag):
                continue
            yield from self._rest(name, match["rest"], match.start("rest"), flag=flag)
            return

    def _is_said(self, match: re.Match[str], start: int) -> bool:
        """Tell whether a text in code is a value as it stands: not a part of one, nor what follows in a list."""
        if match["next"].strip(" \t") or ("f" in match["prefix"].lower() and "{" in match["value"]):
            return False
        if match["comma"] or match["option"]:  # getenv("NAME", "…")
            return bool(match["close"]) and _CALLED.search(self._text, max(0, start - 60), start) is not None
        return True

    def _ways(self, before: str, *, flag: bool) -> Iterable[re.Pattern[str]]:
        if _NAME_BEFORE.search(before):
            return (_VALUE_BELOW,)
        if self._kind == "terraform" and before.endswith('variable "'):
            return (_VARIABLE_BLOCK,)
        return (_AFTER, _ITEM_BELOW) if flag else (_AFTER,)

    def _may_be_apart(self, before: str, *, flag: bool) -> bool:
        """Tell whether a blank alone parts name and value here: after a flag, after ENV, and in files that are written so."""
        return (
            flag
            or (self._kind == "dockerfile" and _DOCKER_SPACE.search(before) is not None)
            or (self._kind in _SPACED and (not before.strip() or before.startswith("machine ")))
        )

    def _rest(self, name: str, rest: str, at: int, *, flag: bool) -> Iterator[Found]:
        """Judge what follows a name in a file of settings."""
        shift = len(rest) - len(rest.lstrip(" \t"))
        rest, at = rest[shift:], at + shift
        quoted = _TEXT.match(rest)
        if quoted:
            yield from self._found(name, quoted["value"], at + quoted.start(), at + quoted.end())
            return
        if self._kind in _QUOTED and not flag and "=" not in self._text[at - 1 : at]:
            yield from self._found(name, f"${{{name}}}", at, at + 1) if self._kind == "terraform" else ()
            return
        if self._kind == "terraform":
            if rest[:1].isalpha():
                yield Found(name, REFERENCE, at, at + 1)
            return
        bare = _BARE.match(rest)
        if not bare:
            return
        value = bare[0]
        if "${" in value or "{{" in value or value.startswith("$("):
            closing = rest.find("}}" if "{{" in value else ")" if value.startswith("$(") else "}")
            value = rest[: closing + 2] if "{{" in value and closing > 0 else value
        else:
            value = value.rstrip(",;)}]\\")
            left = rest[bare.end() :].lstrip(" \t")
            if self._kind in {"yaml", "compose"} and not flag and left and left[0] not in "#,}]\"'\\&|;-":
                return  # a sentence
        yield from self._found(name, value, at, at + len(value))

    def _judged(self, name: str, match: re.Match[str] | None, *, strict: bool) -> Iterator[Found]:
        if match:
            yield from self._found(name, match["value"], match.start("value"), match.end("value"), strict=strict)

    def _found(self, name: str, value: str, start: int, end: int, *, strict: bool = False) -> Iterator[Found]:
        if self._is_secret_object:
            value = _decoded(value)
        state = state_of(name, value, strict=strict, many=self._many)
        if state != NOTHING:
            yield Found(name, state, start, end)


def _decoded(value: str) -> str:
    """Return what base64 hides in a Secret, where that is a text."""
    try:
        found = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, ValueError, UnicodeDecodeError):
        return value
    return found.strip() if found.strip().isprintable() and len(found) > 2 else value


def numbered(found: Iterable[Found]) -> Iterator[tuple[str, Found]]:
    """Yield each with a name that stays when others come or go: what is written out first, then what refers, then what stands in."""
    order = (LITERAL, REFERENCE, STAND_IN)
    counts: dict[str, int] = {}
    for item in sorted(found, key=lambda item: (order.index(item.state), item.start)):
        name = "-".join(words_of(item.name))
        counts[name] = counts.get(name, 0) + 1
        yield f"secret {name}#{counts[name]}", item
