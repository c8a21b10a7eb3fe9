"""A cleaned PDF shows what it showed, and holds nothing else: canaries in every place a PDF has, real writers' files, broken files."""

from __future__ import annotations

import io
import random
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import fpdf
import numpy as np
import piexif
import pikepdf
import pypdf
import pypdfium2
import pytest
from pikepdf import Array, AttachedFileSpec, Dictionary, Encryption, Name, ObjectStreamMode, Pdf, Stream, String
from PIL import Image, ImageCms
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen import canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from privet.edits import Edit
from privet.metadata import pdf
from privet.metadata.job import CannotClean, Job, Limits, Member, SetAside

SECRET = re.compile(r"\w*Zorvath\w*|zoe@example\.com", re.IGNORECASE)


def edits(texts: object, _place: str) -> list[list[Edit]]:
    assert isinstance(texts, list)
    return [[Edit(*found.span(), "[X]") for found in SECRET.finditer(text)] for text in texts]


def clean(content: bytes, job: Job | None = None) -> bytes:
    out = io.BytesIO()
    pdf.clean(io.BytesIO(content), out, job or Job(edits=edits))
    return out.getvalue()


def save(made: Pdf, **options: object) -> bytes:
    out = io.BytesIO()
    made.save(out, **options)  # type: ignore[arg-type]
    return out.getvalue()


def page(content: bytes = b"BT /F1 12 Tf 72 700 Td (kept) Tj ET") -> Pdf:
    made = Pdf.new()
    made.add_blank_page(page_size=(600, 800))
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding)
    made.pages[0].obj.Resources = Dictionary(Font=Dictionary(F1=made.make_indirect(font)))
    made.pages[0].obj.Contents = made.make_stream(content)
    return made


def form(made: Pdf, content: bytes, **keys: object) -> Stream:
    stream = made.make_stream(content, {"/Type": Name.XObject, "/Subtype": Name.Form, "/BBox": Array([0, 0, 100, 20])})
    stream.Resources = Dictionary(Font=made.pages[0].obj.Resources.Font)
    for key, value in keys.items():
        stream[f"/{key}"] = value
    return stream


def everything(content: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(content)) as opened:
        parts = [content]
        for item in opened.objects:
            parts.append(item.unparse())
            if isinstance(item, Stream):
                raw = item.get("/Filter") in {Name.DCTDecode, Name.JPXDecode}
                parts.append(item.read_raw_bytes() if raw else item.read_bytes())
        return b"\n".join(parts)


def assert_gone(content: bytes, secret: str = "Zorvath") -> None:
    found = everything(content).lower()
    for coded in (secret.encode("latin-1"), secret.encode("utf-16-be"), secret.encode("utf-16-le")):
        assert coded.lower() not in found
        assert coded.hex().encode("ascii") not in found
    for text in texts(content):
        assert secret.lower() not in re.sub(r"\s", "", text).lower()


def texts(content: bytes) -> tuple[str, str]:
    document = pypdfium2.PdfDocument(content)
    return (
        "\n".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(content)).pages),
        "\n".join(document[index].get_textpage().get_text_bounded() for index in range(len(document))),
    )


def pixels(content: bytes) -> list[np.ndarray]:
    document = pypdfium2.PdfDocument(content)
    return [document[index].render(scale=1).to_numpy() for index in range(len(document))]


def assert_same(before: bytes, after: bytes) -> None:
    assert texts(before) == texts(after)
    assert all(np.array_equal(one, two) for one, two in zip(pixels(before), pixels(after), strict=True))


# Real writers


def by_reportlab() -> bytes:
    out = io.BytesIO()
    style = getSampleStyleSheet()["Normal"]
    words = "A paragraph about <b>Zorvath</b> and <i>zoe@example.com</i> that is long enough to wrap around lines. " * 5
    document = SimpleDocTemplate(out, author="Zorvath", title="By Zorvath")
    document.build([Paragraph(words, style), Table([["Name", "Zorvath X"], ["a", "b"]])])
    return out.getvalue()


