"""PDFs of reportlab, fpdf2, pikepdf, pypdf, Pillow, Ghostscript, ImageMagick, qpdf, Chromium and exiftool."""

from __future__ import annotations

import itertools
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from media import cover
from pictures import CONVERT, TAG_SETS, base, exif_block, xmp_packet
from planting import Corpus, command, prose, seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PDF_TAGS: Final = [
    "-PDF:Author={}",
    "-PDF:Title={}",
    "-PDF:Subject={}",
    "-PDF:Keywords={}",
    "-PDF:Creator={}",
    "-PDF:Producer={}",
    "-PDF:CreateDate=2024:01:01 01:02:03",
    "-XMP-dc:Creator={}",
    "-XMP-xmpMM:DocumentID={}",
]


def reportlab(
    path: Path, canary: str, pages: int = 2, font: str = "Helvetica", *, packed: bool = True, extra: bool = False
) -> None:
    """Write pages of prose with document information, and with `extra` bookmarks, links, a form and a picture."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    sheet = Canvas(str(path), pageCompression=int(packed))
    sheet.setAuthor(canary)
    sheet.setTitle(canary)
    sheet.setSubject(canary)
    sheet.setKeywords(canary)
    sheet.setCreator(canary)
    for page in range(pages):
        sheet.setFont(font, 11)
        for line, words in enumerate(prose(canary).split(". ")):
            sheet.drawString(60, 760 - 20 * line, f"{words}." if line < 2 else words)
        sheet.drawString(60, 600, f"page {page + 1} of many")
        if extra:
            picture = BytesIO()
            base(page, size=(120, 80)).save(picture, "JPEG", exif=exif_block(canary))
            picture.seek(0)
            sheet.drawImage(ImageReader(picture), 60, 300, 120, 80)
            sheet.bookmarkPage(f"p{page}")
            sheet.addOutlineEntry(f"{seen(canary)}@example.com", f"p{page}", 0)
            sheet.linkURL(f"mailto:{seen(canary)}@example.com", (60, 500, 200, 520))
            sheet.acroForm.textfield(
                name=f"field{page}",
                tooltip=f"{seen(canary)}@example.com",
                value=f"{seen(canary)}@example.com",
                x=60,
                y=200,
            )
        sheet.showPage()
    sheet.save()


def fpdf(path: Path, canary: str, *, extra: bool = False, secret: bool = False) -> None:
    """Write prose with fpdf2, with an attachment and annotations where `extra` is set."""
    from fpdf import FPDF

    sheet = FPDF()
    sheet.add_page()
    sheet.set_font("helvetica", size=12)
    sheet.multi_cell(0, 8, prose(canary))
    for set_it in (
        sheet.set_author,
        sheet.set_title,
        sheet.set_subject,
        sheet.set_keywords,
        sheet.set_creator,
        sheet.set_producer,
    ):
        set_it(canary)
    if extra:
        sheet.text_annotation(20, 100, f"ask {seen(canary)}@example.com", title=canary)
        sheet.free_text_annotation(f"ask {seen(canary)}@example.com", 20, 120, 60, 12)
        sheet.embed_file(bytes=prose(canary).encode(), basename="notes.txt", desc=canary)
        sheet.set_xmp_metadata(xmp_packet(canary).decode().split("?>", 1)[1].rsplit("<?", 1)[0])
        sheet.start_section(f"{seen(canary)}@example.com")
        picture = BytesIO()
        base(8).save(picture, "PNG")
        sheet.image(picture, 20, 200, 60)
    if secret:
        sheet.set_encryption(owner_password=canary, user_password=canary)
    sheet.output(str(path))


def grown(path: Path, canary: str, how: int) -> None:
    """Write a PDF of reportlab to which pikepdf adds what people leave in PDFs."""
    import pikepdf
    from pikepdf import Array, Dictionary, Name, String

    reportlab(path, canary)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        if how == 0:
            pdf.Root.Metadata = pdf.make_stream(xmp_packet(canary), Type=Name.Metadata, Subtype=Name.XML)
            pdf.Root.PieceInfo = Dictionary(Illustrator=Dictionary(LastModified=String(canary), Private=String(canary)))
        elif how == 1:
            page.obj.Annots = pdf.make_indirect(
                Array(
                    [
                        pdf.make_indirect(
                            Dictionary(
                                Type=Name.Annot,
                                Subtype=Name.Text,
                                Rect=[10, 10, 40, 40],
                                T=String(canary),
                                NM=String(canary),
                                M=String("D:20240101"),
                                Contents=String(f"ask {seen(canary)}@example.com"),
                                RC=String(f"<body>{seen(canary)}@example.com</body>"),
                                Subj=String(canary),
                            )
                        )
                    ]
                )
            )
        elif how == 2:
            pdf.attachments["notes.txt"] = pikepdf.AttachedFileSpec(pdf, prose(canary).encode(), description=canary)
            pdf.attachments["photo.jpg"] = pikepdf.AttachedFileSpec(pdf, cover(canary))
        elif how == 3:
            pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{canary}')"))
            pdf.Root.Names = Dictionary(
                JavaScript=Dictionary(Names=[String(canary), Dictionary(S=Name.JavaScript, JS=String(canary))])
            )
        elif how == 4:
            group = pdf.make_indirect(
                Dictionary(Type=Name.OCG, Name=String(canary), CreatorInfo=Dictionary(Creator=String(canary)))
            )
            pdf.Root.OCProperties = Dictionary(OCGs=[group], D=Dictionary(OFF=[group], Order=[group]))
            page.obj.Resources.Properties = Dictionary(L0=group)
            hidden = f"/OC /L0 BDC BT /F1 12 Tf 60 100 Td ({seen(canary)}@example.com) Tj ET EMC".encode()
            page.contents_add(hidden)
        elif how == 5:
            pdf.Root.StructTreeRoot = pdf.make_indirect(
                Dictionary(
                    Type=Name.StructTreeRoot,
                    K=[
                        Dictionary(
                            S=Name.Figure,
                            Alt=String(f"{seen(canary)}@example.com"),
                            ActualText=String(f"{seen(canary)}@example.com"),
                            T=String(canary),
                        )
                    ],
                )
            )
            pdf.Root.MarkInfo = Dictionary(Marked=True)
        elif how == 6:
            page.obj.Thumb = pdf.make_stream(
                bytes(64 * 3), Width=8, Height=8, ColorSpace=Name.DeviceRGB, BitsPerComponent=8, Private=String(canary)
            )
            page.obj.LastModified = String(canary)
            page.obj.prvt = String(canary)
        elif how == 7:
            pdf.Root.PageLabels = Dictionary(Nums=[0, Dictionary(P=String(f"{seen(canary)}@example.com"))])
            pdf.Root.URI = Dictionary(Base=String(f"http://{canary}.example.com/"))
            pdf.Root.Lang = String("en")
            pdf.make_indirect(String(canary))
        kinds: list[dict[str, Any]] = [
            {},
            {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
            {"linearize": True},
            {"encryption": pikepdf.Encryption(owner=canary, user="", R=4)},
            {"static_id": True, "qdf": True},
        ]
        pdf.save(path, **kinds[how % len(kinds)])


def revised(path: Path, canary: str) -> None:
    """Write a PDF whose older revision stays in the file under a newer one."""
    from pypdf import PdfReader, PdfWriter

    reportlab(path, canary)
    before = path.read_bytes()
    writer = PdfWriter(BytesIO(before), incremental=True)
    writer.add_metadata({"/Author": "nobody", "/Title": "nothing"})
    out = BytesIO()
    writer.write(out)
    path.write_bytes(out.getvalue() if PdfReader(out).metadata else before)


def joined(path: Path, canary: str, *, attach: bool = False) -> None:
    """Write a PDF that pypdf joined of two."""
    from pypdf import PdfReader, PdfWriter

    parts = []
    for font in ("Times-Roman", "Courier"):
        reportlab(path, canary, 1, font)
        parts.append(path.read_bytes())
    writer = PdfWriter()
    for part in parts:
        writer.append(PdfReader(BytesIO(part)))
    writer.add_metadata({"/Author": canary, "/Company": canary, "/SourceModified": canary})
    if attach:
        writer.add_attachment("notes.txt", prose(canary).encode())
    writer.write(path)


def postscript(path: Path, canary: str, *options: str) -> None:
    """Write a PDF of Ghostscript."""
    source = path.with_suffix(".ps")
    lines = "".join(f"60 {700 - 20 * i} moveto ({words}) show\n" for i, words in enumerate(prose(canary).split(". ")))
    mark = (
        f"[ /Author ({canary}) /Title ({canary}) /DOCINFO pdfmark\n"
        f"[ /Rect [50 50 90 90] /Subtype /Text /Title ({canary}) /Contents (see {seen(canary)}@example.com) /ANN pdfmark\n"
    )
    source.write_text(f"%!PS\n%%Creator: {canary}\n/Times-Roman findfont 12 scalefont setfont\n{lines}{mark}showpage\n")
    command("gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", *options, f"-sOutputFile={path}", source)
    source.unlink()


def chromium(path: Path, canary: str, how: int) -> None:
    """Print a page with Chromium."""
    page = path.with_suffix(".html")
    extra = [
        "",
        "<img src='x.svg' alt='nothing'><ul><li>one<li>two</ul>",
        "<table><tr><td>a<td>b</table>",
        "<h2>More</h2>" * 5,
    ][how]
    page.write_text(
        f"<!doctype html><title>{canary}</title><meta name=author content={canary}><h1>Garden</h1><p>{prose(canary)}</p>{extra}"
    )
    command(
        "chromium",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-pdf-header-footer",
        f"--user-data-dir={path.parent}/.profile",
        f"--print-to-pdf={path}",
        page.as_uri(),
        timeout=90,
    )
    page.unlink()


def portable_documents(corpus: Corpus) -> None:
    """Write every PDF."""
    put = corpus.put
    fonts = ("Helvetica", "Times-Roman", "Courier-Bold")
    for font, packed, extra, pages in itertools.product(fonts, (False, True), (False, True), (1, 3)):
        put(
            "pdf",
            ".pdf",
            "reportlab",
            lambda p, c, h=(pages, font, packed, extra): reportlab(p, c, h[0], h[1], packed=h[2], extra=h[3]),
        )
    for extra in (False, True) * 3:
        put("pdf", ".pdf", "fpdf2", lambda p, c, extra=extra: fpdf(p, c, extra=extra))
    for how in range(8):
        for _ in range(3):
            put("pdf", ".pdf", "pikepdf", lambda p, c, how=how: grown(p, c, how))
    for attach in (False, True) * 4:
        put("pdf", ".pdf", "pypdf-join", lambda p, c, attach=attach: joined(p, c, attach=attach))
    for _ in range(4):
        put("pdf", ".pdf", "pypdf-revised", revised)
    for options in ((), ("-dCompatibilityLevel=1.3",), ("-dPDFA=2",), ("-dCompressPages=false",)) * 2:
        put("pdf", ".pdf", "ghostscript", lambda p, c, o=options: postscript(p, c, *o))
    _programs(corpus)
    _revisions(corpus)
    _encapsulated(corpus)


def _programs(corpus: Corpus) -> None:
    put = corpus.put
    for how in range(4):
        put("pdf", ".pdf", "chromium", lambda p, c, how=how: chromium(p, c, how))
    for seed in range(3):
        put(
            "pdf",
            ".pdf",
            "pillow",
            lambda p, c, s=seed: base(s).save(p, title=c, author=c, subject=c, keywords=c, creator=c, producer=c),
        )
        put(
            "pdf",
            ".pdf",
            "magick",
            lambda p, c, s=seed: command(
                CONVERT, "-seed", str(s), "-size", "60x40", "plasma:", "-set", "Author", c, "-set", "Title", c, p
            ),
        )


def _revisions(corpus: Corpus) -> None:
    writers: list[Callable[[Path, str], None]] = [
        reportlab,
        fpdf,
        lambda p, c: grown(p, c, 2),
        lambda p, c: chromium(p, c, 0),
        postscript,
    ]
    for write, tags in itertools.product(writers, (PDF_TAGS, PDF_TAGS[:3], PDF_TAGS[7:])):
        corpus.tagged("pdf", ".pdf", "exiftool-revision", write, tags)
    for options in (["--linearize"], ["--object-streams=generate"], ["--qdf"], ["--encrypt", "", "owner", "256", "--"]):
        corpus.put(
            "pdf",
            ".pdf",
            "qpdf",
            lambda p, c, o=options: (
                reportlab(p.with_suffix(".in"), c, extra=True),
                command("qpdf", p.with_suffix(".in"), *o, p),
                p.with_suffix(".in").unlink(),
            ),
        )


def _encapsulated(corpus: Corpus) -> None:
    corpus.put(
        "other documents",
        ".eps",
        "ghostscript",
        lambda p, c: p.write_text(
            f"%!PS-Adobe-3.0 EPSF-3.0\n%%Creator: {c}\n%%For: {c}\n%%BoundingBox: 0 0 9 9\nshowpage\n"
        ),
    )
    for tags in TAG_SETS:
        if tags in ("xmp", "all"):
            corpus.tagged(
                "other documents",
                ".eps",
                f"exiftool-{tags}",
                lambda p, _c: p.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"),
                TAG_SETS[tags],
            )
