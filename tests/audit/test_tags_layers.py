"""Pictures with layers and records: blocks of metadata are told, names and texts are looked at."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parent))

from audit_files import chunk, entry, stands, tags

from privet.audit.tags import tags_of

NAME = b"Jane Example"
EXIF = Image.Exif()
EXIF[0x013B] = "Jane Example"


def psd(*resources: tuple[int, bytes], layers: bytes = b"") -> bytes:
    parts = b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + b"\0" * (len(body) & 1)
        for number, body in resources
    )
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 1, 1, 8, 3) + bytes(4)
    return head + struct.pack(">I", len(parts)) + parts + struct.pack(">I", len(layers)) + layers + bytes(5)


def xcf(name: bytes = b"", body: bytes = b"", layer: bytes = b"") -> bytes:
    parasite = struct.pack(">I", len(name) + 1) + name + b"\0" + struct.pack(">II", 1, len(body)) + body
    properties = struct.pack(">II", 21, len(parasite)) + parasite if name else b""
    head = b"gimp xcf v011\0" + struct.pack(">IIII", 1, 1, 0, 150) + properties + bytes(8)
    place = len(head) + 24
    pointers = struct.pack(">QQQ", place if layer else 0, 0, 0)
    return head + pointers + struct.pack(">IIII", 1, 1, 0, len(layer) + 1) + layer + b"\0" + bytes(8)


def exr(*attributes: tuple[bytes, bytes, bytes]) -> bytes:
    listed = ((b"compression", b"compression", b"\0"), *attributes)
    body = b"".join(name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value for name, kind, value in listed)
    return b"v/1\x01\2\0\0\0" + body + b"\0"


def flif(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = b"".join(name + bytes((len(body),)) + body for name, body in chunks)
    return b"FLIF31\x10\x10" + parts + b"\0pixels"


def bpg(*extensions: tuple[int, bytes]) -> bytes:
    parts = b"".join(bytes((kind, len(body))) + body for kind, body in extensions)
    listed = bytes((len(parts),)) + parts if parts else b""
    return b"BPG\xfb\x10" + bytes((8 if parts else 0,)) + b"\1\1\5" + listed + b"coded"


def djvu(*chunks: bytes) -> bytes:
    return b"AT&T" + chunk(b"FORM", b"DJVU" + chunk(b"INFO", bytes(10), ">") + b"".join(chunks), ">")


def emf(title: str = "", comment: bytes = b"") -> bytes:
    words = f"A program\0{title}\0\0".encode("utf-16-le") if title else b""
    head = struct.pack("<II", 1, 100 + len(words)) + bytes(32) + b" EMF" + bytes(16)
    head += struct.pack("<II", len(words) // 2, 100 if words else 0)
    more = struct.pack("<III", 70, 12 + len(comment), len(comment)) + comment if comment else b""
    return head.ljust(100, b"\0") + words + more + struct.pack("<II", 14, 8)


def wmf(comment: bytes = b"") -> bytes:
    record = struct.pack("<IHHH", 5 + len(comment) // 2, 0x0626, 15, len(comment)) + comment if comment else b""
    return b"\1\0\x09\0\0\3" + bytes(12) + record + struct.pack("<IH", 3, 0)


def svg(inner: str, more: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {more}>{inner}<path d="M0 0"/></svg>'.encode()


PLAIN = (1005, bytes(16))
CASES: dict[str, tuple[bytes, bytes, str]] = {
    "psd": (psd(PLAIN), psd(PLAIN, (1028, NAME)), "metadata-iptc"),
    "psd exif": (psd(PLAIN), psd((1058, EXIF.tobytes())), "metadata-exif-artist"),
    "psd xmp": (psd(PLAIN), psd((1060, b"<rdf:RDF><dc:creator>Jane</dc:creator></rdf:RDF>")), "metadata-xmp"),
    "xcf": (xcf(), xcf(b"gimp-comment", NAME), "metadata-image-parasite"),
    "openexr": (exr(), exr((b"owner", b"string", NAME)), "metadata-exr"),
    "openexr place": (exr(), exr((b"longitude", b"float", bytes(4))), "metadata-exr"),
    "flif": (flif((b"iCCP", b"x")), flif((b"eXmp", NAME)), "metadata-xmp"),
    "flif exif": (flif(), flif((b"eXif", zlib.compress(EXIF.tobytes())[2:-4])), "metadata-exif-artist"),
    "bpg": (bpg(), bpg((2, b"icc"), (1, NAME)), "metadata-exif"),
    "djvu": (djvu(chunk(b"Sjbz", b"coded", ">")), djvu(chunk(b"ANTa", NAME, ">")), "metadata-djvu"),
    "emf": (emf(), emf("Jane's drawing"), "metadata-image-title"),
    "emf comment": (emf(comment=b"EMF+plus"), emf(comment=NAME), "metadata-image-comment"),
    "wmf": (wmf(), wmf(NAME), "metadata-image-comment"),
    "svg": (svg("<title>lake</title>"), svg("<metadata><dc:creator>Jane</dc:creator></metadata>"), "metadata-xml"),
    "svg path": (svg(""), svg("", 'sodipodi:docname="jane.svg"'), "metadata-xml"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_clean_picture_passes_and_metadata_is_told(case: str) -> None:
    clean, tagged, rule = CASES[case]
    assert not any(tags(clean).values())
    assert tags(tagged)[rule]


@pytest.mark.parametrize(
    "raw",
    [
        xcf(layer=NAME),
        psd(layers=b"8BIMluni" + struct.pack(">II", 4 + 24, 12) + NAME.decode().encode("utf-16-be")),
    ],
)
def test_names_of_layers_are_looked_at(raw: bytes) -> None:
    found = [tag for tag in tags_of(entry(raw)) if tag.rule == "metadata-layer-name"]
    assert [(tag.personal, tag.text.strip("\0")) for tag in found] == [(False, "Jane Example")]
    assert "Jane" not in repr(found)


def test_an_rss_feed_is_no_drawing() -> None:
    assert tags(b"<?xml version='1.0'?><rss><item><dc:creator>x</dc:creator></item></rss>", "a.xml") == {}


@pytest.mark.parametrize("case", CASES)
def test_damage_is_read_or_told(case: str) -> None:
    stands(CASES[case][1])
