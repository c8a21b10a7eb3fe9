"""Pages: what a reader or a program can read is rewritten, who made the page goes, and the rest is the same."""

from __future__ import annotations

import base64
import io
import sys
import time
from html import escape
from pathlib import Path
from urllib.parse import quote

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.edits import Edit
from privet.metadata import html
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, left, unedited

A, N, W = ADDRESS.value, NAME.value, WORD.value
PNG = base64.b64encode(b"\x89PNG " + W.encode()).decode()
PLACES = {
    "text": f"<p>{A}",
    "decimal": f"<p>{A.replace('@', '&#64;')}",
    "hexadecimal": f"<p>{A.replace('@', '&#x40;')}",
    "every letter": "<p>" + "".join(f"&#{ord(letter)};" for letter in A),
    "no semicolon": f"<p>{A.replace('@', '&#64')}",
    "inline": f"<p>{A[:4]}<b>{A[4:9]}</b><i class=x>{A[9:]}</i>",
    "comment between": f"<p>{A[:4]}<!-- x -->{A[4:]}",
    "conditional": f"<!--[if gte mso 9]><xml>{W}</xml><![endif]--><![if {W}]><p>x<![endif]>",
    "comment": f"<!-- {W} --><!--{W}--!><p>x<!-- {W}",
    "bogus": f"<!{W}><?{W}?></1{W}><p>x",
    "wrapped": f"<p>Hi {FIRST}\n      {LAST}, hello",
    "cells": f"<table><tr><td>{FIRST}<td>{LAST}</table>",
    "title": f"<title>{N} &amp; {A}</title>",
    "textarea": f"<textarea>{A}</textarea>",
    "xmp": f"<xmp><b>{A}</b></xmp>",
    "plain tag": f"write to <{A}> now, <{N}> said",
    "attribute": f'<p title="{A}" lang="{N}">',
    "single quotes": f"<p title='{A}'>",
    "unquoted": f"<p title={A} data-x={A}>x",
    "entity in attribute": f'<img alt="{A.replace("@", "&commat;")}">',
    "mailto": f'<a href="mailto:{A}?subject={quote(N)}">',
    "percent": f'<a href="mailto:{quote(A, safe="")}">',
    "every letter percent": f'<a href="mailto:{"".join(f"%{ord(letter):02X}" for letter in A)}">',
    "id": f'<p id="{A}" class="{A}" name="{A}">',
    "attribute name": f"<p {A}>x<p {A}=1>",
    "words in brackets": f"<a {FIRST}>x",
    "value": f'<input value="{N}" placeholder="{N}" aria-label="{N}">',
    "event": f"<p onclick=\"f('{A}')\">",
    "escaped event": f"<p onclick=\"f('{A.replace('@', chr(92) + 'x40')}')\">",
    "script": f'<script>var a = "{A}", b = "{A.replace("@", chr(92) + "u0040")}"; // {N}</script>',
    "data": f'<script type="application/ld+json">{{"email": "{A}", "name": "{N}"}}</script>',
    "template": f'<script type="text/template"><p>{A[:5]}<b>{A[5:]}</b><!-- {W} --></script>',
    "style": f'<style>/* {W} */ p::before {{content: "{N}"}} .x {{background: url(/u/{A})}}</style>',
    "escaped style": f'<style>p::before{{content:"{A.replace("@", chr(92) + "40 ")}"}}</style>',
    "rule": f"<style>#{A} {{}}</style>",
    "style attribute": f"<p style=\"background:url('data:image/png;base64,{PNG}') /* {W} */\">",
    "data url": f'<img src="data:image/png;base64,{PNG}" srcset="data:image/png;base64,{PNG} 2x">',
    "percent data url": f'<img src="data:text/plain,{quote(W)}">',
    "frame": f'<iframe srcdoc="{escape(f"<p>{A[:4]}<b>{A[4:]}</b><!-- {W} -->")}"></iframe>',
    "author": f'<meta name="author" content="{W}"><meta name=generator content={W}><meta property="article:author" content="{W}">',
    "dublin core": f'<meta name="DC.creator" content="{W}"/><meta http-equiv="last-modified" content="{W}"><link rev=made href="mailto:{W}">',
    "link": f'<link rel="author" href="{W}"><link rel="me" href="{W}"><link rel="EditURI" href="{W}">',
    "description": f'<meta name="description" content="{N}">',
    "island": f"<xml><o:DocumentProperties><o:Author>{W}</o:Author></o:DocumentProperties></xml><p>x",
    "drawing": f"<svg><metadata>{W}</metadata><title>{N}</title><text>{A[:3]}<tspan>{A[3:]}</tspan></text></svg>",
    "doctype": f'<!DOCTYPE html PUBLIC "{W}"><p>x',
    "local file": f'<img src="file:///C:/Users/{W}/a.png">',
    "end tag": f"<p>x</p title='{A}'>",
    "cut off": f'<p>x<a title="{A}',
    "cut off in a picture": f'<p>x<img src="data:image/png;base64,{PNG}',
    "cdata": f"<svg><![CDATA[{A}]]></svg>",
    "noscript": f"<noscript><p>{A}</noscript><noframes>{A}</noframes>",
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_canary_goes_wherever_it_stands(place: str) -> None:
    page = f"<!DOCTYPE html><html><head><title>t</title></head><body>{PLACES[place]}</body></html>"
    out = check(html.clean, PLACES[place].encode())
    assert left(out) == []
    if place not in ("comment", "cut off", "cut off in a picture"):
        assert check(html.clean, page.encode()).startswith(b"<!DOCTYPE html><html>")


def test_what_is_not_edited_stays_as_it_was_written() -> None:
    page = (
        "<!doctype HTML>\r\n<HTML lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>\n"
        "<link rel=stylesheet href=a.css><style>a > b{color:red}</style><script>if (a<b && c>d) {x('</p>')}</script>\n"
        "<script>/* kept: a program */ let s = `<b>`</script></head><body class='a  b'>\n\n<P>1 < 2 &amp; 3 > 2 &copy &nbsp;x&lt;\n"
        "<br/><img src=a.png alt=''><a href='?a=1&b=2%20c#d'>l</a><o:p></o:p><my-box :x=1 @y='2' [z]=3></my-box><td>a<td>b\n"
        "<textarea>\n <b> </textarea><input disabled value=''>&bogus; &#xD800; é ☃ \t<unknown attr=1></p>tail <"
    )
    assert unedited(html.clean, page.encode()) == page.encode()


def test_namespaces_are_no_addresses() -> None:
    page = '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body><p title="http://www.idpf.org/2007/ops">x</p></body></html>'
    job = Job(
        edits=lambda texts, _place: [[Edit(0, len(text), "[URL]")] if text.startswith("http") else [] for text in texts]
    )
    out = io.BytesIO()
    html.clean(io.BytesIO(page.encode()), out, job)
    assert out.getvalue().decode() == page.replace('title="http://www.idpf.org/2007/ops"', 'title="[URL]"')


def test_words_are_joined_and_marks_stay() -> None:
    page = f"<p>Hi <b>{FIRST[:2]}</b>{FIRST[2:]} <i>{LAST}</i>, <u>you</u></p>"
    assert check(html.clean, page.encode()) == b"<p>Hi <b>[X]</b><i></i>, <u>you</u></p>"


def test_a_block_ends_a_word() -> None:
    page = f"<p>{FIRST[:4]}</p><p>{FIRST[4:]}</p>"
    assert cleaned(html.clean, page.encode()) == page.encode()


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("iso-8859-1", "cp1252"),
        ("windows-1251", "cp1251"),
        ("shift_jis", "cp932"),
        ("gb2312", "gb18030"),
        ("utf-8", "utf-8"),
    ],
)
def test_the_encoding_that_a_page_declares_is_kept(declared: str, encoding: str) -> None:
    letters = {"cp1251": "Привет", "cp932": "日本語", "gb18030": "汉字"}.get(encoding, "é")
    page = f'<meta http-equiv="Content-Type" content="text/html; charset={declared}"><p>{letters} {A}'
    assert check(html.clean, page.encode(encoding)) == page.replace(A, "[X]").encode(encoding)


