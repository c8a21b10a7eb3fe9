"""Outlook messages become mails that hold what a reader saw, and nothing else."""

from __future__ import annotations

import email
import email.policy
import io
import random
import struct
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from privet.edits import Edit
from privet.metadata import msg
from privet.metadata.job import CannotClean, Job, Limits, Member

sys.path.append(str(Path(__file__).parent))

from compound_files import Tree, compound

SENT = 132_514_344_000_000_000
PACKED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
"""The example of MS-OXRTFCP, section 4.1.1."""


def texts(**named: str) -> Tree:
    numbers = {
        "subject": "0037",
        "name": "0C1A",
        "smtp": "5D01",
        "body": "1000",
        "to": "0E04",
        "headers": "007D",
        "server": "3FFA",
    }
    return {f"__substg1.0_{numbers[key]}001F": value.encode("utf-16-le") for key, value in named.items()}


def fixed(header: int, **named: tuple[int, int, int]) -> Tree:
    rows = b"".join(struct.pack("<HHIQ", kind, number, 6, value) for kind, number, value in named.values())
    return {"__properties_version1.0": bytes(header) + rows}


def recipient(name: str, address: str, kind: int) -> Tree:
    return {
        "__substg1.0_3001001F": name.encode("utf-16-le"),
        "__substg1.0_39FE001F": address.encode("utf-16-le"),
        **fixed(8, kind=(3, 0x0C15, kind)),
    }


def message() -> Tree:
    return {
        **fixed(32, sent=(0x40, 0x0039, SENT), page=(3, 0x3FDE, 1251)),
        **texts(
            subject="From J\u00e4ne Doe", name="Jane Doe", smtp="jane@example.com", body="Dear all,\r\nI am Jane Doe.\r\n",
            headers="Received: from CANARY", server="CANARY",
        ),
        "__substg1.0_10130102": "<p>\u042f Jane Doe</p><!-- CANARY -->".encode("cp1251"),
        "__substg1.0_10090102": b"CANARY",
        "__nameid_version1.0": {"__substg1.0_00020102": b"CANARY"},
        "__recip_version1.0_#00000000": recipient("Ann", "ann@example.com", 1),
        "__recip_version1.0_#00000001": recipient("B\u00f6b", "bob@example.com", 2),
        "__attach_version1.0_#00000000": {
            **fixed(8, method=(3, 0x3705, 1)),
            "__substg1.0_37010102": b"some Jane Doe text",
            "__substg1.0_3707001F": "Jane Doe.txt".encode("utf-16-le"),
            "__substg1.0_370E001F": "text/plain".encode("utf-16-le"),
            "__substg1.0_37020102": b"CANARY",
        },
        "__attach_version1.0_#00000001": {
            **fixed(8, method=(3, 0x3705, 5)),
            "__substg1.0_3701000D": {**fixed(24), **texts(subject="inner", body="by Jane Doe")},
        },
        "__attach_version1.0_#00000002": {**fixed(8, method=(3, 0x3705, 6)), "__substg1.0_3701000D": {"CANARY": b"CANARY"}},
    }  # fmt: skip


def job(limits: Limits | None = None) -> Job:
    def edits(given: object, _place: str) -> list[list[Edit]]:
        assert isinstance(given, list)
        return [
            [Edit(text.index("Jane Doe"), text.index("Jane Doe") + 8, "XXX")] if "Jane Doe" in text else []
            for text in given
        ]

    return Job(
        edits=edits,
        nested=lambda name, content: Member(name.replace("Jane Doe", "XXX"), content.replace(b"Jane Doe", b"XXX")),
        limits=limits or Limits(),
    )


def cleaned(tree: Tree, limits: Limits | None = None) -> tuple[EmailMessage, bytes]:
    out = io.BytesIO()
    msg.clean(io.BytesIO(compound(tree)), out, job(limits))
    made = email.message_from_bytes(out.getvalue(), policy=email.policy.default)
    assert isinstance(made, EmailMessage)
    return made, out.getvalue()


def test_a_reader_sees_the_same() -> None:
    mail, raw = cleaned(message())
    assert str(mail["From"]) == "XXX <jane@example.com>"
    assert str(mail["To"]) == "Ann <ann@example.com>"
    assert str(mail["Cc"]) == "B\u00f6b <bob@example.com>"
    assert mail["Subject"] == "From J\u00e4ne Doe"
    assert str(mail["Date"]).startswith("Thu, 03 Dec 2020")
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().split() == ["Dear", "all,", "I", "am", "XXX."]
    assert "<p>\u042f XXX</p>" in page.get_content()
    parts = [(part.get_content_type(), part.get_filename()) for part in mail.iter_attachments()]
    assert parts == [("text/plain", "XXX.txt"), ("message/rfc822", None)]
    inner = next(part for part in mail.walk() if part["Subject"] == "inner")
    assert inner.get_content().strip() == "by XXX"
    assert b"CANARY" not in raw
    assert b"Jane Doe" not in raw


def test_the_same_message_gives_the_same_bytes() -> None:
    assert cleaned(message())[1] == cleaned(message())[1]


def test_a_message_inside_a_message_has_a_bound() -> None:
    tree = message()
    for _depth in range(5):
        tree = {
            **texts(body="outer"),
            "__attach_version1.0_#00000000": {**fixed(8, m=(3, 0x3705, 5)), "__substg1.0_3701000D": tree},
        }
    mail, _raw = cleaned(tree, Limits(max_depth=2))
    assert [part.get_content_type() for part in mail.walk()].count("message/rfc822") in (1, 2)


def test_old_code_pages_are_read() -> None:
    mail, _raw = cleaned({**fixed(32, page=(3, 0x3FFD, 932)), "__substg1.0_0037001E": "\u65e5\u672c".encode("cp932")})
    assert mail["Subject"] == "\u65e5\u672c"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/o=Org/cn=jane", "Roe"),
        ("a@example.com\r\nBcc: x@example.com", "Roe"),
        ("a@example.com", "Roe <a@example.com>"),
    ],
)
def test_only_addresses_are_addresses(address: str, shown: str) -> None:
    mail, _raw = cleaned({**texts(name="Roe", smtp=address, body="x")})
    assert str(mail["From"]) == shown
    assert mail["Bcc"] is None


def test_rich_text_alone_becomes_a_file() -> None:
    mail, raw = cleaned({**texts(subject="s"), "__substg1.0_10090102": PACKED})
    assert mail.get_filename() == "body.rtf"
    assert mail.get_content() == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert raw


def test_packed_rich_text() -> None:
    assert msg.unpacked(PACKED) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert msg.unpacked(struct.pack("<II4sI", 20, 4, b"MELA", 0) + b"{\\x}more") == b"{\\x}"
    assert msg.unpacked(b"short") == msg.unpacked(b"x" * 40) == b""


def test_damaged_messages_are_cleaned_or_refused() -> None:
    chance = random.Random(8)
    whole = compound(message())
    for _turn in range(300):
        content = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _change in range(chance.randrange(8)):
            content[chance.randrange(len(content))] = chance.randrange(256) if content else 0
        try:
            msg.clean(io.BytesIO(content), io.BytesIO(), job())
        except CannotClean as error:
            assert "Jane" not in error.reason
