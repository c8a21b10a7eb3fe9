"""The policy as text: for a terminal, and for the documentation that is generated from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from privet.policy import DEFAULT, SETTINGS, Setting, value_of
from privet.policy_file import LoadedPolicy, variable_of

DIRECTIONS = {
    "false": "false",
    "true": "true",
    "smaller": "a smaller number",
    "larger": "a larger number",
    "subset": "fewer entries",
    "superset": "more entries",
}


def shown(value: Any, unit: str = "") -> str:
    """Return a setting's value as one writes it in privet.toml."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, frozenset):
        return "[" + ", ".join(f'"{item}"' for item in _entries(value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    number = f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return f"{number} {unit}" if unit and not unit.startswith("score") else number


def _entries(value: frozenset[Any]) -> list[str]:
    """Return what a set holds, as text: own rules are shown by their ids."""
    return sorted(map(str, value))


def safer(known: Setting) -> str:
    """Return which direction is safer, in words."""
    return " > ".join(known.ranks) if known.ranks else DIRECTIONS[known.safer]


def explain(setting_id: str, loaded: LoadedPolicy) -> str:
    """Return everything that is known about one setting."""
    known = SETTINGS[setting_id]
    value = value_of(loaded.policy, setting_id)
    lines = [
        setting_id,
        f"  does       {known.says}",
        f"  why        {known.reason}",
        f"  value      {shown(value, known.unit)} ({loaded.state(setting_id)})",
        f"  default    {shown(value_of(DEFAULT, setting_id), known.unit)}",
        f"  safer is   {safer(known)}",
    ]
    if known.fixed:
        lines.append("  loosen     never: no file, flag, variable or exception changes it")
    else:
        lines.append(
            f"  tighten    [{setting_id.split('.', maxsplit=1)[0]}] in privet.toml, or {variable_of(setting_id)}"
        )
        lines.append(f'  loosen     [[exception]] with rule = "{setting_id}", value, reason, owner and expires')
    lines += [
        f"  exception  until {item.expires}, by {item.owner}: {item.reason}"
        for item in loaded.exceptions
        if item.rule == setting_id
    ]
    return "\n".join(lines)


def ways_out(loaded: LoadedPolicy) -> list[dict[str, Any]]:
    """Return the destinations that are open to `privet run`, in the order of the file."""
    return [
        {"host": way.host, "port": way.port, "reason": way.reason, "owner": way.owner, "expires": str(way.expires)}
        for way in loaded.egress
    ]


def as_json(setting_id: str, loaded: LoadedPolicy) -> dict[str, Any]:
    """Return one setting for machines."""
    known = SETTINGS[setting_id]
    value, default = value_of(loaded.policy, setting_id), value_of(DEFAULT, setting_id)
    return {
        "id": setting_id,
        "value": _entries(value) if isinstance(value, frozenset) else value,
        "default": _entries(default) if isinstance(default, frozenset) else default,
        "state": loaded.state(setting_id),
        "says": known.says,
        "reason": known.reason,
        "unit": known.unit,
        "safer": safer(known),
        "fixed": known.fixed,
    }


def readme_table() -> str:
    """Return the README's table of what is on by default, limits left out."""
    rows = [("| setting | what it does | default | can be loosened |"), "|---|---|---|---|"]
    for setting_id, known in _by_weight():
        default = shown(value_of(DEFAULT, setting_id), known.unit)
        rows.append(f"| `{setting_id}` | {known.says} | `{default}` | {'never' if known.fixed else 'by exception'} |")
    return "\n".join(rows)


def _by_weight() -> Iterator[tuple[str, Setting]]:
    for setting_id, known in SETTINGS.items():
        # What an audit has to show protects nobody by itself.
        if known.safer not in ("smaller", "larger", "superset", "subset") and not setting_id.startswith("audit."):
            yield setting_id, known


def policy_page() -> str:
    """Return docs/policy.md's reference: every setting with its reason."""
    parts = []
    for setting_id, known in SETTINGS.items():
        default = shown(value_of(DEFAULT, setting_id), known.unit)
        loosen = "never" if known.fixed else "by an exception"
        parts.append(
            f"### `{setting_id}`\n\n{_sentence(known.says)}\n\n"
            f"- **Why:** {known.reason}\n- **Default:** `{default}`\n- **Safer is:** {safer(known)}\n"
            f"- **Can be loosened:** {loosen}\n- **Variable:** `{variable_of(setting_id)}`\n"
        )
    return "\n".join(parts)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
