"""What is read of what servers say that they keep, whatever they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.stores import STORES, filled, id_of, told


def answer(document: Any, *headers: tuple[str, str]) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(200, headers, body, "", 0.1)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"id": "resp_1"}, "resp_1"),
        ({"session_id": 7}, "7"),
        ({"data": {"id": "a-b"}}, "a-b"),
        ({"chat": {"id": "c.d"}}, "c.d"),
        ({"id": ""}, ""),
        ({"id": "../../admin"}, ""),
        ({"id": ".."}, ""),
        ({"id": "a/b"}, ""),
        ({"id": "a?b"}, ""),
        ({"id": "a\r\nx: y"}, ""),
        ({"id": ["x"], "key": True}, ""),
        ({"id": "x" * 300}, ""),
        ([{"id": "x"}], ""),
        (b"<html>", ""),
        (b"[" * 5000, ""),
    ],
)
def test_an_id_can_stand_in_a_path(document: Any, name: str) -> None:
    assert id_of(answer(document)) == name


def test_a_secret_is_told_wherever_it_stands() -> None:
    secret = "amber-anvil-12345"
    assert told(answer({"a": [{"b": secret}]}), secret)
    assert told(answer({}, ("x-last", secret.encode().hex())), secret)
    assert not told(answer({"a": "amber anvil 12346"}), secret)


def test_templates_are_filled_however_deep() -> None:
    assert filled({"a": ["{x}", {"b": "{x}{y}"}], "n": 1}, {"x": "1", "y": "2"}) == {"a": ["1", {"b": "12"}], "n": 1}


def test_every_kind_holds_what_is_looked_for() -> None:
    for store in STORES:
        assert store.is_file or "{canary}" in str(store.body)
        assert (store.ask is None) == (not store.asked)
