"""privet.toml, the environment and flags → the policy in force.

Invariants:

- Every source combines by `meet`: it can tighten a default and never loosen it. A weaker value is an error, not a silent no-op,
  because whoever wrote it believes that it holds.
- The only way to loosen is an `[[exception]]` with `rule`, `value`, `reason`, `owner` and `expires` in privet.toml. One that has
  expired is as if absent, and is reported. Fixed settings take none.
- Unknown tables, keys and variables are errors that name the file, the line and the remedy.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from privet.errors import PolicyInvalid
from privet.policy import DEFAULT, SETTINGS, Policy, Setting, value_of, with_value

FILE_NAME: Final = "privet.toml"
ENV_PREFIX: Final = "PRIVET_"
_EXCEPTION_KEYS: Final = ("rule", "value", "reason", "owner", "expires")
_SECTIONS: Final = tuple(dict.fromkeys(setting_id.split(".")[0] for setting_id in SETTINGS))


@dataclass(frozen=True, slots=True)
class PolicyException:
    """A reviewed, dated, reasoned permission to be weaker in one setting."""

    rule: str
    value: Any
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """The policy in force and where it departs from the defaults.

    `exceptions` are those in force, `expired` those that no longer count; `sources` names what was read.
    """

    policy: Policy = DEFAULT
    exceptions: tuple[PolicyException, ...] = ()
    expired: tuple[PolicyException, ...] = ()
    sources: tuple[str, ...] = field(default=())

    def state(self, setting_id: str) -> str:
        """Return `exception`, `tightened` or `default` for one setting."""
        if any(item.rule == setting_id for item in self.exceptions):
            return "exception"
        return "default" if value_of(self.policy, setting_id) == value_of(DEFAULT, setting_id) else "tightened"


def find_policy_file(folder: Path, config_home: Path) -> Path | None:
    """Return privet.toml of this folder, else the user's own, else None."""
    for path in (folder / FILE_NAME, config_home / "privet" / FILE_NAME):
        if path.is_file():
            return path
    return None


def load_policy(
    path: Path | None, *, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None, today: date
) -> LoadedPolicy:
    """Combine defaults, privet.toml, `PRIVET_*` variables and flags into the policy in force.

    Raises:
        PolicyInvalid: a source is unreadable, unknown, of the wrong type, or weaker than what it refines.

    """
    loaded = LoadedPolicy() if path is None else _read_file(path, today)
    policy = loaded.policy
    sources = list(loaded.sources)
    for name, raw in sorted(environment.items()):
        if name.startswith(ENV_PREFIX):
            setting_id = _setting_of_variable(name)
            policy = _tighten(policy, setting_id, _from_text(setting_id, raw, name), f"environment variable {name}")
            sources.append(name)
    for setting_id, value in (flags or {}).items():
        if value is not None:
            policy = _tighten(policy, setting_id, value, f"flag for {setting_id}")
    return LoadedPolicy(policy, loaded.exceptions, loaded.expired, tuple(sources))


def _read_file(path: Path, today: date) -> LoadedPolicy:
    name = path.name
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PolicyInvalid(f"{name} does not exist", hint="create it or leave --policy out") from error
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyInvalid(
            f"{name} cannot be read as UTF-8 text", hint="check its permissions and encoding"
        ) from error
    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = found[1] if found else source.count("\n") + 1
        raise PolicyInvalid(f"{name}:{line}: not valid TOML", hint="correct this line; see docs/policy.md") from error
    policy = _read_tables(document, source, name)
    held, expired = _read_exceptions(document, source, name, today)
    for item in held:
        policy = with_value(policy, item.rule, item.value)
    return LoadedPolicy(policy, tuple(held), tuple(expired), (name,))


def _read_tables(document: Mapping[str, Any], source: str, name: str) -> Policy:
    policy = DEFAULT
    for section, body in document.items():
        if section == "exception":
            continue
        where = f"{name}:{_line_of(source, section)}"
        if section not in _SECTIONS or not isinstance(body, dict):
            raise PolicyInvalid(
                f"{where}: unknown table [{section}]", hint=_suggest(section, (*_SECTIONS, "exception"))
            )
        for key, value in body.items():
            setting_id = f"{section}.{key}"
            where = f"{name}:{_line_of(source, section, key)}"
            known = SETTINGS.get(setting_id)
            if known is None:
                raise PolicyInvalid(
                    f"{where}: unknown setting {setting_id}", hint=_suggest(setting_id, tuple(SETTINGS))
                )
            policy = _tighten(policy, setting_id, _typed(setting_id, known, value, where), where)
    return policy


