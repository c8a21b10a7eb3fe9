"""Standard input to standard output, as files of this process."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from email.message import EmailMessage
from typing import Any

import pytest

from privet.errors import Unprotected
from privet.ingest.filter import filtered
from privet.policy import DEFAULT, Policy, with_value

BLOB = bytes(range(256)) * 9
EMAIL = b"jane.doe@example.com"
NARROW = with_value(DEFAULT, "scrub.columns", frozenset({"text"}))


def zipped(*members: str | bytes) -> bytes:
    """Return an archive of names, each followed by its content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in zip(members[::2], members[1::2], strict=True):
            archive.writestr(str(name), content)
    return file.getvalue()


def mail(attached: bytes) -> bytes:
    message = EmailMessage()
    message["From"] = "jane.doe@example.com"
    message["Subject"] = "boats"
    message.set_content("hello")
    message.add_attachment(attached, maintype="application", subtype="octet-stream", filename="x.bin")
    return message.as_bytes()


class Pipe(io.RawIOBase):
    """Gives what was written into it, one piece a read, and notes what had come out by then."""

    def __init__(self, pieces: Iterable[bytes], target: io.BytesIO) -> None:
        self._pieces = list(pieces)
        self._target = target
        self.seen: list[bytes] = []

    def read1(self, size: int) -> bytes:
        self.seen.append(self._target.getvalue())
        piece = self._pieces.pop(0) if self._pieces else b""
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    read = read1  # type: ignore[assignment]


def out(content: bytes, policy: Policy = DEFAULT) -> tuple[bytes, Counter[str]]:
    target = io.BytesIO()
    found = filtered(io.BytesIO(content), target, policy, "patterns", None)
    return target.getvalue(), found


def piped(*pieces: bytes, policy: Policy = DEFAULT) -> tuple[bytes, list[bytes]]:
    target = io.BytesIO()
    pipe = Pipe(pieces, target)
    filtered(pipe, target, policy, "patterns", None)  # type: ignore[arg-type]
    return target.getvalue(), pipe.seen


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (b"to jane.doe@example.com", b"to [EMAIL_ADDRESS]"),
        (b"Hello, Jane\nHi, Bob\r\n", b"Hello, Jane\nHi, Bob\r\n"),
        (b"\xef\xbb\xbfna\xc3\xafve\n", b"\xef\xbb\xbfna\xc3\xafve\n"),
        (b'{"m": "jane.doe@example.com"}\n{"m": 1}', b'{"m": "[EMAIL_ADDRESS]"}\n{"m": 1}'),
        (b'{"m": "jane.doe@example.com"}\n', b'{"m": "[EMAIL_ADDRESS]"}\n'),
        (b'[{"m": "jane.doe@example.com"}]', b'[{"m": "[EMAIL_ADDRESS]"}]'),
        (b"m;n\njane.doe@example.com;1\n", b"m;n\n[EMAIL_ADDRESS];1\n"),
        ("café jane.doe@example.com".encode("utf-16"), "café [EMAIL_ADDRESS]".encode("utf-16")),
    ],
)
def test_what_goes_in_comes_out_clean(content: bytes, expected: bytes) -> None:
    assert out(content)[0] == expected


def test_what_was_found_is_told() -> None:
    assert out(b"to jane.doe@example.com or 192.0.2.1")[1] == {"EMAIL_ADDRESS": 1, "IP_ADDRESS": 1}
    assert out(b'{"m": "jane.doe@example.com"}\n' * 2)[1] == {"EMAIL_ADDRESS": 2}


def test_text_is_streamed() -> None:
    line = b"words and words, and nobody among them at all.\n\n"
    _, seen = piped(*[line] * 400)
    assert len(seen[300]) > 50 * len(line)


