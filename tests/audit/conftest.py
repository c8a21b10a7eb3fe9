"""What the audit's tests share: one detector, loaded once."""

from __future__ import annotations

import pytest

from privet.audit.counting import Counting
from privet.detect.engine import Detector


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="session")
def counting() -> Counting:
    return Counting(reserved=False)
