"""The command line: one file a verb; each parses, calls one library function, and renders.

Exit codes everywhere: 0 clean, 1 findings, 2 bad input or usage, 3 could not protect (failed closed).
"""

from __future__ import annotations

import os
import sys

from privet.errors import PrivetError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any, Final

    from privet.cli.run import Options

VERBS: Final = {
    "serve": "private OpenAI-compatible endpoint over the embedded model or an upstream",
    "scrub": "files and datasets without identifiers and metadata",
    "run": "any program with a safe environment and no way off the machine",
    "vault": "embeddings that cannot be read: add, search, forget, rotate, verify",
    "detect": "identifiers in a text on standard input",
    "train": "private fine-tuning: scrub, dedup, canaries, DP; weights with their evidence",
    "audit": "is raw data left, and how sure is that",
    "card": "the privacy section of a model card, from evidence",
    "init": "the gate into a repository: policy, workflow, hook, sections",
    "check": "what in a repository weakens privacy, what a change makes weaker",
    "env": "the safe environment for your own shell",
    "policy": "every privacy default, its value and its reason",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _to_run(words) or _parsed(words)
    if options.version:
        from privet import __version__

        sys.stdout.write(f"privet {__version__}\n")
        return 0
    if options.verb is None:
        _parser([]).print_help()
        return 0
    code = _done(options)
    if arguments is None and options.verb == "run":
        # The program has ended, and its caller waits: nothing here is left to be taken down.
        sys.stderr.flush()
        os._exit(code)
    return code


def _to_run(words: Sequence[str]) -> Options | None:
    """Return the options of `privet run`, whose program waits for its start, without loading what reads those of all verbs."""
    if words[:1] != ["run"]:
        return None
    from privet.cli.run import plain_options

    return plain_options(words[1:])


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    return _parser(words).parse_args(words)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    import argparse
    import importlib

    parser = argparse.ArgumentParser(prog="privet", description="Privacy by default for open-source models.")
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_verb_parser())
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, summary in VERBS.items():
        if name == chosen:
            # Only the verb that was asked for is loaded: `privet --help` stays quick whatever the others need.
            importlib.import_module(f"privet.cli.{name}").add_parser(verbs)
        else:
            verbs.add_parser(name, help=summary)
    return parser


def _verb_parser() -> type[argparse.ArgumentParser]:
    import argparse

    class VerbParser(argparse.ArgumentParser):
        """Says what it does not know with its own usage; argparse leaves that to the parser above, which shows the verbs."""

        def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
            known, unknown = super().parse_known_args(args, namespace)
            if unknown:
                self.error(f"unrecognized arguments: {' '.join(unknown)}")
            return known, unknown

    return VerbParser


def _done(options: argparse.Namespace | Options) -> int:
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except PrivetError as error:
        sys.stderr.write(f"privet {options.verb}: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"  {error.hint}\n")
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code
