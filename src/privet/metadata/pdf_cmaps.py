"""Character maps of PDF fonts: which bytes are one code, which glyph number and which characters a code stands for.

Invariants: a map costs at most `MAX_CODES` entries, whatever its ranges say; nothing is looked up outside the file and Python's codecs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MAX_CODES: Final = 400_000

_BLOCK: Final = re.compile(rb"begin(bfchar|bfrange|cidchar|cidrange|codespacerange)\b(.*?)end\1", re.DOTALL)
_TOKEN: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>|(\[)|(\])|(\d+)|/([^\s<>\[\]/()]+)")
_COMMENT: Final = re.compile(rb"%[^\r\n]*")

JIS: Final = "iso2022_jp"
CODECS: Final = {
    "UniGB-UCS2": ("utf-16-be", 1), "UniCNS-UCS2": ("utf-16-be", 1), "UniJIS-UCS2": ("utf-16-be", 1), "UniKS-UCS2": ("utf-16-be", 1),
    "UniJIS-UCS2-HW": ("utf-16-be", 231), "UniGB-UTF16": ("utf-16-be", 1), "UniCNS-UTF16": ("utf-16-be", 1),
    "UniJIS-UTF16": ("utf-16-be", 1), "UniJIS2004-UTF16": ("utf-16-be", 1), "UniKS-UTF16": ("utf-16-be", 1),
    "GB-EUC": ("gb2312", 814), "GBpc-EUC": ("gb2312", 1), "GBK-EUC": ("gbk", 814), "GBKp-EUC": ("gbk", 1), "GBK2K": ("gb18030", 1),
    "B5pc": ("big5", 1), "HKscs-B5": ("big5hkscs", 1), "ETen-B5": ("cp950", 13648), "ETenms-B5": ("cp950", 1),
    "83pv-RKSJ": ("shift_jis", 1), "90ms-RKSJ": ("cp932", 231), "90msp-RKSJ": ("cp932", 1), "90pv-RKSJ": ("cp932", 1),
    "Add-RKSJ": ("cp932", 231), "Ext-RKSJ": ("cp932", 231), "EUC": ("euc_jp", 231),
    "H": (JIS, 1), "V": (JIS, 1),
    "KSC-EUC": ("euc_kr", 8094), "KSCms-UHC": ("cp949", 1), "KSCms-UHC-HW": ("cp949", 8094), "KSCpc-EUC": ("cp949", 1),
}  # fmt: skip
"""Python's name for the encoding behind a predefined map (ISO 32000-1, table 118), without its -H or -V, and the glyph number of
its ASCII space: the other ASCII characters follow, all others are taken to be of the default width."""


@dataclass(slots=True)
class CMap:
    """A character map: the lengths of codes, and what they mean."""

    spaces: list[tuple[int, int, int]] = field(default_factory=list)
    """(bytes of a code, lowest, highest)"""
    glyphs: dict[int, int] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)

    def split(self, shown: bytes) -> list[tuple[int, int]]:
        """Return the codes of a shown string, each with how many bytes it took."""
        spaces = self.spaces or [(2, 0, 0xFFFF)]
        if len(spaces) == 1 and spaces[0][0] == 2 and len(shown) % 2 == 0:
            return [((shown[at] << 8) | shown[at + 1], 2) for at in range(0, len(shown), 2)]
        out = []
        at = 0
        shortest = min(size for size, _low, _high in spaces)
        while at < len(shown):
            size = next(
                (size for size, low, high in spaces if _inside(shown[at : at + size], size, low, high)), shortest
            )
            out.append((int.from_bytes(shown[at : at + size], "big"), min(size, len(shown) - at)))
            at += size
        return out


def _inside(code: bytes, size: int, low: int, high: int) -> bool:
    """Whether each byte of a code lies in its own range (a codespace is a box, not an interval)."""
    if len(code) != size:
        return False
    return all(
        low_byte <= byte <= high_byte
        for byte, low_byte, high_byte in zip(code, low.to_bytes(size, "big"), high.to_bytes(size, "big"), strict=True)
    )


def parse(data: bytes) -> CMap:
    """Return what a character map says; what it says wrongly is left out."""
    out = CMap()
    for block in _BLOCK.finditer(bare(data)):
        kind = block.group(1)
        items = _items(block.group(2))
        if kind == b"codespacerange":
            out.spaces += [
                (len(low), int.from_bytes(low, "big"), int.from_bytes(high, "big"))
                for low, high in zip(items[::2], items[1::2], strict=False)
                if isinstance(low, bytes) and isinstance(high, bytes) and 0 < len(low) == len(high) <= 4
            ]
        elif kind == b"bfchar":
            _characters(items, out)
        elif kind == b"bfrange":
            _character_ranges(items, out)
        elif kind == b"cidchar":
            out.glyphs |= {
                _number(code): cid for code, cid in zip(items[::2], items[1::2], strict=False) if isinstance(cid, int)
            }
        else:
            _glyph_ranges(items, out)
        if len(out.texts) + len(out.glyphs) > MAX_CODES:
            break
    return out


_Item = bytes | int | list[bytes]


def _items(body: bytes) -> list[_Item]:
    out: list[_Item] = []
    inner: list[bytes] | None = None
    for token in _TOKEN.finditer(body):
        hexed, opened, closed, number, name = token.groups()
        if opened:
            inner = []
        elif closed:
            out.append(inner or [])
            inner = None
        elif number is not None:
            out.append(int(number[:12]))
        else:
            value = b"" if name is not None else unhex(hexed)
            (out if inner is None else inner).append(value)
    return out


def unhex(digits: bytes) -> bytes:
    """Return the bytes of hexadecimal digits, as a PDF's string has them: spaces ignored, an odd digit filled with 0."""
    digits = b"".join(digits.split()).replace(b"\0", b"")
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _number(item: _Item) -> int:
    return int.from_bytes(item[:4], "big") if isinstance(item, bytes) else item if isinstance(item, int) else 0


