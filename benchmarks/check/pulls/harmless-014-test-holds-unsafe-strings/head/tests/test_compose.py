"""The compose file keeps its promises."""

from pathlib import Path

import pytest

COMPOSE = Path("docker-compose.yml").read_text()
UNSAFE = [
    "VLLM_NO_USAGE_STATS=true",
    'VLLM_NO_USAGE_STATS: "0"',
    "--enable-log-requests",
    "0.0.0.0:8000",
    "--trust-remote-code",
]


@pytest.mark.parametrize("line", UNSAFE)
def test_unsafe_line_is_absent(line):
    assert line not in COMPOSE
