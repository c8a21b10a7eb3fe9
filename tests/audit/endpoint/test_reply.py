from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.reply import Reply, is_stream, reply_of

_ANY: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_KINDS = (
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
    "text/html",
    "",
    "TEXT/EVENT-STREAM; charset=x",
)
_NAMES = ("choices", "message", "delta", "usage", "index", "content", "error", "completion_tokens", "finish_reason")


def reply(body: bytes | str | Any, kind: str = "application/json", status: int = 200) -> Reply:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return reply_of(Answer(status, (("content-type", kind),), raw, "", 0.0))


def chunk(text: str, index: int = 0, field: str = "content") -> dict[str, Any]:
    return {"id": "a", "object": "chunk", "choices": [{"index": index, "delta": {"role": "assistant", field: text}}]}


def events(*documents: Any, end: str = "\n\n") -> str:
    return "".join(f"data: {json.dumps(document)}{end}" for document in documents) + f"data: [DONE]{end}"


@given(st.binary(max_size=400), st.sampled_from(_KINDS))
def test_any_bytes_give_a_reply(body: bytes, kind: str) -> None:
    got = reply(body, kind)
    assert all(text.encode() is not None for text in got.channels.values())
    assert got.tokens >= 0


@given(_ANY, st.sampled_from(_KINDS))
def test_every_string_of_any_json_is_in_the_reply(value: Any, kind: str) -> None:
    def strings(inner: Any) -> list[str]:
        if isinstance(inner, dict):
            return [text for each in inner.values() for text in strings(each)]
        if isinstance(inner, list):
            return [text for each in inner for text in strings(each)]
        return [inner] if isinstance(inner, str) and inner.isascii() and inner.isprintable() else []

    whole = reply(value, kind).everything
    assert all(text in whole for text in strings(value))


@given(st.dictionaries(st.sampled_from(_NAMES), _ANY, max_size=6))
def test_known_fields_may_hold_anything(value: dict[str, Any]) -> None:
    for kind in _KINDS[:2]:
        got = reply(value if kind == _KINDS[0] else events(value, value), kind)
        assert 0 <= got.tokens < 2**21
        assert isinstance(got.finish, str)


@given(
    st.lists(st.text(alphabet="abc d", min_size=1, max_size=5), min_size=1, max_size=8),
    st.sampled_from(["\n\n", "\r\n\r\n", "\n", "\r\r"]),
)
def test_a_stream_reads_as_one_text(words: list[str], end: str) -> None:
    got = reply(events(*(chunk(word) for word in words), end=end), "text/event-stream")
    assert got.said == "".join(words)
    assert got.is_model


def test_choices_of_a_stream_are_not_mixed_up() -> None:
    got = reply(events(chunk("am", 0), chunk("co", 1), chunk("ber", 0), chunk("balt", 1)), "text/event-stream")
    assert got.channels["choices.delta.content"] == "amber\ncobalt"


def test_marks_of_a_piece_are_said_once() -> None:
    got = reply(events(*(chunk(word) for word in "abc")), "text/event-stream")
    assert got.channels["choices.delta.role"] == "assistant"
    assert got.channels["id"] == "a"


@pytest.mark.parametrize("field", ["reasoning_content", "x_secret", "refusal"])
def test_pieces_of_any_field_of_a_stream_are_put_together(field: str) -> None:
    got = reply(events(chunk("amber-an", field=field), chunk("vil-12345", field=field)), "text/event-stream")
    assert "amber-anvil-12345" in got.everything


def test_arguments_of_tools_are_put_together() -> None:
    def call(part: str) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}}]}

    got = reply(events(call('{"a": "amb'), call('er"}')), "text/event-stream")
    assert got.channels["choices.delta.tool_calls.function.arguments"] == '{"a": "amber"}'


def test_events_of_the_responses_api_are_put_together() -> None:
    documents = [{"type": "response.output_text.delta", "output_index": 0, "delta": part} for part in ("am", "ber")]
    assert "amber" in reply(events(*documents), "text/event-stream").everything


def test_data_of_several_lines_is_one_document() -> None:
    pretty = json.dumps(chunk("amber"), indent=1).splitlines()
    body = "event: message\n" + "".join(f"data: {line}\n" for line in pretty) + "\n"
    assert reply(body, "text/event-stream").said == "amber"


