"""SQL and dbt models → what protects people in tables: row level security, masking, small groups left out, columns that are hashed.

Sources: postgresql.org/docs/current/ddl-rowsecurity.html, docs.snowflake.com/en/sql-reference/sql/create-masking-policy,
learn.microsoft.com/sql/relational-databases/security/dynamic-data-masking, docs.getdbt.com/reference/dbt-jinja-functions.

Invariants: read only where two sides are compared; a statement is known by its words and no grammar, comments left out; linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privet.check.facts import PRESENT, Fact, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.python_lists import is_personal
from privet.check.readers import Sibling

GUARD: Final = "sql-protection-removed"
_GROUP: Final = "code:python-default-group"
_COMMENT: Final = regex(r"--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)
_NAME: Final = r"[\w.\"`\[\]$]{1,120}"
_MAX_TEXT: Final = 1_000_000
_SECURED: Final = regex(
    rf"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<table>{_NAME})\s+(?P<what>enable|force|disable|no\s+force)\s+row\s+level\s+security",
    re.IGNORECASE,
)
_MADE: Final = (
    (regex(rf"create\s+(?:or\s+replace\s+)?policy\s+(?:if\s+not\s+exists\s+)?(?P<name>{_NAME})", re.IGNORECASE), "policy"),
    (
        regex(
            rf"create\s+(?:or\s+replace\s+)?(?:masking|row\s+access|aggregation|projection|join)\s+policy\s+(?:if\s+not\s+exists\s+)?(?P<name>{_NAME})",
            re.IGNORECASE,
        ),
        "masking policy",
    ),
    (
        regex(rf"(?:set|with|add)\s+(?:masking|row\s+access|aggregation|projection)\s+policy\s+(?P<name>{_NAME})", re.IGNORECASE),
        "use of policy",
    ),
    (regex(r"masked\s+with\s*\(\s*function\s*=\s*'(?P<name>\w+)", re.IGNORECASE), "masked with"),
    (regex(rf"security\s+label\s+for\s+anon\s+on\s+\w+\s+(?P<name>{_NAME})", re.IGNORECASE), "label of"),
)  # fmt: skip
_OFF: Final = regex(
    rf"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<table>{_NAME})\s+(?:disable|no\s+force)\s+row\s+level\s+security"
    rf"|drop\s+(?:masking\s+|row\s+access\s+)?policy\s+(?:if\s+exists\s+)?(?P<name>{_NAME})",
    re.IGNORECASE,
)
_BACK: Final = regex(
    r"^--\s*(?:\+goose\s+down|\+migrate\s+down|migrate:down|rollback|down|@undo)\b", re.IGNORECASE | re.MULTILINE
)
_BACKWARD: Final = regex(r"(?:^|[/._-])(?:down|rollback|revert|undo|u\d+)(?:[/._-]|$)", re.IGNORECASE)
_HAVING: Final = regex(
    r"(?:having|where|and|qualify)\s+(?:count\s*\([^()]{0,80}\)|n|cnt|cohort_size|group_size|num_\w+|n_\w+)\s*(?:>=?)\s*(?P<value>\d+|\{\{.{1,80}?\}\}|[:@$]\w+)",
    re.IGNORECASE,
)
_HASHED: Final = regex(
    r"\b(?P<how>sha1|sha2|sha256|sha512|md5|hmac\w*|digest|hashbytes|farm_fingerprint|mask\w*|anon\.\w+|pseudonymi[sz]e\w*|tokenize\w*|redact\w*"
    r"|dbt_utils\.generate_surrogate_key)\s*\(\s*(?:'\w+'\s*,\s*)?(?:lower\s*\(|trim\s*\(|cast\s*\(|\[\s*')*\s*(?:\w+\.)?(?P<name>\w+)",
    re.IGNORECASE,
)


def read(path: str, text: str, _: Sibling, *, compared: bool = False) -> Reading:
    """Return what protects in a file of statements."""
    if not compared or len(text) > _MAX_TEXT:
        return Reading()
    bare = _COMMENT.sub(lambda found: " " * len(found[0]), text)
    return Reading((*_guards(path, bare), *_groups(path, bare), *_dropped(path, text, bare)))


def _guards(path: str, text: str) -> Iterator[Unit]:
    found: dict[str, Unit] = {}
    secured = {}
    for one in _SECURED.finditer(text):
        table = _plain(one["table"])
        if one["what"].lower() in {"enable", "force"}:
            secured[table] = one
        else:
            secured.pop(table, None)
    for table, one in secured.items():
        found[table] = _guard(path, f"row level security of {table}", one)
    for pattern, kind in _MADE:
        for one in pattern.finditer(text):
            name = f"{kind} {_plain(one['name'])}"
            found.setdefault(name, _guard(path, name, one))
    for one in _HASHED.finditer(text):
        if not is_personal(one["name"]):
            continue
        name = f"hash of {_plain(one['name'])}"
        found.setdefault(name, _guard(path, name, one))
    yield from found.values()


def _dropped(path: str, text: str, bare: str) -> Iterator[Unit]:
    """Yield what takes a protection away, but for the way back of a migration, and what is made anew at once."""
    back = _BACK.search(text)
    end = 0 if _BACKWARD.search(path) else back.start() if back else len(bare)
    for one in _OFF.finditer(bare, 0, end):
        name = _plain(one["name"] or one["table"] or "")
        if not re.search(rf"(?:create|enable|set)\b[^;]{{0,200}}{re.escape(name)}", bare[one.end() :], re.IGNORECASE):
            fact = Fact(Space.KEY, "code:sql-protection-off", PRESENT, path, *one.span())
            yield Unit(UnitKind.CONFIG, f"off {name}", path, *one.span(), facts=(fact,))


def _groups(path: str, text: str) -> Iterator[Unit]:
    """Yield the size below which groups are left out: a guard, and the number where it is written."""
    for number, one in enumerate(_HAVING.finditer(text), 1):
        yield _guard(path, f"smallest group #{number}", one)
        if one["value"].isdigit():
            fact = Fact(Space.KEY, _GROUP, one["value"], path, *one.span("value"))
            yield Unit(UnitKind.DEFAULT, f"smallest group #{number}", path, fact.start, fact.end, facts=(fact,))


def _plain(name: str) -> str:
    return name.strip('"`[]').lower()


def _guard(path: str, name: str, found: re.Match[str]) -> Unit:
    return Unit(UnitKind.GUARD, name, path, found.start(), found.end(), guard=GUARD)
