"""Marks that the standard tests of frameworks are written with; their plugins are switched off in pyproject.toml."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    for mark in ("benchmark: measured by a plugin", "vcr: recorded by a plugin"):
        config.addinivalue_line("markers", mark)
