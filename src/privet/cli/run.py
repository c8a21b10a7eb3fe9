"""`privet run -- CMD…`: a program with a safe environment and no way off the machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.environment import as_json as env_as_json
from privet.environment import difference, safe, shown
from privet.errors import BadInput, Unprotected
from privet.report.egress_text import as_json, blocks, explained, summary

if TYPE_CHECKING:
    from privet.egress.run import Ended

_FILE: Final = "privet.toml"


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "run",
        help="any program with a safe environment and no way off the machine",
        usage="privet run [options] -- CMD…",
    )
    parser.add_argument("--explain", action="store_true", help="which layers hold on this kernel, and what each covers")
    parser.add_argument("--audit", action="store_true", help="learn which destinations it wants; none is let through")
    parser.add_argument("--print-env", action="store_true", help="how its environment differs from yours")
    parser.add_argument(
        "--pass-env", action="append", default=[], metavar="NAME", help="pass this secret of your environment on"
    )
    parser.add_argument("--json", action="store_true", help="the summary for machines, on standard error")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help="the program and its arguments")
    parser.set_defaults(run=run_command)


def run_command(options: argparse.Namespace) -> int:
    """Run it.

    Raises:
        BadInput: no program was named, or a name for --pass-env is none.
        PolicyInvalid: ./privet.toml is not usable.
        Unprotected: a layer cannot be had here.

    """
    if sys.platform != "linux":
        raise Unprotected(
            "this system has no network namespaces, so nothing was started",
            hint="run it in a container there: docker run --network none …",
        )
    if options.explain:
        from privet.egress.layers import layers

        found = layers()
        sys.stdout.write(json.dumps([layer._asdict() for layer in found]) + "\n" if options.json else explained(found))
        return 0 if all(layer.holds for layer in found if layer.is_required) else 3
    from privet.egress.run import run

    named = _named()
    made = safe(os.environ, passed=options.pass_env, reachable=[host for host, _ in named])
    if options.print_env:
        sys.stdout.write(json.dumps(env_as_json(made)) + "\n" if options.json else difference(made))
        return 0
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise BadInput("there is no program to run", hint="privet run -- CMD…, such as privet run -- python train.py")
    if made.corrected:
        _say(f"corrected: {', '.join(map(shown, made.corrected))}")
    if made.withheld:
        _say(f"not passed on: {', '.join(map(shown, made.withheld))}; --pass-env NAME passes one")
    for name in sorted(set(options.pass_env) - os.environ.keys()):
        _say(f"{shown(name)} is not set, so there is nothing to pass on")
    sys.stderr.flush()
    ended = run(command, made.environment, named, learning=options.audit, complain=_say)
    _tell(options, ended)
    return ended.code


def _named() -> Sequence[tuple[str, int]]:
    """Return the destinations that ./privet.toml names today."""
    path = Path(_FILE)
    if not path.exists():
        return ()
    from datetime import date

    from privet.policy_file import load_policy

    loaded = load_policy(path, environment={}, today=date.today())
    for item in loaded.expired_egress:
        _say(f"the exception for {item} expired on {item.expires}: it is closed")
    return [(item.host, item.port) for item in loaded.egress]


def _tell(options: argparse.Namespace, ended: Ended) -> None:
    if options.json:
        sys.stderr.write(json.dumps(as_json(ended.code, ended.told)) + "\n")
    else:
        sys.stderr.write(summary(ended.told, is_learning=options.audit))
    if options.audit:
        sys.stdout.write(blocks(ended.told))


def _say(text: str) -> None:
    sys.stderr.write(f"privet run: {text}\n")