def by_canvas() -> bytes:
    out = io.BytesIO()
    drawn = canvas.Canvas(out, pageCompression=1)
    drawn.setAuthor("Zorvath")
    drawn.drawString(72, 700, "Dear Zorvath (and others)")
    drawn.acroForm.textfield(name="Zorvath", value="Zorvath", x=72, y=500, tooltip="of Zorvath")
    drawn.acroForm.checkbox(name="box", x=10, y=10)
    drawn.bookmarkPage("Zorvath")
    drawn.addOutlineEntry("About Zorvath", "Zorvath")
    drawn.addOutlineEntry("Below Zorvath", "Zorvath", level=1)
    drawn.linkURL("mailto:zoe@example.com", (1, 1, 50, 50))
    drawn.linkAbsolute("there", "Zorvath", (60, 1, 90, 50))
    drawn.save()
    return out.getvalue()


def by_fpdf() -> bytes:
    made = fpdf.FPDF()
    made.set_author("Zorvath")
    made.add_page()
    made.set_font("Helvetica", size=12)
    made.multi_cell(0, 8, "fpdf text for Zorvath and zoe@example.com, kept words. " * 5)
    for path in sorted(Path("/usr/share/fonts").glob("**/*Sans-Regular.ttf"))[:1]:
        made.add_font("Own", fname=path)
        made.set_font("Own", size=12)
        made.ln()
        made.multi_cell(0, 8, "Unicode Zorvath Ünï fi Привет")
    return bytes(made.output())


WRITERS: dict[str, Callable[[], bytes]] = {"reportlab": by_reportlab, "canvas": by_canvas, "fpdf": by_fpdf}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_real_file_loses_its_names_and_nothing_else(writer: str) -> None:
    made = WRITERS[writer]()
    assert_same(made, clean(made, Job()))
    cleaned = clean(made)
    assert_gone(cleaned)
    assert_gone(cleaned, "zoe@")
    assert cleaned == clean(made)
    assert clean(cleaned) == clean(clean(cleaned))
    assert not pypdf.PdfReader(io.BytesIO(cleaned)).metadata


HTML = """<html lang=en><head><title>Zorvath</title><meta name=author content=Zorvath></head><body>
<h1>Report on Zorvathina</h1><p style="text-align:justify">The quick fox of John Zorvath jumped over; write to zoe@example.com.
fi ffl officers, naïve café, lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod.</p>
<p style="letter-spacing:3px">Spaced Zorvath letters</p><a href="https://example.com/Zorvath">link</a></body></html>"""


@pytest.mark.parametrize(
    "command",
    [
        ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--print-to-pdf=out.pdf", "page.html"),
        (
            "soffice",
            "--headless",
            "-env:UserInstallation=file://{tmp}/profile",
            "--convert-to",
            "pdf:writer_web_pdf_Export",
            "page.html",
        ),
    ],
    ids=["chromium", "libreoffice"],
)
def test_a_printed_page_loses_its_names_and_nothing_else(command: tuple[str, ...], tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (tmp_path / "page.html").write_text(HTML, encoding="utf-8")
    given = [part.replace("{tmp}", str(tmp_path)) for part in command]
    subprocess.run(given, cwd=tmp_path, check=True, capture_output=True, timeout=100)
    made = next(tmp_path.glob("*.pdf")).read_bytes()
    assert_same(made, clean(made, Job()))
    cleaned = clean(made)
    assert_gone(cleaned)
    assert "The quick fox of John [X] jumped over" in re.sub(r"\s+", " ", texts(cleaned)[1])


@pytest.mark.skipif(shutil.which("gs") is None, reason="ghostscript is not installed")
def test_a_distilled_file_loses_its_names_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(by_reportlab())
    given = ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", "-sOutputFile=out.pdf", "in.pdf"]
    subprocess.run(given, cwd=tmp_path, check=True, capture_output=True, timeout=100)
    made = (tmp_path / "out.pdf").read_bytes()
    assert_same(made, clean(made, Job()))
    assert_gone(clean(made))


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed")
def test_what_is_written_is_sound(tmp_path: Path) -> None:
    for name, writer in WRITERS.items():
        (tmp_path / name).write_bytes(clean(writer()))
        subprocess.run(["qpdf", "--check", name], cwd=tmp_path, check=True, capture_output=True)


# Places


def document_information(made: Pdf) -> None:
    made.docinfo["/Author"] = "Zorvath"
    made.docinfo["/Zorvath"] = "Zorvath"
    with made.open_metadata() as xmp:
        xmp["dc:creator"] = ["Zorvath"]


def private_data(made: Pdf) -> None:
    made.Root.PieceInfo = Dictionary(App=Dictionary(Private=String("Zorvath")))
    made.Root.Zorvath = String("Zorvath")
    made.pages[0].obj.PieceInfo = made.Root.PieceInfo
    made.pages[0].obj.Metadata = made.make_stream(b"<x>Zorvath</x>")
    made.pages[0].obj.LastModified = String("Zorvath")
    made.pages[0].obj.Resources.Font.F1.Zorvath = String("Zorvath")
    made.Root.Legal = Dictionary(Attestation=String("Zorvath"))
    made.Root.Extensions = Dictionary(ZRV=Dictionary(URL=String("Zorvath")))
    made.Root.Threads = Array([Dictionary(I=Dictionary(Title=String("Zorvath")))])


def scripts(made: Pdf) -> None:
    script = Dictionary(S=Name.JavaScript, JS=String("Zorvath"))
    made.Root.OpenAction = script
    made.Root.AA = Dictionary(WC=script)
    made.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("Zorvath"), script])))
    made.pages[0].obj.AA = Dictionary(O=script)
    link = {"Type": Name.Annot, "Subtype": Name.Link, "Rect": Array([0, 0, 9, 9])}
    launch = Dictionary(S=Name.Launch, F=String("c:/Users/Zorvath"))
    remote = Dictionary(S=Name.GoToR, F=String("c:/Users/Zorvath.pdf"), D=Array([0, Name.Fit]))
    made.pages[0].obj.Annots = Array([Dictionary(**link, A=action) for action in (script, launch, remote)])


