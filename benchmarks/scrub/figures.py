"""Verdicts to Markdown tables; pure functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judge import Verdict
    from tools import Run

COLUMNS: Final = ("given", "clean", "leaking", "changed", "unreadable", "refused", "crashed or hung")


def counts(verdicts: Sequence[Verdict]) -> Counter[str]:
    """Return how many verdicts fall under each heading; a file can leak and be changed."""
    found: Counter[str] = Counter()
    for verdict in verdicts:
        found["given"] += 1
        found["emitted"] += verdict.status == "emitted"
        found["clean"] += verdict.clean
        found["leaking"] += verdict.leaks
        found["planted word left"] += verdict.canary_at is not None
        found["identifier in text"] += verdict.seen_at is not None
        found["changed"] += verdict.same is False
        found["unreadable"] += verdict.opens is False
        found["refused"] += verdict.status == "refused"
        found["crashed or hung"] += verdict.status in ("crashed", "hung")
    return found


def table(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as a Markdown table, the first as its head."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def tools_table(judged: dict[str, list[Verdict]], runs: dict[str, Run]) -> str:
    """Return one line a tool: what became of the files that had something to find, and the speed."""
    rows: list[list[object]] = [
        ["tool", *COLUMNS, "planted word left", "identifier in text left", "files/s", "files per CPU s"]
    ]
    for tool, verdicts in judged.items():
        found, run = counts([verdict for verdict in verdicts if verdict.dirty]), runs[tool]
        rows.append(
            [
                tool,
                *(found[name] for name in COLUMNS),
                found["planted word left"],
                found["identifier in text"],
                f"{len(run.outcomes) / run.wall_seconds:.1f}",
                f"{len(run.outcomes) / max(run.cpu_seconds, 1e-9):.1f}",
            ]
        )
    return table(rows)


def formats_table(judged: dict[str, list[Verdict]]) -> str:
    """Return one line a format: clean, leaking, changed and refused of each tool."""
    rows: list[list[object]] = [["format", "files", *(f"{tool}: clean / leak / changed / refused" for tool in judged)]]
    forms = sorted({verdict.form for verdicts in judged.values() for verdict in verdicts})
    for form in forms:
        row: list[object] = [form, ""]
        for verdicts in judged.values():
            found = counts([verdict for verdict in verdicts if verdict.form == form and verdict.dirty])
            row[1] = max(int(row[1] or 0), found["given"])
            row.append(
                f"{found['clean']} / {found['leaking']} / {found['changed']} / {found['refused'] + found['crashed or hung']}"
                if found["given"]
                else "-"
            )
        rows.append(row)
    return table(rows)


def ratios(judged: dict[str, list[Verdict]], runs: dict[str, Run], ours: str = "privet", other: str = "mat2") -> str:
    """Return Privet beside mat2: files clean, and files cleaned in a CPU second where both emitted."""
    if ours not in judged or other not in judged:
        return ""
    mine, theirs = (counts([verdict for verdict in judged[tool] if verdict.dirty]) for tool in (ours, other))
    lines = [f"- clean: {mine['clean']} beside {theirs['clean']} ({mine['clean'] / max(theirs['clean'], 1):.2f} times)"]
    for unit, name in (("wall_seconds", "by the clock"), ("cpu_seconds", "of processor time")):
        a, b = (len(runs[tool].outcomes) / max(getattr(runs[tool], unit), 1e-9) for tool in (ours, other))
        lines.append(f"- files in a second {name}: {a:.1f} beside {b:.1f} ({a / b:.1f} times)")
    return "\n".join(lines) + "\n"


def defects(verdicts: Sequence[Verdict]) -> list[str]:
    """Return one line for each file that is not as it should be, and each that was refused although it can be cleaned."""
    lines = []
    for verdict in verdicts:
        what = []
        if verdict.canary_at is not None:
            what.append(f"planted word at {verdict.canary_at}")
        if verdict.seen_at is not None:
            what.append(f"identifier in text left at {verdict.seen_at}")
        if verdict.tags_left:
            what.append("tags " + "; ".join(verdict.tags_left[:6]))
        if verdict.same is False:
            what.append("content changed")
        if verdict.opens is False:
            what.append("its reader refuses it")
        if verdict.status in ("crashed", "hung") or (verdict.status == "refused" and verdict.fate == "clean"):
            what.append(f"{verdict.status}: {verdict.reason}")
        if verdict.status == "emitted" and verdict.fate == "refuse":
            what.append("emitted, should be refused")
        if what:
            lines.append(f"{verdict.name}: {' | '.join(what)}")
    return lines
