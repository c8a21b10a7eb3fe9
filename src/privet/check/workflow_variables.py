"""The variables of a GitHub workflow: what its jobs, its steps and their scripts set, and what each command gets.

Source: GitHub Actions workflow syntax, "env"; workflow commands, "Setting an environment variable". Invariants: a value that is an
expression is None; what a step sets is no other step's, unless it is written to the job's environment file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privet.check.facts import Fact, Space
from privet.check.pattern import regex
from privet.check.programs import environment_facts
from privet.check.words import Command, Word
from privet.check.yaml_facts import environment, fact, keys
from privet.check.yaml_nodes import Mapping, Scalar
from privet.check.yaml_places import commands, part

EXPRESSION: Final = regex(r"\$\{\{((?:[^{}]|\{(?!\{)|\}(?!\})){0,2000}+)\}\}")
_KEPT: Final = regex(
    r"""^[ \t]*echo[ \t]+["']?([A-Za-z_]\w*)=([^\n"'>]*?)["']?[ \t]*>>[ \t]*["']?\$\{?GITHUB_ENV""", re.MULTILINE
)
Pair = tuple[str, Word]


def variables_of(node: Mapping) -> Iterator[Fact]:
    """Yield the variables of a workflow, job or step."""
    for variable in environment(node.get("env")):
        is_expression = variable.value is not None and "${{" in variable.value
        yield variable._replace(value=None) if is_expression else variable


def environment_of(node: Mapping) -> Iterator[Fact]:
    """Yield the variables of a workflow or job, and each as a key as it is written."""
    yield from variables_of(node)
    if "env" in node.pairs:
        yield from keys(node.mapping("env"), "actions.env")


def given(*nodes: Mapping) -> tuple[Pair, ...]:
    """Return what a command gets of the variables of a workflow, a job and a step."""
    return tuple(_pair(one) for node in nodes for one in variables_of(node))


def kept(run: Scalar) -> tuple[Pair, ...]:
    """Return what a script writes to the job's environment file, for the steps that follow."""
    return tuple(_pair(one) for one in _kept(run))


def _pair(one: Fact) -> Pair:
    return one.name, Word(one.value, one.start, one.end)


def _kept(run: Scalar) -> Iterator[Fact]:
    for found in _KEPT.finditer(run.text):
        if "$" not in found[2]:
            yield fact(Space.ENV, found[1], part(run, *found.span(2)))


def exported(run: Scalar) -> Iterator[Fact]:
    """Yield what a script sets for what follows: exports, and lines added to the job's environment file."""
    for command in commands_of(run):
        if not command.words:
            yield from environment_facts(command.assignments, run.source.path)
    yield from _kept(run)


def commands_of(run: Scalar) -> list[Command]:
    """Return the commands of a step's script."""
    return commands(run, EXPRESSION.sub(_blanked, run.text))


def _blanked(found: re.Match[str]) -> str:
    """Return a shell variable of an expression's length: known only at run time, and one word."""
    return "$" + "_" * (len(found[0]) - 1)
