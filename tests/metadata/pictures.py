"""Pictures with canaries for the tests of the image cleaners, and what every one of them has to hold."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms, ImageSequence

from privet.metadata.job import CannotClean, Job

# The search for canaries in every encoding is shared with the promises.
sys.path.append(str(Path(__file__).parents[1] / "promises"))

import leaks

CANARY = leaks.word("metadata")
WORD = CANARY.value
SIZE = (97, 61)

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="{WORD}"/></rdf:RDF></x:xmpmeta>'
).encode()


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE, seed: int = 1) -> Image.Image:
    """Return a smooth picture with some noise that is not symmetric."""
    noise = random.Random(seed)
    pixels = [
        (5 * x % 256, 7 * y % 256, (3 * x + 2 * y + noise.randrange(9)) % 256, 255 if x > size[0] // 4 else 128)
        for y in range(size[1])
        for x in range(size[0])
    ]
    image = Image.new("RGBA", size)
    image.putdata(pixels)
    if mode == "P":
        return image.convert("RGB").quantize(16)
    if mode in ("I;16", "I", "F"):
        grey = image.convert("L").convert("I").point(lambda level: level * 257)
        return grey if mode == "I" else grey.convert("F") if mode == "F" else grey.convert("I;16")
    return image.convert(mode)


def exif(orientation: int | None = None) -> Image.Exif:
    """Return EXIF data with a canary in the camera's fields, the place and the comment."""
    data = Image.Exif()
    for tag in ("ImageDescription", "Make", "Model", "Software", "Artist", "Copyright"):
        data[ExifTags.Base[tag]] = f"{tag} {WORD}"
    if orientation is not None:
        data[ExifTags.Base.Orientation] = orientation
    gps = data.get_ifd(ExifTags.IFD.GPSInfo)
    gps.update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 27: WORD.encode(), 29: WORD})
    data.get_ifd(ExifTags.IFD.Exif).update({37510: b"ASCII\0\0\0" + WORD.encode(), 42016: WORD, 42033: WORD})
    return data


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def wide_gamut() -> bytes:
    """Return a profile that is not sRGB's, with a canary for its name and its maker."""
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(srgb[128:132]), 12):
        offset = int.from_bytes(srgb[at + 4 : at + 8])
        if srgb[at : at + 4] == b"rXYZ":
            srgb[offset + 8 : offset + 12] = (40000).to_bytes(4)
        if srgb[at : at + 4] in (b"desc", b"cprt"):
            srgb[at + 4 : at + 12] = len(srgb).to_bytes(4) + (28 + 2 * len(WORD)).to_bytes(4)
    srgb += b"mluc" + bytes(3) + b"\0" + bytes((0, 0, 0, 1, 0, 0, 0, 12)) + b"enUS"
    srgb += (2 * len(WORD)).to_bytes(4) + (28).to_bytes(4) + WORD.encode("utf-16-be")
    srgb[0:4] = len(srgb).to_bytes(4)
    srgb[48:56] = WORD[-8:].encode()
    return bytes(srgb)


def cleaned(module: ModuleType, raw: bytes) -> tuple[bytes, Counter[str]]:
    target, job = io.BytesIO(), Job()
    module.clean(io.BytesIO(raw), target, job)
    return target.getvalue(), job.removed


def frames(raw: bytes) -> list[tuple[str, tuple[int, int], bytes, bytes, object]]:
    """Return every frame's mode, size, raw pixels, colours and time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(raw))
        one = image.format == "MPO"
        return [
            (frame.mode, frame.size, frame.tobytes(), frame.convert("RGBA").tobytes(), frame.info.get("duration"))
            for frame, _ in zip(ImageSequence.Iterator(image), range(1 if one else 99), strict=False)
        ]


def check(module: ModuleType, raw: bytes) -> bytes:
    """Clean a picture and hold the result against what every result must be; return it."""
    clean, _ = cleaned(module, raw)
    assert leaks.find([CANARY], {"cleaned": clean}) == []
    assert frames(clean) == frames(raw)
    assert cleaned(module, clean)[0] == clean
    return clean


def orientation(raw: bytes) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(Image.open(io.BytesIO(raw)).getexif().get(ExifTags.Base.Orientation, 1))


def tagged(raw: bytes, suffix: str, folder: Path) -> bytes:
    """Return a file after exiftool has written a canary wherever it can."""
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    path = folder / f"tagged{suffix}"
    path.write_bytes(raw)
    tags = ("Artist", "XMP-dc:Creator", "XMP-dc:Description", "IPTC:By-line", "IPTC:Caption-Abstract", "UserComment", "Comment",
            "SerialNumber", "OwnerName", "PNG:Author", "Software", "XMP-xmpMM:DocumentID", "Photoshop:URL")  # fmt: skip
    places = ("GPSLatitude=52.5", "GPSLatitudeRef=N", "GPSLongitude=13.4", "GPSLongitudeRef=E", "Orientation#=6")
    values = [f"-{tag}={WORD}" for tag in tags] + [f"-{place}" for place in places]
    subprocess.run(
        ["exiftool", "-q", "-q", "-m", "-overwrite_original", *values, path], check=False, capture_output=True
    )
    raw = path.read_bytes()
    assert leaks.find([CANARY], {"tagged": raw}) != []
    return raw


def damaged(raw: bytes, seed: int) -> bytes:
    """Return the file cut off, with some bytes changed, without some, or with some twice."""
    chance = random.Random(seed)
    data = bytearray(raw)
    place, other = chance.randrange(len(data)), chance.randrange(len(data))
    kind = seed % 5
    if kind == 0:
        del data[place:]
    elif kind == 1:
        data[place : place + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1"))
    elif kind == 2:
        del data[place : place + chance.randrange(200)]
    elif kind == 3:
        data[place:place] = data[other : other + chance.randrange(300)]
    else:
        for _ in range(chance.choice((1, 2, 8))):
            data[chance.randrange(min(len(data), chance.choice((64, 512, len(data)))))] = chance.randrange(256)
    return bytes(data)


def refusal(module: ModuleType, raw: bytes) -> str:
    """Return why a file is refused; nothing where it is cleaned."""
    try:
        cleaned(module, raw)
    except CannotClean as error:
        return error.reason or "without a reason"
    return ""


def survives(module: ModuleType, raw: bytes, rounds: int = 100) -> None:
    """Clean a file damaged in many ways: it is cleaned, or refused with a reason, and nothing else."""
    refused = 0
    for seed in range(rounds):
        reason = refusal(module, damaged(raw, seed))
        refused += bool(reason)
        assert reason[:1] == reason[:1].lower()
        assert WORD not in reason
    assert 0 < refused < rounds