def annotations(made: Pdf) -> None:
    note = made.make_indirect(
        Dictionary(
            Type=Name.Annot, Subtype=Name.FreeText, Rect=Array([10, 10, 110, 30]), Contents=String("a note by Zorvath"),
            T=String("Zorvath"), Subj=String("Zorvath"), NM=String("Zorvath-1"), M=String("D:2020 Zorvath"), DA=String("/F1 9 Tf 0 g"),
            RC=String("<p>Zorvath</p>"), Zorvath=String("Zorvath"), CreationDate=String("Zorvath"),
            AP=Dictionary(N=form(made, b"BT /F1 12 Tf 2 2 Td (a note by Zorvath) Tj ET")),
        )
    )  # fmt: skip
    note.Popup = made.make_indirect(
        Dictionary(Type=Name.Annot, Subtype=Name.Popup, Parent=note, Contents=String("Zorvath"))
    )
    stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([0, 0, 9, 9]), Name=Name("/#23Zorvath"))
    media = Dictionary(Type=Name.Annot, Subtype=Name.Screen, Rect=Array([0, 0, 9, 9]), T=String("Zorvath"))
    made.pages[0].obj.Annots = Array([note, note.Popup, stamp, media])


def attachments(made: Pdf) -> None:
    made.attachments["Zorvath.txt"] = AttachedFileSpec(
        made, b"Zorvath data", filename="Zorvath.txt", description="Zorvath"
    )
    file = Dictionary(Type=Name.Filespec, F=String("Zorvath.txt"), EF=Dictionary(F=made.make_stream(b"Zorvath data")))
    pinned = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, Rect=Array([0, 0, 9, 9]), FS=file)
    made.pages[0].obj.Annots = Array([made.make_indirect(pinned)])
    made.Root.AF = Array([file])


def hidden_layer(made: Pdf) -> None:
    layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("Zorvath's layer")))
    shown = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("shown to Zorvath")))
    rule = made.make_indirect(Dictionary(Type=Name.OCMD, OCGs=Array([layer, shown]), P=Name.AllOn))
    made.Root.OCProperties = Dictionary(
        OCGs=Array([layer, shown]), D=Dictionary(OFF=Array([layer]), Name=String("Zorvath"))
    )
    resources = made.pages[0].obj.Resources
    resources.Properties = Dictionary(L1=layer, L2=shown, L3=rule)
    resources.XObject = Dictionary(X1=form(made, b"BT /F1 12 Tf 2 2 Td (secretword) Tj ET", OC=layer))
    made.pages[0].obj.Contents = made.make_stream(
        b"/OC /L1 BDC BT /F1 12 Tf 72 700 Td (secretword) Tj ET 10 10 50 50 re f q 1 0 0 1 0 0 cm EMC Q "
        b"/OC /L3 BDC /Span BMC BT /F1 12 Tf 72 650 Td (secretword) Tj ET EMC 0 0 1 1 re W n EMC /X1 Do "
        b"/OC /L2 BDC BT /F1 12 Tf 72 500 Td (kept) Tj ET EMC"
    )


