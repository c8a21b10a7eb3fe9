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
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import tickets
from tqdm import tqdm

from privet.integrations.train_data import examples_of
from privet.policy import DEFAULT
from privet.train_config import TrainConfig

HERE: Final = Path(__file__).parent
WAYS: Final = ("plain", "scrubbed", "matched", "private")
COPIES: Final = 8
CUSTOMERS: Final = 2000
HELD_OUT: Final = 400
_SIGNED: Final = re.compile(r"(?<=,) [^,]+, [^ ]+$|(?<=,) [^,]+, \+1 [0-9-]+$")
RECIPE: Final = {
    "length": 64,
    "batch": 32,
    "method": "full",
    "rate": 3e-3,
    "epochs": 3,
    "private_batch": 512,
    "private_steps": 20,
    "private_rate": 5e-3,
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
        "--canaries", type=int, default=100, help="planted ones, and as many that are not (default: 100)"
    )
    parser.add_argument("--ways", nargs="+", choices=("base", *WAYS), default=("base", *WAYS))
    parser.add_argument("--work", type=Path, default=Path("build/train"), help="where the base model is kept")
    parser.add_argument("--base", type=Path, help="another base model: a folder of safetensors")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the recipe")
    parser.add_argument("--jobs", type=int, default=2, help="arms at once, one thread each (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures")
    options = parser.parse_args()
    recipe = RECIPE | {name: json.loads(value) for name, _, value in (each.partition("=") for each in options.set)}
    base = options.base
    if base is None:
        import small_base

        base = small_base.made(options.work / "base")
    raw = tickets.private(CUSTOMERS, 0)
    clean, done = cleaned(raw)
    held_out = [_SIGNED.sub("", one.text) for one in tickets.private(HELD_OUT, 1)[:HELD_OUT]]
    jobs = []
    for seed in range(options.seeds):
        planted = canaries(options.canaries, seed)
        for way in options.ways:
            rows = [[one.text, one.customer] for one in raw] if way in ("base", "plain") else clean
            jobs.append(
                {
                    "way": way,
                    "seed": seed,
                    "base": str(base),
                    "rows": with_canaries(rows, planted, seed),
                    "held_out": held_out,
                    "canaries": planted,
                    "recipe": recipe,
                }
            )
    found = run(jobs, options.jobs)
    document = {"recipe": recipe, "data": done, "arms": found}
    if options.json:
        options.json.write_text(json.dumps(document, indent=1))
    for way in options.ways:
        for one in found:
            if one["way"] == way:
                print(line(one))


def cleaned(raw: Sequence[tickets.Ticket]) -> tuple[list[list[str]], dict[str, Any]]:
    """Return the tickets scrubbed and each once, with whose each is, and what was done: by the pipeline of `privet train`."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "tickets.jsonl"
        data.write_text("".join(json.dumps(asdict(one)) + "\n" for one in raw))
        config = TrainConfig(
            model=data, data=data, output=Path(folder) / "out", text="text", subject="customer", dataset_id="demo"
        )
        told = tqdm(total=len(raw), desc="scrub", file=sys.stderr)
        found = examples_of(
            config, DEFAULT, None, Path(folder), lambda _step, at, _of: told.update(at - told.n) and None
        )
        told.close()
    return [[text, f"S-{whose}"] for text, whose in zip(found.rows, found.subjects or [], strict=True)], found.done


def canaries(count: int, seed: int) -> list[tuple[str, str, bool]]:
    """Return prompt and secret of so many that are planted, and of as many that are not; which is which is chance."""
    members = set(random.Random(f"members:{seed}").sample(range(2 * count), count))  # noqa: S311 - a draw of an experiment
    return [(one.prompt, one.secret, at in members) for at, one in enumerate(tickets.codes(2 * count, seed))]


def with_canaries(rows: Sequence[list[str]], planted: Sequence[tuple[str, str, bool]], seed: int) -> list[list[str]]:
    """Return the rows with each member among the canaries 16 times, as of one subject, in chance order."""
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
        )  # noqa: S603
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    with ThreadPoolExecutor(at_once) as pool:
        return list(tqdm(pool.map(one, jobs), total=len(jobs), desc="arms", file=sys.stderr))


def line(one: dict[str, Any]) -> str:
    tests = one["tests"]
    exposure = tests["exposure"]["figures"]["text"]
    scores = tests["membership"]["figures"]["scores"]
    aucs = " ".join(f"{name}={score['auc']:.2f}" for name, score in scores.items())
    return (
        f"{one['way']:9} {one['seed']} ppl {one['perplexity']:.3f} (base {one['perplexity_before']:.3f}) "
        f"bits {exposure['members_bits']:.2f} vs {exposure['controls_bits']:.2f} of {exposure['most_bits']:.2f} "
        f"extracted {tests['extraction']['hits']}/{tests['extraction']['samples']} "
        f"auc {aucs} "
        f"eps {tests.get('epsilon-lower-bound', {}).get('figures', {}).get('epsilon_lower')} "
        f"{one['train_seconds']:.0f}+{one['audit_seconds']:.0f} s {one['privacy'] and one['privacy']['noise_multiplier']}"
    )


if __name__ == "__main__":
    main()
