"""Python modules → what only a comparison of two sides asks for: where values go, lists, defaults, addresses, models.

Invariants: read only where sides are compared; one CODE unit a file, whose facts no rule judges, a DEFAULT unit a setting, and a GUARD a
step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from privet.check import python_addresses, python_flow, python_lists, python_protections, python_raw, python_settings
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.pattern import mentions
from privet.check.python_conditions import Conditions, conditions_of
from privet.check.python_configs import Configs
from privet.check.python_modules import Modules
from privet.check.python_nodes import Parsed, parsed
from privet.check.python_scrubs import INTERESTING, MASKING, TENSORS, scrubs_of
from privet.check.python_steps import guards
from privet.check.python_walk import Walk
from privet.check.readers import Sibling

SETTLED: Final = "settled"
"""The lines of `if` whose test is known by options, defaults or config files, and what each is."""
_GUARDS: Final = mentions(
    r"Fernet|AESGCM|ChaCha20|SecretBox|SealedBox|Depends|Security|add_middleware|_columns|\.drop\("
    r"|AnalyzerEngine|AnonymizerEngine|DPOptimizer|BatchMemoryManager|make_private"
    r"|PrivacyEngine|hide_(?:in|out)puts|starttls|secure_channel|_SSL|FTP_TLS|prot_p|laplace|[Mm]echanism|privet|mask"
)
_TAKEN: Final = mentions(r"\.(?:pop|discard)\([\"']|\bdel \w+\[[\"']|[\"']\]\s*=\s*(?:None|[\"'])")
_LISTS: Final = mentions(
    r"columns|cols\b|fields|keys|entities|features|names|attributes|exclude|include|denylist|blocklist|allowlist"
    r"|identifiers|pipeline|steps|stages|transform|processors|filters"
    r"|middleware|callbacks|hooks|handlers|patterns|recognizers|paths|headers|rules|kinds|redact|scrub|mask"
    r"|anonymi|pii|\]\]",
    ignore_case=True,
)


def units_of(
    path: str,
    text: str,
    code: Parsed,
    sibling: Sibling,
    configs: Configs | None = None,
) -> Iterator[Unit]:
    """Yield the units of a module that has been parsed.

    Where values go is only asked of modules that take a step on one of the sides: the unit has the text, and who compares reads it.
    """
    facts: list[Fact] = []
    modules = Modules(path, sibling)
    has_steps = _GUARDS(text) or takes_steps(text)
    said = conditions_of(code, configs or Configs(path, code, sibling)) if has_steps else Conditions({}, {})
    if path.endswith(".ipynb"):  # its text here is that of its cells, and has other places
        facts.extend(python_flow.facts_of(path, code, said.settled))
    else:
        facts.append(Fact(Space.KEY, "text", text, path, 0, 0))
        if said.settled:
            lines = " ".join(f"{line}:{int(holds)}" for line, holds in said.settled.items())
            facts.append(Fact(Space.KEY, SETTLED, lines, path, 0, 0))
    lists = [python_lists.Lists(path, code, modules)] if _LISTS(text) else []
    settings = [python_settings.Settings(path, text, code)] if python_settings.INTERESTING(text) else []
    Walk(code.nodes, (*lists, *settings)).block(code.tree.body, (), "")
    facts.extend(fact for reader in lists for fact in reader.facts)
    if python_addresses.INTERESTING(text):
        facts.extend(python_addresses.facts_of(path, code))
    yield Unit(UnitKind.CODE, "code", path, 0, 0, facts=tuple(facts))
    if has_steps:
        yield from guards(path, code, said.asleep)
        yield from python_raw.units_of(path, code)
    yield from python_protections.units_of(path, text, code, modules)
    yield from (unit for reader in settings for unit in reader.units)


def takes_steps(text: str) -> bool:
    """Tell whether a step may be taken in a module."""
    return INTERESTING(text) or _TAKEN(text) or (MASKING(text) and not TENSORS(text))


def may_lose(text: str) -> bool:
    """Tell whether a module that is known to parse does anything to a value that it could stop doing."""
    code = parsed(text)
    return scrubs_of(code).takes_any or any(
        key for statement in code.tree.body for key in python_lists.taken(statement, code.nodes)
    )


def flows_of(path: str, text: str, settled: str = "") -> tuple[Fact, ...]:
    """Return where values go in a module that is known to parse; `settled` is the value of its fact SETTLED."""
    said = {int(line): holds == "1" for line, _, holds in (one.partition(":") for one in settled.split())}
    try:
        return python_flow.facts_of(path, parsed(text), said)
    except RecursionError:
        return ()
