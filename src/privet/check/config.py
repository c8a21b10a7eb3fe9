"""TOML, JSON and INI files → the settings of the program that reads them, and the variables that they set.

Invariants: a key that is the name of a known environment variable is one, wherever it stands: devcontainers, editors, task runners and
agents all have a table of variables. What is broken is a note, and what stood before it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from privet.check import shippers
from privet.check.facts import Fact, Note, Reading, Space, Unit, UnitKind
from privet.check.known import VARIABLES
from privet.check.pattern import regex
from privet.check.readers import Sibling, format_of

Place = tuple[str, str, int, int]

_FILES: Final = (
    (r"(?:.*/)?\.streamlit/(?:config|secrets)\.toml", "streamlit"),
    (r"(?:.*/)?(?:pip\.conf|pip\.ini|\.pip)", "pip"),
    (r"(?:.*/)?uv\.toml", "pip"),
    (r"(?:.*/)?\.guardrailsrc", "guardrails-ai"),
    (r"(?:.*/)?jupyter[^/]*config[^/]*\.json", "jupyter"),
    (r"(?:.*/)?\.chainlit/config\.toml", "chainlit"),
    (r"(?:.*/)?(?:lmcache)[^/]*\.(?:json|toml)", "lmcache"),
    (r"(?:.*/)?\.dvc/config(?:\.local)?", "dvc"),
    (r"(?:.*/)?(?:\.wandb|wandb)/settings", "wandb"),
    (r"(?:.*/)?clearml\.conf", "clearml"),
    (r"(?:.*/)?redis[^/]*\.conf", "redis"),
    (r"(?:.*/)?postgresql[^/]*\.conf", "postgres"),
    (r"(?:.*/)?(?:grafana)[^/]*\.ini", "grafana"),
    (r"(?:.*/)?airflow\.cfg", "airflow"),
    (r"(?:.*/)?mlflow[^/]*\.(?:ini|cfg|conf)", "mlflow"),
    (r"(?:.*/)?\.?gitconfig", "git"),
    (r"(?:.*/)?ray[^/]*\.json", "ray"),
    (r"(?:.*/)?logging[^/]*\.(?:ini|conf|json|toml)", "logging"),
    (r"(?:.*/)?prefect\.toml", "prefect"),
    (r"(?:.*/)?ultralytics/settings\.json", "ultralytics"),
)
_KNOWN: Final = tuple((re.compile(pattern, re.IGNORECASE), component) for pattern, component in _FILES)
_POLICY: Final = "privet.toml"
_TABLES: Final = {
    "pyproject.toml": ("tool.uv.", "pip"),
}
_SECTION: Final = regex(r"[ \t]*\[([^\]\n]+)\]")
_PAIR: Final = regex(
    r"[ \t]*(?P<key>[A-Za-z_][\w.\- ]*?)(?:[ \t]*[=:][ \t]*|[ \t]+)(?P<value>[^\n]*?)[ \t\r]*(?:\n|\Z)"
)
_NAMED: Final = regex(r"""^["']?(\w+) "[^"]*"["']?$""")
"""A section with a name of its own, as git and DVC have it: `['remote "store"']`."""
_BLANK: Final = regex(r"[ \t]*(?:[#;][^\n]*)?\r?(?:\n|\Z)")


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the settings of a file."""
    kind = format_of(path)
    notes: tuple[Note, ...] = ()
    if kind == "ini" and path.endswith((".conf", ".conf.template")):
        from privet.check import proxies

        if proxies.is_nginx(text):
            return proxies.read(path, text, sibling)
    if kind == "toml":
        from privet.check import toml_places

        try:
            found = toml_places.places(text)
        except (ValueError, RecursionError) as error:
            said = re.search(r"line (\d+)", str(error))
            return Reading(notes=(Note(path, int(said[1]) if said else 1, "is not valid TOML, so it was not read"),))
        if path == _POLICY:
            from privet.check import own_policy

            notes = own_policy.notes_of(text)
    elif kind == "json":
        from privet.check import json_places

        found, broken = json_places.places(text)
        if broken >= 0:
            notes = (Note(path, text.count("\n", 0, broken) + 1, "is not valid JSON from here on"),)
    else:
        found = list(_ini(text))
    shipped = shippers.of_sections(path, found) if kind == "ini" and "[OUTPUT]" in text.upper() else ()
    return Reading((*units_of(path, found), *shipped), notes)


def units_of(path: str, found: Iterable[Place]) -> tuple[Unit, ...]:
    """Return the unit of a config file whose scalars are known."""
    components = frozenset(component for pattern, component in _KNOWN if pattern.fullmatch(path))
    facts: list[Fact] = []
    for key, value, start, end in found:
        facts.append(Fact(Space.KEY, key, value, path, start, end))
        last = key.rsplit(".", 1)[-1]
        if last in VARIABLES:
            facts.append(Fact(Space.ENV, last, value, path, start, end))
    name = path.rsplit("/", 1)[-1]
    if name in _TABLES:
        prefix, component = _TABLES[name]
        if any(fact.name.startswith(prefix) for fact in facts):
            components |= {component}
            facts = [fact._replace(name=fact.name.removeprefix(prefix)) for fact in facts]
    return (Unit(UnitKind.CONFIG, name, path, 0, 0, components, tuple(facts)),) if facts else ()


def _ini(text: str) -> Iterable[Place]:
    """Yield the pairs of sections, and of files such as redis.conf that have none; `key = value`, `key: value`, `key value`."""
    section = ""
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        blank = _BLANK.match(text, at)
        if blank and blank.end() > at:
            at = blank.end()
            continue
        header = _SECTION.match(text, at)
        if header:
            section = _NAMED.sub(r"\1[]", header[1].strip())
            at = header.end()
            continue
        pair = _PAIR.match(text, at)
        if pair:
            key = f"{section}.{pair['key'].strip()}" if section else pair["key"].strip()
            value = pair["value"].strip()
            bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
            yield key, bare, pair.start("value"), pair.end("value")
            at = pair.end()
        else:
            line = text.find("\n", at)
            at = len(text) if line < 0 else line + 1
