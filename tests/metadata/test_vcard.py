"""Address cards: what can be read is rewritten, the rest goes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata import text, vcard
from privet.metadata.job import CannotClean, Job, Limits

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, unedited

A, N, W = ADDRESS.value, NAME.value, WORD.value
CARD = "\r\n".join([
    "BEGIN:VCARD", "VERSION:3.0", f"N:{FIRST};{LAST};;Dr.;", f"FN:{N}", f"item1.EMAIL;TYPE=INTERNET;X-A={W}:{A}", f"TEL;TYPE=CELL:{N}",
    f"ADR;TYPE=HOME:;;{N};Vienna;;1010;Austria", f"NOTE:met {FIRST}\\n{LAST} once\\, or", " twice", f"PHOTO;ENCODING=b;TYPE=JPEG:{W}", f" {W}",
    f"UID:{W}", f"REV:{W}", f"X-SKYPE:{W}", f"KEY:{W}", f"BDAY:{W}", f"GEO:{W}", f"item1.X-ABLabel:{W}", f"AGENT:{W}", f"IMPP:{W}", "END:VCARD", "",
])  # fmt: skip


def test_no_canary_is_left_and_cards_stay_cards() -> None:
    assert check(vcard.clean, CARD.encode() * 2).decode() == "\r\n".join([
        "BEGIN:VCARD", "VERSION:3.0", "N:[X];;Dr.;", "FN:[X]", "item1.EMAIL;TYPE=INTERNET:[X]", "TEL;TYPE=CELL:[X]", "ADR;TYPE=HOME:;;[X];Vienna;;1010;Austria",
        "NOTE:met [X] once\\, or twice".replace(" twice", "twice"), "END:VCARD", "",
    ]) * 2  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_other_encodings(encoding: str) -> None:
    raw = f"BEGIN:VCARD\nFN:é {N}\nEND:VCARD\n"
    assert check(vcard.clean, raw.encode(encoding)) == raw.replace(N, "[X]").encode(encoding)


def test_quoted_printable_of_old_phones() -> None:
    quoted = "".join(f"={byte:02X}" for byte in N.encode())
    raw = f"BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{quoted[:30]}=\n{quoted[30:]};=C3=A9\nTEL;CELL:1\nEND:VCARD\n"
    assert check(vcard.clean, raw.encode()).decode() == "BEGIN:VCARD\nVERSION:2.1\nN:[X];é\nTEL;CELL:1\nEND:VCARD\n"
    kept = b"BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE:=C3=\n=A9\nEND:VCARD\n"
    assert unedited(vcard.clean, kept) == kept


def test_many_cards_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_READ_BYTES", 1000)
    monkeypatch.setattr(text, "BLOCK_CHARS", 500)
    raw = b"BEGIN:VCARD\nFN:Somebody\nEND:VCARD\n" * 300
    assert unedited(vcard.clean, raw) == raw
    with pytest.raises(CannotClean, match="an address card longer than"):
        cleaned(vcard.clean, b"BEGIN:VCARD\n" + b"NOTE:x\n" * 3000, Job(limits=Limits(max_record_bytes=10_000)))


def test_what_is_no_card_is_refused() -> None:
    with pytest.raises(CannotClean, match="not an address card"):
        cleaned(vcard.clean, b"BEGIN:VCALENDAR\n")


TOKENS = st.sampled_from(
    [
        "BEGIN:VCARD\n",
        "END:VCARD\n",
        f"N:{FIRST};{LAST}",
        "\n",
        "\n ",
        f"FN:{A}",
        "TEL;TYPE=x",
        ";ENCODING=QUOTED-PRINTABLE",
        ":",
        "=",
        "=\n",
        "=C3",
        f"PHOTO:{A}",
        "NOTE:",
        "\\n",
        A,
    ]
)


@given(st.lists(TOKENS, max_size=30).map("".join))
def test_broken_cards_hide_nothing_and_cleaning_twice_is_cleaning_once(content: str) -> None:
    once = cleaned(vcard.clean, f"BEGIN:VCARD\n{content}".encode())
    assert A.encode() not in once
    assert cleaned(vcard.clean, once) == once


def test_what_goes_is_told() -> None:
    how = job()
    cleaned(vcard.clean, CARD.encode(), how)
    assert how.removed == {"property": 10}
