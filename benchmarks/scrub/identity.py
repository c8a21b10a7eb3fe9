"""Whether two files show, sound and say the same: pixels, samples, text, tensors.

Invariants:

- `same` returns None where nothing says so (no reader for it), never a guess; `opens` says whether the usual reader takes the file.
- Identifiers that gave way are no difference: an address with the canary and the label that stands for it count as the same word.
"""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

from words import MASK, numbers, office_words, pdf_words, plain_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PICTURES: Final = frozenset(
    (
        ".jpg",
        ".png",
        ".apng",
        ".webp",
        ".gif",
        ".tif",
        ".tiff",
        ".bmp",
        ".ico",
        ".heic",
        ".avif",
        ".psd",
        ".jp2",
        ".ppm",
        ".tga",
    )
)
SOUNDS: Final = frozenset(
    (
        ".mp3",
        ".flac",
        ".ogg",
        ".opus",
        ".oga",
        ".wav",
        ".aiff",
        ".m4a",
        ".aac",
        ".mp4",
        ".mov",
        ".m4v",
        ".mkv",
        ".webm",
        ".avi",
        ".wmv",
        ".ts",
    )
)
OFFICE: Final = frozenset((".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub"))
PLAIN: Final = frozenset(
    (
        ".txt",
        ".md",
        ".csv",
        ".jsonl",
        ".json",
        ".html",
        ".xml",
        ".fodt",
        ".fods",
        ".svg",
        ".eml",
        ".mbox",
        ".ipynb",
        ".rtf",
        ".css",
        ".ics",
    )
)
MODELS: Final = frozenset((".safetensors", ".gguf", ".onnx", ".npy", ".npz", ".parquet", ".arrow", ".pkl"))
MAX_WORDS: Final = 8
"""Longest identifier, in words."""
TIMEOUT_SECONDS: Final = 60
QPDF_ERROR: Final = 2


def alike(before: Any, after: Any) -> bool:
    """Return whether nothing changed but that labels took the place of words."""
    if isinstance(before, Counter):
        gone, new = (before - after).total(), after - before
        return set(new) <= {MASK} and gone <= MAX_WORDS * new[MASK]
    if isinstance(before, list) and all(isinstance(word, str) for word in before):
        return _aligned(before, after)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(alike, before, after))
    return bool(before == after)


def _aligned(before: list[str], after: list[str]) -> bool:
    """Return whether each run of words that differs became labels, with what punctuation was written to a word."""
    for kind, start, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        labels = sum(word.count(MASK) for word in after[first:last])
        if not labels or end - start > MAX_WORDS * labels or sum(MASK not in word for word in after[first:last]):
            return False
    return True


def same(before: Path, after: Path) -> bool | None:
    """Return whether what is seen, heard or read is the same; None where nothing can tell."""
    suffix = before.suffix.lower()
    for suffixes, read in READERS:
        if suffix in suffixes:
            try:
                expected = read(before)
            except Exception:
                return None
            try:
                return alike(expected, read(after))
            except Exception:
                return False
    return None


def opens(before: Path, after: Path) -> bool | None:
    """Return whether the usual reader takes the file; None where it does not take the raw one either."""
    try:
        _open(before, before.suffix.lower())
    except Exception:
        return None
    try:
        _open(after, after.suffix.lower())
    except Exception:
        return False
    return True


def _open(path: Path, suffix: str) -> None:
    """Let the usual reader open the file; raise what it raises."""
    if suffix in OFFICE and suffix != ".epub":
        _open_office(path, suffix)
    elif suffix == ".pdf":
        done = subprocess.run(["qpdf", "--check", path], capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
        if done.returncode == QPDF_ERROR:
            raise ValueError
    elif suffix in (".zip", ".epub"):
        with zipfile.ZipFile(path) as file:
            if file.testzip():
                raise ValueError
    elif suffix == ".ipynb":
        import nbformat

        nbformat.validate(nbformat.read(path, as_version=4))
    elif suffix in (".xml", ".svg", ".fodt", ".fods"):
        from lxml import etree

        etree.parse(path)
    elif suffix == ".sqlite":
        import sqlite3

        with sqlite3.connect(path) as file:
            file.execute("pragma integrity_check").fetchall()
    elif suffix in PICTURES and suffix not in (".heic", ".avif"):
        _pixels(path)


def _open_office(path: Path, suffix: str) -> None:
    if suffix == ".docx":
        import docx

        docx.Document(str(path))
    elif suffix == ".xlsx":
        import openpyxl

        openpyxl.load_workbook(path)
    elif suffix == ".pptx":
        import pptx

        pptx.Presentation(str(path))
    else:
        from odf.opendocument import load

        load(str(path))


def _pixels(path: Path) -> Any:
    """Return the pixels of every frame, turned as they are shown, with the time each is shown."""
    from PIL import Image, ImageOps

    if path.suffix.lower() in (".heic", ".avif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
    frames = []
    with Image.open(path) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
            turned = ImageOps.exif_transpose(picture)
            kept = (
                turned
                if turned.mode in ("I;16", "I;16B", "I", "F", "CMYK", "L") and "transparency" not in turned.info
                else turned.convert("RGBA")
            )
            pixels = kept.tobytes()
            frames.append(
                (kept.size, hashlib.md5(pixels, usedforsecurity=False).hexdigest(), picture.info.get("duration"))
            )
    if path.suffix.lower() == ".psd":
        frames = frames[:1]
    return frames


def _samples(path: Path) -> Any:
    """Return digests of every decoded stream but cover pictures."""
    if path.suffix in (".opus", ".ogg", ".oga", ".flac", ".mp3", ".m4a", ".aac", ".wav", ".aiff"):
        streams = ["-map", "0:a"]
    else:
        streams = ["-map", "0:V?", "-map", "0:a?"]
    done = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-i", path, *streams, "-f", "streamhash", "-hash", "md5", "-"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if not done.stdout:
        raise ValueError
    return sorted(line.split(",", 1)[1] for line in done.stdout.splitlines())


READERS: Final[list[tuple[frozenset[str], Callable[[Path], Any]]]] = [
    (PICTURES, _pixels),
    (SOUNDS, _samples),
    (frozenset((".pdf",)), pdf_words),
    (OFFICE, office_words),
    (PLAIN, plain_words),
    (MODELS, numbers),
]
