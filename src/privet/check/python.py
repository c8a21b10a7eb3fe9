"""Python files → calls with the keywords that rules know, variables set for the process, programs started, and content that is logged.

Invariants: from the syntax tree alone; nothing is imported or run. A file that does not parse is a note with its line.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeGuard

from privet.check.components import of_module
from privet.check.facts import PRESENT, Fact, Note, Reading, Space, Unit, UnitKind
from privet.check.interest import lines_of_interest
from privet.check.known import CALLEES, VARIABLES
from privet.check.programs import process_units
from privet.check.python_configs import Configs
from privet.check.python_logs import LOGS, logged
from privet.check.python_names import Names, Scopes
from privet.check.python_nodes import Parsed, parsed
from privet.check.python_places import Places
from privet.check.readers import Sibling
from privet.check.words import Command, Word, split

_RUNS: Final = frozenset(
    (
        "subprocess.run",
        "subprocess.Popen",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "os.system",
        "os.popen",
        "os.execvp",
    )
)
_SETTINGS: Final = frozenset(("BaseSettings", "Settings", "BaseConfig"))


def read(path: str, text: str, sibling: Sibling, *, compared: bool = False) -> Reading:
    """Return the units of a module; with `compared`, also what only a change can be judged by."""
    try:
        code = parsed(text) if compared else Parsed(text)
    except (SyntaxError, ValueError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else 1
        return Reading(notes=(Note(path, line or 1, "is not valid Python, so it was not read"),))
    names = code.names
    if compared:
        names.give(call for call, _ in code.nodes.calls)
    aliases = [
        alias for alias, name in names.imports.items() if alias not in CALLEES and name.rsplit(".", 1)[-1] in CALLEES
    ]
    configs = Configs(path, code, sibling) if compared else None
    visitor = _Visitor(path, code.places, names, lines_of_interest(text, aliases), configs)
    visitor.visit(code.tree)
    if not compared:
        return Reading(visitor.units())
    from privet.check.python_changes import units_of

    return Reading((*visitor.units(), *units_of(path, text, code, sibling, configs)))


class _Visitor(ast.NodeVisitor):
    """Collects units in one walk."""

    def __init__(
        self, path: str, places: Places, names: Names, lines: Sequence[int], configs: Configs | None = None
    ) -> None:
        self._configs = configs
        self._path = path
        self._lines = lines
        self._names = names
        self._places = places
        self._scopes: Scopes = ()
        self._label: list[str] = []
        self._counts: Counter[str] = Counter()
        self._facts: list[Fact] = []
        self._units: list[Unit] = []
        self._imports = frozenset(name.partition(".")[0] for name in names.imports.values())

    def units(self) -> tuple[Unit, ...]:
        own = Unit(UnitKind.ENVIRONMENT, "module", self._path, 0, 0, frozenset(), tuple(self._facts))
        return (*((own,) if self._facts else ()), *self._units)

    def generic_visit(self, node: ast.AST) -> None:
        """Go into what has a line of interest; the rest, which is nearly everything, is passed by whole."""
        for child in ast.iter_child_nodes(node):
            self._enter(child)

    def _enter(self, node: ast.AST) -> None:
        # A decorator stands above the line at which its function begins.
        first = min([getattr(node, "lineno", 0), *(item.lineno for item in getattr(node, "decorator_list", ()))])
        if not first:
            if not isinstance(node, (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)):
                self.generic_visit(node)
        elif self._has_interest(first, getattr(node, "end_lineno", first)):
            self.visit(node)

    def _has_interest(self, first: int, last: int) -> bool:
        at = bisect_left(self._lines, first)
        return at < len(self._lines) and self._lines[at] <= last

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        before = self._scopes
        self._scopes = (*before, node)
        self._label.append(node.name)
        defaults = (item for item in (*node.args.defaults, *node.args.kw_defaults) if item is not None)
        for child in (*defaults, *node.body):
            self._enter(child)
        self._label.pop()
        self._scopes = before

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._label.append(node.name)
        if any(self._names.dotted(base).rsplit(".", 1)[-1] in _SETTINGS for base in node.bases):
            self._settings(node)
        self.generic_visit(node)
        self._label.pop()

    def _settings(self, node: ast.ClassDef) -> None:
        """Read the defaults of a settings class as keywords of one call, `settings(allowed_origins)`."""
        facts = []
        for item in node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value is not None:
                known = self._names.value(item.value, self._scopes)
                place = self._places.of(known.node if known else item.value)
                name = f"settings({item.target.id.lower()})"
                facts.append(Fact(Space.ARGUMENT, name, known.value if known else None, self._path, *place))
        if facts:
            start, end = facts[0].start, facts[0].end
            self._units.append(
                Unit(UnitKind.CALL, f"{node.name}:settings", self._path, start, end, frozenset(), tuple(facts))
            )

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if self._is_environment(target):
                self._set(target.slice, node.value)
            elif isinstance(target, ast.Attribute):
                self._attribute(target, node.value)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if self._is_environment(target):
                self._unset(target.slice, target)

    def _is_environment(self, target: ast.expr) -> TypeGuard[ast.Subscript]:
        return isinstance(target, ast.Subscript) and self._names.dotted(target.value) in {"os.environ", "environ"}

    def _set(self, key: ast.expr, value: ast.expr) -> None:
        name = self._names.value(key, self._scopes)
        if name is not None:
            self._variable(name.value, value)

    def _unset(self, key: ast.expr, node: ast.expr) -> None:
        name = self._names.value(key, self._scopes)
        if name is not None:
            self._facts.append(Fact(Space.ENV, name.value, "", self._path, *self._places.of(node)))

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value in VARIABLES:
                self._variable(key.value, value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        dotted = self._names.dotted(node.func)
        last = dotted.rsplit(".", 1)[-1]
        if dotted.startswith(("os.environ.", "environ.")) or dotted == "os.putenv":
            self._environ(dotted, node)
        elif dotted in _RUNS and node.args:
            self._started(node)
        if last in CALLEES:
            self._call(dotted, node)
        if last in LOGS or dotted == "print":
            self._logged(dotted, last, node)
        self.generic_visit(node)

    def _variable(self, name: str, value: ast.expr) -> None:
        known = self._names.value(value, self._scopes)
        start, end = self._places.of(known.node if known else value)
        self._facts.append(Fact(Space.ENV, name, known.value if known else None, self._path, start, end))

    def _attribute(self, target: ast.Attribute, value: ast.expr) -> None:
        """Read `litellm.set_verbose = True` as the call of a setter."""
        dotted = self._names.dotted(target)
        if target.attr in CALLEES and dotted:
            known = self._names.value(value, self._scopes)
            start, end = self._places.of(known.node if known else value)
            fact = Fact(Space.ARGUMENT, f"{dotted}(=)", known.value if known else None, self._path, start, end)
            self._units.append(self._unit(UnitKind.CALL, dotted, target, (fact,), dotted))

    def _environ(self, dotted: str, node: ast.Call) -> None:
        last = dotted.rsplit(".", 1)[-1]
        if last in {"setdefault", "putenv"} and len(node.args) == 2:
            self._set(node.args[0], node.args[1])
        elif last == "update":
            pairs = [pair for argument in node.args for pair in self._names.mapping(argument, self._scopes)]
            pairs += [(item.arg, item.value) for item in node.keywords if item.arg]
            for key, value in pairs:
                self._variable(key, value)
        elif last == "pop" and node.args:
            self._unset(node.args[0], node)

    def _started(self, node: ast.Call) -> None:
        first = node.args[0]
        if isinstance(first, ast.Name):
            first = self._names.lookup(first.id, self._scopes) or first
        if isinstance(first, (ast.List, ast.Tuple)):
            words = []
            for item in first.elts:
                known = self._names.value(item, self._scopes)
                partly = "" if known else _beginning(item)
                words.append(Word(known.value if known else None, *self._places.of(item), partly))
            commands = [Command(tuple(words), ())]
        else:
            known = self._names.value(first, self._scopes)
            if known is None or not isinstance(known.node, ast.Constant):
                return
            start, end = self._places.of(known.node)
            commands = [
                Command(tuple(word._replace(start=start, end=end) for word in command.words), command.assignments)
                for command in split(known.value)
            ]
        owner = ".".join(self._label) or "module"
        self._units.extend(process_units(commands, self._path, owner=owner))

    def _call(self, dotted: str, node: ast.Call) -> None:
        pairs = [(item.arg, item.value) for item in node.keywords if item.arg]
        is_open = False
        given: list[tuple[str, str | None, ast.expr]] = []
        for item in node.keywords:
            if item.arg is None:
                spread = self._names.mapping(item.value, self._scopes)
                pairs.extend(spread)
                told = None if spread or self._configs is None else self._configs.spread(item.value, self._scopes)
                given.extend((name, value, item.value) for name, value in told or ())
                is_open = is_open or not (spread or told is not None)
        start, end = self._places.of(node.func)
        facts = [Fact(Space.ARGUMENT, f"{dotted}()", PRESENT, self._path, start, end)]
        if is_open:  # what is spread into the call is known at run time only, so nothing is known to be missing
            facts.append(Fact(Space.ARGUMENT, f"{dotted}(**)", None, self._path, start, end))
        for number, argument in enumerate(node.args):
            pairs.append((str(number), argument))
        for name, said, where in given:
            facts.append(Fact(Space.ARGUMENT, f"{dotted}({name})", said, self._path, *self._places.of(where)))
        for keyword, value in pairs:
            known = self._names.value(value, self._scopes)
            if self._configs is not None and (known is None or known.value.endswith("()")):
                known = self._configs.known(value, self._scopes) or known
            place = self._places.of(known.node if known else value)
            facts.append(
                Fact(Space.ARGUMENT, f"{dotted}({keyword})", known.value if known else None, self._path, *place)
            )
        self._units.append(self._unit(UnitKind.CALL, dotted, node.func, tuple(facts), dotted))

    def _unit(self, kind: UnitKind, what: str, node: ast.expr, facts: tuple[Fact, ...], dotted: str) -> Unit:
        name = f"{'.'.join(self._label) or 'module'}:{what.rsplit('.', 1)[-1]}"
        self._counts[name] += 1
        start, end = self._places.of(node)
        return Unit(kind, f"{name}#{self._counts[name]}", self._path, start, end, of_module(dotted), facts)

    def _logged(self, dotted: str, last: str, node: ast.Call) -> None:
        found = logged(self._path, dotted, node, self._imports)
        if found:
            self._shows(found.code, f"{last} of {found.name}", node, found.place)

    def _shows(self, code: str, what: str, node: ast.Call, place: ast.expr) -> None:
        fact = Fact(Space.KEY, code, "1", self._path, *self._places.of(place))
        self._units.append(self._unit(UnitKind.CALL, what, node.func, (fact,), ""))


def _beginning(node: ast.expr) -> str:
    """Return what is known of a text whose end is known only at run time: `f"--api-key={key}"`, `"--api-key=" + key`."""
    first: ast.expr | None = None
    if isinstance(node, ast.JoinedStr):
        first = node.values[0] if node.values else None
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        first = node.left
    return f"{first.value}\0" if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
