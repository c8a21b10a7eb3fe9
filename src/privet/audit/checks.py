"""Verdicts: what was counted, compared with what is allowed.

Invariant: what could not be read is never taken for clean. It makes a check that would pass underpowered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from privet.audit import near
from privet.audit.bound import SHARE_ERROR, residual_limit
from privet.audit.groups import Groups, worst
from privet.audit.near import Copies
from privet.audit.raw_match import RawMatching, RawSet
from privet.audit.residual import Residual
from privet.audit.result import Check, Verdict, counted

Unread = Sequence[Mapping[str, str]]
"""Files that could not be read: name and reason."""


def residual_check(figures: Residual, unread: Unread) -> Check:
    """Return the check of the residual share."""
    known = asdict(figures)
    verdict: Verdict = known.pop("verdict")
    says = known.pop("says")
    if unread and verdict == "pass":
        verdict, says = (
            "underpowered",
            f"{_unread(unread)}, so nothing is known of them ({_REMEDY}); {says}",
        )
    if unread and verdict == "not-applicable":
        verdict, says = "underpowered", f"{_unread(unread)} ({_REMEDY}), and no other holds records"
    return Check("residual", verdict, says, known | {"unread": len(unread), "confidence": 0.95})


_REMEDY: Final = "make them readable, or take them out"


_NAMED: Final = 3


def _unread(unread: Unread) -> str:
    return f"{_counted(unread)} could not be read"


def _counted(unread: Unread, of: str = "") -> str:
    """Return how many files these are and the names of the first."""
    names = ", ".join(item["file"] for item in unread[:_NAMED])
    more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
    return f"{counted(len(unread), 'file')}{of} ({names}{more})"


def raw_check(
    raw: RawSet | None, matching: RawMatching | None, figures: Residual, raw_unread: Unread, unread: Unread
) -> Check:
    """Return the check of the raw set: no proof reaches further than what was read on both sides."""
    if matching is None or raw is None:
        return Check("raw", "not-applicable", "no raw set was given; name it with --raw")
    known = _raw_figures(raw, matching, figures) | {
        "unread": len(raw_unread),
        "unread_files": list(raw_unread),
        "unread_in_dataset": len(unread),
    }
    if matching.named:
        return Check("raw", "fail", "the name of a file holds an identifier of the raw set", known)
    if matching.holding or matching.beside:
        says = f"{matching.holding} of {counted(matching.records, 'record')} hold an identifier of the raw set"
        says += f", and {matching.beside} files do outside of records" if matching.beside else ""
        return Check("raw", "fail", says, known)
    gaps = [
        _counted(files, of) for files, of in ((raw_unread, " of the raw set"), (unread, " of the dataset")) if files
    ]
    if gaps:
        says = (
            f"{' and '.join(gaps)} could not be read, so there is no proof for them; in what was read nothing was found"
        )
        return Check("raw", "underpowered", says, known)
    if not len(raw):
        return Check("raw", "not-applicable", "no identifier was found in the raw set", known)
    says = f"none of the {len(raw)} identifiers found in the raw set is in any of the {matching.records} records"
    return Check("raw", "pass", says, known)


def _raw_figures(raw: RawSet, matching: RawMatching, figures: Residual) -> dict[str, Any]:
    known: dict[str, Any] = {
        "identifiers": len(raw),
        "too_short_to_compare": raw.skipped,
        "raw_records": raw.records,
        "records": matching.records,
        "records_holding": matching.holding,
        "files_holding": matching.beside,
        "share": matching.holding / max(1, matching.records),
    }
    if figures.worst is not None:
        limit = residual_limit(matching.holding, matching.records, matching.records, figures.worst.lower, SHARE_ERROR)
        known["upper_bound"] = max(limit, 1) / max(1, matching.records)
    return known


def groups_check(
    tables: Iterable[Groups],
    quasi_identifiers: Sequence[str],
    unread: Unread = (),
    *,
    k: int,
    l: int,  # noqa: E741 (its name everywhere)
    t: float | None,
) -> Check:
    """Return the check of k, l and t.

    Raises:
        BadInput: all was read, and no row has the declared columns.

    """
    if not quasi_identifiers:
        return Check("k-anonymity", "not-applicable", "no quasi-identifiers are declared; see --quasi-identifiers")
    tables = list(tables)
    if unread and not any(table.rows for table in tables):
        return Check("k-anonymity", "underpowered", f"{_unread(unread)}, and no row of the others has these columns")
    found = worst([table.figures(k) for table in tables if table.rows])
    wanted = {"k": k, "l": l if found.l is not None else None, "t": t}
    figures = asdict(found) | {"wanted": wanted, "other_records": sum(each.without for each in tables)}
    problems = []
    if found.k < k:
        problems.append(f"k is {found.k}, wanted {k}: {counted(found.below, 'row')} in smaller classes")
    if found.l is not None and found.l < l:
        problems.append(f"l is {found.l}, wanted {l}")
    if found.t is not None and t is not None and found.t > t:
        problems.append(f"t is {found.t:.4f}, wanted at most {t}")
    says = "; ".join(problems) or f"every row shares its quasi-identifiers with {found.k - 1} others or more"
    if found.l is not None and found.t is not None and not problems:
        says += f" (k {found.k}, l {found.l}, t {found.t:.4f})"
    if unread and not problems:
        return Check("k-anonymity", "underpowered", f"{_unread(unread)}; of what was read {says}", figures)
    return Check("k-anonymity", "fail" if problems else "pass", says, figures)


def near_check(found: Copies, max_share: float, unread: Unread = ()) -> Check:
    """Return the check of copies and near copies."""
    figures = asdict(found) | {"share": found.share, "max_share": max_share}
    if not found.records:
        return Check("near-duplicates", "not-applicable", "no file holds records", figures)
    says = f"{found.share:.2%} of the records of {near.FEWEST_WORDS} words or more have a copy or near copy"
    failed = found.share > max_share
    if failed:
        says += f", more than {max_share:.2%}: models learn repeated text by heart"
    elif unread:
        return Check("near-duplicates", "underpowered", f"{_unread(unread)}; {says}", figures)
    return Check("near-duplicates", "fail" if failed else "pass", says, figures)
