"""`privet scrub`: files and datasets in, the same without identifiers and metadata out, and a signed manifest.

Exit 0: all is clean, 1: some files, or files inside others, were set aside, each with its reason in the manifest.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from privet.cli.extras import needing
from privet.cli.key_file import MAKE_KEY, read_key
from privet.cli.policy import load
from privet.cli.progress import Progress
from privet.cli.scrub_signals import ending_stops, exit_code
from privet.cli.scrub_summary import tell
from privet.detect.engine import Detector, TierName
from privet.errors import BadInput
from privet.evidence import Signer
from privet.ingest.forking import begin
from privet.keys import state_folder
from privet.policy import Policy

if TYPE_CHECKING:  # these load what only a run needs
    from privet.ingest.run import Engine
    from privet.ingest.worker import Setup

_TIERS: Final[tuple[TierName, ...]] = ("patterns", "names", "deep")
_KEYED: Final = frozenset(("pseudonym", "token", "shift", "realistic"))


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this verb."""
    parser = subparsers.add_parser(
        "scrub",
        help="files and datasets without identifiers and metadata",
        description="Cleans files, folders and datasets of any format into a new folder. Exit 0: all clean, 1: some files set aside.",
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="IN", help="files and folders, or - for standard input to standard output"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT", help="folder for what is clean; the same command goes on after a stop"
    )
    parser.add_argument("--tier", choices=_TIERS, default="names", help="how deep to look (default: names)")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="32 secret bytes, for transforms that need a key")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="what runs the work (default: local)"
    )
    parser.add_argument("--ray-address", metavar="ADDRESS", help="a cluster for --engine ray (default: this machine)")
    parser.add_argument("--json", action="store_true", help="the manifest on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Scrub and tell."""
    try:
        with ending_stops(), needing("scrub", "scrub"):
            return _scrub(options)
    except KeyboardInterrupt as stop:
        later = "" if "-" in options.inputs else "; the same command goes on where it was"
        sys.stderr.write(f"privet scrub: stopped{later}\n")
        return exit_code(stop)


def _scrub(options: argparse.Namespace) -> int:
    loaded = load(options)
    policy = loaded.policy
    for item in loaded.exceptions:
        sys.stderr.write(f"privet scrub: {item.rule} is loosened until {item.expires}: {item.reason}\n")
    key = _key(options, policy)
    if options.tier == "deep":
        # What the tier lacks is said here, with its remedy, and not by each process in turn.
        Detector(policy.detect, "deep")
    if "-" in options.inputs:
        return _filter(options, policy, key)
    if options.out is None:
        raise BadInput("no output is named", hint="add -o FOLDER")
    inputs = [Path(name) for name in options.inputs]
    if _is_meant_as_file(options.out, inputs):
        raise BadInput(
            "-o names a folder, and what it names is called like a file",
            hint="name a folder, where the file comes out under its name, or use privet scrub - < FILE > CLEAN-FILE",
        )
    if options.engine == "local" and not options.out.exists():
        # While the process from which the workers come loads what they need, this one loads the rest.
        begin(inputs)
    from privet.ingest.run import Job, scrub

    engine = _engine(options, policy)
    signer = Signer.load(state_folder(os.environ))
    job = Job(inputs, options.out, policy, signer, options.tier, key)
    with Progress(sys.stderr) as progress:
        outcome = scrub(job, engine, progress)
    if options.json:
        from privet.evidence import json_bytes

        sys.stdout.buffer.write(json_bytes(outcome.manifest))
    else:
        tell(outcome.manifest, options.out, is_new=outcome.is_new)
    return int(not outcome.is_clean)


def _is_meant_as_file(out: Path, inputs: Sequence[Path]) -> bool:
    """Tell whether OUT, which is to be made, has the suffix of the one file that goes in: whoever writes that expects a file."""
    suffix = out.suffix.lower()
    return (
        bool(suffix)
        and [path.suffix.lower() for path in inputs] == [suffix]
        and inputs[0].is_file()
        and not out.exists()
    )


def _engine(options: argparse.Namespace, policy: Policy) -> Callable[[Setup], Engine]:
    """Return what makes the engine that is asked for."""
    if options.workers is not None and options.workers < 1:
        raise BadInput("--workers is below 1", hint="leave it out for one a core")
    seconds = policy.scrub.max_seconds
    if options.engine == "ray":
        from privet.integrations.ray_engine import RayEngine

        return partial(RayEngine, processes=options.workers, timeout_seconds=seconds, address=options.ray_address)
    if options.ray_address is not None:
        raise BadInput("--ray-address names a cluster, and the engine is local", hint="add --engine ray")
    from privet.ingest.local import LocalEngine

    workers = options.workers or len(os.sched_getaffinity(0))
    return partial(LocalEngine, processes=workers, timeout_seconds=seconds)


def _filter(options: argparse.Namespace, policy: Policy, key: bytes | None) -> int:
    """Clean standard input to standard output."""
    from privet.ingest.filter import filtered

    if len(options.inputs) > 1 or options.out is not None or options.json or options.workers is not None:
        raise BadInput(
            "- is standard input to standard output", hint="name nothing beside it but --tier, --policy, --key-file"
        )
    if sys.stdin is None or sys.stdout is None:
        raise BadInput("standard input or output is closed", hint="privet scrub - < IN > OUT")
    try:
        filtered(sys.stdin.buffer, sys.stdout.buffer, policy, options.tier, key)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise BadInput(f"standard output cannot be written ({error.strerror})", hint="free some space") from error
    return 0


def _key(options: argparse.Namespace, policy: Policy) -> bytes | None:
    keyed = sorted(str(item) for item in policy.scrub.transform if item.how in _KEYED)
    if options.key_file is not None:
        return read_key(options.key_file)
    if keyed:
        raise BadInput(f"the transform {keyed[0]} needs a key", hint=f"add --key-file; {MAKE_KEY}")
    return None
