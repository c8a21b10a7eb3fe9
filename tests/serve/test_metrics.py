"""Counts, and nothing that a request could choose."""

from __future__ import annotations

import re

from privet.logs import AccessEvent
from privet.serve.metrics import Metrics


def event(**values: object) -> AccessEvent:
    made = AccessEvent()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def samples(metrics: Metrics) -> dict[str, float]:
    lines = metrics.expose().decode().splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def test_what_happened_is_counted() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.record(
            event(
                route="/v1/embeddings",
                status=200,
                seconds=0.3,
                masked={"EMAIL_ADDRESS": 2},
                prompt_tokens=7,
                answer_tokens=5,
            )
        )
    metrics.record(event(route="/v1/embeddings", status=400, rule="not-json", redacted={"URL": 1}))
    found = samples(metrics)
    assert found['privet_requests_total{route="/v1/embeddings",status="200"}'] == 3
    assert found['privet_requests_total{route="/v1/embeddings",status="400"}'] == 1
    assert found['privet_masked_total{kind="EMAIL_ADDRESS"}'] == 6
    assert found['privet_redacted_total{kind="URL"}'] == 1
    assert found['privet_refused_total{rule="not-json"}'] == 1
    assert found['privet_tokens_total{direction="prompt"}'] == 21
    assert found['privet_tokens_total{direction="answer"}'] == 15
    assert found["privet_request_seconds_count"] == 4


def test_times_are_buckets_and_there_is_no_time_of_day() -> None:
    metrics = Metrics()
    metrics.record(event(route="/health", status=200, seconds=0.3))
    text = metrics.expose().decode()
    assert "_created" not in text
    assert not re.search(r"\d{9,}", text)


def test_two_sets_of_counts_do_not_mix() -> None:
    first, second = Metrics(), Metrics()
    first.record(event(route="/health", status=200))
    assert 'privet_requests_total{route="/health",status="200"}' not in samples(second)
