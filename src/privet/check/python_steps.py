"""Python calls → steps that protect people.

Invariants: a step's name is the callee's, and a column's where columns are named, so that a step that moves is the same step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from privet.check.facts import NEEDS, PRESENT, Fact, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.python_nodes import Parsed
from privet.check.python_scrubs import HANDS_ON, is_scrub_name
from privet.check.python_syntax import last_of

_GUARDS_DOOR: Final = regex(
    r"\w*(?:auth|api_?key|token|bearer|login|current_user|require_user|verify|session|principal|permission|admin)\w*|HTTPBasic"
    r"|TrustedHostMiddleware|HTTPSRedirectMiddleware",
    re.IGNORECASE,
)
_ENCRYPTS: Final = regex(r"(?:^|_)encrypt(?:_\w+)?$|^Fernet$|^AESGCM$|^ChaCha20Poly1305$|^SecretBox$|^SealedBox$")
_OWN: Final = regex(r"privet(?:\.\w+)*\.(?:Redactor|RedactStream|lock|rows)")
_PRIVATE_TRAINING: Final = frozenset(
    ("make_private", "make_private_with_epsilon", "PrivacyEngine", "BatchMemoryManager", "DPOptimizer")
)
_COLUMNS: Final = frozenset(("remove_columns", "drop_columns", "select_columns"))
_HOOKS: Final = frozenset(
    ("masking_function", "anonymizer", "scrubber", "redactor", "event_scrubber", "pii_filter", "redaction")
)
"""Keywords that are given what takes personal data out."""
_HIDES: Final = frozenset(("hide_inputs", "hide_outputs"))
"""Keywords that are given true, of which a rule knows, or a function that does so."""
_MASKED: Final = frozenset(("Langfuse", "CallbackHandler", "get_client"))
"""Clients whose `mask` is a function, and no positions."""
_SECURES: Final = frozenset(("starttls", "secure_channel", "SMTP_SSL", "IMAP4_SSL", "POP3_SSL", "FTP_TLS", "prot_p"))
_MECHANISM: Final = regex(r"laplace|\w*(?:laplace|gaussian|exponential|geometric)_?mechanism", re.IGNORECASE)
_ENGINES: Final = frozenset(("AnonymizerEngine", "AnalyzerEngine"))
SCRUB: Final = "python-scrub-removed"
PRIVATE: Final = "training-dp-removed"
DOOR: Final = "python-auth-removed"
PLAIN: Final = "python-address-plain"
ENCRYPTED: Final = "python-encryption-removed"


def guards(path: str, code: Parsed, asleep: Mapping[int, str] | None = None) -> tuple[Unit, ...]:
    """Return the steps of a module, each of which is missed where it goes; `asleep` has the nodes that need a setting to run."""
    found: dict[tuple[str, str], Unit] = {}
    names = code.names
    functions = tuple(scope for scope in names.scopes if scope is not None)

    def lookup(name: str) -> ast.expr | None:
        inside = (names.lookup(name, (scope,)) for scope in functions if name in names.scopes[scope])
        return next(inside, None) or names.lookup(name, ())

    for node in (*code.nodes.of(ast.Call), *code.nodes.functions):
        if isinstance(node, ast.Call):
            dotted = names.dotted(node.func)
            pairs = [(pair, node.func) for pair in protections(dotted, dotted.rsplit(".", 1)[-1], node, lookup)]
        else:
            pairs = [
                ((SCRUB, f"@{last_of(decorator)}"), decorator)
                for decorator in node.decorator_list
                if is_scrub_name(last_of(decorator))
            ]
        for pair, place in pairs:
            needs = (asleep or {}).get(id(node), "")
            if pair not in found or (found[pair].facts and not needs):
                start, end = code.places.of(place)
                facts = (Fact(Space.KEY, NEEDS, needs, path, start, end),) if needs else ()
                found[pair] = Unit(UnitKind.GUARD, pair[1], path, start, end, facts=facts, guard=pair[0])
    return tuple(found.values())


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
    for argument in (*(node.args if last in HANDS_ON else ()), *(item.value for item in node.keywords)):
        name = _handed(argument)
        if is_scrub_name(name):
            yield SCRUB, f"{last} {name}{_of_owner(node)}"
    for item in node.keywords:
        if _is_hook(item, last):
            yield SCRUB, f"{last} {item.arg}"
    if last in _SECURES:
        yield PLAIN, last
    if any(item.arg == "remove_columns" for item in node.keywords):
        yield SCRUB, f"{last} remove_columns"


def _is_hook(item: ast.keyword, last: str) -> bool:
    """Tell whether a call is given what takes personal data out by this keyword."""
    said = item.value.value if isinstance(item.value, ast.Constant) else PRESENT
    if item.arg in _HIDES:
        return said is PRESENT
    return bool(said) and (item.arg in _HOOKS or (item.arg == "mask" and last in _MASKED))


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


def _of_owner(node: ast.Call) -> str:
    """Return the column that a step is applied to: `frame["text"].apply(scrub)`."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    is_named = isinstance(owner, ast.Subscript) and isinstance(owner.slice, ast.Constant)
    return f" {owner.slice.value}" if is_named and isinstance(owner.slice.value, str) else ""  # type: ignore[union-attr]


def _handed(node: ast.expr) -> str:
    """Return the name of a function that is handed on, or of the class of an object that is: `PiiFilter()`."""
    return _bare(node.func if isinstance(node, ast.Call) and _bare(node.func)[:1].isupper() else node)


def _by_name(dotted: str, last: str) -> Iterator[tuple[str, str]]:
    if last in _PRIVATE_TRAINING or _MECHANISM.fullmatch(last):
        yield PRIVATE, last
    elif is_scrub_name(last) or last in _ENGINES:
        yield SCRUB, last
    elif _ENCRYPTS.search(last):
        yield ENCRYPTED, last
    elif _OWN.fullmatch(dotted):
        yield SCRUB, dotted


def _dropped(node: ast.Call, lookup: Callable[[str], ast.expr | None]) -> Iterator[str]:
    """Yield a step for each column that `frame.drop(columns=[…])` or `frame.drop([…], axis=1)` names."""
    by_axis = any(
        item.arg == "axis" and isinstance(item.value, ast.Constant) and item.value.value in {1, "columns"}
        for item in node.keywords
    )
    for item in (*node.keywords, *((ast.keyword("columns", node.args[0]),) if by_axis and node.args else ())):
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
