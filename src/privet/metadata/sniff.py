r"""What a file is, by its content; the name decides only between kinds of text.

Invariants:

- A format is recognised by its first bytes, checked where the first bytes are short; a file that is two formats at once is the
  one that starts at its first byte, so that the cleaner of that format leaves the other out.
- Only `head` and `tail` are looked at, in linear time; nothing is unpacked.

>>> recognise(b"%PDF-1.7\n...", b"%%EOF", "scan.jpg", 4096)
'pdf'
>>> mismatch("pdf", "scan.jpg")
'the name says picture, the content is pdf'
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

from privet.metadata.sniff_containers import has_directory, ole_kind, zip_kind
from privet.metadata.sniff_media import (
    MARKS,
    bmp,
    colour_profile,
    ico,
    iff,
    is_adts,
    is_mpeg,
    isobmff,
    riff,
    tagged_audio,
    targa,
    transport,
    type1,
)
from privet.metadata.sniff_text import extension, text_kind
from privet.metadata.tfevents import masked_crc

_OBJECT: Final = re.compile(rb"[\r\n]\d{1,10} \d{1,5} obj\b")

Check = Callable[[bytes, bytes, str, int], str]
"""(head, tail, name, size) → the format, or an empty text where it is another"""


def recognise(head: bytes, tail: bytes, name: str, size: int) -> str:
    """Return the id of a file's format: "jpeg", "ooxml", "jsonl", … or "empty" or "unknown".

    Args:
        head: its first bytes, up to 64 kB.
        tail: its last bytes, up to 64 kB; may overlap `head`.
        name: its name, with or without folders.
        size: all its bytes.

    """
    if not size or not head:
        return "empty"
    for magic, found in _BY_FIRST.get(head[0], ()):
        if head.startswith(magic):
            answer = found if isinstance(found, str) else found(head, tail, name, size)
            if answer:
                return answer
    for check in _CHECKS:
        if answer := check(head, tail, name, size):
            return answer
    if b"%PDF-" in head[:1024] and (b"%%EOF" in tail[-1024:] or _OBJECT.search(head)):
        # Readers accept rubbish before the start, rubbish that is text too.
        return "pdf"
    return text_kind(head, tail, name, size) or _late(head, tail, name, size)


def _font(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """TrueType or OpenType: a list of tables in order of their names, all inside the file."""
    count = int.from_bytes(head[4:6], "big")
    entries = [
        struct.unpack_from(">4s4xII", head, 12 + 16 * index) for index in range(min(count, (len(head) - 12) // 16, 4))
    ]
    is_list = bool(entries) and all(re.fullmatch(rb"[ -~]{4}", tag) and start < size for tag, start, _size in entries)
    return "font" if is_list and size > 12 + 16 * count else ""


def _postscript(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """PostScript, a font of it, or a PDF that begins as one (ISO 32000-1, annex H.3.4.1)."""
    if type1(head, b"", "", 0):
        return "type1"
    return "pdf" if re.match(rb"%!PS-Adobe-\d\.\d PDF-\d", head) else "postscript"


def _late(head: bytes, tail: bytes, name: str, size: int) -> str:
    """Recognise formats whose readers accept rubbish before the start."""
    if head.startswith(b"\0\0"):
        # MP3 players skip zeros.
        start = len(head) - len(head.lstrip(b"\0"))
        if start < len(head) - 4 and is_mpeg(head[start:], tail, name, size):
            return "mp3"
    return zip_kind(head, tail, name, size) if has_directory(tail) else "unknown"


def _safetensors(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    if len(head) < 10 or head[8] != 0x7B:
        return ""
    length = struct.unpack_from("<Q", head)[0]
    if not 2 <= length <= size - 8:
        return ""
    seen = head[8 : 8 + length]
    return "safetensors" if b'"data_offsets"' in seen or b'"__metadata__"' in seen or seen.strip() == b"{}" else ""


def _tfevents(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    if len(head) < 16:
        return ""
    length, check = struct.unpack_from("<QI", head)
    if length + 16 > size or check != masked_crc(head[:8]):
        return ""
    return "tfevents" if b"brain.Event:" in head[12 : 12 + min(length, 256)] else "unknown"


_ONNX_FIELDS: Final = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}


def _onnx(head: bytes, _tail: bytes, name: str, size: int) -> str:
    """A ModelProto: its version first, then known fields up to the graph."""
    if len(head) < 4 or head[0] != 8 or not 1 <= head[1] <= 40:
        return ""
    place = 2
    for _ in range(256):
        tag = re.match(rb"[\x80-\xff]?[\0-\x7f]", head[place : place + 2])
        if tag is None:
            break
        value = tag[0][0] & 127 | (tag[0][1] << 7 if len(tag[0]) > 1 else 0)
        place += len(tag[0])
        if _ONNX_FIELDS.get(value >> 3) != value & 7:
            return ""
        number = re.match(rb"[\x80-\xff]{0,9}[\0-\x7f]", head[place : place + 10])
        if number is None:
            break
        place += len(number[0])
        if value & 7 == 2:
            place += sum((byte & 127) << 7 * at for at, byte in enumerate(number[0]))
            if place > size:
                return ""
        if value >> 3 == 7:
            return "onnx"
    return "onnx" if extension(name) == "onnx" else ""


def _pickle(head: bytes, tail: bytes, _name: str, _size: int) -> str:
    if len(head) < 4 or not 2 <= head[1] <= 5:
        return ""
    # The opcodes a pickle starts with: a frame, an empty container, a mark, a global, a text, a number.
    return "pickle" if head[2] in b"\x95}](c\x8c\x8aXKMJGN)q\x88\x89B\x8eC\x8f\x80h" or tail[-1:] == b"." else ""


def _executable(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    if len(head) < 64:
        return ""
    start = struct.unpack_from("<I", head, 60)[0]
    is_windows = start + 4 <= size and head[start : start + 2] in {b"PE", b"NE", b"LE", b"LX", b""}
    # A DOS program has no second header; text does not hold such bytes.
    return "executable" if is_windows or b"\0" in head[:64] else ""


def _compiled(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """Python's cached bytecode: a version below 4096, a line end, flags of which two bits are known."""
    return "executable" if len(head) >= 16 and head[1] <= 0x0F and head[2:4] == b"\r\n" and head[4] <= 3 else ""


