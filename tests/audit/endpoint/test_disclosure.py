from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from door_server import KEY, MODEL, Asked, Change, Given, any_of, outcome, refused

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.tell_tales import remarks, tales

OWN = ("http://127.0.0.1:8000", "http://localhost:8000")


def answer(value: Any, status: int = 500, **headers: str) -> Answer:
    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    named = [(name.replace("_", "-"), text) for name, text in headers.items()]
    return Answer(status, [("content-type", "application/json"), *named], body, "", 0.1)


def told(found: Answer, *asked: str) -> set[str]:
    return {name for name, _ in tales(found, OWN, asked)}


TELLING = [
    ("a trace of the program in an error", 'Traceback (most recent call last):\n  File "x.py", line 3'),
    ("a trace of the program in an error", {"detail": 'File "/a/b.py", line 118, in create'}),
    ("a trace of the program in an error", {"e": "java.lang.Error\n\tat com.example.Chat.run(Chat.java:31)"}),
    ("a trace of the program in an error", {"e": "TypeError: x\n    at Object.run (file:///srv/app/index.js:10:5)"}),
    ("a trace of the program in an error", "goroutine 12 [running]:"),
    ("a trace of the program in an error", "thread 'main' panicked at src/main.rs:4:5"),
    ("a trace of the program in an error", {"error": "x", "stacktrace": ["one frame", "another"]}),
    ("a trace of the program in an error", {"error": "ggml.cpp:123: assert"}),
    ("a path of the machine in an error", {"e": "cannot open /home/maria/models/a.bin"}),
    ("a path of the machine in an error", {"e": "no such file: /opt/server/static/x"}),
    ("a path of the machine in an error", {"e": "failed to load '/models/llama/q4.gguf'"}),
    ("a path of the machine in an error", {"e": "C:\\Users\\maria\\server\\main.py"}),
    ("a path of the machine in an error", {"e": "open ~/.cache/llm failed"}),
    ("the version of a component in an error", {"e": "vLLM 0.6.3.post1 engine error"}),
    ("the version of a component in an error", {"e": "see https://errors.pydantic.dev/2.9/v/missing"}),
    ("a version in an error", {"error": {"message": "x", "engine_version": "1.4.2"}}),
    ("an internal address in an error", {"e": "connect to http://10.0.4.17:8001/v1 failed"}),
    ("an internal address in an error", {"e": "connect to http://vllm-worker:8000 failed"}),
    ("an internal address in an error", {"e": "HTTPConnectionPool(host='engine', port=8001): refused"}),
    ("an internal address in an error", {"e": "upstream llm.prod.svc.cluster.local is down"}),
    ("a variable of the environment in an error", {"env": {"HF_TOKEN": "hf_abc"}}),
    ("a variable of the environment in an error", "PATH=/usr/bin OPENAI_API_KEY=sk-1"),
]
QUIET = [
    {"error": {"message": "the field max_tokens has to be a number", "code": "invalid"}},
    {"error": {"message": "not found: /v1/chat/completions/"}},
    {"error": {"message": "the model meta-llama/Llama-3.1-8B-Instruct does not exist"}},
    {"error": {"message": "set OPENAI_API_KEY to use this"}},
    {"error": {"message": "see https://docs.example.com/usr/errors or http://localhost:8000/docs"}},
    {"error": {"message": "temperature must be at most 2.0, was 99"}},
    {"error": {"message": "expected 1.5 at line 3", "code": 400}},
    "Internal Server Error",
]


@pytest.mark.parametrize(("name", "value"), TELLING)
def test_what_tells_of_the_machine_is_found(name: str, value: Any) -> None:
    assert name in told(answer(value))


@pytest.mark.parametrize("value", QUIET)
def test_errors_that_tell_nothing_are_let_be(value: Any) -> None:
    assert told(answer(value)) == set()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"server": "vllm/0.6.3"}, {"a version in the header server"}),
        ({"server": "llama.cpp b4321"}, {"a version in the header server"}),
        ({"x_powered_by": "EngineX/2.1"}, {"a version in the header x-powered-by"}),
        ({"x_vllm_version": "0.33.0"}, {"a version in a header"}),
        ({"x_upstream_addr": "10.0.0.7:8000"}, {"an internal address in headers", "an internal name in the header x-upstream-addr"}),
        ({"x_model": "/srv/models/a.gguf"}, {"a path of the machine in headers"}),
        ({"server": "uvicorn"}, set()),
        ({"server": "nginx/1.27.1"}, set()),
        ({"server": "BaseHTTP/0.6 Python/3.11.7"}, set()),
        ({"via": "1.1 proxy", "x_request_id": "9f0c", "openai_version": "2020-10-01"}, set()),
    ],
)  # fmt: skip
def test_headers_tell_of_engines_and_not_of_web_servers(headers: dict[str, str], expected: set[str]) -> None:
    assert told(answer({"ok": 1}, 200, **headers)) == expected


