"""RTF as text: escapes, breaks, and groups that stand beside the text."""

from __future__ import annotations

from privet.audit.rich_text import rich_text

SOURCE = (
    rb"{\rtf1\ansi{\fonttbl{\f0 A Font;}}{\info{\author Jane Example}}\f0 Gr\'fc\'dfe an Jos\u233?.\par "
    rb"A {\b bold} word{\footnote a note}\~here\par}"
)


def test_a_document_is_read_as_it_is_shown() -> None:
    texts = [record.text for record in rich_text(SOURCE)]
    assert texts == ["Jane Example", "Grüße an José.", "A bold word", "a note", " here"]


def test_names_of_fonts_are_no_text_and_broken_groups_do_no_harm() -> None:
    assert [record.text for record in rich_text(rb"{\rtf1{\fonttbl{\f0 Some Font;}}word}}}\u233")] == ["wordé"]