def _read_exceptions(
    document: Mapping[str, Any], source: str, name: str, today: date
) -> tuple[list[PolicyException], list[PolicyException]]:
    """Return the exceptions in force, and those that have expired."""
    blocks = document.get("exception", [])
    if not isinstance(blocks, list):
        raise PolicyInvalid(f"{name}:{_line_of(source, 'exception')}: write [[exception]], with two brackets")
    held: list[PolicyException] = []
    expired: list[PolicyException] = []
    for index, block in enumerate(blocks):
        item = _exception(block, f"{name}:{_line_of(source, 'exception', nth=index)}")
        (held if item.expires >= today else expired).append(item)
    return held, expired


def _exception(block: Mapping[str, Any], where: str) -> PolicyException:
    for key in block:
        if key not in _EXCEPTION_KEYS:
            raise PolicyInvalid(f"{where}: unknown key {key} in [[exception]]", hint=_suggest(key, _EXCEPTION_KEYS))
    for key in _EXCEPTION_KEYS:
        if key not in block or block[key] == "":
            raise PolicyInvalid(f"{where}: [[exception]] has no {key}", hint=f"it needs {', '.join(_EXCEPTION_KEYS)}")
    for key in ("reason", "owner"):
        if not isinstance(block[key], str) or not block[key].strip():
            raise PolicyInvalid(f"{where}: {key} is not a sentence", hint=f"write {key} in quotes")
    rule = str(block["rule"])
    known = SETTINGS.get(rule)
    if known is None:
        raise PolicyInvalid(f"{where}: unknown rule {rule}", hint=_suggest(rule, tuple(SETTINGS)))
    if known.fixed:
        raise PolicyInvalid(f"{where}: {rule} cannot be loosened", hint="remove this exception")
    value = _typed(rule, known, block["value"], where)
    return PolicyException(rule, value, block["reason"], block["owner"], _date(block["expires"], where))


def _date(value: object, where: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise PolicyInvalid(f"{where}: expires is not a date", hint="write expires = 2027-01-31, without quotes")


def _tighten(policy: Policy, setting_id: str, value: object, where: str) -> Policy:
    known = SETTINGS[setting_id]
    current = value_of(policy, setting_id)
    if known.meet(value, current) != value:
        what = "cannot be loosened" if known.fixed else "is weaker than the value in force"
        remedy = "remove it" if known.fixed else f"remove it, or add an [[exception]] for {setting_id} to {FILE_NAME}"
        raise PolicyInvalid(f"{where}: this value of {setting_id} {what}", hint=remedy)
    return with_value(policy, setting_id, value)


def _typed(setting_id: str, known: Setting, value: object, where: str) -> Any:
    """Return the value in the setting's own type, or say what was expected."""
    default = value_of(DEFAULT, setting_id)
    if known.ranks:
        if value in known.ranks:
            return value
        raise PolicyInvalid(f"{where}: {setting_id} is not one of {', '.join(known.ranks)}")
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        raise PolicyInvalid(f"{where}: {setting_id} is not true or false")
    if isinstance(default, frozenset):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return frozenset(value)
        raise PolicyInvalid(f"{where}: {setting_id} is not a list of strings")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        if isinstance(default, int) and not float(value).is_integer():
            raise PolicyInvalid(f"{where}: {setting_id} is not a whole number of {known.unit}")
        return type(default)(value)
    raise PolicyInvalid(f"{where}: {setting_id} is not a number of {known.unit}")


def _setting_of_variable(name: str) -> str:
    section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("_")
    setting_id = f"{section}.{key}"
    if setting_id not in SETTINGS:
        variables = tuple(variable_of(known) for known in SETTINGS)
        raise PolicyInvalid(f"unknown environment variable {name}", hint=_suggest(name, variables))
    return setting_id


def variable_of(setting_id: str) -> str:
    """Return the environment variable that can tighten a setting."""
    return ENV_PREFIX + setting_id.replace(".", "_").upper()


def _from_text(setting_id: str, raw: str, where: str) -> Any:
    default = value_of(DEFAULT, setting_id)
    value: object = raw
    if isinstance(default, bool):
        value = {"true": True, "1": True, "false": False, "0": False}.get(raw.lower(), raw)
    elif isinstance(default, frozenset):
        value = [item.strip() for item in raw.split(",") if item.strip()]
    elif isinstance(default, (int, float)):
        try:
            value = float(raw)
        except ValueError:
            value = raw
    return _typed(setting_id, SETTINGS[setting_id], value, f"environment variable {where}")


def _line_of(source: str, table: str, key: str | None = None, *, nth: int = 0) -> int:
    """Return the line of a table header, or of a key below it; tomllib keeps no positions."""
    current, seen = "", -1
    for number, line in enumerate(source.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            current = header[1].strip("\"'")
            seen += current == table
            if key is None and current == table and seen == nth:
                return number
        elif (key is not None and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line) and current == table) or (
            key is None and not current and re.match(rf"\s*[\"']?{re.escape(table)}[\"']?\s*[.=]", line)
        ):
            return number
    return 1


def _suggest(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
