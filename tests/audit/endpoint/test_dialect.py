from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any

import pytest
import raw_server
from raw_server import Answering, Seen, answer, polite, said

from privet.audit.endpoint.budget import Budget
from privet.audit.endpoint.client import BrokenOff, Client
from privet.audit.endpoint.dialect import Dialect, _packed, dialect_of
from privet.audit.endpoint.target import target_of


def known(answering: Answering, path: str = "/v1") -> Dialect:
    async def go() -> Dialect:
        with raw_server.serve(answering) as seen:
            target = target_of(f"http://127.0.0.1:{seen.port}{path}")
            async with Client.open(target, Budget(), request_seconds=3) as client:
                return await dialect_of(client)

    return asyncio.run(go())


def answers(routes: Mapping[str, Any]) -> Answering:
    """Answer routes with what they are mapped to: bytes, or a function of the fields."""

    def send(connection: socket.socket, request: bytes, _seen: Seen) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        told = routes.get(head.split(b" ", 2)[1].decode())
        sent = told(json.loads(body)) if callable(told) else told
        connection.sendall(sent or answer(b"{}", "404 Not Found"))

    return send


def test_a_usual_server_chats_completes_and_streams() -> None:
    dialect = known(polite)
    assert (dialect.base, dialect.model, dialect.trouble) == ("/v1", "small", "")
    assert dialect.chats
    assert dialect.completes
    assert dialect.streams


@pytest.mark.parametrize("path", ["", "/"])
def test_the_base_is_found_where_it_is_not_named(path: str) -> None:
    assert known(polite, path).base == "/v1"


def test_the_base_is_found_without_a_list_of_models() -> None:
    dialect = known(answers({"/v1/chat/completions": lambda _: said("hi")}), "")
    assert (dialect.base, dialect.model, dialect.chats) == ("/v1", "default", True)


def test_fields_that_are_refused_are_left_out() -> None:
    def picky(fields: dict[str, Any]) -> bytes:
        fine = "temperature" not in fields and "max_completion_tokens" in fields
        return said("hi") if fine else answer(b'{"error": "field"}', "400 Bad Request")

    dialect = known(answers({"/v1/chat/completions": picky}))
    assert dialect.chats
    assert (dialect.limit_field, dict(dialect.usual)) == ("max_completion_tokens", {})


def test_a_model_that_does_not_talk_is_not_the_one() -> None:
    def chat(fields: dict[str, Any]) -> bytes:
        return said("hi") if fields["model"] == "talks" else answer(b'{"error": "no chat"}', "400 Bad Request")

    models = answer(json.dumps({"data": [{"id": "text-embed-1"}, {"id": "talks"}]}).encode())
    assert known(answers({"/v1/models": models, "/v1/chat/completions": chat})).model == "talks"


def test_a_server_that_only_completes_is_asked_for_that() -> None:
    prompts = []

    def complete(fields: dict[str, Any]) -> bytes:
        prompts.append(fields["prompt"])
        return answer(b'{"choices": [{"text": "hi"}]}')

    dialect = known(answers({"/v1/completions": complete}))
    assert (dialect.chats, dialect.completes) == (False, True)
    assert prompts[-1] == "User: Say hello.\nAssistant:"


TROUBLES: dict[str, tuple[Answering, str]] = {
    "pages": (lambda c, *_: c.sendall(answer(b"<html>", "200 OK", "text/html")), "it answers with web pages: is the path right?"),
    "a wrong key": (lambda c, *_: c.sendall(answer(b"{}", "401 Unauthorized")), "it takes a key, and none was given"),
    "nothing known": (lambda c, *_: c.sendall(answer(b"{}", "404 Not Found")), "it is not OpenAI-compatible there (status 404)"),
    "odd JSON": (lambda c, *_: c.sendall(answer(b'{"data": {"id": 1}, "choices": {}}')), "it is not OpenAI-compatible there (status 200)"),
    "too much": (lambda c, *_: c.sendall(answer(b"", "503 Down")), "it said that there are too many requests until patience ran out"),
    "nothing": (lambda c, *_: c.sendall(answer(b"")), "it is not OpenAI-compatible there (status 200)"),
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLES)
def test_what_does_not_talk_is_said_why(name: str) -> None:
    answering, trouble = TROUBLES[name]
    dialect = known(answering)
    assert not dialect.chats
    assert not dialect.completes
    assert dialect.trouble == trouble


@pytest.mark.parametrize(
    "listed", ["[]", '{"data": [null]}', '{"data": "x"}', '{"data": [{"id": ""}]}', "7", "[" * 5000]
)
def test_odd_lists_of_models_are_no_error(listed: str) -> None:
    routes = {"/v1/models": answer(listed.encode()), "/v1/chat/completions": lambda _: said("hi")}
    assert known(answers(routes)).model == "default"


def test_what_is_no_http_breaks_off() -> None:
    with pytest.raises(BrokenOff):
        known(lambda c, *_: c.sendall(b"220 mail.example.com ESMTP\r\n") or False)


def test_texts_that_cannot_be_encoded_are_sent_escaped() -> None:
    assert json.loads(_packed({"a": "\ud800"})) == {"a": "\ud800"}
    assert _packed({"a": 1}) == b'{"a":1}'
