"""How rules for numbers that states give to people are made.

A format whose letters and checksum leave little to chance counts alone; bare digits with a one-digit checksum (one in ten
passes by chance) count only after a word that names them.
"""

from __future__ import annotations

from typing import Final

from privet.detect import checks
from privet.detect.rule import LETTERED_HEAD, NUMBER_HEAD, Candidate, Check, Rule

TAX_WORDS: Final = (
    "tax", "tax id", "taxpayer", "tin", "steuer", "steuer-id", "steuernummer", "steuer-identifikationsnummer", "idnr",
    "fiscal", "fiscale", "nif", "rfc",
    "impôts", "fiscaux", "fiscalité", "contribuinte", "podatnika",
)  # fmt: skip


IDENTITY_WORDS: Final = (
    "id", "identity", "national id", "id number", "identification", "citizen", "ausweis", "personalausweis", "identidad",
    "identité", "identità",
    "identiteit", "identidade", "dowód", "documento", "document", "personal number", "personal id",
)  # fmt: skip


HEALTH_WORDS: Final = (
    "health",
    "insurance",
    "patient",
    "krankenversicherung",
    "sanitaria",
    "santé",
    "salud",
    "medical",
    "mrn",
)


_OWN_HEAD: Final = frozenset(
    (
        "gb-national-insurance",
        "us-medicare-beneficiary",
        "pl-identity-card",
        "es-foreigner",
        "it-fiscal-code",
        "de-identity-card",
        "mx-tax-id",
    )
)


def number_rule(
    rule_id: str,
    kind: str,
    pattern: str,
    check: Check,
    context: tuple[str, ...],
    source: str,
    hit: str,
    *misses: str,
    score: float = 0.8,
) -> Rule:
    """Return a rule for digits that need a word before them."""
    word = context[0]
    return Rule(
        id=rule_id, kind=kind, head=NUMBER_HEAD, pattern=pattern, score=score, check=only_alone(check), context=context, needs_context=True,
        source=source, hits=(f"{word}: «{hit}»",), misses=(hit, *misses),
    )  # fmt: skip


def lettered_rule(  # noqa: PLR0913  (a row of the table)
    rule_id: str,
    kind: str,
    pattern: str,
    check: Check,
    score: float,
    context: tuple[str, ...],
    source: str,
    hit: str,
    *misses: str,
    needs_context: bool = False,
) -> Rule:
    """Return a rule for a format of letters and digits."""
    head = (
        ""
        if rule_id in _OWN_HEAD
        else NUMBER_HEAD
        if pattern.startswith((r"\b\d", r"\b[12]", r"\b[1-9]", r"\b(?:\d", r"\b756"))
        else LETTERED_HEAD
    )
    return Rule(
        id=rule_id, kind=kind, head=head, pattern=pattern, score=score, check=only_alone(check), context=context, context_score=0.9,
        needs_context=needs_context, source=source, hits=(f"{context[0]} «{hit}»",) + (() if needs_context else (f"x «{hit}».",)),
        misses=misses,
    )  # fmt: skip


def only_alone(check: Check) -> Check:
    """Return the check for numbers that stand by themselves."""
    return checks.both(checks.alone, check)


def any_shape(_hit: Candidate) -> bool:
    """Pass everything that has the shape: there is no checksum."""
    return True


def weighted(number: str, weights: tuple[int, ...]) -> int:
    """Return the sum of the digits, each times its weight."""
    return sum(int(char) * weight for char, weight in zip(number, weights, strict=False))
