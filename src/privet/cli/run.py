"""`privet run -- CMD…`: a program with a safe environment and no way off the machine."""

from __future__ import annotations

import gc
import os
import sys

from privet.environment import Safe, safe, shown
from privet.errors import BadInput, Unprotected

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any, Final

    from privet.egress.run import Ended

_FILE: Final = "privet.toml"
_SWITCHES: Final = ("--audit", "--json")


class Options:
    """What the words of the command line say."""

    def __init__(self, command: Sequence[str], *, audit: bool, as_json: bool, pass_env: Sequence[str]) -> None:
        self.verb, self.version, self.run = "run", False, run_command
        self.explain = self.print_env = False
        self.command, self.audit, self.json, self.pass_env = command, audit, as_json, pass_env


def plain_options(words: Sequence[str]) -> Options | None:
    """Read the words that start a program; None where there are others, which are for the parser of `add_parser`."""
    switches, passed, place = set(), [], 0
    while place < len(words) and (word := words[place]).startswith("-") and word != "--":
        place += 1
        if word == "--pass-env" and place < len(words) and not words[place].startswith("-"):
            passed.append(words[place])
            place += 1
        elif word in _SWITCHES:
            switches.add(word)
        else:
            return None
    return Options(words[place:], audit="--audit" in switches, as_json="--json" in switches, pass_env=passed)


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    import argparse

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


def run_command(options: argparse.Namespace | Options) -> int:
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
        return _explain(options)
    # Until the program has started, nothing that is loaded can be let go: the collector would only look.
    gc.disable()
    named = _named()
    made = safe(os.environ, passed=options.pass_env, reachable=[host for host, _ in named])
    if options.print_env:
        return _print_env(options, made)
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
    from privet.egress.run import run

    ended = run(command, made.environment, named, learning=options.audit, complain=_say)
    _tell(options, ended, named)
    return ended.code


def _explain(options: argparse.Namespace | Options) -> int:
    from privet.egress.layers import layers
    from privet.report.egress_text import explained

    found = layers()
    sys.stdout.write(_json([layer._asdict() for layer in found]) if options.json else explained(found))
    return 0 if all(layer.holds for layer in found if layer.is_required) else 3


def _print_env(options: argparse.Namespace | Options, made: Safe) -> int:
    from privet.environment import as_json, difference

    sys.stdout.write(_json(as_json(made)) if options.json else difference(made))
    return 0


def _named() -> Sequence[tuple[str, int]]:
    """Return the destinations that ./privet.toml names today."""
    if not os.access(_FILE, os.F_OK):
        return ()
    # Loaded where there is such a file: most folders have none.
    from privet.cli.run_named import named

    return named(_FILE, _say)


def _tell(options: argparse.Namespace | Options, ended: Ended, named: Sequence[tuple[str, int]]) -> None:
    if not (options.json or options.audit or any(ended.told.values())):
        return
    # Loaded where there is something to tell: most programs try nothing.
    from privet.report.egress_text import as_json, blocks, summary

    if options.json:
        sys.stderr.write(_json(as_json(ended.code, ended.told)))
    else:
        sys.stderr.write(summary(ended.told, named, is_learning=options.audit))
    if options.audit:
        sys.stdout.write(blocks(ended.told, named))


def _json(found: object) -> str:
    import json

    return json.dumps(found) + "\n"


def _say(text: str) -> None:
    sys.stderr.write(f"privet run: {text}\n")
