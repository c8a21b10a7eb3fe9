"""Answers are built anew from what is known, and a stream says what the whole answer says."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.policy import DEFAULT
from privet.serve.detection import Detection
from privet.serve.masking import Masker
from privet.serve.openai_answer import (
    AnswerContext,
    chat_answer,
    completion_answer,
    embedding_answer,
)
from privet.serve.openai_stream import ChatStream, CompletionStream
from privet.serve.refusals import Refusal

JANE = "jane.roe@example.com"
STRANGER = "john.doe@example.org"
TEXTS = st.lists(
    st.sampled_from(
        (
            "hello",
            " ",
            "[EMAIL_ADDRESS_1]",
            "EMAIL_ADDRESS_1 ",
            JANE,
            STRANGER,
            " 198.51.100.7 ",
            ", ",
            "\n",
            "Zoë 你好",
            '"',
            "\\",
            "1 ",
        )
    ),
    min_size=1,
    max_size=10,
).map("".join)
ARGUMENTS = st.one_of(st.dictionaries(TEXTS, TEXTS, max_size=3).map(json.dumps), TEXTS)
CALLS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(("call_a", "call_b", "x" * 300, "john.doe@example.org", "chatcmpl-tool-1")),
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {"name": st.sampled_from(("send", "john.doe@example.org", "a b")), "arguments": ARGUMENTS}
        ),
    }
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={
        "content": TEXTS,
        "reasoning_content": TEXTS,
        "reasoning": TEXTS,
        "refusal": TEXTS,
        "tool_calls": st.lists(CALLS, min_size=1, max_size=3),
        "function_call": st.fixed_dictionaries({"name": st.just("send"), "arguments": ARGUMENTS}),
    },
)
TEXT_FIELDS = ("content", "reasoning_content", "reasoning", "refusal")


@cache
def detection() -> Detection:
    return Detection.of(DEFAULT)


def context(*, json_content: bool = False) -> AnswerContext:
    """Return what is known about a request that named Jane's address."""
    masker = Masker(detection().prompt, "tokenize", b"")
    assert masker.mask(f"to {JANE} please", "prompt") == "to [EMAIL_ADDRESS_1] please"
    return AnswerContext(
        DEFAULT, detection(), masker, "asked-for", "chatcmpl-0123456789abcdef", json_content=json_content
    )


def answer(*messages: Mapping[str, Any], **more: object) -> dict[str, Any]:
    choices = [{"index": index, "message": message, "finish_reason": "stop"} for index, message in enumerate(messages)]
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "/srv/x.gguf",
        "choices": choices,
        **more,
    }


def chunk(delta: Mapping[str, Any], index: int = 0, finish: str | None = None, **more: object) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "/srv/x.gguf",
        "choices": [choice],
        **more,
    }


def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    borders = [0, *places, len(text)]
    return [text[start:end] for start, end in itertools.pairwise(borders)]


