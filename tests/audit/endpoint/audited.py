"""Runs one test of the audit against a server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from small_server import KEYS

from privet.audit.endpoint.audit import Options, audit_endpoint
from privet.audit.endpoint.given import Given, Passage
from privet.audit.endpoint.outcome import Outcome
from privet.audit.endpoint.scene import QUICK
from privet.audit.endpoint.target import target_of


def audited(
    test_id: str,
    url: str,
    *,
    seed: int = 0,
    tenants: Sequence[str] = KEYS[1:],
    passages: Sequence[Passage] = (),
    max_requests: float = float("inf"),
) -> Outcome:
    """Return the outcome of one test, asked with the first key."""
    target = replace(target_of(url), key=KEYS[0], tenants=tuple(tenants))
    given = Given(passages=tuple(passages))
    options = Options(seed=seed, size=QUICK, only=(test_id,), given=given, max_requests=max_requests)
    (outcome,) = asyncio.run(audit_endpoint(target, options)).outcomes
    return outcome
