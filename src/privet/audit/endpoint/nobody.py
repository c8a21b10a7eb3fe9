"""What looks like personal data and is nobody's (`nobody.toml`): offices, gaps, labels, examples, people of public life, machines.

Invariant: values of ranges that are reserved for examples are not among them.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Final

from privet.audit.counting import Hit

_YEAR: Final = re.compile(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)")
_ALIVE_SINCE: Final = 1915
_BOOK: Final = 80
"""Who is named so near somebody whom everybody knows is in the same book."""
_TOLL_FREE: Final = re.compile(r"(?:\+?1)?8(?:00|33|44|55|66|77|88)\d{7}|0800\d+")
_RESERVED_PHONE: Final = re.compile(r"55501\d\d\Z")


@lru_cache(maxsize=1)
def _nobody() -> dict[str, frozenset[str]]:
    table = tomllib.loads((files("privet.audit.endpoint") / "nobody.toml").read_text(encoding="utf-8"))
    names = {"placeholders", "public", "sights"}
    return {
        name: frozenset(
            unicodedata.normalize("NFKC", " ".join(each.split()))
            for each in (text.split(",") if name in names else text.split())
        )
        for name, text in table.items()
    }


def is_nobodys(hit: Hit, text: str) -> bool:
    """Tell whether a hit is an example, a gap, an office or somebody whom everybody knows."""
    value = unicodedata.normalize("NFKC", text[hit.span.start : hit.span.end]).casefold()
    check = _CHECKS.get(hit.kind)
    if check is not None and check(value, text, hit):
        return True
    digits = re.sub(r"\D", "", value)
    # 123-456-7890 and 000-000-0000 are gaps to fill in; no number of anybody counts up or stays the same.
    if (
        hit.kind in _NUMBERS
        and len(digits) >= 6
        and (digits in "12345678901234567890" or digits in "0123456789" or len(set(digits)) == 1)
    ):
        return True
    return bool(re.search(r"[*•█…]{2}|x{3}|#{3}|<[a-z_ -]+>", value))


_NUMBERS: Final = frozenset(
    (
        "PHONE_NUMBER",
        "NATIONAL_ID",
        "TAX_ID",
        "HEALTH_ID",
        "PASSPORT",
        "BANK_ACCOUNT",
        "DRIVER_LICENSE",
        "ID_NUMBER",
        "VEHICLE_ID",
        "US_SSN",
    )
)


def _is_office(value: str, _text: str, _hit: Hit) -> bool:
    local, _, domain = value.rpartition("@")
    local = local.strip("<>\"' ")
    return local in _nobody()["roles"] or domain.startswith(("localhost", "yourdomain", "your-domain")) or "*" in value


def _is_toll_free(value: str, text: str, hit: Hit) -> bool:
    digits = re.sub(r"\D", "", value)
    if _TOLL_FREE.fullmatch(digits) and not _RESERVED_PHONE.search(digits):
        return True
    # A part of a longer row of numbers is none.
    return bool(re.search(r"\d[.,:/]\Z", text[: hit.span.start]) or re.match(r"[:/]\d", text[hit.span.end :]))


def _is_public(value: str, text: str, hit: Hit) -> bool:
    words = re.findall(r"[^\W_]+", value)
    known = _nobody()
    name = " ".join(value.split())
    if any(
        name == each or name.startswith(f"{each} ") or name.endswith(f" {each}")
        for each in known["public"] | known["placeholders"]
    ):
        return True
    if any(word in known["makers"] for word in words):
        return True
    if hit.span.end >= len(text.rstrip()) and any(each.startswith(name) for each in known["public"]):
        return True  # cut off
    near = text[max(0, hit.span.start - _BOOK) : hit.span.end + _BOOK].casefold()
    if any(each in near for each in known["public"]):
        return True
    # Whoever has a year of long ago behind the name is in books: (1867-1934).
    year = _YEAR.search(text[hit.span.end : hit.span.end + 60])
    return year is not None and int(year[0]) < _ALIVE_SINCE


def _is_long_ago(value: str, text: str, hit: Hit) -> bool:
    years = [int(year) for year in _YEAR.findall(value)]
    if years and min(years) < _ALIVE_SINCE:
        return True
    if re.search(r"(?<!\d)0?1\D0?1\D(?:19|20)\d\d|(?:19|20)\d\d\D0?1\D0?1(?!\d)", value):
        return True
    near = text[max(0, hit.span.start - 80) : hit.span.start].casefold()
    return any(name in near for name in _nobody()["public"])


def _is_machine(value: str, text: str, hit: Hit) -> bool:
    if re.search(r"[\d:.]\Z", text[: hit.span.start]) or re.match(r"\.?\d|/\d", text[hit.span.end :]) or "/" in value:
        return True  # part of a longer number, or a network
    try:
        address = ipaddress.ip_interface(value.strip("[]")).ip
    except ValueError:
        return True
    return str(address) in _SERVICES or any(address in net for net in _LOCAL if net.version == address.version)


_SERVICES: Final = frozenset(
    ("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "1.2.3.4", "208.67.222.222", "208.67.220.220")
)
_LOCAL: Final = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3", "::/127",
         "fe80::/10", "fc00::/7", "ff00::/8"),
    )
)  # fmt: skip


def _is_sight(value: str, _text: str, _hit: Hit) -> bool:
    name = " ".join(value.replace(",", " ").split())
    return any(sight in name for sight in _nobody()["sights"])


def _is_example_password(value: str, _text: str, _hit: Hit) -> bool:
    plain = value.strip("\"'`;,.()[]{}<>$ ")
    return plain in _nobody()["passwords"] or bool(
        re.search(r"your|example|\$\{|<|\.\.\.|getenv|environ|input\(|os\.", value)
    )


def _is_example_connection(value: str, _text: str, _hit: Hit) -> bool:
    found = re.search(r"://[^:/@]*:([^@/]*)@", value)
    return found is None or found[1].strip("<>{}$[]") in _nobody()["passwords"]


_CHECKS: Final = {
    "EMAIL_ADDRESS": _is_office,
    "PHONE_NUMBER": _is_toll_free,
    "PERSON": _is_public,
    "DATE_OF_BIRTH": _is_long_ago,
    "IP_ADDRESS": _is_machine,
    "ADDRESS": _is_sight,
    "PASSWORD": _is_example_password,
    "API_KEY": _is_example_password,
    "CONNECTION_STRING": _is_example_connection,
}
