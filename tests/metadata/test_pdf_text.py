"""Text that gives way is gone from the bytes, what stays is where it was, whatever way the page shows it."""

from __future__ import annotations

import base64
import ctypes
import io
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence

import pikepdf
import pypdf
import pypdfium2
import pypdfium2.raw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String

from privet.edits import Edit
from privet.metadata import pdf
from privet.metadata.job import Job

SECRET = re.compile(r"Zorvath|zoe\.zorvath@example\.com|4111 ?1111 ?1111 ?1111|555-0123", re.IGNORECASE)


def clean(content: bytes, new: str = "[X]", secret: re.Pattern[str] | None = None) -> bytes:
    def edits(texts: object, _place: str) -> list[list[Edit]]:
        assert isinstance(texts, list)
        return [[Edit(*found.span(), new) for found in (secret or SECRET).finditer(text)] for text in texts]

    out = io.BytesIO()
    pdf.clean(io.BytesIO(content), out, Job(edits=edits))
    return out.getvalue()


def save(made: Pdf, **options: object) -> bytes:
    out = io.BytesIO()
    made.save(out, **options)  # type: ignore[arg-type]
    return out.getvalue()


def page(content: bytes, **font: object) -> Pdf:
    made = Pdf.new()
    made.add_blank_page(page_size=(600, 800))
    entries = {
        "Type": Name.Font,
        "Subtype": Name.Type1,
        "BaseFont": Name.Helvetica,
        "Encoding": Name.WinAnsiEncoding,
    } | font
    first = made.make_indirect(Dictionary(**{key: value for key, value in entries.items() if value is not None}))
    made.pages[0].obj.Resources = Dictionary(Font=Dictionary(F1=first))
    made.pages[0].obj.Contents = made.make_stream(content)
    return made


def everything(content: bytes) -> bytes:
    """All objects and unpacked streams of a file, and the file."""
    with pikepdf.open(io.BytesIO(content)) as opened:
        parts = [content]
        for item in opened.objects:
            parts.append(item.unparse())
            if isinstance(item, Stream):
                parts.append(item.read_bytes() if item.get("/Subtype") != Name.Image else item.read_raw_bytes())
        return b"\n".join(parts)


def texts(content: bytes) -> tuple[str, str]:
    reader = pypdf.PdfReader(io.BytesIO(content))
    document = pypdfium2.PdfDocument(content)
    return (
        "\n".join(one.extract_text() for one in reader.pages),
        "\n".join(document[index].get_textpage().get_text_bounded() for index in range(len(document))),
    )


def places(content: bytes) -> list[tuple[str, float, float]]:
    """The characters of the first page and where they stand."""
    document = pypdfium2.PdfDocument(content)
    shown = document[0].get_textpage()
    out = []
    for index in range(shown.count_chars()):
        x, y = ctypes.c_double(), ctypes.c_double()
        pypdfium2.raw.FPDFText_GetCharOrigin(shown.raw, index, x, y)
        char = chr(pypdfium2.raw.FPDFText_GetUnicode(shown.raw, index))
        if char.strip():
            out.append((char, round(x.value, 2), round(y.value, 2)))
    return out


def forms(text: str) -> Iterator[bytes]:
    for coded in (text.encode("latin-1"), text.encode("utf-16-be"), text.encode("utf-16-le")):
        yield coded.lower()
        yield coded.hex().encode("ascii")


def assert_gone(content: bytes, secret: str = "Zorvath") -> None:
    found = everything(content).lower()
    assert not any(form in found for form in forms(secret))
    for text in texts(content):
        assert secret.lower() not in re.sub(r"\s", "", text).lower()


def letters(order: list[int], twice: bool = False) -> bytes:
    word = b"Zorvath"
    step = b"1 0 0 1 %.1f 700 Tm (%c) Tj "
    shown = [step % (72 + at * 7, word[at]) + (step % (72.4 + at * 7, word[at]) if twice else b"") for at in order]
    return b"BT /F1 12 Tf " + b"".join(shown) + b"1 0 0 1 72 600 Tm (kept) Tj ET"


SHUFFLED = random.Random(1).sample(range(7), 7)

