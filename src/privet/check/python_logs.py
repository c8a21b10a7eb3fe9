"""Logging calls and prints in Python → the content that they show whole.

Invariants: a length, a count or a part of a value that says nothing of it is not shown; a call is told once.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from privet.check.pattern import regex

LOGS: Final = frozenset(("debug", "info", "warning", "warn", "error", "exception", "critical", "log"))
_CONTENT: Final = regex(
    r"(?:(?:full_|system_|final_)?prompts?|messages|user_(?:input|message|prompt|query|text)|(?:raw_|request_|req_)?body"
    r"|request_json|chat_history|conversations?|completions?|generated_text|(?:input|output|response|answer)_text|transcripts?"
    r"|quer(?:y|ies)|questions?|answers?|(?:user_)?email|ssn|phone|password|api_key|token|payload)",
    re.IGNORECASE,
)
_WEB: Final = frozenset(
    ("fastapi", "flask", "starlette", "aiohttp", "django", "sanic", "quart", "tornado", "litestar", "bentoml")
)
"""What a module imports that answers requests: there a print goes to the service's log."""
_SERVES: Final = _WEB | {"vllm", "ray", "gradio", "streamlit", "chainlit", "litellm", "openai"}
_SHOWS: Final = regex(r"(?:^|/)(?:examples?|docs?|demos?|tutorials?|benchmarks?|notebooks?|cookbook)/", re.IGNORECASE)
_PERHAPS: Final = regex(
    r"(?:letter|ticket|note|document|text|row|record|sample|comment|repl(?:y|ie)|mail|customer|patient|person|user|q|search_words|words|content"
    r"|utterance|minutes|case|complaint|review|output|response|chat|history|context|passage|chunk)s?",
    re.IGNORECASE,
)
"""Further names that content has in programs that serve nobody."""
_WHOLE: Final = frozenset(("json", "body", "text", "model_dump", "dict", "model_dump_json"))


class Logged(NamedTuple):
    """What a call shows, and the rule's code for it."""

    code: str
    name: str
    place: ast.expr


def logged(path: str, dotted: str, node: ast.Call, imports: Collection[str]) -> Logged | None:
    """Return the content that a call shows, by the packages that its module imports."""
    owner, _, last = dotted.lower().rpartition(".")
    if last != "print" and not ("log" in owner or owner == "logging"):
        return None
    is_example = bool(_SHOWS.search(path))
    # A service's log is kept; what a script prints is told only where a change brings it in.
    is_kept = not _WEB.isdisjoint(imports) and not is_example if last == "print" else not _SERVES.isdisjoint(imports)
    for argument in node.args:
        for name, place in shown(argument):
            if _CONTENT.fullmatch(name) and is_kept:
                return Logged("code:python-logs-content", name, place)
            if (_CONTENT.fullmatch(name) or _PERHAPS.fullmatch(name)) and not is_example:
                return Logged("code:python-shows-content", name, place)
    return None


def _bare(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


Shown = Iterator[tuple[str, ast.expr]]


def shown(node: ast.expr) -> Shown:
    """Yield the variables that an argument of a logging call shows whole: itself, in an f-string, `% x`, `.format(x)`, `.json()`."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        yield _bare(node), node
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from shown(part.value)
    elif isinstance(node, ast.Subscript):
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            yield node.slice.value, node
        elif isinstance(node.slice, ast.Slice):
            yield from shown(node.value)
    elif isinstance(node, ast.Call):
        yield from _shown_by_call(node)
    else:
        yield from _shown_inside(node)


def _shown_inside(node: ast.expr) -> Shown:
    if isinstance(node, ast.BinOp):
        yield from shown(node.left)
        yield from shown(node.right)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for item in node.elts:
            yield from shown(item)
    elif isinstance(node, ast.Await):
        yield from shown(node.value)


def _shown_by_call(node: ast.Call) -> Shown:
    if isinstance(node.func, ast.Name) and node.func.id in {"str", "repr"}:
        for argument in node.args[:1]:
            yield from shown(argument)
    elif isinstance(node.func, ast.Attribute):
        if node.func.attr in _WHOLE and _bare(node.func.value).lower() in {"request", "req", "payload", "body"}:
            yield "body", node
        elif node.func.attr in {"format", "dumps"}:
            for argument in node.args:
                yield from shown(argument)
