"""Every way to say no has a page, a shape, and no place for a value."""

from __future__ import annotations

import json
import re

import pytest

from privet.serve.refusals import RULES, Refusal


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_complete(rule: str) -> None:
    known = RULES[rule]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule)
    assert 400 <= known.status < 600
    assert re.fullmatch(r"[a-z_]+", known.code)
    assert known.says[:1].islower() or known.says.startswith(("{param}", "the Host"))
    assert not known.says.endswith(".")
    assert known.why.endswith(".")
    assert known.instead.endswith(".")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("param", [None, "messages[0].content", "{0}", "{param}", "%s", "x" * 5000, '"\\\n'])
def test_a_refusal_has_the_shape_that_clients_read(rule: str, param: str | None) -> None:
    refusal = Refusal(rule, param)
    error = json.loads(refusal.body())["error"]
    assert set(error) == {"message", "type", "param", "code", "rule"}
    assert error["rule"] == rule
    assert error["param"] == (param and param[:200])
    assert refusal.status == RULES[rule].status
    assert error["message"].endswith(RULES[rule].instead)
    assert str(refusal) == rule


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"), (404, "not_found_error"),
     (429, "rate_limit_error"), (500, "api_error"), (502, "api_error"), (503, "api_error"), (504, "api_error")],
)  # fmt: skip
def test_a_type_goes_by_its_status(status: int, kind: str) -> None:
    kinds = {Refusal(rule).error()["type"] for rule, known in RULES.items() if known.status == status}
    assert kinds == {kind}
