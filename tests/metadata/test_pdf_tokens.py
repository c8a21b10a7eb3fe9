"""Tokens of content streams are those qpdf reads, and strings are the bytes it reads."""

from __future__ import annotations

import re

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Pdf, String

from privet.metadata import pdf_tokens as tokens
from privet.metadata.pdf_content import read_content
from privet.metadata.pdf_fonts import Font, read_font
from privet.metadata.pdf_reading import Run


class OneFont:
    """The names of a stream that has one font."""

    def font(self, _name: bytes) -> Font:
        return read_font(pikepdf.Dictionary(Subtype=pikepdf.Name.Type1, Encoding=pikepdf.Name.WinAnsiEncoding))

    def state_font(self, _name: bytes) -> None:
        return None

    def is_form(self, _name: bytes) -> bool:
        return False

    def is_hidden(self, name: bytes) -> bool:
        return name == b"/Hidden"


def shown(content: bytes) -> list[str]:
    return [event.text for event in read_content(content, OneFont()).events if isinstance(event, Run)]


@pytest.mark.parametrize(
    ("token", "value"),
    [
        (b"(a)", b"a"), (b"(a(b)c)", b"a(b)c"), (rb"(\101\7\0054)", b"A\7\0054"), (b"(a\\\nb)", b"ab"), (b"(a\r\nb)", b"a\nb"),
        (rb"(\(\)\\\n\r\t\b\f\x)", b"()\\\n\r\t\b\fx"), (rb"(\777)", b"\xff"),
    ],
)  # fmt: skip
def test_a_string_in_brackets(token: bytes, value: bytes) -> None:
    assert tokens.literal(token) == value
    assert bytes(pikepdf.Object.parse(token)) == value
    assert tokens.string_end(token + b" rest)", 0) == len(token)


@pytest.mark.parametrize(("token", "value"), [(b"<48 65>", b"He"), (b"<486>", b"H`"), (b"<>", b"")])
def test_a_string_in_hexadecimal(token: bytes, value: bytes) -> None:
    assert tokens.hexadecimal(token) == value


@pytest.mark.parametrize(
    ("token", "value"),
    [(b"12", 12), (b"-.5", -0.5), (b"+4.", 4), (b"--3", -3), (b"1.2.3", 1.2), (b"-", 0), (b".", 0), (b"5-3", 5)],
)
def test_a_number(token: bytes, value: float) -> None:
    assert tokens.number(token) == value


PIECES = st.one_of(
    st.binary(max_size=12).map(lambda value: b"(" + re.sub(rb"([()\\\r])", rb"\\\1", value) + b") Tj"),
    st.binary(max_size=12).map(lambda value: b"<" + value.hex().encode() + b">Tj"),
    st.sampled_from(
        [
            b"q",
            b"Q",
            b"1 0 0 1 5 5 cm",
            b"0.5 g",
            b"1 2 m 3 4 l S",
            b"/F1 12 Tf",
            b"[(a)-3(b(c))]TJ",
            b"/P <</MCID 0>> BDC",
            b"EMC",
            b"BT",
            b"ET",
        ]
    ),
    st.just(b"BI /W 2 /H 2 /CS /G /BPC 8 ID (ab) EI"),
)


@settings(max_examples=50)
@given(st.lists(PIECES, max_size=20), st.sampled_from([b" ", b"\n", b"\r\n", b"\t\0 "]))
def test_the_strings_shown_are_those_qpdf_reads(pieces: list[bytes], space: bytes) -> None:
    content = space.join(pieces)
    made = Pdf.new()
    made.add_blank_page()
    made.pages[0].obj.Contents = made.make_stream(content)
    expected = [
        bytes(item).decode("cp1252", "replace")
        for instruction in pikepdf.parse_content_stream(made.pages[0])
        if str(getattr(instruction, "operator", "")) in {"Tj", "TJ"}
        for operand in instruction.operands
        for item in (operand if isinstance(operand, pikepdf.Array) else [operand])
        if isinstance(item, String)
    ]
    # Control characters have no glyph.
    found = [re.sub("[\x7f\ufffd]", "", text) for text in shown(content)]
    assert found == [re.sub("[\x00-\x1f\x7f\ufffd]", "", text) for text in expected]


@given(st.binary(max_size=200))
def test_any_bytes_are_read(content: bytes) -> None:
    read_content(content, OneFont())


@pytest.mark.parametrize(
    "content",
    [b"(" * 20000, b"[" * 20000, b"<<" * 20000, b"BI " * 20000, b"/A BMC " * 20000, b"1 " * 50000, b"q " * 50000],
)
def test_reading_is_linear(content: bytes) -> None:
    read_content(content * 2, OneFont())


def test_hidden_sections_are_not_text() -> None:
    assert shown(b"BT /OC /Hidden BDC (a) Tj /Span BMC (b) Tj EMC EMC (c) Tj /OC /Shown BDC (d) Tj EMC ET") == [
        "c",
        "d",
    ]
