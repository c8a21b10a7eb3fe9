"""Figures to Markdown tables; pure functions, but for `into`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

Whole = dict[str, Any]

NOTHING: Final = "–"
MEGABYTE: Final = 1e6


def cell(figure: dict[str, float] | None) -> str:
    """Return a figure with its interval."""
    if figure is None:
        return NOTHING
    return f"{short(figure['value'])} ({short(figure['low'])}–{short(figure['high'])})"


def short(value: float) -> str:
    """Return a number with one decimal where that says something."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, the first column to the left."""
    line = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join([f"| {' | '.join(head)} |", line, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def ran(whole: Whole) -> dict[str, Any]:
    """Return the systems that were measured."""
    return {name: figures for name, figures in whole["systems"].items() if "sets" in figures}


def quality(figures: Any, place: str) -> dict[str, Any]:
    """Return the measures of a set or a group."""
    if place in figures["groups"]:
        return dict(figures["groups"][place])
    return dict(figures["sets"].get(place, {}).get("quality", {}))


def overview(whole: Whole) -> str:
    """Return one line a system: quality, speed, cost."""
    systems = ran(whole)
    slow = systems.get("presidio", {}).get("tokens_per_s")
    head = [
        "system",
        "PERSON recall",
        "as any kind",
        "PERSON precision",
        "recall",
        "precision",
        "false spans / 100 kB",
        "tokens/s",
        "× Presidio",
        "MB/s short texts",
        "memory MB",
        "start s",
        "model MB",
    ]
    rows = []
    for name, f in systems.items():
        people, everything, nobody = (quality(f, place) for place in ("people", "everything", "nobody"))
        rows.append(
            [
                f"**{name}**" if name.startswith("privet") else name,
                cell(people.get("person_recall")),
                cell(people.get("person_recall_any_kind")),
                cell(people.get("person_precision")),
                cell(everything.get("recall")),
                cell(everything.get("precision")),
                cell(nobody.get("spans_per_100kb")),
                f"{f['tokens_per_s']:,.0f}",
                f"{f['tokens_per_s'] / slow:.1f}" if slow else NOTHING,
                f"{f['short_mb_per_s']:.2f}",
                f"{f['rss'] / MEGABYTE:.0f}",
                f"{f['start_wall_s']:.2f}",
                f"{f['model_bytes'] / MEGABYTE:.1f}" if f["model_bytes"] else NOTHING,
            ]
        )
    return table(head, rows)


def short_overview(whole: Whole) -> str:
    """Return the few columns that the README shows."""
    slow = ran(whole).get("presidio", {}).get("tokens_per_s")
    rows = []
    for name, f in ran(whole).items():
        people, everything, nobody = (quality(f, place) for place in ("people", "everything", "nobody"))
        rows.append(
            [
                f"**{name}**" if name.startswith("privet") else name,
                *(
                    cell(group.get(key)).partition(" (")[0]
                    for group, key in (
                        (people, "person_recall_any_kind"),
                        (everything, "recall"),
                        (everything, "precision"),
                        (nobody, "spans_per_100kb"),
                    )
                ),
                f"{f['tokens_per_s']:,.0f}",
                f"{f['tokens_per_s'] / slow:.1f}" if slow else NOTHING,
            ]
        )
    head = ["system", "people found in web text and tweets", "recall, templates and clinical notes", "precision"]
    return table([*head, "false spans / 100 kB of code and logs", "tokens/s, one core", "× Presidio"], rows)


def by_set(whole: Whole) -> str:
    """Return what each system reaches on each set of people."""
    parts = []
    for described in whole["conditions"]["sets"]:
        name = described["name"]
        if name.startswith(("held_back_news", "held_back_other")) or name in {"nobody", "short_documents"}:
            continue
        seen = ", templates or texts seen in training" if described["trained_on"] else ""
        measures = [
            ("recall", "recall"),
            ("precision", "precision"),
            ("F1", "f1"),
            ("PERSON recall", "person_recall"),
            ("as any kind", "person_recall_any_kind"),
            ("PERSON precision", "person_precision"),
            ("PHONE_NUMBER strict F1", "phone_strict_f1"),
            ("DIRECT recall", "direct_recall"),
            ("QUASI recall", "quasi_recall"),
        ]
        if not described["complete"]:
            measures = [pair for pair in measures if pair[1] not in {"precision", "f1"}]
        if name != "held_back_lives":
            measures = [pair for pair in measures if "direct" not in pair[1] and "quasi" not in pair[1]]
        rows = {system: quality(f, name) for system, f in ran(whole).items()}
        measures = [pair for pair in measures if any(pair[1] in row for row in rows.values())]
        lines = [[system, *(cell(row.get(key)) for _, key in measures)] for system, row in rows.items()]
        title = f"**{name}**: {described['what']}, {described['documents']} documents{seen}"
        parts.append(f"{title}\n\n{table(['system', *(label for label, _ in measures)], lines)}")
    return "\n".join(parts)


def by_language(whole: Whole) -> str:
    """Return PERSON recall and precision on the news of each language."""
    sets = [one for one in whole["conditions"]["sets"] if one["name"].startswith("held_back_news_")]
    systems = {
        name: f for name, f in ran(whole).items() if any("person_precision" in quality(f, s["name"]) for s in sets)
    }
    head = ["language", "documents", *(f"{name}{what}" for name in systems for what in (" recall", " precision"))]
    rows = []
    for one in [*sets, {"name": "news", "documents": sum(s["documents"] for s in sets)}]:
        cells = [
            cell(quality(f, one["name"]).get(key))
            for f in systems.values()
            for key in ("person_recall", "person_precision")
        ]
        rows.append([one["name"].removeprefix("held_back_news_").replace("news", "all"), str(one["documents"]), *cells])
    return table(head, rows)


def by_kind(whole: Whole, name: str) -> str:
    """Return the recall of each kind of one set, whatever kind the system gave it."""
    systems = ran(whole)
    columns = {system: quality(f, name).get("recall_of", {}) for system, f in systems.items()}
    kinds = sorted({kind for column in columns.values() for kind in column})
    rows = [[kind, *(cell(column.get(kind)) for column in columns.values())] for kind in kinds]
    return table(["kind", *systems], rows)


def nobody(whole: Whole) -> str:
    """Return the false spans per 100 kB of each kind of text without persons."""
    systems = ran(whole)
    places = list(
        dict.fromkeys(place for f in systems.values() for place in f["groups"] if place.startswith("nobody "))
    )
    rows = [
        [system, *(cell(f["groups"][place].get("spans_per_100kb")) for place in places)]
        for system, f in systems.items()
    ]
    return table(["system", *(place.removeprefix("nobody ") for place in places)], rows)


def setups(whole: Whole) -> str:
    """Return how each system is set up, and why one is missing."""
    lines = []
    for name, f in whole["systems"].items():
        if "reason" in f:
            lines.append(f"- {name}: **not measured**, {f['reason']}")
        else:
            failures = sum(run["failures"] for run in f["sets"].values())
            note = f"; failed on {failures} texts" if failures else ""
            lines.append(f"- {name} {f['version']}: {f['what']}{note}")
    return "\n".join(lines) + "\n"


def text(whole: Whole) -> str:
    """Return the whole report."""
    facts = whole["conditions"]
    size = sum(one["bytes"] for one in facts["sets"]) / MEGABYTE
    share = f"at most {facts['kb_per_set']} kB of each set" if facts["kb_per_set"] else "every set whole"
    where = (
        f"{facts['machine']}, Python {facts['python']}; one core each, {size:.1f} MB of text, {share}; "
        f"other programs took {100 * facts['others_share']:.0f} % of the machine meanwhile.\n"
    )
    if facts["quick"]:
        where += "\nA quick run: the samples are too small to compare.\n"
    parts = [where, setups(whole), overview(whole)]
    parts += ["### People in the news of eight languages\n", by_language(whole)]
    parts += ["### Each set\n", by_set(whole)]
    kinds_of = {
        "presidio_large": "templated texts",
        "meddocan_dev": "Spanish clinical notes",
        "written": "written documents in eight languages",
    }
    for name, title in kinds_of.items():
        parts += [f"### Recall of each kind: {title}\n", by_kind(whole, name)]
    parts += ["### False spans per 100 kB where nobody is\n", nobody(whole)]
    return "\n".join(parts)


def into(page: Path, mark: str, tables: str) -> None:
    """Put tables between the two marks of a page."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{tables}\n{end}{after}", encoding="utf-8")
