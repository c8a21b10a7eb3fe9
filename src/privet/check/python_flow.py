"""Python modules → where values go, and whether personal data was taken out of them before: for comparing two sides of a change.

The value of each fact is a function, a place and what is there, with a zero between. A `flow` says that a value goes to a place (a call's
argument, a key, what is returned): its words without the steps around it, after `+` where a step was taken, `e` where it was encrypted, `?`
where a step was taken in some cases only, else `-`. A `step` is such a step's name; a `def` gives a function's or class's body as a
digest, so that a renamed one is known.

Invariants: nothing is run; a name assigned once stands for what it was assigned, so that a value in between changes nothing; time is
bounded by the size of the file.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Final

from privet.check import python_lists
from privet.check.facts import Fact, Space
from privet.check.python_branches import doubted, reached, together
from privet.check.python_cores import SAME, Core, Cores
from privet.check.python_nodes import Parsed
from privet.check.python_scrubs import ENCRYPTED, scrubs_of
from privet.check.python_syntax import (
    assigned_in,
    digest_of,
    last_of,
    lasting,
    leaves,
    names_in,
    parts_of,
    root_of,
    text_of,
)

_LOGS: Final = frozenset(("debug", "info", "warning", "warn", "error", "exception", "critical", "print", "log"))
_DOES: Final = frozenset(
    ("sub", "subn", "replace", "translate", "analyze", "anonymize", "findall", "finditer", "split", "get", "pop", "discard", "mask")
)  # fmt: skip
"""Calls of which each takes something out, in a function whose name says that it does."""
_MAX_BODY: Final = 80
"""Lines of the longest function that is known by its body."""
_MAX_FACTS: Final = 20_000
Label = tuple[str, ...]


def facts_of(path: str, code: Parsed, settled: Mapping[int, bool]) -> tuple[Fact, ...]:
    """Return what goes where in a module; `settled` has the lines of `if` whose test is known."""
    walk = _Walk(path, code, settled)
    walk.block(code.tree.body, {})
    used = map(last_of, (*code.nodes.of(ast.Name), *code.nodes.of(ast.Attribute)))
    return (*walk.facts, Fact(Space.KEY, "uses", " ".join(sorted(used)), path, 0, 0))


class _Walk:
    """One pass in the order of the lines; what a name holds is known as far as it was assigned before."""

    def __init__(self, path: str, code: Parsed, settled: Mapping[int, bool]) -> None:
        self._settled = settled
        self.facts: list[Fact] = []
        self._path = path
        self._nodes = code.nodes
        self._places = code.places
        self._scrubs = scrubs_of(code)
        self._cores = Cores(self._scrubs)
        self._label: Label = ()
        self._inside = 0

    def block(self, body: Sequence[ast.stmt], known: dict[str, Core]) -> None:
        for statement in lasting(list(body)):
            self._statement(statement, known)

    def _statement(self, node: ast.stmt, known: dict[str, Core]) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._definition(node, known)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            if node.value is not None:
                self._assign(node.targets if isinstance(node, ast.Assign) else [node.target], node.value, known)
        elif isinstance(node, (ast.AugAssign, ast.Return, ast.Expr)):
            place = (
                f"{text_of(node.target)}="
                if isinstance(node, ast.AugAssign)
                else "return" * isinstance(node, ast.Return)
            )
            if node.value is not None:
                self._value(node.value, place, known)
        elif isinstance(node, ast.If):
            self._branches(node, known)
        elif isinstance(node, ast.Try):
            self._try(node, known)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._loop(node, known)
        else:
            self._blocks(node, known)

    def _loop(self, node: ast.For | ast.AsyncFor, known: dict[str, Core]) -> None:
        self._value(node.iter, "", known)
        over = self._cores.of(node.iter, known)
        for name in names_in(node.target):
            known[name] = Core(name, over.step)
        self.block(node.body, known)
        self.block(node.orelse, known)

    def _blocks(self, node: ast.stmt, known: dict[str, Core]) -> None:
        for _, value in ast.iter_fields(node):
            items = value if isinstance(value, list) else [value]
            for item in items:
                if isinstance(item, ast.withitem):
                    self._value(item.context_expr, "", known)
                elif isinstance(item, ast.expr):
                    self._value(item, "", known)
                elif isinstance(item, (ast.ExceptHandler, ast.match_case)):
                    self.block(item.body, known)
            if items and isinstance(items[0], ast.stmt):
                self.block(items, known)

    def _branches(self, node: ast.If, known: dict[str, Core]) -> None:
        """Go through both branches; what each makes of the names is put together."""
        self._value(node.test, "", known)
        after = []
        for block, inside in reached(node, known, self._settled.get(node.lineno)):
            self.block(block, inside)
            if not leaves(block):
                after.append(inside)
        joined = together(names_in(node.test), after)
        known.clear()
        known.update(joined)

    def _try(self, node: ast.Try, known: dict[str, Core]) -> None:
        """Go through all parts; a step that may fail, and whose failure is passed over, is taken in some cases only."""
        before = dict(known)
        self.block([*node.body, *node.orelse], known)
        for handler in node.handlers:
            inside = dict(before)
            self.block(handler.body, inside)
            if not leaves(handler.body):
                known.update(doubted(known, inside, assigned_in(handler.body)))
        self.block(node.finalbody, known)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, known: dict[str, Core]) -> None:
        for decorator in node.decorator_list:
            name = last_of(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if self._scrubs.is_scrub(name):
                self._add("step", (*self._label, node.name), f"@{name}", decorator)
            elif isinstance(decorator, ast.Call):
                self._value(decorator, "", known)
        self._label = (*self._label, node.name)
        self._add("def", self._label, digest_of(node) if (node.end_lineno or 0) - node.lineno < _MAX_BODY else "", node)
        if not isinstance(node, ast.ClassDef):
            self._takes(node)
        inside = dict(known)
        if not isinstance(node, ast.ClassDef):
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                inside.pop(argument.arg, None)
        self.block(node.body, inside)
        self._label = self._label[:-1]

    def _takes(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Note what a function takes out of records, and all that one does which is there for that."""
        body = list(lasting(node.body))
        taken = [key for statement in body for key in python_lists.taken(statement, self._nodes)]
        if taken:
            self._add("list", self._label, "\n".join(taken), node, "taken")
        if any(map(self._scrubs.is_scrub, self._label)):
            done = [text for statement in body for text in map(self._doing, self._nodes.below(statement)) if text]
            self._add("list", self._label, "\n".join([*done, *taken]), node, "does")

    def _doing(self, node: ast.AST) -> str:
        if not isinstance(node, ast.Call):
            return ""
        name = last_of(node.func)
        return text_of(node) if name in _DOES or self._scrubs.operand(node) else ""

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr, known: dict[str, Core]) -> None:
        for target in targets:
            if (
                isinstance(target, (ast.Tuple, ast.List))
                and isinstance(value, (ast.Tuple, ast.List))
                and len(target.elts) == len(value.elts)
            ):
                for one, part in zip(target.elts, value.elts, strict=True):
                    self._assign([one], part, known)
                continue
            core = self._cores.of(value, known)
            # What a name of a function holds is known where it goes; what others read is not.
            is_inner = bool(self._label) and isinstance(target, ast.Name) and _is_read(value, core)
            self._value(value, "" if is_inner else f"{text_of(target)}=", known)
            if isinstance(target, ast.Name):
                if _is_read(value, core):
                    known[target.id] = core
                else:
                    known.pop(target.id, None)
            elif isinstance(target, (ast.Subscript, ast.Attribute)):
                owner = root_of(target)
                if core.step and owner:  # row["text"] = scrub(row["text"]): the row is another one from here on
                    known[owner] = Core(known.get(owner, Core(owner)).text, core.step)
            else:
                for name in names_in(target):
                    known[name] = Core(name, core.step)

    def _value(self, node: ast.expr, place: str, known: dict[str, Core]) -> None:
        """Note what a value is where it goes, and go into its parts."""
        if len(self.facts) > _MAX_FACTS:
            return
        if isinstance(node, ast.Call):
            self._call(node, place, known)
        elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            self._flow(node, place, known)
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            self._comprehension(node, place, known)
        elif isinstance(node, ast.NamedExpr):
            self._assign([node.target], node.value, known)
        else:
            if isinstance(node, ast.Lambda):
                known = {
                    name: core for name, core in known.items() if name not in {item.arg for item in node.args.args}
                }
            for part, its_place in parts_of(node, place):
                self._value(part, its_place, known)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, place: str, known: dict[str, Core]
    ) -> None:
        inside = dict(known)
        for part in node.generators:
            over = self._cores.of(part.iter, inside)
            self._value(part.iter, "", inside)
            for name in names_in(part.target):
                inside[name] = Core(name, over.step)
            if any(isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.NotIn, ast.In)) for test in part.ifs):
                self._add("step", self._label, "without", node)
        only = node.generators[0]
        if not isinstance(node, ast.DictComp):
            core = self._cores.of(node.elt, inside)
            if isinstance(only.target, ast.Name) and core.text == only.target.id:
                # [scrub(row) for row in rows] is rows, with something taken out
                self._note(Core(self._cores.of(only.iter, known).text, core.step), place, node)
            self._value(node.elt, place, inside)
        else:
            self._value(node.value, place, inside)

    def _call(self, node: ast.Call, place: str, known: dict[str, Core]) -> None:
        step = self._scrubs.operand(node)
        name = last_of(node.func)
        if step is not None:
            self._add("step", self._label, step[0], node)
            self._step(node, step[1], place, known)
            return
        if name in SAME:
            self._note(self._cores.of(node, known), place, node)
            for child in (*node.args, *(item.value for item in node.keywords)):
                self._value(child, place, known)
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
                self._value(node.func.value, "", known)
            return
        if name[:1].isupper() and self._scrubs.is_scrub(name):
            self._add("step", self._label, f"new {name}", node)
        self._flow(node, place, known)
        target = "log" if name in _LOGS else name
        if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
            self._value(node.func.value, place if name == "format" else "", known)
        for argument in node.args:
            self._value(
                argument.value if isinstance(argument, ast.Starred) else argument,
                place if name == "format" else target,
                known,
            )
        for keyword in node.keywords:
            self._value(keyword.value, target, known)

    def _step(self, node: ast.Call, operand: ast.expr | None, place: str, known: dict[str, Core]) -> None:
        """Note what a step is taken on, and that what is done to it before comes through the step, too."""
        self._note(self._cores.of(node, known), place, node)
        self._inside += 1
        if isinstance(operand, ast.Call):
            self._value(operand, "", known)
        for argument in node.args:
            if isinstance(argument, ast.Lambda):
                self._inside -= 1
                self._value(argument, last_of(node.func), known)
                self._inside += 1
        self._inside -= 1
        if (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Call)
            and node.func.value is not operand
        ):
            self._value(node.func.value, "", known)

    def _flow(self, node: ast.expr, place: str, known: dict[str, Core]) -> None:
        self._note(self._cores.of(node, known), place, node)

    def _note(self, core: Core, place: str, node: ast.expr) -> None:
        if place and core.text:
            sign = "-" if not core.step else "?" if not core.is_sure else "e" if core.step == ENCRYPTED else "+"
            if self._inside and sign == "-":
                sign = "+"
            self._add("flow", self._label, f"{sign}{core.text}", node, place)

    def _add(self, kind: str, label: Label, value: str, node: ast.expr | ast.stmt, place: str = "") -> None:
        start, end = self._places.of(node) if isinstance(node, ast.expr) else self._places.of_first_line(node)
        where = (".".join(label), place) if kind != "list" else (place, ".".join(label))
        self.facts.append(Fact(Space.KEY, kind, "\0".join((*where, value)), self._path, start, end))


def _is_read(value: ast.expr, core: Core) -> bool:
    """Tell whether what is assigned is what was read elsewhere, with or without a step, so that its name stands for that."""
    is_same = isinstance(value, ast.Call) and (last_of(value.func) in SAME or bool(core.step))
    return is_same or isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Await))
