"""The audit of an endpoint as one HTML file: the verdict, a chart of rates with their intervals, what leaked and what to do.

Invariants:

- The file is whole: no script, no font, no picture from elsewhere, and its policy (CSP) forbids all of them.
- Every value is escaped, and none is text of an answer, but for what the user asked to see, made harmless before.
- The same document gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from privet.audit.endpoint.tests import TESTS

_WIDTH: Final = 560
_ROW: Final = 26
_TITLES: Final = {test.id: test.title for test in TESTS}


def as_html(
    document: Mapping[str, Any],
    *,
    heading: str = "Audit of an endpoint",
    titles: Mapping[str, str] = _TITLES,
    repeats: str = "The same behaviour, policy and seed give the same digest.",
) -> str:
    """Return the report: of an endpoint, or of what else has this shape."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("privet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    tests = document["tests"]
    return environment.get_template("endpoint.html").render(
        known=document,
        run=document["run"],
        comparison=document.get("comparison"),
        revealed=document["run"].get("revealed", {}),
        titles=titles,
        heading=heading,
        repeats=repeats,
        chart=_chart([test for test in tests if test["samples"]], document["max_leak_rate"]),
        counts=[
            (verdict, sum(test["verdict"] == verdict for test in tests))
            for verdict in ("fail", "underpowered", "pass", "not-tested")
        ],
        max_rate=document["max_leak_rate"],
    )


def _chart(tests: Sequence[Mapping[str, Any]], allowed: float) -> dict[str, Any]:
    """Return where the bars stand: from 0 to 100 %, one row a test."""
    return {
        "width": _WIDTH,
        "height": _ROW * len(tests) + 30,
        "allowed": round(_WIDTH * allowed, 1),
        "ticks": [(_WIDTH * tenth / 10, f"{tenth * 10} %") for tenth in range(0, 11, 2)],
        "rows": [
            {
                "id": test["id"],
                "verdict": test["verdict"],
                "y": _ROW * number + 6,
                "low": round(_WIDTH * test["interval"][0], 1),
                "span": max(2.0, round(_WIDTH * (test["interval"][1] - test["interval"][0]), 1)),
                "rate": round(_WIDTH * test["hits"] / test["samples"], 1),
                "says": f"{test['hits']} of {test['samples']}",
            }
            for number, test in enumerate(tests)
        ],
    }
