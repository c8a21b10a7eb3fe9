from __future__ import annotations

import pytest

from privet.check.interest import found_in, matters


def is_read(text: str, *, compared: bool = False) -> bool:
    raw = text.encode()
    return matters("python", "src/app.py", raw, found_in(raw), compared=compared)


@pytest.mark.parametrize(
    "text",
    [
        "import fastapi\nlog.info('asked %s', prompt)\n",
        "import fastapi\nlogger.debug(\n    'asked %s', prompt\n)\n",  # as formatters break it
        "from transformers import AutoModel\nAutoModel.from_pretrained('m', trust_remote_code=True)\n",
        "import os\nos.environ['VLLM_NO_USAGE_STATS'] = '0'\n",
    ],
)
def test_a_file_of_which_a_rule_may_speak_is_read(text: str) -> None:
    assert is_read(text)


@pytest.mark.parametrize("text", ["x = 1\n", "made = client.create(name='a')\n", "log.info('started')\n"])
def test_a_file_of_which_none_speaks_is_read_only_where_sides_are_compared(text: str) -> None:
    assert not is_read(text)
    assert is_read(text, compared=True)
