"""Sound and films for the tests: made by ffmpeg where it is installed, compared packet by packet, and damaged."""

from __future__ import annotations

import functools
import io
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from privet.edits import Edit
from privet.metadata.job import CannotClean, Job, Member

# The search for canaries in every encoding is shared with the promises.
sys.path.append(str(Path(__file__).parents[1] / "promises"))

import leaks

CANARY = leaks.word("metadata")
WORD = CANARY.value
NAME = "Jane Example"

Clean = Callable[[BinaryIO, BinaryIO, Job], None]

PICTURES = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.6")
SOUND = ("-f", "lavfi", "-i", "anoisesrc=duration=0.6:seed=1:sample_rate=48000")
SUBTITLES = (
    f"1\n00:00:00,000 --> 00:00:00,300\nhello {NAME}, said she\n\n2\n00:00:00,300 --> 00:00:00,600\nsecond line\n"
)
_FIELDS = ("title", "artist", "comment", "encoder", "description", "album")
TAGS = (
    *(part for name in _FIELDS for part in ("-metadata", f"{name}={WORD}")),
    *("-metadata:s", f"title={WORD}", "-metadata:s", f"handler_name={WORD}"),
)


def need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


@functools.cache
def film(suffix: str, *options: str, tags: bool = True) -> bytes:
    """Return what ffmpeg writes with these options."""
    program = need("ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{suffix}"
        (Path(folder) / "lines.srt").write_text(SUBTITLES)
        command = [program, "-v", "error", "-y", *options, *(TAGS if tags else ()), str(path)]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=60)
        return path.read_bytes()


def packets(content: bytes, suffix: str, streams: Sequence[str] = ("0:V?", "0:a?")) -> list[tuple[str, ...]]:
    """Return stream, time, duration, size and digest of every packet, by ffmpeg."""
    program = need("ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{suffix}"
        path.write_bytes(content)
        maps = [part for stream in streams for part in ("-map", stream)]
        command = [program, "-v", "error", "-i", str(path), *maps, "-c", "copy", "-f", "framemd5", "-"]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    rows = [line.replace(" ", "").split(",") for line in out.stdout.splitlines() if not line.startswith("#")]
    return [tuple(row[:6]) for row in rows]


def decoded(content: bytes, suffix: str) -> str:
    """Return the digest of all decoded pictures and sound, by ffmpeg."""
    program = need("ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{suffix}"
        path.write_bytes(content)
        command = [program, "-v", "error", "-i", str(path), "-map", "0:V?", "-map", "0:a?", "-f", "md5", "-"]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return out.stdout


def subtitles(content: bytes, suffix: str) -> str:
    """Return the first subtitle track as SubRip, by ffmpeg."""
    program = need("ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{suffix}"
        path.write_bytes(content)
        command = [program, "-v", "error", "-i", str(path), "-map", "0:s:0", "-f", "srt", "-"]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return out.stdout


def edits(texts: Sequence[str], _place: str) -> list[list[Edit]]:
    """Take the name out."""
    found = [(text.find(NAME), text) for text in texts]
    return [[Edit(at, at + len(NAME), "[NAME]")] if at >= 0 else [] for at, _ in found]


def cleaned(clean: Clean, content: bytes, job: Job | None = None) -> bytes:
    """Return the cleaned file, and see that a second run changes nothing and that the same input gives the same output."""
    first = run(clean, content, job or Job(edits=edits))
    assert run(clean, content, Job(edits=edits)) == first if job is None else True
    return first


def run(clean: Clean, content: bytes, job: Job) -> bytes:
    out = io.BytesIO()
    clean(io.BytesIO(content), out, job)
    return out.getvalue()


def assert_clean(content: bytes) -> None:
    """See that neither the canary nor the name nor ffmpeg's own is there, in any form."""
    assert leaks.find([CANARY], {"file": content}) == []
    for word in (NAME.encode(), NAME.encode("utf-16-be"), NAME.encode("utf-16-le"), b"Lavf5", b"lavf5", b"Lavf6"):
        assert word not in content


def personal_tags(files: Mapping[str, bytes]) -> list[str]:
    """Return the names of the tags exiftool finds that may tell of a person or a tool, in files given by name."""
    program = need("exiftool")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        command = [program, "-s", "-a", "-u", "-G1", *(str(Path(folder) / name) for name in files)]
        out = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
    assert out.stdout.count("FileType  ") == len(files)
    told = []
    for line in out.stdout.splitlines():
        group, _, rest = line.partition("]")
        name, _, value = (part.strip() for part in rest.partition(":"))
        quiet = not value or value.startswith("0000:00:00") or group.strip("[ ") in {"ExifTool", "System", "File"}
        if not quiet and any(word in name + " " for word in PERSONAL):
            told.append(f"{name}: {value}")
    return told


PERSONAL = (
    "Title",
    "Artist",
    "Author",
    "Album",
    "Comment",
    "Software",
    "Encoder",
    "Encoded",
    "Vendor",
    "Make",
    "Model",
    "GPS",
    "Serial",
    "Date",
    "Thumbnail",
    "Creator",
    "Copyright ",
    "Keywords",
    "Rating",
    "MuxingApp",
    "WritingApp",
    "XMP",
    "Location",
    "Publisher",
    "Lyrics",
    "CompressorName",
    "HandlerDescription",
)


def damages(content: bytes, rounds: int, seed: int = 7) -> Iterator[bytes]:
    """Yield damaged copies: cut short, bits turned, numbers made huge or nought."""
    chance = random.Random(seed)  # the same damages every time
    for _ in range(rounds):
        broken = bytearray(content)
        way = chance.randrange(4)
        if way == 0:
            del broken[chance.randrange(len(broken)) :]
        elif way == 1:
            for _ in range(chance.randrange(1, 6)):
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        else:
            near = 3000
            start = (
                chance.randrange(min(len(broken), near))
                if way == 2
                else max(0, len(broken) - chance.randrange(1, near))
            )
            new = chance.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\xff", b"\0", b"\x80"])
            broken[start : start + len(new)] = new
        yield bytes(broken)


def assert_stands(clean: Clean, content: bytes, rounds: int = 150) -> None:
    """See that a damaged file is cleaned or refused, and that what comes out is never much larger than what came in."""
    for broken in damages(content, rounds):
        try:
            out = run(clean, broken, Job(nested=Member))
        except CannotClean:
            continue
        assert len(out) <= len(broken) + 4096


def refused(clean: Clean, content: bytes) -> str:
    """Return why a file is refused."""
    with pytest.raises(CannotClean) as caught:
        run(clean, content, Job())
    assert not caught.value.reason.endswith(".")
    return caught.value.reason