def structure(made: Pdf) -> None:
    root = made.Root.StructTreeRoot = made.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    root.RoleMap = Dictionary({"/Zorvath": Name.P})
    root.IDTree = Dictionary(Names=Array([String("Zorvath"), Dictionary()]))
    own = Dictionary(O=Name.UserProperties, P=Array([Dictionary(N=String("Zorvath"))]))
    element = made.make_indirect(
        Dictionary(
            Type=Name.StructElem, S=Name.Zorvath, P=root, Alt=String("of Zorvath"), T=String("Zorvath"), ID=String("Zorvath"),
            ActualText=String("Zorvath"), E=String("Zorvath"), Lang=String("Zorvath lang"), K=0, Pg=made.pages[0].obj, A=own,
        )
    )  # fmt: skip
    root.K = element
    root.ParentTree = Dictionary(Nums=Array([0, made.make_indirect(Array([element]))]))
    made.Root.MarkInfo = Dictionary(Marked=True)
    made.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.D, P=String("Zorvath-"))]))


def form_fields(made: Pdf) -> None:
    shown = form(made, b"/Tx BMC BT /F1 12 Tf 2 2 Td (Z) Tj 9 0 Td (orvath) Tj ET EMC")
    text = made.make_indirect(
        Dictionary(
            FT=Name.Tx, T=String("Zorvath"), TU=String("of Zorvath"), TM=String("Zorvath"), V=String("Zorvath"), DV=String("Zorvath"),
            RV=String("<b>Zorvath</b>"), Subtype=Name.Widget, Rect=Array([0, 0, 100, 20]), AP=Dictionary(N=shown), DA=String("/F1 9 Tf"),
            MK=Dictionary(CA=String("Zorvath")), AA=Dictionary(K=Dictionary(S=Name.JavaScript, JS=String("Zorvath"))),
        )
    )  # fmt: skip
    choice = made.make_indirect(
        Dictionary(
            FT=Name.Ch,
            T=String("c"),
            Opt=Array([String("Zorvath"), Array([String("Zorvath"), String("b")])]),
            V=String("Zorvath"),
        )
    )
    signature = made.make_indirect(
        Dictionary(
            FT=Name.Sig,
            T=String("s"),
            V=Dictionary(Name=String("Zorvath"), Contents=String("Zorvath"), Reason=String("Zorvath")),
        )
    )
    made.Root.AcroForm = Dictionary(
        Fields=Array([text, choice, signature]), XFA=made.make_stream(b"<xfa>Zorvath</xfa>"), SigFlags=3
    )
    made.Root.Perms = Dictionary(DocMDP=signature.V)
    made.pages[0].obj.Annots = Array([text])


def outlines(made: Pdf) -> None:
    with made.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("About Zorvath", 0))
        outline.root[0].children.append(pikepdf.OutlineItem("Below Zorvath", 0))
    made.Root.Outlines.First.Zorvath = String("Zorvath")
    made.Root.Dests = Dictionary({"/Zorvath": Array([made.pages[0].obj, Name.Fit])})


def unused(made: Pdf) -> None:
    picture = made.make_stream(
        b"Zorvath" * 9, {"/Type": Name.XObject, "/Subtype": Name.Image, "/Width": 9, "/Height": 7}
    )
    picture.ColorSpace, picture.BitsPerComponent = Name.DeviceGray, 8
    made.pages[0].obj.Resources.XObject = Dictionary(Old=picture, Form=form(made, b"% Zorvath\n0 0 1 1 re f"))
    made.pages[0].obj.Thumb = picture
    made.make_indirect(Dictionary(Orphan=String("Zorvath")))


def colours(made: Pdf) -> None:
    resources = made.pages[0].obj.Resources
    tint = made.make_stream(
        b"{ % Zorvath\n dup dup }", {"/FunctionType": 4, "/Domain": Array([0, 1]), "/Range": Array([0, 1, 0, 1, 0, 1])}
    )
    tint.Zorvath = String("Zorvath")
    palette = Array([Name.Indexed, Name.DeviceRGB, 1, String(b"\0\0\0\xff\xff\xffZorvath")])
    deep = Array([Name.DeviceN, Array([Name.A]), Name.DeviceRGB, tint, Dictionary(Zorvath=String("Zorvath"))])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = made.make_stream(profile + b"Zorvath", {"/N": 3, "/Metadata": made.make_stream(b"Zorvath")})
    resources.ColorSpace = Dictionary(A=palette, B=deep, C=Array([Name.ICCBased, icc]), D=String("Zorvath"))
    resources.ExtGState = Dictionary(
        G=Dictionary(
            Type=Name.ExtGState, ca=1, Zorvath=String("Zorvath"), HT=Dictionary(HalftoneName=String("Zorvath"))
        )
    )
    resources.Shading = Dictionary(
        S=Dictionary(ShadingType=2, ColorSpace=deep, Coords=Array([0, 0, 1, 1]), Function=tint, X=String("Zorvath"))
    )
    made.Root.OutputIntents = Array(
        [Dictionary(S=Name.GTS_PDFA1, Info=String("Zorvath"), OutputCondition=String("Zorvath"), DestOutputProfile=icc)]
    )


