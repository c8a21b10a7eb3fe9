"""A request is accepted field by field: known, checked, masked, or refused with its path."""

from __future__ import annotations

import base64
import copy
import io
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import msgspec
import pytest
from PIL import Image

from privet.detect import Detector
from privet.policy import DEFAULT
from privet.serve.fields import Context
from privet.serve.masking import Masker, SpanCache
from privet.serve.openai_request import CHAT, COMPLETION, EMBEDDING, clean_chat, clean_completion, clean_embedding
from privet.serve.refusals import RULES, Refusal

CANARY: Final = "canary.jane@example.com"
Clean = Callable[[object, Context], dict[str, Any]]
Fields = dict[str, Any]


@cache
def finder() -> SpanCache:
    return SpanCache(Detector(tier="patterns"))


def context(body: object = None, mode: str = "tokenize") -> Context:
    return Context(DEFAULT, Masker(finder(), mode, json.dumps(body).encode()))


def cleaned(clean: Clean, body: Fields, mode: str = "tokenize") -> Fields:
    return clean(copy.deepcopy(body), context(body, mode))


def refusal(clean: Clean, body: object) -> tuple[str, str | None]:
    """Return rule and field of the refusal of a body."""
    with pytest.raises(Refusal) as raised:
        clean(body, context())
    return raised.value.rule, raised.value.param


def outcome(clean: Clean, body: Fields) -> Fields | Refusal:
    """Return what is left of a body, or the refusal of it."""
    try:
        return cleaned(clean, body)
    except Refusal as refused:
        return refused


def user(content: object = "hello", **more: object) -> Fields:
    return {"role": "user", "content": content, **more}


def chat(*messages: object, **more: object) -> Fields:
    return {"model": "m", "messages": list(messages) or [user()], **more}


@cache
def picture(kind: str = "PNG") -> str:
    stream = io.BytesIO()
    Image.new("RGB", (2, 2)).save(stream, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"


def function(**more: object) -> Fields:
    return {"type": "function", "function": {"name": "send", **more}}


SCHEMA: Final = {
    "type": "object",
    "title": "a text",
    "properties": {
        "to": {"type": "string", "description": "a text", "enum": ["a text"], "default": "a text", "maximum": 10**30}
    },
    "required": ["to"],
}


def full_chat() -> Fields:
    """Return a body with every accepted field in it, and every accepted place for a text."""
    call = {
        "id": "call_1",
        "type": "function",
        "index": 0,
        "function": {"name": "send", "arguments": '{"to": "a text"}'},
    }
    return {
        "model": "org/model:tag",
        "messages": [
            {"role": "system", "content": "a text"},
            {"role": "developer", "content": [{"type": "text", "text": "a text", "cache_control": {"type": "x"}}]},
            user([{"type": "text", "text": "a text"}, {"type": "image_url", "image_url": {"url": picture(), "detail": "low"}}]),
            user("a text", name="Jane"),
            {
                "role": "assistant", "content": "a text", "refusal": "a text", "reasoning_content": "a text", "reasoning": "a text",
                "tool_calls": [call],
                "function_call": {"name": "send", "arguments": "a text", "parsed_arguments": {"to": "x"}},
                "annotations": [], "audio": None,
                "parsed": {"to": "x"},
            },
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "a text"}]},
            {"role": "tool", "content": '{"found": ["a text", 4111]}', "tool_call_id": "call_1", "name": "send"},
            {"role": "tool", "content": [{"type": "text", "text": "a text"}], "tool_call_id": "call_1"},
            {"role": "function", "content": "a text", "name": "send"},
        ],
        "frequency_penalty": 0.5, "presence_penalty": -0.5, "repetition_penalty": 1.1, "repeat_penalty": 1, "temperature": 0.7,
        "top_p": 1, "top_k": 40, "min_p": 0.05, "typical_p": 1.0, "seed": -7, "max_tokens": 16, "min_tokens": 1, "ignore_eos": False,
        "n": 2, "best_of": 2, "stop": ["a text", "a text"], "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False, "continuous_usage_stats": True},
        "max_completion_tokens": 16,
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "x", "description": "a text", "schema": SCHEMA, "strict": True},
        },
        "tools": [
            {"type": "function", "function": {"name": "send", "description": "a text", "parameters": SCHEMA, "strict": True}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "send"}},
        "parallel_tool_calls": True,
        "functions": [{"name": "send", "description": "a text", "parameters": SCHEMA}],
        "function_call": {"name": "send"},
        "reasoning_effort": "low", "verbosity": "low", "modalities": ["text"],
        "prediction": {"type": "content", "content": [{"type": "text", "text": "a text"}]},
        "chat_template_kwargs": {"enable_thinking": False, "thinking": True},
    }  # fmt: skip


