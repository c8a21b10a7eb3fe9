"""A project's own rules from privet.toml to redacted text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.detect import detect, detect_all
from privet.errors import PolicyInvalid
from privet.policy import Policy
from privet.policy_file import load_policy
from privet.redact import RedactStream, redact

FILE = """
[[detect.rules]]
id = "customer-number"
kind = "CUSTOMER_NUMBER"
pattern = 'K-(\\d{4} \\d{4})'
checksum = "luhn"
context = ["kunde", "customer"]
context_score = 0.9
score = 0.6
hits = ["Kunde K-«1234 5674»"]
misses = ["Kunde K-1234 5678"]

[[detect.rules]]
id = "code-name"
kind = "CODE_NAME"
words = ["Project Nightjar", "code name"]
"""
TEXT = "Project Nightjar belongs to customer K-1234 5674, jane@example.com, not to K-1234 5678"


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    path = tmp_path_factory.mktemp("policy") / "privet.toml"
    path.write_text(FILE, encoding="utf-8")
    return load_policy(path, environment={}, today=date(2026, 6, 15)).policy


def test_own_rules_are_found(policy: Policy) -> None:
    found = [
        (TEXT[span.start : span.end], span.kind, span.score) for span in detect(TEXT, policy=policy, tier="patterns")
    ]
    assert found == [
        ("Project Nightjar", "CODE_NAME", 0.85),
        ("1234 5674", "CUSTOMER_NUMBER", 0.9),
        ("jane@example.com", "EMAIL_ADDRESS", 0.95),
    ]
    assert list(detect_all([TEXT, ""], policy=policy)) == [detect(TEXT, policy=policy), ()]


@pytest.mark.parametrize("surrogate", ["label", "pseudonym", "token"])
def test_own_rules_are_redacted_once(policy: Policy, surrogate: str) -> None:
    key = None if surrogate == "label" else bytes(32)
    text = redact(TEXT, surrogate=surrogate, key=key, policy=policy, tier="patterns")  # type: ignore[arg-type]
    assert "Nightjar" not in text
    assert "5674" not in text
    assert "[CODE_NAME" in text
    assert redact(text, surrogate=surrogate, key=key, policy=policy, tier="patterns") == text  # type: ignore[arg-type]


def test_a_rule_does_not_find_its_own_label(policy: Policy) -> None:
    # The words of the rule are those of its kind.
    assert redact("the code name", policy=policy) == "the [CODE_NAME]"


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_streams_redact_as_the_whole(policy: Policy, sizes: list[int]) -> None:
    text = f"{TEXT} and {TEXT}\n" * 12
    stream, out, place, turn = RedactStream(policy=policy, tier="patterns"), "", 0, 0
    while place < len(text):
        size = sizes[turn % len(sizes)]
        out += stream.feed(text[place : place + size])
        place, turn = place + size, turn + 1
    assert out + stream.close() == redact(text, policy=policy, tier="patterns")


def test_a_rule_that_fails_its_examples_protects_nothing(write: Callable[[str, str], Path]) -> None:
    path = write("privet.toml", FILE.replace("K-«1234 5674»", "K-«1234 5678»"))
    broken = load_policy(path, environment={}, today=date(2026, 6, 15)).policy
    for use in (detect, redact):
        with pytest.raises(PolicyInvalid, match=r"privet\.toml:2: rule customer-number: hit 1 is not found"):
            use(TEXT, policy=broken)
