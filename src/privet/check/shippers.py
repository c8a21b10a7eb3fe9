"""Files of programs that ship logs (Vector, Promtail, Fluent Bit, Logstash) → how many steps take something out on the way.

Sources: vector.dev/docs/reference/configuration, grafana.com/docs/loki/latest/send-data/promtail/stages, docs.fluentbit.io/manual/pipeline.
Invariants: of several ways to where logs go the one that takes out the least counts; a file that ships nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar

STEPS: Final = "code:log-redaction"
_STATEMENT: Final = regex(
    r"\b(?:redact|del|replace|sha[123]|md5|hmac|encrypt|remove|truncate|only_fields|mask)\s*[!(]|\b(?:except_fields|hash_fields)\b"
)
_STAGES: Final = frozenset(("replace", "drop", "labeldrop", "sampling"))
_REMOVES: Final = regex(
    r"(?:Remove|Remove_key|Remove_wildcard|Remove_regex|Hard_rename|Allowlist_key|Whitelist_key|remove|remove_key|call|script)",
    2,
)
_DEPTH: Final = 12


def units_of(document: Node, path: str) -> Iterator[Unit]:
    """Yield a unit when a document is such a file."""
    if not isinstance(document, Mapping):
        return
    sinks = document.mapping("sinks")
    if sinks.pairs and "sources" in document.pairs:
        yield from _vector(document, path)
    elif "scrape_configs" in document.pairs and "clients" in document.pairs:
        for item in document.items("scrape_configs"):
            stages = item.get("pipeline_stages") if isinstance(item, Mapping) else None
            if isinstance(item, Mapping):
                count = sum(stage in _STAGES for stage in _stages(stages, _DEPTH))
                yield _unit(path, f"job {item.text('job_name')}", count, stages or item)
    elif isinstance(document.get("pipeline"), Mapping) and document.mapping("pipeline").items("outputs"):
        filters = document.get("pipeline", "filters")
        found = [item for item in document.mapping("pipeline").items("filters") if isinstance(item, Mapping)]
        yield _unit(path, "filters", sum(takes_out(item.pairs) for item in found), filters or document)


def takes_out(keys: Iterable[str]) -> bool:
    """Tell whether a filter with these keys takes something out of a record."""
    return any(_REMOVES.fullmatch(key) for key in keys)


def _vector(document: Mapping, path: str) -> Iterator[Unit]:
    transforms = document.mapping("transforms").pairs

    def least(names: list[str], depth: int) -> int:
        counts = []
        for name in names:
            node = transforms[name][1] if name in transforms else None
            if isinstance(node, Mapping) and depth:
                above = least(_inputs(node), depth - 1)
                counts.append(above + bool(_STATEMENT.search(node.text("source")) or node.items("except_fields")))
            else:
                counts.append(0)
        return min(counts, default=0)

    for name, (key, sink) in document.mapping("sinks").pairs.items():
        if isinstance(sink, Mapping):
            yield _unit(path, f"sink {name}", least(_inputs(sink), _DEPTH), sink.get("inputs") or key)


def _inputs(node: Mapping) -> list[str]:
    return [item.text for item in node.items("inputs") if isinstance(item, Scalar)]


def _stages(node: Node | None, depth: int) -> Iterator[str]:
    for item in node.items if isinstance(node, Items) and depth else ():
        for name, (_, inner) in item.pairs.items() if isinstance(item, Mapping) else ():
            yield name
            if isinstance(inner, Mapping):
                yield from _stages(inner.get("stages"), depth - 1)


def _unit(path: str, name: str, count: int, place: Node) -> Unit:
    fact = Fact(Space.KEY, STEPS, str(count), path, place.start, place.end)
    return Unit(UnitKind.CONFIG, f"{path.rsplit('/', 1)[-1]} {name}", path, place.start, place.end, facts=(fact,))


def of_sections(path: str, found: Iterable[tuple[str, str, int, int]]) -> Iterator[Unit]:
    """Yield a unit for a file of Fluent Bit in its own format, from its pairs: `FILTER.Remove`."""
    count, last, place, ships = 0, "", (0, 0), False
    for key, _, start, end in found:
        section, _, name = key.partition(".")
        kind = section.upper()
        ships = ships or kind == "OUTPUT"
        if kind == "FILTER":
            if name.lower() == "name":
                last = ""
            if takes_out((name,)) and last != "counted":
                count, last, place = count + 1, "counted", (start, end)
    if ships:
        fact = Fact(Space.KEY, STEPS, str(count), path, *place)
        yield Unit(UnitKind.CONFIG, f"{path.rsplit('/', 1)[-1]} filters", path, *place, facts=(fact,))
