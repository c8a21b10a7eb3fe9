"""RTF files: texts are rewritten whole, however they are coded; who wrote them, and what was deleted, is gone."""

from __future__ import annotations

import contextlib
import io
import random
import re
import time
from collections.abc import Sequence

import pytest

from privet.edits import Edit
from privet.metadata import rtf
from privet.metadata.job import CannotClean, Job, Member

FOUND = re.compile(r"jane@example\.com|Jane Doe|Jäne Doe|CANARY-text")


def edits(texts: Sequence[str], _place: str) -> list[list[Edit]]:
    return [[Edit(found.start(), found.end(), "[X]") for found in FOUND.finditer(text)] for text in texts]


def cleaned(content: bytes, used: Job | None = None) -> bytes:
    out = io.BytesIO()
    rtf.clean(
        io.BytesIO(content),
        out,
        used or Job(edits=edits, nested=lambda name, data: Member(name, data.replace(b"CANARY", b""))),
    )
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"plain\\par", b"plain\\par"),
        (b"mail ja{\\b ne@exam}ple.com now\\par", b"mail [X]{\\b } now\\par"),
        (b"by J\\'e4ne Doe.", b"by [X]."),
        (b"by J\\u228?ne Doe.", b"by [X]."),
        (b"\\uc2 by J\\u228 ??ne Doe.", b"\\uc2 by [X]."),
        (b"Jane\\~Doe", b"Jane\\~Doe"),
        (b"(Jane\\par Doe)", b"(Jane\\par Doe)"),
        (b"a{\\v CANARY}\\v CANARY\\v0 b", b"a{}b"),
        (b"a{\\deleted\\revauthdel1\\revdttmdel1 CANARY}{\\revised\\revauth1\\revdttm123456789 b}", b"a{}{b}"),
        (b"a\\insrsid1234567\\pararsid99 b", b"ab"),
        (b"{\\info{\\author CANARY}{\\creatim\\yr2020}}a", b"a"),
        (b"{\\*\\generator CANARY;}{\\*\\userprops{\\propname CANARY}}{\\*\\CANARYdest x{y}}a", b"a"),
        (b"{\\*\\atnauthor CANARY}\\chatn{\\*\\annotation CANARY}a", b"\\chatn a"),
        (b"{\\field{\\*\\fldinst AUTHOR }{\\fldrslt CANARY}}a", b"{\\field{\\fldrslt }}a"),
        (
            b'{\\field{\\*\\fldinst HYPERLINK "mailto:jane@example.com"}{\\fldrslt me}}',
            b'{\\field{\\*\\fldinst HYPERLINK "mailto:[X]"}{\\fldrslt me}}',
        ),
        (b"{\\header h Jane Doe}b", b"{\\header h [X]}b"),
        (b"{\\pict\\pngblip\\bliptag99 89504e47 43414e415259}a", b"{\\pict\\pngblip\n89504e47}a"),
        (b"{\\pict\\pngblip\\bin10 \x89PNGCANARY}a", b"{\\pict\\pngblip\n89504e47}a"),
        (b"{\\pict\\wbitmap 43414e415259}a", b"a"),
        (
            b"{\\object\\objemb{\\*\\objclass CANARY}{\\*\\objdata 43414e415259}{\\result r}}",
            b"{\\object\\objemb{\\result r}}",
        ),
        (b"\\trowd a Jane Doe\\cell b\\cell\\row", b"\\trowd a [X]\\cell b\\cell\\row"),
    ],
)
def test_text(body: bytes, expected: bytes) -> None:
    out = cleaned(b"{\\rtf1\\ansi\\ansicpg1252 " + body + b"}CANARY behind")
    assert out == b"{\\rtf1\\ansi\\ansicpg1252 " + expected + b"}"


def test_fonts_say_how_letters_are_coded() -> None:
    head = b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}{\\f1\\fcharset204 Arial;}}\\f1 "
    word = "Иван".encode("cp1251")
    content = head + b"".join(b"\\'%02x" % byte for byte in word) + b"}"
    job = Job(edits=lambda texts, _place: [[Edit(0, len(text), "Пётр")] if text == "Иван" else [] for text in texts])
    assert b"\\u1055?\\u1105?\\u1090?\\u1088?" in cleaned(content, job)


def test_a_picture_that_cannot_be_cleaned_goes() -> None:
    job = Job(edits=edits)
    assert cleaned(b"{\\rtf1 a{\\*\\shppict{\\pict\\pngblip 89504e47}}b}", job) == b"{\\rtf1 a{\\*\\shppict}b}"
    assert job.removed == {"member set aside": 1}


@pytest.mark.parametrize("content", [b"", b"{\\rtf1 a", b"plain", b"{\\rtf1" + b"{" * 5000])
def test_what_is_broken_is_refused(content: bytes) -> None:
    with pytest.raises(CannotClean):
        cleaned(content)


def test_damaged_files_are_cleaned_or_refused() -> None:
    chance = random.Random(1)
    content = b"{\\rtf1\\ansi{\\fonttbl{\\f0\\fcharset128 A;}}\\f0 \\'83\\'42 \\u-10179?\\u-8704? {\\pict\\pngblip 8950}{\\*\\x y}\\bin3 abc\\par a}"
    for _ in range(500):
        broken = bytearray(content)
        for _flip in range(chance.randrange(1, 6)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        with contextlib.suppress(CannotClean):
            cleaned(bytes(broken))


def test_large_files_take_time_by_their_size() -> None:
    start = time.perf_counter()
    cleaned(b"{\\rtf1 " + b"{\\b a}\\par " * 10_000 + b"{\\pict\\pngblip " + b"00" * 500_000 + b"}}")
    assert time.perf_counter() - start < 8