def test_utf_16_and_a_false_declaration() -> None:
    page = f"<meta charset=utf-8><p>é {A}"
    assert check(html.clean, page.encode("utf-16")) == page.replace(A, "[X]").encode("utf-16")
    lying = f"<meta charset=iso-8859-1><p>é {A}".encode()
    assert check(html.clean, lying) == lying.replace(A.encode(), b"[X]")


@pytest.mark.parametrize("declared", ["utf-7", "UTF-7", "hz-gb-2312", "cp037"])
@pytest.mark.parametrize(
    "meta", ["<meta charset={}>", '<meta http-equiv="Content-Type" content="text/html; charset={}">']
)
def test_a_page_in_an_encoding_that_hides_texts_is_refused(declared: str, meta: str) -> None:
    page = meta.format(declared).encode() + b"<p>" + A.encode("utf-7").replace(b"@", b"+AEA-")
    with pytest.raises(CannotClean, match="in which texts hide"):
        check(html.clean, page)


def test_the_tree_is_the_same_for_other_readers() -> None:
    pytest.importorskip("markdown_it")
    from markdown_it import MarkdownIt

    source = f"# Title\n\n* one **{N}**\n* two `code`\n\n> quote <{A}>\n\n| a | b |\n|---|---|\n| {A} | 1 |\n\n![alt](x.png) [link](https://example.com/?a=1&b=2)\n"
    page = MarkdownIt("commonmark").enable("table").render(source)
    before, after = lxml.html.fromstring(page), lxml.html.fromstring(check(html.clean, page.encode()).decode())
    assert [node.tag for node in before.iter()] == [node.tag for node in after.iter()]
    assert before.text_content().replace(N, "[X]").replace(A, "[X]") == after.text_content()


