from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from door_server import Asked, Change, Given, any_of, outcome, refused


def fetched(url: str) -> None:
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        return
    with suppress(OSError, ValueError):
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - an address of the test


def addresses(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every address of a body, with the name of the field that it is in."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                yield name, inner
            yield from addresses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from addresses(inner)


def fetches(*fields: str, late: bool = False, host: str = "") -> Change:
    def change(asked: Asked, _given: Given) -> None:
        for name, url in addresses(asked.fields):
            if name in fields and url.startswith(f"http://{host}"):
                if late:
                    threading.Timer(0.1, fetched, (url,)).start()
                else:
                    fetched(url)

    return change


def fetches_from_text(asked: Asked, _given: Given) -> None:
    for message in asked.fields.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        for word in content.split() if isinstance(content, str) else ():
            if word.startswith("http://"):
                fetched(word)


def proxies(asked: Asked, _given: Given) -> Given | None:
    if asked.target.startswith("http://"):
        fetched(asked.target)
        return Given.of("proxied")
    return None


FETCHED = {
    "image_url of completions": "url",
    "image_url as a text of completions": "image_url",
    "a tool elsewhere of responses": "server_url",
    "a schema elsewhere of completions": "$ref",
    "an upstream of the caller of completions": "api_base",
    "input_file of responses": "file_url",
    "an adapter elsewhere of completions": "lora_path",
    "a callback of completions": "callback_url",
}


def test_addresses_that_are_fetched_are_found() -> None:
    found = outcome("unsafe-features", fetches(*FETCHED.values()))

    assert found.verdict == "fail"
    assert {f"an address is fetched: {name}" for name in FETCHED} <= set(found.seen)
    assert all(seen.startswith("an address is fetched") for seen in found.seen)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (fetches("url", late=True), "image_url of completions"),
        (fetches("url", host="localhost"), "a picture at another name of this machine of completions"),
        (fetches_from_text, "an address in the text of completions"),
        (proxies, "a request for another server (open proxy)"),
    ],
)
def test_an_address_is_found_however_it_is_fetched(change: Change, what: str) -> None:
    assert f"an address is fetched: {what}" in outcome("unsafe-features", change).seen


class Store:
    """Keeps what is posted to a route. `asked`: only where that is asked for; `part`: where the content is served."""

    def __init__(self, route: str, *, asked: bool = False, part: str = "") -> None:
        self.route, self.asked, self.part = route, asked, part
        self.kept: dict[str, Any] = {}
        self.deleted: list[str] = []

    def __call__(self, asked: Asked, given: Given) -> Given | None:
        if asked.path == self.route and asked.method == "POST" and given.status in (200, 404):
            if self.asked and not asked.fields.get("store"):
                return None
            name = f"obj_{len(self.kept)}abc"
            self.kept[name] = asked.fields
            base = json.loads(given.body) if given.status == 200 else {"object": "thing"}
            return Given.of({**base, "id": name})
        name = asked.path.removeprefix(f"{self.route}/").removesuffix(self.part)
        if name not in self.kept or not asked.path.endswith(self.part):
            return None
        if asked.method == "DELETE":
            self.deleted.append(name)
            return Given.of({"deleted": True})
        return Given.of({"data": self.kept[name]}) if self.part else Given.of({"id": name, **self.kept[name]})


@pytest.mark.parametrize(
    ("store", "what"),
    [
        (Store("/v1/chat/completions", asked=True), "an answer is stored where that is asked for"),
        (Store("/v1/chat/completions"), "an answer is stored though nobody asked"),
        (Store("/v1/chat/completions", part="/messages"), "an answer is stored though nobody asked"),
        (Store("/v1/responses"), "a response is stored though that was refused"),
        (Store("/v1/conversations"), "conversations are stored"),
        (Store("/v1/threads", part="/messages"), "threads are stored"),
    ],
)
def test_what_is_kept_is_found(store: Store, what: str) -> None:
    found = outcome("unsafe-features", store)

    assert found.verdict == "fail"
    assert what in found.seen
    assert store.part or store.deleted


def goes_on(asked: Asked, _given: Given) -> Given | None:
    if asked.path != "/v1/responses" or asked.method != "POST":
        return None
    previous = asked.fields.get("previous_response_id")
    return Given.of({"id": "resp_77abcdef", "output": []}) if previous in (None, "resp_77abcdef") else refused(404)


