"""The model sees no identifier: it gets tokens, and the caller gets the values back."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import leaks
import pytest
import upstream as upstreams
from caller import CHAT, COMPLETIONS, EMBEDDINGS, Answer, body_of, call, chat
from endpoint import Endpoint, Start
from upstream import TOKEN, Upstream

CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"
Body = dict[str, Any]


def address() -> str:
    """Return a new mail address."""
    return leaks.address().value


def tool(**function: object) -> Body:
    """Return a function tool."""
    return {"type": "function", "function": {"name": "send", **function}}


def schema_with(**more: object) -> Body:
    """Return a JSON schema with one property."""
    return {"type": "object", "properties": {"to": {"type": "string", **more}}}


def with_messages(*messages: Body) -> Body:
    """Return a chat body with these messages before the user's."""
    return body_of(messages=[*messages, {"role": "user", "content": "hello"}])


def called(arguments: str) -> tuple[Body, Body]:
    """Return the messages of a tool call and its result."""
    return (
        {"role": "assistant", "content": None, "tool_calls": [upstreams.tool_call(arguments)]},
        {"role": "tool", "tool_call_id": "call_1", "content": "done"},
    )


def json_format(schema: Body) -> Body:
    """Return the field that asks for an answer of a shape."""
    return {"type": "json_schema", "json_schema": {"name": "mail", "schema": schema}}


CHAT_PLACES: dict[str, Callable[[str], Body]] = {
    "a message": body_of,
    "a message of parts": lambda text: body_of([{"type": "text", "text": "see"}, {"type": "text", "text": text}]),
    "an earlier message": lambda text: with_messages({"role": "user", "content": text}),
    "an earlier answer": lambda text: with_messages({"role": "assistant", "content": text}),
    "an earlier answer of parts": lambda text: with_messages(
        {"role": "assistant", "content": [{"type": "text", "text": text}]}
    ),
    "earlier reasoning": lambda text: with_messages({"role": "assistant", "content": "so", "reasoning_content": text}),
    "a refusal": lambda text: with_messages({"role": "assistant", "content": None, "refusal": text}),
    "system text": lambda text: with_messages({"role": "system", "content": text}),
    "system text of parts": lambda text: with_messages({"role": "system", "content": [{"type": "text", "text": text}]}),
    "developer text": lambda text: with_messages({"role": "developer", "content": text}),
    "tool arguments": lambda text: with_messages(*called(json.dumps({"to": text}))),
    "escaped tool arguments": lambda text: with_messages(
        *called('{"to": "' + "".join(f"\\u{ord(x):04x}" for x in text) + '"}')
    ),
    "names in tool arguments": lambda text: with_messages(*called(json.dumps({text: "to"}))),
    "tool arguments that are not JSON": lambda text: with_messages(*called(f"to={text}")),
    "a tool result": lambda text: with_messages(
        called("{}")[0], {"role": "tool", "tool_call_id": "call_1", "content": text}
    ),
    "a tool result of parts": lambda text: with_messages(
        called("{}")[0],
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": text}]},
    ),
    "a tool result in JSON": lambda text: with_messages(
        called("{}")[0], {"role": "tool", "tool_call_id": "call_1", "content": json.dumps({"found": [text]})}
    ),
    "a tool description": lambda text: body_of(tools=[tool(description=text)]),
    "a description in a schema": lambda text: body_of(tools=[tool(parameters=schema_with(description=text))]),
    "an enum": lambda text: body_of(tools=[tool(parameters=schema_with(enum=["nobody", text]))]),
    "a default": lambda text: body_of(tools=[tool(parameters=schema_with(default=text))]),
    "a constant": lambda text: body_of(tools=[tool(parameters=schema_with(const=text))]),
    "an example": lambda text: body_of(tools=[tool(parameters=schema_with(examples=[text]))]),
    "a property's name": lambda text: body_of(
        tools=[tool(parameters={"type": "object", "properties": {text: {"type": "string"}}})]
    ),
    "an answer's schema": lambda text: body_of(response_format=json_format(schema_with(enum=[text], description=text))),
    "stop sequences": lambda text: body_of(stop=[text, "END"]),
    "a stop sequence": lambda text: body_of(stop=text),
}
COMPLETION_PLACES: dict[str, Callable[[str], Body]] = {
    "a prompt": lambda text: {"model": "mock-model", "prompt": text},
    "prompts": lambda text: {"model": "mock-model", "prompt": ["hello", text]},
    "a stop sequence of a prompt": lambda text: {"model": "mock-model", "prompt": "hello", "stop": [text]},
}
EMBEDDING_PLACES: dict[str, Callable[[str], Body]] = {
    "an input": lambda text: {"model": "mock-model", "input": text},
    "inputs": lambda text: {"model": "mock-model", "input": ["hello", text]},
}
PLACES = {
    **{name: (CHAT, place) for name, place in CHAT_PLACES.items()},
    **{name: (COMPLETIONS, place) for name, place in COMPLETION_PLACES.items()},
    **{name: (EMBEDDINGS, place) for name, place in EMBEDDING_PLACES.items()},
}
TEXTS: dict[str, Callable[[], str]] = {
    "address": address,
    "address in a sentence": lambda: f"write to <{address()}> today",
    "card": lambda: f"my card is {CARD}",
    "iban": lambda: f"IBAN {IBAN}",
}


