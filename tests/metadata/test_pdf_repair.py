"""Files that readers open although they break the format are cleaned."""

from __future__ import annotations

import io

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf

from privet.metadata import pdf
from privet.metadata.job import CannotClean, Job
from privet.metadata.pdf_repair import opened, pages_of


def book(pages: int = 3) -> Pdf:
    """Return a file whose pages take all but their content from the node above them."""
    made = Pdf.new()
    for index in range(pages):
        made.add_blank_page(page_size=(200, 200))
        made.pages[index].obj.Contents = made.make_stream(b"BT /F1 12 Tf 20 100 Td (page %d) Tj ET" % index)
    above = made.Root.Pages
    above.MediaBox = Array([0, 0, 200, 200])
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding)
    above.Resources = Dictionary(Font=Dictionary(F1=made.make_indirect(font)))
    for page in made.pages:
        del page.obj.MediaBox
        if "/Resources" in page.obj:
            del page.obj.Resources
    return made


def saved(made: Pdf) -> bytes:
    out = io.BytesIO()
    made.save(out, object_stream_mode=ObjectStreamMode.disable, compress_streams=False, static_id=True)
    return out.getvalue()


def cleaned(content: bytes) -> list[str]:
    out = io.BytesIO()
    pdf.clean(io.BytesIO(content), out, Job())
    document = pypdfium2.PdfDocument(out.getvalue())
    return [document[index].get_textpage().get_text_bounded() for index in range(len(document))]


PAGES = ["page 0", "page 1", "page 2"]


def test_a_whole_file() -> None:
    assert cleaned(saved(book())) == PAGES


def test_a_tree_that_goes_in_circles() -> None:
    made = book()
    made.Root.Pages.Kids.append(made.Root.Pages)
    content = saved(made)
    with pytest.raises(pikepdf.PdfError):
        pikepdf.open(io.BytesIO(content))
    assert cleaned(content) == PAGES


def test_a_deep_tree_hands_down_what_pages_inherit() -> None:
    made = book()
    inner = made.make_indirect(Dictionary(Type=Name.Pages, Kids=made.Root.Pages.Kids, Count=3, Rotate=90))
    inner.Kids.append(made.Root.Pages)
    made.Root.Pages.Kids = Array([inner])
    with opened(io.BytesIO(saved(made))) as pages:
        found = pages_of(pages, 100)
        assert [page.Rotate for page in found] == [90, 90, 90]
        assert all("/Resources" in page for page in found)


def test_pages_that_no_tree_lists() -> None:
    made = book()
    for page in made.pages:
        page.obj.Resources = made.Root.Pages.Resources
        page.obj.MediaBox = made.Root.Pages.MediaBox
    content = saved(made).replace(b"/Kids [", b"/Kidz [")
    assert cleaned(content) == PAGES


def test_a_file_that_only_another_reader_opens() -> None:
    content = saved(book()).replace(b"/Root ", b"/Encrypt [ 1 ] /Root ")
    assert cleaned(content) == PAGES


@pytest.mark.parametrize("change", [lambda raw: raw.replace(b"%%EOF", b""), lambda raw: b"junk\n" * 9 + raw])
def test_what_stands_around_a_file_is_no_reason_to_refuse_it(change: object) -> None:
    assert callable(change)
    assert cleaned(change(saved(book()))) == PAGES


def test_a_file_without_pages_is_refused() -> None:
    made = Pdf.new()
    with pytest.raises(CannotClean, match="no pages"):
        cleaned(saved(made))


def test_encryption_that_is_not_known_is_told() -> None:
    content = saved(book()).replace(b"/Root ", b"/Encrypt << /Filter /Odd /V 99 >> /Root ")
    with pytest.raises(CannotClean, match="encrypted in a way that is not known"):
        cleaned(content)
