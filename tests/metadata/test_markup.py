"""A source that is put together again, and documents that are read in windows."""

from __future__ import annotations

import pytest

from privet.edits import Edit
from privet.metadata.job import CannotClean, Job
from privet.metadata.markup import UNQUOTED, Sheet, windows
from privet.metadata.passage import ENTITY


def test_texts_of_one_block_are_read_as_one_and_blocks_apart() -> None:
    seen: list[tuple[list[str], str]] = []

    def edits(texts: object, place: str) -> list[list[Edit]]:
        seen.append((list(texts), place))  # type: ignore[call-overload]
        return [[] for _ in seen[-1][0]]

    out: list[str] = []
    sheet = Sheet(Job(edits=edits), out.append)
    sheet.keep("<p>")
    sheet.say("Ja", (ENTITY,))
    sheet.keep("<b>")
    sheet.say("ne&#33;", (ENTITY,))
    sheet.gap("\n")
    sheet.gap("\n")
    sheet.say("x", ())
    sheet.value("a", ENTITY)
    sheet.value("a", ENTITY)
    sheet.value("b", UNQUOTED)
    sheet.flush()
    assert "".join(out) == "<p>Ja<b>ne&#33;xaab"
    assert seen == [(["Jane!\nx"], "body"), (["a"], "attribute"), (["b"], "attribute")]
    sheet.flush()
    assert len(seen) == 3


def test_windows_give_everything_once() -> None:
    taken: list[str] = []

    def step(text: str, is_last: bool) -> int:
        end = len(text) if is_last else text.rfind(">") + 1
        taken.append(text[:end])
        return end

    windows(iter(["<a", "><", "b>", "<cccccc", "cccc", ">", "tail"]), step, 100)
    assert "".join(taken) == "<a><b><cccccccccc>tail"


def test_what_never_ends_is_refused() -> None:
    with pytest.raises(CannotClean, match="longer than 10 characters"):
        windows(iter(["aaaa"] * 99), lambda _text, _is_last: 0, 10)
