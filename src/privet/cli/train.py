"""`privet train config.toml`: private fine-tuning without code; `privet train --demo`: the same on made-up data.

Exit 0: trained, 1: the audit of the model has findings, 2: bad input, 3: a protection cannot be had.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.cli.extras import needing
from privet.cli.key_file import read_key
from privet.cli.policy import load
from privet.cli.steps import Steps
from privet.cli.style import Style
from privet.errors import BadInput, Unprotected
from privet.train_config import TrainConfig, check_paths, read_config

if TYPE_CHECKING:  # these load what only a run needs
    from privet.integrations.train_after import After
    from privet.integrations.train_run import Outcome

FORMAT: Final = "privet-train/1"
_DEMO_OUT: Final = Path("privet-demo")
_CUT: Final = "cut"
_EPSILON: Final = "epsilon"
_OUTSIDE: Final = "held from outside"


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "train",
        help="private fine-tuning: scrub, dedup, canaries, DP; weights with their evidence",
        description=(
            "Fine-tunes a model of this machine on data that is scrubbed and freed of copies first, with differential privacy. "
            "Exit 0: trained, 1: the audit of the model has findings, 2: bad input, 3: a protection cannot be had."
        ),
    )
    parser.add_argument("config", nargs="?", type=Path, metavar="CONFIG", help="see docs/train-config.md")
    parser.add_argument("--demo", action="store_true", help="20 steps of the embedded model on made-up support tickets")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="with --demo: where to (default: privet-demo); else in CONFIG"
    )
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="32 secret bytes, for transforms that need a key")
    parser.add_argument("--json", action="store_true", help="the summary for machines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, audit, write the card; tell what was done."""
    if options.demo == (options.config is not None):
        raise BadInput("expected a config file or --demo", hint="privet train config.toml, or privet train --demo")
    if options.out is not None and not options.demo:
        raise BadInput("-o goes with --demo", hint="name the folder in the config: [output] path = '...'")
    with needing("train", "train"), _config(options) as config:
        return _train(options, config)


def _stopped(_number: int, _frame: object) -> None:
    # As Ctrl-C: what was written beside the output is removed on the way out.
    raise KeyboardInterrupt


@contextmanager
def _config(options: argparse.Namespace) -> Iterator[TrainConfig]:
    if options.config is not None:
        yield read_config(options.config)
        return
    from privet.integrations.train_demo import demo

    with tempfile.TemporaryDirectory(prefix="privet-") as folder:
        yield demo(Path(folder), (options.out or _DEMO_OUT).absolute())


def _train(options: argparse.Namespace, config: TrainConfig) -> int:
    begun = time.monotonic()
    check_paths(config)
    signal.signal(signal.SIGTERM, _stopped)
    held = _locked()
    loaded = load(options)
    policy = loaded.policy
    for item in loaded.exceptions:
        sys.stderr.write(f"privet train: {item.rule} is loosened until {item.expires}: {item.reason}\n")
    if config.epsilon > policy.train.max_epsilon:
        raise BadInput(
            f"{config.where('privacy.epsilon')}: epsilon {config.epsilon:g} is above the policy's {policy.train.max_epsilon:g}",
            hint="make it smaller, or add an [[exception]] for train.max_epsilon to privet.toml",
        )
    key = read_key(options.key_file) if options.key_file is not None else None
    _at_home()
    # Libraries print as they like; standard output is for the summary.
    with Steps(sys.stderr) as steps, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        steps.step("load", 0, 1)
        from privet.integrations.train_after import after
        from privet.integrations.train_run import train

        try:
            outcome = train(config, policy, key, steps.step)
        except KeyboardInterrupt:
            if config.unfinished.is_dir():
                sys.stderr.write("\nprivet train: stopped; the same command goes on from its last checkpoint\n")
            raise
        done = after(config, options.policy, steps.step)
    # Audit and card are part of what it took.
    outcome = replace(outcome, seconds=time.monotonic() - begun)
    if options.json:
        sys.stdout.write(json.dumps(_as_json(config, outcome, done, held), indent=2) + "\n")
    else:
        _tell(config, outcome, done, held)
    return done.code


def _locked() -> tuple[str, ...]:
    """Lock this process in before anything starts threads; return the layers that hold.

    Raises:
        Unprotected: it cannot be locked, and nothing outside holds it either.

    """
    from privet import egress

    try:
        return egress.lock().layers
    except Unprotected:
        if _is_held():
            return (_OUTSIDE,)
        raise


