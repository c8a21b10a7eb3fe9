"""What of a PDF is needed to show its pages: the keys of resources, fonts, pictures, patterns, colour spaces and functions.

Invariants: tables only name keys of ISO 32000 that change what is shown; a picture's samples stay as they are, cut at its size.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Final

from pikepdf import Array, Dictionary, Name, Object, Stream, String

from privet.metadata import pdf_cmaps
from privet.metadata.job import MIB
from privet.metadata.pdf_embedded import bare_jpeg, bare_jpx, blank_profile, nameless_font
from privet.metadata.pdf_layers import marked
from privet.metadata.pdf_streams import BadSamples, filters, inflate, unwrapped
from privet.metadata.pdf_tree import (
    Rule,
    Tree,
    code,
    delete,
    each,
    either,
    keys,
    language,
    look_at_names,
    one,
    plain,
    rewritten,
    simple,
    table,
    text,
)
from privet.metadata.pdf_values import integer, spelled

_PICTURE_LIMIT: Final = 1024 * MIB
_PROGRAM_LIMIT: Final = 64 * MIB
_COMMENT: Final = re.compile(rb"%[^\r\n]*")
_COLOURS: Final = {"/DeviceRGB": 3, "/CalRGB": 3, "/Lab": 3, "/DeviceGray": 1, "/CalGray": 1, "/DeviceCMYK": 4}


def _colour_space(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    """Clean a colour space; one inside another is done in the same loop."""
    space = value
    for _depth in range(8):
        if isinstance(space, Name):
            return value
        if not isinstance(space, Array) or not len(space) or not isinstance(space[0], Name):
            return None
        head = spelled(space[0])
        inner = _INNER.get(head)
        if inner is None:
            return value if _plain_space(tree, head, space) else None
        if len(space) <= inner or not _clean_derived(tree, head, space):
            return None
        space = space[inner]
    return None


_INNER: Final = {"/Indexed": 1, "/Separation": 2, "/DeviceN": 2, "/Pattern": 1}
"""where a colour space has the one it is built on"""


def _plain_space(tree: Tree, head: str, space: Object) -> bool:
    kind = {"/ICCBased": "profile", "/CalGray": "calibration", "/CalRGB": "calibration", "/Lab": "calibration"}.get(
        head
    )
    if kind is None:
        return simple(space)
    return len(space) > 1 and tree.push(space[1], kind)


def _clean_derived(tree: Tree, head: str, space: Object) -> bool:
    if head == "/Indexed":
        return len(space) == 4 and _palette(tree, space)
    if head == "/Pattern":
        return True
    if len(space) < 4 or not simple(space[1]) or not (isinstance(space[3], Name) or tree.push(space[3], "function")):
        return False
    look_at_names(tree, space, 1, space[1])
    if len(space) > 4:
        # What a DeviceN space says about its colorants is for printing presses.
        del space[4]
    return True


def _samples(space: object) -> int:
    """Return how many numbers a colour has in a colour space; 0 if that is not known."""
    base = space[0] if isinstance(space, Array) and len(space) else space
    if spelled(base) == "/ICCBased" and isinstance(space, Array) and isinstance(space[1], Stream):
        return integer(space[1].get("/N", 0))
    return 1 if spelled(base) in {"/Indexed", "/Separation"} else _COLOURS.get(spelled(base), 0)


def _palette(tree: Tree, space: Object) -> bool:
    samples = _samples(space[1])
    if isinstance(space[3], Stream):
        return tree.push(space[3], "data")
    if not isinstance(space[3], String):
        return False
    if samples:
        space[3] = String(bytes(space[3])[: samples * (integer(space[2]) + 1)])
    return True


def _xobject(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    if not isinstance(value, Stream):
        return None
    if "/OC" in value and tree.layers.hidden(value.OC):
        tree.job.dropped("hidden layer")
        return tree.pdf.make_stream(b"", {"/Type": Name.XObject, "/Subtype": Name.Form, "/BBox": Array([0, 0, 0, 0])})
    kind = {"/Image": "image", "/Form": "form"}.get(spelled(value.get("/Subtype")))
    return value if kind is not None and tree.push(value, kind) else None


def _properties(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    if not isinstance(value, Dictionary):
        return None
    if spelled(value.get("/Type")) in {"/OCG", "/OCMD"}:
        return marked(tree.layers.hidden(value))
    return value if tree.push(value, "properties") else None


def _state_font(tree: Tree, _owner: Object, _key: str, value: object) -> object:
    return value if isinstance(value, Array) and len(value) == 2 and tree.push(value[0], "font") else None


_FUNCTION: Final = either(plain, one("function"), each(one("function")))
_COMPOSED: Final[dict[str, Rule]] = {"/ColorSpace": _colour_space, "/Function": _FUNCTION}

TABLES: Final[dict[str, dict[str, Rule]]] = {
    "resources": {
        "/ExtGState": table(one("state")),
        "/ColorSpace": table(_colour_space),
        "/Pattern": table(one("pattern")),
        "/Shading": table(one("shading")),
        "/XObject": table(_xobject),
        "/Font": table(one("font")),
        "/Properties": table(_properties),
        "/ProcSet": plain,
    },
    "properties": keys(text("structure"), "ActualText Alt E") | keys(plain, "Type MCID Subtype BBox Attached") | {"/Lang": language},
    "form": keys(plain, "Type Subtype FormType BBox Matrix StructParent StructParents")
    | {"/Resources": one("resources"), "/Group": one("group")},
    "content": {},
    "data": {},
    "group": keys(plain, "Type S I K") | {"/CS": _colour_space},
    "image": keys(plain, "Type Subtype Width Height BitsPerComponent Intent ImageMask Decode Interpolate SMaskInData Matte StructParent")
    | {"/ColorSpace": _colour_space, "/Mask": either(plain, one("image")), "/SMask": one("image")},
    "profile": keys(plain, "N Range") | {"/Alternate": _colour_space},
    "calibration": keys(plain, "WhitePoint BlackPoint Gamma Matrix Range"),
    "function": keys(plain, "FunctionType Domain Range Size BitsPerSample Order Encode Decode C0 C1 N Bounds")
    | {"/Functions": each(one("function"))},
    "state": keys(plain, "Type LW LC LJ ML D RI OP op OPM FL SM SA BM CA ca AIS TK")
    | keys(_FUNCTION, "BG BG2 UCR UCR2 TR TR2")
    | {"/Font": _state_font, "/SMask": either(plain, one("mask"))},
    "mask": keys(plain, "Type S BC") | {"/G": _xobject, "/TR": _FUNCTION},
    "pattern": keys(plain, "Type PatternType PaintType TilingType BBox XStep YStep Matrix")
    | {"/Resources": one("resources"), "/Shading": one("shading"), "/ExtGState": one("state")},
    "shading": _COMPOSED
    | keys(plain, "ShadingType Background BBox AntiAlias Domain Coords Extend Matrix BitsPerCoordinate BitsPerComponent BitsPerFlag")
    | keys(plain, "Decode VerticesPerRow"),
    "font": keys(plain, "Type Subtype BaseFont FirstChar LastChar Widths FontBBox FontMatrix DW W DW2 W2")
    | {
        "/FontDescriptor": one("descriptor"),
        "/Encoding": either(plain, one("encoding")),
        "/ToUnicode": either(plain, one("cmap")),
        "/CharProcs": table(one("glyph")),
        "/Resources": one("resources"),
        "/DescendantFonts": each(one("font")),
        "/CIDSystemInfo": one("collection"),
        "/CIDToGIDMap": either(plain, one("data")),
    },
    "encoding": keys(plain, "Type BaseEncoding Differences CMapName WMode UseCMap") | {"/CIDSystemInfo": one("collection")},
    "cmap": keys(plain, "Type CMapName WMode UseCMap") | {"/CIDSystemInfo": one("collection")},
    "collection": keys(code, "Registry Ordering") | keys(plain, "Supplement"),
    "glyph": {},
    "descriptor": keys(plain, "Type FontName Flags FontBBox ItalicAngle Ascent Descent Leading CapHeight XHeight StemV StemH")
    | keys(plain, "AvgWidth MaxWidth MissingWidth FontWeight FontStretch")
    | keys(one("program"), "FontFile FontFile2 FontFile3"),
    "program": keys(plain, "Subtype Length1 Length2 Length3"),
}  # fmt: skip


def _clean_image(tree: Tree, stream: Object) -> None:
    try:
        _clean_samples(stream)
    except BadSamples:
        # No reader shows it either: a mask of one sample that paints nothing stands in its place.
        tree.job.dropped("broken picture")
        for key in list(stream.keys()):
            if key not in {"/Type", "/Subtype", "/Length"}:
                delete(stream, key)
        stream.Width = stream.Height = stream.BitsPerComponent = 1
        stream.ImageMask = True
        stream.write(b"\x80")


def _clean_samples(stream: Object) -> None:
    old = filters(stream)
    data, name, parameters = unwrapped(stream, _PICTURE_LIMIT)
    new = data
    if name == "/DCTDecode":
        new = bare_jpeg(data)
    elif name == "/JPXDecode":
        new = bare_jpx(data)
    elif name == "/FlateDecode":
        new = _cut_samples(stream, data)
    if new is not data or old != [name]:
        stream.write(new, filter=Name(name), decode_parms=parameters)


def _cut_samples(stream: Object, data: bytes) -> bytes:
    """Return packed samples with nothing behind them, packed or not."""
    need = _sample_bytes(stream)
    samples, clean = inflate(data, min(_PICTURE_LIMIT, need or _PICTURE_LIMIT))
    if need and len(samples) > need:
        samples, clean = samples[:need], False
    return data if clean else zlib.compress(samples)


def _sample_bytes(stream: Object) -> int:
    """Return how many bytes the samples of a picture take, with its predictor's; 0 if that is not known."""
    mask = bool(stream.get("/ImageMask", False))
    count, bits = (1, 1) if mask else (_samples(stream.get("/ColorSpace")), integer(stream.get("/BitsPerComponent", 0)))
    row = (integer(stream.get("/Width", 0)) * count * bits + 7) // 8
    parameters = stream.get("/DecodeParms")
    if isinstance(parameters, Array):
        parameters = parameters[0] if len(parameters) else None
    if isinstance(parameters, Dictionary) and integer(parameters.get("/Predictor", 1)) >= 10:
        row += 1
    return max(0, row * integer(stream.get("/Height", 0)))