def _text(value: bytes) -> str:
    # One byte is not UTF-16, but some writers mean Latin-1.
    return value.decode("utf-16-be", "ignore") if len(value) > 1 else value.decode("latin-1")


def _characters(items: list[_Item], out: CMap) -> None:
    for code, value in zip(items[::2], items[1::2], strict=False):
        if isinstance(value, bytes):
            out.texts[_number(code)] = _text(value)


def _character_ranges(items: list[_Item], out: CMap) -> None:
    for low_item, high_item, value in zip(items[::3], items[1::3], items[2::3], strict=False):
        low, high = _number(low_item), _number(high_item)
        span = range(low, min(high, low + 0xFFFF, low + MAX_CODES - len(out.texts)) + 1)
        if isinstance(value, list):
            out.texts |= {code: _text(one) for code, one in zip(span, value, strict=False)}
        elif isinstance(value, bytes) and value:
            base = int.from_bytes(value, "big")
            size = len(value)
            out.texts |= {code: _text(((base + code - low) % (1 << (8 * size))).to_bytes(size, "big")) for code in span}


def _glyph_ranges(items: list[_Item], out: CMap) -> None:
    for low_item, high_item, cid in zip(items[::3], items[1::3], items[2::3], strict=False):
        low, high = _number(low_item), _number(high_item)
        if isinstance(cid, int):
            span = range(low, min(high, low + 0xFFFF, low + MAX_CODES - len(out.glyphs)) + 1)
            out.glyphs |= {code: cid + code - low for code in span}


def bare(data: bytes) -> bytes:
    """Return a character map without its comments, which name people and tools."""
    return _COMMENT.sub(b"", data) if b"%" in data else data


def is_foreign(name: str) -> bool:
    """Tell whether a map of this name is one that other readers know and this one does not."""
    return bool(re.match(r"Uni\w+-UTF(8|32)-|CNS|Adobe-\w+-\d|HK", name))


def codec_text(code: int, size: int, codec: str) -> str:
    """Return what a code means in one of `CODECS`."""
    data = code.to_bytes(size, "big")
    return (b"\x1b$B" + data if codec == JIS else data).decode(codec, "replace")


def codec_split(shown: bytes, codec: str) -> list[tuple[int, int]]:
    """Return the codes of a string in one of `CODECS`, each with how many bytes it took."""
    if codec == JIS:
        return CMap().split(shown)
    if codec == "utf-16-be":
        out = []
        at = 0
        while at < len(shown):
            size = 4 if 0xD8 <= shown[at] <= 0xDB else 2
            out.append((int.from_bytes(shown[at : at + size], "big"), min(size, len(shown) - at)))
            at += size
        return out
    out = []
    at = 0
    while at < len(shown):
        size = 1 if shown[at] < 0x81 or (codec in {"cp932", "shift_jis"} and 0xA0 <= shown[at] <= 0xDF) else 2
        out.append((int.from_bytes(shown[at : at + size], "big"), min(size, len(shown) - at)))
        at += size
    return out


def without(data: bytes, kept: set[int]) -> bytes | None:
    """Return a map from codes to characters with these codes only; None if it has no others."""
    read = parse(data)
    if read.texts.keys() <= kept:
        return None
    sizes = {size for size, _low, _high in read.spaces} or {2}
    size = max(sizes)
    lines = [
        b"<%s> <%s>"
        % (code.to_bytes(size, "big").hex().encode("ascii"), text.encode("utf-16-be", "replace").hex().encode("ascii"))
        for code, text in sorted(read.texts.items())
        if code in kept and code < 1 << (8 * size)
    ]
    blocks = [lines[at : at + 100] for at in range(0, len(lines), 100)]
    spaces = b"1 begincodespacerange\n<%s> <%s>\nendcodespacerange\n" % (b"00" * size, b"ff" * size)
    body = b"".join(b"%d beginbfchar\n%s\nendbfchar\n" % (len(block), b"\n".join(block)) for block in blocks)
    return _HEAD + spaces + body + _FOOT


_HEAD: Final = b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
_FOOT: Final = b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
