"""Requests that no server can answer as they stand, each carrying something to be recognised by.

`words` are the content of the request, what a user would write: it may come back in no error. `names` stand where a name is expected
(a model, a field, a route): servers say which name they do not know, which is remarked on. Answers are one token long at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import msgspec

from privet.audit.endpoint.dialect import Dialect
from privet.audit.endpoint.echo import canary

_BASE: Final[Mapping[str, Any]] = {}
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, repr=False)
class Provocation:
    """One request. `name` says what it is; `key`: another key instead of the own."""

    name: str
    method: str
    path: str
    body: bytes | None
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    key: str | None = None


class _Making:
    def __init__(self, dialect: Dialect, chance: Random) -> None:
        self._dialect = dialect
        self._chance = chance

    def word(self) -> str:
        return canary(self._chance)

    def chat(self, name: str, more: Mapping[str, Any], *, word: str = "", names: tuple[str, ...] = ()) -> Provocation:
        word = word or self.word()
        said = {"role": "user", "content": f"My name is {word}, my mail is {word}@example.com."}
        fields = {
            "model": self._dialect.model,
            self._dialect.limit_field: 1,
            **self._dialect.usual,
            "messages": [said],
            **more,
        }
        return Provocation(name, "POST", f"{self._dialect.base}/chat/completions", encoded(fields), (word,), names)

    def complete(self, name: str, more: Mapping[str, Any], *, word: str) -> Provocation:
        fields = {"model": self._dialect.model, "max_tokens": 1, **self._dialect.usual, **more}
        return Provocation(name, "POST", f"{self._dialect.base}/completions", encoded(fields), (word,))

    def raw(self, name: str, body: bytes, word: str, headers: tuple[tuple[str, str], ...] = ()) -> Provocation:
        return Provocation(name, "POST", f"{self._dialect.base}/chat/completions", body, (word,), headers=headers)


def encoded(fields: Any) -> bytes:
    """Return fields in JSON."""
    return msgspec.json.encode(fields)


def provocations(dialect: Dialect, chance: Random) -> list[Provocation]:
    """Return all of them, with canaries of their own."""
    making = _Making(dialect, chance)
    return [
        *_usual(making),
        *_messages(making),
        *_parameters(making),
        *_bytes(making),
        *_completions(making),
        *_places(making, dialect),
    ]


def _usual(making: _Making) -> Iterator[Provocation]:
    yield making.chat("a question", {})
    yield making.chat("a question, streamed", {"stream": True})


def _messages(making: _Making) -> Iterator[Provocation]:
    for name, form in (
        ("messages that are a text", lambda word: word),
        ("a message that is a text", lambda word: [word]),
        ("a message without a role", lambda word: [{"content": word}]),
        ("content that is an object", lambda word: [{"role": "user", "content": {"text": word}}]),
        (
            "content that is a number beside a text",
            lambda word: [{"role": "user", "content": word}, {"role": "user", "content": 7}],
        ),
        (
            "a part of an unknown type",
            lambda word: [{"role": "user", "content": [{"type": "parchment", "text": word}]}],
        ),
        (
            "a picture that is none",
            lambda word: [{"role": "user", "content": [{"type": "text", "text": word}, _picture()]}],
        ),
        ("a call of a tool that is none", lambda word: [{"role": "assistant", "content": word, "tool_calls": "none"}]),
        ("an answer of a tool that was not called", lambda word: [{"role": "tool", "content": word}]),
    ):
        word = making.word()
        yield making.chat(name, {"messages": form(word)}, word=word)
    word, role = making.word(), making.word()
    yield making.chat("an unknown role", {"messages": [{"role": role, "content": word}]}, word=word, names=(role,))


def _picture() -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def _parameters(making: _Making) -> Iterator[Provocation]:
    for name, more in (
        ("a limit of tokens that is a word", {"max_tokens": "many"}),
        ("a limit of tokens that is a list", {"max_tokens": [1]}),
        ("words to stop at that are numbers", {"stop": 7, "seed": 2**70}),
        ("a temperature that is too high", {"temperature": 99}),
        ("a temperature that is a list", {"temperature": ["warm"]}),
        ("no choices", {"n": 0}),
        ("more logprobs than there are", {"logprobs": True, "top_logprobs": 9999}),
        ("tools that are none", {"tools": [{"type": "function"}], "tool_choice": "required"}),
        (
            "a form of answer that is none",
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "nothing"}}}},
        ),
        ("a bias of tokens that is none", {"logit_bias": {"word": "high"}}),
        ("a stream that is a word", {"stream": "yes please"}),
    ):
        yield making.chat(name, more)
    name, value = making.word().replace("-", "_"), making.word()
    told = making.chat("an unknown field", {name: value}, names=(name,))
    yield Provocation(told.name, told.method, told.path, told.body, (*told.words, value), told.names)
    model = making.word()
    yield making.chat("an unknown model", {"model": model}, names=(model,))
    path = "../../../../etc/hostname"
    yield making.chat("a model that is a path", {"model": path}, names=(path,))
    yield making.chat("a model that is an object", {"model": {"name": "x"}})
    word = making.word()
    tool = {
        "type": "function",
        "function": {"name": "send mail!", "description": word, "parameters": {"type": "nothing"}},
    }
    yield making.chat("a tool whose parameters are none", {"tools": [tool]}, word=word)


def _bytes(making: _Making) -> Iterator[Provocation]:
    word = making.word()
    # The limit stands first: some of these are answered after all.
    whole = b'{"max_tokens": 1, "messages": [{"role": "user", "content": "' + word.encode()
    yield making.raw("JSON that ends early", whole + b'"}', word)
    yield making.raw("JSON with a comma too many", whole + b'"},]}', word)
    yield making.raw("bytes that are no UTF-8", whole + b'\xff\xfe"}]}', word)
    yield making.raw("half of a surrogate pair", whole + b'\\ud800"}]}', word)
    yield making.raw("a null character", whole + b'\\u0000"}]}', word)
    yield making.raw("a list instead of an object", b'["' + word.encode() + b'"]', word)
    yield making.raw("a text instead of an object", b'"' + word.encode() + b'"', word)
    yield making.raw(
        "deeply nested JSON",
        b'{"max_tokens": 1, "messages": ' + b"[" * 2000 + b'"' + word.encode() + b'"' + b"]" * 2000 + b"}",
        word,
    )
    yield making.raw("no JSON at all", b"content=" + word.encode(), word)
    yield making.raw(
        "a form", b"content=" + word.encode(), word, (("content-type", "application/x-www-form-urlencoded"),)
    )
    yield making.raw("XML", b"<content>" + word.encode() + b"</content>", word, (("content-type", "application/xml"),))
    parts = b'--b\r\ncontent-disposition: form-data; name="content"\r\n\r\n' + word.encode() + b"\r\n--b--\r\n"
    yield making.raw("a form of parts", parts, word, (("content-type", "multipart/form-data; boundary=b"),))


def _completions(making: _Making) -> Iterator[Provocation]:
    word = making.word()
    yield making.complete("a prompt that is an object", {"prompt": {"text": word}}, word=word)
    word = making.word()
    yield making.complete("a prompt of texts and numbers", {"prompt": [word, 1, None]}, word=word)
    word = making.word()
    yield making.complete("a prompt with a limit that is a word", {"prompt": word, "max_tokens": "many"}, word=word)


def _places(making: _Making, dialect: Dialect) -> Iterator[Provocation]:
    base = dialect.base
    for route, fields in (
        ("/embeddings", lambda word: {"input": {"text": word}, "model": dialect.model, "dimensions": "many"}),
        (
            "/responses",
            lambda word: {"input": {"text": word}, "model": dialect.model, "max_output_tokens": "many", "store": False},
        ),
        ("/messages", lambda word: {"messages": {"text": word}, "model": dialect.model, "max_tokens": "many"}),
        ("/moderations", lambda word: {"input": {"text": word}}),
    ):
        word = making.word()
        yield Provocation(f"{route} that is malformed", "POST", base + route, encoded(fields(word)), (word,))
    word = making.word()
    yield Provocation("a route that is not there", "GET", f"{base}/{word}", None, names=(word,))
    yield Provocation("a route outside of the API", "GET", f"/{word}/{word}.html", None, names=(word,))
    yield Provocation("a file that is not there", "GET", f"{base}/files/{word}", None, names=(word,))
    yield Provocation("a model that is not there", "GET", f"{base}/models/{word}", None, names=(word,))
    yield Provocation("a response that is not there", "GET", f"{base}/responses/{word}", None, names=(word,))
    yield Provocation(
        "a method that is not allowed", "PUT", f"{base}/chat/completions", encoded({"content": word}), (word,)
    )
    yield Provocation(
        "a query that is malformed", "GET", f"{base}/models?limit={word}&after=%ff%00", None, names=(word,)
    )
    yield Provocation("the list of models", "GET", f"{base}/models", None)
