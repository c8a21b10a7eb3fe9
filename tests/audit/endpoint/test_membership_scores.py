"""What is read of the forms in which servers tell how likely tokens are, and the scores made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.membership_scores import blind, overlap, scores_of
from privet.audit.endpoint.membership_ways import OF_PROMPT, Likely, likely_of

WAYS = {way.name: way for way in OF_PROMPT}


def answer(document: Any, *headers: tuple[str, str]) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(200, headers, body, "", 0.1)


def read(name: str, document: Any) -> Likely:
    return likely_of(answer(document), WAYS[name], "")


@pytest.mark.parametrize(
    ("name", "document", "tokens"),
    [
        ("echo", {"choices": [{"logprobs": {"token_logprobs": [None, -1.5, -2]}}]}, [-1.5, -2.0]),
        ("prompt_logprobs", {"choices": [{"prompt_logprobs": [None, {"7": {"logprob": -1}, "9": {"logprob": -0.1}}]}]}, [-1.0]),
        ("prompt_logprobs", {"prompt_logprobs": [None, {"7": {"logprob": -3}}]}, [-3.0]),
        ("decoder_input_details", {"details": {"prefill": [{"logprob": None}, {"logprob": -4}]}}, [-4.0]),
        ("return_logprob", {"meta_info": {"input_token_logprobs": [[None, 1, None], [-5, 2, None]]}}, [-5.0]),
    ],
)  # fmt: skip
def test_each_form_is_read(name: str, document: Any, tokens: list[float]) -> None:
    assert read(name, document).tokens == tokens


@pytest.mark.parametrize(
    "document",
    [
        b"", b"not json", b"[" * 5000, [], {"choices": 7}, {"choices": [None]}, {"choices": [{"logprobs": [1, 2]}]},
        {"choices": [{"logprobs": {"token_logprobs": ["x", True, {"a": 1}], "top_logprobs": 3}}]}, {"prompt_logprobs": {"a": 1}},
        {"details": {"prefill": [1, None]}}, {"meta_info": {"input_token_logprobs": [[], 4]}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", WAYS)
def test_whatever_else_comes_tells_nothing(name: str, document: Any) -> None:
    assert not read(name, document).tokens


def test_what_a_server_cannot_tell_is_the_least() -> None:
    assert read("echo", {"choices": [{"logprobs": {"token_logprobs": [-9999.0]}}]}).tokens == [-100.0]


def test_a_number_for_the_whole_is_read_wherever_it_is() -> None:
    echo = WAYS["echo"]
    assert likely_of(answer({"usage": {"perplexity": 8}}), echo, "").whole == -8
    assert likely_of(answer({"a": [{"avg_logprob": -2}]}), echo, "").whole == -2
    assert likely_of(answer({}, ("x-loss", "3.5")), echo, "").whole == -3.5
    assert likely_of(answer({"id": 7, "score": "high"}), echo, "").whole is None


def test_likelier_tokens_score_higher() -> None:
    tops = [[-0.1, -3.0, -4.0]] * 10
    likely = Likely([-0.1] * 10, tops, None, "")
    rare = Likely([-3.0] * 10, tops, None, "")
    ours, theirs = (scores_of(each, "ten words of some text", of_prompt=True) for each in (likely, rare))
    assert ours.keys() == {"loss", "zlib", "min-k", "min-k++"}
    assert all(ours[name] > theirs[name] for name in ours)


def test_without_the_likeliest_tokens_there_is_no_min_k_plus_plus() -> None:
    assert "min-k++" not in scores_of(Likely([-1.0], [[]], None, ""), "text", of_prompt=True)


def test_short_runs_of_words_are_chance() -> None:
    assert overlap("one two", "one two three") == 0.0
    assert overlap("and One, two THREE four", "one two three five") == 3.0
    assert overlap("", "") == 0.0


def test_a_text_tells_its_length_without_a_model() -> None:
    assert blind("aaaa" * 20)["packing"] < blind("quick brown foxes jump")["packing"]
