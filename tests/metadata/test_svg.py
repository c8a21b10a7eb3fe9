"""Drawings: what is drawn stays, what editors and scripts left behind goes, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Circle, Drawing, Group, Rect, String

from privet.metadata import svg
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, unedited

A, N, W = ADDRESS.value, NAME.value, WORD.value
PNG = base64.b64encode(b"\x89PNG " + W.encode()).decode()
OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
    'xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" xmlns:i="http://ns.adobe.com/AdobeIllustrator/10.0/" '
)
PLACES = {
    "metadata": f'><metadata><rdf:RDF xmlns:rdf="r"><a>{W}</a><b/></rdf:RDF></metadata><g/>',
    "document name": f' sodipodi:docname="{W}.svg" inkscape:export-filename="/home/{W}/x.png" inkscape:version="1.2 {W}"><g/>',
    "editor view": f'><sodipodi:namedview inkscape:window-width="{W}"><inkscape:grid id="{W}"/></sodipodi:namedview><g inkscape:label="{W}"/>',
    "illustrator": f'><i:pgf>{W}<i:x/></i:pgf><switch><foreignObject requiredExtensions="x"><i:pgfRef xlink:href="#{W}"/></foreignObject><g/></switch>',
    "data attribute": f' data-name="{W}" sketch-type="{W}"><g data-figma="{W}"/>',
    "comment": f"><!-- Generator: {W} --><g/>",
    "script": f' onload="{W}()"><script>{W}</script><script xlink:href="{W}"/><g onclick="{W}"/><a xlink:href="javascript:{W}"><g/></a>',
    "external": f'><image xlink:href="{W}.png"/><use href="http://example.com/{W}#a"/><rect fill="url(http://example.com/{W})"/><g/>',
    "external style": f'><style>@import url({W});@font-face{{src:url("{W}")}} .a{{fill:url(#b)}} /* {W} */</style><g style="fill:url({W})"/>',
    "picture": f'><image width="2" xlink:href="data:image/png;base64,{PNG}"/>',
    "picture in a style": f"><style>.a{{background:url(data:image/png;base64,{PNG})}}</style>",
    "title": f"><title>{N}</title><desc>{A}</desc><g/>",
    "text": f'><text x="1" y="2">{A[:4]}<tspan x="9" y="2">{A[4:9]}</tspan><tspan fill="red">{A[9:]}</tspan></text>',
    "html": f'><foreignObject><p xmlns="http://www.w3.org/1999/xhtml">{A[:4]}<b>{A[4:]}</b></p></foreignObject>',
    "names": f'><linearGradient id="{FIRST}_{LAST}"/><rect fill="url(#{FIRST}_{LAST})"/><use xlink:href="#{FIRST}_{LAST}"/>',
    "link": f'><a xlink:href="mailto:{A}" xlink:title="{N}"><g/></a>',
    "class": f'><g class="{A}" aria-label="{N}"/>',
    "empty namespace": f'><g xmlns=""><x>{W}</x></g><g/>',
    "base": f' xml:base="file:///home/{W}"><g/>',
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_canary_goes_wherever_it_stands(place: str) -> None:
    raw = f"<?xml version='1.0'?><?xml-stylesheet href='{W}'?>{OPEN}{PLACES[place]}</svg>".encode()
    root = etree.fromstring(check(svg.clean, raw))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root)


def test_what_is_drawn_stays_as_it_was_written() -> None:
    drawing = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'
        '<svg:svg xmlns:svg="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="10" viewBox="0 0 10 10">\n'
        '  <svg:defs><svg:linearGradient id="a" gradientTransform="rotate(45)"><svg:stop offset="50%" stop-color="#ff0000"/></svg:linearGradient>'
        '<svg:style>.b { fill: url(#a) } #a { opacity: .5 }</svg:style></svg:defs>\n  <svg:path class="b" d="M1.5,2e-3 L 3 4z" style="fill:url(#a)"/>\n'
        '  <svg:use xlink:href="#a" x=\'1\'/><svg:text x="1 2 3" font-family="Arial">a <svg:tspan dy="1em">b</svg:tspan></svg:text>\n</svg:svg>\n'
    )
    assert unedited(svg.clean, drawing.encode()) == drawing.encode()


def test_a_name_that_holds_an_identifier_changes_everywhere() -> None:
    name = f"{FIRST}-{LAST}"
    raw = (
        f'<svg xmlns="http://www.w3.org/2000/svg"><style>#{name}{{fill:red}}</style><g id="id-1"/><g id="{name}" aria-labelledby="{name} id-1"/>'
        f'<use href="#{name}"/><g style="clip-path:url(#{name})"/><animate begin="{name}.click"/></svg>'
    )
    assert check(svg.clean, raw.encode()).decode() == raw.replace(name, "id-2")


def test_entities_of_illustrator_are_put_in() -> None:
    raw = (
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [<!ENTITY ns_svg '
        f'"http://www.w3.org/2000/svg"><!ENTITY ns_ai "http://ns.adobe.com/AdobeIllustrator/10.0/">]><svg xmlns="&ns_svg;" xmlns:i="&ns_ai;" i:a="{W}"><g i:x="{W}"/></svg>'
    )
    assert check(svg.clean, raw.encode()).endswith(b'<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>')


def test_lines_are_words_of_their_own() -> None:
    raw = f'<svg xmlns="http://www.w3.org/2000/svg"><text y="1"><tspan y="1">{FIRST[:4]}</tspan><tspan y="2">{FIRST[4:]}</tspan></text></svg>'
    assert cleaned(svg.clean, raw.encode()) == raw.encode()


def test_a_drawing_of_a_real_writer_keeps_its_shapes() -> None:
    drawing = Drawing(100, 50)
    drawing.add(Group(Rect(1, 2, 30, 20), Circle(50, 25, 10), String(10, 40, f"made by {N}")))
    raw = renderSVG.drawToString(drawing).encode()
    before, after = etree.parse(io.BytesIO(raw)), etree.parse(io.BytesIO(check(svg.clean, raw)))

    def shapes(tree: etree._ElementTree) -> list[tuple[object, ...]]:
        kept = ("x", "y", "width", "height", "cx", "cy", "r", "d", "transform", "style", "points")
        return [
            (node.tag, *(node.get(key) for key in kept))
            for node in tree.iter("{*}rect", "{*}circle", "{*}path", "{*}text", "{*}g")
        ]

    assert shapes(before) == shapes(after)
    assert "made by [X]" in "".join(after.getroot().itertext())


ELEMENTS = st.sampled_from(["g", "text", "tspan", "script", "metadata", "i:x", "style", "title", "image", "a"])
ATTRIBUTES = st.sampled_from(
    [
        "",
        f' id="{FIRST}"',
        f' fill="url(#{FIRST})"',
        f' href="{A}"',
        f" style=\"a:'{A}'\"",
        f' i:a="{W}"',
        f' onclick="{W}"',
        ' d="M1 2"',
        f' class="{A}"',
    ]
)


@st.composite
def shapes(draw: st.DrawFn, depth: int = 3) -> str:
    texts = st.sampled_from([A, FIRST, "x", "\n", f"<!--{W}-->", f"<![CDATA[{A}]]>"])
    parts = draw(st.lists(st.one_of(texts, shapes(depth - 1)) if depth else texts, max_size=4))
    name = draw(ELEMENTS)
    return f"<{name}{draw(ATTRIBUTES)}>{''.join(parts)}</{name}>"


@given(shapes())
def test_cleaning_twice_is_cleaning_once(content: str) -> None:
    raw = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:i="u">{content}</svg>'.encode()
    once = cleaned(svg.clean, raw)
    assert not any(canary.encode() in once for canary in (A, W))
    etree.fromstring(once)
    assert cleaned(svg.clean, once) == once


@pytest.mark.parametrize("raw", [b"", b"<svg", b"<svg>&x;</svg>", b'<!DOCTYPE s [<!ENTITY a SYSTEM "x">]><svg/>'])
def test_what_is_broken_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        cleaned(svg.clean, raw)


@pytest.mark.parametrize(
    "pattern", ["<g>", "<g d='M M M M M M x'/>", "<g xmlns:a='b'/>", "<style>/*</style>", "<g style='url('/>"]
)
def test_large_drawings_take_linear_time(pattern: str) -> None:
    count = 100_000 // len(pattern)
    raw = (
        f"<svg xmlns='http://www.w3.org/2000/svg'>{pattern * count}{'</g>' * count * (pattern == '<g>')}</svg>".encode()
    )
    start = time.process_time()
    unedited(svg.clean, raw)
    assert time.process_time() - start < 3


def test_a_picture_that_cannot_be_cleaned_gives_way_and_is_told() -> None:
    how = Job()
    raw = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/png;base64,{PNG}"/><script/><!-- --></svg>'
    assert (
        cleaned(svg.clean, raw.encode(), how) == b'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:,"/></svg>'
    )
    assert how.removed == {"member set aside": 1, "script": 1, "comment": 1}
    assert job().removed == {}
