"""Plain text of any size: Markdown, logs, source code, subtitles, settings.

Invariants:

- What is not edited is the same to the byte: encoding, byte order mark, line ends.
- A text whose encoding is not certain is refused: what cannot be read cannot be searched.
- Memory does not grow with the file: it is read in blocks that end at an empty line, or else at the end of a line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.metadata.embedded import in_text
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.passage import TERMINAL, Coding, rewritten

BLOCK_CHARS: Final = MIB // 2
"""A block is cut at the first good place behind this many characters."""
_READ_BYTES: Final = MIB
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF8_CHARACTER: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH: Final = bytes(range(128))
# What windows-1252 texts of western languages hold beside letters: quotes, dashes, currency, ordinals, no-break space.
_WESTERN: Final = bytes([*range(0xC0, 0xFF), 0x8A, 0x8C, 0x8E, 0x9A, 0x9C, 0x9E, 0x9F]) + (
    b"\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b\xa0\xa1\xa3\xa7\xa9\xaa\xab\xad\xae\xb0\xb1\xb2\xb3\xb4\xb5\xb7\xb9\xba\xbb\xbc\xbd"
    b"\xbe\xbf"
)
# DOS code pages have letters where windows-1252 has quotes and symbols.
_MISREAD: Final = re.compile(rb"[A-Za-z][\x80-\x84\x87-\x89\x8b\x8d\x8f\x90\xa0-\xa5\x9b\x9d][a-z]")
_CONTROLS: Final = bytes(range(32)).translate(None, b"\t\n\r\f\x0b\x1b\x1e\x1f\x1c\x1d\x01\x08")
_MAX_CONTROLS: Final = 1 / 1000
_PAGE_BYTES: Final = 4096
_ASCII_RUN: Final = re.compile(rb"[\t\n\r -~]{8,}")
_BEFORE_BYTES: Final = 256
"""bytes of a piece that are read again with the next one"""
_FRONT_KEY: Final = re.compile(
    r"(?:author|authors|creator|by|byline|email|e-mail|contact|owner|maintainer|editor|publisher|user|username)[ \t]*:",
    re.IGNORECASE,
)
_MAX_FRONT_CHARS: Final = 65536


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a plain text with its identifiers replaced."""
    codec, mark = encoding(source)
    target.write(mark)
    is_first = True
    for block in one_reading(blocks(source, codec, len(mark), job.limits.max_record_bytes), codec, job):
        text = without_author(block, job) if is_first else block
        text = rewritten_text(text, job)
        target.write(encoded(text, codec))
        is_first = False


def one_reading(pieces: Iterator[str], codec: str, job: Job) -> Iterator[str]:
    """Yield the pieces of a text; UTF-16 or UTF-32 whose bytes are ASCII with an identifier is refused: whoever ignores the mark reads it.

    Raises:
        CannotClean: it is that.

    """
    before = b""
    for piece in pieces:
        if codec.startswith(("utf-16", "utf-32")):
            raw = before + piece.encode(codec, "replace")
            if any(job.edits([run.decode("ascii") for run in _ASCII_RUN.findall(raw)], "body")):
                raise CannotClean("it reads as text in two encodings, with an identifier in the other one")
            before = raw[-_BEFORE_BYTES:]
        yield piece


def rewritten_text(text: str, job: Job, place: str = "body", *codings: Coding) -> str:
    """Return a text with its identifiers replaced and the files in its `data:` addresses cleaned.

    `codings` say what else in it is read as something else.
    """
    return rewritten([in_text(text, job)], job, place, TERMINAL, *codings)[0] if text else text


def encoded(text: str, codec: str) -> bytes:
    """Return a text in an encoding; what is new and cannot be said in it becomes a question mark."""
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return text.encode(codec, "replace")


