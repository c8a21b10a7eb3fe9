"""Colour profiles: the colours stay where they count, and the words go."""

from __future__ import annotations

import io
import random
import struct
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from privet.metadata import icc

sys.path.append(str(Path(__file__).parent))

from pictures import CANARY, WORD, leaks, picture, wide_gamut

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ON_DISK = sorted(Path("/usr/share/color/icc").rglob("*.ic[cm]"))


def tags(profile: bytes) -> dict[bytes, bytes]:
    found = {}
    for at in range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12):
        name, offset, length = struct.unpack(">4sII", profile[at : at + 12])
        found[name] = profile[offset : offset + length]
    return found


def with_tags(profile: bytes, new: dict[bytes, bytes]) -> bytes:
    values = tags(profile) | new
    table, body = struct.pack(">I", len(values)), b""
    for name, value in values.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(values) + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    out = profile[:128] + table + body
    return len(out).to_bytes(4) + out[4:]


def curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + (1).to_bytes(4) + int(gamma * 256).to_bytes(2)


def converted(profile: bytes, mode: str) -> bytes:
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
    )
    image = ImageCms.applyTransform(picture(mode), transform)
    assert isinstance(image, Image.Image)
    return image.tobytes()


def test_srgb_says_nothing_new() -> None:
    assert icc.neutral(SRGB, "RGB ") is None
    sampled = b"curv" + bytes(4) + (256).to_bytes(4)
    sampled += b"".join(struct.pack(">H", round(65535 * icc._srgb_light(level / 255))) for level in range(256))
    assert icc.neutral(with_tags(SRGB, dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), sampled)), "RGB ") is None


def test_what_is_kept_converts_as_before_and_has_no_words() -> None:
    kept = icc.neutral(wide_gamut(), "RGB ")
    assert kept is not None
    assert converted(kept, "RGB") == converted(wide_gamut(), "RGB")
    assert leaks.find([CANARY], {"profile": kept}) == []
    assert icc.neutral(kept, "RGB ") == kept
    assert int.from_bytes(kept[:4]) == len(kept)
    assert kept[24:36] == struct.pack(">6H", 1980, 1, 1, 0, 0, 0)
    assert not any(kept[48:56] + kept[80:100] + kept[4:8] + kept[40:44])


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_another_curve_counts(gamma: float) -> None:
    profile = with_tags(SRGB, dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve(gamma) + WORD.encode()))
    kept = icc.neutral(profile, "RGB ")
    assert kept is not None
    assert converted(kept, "RGB") == converted(profile, "RGB")
    assert leaks.find([CANARY], {"profile": kept}) == []


@pytest.mark.parametrize("path", ON_DISK, ids=lambda path: path.name)
def test_profiles_on_disk_convert_as_before(path: Path) -> None:
    profile = path.read_bytes()
    space = profile[16:20].decode()
    if space not in ("RGB ", "GRAY", "CMYK"):
        assert icc.neutral(profile, "RGB ") is None
        return
    kept = icc.neutral(profile, space)  # type: ignore[arg-type]
    mode = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space]
    if kept is not None:
        assert converted(kept, mode) == converted(profile, mode)
        assert icc.neutral(kept, space) == kept  # type: ignore[arg-type]
        assert set(tags(kept)) <= icc._TAGS | {b"desc"}


def test_between_the_elements_of_a_table_nothing_stays() -> None:
    identity = curve(1.0) + bytes(2)
    clut = bytes((2, 2, 2, *[0] * 13, 1, *WORD[:3].encode())) + bytes(range(24))
    gap = WORD.encode().ljust(32, b"x")
    curves = identity * 3
    places = (32 + len(gap), 0, 0, 32 + len(gap) + len(curves), 32 + len(gap) + len(curves) + len(clut))
    table = b"mAB \0\0\0\0\3\3\0\0" + struct.pack(">5I", *places) + gap + curves + clut + curves
    profile = with_tags(SRGB, {b"A2B0": table})
    kept = icc.neutral(profile, "RGB ")
    assert kept is not None
    assert leaks.find([CANARY], {"profile": kept}) == []
    assert tags(kept)[b"A2B0"] == table.replace(gap, bytes(32)).replace(clut[:20], clut[:17] + bytes(3))


@pytest.mark.parametrize(
    "profile",
    [
        b"",
        SRGB[:100],
        bytes(200),
        SRGB[:36] + b"XXXX" + SRGB[40:],
        SRGB[:128] + b"\xff\xff\xff\xff" + SRGB[132:],
        SRGB[:200],
    ],
)
def test_a_damaged_profile_is_not_kept(profile: bytes) -> None:
    assert icc.neutral(profile, "RGB ") is None


def test_a_profile_for_other_channels_is_not_kept() -> None:
    assert icc.neutral(wide_gamut(), "CMYK") is None


def test_any_damage_is_survived() -> None:
    chance = random.Random(5)
    for _ in range(300):
        data = bytearray(wide_gamut())
        for _ in range(5):
            data[chance.randrange(len(data))] = chance.randrange(256)
        kept = icc.neutral(bytes(data), "RGB ")
        assert kept is None or icc.neutral(kept, "RGB ") in (kept, None)


def test_a_curve_beyond_all_numbers_is_no_srgb() -> None:
    steep = b"para" + bytes(8) + struct.pack(">i", -(2**31))
    assert not icc._is_srgb_curve(steep)
    assert icc._light(steep, 1e-300) == float("inf")
