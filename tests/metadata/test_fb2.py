"""FictionBook e-books keep their text and lose who made them."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import pytest
from lxml import etree

from privet.metadata import fb2
from privet.metadata.job import CannotClean, Job, Member

sys.path.append(str(Path(__file__).parent))

from jobs import edits_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(60) + b"picture"
PICTURE = base64.b64encode(PNG).decode()
SECRET = base64.b64encode(b"CANARY" * 20).decode()
BOOK = f"""<?xml version="1.0" encoding="windows-1251"?>
<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0" xmlns:l="http://www.w3.org/1999/xlink"><description><title-info>
<genre>sf</genre><author><first-name>CANARY</first-name></author><book-title>\u041a\u043d\u0438\u0433\u0430</book-title><translator><nickname>CANARY</nickname></translator>
<keywords>CANARY</keywords><lang>ru</lang></title-info><document-info><author><nickname>CANARY</nickname></author><program-used>CANARY</program-used>
<id>CANARY</id></document-info><publish-info><publisher>CANARY</publisher></publish-info><custom-info info-type="x">CANARY</custom-info></description>
<body><!-- CANARY --><section><p>of <strong>Jane</strong> Doe</p><cite><text-author>kept</text-author></cite></section></body>
<binary id="a.png" content-type="image/png">{PICTURE}</binary><binary id="b">{SECRET}</binary></FictionBook>""".encode(
    "cp1251"
)


def cleaned(content: bytes) -> bytes:
    out = io.BytesIO()
    job = Job(edits=edits_of("Jane Doe"), nested=lambda name, raw: Member(name, raw.replace(b"picture", b"cleaned")))
    fb2.clean(io.BytesIO(content), out, job)
    return out.getvalue()


def test_a_book() -> None:
    made = cleaned(BOOK)
    assert b"CANARY" not in made
    assert SECRET.encode() not in made
    root = etree.fromstring(made)
    assert [element.text for element in root.iter("{*}book-title", "{*}lang", "{*}genre")] == [
        "sf",
        "\u041a\u043d\u0438\u0433\u0430",
        "ru",
    ]
    assert [
        etree.tostring(element, method="text", encoding="unicode").strip()
        for element in root.iter("{*}p", "{*}text-author")
    ] == ["of [X]", "kept"]
    assert base64.b64decode(root.findtext("{*}binary") or "").endswith(b"cleaned")
    assert cleaned(made) == made


def test_what_is_broken_is_refused() -> None:
    with pytest.raises(CannotClean, match="not well-formed"):
        cleaned(BOOK[:-20])
