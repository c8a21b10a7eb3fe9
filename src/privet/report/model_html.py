"""The audit of a model as one HTML file: the report of an endpoint's audit, under the titles of a model's tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from privet.audit.model_tests import TITLES
from privet.report import endpoint_html


def as_html(document: Mapping[str, Any]) -> str:
    """Return the report."""
    repeats = "The same weights, canaries, policy and seed give the same digest on the same machine."
    return endpoint_html.as_html(document, heading="Audit of a model", titles=TITLES, repeats=repeats)
