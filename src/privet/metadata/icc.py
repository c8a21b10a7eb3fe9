"""Colour profiles: kept only where the pixels mean another colour without them, and then without a word in them.

Invariants:

- a profile that says sRGB, or grey with sRGB's curve, is not kept: that is what a picture without a profile means
- what is kept is built anew: header fields that name a device, a program, a date or a profile are fixed, only tags that take part
  in the conversion of colours stay, and bytes of a tag that no reader looks at are zero
- a profile that is damaged, or made for other channels than the picture has, is not kept: readers ignore it

Source: ICC.1:2022, sections 7 (header, tag table), 9 (tags), 10 (types).
"""

from __future__ import annotations

import math
import struct
from typing import Final, Literal

Space = Literal["RGB ", "GRAY", "CMYK"]

MAX_BYTES: Final = 8 * 1024 * 1024
_MAX_TAGS: Final = 100
_TAGS: Final = frozenset(
    b"rXYZ gXYZ bXYZ rTRC gTRC bTRC kTRC wtpt bkpt chad A2B0 A2B1 A2B2 B2A0 B2A1 B2A2 gamt D2B0 D2B1 D2B2 B2D0 B2D1 B2D2 cicp".split()
)
_CLASSES: Final = (b"mntr", b"scnr", b"prtr", b"spac")
_D50: Final = bytes.fromhex("0000f6d6000100000000d32d")
_DATE: Final = struct.pack(">6H", 1980, 1, 1, 0, 0, 0)
# sRGB's primaries under D50: IEC 61966-2-1 adapted by Bradford, as in every published sRGB profile (they differ by up to 0.001).
_SRGB: Final = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
_NEAR_XYZ: Final = 0.003
# One step of 8 bits in the light's curve: two profiles closer than that show the same picture.
_NEAR_CURVE: Final = 0.006
_PROBES: Final = tuple(step / 16 for step in range(1, 16))


def neutral(profile: bytes, space: Space, *, is_alone: bool = False) -> bytes | None:
    """Return the profile with nothing but its colours, or None where the picture means the same without it.

    One that `is_alone`, outside a picture, is not known to any: it stays, whatever it means.
    """
    if not (132 <= len(profile) <= MAX_BYTES) or profile[36:40] != b"acsp":
        return None
    if profile[12:16] not in _CLASSES or profile[16:20] != space.encode() or profile[20:24] not in (b"XYZ ", b"Lab "):
        return None
    tags = _read(profile)
    if tags is None or (_is_plain(tags, space) and not is_alone):
        return None
    return _write(profile, tags, space)


