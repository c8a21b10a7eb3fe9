"""The card is written from evidence only, and leaves the author's text alone."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import yaml

from privet.card.write import write
from privet.errors import BadInput, Damaged

TODAY = date(2026, 6, 15)
CARD = '---\nlicense: apache-2.0 # ours\ntags: [a, "b"]\n---\n\n# My model\n\nGood model.\n'
ALL = [
    "training-privacy",
    "scrub",
    "dedup",
    "detector-recall",
    "extraction",
    "exposure",
    "membership",
    "epsilon-lower-bound",
    "weight-files",
    "endpoint",
]


def block_in(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])["privacy"]
    return found


def test_the_block_holds_what_training_says(full: Any) -> None:
    write(full.folder, TODAY)
    block = block_in(full.card.read_text())
    assert {name: block[name] for name in ("epsilon", "delta", "unit", "accountant")} == {
        "epsilon": 7.931,
        "delta": 1e-05,
        "unit": "subject",
        "accountant": "PLD (dp-accounting)",
    }
    assert block["weights"] == full.digests()
    assert [one["file"] for one in block["evidence"]] == ["evidence/audit-model.json", "evidence/training.json"]
    assert block["valid_until"] == "2027-06-01"


def test_the_text_says_it_to_people(full: Any) -> None:
    write(full.folder, TODAY)
    text = full.card.read_text()
    section = text[text.index("<!-- privet:begin -->") : text.index("<!-- privet:end -->")]
    for part in (
        "ε = 7.94",
        "δ = 1e-05",
        "each subject",
        "EMAIL\\_ADDRESS 301",
        "duplicates 12",
        "97 %",
        "0.0000 to 0.0122",
    ):
        assert part in section
    assert "![" in section
    assert (full.folder / "evidence" / "privacy.svg").read_text().startswith("<svg")


def test_without_evidence_everything_is_named_as_not_measured(model: Any) -> None:
    write(model.folder, TODAY)
    block = block_in(model.card.read_text())
    assert block["not_measured"] == ALL
    assert not {"epsilon", "delta", "audit"} & set(block)
    text = model.card.read_text()
    for name in ("training privacy", "scrub", "dedup", "detector recall", "extraction", "exposure", "membership",
                 "epsilon lower bound", "weight files", "endpoint"):  # fmt: skip
        assert f"**{name}**" in text


@pytest.mark.parametrize(
    ("parts", "measured"),
    [
        (["training"], {"training-privacy", "scrub", "dedup", "detector-recall"}),
        (["audit"], {"extraction", "exposure", "membership", "epsilon-lower-bound", "weight-files"}),
        (["endpoint"], {"endpoint"}),
        (["manifest"], {"scrub", "dedup"}),
        (["dataset_audit"], {"detector-recall"}),
    ],
)
def test_each_kind_of_evidence_measures_its_own(model: Any, parts: list[str], measured: set[str]) -> None:
    for part in parts:
        getattr(model, part)()
    write(model.folder, TODAY)
    assert set(ALL) - set(block_in(model.card.read_text())["not_measured"]) == measured


def test_a_test_that_was_not_run_is_not_measured(model: Any) -> None:
    test = {
        "id": "extraction",
        "verdict": "not-tested",
        "samples": 0,
        "hits": 0,
        "interval": [0, 1],
        "says": "no",
        "figures": {},
    }
    model.audit([test])
    write(model.folder, TODAY)
    assert "extraction" in block_in(model.card.read_text())["not_measured"]


def test_training_without_scrubbing_says_so(model: Any) -> None:
    model.training(data={})
    write(model.folder, TODAY)
    assert {"scrub", "dedup", "detector-recall"} <= set(block_in(model.card.read_text())["not_measured"])


def test_sums_of_a_manifest(model: Any) -> None:
    model.manifest()
    write(model.folder, TODAY)
    block = block_in(model.card.read_text())
    assert block["scrub"]["found"] == {"PERSON": 13, "PHONE_NUMBER": 4}
    assert (block["scrub"]["files"], block["scrub"]["set_aside"]) == (2, 1)
    assert (block["dedup"]["duplicates"], block["dedup"]["near_duplicates"]) == (4, 1)


def test_the_audit_of_the_dataset_is_called_unsigned(model: Any) -> None:
    model.dataset_audit()
    write(model.folder, TODAY)
    text = model.card.read_text()
    assert block_in(text)["dataset_audit"]["signed"] is False
    assert "at most 0.39 % of records hold an identifier (unsigned)" in text
    assert "95 % for PERSON, the kind found least: 380 of 400 planted, at least 92.1 %" in text


def test_the_author_keeps_text_keys_order_comments_and_quotes(full: Any) -> None:
    full.card.write_text(CARD)
    write(full.folder, TODAY)
    text = full.card.read_text()
    head, rest = text.split("privacy:\n", 1)
    assert head == '---\nlicense: apache-2.0 # ours\ntags: [a, "b"]\n'
    assert "\n---\n\n# My model\n\nGood model.\n\n<!-- privet:begin -->\n" in rest


def test_a_second_run_changes_nothing(full: Any) -> None:
    full.card.write_text(CARD)
    assert write(full.folder, TODAY).changed == ("evidence/privacy.svg", "README.md")
    before = (full.card.read_bytes(), full.card.stat().st_mtime_ns, full.card.stat().st_ino)
    assert write(full.folder, date(2026, 9, 1)).changed == ()
    assert (full.card.read_bytes(), full.card.stat().st_mtime_ns, full.card.stat().st_ino) == before


def test_new_evidence_replaces_only_its_own_parts(full: Any) -> None:
    full.card.write_text(CARD)
    write(full.folder, TODAY)
    full.card.write_text(full.card.read_text() + "\nMore of the author.\n")
    full.training({"epsilon": 3.0})
    write(full.folder, TODAY)
    text = full.card.read_text()
    assert (text.count("privacy:\n"), text.count("<!-- privet:begin -->")) == (1, 1)
    assert text.endswith("<!-- privet:end -->\n\nMore of the author.\n")
    assert block_in(text)["epsilon"] == 3.0


def test_the_mode_is_kept_and_nothing_is_left_beside(full: Any) -> None:
    full.card.write_text(CARD)
    full.card.chmod(0o640)
    write(full.folder, TODAY)
    assert stat.S_IMODE(full.card.stat().st_mode) == 0o640
    assert sorted(path.name for path in full.folder.iterdir()) == ["README.md", "evidence", "model.safetensors"]


def test_weights_without_evidence_are_named(full: Any) -> None:
    full.weights("onnx/model.onnx", b"other")
    full.weights("old.PTH", b"older")
    full.weights(".git/lfs/model.bin", b"what was")
    write(full.folder, TODAY)
    assert list(block_in(full.card.read_text())["weights_without_evidence"]) == ["old.PTH", "onnx/model.onnx"]
    assert "nothing here is about" in full.card.read_text()


def test_texts_of_evidence_cannot_break_out(model: Any) -> None:
    model.training(
        {"accountant": "x | y <!-- privet:end -->\n# ε = 1 \u2028: é😀 [a](b)"}, dataset={"id": "'\"\\: #", "units": 1}
    )
    write(model.folder, TODAY)
    text = model.card.read_text()
    assert text.count("<!-- privet:end -->") == 1 + text.split("---\n")[1].count("privet:end -->")
    assert block_in(text)["accountant"] == "x | y <!-- privet:end -->\n# ε = 1 \u2028: é😀 [a](b)"
    assert write(model.folder, TODAY).changed == ()


Spoil = Callable[[Any], object]


def _edit(model: Any, name: str, **changed: Any) -> None:
    path = model.folder / "evidence" / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (lambda model: _edit(model, "training.json", method="full"), Damaged, "changed after it was signed"),
        (lambda model: _edit(model, "audit-model.json", seed=1), Damaged, "changed after it was signed"),
        (lambda model: model.put("training.json", {"format": "privet-evidence-training/1"}), BadInput, "not of its form"),
        (lambda model: model.training(created="soon"), BadInput, "no date"),
        (lambda model: model.training({"delta": 0}), BadInput, "no guarantee"),
        (lambda model: model.training({"unit": "nobody"}), BadInput, "unit"),
        (lambda model: model.training(created="2025-06-01"), BadInput, "counts for 365 days"),
        (lambda model: model.training(created="2026-07-01"), BadInput, "yet to come"),
        (lambda model: model.put("more.json", {"format": "somebody's/1"}), BadInput, "no format"),
        (lambda model: (model.folder / "evidence" / "more.json").write_text("{"), BadInput, "not JSON"),
        (lambda model: model.put("again.json", json.loads((model.folder / "evidence/training.json").read_text())), BadInput, "another"),
        (lambda model: model.weights("model.safetensors", b"other"), BadInput, "not the file"),
        (lambda model: model.weights("more.bin", b"more"), BadInput, "is not of it"),
        (lambda model: (model.folder / "model.safetensors").unlink(), BadInput, "it is gone"),
        (lambda model: model.training({"epsilon": 0.2}), Damaged, "at least 0.4"),
    ],
)  # fmt: skip
def test_evidence_that_does_not_hold_is_refused(full: Any, spoil: Spoil, error: type[Exception], says: str) -> None:
    full.card.write_text(CARD)
    spoil(full)
    with pytest.raises(error, match=says):
        write(full.folder, TODAY)
    assert full.card.read_text() == CARD


def test_a_manifest_with_another_tree_is_refused(model: Any) -> None:
    model.put(
        "privet-manifest.json", {"format": "privet-manifest/1", "tier": "names", "files": [], "merkle_root": "0" * 64}
    )
    with pytest.raises(Damaged, match="hash tree"):
        write(model.folder, TODAY)


def test_a_folder_that_is_none(model: Any) -> None:
    with pytest.raises(BadInput, match="folder of a model"):
        write(model.folder / "nowhere", TODAY)


def test_a_card_that_is_a_link_or_no_text_is_refused(full: Any) -> None:
    full.card.write_bytes(b"one\n\xff\n")
    with pytest.raises(BadInput, match=r"README\.md:2: not UTF-8"):
        write(full.folder, TODAY)
    full.card.unlink()
    full.card.symlink_to(full.folder / "elsewhere.md")
    with pytest.raises(BadInput, match="is a link"):
        write(full.folder, TODAY)


def test_figures_of_groups_are_named_by_their_group(model: Any) -> None:
    test = {"id": "membership", "verdict": "pass", "samples": 9, "hits": 0, "interval": [0, 0.4], "says": "no",
            "figures": {"scores": {"loss": {"auc": 0.51}}, "texts": "canaries", "ranks": [1, 2]}}  # fmt: skip
    lower = {"id": "epsilon-lower-bound", "verdict": "pass", "samples": 9, "hits": 0, "interval": [0, 0.4], "says": "no",
             "figures": {}, "epsilon_lower": 0.3}  # fmt: skip
    model.audit([test, lower])
    tests = block_in((write(model.folder, TODAY), model.card.read_text())[1])["audit"]["tests"]
    assert [one["figures"] for one in tests] == [{"scores.loss.auc": 0.51}, {"epsilon_lower": 0.3}]


def test_what_training_writes_is_what_the_card_reads(model: Any) -> None:
    evidence = pytest.importorskip("privet.train.evidence")
    plan = pytest.importorskip("privet.train.plan")
    privacy = plan.Privacy(2.5, 1e-5, "example", "PLD", 1.1, 0.01, 50, 1.0)
    document = evidence.statement(
        privacy,
        method="full",
        dataset="notes",
        units=1987,
        policy="0" * 64,
        data={"found": {}, "duplicates": 0},
        weights=model.digests(),
    )
    evidence.write(model.folder, document, model.signer)
    write(model.folder)
    block = block_in(model.card.read_text())
    assert (block["epsilon"], block["unit"], block["dataset"]) == (2.5, "example", {"id": "notes", "units": 1900})
    assert not {"training-privacy", "scrub", "dedup"} & set(block["not_measured"])
