"""Clients as people have them, unchanged but for address and key: an address goes in, the model never sees it, the answer has it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import openai
import pydantic
import pytest
import upstream as upstreams
from endpoint import Endpoint
from upstream import Received, Upstream, Wire

JANE: Final = "jane.roe@example.com"
ASKED: Final = f"Write to {JANE} please."
TOKEN: Final = "[EMAIL_ADDRESS_1]"
SECONDS: Final = 60
TOOL: Final[Any] = {
    "type": "function",
    "function": {
        "name": "send",
        "description": "Send a mail.",
        "parameters": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
    },
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the clients from looking for anything but what they are told."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _never_seen(upstream: Upstream) -> Any:
    """Check after every test that something was asked, and that the model server saw no address and no key."""
    yield
    seen = b"".join(request.head + request.body for request in upstream.received)
    assert b"jane.roe" not in seen
    assert b"privet_" not in seen


def base_url(endpoint: Endpoint) -> str:
    return f"{endpoint.url}/v1"


def key_of(endpoint: Endpoint) -> str:
    assert endpoint.key is not None
    return endpoint.key


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with openai.OpenAI(base_url=base_url(endpoint), api_key=key_of(endpoint), max_retries=0) as client:
        yield client


def user(text: str = ASKED) -> Any:
    return [{"role": "user", "content": text}]


# OpenAI's own


def test_openai_chat(client: openai.OpenAI, upstream: Upstream) -> None:
    answer = client.chat.completions.create(
        model="mock-model", messages=user(), temperature=0.2, user="jane.roe", metadata={"who": JANE}, store=False
    )
    assert answer.choices[0].message.content == ASKED
    assert answer.model == "mock-model"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    assert answer._request_id is not None
    assert upstream.last.json["messages"][0]["content"] == ASKED.replace(JANE, TOKEN)


def test_openai_stream(client: openai.OpenAI) -> None:
    pieces = client.chat.completions.create(
        model="mock-model", messages=user(), stream=True, stream_options={"include_usage": True}
    )
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == ASKED


def test_openai_stream_helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="mock-model", messages=user()) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message
    assert "content.done" in kinds
    assert message.content == ASKED


def test_openai_async(endpoint: Endpoint) -> None:
    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(base_url=base_url(endpoint), api_key=key_of(endpoint), max_retries=0) as client:

            async def streamed(number: int) -> str:
                stream = await client.chat.completions.create(
                    model="mock-model", messages=user(f"{number} {ASKED}"), stream=True
                )
                return "".join([piece.choices[0].delta.content or "" async for piece in stream])

            return await asyncio.gather(*map(streamed, range(8)))

    assert asyncio.run(ask()) == [f"{number} {ASKED}" for number in range(8)]


@pytest.mark.parametrize("stream", [False, True])
def test_openai_tools(client: openai.OpenAI, upstream: Upstream, stream: bool) -> None:
    upstream.script = upstreams.says("", tool_calls=[upstreams.tool_call(f'{{"to": "{TOKEN}"}}')])
    if stream:
        with client.chat.completions.stream(model="mock-model", messages=user(), tools=[TOOL]) as events:
            message: Any = events.get_final_completion().choices[0].message
    else:
        message = (
            client.chat.completions.create(model="mock-model", messages=user(), tools=[TOOL], tool_choice="auto")
            .choices[0]
            .message
        )
    (call,) = message.tool_calls
    assert call.function.name == "send"
    assert json.loads(call.function.arguments) == {"to": JANE}
    # And the history goes back as the SDK writes it.
    upstream.script = upstreams.says(f"sent to {TOKEN}")
    history = [*user(), message, {"role": "tool", "tool_call_id": call.id, "content": f'{{"sent": "{JANE}"}}'}]
    second = client.chat.completions.create(model="mock-model", messages=history, tools=[TOOL])
    assert second.choices[0].message.content == f"sent to {JANE}"


def test_openai_json_mode(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script = upstreams.says(json.dumps({"to": TOKEN, "cc": "john.doe@example.org"}))
    answer = client.chat.completions.create(
        model="mock-model", messages=user(), response_format={"type": "json_object"}
    )
    assert json.loads(answer.choices[0].message.content or "") == {"to": JANE, "cc": "[EMAIL_ADDRESS]"}


class Mail(pydantic.BaseModel):
    to: str
    subject: str


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_openai_parse(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script = upstreams.says(json.dumps({"to": TOKEN, "subject": 'say "hi"'}))
    answer = client.chat.completions.parse(model="mock-model", messages=user(), response_format=Mail)
    message: Any = answer.choices[0].message
    assert message.parsed == Mail(to=JANE, subject='say "hi"')
    # The history goes back as it came, with what the SDK has read from it.
    upstream.script = upstreams.says(f"sent to {TOKEN}")
    second = client.chat.completions.create(model="mock-model", messages=[*user(), message, *user("And now?")])
    assert second.choices[0].message.content == f"sent to {JANE}"


def test_openai_completion(client: openai.OpenAI) -> None:
    assert client.completions.create(model="mock-model", prompt=ASKED).choices[0].text == ASKED
    pieces = client.completions.create(model="mock-model", prompt=ASKED, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == ASKED


def test_openai_embeddings(client: openai.OpenAI, upstream: Upstream) -> None:
    answer = client.embeddings.create(model="mock-model", input=[ASKED, "hello"])
    assert [row.embedding for row in answer.data] == [[0.25, -0.5]] * 2
    assert upstream.last.json["input"][0] == ASKED.replace(JANE, TOKEN)


def test_openai_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == list(upstreams.MODELS)
    assert client.models.retrieve("llama3.2:1b").id == "llama3.2:1b"
    assert client.models.retrieve(upstreams.MODELS[2]).id == upstreams.MODELS[2]


def test_openai_errors(client: openai.OpenAI, upstream: Upstream) -> None:
    with pytest.raises(openai.AuthenticationError) as authentication:
        client.with_options(api_key="wrong").chat.completions.create(model="mock-model", messages=user())
    assert authentication.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="mock-model", messages=user(), logprobs=True)
    assert (bad.value.code, bad.value.param) == ("privacy_refused", "logprobs")
    assert bad.value.request_id
    with pytest.raises(openai.BadRequestError) as unknown:
        client.chat.completions.create(model="mock-model", messages=user(), extra_body={"zebra": 1})
    assert (unknown.value.code, unknown.value.param) == ("privacy_refused", "zebra")
    with pytest.raises(openai.NotFoundError) as absent:
        client.models.retrieve("nobody")
    assert absent.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="mock-model", input=ASKED)
    upstream.script = upstreams.fails(b"{}", status=429)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="mock-model", messages=user())
    upstream.script = upstreams.fails(b"{}", status=500)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="mock-model", messages=user())


def test_openai_error_in_a_stream(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script = upstreams.dies(upstreams.event(upstreams.chunk({"content": "half of it. "})))
    said = ""
    with pytest.raises(openai.APIError) as raised:  # noqa: PT012  (it fails in the middle)
        for piece in client.chat.completions.create(model="mock-model", messages=user(), stream=True):
            said += piece.choices[0].delta.content or ""
    assert said == "half of it. "
    assert raised.value.code == "upstream_failed"


def test_openai_retries_where_the_upstream_is_busy(client: openai.OpenAI, upstream: Upstream) -> None:
    def busy_once(request: Received, wire: Wire) -> None:
        upstream.script = upstreams.echo()
        upstreams.fails(b"{}", status=429)(request, wire)

    upstream.script = busy_once
    answer = client.with_options(max_retries=1).chat.completions.create(model="mock-model", messages=user())
    assert answer.choices[0].message.content == ASKED


# LangChain


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """Return a client whose connections are closed after the test; those that the libraries keep themselves stay open."""
    with httpx.Client() as client:
        yield client


@pytest.fixture
def langchain(endpoint: Endpoint, http: httpx.Client) -> Any:
    module = pytest.importorskip("langchain_openai")
    return module.ChatOpenAI(
        model="mock-model", base_url=base_url(endpoint), api_key=key_of(endpoint), max_retries=0, http_client=http
    )


def test_langchain_invoke_and_stream(langchain: Any) -> None:
    assert langchain.invoke(ASKED).content == ASKED
    assert "".join(piece.content for piece in langchain.stream(ASKED)) == ASKED
    assert [answer.content for answer in langchain.batch([ASKED, "two"])] == [ASKED, "two"]


def test_langchain_tools(langchain: Any, upstream: Upstream) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    upstream.script = upstreams.says("", tool_calls=[upstreams.tool_call(f'{{"to": "{TOKEN}"}}')])
    bound = langchain.bind_tools([TOOL])
    message = bound.invoke([HumanMessage(ASKED)])
    assert message.tool_calls[0]["args"] == {"to": JANE}
    upstream.script = upstreams.says(f"sent to {TOKEN}")
    answer = bound.invoke(
        [HumanMessage(ASKED), message, ToolMessage(f"sent to {JANE}", tool_call_id=message.tool_calls[0]["id"])]
    )
    assert answer.content == f"sent to {JANE}"


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
def test_langchain_structured_output(langchain: Any, upstream: Upstream, method: str) -> None:
    said = json.dumps({"to": TOKEN, "subject": "hi"})
    called = method == "function_calling"
    upstream.script = upstreams.says(
        "" if called else said, tool_calls=[upstreams.tool_call(said, name="Mail")] if called else ()
    )
    assert langchain.with_structured_output(Mail, method=method).invoke(ASKED) == Mail(to=JANE, subject="hi")


def embeddings(endpoint: Endpoint, **more: object) -> Any:
    module = pytest.importorskip("langchain_openai")
    return module.OpenAIEmbeddings(
        model="mock-model", base_url=base_url(endpoint), api_key=key_of(endpoint), max_retries=0, **more
    )


def test_langchain_embeddings(endpoint: Endpoint, upstream: Upstream, http: httpx.Client) -> None:
    found = embeddings(endpoint, http_client=http, check_embedding_ctx_length=False).embed_documents([ASKED, "hello"])
    assert found == [[0.25, -0.5]] * 2
    assert upstream.last.json["input"][0] == ASKED.replace(JANE, TOKEN)


def test_langchain_embeddings_as_token_ids_are_refused(
    endpoint: Endpoint, upstream: Upstream, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its default cuts the text into token ids, which nobody can protect: the refusal says so."""
    import tiktoken

    # The default downloads a vocabulary; one of single bytes stands for it.
    bytes_only = tiktoken.Encoding(
        name="bytes", pat_str=".", mergeable_ranks={bytes([byte]): byte for byte in range(256)}, special_tokens={}
    )
    monkeypatch.setattr(tiktoken, "encoding_for_model", lambda _name: bytes_only)
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _name: bytes_only)
    with pytest.raises(openai.BadRequestError) as raised:
        embeddings(endpoint, http_client=http).embed_documents([ASKED])
    assert (raised.value.code, raised.value.param) == ("privacy_refused", "input")
    assert upstream.prompts == []


