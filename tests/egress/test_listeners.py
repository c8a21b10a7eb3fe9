"""What the kernel says listens at a port, beside what a connection finds."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from privet.egress.listeners import is_served

INET, INET6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("family", "bound", "asked", "expected"),
    [
        (INET, "127.0.0.1", "127.0.0.1", True),
        (INET, "0.0.0.0", "127.0.0.1", True),  # noqa: S104 (for a moment)
        (INET6, "::1", "::1", True),
        (INET6, "::", "::1", True),
        (INET6, "::", "127.0.0.1", True),
        (INET, "127.0.0.2", "127.0.0.1", False),
        (INET6, "::1", "127.0.0.1", False),
    ],
)
def test_what_listens_is_served(family: int, bound: str, asked: str, expected: bool) -> None:
    with socket.socket(family) as held:
        held.bind((bound, 0))
        port = held.getsockname()[1]
        assert not is_served(asked, port)
        held.listen()
        assert is_served(asked, port) == expected
        with suppress(ConnectionRefusedError):
            socket.create_connection((asked, port)).close()
            assert expected
    assert not is_served(asked, port)


def test_a_connection_of_its_own_does_not_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as out:
        server.accept()[0].close()
        assert not is_served("127.0.0.1", out.getsockname()[1])