def deltas_of(draw: st.DrawFn, message: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the channels of a message, each as the deltas it may come in."""
    channels: list[list[dict[str, Any]]] = [
        [{name: piece} for piece in pieces_of(draw, message[name])] for name in TEXT_FIELDS if name in message
    ]
    for place, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        first = {
            "index": place,
            "id": call["id"],
            "type": "function",
            "function": {"name": function["name"], "arguments": ""},
        }
        rest = [{"index": place, "function": {"arguments": piece}} for piece in pieces_of(draw, function["arguments"])]
        channels.append([{"tool_calls": [item]} for item in (first, *rest)])
    if "function_call" in message:
        function = message["function_call"]
        rest = [{"arguments": piece} for piece in pieces_of(draw, function["arguments"])]
        channels.append([{"function_call": item} for item in ({"name": function["name"]}, *rest)])
    return channels


def interleaved(draw: st.DrawFn, channels: list[list[Any]]) -> list[Any]:
    """Return the items of all lists in one, each list in its own order."""
    left = [list(channel) for channel in channels if channel]
    out = []
    while left:
        channel = draw(st.sampled_from(left))
        out.append(channel.pop(0))
        left = [channel for channel in left if channel]
    return out


@st.composite
def spoken(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a whole answer and the chunks of the same answer."""
    messages = draw(st.lists(MESSAGES, min_size=1, max_size=3))
    lines = []
    for index, message in enumerate(messages):
        deltas = [{"role": "assistant", "content": ""}, *interleaved(draw, deltas_of(draw, message))]
        finish = [] if draw(st.integers(0, 4)) == 0 else [chunk({}, index, "stop")]
        lines.append([*(chunk(delta, index) for delta in deltas), *finish])
    return answer(*messages), interleaved(draw, lines)


def joined(chunks: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Put the chunks of a stream together, as a client does."""
    messages: dict[int, dict[str, Any]] = {}
    for item in chunks:
        for choice in item["choices"]:
            message = messages.setdefault(choice["index"], {})
            for name, value in choice["delta"].items():
                if name == "tool_calls":
                    for call in value:
                        held = message.setdefault("tool_calls", {}).setdefault(
                            call["index"], {"name": "", "arguments": ""}
                        )
                        held.setdefault("id", call.get("id"))
                        for part, text in call.get("function", {}).items():
                            held[part] += text
                elif name == "function_call":
                    held = message.setdefault(name, {"name": "", "arguments": ""})
                    for part, text in value.items():
                        held[part] += text
                elif name != "role":
                    message[name] = message.get(name, "") + value
    return messages


def comparable(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole message in the form of `joined`, without the ids that are made up."""
    result = {name: message[name] for name in TEXT_FIELDS if message.get(name)}
    calls = message.get("tool_calls") or ()
    if calls:
        result["tool_calls"] = {place: {"id": call["id"], **call["function"]} for place, call in enumerate(calls)}
    if message.get("function_call"):
        result["function_call"] = message["function_call"]
    return result


@given(spoken(), st.booleans())
def test_a_stream_says_what_the_whole_answer_says(
    both: tuple[dict[str, Any], list[dict[str, Any]]],
    json_content: bool,
) -> None:
    whole, chunks = both
    expected = chat_answer(copy.deepcopy(whole), context(json_content=json_content))
    stream = ChatStream(context(json_content=json_content))
    shown = [out for item in chunks for out in stream.feed(item)]
    shown += stream.end()
    messages = joined(shown)
    for choice in expected["choices"]:
        found = {name: value for name, value in messages[choice["index"]].items() if value}
        assert found == comparable(choice["message"])


@given(spoken())
def test_no_stranger_and_no_token_is_ever_shown(both: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    whole, chunks = both
    stream = ChatStream(context())
    shown = [out for item in chunks for out in stream.feed(item)]
    shown += stream.end()
    for said in (json.dumps(chat_answer(whole, context())), json.dumps(list(joined(shown).values()))):
        assert STRANGER not in said
        assert "198.51.100.7" not in said
        assert "EMAIL_ADDRESS_1" not in said


UNKNOWN = {
    "system_fingerprint": "fp", "service_tier": "x", "timings": {"a": 1}, "prompt": "p", "_debug": STRANGER, "host": "gpu-7",
    "metadata": {"user": STRANGER}, "prompt_logprobs": [1], "kv_transfer_params": {},
}  # fmt: skip


def test_a_whole_answer_is_built_from_what_is_known() -> None:
    message = {
        "role": "assistant", "content": "hi", "logprobs": 1, "audio": {"id": 1}, "annotations": [STRANGER], "token_ids": [1],
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}", "x": 1}, "x": STRANGER}],
    }  # fmt: skip
    value = answer(
        message,
        **UNKNOWN,
        usage={
            "prompt_tokens": 1,
            "cost": 3,
            "total_tokens": True,
            "prompt_tokens_details": {"cached_tokens": 2, "x": 1},
        },
    )
    value["choices"][0] |= {"logprobs": {"content": []}, "stop_reason": "x", "token_ids": [1]}
    assert chat_answer(value, context()) == {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "asked-for",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "hi",
                    "refusal": None,
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
    }


def test_a_chunk_is_built_from_what_is_known() -> None:
    stream = ChatStream(context())
    value = chunk({"role": "assistant", "content": "hi. ", "x": 1, "audio": {}, "logprobs": 3}, **UNKNOWN, usage=None)
    value["choices"][0] |= {"logprobs": {"content": []}, "stop_reason": "x"}
    assert list(stream.feed(value)) == [
        {
            "id": "chatcmpl-0123456789abcdef",
            "object": "chat.completion.chunk",
            "created": 1700000000,
            "model": "asked-for",
            "choices": [
                {"index": 0, "delta": {"role": "assistant", "content": "hi. "}, "logprobs": None, "finish_reason": None}
            ],
        }
    ]


@pytest.mark.parametrize("reason", ["/srv/model.gguf", STRANGER, 7, ["stop"], {}])
def test_an_unknown_finish_reason_becomes_stop(reason: object) -> None:
    value = answer({"content": "hi"})
    value["choices"][0]["finish_reason"] = reason
    assert chat_answer(value, context())["choices"][0]["finish_reason"] == "stop"
    (last,) = ChatStream(context()).feed(chunk({}, finish=reason))  # type: ignore[arg-type]
    assert last["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter", "function_call"])
def test_a_known_finish_reason_is_kept(reason: str) -> None:
    value = answer({"content": "hi"})
    value["choices"][0]["finish_reason"] = reason
    assert chat_answer(value, context())["choices"][0]["finish_reason"] == reason


@pytest.mark.parametrize("created", ["soon", True, None, STRANGER, 1.5, []])
def test_a_time_that_is_none_is_replaced(created: object) -> None:
    assert chat_answer(answer({"content": "hi"}, created=created), context())["created"] > 1_700_000_000


@pytest.mark.parametrize(
    "broken",
    [
        {}, {"choices": None}, {"choices": {}}, {"choices": [None]}, {"choices": ["x"]}, {"choices": [{}]}, {"choices": [{"message": "x"}]},
        {"choices": [{"message": {"content": 5}}]}, {"choices": [{"message": {"content": ["x"]}}]},
        {"choices": [{"index": -1, "message": {"content": "x"}}]}, {"choices": [{"index": True, "message": {"content": "x"}}]},
        {"choices": [{"index": 10**9, "message": {"content": "x"}}]}, {"choices": [{"index": "0", "message": {"content": "x"}}]},
        {"choices": [{"message": {"tool_calls": "x"}}]}, {"choices": [{"message": {"tool_calls": ["x"]}}]},
        {"choices": [{"message": {"tool_calls": [{"function": 3}]}}]}, {"choices": [{"message": {"tool_calls": [{}]}}]},
        {"choices": [{"message": {"tool_calls": [{"function": {"arguments": {"a": 1}}}]}}]},
        {"choices": [{"message": {"function_call": [1]}}]}, {"choices": [{"message": {"reasoning_content": {}}}]},
    ],
)  # fmt: skip
def test_a_whole_answer_of_another_shape_is_not_passed_on(broken: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="upstream-invalid"):
        chat_answer(broken, context())


@pytest.mark.parametrize(
    "delta",
    [
        "x", ["x"], {"content": 5}, {"content": ["x"]}, {"tool_calls": "x"}, {"tool_calls": ["x"]}, {"tool_calls": [{"index": -1}]},
        {"tool_calls": [{"index": 0, "function": "x"}]}, {"tool_calls": [{"index": 0, "function": {"arguments": {}}}]},
        {"function_call": "x"}, {"reasoning": 1}, {"tool_calls": [{"index": "0"}]},
    ],
)  # fmt: skip
def test_a_chunk_of_another_shape_is_not_passed_on(delta: Any) -> None:
    with pytest.raises(Refusal, match="upstream-invalid"):
        list(ChatStream(context()).feed(chunk(delta)))


@pytest.mark.parametrize(
    "more", [{"choices": None}, {"choices": "x"}, {"choices": [1]}, {"choices": [{"index": 10**9}]}]
)
def test_a_chunk_without_choices_is_not_passed_on(more: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="upstream-invalid"):
        list(ChatStream(context()).feed({**chunk({}), **more}))


@pytest.mark.parametrize("error", [{"message": STRANGER}, "x", None])
def test_an_error_in_a_stream_ends_it(error: object) -> None:
    with pytest.raises(Refusal, match="upstream-failed"):
        list(ChatStream(context()).feed({"error": error}))


def test_an_id_that_is_an_identifier_is_replaced() -> None:
    call = {"id": STRANGER, "function": {"name": "192.0.2.77", "arguments": "{}"}}
    shown = chat_answer(answer({"tool_calls": [call]}), context())["choices"][0]["message"]["tool_calls"][0]
    assert shown["id"] == "call_89abcdef0"
    assert shown["function"]["name"] == "unknown"


def test_usage_at_the_end_of_a_stream_is_passed_on() -> None:
    stream = ChatStream(context())
    list(stream.feed(chunk({"content": "hi"}, finish="stop")))
    (last,) = stream.feed(
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "x": STRANGER}}
    )
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def test_a_stream_is_finished_when_every_choice_is() -> None:
    stream = ChatStream(context())
    assert not stream.finished
    list(stream.feed(chunk({"content": "a"}, 0)))
    list(stream.feed(chunk({"content": "b"}, 1, "stop")))
    assert not stream.finished
    list(stream.feed(chunk({}, 0, "stop")))
    assert stream.finished


