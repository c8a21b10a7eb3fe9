"""What differential privacy does to what a model memorizes, and what it costs: one small model, fine-tuned in four ways with several seeds.

`.venv/bin/python benchmarks/train/demonstration.py` prints the table; `--docs` writes docs/train-demonstration.md and its chart, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import small_base
import tickets
from demonstration_report import NAMES, costs, svg, table
from scrubbing import cleaned
from tqdm import tqdm

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
COPIES: Final = 8
CUSTOMERS: Final = 4000
HELD_OUT: Final = 400
_CLOSE: Final = re.compile(rf"(?<= )({'|'.join(tickets.CLOSES)}) .*")
RECIPE: Final = {
    "length": 64,
    "batch": 32,
    "method": "full",
    "rate": 3e-3,
    "epochs": 2,
    "private_method": "full",
    "private_batch": 384,
    "private_steps": 24,
    "private_rate": 3e-3,
    "part": 128,
    "clip": 1.0,
    "epsilon": 8.0,
    "schedule": "linear",
    "warm_up": 0,
    "look_alikes": 42,
    "bf16": False,
    "threads": 1,
}


def main() -> None:
    """Run every arm with every seed, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--canaries", type=int, default=100, help="that are planted, and as many that are not (default: 100)"
    )
    parser.add_argument("--ways", nargs="+", choices=tuple(NAMES), default=tuple(NAMES))
    parser.add_argument("--work", type=Path, default=Path("build/train"), help="where the base model is kept")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="another value of the recipe, as JSON"
    )
    parser.add_argument("--jobs", type=int, default=2, help="arms at once, one thread each (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--docs", action="store_true", help="write docs/train-demonstration.md and its chart")
    options = parser.parse_args()
    recipe = RECIPE | {name: json.loads(value) for name, _, value in (each.partition("=") for each in options.set)}
    base = small_base.made(options.work / "base")
    begun = time.monotonic()
    jobs, done = planned(options.ways, options.seeds, options.canaries, str(base), recipe)
    document = {"recipe": recipe, "data": done, "arms": run(jobs, options.jobs), "seconds": time.monotonic() - begun}
    if options.json:
        options.json.write_text(json.dumps(document, indent=1))
    if options.docs:
        (ROOT / "docs" / "train-demonstration.md").write_text(page(document))
        (ROOT / "docs" / "images" / "train-demonstration.svg").write_text(svg(document["arms"]))
    print(table(document["arms"]))
    for way, cost in costs(document["arms"]).items():
        print(f"perplexity against {NAMES[way]}: {cost:+.1%}")
    print(f"{document['seconds']:.0f} s, the base model apart")


