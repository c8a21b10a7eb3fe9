"""`privet check`: what in a repository weakens privacy; with --base, what a change makes weaker."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from privet.errors import BadInput

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from privet.check.baseline import Known
    from privet.check.git import Base, Question
    from privet.check.scan import Result
    from privet.check.tree import Tree

FORMATS: Final = ("text", "compact", "json", "sarif", "github", "junit")


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("check", help="what in a repository weakens privacy")
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="report only these files and folders (default: the repository)"
    )
    parser.add_argument("--base", metavar="REF", help="report only what is weaker than this commit or branch")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to report (default: text)")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("--fix", action="store_true", help="rewrite what has one safe spelling, and say what is left")
    parser.add_argument("--only", metavar="RULE,…", help="ask only these rules, for looking: there is no grade then")
    parser.add_argument("--list", action="store_true", help="list the rules, or with --only these, and check nothing")
    parser.add_argument(
        "--baseline",
        nargs="?",
        const="",
        metavar="FILE",
        help="let pass what was there when this file was made (default: .privet-baseline.json); made when missing",
    )
    parser.set_defaults(run=run)


class _Job(NamedTuple):
    """What is checked: a repository, what it is compared with, and the paths and rules that count, none for all."""

    root: Path
    base: Base | None
    names: tuple[str, ...]
    whole: bool
    """Whether all files are read, whatever counts."""
    rules: tuple[str, ...] = ()


def run(options: argparse.Namespace) -> int:
    """Check, report, and return 1 where something is weaker."""
    # Syntax trees have no cycles and the run ends soon: looking for garbage takes a tenth of its time and finds none.
    was_on = gc.isenabled()
    gc.disable()
    try:
        return _checked(options)
    finally:
        if was_on:
            gc.enable()


def _checked(options: argparse.Namespace) -> int:
    rules = _rules(options)
    if options.list:
        return _listed(rules, options.format)
    from privet.check import git
    from privet.check import tree as trees

    places = [Path(path) for path in options.paths]
    root = trees.root_of(places[0] if places else Path())
    names = tuple(_relative(place, root) for place in places)
    base = None if options.base is None else git.base_of(root, options.base)
    if base is not None and not base.is_exact:
        sys.stderr.write(
            f"privet check: where this branch left {_plain(options.base)} is not known here, so it is compared with that itself;"
            " git fetch --unshallow tells\n"
        )
    job = _Job(root, base, () if "." in names else names, options.baseline is not None, rules)
    # Git looks at all files while the modules that judge are loaded.
    listed = trees.listing(root)
    changed = None if base is None else trees.difference(root, base)
    from privet.check import scan

    tree = trees.working_tree(root, job.names, listed)
    result = _judged(job, tree, changed)
    fixed = 0 if options.fix else None
    if options.fix:
        from privet.check.fix import fix

        told = [item for item in _named(job, result).findings if not job.names or scan.is_named(item.path, job.names)]
        fixed = len(fix(root, tree, result.weaknesses, told))
        result = _judged(job, trees.working_tree(root, job.names)) if fixed else result
    if options.baseline is not None:
        result = _against(job, tree, options.baseline, result)
    result = _named(job, result)
    _report(result, options, fixed)
    return 1 if result.findings else 0


def _rules(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the rules that are asked, none for all.

    Raises:
        BadInput: there is no such rule, or what is asked for needs all of them.

    """
    if not options.only:
        return ()
    if options.baseline is not None:
        raise BadInput("a baseline is of all rules", hint="leave out --only, which is for looking, or --baseline")
    from privet.check.rules import BY_ID

    rules = tuple(dict.fromkeys(part.strip() for part in options.only.split(",") if part.strip()))
    for rule in rules:
        if rule not in BY_ID:
            from difflib import get_close_matches

            near = get_close_matches(rule, BY_ID, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise BadInput(f"there is no rule {_plain(rule)}", hint=f"{hint}privet check --list names them")
    return rules


def _listed(rules: tuple[str, ...], kind: str) -> int:
    from privet.check.rules import BY_ID, RULES
    from privet.report.check_list import as_json, as_lines

    if kind not in {"text", "json"}:
        raise BadInput(f"there is no list of rules as {kind}", hint="privet check --list, or with --json")
    chosen = [BY_ID[rule] for rule in rules] or sorted(RULES, key=lambda rule: rule.component)
    sys.stdout.buffer.write((as_json(chosen) if kind == "json" else as_lines(chosen)).encode())
    return 0


def _judged(job: _Job, tree: Tree, asked: Question | None = None) -> Result:
    from privet.check import scan
    from privet.check.facts import Note
    from privet.check.readers import SHARED, format_of
    from privet.check.tree import before

    if job.base is not None:
        old, changed = before(job.root, job.base, tree, asked)
        _all_there(job, tree, old)
        with _watched(tree, whole=False) as watched:
            result = scan.compare(old, watched, changed=changed, names=job.names)
    else:
        from privet.check import cache

        _all_there(job, tree)
        if job.names and not job.whole:
            tree = tree.part(lambda path: scan.is_named(path, job.names) or format_of(path) in SHARED)
        folder = cache.folder_of(os.environ)
        known = None if folder is None else cache.load(folder)
        with _watched(tree, whole=True) as watched:
            result = scan.scan(watched, cache=known)
        if known is not None and folder is not None:
            known.save(folder)
    left_out = [name for name in job.names if _is_left_out(name, job, tree)]
    notes = [Note(name, 1, "is not looked at: git ignores it, or it is a link or a device") for name in left_out]
    return replace(result, notes=(*result.notes, *tree.notes, *notes))


def _watched(tree: Tree, *, whole: bool) -> AbstractContextManager[Tree]:
    if not sys.stderr.isatty():
        return nullcontext(tree)
    from privet.cli.check_progress import shown

    return shown(tree, sys.stderr, whole=whole)


def _all_there(job: _Job, *trees: Tree) -> None:
    """Fail where a name is of nothing: a typing error must not pass as clean.

    Raises:
        BadInput: neither the folder nor the commit has it.

    """
    for name in job.names:
        if not (os.path.lexists(job.root / name) or any(_has(tree, name) for tree in trees)):
            raise BadInput(f"there is no {_plain(name)}", hint="name files and folders of one repository")


def _has(tree: Tree, name: str) -> bool:
    return name in tree.entries or any(path.startswith(f"{name}/") for path in tree.entries)


def _is_left_out(name: str, job: _Job, tree: Tree) -> bool:
    place = job.root / name
    noted = any(note.path == name for note in tree.notes)
    return (
        not noted and os.path.lexists(place) and (place.is_symlink() or not place.is_dir()) and name not in tree.entries
    )


def _named(job: _Job, result: Result) -> Result:
    """Return what concerns the named paths and rules, and why an exception that may be for them does not count."""
    from privet.check import exceptions, scan

    result = scan.of_rules(result, job.rules) if job.rules else result
    if not job.names:
        return result
    notes = (note for note in result.notes if note.path == exceptions.FILE and exceptions.FILE not in job.names)
    named = scan.only(result, job.names)
    return replace(named, notes=(*named.notes, *notes))


def _relative(place: Path, root: Path) -> str:
    try:
        # Not resolved: a link is itself, wherever it leads.
        relative = Path(os.path.abspath(place)).relative_to(os.path.realpath(root))  # noqa: PTH100 - resolve() follows it
    except ValueError:
        try:
            relative = (place.parent.resolve() / place.name).relative_to(root.resolve())
        except ValueError as error:
            raise BadInput(
                f"{_plain(place.name)} is outside of the repository", hint="name files and folders of one repository"
            ) from error
    return relative.as_posix()


def _plain(text: str) -> str:
    """Return a name as it may stand in a message: on one line, in characters that every terminal shows as they are."""
    from privet.report.check import plain

    return plain(text)


def _against(job: _Job, tree: Tree, name: str, result: Result) -> Result:
    """Let pass what the baseline knows. A change is compared with the one of its base, and writes none."""
    from privet.check import baseline
    from privet.check.tree import before

    path = Path(name) if name else job.root / baseline.FILE
    if job.base is not None:
        text = before(job.root, job.base, tree)[0].text(_relative(path, job.root))
        known = baseline.parse(text, path.name) if text else {}
        return _without(result, known)
    known_now = baseline.load(path)
    if known_now is None:
        baseline.save(path, baseline.of(result.findings))
        sys.stderr.write(
            f"privet check: {_plain(path.name)} written with {len(result.findings)} to let pass; commit it, and only new ones fail\n"
        )
        return replace(result, findings=(), known=len(result.findings))
    _shrink(path, known_now, result)
    return _without(result, known_now)


def _without(result: Result, known: Known) -> Result:
    """Return a result without the findings that a baseline knows."""
    from privet.check import baseline

    new = tuple(baseline.new_among(result.findings, known))
    return replace(result, findings=new, known=len(result.findings) - len(new))


def _shrink(path: Path, known: Known, result: Result) -> None:
    from privet.check import baseline

    left = baseline.shrunk(known, result.findings, {note.path for note in result.notes})
    if len(left) < len(known):
        baseline.save(path, left)
        sys.stderr.write(f"privet check: {_plain(path.name)} lets {len(known) - len(left)} less pass; commit it\n")


def _report(result: Result, options: argparse.Namespace, fixed: int | None) -> None:
    kind: str = options.format
    if kind == "text":
        from privet.cli.style import Style
        from privet.report.check import as_text

        width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
        text = as_text(result, Style.of(sys.stdout), base=options.base or "", fixed=fixed, width=width)
    else:
        from privet.report.check_machines import MACHINES

        text = MACHINES[kind](result)
        if result.only:
            sys.stderr.write(f"privet check: only {', '.join(result.only)}: other rules were not asked\n")
    # What a machine reads must not depend on the locale, and no character that a terminal lacks ends the report.
    encoding = sys.stdout.encoding if kind == "text" else "utf-8"
    sys.stdout.buffer.write(text.encode(encoding, errors="replace"))
