"""Whatever a target answers, the tests of routes, transport, disclosure and features end with a verdict."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from door_server import KEY, Asked, Change, Given, serving

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.broken_off import NO_API
from privet.audit.endpoint.scene import QUICK
from privet.audit.endpoint.target import target_of

DEEP = "[" * 900 + "]" * 900
HEADERS = {
    "location": "http://[",
    "set-cookie": "\x7f=;;;=\x01",
    "access-control-allow-origin": "a, b",
    "server": "x" * 9000,
    "content-encoding": "gzip",
}


def everywhere(text: str, status: int = 200, **headers: str) -> Change:
    return lambda _asked, _given: Given.of(text, status, content_type="application/json").headed(**headers)


def after_the_key(asked: Asked, given: Given) -> Given | None:
    """Answer as expected, with values that nobody expects."""
    if given.status != 200:
        return None
    if asked.method == "GET":
        return Given.of({"data": [{"id": "a/../b c\n"}, 7, {"id": 8, "owned_by": []}], "models": "none"})
    choice = {"index": [], "message": 7, "logprobs": json.loads(DEEP), "text": {}}
    return Given.of({"id": "../..", "choices": [choice, None], "usage": [True], "error": 7, "model": {"a": 1}})


HOSTILE: dict[str, Change] = {
    "a number": everywhere("7"),
    "null": everywhere("null"),
    "deep": everywhere(f'{{"choices": {DEEP}, "data": {DEEP}, "prompt_logprobs": {DEEP}}}'),
    "no JSON": everywhere("{" * 50),
    "strange headers": lambda _asked, given: Given(302, given.body, {**given.headers, **HEADERS}),
    "a strange status": everywhere("{}", 999),
    "values that nobody expects": after_the_key,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_ends_in_verdicts(name: str) -> None:
    ids = ("exposed-routes", "transport", "disclosure", "unsafe-features")
    with serving(HOSTILE[name]) as url:
        found = asyncio.run(audit_endpoint(replace(target_of(url), key=KEY), Options(size=QUICK, only=ids)))

    assert {each.id for each in found.outcomes} == set(ids)
    assert found.broken_off in ("", NO_API)
