"""Names of models: plain to callers, whatever the upstream calls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.serve.models import Models, is_model_name, public_name
from privet.serve.refusals import Refusal
from privet.serve.upstream import Upstream, UpstreamAddress

Result = TypeVar("Result")
LIMIT_SECONDS: Final = 20.0


def over(answer: bytes, test: Callable[[Models], Awaitable[Result]], only: str | None = None) -> Result:
    """Run a test on the models of a server that gives this answer to every request."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET /v1/models HTTP/1.1\r\n")
        writer.write(answer)
        writer.close()

    async def run() -> Result:
        async with asyncio.timeout(LIMIT_SECONDS):
            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            upstream = Upstream(UpstreamAddress("127.0.0.1", port, "/v1"), idle_timeout_seconds=LIMIT_SECONDS)
            try:
                return await test(Models(upstream, only))
            finally:
                upstream.close()
                server.close()

    return asyncio.run(run())


def listing(*names: object) -> bytes:
    body = json.dumps(
        {"object": "list", "data": [{"id": name, "owned_by": "root", "root": "/srv"} for name in names]}
    ).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("llama3.2:3b", "llama3.2:3b"),
        ("org/model", "org/model"),
        ("/srv/models/Llama-3.2-1B.gguf", "Llama-3.2-1B"),
        ("C:\\models\\Qwen 2.5.GGUF", "Qwen-2.5"),
        ("/models/mistral/", "mistral"),
        ("../../x.safetensors", "x"),
        ("a/b/c", "c"),
        ("", "model"),
        ("/", "model"),
        ("~/.cache/", "cache"),
        ("hf.co/org/model:Q4", "model-Q4"),
        ("\n\n", "model"),
        ("é", "model"),
        ("gpt-oss:120b-cloud", "model"),
        ("x" * 300, "x" * 200),
        ("http://gpu-7:8000/v1", "v1"),
        ("jané.gguf", "jan"),
    ],
)
def test_a_path_is_known_under_its_last_part(name: str, public: str) -> None:
    assert public_name(name) == public


@given(st.text(alphabet="abc/\\:.~ -_@+\n\x00éABC", max_size=30))
def test_a_public_name_is_a_plain_name(name: str) -> None:
    assert is_model_name(public_name(name))
    assert public_name(public_name(name)) == public_name(name)


def test_callers_see_names_and_the_upstream_its_own() -> None:
    async def test(models: Models) -> None:
        assert await models.listed() == [
            {"id": name, "object": "model", "created": 0, "owned_by": "privet"}
            for name in ("Llama-3.2-1B", "org/model")
        ]
        assert models.upstream_name("Llama-3.2-1B") == "/srv/models/Llama-3.2-1B.gguf"
        assert models.upstream_name("org/model") == "org/model"
        assert models.upstream_name("anything") == "anything"

    over(listing("/srv/models/Llama-3.2-1B.gguf", "org/model"), test)


def test_two_paths_with_one_last_part_are_one_model_at_least() -> None:
    async def test(models: Models) -> list[str]:
        return [model["id"] for model in await models.listed()]

    assert over(listing("/a/x.gguf", "/b/x.gguf"), test) == ["x"]


def test_the_embedded_model_has_one_name_and_no_question_is_asked() -> None:
    async def test(models: Models) -> None:
        assert [model["id"] for model in await models.listed()] == ["smollm2"]
        assert models.upstream_name("smollm2") == "smollm2"
        with pytest.raises(Refusal) as raised:
            models.upstream_name("other")
        assert (raised.value.rule, raised.value.param) == ("no-such-model", "model")

    over(b"", test, only="smollm2")


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "upstream-failed"),
        (b"", "upstream-failed"),
        (b"nonsense\r\n\r\n", "upstream-failed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "upstream-failed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "upstream-invalid"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", "upstream-invalid"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n[", "upstream-invalid"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"data":7}', "upstream-invalid"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"data":["x"]}'[:-1] + b"}", "upstream-invalid"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b" " * 9_000_000, "upstream-failed"),
    ],
)
def test_a_list_that_is_none_is_refused(answer: bytes, rule: str) -> None:
    async def test(models: Models) -> None:
        with pytest.raises(Refusal) as raised:
            await models.listed()
        assert raised.value.rule == rule

    over(answer, test)


def test_rows_without_a_name_are_left_out() -> None:
    async def test(models: Models) -> list[str]:
        return [model["id"] for model in await models.listed()]

    assert over(listing("m", 7, None), test) == ["m"]
