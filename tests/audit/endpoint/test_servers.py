from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from door_server import KEY, Asked, Change, Given, serving

from privet.audit.endpoint.budget import Budget
from privet.audit.endpoint.client import Client
from privet.audit.endpoint.dialect import Dialect
from privet.audit.endpoint.servers import server_of
from privet.audit.endpoint.target import target_of


def owned(owner: Any) -> Change:
    listed = {"object": "list", "data": [{"id": "a", "owned_by": owner}]}
    return lambda asked, _given: Given.of(listed) if asked.path == "/v1/models" else None


def at(path: str, value: Any) -> Change:
    return lambda asked, _given: Given.of(value) if asked.path == path else None


async def named(url: str) -> str:
    target = replace(target_of(url), key=KEY)
    async with Client.open(target, Budget()) as client:
        return await server_of(client, Dialect(client, "/v1"))


def headed(asked: Asked, given: Given) -> Given | None:
    found = owned("vllm")(asked, given)
    return found.headed(x_litellm_version="1.101.0") if found else None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (owned("vllm"), "vllm"),
        (owned("sglang"), "sglang"),
        (owned("llamacpp"), "llama.cpp"),
        (owned("library"), "ollama"),
        (owned("privet"), "privet"),
        (headed, "litellm"),
        (at("/health/readiness", {"status": "healthy", "litellm_version": "1"}), "litellm"),
        (at("/info", {"model_id": "a", "max_concurrent_requests": 1}), "tgi"),
        (at("/v2", {"name": "triton", "extensions": []}), "triton"),
        (at("/v2", {"name": "another", "extensions": []}), ""),
        (at("/", "Ollama is running"), "ollama"),
        (at("/-/healthz", "success"), "ray"),
        (at("/api/config", {"name": "a", "version": "1", "features": {}}), "open-webui"),
        (owned(7), ""),
        (owned("openai"), ""),
        (lambda _asked, _given: Given.of("<html>anything"), ""),
        (None, ""),
    ],
)
def test_a_program_is_told_by_how_it_answers(change: Change | None, expected: str) -> None:
    with serving(change) as url:
        assert asyncio.run(named(url)) == expected