WAYS = {
    "one string": b"BT /F1 12 Tf 72 700 Td (Hello Zorvath kept) Tj ET",
    "several strings": b"BT /F1 12 Tf 72 700 Td (Hello Zor) Tj (va) Tj (th kept) Tj ET",
    "an array with kerning": b"BT /F1 12 Tf 72 700 Td [(Hello Z) 20 (or) -30 (va) (th kept)] TJ ET",
    "letter by letter": letters(list(range(7))),
    "letters out of order": letters(SHUFFLED),
    "letters drawn twice": letters(list(range(7)), twice=True),
    "a word drawn twice": b"BT /F1 12 Tf 72 700 Td (Zorvath) Tj 0.3 0 Td (Zorvath) Tj 0 -40 Td (kept) Tj ET",
    "set apart by numbers": b"BT /F1 12 Tf 72 700 Td [(Z)-400(o)-400(r)-400(v)-400(a)-400(t)-400(h)] TJ 0 -40 Td (kept) Tj ET",
    "set apart by spaces": b"BT /F1 12 Tf 72 700 Td (Z o r v a t h) Tj 0 -40 Td (kept) Tj ET",
    "next line operators": b"BT /F1 12 Tf 14 TL 72 700 Td (Hello) ' (my Zorvath kept) ' 3 1 (Zorvath b) \" (after) ' ET",
    "hexadecimal": b"BT /F1 12 Tf 72 700 Td <5A6F727661 7468206b657074> Tj ET",
    "escapes": b"BT /F1 12 Tf 72 700 Td (\\132orv\\\nath kept) Tj ET",
    "brackets inside": b"BT /F1 12 Tf 72 700 Td (a (Zorvath) kept) Tj ET",
    "invisible": b"BT 3 Tr /F1 12 Tf 72 700 Td (Zorvath kept) Tj ET",
    "under a box": b"BT /F1 12 Tf 72 700 Td (Zorvath kept) Tj ET 0 g 60 690 300 30 re f",
    "white on white": b"1 g BT /F1 12 Tf 72 700 Td (Zorvath kept) Tj ET",
    "clipped": b"0 0 1 1 re W n BT /F1 9 Tf 50 50 Td (Zorvath kept) Tj ET",
    "off the page": b"BT /F1 12 Tf 7200 700 Td (Zorvath) Tj ET BT /F1 12 Tf 72 700 Td (kept) Tj ET",
    "turned": b"q 0 1 -1 0 300 100 cm BT /F1 12 Tf 72 100 Td (Zor) Tj (vath kept) Tj ET Q",
    "no font": b"BT 72 700 Td (Zorvath) Tj ET (Zorvath) Tj BT /F1 12 Tf 72 700 Td (kept) Tj ET",
    "a string nothing uses": b"(Zorvath) 1 w BT /F1 12 Tf 72 700 Td (Zorvath)(kept) Tj [(Zorvath)] 0 d ET",
    "comments": b"% by Zorvath\nBT /F1 12 Tf 72 700 Td (kept) Tj ET % Zorvath",
    "unknown instructions": b"zorvath BT /F1 12 Tf 72 700 Td (kept) Tj (Zorvath) Xx ET 5 /Zorvath MP /T <</A(Zorvath)>> DP",
    "left at the end": b"BT /F1 12 Tf 72 700 Td (kept) Tj ET 5 6 /Zorvath (Zorvath)",
    "a string never closed": b"BT /F1 12 Tf 72 700 Td (kept) Tj (Zorvath",
    "an array never closed": b"BT /F1 12 Tf 72 700 Td (kept) Tj [(Zorvath) 3 TJ ET",
    "properties": b"/Span <</Alt (Zorvath) /Author (Zorvath) /MCID 3>> BDC BT /F1 12 Tf 72 700 Td (kept) Tj ET EMC",
    "a tag": b"/ZorvathStyle BMC BT /F1 12 Tf 72 700 Td (kept) Tj ET EMC",
    "text read for letters": b"BT /F1 12 Tf 72 700 Td "
    + b"".join(b"/Span<</ActualText(%c)>>BDC (x) Tj EMC " % char for char in b"Zorvath")
    + b"0 -40 Td (kept) Tj ET",
    "text read for half": b"BT /F1 12 Tf 72 700 Td (Zor)Tj /Span<</ActualText(vath)>>BDC (xxxx) Tj EMC ( kept) Tj ET",
    "text read for glyphs": b"BT /F1 12 Tf 72 700 Td /Span<</ActualText(vath)>>BDC (Zor)Tj (vath) Tj EMC ( kept) Tj ET",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_gone_however_it_is_shown(way: str) -> None:
    made = save(page(WAYS[way]))
    cleaned = clean(made)
    assert_gone(cleaned)
    assert all("kept" in text for text in texts(cleaned))


STAYS = {
    "kerning": b"BT /F1 12 Tf 72 700 Td [(Hello Z) 20 (or) -30 (vath) 15 ( kept) 40 (on)] TJ (more) Tj ET",
    "spacing": b"BT /F1 11.5 Tf 2 Tc 5 Tw 80 Tz 72 700 Td (Hi Zorvath and more) Tj ( rest) Tj ET",
    "next line": b"BT /F1 12 Tf 14 TL 72 700 Td (Hi) ' 4 1 (a Zorvath kept) \" (after that) ' ET",
    "several": b"BT /F1 12 Tf 72 700 Td (a Zorvath b Zorvath c) Tj (Zorvath d) Tj ET",
    "turned": b"q .8 .6 -.6 .8 100 10 cm BT 1 0 .3 1 9 9 Tm /F1 12 Tf 150 100 Td (go Zorvath kept) Tj ET Q",
    "rise and mode": b"BT /F1 12 Tf 3 Ts 1 Tr 72 700 Td (Hello Zorvath kept) Tj ET",
    "backwards": b"BT 1 0 0 -1 72 700 Tm /F1 -12 Tf (Hello Zorvath kept) Tj ET",
}


@pytest.mark.parametrize("new", ["", "[X]", "a much longer replacement than there is room for", "Ж字"])
@pytest.mark.parametrize("way", STAYS)
def test_what_stays_keeps_its_place(way: str, new: str) -> None:
    made = save(page(STAYS[way]))
    before, after = Counter(places(made)), Counter(places(clean(made, new)))
    assert "".join(sorted(char for char, _x, _y in (before - after).elements())) in {"Zahortv", "ZZZaaahhhooorrrtttvvv"}


def test_the_replacement_is_read_where_the_name_was() -> None:
    made = save(page(b"BT /F1 12 Tf 72 700 Td (Hello Zorvath, good day) Tj ET"))
    for text in texts(clean(made, "Anna")):
        assert re.sub(r" +", " ", text).strip().replace(" ,", ",") == "Hello Anna, good day"


def test_a_replacement_in_another_script_is_read_too() -> None:
    made = save(page(b"BT /F1 12 Tf 72 700 Td (Hello Zorvath, good day) Tj ET"))
    assert "<feff0416>" in everything(clean(made, "Ж")).decode("latin-1")


def test_a_page_without_edits_keeps_its_content_byte_for_byte() -> None:
    content = b"q 1 0 0 1 0 0 cm\nBT\n/F1 12 Tf 72 700 Td [(Hel) -3.50 (lo)] TJ\nET  Q\r\n"
    with pikepdf.open(io.BytesIO(clean(save(page(content))))) as opened:
        assert opened.pages[0].obj.Contents.read_bytes() == content


@pytest.mark.parametrize(
    "lines",
    [
        ("write to zoe.zor", "vath@example.com now"),
        ("write to zoe.zorvath@", "example.com now"),
        ("write to zoe.zorvath@example", ".com now"),
        ("the card 4111 1111", "1111 1111 kept"),
        ("call 555-", "0123 now"),
    ],
)
def test_what_is_broken_over_two_lines_is_found(lines: tuple[str, str]) -> None:
    shown = b"BT /F1 12 Tf 14 TL 72 700 Td (%s) Tj T* (%s) Tj ET" % (lines[0].encode(), lines[1].encode())
    left = " ".join(texts(clean(save(page(shown)), "#"))[0].split())
    assert not re.search(r"zor|vath|example|1111|0123|555", left)
    assert left.startswith(lines[0].split()[0])
    assert left.endswith(lines[1].split()[-1])


def test_a_word_before_an_address_on_the_next_line_is_not_part_of_it() -> None:
    made = save(page(b"BT /F1 12 Tf 14 TL 72 700 Td (please write and) Tj T* (zoe.zorvath@example.com kept) Tj ET"))
    assert "write and" in texts(clean(made))[0]


def test_a_sentence_that_begins_behind_an_address_at_the_end_of_a_line_stays() -> None:
    shown = b"BT /F1 12 Tf 14 TL 72 700 Td (Go to zoe@example.com.) Tj T* (Payments are kept) Tj ET"
    address = re.compile(r"\w+@example\.com(?:\.\w+)?")
    left = texts(clean(save(page(shown)), secret=address))[0]
    assert "zoe" not in left
    assert "Payments are kept" in left


def with_form(made: Pdf, content: bytes, matrix: list[float] | None = None) -> Stream:
    fonts = made.pages[0].obj.Resources.Font
    form = made.make_stream(content, {"/Type": Name.XObject, "/Subtype": Name.Form, "/BBox": Array([0, 0, 600, 800])})
    form.Resources = Dictionary(Font=fonts)
    if matrix:
        form.Matrix = Array(matrix)
    made.pages[0].obj.Resources = Dictionary(Font=fonts, XObject=Dictionary(X1=form))
    return form


def test_a_name_half_in_a_form_is_found() -> None:
    made = page(b"BT /F1 12 Tf 72 700 Td (Hello Zor) Tj ET q 1 0 0 1 20 100 cm /X1 Do Q")
    with_form(made, b"BT /F1 12 Tf 90.7 590 Td (vath kept) Tj ET", [1, 0, 0, 1, 10, 10])
    cleaned = clean(save(made))
    assert_gone(cleaned, "vath")
    assert "Hello" in texts(cleaned)[1]
    assert "kept" in texts(cleaned)[1]


def test_a_form_that_draws_itself_ends() -> None:
    made = page(b"/X1 Do /X1 Do")
    form = with_form(made, b"/X1 Do /X1 Do BT /F1 12 Tf 72 700 Td (Zorvath) Tj ET")
    form.Resources.XObject = Dictionary(X1=form)
    assert b"Zorvath" not in everything(clean(save(made)))


def test_forms_that_draw_forms_end() -> None:
    made = page(b"/X1 Do /X1 Do")
    inner = with_form(made, b"BT /F1 12 Tf 72 700 Td (Zorvath) Tj ET")
    for _level in range(30):
        outer = made.make_stream(
            b"/X1 Do /X1 Do", {"/Type": Name.XObject, "/Subtype": Name.Form, "/BBox": Array([0, 0, 9, 9])}
        )
        outer.Resources = Dictionary(XObject=Dictionary(X1=inner))
        inner = outer
    made.pages[0].obj.Resources.XObject = Dictionary(X1=inner)
    assert b"Zorvath" not in everything(clean(save(made)))


def cmap(body: bytes) -> bytes:
    return b"begincmap 1 begincodespacerange <00><FF> endcodespacerange " + body + b" endcmap"


def test_a_font_that_lies_about_its_text_hides_nothing() -> None:
    made = page(b"BT /F1 12 Tf 72 700 Td (Zorvath kept) Tj ET")
    lie = cmap(b"2 beginbfrange <41><5A><0061> <61><7A><0061> endbfrange")
    made.pages[0].obj.Resources.Font.F1.ToUnicode = made.make_stream(lie.replace(b"<7A><0061>", b"<7A><0041>"))
    assert_gone(clean(save(made)))
    made.pages[0].obj.Resources.Font.F1.ToUnicode = made.make_stream(cmap(b"1 beginbfrange <41><7A><0391> endbfrange"))
    assert_gone(clean(save(made)))


def test_one_glyph_that_stands_for_a_name_is_cut() -> None:
    made = page(b"BT /F1 12 Tf 72 700 Td (A B) Tj ET")
    body = b"1 beginbfchar <41><005A006F00720076006100740068> endbfchar"
    made.pages[0].obj.Resources.Font.F1.ToUnicode = made.make_stream(cmap(body))
    cleaned = clean(save(made))
    assert_gone(cleaned)
    assert b"005a006f" not in everything(cleaned).lower()


def test_a_ligature_that_touches_a_name_is_cut_whole() -> None:
    names = Dictionary(Differences=Array([1, Name.fi, Name.ffl]))
    made = page(b"BT /F1 12 Tf 72 700 Td (o\\001ne Gri\\001nZorvath\\002e kept) Tj ET", Encoding=names)
    found: list[str] = []

    def edits(texts: Sequence[str], _place: str) -> list[list[Edit]]:
        found.extend(texts)
        return [[Edit(one.start(), one.end(), "X") for one in re.finditer("inZorvathf", text)] for text in texts]

    out = io.BytesIO()
    pdf.clean(io.BytesIO(save(made)), out, Job(edits=edits))
    assert found == ["ofine GrifinZorvathffle kept"]
    assert re.sub(r"\s", "", texts(out.getvalue())[1]) == "ofineGrifXflekept"


def test_the_order_of_a_subset_does_not_spell_what_was_cut() -> None:
    word = "Zorvath"
    body = (
        b"7 beginbfchar "
        + b"".join(b"<%02x><%04x>" % (at + 1, ord(char)) for at, char in enumerate(word))
        + b" endbfchar"
    )
    made = page(b"BT /F1 12 Tf 72 700 Td <01020304050607> Tj ET", Encoding=None)
    made.pages[0].obj.Resources.Font.F1.ToUnicode = made.make_stream(cmap(body))
    cleaned = everything(clean(save(made)))
    assert not [char for char in word if b"<%04x>" % ord(char) in cleaned]


@pytest.mark.parametrize("name", ["/g{}", "/G{:02x}", "/cid{}", "/.notdef"])
def test_text_of_glyphs_without_names_is_looked_at_as_readers_take_it(name: str) -> None:
    names = [Name(name.format((code * 7) % 200 + 300)) for code in range(96)]
    made = page(
        b"BT /F1 12 Tf 72 700 Td (some Zorvath in an odd font) Tj ET",
        Encoding=Dictionary(Differences=Array([32, *names])),
    )
    cleaned = clean(save(made))
    assert b"Zorvath" not in everything(cleaned)
    assert b"some ".hex().encode() in everything(cleaned)


@pytest.mark.parametrize("shift", [0, 29, 31])
def test_numbered_glyphs_without_a_map_are_looked_at_as_readers_take_them(shift: int) -> None:
    shown = b"".join((ord(char) - shift).to_bytes(2, "big") for char in "of Zorvath here")
    made = page(b"BT /F1 12 Tf 72 700 Td <%s> Tj ET" % shown.hex().encode())
    below = Dictionary(Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=Name.Odd, CIDSystemInfo=Dictionary())
    made.pages[0].obj.Resources.Font.F1 = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name.Odd,
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([below]),
    )
    cleaned = everything(clean(save(made)))
    secret = b"".join((ord(char) - shift).to_bytes(2, "big") for char in "Zorvath")
    assert secret.hex().encode() not in cleaned.lower()
    assert secret not in cleaned
    assert shown[:6].hex().encode() in cleaned.lower()