def test_comments_ids_and_other_lines_of_a_stream_are_read() -> None:
    body = f": amber\nid: cobalt\nevent: message\n{events(chunk('hi'))}silver\ndata: not json\n\n"
    whole = reply(body, "text/event-stream").everything
    assert all(word in whole for word in ("amber", "cobalt", "silver", "not json", "hi"))


def test_lines_of_json_are_a_stream() -> None:
    body = "\n".join(json.dumps({"message": {"role": "assistant", "content": part}}) for part in ("am", "ber"))
    for kind in ("application/x-ndjson", "application/json", "text/plain"):
        assert reply(body, kind).said == "amber"


def test_lines_between_lines_of_json_are_read() -> None:
    body = "\n".join(
        [json.dumps({"response": "a"}), "amber", json.dumps({"response": "b"}), json.dumps({"response": "c"})]
    )
    assert "amber" in reply(body, "text/plain").everything


def test_what_is_no_json_is_its_own_text() -> None:
    assert reply("<html>amber</html>", "text/html").channels == {"body": "<html>amber</html>"}
    assert reply(b"\xff\xfe\x00amber", "").channels["body"].endswith("amber")
    assert reply('{"a": "amber"', "").everything == '{"a": "amber"'
    assert reply("", "").channels == {}


def test_names_of_fields_are_read_where_they_are_no_usual_names() -> None:
    got = reply({"top_logprobs": {"jane@example.com": -0.1}, "a b": {"c": "amber"}})
    assert set(got.channels["names"].splitlines()) == {"jane@example.com", "a b"}
    assert got.channels["other.c"] == "amber"


def test_numbers_of_seven_digits_are_read() -> None:
    assert reply({"n": 2025550143, "m": 12, "k": True}).channels == {"n": "2025550143"}
    assert reply('{"n": ' + "9" * 6000 + "}").everything


@pytest.mark.parametrize(
    "body",
    [
        '{"choices": [{"text": "amber", "logprob": NaN}]}',
        '{"choices": [{"text": "amber\\ud800"}]}',
        '\ufeff{"choices": [{"text": "amber"}]}',
    ],
)
def test_what_servers_send_that_is_not_quite_json_is_read(body: str) -> None:
    got = reply(body)
    assert got.said.startswith("amber")
    assert got.said.encode()
    assert got.is_model


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        "7",
        {"completion_tokens": "7"},
        {"completion_tokens": -9},
        {"completion_tokens": 10**30},
        {"completion_tokens": 1.5},
    ],
)
def test_odd_counts_of_tokens_give_nothing_back(usage: Any) -> None:
    assert 0 <= reply({"choices": [{"text": "amber anvil"}], "usage": usage}).tokens <= 2**20


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 50_000, b'{"a":' * 900 + b'"amber"' + b"}" * 900])
def test_deep_json_is_no_error(body: bytes) -> None:
    got = reply(body)
    assert got.everything
    assert b"amber" not in body or "amber" in got.everything


def test_large_answers_take_time_that_grows_with_them() -> None:
    shapes = {
        "text/event-stream": [
            b"data: x\n" * 100_000,
            b"data: {\n" * 100_000,
            events(*([chunk("a")] * 5_000)).encode(),
        ],
        "application/json": [b"[" + b'"a",' * 100_000 + b'"b"]', b"{}\n" * 100_000, b'{"a": "' + b"x" * 1_000_000],
    }
    for kind, bodies in shapes.items():
        for body in bodies:
            begun = time.process_time()
            reply(body, kind)
            assert time.process_time() - begun < 2


def test_a_stream_is_told_by_type_and_by_look() -> None:
    assert is_stream(reply(events(chunk("a")), "text/plain").answer)
    assert is_stream(reply("", "text/event-stream").answer)
    assert not is_stream(reply({"a": 1}).answer)


def test_an_answer_that_failed_is_no_model_s() -> None:
    assert not reply({"choices": [{"text": "amber"}]}, status=500).is_model
    assert not reply({"error": {"message": "amber"}}).is_model
    assert reply({"choices": [{"text": "amber", "finish_reason": "length"}]}).finish == "length"
    assert reply({"response": "amber", "done_reason": "stop"}).finish == "stop"