def identifiers_in(text: str) -> list[str]:
    """Return the identifiers in one of our texts."""
    return re.findall(rf"[a-z]+@example\.com|{CARD}|{IBAN}", text)


def decoded(value: object) -> str:
    """Return every string below a JSON value, with JSON inside strings decoded as a chat template does."""
    if isinstance(value, dict):
        return "\n".join(decoded(item) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return "\n".join(map(decoded, value))
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        return value + "\n" + decoded(inner) if isinstance(inner, dict | list) else value
    return ""


OTHER_FIELDS: dict[str, Callable[[str], Body]] = {
    "a suffix": lambda text: body_of(suffix=text),
    "a prediction": lambda text: body_of(prediction={"type": "content", "content": text}),
    "an old function": lambda text: body_of(functions=[{"name": "send", "description": text}]),
    "an old function call": lambda text: with_messages(
        {"role": "assistant", "content": None, "function_call": {"name": "send", "arguments": json.dumps([text])}}
    ),
    "an old function result": lambda text: with_messages({"role": "function", "name": "send", "content": text}),
    "a speaker's name": lambda text: with_messages({"role": "user", "name": text, "content": "x"}),
    "a function's name": lambda text: body_of(tools=[{"type": "function", "function": {"name": text}}]),
    "a chosen function's name": lambda text: body_of(
        tools=[tool()], tool_choice={"type": "function", "function": {"name": text}}
    ),
    "a called function's name": lambda text: with_messages(
        {"role": "assistant", "tool_calls": [upstreams.tool_call("{}", name=text)]}
    ),
    "a tool call's id": lambda text: with_messages(
        {"role": "assistant", "tool_calls": [upstreams.tool_call("{}", call_id=text)]}
    ),
    "a tool result's id": lambda text: with_messages({"role": "tool", "tool_call_id": text, "content": "x"}),
    "a schema's name": lambda text: body_of(
        response_format={"type": "json_schema", "json_schema": {"name": text, "schema": schema_with()}}
    ),
    "a schema's description": lambda text: body_of(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "mail", "description": text, "schema": schema_with()},
        }
    ),
    "a title": lambda text: body_of(tools=[tool(parameters=schema_with(title=text))]),
    "a pattern": lambda text: body_of(tools=[tool(parameters=schema_with(pattern=text))]),
    "a comment": lambda text: body_of(tools=[tool(parameters={"type": "object", "$comment": text})]),
    "a definition's name": lambda text: body_of(tools=[tool(parameters={"type": "object", "$defs": {text: {}}})]),
    "a required name": lambda text: body_of(tools=[tool(parameters={"type": "object", "required": [text]})]),
    "a chat template's word": lambda text: body_of(chat_template_kwargs={"note": text}),
    "documents": lambda text: body_of(documents=[{"text": text}]),
    "a grammar": lambda text: body_of(grammar=f'root ::= "{text}"'),
    "guided choices": lambda text: body_of(guided_choice=[text]),
    "a model": lambda text: body_of(model=text),
    "a seed": lambda text: body_of(seed=text),
    "an effort": lambda text: body_of(reasoning_effort=text),
}


def assert_unseen(upstream: Upstream, identifier: str) -> None:
    """Check that no request that reached the upstream held the identifier, in any form."""
    assert upstream.prompts, "expected the request to reach the upstream"
    for request in upstream.prompts:
        assert identifier not in decoded(request.json)
        assert identifier.encode() not in request.body + request.head


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("place", PLACES)
def test_an_identifier_becomes_a_token_before_the_model(
    endpoint: Endpoint, upstream: Upstream, place: str, kind: str
) -> None:
    path, build = PLACES[place]
    text = TEXTS[kind]()
    (identifier,) = identifiers_in(text)

    answer = call(endpoint, build(text), path)

    assert answer.status == 200, answer.body
    assert_unseen(upstream, identifier)
    assert TOKEN.search(upstream.last.body.decode()), "expected a token in the identifier's place"