def _clean_function(_tree: Tree, function: Object) -> None:
    if function.get("/FunctionType") == 4:
        rewritten(function, lambda data: _COMMENT.sub(b"", data), _PROGRAM_LIMIT)


def _note_stream(kind: str) -> Callable[[Tree, Object], None]:
    def note(tree: Tree, stream: Object) -> None:
        if isinstance(stream, Stream):
            tree.drawn.append((stream, kind))

    return note


AFTER: Final[dict[str, Callable[[Tree, Object], None]]] = {
    "image": _clean_image,
    "function": _clean_function,
    "data": lambda _tree, stream: rewritten(stream, bytes, _PROGRAM_LIMIT),
    "shading": lambda _tree, stream: rewritten(stream, bytes, _PICTURE_LIMIT),
    "profile": lambda _tree, stream: rewritten(stream, blank_profile, _PROGRAM_LIMIT),
    "program": lambda _tree, stream: rewritten(stream, nameless_font, _PROGRAM_LIMIT),
    "cmap": lambda _tree, stream: rewritten(stream, pdf_cmaps.bare, _PROGRAM_LIMIT),
    "encoding": lambda _tree, stream: rewritten(stream, pdf_cmaps.bare, _PROGRAM_LIMIT),
    "form": _note_stream("form"),
    "pattern": _note_stream("pattern"),
    "glyph": _note_stream("glyph"),
}
