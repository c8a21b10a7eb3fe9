"""The audit of a model as SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from privet.audit.model_tests import TITLES
from privet.report import endpoint_sarif


def as_sarif(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a SARIF log: one result for each test that does not pass, at the first file of weights, or none behind a URL."""
    place = min(document["weights"], default="model/{id}")
    return endpoint_sarif.as_sarif(document, tool="privet audit model", titles=TITLES, place=place)
