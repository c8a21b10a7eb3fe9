import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.hf_json import clean, is_model_json
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

_edits = edits_of(re.escape(CANARY), "X")


def _cleaned(text: str, job: Job | None = None) -> bytes:
    return cleaned(clean, text.encode(), job or Job(edits=_edits)).decode()


def test_only_what_changes_is_written_anew() -> None:
    text = (
        '{\n    "b":1.50,  "a" : [1e5, "caf\\u00e9", {"x": null}],\n  "who": "ask jane.canary@example.com \\" now"\n}\n'
    )
    assert _cleaned(text) == text.replace(CANARY, "X")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("base_model_name_or_path", "/home/jane/models/tiny", "tiny"),
        ("base_model_name_or_path", "meta-llama/Llama-3-8B", "meta-llama/Llama-3-8B"),
        ("base_model_name_or_path", "../models/tiny/", "tiny"),
        ("_name_or_path", "C:\\Users\\jane\\tiny", "tiny"),
        ("_name_or_path", "~/models/tiny", "tiny"),
        ("best_model_checkpoint", "out/jane/checkpoint-500", "checkpoint-500"),
        ("output_dir", "out/jane", "jane"),
        ("logging_dir", "out/runs/Nov26_12-00-00_example-host", "run"),
        ("anything", "/home/jane/data.jsonl", "data.jsonl"),
        ("anything", "\\\\host\\share\\data.jsonl", "data.jsonl"),
        ("anything", "file:///home/jane/data.jsonl", "data.jsonl"),
        ("anything", "a / b", "a / b"),
        ("anything", "/v1/chat", "/v1/chat"),
        ("anything", "/", "/"),
        ("sep", "//", "//"),
        ("hub_token", "hf_abc", ""),
        ("url", "https://example.com/a/b/c", "https://example.com/a/b/c"),
        ("_name_or_path", "https://example.com/a/b/c", "https://example.com/a/b/c"),
    ],
)
def test_paths_keep_their_last_part(key: str, value: Any, expected: str) -> None:
    assert json.loads(_cleaned(json.dumps({key: value, "list": [{key: [value]}]}))) == {
        key: expected,
        "list": [{key: [expected]}],
    }


def test_keys_are_rewritten_and_vocabularies_stay() -> None:
    text = json.dumps({CANARY: {"k": CANARY}, "model": {"vocab": {"Jane": 5}, "merges": ["Ja ne"]}})
    assert _cleaned(text) == json.dumps({"X": {"k": "X"}, "model": {"vocab": {"Jane": 5}, "merges": ["Ja ne"]}})


def test_a_vocabulary_stays_and_other_numbers_do_not_make_one() -> None:
    tokens = {f"t{number}": number for number in range(300)}
    assert json.loads(_cleaned(json.dumps({**tokens, CANARY: 300}))) == {**tokens, "X#300": 300}
    for other in ({**tokens, CANARY: 5}, {**tokens, CANARY: 10_000}, {CANARY: 0, "a": 1}):
        assert CANARY not in _cleaned(json.dumps(other))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("config.json", True),
        ("a/tokenizer_config.json", True),
        ("pytorch_model.bin.index.json", True),
        ("vocab.json", True),
        ("my_config.json", False),
        ("config.json.txt", False),
        ("config", False),
    ],
)
def test_names_beside_a_model(name: str, *, expected: bool) -> None:
    assert is_model_json(name) is expected


def test_what_is_left_out_is_told() -> None:
    job = Job()
    _cleaned('{"hub_token": "a", "output_dir": "/a/b"}', job)
    assert job.removed == {"token": 1, "local path": 1}


@pytest.mark.parametrize("text", ["", "{", '{"a": }', "[" * 100_000, "nonsense", '{"a":' * 500 + "1" + "}" * 500])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(CannotClean):
        _cleaned(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_without_paths_stays_as_it_is(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    if not re.search(r'"(?:[/~\\]|[A-Za-z]:|file:)', text):
        target = io.BytesIO()
        clean(io.BytesIO(raw), target, Job())
        assert target.getvalue() == raw