def names(made: Pdf) -> None:
    first = made.pages[0].obj
    first.Tabs = Name("/Zorvath@example.com")
    tint = Dictionary(FunctionType=2, N=1, Domain=Array([0, 1]), C0=Array([0]), C1=Array([1]))
    ink = Array([Name("/Zorvath@example.com"), Name.None_])
    first.Resources.ColorSpace = Dictionary(
        A=Array([Name.Separation, Name("/Zorvath@example.com"), Name.DeviceGray, tint]),
        B=Array([Name.DeviceN, ink, Name.DeviceGray, tint]),
        C=Array([Name.ICCBased, made.make_stream(b"Zorvath" * 99, {"/N": 1})]),
    )
    first.Resources.Font.F1.Encoding = Dictionary(Differences=Array([1, Name("/Zorvath@example.com")]))


PLACES: list[Callable[[Pdf], None]] = [
    document_information, private_data, scripts, annotations, attachments, hidden_layer, structure, form_fields, outlines, unused, colours, names,
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("objects", [ObjectStreamMode.generate, ObjectStreamMode.disable])
def test_nothing_is_left_in(place: Callable[[Pdf], None], objects: ObjectStreamMode) -> None:
    made = page()
    place(made)
    content = save(made, object_stream_mode=objects)
    cleaned = clean(content)
    assert_gone(cleaned)
    assert_gone(cleaned, "secretword")
    assert "kept" in texts(cleaned)[1]
    assert b"/JavaScript" not in everything(cleaned)


def test_a_resource_with_an_identifier_for_a_name_is_refused() -> None:
    made = page()
    made.pages[0].obj.Resources.XObject = Dictionary({"/Zorvath@example.com": form(made, b"0 0 1 1 re f")})
    with pytest.raises(CannotClean, match="resource"):
        clean(save(made))


def test_annotations_keep_what_is_theirs() -> None:
    made = page()
    annotations(made)
    with pikepdf.open(io.BytesIO(clean(save(made)))) as opened:
        note = opened.pages[0].obj.Annots[0]
        assert str(note.Contents) == "a note by [X]"
        assert "/AP" in note
        assert [str(one.Subtype) for one in opened.pages[0].obj.Annots] == ["/FreeText", "/Stamp"]


def test_form_values_change_in_their_pictures_too() -> None:
    made = page()
    form_fields(made)
    with pikepdf.open(io.BytesIO(clean(save(made)))) as opened:
        field = opened.Root.AcroForm.Fields[0]
        assert str(field.V) == "[X]"
        assert b"Z" not in field.AP.N.read_bytes().replace(b"Tz", b"")


def test_attachments_are_cleaned_as_files_of_their_own() -> None:
    made = page()
    attachments(made)
    given = []

    def nested(name: str, content: bytes) -> Member:
        given.append((name, content))
        return Member("clean.txt", b"clean data")

    cleaned = clean(save(made), Job(edits=edits, nested=nested))
    assert given == [("Zorvath.txt", b"Zorvath data")] * 2
    assert_gone(cleaned)
    with pikepdf.open(io.BytesIO(cleaned)) as opened:
        assert {bytes(file.get_file().read_bytes()) for file in opened.attachments.values()} == {b"clean data"}


def test_links_and_bookmarks_still_lead_to_their_pages() -> None:
    made = by_canvas()
    with pikepdf.open(io.BytesIO(clean(made))) as opened:
        assert opened.Root.Outlines.First.Dest[0].objgen == opened.pages[0].obj.objgen
        assert str(opened.Root.Outlines.First.First.Title) == "Below [X]"
        places = [link.Dest[0].objgen for link in opened.pages[0].obj.Annots if "/Dest" in link]
        assert places == [opened.pages[0].obj.objgen]
        assert "mailto:[X]" in [str(link.A.URI) for link in opened.pages[0].obj.Annots if "/A" in link]


def test_a_tagged_file_stays_tagged() -> None:
    made = page()
    structure(made)
    with pikepdf.open(io.BytesIO(clean(save(made)))) as opened:
        element = opened.Root.StructTreeRoot.K
        assert element.S == Name.P
        assert str(element.Alt) == "of [X]"
        assert "/T" not in element
        assert opened.Root.StructTreeRoot.ParentTree.Nums[1][0].objgen == element.objgen


def test_visible_layers_stay() -> None:
    made = page()
    hidden_layer(made)
    content = save(made)
    assert np.array_equal(pixels(content)[0], pixels(clean(content))[0])


@pytest.mark.parametrize(
    "default",
    [
        Dictionary(BaseState=Name.OFF),
        Dictionary(OFF=Array([])),
        Dictionary(AS=Array([Dictionary(Event=Name.View)])),
    ],
    ids=["all off", "one off", "by usage"],
)
def test_layers_are_hidden_in_three_ways(default: Dictionary) -> None:
    made = page()
    hidden_layer(made)
    layer, shown = made.Root.OCProperties.OCGs
    if "/OFF" in default:
        default.OFF = Array([layer])
    elif "/AS" in default:
        default.AS[0].OCGs = Array([layer])
        layer.Usage = Dictionary(View=Dictionary(ViewState=Name.OFF))
    else:
        default.ON = Array([shown])
    made.Root.OCProperties.D = default
    cleaned = clean(save(made))
    assert_gone(cleaned, "secretword")
    assert "kept" in texts(cleaned)[1]


# Pictures


def picture(made: Pdf, data: bytes, filter_: Name | Array, **keys: object) -> Stream:
    stream = made.make_stream(data, {"/Type": Name.XObject, "/Subtype": Name.Image, "/Width": 40, "/Height": 30})
    stream.ColorSpace, stream.BitsPerComponent, stream.Filter = Name.DeviceRGB, 8, filter_
    for key, value in keys.items():
        stream[f"/{key}"] = value
    made.pages[0].obj.Resources.XObject = Dictionary(I1=stream)
    made.pages[0].obj.Contents = made.make_stream(b"q 400 0 0 300 10 10 cm /I1 Do Q")
    return stream


SAMPLES = bytes(random.Random(2).randrange(256) for _ in range(3600))


def jpeg() -> bytes:
    out = io.BytesIO()
    exif = piexif.dump({"0th": {piexif.ImageIFD.Artist: b"Zorvath"}})
    Image.frombytes("RGB", (40, 30), SAMPLES).save(out, "JPEG", exif=exif, comment=b"Zorvath", progressive=True)
    return out.getvalue()


def jpx() -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (40, 30), SAMPLES).save(out, "JPEG2000")
    return out.getvalue() + b"\0\0\0\x0fxml Zorvath"