PROGRAMS_OWN = (
    "names in tool arguments", "a tool description", "a description in a schema", "an enum", "a default", "a constant", "an example",
    "a property's name", "an answer's schema",
)  # fmt: skip
"""Where a name is a product, a property or a choice that a program relies on."""


@pytest.mark.parametrize("place", sorted(PLACES.keys() - set(PROGRAMS_OWN)))
def test_a_persons_name_becomes_a_token_before_the_model(endpoint: Endpoint, upstream: Upstream, place: str) -> None:
    path, build = PLACES[place]

    answer = call(endpoint, build("My name is Angela Merkel."), path)

    assert answer.status == 200, answer.body
    assert_unseen(upstream, "Angela")
    assert_unseen(upstream, "Merkel")
    assert "[PERSON_1]" in upstream.last.body.decode()


@pytest.mark.parametrize("place", PROGRAMS_OWN)
def test_what_a_program_relies_on_keeps_its_names(endpoint: Endpoint, upstream: Upstream, place: str) -> None:
    path, build = PLACES[place]

    answer = call(endpoint, build("Angela Merkel"), path)

    assert answer.status == 200, answer.body
    assert "Angela Merkel" in decoded(upstream.last.json)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_caller_gets_names_back(endpoint: Endpoint, upstream: Upstream, *, stream: bool) -> None:
    text = "Angela Merkel met Emmanuel Macron in Berlin."

    answer = chat(endpoint, text, stream=stream)

    assert (answer.streamed() if stream else answer.text) == text
    assert upstream.last.json["messages"][0]["content"] == "[PERSON_1] met [PERSON_2] in Berlin."


@pytest.mark.parametrize("place", OTHER_FIELDS)
def test_any_other_field_with_an_identifier_is_refused_or_masked(
    endpoint: Endpoint, upstream: Upstream, place: str
) -> None:
    identifier = address()

    answer = call(endpoint, OTHER_FIELDS[place](identifier))

    if answer.status == 200:
        assert_unseen(upstream, identifier)
    else:
        assert answer.status in {400, 404, 422}
        assert identifier.encode() not in answer.body
        assert upstream.prompts == []


@pytest.mark.parametrize("place", [*CHAT_PLACES, *COMPLETION_PLACES])
def test_the_caller_gets_the_identifier_back(endpoint: Endpoint, upstream: Upstream, place: str) -> None:
    path, build = PLACES[place]
    upstream.script = upstreams.utter_tokens()
    identifier = address()

    answer = call(endpoint, build(identifier), path)

    assert answer.status == 200, answer.body
    # Where JSON was asked for, a value that stands alone is put back as a string of JSON.
    assert answer.text.strip('"') == identifier
    assert_unseen(upstream, identifier)


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_in_json_stays_json(endpoint: Endpoint, upstream: Upstream, kind: str, *, stream: bool) -> None:
    known, stranger = address(), address()
    said = json.dumps({"to": "[EMAIL_ADDRESS_1]", "cc": [stranger], "text": 'a "quoted" \\ line\n', "n": 1.5})
    upstream.script = upstreams.says(said)
    asked: Body = {"type": kind} if kind == "json_object" else json_format(schema_with())

    answer = chat(endpoint, f"I am {known}", response_format=asked, stream=stream)

    text = answer.streamed() if stream else answer.text
    expected = {"to": known, "cc": ["[EMAIL_ADDRESS]"], "text": 'a "quoted" \\ line\n', "n": 1.5}
    assert json.loads(text) == expected


def test_the_caller_gets_it_back_in_a_stream(endpoint: Endpoint, upstream: Upstream) -> None:
    text = f"I am {address()}, my card {CARD}."

    assert chat(endpoint, text, stream=True).streamed() == text
    for identifier in identifiers_in(text):
        assert_unseen(upstream, identifier)


def test_the_caller_gets_it_back_in_tool_arguments(endpoint: Endpoint, upstream: Upstream) -> None:
    identifier = address()

    def script(request: upstreams.Received, wire: upstreams.Wire) -> None:
        (token,) = TOKEN.findall(request.body.decode())
        calls = [upstreams.tool_call(json.dumps({"to": token, "text": "hi"}))]
        upstreams.says("", tool_calls=calls)(request, wire)

    upstream.script = script
    fields = {"tools": [tool(parameters=schema_with())]}
    whole = chat(endpoint, f"write to {identifier}", **fields)
    stream = chat(endpoint, f"write to {identifier}", stream=True, **fields)

    (tool_call,) = whole.json["choices"][0]["message"]["tool_calls"]
    assert json.loads(tool_call["function"]["arguments"]) == {"to": identifier, "text": "hi"}
    assert json.loads(stream.streamed(name="arguments")) == {"to": identifier, "text": "hi"}
    assert_unseen(upstream, identifier)


