"""The table of all rules. Ids are kebab-case and stay for ever; `privet policy explain` and findings name them."""

from __future__ import annotations

from typing import Final

from privet.detect import (
    rules_address,
    rules_device,
    rules_europe,
    rules_europe_north_east,
    rules_home,
    rules_money,
    rules_personal,
    rules_phone,
    rules_secrets,
    rules_spelled,
    rules_web,
    rules_world,
)
from privet.detect.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    *rules_web.RULES,
    *rules_spelled.RULES,
    *rules_device.RULES,
    *rules_home.RULES,
    *rules_secrets.RULES,
    *rules_phone.RULES,
    *rules_money.RULES,
    *rules_personal.RULES,
    *rules_address.RULES,
    *rules_europe.RULES,
    *rules_europe_north_east.RULES,
    *rules_world.RULES,
)