def full_completion() -> Fields:
    return {
        "model": "m",
        "prompt": ["a text", "a text"],
        "suffix": "a text",
        "stop": "a text",
        "max_tokens": 3,
        "stream": False,
        "n": 1,
    }


def full_embedding() -> Fields:
    return {
        "model": "m",
        "input": ["a text", "a text"],
        "dimensions": 8,
        "encoding_format": "base64",
        "truncate_prompt_tokens": 9,
    }


FULL: Final[dict[str, tuple[Clean, Callable[[], Fields]]]] = {
    "chat": (clean_chat, full_chat),
    "completion": (clean_completion, full_completion),
    "embedding": (clean_embedding, full_embedding),
}
Place = tuple[str | int, ...]


def places(node: object, at: Place = ()) -> Iterator[Place]:
    """Yield the place of every node of a tree, the root left out."""
    if at:
        yield at
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, (*at, key))


def at_place(body: Any, place: Place) -> Any:
    for key in place:
        body = body[key]
    return body


def with_value(body: Fields, place: Place, value: object) -> Fields:
    """Return a copy of a body with another value at a place."""
    body = copy.deepcopy(body)
    at_place(body, place[:-1])[place[-1]] = value
    return body


def path_of(place: Place) -> str:
    """Return a place in the words of the API."""
    path = ""
    for key in place:
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else key
    return path


ALL_PLACES: Final = [(name, place) for name, (_, full) in FULL.items() for place in places(full())]
TREES: Final = (
    "tools[0].function.parameters",
    "functions[0].parameters",
    "response_format.json_schema.schema",
)
IGNORED: Final = ("cache_control", "annotations", "include_obfuscation", "audio", "parsed")


def ids(cases: list[tuple[str, Place]]) -> list[str]:
    return [f"{name}: {path_of(place)}" for name, place in cases]


@pytest.mark.parametrize("name", FULL)
def test_everything_on_the_list_is_accepted(name: str) -> None:
    clean, full = FULL[name]
    body = full()
    result = cleaned(clean, body)
    assert msgspec.json.decode(msgspec.json.encode(result)) == result
    # What is not there any more was dropped on purpose.
    gone = [path_of(place) for place in places(body) if not present(result, place)]
    assert all(any(word in path for word in IGNORED) for path in gone), gone
    expected = {key: value for key, value in body.items() if key != "messages"}
    expected.get("stream_options", {}).pop("include_obfuscation", None)
    assert {key: value for key, value in result.items() if key != "messages"} == expected


def present(result: Any, place: Place) -> bool:
    try:
        at_place(result, place)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def test_the_full_bodies_hold_every_field_of_the_tables() -> None:
    """A field added to a table without a place in these tests is seen here."""
    for table, body in ((CHAT, full_chat()), (COMPLETION, full_completion()), (EMBEDDING, full_embedding())):
        for name in set(table) - set(body) - set(full_chat()):
            check = table[name]
            ctx = context()
            try:
                value = check("x", ctx, name)
            except Refusal as refused:
                assert refused.rule != "invalid-value", name  # noqa: PT017
            else:
                assert not isinstance(value, str), f"{name} is passed on and not in the full body"


@pytest.mark.parametrize(("name", "place"), ALL_PLACES, ids=ids(ALL_PLACES))
def test_a_canary_in_any_place_is_hidden_or_refused(name: str, place: Place) -> None:
    clean, full = FULL[name]
    for value in (
        CANARY,
        f"mail {CANARY} now",
        [CANARY],
        [{"type": "text", "text": CANARY}],
        {CANARY: 1},
        {"type": CANARY},
        {"text": CANARY},
    ):
        result = outcome(clean, with_value(full(), place, value))
        if isinstance(result, Refusal):
            assert result.param is not None
            # A type that nobody knows makes the whole object refused, by the field that says most about it.
            path = path_of(place).removesuffix(".type")
            assert result.param.startswith(path) or path.startswith(result.param)
        else:
            assert CANARY not in json.dumps(result)