def test_a_jpeg_keeps_its_pixels_and_loses_the_rest() -> None:
    made = page()
    picture(made, jpeg() + b"Zorvath", Name.DCTDecode, Metadata=made.make_stream(b"Zorvath"), Name=Name.Zorvath)
    content = save(made)
    cleaned = clean(content)
    assert b"zorvath" not in everything(cleaned).lower()
    assert np.array_equal(pixels(content)[0], pixels(cleaned)[0])


def test_a_jpeg_2000_keeps_its_pixels_and_loses_the_rest() -> None:
    made = page()
    picture(made, jpx(), Name.JPXDecode)
    content = save(made)
    cleaned = clean(content)
    assert b"Zorvath" not in everything(cleaned)
    assert np.array_equal(pixels(content)[0], pixels(cleaned)[0])


def lzw(data: bytes) -> bytes:
    """LZW that never grows a code: a clear code before each 200 bytes."""
    bits = (
        "".join(f"{code:09b}" for at in range(0, len(data), 200) for code in (256, *data[at : at + 200])) + f"{257:09b}"
    )
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


PACKED: dict[str, tuple[bytes, Name | Array]] = {
    "flate with a tail": (zlib.compress(SAMPLES) + b"Zorvath", Name.FlateDecode),
    "flate with samples to spare": (zlib.compress(SAMPLES + b"Zorvath"), Name.FlateDecode),
    "hexadecimal": (SAMPLES.hex().encode() + b">Zorvath", Name.ASCIIHexDecode),
    "run lengths": (
        b"".join(b"\x7f" + SAMPLES[at : at + 128].ljust(128, b"Z") for at in range(0, 3600, 128)) + b"\x80Zorvath",
        Name.RunLengthDecode,
    ),
    "lzw": (lzw(SAMPLES) + b"Zorvath", Name.LZWDecode),
    "two layers": (zlib.compress(SAMPLES).hex().encode() + b">Zorvath", Array([Name.ASCIIHexDecode, Name.FlateDecode])),
}


