"""Colour profiles turn colours into the same others, and say nothing of who made them."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from privet.ingest.formats import seen
from privet.metadata import colour_profile
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from jobs import cleaned


def profile(kind: str = "sRGB") -> bytes:
    raw = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes())
    raw[48:56] = b"CNRYCNRY"  # manufacturer and model
    raw[80:84] = b"CNRY"  # creator
    return bytes(raw) + b"CNRY"


def done(raw: bytes) -> bytes:
    return cleaned(colour_profile.clean, raw, Job())


def test_it_is_known_by_its_content() -> None:
    assert seen(io.BytesIO(profile()), "a.icc", len(profile())) == "colour_profile"


def test_colours_stay_and_the_rest_goes() -> None:
    raw = profile()
    out = done(raw)
    assert b"CNRY" not in out
    assert out[24:36] == bytes.fromhex("07bc 0001 0001 0000 0000 0000")
    assert b"built-in" not in out
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    lab = ImageCms.createProfile("LAB")
    shown = [
        ImageCms.applyTransform(
            picture, ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(content)), lab, "RGB", "LAB")
        ).tobytes()
        for content in (raw, out)
    ]
    assert shown[0] == shown[1]
    assert done(out) == out


@pytest.mark.parametrize("raw", [profile("LAB"), profile()[:200], b""])
def test_other_kinds_and_damaged_ones_are_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        done(raw)