@pytest.mark.parametrize(("name", "place"), ALL_PLACES, ids=ids(ALL_PLACES))
def test_every_text_is_masked_and_given_back(name: str, place: Place) -> None:
    clean, full = FULL[name]
    if at_place(full(), place) != "a text":
        return
    body = with_value(full(), place, f"mail {CANARY} now")
    ctx = context(body)
    result = clean(body, ctx)
    assert at_place(result, place) == "mail [EMAIL_ADDRESS_1] now"
    assert ctx.masker.values == {"[EMAIL_ADDRESS_1]": CANARY} | {
        token: value for token, value in ctx.masker.values.items() if value == "Jane"
    }


@pytest.mark.parametrize(("name", "place"), ALL_PLACES, ids=ids(ALL_PLACES))
def test_a_field_that_nobody_knows_is_refused_in_any_object(name: str, place: Place) -> None:
    clean, full = FULL[name]
    path = path_of(place)
    if not isinstance(at_place(full(), place), dict) or path.startswith(TREES) or any(word in path for word in IGNORED):
        return
    assert refusal(clean, with_value(full(), (*place, "zebra"), 1)) == ("unknown-field", f"{path}.zebra")


STRANGE: Final = (
    True, False, 0, -1, 1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "\x00", [], [[]], [None], {}, {"": None}, {"type": []}, [1, 2],
    [{"type": "text"}], {"type": "function"}, "\ud800", ["x"] * 5000,
)  # fmt: skip


@pytest.mark.parametrize(("name", "place"), ALL_PLACES, ids=ids(ALL_PLACES))
def test_no_value_breaks_anything(name: str, place: Place) -> None:
    clean, full = FULL[name]
    for value in STRANGE:
        result = outcome(clean, with_value(full(), place, value))
        assert not isinstance(result, Refusal) or result.rule in RULES


@pytest.mark.parametrize(("name", "place"), ALL_PLACES, ids=ids(ALL_PLACES))
def test_the_path_of_a_wrong_value_is_exact(name: str, place: Place) -> None:
    clean, full = FULL[name]
    path = path_of(place)
    if path.startswith((*TREES, "modalities[")) or any(word in path for word in IGNORED):
        return
    rule, param = refusal(
        clean, with_value(full(), place, 1.5 if isinstance(at_place(full(), place), str | list | dict | bool) else "x")
    )
    assert rule in {"invalid-value", "hosted-tool", "missing-field", "media-format"}
    assert param == path or (
        path.endswith(".type") and param is not None and param.startswith(path.removesuffix("type"))
    )


@pytest.mark.parametrize(("name", "place"), ALL_PLACES, ids=ids(ALL_PLACES))
def test_null_counts_as_absent(name: str, place: Place) -> None:
    clean, full = FULL[name]
    body = with_value(full(), place, None)
    without = copy.deepcopy(full())
    holder = at_place(without, place[:-1])
    if isinstance(holder, list) or path_of(place).startswith(TREES):
        return
    del holder[place[-1]]
    outcomes = []
    for item in (body, without):
        try:
            outcomes.append(json.dumps(cleaned(clean, item), sort_keys=True))
        except Refusal as refused:
            outcomes.append(f"{refused.rule} {refused.param}")
    assert outcomes[0] == outcomes[1]


