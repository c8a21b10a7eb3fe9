"""Damaged, lying and hostile files: they may be set aside, but must not leak, hang, crash or write outside."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from data import message, packed, page, tarred, weights, zipped
from media import SOUND, SOURCES, TONE, VIDEO, _ffmpeg
from office import sheet, word
from pictures import _png, base, exif_block, xmp_packet
from planting import Corpus, command, prose, seen
from portable import fpdf, reportlab

CUTS: Final = (0.3, 0.7, 0.98)
LAUGHS: Final = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def cut(corpus: Corpus) -> None:
    """Write files of each format that end too early."""

    def jpeg(path: Path, canary: str) -> None:
        base(1, size=(640, 400)).save(path, "JPEG", exif=exif_block(canary))

    makers = {
        ".jpg": jpeg,
        ".png": lambda p, c: _png(p, c, "RGB"),
        ".gif": lambda p, c: base(1, "P").save(p, "GIF", comment=c),
        ".webp": lambda p, c: base(1).save(p, "WEBP", exif=exif_block(c), xmp=xmp_packet(c)),
        ".tif": lambda p, c: base(1).save(p, "TIFF", artist=c),
        ".pdf": reportlab,
        ".docx": lambda p, c: word(p, c, 1),
        ".xlsx": lambda p, c: sheet(p, c, 1),
        ".zip": zipped,
        ".tar": lambda p, c: tarred(p, c, ""),
        ".gz": packed,
        ".safetensors": weights,
        ".gguf": weights,
        ".onnx": weights,
        ".mp4": lambda p, c: _ffmpeg(p, c, SOURCES + TONE, VIDEO[0][2]),
        ".mkv": lambda p, c: _ffmpeg(p, c, SOURCES + TONE, VIDEO[7][2]),
        ".flac": lambda p, c: _ffmpeg(p, c, TONE, SOUND[1][2]),
        ".mp3": lambda p, c: _ffmpeg(p, c, TONE, SOUND[0][2]),
        ".eml": lambda p, c: p.write_bytes(message(c).as_bytes()),
        ".html": page,
    }
    for suffix, make in makers.items():
        for share in CUTS:

            def write(path: Path, canary: str, make=make, share=share) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
                make(path, canary)
                path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

            corpus.put("hostile", suffix, "cut", write, "any")


def lying(corpus: Corpus) -> None:
    """Write files that are something else than they say, or two things at once."""
    put = corpus.put

    def jpeg(canary: str) -> bytes:
        out = io.BytesIO()
        base(2).save(out, "JPEG", comment=canary)
        return out.getvalue()

    def zip_of(canary: str, name: str = "a.txt") -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            file.writestr(name, f"{seen(canary)}@example.com")
        return out.getvalue()

    put("hostile", ".png", "named-png", lambda p, c: p.write_bytes(jpeg(c)), "any")
    put("hostile", ".pdf", "named-pdf", lambda p, c: p.write_bytes(jpeg(c)), "any")
    put("hostile", ".jpg", "named-jpg", reportlab, "any")
    put("hostile", ".txt", "named-txt", lambda p, c: p.write_bytes(zip_of(c)), "any")
    put("hostile", ".docx", "named-docx", lambda p, c: p.write_bytes(zip_of(c)), "any")
    put("hostile", "", "nameless", lambda p, c: p.write_bytes(jpeg(c)), "any")
    put("hostile", ".jpg", "jpeg-zip", lambda p, c: p.write_bytes(jpeg(c) + zip_of(c)), "any")
    put(
        "hostile", ".png", "png-zip", lambda p, c: (_png(p, c, "RGB"), p.write_bytes(p.read_bytes() + zip_of(c))), "any"
    )
    put(
        "hostile",
        ".gif",
        "gif-js",
        lambda p, c: (base(1, "P").save(p), p.write_bytes(p.read_bytes() + f"/*{c}*/".encode())),
        "any",
    )
    put("hostile", ".pdf", "pdf-zip", lambda p, c: (reportlab(p, c), p.write_bytes(p.read_bytes() + zip_of(c))), "any")
    put("hostile", ".zip", "sh-zip", lambda p, c: p.write_bytes(f"#!/bin/sh\necho {c}\n".encode() + zip_of(c)), "any")
    put("hostile", ".txt", "not-utf8", lambda p, c: p.write_bytes(b"caf\xe9 \xff\xfe\x80 " + prose(c).encode()), "any")
    put("hostile", ".txt", "utf16", lambda p, c: p.write_bytes(prose(c).encode("utf-16")), "any")
    put(
        "hostile", ".csv", "nul", lambda p, c: p.write_bytes(b"a,b\n\0\0," + f"{seen(c)}@example.com\n".encode()), "any"
    )
    put(
        "hostile",
        ".json",
        "deep",
        lambda p, c: p.write_text("[" * 100_000 + f'"{seen(c)}@example.com"' + "]" * 100_000),
        "any",
    )
    put("hostile", ".bin", "noise", lambda p, c: p.write_bytes(bytes(range(256)) * 40 + c.encode()), "any")
    for suffix in (".txt", ".jpg", ".pdf", ".docx", ".zip", ".parquet"):
        put("hostile", suffix, "empty", lambda p, _c: p.write_bytes(b""), "any")


def attacks(corpus: Corpus) -> None:
    """Write bombs, paths out of the archive, entities, passwords and macros."""
    put = corpus.put

    def bomb(path: Path, canary: str) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(f"{canary}.txt", bytes(50_000_000))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for number in range(120):
                file.writestr(f"{number}.zip", out.getvalue())

    def climbing(path: Path, canary: str) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for name in (
                "../../escaped-zip.txt",
                "/tmp/escaped-zip.txt",  # noqa: S108
                "a/../../../escaped-zip.txt",
                "C:\\escaped-zip.txt",
            ):
                file.writestr(name, f"{seen(canary)}@example.com")

    def climbing_tar(path: Path, canary: str) -> None:
        with tarfile.open(path, "w") as file:
            info = tarfile.TarInfo("../../escaped-tar.txt")
            content = f"{seen(canary)}@example.com".encode()
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
            link = tarfile.TarInfo("link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            file.addfile(link)

    def laughing(canary: str, root: str = "x") -> str:
        return f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY l0 "{canary}">{LAUGHS}<!ENTITY f SYSTEM "file:///etc/passwd">]>'

    def laughing_docx(path: Path, canary: str) -> None:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(
                "[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
            )
            file.writestr("word/document.xml", laughing(canary) + "<x>&l9;&f;</x>")

    def macros(path: Path, canary: str) -> None:
        word(path, canary, 1)
        with zipfile.ZipFile(path, "a") as file:
            file.writestr("word/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + canary.encode())

    put("hostile", ".zip", "bomb", bomb, "any")
    put("hostile", ".zip", "climbing", climbing, "any")
    put("hostile", ".tar", "climbing", climbing_tar, "any")
    put(
        "hostile",
        ".xml",
        "laughs",
        lambda p, c: p.write_text(laughing(f"{seen(c)}@example.com") + "<x>&l9;&f;</x>"),
        "any",
    )
    put(
        "hostile",
        ".svg",
        "laughs",
        lambda p, c: p.write_text(
            laughing(f"{seen(c)}@example.com", "svg")
            + '<svg xmlns="http://www.w3.org/2000/svg"><text>&l9;&f;</text></svg>'
        ),
        "any",
    )
    put(
        "hostile",
        ".html",
        "laughs",
        lambda p, c: p.write_text("<!doctype html>" + "<div>" * 50_000 + f"{seen(c)}@example.com"),
        "any",
    )
    put("hostile", ".docx", "laughs", laughing_docx, "any")
    put("hostile", ".docm", "macros", macros, "any")
    put("hostile", ".pdf", "locked", lambda p, c: fpdf(p, c, secret=True), "refuse")
    put(
        "hostile",
        ".pdf",
        "locked",
        lambda p, c: (
            reportlab(p.with_suffix(".in"), c),
            command("qpdf", p.with_suffix(".in"), "--encrypt", "pw", "pw", "256", "--", p),
            p.with_suffix(".in").unlink(),
        ),
        "refuse",
    )
    put("hostile", ".png", "bomb", _bomb_png, "any")
    put("hostile", ".txt", "link", lambda p, _c: p.symlink_to("/etc/passwd"), "refuse")
    put("hostile", ".txt", "dangling", lambda p, _c: p.symlink_to("nowhere"), "refuse")


def _bomb_png(path: Path, canary: str) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(canary.encode() + bytes(90_000_000)))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + text
        + chunk(b"IDAT", zlib.compress(bytes(9_000_000)))
        + chunk(b"IEND", b"")
    )


def hostile_files(corpus: Corpus) -> None:
    """Write every damaged, lying and hostile file."""
    cut(corpus)
    lying(corpus)
    attacks(corpus)