def test_glyphs_of_symbols_do_not_refuse_the_file() -> None:
    names = Array([65, Name.mycompanylogo, Name.arrowornament])
    made = page(b"BT /F1 12 Tf 72 700 Td (ABABABAB) Tj (Zorvath) Tj ET", Encoding=Dictionary(Differences=names))
    assert_gone(clean(save(made)))


def test_differences_of_an_encoding_are_read() -> None:
    names = Array([1, *(Name(f"/{char}") for char in "Zorvath")])
    made = page(b"BT /F1 12 Tf 72 700 Td <01020304050607> Tj ET", Encoding=Dictionary(Differences=names))
    assert_gone(clean(save(made)))


@pytest.mark.parametrize(
    "coding", ["Identity-H", "UniJIS-UTF16-H", "UniGB-UCS2-H", "90ms-RKSJ-H", "GBK-EUC-H", "KSCms-UHC-H", "ETen-B5-V"]
)
def test_fonts_with_numbered_glyphs_are_read(coding: str) -> None:
    codec = {"U": "utf-16-be", "I": "utf-16-be"}.get(coding[0], "ascii")
    made = page(b"BT /F1 12 Tf 72 700 Td <%s> Tj ET" % "Hi Zorvath kept".encode(codec).hex().encode())
    below = Dictionary(
        Type=Name.Font, Subtype=Name.CIDFontType0, BaseFont=Name.Odd, CIDSystemInfo=Dictionary(
            Registry=String("Adobe"), Ordering=String("Japan1"), Supplement=2), DW=1000,
    )  # fmt: skip
    made.pages[0].obj.Resources.Font.F1 = made.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name.Odd,
            Encoding=Name(f"/{coding}"),
            DescendantFonts=Array([below]),
        )
    )
    if coding.startswith("Identity"):
        told = b"begincmap 1 begincodespacerange <0000><FFFF> endcodespacerange 1 beginbfrange <0000><00ff><0000> endbfrange endcmap"
        made.pages[0].obj.Resources.Font.F1.ToUnicode = made.make_stream(told)
    cleaned = everything(clean(save(made)))
    assert "Zorvath".encode(codec).hex().encode() not in cleaned
    assert "kept".encode(codec).hex().encode() in cleaned