def without_author(text: str, job: Job) -> str:
    """Return a text without the lines of its YAML front matter that say who wrote it."""
    if not text.startswith(("---\n", "---\r\n")):
        return text
    end = text.find("\n---", 3, _MAX_FRONT_CHARS)
    if end < 0:
        return text
    kept: list[str] = []
    is_inside = False
    for line in text[:end].splitlines(keepends=True):
        if _FRONT_KEY.match(line):
            is_inside = True
            job.dropped("author")
        elif not is_inside or line[:1] not in (" ", "\t", "-"):
            is_inside = False
            kept.append(line)
    return "".join(kept).removesuffix("\n").removesuffix("\r") + _line_end(text, end) + text[end + 1 :]


def _line_end(text: str, end: int) -> str:
    return "\r\n" if text[end - 1] == "\r" else "\n"


def encoding(source: BinaryIO) -> tuple[str, bytes]:
    """Return the encoding of a text and its byte order mark; the source stands at 0 again.

    Raises:
        CannotClean: it is not text, or its encoding cannot be told.

    """
    head = source.read(_PAGE_BYTES)
    source.seek(0)
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec, mark
    if b"\0" in head:
        return _wide(head), b""
    failed_at = _check_utf8(source)
    if failed_at is None:
        return "utf-8", b""
    if not _is_western(source):
        raise CannotClean(f"not valid UTF-8 at byte {failed_at} and no encoding that can be told; convert it to UTF-8")
    return "cp1252", b""


_CODECS: Final = frozenset(
    "ascii utf-8 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874 cp866 cp437 cp850 koi8-r koi8-u mac-roman "  # noqa: SIM905
    "iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16 "
    "big5 big5hkscs gb2312 gbk gb18030 euc_jp shift_jis cp932 iso2022_jp euc_kr cp949 iso2022_kr tis-620 mac-cyrillic".split()
)
# What writers call by these names is their superset: browsers and mail readers take them for it.
_SUPERSETS: Final = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}


def known_codec(declared: str) -> str:
    """Return the codec of a declared character set, or "" where it is none that is plain text."""
    try:
        name = codecs.lookup(declared.strip()).name
    except (LookupError, ValueError):
        return ""
    name = _SUPERSETS.get(name, name)
    return name if name in _CODECS else ""


# In these even letters of English may be other bytes than in ASCII, so nothing is found where they are taken for it.
_HIDING: Final = frozenset(("utf-7", "hz", "cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140"))
_OWN: Final = _HIDING | {"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"}


def own_codec(charset: str) -> str:
    """Return the codec of a declared character set that is no superset of ASCII, else ""."""
    try:
        name = codecs.lookup(charset.strip()).name
    except (LookupError, ValueError):
        return ""
    return name if name in _OWN else ""


def declared_encoding(source: BinaryIO, declared: str) -> tuple[str, bytes]:
    """Return the encoding of a text that says which it is in, as `encoding` does. What is UTF-8 is UTF-8, whatever it says.

    Raises:
        CannotClean: as `encoding`.

    """
    codec = known_codec(declared) if declared else ""
    if declared and own_codec(declared) in _HIDING:
        raise CannotClean("it says that it is in an encoding in which texts hide: convert it to UTF-8")
    if not codec or codec == "utf-8":
        return encoding(source)
    head = source.read(_PAGE_BYTES)
    source.seek(0)
    if head.startswith(tuple(mark for mark, _ in _BOMS)) or b"\0" in head:
        return encoding(source)
    # ISO 2022 is written in ASCII bytes.
    if not codec.startswith("iso2022") and _check_utf8(source) is None:
        return "utf-8", b""
    return codec, b""


def _wide(head: bytes) -> str:
    """Return which UTF-16 or UTF-32 without a mark a text starts in, by where its zeros stand."""
    quarters = [head[at::4].count(0) / max(1, len(head[at::4])) for at in range(4)]
    often, seldom = 0.6, 0.3
    shapes = {
        "utf-32-le": quarters[1] > often and quarters[2] > often and quarters[3] > often and quarters[0] < seldom,
        "utf-32-be": quarters[0] > often and quarters[1] > often and quarters[2] > often and quarters[3] < seldom,
        "utf-16-le": min(quarters[1], quarters[3]) > often and max(quarters[0], quarters[2]) < seldom,
        "utf-16-be": min(quarters[0], quarters[2]) > often and max(quarters[1], quarters[3]) < seldom,
    }
    codec = next((name for name, fits in shapes.items() if fits), "")
    if not codec:
        raise CannotClean("not text: it holds zero bytes")
    return codec


