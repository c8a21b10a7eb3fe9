"""Rules for network addresses, devices, places and wallets."""

from __future__ import annotations

import re
from typing import Final

from privet.detect import checks
from privet.detect.rule import NUMBER_HEAD, Candidate, Rule, utf8

_HEX: Final = r"[0-9A-Fa-f]"


def _signed(hit: Candidate) -> bool:
    """Take a minus sign before the number into the hit."""
    if hit.before(1) == b"-" and not hit.before(2)[:1].isalnum():
        hit.start -= 1
    return True


_FIELD: Final = re.compile(
    r"[\"'](lat|latitude|lon|lng|longitude)[\"']\s*:\s*[\"']?-?\Z"
    r"|[\"'](?:coordinates?|coords|location|position|geo|geometry|center|point)[\"']\s*:\s*\[\s*(?:-?\d{1,3}\.\d+\s*,\s*)?-?\Z"
)


def _field(hit: Candidate) -> bool:
    """Pass the number in a field for a latitude or longitude, or in the list of one for coordinates."""
    found = _FIELD.search(hit.left)
    limit = 90 if found and found[1] in {"lat", "latitude"} else 180
    # Decimals that go on are a version or an exponent.
    passes = found is not None and float(hit.value) <= limit and hit.after(1) not in {b".", b"e", b"E", b"_"}
    return passes and _signed(hit)


