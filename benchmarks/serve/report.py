"""Figures to a table and a verdict; pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

Figures = dict[str, Any]
Results = dict[str, dict[str, Figures]]

STREAMS: Final = ("stream alone", "stream burst", "stream paced")
KIBIBYTE: Final = 2**10
MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Target:
    """One promise, what was measured, and whether it held; `met` is None where something was not measured."""

    name: str
    limit: float
    measured: float | None
    unit: str
    met: bool | None


def at_most(name: str, limit: float, unit: str, measured: Callable[[], float]) -> Target:
    """Return the verdict on a figure that may not exceed its limit."""
    try:
        value = measured()
    except KeyError:
        return Target(name, limit, None, unit, met=None)
    return Target(name, limit, value, unit, met=value <= limit)


class Privet:
    """What Privet was measured at; a method raises KeyError where a figure is missing or its load had faults."""

    def __init__(self, results: Results) -> None:
        """Look into `results`."""
        self.results = results

    def figure(self, server: str, load: str, name: str) -> float:
        """Return one figure; a server that fails fast is not a fast server."""
        figures = self.results[server][load]
        if figures["faults"]:
            raise KeyError(load)
        return float(figures[name])

    def ratio(self, load: str) -> float:
        """Return the CPU of a request as a share of LiteLLM's."""
        return self.figure("privet", load, "cpu_us") / self.figure("litellm", load, "cpu_us")

    def added(self, load: str, name: str) -> float:
        """Return how much a figure is above the mock's own."""
        return self.figure("privet", load, name) - self.figure("mock", load, name)

    def event(self, load: str) -> float:
        """Return the CPU of one event of a stream in microseconds."""
        return self.figure("privet", load, "cpu_us_event")

    def total(self, name: str) -> float:
        """Return a count over all loads."""
        counts = (load[name] for load in self.results["privet"].values())
        return float(sum(sum(count.values()) if isinstance(count, dict) else count for count in counts))

    def kept(self) -> float:
        """Return the memory in KiB that a finished stream of the soak left behind, two waves to fill the pools aside."""
        soak = self.results["privet"]["soak"]
        waves, streams = soak["wave_bytes"], soak["concurrency"]
        return float((waves[-1] - waves[1]) / ((len(waves) - 2) * streams * KIBIBYTE))

    def apart(self) -> float:
        """Return how many streams of the soak did not run beside all the others."""
        soak = self.results["privet"]["soak"]
        return float(soak["concurrency"] - soak["together"])


def judge(results: Results) -> list[Target]:
    """Return every target with its verdict."""
    at, share = Privet(results), "of LiteLLM"
    return [
        at_most("CPU, short request, one at a time", 1 / 40, share, lambda: at.ratio("short x1")),
        at_most("CPU, short request, 16 at once", 1 / 40, share, lambda: at.ratio("short x16")),
        at_most("CPU, 1 kB of fresh text", 1 / 15, share, lambda: at.ratio("1 kB fresh")),
        at_most("CPU, 1 kB resent with a new question", 1 / 15, share, lambda: at.ratio("1 kB resent")),
        at_most("added latency, short request, p50", 0.6, "ms", lambda: at.added("short x1", "total_p50_ms")),
        at_most("added latency, short request, p99", 3, "ms", lambda: at.added("short x1", "total_p99_ms")),
        at_most("CPU per event, stream burst", 100, "µs", lambda: at.event("stream burst")),
        at_most("CPU per event, stream paced", 100, "µs", lambda: at.event("stream paced")),
        at_most("first token added, p50", 5, "ms", lambda: at.added("stream alone", "first_p50_ms")),
        at_most("soak: streams that did not run side by side", 0, "", at.apart),
        at_most("soak: memory kept for a stream that is over", 4, "KiB", at.kept),
        at_most("requests with an error or a wrong answer", 0, "", lambda: at.total("faults")),
        at_most("requests whose identifiers reached the upstream", 0, "", lambda: at.total("upstream_raw")),
    ]


