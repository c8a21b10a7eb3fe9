"""Lines that keep data out: what another line does in their place, and what takes them back."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of

BASE = ".env\n.env.local\ndata/\n"


@pytest.mark.parametrize(
    ("after", "is_told"),
    [
        (".env\ndata/\n", True),
        (BASE + "!.env\n", True),
        (BASE + "!data/\n", True),
        ("", True),
        ("data\n**/.env.local\n.env\n", False),
        (".env*\ndata/**\n", False),
        ("*\n!src\n", False),
        (BASE + "!.env.example\n", False),
    ],
)
def test_what_no_line_keeps_out_any_more_is_told(after: str, is_told: bool) -> None:
    base, head = (tree_of({".dockerignore": text, "Dockerfile": "FROM python:3.13\n"}) for text in (BASE, after))
    assert bool(compare(base, head).findings) is is_told
