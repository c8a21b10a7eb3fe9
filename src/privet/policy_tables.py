"""Tables in a list of privet.toml → settings: `[[detect.rules]]` and `[[scrub.transform]]`; and where in the file something stands.

Invariants:

- Such a setting only adds: it is read from privet.toml alone, and needs no exception.
- Every key is known and of its field's type, or there is an error that names the line and the remedy.
- No transform lets a value pass as it was. Whether own rules work is confirmed by `privet.detect.custom`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, Final

from privet.errors import PolicyInvalid
from privet.policy import OwnRule, Transform
from privet.records import KINDS

TABLES: Final[dict[str, type]] = {"detect.rules": OwnRule, "scrub.transform": Transform}
"""Settings that are lists of tables, and what each table becomes."""
HOW: Final = ("remove", "label", "mask", "pseudonym", "token", "realistic", "shift", "generalise", "drop")
PERIODS: Final = ("week", "month", "quarter", "year", "decade")
MAX_KEPT_CHARS: Final = 4
MIN_STEP: Final = 2.0
_NAMES: Final = {"detect.rules": "rule", "scrub.transform": "transform"}
_KEYS: Final = {
    setting_id: {item.name: item for item in fields(made) if item.name != "where"}
    for setting_id, made in TABLES.items()
}
_SHAPES: Final = {
    "id": (re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"), "kebab-case, such as staff-number"),
    "kind": (re.compile(r"(?=.{2,40}\Z)[A-Z][A-Z0-9]*(?:_[A-Z][A-Z0-9]*)*"), "UPPER_SNAKE, such as STAFF_NUMBER"),
}


def tables_of(setting_id: str, document: Mapping[str, Any], source: str, name: str) -> frozenset[Any]:
    """Return the tables of one setting, their keys, types and names checked.

    Raises:
        PolicyInvalid: a key is unknown, missing or of the wrong type, or two tables say something of the same thing.

    """
    section, key = setting_id.split(".")
    body = document.get(section, {})
    blocks = body.get(key, []) if isinstance(body, dict) else []
    if not isinstance(blocks, list):
        raise PolicyInvalid(
            f"{name}:{line_of(source, setting_id)}: {key} is not a list",
            hint=f"write [[{setting_id}]], with two brackets",
        )
    kinds = (*KINDS, *_own_kinds(document))
    found: dict[Any, Any] = {}
    for index, block in enumerate(blocks):
        where = f"{name}:{line_of(source, setting_id, nth=index)}"
        values = _values(setting_id, block, where)
        made = _own_rule(values, where) if setting_id == "detect.rules" else _transform(values, where, kinds)
        identity = made.id if isinstance(made, OwnRule) else (made.column or made.kind)
        if identity in found:
            raise PolicyInvalid(
                f"{where}: two entries of [[{setting_id}]] are for {identity}", hint="write one for each"
            )
        found[identity] = made
    return frozenset(found.values())


def _own_rule(values: dict[str, Any], where: str) -> OwnRule:
    for key, (shape, expected) in _SHAPES.items():
        if not shape.fullmatch(values.get(key, "")):
            raise PolicyInvalid(
                f"{where}: the {key} of a rule is missing or not {expected}", hint=f"write {key} = '...'"
            )
    return OwnRule(**values, where=where)


def _own_kinds(document: Mapping[str, Any]) -> list[str]:
    """Return the kinds of the rules that the file adds, as far as they are written as they should be."""
    section = document.get("detect", {})
    blocks = section.get("rules", []) if isinstance(section, dict) else []
    kinds = [block.get("kind") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    return [kind for kind in kinds if isinstance(kind, str)]


def _transform(values: dict[str, Any], where: str, kinds: Sequence[str]) -> Transform:
    values.setdefault("how", "")
    made = Transform(**values, where=where)
    ways = sum(map(bool, (made.step, made.keep_chars, made.to)))
    for fits, problem, remedy in (
        (made.how in HOW, "how is missing or not known", f"how is one of {', '.join(HOW)}"),
        (made.column or made.kind, "neither a column nor a kind is named", "write column = '...' or kind = '...'"),
        (not made.kind or made.kind in kinds, "kind is not a kind", _kind_meant(made.kind, kinds)),
        (made.how != "drop" or made.column, "only a column can be dropped", "write column = '...'"),
        (ways == (made.how == "generalise"), "step, keep_chars or to do not fit", "to generalise takes one of them"),
        (not made.to or made.to in PERIODS, "to is not a period", f"to is one of {', '.join(PERIODS)}"),
        (not made.step or made.step >= MIN_STEP, "step is too small", f"at least {MIN_STEP:g}: a band of one is the value"),
        (made.keep_chars <= MAX_KEPT_CHARS, "keep_chars is too large", f"at most {MAX_KEPT_CHARS}"),
        (
            not made.subject or made.how in ("pseudonym", "realistic", "shift"),
            "subject does not fit",
            "it goes with pseudonym, realistic and shift",
        ),
    ):  # fmt: skip
        if not fits:
            raise PolicyInvalid(f"{where}: {problem} in [[scrub.transform]]", hint=remedy)
    return made


def _kind_meant(kind: str, kinds: Sequence[str]) -> str:
    close = get_close_matches(kind, kinds, n=1)
    return f"did you mean {close[0]}?" if close else "`privet policy explain detect.kinds` lists them"


def _values(setting_id: str, block: object, where: str) -> dict[str, Any]:
    if not isinstance(block, dict):
        raise PolicyInvalid(
            f"{where}: a {_NAMES[setting_id]} is not a table", hint=f"write [[{setting_id}]], and its keys below"
        )
    known = _KEYS[setting_id]
    values: dict[str, Any] = {}
    for key, value in block.items():
        if key not in known:
            raise PolicyInvalid(f"{where}: unknown key {key} in [[{setting_id}]]", hint=suggest(key, tuple(known)))
        values[key] = _value(setting_id, key, value, where)
    return values


def _value(setting_id: str, key: str, value: Any, where: str) -> Any:
    """Return a value in the type of its field, or say what was expected."""
    name, default = _NAMES[setting_id], _KEYS[setting_id][key].default
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, bool):
        fits, expected = isinstance(value, bool), "true or false"
    elif isinstance(default, float):
        most = 1.0 if name == "rule" else 1e12
        fits = is_number and 0 < value <= most
        expected = "a score above 0 and at most 1" if name == "rule" else "a number above 0"
    elif isinstance(default, int):
        fits, expected = is_number and float(value).is_integer() and value > 0, "a whole number above 0"
    elif isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
        expected = "a list of strings"
        value = tuple(value) if fits else value
    else:
        fits, expected = isinstance(value, str), "a string"
    if not fits:
        raise PolicyInvalid(f"{where}: {key} of a {name} is not {expected}", hint=f"docs/policy.md shows a {name}")
    return float(value) if isinstance(default, float) else value


def line_of(source: str, path: str, *, nth: int = 0) -> int:
    """Return the line of the nth table or key of this path, else of the table that holds it; tomllib keeps no positions."""
    places = list(_places(source))
    while path:
        lines = [number for number, found in places if found == path or (not nth and found.startswith(path + "."))]
        if lines:
            return lines[min(nth, len(lines) - 1)]
        path = path.rpartition(".")[0]
    return 1


def _places(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted path of every table header and key."""
    table = ""
    for number, line in enumerate(source.splitlines(), start=1):
        if line.lstrip().startswith("["):
            table = _dotted(line.lstrip(" \t[").partition("]")[0])
            yield number, table
        elif "=" in line:
            yield number, f"{table}.{_dotted(line.partition('=')[0])}".lstrip(".")


def _dotted(written: str) -> str:
    return ".".join(part.strip(" \t\"'") for part in written.split("."))


def suggest(word: str, known: tuple[str, ...]) -> str:
    """Return what to write instead of a word that is not known."""
    close = get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(known)}" if len(known) < 10 else "privet policy show lists what there is"
