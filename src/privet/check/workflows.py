"""GitHub workflows and composite actions → jobs, the programs that their steps start, and the step that runs Privet.

Source: GitHub Actions workflow syntax. Invariants:

- Each job has the permissions that it gets: its own, else the workflow's. Where all jobs have their own, the workflow is not without.
- Environments are told at the job; a program gets those of its step and of what is around it.
- The step that runs the gate is a guard only where its failure fails the workflow, on changes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

from privet.check.components import of_command
from privet.check.exports import in_force
from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.programs import process_units
from privet.check.readers import Sibling
from privet.check.scanners import OF_SOME, scanning
from privet.check.words import Command
from privet.check.workflow_calls import GATE, action_file, runs_gate
from privet.check.workflow_gates import is_itself, lets_by, sees_changes
from privet.check.workflow_signs import HEAD, for_strangers, logged, sign
from privet.check.workflow_variables import (
    EXPRESSION,
    Pair,
    commands_of,
    environment_of,
    exported,
    given,
    kept,
    variables_of,
)
from privet.check.yaml_facts import fact, keys
from privet.check.yaml_nodes import Mapping, Node, Scalar, documents

_OURS: Final = regex(r"(?:^|[/-])privet(?:@|$)")
_YES: Final = frozenset(("true", "yes", "on"))


class _Workflow(NamedTuple):
    name: str
    path: str
    document: Mapping
    events: tuple[str, ...]
    sibling: Sibling


def _alone(_: str) -> None:
    """Stand for the other files of a workflow that has none."""


def read(path: str, text: str, sibling: Sibling = _alone) -> Reading:
    """Return the units of a workflow, or of a composite action."""
    nodes, notes = documents(path, text)
    document = next((node for node in nodes if isinstance(node, Mapping)), None)
    if document is None or not {"jobs", "runs"} & document.pairs.keys():
        return Reading(notes=tuple(notes))
    name = document.text("name") or path.rsplit("/", 1)[-1].rpartition(".")[0]
    workflow = _Workflow(name, path, document, tuple(_events(document)), sibling)
    units = list(_action(workflow) if "runs" in document.pairs else _units(workflow))
    return Reading(tuple(units), tuple(notes))


def _events(document: Mapping) -> Iterator[str]:
    node = document.get("on")
    if isinstance(node, Mapping):
        yield from node.pairs
    else:
        yield from (item.text for item in document.items("on") if isinstance(item, Scalar))


def _event_facts(document: Mapping) -> Iterator[Fact]:
    node = document.get("on")
    if isinstance(node, Mapping):
        for event, (key, _) in node.pairs.items():
            yield fact(Space.KEY, "actions.on[]", key)._replace(value=event)
        yield from keys(node, "actions.on")
    else:
        yield from (fact(Space.KEY, "actions.on[]", item) for item in document.items("on") if isinstance(item, Scalar))


def _action(workflow: _Workflow) -> Iterator[Unit]:
    key = workflow.document.pairs["runs"][0]
    runs = workflow.document.mapping("runs")
    facts = list(_steps_facts(runs, ()))
    name = f"action {workflow.name}"
    yield Unit(UnitKind.JOB, name, workflow.path, key.start, key.end, facts=tuple(facts))
    yield from _steps(runs, name, workflow, is_gate=False)


def _units(workflow: _Workflow) -> Iterator[Unit]:
    document = workflow.document
    jobs = {
        name: (key, node) for name, (key, node) in document.mapping("jobs").pairs.items() if isinstance(node, Mapping)
    }
    key = document.pairs["on"][0] if "on" in document.pairs else document.pairs["jobs"][0]
    facts = list(_event_facts(document))
    own = list(_permissions(document))
    if not own and jobs and all(isinstance(node, Mapping) and "permissions" in node.pairs for _, node in jobs.values()):
        own = [_said(key, "actions.permissions", "by job")]
    facts += [*own, *environment_of(document), *for_strangers((document.get("env"),), workflow.events)]
    yield Unit(UnitKind.JOB, workflow.name, workflow.path, key.start, key.end, facts=tuple(facts))
    for name, (mark, node) in jobs.items():
        if isinstance(node, Mapping):
            yield from _job(workflow, f"{workflow.name}/{name}", mark, node)


def _said(place: Node, name: str, value: str) -> Fact:
    return Fact(Space.KEY, name, value, place.source.path, place.start, place.end)


def _permissions(node: Mapping) -> Iterator[Fact]:
    """Yield `actions.permissions` as one word, `{}` or "by scope", and each scope."""
    found = node.get("permissions")
    if isinstance(found, Mapping):
        yield _said(found, "actions.permissions", "by scope" if found.pairs else "{}")
    if found is not None and not (isinstance(found, Mapping) and not found.pairs):
        yield from keys(found, "actions.permissions")


def _job(workflow: _Workflow, name: str, mark: Scalar, node: Mapping) -> Iterator[Unit]:
    facts = list(environment_of(workflow.document)) + list(environment_of(node))
    facts += list(_permissions(node)) or list(_permissions(workflow.document)) or [
        _said(mark, "actions.permissions", "inherited")
    ]  # fmt: skip
    skipped = {f"actions.{one}" for one in ("steps", "permissions", "env", "if")}
    facts.extend(keys(node, "actions", skipped))
    facts.extend(_condition(node, "actions.if"))
    facts.extend(for_strangers((node.get("env"),), workflow.events))
    facts.extend(_steps_facts(node, workflow.events))
    if isinstance(node.get("uses"), Scalar):  # what is checked out is said there
        facts.append(_said(mark, "actions.steps[].with.persist-credentials", "")._replace(value=None))
    facts.extend(_weakened(node, workflow.document))
    yield Unit(UnitKind.JOB, name, workflow.path, mark.start, mark.end, facts=tuple(facts))
    is_gate = sees_changes(workflow.document) and _counts(node)
    is_partial = not is_gate and sees_changes(workflow.document, of_some_files=True) and _counts(node)
    outer = given(workflow.document, node)
    for unit in _steps(node, name, workflow, outer, is_gate=is_gate or is_partial):
        if not is_partial or unit.kind is not UnitKind.GUARD:
            yield unit
        elif unit.guard != GATE:
            yield replace(unit, name=unit.name + OF_SOME)
    uses = node.get("uses")
    if isinstance(uses, Scalar) and is_gate and _calls_gate(uses.text, workflow.sibling):
        yield _guard(workflow.path, uses)


def _calls_gate(uses: str, sibling: Sibling) -> bool:
    """Tell whether a workflow of the same repository runs the gate when it is called."""
    text = sibling(posixpath.normpath(uses)) if uses.startswith("./") else None
    document = next((node for node in documents(uses, text)[0] if isinstance(node, Mapping)), None) if text else None
    if document is None:
        return False
    called = _Workflow("", uses, document, ("workflow_call",), sibling)
    return any(
        unit.guard == GATE
        for _, job in document.mapping("jobs").pairs.values()
        if isinstance(job, Mapping) and _counts(job)
        for unit in _steps(job, "", called, is_gate=True)
    )


def _condition(node: Mapping, name: str) -> Iterator[Fact]:
    """Yield an `if` without the braces that it may have."""
    found = node.get("if")
    if isinstance(found, Scalar):
        whole = EXPRESSION.fullmatch(found.text.strip())
        yield fact(Space.KEY, name, found)._replace(value=whole[1].strip() if whole else found.value)


def _counts(node: Mapping) -> bool:
    """Tell whether a job or step runs, and fails what it is in."""
    condition = next((one.value for one in _condition(node, "")), "true")
    if node.text("continue-on-error").lower() in _YES or condition in {"false", "0", "''", ""}:
        return False
    return not lets_by(condition or "")


def _each_step(node: Mapping) -> Iterator[Mapping]:
    for step in node.items("steps"):
        if isinstance(step, Mapping):
            yield step


def _steps_facts(node: Mapping, events: tuple[str, ...]) -> Iterator[Fact]:
    for step in _each_step(node):
        # A path is one of data that leaves only where the step uploads.
        moves = bool(re.search(r"upload|publish|deploy|release", step.text("uses")))
        yield from keys(step, "actions.steps[]", {"actions.steps[].if", "" if moves else "actions.steps[].with.path"})
        yield from _condition(step, "actions.steps[].if")
        yield from variables_of(step)
        run, uses = step.get("run"), step.text("uses")
        if isinstance(run, Scalar):
            yield from exported(run)
            yield from logged(run)
        if uses.startswith("actions/checkout@"):
            yield from _checkout(step, events)
        yield from for_strangers((step.get("env"), step.get("with")), events)


def _checkout(step: Mapping, events: tuple[str, ...]) -> Iterator[Fact]:
    """Yield a fact when a checkout takes a stranger's code in a workflow that has the owner's rights."""
    for name in ("ref", "repository"):
        found = step.get("with", name)
        if (
            isinstance(found, Scalar)
            and HEAD.search(found.text)
            and {"pull_request_target", "workflow_run"} & {*events}
        ):
            yield sign("actions-pull-request-target-checkout", found)


def _steps(
    node: Mapping, owner: str, workflow: _Workflow, outer: tuple[Pair, ...] = (), *, is_gate: bool
) -> Iterator[Unit]:
    """Yield what the steps of a job start, numbered through the job, with the variables that each gets, and its guards."""
    path = workflow.path
    listed: list[Command] = []
    for step in _each_step(node):
        run, uses = step.get("run"), step.get("uses")
        is_guard = is_gate and _counts(step)
        if isinstance(uses, Scalar) and is_guard:
            if _OURS.search(uses.text) and not is_itself(step.text("with", "base")):
                yield _guard(uses.source.path, uses)
            yield from scanning(uses.text, uses)
            yield from _of_action(uses, workflow)
        if isinstance(run, Scalar) and run.value:
            found = _commands(run, step, node, workflow.document)
            listed.extend(in_force(found, outer + given(step)))
            outer += kept(run)
            if is_guard:
                whole = [command for command in found if not _compares_itself(command, run)]
                yield from (unit for unit in process_units(whole, path, guards=True) if unit.kind is UnitKind.GUARD)
                for command in whole:
                    if command.words and not command.ignored:
                        place = Scalar("", command.words[0].start, command.words[-1].end, run.source)
                        yield from scanning(" ".join(command.texts()), place)
                        if runs_gate(command, workflow.sibling):
                            yield _guard(path, place)
    yield from process_units(listed, path, owner=owner)


def _of_action(uses: Scalar, workflow: _Workflow) -> Iterator[Unit]:
    """Yield the guards of an action of the same repository, where it is used. One that uses others is read no further."""
    found = action_file(uses.text, workflow.sibling)
    for node in documents(*found)[0] if found else ():
        if isinstance(node, Mapping):
            inner = workflow._replace(path=found[0] if found else "", document=node, sibling=_alone)
            for unit in _steps(node.mapping("runs"), "", inner, is_gate=True):
                if unit.kind is UnitKind.GUARD:
                    yield replace(unit, path=workflow.path, start=uses.start, end=uses.end)


def _compares_itself(command: Command, run: Scalar) -> bool:
    """Tell whether a command that runs the gate names the change itself as what to compare with."""
    written = [run.source.text[word.start : word.end] for word in command.words]
    given = [two for one, two in pairwise(written) if one == "--base"]
    given += [word.partition("=")[2] for word in written if word.startswith("--base=")]
    return any(map(is_itself, given))


def _commands(run: Scalar, step: Mapping, job: Mapping, document: Mapping) -> list[Command]:
    """Return the commands of a step; without `shell: bash` the failure of one that is piped is lost."""
    shells = (step.text("shell"), *(one.text("defaults", "run", "shell") for one in (job, document)))
    loses = next((shell for shell in shells if shell), "") != "bash"
    return [command._replace(ignored=command.ignored or (command.piped and loses)) for command in commands_of(run)]


def _weakened(node: Mapping, document: Mapping) -> Iterator[Fact]:
    """Yield the steps that run the gate and whose failure stops nothing."""
    for step in _each_step(node):
        run, uses = step.get("run"), step.get("uses")
        counts = _counts(node) and _counts(step)
        is_lost = not counts or is_itself(step.text("with", "base"))
        if isinstance(uses, Scalar) and _OURS.search(uses.text) and is_lost:
            yield sign("gate-weakened", uses)
        if isinstance(run, Scalar) and "privet" in run.text:
            for command in _commands(run, step, node, document):
                words = command.texts()
                runs = "check" in words and "privet" in of_command(words)[0]
                if runs and (command.ignored or not counts or _compares_itself(command, run)):
                    yield sign("gate-weakened", Scalar("", command.words[0].start, command.words[-1].end, run.source))


def _guard(path: str, place: Node) -> Unit:
    return Unit(UnitKind.GUARD, "privet check", path, place.start, place.end, frozenset({"privet"}), guard=GATE)
