"""Sound and video of ffmpeg, tagged by ffmpeg, mutagen and exiftool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pictures import TAG_SETS, base
from planting import Corpus, command, seen

if TYPE_CHECKING:
    from pathlib import Path

SOUND: Final = [
    ("mp3", ".mp3", ["-c:a", "libmp3lame"]),
    ("flac", ".flac", ["-c:a", "flac"]),
    ("ogg", ".ogg", ["-c:a", "libvorbis"]),
    ("ogg", ".opus", ["-c:a", "libopus"]),
    ("ogg", ".oga", ["-c:a", "flac"]),
    ("wav", ".wav", ["-c:a", "pcm_s16le"]),
    (
        "wav",
        ".wav",
        ["-c:a", "pcm_s24le", "-write_bext", "1", "-metadata", "description=CANARY", "-metadata", "originator=CANARY"],
    ),
    ("aiff", ".aiff", ["-c:a", "pcm_s16be", "-write_id3v2", "1"]),
    ("mp4", ".m4a", ["-c:a", "aac"]),
    ("mp4", ".m4a", ["-c:a", "alac", "-movflags", "+faststart"]),
    ("aac", ".aac", ["-c:a", "aac"]),
]
VIDEO: Final = [
    ("mp4", ".mp4", ["-c:v", "libx264", "-c:a", "aac", "-pix_fmt", "yuv420p"]),
    ("mp4", ".mp4", ["-c:v", "libx264", "-c:a", "aac", "-movflags", "+faststart", "-pix_fmt", "yuv420p"]),
    (
        "mp4",
        ".mp4",
        ["-c:v", "libx264", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov", "-pix_fmt", "yuv420p"],
    ),
    ("mp4", ".mp4", ["-c:v", "mpeg4", "-c:a", "libmp3lame"]),
    ("mp4", ".mov", ["-c:v", "mjpeg", "-c:a", "pcm_s16le"]),
    (
        "mp4",
        ".mov",
        [
            "-c:v",
            "libx264",
            "-c:a",
            "aac",
            "-movflags",
            "use_metadata_tags",
            "-metadata",
            "com.apple.quicktime.location.ISO6709=+52.5+013.4/",
        ],
    ),
    ("mp4", ".m4v", ["-c:v", "libx264", "-an", "-pix_fmt", "yuv420p"]),
    ("matroska", ".mkv", ["-c:v", "libx264", "-c:a", "libvorbis"]),
    ("matroska", ".mkv", ["-c:v", "ffv1", "-c:a", "flac"]),
    ("matroska", ".webm", ["-c:v", "libvpx", "-c:a", "libopus", "-b:v", "100k"]),
    ("avi", ".avi", ["-c:v", "mpeg4", "-c:a", "libmp3lame"]),
    ("avi", ".avi", ["-c:v", "mjpeg", "-c:a", "pcm_s16le"]),
    ("other media", ".wmv", ["-c:v", "wmv2", "-c:a", "wmav2"]),
    ("other media", ".ts", ["-c:v", "libx264", "-c:a", "aac"]),
]
WORDS: Final = ("title", "artist", "album", "comment", "copyright", "date", "encoded_by", "description", "location")
SOURCES: Final = ("-f", "lavfi", "-i", "testsrc=size=96x64:rate=10:duration=1")
TONE: Final = ("-f", "lavfi", "-i", "sine=frequency=440:duration=1")


def _ffmpeg(path: Path, canary: str, inputs: tuple[str, ...], options: list[str], *, chapters: bool = False) -> None:
    words = [word for name in WORDS for word in ("-metadata", f"{name}={canary}")]
    streams = ["-metadata:s:0", f"title={canary}", "-metadata:s:0", f"handler_name={canary}"]
    extra: list[str] = []
    if chapters:
        notes = path.with_suffix(".ffmeta")
        notes.write_text(
            f";FFMETADATA1\ntitle={canary}\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle={seen(canary)}@example.com\n"
        )
        extra = ["-i", str(notes), "-map_metadata", str(len(inputs) // 4), "-map_chapters", str(len(inputs) // 4)]
    command(
        "ffmpeg",
        "-loglevel",
        "error",
        "-y",
        *inputs,
        *extra,
        *words,
        *streams,
        *[o.replace("CANARY", canary) for o in options],
        path,
    )
    path.with_suffix(".ffmeta").unlink(missing_ok=True)


def cover(canary: str) -> bytes:
    """Return a small JPEG with a comment."""
    from io import BytesIO

    out = BytesIO()
    base(2, size=(48, 48)).save(out, "JPEG", comment=canary)
    return out.getvalue()


def _mutagen(path: Path, canary: str, options: list[str]) -> None:
    import mutagen
    from mutagen.flac import FLAC, Picture
    from mutagen.id3 import APIC, COMM, GEOB, PRIV, TIT2, TPE1, TXXX, UFID, USLT
    from mutagen.mp4 import MP4, MP4Cover

    _ffmpeg(path, canary, TONE, options)
    file = mutagen.File(path)
    if isinstance(file, MP4):
        file["\xa9nam"] = file["\xa9ART"] = file["\xa9cmt"] = canary
        file["----:com.apple.iTunes:OWNER"] = canary.encode()
        file["covr"] = [MP4Cover(cover(canary))]
    elif isinstance(file, FLAC):
        file["artist"] = file["comment"] = canary
        picture = Picture()
        picture.data, picture.desc, picture.mime = cover(canary), canary, "image/jpeg"
        file.add_picture(picture)
    elif path.suffix in (".ogg", ".opus", ".oga"):
        file["artist"] = file["metadata_block_picture"] = canary
    else:
        if file.tags is None:
            file.add_tags()
        for frame in (
            TIT2(encoding=1, text=canary),
            TPE1(encoding=3, text=canary),
            COMM(encoding=2, lang="eng", desc=canary, text=canary),
            TXXX(encoding=3, desc=canary, text=canary),
            PRIV(owner=canary, data=canary.encode()),
            UFID(owner=canary, data=canary.encode()),
            USLT(encoding=1, lang="eng", desc="", text=canary),
            GEOB(encoding=0, mime="a/b", filename=canary, desc=canary, data=canary.encode()),
            APIC(encoding=0, mime="image/jpeg", type=3, desc=canary, data=cover(canary)),
        ):
            file.tags.add(frame)
    file.save()


def all_media(corpus: Corpus) -> None:
    """Write every sound and video."""
    for form, suffix, options in SOUND:
        corpus.put(form, suffix, "ffmpeg", lambda p, c, o=options: _ffmpeg(p, c, TONE, o))
        corpus.put(form, suffix, "mutagen", lambda p, c, o=options: _mutagen(p, c, o))
    for form, suffix, options in VIDEO:
        corpus.put(form, suffix, "ffmpeg", lambda p, c, o=options: _ffmpeg(p, c, SOURCES + TONE, o))
        if suffix in (".mp4", ".mkv", ".mov"):
            corpus.put(
                form, suffix, "chapters", lambda p, c, o=options: _ffmpeg(p, c, SOURCES + TONE, o, chapters=True)
            )
    for tags in ("all", "gps", "xmp"):
        corpus.tagged(
            "mp4",
            ".mp4",
            f"exiftool-{tags}",
            lambda p, c: _ffmpeg(p, c, SOURCES, VIDEO[0][2]),
            [*TAG_SETS[tags], "-Keys:GPSCoordinates=52.5 13.4 0", "-UserData:Author={}", "-ItemList:Artist={}"],
        )
    corpus.put("mp4", ".mp4", "subtitles", _subtitles)
    corpus.put("matroska", ".mkv", "subtitles", _subtitles)
    corpus.put("matroska", ".mkv", "attachment", _attachment)


def _subtitles(path: Path, canary: str) -> None:
    lines = path.with_suffix(".srt")
    lines.write_text(f"1\n00:00:00,000 --> 00:00:00,900\nwrite to {seen(canary)}@example.com today\n")
    codec = "mov_text" if path.suffix == ".mp4" else "srt"
    command(
        "ffmpeg",
        "-loglevel",
        "error",
        *SOURCES,
        "-i",
        lines,
        "-c:v",
        "mpeg4",
        "-c:s",
        codec,
        "-metadata",
        f"title={canary}",
        path,
    )
    lines.unlink()


def _attachment(path: Path, canary: str) -> None:
    picture = path.with_suffix(".jpg")
    picture.write_bytes(cover(canary))
    command(
        "ffmpeg",
        "-loglevel",
        "error",
        *SOURCES,
        "-attach",
        picture,
        "-metadata:s:t",
        "mimetype=image/jpeg",
        "-c:v",
        "mpeg4",
        path,
    )
    picture.unlink()
