"""privet.toml, the environment and flags → the policy in force.

Invariants:

- Every source combines by `meet`: it can tighten a default and never loosen it. A weaker value is an error, not a silent no-op,
  because whoever wrote it believes that it holds.
- The only way to loosen is an `[[exception]]` with `rule`, `value`, `reason`, `owner` and `expires` in privet.toml. One that has
  expired is as if absent, and is reported. Fixed settings take none. Exceptions with a `path` are for `privet check`, which reads them.
- Unknown tables, keys and variables are errors that name the file, the line and the remedy.
- Tables in a list (`[[detect.rules]]`, `[[scrub.transform]]`) only add, so they need no exception; see `privet.policy_tables`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from privet.errors import PolicyInvalid
from privet.policy import DEFAULT, EVERYTHING, SETTINGS, Policy, Setting, value_of, with_value
from privet.policy_egress import EGRESS, EgressException, day, egress_exception
from privet.policy_tables import TABLES, line_of, suggest, tables_of

FILE_NAME: Final = "privet.toml"
ENV_PREFIX: Final = "PRIVET_"
_EXCEPTION_KEYS: Final = ("rule", "value", "reason", "owner", "expires")
_MAX_NUMBER: Final = 2**53
"""Above it stands no limit that anybody means; infinity is none either."""
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

    `exceptions` are those in force, `expired` those that no longer count; `egress` the destinations that a locked program may reach,
    `expired_egress` those that it no longer may; `sources` names what was read.
    """

    policy: Policy = DEFAULT
    exceptions: tuple[PolicyException, ...] = ()
    expired: tuple[PolicyException, ...] = ()
    sources: tuple[str, ...] = field(default=())
    egress: tuple[EgressException, ...] = ()
    expired_egress: tuple[EgressException, ...] = ()

    def state(self, setting_id: str) -> str:
        """Return `exception`, `tightened` or `default` for one setting."""
        if any(item.rule == setting_id for item in self.exceptions):
            return "exception"
        return "default" if value_of(self.policy, setting_id) == value_of(DEFAULT, setting_id) else "tightened"


def config_home(environment: Mapping[str, str]) -> Path | None:
    """Return the folder of the user's settings, or None where nobody says where that is."""
    named = environment.get("XDG_CONFIG_HOME")
    if named:
        return Path(named)
    try:
        return Path(environment.get("HOME") or "~").expanduser() / ".config"
    except RuntimeError:  # no password entry either
        return None


def find_policy_file(folder: Path, config_home: Path | None) -> Path | None:
    """Return privet.toml of this folder, else the user's own, else None.

    Raises:
        PolicyInvalid: nobody can tell whether there is one.

    """
    own = () if config_home is None else (config_home / "privet" / FILE_NAME,)
    try:
        return next((path for path in (folder / FILE_NAME, *own) if path.is_file()), None)
    except OSError as error:
        raise PolicyInvalid(
            f"the folder in which {FILE_NAME} is looked for cannot be read",
            hint="set HOME or XDG_CONFIG_HOME to a folder you can read, or name the file with --policy",
        ) from error


def load_policy(
    path: Path | None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    today: date | None = None,
) -> LoadedPolicy:
    """Combine defaults, privet.toml, `PRIVET_*` variables and flags into the policy in force.

    `environment` is that of the process and `today` is now, unless said.

    Raises:
        PolicyInvalid: a source is unreadable, unknown, of the wrong type, or weaker than what it refines.

    """
    environment = os.environ if environment is None else environment
    loaded = LoadedPolicy() if path is None else _read_file(path, today or date.today())
    policy = loaded.policy
    sources = list(loaded.sources)
    for name, raw in sorted(environment.items()):
        if name.startswith(ENV_PREFIX):
            setting_id = _setting_of_variable(name)
            value = _from_text(setting_id, raw, name, policy)
            policy = _tighten(policy, setting_id, value, f"environment variable {name}")
            sources.append(name)
    for setting_id, value in (flags or {}).items():
        if value is not None:
            where = f"flag for {setting_id}"
            policy = _tighten(policy, setting_id, _typed(setting_id, value, where, policy), where)
    return replace(loaded, policy=policy, sources=tuple(sources))


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
    return policy_of(source, name, today)