def test_json_lines_are_streamed_and_columns_kept_as_declared() -> None:
    lines = [b'{"text": "%d jane.doe@example.com", "owner": "x"}\n' % number for number in range(6)]
    cleaned, seen = piped(*lines, policy=NARROW)
    assert [json.loads(line) for line in cleaned.splitlines()] == [{"text": f"{n} [EMAIL_ADDRESS]"} for n in range(6)]
    assert [len(part.splitlines()) for part in seen] == [0, 0, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "pieces",
    [
        [b'{"owner": "x",\n', b'"text": "y"}\n'],
        [b"{\n", b'  "owner": "x",\n  "text": "y"\n}'],
        [b'{"owner": "x", "text": "y"}\n'],
        [b'{"owner": "' + b"x" * 60_000, b"x" * 5_000, b"x" * 90_000 + b'", "text": "y"}'],
    ],
)
def test_a_document_is_known_whatever_the_pieces_it_comes_in(pieces: list[bytes]) -> None:
    cleaned, _ = piped(*[piece[at : at + 4096] for piece in pieces for at in range(0, len(piece), 4096)], policy=NARROW)
    assert json.loads(cleaned) == {"text": "y"}


@pytest.mark.parametrize("cut", [1, 10, 11, 30])
def test_a_table_is_known_whatever_the_pieces_it_comes_in(cut: int) -> None:
    table = b"text,owner\njane.doe@example.com,x\ny,z\n"
    assert piped(table[:cut], table[cut:], policy=NARROW)[0] == b"text\n[EMAIL_ADDRESS]\ny\n"


def test_one_line_that_looks_like_a_header_is_a_text() -> None:
    assert out(b"name,jane.doe@example.com\n")[0] == b"name,[EMAIL_ADDRESS]\n"
    assert out(b"yes,no\n")[0] == b"yes,no\n"


def test_what_is_packed_comes_out_packed() -> None:
    cleaned, _ = out(gzip.compress(b'{"m": "jane.doe@example.com"}\n' * 2, mtime=0))
    assert gzip.decompress(cleaned) == b'{"m": "[EMAIL_ADDRESS]"}\n' * 2


@pytest.mark.parametrize(
    ("content", "policy", "reason"),
    [
        (bytes(range(256)) * 9, {}, "format is not known"),
        (b"MZ" + bytes(300), {}, "a program"),
        (b"%PDF-1.7\nnothing", {}, "damaged|truncated"),
        (b'{"a": 1}\n{"a": \n', {}, "line 2"),
        (b'{"a": 1}\n{"a": "' + b"x" * 5000 + b'"}\n', {"scrub.max_record_bytes": 1000}, "max_record_bytes|longer"),
        (b"PK\3\4" + bytes(5000), {"scrub.max_file_bytes": 4000}, "max_file_bytes"),
        (zipped("b.txt", b"x", "x.bin", BLOB), {}, "of a file inside it: its format is not known"),
        (
            zipped("b.txt", b"x", "inner.zip", zipped("a.txt", b"x", "x.bin", BLOB)),
            {},
            "of a file inside it: its format",
        ),
        (zipped("b.txt", b"x", "../evil.txt", b"x"), {}, "leads out of the archive"),
        (mail(BLOB), {}, "of a file inside it: its format is not known"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(content: bytes, policy: dict[str, Any], reason: str) -> None:
    chosen = DEFAULT
    for setting, value in policy.items():
        chosen = with_value(chosen, setting, value)
    target = io.BytesIO()
    with pytest.raises(Unprotected, match=reason) as error:
        filtered(io.BytesIO(content), target, chosen, "patterns", None)
    assert error.value.exit_code == 3
    assert target.getvalue() in (b"", b'{"a": 1}\n')


def test_bytes_that_are_no_text_end_a_stream_of_text() -> None:
    target = io.BytesIO()
    pipe = Pipe([b"words of " + EMAIL + b"\n", b"more\n" * 100, b"\xff\xfe\xfa\n", EMAIL], target)
    with pytest.raises(Unprotected, match="not UTF-8"):
        filtered(pipe, target, DEFAULT, "patterns", None)  # type: ignore[arg-type]
    assert EMAIL not in target.getvalue()


def test_a_text_that_ends_inside_a_character_is_refused() -> None:
    with pytest.raises(Unprotected):
        piped("words é\n".encode(), "é".encode()[:1])
