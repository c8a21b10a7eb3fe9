"""Pipelines of CircleCI, Azure and Bitbucket → jobs, what they start, and whether they run Privet on what is proposed.

Sources: circleci.com/docs/reference/configuration-reference, learn.microsoft.com/azure/devops/pipelines/yaml-schema,
support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference.

Invariants: a step whose failure stops nothing, or a job that does not run on what is proposed, is no guard; the guards have the names that
they have in other systems, so that moving from one to another is no loss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from privet.check.exports import in_force
from privet.check.facts import PRESENT, Fact, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.programs import process_units
from privet.check.readers import Sibling
from privet.check.scanners import scanning
from privet.check.words import Command
from privet.check.workflow_calls import GATE, runs_gate
from privet.check.workflow_signs import logged
from privet.check.yaml_facts import environment, fact
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, documents
from privet.check.yaml_places import commands

_YES: Final = frozenset(("true", "yes", "on"))
_NO: Final = frozenset(("false", "no", "off"))
_MAIN: Final = frozenset(("main", "master", "/main/", "/master/", "/^main$/", "/^master$/"))
_BRANCH: Final = regex(r"""pipeline\.git\.branch\s*==\s*["']?([\w./-]+)["']?""")
_UPLOADS: Final = frozenset(("PublishBuildArtifacts", "PublishPipelineArtifact", "CopyFiles"))
_DEPTH: Final = 12


class _Step(NamedTuple):
    """A command line, whether its failure fails the pipeline, and the step that it is in."""

    run: Scalar
    counts: bool


class _Job(NamedTuple):
    """What runs as one: its name and place, its environment, its steps, and whether it runs on what is proposed."""

    name: str
    place: Node
    environment: tuple[Fact, ...]
    steps: tuple[_Step, ...]
    uploads: tuple[Scalar, ...]
    is_run: bool
    loses: bool = False
    """Whether the failure of a command that is piped is lost."""


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the units of a pipeline."""
    nodes, notes = documents(path, text)
    units: list[Unit] = []
    for document in nodes:
        if isinstance(document, Mapping):
            reader = _circleci if "/.circleci/" in f"/{path}" else _bitbucket if "bitbucket" in path else _azure
            for job in reader(document):
                units.extend(_units(path, job, sibling))
    return Reading(tuple(units), tuple(notes))


def _units(path: str, job: _Job, sibling: Sibling) -> Iterator[Unit]:
    own = f"job:{path}:{job.name}"
    facts = [*job.environment, *(fact(Space.KEY, "actions.steps[].with.path", one) for one in job.uploads)]
    listed: list[Command] = []
    for step in job.steps:
        found = [
            command._replace(ignored=command.ignored or (command.piped and job.loses)) for command in commands(step.run)
        ]
        listed.extend(in_force(found))
        facts.extend(logged(step.run))
        for command in found if step.counts and job.is_run else ():
            if not command.words or command.ignored:
                continue
            word = Scalar("", command.words[0].start, command.words[-1].end, step.run.source)
            yield from (unit for unit in process_units([command], path, guards=True) if unit.kind is UnitKind.GUARD)
            yield from scanning(" ".join(command.texts()), word)
            if runs_gate(command, sibling):
                yield Unit(
                    UnitKind.GUARD, "privet check", path, word.start, word.end, frozenset({"privet"}), guard=GATE
                )
        if not (step.counts and job.is_run) and re.search(r"\bprivet\b.*\bcheck\b", step.run.text):
            facts.append(Fact(Space.KEY, "code:gate-weakened", PRESENT, path, step.run.start, step.run.end))
    place = job.place
    yield Unit(UnitKind.JOB, job.name, path, place.start, place.end, facts=tuple(facts), provides=(own,))
    yield from process_units(listed, path, owner=job.name, parents=(own,))


def _circleci(document: Mapping) -> Iterator[_Job]:
    run = set(_run_by_circleci(document))
    has_workflows = "workflows" in document.pairs
    for name, (key, node) in document.mapping("jobs").pairs.items():
        if isinstance(node, Mapping):
            steps = tuple(_circleci_steps(document, node, _DEPTH))
            uploads = tuple(
                path
                for step in node.items("steps")
                if isinstance(step, Mapping) and isinstance(path := step.get("store_artifacts", "path"), Scalar)
            )
            is_run = name in run if has_workflows else name == "build"
            yield _Job(f"circleci/{name}", key, environment(node.get("environment")), steps, uploads, is_run)


def _run_by_circleci(document: Mapping) -> Iterator[str]:
    """Yield the jobs that a workflow runs on branches other than the main one, without somebody's word."""
    for _, workflow in document.mapping("workflows").pairs.values():
        if not isinstance(workflow, Mapping) or "triggers" in workflow.pairs or _asks_for_main(workflow.text("when")):
            continue
        held = {
            name
            for item in workflow.items("jobs")
            if isinstance(item, Mapping)
            for name, (_, told) in item.pairs.items()
            if isinstance(told, Mapping) and told.text("type") == "approval"
        }
        for item in workflow.items("jobs"):
            if isinstance(item, Scalar):
                yield item.text
            for name, (_, told) in item.pairs.items() if isinstance(item, Mapping) else ():
                needed = (
                    {one.text for one in told.items("requires") if isinstance(one, Scalar)}
                    if isinstance(told, Mapping)
                    else set()
                )
                if not (held & needed) and not (
                    isinstance(told, Mapping)
                    and (_is_for_main(told.mapping("filters", "branches")) or _asks_for_main(told.text("filters")))
                ):
                    yield name


def _asks_for_main(expression: str) -> bool:
    """Tell whether an expression holds on the main branch alone: `pipeline.git.branch == "main"`."""
    asked = [_BRANCH.fullmatch(part.strip()) for part in expression.split(" or ")]
    return bool(expression) and all(found and found[1] in _MAIN for found in asked)


def _is_for_main(branches: Mapping) -> bool:
    """Tell whether a filter lets the main branch by alone, or leaves every other out."""
    only = {one.text for one in branches.items("only") if isinstance(one, Scalar)}
    left_out = {one.text for one in branches.items("ignore") if isinstance(one, Scalar)}
    return (bool(only) and only <= _MAIN) or "/.*/" in left_out


def _circleci_steps(document: Mapping, node: Mapping, depth: int) -> Iterator[_Step]:
    for step in node.items("steps"):
        if isinstance(step, Scalar):
            yield from _circleci_command(document, step.text, depth)
        for name, (_, told) in step.pairs.items() if isinstance(step, Mapping) else ():
            if name == "run" and isinstance(told, Scalar):
                yield _Step(told, counts=True)
            elif name == "run" and isinstance(told, Mapping) and isinstance(told.get("command"), Scalar):
                run = told.get("command")
                if isinstance(run, Scalar):
                    yield _Step(run, counts=told.text("when") != "on_fail" and told.text("background") not in _YES)
            elif name in {"when", "unless"} and isinstance(told, Mapping):
                yield from (step._replace(counts=False) for step in _circleci_steps(document, told, depth - 1))
            else:
                yield from _circleci_command(document, name, depth)


def _circleci_command(document: Mapping, name: str, depth: int) -> Iterator[_Step]:
    called = document.get("commands", name)
    if isinstance(called, Mapping) and depth:
        yield from _circleci_steps(document, called, depth - 1)


def _azure(document: Mapping) -> Iterator[_Job]:
    # Without `pr` every change to a repository on GitHub is built; `trigger` alone builds what is pushed to a branch.
    closed = [document.text(name) == "none" for name in ("pr", "trigger")]
    yield from _azure_jobs(
        document, document, environment(document.get("variables")), "azure", not all(closed) and not closed[0], _DEPTH
    )


def _azure_jobs(
    node: Mapping, place: Node, variables: tuple[Fact, ...], name: str, is_run: bool, depth: int
) -> Iterator[_Job]:
    is_run = is_run and _goes_on(node)
    if depth and node.items("steps"):
        steps = [step for step in node.items("steps") if isinstance(step, Mapping)]
        facts = [*variables, *(one for step in steps for one in environment(step.get("env")))]
        runs = tuple(_Step(run, _goes_on(step)) for step in steps if (run := _azure_run(step)) is not None)
        yield _Job(name, place, tuple(facts), runs, tuple(_azure_uploads(steps)), is_run, loses=True)
    for group, word in (("stages", "stage"), ("jobs", "job"), ("jobs", "deployment")):
        for item in node.items(group) if depth else ():
            if isinstance(item, Mapping) and (word in item.pairs or group == "stages"):
                more = (*variables, *environment(item.get("variables")))
                key = item.get(word) or item
                yield from _azure_jobs(item, key, more, f"{name}/{item.text(word)}", is_run, depth - 1)


def _goes_on(step: Mapping) -> bool:
    """Tell whether a step or job runs, and fails what it is in."""
    condition = step.text("condition").replace(" ", "").lower()
    return (
        step.text("continueOnError").lower() not in _YES
        and step.text("enabled").lower() not in _NO
        and condition not in {"false", "never()", "failed()"}
        and not re.search(
            r"ne\(variables\['build\.reason'\],'pullrequest'\)|eq\(variables\['build\.sourcebranch'\]", condition
        )
    )


def _azure_run(step: Mapping) -> Scalar | None:
    for name in ("script", "bash", "pwsh", "powershell"):
        run = step.get(name)
        if isinstance(run, Scalar):
            return run
    run = step.get("inputs", "script")
    return run if isinstance(run, Scalar) else None


def _azure_uploads(steps: list[Mapping]) -> Iterator[Scalar]:
    for step in steps:
        is_upload = step.text("task").partition("@")[0] in _UPLOADS
        for path in (
            step.get("publish"),
            *(step.get("inputs", name) for name in ("PathtoPublish", "targetPath") if is_upload),
        ):
            if isinstance(path, Scalar):
                yield path


def _bitbucket(document: Mapping) -> Iterator[_Job]:
    for group, (_, node) in document.mapping("pipelines").pairs.items():
        parts: list[tuple[str, Node]] = [(group, node)] if isinstance(node, Items) else []
        if isinstance(node, Mapping):
            parts = [(f"{group}/{name}", value) for name, (_, value) in node.pairs.items()]
        for name, listed in parts:
            is_run = group in {"default", "pull-requests"}
            for number, step in enumerate(_bitbucket_steps(listed, _DEPTH), 1):
                runs = tuple(_Step(one, counts=True) for one in step.items("script") if isinstance(one, Scalar))
                uploads = tuple(one for one in step.items("artifacts") if isinstance(one, Scalar))
                manual = step.text("trigger") == "manual"
                title = f"bitbucket/{name}/{step.text('name') or number}"
                yield _Job(title, step.get("name") or step, (), runs, uploads, is_run and not manual)


def _bitbucket_steps(node: Node, depth: int) -> Iterator[Mapping]:
    for item in node.items if isinstance(node, Items) and depth else ():
        if not isinstance(item, Mapping):
            continue
        if isinstance(item.get("step"), Mapping):
            yield item.mapping("step")
        inner = item.get("parallel") or item.get("stage")
        listed = inner.get("steps") if isinstance(inner, Mapping) else inner
        yield from _bitbucket_steps(listed, depth - 1) if listed is not None else ()