def number(value: float | None) -> str:
    """Return a figure at three significant digits."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns, the first to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def requests_table(results: Results) -> str:
    """Return cost and latency of every load and server."""
    head = [
        "load",
        "server",
        "at once",
        "CPU µs",
        "vs LiteLLM",
        "p50 ms",
        "p99 ms",
        "req/s",
        "busy %",
        "faults",
        "in clear",
    ]
    rows = [head]
    for load in next(iter(results.values())):
        for server, loads in results.items():
            f = loads[load]
            other = results.get("litellm", {}).get(load)
            share = f"1/{other['cpu_us'] / f['cpu_us']:.1f}" if other and f["cpu_us"] and server == "privet" else ""
            figures = [number(f.get(name)) for name in ("cpu_us", "total_p50_ms", "total_p99_ms", "per_s")]
            counts = [number(100 * f["busy"]), str(sum(f["faults"].values())), str(f["upstream_raw"])]
            rows.append([load, server, str(f["concurrency"]), figures[0], share, *figures[1:], *counts])
    return table(rows)


def streams_table(results: Results) -> str:
    """Return cost of an event and first-token time of every stream load."""
    head = ["streams", "server", "CPU µs/event", "vs LiteLLM", "first ms p50", "p99", "first added ms p50"]
    rows = [head]
    for load in STREAMS:
        for server, loads in results.items():
            f = loads[load]
            other = results.get("litellm", {}).get(load)
            cost, first = f["cpu_us_event"], f.get("first_p50_ms")
            share = f"1/{other['cpu_us_event'] / cost:.1f}" if other and cost and server == "privet" else ""
            added = None if first is None else first - results["mock"][load]["first_p50_ms"]
            rows.append(
                [
                    load,
                    server,
                    number(cost),
                    share,
                    number(first),
                    number(f.get("first_p99_ms")),
                    number(added),
                ]
            )
    return table(rows)


def soak_lines(results: Results) -> str:
    """Return one line a server on the soak."""
    lines = []
    for server, loads in results.items():
        if (f := loads.get("soak")) is None:
            continue
        before, peak = number(f["before_bytes"] / MEBIBYTE), number(f["peak_bytes"] / MEBIBYTE)
        waves = ", ".join(number(value / MEBIBYTE) for value in f["wave_bytes"])
        lines.append(
            f"soak {server}: {f['requests']} streams, {f['concurrency']} at once, "
            f"{f['together']} side by side; {sum(f['faults'].values())} faults, "
            f"{number(f['cpu_us_event'])} µs CPU per event; "
            f"memory in MiB {before} before, {peak} at the peak, {waves} after each wave\n"
        )
    return "".join(lines)


def faults_lines(results: Results) -> str:
    """Return what went wrong, by kind and load."""
    found = [(s, name, f) for s, loads in results.items() for name, f in loads.items() if f["faults"]]
    return "".join(f"faults of {s} in {name}: {f['faults']}\n" for s, name, f in found)


def targets_table(targets: Sequence[Target]) -> str:
    """Return every target with its verdict."""
    verdict = {True: "met", False: "MISSED", None: "not measured"}
    rows = [["target", "at most", "measured", "", "verdict"]]
    for t in targets:
        as_share = t.unit == "of LiteLLM"
        limit = f"1/{1 / t.limit:.0f}" if as_share else number(t.limit)
        measured = f"1/{1 / t.measured:.1f}" if as_share and t.measured else number(t.measured)
        rows.append([t.name, limit, measured, t.unit, verdict[t.met]])
    return table(rows)


def text(facts: dict[str, object], results: Results, targets: Sequence[Target]) -> str:
    """Return the whole report."""
    where = f"server on core {facts['server_core']}, load on {facts['load_core']}, mock on {facts['mock_core']}"
    if not facts["server_core"]:
        where = "one core only: nothing is bound"
    head = f"{facts['machine']}, Python {facts['python']}, LiteLLM {facts['litellm']}; {where}\n"
    mode = "quick run: one round" if facts["quick"] else "median of three rounds, servers taking turns"
    mode += f"; other programs took {100 * float(str(facts['others_share'])):.0f} % of the machine meanwhile\n"
    parts = [head + mode, requests_table(without_soak(results)), streams_table(results), soak_lines(results)]
    return "\n".join(filter(None, [*parts, faults_lines(results), targets_table(targets)]))


def without_soak(results: Results) -> Results:
    """Return the results of the loads that every server got."""
    return {server: {name: f for name, f in loads.items() if name != "soak"} for server, loads in results.items()}
