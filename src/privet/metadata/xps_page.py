"""One page of an XPS document: what of it draws, and the texts that its runs of glyphs make up.

Invariants:

- Known elements and attributes stay, with values of letters, numbers and marks; all others go.
- Runs on one line are one text, with a space where there is room for one; a run that is edited loses its glyphs.

Source: ECMA-388, sections 11 (pages), 12 (text).
"""

from __future__ import annotations

import posixpath
import re
from typing import Final, Protocol
from urllib.parse import unquote

from lxml import etree

from privet.metadata.job import CannotClean, Job
from privet.metadata.office_xml import SPACE, Element, Slot, Texts, drop, local, namespace
from privet.metadata.xps_fonts import Font, seen

SPACES: Final = frozenset(("http://schemas.microsoft.com/xps/2005/06", "http://schemas.openxps.org/oxps/v1.0"))
_KEY: Final = re.compile(
    r"\{http://schemas\.(?:microsoft\.com/xps/2005/06|openxps\.org/oxps/v1\.0)/resourcedictionary-key\}Key"
)
_DRAWS: Final = frozenset(
    "Width Height Clip RenderTransform Opacity OpacityMask Data Fill Stroke StrokeThickness StrokeDashArray StrokeDashCap "  # noqa: SIM905
    "StrokeDashOffset StrokeEndLineCap StrokeStartLineCap StrokeLineJoin StrokeMiterLimit SnapsToDevicePixels Matrix Color Viewbox "
    "Viewport TileMode ViewboxUnits ViewportUnits Transform MappingMode SpreadMethod StartPoint EndPoint ColorInterpolationMode Center "
    "GradientOrigin RadiusX RadiusY Offset Figures FillRule IsClosed IsFilled Points Point Size RotationAngle IsLargeArc SweepDirection "
    "IsStroked Visual BidiLevel CaretStops FontRenderingEmSize IsSideways Indices OriginX OriginY StyleSimulations BleedBox "
    "ContentBox".split()
)
_VALUE: Final = re.compile(r"[\w\s#.,;:+(){}-]*")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_XML_LANG: Final = SPACE.removesuffix("space") + "lang"
_TOLD: Final = frozenset(("AutomationProperties.Name", "AutomationProperties.HelpText"))
_LINK: Final = "FixedPage.NavigateUri"
_STRING: Final = "UnicodeString"
_GAP: Final = 0.15
"""of the size of the letters: from here on there is a space between two runs"""


class Parts(Protocol):
    """What gives a page the new places of what it needs."""

    def font(self, place: str) -> Font:
        """Return the font at a place."""
        ...

    def picture(self, place: str) -> str:
        """Return the new place of a picture."""
        ...


def resolved(place: str, address: str) -> str:
    """Return the part that an address means, as seen from another part."""
    return posixpath.normpath(
        posixpath.join("/" + posixpath.dirname(place), unquote(address).partition("#")[0])
    ).lstrip("/")


class Page:
    """A page while it is cleaned."""

    def __init__(self, document: Parts, place: str, job: Job) -> None:
        self._document = document
        self._place = place
        self._job = job
        self._used: dict[str, None] = {}
        self._texts = Texts(job)
        self._line: list[Slot] = []
        self._runs: list[_Run] = []
        self._end = (0.0, 0.0)
        """where the last run ends"""

    def cleaned(self, root: Element) -> list[str]:
        """Clean a page where it is; return the parts that it needs."""
        for element in list(root.iter(etree.Element)):
            element.text = element.tail = None
            if namespace(str(element.tag)) not in SPACES:
                parent = element.getparent()
                if parent is None or local(element) == "AlternateContent":
                    raise CannotClean("this kind of page of xps is not supported")
                parent.remove(element)
                self._job.dropped("element")
                continue
            if local(element) == "Glyphs":
                self._glyphs(element)
            self._attributes(element)
        self._texts.add("page", self._line)
        self._texts.finish()
        for run in self._runs:
            run.finish()
        return list(self._used)

    def _attributes(self, element: Element) -> None:
        for name, value in list(element.attrib.items()):
            key = str(name)
            if key in _TOLD:
                self._texts.add("alternative text", [Slot(element, key)])
            elif key == _LINK and re.match(r"(?:https?|mailto):", str(value)):
                self._texts.add("address", [Slot(element, key)])
            elif key == "ImageSource":
                element.set(key, self._picture(str(value)))
            elif key in (_STRING, "FontUri"):
                continue
            elif not self._is_kept(key, str(value)):
                del element.attrib[name]
                self._job.dropped("attribute")

    def _is_kept(self, name: str, value: str) -> bool:
        if "ContextColor" in value or (name == "Source" and not value.startswith("{")):
            raise CannotClean("colours by profile and shared resources of xps are not supported")
        if name == _XML_LANG:
            return _LANGUAGE.fullmatch(value) is not None
        return (name in _DRAWS and _VALUE.fullmatch(value) is not None) or _KEY.fullmatch(name) is not None

    def _picture(self, value: str) -> str:
        converted = re.match(r"\{ColorConvertedBitmap\s+(\S+)", value)
        place = self._document.picture(resolved(self._place, converted[1] if converted else value))
        self._used[place] = None
        return place

    def _glyphs(self, element: Element) -> None:
        """Take a run of text: what is seen of it stands in its string from here on."""
        font = self._document.font(resolved(self._place, element.get("FontUri") or ""))
        element.set("FontUri", font.place)
        self._used[font.place] = None
        size, left, base = (_number(element, name) for name in ("FontRenderingEmSize", "OriginX", "OriginY"))
        given = element.get(_STRING) or ""
        said = given.removeprefix("{}")
        shown, width = seen(said, element.get("Indices") or "", font)
        if not shown:
            return
        if shown != said or given != said:
            element.set(_STRING, shown)
        if self._line:
            is_same_line = abs(base - self._end[1]) < size / 4
            gap = left - self._end[0]
            mark = "=\n" if not is_same_line or gap < -size else "= " if gap > _GAP * size else ""
            if mark:
                self._line.append(Slot(element, mark))
        self._end = left + width * size, base
        self._line.append(Slot(element, _STRING))
        self._runs.append(_Run(element, shown))


class _Run:
    """A run of text as it was before it was edited."""

    def __init__(self, element: Element, shown: str) -> None:
        self._element = element
        self._shown = shown

    def finish(self) -> None:
        """Leave out the glyphs of a text that is another one now."""
        text = self._element.get(_STRING) or ""
        if text != self._shown:
            for name in ("Indices", "CaretStops"):
                drop(self._element, name)
        if text.startswith("{"):
            self._element.set(_STRING, "{}" + text)
        elif not text:
            self._element.set(_STRING, " ")


def _number(element: Element, name: str) -> float:
    try:
        return float(element.get(name) or 0)
    except ValueError:
        return 0.0
