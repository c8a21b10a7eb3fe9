"""The audit of a dataset as text for a terminal."""

from __future__ import annotations

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
        lines.append(f"  {item['count']:>6} × {item['rule']}  {place}{column}")
    if len(result.findings) > _SHOWN:
        lines.append("         … more with --json")
    lines += [f"  could not be read: {item['file']} ({item['reason']})" for item in result.files["unread"][:_SHOWN]]
    lines += ["", f"dataset {result.digest}", f"policy  {result.policy}, seed {result.seed}, tier {result.tier}", ""]
    return "".join(f"{line}\n" for line in lines)
