"""GitLab pipelines and pre-commit hooks → jobs, what they start, and whether they run Privet.

Source: GitLab CI/CD YAML syntax reference; pre-commit.com, "hooks". Invariants: what a job `extends` in the same file is part of it;
a job that may fail, or runs by hand only, is no guard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from privet.check.compose_services import merged
from privet.check.facts import Reading, Unit, UnitKind
from privet.check.programs import process_units
from privet.check.scanners import scanning
from privet.check.words import Command
from privet.check.workflow_gates import is_itself
from privet.check.yaml_facts import environment, keys
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, documents
from privet.check.yaml_places import commands

_GLOBAL: Final = frozenset(
    ("default", "include", "stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "spec")
)  # fmt: skip
_SCRIPTS: Final = ("before_script", "script", "after_script")
_DEPTH: Final = 8
_CHOSEN: Final = re.compile(
    r"\$\{?(?:CI_MERGE_REQUEST_(?:LABELS|TITLE|DESCRIPTION|ASSIGNEES)|CI_COMMIT_(?:MESSAGE|TITLE|DESCRIPTION)|GITLAB_USER_\w+)"
)
"""What whoever asks for a change can choose."""
_HOOK: Final = "gate-hook-removed"


def is_pipeline(path: str, text: str) -> bool:
    """Tell whether a file is a GitLab pipeline."""
    name = path.rsplit("/", 1)[-1]
    return name.endswith((".gitlab-ci.yml", ".gitlab-ci.yaml")) or ("/.gitlab/" in f"/{path}" and "script:" in text)


def read(path: str, text: str) -> Reading:
    """Return the units of a pipeline."""
    nodes, notes = documents(path, text)
    units: list[Unit] = []
    for document in nodes:
        if isinstance(document, Mapping):
            units.extend(_units(path, document))
    return Reading(tuple(units), tuple(notes))


def _units(path: str, document: Mapping) -> Iterator[Unit]:
    variables = environment(document.get("variables"))
    reference = f"job:{path}:gitlab"
    settings = Mapping(
        {name: pair for name, pair in document.pairs.items() if name in _GLOBAL}, *_place(document), document.source
    )
    facts = (*variables, *keys(settings, "gitlab", {"gitlab.variables"}))
    yield Unit(UnitKind.JOB, "gitlab", path, *_place(document), facts=facts, provides=(reference,))
    for name, (key, node) in document.pairs.items():
        if name not in _GLOBAL and not name.startswith(".") and isinstance(node, Mapping):
            job = _extended(document, node, _DEPTH)
            facts = (*environment(job.get("variables")), *keys(job, "gitlab", {"gitlab.variables"}))
            own = f"job:{path}:gitlab/{name}"
            place = (key.start, key.end)
            yield Unit(UnitKind.JOB, f"gitlab/{name}", path, *place, facts=facts, parents=(reference,), provides=(own,))
            found = [command for part in _SCRIPTS for command in _commands(job.get(part) or document.get(part))]
            started = process_units(found, path, owner=f"gitlab/{name}", parents=(own,), guards=_counts(job))
            itself = {command.words[0].start for command in found if command.words and _compares_itself(command)}
            yield from (unit for unit in started if unit.kind is not UnitKind.GUARD or unit.start not in itself)


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


def _commands(node: Node | None) -> Iterator[Command]:
    if isinstance(node, Scalar):
        yield from commands(node)
    elif isinstance(node, Items):
        for item in node.items:
            yield from _commands(item)


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
    if chosen or (rules and all(_is_partial(rule) for rule in rules)) or _is_partial(job.mapping("only")):
        return False
    return not failing and not {"manual", "never"}.issuperset(when[:1] if when[0] else when[1:] or ["on_success"])


def is_hooks(path: str) -> bool:
    """Tell whether a file lists pre-commit hooks."""
    return path.rsplit("/", 1)[-1] in {".pre-commit-config.yaml", ".pre-commit-config.yml"}


def read_hooks(path: str, text: str) -> Reading:
    """Return a guard for each hook that runs the gate, or looks for secrets."""
    nodes, notes = documents(path, text)
    units: list[Unit] = []
    for document in nodes:
        for repository in document.items("repos") if isinstance(document, Mapping) else ():
            if isinstance(repository, Mapping):
                units.extend(_hooks(path, repository))
    return Reading(tuple(units), tuple(notes))


def _hooks(path: str, repository: Mapping) -> Iterator[Unit]:
    """Yield what runs on a commit; a hook that is only run by hand is none."""
    is_ours = repository.text("repo").removesuffix(".git").rstrip("/").endswith("/privet")
    for hook in repository.items("hooks"):
        if not isinstance(hook, Mapping):
            continue
        entry = hook.text("entry").split()
        runs = "check" in entry and any(word.rsplit("/", 1)[-1] == "privet" for word in entry)
        stages = {item.text for item in hook.items("stages") if isinstance(item, Scalar)}
        if stages == {"manual"} or "|| true" in hook.text("entry"):
            continue
        place = hook.get("id") or hook
        yield from scanning(hook.text("id") if "entry" not in hook.pairs else hook.text("entry"), place)
        if is_ours or runs:
            yield Unit(
                UnitKind.GUARD,
                "privet hook",
                path,
                place.start,
                place.end,
                frozenset({"privet"}),
                guard=_HOOK,
            )