def test_a_glyph_drawn_by_a_procedure_is_looked_at() -> None:
    made = page(b"BT /T3 12 Tf 72 700 Td (a) Tj ET")
    glyph = made.make_stream(b"1000 0 d0 BT /F1 1 Tf (Zorvath) Tj ET")
    made.pages[0].obj.Resources.Font.T3 = made.make_indirect(
        Dictionary(
            Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 1, 1]), FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
            CharProcs=Dictionary(a=glyph), Encoding=Dictionary(Differences=Array([97, Name.a])), FirstChar=97, LastChar=97,
            Widths=Array([1000]), Resources=Dictionary(Font=Dictionary(F1=made.pages[0].obj.Resources.Font.F1)),
        )
    )  # fmt: skip
    assert b"Zorvath" not in everything(clean(save(made)))


def test_a_pattern_is_looked_at() -> None:
    made = page(b"/Pattern cs /P1 scn 0 0 100 100 re f")
    pattern = made.make_stream(b"BT /F1 9 Tf (Zorvath) Tj ET", {"/PatternType": 1, "/PaintType": 1, "/TilingType": 1})
    pattern.BBox, pattern.XStep, pattern.YStep = Array([0, 0, 50, 50]), 50, 50
    pattern.Resources = Dictionary(Font=made.pages[0].obj.Resources.Font)
    made.pages[0].obj.Resources.Pattern = Dictionary(P1=pattern)
    assert b"Zorvath" not in everything(clean(save(made)))


