from __future__ import annotations

import base64
import bz2
import codecs
import gzip
import hashlib
import io
import json
import lzma
import random
import zipfile
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.endpoint.traces import Search, Traces

STEM = "ebony-saddle-18271"
ANSWER = 'The sea is a "wide" and blue place, Zoë'
MARKS = {f"way {number}": [f"{STEM}-{chr(97 + number)}amark"] for number in range(20)} | {"answer": [ANSWER]}
MARK = MARKS["way 7"][0]
WITHIN = f"Please keep in mind: {MARK}. Reply with OK."
BODY = json.dumps({"messages": [{"role": "user", "content": WITHIN}]}).encode()
TRACES = Traces(STEM, MARKS, {"way 7": [WITHIN]})
TEXT = BODY.decode()


def names(data: bytes) -> set[str]:
    plain, packed = Search(TRACES, 1 << 30).through(lambda at, many: data[at : at + many], 0, len(data))
    return plain | packed


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "nothing")
        archive.writestr("b/request.json", BODY)
    return packed.getvalue()


FORMS = {
    "as it is": BODY,
    "in capitals": BODY.upper(),
    "backwards": BODY[::-1],
    "rot13": codecs.encode(TEXT, "rot13").encode(),
    "with other signs": MARK.replace("-", "_").encode(),
    "with entities": MARK.replace("-", "&#45;").encode(),
    "without signs": MARK.replace("-", "").encode(),
    "hex": BODY.hex().encode(),
    "hex in capitals": BODY.hex().upper().encode(),
    "hex with spaces": BODY.hex(" ").encode(),
    "hex with colons": BODY.hex(":").encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 BE": TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "percent": "".join(f"%{byte:02X}" for byte in BODY).encode(),
    "JSON escapes": "".join(f"\\u{byte:04x}" for byte in BODY).encode(),
    "hex escapes": "".join(f"\\x{byte:02x}" for byte in BODY).encode(),
    "octal escapes": "".join(f"\\{byte:03o}" for byte in BODY).encode(),
    "entities": "".join(f"&#{byte};" for byte in BODY).encode(),
    "a list of bytes": json.dumps(list(BODY)).encode(),
    "a list of bytes in lines": json.dumps(list(BODY), indent=1).encode(),
    "binary digits": " ".join(f"{byte:08b}" for byte in BODY).encode(),
    "base64 in lines": base64.encodebytes(BODY),
    "base64 of UTF-16": base64.b64encode(TEXT.encode("utf-16-le")),
    "gzip": gzip.compress(BODY),
    "the second gzip": gzip.compress(b"first") + gzip.compress(BODY),
    "zlib": zlib.compress(BODY),
    "zlib, best": zlib.compress(BODY, 9),
    "zlib, fast": zlib.compress(BODY, 1),
    "bzip2": bz2.compress(BODY),
    "xz": lzma.compress(BODY),
    "Zstandard": zstandard.compress(BODY),
    "zip": _zip(),
    "the second Zstandard": zstandard.compress(b"first") + zstandard.compress(BODY),
    "the second bzip2": bz2.compress(b"first") + bz2.compress(BODY),
    "gzip twice": gzip.compress(gzip.compress(BODY)),
    "gzip in base64": base64.b64encode(gzip.compress(BODY)),
    "zlib in base64 for addresses": base64.urlsafe_b64encode(zlib.compress(BODY)),
    "gzip in hex": gzip.compress(BODY).hex().encode(),
    "gzip that was not ended": gzip.compress(BODY + random.Random(1).randbytes(20_000))[:-600],
} | {
    f"{name}, moved by {shift}": encode(b"x" * shift + BODY)
    for shift in range(5)
    for name, encode in (
        ("base64", base64.b64encode),
        ("base64 for addresses", base64.urlsafe_b64encode),
        ("base32", base64.b32encode),
        ("base85", base64.b85encode),
        ("Ascii85", base64.a85encode),
    )
}  # fmt: skip
NOISE = random.Random(5).randbytes(1024 * 1024 - 77)


@pytest.mark.parametrize("form", FORMS)
def test_a_mark_is_found_in_every_form_and_place(form: str) -> None:
    data = FORMS[form]
    assert names(data) == {"way 7"}
    assert names(b"\n" + data + b"\n") == {"way 7"}
    # Across the end of what is read at once, at any offset.
    assert names(NOISE + b"\n" + data) == {"way 7"}


def test_the_text_of_an_answer_is_found() -> None:
    for data in (
        ANSWER.encode(),
        json.dumps({"a": ANSWER}).encode(),
        base64.b64encode(b"ab" + ANSWER.encode()),
        zlib.compress(ANSWER.encode()),
    ):
        assert names(data) == {"answer"}


def test_each_way_is_told_from_the_others() -> None:
    for name, (mark,) in list(MARKS.items())[:-1]:
        assert names(base64.b64encode(f"x{mark} ".encode())) == {name}
    assert names(" ".join(mark for (mark,) in MARKS.values()).encode()) == set(MARKS)


def test_digests_are_told_from_marks() -> None:
    for kind in ("md5", "sha1", "sha256", "sha512"):
        for text in (MARK, WITHIN):
            search = Search(TRACES, 1 << 30)
            data = f"id={hashlib.new(kind, text.encode()).hexdigest().upper()} ".encode()
            assert search.through(lambda at, many, data=data: data[at : at + many], 0, len(data)) == (set(), set())
            assert search.hashed == {"way 7"}


@pytest.mark.parametrize(
    "text", [b"", b"ebony saddle", STEM.encode(), STEM[:-1].encode() + b"9-hamark", b"ebony-saddle-18272-hamark"]
)
def test_what_is_no_mark_is_none(text: bytes) -> None:
    assert names(NOISE[:1000] + text) == set()


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_searched(data: bytes) -> None:
    assert names(data) == set()
    for head in (
        b"\x1f\x8b\x08",
        b"x\x9c",
        b"BZh91AY&SY",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b" H4sI",
        b" eJx",
        b" 789c",
    ):
        assert names(head + data) == set()


def test_a_search_stops_where_it_may_read_no_more_and_says_so() -> None:
    search = Search(TRACES, 1000)
    assert search.through(lambda at, many: NOISE[at : at + many], 0, len(NOISE)) == (set(), set())
    assert search.unread == 1


def test_a_bomb_does_not_outlast_what_may_be_read() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), 9)
    search = Search(TRACES, 8 * 1024 * 1024)
    search.through(lambda at, many: bomb[at : at + many], 0, len(bomb))
    assert search.left > -(8 * 1024 * 1024)
    assert search.unread
