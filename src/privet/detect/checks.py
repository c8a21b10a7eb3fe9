"""Tell identifiers from look-alikes: checksums, ranges, neighbours, randomness.

A check gets a `Candidate` and answers False (reject), True (keep the rule's score) or a score of its own. Nothing here
keeps, logs or raises with the text it looked at.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import ipaddress
import math
import re
from collections import Counter
from functools import cache
from typing import Any, Final

from privet.detect.rule import Candidate, Check

_NOT_DIGIT: Final = re.compile(r"\D+")
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ONCE: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
# Twice a digit, and the digits of that added up.
_TWICE: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def digits(text: str) -> str:
    """Return the digits of a text."""
    return _NOT_DIGIT.sub("", text)


@cache
def _stdnum(name: str) -> Any:
    return importlib.import_module(f"stdnum.{name}")


def stdnum(*names: str) -> Check:
    """Return a check that passes numbers which one of these python-stdnum modules calls valid."""

    def check(hit: Candidate) -> bool:
        return any(_stdnum(name).is_valid(hit.value) for name in names)

    return check


def both(first: Check, second: Check) -> Check:
    """Return a check that passes what two checks pass, with the second one's score."""

    def check(hit: Candidate) -> bool | float:
        return first(hit) and second(hit)

    return check


_EXPIRY: Final = re.compile(rb"[ ,;:/|]{1,2}(?:0[1-9]|1[0-2])[/-]\d\d")
_GROUP_BEFORE: Final = re.compile(rb"(?:\A|\D)\d{4}[ -]\Z|[.\w/\\+*#%$=-]\Z")
# One of a row, a decimal, a path or a term, by the two bytes at either side.
_FREE_LEFT: Final = re.compile(rb"(?<![A-Za-z0-9./\\_+*#%$-])(?<![0-9][ \t,;:])")
_BOUND_RIGHT: Final = re.compile(rb"[A-Za-z0-9_%\\/*+]|[ \t.,:-][0-9]")
_GROUP_BEHIND: Final = re.compile(rb"[ ._/-]\d{4}(?:\D|\Z)|[\w%\\/*+]")


def luhn(number: str) -> bool:
    """Tell whether the last digit is the Luhn checksum of the others (ISO/IEC 7812-1, annex B)."""
    data = number.encode()
    return (sum(data[::-2].translate(_ONCE)) + sum(data[-2::-2].translate(_TWICE))) % 10 == 0


def alone(hit: Candidate) -> bool:
    """Reject a number that is one of a row of numbers, part of a decimal, a version, a path or an arithmetic term."""
    return _FREE_LEFT.match(hit.data, hit.start) is not None and _BOUND_RIGHT.match(hit.data, hit.end) is None


_DATE: Final = re.compile(
    r"(?:(?:19|20)\d\d[-./ ][01]?\d[-./ ][0-3]?\d|[0-3]?\d[-./][0-3]?\d[-./](?:19|20)\d\d)(?:\D.*)?\Z"
)


def in_row(hit: Candidate) -> bool:
    """Tell whether a number is one of a row of numbers, a term, or a date."""
    return not alone(hit) or bool(_DATE.match(hit.value))


# Issuer ranges: ISO/IEC 7812; Visa 4, Mastercard 51-55 and 2221-2720, Amex 34/37, Diners 30/36/38/39, Discover 6011/64/65,
# JCB 3528-3589, UnionPay 62, Maestro 50/56-58/6.
_CARD_PREFIX: Final = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
    r"|(?:50|5[6-8]|6[37])\d{14})"
)


def card(hit: Candidate) -> bool:
    """Pass payment cards: a known issuer's prefix and length, and the Luhn checksum."""
    number = hit.digits
    return bool(_CARD_PREFIX.fullmatch(number)) and luhn(number) and (alone(hit) or _stands_out(hit))


def _stands_out(hit: Candidate) -> bool:
    """Tell whether a card number among other numbers is still one: in groups of four, or with its month and year behind it."""
    if _EXPIRY.match(hit.after(7)):
        return not hit.before(1).isalnum()
    grouped = (
        not hit.value.isdigit() and not _GROUP_BEFORE.search(hit.before(6)) and not _GROUP_BEHIND.match(hit.after(6))
    )
    return grouped and not hit.before(1).isalnum()


def routing(hit: Candidate) -> bool:
    """Pass ABA routing numbers (checksum 3-7-1)."""
    number = hit.digits
    total = sum(int(char) * weight for char, weight in zip(number, (3, 7, 1) * 3, strict=True))
    return number[:2] <= "32" and total % 10 == 0 and total > 0


def social_security(hit: Candidate) -> bool:
    """Pass US social security numbers: area not 000, 666 or 9xx, group not 00, serial not 0000."""
    number = hit.digits
    bad = number[:3] in {"000", "666"} or number[0] == "9" or number[3:5] == "00" or number[5:] == "0000"
    return not bad and alone(hit)


_VERSION_CHARS: Final = 16
_VERSION_LEFT: Final = re.compile(
    rb"(?:\b(?:version|ver|release|rel|v|oid|snmp|section|python|chapter)[\s.:=\"']*|[\d.]|\bv)$"
)