def _is_held() -> bool:
    """Tell whether this process sits behind a filter in a network of its own already, as under `privet run`."""
    try:
        devices = Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines()[2:]
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return {line.partition(":")[0].strip() for line in devices} == {"lo"} and "\nSeccomp:\t2\n" in status


def _at_home() -> None:
    """Give this process, and what it loads, the environment in which known programs keep data at home."""
    from privet.environment import safe

    made = safe(os.environ).environment
    for name in os.environ.keys() - made.keys():
        del os.environ[name]
    os.environ.update(made, TQDM_DISABLE="1")
    # Threads that spin while they wait take four times the processor where anything else runs too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _as_json(config: TrainConfig, outcome: Outcome, done: After, held: tuple[str, ...]) -> dict[str, Any]:
    canaries = outcome.data.get("canaries", 0)
    loss = outcome.loss and {"first_steps": outcome.loss[0], "last_steps": outcome.loss[1]}
    return {
        "format": FORMAT,
        "output": str(config.output),
        "method": config.method,
        "privacy": outcome.privacy,
        "data": outcome.data,
        "canaries": {"planted": canaries, "file": str(config.canary_file)} if canaries else None,
        "loss": loss,
        "weights": outcome.weights,
        "audit": done.verdict,
        "card": done.card,
        "lock": list(held),
        "went_on_from_step": outcome.went_on_from,
        "seconds": round(outcome.seconds, 1),
        "peak_mb": _peak_mb(),
        "next": _next(config, outcome, done),
    }


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _tell(config: TrainConfig, outcome: Outcome, done: After, held: tuple[str, ...]) -> None:
    """Print what was done and what to do next."""
    style, spent, data = Style.of(sys.stdout), outcome.privacy, outcome.data
    write, canaries = sys.stdout.write, outcome.data.get("canaries", 0)
    write(
        f"{style.bold(f'epsilon {spent[_EPSILON]:.2f}')} at delta {spent['delta']:.1g} for each {spent['unit']}, "
        f"after {spent['steps']} steps\n"
    )
    write(
        f"  {'privacy':<10} noise {spent['noise_multiplier']:.2f} on sums clipped at {spent['max_grad_norm']:g}, "
        f"each {spent['unit']} in a batch with probability {spent['sampling_rate']:.3g}; {spent['accountant']}\n"
    )
    rows, cut = data["scrub"], data["tokens"]["cut"]
    counted = rows | data["dedup"] | data["tokens"]
    gone = [f"{counted[name]:,} {name.replace('_', ' ')}" for name in _GONE if counted[name]]
    write(
        f"  {'rows':<10} {rows['read']:,} read, identifiers taken out of {rows['changed']:,}, "
        f"dropped: {', '.join(gone) or 'none'}; {rows['written'] - counted['short']:,} trained on\n"
    )
    if rows["found"]:
        most = sorted(rows["found"].items(), key=lambda item: -item[1])[:8]
        write(f"  {'found':<10} {', '.join(f'{kind} {count:,}' for kind, count in most)}\n")
    if cut:
        write(f"  {style.yellow(f'{_CUT:<10}')} {cut:,} rows at {config.sequence_length} tokens\n")
    if canaries:
        write(f"  {'canaries':<10} {canaries} planted, {canaries} kept out: {config.canary_file}\n")
    if outcome.loss:
        write(f"  {'loss':<10} {outcome.loss[0]:.3f} in the first steps, {outcome.loss[1]:.3f} in the last\n")
    write(f"  {'audit':<10} {done.audit}\n  {'card':<10} {done.card_says}\n")
    if config.ledger is not None:
        write(f"  {'ledger':<10} {config.ledger}\n")
    write(f"  {'lock':<10} {', '.join(held)}\n")
    if outcome.went_on_from:
        write(f"  {'went on':<10} from step {outcome.went_on_from}\n")
    write(f"  {'took':<10} {outcome.seconds:.0f} s, {_peak_mb():,} MB at most\n")
    write(f"{style.bold('weights')} in {config.output}: {', '.join(outcome.weights)}\n")
    for each in _next(config, outcome, done):
        write(f"next: {each}\n")


_GONE: Final = ("duplicates", "near_duplicates", "suppressed", "empty", "short")


def _next(config: TrainConfig, outcome: Outcome, done: After) -> list[str]:
    """Return what to do next."""
    steps = []
    if not outcome.data.get("canaries"):
        steps.append("plant canaries to measure what it remembers: [canaries] count = 100, in a new run")
    elif done.verdict is None:
        steps.append(f"privet audit model {config.output} --canaries {config.canary_file}")
    steps.append(f"privet card {config.output} --verify" if done.card else f"privet card {config.output}")
    return steps
