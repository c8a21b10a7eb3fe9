"""Text files of records in the encodings that people have, and in two at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from privet.ingest import delimited, json_doc, jsonl
from privet.metadata.job import CannotClean

Scrub = Callable[..., bytes]
RAW = {
    delimited: "id,note\r\n1,é jane@example.com\r\n2,plain words\r\n",
    jsonl: '{"id": 1, "note": "é jane@example.com"}\n{"id": 2, "note": "plain words"}\n',
    json_doc: '[{"id": 1, "note": "é jane@example.com"}, {"id": 2, "note": "plain words"}]',
}
MARKED = ("utf-8-sig", "utf-16", "utf-32")
BARE = ("utf-8", "utf-16-le", "utf-16-be")
BIG = (("utf-16-be", b"\xfe\xff"), ("utf-32-be", b"\0\0\xfe\xff"))


@pytest.mark.parametrize("form", RAW, ids=lambda form: form.__name__)
@pytest.mark.parametrize(
    "raw", [*((each, b"") for each in (*MARKED, *BARE)), *BIG], ids=lambda raw: raw[0] + str(raw[1])
)
def test_every_encoding_is_cleaned_and_kept(scrubbed: Scrub, form: Any, raw: tuple[str, bytes], tmp_path: Path) -> None:
    encoding, mark = raw
    text = RAW[form]
    (tmp_path / "a").write_bytes(mark + text.encode(encoding))
    assert scrubbed(form, tmp_path / "a") == mark + text.replace("jane@example.com", "[EMAIL]").encode(encoding)


@pytest.mark.parametrize("form", RAW, ids=lambda form: form.__name__)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("hidden", [b"me@example.com", b"Jane Canary!", b"+12025550143"])
def test_ascii_inside_utf_16_is_refused(
    scrubbed: Scrub, form: Any, encoding: str, hidden: bytes, tmp_path: Path
) -> None:
    before, _, after = RAW[form].partition("plain words")
    ends = (before.encode(encoding), after.encode(encoding).removeprefix(b"\xff\xfe"))
    (tmp_path / "a").write_bytes(hidden.join(ends))
    with pytest.raises(CannotClean, match="two encodings"):
        scrubbed(form, tmp_path / "a")


def test_other_scripts_in_utf_16_are_no_ascii(scrubbed: Scrub, tmp_path: Path) -> None:
    chance = Random(1)
    scripts = ((0x3041, 0x3097), (0x4E00, 0x9FA0), (0xAC00, 0xD7A4), (0x0410, 0x0450), (0x0621, 0x064B))
    words = "".join(chr(chance.randrange(*chance.choice(scripts))) for _ in range(100_000))
    text = f"id,note\n1,plain words in between\n2,{words}\n3,{'ことばのみちにはなのさくころ' * 50}\n"
    for encoding in ("utf-16", "utf-16-be"):
        (tmp_path / "a").write_bytes(text.encode(encoding))
        assert scrubbed(delimited, tmp_path / "a") == text.encode(encoding)
