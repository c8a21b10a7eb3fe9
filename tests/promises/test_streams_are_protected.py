"""Streams are protected too: streamed text equals text that is not streamed, however the stream is cut."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, cast

import caller
import leaks
import pytest
import upstream as upstreams
from caller import Answer, body_of, chat
from endpoint import Endpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upstream import DONE, TOKEN, Upstream

STRANGER = "jane.roe@example.org"
PROPERTY = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PIECES = (
    "hello ",
    "write to ",
    STRANGER,
    "j.doe+news@mail.example.com",
    "4111 1111 1111 1111",
    "4111-1111-1111-1112",
    "DE89 3704 0044 0532 0130 00",
    "+1 202-555-0142",
    "192.0.2.45",
    "2001:db8::7",
    "[EMAIL_ADDRESS_1]",
    "[EMAIL_ADDRESS_2]",
    "[EMAIL_ADDRESS_1",
    "[EMAIL_ADDRESS_12]",
    "[EMAIL",
    "[",
    "]",
    "@",
    ".",
    ", ",
    "\n\n",
    "a@b",
    "data: ",
    "\u00e9\u4e16\U0001f600",
    '"\\',
    "1234 5678 9012 3456",
    "12",
    "password: hunter2hunter2 ",
)


def cut(text: str, places: Iterable[int]) -> list[str]:
    """Return the text in pieces, cut at these places."""
    edges = sorted({0, len(text), *(place for place in places if 0 < place < len(text))})
    return [text[start:end] for start, end in pairwise(edges)]


def cut_bytes(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Return the bytes in pieces, cut at these places."""
    return [piece.encode("latin-1") for piece in cut(data.decode("latin-1"), places)]


def not_streamed(
    endpoint: Endpoint,
    upstream: Upstream,
    text: str,
    prompt: str,
    **more: Any,
) -> Answer:
    """Return the answer to the same prompt with the same text, not streamed."""
    upstream.script = upstreams.says(text, **more)
    return chat(endpoint, prompt)


def streamed(endpoint: Endpoint, upstream: Upstream, *pieces: bytes, prompt: str = "hello") -> Answer:
    """Return the answer to a stream of these pieces."""
    upstream.script = upstreams.raw_stream(*pieces)
    return chat(endpoint, prompt, stream=True)


def stream_of(texts: Iterable[str], name: str = "content") -> bytes:
    """Return the bytes of a stream of one choice whose deltas hold these texts."""
    if name == "arguments":
        first: dict[str, object] = {"tool_calls": [{"index": 0, **upstreams.tool_call("")}]}
        rest: Iterable[dict[str, object]] = (
            {"tool_calls": [{"index": 0, "function": {"arguments": text}}]} for text in texts
        )
        return upstreams.stream(upstreams.deltas([first, *rest]))
    return upstreams.stream(upstreams.deltas({name: text} for text in texts))


SHORT_PROMPT = "I am john@example.com"
SHORT_TEXT = f"Hi [EMAIL_ADDRESS_1], ask {STRANGER} now"
SHORT_ANSWER = "Hi john@example.com, ask [EMAIL_ADDRESS] now"


def test_at_every_byte_split_the_text_is_the_same(endpoint: Endpoint, upstream: Upstream) -> None:
    data = stream_of(cut(SHORT_TEXT, [6, 20, 33]))
    assert not_streamed(endpoint, upstream, SHORT_TEXT, SHORT_PROMPT).text == SHORT_ANSWER

    for place in range(1, len(data)):
        answer = streamed(endpoint, upstream, data[:place], data[place:], prompt=SHORT_PROMPT)
        assert answer.streamed() == SHORT_ANSWER, f"split at byte {place}"
        assert answer.is_done


def test_byte_by_byte_the_text_is_the_same(endpoint: Endpoint, upstream: Upstream) -> None:
    data = stream_of(cut(SHORT_TEXT, range(0, 60, 3)))
    pieces = [data[place : place + 1] for place in range(len(data))]

    assert streamed(endpoint, upstream, *pieces, prompt=SHORT_PROMPT).streamed() == SHORT_ANSWER


def test_at_every_event_split_the_text_is_the_same(endpoint: Endpoint, upstream: Upstream) -> None:
    for first in range(1, len(SHORT_TEXT)):
        for second in (first, first + 1, first + 7):
            answer = streamed(endpoint, upstream, stream_of(cut(SHORT_TEXT, [first, second])), prompt=SHORT_PROMPT)
            assert answer.streamed() == SHORT_ANSWER, f"split at {first} and {second}"


