"""Unsafe requests are refused or cleaned by an allow-list of fields; nothing refused reaches the upstream."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import leaks
import pytest
import upstream as upstreams
from caller import CHAT, COMPLETIONS, EMBEDDINGS, Answer, body_of, call, chat
from endpoint import Endpoint, Start
from PIL import Image
from upstream import Upstream

REFUSED = {400, 403, 404, 422}
Fields = dict[str, Any]


def assert_refused(answer: Answer, upstream: Upstream, param: str | None = None) -> None:
    """Check that a request was refused for a field, and went nowhere."""
    assert answer.status in REFUSED, answer.body
    assert answer.error["code"] == "privacy_refused", answer.body
    if param is not None:
        assert param in (answer.error["param"] or ""), answer.body
    assert upstream.prompts == []


def part(**fields: object) -> Fields:
    """Return a chat body with one part beside a text."""
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, fields]}]}


def image(url: object) -> Fields:
    """Return a chat body with an image."""
    return part(type="image_url", image_url={"url": url})


def picture() -> str:
    """Return a small picture as a data URL."""
    data = io.BytesIO()
    Image.new("RGB", (4, 4), "green").save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def function(**fields: object) -> Fields:
    """Return a function tool with more fields."""
    return {"type": "function", "function": {"name": "send", "parameters": {"type": "object"}, **fields}}


CHAT_REFUSALS: dict[str, tuple[Fields, str]] = {
    "store": ({"store": True}, "store"),
    "store as a word": ({"store": "true"}, "store"),
    "store as a number": ({"store": 1}, "store"),
    "previous_response_id": ({"previous_response_id": "resp_1"}, "previous_response_id"),
    "conversation": ({"conversation": "conv_1"}, "conversation"),
    "conversation as an object": ({"conversation": {"id": "conv_1"}}, "conversation"),
    "background": ({"background": True}, "background"),
    "a stored prompt": ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    "an image over https": (image("https://example.com/x.png"), "image_url"),
    "an image over http": (image("http://192.0.2.1/x.png"), "image_url"),
    "an image in upper case": (image("HTTPS://EXAMPLE.COM/x.png"), "image_url"),
    "an image with a space before": (image(" https://example.com/x.png"), "image_url"),
    "an image without a scheme": (image("//example.com/x.png"), "image_url"),
    "an image of the machine": (image("file:///etc/passwd"), "image_url"),
    "an image by path": (image("/etc/passwd"), "image_url"),
    "an image over ftp": (image("ftp://example.com/x.png"), "image_url"),
    "an image in a bucket": (image("s3://bucket/x.png"), "image_url"),
    "an image as a string": (part(type="image_url", image_url="https://example.com/x.png"), "image_url"),
    "an image of a file id": (part(type="image_url", image_url={"file_id": "file-1"}), "image_url"),
    "an unknown field of an image": (
        part(type="image_url", image_url={"url": picture(), "zebra": 1}),
        "zebra",
    ),
    "a file id": (part(type="file", file={"file_id": "file-1"}), "file"),
    "a file's address": (part(type="file", file={"file_url": "https://example.com/x.pdf"}), "file"),
    "an input file": (part(type="input_file", file_id="file-1"), ""),
    "a video": (part(type="video_url", video_url={"url": "https://example.com/x.mp4"}), ""),
    "a sound": (part(type="audio_url", audio_url={"url": "https://example.com/x.mp3"}), ""),
    "an unknown part": (part(type="zebra", zebra="x"), ""),
    "an unknown field of a part": (part(type="text", text="x", zebra=1), "zebra"),
    "web_search_options": ({"web_search_options": {}}, "web_search_options"),
    "web_search_options with a place": (
        {"web_search_options": {"user_location": {"city": "x"}}},
        "web_search_options",
    ),
    "logprobs": ({"logprobs": True}, "logprobs"),
    "logprobs as a number": ({"logprobs": 1}, "logprobs"),
    "top_logprobs": ({"top_logprobs": 5}, "top_logprobs"),
    "prompt_logprobs": ({"prompt_logprobs": 1}, "prompt_logprobs"),
    "echo": ({"echo": True}, "echo"),
    "return_token_ids": ({"return_token_ids": True}, "return_token_ids"),
    "return_tokens_as_token_ids": ({"return_tokens_as_token_ids": True}, "return_tokens_as_token_ids"),
    "prompt_token_ids": ({"prompt_token_ids": [1, 2]}, "prompt_token_ids"),
    "stop_token_ids": ({"stop_token_ids": [1]}, "stop_token_ids"),
    "n_probs": ({"n_probs": 5}, "n_probs"),
    "logit_bias": ({"logit_bias": {"50256": -100}}, "logit_bias"),
    "five choices": ({"n": 5}, "n"),
    "very many choices": ({"n": 10**9}, "n"),
    "best of five": ({"best_of": 5}, "best_of"),
    "id_slot": ({"id_slot": 1}, "id_slot"),
    "options": ({"options": {"num_ctx": 1}}, "options"),
    "extra_body": ({"extra_body": {"store": True}}, "extra_body"),
    "chat_template": ({"chat_template": "{{ messages }}"}, "chat_template"),
    "lora": ({"lora": [{"id": 0}]}, "lora"),
    "api_key in the body": ({"api_key": "x"}, "api_key"),
    "api_base in the body": ({"api_base": "http://example.com"}, "api_base"),
    "an unknown field": ({"zebra": 1}, "zebra"),
    "an unknown field that is false": ({"zebra": False}, "zebra"),
    "an unknown field of no name": ({"": 1}, ""),
    "a known field in other letters": ({"Store": True}, "Store"),
    "a known field with a space": ({"store ": True}, "store "),
    "an unknown field of a message": ({"messages": [{"role": "user", "content": "x", "zebra": 1}]}, "zebra"),
    "a stored sound": ({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "audio"),
    "a hosted answer": ({"modalities": ["audio"]}, "modalities"),
    "an unknown stream option": ({"stream": True, "stream_options": {"zebra": 1}}, "zebra"),
    "an unknown field of a tool": ({"tools": [{**function(), "zebra": 1}]}, "zebra"),
    "an unknown field of a function": ({"tools": [function(zebra=1)]}, "zebra"),
    "a function's address": ({"tools": [function(server_url="https://example.com")]}, "server_url"),
    "an unknown field of a tool call": (
        {"messages": [{"role": "assistant", "tool_calls": [{**upstreams.tool_call("{}"), "zebra": 1}]}]},
        "zebra",
    ),
    "an unknown field of an answer's format": ({"response_format": {"type": "text", "zebra": 1}}, "zebra"),
    **{
        f"the hosted tool {kind}": ({"tools": [{"type": kind}]}, "tools")
        for kind in (
            "web_search",
            "web_search_preview",
            "mcp",
            "code_interpreter",
            "computer_use_preview",
            "computer",
            "file_search",
            "image_generation",
            "local_shell",
            "retrieval",
            "zebra",
        )
    },
    "a remote tool with an address": (
        {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://example.com/mcp"}]},
        "tools",
    ),
    "a hosted tool after a function": ({"tools": [function(), {"type": "web_search"}]}, "tools"),
}
COMPLETION_REFUSALS: dict[str, tuple[Fields, str]] = {
    "token ids": ({"prompt": [1, 2, 3]}, "prompt"),
    "lists of token ids": ({"prompt": [[1, 2], [3]]}, "prompt"),
    "token ids after a text": ({"prompt": ["x", [1]]}, "prompt"),
    "a stored prompt": ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    "logprobs": ({"logprobs": 5}, "logprobs"),
    "echo": ({"echo": True}, "echo"),
    "best of five": ({"best_of": 5}, "best_of"),
    "five choices": ({"n": 5}, "n"),
    "logit_bias": ({"logit_bias": {"1": 100}}, "logit_bias"),
    "prompt_embeds": ({"prompt_embeds": "AAAA"}, "prompt_embeds"),
    "store": ({"store": True}, "store"),
    "an unknown field": ({"zebra": 1}, "zebra"),
}
EMBEDDING_REFUSALS: dict[str, tuple[Fields, str]] = {
    "token ids": ({"input": [1, 2, 3]}, "input"),
    "lists of token ids": ({"input": [[1, 2], [3]]}, "input"),
    "an unknown field": ({"zebra": 1}, "zebra"),
    "an image": ({"input": [{"type": "image_url", "image_url": "https://example.com/x.png"}]}, "input"),
}
MODELS = (
    "/etc/passwd",
    "/models/x.gguf",
    "./x.gguf",
    "../x",
    "models/../../x",
    "~/x.gguf",
    "C:\\models\\x.gguf",
    "C:/models/x.gguf",
    "\\\\server\\share\\x",
    "http://example.com/x",
    "https://example.com/x",
    "file:///etc/passwd",
    "s3://bucket/x",
    "hf://org/x",
    "ollama://x",
    "mock-model:cloud",
    "gpt-oss:120b-cloud",
    "mock-model:CLOUD",
    "org/name:cloud",
    "x\ny",
    "x\u0000y",
    "",
    "m" * 2000,
)


@pytest.mark.parametrize("name", CHAT_REFUSALS)
def test_a_chat_field_is_refused_by_its_name(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    fields, param = CHAT_REFUSALS[name]

    assert_refused(chat(endpoint, "hello", **fields), upstream, param)


@pytest.mark.parametrize("name", COMPLETION_REFUSALS)
def test_a_completion_field_is_refused_by_its_name(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    fields, param = COMPLETION_REFUSALS[name]

    answer = call(endpoint, {"model": "mock-model", "prompt": "hello", **fields}, COMPLETIONS)

    assert_refused(answer, upstream, param)


@pytest.mark.parametrize("name", EMBEDDING_REFUSALS)
def test_an_embedding_field_is_refused_by_its_name(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    fields, param = EMBEDDING_REFUSALS[name]

    answer = call(endpoint, {"model": "mock-model", "input": "hello", **fields}, EMBEDDINGS)

    assert_refused(answer, upstream, param)


@pytest.mark.parametrize("name", ["store", "zebra", "Store", "previous_response_id"])
def test_a_top_level_field_is_named_as_it_was_sent(endpoint: Endpoint, name: str) -> None:
    assert chat(endpoint, "hello", **{name: True}).error["param"] == name


def test_a_refusal_never_shows_the_value(endpoint: Endpoint) -> None:
    canaries = [leaks.word(str(number)) for number in range(6)]
    values = [canary.value for canary in canaries]
    answers = [
        chat(endpoint, "hello", zebra=values[0]),
        chat(endpoint, "hello", previous_response_id=values[1]),
        chat(endpoint, "hello", **image(f"https://example.com/{values[2]}.png")),
        chat(endpoint, "hello", tools=[{"type": values[3]}]),
        chat(endpoint, "hello", model=f"/{values[4]}"),
        chat(endpoint, "hello", temperature=values[5]),
    ]

    for answer in answers:
        assert answer.status in REFUSED
        assert leaks.find(canaries, {"answer": answer.body, "headers": str(answer.headers).encode()}) == []


def test_every_refusal_has_an_id_of_its_own(endpoint: Endpoint) -> None:
    answers = [chat(endpoint, "hello", zebra=1) for _ in range(3)]

    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, EMBEDDINGS])
@pytest.mark.parametrize("model", MODELS, ids=[repr(model[:30]) for model in MODELS])
def test_a_model_name_that_is_a_path_an_address_or_a_cloud_is_refused(
    endpoint: Endpoint, upstream: Upstream, model: str, path: str
) -> None:
    rest = {CHAT: body_of(), COMPLETIONS: {"prompt": "hello"}, EMBEDDINGS: {"input": "hello"}}[path]

    answer = call(endpoint, {**rest, "model": model}, path)

    assert answer.status in REFUSED, answer.body
    assert answer.error["code"] in {"privacy_refused", "model_not_found"}
    assert upstream.prompts == []


@pytest.mark.parametrize("model", upstreams.MODELS)
def test_an_ordinary_model_name_is_passed_on(endpoint: Endpoint, upstream: Upstream, model: str) -> None:
    assert chat(endpoint, "hello", model=model).status == 200
    assert upstream.last.json["model"] == model


def test_hidden_spellings_of_a_field_are_seen(endpoint: Endpoint, upstream: Upstream) -> None:
    start = b'{"model": "mock-model", "messages": [{"role": "user", "content": "x"}], '
    spellings = [
        b'"st\\u006fre": true}',
        b'"store": false, "store": true}',
        b'"store": true, "store": false}',
    ]
    for spelling in spellings:
        answer = call(endpoint, start + spelling)
        # A parser may keep either of two equal names; what counts is what the upstream is told.
        if answer.status == 200:
            assert upstream.last.json.get("store") in {None, False}
            assert upstream.last.body.count(b'"store"') <= 1
            upstream.received.clear()
        else:
            assert_refused(answer, upstream, "store")


@pytest.mark.parametrize("query", ["api_key={}", "key={}", "access_token={}", "api-key={}", "token={}", "API_KEY={}"])
@pytest.mark.parametrize("with_header", [True, False])
def test_a_key_in_the_query_is_refused(
    endpoint: Endpoint, upstream: Upstream, query: str, *, with_header: bool
) -> None:
    path = f"{CHAT}?{query.format(endpoint.key)}"

    answer = call(endpoint, body_of(), path, key="" if with_header else None)

    assert answer.status in {400, 401, 403}
    assert answer.error
    if with_header:
        assert answer.error["code"] == "privacy_refused"
    assert upstream.prompts == []


def test_a_cookie_is_refused(endpoint: Endpoint, upstream: Upstream) -> None:
    assert_refused(call(endpoint, body_of(), headers={"Cookie": "session=1"}), upstream)


ORIGINS = (
    "http://example.com",
    "https://example.com",
    "null",
    "http://127.0.0.1:1",
    "http://127.0.0.1.example.com",
    "x",
)


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/", "/health"])
def test_a_foreign_origin_is_refused(endpoint: Endpoint, upstream: Upstream, path: str, origin: str) -> None:
    answer = call(endpoint, body_of() if path == CHAT else None, path, headers={"Origin": origin})

    assert answer.status in {400, 403}
    assert answer.error["code"] == "privacy_refused"
    assert "access-control-allow-origin" not in answer.headers
    assert upstream.prompts == []


def test_a_foreign_origin_may_not_ask_before_it_calls(endpoint: Endpoint) -> None:
    headers = {"Origin": "http://example.com", "Access-Control-Request-Method": "POST"}

    answer = call(endpoint, path=CHAT, method="OPTIONS", headers=headers, key=None)

    assert answer.status >= 400
    assert "access-control-allow-origin" not in answer.headers


def test_its_own_page_may_call(endpoint: Endpoint) -> None:
    own = {"Origin": f"http://127.0.0.1:{endpoint.port}"}

    assert call(endpoint, body_of(), headers=own).status == 200


HOSTS = (
    "example.com",
    "127.0.0.1.example.com",
    "localhost.example.com:{}",
    "192.0.2.1:{}",
    "127.0.0.1:1",
    "",
    "a b",
)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/", "/health"])
def test_a_foreign_host_is_refused(endpoint: Endpoint, upstream: Upstream, path: str, host: str) -> None:
    headers = {"Host": host.format(endpoint.port)}

    answer = call(endpoint, body_of() if path == CHAT else None, path, headers=headers)

    assert answer.status in {400, 403, 421}
    assert answer.error
    assert upstream.prompts == []


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}"])
def test_its_own_host_is_answered(endpoint: Endpoint, host: str) -> None:
    assert call(endpoint, body_of(), headers={"Host": host.format(endpoint.port)}).status == 200


STRIPPED: Fields = {
    "metadata": {"person": "zebra-metadata"},
    "user": "zebra-user",
    "safety_identifier": "zebra-safety",
    "service_tier": "flex",
    "prompt_cache_key": "zebra-cache-key",
    "cache_salt": "zebra-cache-salt",
}


@pytest.mark.parametrize("name", STRIPPED)
def test_a_field_that_names_the_caller_is_stripped(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    answer = chat(endpoint, "hello", **{name: STRIPPED[name]})

    assert answer.status == 200, answer.body
    sent = upstream.last.json
    if name != "cache_salt":
        assert name not in sent
    assert b"zebra" not in upstream.last.body


def test_the_cache_salt_is_ours_and_of_the_key(endpoint: Endpoint, upstream: Upstream, start_endpoint: Start) -> None:
    for salt in ({"cache_salt": "zebra"}, {}, {"cache_salt": "other"}):
        assert chat(endpoint, "hello", **salt).status == 200
    salts = [request.json["cache_salt"] for request in upstream.prompts]

    assert len(set(salts)) == 1
    assert len(salts[0]) >= 16
    assert endpoint.key is not None
    assert endpoint.key not in salts[0]
    other = start_endpoint("--upstream", upstream.url)
    assert chat(other, "hello").status == 200
    assert upstream.last.json["cache_salt"] != salts[0]


OFF: dict[str, Fields] = {
    "store off": {"store": False},
    "store null": {"store": None},
    "logprobs off": {"logprobs": False},
    "logprobs null": {"logprobs": None, "top_logprobs": None},
    "one choice": {"n": 1},
    "four choices": {"n": 4},
    "nulls": dict.fromkeys(
        ("metadata", "user", "stop", "tools", "tool_choice", "logit_bias", "seed", "n", "max_tokens")
    ),
    "no bias": {"logit_bias": {}},
    "background off": {"background": False},
    "no earlier answer": {"previous_response_id": None},
    "no search": {"web_search_options": None},
    "echo off": {"echo": False},
    "text format": {"response_format": {"type": "text"}},
    "json format": {"response_format": {"type": "json_object"}},
    "sampling": {
        "temperature": 0.2,
        "top_p": 0.9,
        "max_tokens": 5,
        "max_completion_tokens": 5,
        "presence_penalty": 0,
        "frequency_penalty": 0.5,
        "seed": 7,
        "stop": ["END"],
    },
    "tools": {
        "tools": [function(description="sends", strict=True)],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    },
    "a chosen tool": {
        "tools": [function()],
        "tool_choice": {"type": "function", "function": {"name": "send"}},
    },
    "text modality": {"modalities": ["text"]},
    "usage in the stream": {"stream": True, "stream_options": {"include_usage": True}},
    "reasoning effort": {"reasoning_effort": "low"},
    "an answer as the SDK gives it back": {
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": "hello",
                "refusal": None,
                "annotations": [],
                "audio": None,
                "function_call": None,
                "tool_calls": None,
            },
            {"role": "user", "content": "and now?"},
        ]
    },
    "an image in the request": image(picture()),
    "an image in the request with a detail": part(type="image_url", image_url={"url": picture(), "detail": "low"}),
}


@pytest.mark.parametrize("name", OFF)
def test_what_ordinary_clients_send_is_answered(endpoint: Endpoint, upstream: Upstream, name: str) -> None:
    answer = chat(endpoint, "hello", **OFF[name])

    assert answer.status == 200, answer.body
    assert len(upstream.prompts) == 1
    assert not upstream.last.json.get("store")


@pytest.mark.parametrize(
    "fields",
    [
        {
            "echo": False,
            "logprobs": None,
            "best_of": 1,
            "n": 1,
            "suffix": None,
            "max_tokens": 5,
            "temperature": 0,
        },
        {"stream": False, "stop": None, "user": "zebra", "logit_bias": {}},
    ],
)
def test_what_ordinary_clients_send_for_completions_is_answered(endpoint: Endpoint, fields: Fields) -> None:
    assert call(endpoint, {"model": "mock-model", "prompt": "hello", **fields}, COMPLETIONS).text == "hello"


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_what_ordinary_clients_send_for_embeddings_is_answered(endpoint: Endpoint, encoding: str) -> None:
    body = {
        "model": "mock-model",
        "input": ["a", "b"],
        "encoding_format": encoding,
        "dimensions": 2,
        "user": "zebra",
    }

    answer = call(endpoint, body, EMBEDDINGS)

    assert answer.status == 200, answer.body
    assert len(answer.json["data"]) == 2


def test_the_list_of_models_is_answered(endpoint: Endpoint) -> None:
    answer = call(endpoint, path="/v1/models")

    assert answer.status == 200
    assert {item["id"] for item in answer.json["data"]} == set(upstreams.MODELS)
    assert call(endpoint, path="/v1/models/mock-model").json["id"] == "mock-model"


ABSENT = [
    ("POST", "/v1/files"),
    ("GET", "/v1/files"),
    ("GET", "/v1/files/file-1/content"),
    ("POST", "/v1/uploads"),
    ("POST", "/v1/batches"),
    ("POST", "/v1/fine_tuning/jobs"),
    ("POST", "/v1/assistants"),
    ("POST", "/v1/threads"),
    ("POST", "/v1/vector_stores"),
    ("POST", "/v1/conversations"),
    ("GET", "/v1/chat/completions/chatcmpl-1"),
    ("GET", "/v1/responses/resp_1"),
    ("GET", "/v1/organization/users"),
    ("GET", "/v1/organization/admin_api_keys"),
    ("POST", "/admin"),
    ("GET", "/slots"),
    ("POST", "/slots/0?action=save"),
    ("GET", "/props"),
    ("POST", "/props"),
    ("GET", "/lora-adapters"),
    ("POST", "/completion"),
    ("POST", "/infill"),
    ("POST", "/tokenize"),
    ("POST", "/detokenize"),
    ("POST", "/apply-template"),
    ("POST", "/reset_prefix_cache"),
    ("POST", "/sleep"),
    ("POST", "/v1/load_lora_adapter"),
    ("GET", "/server_info"),
    ("POST", "/api/pull"),
    ("DELETE", "/api/delete"),
    ("POST", "/shutdown"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/openapi.json"),
    ("GET", "/debug/pprof"),
    ("GET", "/.env"),
    ("GET", "/privet.toml"),
    ("GET", "/../privet.css"),
    ("GET", "/%2e%2e/%2e%2e/etc/passwd"),
    ("POST", "/v1/chat/completions/../files"),
    ("POST", "/v1//chat/completions"),
]


@pytest.mark.parametrize(("method", "path"), ABSENT)
def test_routes_that_keep_or_administer_do_not_exist(
    endpoint: Endpoint, upstream: Upstream, method: str, path: str
) -> None:
    answer = call(endpoint, {} if method == "POST" else None, path, method=method)

    assert answer.status == 404
    assert answer.error
    assert upstream.prompts == []


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/v1/models/mock-model"), ("GET", CHAT), ("PUT", CHAT)])
def test_other_methods_do_not_exist(endpoint: Endpoint, upstream: Upstream, method: str, path: str) -> None:
    answer = call(endpoint, None if method == "GET" else {}, path, method=method)

    assert answer.status in {404, 405}
    assert answer.error
    assert upstream.prompts == []


def test_an_image_loses_its_metadata(endpoint: Endpoint, upstream: Upstream) -> None:
    canary, data = leaks.word(), io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = canary.value
    exif.get_ifd(0x8825)[0x001D] = "2001:01:01"
    Image.new("RGB", (32, 32), "blue").save(data, "JPEG", exif=exif, comment=canary.value.encode())
    url = "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
    assert leaks.find([canary], {"before": data.getvalue()})

    assert chat(endpoint, "hello", **image(url)).status == 200

    sent = upstream.last.json["messages"][0]["content"][1]["image_url"]["url"]
    kept = base64.b64decode(sent.partition(",")[2])
    assert leaks.find([canary], {"after": upstream.last.body, "image": kept}) == []
    with Image.open(io.BytesIO(kept)) as opened:
        assert opened.size == (32, 32)
        assert dict(opened.getexif()) == {}


def test_nothing_but_the_cleaned_body_is_forwarded(endpoint: Endpoint, upstream: Upstream) -> None:
    assert chat(endpoint, "hello", temperature=0.5, user="zebra").status == 200

    allowed = {"model", "messages", "temperature", "cache_salt", "stream"}
    assert set(upstream.last.json) <= allowed
    assert json.loads(upstream.last.body)["temperature"] == 0.5
