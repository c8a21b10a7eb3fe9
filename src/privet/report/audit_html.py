"""The audit of a dataset as one HTML file: the verdict, the bound, recall by kind and language, the checks, the findings.

Invariants:

- The file is whole: no script, no font, no picture from elsewhere, and its policy (CSP) forbids all of them.
- Every value is escaped, and none is text of the dataset.
- The same result gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any, Final

from privet.audit.result import Result

_FLOOR: Final = 1e-5
_WIDTH: Final = 640
_HALF_LABEL: Final = 40
"""Half the width of the figure of a bound, and some room beside it."""
_BELOW_LIMIT: Final = 22
_BELOW_BOUND: Final = 41


def as_html(result: Result) -> str:
    """Return the report."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("privet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    known = result.as_json()
    return environment.get_template("audit.html").render(
        known=known,
        residual=known["residual"],
        scale=_scale(known["residual"]) if known["residual"]["upper_bound"] is not None else None,
        recall=_recall(known["residual"]["cells"]),
        findings=known["findings"],
        raw_unread=next((check.get("unread_files", []) for check in known["checks"] if check["id"] == "raw"), []),
        top=max((item["count"] for item in known["findings"]), default=1),
    )


def percent(share: float | None) -> str:
    """Return a share as people read it.

    >>> percent(0.000723), percent(0.25)
    ('0.072 %', '25 %')
    """
    if share is None:
        return "–"
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.3g} %"


def _place(share: float) -> float:
    """Return the place of a share on a logarithmic axis from 0.001 % to 100 %."""
    return round(_WIDTH * (log10(max(share, _FLOOR)) - log10(_FLOOR)) / -log10(_FLOOR), 1)


def _scale(residual: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the marks of the chart of the bound stand."""
    high, limit = _place(residual["upper_bound"]), _place(residual["max_residual"])
    return {
        "width": _WIDTH,
        "low": _place(residual["lower_bound"]),
        "high": high,
        "estimate": _place(residual["estimate"]),
        "limit": limit,
        # The line of the limit begins below the figure of the bound where it would go through it.
        "limit_top": _BELOW_BOUND if abs(high - limit) < _HALF_LABEL else _BELOW_LIMIT,
        "ticks": [(_place(10.0**power), f"{100 * 10.0**power:g} %") for power in range(-5, 1)],
    }


def _recall(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the recall as a table: kinds down, languages across."""
    languages = sorted({cell["language"] for cell in cells})
    kinds = list(dict.fromkeys(cell["kind"] for cell in cells))
    known = {(cell["kind"], cell["language"]): cell for cell in cells}
    return {
        "languages": languages,
        "rows": [(kind, [known[kind, language] for language in languages]) for kind in kinds],
    }
