"""Plain text: the identifiers go, everything else is the same to the byte, and what cannot be read is refused."""

from __future__ import annotations

import io
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata import text
from privet.metadata.job import MIB, CannotClean, Job, Limits, Member

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, unedited

LINES = f"# Notes\r\n\r\nWrite to {ADDRESS.value}, she said.\r\n{NAME.value} — no: “{NAME.value}”\n\tend"
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "cp1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_identifiers_go_and_the_rest_is_the_same_in_every_encoding(encoding: str) -> None:
    out = check(text.clean, LINES.encode(encoding))
    assert out == LINES.replace(ADDRESS.value, "[X]").replace(NAME.value, "[X]").encode(encoding)


@pytest.mark.parametrize("mark", ["utf-16", "utf-32"])
def test_an_identifier_in_ascii_behind_the_mark_of_another_encoding_is_no_way_through(mark: str) -> None:
    raw = "".encode(mark) + f"to {ADDRESS.value} and {NAME.value}".encode().ljust(80)
    with pytest.raises(CannotClean, match=r"two encodings|broken UTF-32"):
        cleaned(text.clean, raw)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\r\t")), st.sampled_from(ENCODINGS))
def test_nothing_changes_where_nothing_is_found(content: str, encoding: str) -> None:
    try:
        raw = content.encode(encoding)
    except UnicodeEncodeError:
        return
    try:
        assert unedited(text.clean, raw) == raw
    except CannotClean:
        # Without a mark only UTF-8 is always known for what it is.
        assert encoding in ("utf-16-le", "utf-16-be", "utf-32-be", "cp1252")