@pytest.mark.parametrize("name", ["content", "reasoning_content", "arguments"])
def test_letter_by_letter_every_text_is_the_same(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    text = json.dumps({"to": SHORT_TEXT}) if name == "arguments" else SHORT_TEXT
    expected = json.dumps({"to": SHORT_ANSWER}) if name == "arguments" else SHORT_ANSWER

    answer = streamed(endpoint, upstream, stream_of(text, name), prompt=SHORT_PROMPT)

    assert answer.streamed(name=name) == expected
    assert answer.is_done


@PROPERTY
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=12),
    event_places=st.lists(st.integers(1, 200), max_size=25),
    byte_places=st.lists(st.integers(1, 4000), max_size=25),
    name=st.sampled_from(["content", "reasoning_content"]),
)
def test_streamed_text_equals_text_that_is_not_streamed(
    endpoint: Endpoint,
    upstream: Upstream,
    pieces: list[str],
    event_places: list[int],
    byte_places: list[int],
    name: str,
) -> None:
    text, prompt = "".join(pieces), "I am john@example.com or anna@example.com"
    reasoning = {"reasoning": text} if name == "reasoning_content" else {}
    expected = not_streamed(endpoint, upstream, "" if reasoning else text, prompt, **reasoning)

    data = cut_bytes(stream_of(cut(text, event_places), name), byte_places)
    answer = streamed(endpoint, upstream, *data, prompt=prompt)

    assert answer.streamed(name=name) == expected.json["choices"][0]["message"].get(name, "")
    assert answer.is_done


@PROPERTY
@given(
    values=st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), min_size=1, max_size=3),
    ascii_only=st.booleans(),
    places=st.lists(st.integers(1, 300), max_size=25),
)
def test_streamed_tool_arguments_equal_those_that_are_not_streamed(
    endpoint: Endpoint, upstream: Upstream, values: list[str], places: list[int], *, ascii_only: bool
) -> None:
    arguments = json.dumps({f"x{number}": value for number, value in enumerate(values)}, ensure_ascii=ascii_only)
    prompt = "I am john@example.com or anna@example.com"
    expected = not_streamed(endpoint, upstream, "", prompt, tool_calls=[upstreams.tool_call(arguments)])
    (tool_call,) = expected.json["choices"][0]["message"]["tool_calls"]

    answer = streamed(endpoint, upstream, stream_of(cut(arguments, places), "arguments"), prompt=prompt)

    assert json.loads(answer.streamed(name="arguments")) == json.loads(tool_call["function"]["arguments"])


def test_interleaved_choices_are_the_same(endpoint: Endpoint, upstream: Upstream) -> None:
    texts = (SHORT_TEXT, f"{STRANGER} is not [EMAIL_ADDRESS_1]")
    mixing = random.Random(7)
    queues = [upstreams.deltas({"content": letter} for letter in text) for text in texts]
    for number, queue in enumerate(queues):
        for item in queue:
            item.update(choices=[{**choice, "index": number} for choice in cast("list[Any]", item["choices"])])
    chunks = []
    while any(queues):
        chunks.append(mixing.choice([queue for queue in queues if queue]).pop(0))
    upstream.script = upstreams.raw_stream(upstreams.stream(chunks))

    answer = chat(endpoint, SHORT_PROMPT, stream=True, n=2)

    assert answer.streamed(0) == SHORT_ANSWER
    assert answer.streamed(1) == "[EMAIL_ADDRESS] is not john@example.com"


def test_two_choices_in_one_event_are_the_same(endpoint: Endpoint, upstream: Upstream) -> None:
    chunks = [
        {
            **upstreams.chunk({}),
            "choices": [{"index": index, "delta": {"content": letter}} for index in (1, 0)],
        }
        for letter in SHORT_TEXT
    ]
    upstream.script = upstreams.raw_stream(upstreams.stream(chunks))

    answer = chat(endpoint, SHORT_PROMPT, stream=True, n=2)

    assert (answer.streamed(0), answer.streamed(1)) == (SHORT_ANSWER, SHORT_ANSWER)


def test_parallel_tool_calls_are_the_same(endpoint: Endpoint, upstream: Upstream) -> None:
    arguments = json.dumps({"to": SHORT_TEXT})
    pieces: list[dict[str, object]] = [
        {"tool_calls": [{"index": index, **upstreams.tool_call("", call_id=f"call_{index}")} for index in (0, 1)]}
    ]
    pieces += [
        {"tool_calls": [{"index": index, "function": {"arguments": letter}}]}
        for letter in arguments
        for index in (0, 1)
    ]
    answer = streamed(endpoint, upstream, upstreams.stream(upstreams.deltas(pieces)), prompt=SHORT_PROMPT)

    texts = {0: "", 1: ""}
    for item in answer.events[:-1]:
        for delta in (choice["delta"] for choice in item["choices"]):
            for tool_call in delta.get("tool_calls") or []:
                texts[tool_call["index"]] += tool_call["function"].get("arguments") or ""
    assert [json.loads(text) for text in texts.values()] == [{"to": SHORT_ANSWER}] * 2


