"""Switches of a program that no rule knows: `redact: false`, `LOG_PROMPTS=true`, `[redaction] enabled = false`. Their names say it.

They are read only where two sides are compared: what a switch does by itself nobody can tell, but turned over it does less than before.

Invariants: a switch is a whole word of two values; its name decides which of the two protects; linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from privet.check.known import VARIABLES
from privet.check.pattern import automaton, regex
from privet.check.readers import format_of
from privet.check.secret_shapes import words_of

PROTECTION: Final = "code:own-protection-off"
CONTENT: Final = "code:own-content-kept"
SAFE: Final = "safe"
WEAK: Final = "weak"

_FORMATS: Final = frozenset(("dotenv", "shell", "yaml", "compose", "dockerfile", "systemd", "toml", "json", "ini"))
_WORD: Final = (
    r"(?:scrub|redact|anonymi|mask|sanitiz|sanitis|deidentif|pseudonymi|pii|phi|filter|strip|hash|remove|log|store|save|record|persist|capture|trac|retain"
    r"|telemetry|analytics|encrypt|auth|verif|usage|private|privacy|incognito|retention|train|upload|share|send|collect|keep|dump|skip|insecure|login"
    r"|require|enforce|disable|opt_out|allow_anonymous)"
)
_BOOLEAN: Final = r"(?:true|false|on|off|yes|no|0|1|enabled?|disabled?|none)"
_THINGS: Final = (
    r"(?:(?:full|raw|user|all|llm|chat|model)_)*(?:prompts?|conversations?|chats?|chat_history|histor(?:y|ies)|messages?|transcripts?|quer(?:y|ies)|questions?"
    r"|user_(?:data|inputs?|texts?|content)|pii|personal_data|prompts?_and_\w+)"
)
_TRAFFIC: Final = (
    rf"(?:{_THINGS}|(?:requests?|responses?|completions?|inputs?|outputs?|contents?|bod(?:y|ies)|payloads?|answers?|generations?)"
    r"(?:_(?:bod(?:y|ies)|payloads?|content|text|data))?)"
)
_WHO: Final = r"(?:\w+_)?"
_SWITCH: Final = r"(?:_(?:enabled?|mode|on|active))?"
_DANGEROUS: Final = regex(
    rf"{_WHO}(?:(?:log|record|trace|capture|store|persist|retain)_{_TRAFFIC}|(?:save|keep|dump|upload|share|send|export|collect|train_on)_{_THINGS}"
    rf"|{_TRAFFIC}_(?:logging|capture|recording|retention|tracing|storage)|(?:telemetry|analytics|usage_(?:stats|statistics|tracking|reporting|data|collection))"
    rf"|(?:collect|send|track|report)_(?:usage|telemetry|analytics|stats|statistics)\w*|allow_anonymous){_SWITCH}"
)
_PROTECTING: Final = regex(
    rf"{_WHO}(?:scrub(?:bing|ber)?|redact(?:ion|or)?|anonymi[sz](?:e|ation|er)|pseudonymi[sz](?:e|ation)|de_?identif(?:y|ication)"
    rf"|(?:scrub|redact|anonymi[sz]e|pseudonymi[sz]e|de_?identify|mask|sanitize|strip|remove|filter|drop|hash)_(?:pii|phi|{_TRAFFIC}|emails?|names?|secrets?"
    r"|identifiers?|users?(?:_ids?)?|ips?|metadata|exif|logs?|personal_data|sensitive_data|entities)"
    r"|(?:pii|phi|prompt|data|log|secret|output|input|content)_(?:scrubb(?:ing|er)|redaction|redactor|masking|anonymi[sz]ation|filter(?:ing)?|detection|sanitization)"
    r"|encrypt(?:ion)?(?:_(?:at_rest|data|storage|logs|prompts|history|db|database))?|(?:require|enforce)_(?:auth\w*|api_keys?|login|tls|ssl|https)"
    r"|(?:auth\w*|login|api_key)_required|auth(?:entication)?_enabled|(?:verify|check)_(?:tls|ssl|certs?|certificates?)|(?:tls|ssl)_verify|zero_(?:data_)?retention"
    rf"|(?:privacy|private|incognito)_mode|opt_out(?:_\w+)?){_SWITCH}"
)
_SECTION_ONLY: Final = regex(
    r"auth(?:entication|orization)?|masking|encryption|verify|(?:tls|ssl)_(?:verify|verification)"
)
"""Names that are switches only as a section with `enabled`, or behind a word that takes them back."""
_NEGATED: Final = regex(
    r"(?:\w+_)?(?:no|not|dont|never|disabled?|skip|without|exclude|omit|suppress|bypass|hide)_(?P<what>\w+)"
)
_ENABLED: Final = regex(r"enabled?|active|on", re.IGNORECASE)
_TRUE: Final = frozenset(("true", "on", "yes", "1", "enable", "enabled"))
_TABLE: Final = regex(r"^[ \t]*\[+[ \t]*([\w.\"'-]+)[ \t]*\]+", re.MULTILINE)
_MOST: Final = 60
INTERESTING: Final = (
    rf"(?:{_WORD}[\w.-]{{0,40}}|enabled?|active)[\"']?(?:,?\s{{1,40}}[\"']?value[\"']?)?[ \t]{{0,8}}[:=]"
)
"""What a file must hold somewhere, as RE2 reads it."""


class Switch(NamedTuple):
    """A switch: its name, the fact that it is, which way it stands, and the place of the value."""

    name: str
    fact: str
    state: str
    start: int
    end: int


# A name may be the value of another one, as in Kubernetes: `- name: X`, and below it `value: "true"`.
_BELOW: Final = r"[\"']?,?\s{1,40}[\"']?value"
_PAIR: Final = (
    rf"(?P<name>(?:[A-Za-z_][\w.-]{{0,60}})?(?:{_WORD}[\w-]{{0,40}}|enabled?|active))[\"']?(?:{_BELOW}[\"']?)?[ \t]{{0,8}}[:=]"
    rf"[ \t]{{0,8}}(?P<value>[\"']?{_BOOLEAN}\b[\"']?)[ \t]*(?:[\s,#;}}\])&|]|$)"
)


def found_in(text: str, path: str) -> list[Switch]:
    """Return the switches of a file of settings."""
    if format_of(path) not in _FORMATS:
        return []
    found = []
    for match in automaton(_PAIR, ignore_case=True, captures=True).finditer(text):
        line = text.rfind("\n", 0, match.start()) + 1
        if text[line : match.start()].lstrip(" \t").startswith(("#", "//", ";")):
            continue
        switch = _switch(text, match, line)
        if switch is not None:
            found.append(switch)
            if len(found) >= _MOST:
                break
    return found


def _switch(text: str, match: re.Match[str], line: int) -> Switch | None:
    name = match["name"]
    last = name.rsplit(".", 1)[-1]
    is_part = _ENABLED.fullmatch(last) is not None
    if is_part:
        last = name.rpartition(".")[0].rsplit(".", 1)[-1] or _section(text, match.start(), line)
    said = "_".join(words_of(last.replace("-", "_")))
    if not said or last in VARIABLES:
        return None
    is_on = match["value"].strip("\"'").lower() in _TRUE
    place = (match.start(2), match.end(2))
    negated = _NEGATED.fullmatch(said)
    what = negated["what"] if negated else said
    if negated:
        is_on = not is_on
    if _DANGEROUS.fullmatch(what):
        return Switch(said, CONTENT, WEAK if is_on else SAFE, *place)
    if _PROTECTING.fullmatch(what) or ((is_part or negated) and _SECTION_ONLY.fullmatch(what)):
        return Switch(said, PROTECTION, SAFE if is_on else WEAK, *place)
    return None


def _section(text: str, start: int, line: int) -> str:
    """Return the name of the section in which a word stands: the line above that is indented less, the table, the key before the brace."""
    before = re.search(r"([A-Za-z_][\w-]*)[\"']?\s*[:=]\s*\{[^{}]{0,200}\Z", text[max(0, start - 300) : start])
    if before:
        return before[1]
    indent = len(text[line:start]) - len(text[line:start].lstrip(" \t"))
    if not indent:
        tables = _TABLE.findall(text[max(0, start - 2000) : start])
        return tables[-1].strip("\"'").rsplit(".", 1)[-1] if tables else ""
    for above in reversed(text[max(0, line - 2000) : line].splitlines()):
        bare = above.lstrip(" \t")
        if bare and not bare.startswith("#") and len(above) - len(bare) < indent:
            key = re.match(r"[\"']?([A-Za-z_][\w-]*)[\"']?\s*:\s*(?:#.*)?\Z", bare)
            return key[1] if key else ""
    return ""


def numbered(found: Iterable[Switch]) -> Iterator[tuple[str, Switch]]:
    """Yield each with a name that stays when others come or go."""
    counts: dict[str, int] = {}
    for item in sorted(found, key=lambda item: (item.state == SAFE, item.start)):
        counts[item.name] = counts.get(item.name, 0) + 1
        yield f"switch {item.name.replace('_', '-')}#{counts[item.name]}", item
