"""Fixtures of the promises: all is looked at from outside, through files, pipes, sockets and system calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

# pytest's importlib mode does not put a test's folder on the path; these modules are no part of the package.
sys.path.append(str(Path(__file__).parent))

from endpoint import Endpoint, Start, start
from upstream import Upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """Return a recording upstream that lives as long as the module."""
    with Upstream() as server:
        yield server


@pytest.fixture(autouse=True)
def _fresh_upstream(request: pytest.FixtureRequest) -> None:
    """Forget what the upstream received in the test before."""
    if "upstream" in request.fixturenames:
        request.getfixturevalue("upstream").reset()


@pytest.fixture(scope="module")
def start_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Return a function that starts an endpoint in its own folders; all are stopped after the module."""
    with ExitStack() as stack:

        def begin(*arguments: str, **settings: object) -> Endpoint:
            settings.setdefault("folder", tmp_path_factory.mktemp("endpoint"))
            return stack.enter_context(start(*arguments, **settings))

        yield begin


@pytest.fixture(scope="module")
def endpoint(start_endpoint: Start, upstream: Upstream) -> Endpoint:
    """Return an endpoint in front of the module's upstream."""
    return start_endpoint("--upstream", upstream.url)