REFUSED: Final[list[tuple[Fields, str, str]]] = [
    *(
        ({name: True}, "stored-state", name)
        for name in ("previous_response_id", "conversation", "background", "store", "thread_id", "id_slot")
    ),
    ({"store": 1}, "stored-state", "store"),
    ({"prompt": {"id": "p"}}, "stored-state", "prompt"),
    *(
        ({name: 5}, "token-probabilities", name)
        for name in (
            "logprobs",
            "top_logprobs",
            "echo",
            "prompt_logprobs",
            "logit_bias",
            "n_probs",
            "return_token_ids",
            "stop_token_ids",
        )
    ),
    ({"n": 5}, "too-many-choices", "n"),
    ({"best_of": 10**9}, "too-many-choices", "best_of"),
    ({"n": True}, "invalid-value", "n"),
    ({"n": 1.0}, "invalid-value", "n"),
    ({"web_search_options": {}}, "hosted-tool", "web_search_options"),
    ({"tools": [{"type": "web_search"}]}, "hosted-tool", "tools[0].type"),
    ({"tools": [function(), {"type": "mcp", "server_url": "x"}]}, "hosted-tool", "tools[1].server_url"),
    ({"tools": [{"type": ["function"]}]}, "invalid-value", "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "missing-field", "tools[0].function"),
    ({"tools": [{"type": "function", "function": {}}]}, "missing-field", "tools[0].function.name"),
    ({"tools": [function(url="http://x")]}, "unknown-field", "tools[0].function.url"),
    ({"tools": [{**function(), "function": {"name": "a b"}}]}, "invalid-value", "tools[0].function.name"),
    ({"tools": [function()] * 513}, "invalid-value", "tools"),
    ({"tool_choice": "any"}, "invalid-value", "tool_choice"),
    ({"tool_choice": {"type": "web_search"}}, "hosted-tool", "tool_choice.type"),
    ({"modalities": ["text", "audio"]}, "media-format", "modalities"),
    ({"modalities": ["audio"]}, "media-format", "modalities"),
    ({"audio": {"voice": "x"}}, "media-format", "audio"),
    ({"response_format": {"type": "json_schema"}}, "missing-field", "response_format.json_schema"),
    ({"response_format": {"type": "xml"}}, "invalid-value", "response_format.type"),
    ({"temperature": True}, "invalid-value", "temperature"),
    ({"temperature": float("nan")}, "invalid-value", "temperature"),
    ({"temperature": float("inf")}, "invalid-value", "temperature"),
    ({"temperature": 10**400}, "invalid-value", "temperature"),
    ({"temperature": "0.5"}, "invalid-value", "temperature"),
    ({"seed": 2**63}, "invalid-value", "seed"),
    ({"max_tokens": 10**30}, "invalid-value", "max_tokens"),
    ({"max_tokens": 1.5}, "invalid-value", "max_tokens"),
    ({"max_tokens": False}, "invalid-value", "max_tokens"),
    ({"stream": 1}, "invalid-value", "stream"),
    ({"stream": "true"}, "invalid-value", "stream"),
    ({"stop": ["x"] * 65}, "invalid-value", "stop"),
    ({"chat_template_kwargs": {"template": "x"}}, "unknown-field", "chat_template_kwargs.template"),
    ({"guided_json": {}}, "unknown-field", "guided_json"),
    ({"lora_request": {"path": "/x"}}, "unknown-field", "lora_request"),
    ({"Model": "x"}, "unknown-field", "Model"),
    ({"": 1}, "unknown-field", ""),
    ({"messages": []}, "invalid-value", "messages"),
    ({"messages": None}, "missing-field", "messages"),
    ({"messages": "hello"}, "invalid-value", "messages"),
    ({"messages": {"0": user()}}, "invalid-value", "messages"),
    ({"messages": ["hello"]}, "invalid-value", "messages[0]"),
    ({"messages": [user()] * 4097}, "invalid-value", "messages"),
    ({"messages": [{"content": "x"}]}, "missing-field", "messages[0].role"),
    ({"messages": [user(), {"role": "root", "content": "x"}]}, "invalid-value", "messages[1].role"),
    ({"messages": [user(7)]}, "invalid-value", "messages[0].content"),
    ({"messages": [user({"text": "x"})]}, "invalid-value", "messages[0].content"),
    ({"messages": [user(["x"])]}, "invalid-value", "messages[0].content[0]"),
    ({"messages": [user([{"type": "text"}])]}, "missing-field", "messages[0].content[0].text"),
    ({"messages": [user([{"text": "x"}])]}, "invalid-value", "messages[0].content[0].type"),
    ({"messages": [user([{"type": "text", "text": "x"}] * 1025)]}, "invalid-value", "messages[0].content"),
    ({"messages": [user(audio={"id": "x"})]}, "media-format", "messages[0].audio"),
    ({"messages": [user(tool_call_id="a b")]}, "invalid-value", "messages[0].tool_call_id"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"type": "custom"}]}]},
        "hosted-tool",
        "messages[0].tool_calls[0].type",
    ),
    ({"model": None}, "missing-field", "model"),
    ({"model": 5}, "invalid-value", "model"),
]


@pytest.mark.parametrize(
    ("more", "rule", "param"),
    REFUSED,
    ids=[f"{param} {rule} {number}" for number, (_, rule, param) in enumerate(REFUSED)],
)
def test_a_refusal_names_rule_and_field(more: Fields, rule: str, param: str) -> None:
    assert refusal(clean_chat, {**chat(), **more}) == (rule, param)


