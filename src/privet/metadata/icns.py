"""Apple's icons (.icns): the icons of a file, those that are PNG or JPEG 2000 each cleaned as such.

Invariants: only kinds of icons that are known come out; lists of contents, names, property lists and variants in other appearances are left
out; an icon that cannot be cleaned is left out, and a file without any other is refused.

Source: Apple's IconStorage.h; the types as icnsutil lists them.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from privet.metadata import jpeg2000, png
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

# Bytes of each icon or mask that is not packed.
_PLAIN: Final = {
    b"ICON": 128, b"ICN#": 256, b"icm#": 48, b"icm4": 96, b"icm8": 192, b"ics#": 64, b"ics4": 128, b"ics8": 256, b"icl4": 512,
    b"icl8": 1024, b"ich#": 576, b"ich4": 1152, b"ich8": 2304, b"s8mk": 256, b"l8mk": 1024, b"h8mk": 2304, b"t8mk": 16384,
}  # fmt: skip
# Pixels of each icon of packed colours.
_PACKED: Final = {b"is32": 256, b"il32": 1024, b"ih32": 2304, b"it32": 16384}
_EITHER: Final = {b"ic04": 256, b"ic05": 1024, b"icp4": 256, b"icp5": 1024, b"icsb": 324}
_PICTURES: Final = frozenset((*_EITHER, *b"SB24 ic07 ic08 ic09 ic10 ic11 ic12 ic13 ic14 icp6 icsB sb24".split()))
_MAX_ICONS: Final = 1000
_MAX_BYTES: Final = 64 * 1024 * 1024


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the icons without metadata.

    Raises:
        CannotClean: no icon file, or one without an icon that can be cleaned.

    """
    size = size_of(source)
    head = source.read(8)
    if len(head) < 8 or head[:4] != b"icns" or size > min(_MAX_BYTES, job.limits.max_file_bytes):
        raise CannotClean("not an icon file, or a too large one")
    end = min(int.from_bytes(head[4:]), size)
    icons: list[tuple[bytes, bytes]] = []
    at = 8
    for _ in range(_MAX_ICONS):
        if at + 8 > end:
            break
        source.seek(at)
        part = source.read(8)
        length = int.from_bytes(part[4:])
        if length < 8:
            break
        at += length
        icon = _icon(part[:4], source.read(min(length - 8, end - at + length - 8)), job)
        if icon:
            icons.append((part[:4], icon))
    if not icons:
        raise CannotClean("no picture: no icon that can be cleaned")
    if end < size:
        job.dropped("trailing bytes")
    target.write(b"icns" + (8 + sum(8 + len(icon) for _, icon in icons)).to_bytes(4))
    for kind, icon in icons:
        target.write(kind + (8 + len(icon)).to_bytes(4) + icon)


def _icon(kind: bytes, content: bytes, job: Job) -> bytes:
    """Return an icon without metadata, or nothing where it has to go."""
    if kind in _PLAIN:
        icon = content[: _PLAIN[kind]]
        return icon if len(icon) == _PLAIN[kind] else b""
    if kind in _PICTURES and content.startswith((png.SIGNATURE, jpeg2000.SIGNATURE, jpeg2000.BARE)):
        source, target = io.BytesIO(content), io.BytesIO()
        try:
            (png if content.startswith(png.SIGNATURE) else jpeg2000).clean(source, target, job)
        except CannotClean:
            job.dropped("damaged icon")
            return b""
        return target.getvalue()
    if kind in _PACKED:
        return _packed(content, 4 if kind == b"it32" else 0, 3 * _PACKED[kind])
    if kind in _EITHER:
        is_alpha = content.startswith(b"ARGB")
        return _packed(content, 4 if is_alpha else 0, (4 if is_alpha else 3) * _EITHER[kind])
    job.dropped("chunk")
    return b""


def _packed(content: bytes, at: int, left: int) -> bytes:
    """Return packed colours without what stands behind them, or nothing where they are cut short."""
    if len(content) == left + at:
        return content
    while left > 0 and at < len(content):
        run = content[at] >= 128
        left -= content[at] - 125 if run else content[at] + 1
        at += 2 if run else content[at] + 2
    return content[:at] if left <= 0 and at <= len(content) else b""
