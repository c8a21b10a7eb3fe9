"""Fixtures of the endpoint's tests: the real server over a recording upstream."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

# The recording upstream and the way to start a server are shared with the promises.
sys.path.append(str(Path(__file__).parent.parent / "promises"))

from endpoint import Endpoint, Start, start
from upstream import Upstream


@pytest.fixture(scope="module")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Return address and key of a running endpoint whose upstream repeats the last user message."""
    with Upstream() as upstream, start("--upstream", upstream.url, folder=tmp_path_factory.mktemp("page")) as server:
        assert server.key is not None
        yield server.url, server.key


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


@pytest.fixture
def start_endpoint(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts an endpoint in folders of its own; all are stopped after the test."""
    with ExitStack() as stack:

        def begin(*arguments: str, **settings: object) -> Endpoint:
            settings.setdefault("folder", tmp_path)
            return stack.enter_context(start(*arguments, **settings))

        yield begin


@pytest.fixture(scope="module")
def endpoint(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Return an endpoint in front of the module's upstream."""
    with start("--upstream", upstream.url, folder=tmp_path_factory.mktemp("endpoint")) as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the files of a self-made certificate for `localhost`, and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    line = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    )
    try:
        subprocess.run(line.split(), cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the program openssl to make a certificate")
    return folder / "cert.pem", folder / "key.pem"