def planned(
    ways: Sequence[str], seeds: int, count: int, base: str, recipe: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the jobs, and what was done to the tickets."""
    raw = tickets.private(CUSTOMERS, 0)
    clean, done = cleaned(raw)
    others = tickets.private(HELD_OUT, 1)
    held_out = {
        "raw": [unsigned(one.text) for one in others],
        "clean": [unsigned(text) for text, _ in cleaned(others)[0]],
    }
    jobs = []
    for seed in range(seeds):
        planted = canaries(count, seed)
        # The longest first: the last arm is not waited for alone.
        for way in reversed(ways):
            if way == "base" and seed:
                continue  # its weights are the same
            is_raw = way == "plain"
            rows = [[one.text, one.customer] for one in raw] if is_raw else clean
            job = {"way": way, "seed": seed, "base": base, "rows": with_canaries(rows, planted, seed)}
            job |= {"held_out": held_out["raw" if is_raw else "clean"], "canaries": planted, "recipe": recipe}
            jobs.append(job)
    return jobs, done


def unsigned(text: str) -> str:
    """Return a ticket without the name and the address under it."""
    return _CLOSE.sub(r"\1", text)


def canaries(count: int, seed: int) -> list[tuple[str, str, bool]]:
    """Return prompt and secret of so many that are planted, and of as many that are not; which is which is chance."""
    members = set(random.Random(f"members:{seed}").sample(range(2 * count), count))  # noqa: S311 - a draw of an experiment
    return [(one.prompt, one.secret, at in members) for at, one in enumerate(tickets.codes(2 * count, seed))]


def with_canaries(rows: Sequence[list[str]], planted: Sequence[tuple[str, str, bool]], seed: int) -> list[list[str]]:
    """Return the rows with each member among the canaries eight times, as of one subject, in chance order."""
    more = [
        [f"{prompt} {secret}", f"canary-{at}"]
        for at, (prompt, secret, member) in enumerate(planted)
        if member
        for _ in range(COPIES)
    ]
    out = [*rows, *more]
    random.Random(seed).shuffle(out)  # noqa: S311 - an order
    return out


def run(jobs: Sequence[dict[str, Any]], at_once: int) -> list[dict[str, Any]]:
    """Return what each job found."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}

    def one(job: dict[str, Any]) -> dict[str, Any]:
        command = [sys.executable, str(HERE / "arm.py")]
        done = subprocess.run(
            command, input=json.dumps(job), text=True, capture_output=True, check=False, env=environment
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    with ThreadPoolExecutor(at_once) as pool:
        return list(tqdm(pool.map(one, jobs), total=len(jobs), desc="arms", file=sys.stderr))


def page(document: dict[str, Any]) -> str:
    """Return the page of the docs."""
    recipe, arms = document["recipe"], document["arms"]
    private = next(arm for arm in arms if arm["way"] == "private")["privacy"]
    cost = costs(arms)
    scrubbed, copies = document["data"]["scrub"], sum(document["data"]["dedup"].values())
    seeds = len({arm["seed"] for arm in arms})
    most = arms[0]["tests"]["exposure"]["figures"]["text"]["most_bits"]
    return f"""# What a fine-tuned model memorizes, and what privacy costs

Written by `benchmarks/train/demonstration.py --docs` in {document["seconds"] / 60:.1f} minutes on two cores, the base model apart (it is
trained once). {seeds} seeds.

![exposure, extraction, membership and perplexity of each arm](images/train-demonstration.svg)

{table(arms)}
The private arm's perplexity is {cost["matched"]:.1%} above that of the same steps without privacy, {cost["scrubbed"]:.1%} above that
of ordinary fine-tuning on the same tickets. Its epsilon is {private["epsilon"]:.2f} at delta {private["delta"]:.0e} for one
{private["unit"]} ({private["accountant"]}; noise multiplier {private["noise_multiplier"]:.2f}, sampling rate
{private["sampling_rate"]:.3f}, {private["steps"]} steps, clipping at {private["max_grad_norm"]:g}).

## What was done

- The model has half a million parameters and was trained on public tickets of shops and banks, scrubbed; one in twenty is about the
  bank whose tickets follow. All of it is made up (`benchmarks/train/tickets.py`).
- The data: {scrubbed["read"]:,} tickets of {CUSTOMERS:,} customers, with names, addresses and numbers. Scrubbing changed
  {scrubbed["changed"]:,}; {copies} copies went.
- In each arm 100 codes are planted, {COPIES} times each, as of one customer, **behind** scrubbing and the removal of copies: what no
  cleaning finds. 100 codes of the same form are the controls. Which are which is drawn anew with each seed.
- *plain*, *scrubbed*: {recipe["epochs"]} rounds in batches of {recipe["batch"]}. *the same steps, no privacy*: as many steps as the private
  arm, over batches as large, at the same rate. *Privet*: `PrivateTrainer`, batches of {recipe["private_batch"]} customers on average.
  All weights are trained.

## How to read it

Exposure is log2 of how many look-alikes a code beats, of {most:.1f} bits; controls have what chance gives. Extracted is what the model says
when it goes on behind the prompts, likeliest and drawn three times: some codes come by chance, so controls come as well. Membership is
the largest area under the curve of all scores of the audit, which is above 0.5 by chance alone: compare it with the base model's, which
has seen none. *epsilon at least* is what the audit proves was spent, at 95 % (Steinke et al. 2023). All of it is what `privet audit model`
measures. Perplexity is that of tickets of other customers, without their signatures; for *plain*, of raw ones.

What *Privet* does against *scrubbed* is partly that of fewer and larger steps: the arm between them has those and nothing else. The
difference between it and *Privet* is what differential privacy did.

Noise and sampling come from the system, so a second run is another: the private arm's figures move by what the controls do. It is one small
model and made-up text: a demonstration that anybody can repeat, no promise for yours. `privet audit model` measures
yours.
"""


if __name__ == "__main__":
    main()