WORDS = st.sampled_from(["Zorvath", "kept", "(a", "b)", "\\", "x y", "Ünï", "é"])
OPERATORS = st.sampled_from(
    [
        b"(%s) Tj",
        b"[(%s) -300 (%s)] TJ",
        b"(%s) '",
        b"0 -14 Td (%s) Tj",
        b'2 1 (%s) "',
        b"q (%s) Tj Q",
        b"50 Tz (%s) Tj",
    ]
)


@settings(max_examples=60)
@given(st.lists(st.tuples(OPERATORS, WORDS, WORDS), max_size=12))
def test_no_mixture_of_operators_keeps_a_name(parts: list[tuple[bytes, str, str]]) -> None:
    def coded(word: str) -> bytes:
        return re.sub(rb"([()\\])", rb"\\\1", word.encode("cp1252"))

    lines = [operator % tuple(map(coded, words[: operator.count(b"%s")])) for operator, *words in parts]
    cleaned = clean(save(page(b"BT /F1 12 Tf 14 TL 72 700 Td\n" + b"\n".join(lines) + b"\nET")))
    assert b"Zorvath" not in everything(cleaned)
    with pikepdf.open(io.BytesIO(cleaned)) as opened:
        shown = b"".join(
            bytes(item)
            for instruction in pikepdf.parse_content_stream(opened.pages[0])
            for operand in instruction.operands
            for item in (operand if isinstance(operand, Array) else [operand])
            if isinstance(item, String)
        ).decode("cp1252")
    expected = "".join(word for operator, *words in parts for word in words[: operator.count(b"%s")])
    assert sorted(shown.replace("[X]", "")) == sorted(expected.replace("Zorvath", ""))


