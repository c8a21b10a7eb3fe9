"""`privet init`: policy, workflow, hook and sections into a repository. Asks nothing, overwrites nothing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

_NEXT: Final = """\
  git add, git commit       these files
  privet check              what is weak today; --baseline lets it pass, and only what is new fails
  pre-commit install        the same before each commit
  branch protection         make the workflow's `privet check` required
"""


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("init", help="put the gate into a repository")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="default: this repository")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write what is missing and say what was done."""
    from privet import __version__
    from privet.adoption import adopt
    from privet.check.tree import root_of
    from privet.errors import BadInput

    if not options.folder.is_dir():
        raise BadInput("this is not a folder", hint="name the top of a repository")
    root = root_of(options.folder)
    steps = adopt(root, __version__)
    if options.json:
        sys.stdout.write(json.dumps([step._asdict() for step in steps], indent=2) + "\n")
        return 0
    sys.stdout.write("".join(f"{step.done:9}{step.path}\n" for step in steps))
    if all(step.done == "kept" for step in steps):
        sys.stdout.write("nothing to do: all of it is there\n")
        return 0
    begin = (
        ""
        if (root / ".git").exists()
        else "  git init                  this is no git repository yet, so there is nothing to compare with\n"
    )
    sys.stdout.write(f"next:\n{begin}{_NEXT}")
    return 0
