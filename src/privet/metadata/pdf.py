"""PDF files with nothing but what their pages show: text stays searchable, and what was removed is not in the bytes any more.

Invariants:

- The file is written anew from its pages: no old revisions, no objects that nothing shows, no document information, no XMP.
- Edited text is cut out of the instructions that show it; nothing is painted over.
- The same file gives the same bytes. An encrypted file that opens without a password is written unencrypted.
- Whatever is wrong with a file, the outcome is a clean file or `CannotClean`.

How wide removed text was can still be seen: what stands behind it keeps its place.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Sequence
from typing import BinaryIO, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, ObjectStreamMode, Pdf, StreamDecodeLevel, settings

from privet.metadata import pdf_drawing, pdf_interactive, pdf_outline, pdf_structure
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.pdf_layers import read_layers
from privet.metadata.pdf_pages import Book
from privet.metadata.pdf_repair import opened, pages_of
from privet.metadata.pdf_structure import read_roles
from privet.metadata.pdf_tree import Pending, Rule, Tree, delete, each, language, one, plain, table

_UNPACKED: Final = 256 * MIB
"""bytes that one stream may unpack to while the file is opened"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a PDF file anew with nothing but what its pages show.

    Raises:
        CannotClean: encrypted with a password, not a PDF, damaged beyond repair, or with text that cannot be read.

    """
    try:
        _bound_qpdf()
        with opened(source) as pdf:
            _clean(pdf, job)
            _save(pdf, target)
    except pikepdf.PasswordError:
        raise CannotClean("encrypted with a password") from None
    except pikepdf.PdfError as error:
        raise CannotClean(_reason(error)) from None
    except CannotClean:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, RuntimeError, TypeError, ValueError):
        # A value of another type than the format says raises nearly anything; its message may quote the file.
        raise CannotClean("damaged: a value is not what the format says") from None


def _reason(error: pikepdf.PdfError) -> str:
    """Return why a file cannot be read; of what qpdf says only whether it speaks of encryption."""
    is_encrypted = "encrypt" in str(error).lower()
    return "encrypted in a way that is not known" if is_encrypted else "damaged: its structure cannot be read"


def _save(pdf: Pdf, target: BinaryIO) -> None:
    with warnings.catch_warnings():
        # pikepdf says so when a form field has lost its form, as it has in broken files.
        warnings.simplefilter("ignore")
        pdf.save(
            target,
            object_stream_mode=ObjectStreamMode.generate,
            stream_decode_level=StreamDecodeLevel.none,
            compress_streams=True,
            deterministic_id=True,
            encryption=False,
            fix_metadata_version=False,
            preserve_pdfa=False,
        )


@functools.cache
def _bound_qpdf() -> None:
    """Keep qpdf from unpacking more than is allowed, and from logging what it meets in a file; this holds for the whole process."""
    log = logging.getLogger("pikepdf")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    settings.set_qpdf_limits(flate_max_memory=_UNPACKED, png_max_memory=_UNPACKED, run_length_max_memory=_UNPACKED)


def _clean(pdf: Pdf, job: Job) -> None:
    pages = pages_of(pdf, job.limits.max_members)
    if not pages:
        raise CannotClean("damaged: it has no pages")
    pending = Pending(job)
    root = pdf.Root
    tree = Tree(
        pdf=pdf,
        job=job,
        pending=pending,
        layers=read_layers(root),
        tables=pdf_drawing.TABLES | pdf_interactive.TABLES | pdf_structure.TABLES,
        after=pdf_drawing.AFTER,
        pages={page.objgen for page in pages},
        destinations=pdf_outline.destinations(root, job.limits.max_members),
    )
    _clean_root(tree, root, pages)
    _clean_trailer(pdf, root, job)
    Book(pdf, tree, pending).clean(pages)


def _clean_trailer(pdf: Pdf, root: Object, job: Job) -> None:
    info = pdf.trailer.get("/Info")
    if isinstance(info, Dictionary):
        for key in list(info.keys()):
            job.dropped(str(key)[1:].lower() if str(key) in _INFO else "document information")
    # In a repaired file the catalog may have been found without its trailer.
    pdf.trailer.Root = root if root.is_indirect else pdf.make_indirect(root)
    pdf.trailer.Size = 1
    for key in list(pdf.trailer.keys()):
        if key not in {"/Root", "/Size"}:
            delete(pdf.trailer, key)


_INFO: Final = frozenset(
    {"/Title", "/Author", "/Subject", "/Keywords", "/Creator", "/Producer", "/CreationDate", "/ModDate"}
)


def _clean_root(tree: Tree, root: Object, pages: Sequence[Object]) -> None:
    """Write the document's catalog anew from the parts that are kept."""
    if root.is_indirect:
        tree.fixed.add(root.objgen)
    for page in pages:
        tree.push(page, "page")
    tree.walk()
    old = Dictionary(dict(root.items()))
    for key in list(root.keys()):
        delete(root, key)
    root.Type = Name.Catalog
    root.Pages = tree.pdf.make_indirect(Dictionary(Type=Name.Pages, Kids=Array(pages), Count=len(pages)))
    tree.fixed.add(root.Pages.objgen)
    for page in pages:
        page.Type = Name.Page
        page.Parent = root.Pages
    for key, rule in _ROOT_RULES.items():
        kept = rule(tree, old, key, old[key]) if key in old else None
        if kept is not None:
            root[key] = kept
    read_roles(tree, old.get("/StructTreeRoot"))
    tree.walk()
    pdf_outline.rebuild_outline(tree, old, root, pdf_interactive.PLACES)
    pdf_outline.rebuild_labels(tree, old, root)
    names = pdf_outline.attachments(tree, old)
    if names is not None:
        root.Names = names
    for key in list(old.keys()):
        # What `/AF` refers to is among the attachments.
        if str(key) not in root and str(key) != "/AF":
            tree.job.dropped(_NOTED.get(str(key), "document entry"))


_NOTED: Final = {
    "/Metadata": "xmp", "/OCProperties": "layers", "/Names": "names", "/Dests": "names", "/OpenAction": "action", "/AA": "action",
    "/Perms": "signature", "/PieceInfo": "private data",
}  # fmt: skip


def _output_intent(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Keep the colour profile a document is meant for, without its names."""
    if not isinstance(value, Dictionary) or not tree.push(value.get("/DestOutputProfile"), "profile"):
        return None
    return Dictionary(
        Type=Name.OutputIntent, S=value.get("/S", Name.GTS_PDFA1), DestOutputProfile=value.DestOutputProfile
    )


_ROOT_RULES: Final[dict[str, Rule]] = {
    "/PageMode": plain,
    "/PageLayout": plain,
    "/Lang": language,
    "/MarkInfo": table(plain),
    "/ViewerPreferences": table(plain),
    "/AcroForm": one("fields"),
    "/StructTreeRoot": one("structure"),
    "/OutputIntents": each(_output_intent),
}