# LlamaIndex


def test_llama_index(endpoint: Endpoint, http: httpx.Client) -> None:
    module = pytest.importorskip("llama_index.llms.openai_like")
    from llama_index.core.llms import ChatMessage

    def model(*, chat: bool) -> Any:
        return module.OpenAILike(
            model="mock-model",
            api_base=base_url(endpoint),
            api_key=key_of(endpoint),
            is_chat_model=chat,
            max_retries=0,
            context_window=4096,
            http_client=http,
        )

    llm = model(chat=True)
    assert llm.complete(ASKED).text == ASKED
    assert llm.chat([ChatMessage(role="user", content=ASKED)]).message.content == ASKED
    pieces = llm.stream_chat([ChatMessage(role="user", content=ASKED)])
    assert "".join(piece.delta or "" for piece in pieces) == ASKED
    assert model(chat=False).complete(ASKED).text == ASKED


# Programs


def run(*line: str, folder: Path, **environment: str) -> str:
    """Run a program and return what it says."""
    done = subprocess.run(
        line,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("stream", [True, False])
def test_llm(endpoint: Endpoint, tmp_path: Path, stream: bool) -> None:
    program = shutil.which("llm", path=str(Path(os.sys.executable).parent))  # type: ignore[attr-defined]
    if program is None:
        pytest.skip("needs the program llm")
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: privet\n  model_name: mock-model\n  api_base: {base_url(endpoint)}\n  api_key_name: privet\n"
    )
    (tmp_path / "keys.json").write_text(json.dumps({"privet": key_of(endpoint)}))
    said = run(
        program, "-m", "privet", "--no-log", *(() if stream else ("--no-stream",)), ASKED,
        folder=tmp_path, LLM_USER_PATH=str(tmp_path), LLM_LOAD_PLUGINS="",
    )  # fmt: skip
    assert said.strip() == ASKED


