"""Values that travel between the layers.

Invariant: nothing here can hold text that was looked at. A span says where and what, never which characters.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Span(NamedTuple):
    """Something personal or secret in a text.

    `start` and `end` count code points, half open; `score` lies in 0..1; `rule` is the id of the rule that found it.
    Spans of one text are sorted by `start` and do not overlap.
    """

    start: int
    end: int
    kind: str
    score: float
    rule: str


_NAMES: Final = (
    "PERSON",
    "LOCATION",
    "ORGANIZATION",
    "DATE_TIME",
    "AGE",
    "NRP",
    "OCCUPATION",
    "MISC",
    "QUANTITY",
    "ID_NUMBER",
)
NAMES_KINDS: Final = frozenset(_NAMES)
"""Kinds that the names model finds. Of these, patterns find LOCATION too, where it is a street address or a post box."""
KINDS: Final = (
    *_NAMES,
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "BANK_ACCOUNT",
    "US_SSN",
    "TAX_ID",
    "NATIONAL_ID",
    "HEALTH_ID",
    "PASSPORT",
    "DRIVER_LICENSE",
    "VEHICLE_ID",
    "DATE_OF_BIRTH",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "DEVICE_ID",
    "GPS_COORDINATES",
    "URL",
    "SOCIAL_HANDLE",
    "CRYPTO",
    "API_KEY",
    "JWT",
    "PRIVATE_KEY",
    "PASSWORD",
    "CONNECTION_STRING",
)
"""Kinds the built-in rules find. Names follow Presidio's where it has one."""
