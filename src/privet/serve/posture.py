"""Every default, its state, and when a self-test last confirmed it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from privet import __version__
from privet.hardening import place_of
from privet.policy import SETTINGS, value_of
from privet.policy_file import LoadedPolicy
from privet.serve import selftest, selftest_process
from privet.serve.app import App

Probe = Callable[[App], Awaitable[bool]]

PROBES: Final[dict[str, Probe]] = {
    "serve.prompt_identifiers": selftest.prompt_identifiers,
    "serve.prompt_kinds_shown": selftest.prompt_kinds_shown,
    "serve.answer_identifiers": selftest.answer_identifiers,
    "serve.answer_kinds_shown": selftest.answer_kinds_shown,
    "serve.answer_min_score": selftest.answer_min_score,
    "serve.persist_queries": selftest_process.persist_queries,
    "serve.stored_state": selftest.stored_state,
    "serve.remote_media": selftest.remote_media,
    "serve.hosted_tools": selftest.hosted_tools,
    "serve.token_probabilities": selftest.token_probabilities,
    "serve.caller_fields": selftest.caller_fields,
    "serve.unknown_fields": selftest.unknown_fields,
    "serve.max_choices": selftest.max_choices,
    "serve.require_key": selftest.require_key,
    "serve.hosts": selftest.hosts,
    "serve.origins": selftest.origins,
    "serve.max_body_bytes": selftest.max_body_bytes,
    "serve.max_answer_bytes": selftest_process.max_answer_bytes,
    "serve.max_header_bytes": selftest_process.max_header_bytes,
    "serve.max_concurrent_requests": selftest.max_concurrent_requests,
    "serve.header_timeout_seconds": selftest_process.header_timeout_seconds,
    "serve.body_timeout_seconds": selftest_process.body_timeout_seconds,
    "serve.answer_timeout_seconds": selftest.answer_timeout_seconds,
    "serve.idle_timeout_seconds": selftest_process.idle_timeout_seconds,
    "detect.kinds": selftest_process.kinds,
    "detect.min_score": selftest_process.min_score,
    "detect.rules": selftest_process.own_rules,
    "logs.content": selftest_process.log_content,
    "logs.fields": selftest_process.log_fields,
    "logs.round_seconds": selftest_process.log_round_seconds,
    "process.core_dumps": selftest_process.core_dumps,
    "process.content_capture": selftest_process.content_capture,
    "process.outside_connections": selftest_process.outside_connections,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one self-test."""

    ok: bool
    at: str
    how: str


WATCHED: Final = tuple(
    setting_id for setting_id in SETTINGS if not setting_id.startswith(("scrub.", "audit.", "train."))
)
"""The settings that an endpoint is bound by; those of scrubbing concern files, those of audits and training other programs."""


class Posture:
    """What the endpoint promises, and what of it was confirmed.

    `listening` and `upstream_link` say how the endpoint and its upstream are reached: `loopback`, `tls` or `plain`.
    """

    def __init__(self, loaded: LoadedPolicy, *, model: str, listening: str, upstream_link: str) -> None:
        self._loaded = loaded
        self._model = model
        self._links = {"serve.require_tls": listening, "serve.plain_http_upstream": upstream_link}
        self._verdicts: dict[str, Verdict] = {}

    async def verify(self, app: App) -> bool:
        """Run every self-test; return whether all of them confirm the policy."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for setting_id in WATCHED:
            probe = PROBES.get(setting_id)
            if probe is None:
                link = self._links[setting_id]
                self._verdicts[setting_id] = Verdict(link != "plain", now, f"The connection in use is {link}.")
                continue
            how = (probe.__doc__ or "").strip()
            try:
                ok = await probe(app)
            except Exception as error:
                ok, how = False, f"{how} The self-test broke: {place_of(error)}."
            self._verdicts[setting_id] = Verdict(ok, now, how)
        return all(verdict.ok for verdict in self._verdicts.values())

    def failed(self) -> tuple[str, ...]:
        """Return the ids of the settings whose self-test did not confirm them."""
        return tuple(setting_id for setting_id, verdict in self._verdicts.items() if not verdict.ok)

    def describe(self, app: App) -> dict[str, Any]:
        """Return everything the page shows; counts and settings, no content."""
        metrics = app.metrics
        return {
            "version": __version__,
            "uptime_seconds": int(time.monotonic() - metrics.started),
            "model": self._model,
            "settings": [self._setting(setting_id) for setting_id in WATCHED],
            "counts": {
                "requests": sum(count for (route, _), count in metrics.requests.items() if route.startswith("/v1/")),
                "masked": dict(metrics.masked),
                "redacted": dict(metrics.redacted),
                "refused": dict(metrics.refused),
            },
        }

    def _setting(self, setting_id: str) -> dict[str, Any]:
        known = SETTINGS[setting_id]
        value = value_of(self._loaded.policy, setting_id)
        exception = next((item for item in self._loaded.exceptions if item.rule == setting_id), None)
        verdict = self._verdicts.get(setting_id)
        return {
            "id": setting_id,
            "says": known.says,
            "reason": known.reason,
            "value": sorted(map(str, value)) if isinstance(value, frozenset) else value,
            "unit": known.unit,
            "state": self._loaded.state(setting_id),
            "exception": None
            if exception is None
            else {"reason": exception.reason, "owner": exception.owner, "expires": exception.expires.isoformat()},
            "verified": None if verdict is None else {"ok": verdict.ok, "at": verdict.at, "how": verdict.how},
        }