def test_curl(endpoint: Endpoint, tmp_path: Path) -> None:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("needs the program curl")
    # Long enough that curl asks for permission to send it.
    body = {"model": "mock-model", "messages": user(ASKED + " " * 1_100_000)}
    (tmp_path / "body.json").write_text(json.dumps(body))
    (tmp_path / "headers").write_text(f"Authorization: Bearer {key_of(endpoint)}\nContent-Type: application/json\n")
    url = f"{base_url(endpoint)}/chat/completions"
    line = (
        program,
        "--silent",
        "--show-error",
        "--fail-with-body",
        "--header",
        "@headers",
        "--data",
        "@body.json",
        url,
    )
    assert json.loads(run(*line, folder=tmp_path))["choices"][0]["message"]["content"].strip() == ASKED
    (tmp_path / "body.json").write_text(json.dumps({**body, "messages": user(), "stream": True}))
    assert run(*line, folder=tmp_path).rstrip().endswith("data: [DONE]")


SCRIPT: Final = """
import OpenAI from "openai";
const client = new OpenAI({baseURL: process.env.URL, apiKey: process.env.KEY, maxRetries: 0});
const messages = [{role: "user", content: process.env.ASKED}];
const out = {};
const whole = await client.chat.completions.create({model: "mock-model", messages});
out.whole = whole.choices[0].message.content;
out.streamed = "";
for await (const piece of await client.chat.completions.create({model: "mock-model", messages, stream: true})) {
  out.streamed += piece.choices[0]?.delta?.content ?? "";
}
out.vector = (await client.embeddings.create({model: "mock-model", input: process.env.ASKED, encoding_format: "float"})).data[0].embedding;
out.models = (await client.models.list()).data.map((model) => model.id);
try {
  await client.chat.completions.create({model: "mock-model", messages, logprobs: true});
} catch (error) {
  out.error = [error.constructor.name, error.status, error.code, error.param];
}
console.log(JSON.stringify(out));
"""


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with OpenAI's SDK for Node in it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("needs the programs node and npm")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    line = (npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--fetch-retries=0", "openai")
    environment = {**os.environ, "HOME": str(folder)}
    try:
        subprocess.run(line, cwd=folder, env=environment, check=True, capture_output=True, timeout=SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("the package openai cannot be installed with npm here")
    return folder


def test_openai_for_node(endpoint: Endpoint, node_folder: Path) -> None:
    (node_folder / "ask.mjs").write_text(SCRIPT)
    said = json.loads(
        run("node", "ask.mjs", folder=node_folder, URL=base_url(endpoint), KEY=key_of(endpoint), ASKED=ASKED)
    )
    assert said == {
        "whole": ASKED,
        "streamed": ASKED,
        "vector": [0.25, -0.5],
        "models": list(upstreams.MODELS),
        "error": ["BadRequestError", 400, "privacy_refused", "logprobs"],
    }