def test_what_follows_the_end_of_a_choice_is_dropped() -> None:
    stream = ChatStream(context())
    shown = [
        *stream.feed(chunk({"content": "a"}, finish="stop")),
        *stream.feed(chunk({"content": STRANGER})),
        *stream.end(),
    ]
    assert joined(shown)[0]["content"] == "a"


def test_all_passes_where_the_policy_says_so() -> None:
    loose = context()
    loose.policy = replace(DEFAULT, serve=replace(DEFAULT.serve, answer_identifiers="pass"))
    assert chat_answer(answer({"content": f"{STRANGER} EMAIL_ADDRESS_1"}), loose)["choices"][0]["message"][
        "content"
    ] == (f"{STRANGER} {JANE}")


# Completions


@given(st.lists(TEXTS, min_size=1, max_size=3), st.data())
def test_a_streamed_completion_says_what_the_whole_one_says(texts: list[str], data: st.DataObject) -> None:
    whole = {
        "created": 1,
        "choices": [{"index": index, "text": text, "finish_reason": "length"} for index, text in enumerate(texts)],
    }
    expected = [choice["text"] for choice in completion_answer(whole, context())["choices"]]
    stream = CompletionStream(context())
    shown = []
    for index, text in enumerate(texts):
        place = data.draw(st.integers(0, len(text)))
        for piece in (text[:place], text[place:]):
            shown += stream.feed({"choices": [{"index": index, "text": piece, "finish_reason": None}]})
        shown += stream.feed({"choices": [{"index": index, "text": "", "finish_reason": "length"}]})
    said = dict.fromkeys(range(len(texts)), "")
    for item in shown:
        assert item["object"] == "text_completion"
        for choice in item["choices"]:
            said[choice["index"]] += choice["text"]
    assert list(said.values()) == expected


