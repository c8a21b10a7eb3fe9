"""`privet env`: the safe environment for a person's own shell, `eval "$(privet env)"`.

It is the one that `privet run` gives a program: settings of known programs corrected, secrets and ways outside taken out. Without the
lock of `privet run` it is a request, not a fence. What was corrected and taken out is named on standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from privet.environment import as_json, safe, shell, shown


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("env", help='the safe environment: eval "$(privet env)"')
    parser.add_argument(
        "--pass-env", action="append", default=[], metavar="NAME", help="leave this variable as it is (repeatable)"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what brings this shell to the safe environment."""
    result = safe(os.environ, passed=options.pass_env)
    if options.json:
        sys.stdout.write(json.dumps(as_json(result), indent=2) + "\n")
        return 0
    sys.stdout.write(shell(result, os.environ))
    if result.corrected:
        sys.stderr.write(f"privet env: corrected {', '.join(result.corrected)}\n")
    if result.withheld:
        names = ", ".join(map(shown, result.withheld))
        sys.stderr.write(f"privet env: taken out {names}\n  --pass-env NAME leaves one in\n")
    return 0
