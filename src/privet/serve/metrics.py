"""Counts, and nothing but counts, for Prometheus and the page.

Invariant: every label comes from a closed set (route templates, statuses we send, rule ids, kinds), so no request can add a series.
"""

from __future__ import annotations

import time
from collections import Counter

from prometheus_client import CollectorRegistry, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client import Counter as PrometheusCounter

from privet.logs import LATENCY_BUCKETS_SECONDS, AccessEvent


class Metrics:
    """Counts what happened since the start."""

    def __init__(self) -> None:
        # The library's _created series are exact times of first events.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = self._registry = CollectorRegistry(auto_describe=False)
        self.started = time.monotonic()
        self.requests = 0
        self.masked: Counter[str] = Counter()
        self.redacted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._requests = PrometheusCounter(
            "privet_requests", "Requests answered", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "privet_request_seconds",
            "Time to the end of the answer",
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=registry,
        )
        self._masked = PrometheusCounter(
            "privet_masked", "Identifiers hidden from the model", ("kind",), registry=registry
        )
        self._redacted = PrometheusCounter(
            "privet_redacted", "Identifiers removed from answers", ("kind",), registry=registry
        )
        self._refused = PrometheusCounter("privet_refused", "Requests refused", ("rule",), registry=registry)
        self._tokens = PrometheusCounter(
            "privet_tokens", "Tokens the model reported", ("direction",), registry=registry
        )
        self.active = Gauge("privet_active_requests", "Requests in work", registry=registry)
        self._series: dict[tuple[str, int], PrometheusCounter] = {}

    def record(self, event: AccessEvent) -> None:
        """Count one request that is over."""
        self.requests += 1
        key = (event.route, event.status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._requests.labels(event.route, str(event.status))
        series.inc()
        self._seconds.observe(event.seconds)
        for kind, count in event.masked.items():
            self.masked[kind] += count
            self._masked.labels(kind).inc(count)
        for kind, count in event.redacted.items():
            self.redacted[kind] += count
            self._redacted.labels(kind).inc(count)
        if event.rule is not None:
            self.refused[event.rule] += 1
            self._refused.labels(event.rule).inc()
        if event.prompt_tokens:
            self._tokens.labels("prompt").inc(event.prompt_tokens)
        if event.answer_tokens:
            self._tokens.labels("answer").inc(event.answer_tokens)

    def expose(self) -> bytes:
        """Return the counts in Prometheus' text format."""
        return generate_latest(self._registry)
