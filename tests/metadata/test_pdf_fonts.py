"""Codes become the characters and widths that the fonts say."""

from __future__ import annotations

import pytest
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from privet.metadata import pdf_cmaps, pdf_metrics
from privet.metadata.job import CannotClean
from privet.metadata.pdf_fonts import read_font


def simple(**keys: Object | int) -> Dictionary:
    return Dictionary(
        {"/Type": Name.Font, "/Subtype": Name.Type1, "/BaseFont": Name.Helvetica}
        | {f"/{key}": keys[key] for key in keys}
    )


@pytest.mark.parametrize(
    ("font", "code", "text"),
    [
        (simple(Encoding=Name.WinAnsiEncoding), 0x80, "€"),
        (simple(Encoding=Name.MacRomanEncoding), 0x8E, "é"),
        (simple(), 0xE1, "Æ"),
        (simple(Encoding=Name.StandardEncoding), 0x27, "’"),
        (simple(BaseFont=Name.Symbol), 0x61, "α"),
        (simple(BaseFont=Name.ZapfDingbats), 0x34, "✔"),
        (simple(Encoding=Dictionary(Differences=Array([5, Name.Zcaron, Name("/uni0416"), Name("/f_i")]))), 6, "Ж"),
        (simple(Encoding=Dictionary(Differences=Array([5, Name.Zcaron, Name("/f_i")]))), 6, "fi"),
        (
            simple(Encoding=Dictionary(BaseEncoding=Name.WinAnsiEncoding, Differences=Array([65, Name("/a65")]))),
            65,
            "A",
        ),
    ],
)
def test_a_code_of_a_simple_font(font: Dictionary, code: int, text: str) -> None:
    assert read_font(font).text(bytes((code,))) == text


@pytest.mark.parametrize(
    ("name", "char", "width"),
    [
        ("Helvetica", "W", 0.944),
        ("Arial,Bold", "W", 0.944),
        ("Times-Italic", "W", 0.833),
        ("Courier-Bold", "W", 0.6),
        ("TimesNewRomanPSMT", "W", 0.944),
    ],
)
def test_a_font_without_widths_has_those_every_viewer_has(name: str, char: str, width: float) -> None:
    font = read_font(simple(BaseFont=Name(f"/{name}"), Encoding=Name.WinAnsiEncoding))
    assert font.advance(char.encode())[0] == width


def test_every_standard_font_has_a_width_for_each_of_its_characters() -> None:
    for name in (
        "Helvetica",
        "Helvetica-Bold",
        "Times-Roman",
        "Times-Bold",
        "Times-Italic",
        "Times-BoldItalic",
        "Symbol",
        "ZapfDingbats",
    ):
        assert len(pdf_metrics.widths(name)) > 180


def test_widths_of_a_font_come_first() -> None:
    font = read_font(simple(FirstChar=65, Widths=Array([100, 200]), Encoding=Name.WinAnsiEncoding))
    assert font.advance(b"AB C") == (pytest.approx(0.3), 4, 1)


def composite(encoding: Object, **below: object) -> Dictionary:
    keys = {"/Type": Name.Font, "/Subtype": Name.CIDFontType2, "/BaseFont": Name.X} | {
        f"/{key}": below[key] for key in below
    }
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name.X,
        Encoding=encoding,
        DescendantFonts=Array([Dictionary(keys)]),
    )


def test_widths_of_numbered_glyphs() -> None:
    font = read_font(composite(Name("/Identity-H"), DW=500, W=Array([1, Array([100, 200]), 5, 7, 300])))
    assert [font.advance(code.to_bytes(2, "big"))[0] for code in (0, 1, 2, 3, 6)] == [0.5, 0.1, 0.2, 0.5, 0.3]


def test_widths_of_vertical_writing() -> None:
    font = read_font(
        composite(Name("/Identity-V"), DW2=Array([880, -900]), W2=Array([1, Array([-500, 250, 800]), 5, 7, -700, 0, 0]))
    )
    assert font.vertical
    assert [font.advance(code.to_bytes(2, "big"))[0] for code in (0, 1, 6)] == [-0.9, -0.5, -0.7]


def test_a_map_in_the_file_splits_codes() -> None:
    made = Pdf.new()
    body = (
        b"begincmap 2 begincodespacerange <00><7F> <8000><FFFF> endcodespacerange "
        b"1 begincidrange <8000><80FF> 10 endcidrange 1 begincidchar <41> 3 endcidchar endcmap"
    )
    font = read_font(composite(made.make_stream(body), DW=1000, W=Array([3, Array([250]), 11, Array([750])])))
    assert font.composite is not None
    assert font.composite.split(b"A\x80\x01B") == [(0x41, 1), (0x8001, 2), (0x42, 1)]
    assert font.advance(b"A\x80\x01")[0] == 1.0


def test_a_map_of_a_name_of_its_own_is_read_as_numbers() -> None:
    font = read_font(composite(Name("/Mine")))
    assert font.text(b"\0\x24\0\x25") == "\ufffd\ufffd"
    assert font.guess(b"\0\x24\0\x25", 29) == "AB"


def test_japanese_in_seven_bits_is_read() -> None:
    font = read_font(composite(Name("/H")))
    assert font.text("\u65e5\u672c".encode("iso2022_jp")[3:7]) == "\u65e5\u672c"


def test_a_name_that_is_no_text_is_no_reason_to_stop() -> None:
    font = Dictionary(Type=Name.Font, Subtype=Name.TrueType, Encoding=Name.WinAnsiEncoding)
    font.BaseFont = Object.parse(b"/#ba#da#cc#e5")
    assert read_font(font).text(b"A") == "A"


@pytest.mark.parametrize("name", ["UniJIS-UTF8-H", "CNS-EUC-H", "Adobe-Japan1-2"])
def test_a_map_nobody_knows_refuses_the_file(name: str) -> None:
    with pytest.raises(CannotClean, match="character map"):
        read_font(composite(Name(f"/{name}")))


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"2 beginbfchar <01> <0041> <0002> <00660069> endbfchar", {1: "A", 2: "fi"}),
        (b"1 beginbfrange <05> <07> <0061> endbfrange", {5: "a", 6: "b", 7: "c"}),
        (b"1 beginbfrange <05> <06> [<0061> <D83DDE00>] endbfrange", {5: "a", 6: "😀"}),
        (b"% beginbfchar <01> <0041> endbfchar", {}),
        (b"1 beginbfrange <00> <FFFFFFFF> <0000> endbfrange", None),
        (b"1 beginbfchar <01> endbfchar 1 beginbfchar <02 <03", {}),
    ],
)
def test_a_map_to_characters(body: bytes, texts: dict[int, str] | None) -> None:
    found = pdf_cmaps.parse(b"begincmap " + body + b" endcmap").texts
    assert len(found) <= 65536 if texts is None else found == texts


def test_a_map_without_some_codes_reads_the_same_for_the_others() -> None:
    body = b"begincmap 1 begincodespacerange <0000><FFFF> endcodespacerange 1 beginbfrange <0001> <0100> <0041> endbfrange endcmap"
    rest = pdf_cmaps.without(body, {1, 2, 200})
    assert rest is not None
    assert pdf_cmaps.parse(rest).texts == {1: "A", 2: "B", 200: chr(0x41 + 199)}
    assert pdf_cmaps.without(rest, {1, 2, 200}) is None


def test_wrong_values_do_not_raise() -> None:
    font = simple(
        FirstChar=-5,
        Widths=Array([String("x"), Name.A]),
        Encoding=Dictionary(Differences=Array([300, Name.A, String("x"), Name.B])),
    )
    assert read_font(font).text(b"\0")