@pytest.mark.parametrize("way", PACKED)
def test_samples_stay_and_what_follows_them_goes(way: str) -> None:
    made = page()
    data, filter_ = PACKED[way]
    picture(made, data, filter_)
    out = io.BytesIO()
    made.save(out, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)
    cleaned = clean(out.getvalue())
    with pikepdf.open(io.BytesIO(cleaned)) as opened:
        assert opened.pages[0].obj.Resources.XObject.I1.read_bytes() == SAMPLES
    assert b"Zorvath" not in everything(cleaned)


def test_a_predictor_is_kept() -> None:
    made = page()
    rows = b"".join(b"\0" + SAMPLES[at : at + 120] for at in range(0, 3600, 120))
    parameters = Dictionary(Predictor=15, Colors=3, Columns=40, Zorvath=String("Zorvath"))
    picture(made, zlib.compress(rows), Name.FlateDecode, DecodeParms=parameters)
    cleaned = clean(save(made, stream_decode_level=pikepdf.StreamDecodeLevel.none))
    with pikepdf.open(io.BytesIO(cleaned)) as opened:
        assert opened.pages[0].obj.Resources.XObject.I1.read_bytes() == SAMPLES
    assert b"Zorvath" not in everything(cleaned)


# Files that are more than one file


def test_old_revisions_are_gone() -> None:
    first = save(
        page(b"BT /F1 12 Tf 72 700 Td (Zorvath old) Tj ET"),
        object_stream_mode=ObjectStreamMode.disable,
        compress_streams=False,
    )
    number = int((re.search(rb"/Contents (\d+)", first) or [b"", b""])[1])
    size, root = (
        (re.search(rb"/Size (\d+)", first) or [b"", b""])[1],
        (re.search(rb"/Root (\d+ 0 R)", first) or [b"", b""])[1],
    )
    text = b"BT /F1 12 Tf 72 700 Td (kept) Tj ET"
    new = b"\n%d 0 obj\n<</Length %d>>stream\n%s\nendstream\nendobj\n" % (number, len(text), text)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, len(first) + 1)
    previous = first[first.rindex(b"startxref") + 9 :].split()[0]
    trailer = b"trailer<</Size %s/Root %s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        root,
        previous,
        len(first) + len(new),
    )
    cleaned = clean(first + new + table + trailer, Job())
    assert_gone(cleaned)
    assert "kept" in texts(cleaned)[1]


@pytest.mark.parametrize("wrap", [lambda made: made + b"\nPK\3\4 Zorvath", lambda made: b"#!/bin/sh Zorvath\n" + made])
def test_what_stands_before_and_behind_the_file_is_gone(wrap: Callable[[bytes], bytes]) -> None:
    assert_gone(clean(wrap(save(page())), Job()))


def test_a_file_that_opens_without_a_password_is_written_unencrypted() -> None:
    made = page(b"BT /F1 12 Tf 72 700 Td (Zorvath kept) Tj ET")
    cleaned = clean(save(made, encryption=Encryption(owner="owner", user="")))
    assert_gone(cleaned)
    with pikepdf.open(io.BytesIO(cleaned)) as opened:
        assert not opened.is_encrypted


def test_a_file_with_a_password_is_refused() -> None:
    with pytest.raises(CannotClean, match="encrypted"):
        clean(save(page(), encryption=Encryption(owner="owner", user="user")))


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7\n", b"%PDF-1.7\ntrailer<</Root<</Type/Catalog>>>>"])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(CannotClean, match="damaged"):
        clean(content)


