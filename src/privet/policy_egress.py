"""`[[exception]] rule = "egress"`: one destination that a locked program may reach, for a reason, until a day.

Invariants: one host and one port. A wildcard, a range of addresses or no day is an error that names the line.

No data class here, and what only an error or an address needs is loaded then: `privet run` reads these before each start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from privet.errors import PolicyInvalid

EGRESS: Final = "egress"
_KEYS: Final = ("rule", "host", "port", "reason", "owner", "expires")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_LAST_PORT: Final = 65_535


class EgressException(NamedTuple):
    """A destination that is open: `host` is a name in lower case or an address."""

    host: str
    port: int
    reason: str
    owner: str
    expires: date

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def egress_exception(block: Mapping[str, Any], where: str) -> EgressException:
    """Return the exception that a table holds; `where` is file and line.

    Raises:
        PolicyInvalid: a key is unknown, missing or not usable.

    """
    for key in block:
        if key not in _KEYS:
            from privet.policy_tables import suggest

            raise PolicyInvalid(f"{where}: unknown key {key} in an [[exception]] for egress", hint=suggest(key, _KEYS))
    for key in _KEYS:
        if block.get(key, "") == "":
            raise PolicyInvalid(f"{where}: [[exception]] for egress has no {key}", hint=f"it needs {', '.join(_KEYS)}")
    for key in ("reason", "owner"):
        if not isinstance(block[key], str) or not block[key].strip():
            raise PolicyInvalid(f"{where}: {key} is not a sentence", hint=f"write {key} in quotes")
    port = block["port"]
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= _LAST_PORT:
        raise PolicyInvalid(f"{where}: port is not a number from 1 to {_LAST_PORT}", hint="write port = 443")
    return EgressException(
        _host(block["host"], where), port, block["reason"], block["owner"], day(block["expires"], where)
    )


def _host(value: object, where: str) -> str:
    text = value.rstrip(".").lower() if isinstance(value, str) else ""
    if _NAME.fullmatch(text) and not text.replace(".", "").isdigit():
        return text
    import ipaddress

    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError as error:
        raise PolicyInvalid(
            f"{where}: host is not one name or one address",
            hint='write host = "registry.example.com", one [[exception]] for each; no wildcard, range or URL',
        ) from error


def day(value: object, where: str) -> date:
    """Return the day that an exception ends with: a date of TOML, or one in quotes.

    Raises:
        PolicyInvalid: it is neither.

    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise PolicyInvalid(f"{where}: expires is not a date", hint="write expires = 2027-01-31")