def _read(profile: bytes) -> dict[bytes, bytes] | None:
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > _MAX_TAGS or 132 + 12 * count > len(profile):
        return None
    tags: dict[bytes, bytes] = {}
    values: dict[tuple[int, int], bytes | None] = {}
    for index in range(count):
        name, offset, length = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name not in _TAGS or name in tags:
            continue
        if (offset, length) not in values:
            values[offset, length] = _value(profile[offset : offset + length])
        value = values[offset, length]
        if value is None:
            return None
        tags[name] = value
    complete = {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"} <= tags.keys()
    return tags if complete or b"kTRC" in tags or b"A2B0" in tags else None


def _value(raw: bytes) -> bytes | None:
    """Return the value of a tag with no byte but what its type defines, or None where it is broken."""
    kind = raw[:4]
    if kind == b"curv" and len(raw) >= 12:
        length: int = 12 + 2 * int.from_bytes(raw[8:12])
    elif kind == b"para" and len(raw) >= 12 and raw[9] <= 4:
        length = 12 + 4 * (1, 3, 4, 5, 7)[raw[9]]
        raw = raw[:10] + bytes(2) + raw[12:]
    elif kind in (b"mft1", b"mft2"):
        length = _table_length(raw)
    elif kind in (b"mAB ", b"mBA "):
        return _elements(raw)
    else:
        length = {b"XYZ ": 20, b"sf32": 44, b"cicp": 12}.get(kind, 0)
    if not 0 < length <= len(raw):
        return None
    return kind + bytes(4) + raw[8:length]


def _table_length(raw: bytes) -> int:
    if len(raw) < 52:
        return 0
    inputs, outputs, grid = raw[8], raw[9], raw[10]
    if raw[:4] == b"mft1":
        return int(48 + 256 * (inputs + outputs) + grid**inputs * outputs)
    curve_in, curve_out = struct.unpack_from(">HH", raw, 48)
    return int(52 + 2 * (curve_in * inputs + grid**inputs * outputs + curve_out * outputs))


def _elements(raw: bytes) -> bytes | None:
    """Return an `mAB ` or `mBA ` tag with zeros wherever no element lies."""
    if len(raw) < 32:
        return None
    inputs, outputs = raw[8], raw[9]
    b_curves, matrix, m_curves, clut, a_curves = struct.unpack_from(">5I", raw, 12)
    b_count, a_count = (outputs, inputs) if raw[:4] == b"mAB " else (inputs, outputs)
    out = bytearray(len(raw))
    out[:4], out[8:10], out[12:32] = raw[:4], raw[8:10], raw[12:32]
    end = 32
    if matrix:
        out[matrix : matrix + 48] = raw[matrix : matrix + 48]
        end = max(end, matrix + 48)
    if clut:
        if clut + 20 > len(raw) or raw[clut + 16] not in (1, 2):
            return None
        length = 20 + outputs * raw[clut + 16]
        cells = outputs * raw[clut + 16]
        for grid in raw[clut : clut + min(inputs, 16)]:
            cells *= grid
        length = 20 + cells
        out[clut : clut + length] = raw[clut : clut + 17] + bytes(3) + raw[clut + 20 : clut + length]
        end = max(end, clut + length)
    for at, count in ((b_curves, b_count), (m_curves, 3 if m_curves else 0), (a_curves, a_count)):
        for _ in range(count if at else 0):
            curve = _value(raw[at:]) if raw[at : at + 4] in (b"curv", b"para") else None
            if curve is None:
                return None
            out[at : at + len(curve)] = curve
            at += -(-len(curve) // 4) * 4  # noqa: PLW2901  # curves follow one another, each on a multiple of four
            end = max(end, at)
    if len(out) != len(raw) or end > len(raw) + 3:
        return None
    return bytes(out[:end])


def _is_plain(tags: dict[bytes, bytes], space: Space) -> bool:
    """Return whether the tags say what a picture without a profile means anyway."""
    if any(name[1:3] == b"2B" for name in tags):
        return False
    if space == "GRAY":
        return _is_srgb_curve(tags.get(b"kTRC", b""))
    return space == "RGB " and all(
        _near(tags.get(name, b""), expected) and _is_srgb_curve(tags.get(name[:1] + b"TRC", b""))
        for name, expected in _SRGB.items()
    )


def _near(value: bytes, expected: tuple[float, float, float]) -> bool:
    if value[:4] != b"XYZ ":
        return False
    return all(
        abs(part / 65536 - wanted) < _NEAR_XYZ
        for part, wanted in zip(struct.unpack_from(">3i", value, 8), expected, strict=True)
    )


def _is_srgb_curve(value: bytes) -> bool:
    return value[:4] in (b"curv", b"para") and all(
        abs(_light(value, level) - _srgb_light(level)) < _NEAR_CURVE for level in _PROBES
    )


def _srgb_light(level: float) -> float:
    return float(((level + 0.055) / 1.055) ** 2.4) if level > 0.04045 else level / 12.92


def _light(curve: bytes, level: float) -> float:
    """Return the light of a level, both from 0 to 1, by a `curv` or `para` value; far off where it cannot be worked out."""
    try:
        return _worked_out(curve, level)
    except ArithmeticError:
        return math.inf


def _worked_out(curve: bytes, level: float) -> float:
    if curve[:4] == b"curv":
        points = (len(curve) - 12) // 2
        if points < 2:
            return float(level ** (int.from_bytes(curve[12:14]) / 256)) if points else level
        place = level * (points - 1)
        low = min(int(place), points - 2)
        first, second = struct.unpack_from(">HH", curve, 12 + 2 * low)
        return float((first + (second - first) * (place - low)) / 65535)
    form = curve[9]
    gamma, a, b, c, d, e, f = (
        part / 65536 for part in (*struct.unpack(f">{(len(curve) - 12) // 4}i", curve[12:]), *[0] * 6)[:7]
    )
    if form == 0:
        return float(level**gamma)
    if form in (1, 2):
        inside = a * level + b
        return float((inside**gamma if inside > 0 else 0.0) + (c if form == 2 else 0))
    inside = max(a * level + b, 0.0)
    return float(inside**gamma + e) if level >= d else c * level + f


def _write(profile: bytes, tags: dict[bytes, bytes], space: Space) -> bytes:
    # Two tags that share one value in most profiles share it here too.
    values: dict[bytes, int] = {}
    name = space.strip().encode()
    if profile[8] >= 4:
        text = name.decode().encode("utf-16-be")
        words = b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(text), 28) + text
    else:
        words = b"desc" + struct.pack(">II", 0, len(name) + 1) + name + bytes(1 + 4 + 4 + 2 + 1 + 67)
    entries = sorted((tags | {b"desc": words}).items())
    body = bytearray()
    table = struct.pack(">I", len(entries))
    start = 132 + 12 * len(entries)
    for tag, value in entries:
        if value not in values:
            body += bytes(-len(body) % 4)
            values[value] = start + len(body)
            body += value
        table += struct.pack(">4sII", tag, values[value], len(value))
    body += bytes(-len(body) % 4)
    head = bytearray(128)
    head[0:4] = struct.pack(">I", start + len(body))
    # Version, class, channels, connection space; of the attributes only what ICC itself defines; the rendering intent.
    head[8:10], head[12:24], head[24:36], head[36:40] = profile[8:10], profile[12:24], _DATE, b"acsp"
    head[63] = profile[63] & 0x0F
    head[67] = profile[67] & 0x03
    head[68:80] = _D50
    return bytes(head) + table + bytes(body)