def chat(**more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "see /home/maria/notes.txt, vllm 0.6.3"}}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": MODEL, "choices": [choice], **more}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (chat(), set()),
        (chat(system_fingerprint="vllm-0.33.0-tp2-1a2b3c4d"), set()),
        (chat(model="/srv/models/llama/q4.gguf"), {"a path of the machine in an answer", "the path of the model"}),
        (chat(model="models/llama/q4.gguf"), {"the path of the model"}),
        (chat(model="meta-llama/Llama-3.1-8B"), set()),
        ({"object": "list", "data": [{"id": "a", "root": "/models/a"}]}, {"the path of the model"}),
        (chat(__verbose={"prompt": "p"}), {"a field for debugging"}),
        (chat(version="1.2.3"), {"a version in an answer"}),
    ],
)
def test_of_an_answer_only_what_the_model_did_not_say_is_looked_at(value: Any, expected: set[str]) -> None:
    assert told(answer(value, 200)) == expected


def test_what_was_asked_is_no_disclosure() -> None:
    assert told(answer({"e": "no such model: /home/a/b"}), "/home/a/b") == set()
    assert told(answer(chat(model="../../../../etc/hostname"), 200), "../../../../etc/hostname") == set()


def test_remarks_are_made_of_what_is_no_failure() -> None:
    remarked = remarks(answer(chat(timings={"prompt": "x"}, system_fingerprint="vllm-0.33.0"), 200, server="uvicorn"))

    assert len(remarked) == 3


def test_a_hostile_text_is_looked_at_in_bounded_time() -> None:
    # A pattern that backtracks would take hours for this.
    for text in (
        "a" * 300_000,
        " " * 300_000,
        "a-" * 100_000,
        "/models" * 40_000,
        "x" * 300_000 + "…",
        "http://" * 300_000,
    ):
        told(answer(text))


def echoes(part: str) -> Change:
    def change(asked: Asked, given: Given) -> Given | None:
        if given.status != 400:
            return None
        if part == "header":
            return given.headed(x_error=asked.body.decode("latin-1")[:400].replace("\n", " "))
        value = asked.body.decode("utf-8", "replace") if part == "body" else asked.fields.get("messages")
        return Given.of({"detail": [{"type": "x", "loc": ["body"], "input": value}]}, 422)

    return change


def stream_that_fails(asked: Asked, given: Given) -> Given | None:
    if asked.fields.get("stream") is not True or given.status != 200:
        return None
    event = json.dumps({"error": {"message": f"failed: {asked.fields.get('messages')}"}})
    return replace(given, body=f"data: {event}\n\n".encode())


def refuses_keys(text: str) -> Change:
    return lambda asked, given: (
        refused(401, text.format(key=asked.key, end=asked.key[-4:], hashed=_hash(asked.key)))
        if given.status == 401 and asked.key
        else None
    )


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def traces(_asked: Asked, given: Given) -> Given | None:
    return Given.of('{"trace": "Traceback (most recent call last):"}', 500) if given.status == 400 else None


def names_a_folder(asked: Asked, given: Given) -> Given | None:
    return refused(404, f"no file /opt/server/static{asked.path}") if given.status == 404 else None


ECHOING: dict[str, tuple[Change, str]] = {
    "the body": (echoes("body"), "the content of the request in an error"),
    "the value": (echoes("messages"), "the content of the request in an error"),
    "a header": (echoes("header"), "the content of the request in an error"),
    "a stream": (stream_that_fails, "the content of the request in an error"),
    "the key": (refuses_keys("wrong key {key}"), "a key, or a part of it"),
    "the end of the key": (refuses_keys("wrong key sk-...{end}"), "a key, or a part of it"),
    "the key hashed": (refuses_keys("hash {hashed}"), "a key, or a part of it"),
    "a trace": (traces, "a trace of the program in an error"),
    "a folder": (names_a_folder, "a path of the machine in an error"),
}  # fmt: skip


@pytest.mark.parametrize("name", ECHOING)
def test_errors_that_say_back_what_they_got_are_found(name: str) -> None:
    change, what = ECHOING[name]
    found = outcome("disclosure", change)

    assert found.verdict == "fail"
    assert set(found.seen) == {what}
    assert found.fix


def says_the_model(asked: Asked, given: Given) -> Given | None:
    model = asked.fields.get("model", MODEL)
    return refused(404, f"the model {model} does not exist") if given.status == 400 and isinstance(model, str) else None


def repeats(asked: Asked, given: Given) -> Given | None:
    if given.status != 200 or not asked.fields.get("messages") or asked.fields.get("stream"):
        return None
    said = json.dumps(asked.fields["messages"])
    return given.also(
        choices=[{"index": 0, "message": {"role": "assistant", "content": f"You said {said}"}}],
        model=asked.fields.get("model"),
    )


def test_names_said_back_and_a_model_that_repeats_are_no_disclosure() -> None:
    clean = outcome("disclosure")
    found = outcome("disclosure", any_of((says_the_model, repeats)))

    assert (clean.verdict, clean.notes) == ("pass", ())
    assert (found.verdict, dict(found.seen)) == ("pass", {})
    assert found.notes == ("errors say back names that they do not know",)


def test_no_text_of_an_answer_is_in_the_outcome() -> None:
    found = outcome("disclosure", echoes("body"))

    assert "example.com" not in str(found.seen) + found.says + " ".join(found.notes)
    assert found.revealed == ()
    assert KEY not in str(found.seen)
