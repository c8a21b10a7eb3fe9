"""Films as ffmpeg writes them, and by hand what it does not."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from audit_files import stands, tags

FILM = ("-f", "lavfi", "-i", "testsrc=size=32x32:rate=5:duration=0.4", "-bitexact")
TITLE = ("-metadata", "title=Janes", "-metadata", "service_name=Janes", "-metadata", "comment=hers")
RULES = {
    "mkv": "metadata-matroska-title",
    "webm": "metadata-matroska-title",
    "wmv": "metadata-asf",
    "flv": "metadata-flv",
    "ts": "metadata-stream-service",
    "rm": "metadata-real-media",
    "avi": "metadata-riff-info",
}


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", RULES)
def test_a_film_without_a_title_passes_and_one_with_fails(tmp_path: Path, suffix: str) -> None:
    found = []
    for options in ((), TITLE):
        path = tmp_path / f"a.{suffix}"
        subprocess.run(["ffmpeg", "-v", "error", "-y", *FILM, *options, str(path)], check=True, timeout=60)
        found.append(tags(path.read_bytes()))
    assert not any(found[0].values())
    assert found[1][RULES[suffix]]
    stands(path.read_bytes()[:4096])


def _element(number: bytes, body: bytes) -> bytes:
    return number + bytes((0x40 | len(body) >> 8, len(body) & 255)) + body


def test_elements_of_matroska_behind_a_cluster_of_no_known_size() -> None:
    head = _element(b"\x1a\x45\xdf\xa3", b"") + b"\x18\x53\x80\x67\x01" + b"\xff" * 7
    cluster = b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7 + _element(b"\xa3", bytes(20))
    assert tags(head + cluster) == {}
    tagged = head + cluster + _element(b"\x19\x41\xa4\x69", b"x") + _element(b"\x73\x84", b"/home/jane/a.mkv")
    assert tags(tagged) == {"metadata-matroska-attachment": True, "metadata-matroska-path": True}


def test_blank_texts_of_real_media_pass() -> None:
    content = b"\0\0" + struct.pack(">H", 8) + bytes(8) + bytes(6)
    part = b"CONT" + struct.pack(">I", 8 + len(content)) + content
    assert tags(b".RMF\0\0\0\x12" + bytes(10) + part) == {}


def test_what_cameras_write_between_pictures() -> None:
    assert tags(b"\0\0\1\xba" + bytes(99)) == {}
    assert tags(b"\0\0\1\xba" + bytes(99) + b"MDPM" + bytes(20)) == {"metadata-stream-camera": True}
