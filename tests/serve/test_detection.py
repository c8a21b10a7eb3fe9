"""What the endpoint looks for: names beside patterns in prompts, patterns alone in what programs rely on and, by default, in answers."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.detect import Detector, names
from privet.errors import Unprotected
from privet.policy import DEFAULT, Policy
from privet.records import NAMES_KINDS, Span
from privet.serve.answer_text import AnswerText
from privet.serve.detection import Detection, PeopleDetector
from privet.serve.fields import Context
from privet.serve.masking import Masker, SpanCache
from privet.serve.models import Models
from privet.serve.openai_request import clean_chat
from privet.serve.relay import ENDPOINTS, Relay
from privet.serve.selftest import Recorder

PEOPLE = "Angela Merkel met Emmanuel Macron in Berlin"
HINTS = frozenset(("LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "NRP", "OCCUPATION", "MISC", "QUANTITY"))
PIECES = (
    "Angela Merkel ", "Emmanuel Macron", " met ", "Berlin", "\n", " ", ", ", "jane@example.com", "https://example.com/a_b ",
    "+1 415 555 0100", "4111 1111 1111 1111", "password: hunter2 ", "Dr. ", "i am ", "Zoë ", "\ud800", "[PERSON_1] ",
    "the hedge grows slowly ",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@cache
def detection() -> Detection:
    return Detection.of(DEFAULT)


def with_serve(**changes: object) -> Policy:
    return replace(DEFAULT, serve=replace(DEFAULT.serve, **changes))  # type: ignore[arg-type]


def masked(body: dict[str, Any], policy: Policy = DEFAULT) -> dict[str, Any]:
    """Return a chat body as the model would see it."""
    raw = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hello"}], **body})
    found = detection() if policy == DEFAULT else Detection.of(policy)
    masker = Masker(found.prompt, policy.serve.prompt_identifiers, raw)
    return clean_chat(msgspec.json.decode(raw), Context(policy, masker))


def said(text: str, **more: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text, **more}]}


def test_people_are_masked_and_places_are_not() -> None:
    assert masked(said(PEOPLE))["messages"][0]["content"] == "[PERSON_1] met [PERSON_2] in Berlin"


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "Write a poem",
        "What is the capital of France?",
        "Explain quicksort in Python",
        "def add(a, b):\n    return a + b",
        "You are a helpful assistant.",
    ],
)
def test_an_ordinary_prompt_stays_as_it_is(text: str) -> None:
    assert masked(said(text))["messages"][0]["content"] == text


def test_a_name_has_one_token_in_a_request() -> None:
    sent = masked({"messages": [{"role": "system", "content": PEOPLE}, {"role": "user", "content": f"Yes: {PEOPLE}"}]})
    first, second = (message["content"] for message in sent["messages"])
    assert second == f"Yes: {first}"


def test_more_kinds_are_masked_where_the_policy_says_so() -> None:
    policy = with_serve(prompt_kinds_shown=DEFAULT.serve.prompt_kinds_shown - {"LOCATION"})
    assert masked(said(PEOPLE), policy)["messages"][0]["content"] == "[PERSON_1] met [PERSON_2] in [LOCATION_1]"


def test_a_kind_that_is_not_looked_for_is_not_masked() -> None:
    policy = replace(DEFAULT, detect=replace(DEFAULT.detect, kinds=DEFAULT.detect.kinds - {"PERSON"}))
    assert masked(said(PEOPLE), policy)["messages"][0]["content"] == PEOPLE


def test_the_default_kinds() -> None:
    assert DEFAULT.serve.prompt_kinds_shown == HINTS
    assert DEFAULT.serve.answer_kinds_shown == HINTS | {"PERSON", "ID_NUMBER"} == NAMES_KINDS


def called(arguments: str, result: str) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": arguments}}
    return {
        "messages": [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": result},
        ]
    }


def test_names_in_arguments_and_results_are_masked() -> None:
    sent = masked(called('{"name": "Angela Merkel", "place": "Berlin"}', '{"Angela Merkel": ["Emmanuel Macron"]}'))
    call, result = sent["messages"]
    assert call["tool_calls"][0]["function"]["arguments"] == '{"name":"[PERSON_1]","place":"Berlin"}'
    assert result["content"] == '{"[PERSON_1]":["[PERSON_2]"]}'


def test_a_program_s_own_words_are_left_alone() -> None:
    """A schema's keys and choices, a tool's description, names of functions, keys of arguments, numbers."""
    schema = {
        "type": "object",
        "properties": {
            "Angela Merkel": {"type": "string", "enum": ["Emmanuel Macron", "Jane Doe"], "title": "Jane Doe"}
        },
        "required": ["Angela Merkel"],
    }
    function = {"name": "jane", "description": f"Asks {PEOPLE}", "parameters": schema}
    body = {
        **said("hello"),
        "model": "jane-doe",
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "jane"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "emmanuel", "description": PEOPLE, "schema": schema},
        },
    }
    assert masked(body) == body
    history = called('{"Angela Merkel":"Berlin","order":12345678}', "done")
    assert masked(history)["messages"] == history["messages"]


def test_patterns_in_a_program_s_own_words_are_masked() -> None:
    function = {"name": "ask", "description": "mail jane@example.com", "parameters": {"enum": ["jane@example.com"]}}
    sent = masked({**said("hello"), "tools": [{"type": "function", "function": function}]})["tools"][0]["function"]
    assert sent == {
        "name": "ask",
        "description": "mail [EMAIL_ADDRESS_1]",
        "parameters": {"enum": ["[EMAIL_ADDRESS_1]"]},
    }


@given(TEXTS)
def test_what_a_pattern_finds_stays_covered(text: str) -> None:
    patterns = detection().prompt.plain.find(text)
    spans = detection().prompt.detector.find(text)
    covered = {place for span in spans for place in range(span.start, span.end)}
    assert covered.issuperset(place for span in patterns for place in range(span.start, span.end))
    assert all(first.end <= second.start for first, second in pairwise(spans))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@given(TEXTS, st.integers(20, 200))
def test_windows_find_what_one_look_finds(text: str, size: int) -> None:
    whole = people().find(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "PIECE_CHARS", size)
        assert [span[:3] for span in people().find(text)] == [span[:3] for span in whole]


@cache
def people() -> PeopleDetector:
    return PeopleDetector(DEFAULT.detect, Detector(DEFAULT.detect, "patterns"))


def test_what_stands_left_of_the_start_is_context_only() -> None:
    text = f"name: {PEOPLE}"
    spans = people().find(text, 6)
    assert text[spans[0].start : spans[0].end] == "Angela Merkel"
    assert people().find("Angela Merkel", 7)[0].start == 7


def answered(policy: Policy, text: str, size: int) -> str:
    found = Detection.of(policy)
    masker = Masker(found.prompt, "tokenize", b"")
    channel = AnswerText(found.answer, masker, redact=True, min_score=0.5)
    out = "".join(channel.feed(text[at : at + size]) for at in range(0, len(text), size))
    return out + channel.close()


def test_an_answer_may_name_people() -> None:
    text = f"{PEOPLE}, and wrote to jane@example.com about it."
    assert not detection().names_in_answers
    assert answered(DEFAULT, text, 3) == f"{PEOPLE}, and wrote to [EMAIL_ADDRESS] about it."


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_answer_names_nobody_where_the_policy_says_so(size: int) -> None:
    policy = with_serve(answer_kinds_shown=DEFAULT.serve.answer_kinds_shown - {"PERSON"})
    assert Detection.of(policy).names_in_answers
    expected = "[PERSON] met [PERSON] in Berlin, and wrote to [EMAIL_ADDRESS]."
    assert answered(policy, f"{PEOPLE}, and wrote to jane@example.com.", size) == expected


def test_a_model_without_weights_is_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_package: str) -> object:
        raise FileNotFoundError

    names.network.cache_clear()
    monkeypatch.setattr(names, "files", missing)
    with pytest.raises(Unprotected):
        Detection.of(DEFAULT)


class Watcher:
    """A detector that notes in which thread it works."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def find(self, text: str, start: int = 0) -> tuple[Span, ...]:
        """Find nothing."""
        del text, start
        self.threads.add(threading.get_ident())
        return ()


@pytest.mark.parametrize(("words", "aside"), [(5, False), (40, False), (200, True), (20_000, True)])
def test_long_prompts_are_read_beside_the_event_loop(words: int, *, aside: bool) -> None:
    watcher, recorder = Watcher(), Recorder()
    relay = Relay(DEFAULT, recorder, Models(recorder), replace(detection(), prompt=SpanCache(watcher)))
    body = msgspec.json.encode({"model": "m", **said("hedge " * words)})

    async def prepare() -> int:
        await relay.prepare(ENDPOINTS["/v1/chat/completions"], body)
        return threading.get_ident()

    loop_thread = asyncio.run(prepare())
    assert watcher.threads
    assert (loop_thread not in watcher.threads) == aside
