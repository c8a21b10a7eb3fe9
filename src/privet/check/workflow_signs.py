"""What shows in workflows by more than a name and a value: data and secrets in logs, secrets for strangers, a gate that stops nothing.

Invariant: every fact is "present" and holds no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from privet.check.facts import PRESENT, Fact, Space
from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar
from privet.check.yaml_places import part

HEAD: Final = regex(r"github\.event\.pull_request\.head|github\.head_ref|refs/pull/|github\.event\.workflow_run\.head")
_DATA: Final = (
    r"(?:[\w./-]*/)?(?:data|datasets?|prompts?|conversations?|transcripts?|chats?|users?|train|raw)[\w-]*"
    r"(?:/[\w.*/-]+|\.(?:jsonl|ndjson|csv|tsv|parquet|json|txt|log))"
)
_LOGGED: Final = regex(
    rf"\s*(?:sudo\s+)?(?:(?:head|cat|tail|less|more)\b[^|>]*?[\s\"']{_DATA}"
    r"|(?:echo|printf)\b[^|>]*\$\{\{\s*secrets\.[^|>]*|printenv|env)[\s\"']*"
)
_LONGEST: Final = 400
"""Longer lines are not read by eye either."""
_SECRET: Final = regex(r"\$\{\{\s*secrets\.(\w+)")
_SERVICES: Final = regex(
    r"WANDB|(?:^|_)HF_|HUGGING|OPENAI|ANTHROPIC|COMET|NEPTUNE|LANGSMITH|LANGCHAIN|LANGFUSE|CLEARML|MLFLOW|REPLICATE|COHERE|MISTRAL|TOGETHER|GEMINI"
)
_FOREIGN: Final = frozenset(("pull_request", "pull_request_target"))


def sign(name: str, node: Node) -> Fact:
    """Return the fact that something is there."""
    return Fact(Space.KEY, f"code:{name}", PRESENT, node.source.path, node.start, node.end)


def logged(run: Scalar) -> Iterator[Fact]:
    """Yield a fact for each line of a script that prints a secret, or what is in a data file."""
    at = 0
    for line in run.text.split("\n"):
        if len(line) < _LONGEST and _LOGGED.fullmatch(line):
            start = at + len(line) - len(line.lstrip())
            yield sign("actions-log-secret", part(run, start, at + len(line.rstrip())))
        at += len(line) + 1


def for_strangers(nodes: Iterable[Node | None], events: Iterable[str]) -> Iterator[Fact]:
    """Yield a fact for each secret of a service that what runs on a pull request gets."""
    if _FOREIGN.isdisjoint(events):
        return
    for node in nodes:
        for name, scalar in _scalars(node):
            secret = _SECRET.search(scalar.text)
            if secret and (_SERVICES.search(secret[1].upper()) or _SERVICES.search(name.upper())):
                yield sign("actions-pull-request-secrets", scalar)


def _scalars(node: Node | None) -> Iterator[tuple[str, Scalar]]:
    if isinstance(node, Mapping):
        for name, (_, value) in node.pairs.items():
            if isinstance(value, Scalar):
                yield name, value
    elif isinstance(node, Items):
        for item in node.items:
            if isinstance(item, Scalar):
                yield "", item