@given(st.binary(max_size=200))
def test_any_bytes_are_cleaned_or_refused(raw: bytes) -> None:
    try:
        out = cleaned(text.clean, raw)
    except CannotClean:
        return
    else:
        assert b"\0" not in out or raw[:2] in (b"\xff\xfe", b"\xfe\xff") or raw[:4] == b"\0\0\xfe\xff" or b"\0" in raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("né".encode() + b" \xff\xfe bad", "not valid UTF-8 at byte 4"),
        (b"a" * 70000 + "né".encode() * 9 + b"\xc3(", "not valid UTF-8 at byte 70027"),
        ("Имя Фамилия, адрес".encode("koi8-r"), "not valid UTF-8 at byte 0"),
        ("r\x82sum\x82 de la r\x82union".encode("latin-1"), "not valid UTF-8 at byte 1"),
        (b"MZ\x90\0\3\0\0\0", "zero bytes"),
        (b"\1\2\3\4\5\6" * 40, "control characters"),
        (b"\xff\xfea\0\0\xd8b\0", "broken UTF-16-LE at byte 4"),
    ],
)
def test_what_is_no_text_is_refused_with_the_place(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(text.clean, raw)


class Endless(io.RawIOBase):
    """A file of lines that is nowhere on disk."""

    def __init__(self, block: bytes, count: int) -> None:
        self._block, self._size, self._at = block, len(block) * count, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, at: int, whence: int = 0) -> int:
        self._at = at if whence == 0 else self._size + at
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = min(len(view), self._size - self._at)
        start = self._at % len(self._block)
        piece = (self._block[start:] + self._block * (count // len(self._block) + 1))[:count]
        view[:count] = piece
        self._at += count
        return count


class Counting(io.RawIOBase):
    """A file that keeps only how much was written."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        size = len(memoryview(data))  # type: ignore[arg-type]
        self.size += size
        return size


def test_memory_does_not_grow_with_the_file() -> None:
    source, target = Endless(b"a line of a log that is like any other line, and as long\n" * 1000, 2000), Counting()
    tracemalloc.start()
    try:
        text.clean(source, target, Job())  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 24 * MIB
    finally:
        tracemalloc.stop()
    assert target.size == 57 * 1000 * 2000


def test_one_line_that_is_too_long_is_refused() -> None:
    source = Endless(b"x" * MIB, 64)
    with pytest.raises(CannotClean, match="a line longer than 4 MiB"):
        text.clean(source, Counting(), Job(limits=Limits(max_record_bytes=4 * MIB)))  # type: ignore[arg-type]


@given(
    st.lists(st.sampled_from(["a line\n", "\n", "\r\n", "é" * 3000 + "\n", "x" * 70000]), max_size=60),
    st.integers(0, 3),
)
def test_blocks_are_the_text(lines: list[str], mark: int) -> None:
    whole = "".join(lines)
    got = list(text.blocks(io.BytesIO(b"\xef\xbb\xbf"[:mark] + whole.encode()), "utf-8", mark, 64 * MIB))
    assert "".join(got) == whole
    assert all(block.endswith("\n") for block in got[:-1])


def test_a_private_key_is_not_cut() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n" + "B" * 64 + "\n-----END PRIVATE KEY-----\n"
    filler = "word " * 12 + "\n"
    whole = filler * (text.BLOCK_CHARS // len(filler)) + key + filler * 20000
    got = list(text.blocks(io.BytesIO(whole.encode()), "utf-8", 0, 64 * MIB))
    assert sum(key in block for block in got) == 1


def test_front_matter_does_not_say_who_wrote_it() -> None:
    page = f"---\r\ntitle: A day\r\nauthor: {WORD.value}\r\nAuthors:\r\n  - {WORD.value}\r\n- {WORD.value}\r\ntags: [a]\r\nowner: {WORD.value}\r\n---\r\nText\r\n"
    how = job()
    assert cleaned(text.clean, page.encode(), how) == b"---\r\ntitle: A day\r\ntags: [a]\r\n---\r\nText\r\n"
    assert how.removed["author"] == 3
    assert unedited(text.clean, b"---\nno: front\n") == b"---\nno: front\n"


def test_colours_of_a_terminal_do_not_hide_a_name() -> None:
    raw = f"\x1b[1m{FIRST[:4]}\x1b[0m{FIRST[4:]} {LAST}\x1b[0m logged in\n".encode()
    assert check(text.clean, raw) == b"\x1b[1m[X]\x1b[0m\x1b[0m logged in\n"


def test_a_picture_in_a_text_is_cleaned() -> None:
    import base64

    raw = b"![a](data:image/png;base64," + base64.b64encode(b"\x89PNG " + WORD.value.encode()) + b")\n"
    check(text.clean, raw)
    dropped = cleaned(text.clean, raw, Job(nested=lambda _name, _content: None))
    assert dropped == b"![a](data:,)\n"
    assert cleaned(text.clean, raw, Job(nested=Member)) == raw


def test_a_replacement_that_the_encoding_lacks_becomes_question_marks() -> None:
    from privet.edits import Edit

    how = Job(edits=lambda texts, _place: [[Edit(0, 1, "Ł")] for _ in texts])
    assert cleaned(text.clean, "é à la".encode("cp1252"), how) == b"? \xe0 la"


def test_a_declared_encoding_is_taken_where_it_is_one() -> None:
    assert text.declared_encoding(io.BytesIO("é".encode("latin-1")), "ISO-8859-1") == ("cp1252", b"")
    assert text.declared_encoding(io.BytesIO("é".encode()), "ISO-8859-1") == ("utf-8", b"")
    assert text.declared_encoding(io.BytesIO("日本".encode("iso2022_jp")), "iso-2022-jp") == ("iso2022_jp", b"")
    assert text.declared_encoding(io.BytesIO("é".encode("utf-16")), "koi8-r")[0] == "utf-16-le"
    assert [text.known_codec(name) for name in ("rot13", "zlib", "idna", "none-such", "utf-7", "Latin-1", "\0")] == [
        ""
    ] * 5 + ["cp1252", ""]
    with pytest.raises(CannotClean, match="broken CP1250 at byte 2"):
        list(text.chunks(io.BytesIO(b"ab\x81"), "cp1250", 0))
