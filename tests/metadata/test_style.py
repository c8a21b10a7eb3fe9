"""Style sheets: rules stay, comments go, strings and addresses are rewritten."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import Job
from privet.metadata.style import rewritten_style

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, NAME, job

A, N = ADDRESS.value, NAME.value


@pytest.mark.parametrize(
    ("style", "new"),
    [
        ("a > b { color: #fff }", "a > b { color: #fff }"),
        (f"a{{}}/* {N} */b{{}}", "a{} b{}"),
        (f"/* {N}", ""),
        (f"p::before {{ content: \"{N}\" '{A}' }}", "p::before { content: \"[X]\" '[X]' }"),
        (f".a{{background:url( /u/{A}/x.png )}}", ".a{background:url( /u/[X]/x.png )}"),
        (f'.a{{background:url("/u/{A.replace("@", "%40")}")}}', '.a{background:url("/u/[X]")}'),
        (f'@import "{A}.css" screen;a{{}}', '@import "[X].css" screen;a{}'),
        (f"#{A}{{}}", "#[X]{}"),
        ("a{content:'/* no comment */'}", "a{content:'/* no comment */'}"),
        ("<!-- a{} -->", "<!-- a{} -->"),
        (f"a{{}} <!-- by {N} --> b{{}}", "a{}   b{}"),
        (f"a{{font: 1em '{N}', \"{N}\"; content: '{N}'}}", f"a{{font: 1em '{N}', \"{N}\"; content: '[X]'}}"),
        (f"a{{font-family: '{A}'}}", "a{font-family: '[X]'}"),
        (
            "@media print{a{b:c}} @font-face{font-family:'Open Sans'}",
            "@media print{a{b:c}} @font-face{font-family:'Open Sans'}",
        ),
    ],
)
def test_styles(style: str, new: str) -> None:
    assert rewritten_style(style, job()) == new
    assert rewritten_style(new, job()) == new


@pytest.mark.parametrize(
    ("style", "new"),
    [
        ("@import url(x.css);a{}", "a{}"),
        ("a{b:url(x.png)}", "a{b:url()}"),
        ('a{b:url("http://example.com/x.png")}', "a{b:url()}"),
        ("a{b:url(#c)} d{e:url('#f')}", "a{b:url(#c)} d{e:url('#f')}"),
    ],
)
def test_a_local_style_loads_nothing(style: str, new: str) -> None:
    assert rewritten_style(style, job(), is_local=True) == new
    assert rewritten_style(new, job(), is_local=True) == new


@given(
    st.lists(
        st.sampled_from(["/*", "*/", '"', "'", "url(", ")", A, "\\", "\n", ";", "@import ", "<!--", "a{b:c}", "\\40 "]),
        max_size=20,
    ).map("".join)
)
def test_broken_styles_hide_nothing(style: str) -> None:
    once = rewritten_style(style, job())
    assert A not in once
    assert rewritten_style(style, job(), is_local=True).count(A) == 0


@pytest.mark.parametrize("pattern", ["/*", "url(", '"', "'", "@import ", "\\", 'url("', "a@", "1 "])
def test_hostile_styles_take_linear_time(pattern: str) -> None:
    start = time.process_time()
    rewritten_style(pattern * (200_000 // len(pattern)), Job())
    assert time.process_time() - start < 3
