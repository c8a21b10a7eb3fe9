"""Python calls → steps that protect people, and what a logging call shows.

Invariants: a step's name is the callee's, and a column's where columns are named, so that a step that moves is the same step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Final

_PROTECTS: Final = re.compile(
    r"(?:^|_)(?:scrub|redact|anonymi[sz]e|pseudonymi[sz]e|de_?identif\w+|mask_pii|remove_pii|strip_(?:pii|metadata|exif)"
    r"|sanitize_(?:pii|prompts?|messages?|text|logs?)|filter_pii|hash_user\w*|drop_pii)",
    re.IGNORECASE,
)
_GUARDS_DOOR: Final = re.compile(
    r"\w*(?:auth|api_?key|token|bearer|login|current_user|require_user|verify|session|principal|permission|admin)\w*|HTTPBasic"
    r"|TrustedHostMiddleware|HTTPSRedirectMiddleware",
    re.IGNORECASE,
)
_ENCRYPTS: Final = re.compile(r"(?:^|_)encrypt(?:_\w+)?$|^Fernet$|^AESGCM$|^ChaCha20Poly1305$|^SecretBox$|^SealedBox$")
_OWN: Final = re.compile(r"privet(?:\.\w+)*\.(?:Redactor|RedactStream|lock|rows)")
_PRIVATE_TRAINING: Final = frozenset(
    ("make_private", "make_private_with_epsilon", "PrivacyEngine", "BatchMemoryManager", "DPOptimizer")
)
_COLUMNS: Final = frozenset(("remove_columns", "drop_columns", "select_columns"))
_HANDS_ON: Final = frozenset(
    (
        "map",
        "filter",
        "addFilter",
        "add_filter",
        "apply",
        "with_transform",
        "set_transform",
        "partial",
        "add_middleware",
        "Compose",
    )
)
"""Calls that are given a function to apply: `dataset.map(scrub)`."""
_WHOLE: Final = frozenset(("json", "body", "text", "model_dump", "dict", "model_dump_json"))
_ENGINES: Final = frozenset(("AnonymizerEngine", "AnalyzerEngine"))
SCRUB: Final = "python-scrub-removed"
PRIVATE: Final = "training-dp-removed"
DOOR: Final = "python-auth-removed"
ENCRYPTED: Final = "python-encryption-removed"


def protections(
    dotted: str, last: str, node: ast.Call, lookup: Callable[[str], ast.expr | None]
) -> Iterator[tuple[str, str]]:
    """Yield the rule that is broken when this call goes, and the step's name."""
    if last in _COLUMNS:
        yield from ((SCRUB, name) for name in _columns(last, node, lookup))
    elif last == "drop":
        yield from ((SCRUB, name) for name in _dropped(node, lookup))
    elif last in {"Depends", "Security", "add_middleware"}:
        yield from ((DOOR, f"{last} {name}") for name in map(_bare, node.args) if _GUARDS_DOOR.fullmatch(name))
    else:
        yield from ((rule, f"{name}{_of_field(node)}") for rule, name in _by_name(dotted, last))
    if last in _HANDS_ON:
        for argument in (*node.args, *(item.value for item in node.keywords)):
            name = _bare(argument)
            if _PROTECTS.search(name):
                yield SCRUB, f"{last} {name}"
    if any(item.arg == "remove_columns" for item in node.keywords):
        yield SCRUB, f"{last} remove_columns"


def _of_field(node: ast.Call) -> str:
    """Return which field of a record a step is applied to, where that is written: `scrub(row["answer"])`."""
    first = node.args[0] if node.args else None
    if (
        isinstance(first, ast.Subscript)
        and isinstance(first.slice, ast.Constant)
        and isinstance(first.slice.value, str)
    ):
        return f" {first.slice.value}"
    return f" {first.attr}" if isinstance(first, ast.Attribute) else ""


def _by_name(dotted: str, last: str) -> Iterator[tuple[str, str]]:
    if last in _PRIVATE_TRAINING:
        yield PRIVATE, last
    elif _PROTECTS.search(last) or last in _ENGINES:
        yield SCRUB, last
    elif _ENCRYPTS.search(last):
        yield ENCRYPTED, last
    elif _OWN.fullmatch(dotted):
        yield SCRUB, dotted


def _dropped(node: ast.Call, lookup: Callable[[str], ast.expr | None]) -> Iterator[str]:
    """Yield a step for each column that `frame.drop(columns=[…])` names."""
    for item in node.keywords:
        if item.arg == "columns":
            value = lookup(item.value.id) if isinstance(item.value, ast.Name) else item.value
            listed = value.elts if isinstance(value, (ast.List, ast.Tuple)) else []
            named = [f"drop {name.value!s}" for name in listed if isinstance(name, ast.Constant)]
            yield from named or ["drop"]


def _columns(last: str, node: ast.Call, lookup: Callable[[str], ast.expr | None]) -> list[str]:
    """Return a step for each column that is dropped, or one for the call where they are not named or are the ones kept."""
    items: ast.expr | None = node.args[0] if node.args else None
    if isinstance(items, ast.Name):
        items = lookup(items.id) or items
    listed = (
        items.elts if isinstance(items, (ast.List, ast.Tuple)) else [items] if isinstance(items, ast.Constant) else []
    )
    named = [f"{last} {item.value!s}" for item in listed if isinstance(item, ast.Constant)]
    return named if named and last != "select_columns" else [last]


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
