"""What changed between two audits, and which evidence is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from privet.audit.endpoint.compare import compared, read_evidence
from privet.audit.endpoint.outcome import Outcome
from privet.audit.endpoint.result import EndpointResult
from privet.errors import BadInput
from privet.evidence import Signer


def outcome(verdict: Any, hits: int = 0, samples: int = 40, **seen: int) -> Outcome:
    return Outcome("personal-data", verdict, samples, hits, "", "", seen, (), {}, {}, ())


def evidence(*outcomes: Outcome, seed: int = 0) -> dict[str, Any]:
    return EndpointResult(seed, "quick", "", 0.1, "", outcomes, "", {}).evidence()


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        (outcome("pass"), outcome("fail", 1), "worse"),
        (outcome("pass"), outcome("underpowered"), "less is known"),
        (outcome("pass"), outcome("not-tested"), "less is known"),
        (outcome("fail", 1), outcome("underpowered"), "less is known"),
        (outcome("fail", 1), outcome("not-tested"), "less is known"),
        (outcome("underpowered"), outcome("not-tested"), "less is known"),
        (outcome("not-tested"), outcome("underpowered"), "better"),
        (outcome("not-tested"), outcome("pass"), "better"),
        (outcome("not-tested"), outcome("fail", 1), "worse"),
        (outcome("fail", 1), outcome("pass"), "better"),
        (outcome("fail", 1), outcome("fail", 30), "worse"),
        (outcome("fail", 30), outcome("fail", 1), "better"),
        (outcome("fail", 3, a=3), outcome("fail", 3, a=2, b=1), "worse"),
    ],
)
def test_a_change_has_a_direction(before: Outcome, after: Outcome, direction: str) -> None:
    (change,) = compared(evidence(before), evidence(after)).changes
    assert change.direction == direction


@pytest.mark.parametrize(
    ("before", "after"),
    [(outcome("pass"), outcome("pass")), (outcome("fail", 3, a=3), outcome("fail", 4, a=4))],
)
def test_chance_is_no_change(before: Outcome, after: Outcome) -> None:
    assert compared(evidence(before), evidence(after)).changes == ()


def test_another_seed_is_said() -> None:
    assert compared(evidence(outcome("pass")), evidence(outcome("pass"), seed=1)).apart == ("seed",)


def test_evidence_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    signed = Signer(bytes(32)).signed(evidence(outcome("pass")))
    path.write_text(json.dumps(signed | {"run": {"seconds": 1}, "comparison": {}}))
    assert read_evidence(path)["digest"] == signed["digest"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "JSON"),
        ("[]", "no evidence"),
        (json.dumps({"format": "privet-audit-dataset/1"}), "no evidence"),
        (json.dumps(evidence(outcome("pass"))), "changed"),
        (json.dumps(Signer(bytes(32)).signed(evidence(outcome("fail", 1))) | {"verdict": "pass"}), "changed"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=says):
        read_evidence(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_evidence(tmp_path / "none.json")
