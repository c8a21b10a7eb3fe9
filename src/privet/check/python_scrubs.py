"""What takes personal data out of a value, by what the code says: the name of a function, what it puts in place of what it finds, a digest.

Invariants: nothing is run or imported; a function of the same module whose body takes something out does so itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Final

from privet.check.pattern import mentions, regex
from privet.check.python_nodes import KEPT, Parsed
from privet.check.python_syntax import last_of, names_in

_PEOPLE: Final = (
    r"pii|phi|personal|sensitive|secrets?|e?mails?|phones?|ssns?|ips?|ip_address\w*|identifiers?|identit\w+"
    r"|persons?|customers?|patients?|users?(?:_?ids?)?"
    r"|usernames?|names|exif"
)
_NAMES: Final = regex(
    r"(?:^|_)(?:scrub|redact|anonymi[sz]|pseudonymi[sz]|de_?identif|censor|obfuscat)|^sanitize$"
    rf"|(?:^|_)(?:mask|hide|strip|remove|drop|filter|replace|clean|hash|sanitize)_(?:all_)?(?:{_PEOPLE})(?:_|$)"
    r"|(?:^|_)(?:sanitize|hash)_(?:prompts?|messages?|texts?|logs?|records?|rows?|payload|body|inputs?"
    r"|outputs?)$|^strip_metadata$"
    r"|(?:^|_)(?:pii|phi|privacy|sensitive_data|personal_data)_(?:filter|mask|guard|remov|clean|strip|middleware"
    r"|processor|formatter|hider|handler|callback|node|post|pre|step|stage|transform|engine|hook)"
)
INTERESTING: Final = mentions(
    r"scrub|redact|anonymi|pseudonymi|de_?identif|sanitize|censor|obfuscat|pii|phi_|privacy_|digest"
    r"|strip_?metadata|personal_?data|sensitive_?data"
    rf"|(?:mask|hide|strip|remove|drop|filter|replace|clean|hash)_?(?:all_?)?(?:{_PEOPLE}|prompt|message|text"
    rf"|log|record|row|payload|body|input|output)"
    r"|[\"'][\[<{(]+[A-Z_ -]{2,}[\]>})]+[\"']|[\"'][*x#X]{3,}[\"']|encrypt|\bseal",
    ignore_case=True,
)
"""What stands in a module that takes a step."""
MASKING: Final = mentions(r"\bmask(?:ed)?(?:_\w+)?\s*[(,)]")
TENSORS: Final = mentions(r"(?m)^\s*(?:import|from) (?:torch|jax|tensorflow|keras|numpy|mlx|flax)\b")
_CAMEL: Final = regex(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MASK: Final = regex(
    r"mask(?:ed)?(?:_(?:text|value|string|str|fields?|rows?|records?|logs?|body|payload|prompts?|messages?|inputs?))?"
)
_TENSORS: Final = frozenset(("torch", "jax", "tensorflow", "keras", "numpy", "mlx", "flax"))
"""Where one of these is imported, a mask hides positions, and nobody's name."""
_DIGESTS: Final = frozenset(
    ("sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256", "scrypt", "pbkdf2_hmac")
)
_READS_DIGEST: Final = frozenset(("hexdigest", "digest", "hex"))
_PLACEHOLDER: Final = regex(
    r"[\[<{(]+[A-Z_ -]{2,}[\]>})]+|[*xX#]{3,}.*|.*\*{3,}"
    r"|(?i:[\[<{(]+(?:e?mail|phone|name|person|address|ssn|ip|user|pii|number|date|at|dot|id)\w*[\]>})]+"
    r"|.*(?:redact|masked|removed|anonym|hidden|filtered).*)",
    re.DOTALL,
)
_REPLACES: Final = frozenset(("sub", "subn", "replace"))
HANDS_ON: Final = frozenset(
    ("map", "imap", "starmap", "filter", "apply", "applymap", "transform", "with_transform", "set_transform", "map_batches", "pipe",
     "assign", "map_elements", "partial", "compose", "Compose", "addFilter", "add_filter", "add_middleware", "add_processor", "patch",
     "configure", "RunnableLambda", "register", "add_callback", "add_node", "to_thread", "run_in_executor", "run_in_threadpool", "submit",
     "apply_async", "imap_unordered", "delayed")
)  # fmt: skip
"""Calls that are given a function to apply: `dataset.map(scrub)`."""


