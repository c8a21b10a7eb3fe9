from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from canned_server import Asked, Say, Says, audited, canned, outcome_of

from privet.audit.endpoint.identifiers import Identifier, identifiers, shown
from privet.audit.endpoint.reference import serve

ID = "stream-redaction"
PATTERN = re.compile(r"[\w.+-]+@[\w.-]+\w|\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b|\+?\d(?:[ -]?\d){6,}")


def raw(asked: Asked) -> str:
    text = asked.text.partition(": ")[2] or "Hello."
    return "".join(re.findall(r'"([^"]*)"', text)) if '", "' in text else text


def redacted(text: str) -> str:
    return PATTERN.sub("[REDACTED]", text)


def pieces(text: str, size: int = 4) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def split(asked: Asked) -> Says:
    return Says(redacted(raw(asked)), pieces=[redacted(piece) for piece in pieces(raw(asked))])


def called(asked: Asked) -> Says:
    if not asked.body.get("tools"):
        return Says(redacted(raw(asked)))
    call: dict[str, Any] = {
        "index": 0,
        "id": "call_1",
        "function": {"name": "send_text", "arguments": f'{{"text": "{raw(asked)}"}}'},
    }
    return Says("", message={"tool_calls": [call]})


def beside(asked: Asked, told: object) -> Says:
    return Says(redacted(raw(asked)), frame={"more": raw(asked)} if told else {})


def with_logprobs(asked: Asked) -> Says:
    tokens = [{"token": sign} for sign in raw(asked)]
    return Says(
        redacted(raw(asked)), frame={"told": {"logprobs": {"content": tokens}}} if asked.body.get("logprobs") else {}
    )


def failing(asked: Asked) -> Says:
    if asked.body.get("temperature") != "hot":
        return Says(redacted(raw(asked)))
    return Says(status=400, frame={"error": raw(asked) if asked.streams else "the temperature is wrong"})


@pytest.mark.parametrize(
    ("say", "way"),
    [
        (split, "a stream"),
        (lambda asked: Says(PATTERN.sub("", raw(asked)), pieces=pieces(raw(asked), 1)), "a stream"),
        (lambda asked: Says(redacted(raw(asked)), last=f": {raw(asked)}\n\n"), "a stream"),
        (lambda asked: beside(asked, asked.streams), "a stream"),
        (lambda asked: Says(redacted(raw(asked)), pieces=[*pieces(redacted(raw(asked))), raw(asked)]), "a stream"),
        (called, "arguments of a tool"),
        (
            lambda asked: Says(redacted(raw(asked)), pieces=None if asked.chat else pieces(raw(asked))),
            "a stream of a completed text",
        ),
        (lambda asked: beside(asked, asked.body.get("stream_options")), "a stream with its usage"),
        (with_logprobs, "an answer with logprobs"),
        (failing, "an error of a stream"),
    ],
)
def test_what_comes_through_in_another_way_is_found(say: Say, way: str) -> None:
    outcome = outcome_of(ID, say)
    assert outcome.verdict == "fail"
    assert way in {what.partition(" in ")[2] for what in outcome.seen}
    assert "@" not in "".join(outcome.seen)


@pytest.mark.parametrize(
    ("say", "verdict"),
    [
        (lambda asked: redacted(raw(asked)), "pass"),
        (lambda asked: f"You wrote: {redacted(asked.text)}", "pass"),
        (raw, "not-tested"),
        (lambda asked: f"You wrote: {asked.text}", "not-tested"),
        (lambda _: "I cannot do that.", "not-tested"),
        # Its model says something else each time; nothing is redacted.
        (lambda asked: raw(asked) if asked.number % 2 else "What do you mean?", "not-tested"),
        # Everything that is shown in a stream is shown whole too, only in another field.
        (lambda asked: Says(redacted(raw(asked)), frame={"asked": asked.text}), "pass"),
    ],
)
def test_clean_servers_do_not_fail(say: Say, verdict: str) -> None:
    outcome = outcome_of(ID, say)
    assert (outcome.verdict, outcome.seen) == (verdict, {})


@pytest.mark.parametrize("leak", ["split", "tool-arguments", "end", "error", "reasoning", "completions"])
def test_the_reference_server_fails_with_each_leak(leak: str) -> None:
    with serve(frozenset({f"{ID}:{leak}"})) as server:
        assert audited(ID, server.url, key=server.keys[0]).verdict == "fail"


def test_the_reference_server_passes() -> None:
    with serve() as server:
        assert [audited(ID, server.url, key=server.keys[0], seed=seed).verdict for seed in range(2)] == ["pass", "pass"]


def test_the_same_seed_gives_the_same_outcome() -> None:
    with canned(split) as url:
        first, second = audited(ID, url, seed=3), audited(ID, url, seed=3)
    assert (first.seen, first.says) == (second.seen, second.says)


def test_how_much_is_shown_is_counted_from_the_beginning() -> None:
    card = Identifier("CREDIT_CARD", "4111 1111 1111 1111", "4111111111111111")
    assert shown("card: 4111-1111-11 [cut]", card) == 10
    assert shown("**** **** **** 1111", card) == 0
    assert [shown(each.value, each) for each in identifiers(Random(1))] == [
        len(each.core) for each in identifiers(Random(1))
    ]