def test_content_and_reasoning_do_not_mix(endpoint: Endpoint, upstream: Upstream) -> None:
    pieces: list[dict[str, object]] = []
    for letter in SHORT_TEXT:
        pieces += [{"reasoning_content": letter}, {"content": letter}]

    answer = streamed(endpoint, upstream, upstreams.stream(upstreams.deltas(pieces)), prompt=SHORT_PROMPT)

    assert answer.streamed() == answer.streamed(name="reasoning_content") == SHORT_ANSWER


def test_streamed_completions_are_the_same(endpoint: Endpoint, upstream: Upstream) -> None:
    choices = [{"index": 0, "text": letter, "finish_reason": None} for letter in SHORT_TEXT]
    choices.append({"index": 0, "text": "", "finish_reason": "stop"})
    chunks = [{**upstreams.completion(""), "choices": [choice], "usage": None} for choice in choices]
    upstream.script = upstreams.raw_stream(upstreams.stream(chunks))

    body = {"model": "mock-model", "prompt": SHORT_PROMPT, "stream": True}
    answer = caller.call(endpoint, body, caller.COMPLETIONS)

    assert answer.streamed(name="text") == SHORT_ANSWER


@pytest.mark.parametrize("end", [SHORT_TEXT, "mail jane.roe@exam", "see [EMAIL_ADDRESS_1", "card 4111 1111 11"])
def test_a_missing_done_does_not_lose_or_show_anything(endpoint: Endpoint, upstream: Upstream, end: str) -> None:
    expected = not_streamed(endpoint, upstream, end, SHORT_PROMPT).text
    data = upstreams.stream(upstreams.deltas({"content": letter} for letter in end), done=False)

    assert streamed(endpoint, upstream, data, prompt=SHORT_PROMPT).streamed() == expected


def test_a_missing_end_of_choice_does_not_lose_anything(endpoint: Endpoint, upstream: Upstream) -> None:
    chunks = [upstreams.chunk({"content": letter}) for letter in SHORT_TEXT]

    assert streamed(endpoint, upstream, upstreams.stream(chunks), prompt=SHORT_PROMPT).streamed() == SHORT_ANSWER


@pytest.mark.parametrize("path", [caller.CHAT, caller.COMPLETIONS])
def test_text_after_the_end_of_a_choice_is_not_shown_as_it_is(
    endpoint: Endpoint, upstream: Upstream, path: str
) -> None:
    """A server that ends a choice with every piece must not get an identifier past letter by letter."""
    chunks = [upstreams.chunk({"content": letter}, finish="stop") for letter in STRANGER]
    if path == caller.COMPLETIONS:
        chunks = [{**upstreams.completion(letter), "usage": None} for letter in STRANGER]
    upstream.script = upstreams.raw_stream(upstreams.stream(chunks))
    body = body_of() if path == caller.CHAT else {"model": "mock-model", "prompt": "hello"}

    answer = caller.call(endpoint, {**body, "stream": True}, path)

    assert STRANGER not in answer.streamed(name="content" if path == caller.CHAT else "text")


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_every_line_ending_and_comments_are_understood(endpoint: Endpoint, upstream: Upstream, line_end: bytes) -> None:
    data = b": keep-alive\n\nevent: message\nid: 7\n" + stream_of(cut(SHORT_TEXT, range(0, 60, 5)))
    data = data.replace(b"data: ", b"data:").replace(b"\n", line_end)

    answer = streamed(endpoint, upstream, *cut_bytes(data, range(0, len(data), 17)), prompt=SHORT_PROMPT)

    assert answer.streamed() == SHORT_ANSWER


def assert_cut_off(answer: Answer) -> None:
    """Check that the caller can see that the answer is not whole."""
    if answer.status == 200:
        has_error = any(isinstance(item, dict) and "error" in item for item in answer.events)
        assert has_error or not answer.complete, "expected an error event or a cut"
    else:
        assert 500 <= answer.status < 600
        assert answer.error


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_an_abort_at_any_byte_shows_a_prefix_of_the_protected_answer(
    endpoint: Endpoint, upstream: Upstream, *, reset: bool
) -> None:
    data = stream_of(cut(SHORT_TEXT, range(0, 60, 4)))
    whole = len(data) - len(DONE)
    for place in range(0, whole, 3):
        upstream.script = upstreams.dies(data[:place], reset=reset)
        answer = chat(endpoint, SHORT_PROMPT, stream=True)
        text = answer.streamed() if answer.status == 200 else ""
        assert SHORT_ANSWER.startswith(text), f"aborted at byte {place}"
        assert_cut_off(answer)


