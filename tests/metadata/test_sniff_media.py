"""Pictures, sound and film by their first bytes; a text that begins like one of them stays a text."""

from __future__ import annotations

import struct

import pytest

from privet.metadata.sniff import mismatch, recognise


def kind(raw: bytes, name: str = "") -> str:
    return recognise(raw, raw, name, len(raw))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(9), "jpeg2000"),
        (b"\xff\x4f\xff\x51\0\x29", "jpeg2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
        (b"\xff\n\x10\x20", "jxl"),
        (b"P5 2 2 255\n\0\0\0\0", "netpbm"),
        (b"P4\n# drawn\n8 1\n\xff", "netpbm"),
        (b"P7\nWIDTH 2\n", "netpbm"),
        (b"PF\n#a\n2 2\n-1.0\n", "netpbm"),
        (b"\x0a\5\1\x08" + bytes(61) + b"\1" + bytes(99), "pcx"),
        (b"\x01\xda\1\1\0\3" + bytes(600), "sgi"),
        (b"qoif\0\0\0\1\0\0\0\1\3\0", "qoi"),
        (b"#?RADIANCE\n", "radiance"),
        (b"DDS |\0\0\0", "dds"),
        (b"icns\0\0\0\x08", "icns"),
        (b"v/1\x01\2\0\0\0", "openexr"),
        (b"RIFF\x20\0\0\0ACON", "ani"),
        (b"SIMPLE  =                    T", "fits"),
        (b"gimp xcf file\0", "xcf"),
        (b"AT&TFORM\0\0\0\x04DJVU", "djvu"),
        (b"BPG\xfb\x10\0", "bpg"),
        (b"FLIF31\x81\x10\x3f", "flif"),
        (b"SDPX\0\0\x08\0", "dpx"),
        (b"\1\0\0\0" + bytes(36) + b" EMF", "emf"),
        (b"\xd7\xcd\xc6\x9a", "wmf"),
        (b"MAC \x96\x0f\0\0\0", "ape"),
        (b"wvpk\x20\0\0\0", "wavpack"),
        (b"MPCKSH\x0f", "musepack"),
        (b"MP+\7\x10\0\0\0", "musepack"),
        (b"TTA1\1\0", "tta"),
        (b"DSD \x1c\0\0\0", "dsd"),
        (b"FRM8\0\0\0\0\0\0\0\x09DSD ", "dsd"),
        (b"caff\0\1", "caf"),
        (b".snd\0\0\0\x18", "au"),
        (b"#!AMR-WB\n", "amr"),
        (b"\x0bw\0\0\0\x40" + bytes(90) + b"\x0bw", "ac3"),
        (b"MThd\0\0\0\x06", "midi"),
        (b"FLV\1\5", "flv"),
        (b".RMF\0\0\0\x12", "real_media"),
        (b"\0\0\1\xba\x44", "mpeg_ps"),
        ((b"\x47" + bytes(187)) * 3, "mpeg_ts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 3, "mpeg_ts"),
        (b"IIRO\x08\0\0\0", "camera_raw"),
        (b"FUJIFILMCCD-RAW 0201", "camera_raw"),
        (bytes(128) + b"DICM", "dicom"),
        (b"d8:announce3:abc4:infod4:name1:aee", "torrent"),
        (b"ID3\4\0\0\0\0\0\0MAC \x96\x0f\0", "ape"),
    ],
)
def test_files_are_known_by_their_first_bytes(raw: bytes, expected: str) -> None:
    assert kind(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "MAC address,owner\n", "P1 10 is late\n", "P5 2024 plan\n", "icns are icons\n", "MP+ is a codec\n", "TTA1 is a term\n", "DSD sound\n",
        "FRM8 form\n", "qoif what\n", "wvpk wavpack\n", "MPCK SH\n", "SDPX and XPDS\n", "FLIF is free\n", "#!AMR speech\n", "d10 words\n",
        "IIRO and MMOR\n", "FOVb wide\n", ".RMF is old\n", "G\nG\n",
    ],
)  # fmt: skip
def test_a_text_that_begins_like_one_stays_a_text(text: str) -> None:
    assert kind((text * 3).encode(), "notes.txt") == "text"


def test_targa_is_told_by_its_end_or_its_name() -> None:
    head = struct.pack("<3B2HB4H2B", 0, 0, 2, 0, 0, 0, 0, 0, 2, 2, 24, 0) + bytes(range(12))
    assert kind(head, "a.tga") == "tga"
    assert kind(head + bytes(8) + b"TRUEVISION-XFILE.\0") == "tga"
    assert kind(head) != "tga"


def test_names_of_other_kinds_are_lies() -> None:
    assert mismatch("jpeg2000", "a.jp2") is None
    assert mismatch("asf", "a.wma") is None
    assert mismatch("jpeg2000", "a.txt") == "the name says text, the content is jpeg2000"
    assert mismatch("text", "a.hdr") is None
    assert mismatch("text", "a.ts") is None
