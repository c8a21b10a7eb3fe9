"""Python modules → lists of names that must not shrink (what is taken out, looked for or left out) or grow (what is kept and handed on).

The value of a fact is what, place and items, a zero between: `less` for a list of which every item protects, `steps` for one of which some
are steps that do, `more` for one of columns that are kept, of which only those are told that hold something personal.

Invariant: a list of which one item is not known is no fact.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from privet.check.facts import Fact, Space
from privet.check.pattern import mentions, regex
from privet.check.python_modules import Modules
from privet.check.python_names import Scopes
from privet.check.python_nodes import Nodes, Parsed
from privet.check.python_scrubs import is_scrub_name, words_of
from privet.check.python_syntax import last_of
from privet.check.python_walk import Reader

_THINGS: Final = (
    r"(?:cols?|columns?|fields?|keys?|names?|attrs?|attributes|lists?|entities|kinds|types|paths"
    r"|headers?|params?|patterns?|regexe?s|rules|words|recognizers|labels|features|vars)"
)
_TAKEN: Final = (
    r"(?:exclude[ds]?|redact(?:ed|ion)?|mask(?:ed)?|scrub(?:bed|bing)?|deny|denied|block(?:ed)?"
    r"|hidden|hide|drop(?:ped)?|remove[ds]?|strip(?:ped)?|sensitive|anonymi[sz]ed?|pii|phi|personal|private"
    r"|identifying|identifier|secret|hash(?:ed)?|pseudonymi[sz]ed?|encrypt(?:ed)?|confidential"
    r"|quasi_identifier|direct_identifier)"
)
_LESS: Final = (
    rf"(?:\w+_)?{_TAKEN}(?:_\w+?)??_{_THINGS}(?:_to_\w+)?|(?:\w+_)?{_THINGS}_to_(?:redact|mask|scrub|remove|drop"
    rf"|hide|strip|exclude|anonymi[sz]e|hash|encrypt)"
    r"|denylist|blocklist|remove_columns|quasi_identifiers|identifiers|pii|entities|pii_entities|redact|exclude"
    r"|secret_fields|hide"
)
_MORE: Final = (
    rf"(?:\w+_)?(?:keep|kept|allow(?:ed)?|select(?:ed)?|use|export(?:ed)?|public|safe|include[ds]?|return(?:ed)?"
    rf"|log(?:ged)?|output|train(?:ing)?|feature|send|visible|shared?|needed|wanted)_{_THINGS}"
    rf"|usecols|columns|fields|features|allowlist|include|index_cols|metadata_(?:fields|keys|columns)"
)
_PERSONAL: Final = regex(
    r"(?:^|_)(?:e?mails?|e_mail|phones?|mobile|telephone|tel|names?|firstname|lastname|fullname|surname|username"
    r"|login|address(?:es)?|street|zip(?:code)?|postal\w*"
    r"|postcode|birth\w*|dob|age|gender|sex|ssns?|passport|iban|account(?:_?(?:id|number|no))?|card(?:_number)?"
    r"|customers?|patients?|persons?|users?|userid|authors?|senders?"
    r"|ip|ips|ip_?addr\w*|lat|lon|lng|latitude|longitude|location|geo\w*|device_id|imei|mac|session_id|cookies?"
    r"|passwords?|token|diagnos\w+|salary|income"
    r"|nationality|religion|ethnicity|race|health\w*|medical\w*|mrn|contact\w*|employees?|students?|members?"
    r"|handle|photo|signature|license|plate|national_id|nhs\w*|tax_?id"
    r"|insurance\w*|raw(?:_\w+)?|transcripts?|notes?|comments?|free_?text|profile|headers?|body)(?:_|$)"
)
_STEPS: Final = (
    r"(?:\w+_)?(?:pipeline|steps|stages|transforms?|processors|filters|middlewares?|callbacks|hooks|handlers"
    r"|preprocess\w*|postprocess\w*|cleaners|mappers|operators|guards"
    r"|guardrails|validators|before_send\w*|mask|redact\w*|anonymi[sz]er\w*)"
)
_NAMED: Final = mentions(rf"\A(?:{_LESS}|{_MORE}|{_STEPS})\z")
"""Tells whether a list is of any interest by its name: most are not."""
_LOOKS: Final = frozenset(
    ("analyze", "analyze_iterator", "batch_analyze", "add_recognizers", "AnalyzerEngine", "load_predefined_recognizers")
)
_MAX_ITEMS: Final = 400


def is_personal(column: str) -> bool:
    """Tell whether a column holds by its name something about a person."""
    return bool(_PERSONAL.search(words_of(column)))


class Lists(Reader):
    """The lists of a module that say by their name, or by the call that takes them, what they are for."""

    def __init__(self, path: str, code: Parsed, modules: Modules) -> None:
        self.facts: list[Fact] = []
        self.nodes = code.nodes
        self._path = path
        self._names = code.names
        self._places = code.places
        self._modules = modules

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scopes: Scopes, label: str) -> None:  # noqa: ARG002 - a head is the function's own
        """Take the lists that parameters have as defaults, and those in decorators."""
        positional = [*node.args.posonlyargs, *node.args.args]
        for argument, default in zip(reversed(positional), reversed(node.args.defaults), strict=False):
            self.named(argument.arg, default, scopes, node.name)
        for decorator in node.decorator_list:
            self.expressions(decorator, scopes, node.name)

    def picked(self, node: ast.List, scopes: Scopes, label: str) -> None:
        """Take columns that are picked, where they are more than one."""
        if len(node.elts) > 1:
            self._add("more", f"{label}.[]", node, scopes)

    def called(self, node: ast.Call, scopes: Scopes, label: str) -> None:
        """Take the lists that a call is given."""
        last = last_of(node.func)
        protects = last in _LOOKS or is_scrub_name(last)
        if last == "select_columns" and node.args:
            self._add("more", f"{label}.{last}", node.args[0], scopes)
        for keyword in node.keywords:
            if keyword.arg:
                what = _what(last, keyword.arg.lower(), protects=protects)
                self._add(what, f"{label}.{last}({keyword.arg})", keyword.value, scopes)
        if protects:
            for number, argument in enumerate(node.args):
                if isinstance(argument, (ast.List, ast.Tuple, ast.Set, ast.Name, ast.Attribute)):
                    self._add("less", f"{label}.{last}({number})", argument, scopes, only_lists=True)

    def named(self, name: str, value: ast.expr, scopes: Scopes, label: str) -> None:
        """Take a list that says by its name what it is for."""
        words = words_of(name).strip("_")
        if not words or isinstance(value, (ast.Name, ast.Attribute)):
            return
        self._add(_kind_of(words), f"{label}:{name}", value, scopes)

    def _add(self, what: str, place: str, node: ast.expr, scopes: Scopes, *, only_lists: bool = False) -> None:
        if not what:
            return
        if what == "steps":
            items = (
                [ast.unparse(item) for item in node.elts if _is_step(item)]
                if isinstance(node, (ast.List, ast.Tuple))
                else None
            )
        else:
            items = self._modules.items(node, self._names, scopes)
        if items is None or len(items) > _MAX_ITEMS or (only_lists and len(items) < 2):
            return
        if what == "more":
            items = [item for item in items if _PERSONAL.search(words_of(item))]
        start, end = self._places.of(node)
        self.facts.append(Fact(Space.KEY, "list", "\0".join((what, place, "\n".join(items))), self._path, start, end))


def _what(callee: str, keyword: str, *, protects: bool) -> str:
    """Return what a list is that a call is given by a keyword, "" for one of no interest."""
    if keyword in {"remove_columns", "hide"} or (protects and keyword == "columns"):
        return ""  # `drop(columns=…)` and `remove_columns` are steps of their own
    kind = "less" if protects else _kind_of(keyword)
    if kind == "more" and callee in {"drop", "DataFrame", "rename", "get_dummies"}:
        return ""
    return kind


@lru_cache(maxsize=4096)
def _kind_of(words: str) -> str:
    """Return what a list of this name is, "" for one of no interest."""
    if words.isascii() and not _NAMED(words):  # RE2 knows no other letters
        return ""
    if re.fullmatch(_LESS, words):
        return "less"
    if re.fullmatch(_MORE, words):
        return "more"
    return "steps" if re.fullmatch(_STEPS, words) else ""


def _is_step(node: ast.expr) -> bool:
    """Tell whether an item of a list is a step that takes personal data out: a function, an object, a dotted name in quotes."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and is_scrub_name(node.value.rpartition(".")[2])
    if isinstance(node, ast.Tuple):
        return any(map(_is_step, node.elts))
    if isinstance(node, ast.Call):
        return is_scrub_name(last_of(node.func)) or any(map(_is_step, node.args))
    return is_scrub_name(last_of(node))


def taken(statement: ast.stmt, nodes: Nodes) -> Iterator[str]:
    """Yield the personal keys that a statement takes out of a record: `del row["email"]`, `row.pop("email")`, `row["email"] = None`."""
    for node in nodes.below(statement):
        keys: list[ast.expr] = []
        if isinstance(node, ast.Delete):
            keys = [target.slice for target in node.targets if isinstance(target, ast.Subscript)]
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"pop", "discard"}
        ):
            keys = node.args[:1]
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and not isinstance(node.value.value, (int, float))
        ):
            keys = [target.slice for target in node.targets if isinstance(target, ast.Subscript)]
        for key in keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and _PERSONAL.search(words_of(key.value)):
                yield key.value