def test_long_pages_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from privet.metadata import text

    page = "".join(PLACES.values()).encode()
    page = page[: page.index(b"<title>")] + f"<p>{A}<!-- {W} --><script>'{A}'</script><p title='{A}'>é".encode() * 30
    whole = cleaned(html.clean, page)
    for size in (1, 7, 64):
        monkeypatch.setattr(text, "_READ_BYTES", size)
        parts = cleaned(html.clean, page)
        assert left(parts) == []
        assert parts == whole


TOKENS = st.sampled_from([
    "<", "</", ">", "<p", "<!--", "-->", "<!", "<?", "<![CDATA[", "]]>", "<script>", "</script>", "<style>", "</style>", "<title>",
    "</title>", " a=", " href=", '"', "'", "=", "&", "&#64;", A, FIRST, LAST, " ", "\n", "<b>", "</b>", "/*", "*/", "url(", "%40",
    "<xml>", "</xml>", "<meta name=", "<iframe srcdoc=", "file:///", "/", "<svg>", "<td>", "<pre>", "é", "data:image/png;base64,AAAA",
])  # fmt: skip


@given(st.lists(TOKENS, max_size=40).map("".join))
def test_broken_markup_hides_no_address(page: str) -> None:
    try:
        out = cleaned(html.clean, page.encode())
    except CannotClean:
        return
    assert A.encode() not in out


@given(st.lists(TOKENS, max_size=40).map("".join))
def test_cleaning_again_changes_nothing(page: str) -> None:
    once = cleaned(html.clean, page.encode())
    assert cleaned(html.clean, once) == once


@pytest.mark.parametrize(
    "pattern",
    ["<", "<a ", "<!--", "</", "<a b=\"'", "&", "<style>url(", "<script>", "<a", "<p style='/*'>", "<![CDATA[", "= "],
)
def test_hostile_pages_take_linear_time(pattern: str) -> None:
    page = (pattern * (200_000 // len(pattern))).encode()
    start = time.process_time()
    unedited(html.clean, page)
    assert time.process_time() - start < 3


def test_a_page_in_a_page_in_a_page_ends() -> None:
    page = f"<p>{A}"
    for _ in range(7):
        page = f'<iframe srcdoc="{escape(page)}"></iframe>'
    assert left(cleaned(html.clean, page.encode())) == []


def test_pictures_of_a_mail_follow_their_ids() -> None:
    page = html.rewritten_page(f"<img src='cid:{W}'><img src=cid:none>", job(), cids={W: "content-1@mail"})
    assert page == "<img src='cid:content-1@mail'><img src=\"cid:gone\">"


def test_what_goes_is_told() -> None:
    how = job()
    cleaned(
        html.clean, b"<!-- a --><meta name=author content=x><link rel=me href=x><svg><metadata>x</metadata></svg>", how
    )
    assert how.removed == {"comment": 1, "meta": 1, "link": 1, "metadata": 1}


def test_a_file_inside_that_cannot_be_cleaned_gives_way() -> None:
    page = f'<img src="data:image/png;base64,{PNG}"><p style="background:url(data:image/png;base64,{PNG})">'
    assert cleaned(html.clean, page.encode(), Job()) == b'<img src="data:,"><p style="background:url(data:,)">'


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_ascii_inside_utf_16_is_refused(mark: str) -> None:
    hidden = f"write to {ADDRESS.value} ".encode()
    raw = "\ufeff<html><p>".encode(mark) + hidden + b" " * (len(hidden) % 2) + "</p></html>".encode(mark)
    with pytest.raises(CannotClean, match="two encodings"):
        cleaned(html.clean, raw)
    page = "\ufeff<html><p>ことばのみちにはなのさくころ</p></html>".encode(mark)
    assert cleaned(html.clean, page) == page
