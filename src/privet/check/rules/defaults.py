"""Rules for defaults and constants that say by their name what they are for, in Python and in config files, on two sides.

Invariant: which names a `code:python-default-…` rule speaks of is said by `python_settings.py`; nothing here is found in one tree alone.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DATA,
    DOOR,
    GAP,
    TRAINING,
    UPLOAD,
    WEAKER,
    Line,
    Stake,
    key,
    read_by,
)
from privet.check.values import FALSE_WORDS, TRUE_WORDS, Values, better, false, lowered, matches, raised, true

_OFF: Final = better(*FALSE_WORDS)
"""Weaker when it was off and is not any more."""
_ON: Final = better(*TRUE_WORDS)
"""Weaker when it was on and is not any more."""


def _default(name: str, values: Values, stake: Stake, why: str, remedy: str, after: str, before: str) -> Line:
    """Return a default in Python: two modules that differ in it."""
    files = (Example("src/settings.py", text + "\n") for text in (after, before))
    hit, miss = files
    return key(
        f"python-default-{name}",
        f"code:python-default-{name}",
        values,
        stake,
        WEAKER,
        "",
        why,
        remedy=remedy,
        hit=hit,
        miss=miss,
    )


_DP: Final = "from opacus import PrivacyEngine\n\nNOISE_MULTIPLIER = 1.1\n"

IN_CODE: Final = read_by("python", "documentation docs/check.md",
    _default("epsilon", raised(1), TRAINING, "a larger epsilon promises less to each person", "keep epsilon",
        f"{_DP}EPSILON = 30", f"{_DP}EPSILON = 3"),
    _default("delta", raised(), TRAINING, "a larger delta is a larger chance that the promise fails", "keep delta",
        f"{_DP}DELTA = 1e-3", f"{_DP}DELTA = 1e-6"),
    _default("noise", lowered(), TRAINING, "less noise hides each person less", "keep the noise",
        f"{_DP}DP_NOISE = 0.4", f"{_DP}DP_NOISE = 1.1"),
    _default("clipping", raised(), TRAINING, "each person may change the model more", "keep the bound",
        f"{_DP}MAX_GRAD_NORM = 10.0", f"{_DP}MAX_GRAD_NORM = 1.0"),
    _default("retention", raised(), DATA, "what people write is kept for longer by default", "keep the time",
        "CHAT_RETENTION_HOURS = 8760", "CHAT_RETENTION_HOURS = 24"),
    _default("host", matches(r"^(?:0\.0\.0\.0|::|\[::\]|\*)$"), GAP, "the server listens on every interface by default",
        "write 127.0.0.1, and let whoever deploys it say otherwise",
        'def serve(host="0.0.0.0"):\n    return host', 'def serve(host="127.0.0.1"):\n    return host'),
    _default("content", true(), CONTENT, "what people write is kept or logged by default", "leave it off by default",
        "LOG_PROMPTS = True", "LOG_PROMPTS = False"),
    _default("requests", _OFF, CONTENT.noted, "what is asked and answered is logged by default", "leave it off by default",
        "LOG_REQUESTS = True", "LOG_REQUESTS = False"),
    _default("sharing", _OFF, UPLOAD, "something is sent, shared or opened by default that was not", "leave it off by default",
        "ENABLE_TELEMETRY = True", "ENABLE_TELEMETRY = False"),
    _default("protection", _ON, DATA, "something that protects people is off by default", "leave it on by default",
        "REDACT_PROMPTS = False", "REDACT_PROMPTS = True"),
    _default("unverified", false(), DOOR, "what is sent can be read by whoever answers", "leave certificates checked",
        "VERIFY_SSL = False", "VERIFY_SSL = True"),
    _default("group", lowered(), DATA, "smaller groups tell more of each person in them", "keep the size",
        "K_ANONYMITY = 2", "K_ANONYMITY = 10"),
    _default("insecure", true(), DOOR, "what is sent can be read by whoever answers", "leave certificates checked",
        "SKIP_TLS_VERIFY = True", "SKIP_TLS_VERIFY = False"),
    _default("plain", false(), GAP, "what is sent travels without encryption", "leave encryption on",
        'from minio import Minio\n\nstore = Minio("store.example.com", secure=False)',
        'from minio import Minio\n\nstore = Minio("store.example.com", secure=True)'),
    _default("plain-default", _ON, GAP, "what is sent travels without encryption by default", "leave encryption on",
        "STORE_SSL = False", "STORE_SSL = True"),
    _default("sslmode", better("require", "verify-ca", "verify-full"), GAP, "what is sent to the database may travel without encryption",
        "keep the mode", 'SSLMODE = "disable"', 'SSLMODE = "verify-full"'),
    _default("score", raised(), DATA, "personal data of which the search is less sure stays in the text", "keep the threshold",
        "PII_SCORE_THRESHOLD = 0.9", "PII_SCORE_THRESHOLD = 0.4"),
)  # fmt: skip


def _yaml(text: str) -> Example:
    return Example("config/app.yaml", f"name: example\n{text}\n")


IN_CONFIG: Final = read_by("any", "documentation docs/check.md",
    key("config-epsilon", "*.privacy.epsilon *.dp.epsilon *.differential_privacy.epsilon *.privacy_budget *.dp.target_epsilon "
        "*.privacy.max_epsilon",
        raised(1), TRAINING, WEAKER, "", "a larger epsilon promises less to each person", remedy="keep epsilon",
        hit=_yaml("privacy:\n  epsilon: 8"), miss=_yaml("privacy:\n  epsilon: 3")),
    key("config-delta", "*.privacy.delta *.dp.delta *.differential_privacy.delta", raised(), TRAINING, WEAKER, "",
        "a larger delta is a larger chance that the promise fails", remedy="keep delta",
        hit=_yaml("privacy:\n  delta: 0.001"), miss=_yaml("privacy:\n  delta: 0.00001")),
    key("config-clipping", "*.privacy.max_grad_norm *.dp.max_grad_norm *.differential_privacy.max_grad_norm *.dp.clipping_norm "
        "*.privacy.clipping_norm *.l2_norm_clip",
        raised(), TRAINING, WEAKER, "", "each person may change the model more", remedy="keep the bound",
        hit=_yaml("privacy:\n  max_grad_norm: 10.0"), miss=_yaml("privacy:\n  max_grad_norm: 1.0")),
)  # fmt: skip

DEFAULTS: Final = (*IN_CODE, *IN_CONFIG)