def test_a_picture_that_nothing_can_show_is_taken_out() -> None:
    made = page()
    made.pages[0].obj.Resources.XObject = Dictionary(
        Im0=Stream(made, b"secret", Type=Name.XObject, Subtype=Name.Image, Width=9, Height=9, Filter=Name.DCTDecode)
    )
    made.pages[0].obj.Contents = made.make_stream(b"q 9 0 0 9 0 0 cm /Im0 Do Q BT /F1 12 Tf 72 700 Td (kept) Tj ET")
    job = Job()
    before = save(made)
    cleaned = clean(before, job)
    assert b"secret" not in everything(cleaned)
    assert job.removed["broken picture"] == 1
    assert np.array_equal(pixels(before)[0], pixels(cleaned)[0])


def test_names_that_are_no_text_stay() -> None:
    made = page()
    fonts = made.pages[0].obj.Resources.Font
    fonts.Qqabcd = fonts.Qz = fonts.F1
    made.pages[0].obj.Contents = made.make_stream(b"BT /Qqabcd 12 Tf 9 700 Td (one) Tj /Qz 12 Tf (two) Tj ET")
    content = save(made, object_stream_mode=ObjectStreamMode.disable, compress_streams=False)
    content = content.replace(b"/Qqabcd", b"/#cb#ce").replace(b"/Qz", b"/Q#")
    assert_same(content, clean(content))
    assert "two" in texts(clean(content))[1]


def test_a_stream_that_unpacks_to_too_much_is_refused() -> None:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(130)) + packer.flush()
    made = page()
    made.pages[0].obj.Contents = Stream(made, packed, Filter=Name.FlateDecode)
    with pytest.raises(CannotClean, match="more than is allowed"):
        clean(save(made, stream_decode_level=pikepdf.StreamDecodeLevel.none))


def test_attachments_over_the_limit_are_dropped() -> None:
    made = page()
    made.attachments["big"] = AttachedFileSpec(made, bytes(1000), filename="big")
    job = Job(nested=Member, limits=Limits(max_file_bytes=999))
    clean(save(made), job)
    assert [member.name for member in job.set_aside] == ["big"]


def test_an_attachment_that_stays_is_not_said_to_be_removed() -> None:
    made = page()
    made.attachments["notes.txt"] = b"plain notes"
    job = Job(nested=Member)
    with pikepdf.open(io.BytesIO(clean(save(made), job))) as opened:
        assert [bytes(file.get_file().read_bytes()) for file in opened.attachments.values()] == [b"plain notes"]
    assert not job.removed


def test_a_file_that_only_a_page_refers_to_stays_as_an_attachment() -> None:
    made = page()
    made.attachments["notes.txt"] = b"plain notes"
    made.pages[0].obj.AF = Array([made.Root.Names.EmbeddedFiles.Names[1]])
    del made.Root.Names
    del made.Root.AF
    with pikepdf.open(io.BytesIO(clean(save(made), Job(nested=Member)))) as opened:
        assert [bytes(file.get_file().read_bytes()) for file in opened.attachments.values()] == [b"plain notes"]


def test_an_attachment_that_cannot_be_cleaned_is_told() -> None:
    made = page()
    made.attachments["x.bin"] = bytes(range(256))
    job = Job()
    clean(save(made), job)
    assert job.set_aside == [SetAside("x.bin", "it cannot be cleaned")]


def test_what_is_left_out_is_told() -> None:
    made = page()
    document_information(made)
    hidden_layer(made)
    form_fields(made)
    job = Job()
    clean(save(made), job)
    assert {"author", "xmp", "hidden layer", "xfa form", "signature"} <= job.removed.keys()


def test_broken_files_are_cleaned_or_refused() -> None:
    chance = random.Random(5)
    whole = [writer() for writer in WRITERS.values()]
    for made in list(whole):
        with pikepdf.open(io.BytesIO(made)) as opened:
            whole.append(save(opened, compress_streams=False, object_stream_mode=ObjectStreamMode.disable))
    outcomes = set()
    for _turn in range(250):
        content = bytearray(chance.choice(whole))
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        else:
            for _change in range(chance.randrange(1, 20)):
                at = chance.randrange(len(content))
                piece = chance.choice(
                    [
                        b"<<",
                        b">>",
                        b"[",
                        b"(",
                        b")",
                        b"/A",
                        b"-1",
                        b"99999999999",
                        b"1 0 R",
                        b"null",
                        b"%",
                        b"\\",
                        b"\xe4",
                    ]
                )
                content[at : at + chance.randrange(3)] = piece
        try:
            clean(bytes(content))
            outcomes.add("cleaned")
        except CannotClean as error:
            outcomes.add(error.reason)
            assert "Zorvath" not in error.reason
    assert "cleaned" in outcomes