@pytest.mark.parametrize("spelling", ['C:\\Users\\"{}"', 'say "{}"\n\ttwice', "{}"])
def test_tool_arguments_stay_valid_json(endpoint: Endpoint, upstream: Upstream, spelling: str) -> None:
    arguments = {"text": spelling.format(address()), "more": ["\u2028", "\\"]}

    answer = call(endpoint, with_messages(*called(json.dumps(arguments))))

    assert answer.status == 200, answer.body
    (sent,) = (item["tool_calls"] for item in upstream.last.json["messages"] if "tool_calls" in item)
    seen = json.loads(sent[0]["function"]["arguments"])
    assert set(seen) == {"text", "more"}
    assert seen["more"] == ["\u2028", "\\"]


def test_the_same_value_has_the_same_token(endpoint: Endpoint, upstream: Upstream) -> None:
    one, two = address(), address()
    messages = [
        {"role": "system", "content": f"help {one}"},
        {"role": "user", "content": f"{one} wrote to {two}; {one} again"},
    ]

    answer = call(endpoint, body_of(messages=messages))

    assert answer.text == messages[1]["content"]
    tokens = TOKEN.findall(upstream.last.body.decode())
    assert len(tokens) == 4
    assert len(set(tokens)) == 2


def test_an_identifier_of_the_models_own_becomes_a_label(endpoint: Endpoint, upstream: Upstream) -> None:
    stranger = address()
    upstream.script = upstreams.says(f"Ask {stranger} or {CARD}.", reasoning=f"maybe {stranger}")

    whole, stream = chat(endpoint, "who knows?"), chat(endpoint, "who knows?", stream=True)

    assert whole.text == "Ask [EMAIL_ADDRESS] or [CREDIT_CARD]."
    assert whole.json["choices"][0]["message"]["reasoning_content"] == "maybe [EMAIL_ADDRESS]"
    assert stream.streamed() == whole.text
    assert stream.streamed(name="reasoning_content") == "maybe [EMAIL_ADDRESS]"
    assert stranger.encode() not in whole.body + stream.body


def test_an_identifier_of_the_models_own_in_tool_arguments_becomes_a_label(
    endpoint: Endpoint, upstream: Upstream
) -> None:
    stranger = address()
    escaped = stranger.replace("@", "\\u0040")
    for spelled in (stranger, escaped):
        upstream.script = upstreams.says("", tool_calls=[upstreams.tool_call('{"to": "' + spelled + '"}')])
        answer = chat(endpoint, "go on")
        (tool_call,) = answer.json["choices"][0]["message"]["tool_calls"]
        assert json.loads(tool_call["function"]["arguments"]) == {"to": "[EMAIL_ADDRESS]"}


def test_an_identifier_of_the_prompt_may_be_said_by_the_model_itself(endpoint: Endpoint, upstream: Upstream) -> None:
    known, stranger = address(), address()
    upstream.script = upstreams.says(f"{known} and {stranger}")

    assert chat(endpoint, f"I am {known}").text == f"{known} and [EMAIL_ADDRESS]"


def test_a_token_that_the_model_makes_up_stands_for_nothing(endpoint: Endpoint, upstream: Upstream) -> None:
    upstream.script = upstreams.says("[EMAIL_ADDRESS_7] [CREDIT_CARD_1] [EMAIL_ADDRESS_01] [PASSWORD_1]")
    known = address()

    answer = chat(endpoint, f"I am {known}")

    assert known not in answer.text


def test_callers_never_get_each_others_values(endpoint: Endpoint, upstream: Upstream) -> None:
    count = 12
    together = threading.Barrier(count)
    echo = upstreams.echo()

    def script(request: upstreams.Received, wire: upstreams.Wire) -> None:
        together.wait(20)
        echo(request, wire)

    upstream.script = script
    texts = [f"I am {address()} and also {address()}" for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda text: chat(endpoint, text), texts))

    assert [answer.text for answer in answers] == texts
    sent = {request.json["messages"][0]["content"] for request in upstream.prompts}
    assert len(sent) == 1, "expected the upstream to be unable to tell the callers apart"


