"""Which rules may speak of a setting: by its exact name, by the end of it, or by what must be there for its absence to mean something.

Invariant: a name is looked up, not compared with that of every rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from privet.check.facts import Fact, Space, Unit
from privet.check.rule import Absence, Rule
from privet.check.rules import RULES

STANDALONE: Final = ("compose.", "k8s.", "docker.", "systemd.", "actions.", "gitlab.", "proxy.", "tf.")
"""Beginnings of keys that say by themselves what they are of."""
CODE: Final = "code:"
"""The beginning of names that readers give to what they found, which is no setting."""
OWN_SCRIPTS: Final = frozenset(("transformers", "trl", "datasets", "peft", "accelerate", "huggingface_hub"))
"""Libraries whose settings people's own scripts take as flags: `python train.py --report_to wandb`."""


class RuleIndex:
    """The rules by what they look for."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.exact: dict[tuple[Space, str], list[Rule]] = defaultdict(list)
        self.loose: dict[tuple[Space, str], list[tuple[str, Rule]]] = defaultdict(list)
        self.absent_calls: dict[str, list[tuple[str, Rule]]] = defaultdict(list)
        self.absent_keys: dict[str, list[Rule]] = defaultdict(list)
        self.absent_standing: dict[str, list[Rule]] = defaultdict(list)
        self.absent_running: dict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            for name in rule.names:
                space, bare = (Space.ENV, name[4:]) if name.startswith("env:") else (rule.space, name)
                if space is Space.ARGUMENT or bare.startswith("*."):
                    self.loose[(space, _tail(space, bare))].append((bare, rule))
                else:
                    self.exact[(space, bare)].append(rule)
                    if rule.component in OWN_SCRIPTS and space is Space.FLAG and "_" in bare:
                        self.exact[(space, bare.replace("_", "-"))].append(rule)
            if rule.absence is not Absence.SAFE:
                self._add_absent(rule)

    def _add_absent(self, rule: Rule) -> None:
        """File a rule under what must be there for its absence to mean something."""
        if rule.space is Space.ARGUMENT:
            for name in rule.names:
                callee = name.partition("(")[0] + "()"
                self.absent_calls[_tail(Space.ARGUMENT, callee)].append((callee, rule))
        elif rule.space is not Space.KEY:
            self.absent_running[rule.component].append(rule)
        elif not rule.names[0].startswith(CODE):
            name = rule.names[0]
            if name.startswith(STANDALONE):
                self.absent_standing[kind_of(name)].append(rule)
            else:
                self.absent_keys[rule.component].append(rule)

    def missing_in_call(self, unit: Unit) -> Iterator[Rule]:
        """Yield the rules about keywords of the calls that a unit makes."""
        if any(fact.name.endswith("(**)") for fact in unit.facts):
            return
        for fact in unit.facts:
            if fact.name.endswith("()"):
                for name, rule in self.absent_calls.get(_tail(Space.ARGUMENT, fact.name), ()):
                    if _same_name(name, fact.name):
                        yield rule

    def rules_of(self, fact: Fact) -> list[Rule]:
        """Return the rules whose setting a fact may be."""
        found = list(self.exact.get((fact.space, fact.name), ()))
        for name, rule in self.loose.get((fact.space, _tail(fact.space, fact.name)), ()):
            if _same_name(name, fact.name):
                found.append(rule)
        return found


def kind_of(name: str) -> str:
    """Return what a key is of: `compose`, `k8s.pod`, `k8s.ingress`."""
    first, _, rest = name.partition(".")
    return f"k8s.{rest.partition('.')[0]}" if first == "k8s" else first


def _tail(space: Space, name: str) -> str:
    """Return the last part of a dotted name, with its keyword for a call."""
    callee, bracket, keyword = name.rpartition("(") if space is Space.ARGUMENT else (name, "", "")
    return callee.rsplit(".", 1)[-1] + bracket + keyword


def _same_name(rule: str, fact: str) -> bool:
    """Tell whether a rule's name is that of a fact: equal, `*.` for any owner, or a callee that ends in the rule's dotted name."""
    if rule.startswith("*."):
        return fact == rule[2:] or fact.endswith(rule[1:])
    if fact == rule or fact.endswith("." + rule):
        return True
    # `transformers.TrainingArguments(…)` may be imported from a module below: transformers.training_args.TrainingArguments.
    package, _, rest = rule.partition(".")
    return "." not in rest.partition("(")[0] and fact.startswith(package + ".") and fact.endswith("." + rest)


INDEX: Final = RuleIndex(RULES)
