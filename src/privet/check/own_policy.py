"""privet.toml on two sides → where the policy in force became weaker: one comparison of the lattice, and every new permission.

Invariants: a policy is weaker exactly where `new.meet(old) != new`. A file that is gone is a policy of defaults; one that can no longer be
read is itself a weakening, for what it said does not hold any more. An exception that is new is told, whatever it is for:
somebody else has to read it.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from privet.check.exceptions import FILE
from privet.check.facts import Note
from privet.check.pattern import regex
from privet.check.rules import BY_ID
from privet.check.weakness import Weakness
from privet.errors import PolicyInvalid

if TYPE_CHECKING:
    from privet.policy_file import LoadedPolicy

_PLACE: Final = regex(rf"{re.escape(FILE)}:(\d+):")
"""How the message of an invalid policy begins."""
_WEAKER: Final = "privet-policy-weaker"
_ALLOWED: Final = "privet-exception-added"
_BROKEN: Final = "privet-policy-broken"


def weaker(base: str | None, head: str | None) -> list[Weakness]:
    """Return what the change makes weaker in privet.toml."""
    if base == head:
        return []
    from privet.policy import SETTINGS, value_of
    from privet.policy_tables import line_of

    before, after = _loaded(base), _loaded(head)
    if after is None:
        # What could not be read before either says nothing less: that is a note of whoever reads the file.
        return [Weakness(BY_ID[_BROKEN], FILE, 0, 0, "policy")] if before is not None else []
    found: list[Weakness] = []
    known: dict[tuple[str, ...], str] = {}
    for block in _exceptions(base):
        known[_identity(block)] = max(known.get(_identity(block), ""), str(block.get("expires", "")))
    for number, block in enumerate(_exceptions(head)):
        if str(block.get("expires", "")) > known.get(_identity(block), "") and not _is_over(block):
            start = _offset(head or "", line_of(head or "", "exception", nth=number))
            found.append(Weakness(BY_ID[_ALLOWED], FILE, start, start + 13, str(block.get("rule", ""))))
    if before is None:
        return found
    told = {weakness.unit for weakness in found}
    for setting_id, setting in SETTINGS.items():
        old, new = value_of(before.policy, setting_id), value_of(after.policy, setting_id)
        if setting.meet(new, old) != new and setting_id not in told:
            start = _offset(head or "", line_of(head or "", setting_id)) if head else 0
            found.append(Weakness(BY_ID[_WEAKER], FILE, start, start, setting_id, is_lost=not head, setting=setting_id))
    return found


def notes_of(text: str) -> tuple[Note, ...]:
    """Return that a policy cannot be read, whatever the change."""
    from privet.policy_file import policy_of

    try:
        policy_of(text)
    except PolicyInvalid as error:
        place = _PLACE.match(str(error))
        message = "is not a policy that Privet can read, so what it says does not hold: see `privet policy show`"
        return (Note(FILE, int(place[1]) if place else 1, message),)
    return ()


def _loaded(text: str | None) -> LoadedPolicy | None:
    """Return the policy; None where it cannot be read."""
    from privet.policy_file import LoadedPolicy, policy_of

    try:
        # What has expired on the day of the comparison is as if absent on both sides.
        return LoadedPolicy() if text is None else policy_of(text)
    except PolicyInvalid:
        return None


def _exceptions(text: str | None) -> list[dict[str, Any]]:
    import tomllib

    try:
        found = tomllib.loads(text or "").get("exception", [])
    except (ValueError, RecursionError):
        return []
    return [block for block in found if isinstance(block, dict)] if isinstance(found, list) else []


def _identity(block: dict[str, Any]) -> tuple[str, ...]:
    """Return what a permission is for: a reason may be worded anew, and an end moved in, not out."""
    return tuple(str(block.get(key, "")) for key in ("rule", "path", "host", "port", "value"))


def _is_over(block: dict[str, Any]) -> bool:
    try:
        return date.fromisoformat(str(block.get("expires", ""))[:10]) < date.today()
    except ValueError:
        return False


def _offset(text: str, line: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = text.find("\n", at) + 1
        if not at:
            return 0
    return at