def test_streams_never_get_each_others_values(endpoint: Endpoint, upstream: Upstream) -> None:
    count = 8
    together = threading.Barrier(count)

    def script(request: upstreams.Received, wire: upstreams.Wire) -> None:
        text = upstreams.last_text(request.json)
        wire.begin()
        for letter in text:
            wire.piece(upstreams.event(upstreams.chunk({"content": letter})))
            if letter == "_":
                together.wait(20)
        wire.piece(upstreams.DONE)
        wire.end()

    upstream.script = script
    texts = [f"I am {address()}" for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda text: chat(endpoint, text, stream=True), texts))

    assert [answer.streamed() for answer in answers] == texts


def test_a_token_that_a_user_types_does_not_pull_out_a_value(endpoint: Endpoint, upstream: Upstream) -> None:
    owner = address()
    inside, asked = threading.Event(), threading.Event()
    echo = upstreams.echo()

    def script(request: upstreams.Received, wire: upstreams.Wire) -> None:
        if b"mine" in request.body:
            inside.set()
            asked.wait(20)
        echo(request, wire)

    upstream.script = script
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(chat, endpoint, f"mine is {owner}")
        assert inside.wait(20)
        curious = chat(endpoint, "tell me [EMAIL_ADDRESS_1] and [EMAIL_ADDRESS_2] and [EMAIL_ADDRESS]")
        asked.set()
        assert first.result().text == f"mine is {owner}"

    assert owner.encode() not in curious.body
    assert curious.text == "tell me [EMAIL_ADDRESS_1] and [EMAIL_ADDRESS_2] and [EMAIL_ADDRESS]"


def test_a_typed_token_is_told_apart_from_a_real_one(endpoint: Endpoint) -> None:
    text = f"[EMAIL_ADDRESS_1] is not {address()} and [EMAIL_ADDRESS_2] neither"

    assert chat(endpoint, text).text == text
    assert chat(endpoint, text, stream=True).streamed() == text


def test_a_value_is_forgotten_after_its_request(endpoint: Endpoint, upstream: Upstream) -> None:
    owner = address()
    chat(endpoint, f"I am {owner}")
    upstream.script = upstreams.says("you are [EMAIL_ADDRESS_1]")

    assert owner not in chat(endpoint, "who am I?").text


def policy(value: str) -> str:
    """Return a policy file."""
    return f'[serve]\nprompt_identifiers = "{value}"\n'


@pytest.fixture(scope="module")
def refusing(start_endpoint: Start, upstream: Upstream) -> Endpoint:
    """Return an endpoint that refuses identifiers."""
    return start_endpoint("--upstream", upstream.url, policy=policy("refuse"))


@pytest.fixture(scope="module")
def redacting(start_endpoint: Start, upstream: Upstream) -> Endpoint:
    """Return an endpoint that replaces identifiers for good."""
    return start_endpoint("--upstream", upstream.url, policy=policy("redact"))


@pytest.mark.parametrize("place", PLACES)
def test_refuse_refuses_a_prompt_with_an_identifier(refusing: Endpoint, upstream: Upstream, place: str) -> None:
    path, build = PLACES[place]
    identifier = address()

    answer = call(refusing, build(identifier), path)

    assert answer.status in {400, 403, 422}, answer.body
    assert answer.error["code"] == "privacy_refused"
    assert identifier.encode() not in answer.body
    assert upstream.prompts == []


def test_refuse_lets_other_prompts_through(refusing: Endpoint) -> None:
    assert chat(refusing, "what is a hedge?").text == "what is a hedge?"


@pytest.mark.parametrize("place", PLACES)
def test_redact_replaces_an_identifier_for_good(redacting: Endpoint, upstream: Upstream, place: str) -> None:
    path, build = PLACES[place]
    identifier = address()

    answer: Answer = call(redacting, build(identifier), path)

    assert answer.status == 200, answer.body
    assert_unseen(upstream, identifier)
    assert identifier.encode() not in answer.body


def test_redact_does_not_put_it_back(redacting: Endpoint) -> None:
    assert chat(redacting, f"I am {address()}").text == "I am [EMAIL_ADDRESS]"
    assert chat(redacting, f"I am {address()}", stream=True).streamed() == "I am [EMAIL_ADDRESS]"


def test_passing_identifiers_through_takes_an_exception(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> None:
    import endpoint as endpoints

    arguments = ("--upstream", upstream.url, "--port", str(endpoints.free_port()))
    status, output, error = endpoints.run(*arguments, folder=tmp_path_factory.mktemp("pass"), policy=policy("pass"))

    assert status == 2
    assert "prompt_identifiers" in error
    assert output == ""
