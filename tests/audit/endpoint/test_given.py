from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given as every
from hypothesis import strategies as st

from privet.audit.endpoint.given import Canary, Passage, hardest, read_canaries, read_passages
from privet.errors import BadInput

Write = Callable[[str, str], Path]


def test_canaries_and_passages_are_read(write: Write) -> None:
    path = write(
        "c.jsonl",
        '{"prompt": "a", "secret": "b", "member": true, "more": 1}\n\n{"prompt": "", "secret": "c", "member": false}\n',
    )
    assert read_canaries(path) == (Canary("a", "b", True), Canary("", "c", False))
    assert read_passages(write("p.jsonl", '{"text": "x", "member": true}')) == (Passage("x", True),)


@pytest.mark.parametrize(
    "line",
    [
        "", "\n\n", "secret-word", "[]", "7", '{"prompt": "secret-word"}', '{"prompt": 7, "secret": "a", "member": true}',
        '{"prompt": "secret-word", "secret": "a", "member": 1}', '{"prompt": "secret-word", "secret": " ", "member": true}',
        '{"prompt": "secret-word", "secret": "a"}', "[" * 5000, '{"prompt": "secret-word',
    ],
)  # fmt: skip
def test_what_is_no_canary_is_refused_with_its_line_and_not_shown(write: Write, line: str) -> None:
    good = '{"prompt": "a", "secret": "b", "member": true}\n' if line.strip() else ""
    with pytest.raises(BadInput) as error:
        read_canaries(write("c.jsonl", good + line))
    assert "c.jsonl" in str(error.value)
    assert not line.strip() or "line 2" in str(error.value)
    assert "secret-word" not in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(BadInput):
            read_passages(path)


@every(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(raw)
    for read in (read_canaries, read_passages):
        try:
            assert read(path)
        except BadInput:
            continue


def test_words_that_secrets_share_are_as_hard_as_their_list_is_long() -> None:
    words = [f"{first}{second}word" for first in "abcd" for second in "efghij"]
    drawn = [Canary("", f"{words[at % 24]} {words[at * 7 % 24]} {words[at * 5 % 24]}", True) for at in range(200)]
    one = drawn[31:32]
    assert hardest(one, []) == 27.0
    assert abs(hardest(one, drawn) - 3 * math.log2(24)) < 0.01
    # A secret with two prompts is still one, and numbers that no other secret holds are as hard as they are long.
    twice = [Canary(prompt, "velvet 73912846", True) for prompt in ("a", "b")]
    assert hardest(twice, [*drawn, *twice]) == hardest(twice, [])
