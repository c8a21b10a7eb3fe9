"""GitLab pipelines → jobs, what they start, and whether they run Privet.

Source: GitLab CI/CD YAML syntax reference. Invariants: what a job `extends` in the same file is part of it;
a job that may fail, or runs by hand only, is no guard.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Final

from privet.check.compose_services import merged
from privet.check.exports import in_force
from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.programs import process_units
from privet.check.readers import Sibling
from privet.check.scanners import scanning
from privet.check.words import Command
from privet.check.workflow_calls import GATE, runs_gate
from privet.check.workflow_gates import is_itself
from privet.check.yaml_facts import environment, keys
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, Source, documents
from privet.check.yaml_places import commands

_GLOBAL: Final = frozenset(
    ("default", "include", "stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "spec")
)  # fmt: skip
_SCRIPTS: Final = ("before_script", "script", "after_script")
_DEPTH: Final = 8
_CHOSEN: Final = regex(
    r"\$\{?(?:CI_MERGE_REQUEST_(?:LABELS|TITLE|DESCRIPTION|ASSIGNEES)|CI_COMMIT_(?:MESSAGE|TITLE|DESCRIPTION)|GITLAB_USER_\w+)"
)
"""What whoever asks for a change can choose."""
_ELSEWHERE: Final = regex(
    r"CI_PIPELINE_SOURCE\s*==\s*[\"'](?:schedule|web|api|trigger|pipeline|chat|parent_pipeline)[\"']|CI_COMMIT_TAG"
    r"|CI_COMMIT_(?:BRANCH|REF_NAME)\s*==\s*(?:\$CI_DEFAULT_BRANCH|[\"'](?:main|master)[\"'])"
)
"""Conditions under which what is proposed is not looked at: pipelines that are not of a change, or come after it."""
_PROPOSED: Final = regex(r"\$CI_PIPELINE_SOURCE\s*==\s*[\"']merge_request_event[\"']|\$CI_MERGE_REQUEST_(?:ID|IID)")
_ROOTS: Final = (".gitlab-ci.yml", ".gitlab-ci.yaml")


def _alone(_: str) -> None:
    """Stand for the other files of a pipeline that has none."""


def read(path: str, text: str, sibling: Sibling = _alone) -> Reading:
    """Return the units of a pipeline with the files of the same repository that it includes."""
    nodes, notes = documents(path, text)
    units: list[Unit] = []
    # What the project's own pipeline includes is run by it, and by nothing else.
    is_part = path not in _ROOTS and any(sibling(root) is not None for root in _ROOTS)
    for document in nodes:
        if isinstance(document, Mapping):
            found = _units(path, _included(document, sibling, _DEPTH), sibling)
            units.extend(unit for unit in found if not is_part or unit.kind is not UnitKind.GUARD)
    return Reading(tuple(units), tuple(notes))


def _included(document: Mapping, sibling: Sibling, depth: int) -> Mapping:
    """Return a pipeline laid over the files of the same repository that it includes: jobs key by key, lists as a whole."""
    below: dict[str, tuple[Scalar, Node]] = {}
    for item in document.items("include") if depth else ():
        name = item.get("local") if isinstance(item, Mapping) else item
        path = name.text.lstrip("/") if isinstance(name, Scalar) else ""
        text = sibling(posixpath.normpath(path)) if path and "*" not in path and "://" not in path else None
        for node in documents(path, text)[0] if text else ():
            if isinstance(node, Mapping):
                below |= _laid_over(below, _included(node, sibling, depth - 1).pairs)
    if not below:
        return document
    return Mapping(_laid_over(below, document.pairs), *_place(document), document.source)


def _laid_over(
    below: dict[str, tuple[Scalar, Node]], pairs: dict[str, tuple[Scalar, Node]]
) -> dict[str, tuple[Scalar, Node]]:
    found = dict(below)
    for name, (key, node) in pairs.items():
        base = below[name][1] if name in below else None
        if isinstance(base, Mapping) and isinstance(node, Mapping):
            found[name] = (key, Mapping(base.pairs | node.pairs, node.start, node.end, node.source))
        else:
            found[name] = (key, node)
    return found


def _units(path: str, document: Mapping, sibling: Sibling) -> Iterator[Unit]:
    variables = environment(document.get("variables"))
    reference = f"job:{path}:gitlab"
    settings = Mapping(
        {name: pair for name, pair in document.pairs.items() if name in _GLOBAL}, *_place(document), document.source
    )
    facts = (*variables, *keys(settings, "gitlab", {"gitlab.variables"}))
    yield Unit(UnitKind.JOB, "gitlab", path, *_place(document), facts=facts, provides=(reference,))
    for name, (key, node) in document.pairs.items():
        if name not in _GLOBAL and not name.startswith(".") and isinstance(node, Mapping):
            yield from _job(document, name, key, _extended(document, node, _DEPTH), reference, sibling)


def _job(document: Mapping, name: str, key: Scalar, job: Mapping, reference: str, sibling: Sibling) -> Iterator[Unit]:
    facts = (*environment(job.get("variables")), *keys(job, "gitlab", {"gitlab.variables"}))
    here = key.source.path
    own = f"job:{here}:gitlab/{name}"
    facts += tuple(_visibility(job))
    unit = Unit(
        UnitKind.JOB, f"gitlab/{name}", here, key.start, key.end, facts=facts, parents=(reference,), provides=(own,)
    )
    yield unit
    for source, found in groupby(
        (pair for part in _SCRIPTS for pair in _commands(document, job.get(part) or document.get(part), _DEPTH)),
        key=lambda pair: pair[0],
    ):
        listed = [command for _, command in found]
        started = process_units(in_force(listed), source, owner=f"gitlab/{name}", parents=(own,), guards=_counts(job))
        itself = {command.words[0].start for command in listed if command.words and _compares_itself(command)}
        yield from (unit for unit in started if unit.kind is not UnitKind.GUARD or unit.start not in itself)
        for command in listed:
            if command.words and not command.ignored and _counts(job):
                place = Scalar("", command.words[0].start, command.words[-1].end, Source(source, ""))
                yield from scanning(" ".join(command.texts()), place)
                if runs_gate(command, sibling):
                    yield Unit(UnitKind.GUARD, "privet check", source, place.start, place.end, guard=GATE)


def _visibility(job: Mapping) -> Iterator[Fact]:
    """Yield who can get what a job keeps: all who see the project, unless it says otherwise."""
    if "artifacts" in job.pairs:
        artifacts = job.mapping("artifacts")
        said = artifacts.get("access") or artifacts.get("public")
        place = said if isinstance(said, Scalar) else job.pairs["artifacts"][0]
        value = said.text if isinstance(said, Scalar) else "all"
        value = {"false": "developer", "true": "all"}.get(value.lower(), value)
        yield Fact(Space.KEY, "gitlab.artifacts.visibility", value, place.source.path, place.start, place.end)


def _place(document: Mapping) -> tuple[int, int]:
    key = next(iter(document.pairs.values()))[0] if document.pairs else document
    return key.start, key.end


def _extended(document: Mapping, job: Mapping, depth: int) -> Mapping:
    for item in job.items("extends"):
        base = document.get(item.text) if isinstance(item, Scalar) else None
        if isinstance(base, Mapping) and depth:
            # What a job says replaces a template's lists as a whole.
            below = _extended(document, base, depth - 1)
            pairs = {name: pair for name, pair in below.pairs.items() if not _is_replaced(job, name)}
            job = merged(Mapping(pairs, below.start, below.end, below.source), job)
    return job


def _is_replaced(job: Mapping, name: str) -> bool:
    return isinstance(job.get(name), Items)


def _commands(document: Mapping, node: Node | None, depth: int) -> Iterator[tuple[str, Command]]:
    """Yield the commands of a script with their files; `!reference [job, script]` stands for those of another job."""
    if isinstance(node, Scalar):
        yield from ((node.source.path, command) for command in commands(node))
    elif isinstance(node, Items) and node.tag == "!reference" and depth:
        named = [item.text for item in node.items if isinstance(item, Scalar)]
        yield from _commands(document, document.get(*named), depth - 1)
    elif isinstance(node, Items):
        for item in node.items:
            yield from _commands(document, item, depth)


def _is_partial(rule: Mapping) -> bool:
    """Tell whether a rule is for changes of some files only."""
    inner = rule.get("changes")
    named = inner.items("paths") if isinstance(inner, Mapping) else rule.items("changes")
    return inner is not None and not any(isinstance(item, Scalar) and item.text in {"**", "**/*"} for item in named)


def _compares_itself(command: Command) -> bool:
    texts = command.texts()
    given = [two for one, two in pairwise(texts) if one == "--base"]
    return any(map(is_itself, [*given, *(word.partition("=")[2] for word in texts if word.startswith("--base="))]))


def _counts(job: Mapping) -> bool:
    when = [job.text("when"), *(rule.text("when") for rule in job.items("rules") if isinstance(rule, Mapping))]
    failing = job.text("allow_failure").lower() in {"true", "yes", "on"} or isinstance(
        job.get("allow_failure"), Mapping
    )
    rules = [
        rule
        for rule in job.items("rules")
        if isinstance(rule, Mapping) and rule.text("when") not in {"never", "manual"}
    ]
    chosen = any(_CHOSEN.search(rule.text("if")) for rule in job.items("rules") if isinstance(rule, Mapping))
    proposed = [rule for rule in rules if not _ELSEWHERE.search(rule.text("if")) or "merge_request" in rule.text("if")]
    left_out = any(
        rule.text("when") == "never" and _PROPOSED.fullmatch(rule.text("if").strip())
        for rule in job.items("rules")
        if isinstance(rule, Mapping)
    )
    if left_out or (rules and not proposed):
        return False
    if chosen or (rules and all(_is_partial(rule) for rule in rules)) or _is_partial(job.mapping("only")):
        return False
    return not failing and not {"manual", "never"}.issuperset(when[:1] if when[0] else when[1:] or ["on_success"])
