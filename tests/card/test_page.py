"""A README taken apart and put together: all but the card's own parts stays."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from privet.card.page import page_of, written
from privet.errors import BadInput

BLOCK: dict[str, Any] = {
    "format": "privet-card/1",
    "epsilon": 2.0,
    "delta": 1e-05,
    "not_measured": ["scrub"],
    "evidence": [],
}
SECTION = "<!-- privet:begin -->\n## Privacy\n<!-- privet:end -->\n"


def put(text: str) -> str:
    page = page_of(text)
    return written(page, BLOCK, SECTION.replace("\n", page.newline))


def without(text: str) -> str:
    """Return a README without its block and section."""
    page = page_of(text)
    spans = sorted((*(key.span for key in page.keys), *page.sections), key=lambda span: -span.start)
    for span in spans:
        text = text[: span.start] + text[span.end :]
    return text


@pytest.mark.parametrize(
    "text",
    [
        "---\nlicense: mit\n---\n# a\n",
        "---\nlicense: mit # c\n\n# last\n---\n# a\n",
        "\n---\n# only a comment\n---\ntext",
        "---\n---\ntext\n",
        "\ufeff---\nlicense: mit\n---\n",
        "---\r\nlicense: mit\r\ntags:\r\n- a\r\n---\r\ntext\r\n",
        "---\n  license: mit\n  tags: [x]\n---\n",
        "---\ndescription: |+\n  text\n\n---\ntext\n",
        "---\nwidget:\n- text: '---x'\n  other: \"a\\\n    b\"\n---\n",
        "---\nx: &a {b: 1}\ny: *a\nz:\n  <<: *a\n---\n",
        "---\nname: é😀\n---\n# é😀\n",
        "---\nprivacy_policy: x\nmodel-index:\n- name: privacy\n---\n",
    ],
)
def test_the_block_goes_into_every_front_matter(text: str) -> None:
    out = put(text)
    front = page_of(out).front
    assert front is not None
    assert yaml.safe_load(out[front.start : front.end])["privacy"] == BLOCK
    assert without(out).startswith(text if text.endswith("\n") else text + "\n")
    assert put(out) == out
    if "\r\n" in text:
        assert "\n" not in out.replace("\r\n", "")


@pytest.mark.parametrize("text", ["", "# Title\n", "no end of line", "\ufeff# Title\n", "text\n---\nmore\n"])
def test_a_card_without_front_matter_gets_one(text: str) -> None:
    out = put(text)
    assert out.removeprefix("\ufeff").startswith("---\nprivacy:\n")
    assert text.removeprefix("\ufeff") in out
    assert out.startswith("\ufeff") == text.startswith("\ufeff")
    assert put(out) == out


def test_the_hubs_empty_braces_give_way() -> None:
    out = put("---\n# For reference: {the spec}\n{}\n---\n\n# Model\n")
    assert out.startswith("---\n# For reference: {the spec}\nprivacy:\n  format: privet-card/1\n")
    assert put(out) == out


def test_an_older_block_is_replaced_where_it_stands() -> None:
    text = "---\nlicense: mit\nprivacy:\n  epsilon: 1\n  # inside\n\n# of tags\ntags: [a]\n---\n"
    out = put(text)
    assert out.startswith("---\nlicense: mit\nprivacy:\n  format: privet-card/1\n")
    assert "\n\n# of tags\ntags: [a]\n---\n" in out
    assert "inside" not in out


@pytest.mark.parametrize("value", ["{epsilon: 1}", "{epsilon: 1,\n  delta: 2}", "", "~"])
def test_a_block_in_another_style_is_replaced(value: str) -> None:
    out = put(f"---\na: 1\nprivacy: {value}\nb: 2\n---\n")
    assert yaml.safe_load(out.split("---\n")[1]) == {"a": 1, "privacy": BLOCK, "b": 2}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\nlicense: [mit\n---\n", 3),
        ("---\na: 1\nb: c: d\n---\n", 3),
        ("---\nlicense: mit\n", 1),
        ("\n\n---\nlicense: mit\n", 3),
        ("---\n- a\n- b\n---\n", 2),
        ("---\njust words\n---\n", 2),
        ("---\na: \x07\n---\n", 2),
        ("---\na: *nobody\n---\n", 2),
    ],
)
def test_a_broken_front_matter_names_its_line(text: str, line: int) -> None:
    with pytest.raises(BadInput, match=rf"README\.md:{line}: "):
        page_of(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("---\nprivacy:\n  a: 1\nprivacy:\n  b: 1\n---\n", r"README\.md:4: a second key"),
        ("---\n'privacy': {}\n\"privacy\": {}\n---\n", r"README\.md:3: a second key"),
        ("---\nprivacy: we care\n---\n", r"README\.md:2: the key privacy is the author's own"),
        ("---\nprivacy: [a]\n---\n", "the author's own"),
        ("---\n? privacy\n: {a: 1}\n---\n", "the author's own"),
        ("---\n{license: mit}\n---\n", "in braces"),
        ("---\n{privacy: {a: 1}}\n---\n", "the author's own"),
        ("# a\n<!-- privet:begin -->\n", r"README\.md:2: a marker"),
        ("# a\n<!-- privet:end -->\n", r"README\.md:2: a marker"),
        (SECTION + SECTION, r"README\.md:4: a marker"),
        ("<!-- privet:begin -->\n" + SECTION, r"README\.md:1: a marker"),
    ],
)
def test_a_card_without_one_place_for_its_parts_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        put(text)


def test_a_key_with_an_anchor_that_others_use_is_refused() -> None:
    with pytest.raises(BadInput, match="without changing other keys"):
        put("---\nprivacy: &a\n  x: 1\nother: *a\n---\n")


LINES = st.lists(
    st.sampled_from([
        "# Title", "", "text", "- item", "```", "---", "| a | b |", "privacy:", "  x: 1", "<!-- c -->", "é\u2028ü", "a\x0bb", "tab\t",
    ]),
    max_size=12,
)  # fmt: skip
KEYS = st.lists(
    st.sampled_from([
        "license: mit # c", "tags:\n- a\n-  'b'", "x: |\n  one\n\n  two", "# comment", "", 'y: "q"', "z: {a: [1]}", "w: >-\n   a\n   b",
        "é: ü😀",
    ]),
    unique=True,
    max_size=6,
)  # fmt: skip


@given(keys=KEYS, lines=LINES, newline=st.sampled_from(["\n", "\r\n"]), end=st.booleans(), front=st.booleans())
def test_what_the_author_wrote_stays_byte_for_byte(
    keys: list[str], lines: list[str], newline: str, *, end: bool, front: bool
) -> None:
    body = "\n".join(lines) + ("\n" if end else "")
    text = ("---\n" + "".join(f"{key}\n" for key in keys) + "---\n" if front else "text\n") + body
    text = text.replace("\n", newline)
    out = put(text)
    if front:
        assert without(out).startswith(text)
        assert without(out)[len(text) :].strip() == ""
    else:
        assert text in out
    assert put(out) == out
