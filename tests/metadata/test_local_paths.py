import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.local_paths import last_part, reduced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/jane/models/tiny", "tiny"),
        ("/Users/jane doe/models/tiny/", "tiny"),
        ("/mnt/data/rows.jsonl", "rows.jsonl"),
        ("C:\\Users\\jane\\tiny", "tiny"),
        ("\\\\host\\share\\tiny", "tiny"),
        ("file:///home/jane/tiny", "tiny"),
        ("~/tiny", "tiny"),
        ("~jane/a/tiny", "tiny"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/start", "/start"),
        ("organisation/model", "organisation/model"),
        ("https://example.com/home/a", "https://example.com/home/a"),
        ("ask /home/jane about it", "ask /home/jane about it"),
        ("/home/a\nsecond line", "/home/a\nsecond line"),
    ],
)
def test_only_paths_on_a_machine_are_reduced(text: str, expected: str) -> None:
    assert reduced(text) == expected


@given(st.text(max_size=40))
def test_a_last_part_has_no_folders(text: str) -> None:
    last = last_part(text)
    assert text.endswith(("/", "\\")) or last == "run" or not set("/\\") & set(last) or last == text
    assert reduced(reduced(text)) == reduced(text) or set("/\\~:") & set(reduced(text))