PARTS: Final = [
    ({"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}, "remote-media", "image_url.url"),
    ({"type": "image_url", "image_url": {"url": " data:image/png;base64,AA"}}, "remote-media", "image_url.url"),
    ({"type": "image_url", "image_url": "file:///etc/hostname"}, "remote-media", "image_url"),
    ({"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,AAAA"}}, "media-format", "image_url.url"),
    ({"type": "image_url", "image_url": {"url": "data:text/html,hello"}}, "media-format", "image_url.url"),
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, "media-format", "image_url.url"),
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,!!"}}, "media-format", "image_url.url"),
    ({"type": "image_url", "image_url": {"url": "data:"}}, "media-format", "image_url.url"),
    ({"type": "image_url", "image_url": {"url": 5}}, "missing-field", "image_url.url"),
    ({"type": "image_url", "image_url": {}}, "missing-field", "image_url.url"),
    ({"type": "image_url", "image_url": {"url": "data:,", "headers": {}}}, "unknown-field", "image_url.headers"),
    ({"type": "image_url"}, "missing-field", "image_url"),
    ({"type": "file", "file": {"file_id": "f"}}, "file-reference", "file"),
    ({"type": "input_file", "file_id": "f"}, "file-reference", "file_id"),
    ({"type": "input_audio", "input_audio": {"data": "AA"}}, "media-format", "input_audio"),
    ({"type": "audio_url", "audio_url": {"url": "x"}}, "remote-media", "audio_url"),
    ({"type": "video_url", "video_url": {"url": "x"}}, "remote-media", "video_url"),
    ({"type": "zebra"}, "unknown-field", "type"),
    ({"type": None}, "invalid-value", "type"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "rule", "param"), PARTS, ids=[f"{param} {rule} {number}" for number, (_, rule, param) in enumerate(PARTS)]
)
def test_a_part_that_cannot_be_cleaned_is_refused(part: Fields, rule: str, param: str) -> None:
    body = chat(user(), user([{"type": "text", "text": "x"}, part]))
    assert refusal(clean_chat, body) == (rule, f"messages[1].content[1].{param}")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_is_passed_on_as_an_image(kind: str) -> None:
    url = picture(kind)
    result = cleaned(clean_chat, chat(user([{"type": "image_url", "image_url": {"url": url, "detail": "high"}}])))
    sent = result["messages"][0]["content"][0]["image_url"]
    assert sent["detail"] == "high"
    assert sent["url"].startswith(f"data:image/{kind.lower()};base64,")
    with Image.open(io.BytesIO(base64.b64decode(sent["url"].partition(",")[2]))) as image:
        assert (image.format, image.size) == (kind, (2, 2))


STRIPPED: Final = (
    "metadata", "user", "safety_identifier", "service_tier", "prompt_cache_key", "prompt_cache_retention", "cache_salt", "cache_prompt",
    "keep_alive", "request_id", "session_id",
)  # fmt: skip


@pytest.mark.parametrize("name", STRIPPED)
@pytest.mark.parametrize("value", [CANARY, {"who": CANARY}, [CANARY], 7, True, None], ids=str)
def test_what_names_the_caller_is_stripped(name: str, value: object) -> None:
    for clean, body in (
        (clean_chat, chat()),
        (clean_completion, full_completion()),
        (clean_embedding, full_embedding()),
    ):
        assert cleaned(clean, {**body, name: value}) == cleaned(clean, body)


@pytest.mark.parametrize(
    "name", ["logprobs", "echo", "top_logprobs", "logit_bias", "background", "conversation", "audio"]
)
@pytest.mark.parametrize("off", [False, None, 0, {}, [], ""], ids=str)
def test_what_is_switched_off_is_dropped(name: str, off: object) -> None:
    assert cleaned(clean_chat, chat(**{name: off})) == chat()


def test_store_is_accepted_where_it_says_no() -> None:
    assert cleaned(clean_chat, chat(store=False)) == chat()


NAMES: Final = {
    "model-name": [
        "/srv/models/x.gguf", "./x", "../x", "x/../y", "~/x", "C:\\x", "x.gguf", "X.GGUF", "model.safetensors", "http://x", "hf.co/a/b",
        "huggingface.co/a", "a/b/c", "gpt-oss:120b-cloud", "x-cloud", "x:cloud", "ollama.com/x", "a b", "a\nb", "m\n", "é", "", "a" * 201,
        "modelscope.cn/x", "file:x/y", CANARY, "192.0.2.7", "a//b", "/", "-x", ".hidden", "a:b:c", "x\x00", "s3://x", "x.bin", "x.onnx",
    ],
    "": ["m", "llama3.2:1b", "meta-llama/Llama-3.2-1B-Instruct", "gpt-4o-mini", "Qwen/Qwen2.5-7B", "phi3:3.8b-mini", "a" * 200, "qwen2.5",
         "text-embedding-3-small", "org/model:tag", "smollm2"],
}  # fmt: skip