def policy_of(source: str, name: str = FILE_NAME, today: date | None = None) -> LoadedPolicy:
    """Return the policy that the text of a privet.toml gives by itself: no environment, no flags.

    Raises:
        PolicyInvalid: the text is broken, or weaker than the defaults without an exception.

    """
    today = today or date.today()
    try:
        document = tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # ValueError: TOMLDecodeError, and numbers of thousands of digits.
        said = re.search(r"line (\d+)", str(error)) if isinstance(error, tomllib.TOMLDecodeError) else None
        line = said[1] if said else source.count("\n") + 1
        raise PolicyInvalid(f"{name}:{line}: not valid TOML", hint="correct this line; see docs/policy.md") from error
    policy = _read_tables(document, source, name)
    blocks = _exception_blocks(document, source, name)
    found = [_exception(block, where) for block, where in blocks if block.get("rule") != EGRESS and "path" not in block]
    ways_out = [egress_exception(block, where) for block, where in blocks if block.get("rule") == EGRESS]
    held = [item for item in found if item.expires >= today]
    for item in held:
        policy = with_value(policy, item.rule, item.value)
    # What a rule of one's own finds is looked for: writing the rule says so.
    policy = with_value(policy, "detect.kinds", policy.detect.kinds | _own_kinds(policy))
    return LoadedPolicy(
        policy,
        tuple(held),
        tuple(item for item in found if item.expires < today),
        (name,),
        tuple(item for item in ways_out if item.expires >= today),
        tuple(item for item in ways_out if item.expires < today),
    )


def _read_tables(document: Mapping[str, Any], source: str, name: str) -> Policy:
    policy = _with_tables(document, source, name)
    for section, body in document.items():
        if section == "exception":
            continue
        where = f"{name}:{line_of(source, section)}"
        if section not in _SECTIONS or not isinstance(body, dict):
            raise PolicyInvalid(f"{where}: unknown table [{section}]", hint=suggest(section, (*_SECTIONS, "exception")))
        for key, value in body.items():
            setting_id = f"{section}.{key}"
            where = f"{name}:{line_of(source, setting_id)}"
            known = SETTINGS.get(setting_id)
            if known is None:
                raise PolicyInvalid(f"{where}: unknown setting {setting_id}", hint=suggest(setting_id, tuple(SETTINGS)))
            if setting_id not in TABLES:
                policy = _tighten(policy, setting_id, _typed(setting_id, value, where, policy), where)
    return policy


def _with_tables(document: Mapping[str, Any], source: str, name: str) -> Policy:
    policy = DEFAULT
    for setting_id in TABLES:
        policy = with_value(policy, setting_id, tables_of(setting_id, document, source, name))
    return policy


def _own_kinds(policy: Policy) -> frozenset[str]:
    return frozenset(rule.kind for rule in policy.detect.rules)


def _exception_blocks(document: Mapping[str, Any], source: str, name: str) -> list[tuple[dict[str, Any], str]]:
    """Return the tables of exceptions, and where each stands."""
    blocks = document.get("exception", [])
    if not isinstance(blocks, list):
        raise PolicyInvalid(
            f"{name}:{line_of(source, 'exception')}: exceptions are not a list",
            hint="write [[exception]], with two brackets",
        )
    found = []
    for index, block in enumerate(blocks):
        where = f"{name}:{line_of(source, 'exception', nth=index)}"
        if not isinstance(block, dict):
            raise PolicyInvalid(f"{where}: an exception is not a table", hint="write [[exception]], and its keys below")
        found.append((block, where))
    return found


