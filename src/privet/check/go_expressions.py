"""The simple part of what Helm templates say: a value of the chart, its default, and whether something is set.

Invariant: what is not understood is None, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from types import MappingProxyType
from typing import Final, NamedTuple

from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, Source

Value = Node | None
_TERM: Final = regex(r"\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\((?:[^()\"]|\"(?:[^\"\\]|\\.)*\"|\([^()]*\))*\)|\||[^\s|()\"`]+")
_SAME: Final = frozenset(
    (
        "quote", "squote", "toYaml", "toJson", "toString", "trim", "int", "int64", "float64", "tpl", "fromYaml", "deepCopy", "toRawJson",
        "b64enc", "nindent", "indent", "required", "kebabcase", "trunc", "trimSuffix", "toPrettyJson",
    )
)  # fmt: skip
"""Functions that keep what a setting says."""
_MAKES_TEXT: Final = frozenset(("quote", "squote", "toYaml", "toJson", "toString"))
"""Those after which false is a text, and no longer empty."""
_COUNTED: Final = frozenset(("nindent", "indent", "required", "trunc", "trimSuffix"))
"""Those whose first argument is not the value."""
_PATH: Final = regex(r"(\$\w*)?((?:\.\w[\w-]*)*)")
_LONGEST: Final = 1000
_FALSE: Final = frozenset(("", "false", "0", "null", "~"))


class Names(NamedTuple):
    """What a template can name: the chart's values, its Chart.yaml, variables by name with the dollar; None where there is no such."""

    values: Value
    chart: Value
    variables: Map[str, Value] = MappingProxyType({})
    helpers: Map[str, str] = MappingProxyType({})
    """What templates that are nothing but one action say, by name."""
    written: Callable[[str, Value, Names], Value] | None = None
    """Gives what a longer template writes as YAML, by its name and what its dot is."""


def value_of(said: str, scope: Value, names: Names, source: Source, place: tuple[int, int]) -> Value:
    """Return what an action writes; a literal stands where the action does."""
    result: Value = None
    if len(said) > _LONGEST:
        return None
    for number, stage in enumerate(_stages(said)):
        result = _stage(stage, result if number else None, number > 0, _Context(scope, names, source, place))
        if result is None and not _has_default(said):
            return None
    return result


def holds(said: str, scope: Value, names: Names) -> bool | None:
    """Tell whether a condition holds by the chart's own values; None when that is not simple."""
    terms = _TERM.findall(said) if len(said) <= _LONGEST else []
    if not terms or "|" in terms:
        return None
    if terms[0] == "not" and len(terms) == 2:
        inner = holds(_bare(terms[1]), scope, names)
        return None if inner is None else not inner
    if terms[0] in {"and", "or"} and len(terms) > 2:
        found = [holds(_bare(term), scope, names) for term in terms[1:]]
        decisive = terms[0] == "or"
        return decisive if decisive in found else None if None in found else not decisive
    context = _Context(scope, names, Source("", ""), (0, 0))
    if terms[0] in {"eq", "ne"} and len(terms) == 3:
        pair = [_read(term, context) for term in terms[1:]]
        texts = [node.value if isinstance(node, Scalar) else None for node in pair]
        return None if None in texts else (texts[0] == texts[1]) == (terms[0] == "eq")
    if terms[0] in {"hasKey", "empty"}:
        return _has(terms[0], terms[1:], context)
    return _is_true(terms[0], context) if len(terms) == 1 else None


def _has(name: str, arguments: list[str], context: _Context) -> bool | None:
    if name == "empty" and len(arguments) == 1:
        found = _is_true(arguments[0], context)
        return None if found is None else not found
    node = _read(arguments[0], context) if len(arguments) == 2 else None
    return arguments[1].strip('"') in node.pairs if isinstance(node, Mapping) else None


class _Context(NamedTuple):
    scope: Value
    names: Names
    source: Source
    place: tuple[int, int]

    def literal(self, text: str) -> Scalar:
        return Scalar(text, *self.place, self.source, "$")

    def word(self, text: str) -> Scalar:
        """Return a number or a truth value, which unlike a text may be an empty one."""
        return Scalar(text, *self.place, self.source)


def _bare(term: str) -> str:
    return term[1:-1] if term.startswith("(") else term