ENCRYPTED: Final = "encrypted"
"""The name of the step that encrypts, whatever its function is called."""


@lru_cache(maxsize=4096)
def words_of(name: str) -> str:
    """Return a name in lower case with a line between its words: `PiiRedactor` → `pii_redactor`."""
    return _CAMEL.sub("_", name).lower()


@lru_cache(maxsize=4096)
def is_scrub_name(name: str) -> bool:
    """Tell whether a function or class says by its name that it takes personal data out."""
    return bool(_NAMES.search(words_of(name)))


_READS: Final = frozenset(("strip", "lower", "upper", "decode", "get"))
_MAX_BODY: Final = 8
_RUNS: Final = frozenset(("to_thread", "run_in_executor", "run_in_threadpool", "submit", "apply_async"))
"""Calls that are given a function, and then what to call it with."""
_ENCRYPTS: Final = regex(r"(?:^|_)(?:encrypt|seal)(?:_\w+)?$")


class Scrubs:
    """Which calls of a module take personal data out."""

    def __init__(self, code: Parsed) -> None:
        imports = code.names.imports
        self._nodes = code.nodes
        self._has_masks = _TENSORS.isdisjoint(name.partition(".")[0] for name in imports.values())
        self._own: set[str] = set()
        self.aliases = {alias for alias, name in imports.items() if is_scrub_name(name.rpartition(".")[2])}
        """Further names of functions that take something out: imported under another one, or handed to a loop."""
        for _ in range(3):  # a function that calls one that calls one
            found = {
                node.name
                for node in code.nodes.functions
                if node.name not in self._own and not node.name.startswith("__") and self._returns_scrubbed(node)
            }
            if not found:
                break
            self._own |= found
        loops: tuple[ast.For | ast.AsyncFor, ...] = (*code.nodes.of(ast.For), *code.nodes.of(ast.AsyncFor))
        for loop in loops:
            if isinstance(loop.iter, (ast.Tuple, ast.List)) and any(map(self.handed, loop.iter.elts)):
                self.aliases |= names_in(loop.target)

    @cached_property
    def takes_any(self) -> bool:
        """Whether the module takes a step anywhere, or has a function that is there for one."""
        definitions = (*self._nodes.functions, *self._nodes.of(ast.ClassDef))
        return (
            any(self.is_scrub(node.name) for node in definitions)
            or any(
                self.is_scrub(last_of(node.func if isinstance(node, ast.Call) else node))
                for definition in definitions
                for node in definition.decorator_list
            )
            or any(self.operand(call) for call in self._nodes.of(ast.Call))
        )

    def _returns_scrubbed(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Tell whether a short function does little else than take something out of what it is given."""
        given = {argument.arg for argument in function.args.args}
        if len(function.body) > _MAX_BODY or not given:
            return False
        for node in self._nodes.below(function):
            if isinstance(node, ast.Assign) and self._takes_from(node.value, given):
                given |= {name for target in node.targets for name in names_in(target)}
            elif isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
                value = _innermost(node.value)
                own = {argument.arg for argument in function.args.args}
                if self._takes_from(value, given) or (isinstance(value, ast.Name) and value.id in given - own):
                    return True
        return self._is_reassigned(function)

    def _takes_from(self, node: ast.expr, given: set[str]) -> bool:
        operand = self._operand_of(_innermost(node))
        return operand is not None and not given.isdisjoint(names_in(operand))

    def _is_reassigned(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Tell whether a parameter is given another value by a step, and returned: `text = redact(text)`."""
        own = {argument.arg for argument in function.args.args}
        made = {
            target.id
            for node in self._nodes.below(function)
            if isinstance(node, ast.Assign) and self._takes_from(node.value, own)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        returned = (
            _innermost(node.value)
            for node in self._nodes.below(function)
            if isinstance(node, ast.Return) and node.value
        )
        return any(isinstance(value, ast.Name) and value.id in made for value in returned)

    def _operand_of(self, node: ast.AST) -> ast.expr | None:
        step = self.operand(node) if isinstance(node, ast.Call) else None
        return None if step is None or step[0] == ENCRYPTED else step[1]

    def is_scrub(self, name: str) -> bool:
        """Tell whether a function of this name takes personal data out, in this module."""
        return (
            name in self._own
            or name in self.aliases
            or is_scrub_name(name)
            or (self._has_masks and bool(_MASK.fullmatch(name.lower())))
        )

    def replaces(self, call: ast.Call) -> bool:
        """Tell whether a call puts a mark in place of what it finds: `EMAIL.sub("[email]", text)`."""
        if last_of(call.func) not in _REPLACES:
            return False
        return any(
            isinstance(item, ast.Constant) and isinstance(item.value, str) and _PLACEHOLDER.fullmatch(item.value)
            for item in (*call.args, *(keyword.value for keyword in call.keywords))
        )

    def operand(self, call: ast.Call) -> tuple[str, ast.expr | None] | None:
        """Return the step's name and what it is applied to, or None for any other call."""
        name = last_of(call.func)
        if self.replaces(call):
            return self._replaced(name, call)
        if name in HANDS_ON:
            return self._handed(name, call)
        if _ENCRYPTS.search(name) and call.args:
            return ENCRYPTED, call.args[0]
        return self._named(name, call) if self.is_scrub(name) else _digested(name, call)

    def _replaced(self, name: str, call: ast.Call) -> tuple[str, ast.expr | None]:
        if name == "replace" and isinstance(call.func, ast.Attribute):
            return name, call.func.value
        # The module's function has the pattern first, and a pattern's own method has not.
        return name, call.args[2] if len(call.args) > 2 else call.args[1] if len(call.args) > 1 else None

    def _named(self, name: str, call: ast.Call) -> tuple[str, ast.expr | None] | None:
        if name[:1].isupper():
            return None  # an object is made: what counts is what is done with it
        if call.args:
            return name, call.args[0].value if isinstance(call.args[0], ast.Starred) else call.args[0]
        given = [
            item.value
            for item in call.keywords
            if item.arg in {None, "text", "value", "data", "x", "prompt", "content", "message"}
        ]
        if given:
            return name, given[0]
        return (name, call.func.value) if isinstance(call.func, ast.Attribute) else (name, None)

    def _handed(self, name: str, call: ast.Call) -> tuple[str, ast.expr | None] | None:
        for argument in (*call.args, *(item.value for item in call.keywords)):
            step = self.handed(argument)
            if step:
                others = [item for item in call.args if item is not argument]
                if name in _RUNS:
                    following = call.args[call.args.index(argument) + 1 :] if argument in call.args else []
                    return step, following[0] if following else None
                if name in {"map", "filter"} and isinstance(call.func, ast.Name):
                    return f"{name} {step}", others[0] if others else None
                return f"{name} {step}", call.func.value if isinstance(call.func, ast.Attribute) else None
        return None

    def handed(self, node: ast.expr) -> str:
        """Return the step that a function given to another one takes: its name, or the first in a lambda's body."""
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            return name if self.is_scrub(name) else ""
        if isinstance(node, ast.Call):  # PiiFilter(), partial(scrub, lang="en")
            if self.is_scrub(last_of(node.func)):
                return last_of(node.func)
            return (
                next((step for step in map(self.handed, node.args) if step), "")
                if last_of(node.func) == "partial"
                else ""
            )
        if isinstance(node, ast.Lambda):
            for inner in ast.walk(node.body):
                if isinstance(inner, ast.Call):
                    found = self.operand(inner)
                    if found:
                        return found[0]
        return ""


scrubs_of: Callable[[Parsed], Scrubs] = lru_cache(maxsize=KEPT)(Scrubs)
"""Returns those of a module, made once."""


def _digested(name: str, call: ast.Call) -> tuple[str, ast.expr | None] | None:
    """Read `sha256(text.encode()).hexdigest()` and `hmac.new(key, text, "sha256").hexdigest()`."""
    inner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name not in _READS_DIGEST or not isinstance(inner, ast.Call):
        return None
    number = 0 if last_of(inner.func) in _DIGESTS else 1 if last_of(inner.func) == "new" else None
    return ("digest", _bare_text(inner.args[number])) if number is not None and len(inner.args) > number else None


def _innermost(node: ast.expr) -> ast.expr:
    """Return what a value is read from: `result` of `result.text.strip()`, and the call itself of a step's."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Await)) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READS
    ):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def _bare_text(node: ast.expr) -> ast.expr:
    """Return what is encoded: `text` of `text.encode()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "encode":
        return node.func.value
    return node
