"""The table of all rules. Ids are kebab-case and stay for ever; `privet policy explain` and findings name them."""

from __future__ import annotations

from typing import Final

from privet.detect import rules_national, rules_personal, rules_secrets, rules_web
from privet.detect.rule import Rule

RULES: Final[tuple[Rule, ...]] = (*rules_web.RULES, *rules_secrets.RULES, *rules_personal.RULES, *rules_national.RULES)