@pytest.mark.parametrize("start", range(1, len(STRANGER), 3))
def test_what_was_held_back_is_dropped_when_the_upstream_dies(
    endpoint: Endpoint, upstream: Upstream, start: int
) -> None:
    begun = upstreams.deltas({"content": letter} for letter in f"ask {STRANGER[:start]}")[:-1]
    upstream.script = upstreams.dies(*map(upstreams.event, begun))

    answer = chat(endpoint, "who?", stream=True)

    assert "ask [EMAIL_ADDRESS]".startswith(answer.streamed())
    assert STRANGER[: max(start, 4)].encode() not in answer.body
    assert_cut_off(answer)


def test_a_token_that_is_cut_off_is_not_shown_as_a_value(endpoint: Endpoint, upstream: Upstream) -> None:
    canary = leaks.address()
    begun = upstreams.event(upstreams.chunk({"content": "ask [EMAIL_ADDRESS_1"}))
    upstream.script = upstreams.dies(begun)

    answer = chat(endpoint, f"I am {canary.value}", stream=True)

    assert answer.streamed() in {"", "ask", "ask "}


BROKEN_EVENTS = {
    "not JSON": b"data: {" + STRANGER.encode() + b"\n\n",
    "not an event": STRANGER.encode() + b"\n\n",
    "an error": upstreams.event({"error": {"message": f"failed for {STRANGER}"}}),
    "a string": upstreams.event(STRANGER),
    "choices of another type": upstreams.event({"choices": STRANGER}),
    "a delta of another type": upstreams.event({"choices": [{"index": 0, "delta": STRANGER}]}),
    "text of another type": upstreams.event({"choices": [{"index": 0, "delta": {"content": [STRANGER]}}]}),
    "an unknown field": upstreams.event({**upstreams.chunk({"content": ""}), "note": STRANGER}),
    "an unknown field in a delta": upstreams.event(upstreams.chunk({"content": "", "note": STRANGER})),
    "an unknown field in a choice": upstreams.event(
        {"choices": [{"index": 0, "delta": {}, "note": STRANGER, "finish_reason": None}]}
    ),
    "a name of a model": upstreams.event({**upstreams.chunk({"content": ""}), "model": f"/home/{STRANGER}/m.gguf"}),
    "a fingerprint": upstreams.event({**upstreams.chunk({"content": ""}), "system_fingerprint": STRANGER}),
    "a refusal": upstreams.event(upstreams.chunk({"refusal": STRANGER})),
    "log probabilities": upstreams.event(
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {},
                    "logprobs": {"content": [{"token": STRANGER}]},
                    "finish_reason": None,
                }
            ]
        }
    ),
    "not UTF-8": b'data: {"choices": "\xff' + STRANGER.encode() + b'"}\n\n',
}