_VERSION_MARKS: Final = b" \t\n\r\f\v.:=\"'"
# The last letters of those words, and digits: at most places it is seen at once that there are none.
_VERSION_ENDS: Final = frozenset(bytes((byte,)) for byte in b"nrelvdp0123456789")


def ipv4(hit: Candidate) -> bool:
    """Pass IPv4 addresses that can belong to someone; reject versions, loopback, masks and longer dotted numbers."""
    after = hit.after(2)
    if (after[:1] == b"." and after[1:2].isdigit()) or after[:1] == b"-" or hit.before(1) == b"-":
        return False
    left = hit.before(_VERSION_CHARS).lower()
    if (b"." in left[-2:] or left.rstrip(_VERSION_MARKS)[-1:] in _VERSION_ENDS) and _VERSION_LEFT.search(left):
        return False
    first, *others = map(int, hit.data[hit.start : hit.end].split(b"."))
    # 0.x is "this network", 127 loopback, 224 and up multicast, reserved and masks; x.0.0.0 is a network.
    return 0 < first < 224 and first != 127 and max(others) < 256 and any(others)


def ipv6(hit: Candidate) -> bool:
    """Pass IPv6 addresses that can belong to someone; not slices, networks and C++ names."""
    before = hit.before(1)
    groups = hit.value.split(":")
    if (before and before in b":.-+") or hit.after(1) == b":":
        return False
    # Slices (a[0::2]) and networks (2002::/16) are written with the same marks.
    if (len(groups[0]) < 3 and len(groups) < 5) or (groups[-1] == "" and hit.after(1) == b"/"):
        return False
    try:
        address = ipaddress.IPv6Address(hit.value)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast) and has_digit(hit)


def mac(hit: Candidate) -> bool:
    """Pass MAC addresses: not part of a longer run of bytes, not all zero or all ones."""
    before, after = hit.before(1), hit.after(1)
    if (before and before in b":-.") or (after and after in b":-" and hit.after(2)[1:].isalnum()):
        return False
    plain = re.sub(r"[^0-9a-f]", "", hit.value.lower())
    return len(set(plain)) > 1 and any(char.isdigit() for char in plain)


def coordinates(hit: Candidate) -> bool:
    """Pass a latitude and longitude in range."""
    latitude, longitude = (float(part) for part in re.findall(r"-?\d+\.\d+", hit.value))
    before, after = hit.before(2), hit.after(2)
    row = (before.rstrip()[-1:] in {b",", b"*", b"+", b"/"} and bool(before)) or after[:1] in {b",", b"e", b"*", b"/"}
    return abs(latitude) <= 90 and abs(longitude) <= 180 and not row


def vin(hit: Candidate) -> bool:
    """Pass vehicle numbers with the check digit of 49 CFR 565.15, which North America and China use."""
    value = hit.value.upper()
    if value.isdigit() or value.isalpha():
        return False
    letters = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    )
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum((letters.get(char) or int(char)) * weight for char, weight in zip(value, weights, strict=True))
    return value[8] == "0123456789X"[total % 11]


def has_digit(hit: Candidate) -> bool:
    """Pass values with a digit."""
    return any(char.isdigit() for char in hit.value)


def imei(hit: Candidate) -> bool:
    """Pass device numbers with a Luhn checksum."""
    return luhn(hit.digits[:15]) and alone(hit)


def base58check(hit: Candidate) -> bool:
    """Pass Bitcoin addresses (base58 with a 4-byte double SHA-256 checksum)."""
    number = 0
    for char in hit.value:
        number = number * 58 + _BASE58.index(char)
    try:
        raw = number.to_bytes(25, "big")
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def bech32(hit: Candidate) -> bool:
    """Pass segwit addresses (BIP 173 and BIP 350 checksums)."""
    text = hit.value.lower()
    prefix, _, rest = text.rpartition("1")
    values = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    values += [_BECH32.find(char) for char in rest]
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= term if top >> place & 1 else 0
    return checksum in {1, 0x2BC830A3}


def jwt(hit: Candidate) -> bool:
    """Pass JSON web tokens: the first part is a JSON object in base64url."""
    header = hit.value.partition(".")[0][:64]
    try:
        return b'":' in base64.urlsafe_b64decode(header[: len(header) // 4 * 4])
    except (binascii.Error, ValueError):
        return False


def entropy_bits(text: str) -> float:
    """Return the Shannon entropy of the characters, in bits a character."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def is_random(text: str) -> bool:
    """Tell whether a token looks drawn at random: letters and digits mixed, few repeats, no words joined by marks."""
    count = sum(char.isdigit() for char in text)
    mixed = text.lower() != text != text.upper()
    if count == len(text) or count < (1 if len(text) >= 32 and mixed else 2):
        return False
    # 16 different characters drawn from base64 reach 3.5 bits and more; words with a number stay below about 3.2.
    return entropy_bits(text) >= min(3.3, math.log2(len(text)) - 0.7)


def random_token(hit: Candidate) -> bool:
    """Pass tokens that look random."""
    return is_random(hit.value)
