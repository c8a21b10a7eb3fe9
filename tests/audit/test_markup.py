"""Text of markup: nothing a person could read is left out, and hostile markup takes linear time."""

from __future__ import annotations

import io
import time

import pytest

from privet.audit.markup import markup


def texts(source: str, *, is_html: bool = True) -> list[str]:
    return [record.text.strip() for record in markup(io.StringIO(source), is_html=is_html)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>One <b>bold</b> word</p><p>two</p>", ["One bold word", "two"]),
        ("a &amp; b &#64; c", ["a & b @ c"]),
        ("<!-- hidden --><img alt='a picture'>", ["hidden", "a picture"]),
        ('<a href="mailto:x@example.com">mail</a>', ["mailto:x@example.com", "mail"]),
        ("<input value=bare>", ["bare"]),
        ("<script>var who = 'x';</script>", ["var who = 'x';"]),
        ("1 < 2 and 3 > 2", ["1 < 2 and 3 > 2"]),
        ('<img alt="a > b">', ["a", 'b">']),
        ("an <unclosed tag", ["an <unclosed tag"]),
        ("<div class='x'>in</div>", ["in"]),
    ],
)
def test_html(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_xml_tells_every_attribute() -> None:
    source = '<?xml version="1.0"?><a who="somebody" when=\'then\'><b>in</b><![CDATA[raw & <so>]]></a>'
    found = texts(source, is_html=False)
    assert {"somebody", "then", "in"} <= set(found)
    assert any("raw &" in text for text in found)


def test_a_tag_across_reads_is_one() -> None:
    source = "x" * 65_530 + "<p title='a name of something'>behind</p>"
    assert texts(source)[-2:] == ["a name of something", "behind"]


@pytest.mark.parametrize("part", ["<a ", "<", "<!", "<!--", "<a b='", "-->", "&", "<![CDATA[", '<a "', "</"])
def test_hostile_markup_takes_linear_time(part: str) -> None:
    times = []
    for count in (40_000, 160_000):
        start = time.process_time()
        assert sum(len(text) for text in texts(part * count)) >= 0
        times.append(time.process_time() - start)
    assert times[1] < 16 * times[0] + 0.5