def _check_utf8(source: BinaryIO) -> int | None:
    """Return where a file stops being UTF-8, or None."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    read = controls = 0
    try:
        while chunk := source.read(_READ_BYTES):
            held = len(decoder.getstate()[0])
            decoder.decode(chunk)
            controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
            if b"\0" in chunk:
                raise CannotClean("not text: it holds zero bytes")
            read += len(chunk)
        held = len(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return read - held + error.start
    finally:
        source.seek(0)
    if controls > 8 + read * _MAX_CONTROLS:
        raise CannotClean("not text: it holds control characters")
    return None


def _is_western(source: BinaryIO) -> bool:
    """Tell whether a file that is not UTF-8 reads as windows-1252: few high bytes, nearly all of them letters among letters."""
    high = strange = utf8 = controls = total = 0
    misread = False
    while chunk := source.read(_READ_BYTES):
        above = chunk.translate(None, _HIGH)
        high += len(above)
        strange += len(above.translate(None, _WESTERN))
        controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
        utf8 += sum(len(found[0]) for found in _UTF8_CHARACTER.finditer(chunk))
        misread = misread or _MISREAD.search(chunk) is not None
        total += len(chunk)
    source.seek(0)
    return not strange and not misread and not controls and utf8 * 2 <= high and high * 3 <= total


def chunks(source: BinaryIO, codec: str, skip_bytes: int) -> Iterator[str]:
    """Yield a file's text in pieces of about a MiB.

    Raises:
        CannotClean: it does not decode.

    """
    source.seek(skip_bytes)
    decoder = codecs.getincrementaldecoder(codec)()
    read = skip_bytes
    held = 0
    try:
        while chunk := source.read(_READ_BYTES):
            held = len(decoder.getstate()[0])
            yield decoder.decode(chunk)
            read += len(chunk)
        held = len(decoder.getstate()[0])
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise CannotClean(f"broken {codec.upper()} at byte {read - held + error.start}") from None


def blocks(source: BinaryIO, codec: str, skip_bytes: int, max_line_chars: int) -> Iterator[str]:
    """Yield a text in blocks that end at an empty line, or at the end of a line where none is near.

    Raises:
        CannotClean: it does not decode, or has a line that is too long.

    """
    waiting: list[str] = []
    size = 0
    for chunk in chunks(source, codec, skip_bytes):
        # A block without a line end grows: it is joined once it can be cut, not for each chunk.
        waiting.append(chunk)
        size += len(chunk)
        if size < BLOCK_CHARS or "\n" not in chunk:
            if size > max_line_chars:
                raise CannotClean(f"a line longer than {max_line_chars // MIB} MiB")
            continue
        text = "".join(waiting)
        cut = 0
        while len(text) - cut >= BLOCK_CHARS:
            end = _cut(text, cut)
            if end <= cut:
                break
            yield text[cut:end]
            cut = end
        waiting = [text[cut:]]
        size = len(waiting[0])
    if size:
        yield "".join(waiting)


def _cut(text: str, start: int) -> int:
    """Return where a block that starts at `start` ends, or `start` where no line ends."""
    full = start + BLOCK_CHARS
    end = max(
        text.rfind("\n\n", start + BLOCK_CHARS // 2, full) + 2, text.rfind("\n\r\n", start + BLOCK_CHARS // 2, full) + 3
    )
    if end < start + BLOCK_CHARS // 2:
        end = text.rfind("\n", start, full) + 1 or text.find("\n", full) + 1
    if end <= start:
        return start
    # A private key is many lines and one secret.
    begin = text.rfind("-----BEGIN ", start, end)
    if begin > start and text.find("-----END ", begin, end) < 0 and end - begin < _MAX_FRONT_CHARS:
        return text.rfind("\n", start, begin) + 1 or end
    return end