_PIXELS = bytes(range(48, 64))
INLINE = {
    "plain": b"BI /W 4 /H 4 /BPC 8 /CS /G ID " + _PIXELS,
    "long names": b"BI /Width 4 /Height 4 /BitsPerComponent 8 /ColorSpace /DeviceGray ID " + _PIXELS,
    "mask": b"BI /W 16 /H 8 /IM true /D [1 0] ID " + _PIXELS,
    "flate": b"BI /W 4 /H 4 /BPC 8 /CS /G /F [/Fl] ID " + zlib.compress(_PIXELS),
    "hexadecimal": b"BI /W 4 /H 4 /BPC 8 /CS /G /F /AHx ID " + _PIXELS.hex().encode() + b">",
    "base 85": b"BI /W 4 /H 4 /BPC 8 /CS /G /F [/A85] ID " + base64.a85encode(_PIXELS) + b"~>",
    "run lengths": b"BI /W 4 /H 4 /BPC 8 /CS /G /F /RL ID \x0f" + _PIXELS + b"\x80",
    "of a space that is not known": b"BI /W 4 /H 4 /BPC 8 /CS /C1 ID " + _PIXELS,
}
BEHIND = [
    b"/Artifact <</Type /Pagination>> BDC BT /F1 12 Tf 72 700 Td (Zorvath) Tj ET EMC",
    b"BT /F1 12 Tf 72 700 Td [(Zor) -3 (vath)] TJ ET",
    b"/P <</MCID 0 /X (Zorvath)>> BDC EMC",
    b"(Zorvath) zz q Q",
    b"% Zorvath",
]