def _exception(block: dict[str, Any], where: str) -> PolicyException:
    for key in block:
        if key not in _EXCEPTION_KEYS:
            raise PolicyInvalid(f"{where}: unknown key {key} in [[exception]]", hint=suggest(key, _EXCEPTION_KEYS))
    for key in _EXCEPTION_KEYS:
        if key not in block or block[key] == "":
            raise PolicyInvalid(f"{where}: [[exception]] has no {key}", hint=f"it needs {', '.join(_EXCEPTION_KEYS)}")
    for key in ("reason", "owner"):
        if not isinstance(block[key], str) or not block[key].strip():
            raise PolicyInvalid(f"{where}: {key} is not a sentence", hint=f"write {key} in quotes")
    rule = str(block["rule"])
    known = SETTINGS.get(rule)
    if known is None:
        raise PolicyInvalid(f"{where}: rule is not the id of a setting", hint=suggest(rule, (*SETTINGS, EGRESS)))
    if known.fixed:
        raise PolicyInvalid(f"{where}: {rule} cannot be loosened", hint="remove this exception")
    value = _typed(rule, block["value"], where, DEFAULT)
    return PolicyException(rule, value, block["reason"], block["owner"], day(block["expires"], where))


def _tighten(policy: Policy, setting_id: str, value: object, where: str) -> Policy:
    known = SETTINGS[setting_id]
    current = value_of(policy, setting_id)
    if known.meet(value, current) != value:
        what = "cannot be loosened" if known.fixed else "is weaker than the value in force"
        remedy = "remove it" if known.fixed else f"remove it, or add an [[exception]] for {setting_id} to {FILE_NAME}"
        raise PolicyInvalid(f"{where}: this value of {setting_id} {what}", hint=remedy)
    return with_value(policy, setting_id, value)


def _typed(setting_id: str, value: Any, where: str, policy: Policy) -> Any:
    """Return the value in the setting's own type, or say what was expected."""
    known: Setting = SETTINGS[setting_id]
    default = value_of(DEFAULT, setting_id)
    if known.ranks:
        fits, expected = value in known.ranks, f"one of {', '.join(known.ranks)}"
    elif isinstance(default, bool):
        fits, expected = isinstance(value, bool), "true or false"
    elif setting_id in TABLES:
        fits = isinstance(value, (list, frozenset)) and all(isinstance(item, TABLES[setting_id]) for item in value)
        expected = f"written as [[{setting_id}]] in privet.toml"
    elif isinstance(default, frozenset):
        fits = isinstance(value, (list, frozenset)) and all(isinstance(item, str) for item in value)
        # Where there is a default, it is everything that is known: another entry is a mistyped one, and would do nothing.
        is_open = not default or EVERYTHING in default
        fits = fits and (is_open or (default | _own_kinds(policy)).issuperset(value))
        expected = "a list of strings" if is_open else "a list of entries of its default"
    else:
        most = 1 if known.unit.startswith(("score", "share")) else _MAX_NUMBER
        whole = isinstance(default, int)
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most
        fits = fits and (not whole or float(value).is_integer())
        expected = f"a {'whole number' if whole else 'number'} of {known.unit}"
    if not fits:
        raise PolicyInvalid(
            f"{where}: {setting_id} is not {expected}",
            hint=f"`privet policy explain {setting_id}` shows how to write it",
        )
    return type(default)(value)


def _setting_of_variable(name: str) -> str:
    section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("_")
    setting_id = f"{section}.{key}"
    if setting_id not in SETTINGS:
        variables = tuple(variable_of(known) for known in SETTINGS)
        raise PolicyInvalid(f"unknown environment variable {name}", hint=suggest(name, variables))
    return setting_id


def variable_of(setting_id: str) -> str:
    """Return the environment variable that can tighten a setting."""
    return ENV_PREFIX + setting_id.replace(".", "_").upper()


def _from_text(setting_id: str, raw: str, where: str, policy: Policy) -> Any:
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
    return _typed(setting_id, value, f"environment variable {where}", policy)
