"""XPS documents show the same pages without people in them."""

from __future__ import annotations

import io
import random
import sys
import zipfile
from pathlib import Path

import pytest
from lxml import etree
from PIL import Image

from privet.ingest.formats import seen
from privet.metadata import xps
from privet.metadata.job import CannotClean, Job, Member

sys.path.append(str(Path(__file__).parent))

from jobs import cleaned, damaged, edits_of
from test_xps_fonts import FONT, NAME, mixed

SPACE = "http://schemas.microsoft.com/xps/2005/06"
RUN = '<Glyphs Name="CANARY" FontUri="/Resources/{name}.odttf" FontRenderingEmSize="10" OriginX="{x}" OriginY="{y}" Fill="#FF000000" {more}/>'


def run(text: str, *, x: float = 0, y: float = 10, more: str = "") -> str:
    return RUN.format(name=NAME, x=x, y=y, more=f'UnicodeString="{text}" {more}')


def document(body: str, *, space: str = SPACE, extra: dict[str, bytes] | None = None) -> bytes:
    page = f'<FixedPage xmlns="{space}" Width="100" Height="100" xml:lang="en-US"><!-- CANARY -->{body}</FixedPage>'
    members = {
        "[Content_Types].xml": b"<Types/>",
        "_rels/.rels": b"<Relationships/>",
        "docProps/core.xml": b"<creator>CANARY</creator>",
        "Metadata/Job_PT.xml": b"<PrintTicket>CANARY</PrintTicket>",
        "FixedDocSeq.fdseq": f'<FixedDocumentSequence xmlns="{space}"><DocumentReference Source="Documents/1/F.fdoc"/></FixedDocumentSequence>'.encode(),
        "Documents/1/F.fdoc": f'<FixedDocument xmlns="{space}"><PageContent Source="Pages/1.fpage"><PageContent.LinkTargets>'
        f'<LinkTarget Name="CANARY"/></PageContent.LinkTargets></PageContent></FixedDocument>'.encode(),
        "Documents/1/Pages/1.fpage": page.encode("utf-16"),
        f"Resources/{NAME}.odttf": mixed(FONT, NAME),
        **(extra or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def nested(name: str, content: bytes) -> Member | None:
    return Member(name, content.replace(b"CANARY", b"")) if content.startswith(b"\x89PNG") else None


def page(raw: bytes, pattern: str = "Jane Doe") -> tuple[etree._Element, dict[str, bytes]]:
    out = cleaned(xps.clean, raw, Job(edits=edits_of(pattern), nested=nested))
    with zipfile.ZipFile(io.BytesIO(out)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert not any(b"CANARY" in content or "CANARY".encode("utf-16-le") in content for content in members.values())
    return etree.fromstring(members["Documents/1/Pages/1.fpage"]), members


def strings(root: etree._Element) -> list[str]:
    return [element.get("UnicodeString") for element in root.iter(f"{{{SPACE}}}Glyphs")]


def test_it_is_known_by_its_content() -> None:
    raw = document(run("A"))
    assert seen(io.BytesIO(raw), "a.xps", len(raw)) == "xps"


def test_pages_stay_and_what_is_about_them_goes() -> None:
    root, members = page(document(run("Garden", more='Indices="1,50;;" BidiLevel="0"')))
    run_ = root.find(f"{{{SPACE}}}Glyphs")
    assert dict(run_.attrib) == {
        "FontUri": "/Resources/00000000-0000-0000-0000-000000000001.odttf", "FontRenderingEmSize": "10", "OriginX": "0", "OriginY": "10",
        "Fill": "#FF000000", "UnicodeString": "Aarden", "Indices": "1,50;;", "BidiLevel": "0",
    }  # fmt: skip
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en-US"
    assert not any(name.startswith(("docProps", "Metadata")) for name in members)
    assert b"/Documents/1/Pages/1.fpage" in members["Documents/1/FixedDoc.fdoc"]
    assert b"000000000001.odttf" in members["Documents/1/Pages/_rels/1.fpage.rels"]


def test_a_name_across_runs_gives_way_and_loses_its_glyphs() -> None:
    root, _ = page(
        document(run("by Jane ", more='Indices=",50;,50"') + run("Doe!", x=40, more='CaretStops="F"') + run("ok", y=30))
    )
    assert strings(root) == ["by [X]", "!", "ok"]
    assert not any(element.get("Indices") or element.get("CaretStops") for element in root)


def test_runs_far_apart_are_words_of_their_own() -> None:
    body = run("Jane", more='Indices=",50;,50;,50;,50"') + run("Doe", x=25)
    assert strings(page(document(body), "Jane Doe")[0]) == ["[X]", " "]
    assert strings(page(document(body.replace('OriginX="25"', 'OriginX="20"')), "JaneDoe")[0]) == ["[X]", " "]


def test_what_the_glyphs_show_counts() -> None:
    # Glyph 1 of the font is an A, whatever the string says.
    root, _ = page(document(run("xxx", more='Indices="1;1;1"')), "AAA")
    assert strings(root) == ["[X]"]
    assert root[0].get("Indices") is None


def test_a_text_in_braces_stays_one() -> None:
    assert strings(page(document(run("{}{Jane Doe}")))[0]) == ["{}{[X]}"]


def test_links_and_alternative_texts_are_texts() -> None:
    body = (
        '<Path Data="M 0,0 L 1,1 Z" FixedPage.NavigateUri="https://example.com/Jane Doe" AutomationProperties.Name="of Jane Doe"/>'
        '<Path Data="M 0,0 Z" FixedPage.NavigateUri="../F.fdoc#CANARY" AutomationProperties.ItemType="CANARY"/>'
    )
    root, _ = page(document(body))
    assert dict(root[0].attrib) == {
        "Data": "M 0,0 L 1,1 Z", "FixedPage.NavigateUri": "https://example.com/[X]", "AutomationProperties.Name": "of [X]",
    }  # fmt: skip
    assert dict(root[1].attrib) == {"Data": "M 0,0 Z"}


def test_pictures_are_cleaned_and_named_anew() -> None:
    png = io.BytesIO()
    Image.new("L", (2, 2)).save(png, "PNG")
    body = '<Path><Path.Fill><ImageBrush ImageSource="../../../Resources/CANARY.png" Viewbox="0,0,2,2"/></Path.Fill></Path>'
    root, members = page(document(body, extra={"Resources/CANARY.png": png.getvalue() + b"CANARY"}))
    assert next(root.iter(f"{{{SPACE}}}ImageBrush")).get("ImageSource") == "/Resources/1.png"
    assert members["Resources/1.png"] == png.getvalue()


def test_parts_in_pieces_are_joined() -> None:
    raw = document(run("by Jane Doe"))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(out, "w") as archive:
        for name in before.namelist():
            content = before.read(name)
            if name.endswith((".fpage", ".fdseq")):
                archive.writestr(f"{name}/[0].piece", content[:40])
                archive.writestr(f"{name}/[1].last.piece", content[40:])
            else:
                archive.writestr(name, content)
    assert seen(io.BytesIO(out.getvalue()), "a.xps", len(out.getvalue())) == "xps"
    assert strings(page(out.getvalue())[0]) == ["by [X]"]


@pytest.mark.parametrize(
    "body",
    [
        '<Path Fill="ContextColor /Resources/a.icc 1.0,0"/>',
        '<ResourceDictionary Source="/Resources/a.dict"/>',
        '<Path><Path.Fill><ImageBrush ImageSource="/Resources/none.png"/></Path.Fill></Path>',
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"/>',
        '<Glyphs UnicodeString="A" FontUri="/Resources/none.ttf"/>',
    ],
)
def test_what_cannot_be_cleaned_is_refused(body: str) -> None:
    with pytest.raises(CannotClean):
        page(document(body))


def test_damage_is_refused_or_cleaned() -> None:
    chance = random.Random(4)
    raw = document(run("by Jane Doe", more='Indices="(2:1)1,50;;"'))
    for _ in range(100):
        try:
            cleaned(xps.clean, damaged(raw, chance), Job(nested=nested))
        except CannotClean:
            continue
