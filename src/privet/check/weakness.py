"""Something that weakens privacy, with the place to point at: what the judge and the ratchet hand to the report.

Invariant: it can hold no matched value: a rule, a place, and words that were written for the rule.
"""

from __future__ import annotations

from typing import NamedTuple

from privet.check.rule import Rule


class Weakness(NamedTuple):
    """`start` and `end` are offsets in the file's text of the side that has it; both 0 for a file that is gone."""

    rule: Rule
    path: str
    start: int
    end: int
    unit: str
    """What has it: a service, a stage, a function."""
    is_missing: bool = False
    """Nothing wrong is written: something that protects is not there."""
    is_lost: bool = False
    """It was there before this change."""
    setting: str = ""
    """The spelling that was found: one of the rule's names."""
    was: tuple[str, int] | None = None
    """The file and the place that set it before this change."""