@pytest.mark.parametrize(("rule", "name"), [(rule, name) for rule, names in NAMES.items() for name in names])
def test_a_model_is_a_plain_name(rule: str, name: str) -> None:
    body = {**chat(), "model": name}
    if rule:
        assert refusal(clean_chat, body) == (rule, "model")
    else:
        assert cleaned(clean_chat, body)["model"] == name


def nest(depth: int, leaf: object) -> object:
    for _ in range(depth):
        leaf = {"properties": leaf}
    return leaf


def test_a_schema_may_be_deep_but_not_without_end() -> None:
    assert CANARY not in json.dumps(cleaned(clean_chat, chat(tools=[function(parameters=nest(60, CANARY))])))
    rule, param = refusal(clean_chat, chat(tools=[function(parameters=nest(70, "x"))]))
    assert (rule, param) == ("invalid-value", "tools[0].function.parameters")
    rule, param = refusal(clean_chat, chat(tools=[function(parameters=nest(900, "x"))]))
    assert (rule, param) == ("invalid-value", "tools[0].function.parameters")


def test_deep_arguments_are_masked_or_refused() -> None:
    for depth in (10, 60, 80, 5000):
        arguments = '{"a":' * depth + f'"{CANARY}"' + "}" * depth
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
        result = outcome(clean_chat, chat({"role": "assistant", "tool_calls": [call]}))
        if isinstance(result, Refusal):
            assert result.param == "messages[0].tool_calls[0].function.arguments"
        else:
            assert CANARY not in json.dumps(result)


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"to": "canary.jane\\u0040example.com"}', '{"to":"[EMAIL_ADDRESS_1]"}'),
        ('{"canary.jane@example.com": 1}', '{"[EMAIL_ADDRESS_1]":1}'),
        ('{"card": 4111111111111111}', '{"card":"[CREDIT_CARD_1]"}'),
        ('{"a" :  "plain é"}', '{"a" :  "plain é"}'),
        ('"canary.jane@example.com"', '"[EMAIL_ADDRESS_1]"'),
        ("mail canary.jane@example.com", "mail [EMAIL_ADDRESS_1]"),
        ('{"to": "canary.jane@example.com"', '{"to": "[EMAIL_ADDRESS_1]"'),
        ("", ""),
    ],
)
@pytest.mark.parametrize("where", ["tool call", "function call", "tool result"])
def test_json_in_a_text_is_masked_as_json(where: str, arguments: str, sent: str) -> None:
    call = {"name": "f", "arguments": arguments}
    message = {
        "tool call": {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": call}]},
        "function call": {"role": "assistant", "function_call": call},
        "tool result": {"role": "tool", "tool_call_id": "c", "content": arguments},
    }[where]
    (result,) = cleaned(clean_chat, chat(message))["messages"]
    if where == "tool result":
        assert result["content"] == sent
    else:
        assert (result["function_call"] if where == "function call" else result["tool_calls"][0]["function"])[
            "arguments"
        ] == sent


def test_a_participant_gets_another_name() -> None:
    body = chat(user("a", name="Jane Roe"), user("b", name="Jane Roe"), user("c", name="John"))
    names = [message["name"] for message in cleaned(clean_chat, body)["messages"]]
    assert names == ["PERSON_1", "PERSON_1", "PERSON_2"]


def test_an_id_that_is_an_identifier_becomes_a_token() -> None:
    body = chat({"role": "tool", "content": "x", "tool_call_id": "192.0.2.44"})
    assert cleaned(clean_chat, body)["messages"][0]["tool_call_id"] == "ID_1"


@pytest.mark.parametrize("prompt", [[1, 2], [[1, 2]], ["a", 1], [True]])
def test_token_ids_cannot_be_read_so_they_are_refused(prompt: object) -> None:
    assert refusal(clean_completion, {"model": "m", "prompt": prompt}) == ("token-probabilities", "prompt")
    assert refusal(clean_embedding, {"model": "m", "input": prompt}) == ("token-probabilities", "input")


@pytest.mark.parametrize("value", [5, 1.5, True, [], [None], [{}], ["x"] * 2049])
def test_an_input_that_is_no_text_is_refused(value: object) -> None:
    for clean, name in ((clean_completion, "prompt"), (clean_embedding, "input")):
        rule, param = refusal(clean, {"model": "m", name: value})
        assert rule in {"invalid-value", "token-probabilities", "media-format"}
        assert param is not None
        assert param.startswith(name)


@pytest.mark.parametrize("body", [None, [], "x", 5, True, [user()]])
def test_a_body_is_an_object(body: object) -> None:
    for clean in (clean_chat, clean_completion, clean_embedding):
        assert refusal(clean, body) == ("invalid-value", None)


@pytest.mark.parametrize("mode", ["redact", "refuse", "pass"])
def test_the_policy_decides_what_happens_to_identifiers(mode: str) -> None:
    body = chat(user(f"mail {CANARY}"))
    if mode == "refuse":
        with pytest.raises(Refusal) as raised:
            cleaned(clean_chat, body, mode)
        assert (raised.value.rule, raised.value.param) == ("identifier", "messages[0].content")
        return
    sent = cleaned(clean_chat, body, mode)["messages"][0]["content"]
    assert sent == {"redact": "mail [EMAIL_ADDRESS]", "pass": f"mail {CANARY}"}[mode]


def test_one_value_has_one_token_in_the_whole_request() -> None:
    body = chat(
        {"role": "system", "content": f"you serve {CANARY}"},
        user([{"type": "text", "text": f"{CANARY} and other@example.com"}]),
        tools=[function(description=f"mail {CANARY}")],
    )
    said = json.dumps(cleaned(clean_chat, body))
    assert said.count("[EMAIL_ADDRESS_1]") == 3
    assert said.count("[EMAIL_ADDRESS_2]") == 1


@pytest.mark.parametrize(
    "typed",
    [
        "[EMAIL_ADDRESS_1]",
        "EMAIL_ADDRESS_1",
        r"EMAIL\_ADDRESS\_1",
        r"C:\EMAIL_ADDRESS_1",
        "\nEMAIL_ADDRESS_1",
        '{"a": "EMAIL\\\\_ADDRESS_1"}',
    ],
)
def test_a_token_that_the_caller_typed_is_not_handed_out(typed: str) -> None:
    body = chat(user(f"what is {typed}? {CANARY}"))
    assert cleaned(clean_chat, body)["messages"][0]["content"].endswith("[EMAIL_ADDRESS_2]")


def test_a_typed_token_is_seen_under_the_escapes_of_json() -> None:
    raw = json.dumps(chat(user(f"EMAIL_ADDRESS_1 {CANARY}"))).replace("EMAIL_", "\\u0045MAIL\\u005F")
    result = clean_chat(json.loads(raw), Context(DEFAULT, Masker(finder(), "tokenize", raw.encode())))
    assert result["messages"][0]["content"] == "EMAIL_ADDRESS_1 [EMAIL_ADDRESS_2]"


@pytest.mark.parametrize("name", ["ssn_123-45-6789", "card_4111111111111111"])
def test_a_function_named_after_somebody_is_refused(name: str) -> None:
    tool = {"type": "function", "function": {"name": name}}
    assert refusal(clean_chat, chat(user("x"), tools=[tool])) == ("personal-name", "tools[0].function.name")
    form = {"type": "json_schema", "json_schema": {"name": name}}
    assert refusal(clean_chat, chat(user("x"), response_format=form)) == (
        "personal-name",
        "response_format.json_schema.name",
    )


@pytest.mark.parametrize("name", ["get_weather", "mcp__server-1__read_file_v2", "search2024", "fn_01HZX3"])
def test_a_common_function_name_passes(name: str) -> None:
    tool = {"type": "function", "function": {"name": name}}
    assert cleaned(clean_chat, chat(user("x"), tools=[tool]))["tools"] == [tool]


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "weights.gguf", "a..b"])
def test_what_passed_as_an_id_or_function_does_not_pass_as_a_model(name: str) -> None:
    tool = {"role": "tool", "content": "x", "tool_call_id": name}
    assert cleaned(clean_chat, chat(tool))["messages"][0]["tool_call_id"] == name
    assert refusal(clean_chat, chat(model=name)) == ("model-name", "model")
