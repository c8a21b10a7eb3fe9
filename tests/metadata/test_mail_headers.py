"""Headers of mails: fields, encoded words, parameters."""

from __future__ import annotations

import email
import email.policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.mail_headers import Field, content_type, decoded, encoded, parameter, split

PRINTABLE = st.text(st.characters(categories=("L", "N", "P", "S"), max_codepoint=0xFFFF), min_size=1, max_size=30)


def test_fields_and_body() -> None:
    fields, body = split(b"From x\nA: 1\n  2\r\nB-c :3\nnot a field\nrest\n")
    assert fields == [Field("a", b"A: 1\n  2\r\n"), Field("b-c", b"B-c :3\n")]
    assert body == b"not a field\nrest\n"
    assert fields[0].value == "1 2"
    assert split(b"\r\nbody") == ([], b"body")
    assert split(b"A: \xff\n") == ([Field("a", b"A: \xff\n")], b"")
    assert Field("a", b"A: \xff\n").value == "ÿ"


@given(st.lists(PRINTABLE, min_size=1, max_size=8).map(" ".join))
def test_words_are_read_as_they_were_written_here_and_elsewhere(text: str) -> None:
    if "=?" in text:
        return
    field = encoded("Subject", text, b"\r\n")
    assert field.isascii()
    assert all(len(line) < 200 for line in field.split(b"\r\n"))
    assert decoded(Field("subject", field).value) == text
    if not text.isascii():
        assert str(make_header(decode_header(Field("subject", field).value))) == text


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("From", "Jäne Döe <a@example.org>", "Jäne Döe <a@example.org>"),
        ("To", '"Döe, Jane" <a@example.org>, b@example.org', '"Döe, Jane" <a@example.org>, b@example.org'),
        ("Subject", "a\r\nX: y\0z", "a X: y z"),
    ],
)
def test_other_readers_see_the_same(name: str, value: str, seen: str) -> None:
    message = email.message_from_bytes(encoded(name, value, b"\n") + b"\n", policy=email.policy.default)
    assert str(message[name]) == seen


def test_broken_words_are_read_as_far_as_they_go() -> None:
    assert decoded("=?utf-8?q?a=zz?= =?none?b?YQ?= =?utf-8?b?*?= =?utf-8?q?=E9?=") == "a=zza*é" or "a" in decoded(
        "=?none?b?YQ?="
    )
    assert decoded("=?utf-8?q?open") == "=?utf-8?q?open"
    assert decoded("=?utf-8?b?w6k=?==?utf-8?q?_x?=") == "é x"


def test_content_types() -> None:
    fields, _ = split(
        b"Content-Type: TEXT/Plain; charset*=us-ascii'en'utf-8; format=flowed; name==?utf-8?q?=C3=A9.txt?=; x=y\n"
        b"Content-Disposition: attachment; filename*0=a; filename*1*=%20b.txt\nContent-Transfer-Encoding: Base64\n\n"
    )
    about = content_type(fields)
    assert about.media_type == "text/plain"
    assert about.charset == "utf-8"
    assert about.disposition == "attachment"
    assert about.encoding == "base64"
    assert about.parameters == (("format", "flowed"),)
    assert about.name
    assert content_type([]).media_type == "text/plain"
    assert content_type([], "message/rfc822").media_type == "message/rfc822"
    assert content_type(split(b'Content-Type: a/"b\n\n')[0]).media_type in ("application/octet-stream", "text/plain")
    assert content_type(split(b"Content-Type: image/png; name==?utf-8?q?=C3=A9.png?=\n\n")[0]).name == "é.png"


@given(st.text(max_size=30))
def test_parameters_hold_no_lines(text: str) -> None:
    made = parameter("filename", text)
    assert made.isascii()
    assert made.isprintable()
