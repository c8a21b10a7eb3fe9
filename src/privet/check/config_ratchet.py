"""Settings of two sides that only their name and their two values tell: an address in clear, a smaller group of people, a longer time.

Invariants: only what both sides say is compared; of an address the host may be another one, for a store that moves is still that store;
a setting that a rule knows by its name is left to that rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from privet.check.facts import Fact, Space, Unit
from privet.check.known import VARIABLES
from privet.check.pattern import regex
from privet.check.python_settings import kind_of
from privet.check.rules import BY_ID
from privet.check.values import remote
from privet.check.weakness import Weakness

_ENCRYPTED: Final = frozenset(
    ("https", "wss", "grpcs", "ldaps", "amqps", "rediss", "smtps", "imaps", "ftps", "sftp", "mqtts", "nats+tls")
)
_PLAIN: Final = frozenset(("http", "ws", "grpc", "ldap", "amqp", "redis", "smtp", "imap", "ftp", "mqtt", "nats"))
_SCORE: Final = "code:python-default-score"
_NUMBERS: Final = frozenset(("code:python-default-group", "code:python-default-retention", _SCORE))
_NUMBER: Final = regex(r"-?\d+(?:\.\d+)?")
_UNITS_OF_TIME: Final = frozenset(("ms", "s", "seconds", "minutes", "hours", "days"))
_REMOTE: Final = remote()


def weaker(base: Unit, head: Unit) -> Iterator[Weakness]:
    """Yield what is weaker in a unit of the new side than in the same unit before."""
    before = {(fact.space, fact.name): fact for fact in base.facts if fact.value}
    listed = {
        name
        for unit in (base, head)
        for name, count in Counter(fact.name for fact in unit.facts if "[]" in fact.name).items()
        if count > 1
    }
    for fact in head.facts:
        old = before.get((fact.space, fact.name))
        if (
            old is None
            or not fact.value
            or old.value == fact.value
            or fact.space is Space.ARGUMENT
            or fact.name in listed
        ):
            continue
        if _is_in_clear(old.value or "", fact.value):
            yield _weakness("config-address-plain", fact, head)
            continue
        rule = _rule_of(fact)
        if rule and _is_less(rule, old.value or "", fact):
            yield _weakness(rule.removeprefix("code:"), fact, head)


def _is_in_clear(before: str, after: str) -> bool:
    was, now = _scheme(before), _scheme(after)
    return was in _ENCRYPTED and now in _PLAIN and _REMOTE.unsafe((after,))


def _scheme(text: str) -> str:
    if "://" not in text[:16]:
        return ""
    try:
        return urlsplit(text.strip()).scheme.lower()
    except ValueError:
        return ""


def _rule_of(fact: Fact) -> str:
    words = fact.name.replace("-", "_").split(".")
    last = "_".join(words[-2:]) if words[-1].lower() in _UNITS_OF_TIME else words[-1]
    if fact.space is Space.FLAG:
        last = last.lstrip("_")
    if last in VARIABLES or not _NUMBER.fullmatch(fact.value or ""):
        return ""
    kind = kind_of(last.lower())
    if not kind and kind_of("_".join(words[-2:]).lower()) == _SCORE:  # anonymize.score_threshold
        kind = _SCORE
    return kind if kind in _NUMBERS else ""


def _is_less(rule: str, before: str, fact: Fact) -> bool:
    if not _NUMBER.fullmatch(before):
        return False
    was, now = float(before), float(fact.value or "")
    if rule == _SCORE:
        return now > was
    if rule.endswith("-group"):
        return now < was
    # AWS and others that Terraform speaks to keep for ever what is to be kept for no days.
    is_endless = now < 0 or (now == 0 and fact.path.endswith((".tf", ".tfvars", ".hcl")))
    return was > 0 and (is_endless or now > was)


def _weakness(rule: str, fact: Fact, unit: Unit) -> Weakness:
    return Weakness(BY_ID[rule], fact.path, fact.start, fact.end, unit.name, setting=fact.name)
