"""Python modules → what only a comparison of two sides asks for: where values go, lists, defaults, addresses, models.

Invariants: read only where sides are compared; one CODE unit a file, whose facts no rule judges, a DEFAULT unit a setting, and a GUARD a
step.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Final

from privet.check import python_addresses, python_flow, python_lists, python_protections, python_raw, python_settings
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.python_conditions import Conditions, conditions_of
from privet.check.python_configs import Configs
from privet.check.python_modules import Modules
from privet.check.python_names import Names
from privet.check.python_places import Places
from privet.check.python_scrubs import INTERESTING, MASKING, TENSORS
from privet.check.python_steps import guards
from privet.check.readers import Sibling

SETTLED: Final = "settled"
"""The lines of `if` whose test is known by options, defaults or config files, and what each is."""
_GUARDS: Final = regex(
    r"Fernet|AESGCM|ChaCha20|SecretBox|SealedBox|Depends|Security|add_middleware|_columns|\.drop\("
    r"|AnalyzerEngine|AnonymizerEngine|DPOptimizer|BatchMemoryManager|make_private"
    r"|PrivacyEngine|starttls|secure_channel|_SSL|FTP_TLS|prot_p|laplace|[Mm]echanism|privet|mask"
)
_TAKEN: Final = regex(r"\.(?:pop|discard)\([\"']|\bdel \w+\[[\"']|[\"']\]\s*=\s*(?:None|[\"'])")
_LISTS: Final = regex(
    r"columns|cols\b|fields|keys|entities|features|names|attributes|exclude|include|denylist|blocklist|allowlist"
    r"|identifiers|pipeline|steps|stages|transform|processors|filters"
    r"|middleware|callbacks|hooks|handlers|patterns|recognizers|paths|headers|rules|kinds|redact|scrub|mask"
    r"|anonymi|pii|\]\]",
    re.IGNORECASE,
)


def units_of(
    path: str,
    text: str,
    tree: ast.Module,
    names: Names,
    places: Places,
    sibling: Sibling,
    configs: Configs | None = None,
) -> Iterator[Unit]:
    """Yield the units of a module that has been parsed.

    Where values go is only asked of modules that take a step on one of the sides: the unit has the text, and who compares reads it.
    """
    facts: list[Fact] = []
    modules = Modules(path, sibling)
    has_steps = bool(_GUARDS.search(text)) or takes_steps(text)
    said = (
        conditions_of(tree, names, configs or Configs(path, tree, names, sibling)) if has_steps else Conditions({}, {})
    )
    if path.endswith(".ipynb"):  # its text here is that of its cells, and has other places
        facts.extend(python_flow.facts_of(path, tree, names, places, said.settled))
    else:
        facts.append(Fact(Space.KEY, "text", text, path, 0, 0))
        if said.settled:
            lines = " ".join(f"{line}:{int(holds)}" for line, holds in said.settled.items())
            facts.append(Fact(Space.KEY, SETTLED, lines, path, 0, 0))
    if _LISTS.search(text):
        facts.extend(python_lists.facts_of(path, tree, names, places, modules))
    if python_addresses.INTERESTING.search(text):
        facts.extend(python_addresses.facts_of(path, tree, names, places))
    yield Unit(UnitKind.CODE, "code", path, 0, 0, facts=tuple(facts))
    if has_steps:
        yield from guards(path, tree, names, places, said.asleep)
        yield from python_raw.units_of(path, tree, names, places)
    yield from python_protections.units_of(path, text, tree, names, places, modules)
    yield from python_settings.units_of(path, tree, text, names, places)


def takes_steps(text: str) -> bool:
    """Tell whether a step may be taken in a module."""
    return bool(INTERESTING(text) or _TAKEN.search(text) or (MASKING.search(text) and not TENSORS.search(text)))


def flows_of(path: str, text: str, settled: str = "") -> tuple[Fact, ...]:
    """Return where values go in a module that is known to parse; `settled` is the value of its fact SETTLED."""
    said = {int(line): holds == "1" for line, _, holds in (one.partition(":") for one in settled.split())}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    try:
        return python_flow.facts_of(path, tree, Names(tree), Places(text), said)
    except RecursionError:
        return ()
