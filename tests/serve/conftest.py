"""Fixtures of the endpoint's tests: the real server over a recording upstream."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The recording upstream and the way to start a server are shared with the promises.
sys.path.append(str(Path(__file__).parent.parent / "promises"))

from endpoint import start
from upstream import Upstream


@pytest.fixture(scope="module")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Return address and key of a running endpoint whose upstream repeats the last user message."""
    with Upstream() as upstream, start("--upstream", upstream.url, folder=tmp_path_factory.mktemp("page")) as server:
        assert server.key is not None
        yield server.url, server.key