def _is_true(term: str, context: _Context) -> bool | None:
    if term.startswith("("):
        return holds(term[1:-1], context.scope, context.names)
    node = _read(term, context)
    if node is None:
        start, parts = _named(term, context)
        return False if parts and isinstance(start, Mapping) else None  # what the chart does not have is not set
    if isinstance(node, Scalar):
        return None if node.value is None else node.value not in _FALSE
    return bool(node.items if isinstance(node, Items) else node.pairs)


def _stages(said: str) -> list[list[str]]:
    stages: list[list[str]] = [[]]
    for term in _TERM.findall(said):
        if term == "|":
            stages.append([])
        else:
            stages[-1].append(term)
    return stages


def _has_default(said: str) -> bool:
    return "default" in said or "coalesce" in said


def _stage(terms: list[str], before: Value, is_piped: bool, context: _Context) -> Value:
    if not terms:
        return None
    name, arguments = terms[0], terms[1:]
    if name == "default" and arguments:
        given = before if is_piped else _read(arguments[1], context) if len(arguments) > 1 else None
        return given if given is not None and not _is_empty(given) else _read(arguments[0], context)
    if name == "coalesce" and not is_piped:
        found = [_read(term, context) for term in arguments]
        return next((node for node in found if node is None or not _is_empty(node)), None)
    if name in _SAME:
        if is_piped:
            is_made = name in _MAKES_TEXT and isinstance(before, Scalar) and not before.style
            return before._replace(style="$") if is_made and isinstance(before, Scalar) else before
        own = arguments[1:] if name in _COUNTED else arguments[:1]
        return _read(own[0], context) if own else None
    return _called(name, arguments, context) if not is_piped else None


def _called(name: str, arguments: list[str], context: _Context) -> Value:
    if name == "dict":
        return _made(arguments, context)
    if name == "include" and len(arguments) == 2:
        return _included(arguments[0], arguments[1], context)
    return None if arguments else _read(name, context)


def _included(name: str, scope: str, context: _Context) -> Value:
    """Return what a named template writes; within it, it cannot name itself."""
    bare = name.strip('"`')
    said = context.names.helpers.get(bare)
    if said is None:
        written = context.names.written
        return written(bare, _read(scope, context), context.names) if written is not None else None
    others = {other: text for other, text in context.names.helpers.items() if text is not said}
    names = context.names._replace(helpers=others, variables={})
    return value_of(said, _read(scope, context), names, context.source, context.place)


def _made(arguments: list[str], context: _Context) -> Value:
    """Return the mapping that `dict` makes of names and values in turn."""
    pairs: dict[str, tuple[Scalar, Node]] = {}
    for name, term in zip(arguments[::2], arguments[1::2], strict=False):
        if name.startswith('"'):
            key = context.literal(name[1:-1])
            pairs[name[1:-1]] = (key, _read(term, context) or Scalar(None, *context.place, context.source))
    return Mapping(pairs, *context.place, context.source)


def _is_empty(node: Node) -> bool:
    """Tell whether Sprig takes a value for none: `default true .Values.x` is true where x is false."""
    if isinstance(node, Scalar):
        return node.value == "" or (node.value in _FALSE and not node.style)
    return not (node.items if isinstance(node, Items) else node.pairs)


def _read(term: str, context: _Context) -> Value:
    if term.startswith("("):
        return value_of(term[1:-1], context.scope, context.names, context.source, context.place)
    if term.startswith(('"', "`")):
        return context.literal(term[1:-1].replace('\\"', '"'))
    if re.fullmatch(r"-?\d+(?:\.\d+)?|true|false", term):
        return context.word(term)
    if term == ".":
        return context.scope
    start, parts = _named(term, context)
    return start.get(*parts) if isinstance(start, Mapping) else None if parts else start


def _named(term: str, context: _Context) -> tuple[Value, list[str]]:
    """Return where a path such as `.Values.a.b` or `$model.name` begins, and the keys that it goes through from there."""
    path = _PATH.fullmatch(term)
    if not path or not term:
        return None, []
    parts = path[2].split(".")[1:]
    if "Values" in parts[1:2]:  # what a template is given as its root: `.context.Values.a`
        parts = parts[1:]
    if parts and parts[0] in {"Values", "Chart"} and path[1] in {None, "$"}:
        if parts[0] == "Values":
            return context.names.values, parts[1:]
        return context.names.chart, [part[:1].lower() + part[1:] for part in parts[1:]]  # as the file has its keys
    return (context.names.variables.get(path[1]) if path[1] else context.scope), parts
