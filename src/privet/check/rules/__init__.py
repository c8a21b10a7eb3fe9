"""The rules of `privet check`, a table an area: which setting of which program, what weakens privacy, and what to write instead.

    >>> from privet.check.rules import BY_ID
    >>> BY_ID["vllm-no-usage-stats"].safe
    '1'

Invariant: an id is for ever, and of one rule.
"""

from __future__ import annotations

from typing import Final

from privet.check.facts import Space
from privet.check.rule import Rule
from privet.check.rules.actions import ACTIONS
from privet.check.rules.apps import APPS
from privet.check.rules.changes import CHANGES
from privet.check.rules.code import CODE
from privet.check.rules.compose import COMPOSE
from privet.check.rules.defaults import DEFAULTS
from privet.check.rules.docker import DOCKER
from privet.check.rules.environment import rules_of
from privet.check.rules.examples import COMMON_NAMES
from privet.check.rules.frameworks import FRAMEWORK_RULES
from privet.check.rules.kubernetes import KUBERNETES
from privet.check.rules.local import LOCAL
from privet.check.rules.private import PROMISES
from privet.check.rules.python import PYTHON
from privet.check.rules.recent_libraries import RECENT_LIBRARIES
from privet.check.rules.recent_servers import RECENT_SERVERS
from privet.check.rules.releases import RELEASES
from privet.check.rules.secrets import SECRETS
from privet.check.rules.serving import SERVING
from privet.check.rules.stores import STORES
from privet.check.rules.system import SYSTEM
from privet.check.rules.tracing import TRACING
from privet.check.rules.tracking import TRACKING
from privet.check.rules.training import TRAINING_RULES

_WRITTEN: Final = (  # the rule for every program of DO_NOT_TRACK comes before those of one
    *TRACING, *FRAMEWORK_RULES, *SERVING, *LOCAL, *TRAINING_RULES, *TRACKING, *APPS, *STORES, *RECENT_SERVERS, *RECENT_LIBRARIES,
    *KUBERNETES, *COMPOSE, *DOCKER, *ACTIONS, *PYTHON, *PROMISES, *SYSTEM, *CODE, *SECRETS, *CHANGES, *DEFAULTS, *RELEASES,
)  # fmt: skip
_VARIABLES: Final = frozenset(
    name.removeprefix("env:")
    for rule in _WRITTEN
    for name in rule.names
    if rule.space is Space.ENV or name.startswith("env:")
)
RULES: Final[tuple[Rule, ...]] = (*_WRITTEN, *rules_of(_VARIABLES))
BY_ID: Final = {rule.id: rule for rule in RULES}

__all__ = ["BY_ID", "COMMON_NAMES", "RULES"]
