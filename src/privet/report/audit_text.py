"""The audit of a dataset as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from privet.audit.result import Result

_COLOURS: Final = {"pass": "32", "fail": "31", "underpowered": "33", "not-applicable": "2"}
_SHOWN: Final = 10


def as_text(result: Result, *, colour: bool = False) -> str:
    """Return the verdict, the bound, one line a check, and the most frequent findings."""

    def painted(word: str, text: str) -> str:
        return f"\x1b[{_COLOURS[word]}m{text}\x1b[0m" if colour else text

    residual = result.residual
    bound = residual["upper_bound"]
    lines = [painted(result.verdict, result.verdict), ""]
    if bound is not None:
        how = "all" if residual["full"] else f"a sample of {residual['drawn']}"
        worst = residual["worst"]
        lines += [
            f"at most {bound:.4%} of {residual['records']} records hold an identifier (95 % confidence, {how} looked at)",
            f"  flagged {residual['flagged']} ({residual['flagged_share']:.4%}), with recall made up for: {residual['estimate']:.4%}",
            f"  lowest recall: {worst['kind']} in {worst['language']}, {worst['found']} of {worst['planted']} canaries found",
        ]
        if (missed := residual["missed_if_cleaned_alike"]) is not None:
            lines.append(
                f"  if a detector of this recall cleaned it, it missed about {missed:.4f} identifiers a record (not in the bound)"
            )
        lines.append("")
    lines += [
        f"{painted(check.verdict, f'{check.verdict:<14}')} {check.id:<15} {check.says}" for check in result.checks
    ]
    if result.findings:
        lines.append("")
    for item in result.findings[:_SHOWN]:
        place = item["file"] + (f" line {item['lines'][0]}" if item["lines"] else "")
        column = f" column {item['column']}" if item["column"] else ""
        if item["kind"] and item["rule"].startswith(("metadata-", "raw-")):
            column += f" ({item['kind']})"
        lines.append(f"  {item['count']:>6} × {item['rule']}  {place}{column}")
    if len(result.findings) > _SHOWN:
        lines.append(f"         … and {len(result.findings) - _SHOWN} more: --json lists them")
    lines += _unread("could not be read", result.files["unread"], "files.unread")
    raw = next((check.figures.get("unread_files", ()) for check in result.checks if check.id == "raw"), ())
    lines += _unread("could not be read in the raw set", raw, "unread_files of the check raw")
    lines += ["", f"dataset {result.digest}", f"policy  {result.policy}, seed {result.seed}, tier {result.tier}", ""]
    return "".join(f"{line}\n" for line in lines)


def _unread(says: str, files: Sequence[Mapping[str, str]], where: str) -> list[str]:
    """Return a line for each of the first files that could not be read, and one for the rest."""
    lines = [f"  {says}: {item['file']} ({item['reason']})" for item in files[:_SHOWN]]
    if len(files) > _SHOWN:
        lines.append(f"  … and {len(files) - _SHOWN} more {says}: --json lists all ({where})")
    return lines
