"""XML: texts and values are rewritten where they stand, comments and instructions go, and nothing grows or is fetched."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from privet.metadata import fb2, xml
from privet.metadata.job import MIB, CannotClean, Job, Limits

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, left, unedited

A, N, W = ADDRESS.value, NAME.value, WORD.value
PLACES = {
    "text": f"<r>{A}</r>",
    "attribute": f"<r by=\"{N}\" to='{A}'/>",
    "entity": f"<r a='{A.replace('@', '&#64;')}'>{A.replace('@', '&#x40;')}</r>",
    "cdata": f"<r><![CDATA[{A} & <b>]]></r>",
    "split by an element": f"<r>Hi {A[:5]}<x>{A[5:9]}</x>{A[9:]}</r>",
    "split by marks": f"<p><b>{A[:5]}</b><i>{A[5:]}</i></p>",
    "split by a comment": f"<r>Hi {A[:5]}<!-- {W} -->{A[5:]}</r>",
    "split by sections": f"<r>{A[:5]}<![CDATA[{A[5:]}]]></r>",
    "comment": f"<!-- {W} --><r><!--{W}--></r><!--{W}-->",
    "instruction": f"<?{W} {W}?><r><?a {W}?></r>",
    "style sheet": f'<?xml-stylesheet href="/home/{A}.xsl"?><r/>',
    "internal subset": f"<!DOCTYPE r [<!-- {W} --><?x {W}?><!ELEMENT r ANY><!ATTLIST r a CDATA '{W}'>]><r>x</r>",
    "system id": f'<!DOCTYPE r SYSTEM "file:///home/{W}/r.dtd"><r>x</r>',
    "short entity": f'<!DOCTYPE r [<!ENTITY me "{A}">]><r a="&me;">by &me;</r>',
    "page in a text": f"<r>&lt;p&gt;{A[:5]}&lt;b&gt;{A[5:]}&lt;/b&gt;&lt;!-- {W} --&gt;</r>",
    "page in a section": f"<r><![CDATA[<p>{A[:5]}<b>{A[5:]}</b><!-- {W} -->]]></r>",
    "picture": f"<r>\n{base64.encodebytes(bytes.fromhex('89504e47') + b'x' * 90 + W.encode()).decode()}</r>",
    "data url": f'<r a="data:image/png;base64,{base64.b64encode(W.encode() * 3).decode()}"/>',
    "author of a feed": f'<rss xmlns:dc="d"><dc:creator>{W}</dc:creator><item>x</item></rss>',
    "flat office file": f'<office:document xmlns:office="o"><office:meta><x>{W}</x><y/></office:meta><b>x</b></office:document>',
    "properties of a workbook": f'<Workbook xmlns="s"><DocumentProperties xmlns="o"><Author>{W}</Author></DocumentProperties><Row>x</Row></Workbook>',
    "author of a comment": f'<Workbook xmlns:ss="s"><Comment ss:Author="{W}">x</Comment></Workbook>',
    "creator as an attribute": f"<r xmlns:dc='d'><a dc:creator='{W}'>x</a></r>",
    "program of a track": f'<gpx creator="{W}"><wpt/></gpx>',
    "author of a note": f'<xfdf><annots><text title="{W}" date="{W}">x</text></annots></xfdf>',
    "wrapped": f"<r>{FIRST}\n   {LAST}</r>",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_canary_goes_wherever_it_stands(place: str) -> None:
    out = check(xml.clean, PLACES[place].encode())
    assert (
        ET.fromstring(out).tag == etree.fromstring(PLACES[place].encode(), etree.XMLParser(resolve_entities=False)).tag
    )


def test_what_is_not_edited_stays_as_it_was_written() -> None:
    document = (
        "<?xml version='1.0' encoding=\"UTF-8\" standalone='yes' ?>\r\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
        '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<a:plist  xmlns:a = "u" b=\'x"y\' c="1 > 0">\n\t<k>é &amp; &#233;</k ><e/>'
        "<f a=''/><![CDATA[ ]]><![CDATA[a ]] b]]>&lt;tail ]]</a:plist>\n\n"
    )
    assert unedited(xml.clean, document.encode()) == document.encode()


def test_elements_of_data_are_not_one_word() -> None:
    document = f"<r><from>{FIRST[:4]}</from><till>{FIRST[4:]}</till></r>"
    assert cleaned(xml.clean, document.encode()) == document.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1251", "shift_jis"])
def test_the_encoding_that_a_document_declares_is_kept(encoding: str) -> None:
    letters = {"windows-1251": "Привет", "shift_jis": "日本"}.get(encoding, "é")
    document = f'<?xml version="1.0" encoding="{encoding}"?><r>{letters} {A}</r>'
    assert check(xml.clean, document.encode(encoding)) == document.replace(A, "[X]").encode(encoding)


LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (
            f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r>&l9;</r>'.encode(),
            "it declares entities that are not plain text",
        ),
        (
            b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
            "it declares entities that are not plain text",
        ),
        (
            b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://192.0.2.1/x"> %p;]><r/>',
            "it declares entities that are not plain text",
        ),
        (
            f'<!DOCTYPE r [<!ENTITY x "{"a" * 300}">]><r>&x;</r>'.encode(),
            "it declares entities that are not plain text",
        ),
        (b"<r><a></r>", "not well-formed XML at line 1"),
        (b"<r>\n\n&nbsp;</r>", "not well-formed XML at line 3"),
        (b"<r/><r/>", "not well-formed XML at line 1"),
        (b"", "not well-formed XML at line 1"),
        (b"<r>" + b"x" * (5 * MIB) + b"</r>", "a tag or text longer than"),
    ],
)
def test_what_is_hostile_or_broken_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(xml.clean, raw, job(limits=Limits(max_record_bytes=MIB)))


def test_long_documents_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from privet.metadata import text

    document = f"<r><!-- {W} --><?a {W}?>{A[:4]}<b a='{A}'>{A[4:]}</b><![CDATA[{A}]]><c>{A}</c></r>".encode()
    whole = cleaned(xml.clean, document)
    for size in (1, 5, 33):
        monkeypatch.setattr(text, "_READ_BYTES", size)
        assert cleaned(xml.clean, document) == whole
    assert left(whole) == []


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> str:
    texts = st.sampled_from(
        [
            A,
            FIRST,
            "x",
            " ",
            "\n",
            "&amp;",
            f"<!--{W}-->",
            f"<![CDATA[{A}<b>]]>",
            f"<?a {W}?>",
            "&lt;p&gt;y&lt;/p&gt;",
            "é",
        ]
    )
    parts = draw(st.lists(st.one_of(texts, documents(depth - 1)) if depth else texts, max_size=4))
    name = draw(st.sampled_from(["a", "b", "p", "x:y", "dc:creator"]))
    attribute = draw(st.sampled_from(["", f" t='{A}'", ' u="a&#64;b"', f' v="{N}"']))
    return f"<{name}{attribute}>{''.join(parts)}</{name}>"


@given(documents())
def test_cleaning_twice_is_cleaning_once_and_the_tree_stays(content: str) -> None:
    raw = f"<r xmlns:x='u' xmlns:dc='d'>{content}</r>".encode()
    once = cleaned(xml.clean, raw)
    assert A.encode() not in once
    assert W.encode() not in once
    assert cleaned(xml.clean, once) == once
    kept = [node.tag for node in ET.fromstring(once).iter()]
    assert kept == [node.tag for node in without(ET.fromstring(raw)).iter()]


def without(root: ET.Element) -> ET.Element:
    for child in list(root):
        if child.tag == "{d}creator":
            root.remove(child)
        else:
            without(child)
    return root


@given(st.text("<>&!?[]-ab/= \"';#CDAT", max_size=60))
def test_any_text_is_cleaned_or_refused(content: str) -> None:
    try:
        cleaned(xml.clean, content.encode())
    except CannotClean:
        return


@pytest.mark.parametrize("pattern", ["<a/>", "<!-- -->", "&amp;", "]]", "A", "<?x y?>", "<b a='&amp;'/>"])
def test_large_documents_take_linear_time(pattern: str) -> None:
    raw = f"<r>{pattern * (200_000 // len(pattern))}</r>".encode()
    start = time.process_time()
    unedited(xml.clean, raw)
    assert time.process_time() - start < 3


def test_what_goes_is_told() -> None:
    how = job()
    cleaned(xml.clean, b"<!DOCTYPE r []><?a?><r xmlns:dc='d'><!----><dc:creator/></r>", how)
    assert how.removed == {"doctype": 1, "processing instruction": 1, "comment": 1, "metadata": 1}


def test_a_picture_that_cannot_be_cleaned_goes() -> None:
    picture = base64.b64encode(bytes.fromhex("89504e47") + b"x" * 90).decode()
    assert cleaned(xml.clean, f"<r>{picture}</r>".encode(), Job()) == b"<r></r>"
    assert unedited(xml.clean, f"<r>{picture}</r>".encode()) == f"<r>{picture}</r>".encode()


def test_what_a_creator_is_elsewhere_stays() -> None:
    page = b'<catalog creator="x"><book creator="kept" title="kept" author="kept"/></catalog>'
    assert unedited(xml.clean, page) == page.replace(b'creator="x"', b'creator=""')


@pytest.mark.parametrize("clean", [xml.clean, fb2.clean])
@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_ascii_inside_utf_16_is_refused(clean: Callable[[BinaryIO, BinaryIO, Job], None], mark: str) -> None:
    hidden = f"write to {ADDRESS.value} ".encode()
    start, end = "\ufeff<?xml version='1.0' encoding='utf-16'?><a>".encode(mark), "</a>".encode(mark)
    with pytest.raises(CannotClean, match="two encodings"):
        cleaned(clean, start + hidden + b" " * (len(hidden) % 2) + end)
    document = start + "ことばのみちにはなのさくころ".encode(mark) + end
    assert cleaned(clean, document) == document