RULES: Final = (
    Rule(
        id="ipv4-address",
        kind="IP_ADDRESS",
        pattern=r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
        score=0.8,
        check=checks.ipv4,
        source="RFC 791; special ranges RFC 6890",
        hits=("from «192.0.2.17» port 22", "«198.51.100.4»:8080", "ip=«203.0.113.9»,"),
        misses=(
            "v1.2.3.4",
            "version 1.2.3.4",
            "127.0.0.1",
            "0.0.0.0",  # noqa: S104  (an example, not a bind)
            "1.2.3.4.5",
            "255.255.255.0",
            "300.1.2.3",
            "1.2.3.4-rc1",
        ),
    ),
    Rule(
        id="ipv6-address",
        kind="IP_ADDRESS",
        head=rf"\b(?:{_HEX}{{1,4}}:){{3}}[0-9A-Fa-f:]|\b{_HEX}{{1,4}}:(?:{_HEX}{{1,4}}:){{0,1}}:",
        pattern=(
            rf"\b{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{7}}\b"
            rf"|\b{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,6}}::(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,5}}(?:(?:\.\d{{1,3}}){{3}})?\b)?"
        ),
        score=0.8,
        check=checks.ipv6,
        source="RFC 4291, RFC 5952",
        hits=(
            "from «2001:db8::1» port 22",
            "[«2001:db8:0:0:8:800:200c:417a»]:443",
            "via «fe80::1ff:fe23:4567:890a»%eth0",
        ),
        misses=("std::string", "12:30:45", "a::b", "::1", "::", "00:1b:44:11:3a:b7", "Foo::bar"),
    ),
    Rule(
        id="mac-address",
        kind="MAC_ADDRESS",
        head=rf"\b{_HEX}{{2}}[:-]{_HEX}{{2}}[:-]{_HEX}{{2}}[:-]",
        pattern=rf"\b(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}}\b|\b(?:{_HEX}{{2}}-){{5}}{_HEX}{{2}}\b",
        score=0.85,
        check=checks.mac,
        source="IEEE 802 (EUI-48); documentation range RFC 7042",
        hits=("hw «00:00:5e:00:53:af».", "«00-00-5E-00-53-01»"),
        misses=("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:11:22:33:44:55:66:77", "12:30:45"),
    ),
    Rule(
        id="coordinates-decimal",
        kind="GPS_COORDINATES",
        head=r"\b\d{1,2}\.\d{3}",
        pattern=r"\b\d{1,2}\.\d{3,15},[ ]?-?\d{1,3}\.\d{3,15}\b",
        score=0.75,
        check=lambda hit: _signed(hit) and checks.coordinates(hit),
        context=(
            "lat",
            "latitude",
            "lon",
            "lng",
            "long",
            "longitude",
            "gps",
            "coordinates",
            "coordinate",
            "coords",
            "geo",
            "location",
            "position",
            "located",
            "maps",
            "koordinaten",
            "coordenadas",
            "coordonnées",
            "coordinate",
            "coördinaten",
            "współrzędne",
            "standort",
            "point",
            "ll",
        ),  # fmt: skip
        context_score=0.8,
        needs_context=True,
        source="ISO 6709, decimal degrees",
        hits=("GPS: «48.85837, 2.294481».", "location=«-33.8568,151.2153»"),
        misses=("[0.1234, 0.5678]", "gps 12.34", "lat 98.1234, 10.1234"),
    ),
    Rule(
        id="coordinates-field",
        kind="GPS_COORDINATES",
        head=r"\b\d{1,3}\.\d{2}",
        pattern=r"\b\d{1,3}\.\d{2,15}\b",
        score=0.8,
        check=_field,
        source="RFC 7946 (GeoJSON), and JSON as programs write it",
        hits=(
            '{"lat": «52.52», "x": 1}',
            '{"lat": 1, "lon": «-13.405»}',
            "'longitude' : «151.2153»",
            '"coordinates": [«13.405», 52.52]',
            '"coordinates": [\n  13.405,\n  «52.52»\n]',
            '"location":[«-0.1278»,51.5074]',
        ),
        misses=(
            "lat 52.52",
            '"flat": 52.52',
            '"lat": 1352.52',
            '"lat": 152.52',
            '"sizes": [13.405, 52.52]',
            '"lat": "52.52.1"',
        ),
    ),
    Rule(
        id="coordinates-degrees",
        kind="GPS_COORDINATES",
        head=r"\b\d{1,3}(?:\.\d{1,10})?" + utf8("°"),
        pattern=(
            r"\b\d{1,3}(?:\.\d{1,10})?"
            + utf8("°")
            + r"[ ]?(?:\d{1,2}(?:['"
            + "]|"
            + utf8("′")
            + r"|"
            + utf8("’")
            + r")[ ]?(?:\d{1,2}(?:\.\d{1,6})?(?:''|\"|"
            + utf8("″")
            + r"|"
            + utf8("”")
            + r"))?[ ]?)?[NSEWO]\b"
        ),  # fmt: skip
        score=0.8,
        source="ISO 6709, degrees, minutes and seconds",
        hits=("at «48°51'29.6\"N» and", "«48.8584° N»"),
        misses=("20° C", "45°", "90° S-bend"[:3]),
    ),
    Rule(
        id="bitcoin-address",
        kind="CRYPTO",
        pattern=r"\b[13][1-9A-HJ-NP-Za-km-z]{25,34}\b",
        score=0.95,
        check=checks.base58check,
        source="Bitcoin base58check addresses; example: the genesis block",
        hits=("to «1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa» please",),
        misses=("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",),
    ),
    Rule(
        id="bitcoin-segwit",
        kind="CRYPTO",
        pattern=r"\b(?:(?:bc|tb)1[ac-hj-np-z02-9]{11,71}|(?:BC|TB)1[AC-HJ-NP-Z02-9]{11,71})\b",
        score=0.95,
        check=checks.bech32,
        source="BIP 173, BIP 350",
        hits=("to «bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4».",),
        misses=("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",),
    ),
    Rule(
        id="ethereum-address",
        kind="CRYPTO",
        pattern=r"\b0x[0-9a-fA-F]{40}\b",
        score=0.75,
        check=checks.random_token,
        source="EIP-55",
        hits=("to «0x52908400098527886E0F7030069857D2E4169EE7» now",),
        misses=("0x0000000000000000000000000000000000000000", "0x1234"),
    ),
    Rule(
        id="imei",
        kind="DEVICE_ID",
        head=NUMBER_HEAD,
        pattern=r"\b\d{2}[- ]?\d{6}[- ]?\d{6}[- ]?\d(?:\d)?\b",
        score=0.85,
        check=checks.imei,
        context=("imei", "imeis", "imeisv", "meid"),
        needs_context=True,
        source="3GPP TS 23.003",
        hits=("IMEI: «49-015420-323751-8»", "imei «490154203237518»"),
        misses=("490154203237518", "IMEI 490154203237519"),
    ),
    Rule(
        id="device-id",
        kind="DEVICE_ID",
        head=rf"\b{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}",
        pattern=rf"\b{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}\b",
        score=0.8,
        context=(
            "idfa",
            "idfv",
            "aaid",
            "gaid",
            "udid",
            "advertising",
            "device",
            "device_id",
            "deviceid",
            "android_id",
            "installation",
            "handset",
            "gerät",
            "appareil",
            "dispositivo",
            "apparaat",
            "urządzenie",
        ),  # fmt: skip
        needs_context=True,
        source="RFC 9562; advertising identifiers of phone systems",
        hits=("IDFA «6d92078a-8246-4ba4-ae5b-76104861e7dc»",),
        misses=("request 6d92078a-8246-4ba4-ae5b-76104861e7dc",),
    ),
)