@pytest.mark.parametrize("name", BROKEN_EVENTS)
def test_an_error_path_never_shows_what_the_upstream_sent(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    first = upstreams.event(upstreams.chunk({"content": "well then, "}))

    answer = streamed(endpoint, upstream, first, BROKEN_EVENTS[name], DONE)

    assert STRANGER.encode() not in answer.body
    upstream.reset()
    assert chat(endpoint, "still there?").status == 200


ODD_VALUES: dict[str, tuple[tuple[str | int, ...], object]] = {
    "an unknown field": (("note",), STRANGER),
    "an unknown field of a choice": (("choices", 0, "note"), STRANGER),
    "an unknown field of a message": (("choices", 0, "message", "note"), STRANGER),
    "a role": (("choices", 0, "message", "role"), STRANGER),
    "a refusal": (("choices", 0, "message", "refusal"), STRANGER),
    "reasoning": (("choices", 0, "message", "reasoning"), STRANGER),
    "a sound's text": (("choices", 0, "message", "audio"), {"transcript": STRANGER}),
    "a citation": (("choices", 0, "message", "annotations"), [{"url_citation": {"title": STRANGER}}]),
    "an old function call": (("choices", 0, "message", "function_call"), {"name": "f", "arguments": STRANGER}),
    "a tool's name": (
        ("choices", 0, "message", "tool_calls"),
        [{"id": "call_1", "type": "function", "function": {"name": STRANGER, "arguments": "{}"}}],
    ),
    "a tool call's id": (
        ("choices", 0, "message", "tool_calls"),
        [{"id": STRANGER, "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    ),
    "log probabilities": (("choices", 0, "logprobs"), {"content": [{"token": STRANGER}]}),
    "a reason to finish": (("choices", 0, "finish_reason"), STRANGER),
    "an index": (("choices", 0, "index"), STRANGER),
    "a usage figure": (("usage", "prompt_tokens"), STRANGER),
    "a usage note": (("usage", "prompt_tokens_details"), {"note": STRANGER}),
    "an id": (("id",), STRANGER),
    "a date": (("created",), STRANGER),
    "a fingerprint": (("system_fingerprint",), STRANGER),
    "a model": (("model",), f"/home/{STRANGER}/model.gguf"),
}


@pytest.mark.parametrize("name", ODD_VALUES)
def test_an_answer_shows_no_identifier_in_its_other_fields(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    answer: dict[str, Any] = upstreams.whole(upstreams.message("well"))
    path, value = ODD_VALUES[name]
    place: Any = answer
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    upstream.script = lambda _request, wire: wire.json(answer)

    whole, stream = chat(endpoint, "hello"), chat(endpoint, "hello", stream=True)

    assert whole.status == 200 or whole.status >= 500
    assert STRANGER.encode() not in whole.body + stream.body


def test_tokens_keep_flowing(endpoint: Endpoint, upstream: Upstream) -> None:
    gate = threading.Event()
    text = "Hedges grow slowly, and they need water in a dry summer. " * 3
    first = b"".join(upstreams.event(upstreams.chunk({"content": word + " "})) for word in text.split())
    rest = upstreams.stream([upstreams.chunk({"content": "The end."}), upstreams.chunk({}, finish="stop")])
    upstream.script = upstreams.gated(first, gate, rest)

    seen = b""
    with caller.connect(endpoint) as connection:
        body = json.dumps({**body_of("hello"), "stream": True}).encode()
        connection.sendall(caller.request_bytes(endpoint, body, headers={"Connection": "close"}))
        while "Hedges grow" not in caller.joined(caller.events(seen)):
            piece = connection.recv(65536)
            assert piece, "expected the first words before the upstream has finished"
            seen += piece
        early = caller.joined(caller.events(seen))
        gate.set()
        seen += caller.rest_of(connection)

    assert "The end." not in early
    assert caller.joined(caller.events(seen)) == text + "The end."


def test_nothing_is_buffered_whole(endpoint: Endpoint, upstream: Upstream) -> None:
    """The caller has all but a held-back tail of a long answer while the upstream still waits."""
    gate = threading.Event()
    # Words with digits could be the beginning of many identifiers, so they are held back longest.
    words = [f"word{number} " for number in range(2000)]
    first = b"".join(upstreams.event(upstreams.chunk({"content": word})) for word in words)
    upstream.script = upstreams.gated(first, gate, upstreams.stream([upstreams.chunk({}, finish="stop")]))

    seen, most = b"", "".join(words[:1500])
    with caller.connect(endpoint) as connection:
        body = json.dumps({**body_of("hello"), "stream": True}).encode()
        connection.sendall(caller.request_bytes(endpoint, body, headers={"Connection": "close"}))
        while len(seen) < len(most) or not caller.joined(caller.events(seen)).startswith(most):
            piece = connection.recv(1 << 20)
            assert piece, "expected most of the text before the upstream has finished"
            seen += piece
        gate.set()
        seen += caller.rest_of(connection)

    assert caller.joined(caller.events(seen)) == "".join(words)


def test_usage_and_the_end_of_a_stream_come_through(endpoint: Endpoint, upstream: Upstream) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    last = {**upstreams.chunk({}), "choices": [], "usage": usage}
    data = upstreams.stream([*upstreams.deltas([{"content": "hi"}]), last])
    upstream.script = upstreams.raw_stream(data)

    answer = chat(endpoint, "hello", stream=True, stream_options={"include_usage": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.events[-2]["usage"]["total_tokens"] == 12
    assert [item["choices"][0]["finish_reason"] for item in answer.events[:-1] if item["choices"]][-1] == "stop"
    assert answer.is_done


def test_the_upstream_sees_tokens_when_it_streams(endpoint: Endpoint, upstream: Upstream) -> None:
    canary = leaks.address()

    assert chat(endpoint, f"I am {canary.value}", stream=True).streamed() == f"I am {canary.value}"
    assert TOKEN.search(upstream.last.body.decode())
    assert leaks.find([canary], {"upstream": upstream.last.body}) == []
