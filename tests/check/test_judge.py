from __future__ import annotations

import pytest

from privet.check.scan import scan_texts


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("VLLM_NO_USAGE_STATS=1\nDO_NOT_TRACK=true\n", False),  # one way out is enough
        ("DO_NOT_TRACK=true\nVLLM_NO_USAGE_STATS=1\n", False),
        ("VLLM_NO_USAGE_STATS=true\n", True),
        ("VLLM_NO_USAGE_STATS=true\nVLLM_DO_NOT_TRACK=1\n", False),
        ("VLLM_NO_USAGE_STATS=true\nVLLM_DO_NOT_TRACK=yes\n", True),
    ],
)
def test_one_way_of_opting_out_is_enough(lines: str, told: bool) -> None:
    assert ("vllm-no-usage-stats" in {found.rule.id for found in scan_texts({".env": lines})}) is told
