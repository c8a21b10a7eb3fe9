"""Bodies of mails: parts, encodings, blocks that cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import Job, SetAside
from privet.metadata.mail_parts import decoded, encoded, in_base64, is_canonical, parts, read, without_blobs


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"pre\n--b\none\n--b\n\ntwo\n--b--\nepilogue", [b"one", b"\ntwo"]),
        (b"--b\r\none\r\n--b--", [b"one"]),
        (b"--b \t\none", [b"one"]),
        (b"--b\n--b\n--b--", [b"", b""]),
        (b"--b\n\n--b--\n", [b""]),
        (b"--bc\none\n--b", [b""]),
        (b"no boundary", []),
        (b"", []),
    ],
)
def test_parts(body: bytes, found: list[bytes]) -> None:
    assert list(parts(body, "b")) == found


@given(st.binary(max_size=300), st.sampled_from([b"\n", b"\r\n"]))
def test_base64_is_canonical(raw: bytes, end: bytes) -> None:
    body = in_base64(raw, end)
    assert decoded(body, "base64") == raw
    assert is_canonical(body, raw, "base64")
    assert all(len(line) <= 76 for line in body.split(end))


@given(st.binary(max_size=300))
def test_quoted_printable_texts_come_back(raw: bytes) -> None:
    if b"\r" in raw:
        return
    body = encoded(raw, "quoted-printable", b"\n")
    assert decoded(body, "quoted-printable") == raw
    assert not body.startswith(b"From ")


def test_what_hides_between_the_lines_is_seen() -> None:
    assert not is_canonical(b"AAAA!hidden", decoded(b"AAAA!hidden", "base64") or b"", "base64")
    assert decoded(b"A", "base64") is None
    assert decoded(b"x", "x-uuencode") is None
    assert decoded(b"x", "8bit") == b"x"


def test_charsets() -> None:
    assert read("é".encode(), "utf-8") == ("é", "utf-8")
    assert read(b"\xe9", "utf-8") == ("é", "cp1252")
    assert read(b"\xe9", "") == ("é", "cp1252")
    assert read("é".encode(), "us-ascii") == ("é", "utf-8")
    assert read("é".encode("utf-16"), "UTF-16")[0] == "é"
    assert read(b"\xff\xff", "shift_jis")[1] in ("cp932", "utf-8")
    assert read(b"x", "rot13") == ("x", "utf-8")


def test_blobs() -> None:
    how = Job()
    text = "a\n-----BEGIN PGP MESSAGE-----\nx\n-----END PGP MESSAGE-----\nb\nbegin 644 f\nx\nend\nc\nbegin 1 x\nbegin 644 open\nd\n"
    assert without_blobs(text, how) == "a\nb\nc\nbegin 1 x\nbegin 644 open\nd\n"
    assert how.set_aside == [SetAside("part", "encrypted"), SetAside("attachment", "uuencoded")]
    assert without_blobs("a\n-----BEGIN PGP SIGNATURE-----\nx", how) == "a\n"
    assert how.removed["signature"] == 1
    assert len(how.set_aside) == 2
