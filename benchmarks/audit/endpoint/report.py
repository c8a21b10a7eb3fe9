"""The page of the docs, made of the results."""

from typing import Any, Final

from privet.audit.endpoint.reference_leaks import FORMS
from privet.audit.endpoint.tests import IDS

_HEAD: Final = """# `privet audit endpoint`, measured

This page is written by `benchmarks/audit/endpoint/run`. Every server runs on this machine, and each is audited by the
command that users call.
"""
_BESIDE: Final = """## Beside garak and promptfoo

The same three servers: a clean one, one that puts an e-mail address and a telephone number into every answer, and one that always refuses.
garak 0.17 runs its probes of learned personal data and texts, one answer a prompt (passed of all, and its interval of the attack's
success).
promptfoo's tests of personal data are written and judged by a model: by its makers' service unless that is switched off, as here. With no
model in its place it has none; the small local one that the other servers here run is a poor judge, and is what it had.

"""
_SIGNS: Final = {"pass": "pass", "fail": "**fail**", "underpowered": "weak", "not-tested": "–"}


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _judged(row: dict[str, Any]) -> str:
    if row.get("trouble"):
        return f"no audit: {row['trouble']}"
    wrong = ["missed"] * bool(row["missed"]) + [f"also {name}" for name in row["false"]]
    return ", ".join(wrong) or "as it should"


def _counts(rows: list[dict[str, Any]]) -> tuple[int, int, int]:
    done = [row for row in rows if not row.get("trouble")]
    return len(rows), sum(not row["missed"] for row in done if row["must"]), sum(bool(row["false"]) for row in done)


def _clean(rows: list[dict[str, Any]]) -> str:
    count, _, accused = _counts(rows)
    table = [[name, *(str(sum(row["verdicts"].get(name) == each for row in rows)) for each in _SIGNS)] for name in IDS]
    return (
        f"## The clean server\n\n{count} audits of the reference server without a leak, "
        f"each with a seed of its own: {accused} reported something.\n\n"
        + _table(["test", "pass", "fail", "underpowered", "not tested"], table)
    )


def _leaks(rows: list[dict[str, Any]]) -> str:
    count, found, accused = _counts(rows)
    whole = {test_id for test_id in FORMS if any(row["must"] == test_id for row in rows)}
    missed = {row["must"] for row in rows if row.get("trouble") or row["missed"]}
    table = []
    for row in rows:
        test_id, _, form = row["name"].partition(":")
        table.append([f"`{row['name']}`", FORMS.get(test_id, {}).get(form, ""), _judged(row)])
    return (
        f"## The reference server with one leak\n\n{found} of {count} forms are found under their own id; "
        f"{accused} audits report another id too. "
        f"Of the 14 ids, {len(whole - missed)} are found in every form.\n\n"
        + _table(["leak", "what it is", "the audit"], table)
    )


def _others(rows: list[dict[str, Any]]) -> str:
    leaky = [row for row in rows if row["must"]]
    count, found, accused = _counts(leaky)
    clean, _, wrong = _counts([row for row in rows if not row["must"]])
    table = [[f"`{row['name']}`", row["must"] or "nothing", _judged(row)] for row in rows]
    return (
        f"## Servers in other styles\n\n`others/` was written from the description of the tests alone. {found} of {count} leaks are found, "
        f"{accused} of those audits report another id too, and of {clean} clean servers {wrong} are accused.\n\n"
        + _table(["server", "leaks", "the audit"], table)
    )


def _real(rows: list[dict[str, Any]]) -> str:
    table = [[name, *(_SIGNS.get(row.get("verdicts", {}).get(name, ""), "") for row in rows)] for name in IDS]
    notes = [f"- {row['name']}: {row['trouble']}" for row in rows if row.get("trouble")]
    said = []
    for row in rows:
        said += [
            [row["name"], name, row["says"][name], row["fixes"].get(name, "")]
            for name, verdict in row.get("verdicts", {}).items()
            if verdict == "fail"
        ]
    return "\n".join(
        [
            "## Servers that people run\n",
            "With the embedded 135M model. No package that installs here brings the server of Ollama, so it is not among them.\n",
            _table(["test", *(row["name"] for row in rows)], table),
            *notes,
            "\nWhat was found there:\n",
            _table(["server", "test", "seen", "what to do"], said),
        ]
    )


def _beside(rows: list[dict[str, Any]]) -> str:
    table = []
    for row in rows:
        audit = row["privet"]
        ours = f"personal-data: {audit['verdicts'].get('personal-data', '')}; {audit['says'].get('personal-data', '')}"
        table.append([row["name"], ours, _garak(row["garak"]), _promptfoo(row["promptfoo"])])
    return _BESIDE + _table(["server", "Privet", "garak", "promptfoo"], table)


def _garak(found: dict[str, Any]) -> str:
    if "passed" not in found:
        return str(found.get("trouble", ""))
    cells = []
    for probe, (passed, all_of, low, high) in found["passed"].items():
        limits = f" [{low:.2f}, {high:.2f}]" if low is not None else ""
        cells.append(f"{probe.partition(' ')[0]} {passed}/{all_of}{limits}")
    return "<br>".join(cells)


def _promptfoo(found: dict[str, Any]) -> str:
    if "trouble" in found:
        return str(found["trouble"])
    cells = []
    for how, numbers in found.items():
        passed = f", {numbers['passed']} passed, {numbers.get('failed', 0)} failed" if "passed" in numbers else ""
        cells.append(f"{how}: {numbers.get('trouble') or str(numbers['tests']) + ' tests'}{passed}")
    return "<br>".join(cells)


def _speed(found: dict[str, Any], same: list[dict[str, Any]]) -> str:
    lines = ["## Time, and the same digest twice\n"]
    if same:
        equal = sum(row["same"] for row in same)
        lines.append(
            f"- Two audits with one seed, of two runs of the server: the same digest for {equal} of {len(same)} behaviours."
        )
    if found:
        lines.append(f"- `--quick` against the embedded model: {found['quick_seconds']:.1f} s (60 s asked for).")
        lines.append(
            f"- An endpoint that takes 50 ms for each request: the audit took {found['patient_seconds']:.1f} s "
            f"for {found['patient_requests']} requests, "
            f"{found['ratio']:.2f} times the {found['patient_busy']:.1f} s in which the endpoint was at work."
        )
    return "\n".join(lines) + "\n"


def page(found: dict[str, Any]) -> str:
    """Return the page."""
    parts = [_HEAD]
    for name, render in (
        ("clean", _clean),
        ("leaks", _leaks),
        ("others", _others),
        ("real", _real),
        ("beside", _beside),
    ):
        if found.get(name):
            parts.append(render(found[name]))
    if found.get("speed") or found.get("same"):
        parts.append(_speed(found.get("speed", {}), found.get("same", [])))
    return "\n".join(parts)


def wrong(found: dict[str, Any]) -> bool:
    """Tell whether anything is not as it should be: a leak missed, a clean server accused, a digest changed, a minute passed."""
    judged = [*found.get("clean", []), *found.get("leaks", [])]
    return (
        any(row.get("trouble") or row["missed"] or row["false"] for row in judged)
        or not all(row["same"] for row in found.get("same", []))
        or found.get("speed", {}).get("quick_seconds", 0) > 60
    )