def _tar(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    if size < 512 or len(head) < 512:
        return ""
    field = head[148:156].strip(b" \0")
    if not field or not re.fullmatch(rb"[0-7]+", field):
        return ""
    block = head[:148] + b" " * 8 + head[156:512]
    return "tar" if int(field, 8) == sum(block) and head[0] else ""


def _parquet(_head: bytes, tail: bytes, _name: str, _size: int) -> str:
    return "parquet" if tail[-4:] in {b"PAR1", b"PARE"} else "unknown"


def _dicom(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    return "dicom" if head[128:132] == b"DICM" else ""


def _orc(_head: bytes, tail: bytes, _name: str, _size: int) -> str:
    return "orc" if b"ORC" in tail[-32:] else ""


def _arrow_stream(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    length = struct.unpack_from("<i", head, 4)[0] if len(head) >= 8 else 0
    return "arrow" if 0 < length <= size - 8 and not length % 8 else ""


def _bzip(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    return "bzip2" if head[3:4] in b"123456789" and head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"} else ""


def _skippable(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    return "zstd" if head[1:4] == b"\x2a\x4d\x18" else ""


_MAGIC: Final[tuple[tuple[bytes, str | Check], ...]] = (
    (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"RIFF", riff), (b"RF64", riff), (b"FORM", iff),
    (b"GIF87a", "gif"), (b"GIF89a", "gif"), (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"II+\0", "tiff"), (b"MM\0+", "tiff"),
    (b"BM", bmp), (b"\0\0\2\0\6\4\6\0", "wk1"), (b"\0\0\2\0\x20\x51\6\0", "wk1"), (b"\0\0\x1a\0\0\x10\4\0", "123"),
    (b"\0\0\1\0", ico), (b"\0\0\2\0", ico), (b"8BPS", "psd"), (b"ID3", tagged_audio), (b"fLaC", "flac"),
    (b"OggS", "ogg"), (b"\xffWPC", "wpd"), (b"1\xbe\0\0\0\xab", "wri"), (b"\xff", is_adts), (b"\xff", is_mpeg),
    (b"\x1aE\xdf\xa3", "matroska"), (b"%PDF-", "pdf"),
    (b"\0\1\0\0\0", _font), (b"true\0", _font), (b"OTTO\0", _font), (b"ttcf\0", "font"), (b"wOFF\0\1\0\0", "woff"),
    (b"wOFFOTTO", "woff"), (b"wOFFtrue", "woff"), (b"StartFontMetrics ", "type1"), (b"StartMasterFontMetrics ", "type1"),
    (b"StartCompFontMetrics ", "type1"), (b"bplist0", "binary_plist"),
    (b"%!PS", _postscript), (b"\xc5\xd0\xd3\xc6", "postscript"), (b"\x04%!PS", "postscript"),
    (b"PK\3\4", zip_kind), (b"PK\5\6", "zip"), (b"PK00PK\3\4", "zip"),
    (b"PK\7\x08PK\3\4", "zip"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ole_kind), (b"{\\rtf", "rtf"), (b"PAR1", _parquet),
    (b"PARE", _parquet), (b"ARROW1\0\0", "arrow"), (b"FEA1", "arrow"), (b"\xff\xff\xff\xff", _arrow_stream),
    (b"SQLite format 3\0", "sqlite"), (b"ORC", _orc), (b"Obj\1", "avro"), (b"\x93NUMPY", "numpy"), (b"GGUF", "gguf"),
    (b"\x08", _onnx), (b"\x80", _pickle), (b"\x1f\x8b\x08", "gzip"), (b"(\xb5/\xfd", "zstd"),
    *((bytes((first,)), _skippable) for first in range(0x50, 0x60)), (b"BZh", _bzip), (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "rar"), (b"MZ", _executable), (b"\x7fELF", "executable"),
    (b"\xfe\xed\xfa", "executable"), (b"\xce\xfa\xed\xfe", "executable"), (b"\xcf\xfa\xed\xfe", "executable"),
    (b"\xca\xfe\xba\xbe", "executable"), (b"\0asm", "executable"), (b"dex\n", "executable"), (b"BC\xc0\xde", "executable"),
    (b"L\0\0\0\1\x14\2\0", "executable"), (b"!<arch>\n", "executable"), *MARKS,
)  # fmt: skip
_BY_FIRST: Final[dict[int, tuple[tuple[bytes, str | Check], ...]]] = {
    first: tuple(row for row in _MAGIC if row[0][0] == first) for first in {row[0][0] for row in _MAGIC}
}
_CHECKS: Final[tuple[Check, ...]] = (
    _dicom,
    colour_profile,
    type1,
    isobmff,
    _safetensors,
    _tfevents,
    _tar,
    _compiled,
    targa,
    transport,
    type1,
)


_FAMILIES: Final = {
    "picture": "jpeg jpg jpe jfif png apng webp gif tiff tif dng bmp dib ico cur psd psb heif heic heics avif svg svgz"
    " jpeg2000 jp2 j2k jpx jpf j2c jpc jph jxl netpbm pbm pgm ppm pnm tga targa pcx radiance hdr rgbe qoi sgi"
    " dds icns ani openexr exr dcx fits fit fts emf wmf djvu djv bpg dpx xcf flif"
    " camera_raw cr2 cr3 crw nef nrw arw srf sr2 orf rw2 rwl raf pef srw x3f mrw mef erf 3fr iiq kdc dcr k25",
    "recording": "mp4 m4a m4v m4b mov qt 3gp 3g2 mp3 mp2 flac ogg oga ogv opus spx wav wave bwf aiff aif aifc avi adts aac"
    " matroska mkv mka webm asf wma wmv flv ape wavpack wv musepack mpc tta dsd dsf dff caf au snd amr awb ac3 eac3 midi mid kar rmi"
    " mpeg_ps mpg mpeg m1v m2v mpv vob mpeg_ts ts m2ts mts m2t real_media rm rmvb",
    "pdf": "pdf ai",
    "office document": "ooxml docx docm dotx dotm xlsx xlsm xltx xltm xlsb pptx pptm ppsx potx vsdx odf odt ods odp odg odc"
    " odb ott ots otp otg flat_odf fodt fods fodp fodg epub ole encrypted doc dot xls xlt ppt pps pot msg oft rtf"
    " vsd pub wps wpd wri sxw sxc sxi sxd xps oxps",
    "text": "text msg flat_odf fodt fods fodp fodg markdown html"
    " xml svg mail mbox notebook vcard calendar json jsonl csv tsv rtf txt log md rst htm xhtml xsl"
    " eml mht mhtml ipynb vcf ics ndjson tab yaml yml toml ini cfg conf py js ts css c h cpp java go rs rb php sh sql tex"
    " srt vtt hdr",
    "table": "parquet pq arrow feather ipc sqlite sqlite3 db db3 orc avro",
    "model": "numpy npy npz safetensors gguf onnx pickle pkl torch pt pth ckpt joblib tfevents",
    "archive": "zip jar tar gzip gz tgz zstd zst bzip2 bz2 tbz2 xz txz 7z rar ooxml odf epub npz torch svgz",
    "program": "executable exe dll so dylib msi wasm class pyc",
}
_FAMILY_OF: Final[dict[str, frozenset[str]]] = {
    word: frozenset(family for family, words in _FAMILIES.items() if word in words.split())
    for words in _FAMILIES.values()
    for word in words.split()
}


def is_ending(word: str) -> bool:
    """Tell whether files of a kind known here end so.

    >>> is_ending("JPG"), is_ending("smith")
    (True, False)
    """
    return word.lower() in _FAMILY_OF


def mismatch(format_id: str, name: str) -> str | None:
    """Return a reason where a name claims another family than the content is, else None.

    >>> mismatch("png", "photo.jpg"), mismatch("jsonl", "rows.json"), mismatch("text", "no-ending")
    (None, None, None)
    >>> mismatch("executable", "notes.txt")
    'the name says text, the content is executable'
    """
    claimed = _FAMILY_OF.get(extension(name))
    found = _FAMILY_OF.get(format_id)
    if claimed is None or found is None or claimed & found:
        return None
    return f"the name says {min(claimed)}, the content is {format_id}"
