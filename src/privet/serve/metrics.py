"""Counts, and nothing but counts, for Prometheus and the page.

Invariant: every label comes from a closed set (route templates, statuses we send, rule ids, kinds), so no request can add a series.

Counting is a few dictionary updates on the path of a request; the Prometheus families are made when somebody asks for them.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from privet.logs import LATENCY_BUCKETS_SECONDS, AccessEvent


class Metrics:
    """Counts what happened since the start."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self.started = time.monotonic()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.masked: Counter[str] = Counter()
        self.redacted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self.active = 0
        self._buckets = [0] * (len(LATENCY_BUCKETS_SECONDS) + 1)
        self._seconds = 0.0
        self._registry.register(self)

    def record(self, event: AccessEvent) -> None:
        """Count one request that is over."""
        self.requests[event.route, event.status] += 1
        self._buckets[bisect_left(LATENCY_BUCKETS_SECONDS, event.seconds)] += 1
        self._seconds += event.seconds
        if event.masked:
            self.masked.update(event.masked)
        if event.redacted:
            self.redacted.update(event.redacted)
        if event.rule is not None:
            self.refused[event.rule] += 1
        self._tokens["prompt"] += event.prompt_tokens or 0
        self._tokens["answer"] += event.answer_tokens or 0

    def collect(self) -> Iterator[Metric]:
        """Yield the counts as Prometheus families."""
        family = CounterMetricFamily("privet_requests", "Requests answered", labels=("route", "status"))
        for (route, status), count in self.requests.items():
            family.add_metric((route, str(status)), count)
        yield family
        bounds = [*map(str, LATENCY_BUCKETS_SECONDS), "+Inf"]
        counted = list(zip(bounds, accumulate(self._buckets), strict=True))
        yield HistogramMetricFamily(
            "privet_request_seconds", "Time to the end of the answer", buckets=counted, sum_value=self._seconds
        )
        yield _family("privet_masked", "Identifiers hidden from the model", "kind", self.masked)
        yield _family("privet_redacted", "Identifiers removed from answers", "kind", self.redacted)
        yield _family("privet_refused", "Requests refused", "rule", self.refused)
        yield _family("privet_tokens", "Tokens the model reported", "direction", self._tokens)
        yield GaugeMetricFamily("privet_active_requests", "Requests in work", value=self.active)

    def expose(self) -> bytes:
        """Return the counts in Prometheus' text format."""
        return generate_latest(self._registry)


def _family(name: str, says: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, says, labels=(label,))
    for value, count in counts.items():
        family.add_metric((value,), count)
    return family
