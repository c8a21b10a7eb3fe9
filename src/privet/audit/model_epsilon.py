"""Test `epsilon-lower-bound`: the least epsilon that the training can have had, against the one that it states.

Each canary is guessed to have been in the training, or not, by how likely its secret is; `model_one_run.py` makes a limit of how many
guesses are right. What is stated is in `evidence/training.json` beside the weights.

Invariants:

- Members are what fair coins decided, each canary by itself: where their share cannot come of that, nothing follows.
- Guesses, the way of asking and the order of ties are chosen without regard to who is a member. Of several numbers of guesses the best
  limit counts, with the error divided by them (Bonferroni).
- A limit that holds with 95 % confidence fails the training only above what it states; without a statement nothing is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import pvariance
from typing import Final

from privet.audit.bound import lower_limit, upper_limit
from privet.audit.model_claim import claim_of
from privet.audit.model_exposure import Exposed, exposed
from privet.audit.model_one_run import least_epsilon
from privet.audit.model_scene import ModelScene, ModelTally

ID: Final = "epsilon-lower-bound"
_ERROR: Final = 0.05
_PARTS: Final = (1, 2, 5)
"""All canaries are guessed, a half of them, a fifth: those that stand out most."""
_UNFAIR: Final = 0.0005
_DELTA: Final = 1e-5
_FIX: Final = (
    "Do not rely on the stated epsilon: the training leaked more. Look for units larger than one example, data that was seen outside the "
    "private steps, and gradients that were not clipped for each unit."
)


def run(scene: ModelScene, tally: ModelTally) -> None:
    """Guess who was in the training, and compare the limit with what is stated."""
    tally.sampled = False
    claim = claim_of(scene.path, scene.weights)
    for note in claim.notes:
        tally.note(note)
    delta = claim.delta or _DELTA
    guessed = _order(scene)
    members = sum(guessed)
    tally.weigh(members, len(guessed) - members)
    if guessed and not lower_limit(members, len(guessed), _UNFAIR) <= 0.5 <= upper_limit(
        members, len(guessed), _UNFAIR
    ):
        unfair = f"{members} of {len(guessed)} canaries are members: a fair coin has to decide for each canary"
        tally.note(unfair)
        tally.too_few = tally.too_few or unfair
    limit, guesses, right = _limit(guessed, delta)
    most = _limit([True] * (len(guessed) // 2) + [False] * (len(guessed) - len(guessed) // 2), delta)[0]
    tally.entry["epsilon_lower"] = limit
    tally.figures.update(epsilon_lower=limit, epsilon_lower_most=most, delta=delta, confidence=1 - _ERROR)
    tally.figures.update(guesses=guesses, right=right)
    if claim.epsilon is None:
        tally.reason = f"no epsilon is stated to compare with; it is at least {limit:.2f} at delta {delta:g}"
        return
    tally.figures["epsilon_stated"] = claim.epsilon
    tally.samples = guesses
    if limit > claim.epsilon:
        tally.hits = right
        tally.seen[f"epsilon of at least {limit:.2f}, stated as {claim.epsilon:.2f}"] = 1
        tally.fixes.append(_FIX)
    elif most <= claim.epsilon:
        tally.note(
            f"so many canaries cannot show more than {most:.2f}: a stated epsilon above that is not tested by them"
        )


def _order(scene: ModelScene) -> list[bool]:
    """Return who is a member, the likeliest first."""
    rows = _way(scene)
    chance = scene.chance(ID)
    # Ties must not stand in the order of the file, which may be that of membership.
    chance.shuffle(rows)
    if scene.reference is None or not rows or rows[0].way not in scene.reference.ways:
        return [row.canary.member for row in sorted(rows, key=lambda row: -row.above)]
    ratios = _ratios(scene, rows)
    return [rows[at].canary.member for at in sorted(range(len(rows)), key=lambda at: -ratios[at])]


def _way(scene: ModelScene) -> list[Exposed]:
    """Return the canaries in the way of asking in which they differ most: there half of them may be remembered."""
    ways = [[row for row in exposed(scene) if row.way == way] for way in scene.model.ways]
    return max(ways, key=lambda rows: pvariance([row.above for row in rows]) if rows else 0.0)


def _ratios(scene: ModelScene, rows: Sequence[Exposed]) -> list[float]:
    """Return how much likelier each secret is than to the model before training: the test of likelihood ratios."""
    sums = []
    for model in (scene.model, scene.reference):
        if model is not None:
            items = model.items([(row.canary.prompt, row.canary.secret) for row in rows], rows[0].way)
            sums.append([sum(score.tokens) for score in model.scores(items)])
    return [own - other for own, other in zip(*sums, strict=True)]


def _limit(members: Sequence[bool], delta: float) -> tuple[float, int, int]:
    """Return the best limit, with how many guesses, how many of them right: `members` in the order of likelihood."""
    best = (0.0, 0, 0)
    for part in _PARTS:
        half = len(members) // part // 2
        right = sum(members[:half]) + sum(not member for member in members[len(members) - half :]) if half else 0
        limit = least_epsilon(len(members), 2 * half, right, delta, _ERROR / len(_PARTS))
        if half and (limit > best[0] or not best[1]):
            best = (limit, 2 * half, right)
    return best