@pytest.mark.parametrize("picture", INLINE.values(), ids=INLINE.keys())
@pytest.mark.parametrize("behind", BEHIND)
def test_what_stands_behind_a_picture_in_the_page_is_no_picture(picture: bytes, behind: bytes) -> None:
    cleaned = clean(save(page(picture + b" EI " + behind + b" BI /W 1 /H 1 /IM true ID x EI")))
    assert b"Zor" not in everything(cleaned)
    with pikepdf.open(io.BytesIO(cleaned)) as opened:
        assert opened.pages[0].obj.Contents.read_bytes().startswith(picture + b" EI ")


def test_a_picture_in_the_page_says_nothing_but_what_it_is() -> None:
    picture = (
        b"BI /W 4 /H 4 /X (Zorvath ID) /BPC 8 %Zorvath\n /Y <</Z /Zorvath>> /CS /G ID " + _PIXELS + b"Zorvath EI Q"
    )
    cleaned = clean(save(page(b"q " + picture)))
    assert b"Zorvath" not in everything(cleaned)
    with pikepdf.open(io.BytesIO(cleaned)) as opened:
        assert _PIXELS in opened.pages[0].obj.Contents.read_bytes()


@pytest.mark.parametrize("coding", [b"", b"/F /AHx", b"/F /A85", b"/F /RL", b"/F /LZW"])
@pytest.mark.parametrize("end", [b"EI zz", b""])
def test_many_pictures_that_end_nowhere_are_quick(coding: bytes, end: bytes) -> None:
    assert clean(save(page((b"BI " + coding + b" ID a " + end + b" ") * 20_000)))


def test_many_edits_of_one_long_string_are_quick() -> None:
    made = page(b"BT /F1 12 Tf 72 700 Td (" + b"Zorvath kept " * 20_000 + b") Tj ET")
    assert b"Zorvath" not in everything(clean(save(made)))


def test_many_strings_of_one_line_are_quick() -> None:
    made = page(b"BT /F1 12 Tf 72 700 Td " + b"(Zor) Tj (vath) Tj 0 0 Td " * 10_000 + b"ET")
    assert b"Zor" not in everything(clean(save(made)))