def test_a_response_that_goes_on_from_another_is_found() -> None:
    assert dict(outcome("unsafe-features", goes_on).seen) == {"a response goes on from a stored one": 1}


def on(name: str, more: Any, *, path: str = "", stream: bool = False) -> Change:
    """Change an answer where a field is asked for."""

    def change(asked: Asked, given: Given) -> Given | None:
        if given.status != 200 or not asked.fields.get(name) or not asked.path.endswith(path) or asked.method != "POST":
            return None
        if bool(asked.fields.get("stream")) != stream:
            return None
        return more(asked, given)

    return change


def with_choice(**fields: Any) -> Any:
    def change(_asked: Asked, given: Given) -> Given:
        if given.body.startswith(b"data:"):
            piece = {"choices": [{"index": 0, "delta": {"content": "ok"}, **fields}]}
            return Given(200, f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode(), given.headers)
        choices = [{**choice, **fields} for choice in json.loads(given.body)["choices"]]
        return given.also(choices=choices)

    return change


def many(asked: Asked, given: Given) -> Given:
    return given.also(choices=json.loads(given.body)["choices"] * asked.fields["n"])


def echo(asked: Asked, given: Given) -> Given:
    return with_choice(text=f"{asked.fields.get('prompt') or asked.fields.get('messages')} ok")(asked, given)


def templated(_asked: Asked, given: Given) -> Given:
    return given.also(usage={"prompt_tokens": 250, "completion_tokens": 1})


SEEN = {"content": [{"token": "ok", "logprob": -0.1, "top_logprobs": []}]}


def test_an_answer_that_shows_more_where_it_is_asked_to_is_found() -> None:
    changes = (
        on("logprobs", with_choice(logprobs=SEEN), path="/chat/completions"),
        on("logprobs", with_choice(logprobs=SEEN), path="/chat/completions", stream=True),
        on("logprobs", with_choice(logprobs={"token_logprobs": [-0.1]}), path="/v1/completions"),
        on("prompt_logprobs", lambda _asked, given: given.also(prompt_logprobs=[None, {"7": {"logprob": -1.0}}])),
        on("return_token_ids", with_choice(token_ids=[7])),
        on("echo", echo, path="/v1/completions"),
        on("verbose", lambda asked, given: given.also(seen=asked.body.decode()), path="/chat/completions"),
        on("n", many),
        on("best_of", lambda _asked, given: given.also(usage={"completion_tokens": 8})),
        on("chat_template", templated),
    )
    found = outcome("unsafe-features", any_of(changes))

    assert set(found.seen) == {
        "logprobs of chats is accepted",
        "logprobs of chats, streamed is accepted",
        "logprobs of completions is accepted",
        "prompt_logprobs of chats is accepted",
        "prompt_logprobs of completions is accepted",
        "return_token_ids of chats is accepted",
        "return_token_ids of completions is accepted",
        "echo of completions is accepted",
        "verbose of chats is accepted",
        "n of chats is accepted",
        "n of completions is accepted",
        "best_of of completions is accepted",
        "chat_template of the caller is accepted",
    }


def always_shows(asked: Asked, given: Given) -> Given | None:
    return (
        given.also(asked=asked.body.decode())
        if given.status == 200 and asked.method == "POST" and not asked.fields.get("stream")
        else None
    )


def refuses_unknown(asked: Asked, given: Given) -> Given | None:
    known = {"model", "messages", "prompt", "max_tokens", "temperature", "stream"}
    return refused() if given.status == 200 and set(asked.fields) - known else None


@pytest.mark.parametrize("change", [None, refuses_unknown, always_shows, on("logprobs", with_choice(logprobs=None))])
def test_a_server_that_leaves_features_out_or_refuses_them_accepts_none(change: Change | None) -> None:
    # One that shows its prompts in any case does not do it for a switch.
    found = outcome("unsafe-features", change)

    assert (found.verdict, dict(found.seen)) == ("pass", {})


def test_evidence_is_the_same_for_the_same_behaviour() -> None:
    change = any_of((fetches("url"), on("n", many)))

    assert outcome("unsafe-features", change) == outcome("unsafe-features", change)
