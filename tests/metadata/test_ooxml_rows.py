"""Rows are read some at a time, and written as they were read."""

from __future__ import annotations

import pytest
from lxml import etree

from privet.metadata.job import CannotClean
from privet.metadata.office_xml import Element, serialized
from privet.metadata.ooxml_rows import Rows


def written(content: str, seen: list[int] | None = None) -> bytes:
    def clean(rows: list[Element]) -> None:
        if seen is not None:
            seen.append(len(rows))
        for row in rows:
            if row.get("gone"):
                row.getparent().remove(row)  # type: ignore[union-attr]
            row.set("seen", "1")

    rows = Rows(content.encode(), "{u}row", "{u}data", clean)
    assert rows.root is not None
    holder = next(rows.root.iter("{u}data"))
    rows.mark(holder)
    return rows.put_back(serialized(rows.root)).split(b"\n", 1)[1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<a xmlns="u"><data><row r="1"><c/></row>\n<row/></data><b/></a>', '<a xmlns="u"><data><row r="1" seen="1"><c/></row><row seen="1"/></data><b/></a>'),
        ('<x:a xmlns:x="u"><x:data><x:row>1</x:row></x:data></x:a>', '<x:a xmlns:x="u"><x:data><x:row seen="1">1</x:row></x:data></x:a>'),
        ('<a xmlns="u"><y:data xmlns:y="u"><y:row/></y:data></a>', '<a xmlns="u"><y:data xmlns:y="u"><y:row xmlns:y="u" seen="1"/></y:data></a>'),
        ('<a xmlns="u"><data><row gone="1"/><row/></data></a>', '<a xmlns="u"><data><row seen="1"/></data></a>'),
        ('<a xmlns="u"><data/><row>stray</row></a>', '<a xmlns="u"><data></data><row/></a>'),
    ],
)  # fmt: skip
def test_rows(content: str, expected: str) -> None:
    assert written(content) == expected.encode()


def test_many_rows_come_in_batches() -> None:
    seen: list[int] = []
    content = '<a xmlns="u"><data>' + '<row v="1"/>' * 5000 + "</data></a>"
    root = etree.fromstring(written(content, seen))
    assert len(root[0]) == 5000
    assert seen == [2000, 2000, 1000]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<a",
        '<a xmlns="u"><data><row></data></a>',
        '<a xmlns="u"><data><row ' + " ".join(f'x{n}=""' for n in range(300)) + "/></data></a>",
    ],
)
def test_what_is_broken_is_refused(content: str) -> None:
    with pytest.raises(CannotClean):
        written(content)
