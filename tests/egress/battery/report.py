"""Outcomes to a verdict for each way and system, a Markdown table and an exit status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import systems
import table

LEAVES: Final = "leaves"
CLOSED: Final = "closed"
UNTRIED: Final = "not run"


def merge(rows: Sequence[table.Record], found: dict[str, dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return one verdict for each way and system over every kind of user that the way works as unlocked."""
    ways = []
    for row in rows:
        works = [who for who in found if _arrived(found, who, "unlocked", row.name)]
        entry: dict[str, Any] = {
            "name": row.name, "protocol": row.protocol, "language": row.language, "how": row.how,
            "judged": row.network, "works_as": works, "why_not": "" if works else row.missing or _reason(found, row.name),
        }  # fmt: skip
        entry["verdicts"] = {name: _verdict(found, works, name, row.name) for name in names if name != "unlocked"}
        entry["said"] = {
            name: {who: _said(found, who, name, row.name) for who in works} for name in names if name != "unlocked"
        }
        ways.append(entry)
    frames = {who: {name: one.get("frames") for name, one in by.items()} for who, by in found.items()}
    refused = {who: {n: o["refused"] for n, o in by.items() if "refused" in o} for who, by in found.items()}
    return {"ways": ways, "frames": frames, "refused": refused}


def _arrived(found: dict[str, dict[str, Any]], who: str, system: str, name: str) -> bool:
    return bool(found[who][system].get("ways", {}).get(name, {}).get("arrived"))


def _said(found: dict[str, dict[str, Any]], who: str, system: str, name: str) -> str:
    return str(found[who][system].get("ways", {}).get(name, {}).get("said", ""))


def _reason(found: dict[str, dict[str, Any]], name: str) -> str:
    said = [by["unlocked"].get("ways", {}).get(name, {}).get("said", "") for by in found.values()]
    return next(filter(None, said), "nothing arrived")


def _verdict(found: dict[str, dict[str, Any]], works: list[str], system: str, name: str) -> dict[str, str]:
    verdicts = {}
    for who in works:
        one = found[who][system].get("ways", {}).get(name)
        if one is None or not (one["ran"] or one["arrived"]):
            verdicts[who] = UNTRIED
        else:
            verdicts[who] = LEAVES if one["arrived"] else CLOSED
    return verdicts


def _cell(verdicts: dict[str, str]) -> str:
    leaves = [who for who, one in verdicts.items() if one == LEAVES]
    tried = [who for who, one in verdicts.items() if one != UNTRIED]
    if not tried:
        return "not run"
    if not leaves:
        return "–"
    return "**leaves**" if len(leaves) == len(tried) else f"**leaves** as {leaves[0]}"


def markdown(merged: dict[str, Any], chosen: Sequence[systems.System]) -> str:
    """Return the table of ways and systems, the sums, and what could not be tried."""
    locks = [one for one in chosen if one.name != "unlocked"]
    tried = [one for one in merged["ways"] if one["works_as"]]
    judged = [one for one in tried if one["judged"]]
    lines = ["| way | protocol | language | how | " + " | ".join(one.title for one in locks) + " |"]
    lines.append("|" + "---|" * (4 + len(locks)))
    for one in tried:
        cells = [_cell(one["verdicts"][lock.name]) for lock in locks]
        mark = "" if one["judged"] else " (not judged)"
        lines.append(
            f"| {one['name']}{mark} | {one['protocol']} | {one['language']} | {one['how']} | "
            + " | ".join(cells)
            + " |"
        )
    lines += ["", f"{len(judged)} ways work unlocked here and are judged."]
    for lock in locks:
        left = sum(LEAVES in one["verdicts"][lock.name].values() for one in judged)
        ran = sum(any(v != UNTRIED for v in one["verdicts"][lock.name].values()) for one in judged)
        frames = ", ".join(
            f"{by[lock.name]} as {who}" for who, by in merged["frames"].items() if by.get(lock.name) is not None
        )
        lines.append(f"- {lock.title}: {left} of {ran} leave; frames on the wire: {frames or 'none counted'}")
        lines += [f"  - as {who}: {by[lock.name]}" for who, by in merged["refused"].items() if lock.name in by]
    lines += ["", "Cannot be tried here (does not work unlocked either):"]
    lines += [f"- {one['name']} ({one['protocol']}): {one['why_not']}" for one in merged["ways"] if not one["works_as"]]
    return "\n".join(lines)


def status(merged: dict[str, Any]) -> int:
    """Return 1 where a judged way of `privet run` leaves, 2 where one was not run, else 0."""
    verdicts = [v for one in merged["ways"] if one["judged"] for v in one["verdicts"].get("privet", {}).values()]
    return 1 if LEAVES in verdicts else 2 if UNTRIED in verdicts else 0
