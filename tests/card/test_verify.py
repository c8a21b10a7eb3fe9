"""A card holds where it is what evidence says, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.card.verify import verify
from privet.card.write import write
from privet.errors import BadInput
from privet.evidence import Signer

TODAY = date(2026, 6, 15)
CARD = "---\nlicense: mit\n---\n\n# My model\n\nGood model.\n"


@pytest.fixture
def carded(full: Any) -> Any:
    """Return a model whose card is written."""
    full.card.write_text(CARD)
    write(full.folder, TODAY)
    return full


def rules(model: Any, **more: Any) -> list[str]:
    return [problem.rule for problem in verify(model.folder, **({"today": TODAY} | more)).problems]


def change(model: Any, old: str, new: str) -> int:
    """Put one text in the place of another; return its line."""
    text = model.card.read_text()
    assert old in text
    model.card.write_text(text.replace(old, new, 1))
    return int(text[: text.index(old)].count("\n")) + 1


def test_what_was_written_verifies(carded: Any) -> None:
    assert rules(carded) == []


def test_every_kind_of_evidence_verifies(model: Any) -> None:
    for part in (model.training, model.audit, model.endpoint, model.manifest, model.dataset_audit):
        part()
    write(model.folder, TODAY)
    assert rules(model) == []
    assert verify(model.folder, today=TODAY).facts.not_measured == []


def test_a_card_of_nothing_verifies_and_claims_nothing(model: Any) -> None:
    write(model.folder, TODAY)
    assert rules(model) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("epsilon: 7.931", "epsilon: 1.0", "card-edited"),
        ("  epsilon: 7.931\n", "", "card-edited"),
        ("unit: subject", "unit: example", "card-edited"),
        ("  unit:", "  guarantee: perfect\n  unit:", "card-added"),
        ("  unit:", "  epsilon: 1.0\n  unit:", "card-key-twice"),
        ("hits: 2", "hits: 0", "card-edited"),
        ("[detector-recall, endpoint]", "[endpoint]", "card-edited"),
        ("not_measured: [", "not_measured: [x, ", "card-edited"),
        ("  unit: subject\n", "  unit: subject # ε = 1\n", "card-edited"),
        ("  unit: subject\n", '  unit: "subject"\n', "card-edited"),
        ("privacy:\n", "privacy: {epsilon: 1}\nprivacy:\n", "card-key-twice"),
        ("license: mit", "license: mit\nepsilon: 1", "card-unbacked"),
        ("Good model.", "Good model, epsilon = 1.", "card-unbacked"),
        ("Good model.", "Good model, ε=0.5.", "card-unbacked"),
        ("Good model.", "Good model, GDPR compliant.", "card-unbacked"),
        ("ε = 7.94", "ε = 1.94", "card-edited"),
        ("## Privacy\n", "## Privacy\n\nPerfect.\n", "card-added"),
        ("### Not measured\n", "", "card-edited"),
        ("<!-- privet:end -->", "", "card-markers"),
        ("<!-- privet:begin -->", "<!-- privet:end -->\n<!-- privet:begin -->", "card-markers"),
        ("Good model.", "<!-- privet:begin -->\n<!-- privet:end -->", "card-markers"),
    ],
)
def test_a_claim_that_is_edited_or_added_is_named_with_its_line(carded: Any, old: str, new: str, rule: str) -> None:
    if "recall" in old:
        carded.training(data={"found": {"PERSON": 1}, "duplicates": 2})
        write(carded.folder, TODAY)
    line = change(carded, old, new)
    found = verify(carded.folder, today=TODAY).problems
    assert rule in [problem.rule for problem in found]
    assert all(problem.file == "README.md" and problem.line for problem in found if problem.rule != "card-missing")
    if old != "<!-- privet:end -->":
        assert any(abs(problem.line - line) <= new.count("\n") + 1 for problem in found)
    write_again(carded)


def write_again(model: Any) -> None:
    """Every edit of the card's own parts is undone by writing it again, unless it is a claim of the author's."""
    try:
        write(model.folder, TODAY)
    except BadInput:
        return
    assert set(rules(model)) <= {"card-unbacked"}


def test_a_card_without_block_or_section(carded: Any) -> None:
    text = carded.card.read_text()
    carded.card.write_text(CARD)
    assert rules(carded).count("card-missing") == 2
    carded.card.write_text(text[: text.index("<!-- privet:begin")])
    assert rules(carded) == ["card-missing"]


@pytest.mark.parametrize("name", ["training.json", "audit-model.json"])
def test_missing_evidence(carded: Any, name: str) -> None:
    (carded.folder / "evidence" / name).unlink()
    found = verify(carded.folder, today=TODAY).problems
    assert any(problem.rule == "evidence-missing" and name in problem.says and problem.line for problem in found)
    assert "card-added" in [problem.rule for problem in found]


@pytest.mark.parametrize("name", ["training.json", "audit-model.json"])
def test_edited_evidence(carded: Any, name: str) -> None:
    path = carded.folder / "evidence" / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"more": 1}))
    # What follows from it stands behind it.
    assert rules(carded)[0] == "evidence-edited"


def test_evidence_whose_unsigned_part_was_edited(carded: Any) -> None:
    path = carded.folder / "evidence" / "audit-model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"run": {"started": "2026-06-02T11:00:00Z"}}))
    assert rules(carded) == ["evidence-edited"]


def test_evidence_of_another_key(carded: Any) -> None:
    carded.signer = Signer(b"1" * 32)
    carded.training()
    assert "evidence-other-key" in rules(carded)


def test_added_evidence(carded: Any) -> None:
    carded.endpoint()
    assert "evidence-added" in rules(carded)


def test_expired_evidence(carded: Any) -> None:
    assert rules(carded, today=date(2027, 6, 1)) == []
    assert rules(carded, today=date(2027, 6, 2)) == ["evidence-expired"]
    assert rules(carded, today=date(2027, 6, 3)) == ["evidence-expired"] * 2


def test_the_signer_that_is_asked_for(carded: Any) -> None:
    key = carded.signer.signed({})["signature"]["public_key"]
    assert rules(carded, signer=key) == []
    assert rules(carded, signer=Signer(b"1" * 32).signed({})["signature"]["public_key"]) == ["evidence-other-key"] * 2


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda model: model.weights("model.safetensors", b"other"), "weights-changed"),
        (lambda model: model.weights("adapter.safetensors", b"more"), "weights-added"),
        (lambda model: model.weights("model.gguf", b"more"), "weights-added"),
        (lambda model: model.weights("onnx/model.onnx", b"more"), "weights-added"),
        (lambda model: model.weights("checkpoint-5/model.safetensors", b"more"), "weights-added"),
        (lambda model: model.weights("MODEL.BIN", b"more"), "weights-added"),
        (lambda model: (model.folder / "model.safetensors").unlink(), "weights-missing"),
    ],
)
def test_other_weights(carded: Any, spoil: Callable[[Any], object], rule: str) -> None:
    spoil(carded)
    assert rule in rules(carded)


def test_weights_of_a_card_without_evidence_are_held_too(model: Any) -> None:
    write(model.folder, TODAY)
    model.weights("model.safetensors", b"other")
    assert rules(model) == ["weights-changed"]


def test_a_chart_that_was_edited_or_is_gone(carded: Any) -> None:
    chart = carded.folder / "evidence" / "privacy.svg"
    chart.write_text(chart.read_text().replace("7.94", "0.94"))
    assert rules(carded) == ["chart-edited"]
    chart.unlink()
    assert rules(carded) == ["chart-edited"]


def test_no_card_and_a_broken_one_are_bad_input(full: Any) -> None:
    with pytest.raises(BadInput, match=r"no README\.md"):
        verify(full.folder, today=TODAY)
    full.card.write_text("---\na: [\n---\n")
    with pytest.raises(BadInput, match=r"README\.md:3"):
        verify(full.folder, today=TODAY)


def test_nothing_is_written_by_verifying(carded: Any) -> None:
    before = {path: path.stat().st_mtime_ns for path in carded.folder.rglob("*")}
    carded.card.write_text(carded.card.read_text() + "ε = 1\n")
    before[carded.card] = carded.card.stat().st_mtime_ns
    verify(carded.folder, today=TODAY)
    assert {path: path.stat().st_mtime_ns for path in carded.folder.rglob("*")} == before


@settings(max_examples=40)
@given(data=st.data())
def test_any_character_changed_in_the_cards_own_parts_is_found(models: Any, data: Any) -> None:
    model = models()
    model.training()
    model.audit()
    model.card.write_text(CARD)
    write(model.folder, TODAY)
    text = model.card.read_text()
    own = list(range(text.index("privacy:\n"), text.index("---\n\n# My")))
    own += range(text.index("<!-- privet:begin"), text.index("<!-- privet:end -->"))
    at = data.draw(st.sampled_from(own))
    char = data.draw(st.sampled_from("0179 ax-.#\n|"))
    how = data.draw(st.sampled_from(["instead", "before", "away"]))
    new = text[:at] + ("" if how == "away" else char) + text[at if how == "before" else at + 1 :]
    model.card.write_text(new)
    if new == text:
        return
    try:
        assert verify(model.folder, today=TODAY).problems
    except BadInput:
        return