@pytest.mark.parametrize("broken", [{}, {"choices": [{"text": 3}]}, {"choices": [{"text": ["x"]}]}, {"choices": [7]}])
def test_a_completion_of_another_shape_is_not_passed_on(broken: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="upstream-invalid"):
        completion_answer(broken, context())
    with pytest.raises(Refusal, match="upstream-invalid"):
        list(CompletionStream(context()).feed(broken))


# Embeddings


@pytest.mark.parametrize("vector", [[0.5, -1, 2e-9], [], "AACAPwAAAMA=", ""])
def test_a_vector_is_passed_on(vector: object) -> None:
    value = {
        "data": [{"embedding": vector, "index": 0, "x": STRANGER}],
        "model": "/srv/x",
        "usage": {"prompt_tokens": 2},
        "x": 1,
    }
    assert embedding_answer(value, context()) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "asked-for",
        "usage": {"prompt_tokens": 2},
    }


@pytest.mark.parametrize(
    "broken",
    [
        {}, {"data": None}, {"data": {}}, {"data": ["x"]}, {"data": [{}]}, {"data": [{"embedding": [STRANGER]}]},
        {"data": [{"embedding": STRANGER}]}, {"data": [{"embedding": [[1.0]]}]}, {"data": [{"embedding": {"a": 1}}]},
        {"data": [{"embedding": [1.0], "index": -1}]}, {"data": [{"embedding": [None]}]}, {"data": [{"embedding": "AAAA\n"}]},
    ],
)  # fmt: skip
def test_what_is_no_vector_is_not_passed_on(broken: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="upstream-invalid"):
        embedding_answer(broken, context())
