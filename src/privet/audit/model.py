"""The audit of a model: what its weights remember of what it was trained on, and what its files carry.

Invariants:

- Every test that was asked for is in the result.
- Never a pass without power: fewer than a hundred members and controls show nothing, and what a test could not do is no pass.
- The same weights, canaries, policy and seed give the same digest on the same machine: one thread, single precision.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from privet.audit.endpoint.given import Given
from privet.audit.endpoint.outcome import Verdict, interval, verdict_of
from privet.audit.model_load import NoText, load_models
from privet.audit.model_result import ModelOutcome, ModelResult
from privet.audit.model_scene import ModelScene, ModelTally
from privet.audit.model_tests import IDS, TESTS, ModelTest
from privet.errors import BadInput
from privet.evidence import digest, file_digest
from privet.policy import DEFAULT, Policy

Step = Callable[[str, int, int], None]
"""Called with the id of a test, and how much of it is done out of how much."""
_WEIGHTS: Final = frozenset((".safetensors", ".gguf", ".bin", ".pt"))
_NEED: Final = {
    "canaries": "no canaries of the training data were given: --canaries FILE",
    "texts": "it takes texts that were and were not in the training: --membership FILE, or --canaries FILE",
}


@dataclass(frozen=True, slots=True, repr=False)
class ModelOptions:
    """How to audit. `base`: the model before training; `look_alikes`: of each secret in one draw, or as many as there is time for."""

    seed: int = 0
    only: Sequence[str] = IDS
    given: Given = field(default_factory=Given)
    base: Path | None = None
    policy: Policy = DEFAULT
    policy_sha256: str = ""
    look_alikes: int | None = None


def audit_model(path: Path, options: ModelOptions, step: Step = lambda _id, _done, _all: None) -> ModelResult:
    """Return the audit of a folder of weights or a GGUF file.

    Raises:
        BadInput: it is none, it cannot be opened safely, or a package is missing.

    """
    if not path.exists():
        raise BadInput("there is no such model", hint="name a folder of weights, a GGUF file or a URL")
    begun = time.monotonic()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    given = options.given
    weights = weights_of(path)
    scene = ModelScene(
        path,
        options.seed,
        given.canaries,
        given.passages,
        options.policy.detect,
        partial(load_models, path, options.base),
        options.look_alikes,
        weights,
    )
    wanted = [test for test in TESTS if test.id in options.only]
    with _one_thread() if any(test.takes and _has(test, given) for test in wanted) else contextlib.nullcontext():
        outcomes = [_one(test, scene, options, step) for test in wanted]
    return ModelResult(
        options.seed,
        options.policy_sha256,
        options.policy.audit.max_leak_rate,
        weights,
        given_digest(given),
        outcomes,
        {"target": path.resolve().name, "started": started, "seconds": round(time.monotonic() - begun, 1)},
    )


def weights_of(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of weights, by its name."""
    files = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.suffix in _WEIGHTS)
    try:
        found = {}
        for file in files:
            if file.is_file():
                with file.open("rb") as stream:
                    found[file.name] = file_digest(stream)
    except OSError as error:
        raise BadInput("a file of weights cannot be read", hint="check its permissions") from error
    return found


def given_digest(given: Given) -> str:
    """Return the SHA-256 of what the user told of the training, or nothing where that is nothing."""
    rows = [[each.prompt, each.secret, each.member] for each in given.canaries]
    texts = [[each.text, each.member] for each in given.passages]
    return digest([rows, texts]) if rows or texts else ""


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: sums of several come in other orders."""
    try:
        import torch
    except ModuleNotFoundError:
        # The test that needs it says so.
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _has(test: ModelTest, given: Given) -> bool:
    """Tell whether a test has what it takes."""
    return {"": True, "canaries": bool(given.canaries), "texts": bool(given.canaries or given.passages)}[test.takes]


def _one(test: ModelTest, scene: ModelScene, options: ModelOptions, step: Step) -> ModelOutcome:
    tally = ModelTally()
    scene.step = lambda done, of: step(test.id, done, of)
    scene.step(0, 1)
    if not _has(test, options.given):
        tally.not_tested(_NEED[test.takes])
    else:
        try:
            test.run(scene, tally)
        except NoText:
            tally.not_tested("the model makes no text")
    return concluded(test, tally, options.policy.audit.max_leak_rate)


def concluded(test: ModelTest, tally: ModelTally, max_rate: float) -> ModelOutcome:
    """Return the outcome of a test from what it counted."""
    verdict: Verdict = "underpowered" if tally.too_few else verdict_of(tally, max_rate)
    return ModelOutcome(test.id, verdict, _says(test, tally, verdict, max_rate), tally)


def _says(test: ModelTest, tally: ModelTally, verdict: Verdict, max_rate: float) -> str:
    share = f"{tally.hits} of {tally.samples} {test.unit}"
    seen = ", ".join(sorted(tally.seen))
    if verdict == "fail":
        return f"{share}: {seen}"
    if tally.too_few:
        return f"{tally.too_few}; {f'seen so far, {share}: {seen}' if tally.hits else 'nothing was seen'}"
    if verdict == "pass":
        return _passed(test, tally)
    if tally.reason or not tally.samples:
        return tally.reason or "there is nothing to look at"
    return f"none of {tally.samples} {test.unit}, too few to show that fewer than {max_rate:.1%} do"


def _passed(test: ModelTest, tally: ModelTally) -> str:
    limit = tally.entry.get("epsilon_lower")
    if limit is not None:
        return f"at least {limit:.2f} was spent, and {tally.figures['epsilon_stated']:.2f} is stated"
    if tally.sampled:
        return f"none of {tally.samples} {test.unit}; the rate is at most {interval(0, tally.samples)[1]:.1%}"
    return f"nothing in {tally.samples} {test.unit}"
