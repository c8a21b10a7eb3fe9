"""E-books: chapters and what they show, with metadata that say nothing."""

from __future__ import annotations

import contextlib
import io
import random
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from privet.edits import Edit
from privet.metadata import epub
from privet.metadata.job import CannotClean, Job, Member

sys.path.append(str(Path(__file__).parent))

from jobs import damaged

FOUND = re.compile(r"jane@example\.com|Jane Doe")
OPF = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="CANARY"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="CANARY">CANARY</dc:identifier><dc:title>CANARY</dc:title><dc:creator>CANARY</dc:creator><dc:language>de-AT</dc:language>
<dc:date>2020-01-01</dc:date><meta name="calibre:user" content="CANARY"/><meta name="cover" content="CANARYcover"/></metadata><manifest>
<item id="CANARY1" href="text/one.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="text/t%20wo.xhtml" media-type="application/xhtml+xml"/><item id="css" href="s.css" media-type="text/css"/>
<item id="CANARYcover" href="c.png" media-type="image/png"/><item id="f" href="f.otf" media-type="font/otf"/>
<item id="g" href="g.otf" media-type="font/otf"/><item id="js" href="x.js" media-type="text/javascript"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/><item id="lost" href="../../lost.xhtml" media-type="application/xhtml+xml"/>
</manifest><spine toc="ncx"><itemref idref="CANARY1"/><itemref idref="two" linear="no"/><itemref idref="lost"/></spine>
<guide><reference title="CANARY" href="x"/></guide></package>"""
NCX = """<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><head><meta name="dtb:uid" content="CANARY"/><meta name="dtb:depth" content="1"/>
<meta name="generator" content="CANARY"/></head><docTitle><text>CANARY</text></docTitle><docAuthor><text>CANARY</text></docAuthor>
<navMap><navPoint id="n"><navLabel><text>on Jane Doe</text></navLabel><content src="text/one.xhtml#x"/></navPoint></navMap></ncx>"""
CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="O/content.opf"/></rootfiles></container>"""


def edits(texts: Sequence[str], _place: str) -> list[list[Edit]]:
    return [[Edit(found.start(), found.end(), "[X]") for found in FOUND.finditer(text)] for text in texts]


def book(**parts: bytes | None) -> bytes:
    members: dict[str, bytes | None] = {
        "mimetype": b"application/epub+zip", "META-INF/container.xml": CONTAINER.encode(), "O/content.opf": OPF.encode(),
        "O/text/one.xhtml": b"<p>one CANARY</p>", "O/text/t wo.xhtml": b"<p>two</p>", "O/s.css": b"/* CANARY */ p::before { content: 'Jane Doe' }",
        "O/c.png": b"\x89PNG", "O/f.otf": b"OTTO font", "O/g.otf": b"CANARY", "O/x.js": b"CANARY", "O/toc.ncx": NCX.encode(),
        "iTunesMetadata.plist": b"CANARY", "META-INF/calibre_bookmarks.txt": b"CANARY", "META-INF/signatures.xml": b"CANARY",
    }  # fmt: skip
    members |= {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return out.getvalue()


def cleaned(content: bytes) -> dict[str, bytes]:
    out = io.BytesIO()
    epub.clean(
        io.BytesIO(content), out, Job(edits=edits, nested=lambda name, data: Member(name, data.replace(b"CANARY", b"")))
    )
    assert out.getvalue()[30:58] == b"mimetypeapplication/epub+zip"
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_chapters_stay_and_who_wrote_or_bought_them_does_not() -> None:
    made = cleaned(book())
    assert not [name for name, content in made.items() if b"CANARY" in content or b"Jane" in content]
    assert list(made) == [
        "mimetype", "META-INF/container.xml", "O/content.opf", "O/text/one.xhtml", "O/text/t wo.xhtml", "O/s.css", "O/c.png", "O/f.otf", "O/toc.ncx",
    ]  # fmt: skip
    package = made["O/content.opf"].decode()
    assert "<dc:language>de-AT</dc:language>" in package
    assert '<itemref idref="item1"/><itemref idref="item2" linear="no"/>' in package
    assert 'href="text/t%20wo.xhtml"' in package
    assert 'properties="nav"' in package
    assert '<meta name="cover" content="item4"/>' in package
    assert b"on [X]" in made["O/toc.ncx"]
    assert b'src="text/one.xhtml#x"' in made["O/toc.ncx"]
    assert b"content: '[X]'" in made["O/s.css"]


def test_fonts_in_disguise_go_and_what_is_encrypted_is_refused() -> None:
    entry = '<e xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData><EncryptionMethod Algorithm="{}"/><CipherReference URI="O/f.otf"/></EncryptedData></e>'
    assert "O/f.otf" not in cleaned(
        book(**{"META-INF/encryption.xml": entry.format("http://www.idpf.org/2008/embedding").encode()})
    )
    with pytest.raises(CannotClean, match="encrypted"):
        cleaned(
            book(**{"META-INF/encryption.xml": entry.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc").encode()})
        )


@pytest.mark.parametrize("name", ["META-INF/container.xml", "O/content.opf"])
@pytest.mark.parametrize("content", [None, b"<a/>", b"<a"])
def test_broken_books_are_refused(name: str, content: bytes | None) -> None:
    with pytest.raises(CannotClean):
        cleaned(book(**{name: content}))


def test_names_of_members_are_texts_too() -> None:
    package = OPF.replace("text/one.xhtml", "text/Jane%20Doe.xhtml")
    made = cleaned(
        book(
            **{
                "O/content.opf": package.encode(),
                "O/text/Jane Doe.xhtml": b"<p/>",
                "O/toc.ncx": NCX.replace("one", "Jane%20Doe").encode(),
            }
        )
    )
    assert "O/text/[X].xhtml" in made
    assert b'href="text/%5BX%5D.xhtml"' in made["O/content.opf"]
    assert b'src="text/%5BX%5D.xhtml#x"' in made["O/toc.ncx"]
    assert not any(b"Jane" in content or "Jane" in name for name, content in made.items())


def test_damaged_books_are_cleaned_or_refused() -> None:
    chance = random.Random(1)
    content = book()
    for _ in range(60):
        broken = damaged(content, chance)
        with contextlib.suppress(CannotClean):
            cleaned(broken)
