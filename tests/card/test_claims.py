"""Claims in the author's own text, and which evidence backs them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from privet.card.claims import unbacked
from privet.card.evidence import read
from privet.card.facts import Facts, facts_of


@pytest.fixture
def nothing() -> Facts:
    """Return the facts of a model without evidence."""
    return facts_of([], {}, {})


@pytest.fixture
def all_of_it(full: Any) -> Facts:
    """Return the facts of a model with evidence: epsilon 7.931, delta 1e-5, subjects, extraction and exposure passed."""
    return facts_of(read(full.folder)[0], {}, {})


CLAIMS = [
    "epsilon = 1",
    "Epsilon: 0.5",
    "ε=1",
    "ϵ = 1",
    "𝜀 = 1",
    "ɛ = 1",
    "**ε** = **1**",
    "`epsilon` = `1`",
    "$\\varepsilon = 1$",
    "$\\epsilon \\leq 1$",
    "&epsilon; = 1",
    "&#949;&nbsp;=&nbsp;1",
    "ε\u200b = 1",
    "ε <b>=</b> 1",
    '<img alt="ε = 1">',
    "| epsilon | 1 |",
    "an epsilon of 1",
    "epsilon (ε) = 1",
    "ε" + 40 * " " + "= 1",
    "ε stays as low as 1",
    "privacy:\n  budget: 1",
    "privacy_loss = 2",
    "epsilon was at most 1",
    '"epsilon": 1',
    "dp_epsilon: 1",
    "eps = 1.0",
    "target_eps: 2",
    "a privacy budget of 3",
    "(1, 1e-5)-DP",
    "(0.9, 10^{-5})-differentially private",
    "(ε, δ) = (1, 1e-6)",
    "ε = 1\r",
    "<!-- ε = 1 -->",
    "```\nε = 1\n```",
    "epsilon\n= 1",
    "privacy with delta = 1e-9",
    "(with ε and δ = 1e-9)",
    "privacy with δ = 10⁻⁹",
    "Our optimizer gives ε = 1",
    "GDPR compliant",
    "compliant with the HIPAA",
    "The data contains no PII",
    "free of personal data",
    "no personally identifiable information",
    "PII-free",
    "The corpus is fully anonymized",
    "does not contain any personal information",
    "resistant to model inversion",
    "membership inference AUC of 0.50",
    "exposure of 0.2 bits",
    "a detector recall of 99.9 %",
]
BACKED = [
    "ε = 7.931",
    "ε = 7.93",
    "ε = 7.9",
    "ε = 8",
    "ε ≤ 8",
    "epsilon: 10",
    "privacy budget of 8",
    "(8, 1e-5)-DP",
    "(ε, δ) = (8, 10⁻⁵)",
    "differentially private",
    "trained with DP-SGD",
    "tags:\n- differential-privacy",
    "subject-level differential privacy",
    "privately fine-tuned",
    "privacy-preserving",
    "identifiers were removed",
    "anonymized training data",
    "does not memorize the training data",
    "robust to extraction attacks",
    "membership inference AUC of 0.52",
    "exposure of 1.1 bits",
    "detector recall of 97 %",
]
NO_CLAIMS = [
    "optimizer: Adam with betas=(0.9,0.999) and epsilon=1e-08",
    "layer_norm_eps: 1e-05",
    "epsilon: 1e-06",
    "label smoothing with epsilon 0.1",
    "an ε-greedy policy, exploration epsilon = 0.05",
    "exploration_initial_eps: 1.0",
    "Huber loss with delta = 1.0",
    "This model is not differentially private.",
    "It was trained without differential privacy.",
    "no formal privacy guarantee, and not trained with DP-SGD",
    "trained with DP=8 and TP=2",
    "The data may contain personal information.",
    "Returns text with names.",
    "GDPR is a law.",
    "Training loss 1.0, epoch 8",
]


def test_the_epsilon_of_an_optimizer_is_its_own_in_a_sentence_on_privacy(all_of_it: Facts) -> None:
    assert not unbacked("Differentially private training used AdamW epsilon 1e-8.", all_of_it)
    assert unbacked("Differentially private training with epsilon 1e-8.", all_of_it)
    assert unbacked("Differentially private training used AdamW and epsilon 2.", all_of_it)


@pytest.mark.parametrize("text", CLAIMS)
def test_a_claim_that_evidence_does_not_back_is_found(text: str, all_of_it: Facts, nothing: Facts) -> None:
    assert unbacked(f"\n\n{text}\n", all_of_it)
    found = unbacked(f"\n\n{text}\n", nothing)
    assert found[0].line == (4 if text.startswith("```") else 3)


@pytest.mark.parametrize("text", BACKED)
def test_a_claim_is_backed_by_its_evidence_and_by_nothing_else(text: str, all_of_it: Facts, nothing: Facts) -> None:
    assert not unbacked(text, all_of_it)
    assert unbacked(text, nothing)


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_what_claims_nothing_is_left_alone(text: str, nothing: Facts) -> None:
    assert not unbacked(text, nothing)


@pytest.mark.parametrize("text", ["ε ≤ 7.9", "ε < 7.93", "ε = 7", "ε = 7.92", "epsilon below 7.9", "(8, 1e-6)-DP"])
def test_a_bound_is_no_better_than_what_was_measured(text: str, all_of_it: Facts) -> None:
    assert unbacked(text, all_of_it)


def test_privacy_of_examples_backs_none_of_users(model: Any) -> None:
    model.training({"unit": "example"})
    facts = facts_of(read(model.folder)[0], {}, {})
    assert not unbacked("differentially private", facts)
    assert unbacked("user-level differential privacy", facts)


def test_a_test_that_failed_backs_nothing(model: Any) -> None:
    test = {
        "id": "extraction",
        "verdict": "fail",
        "samples": 10,
        "hits": 3,
        "interval": [0.06, 0.66],
        "says": "3",
        "figures": {},
    }
    model.audit([test])
    assert unbacked("It does not memorize.", facts_of(read(model.folder)[0], {}, {}))


def test_claims_across_lines_have_the_line_they_begin_in(nothing: Facts) -> None:
    assert [claim.line for claim in unbacked("one\nis differentially\nprivate\n\nε = 1 and ε = 2\n", nothing)] == [2, 5]


@pytest.mark.parametrize(
    "piece",
    ["a", " ", "ε ", "epsilon", "<a", "no ", "_", "1", "personal ", "(1,", "&", "not a ", "ε=1 ", "GDPR compliant "],
)
def test_long_texts_are_read_in_time(piece: str, nothing: Facts) -> None:
    begun = time.process_time()
    unbacked(piece * (15_000 // len(piece)), nothing)
    assert time.process_time() - begun < 3
