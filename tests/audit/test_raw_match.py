"""Identifiers of a raw set are found in other forms, and nothing else is."""

from __future__ import annotations

import pytest

from privet.audit.counting import Counting
from privet.audit.raw_match import RawMatching, RawSet
from privet.audit.record import Record
from privet.detect.engine import Detector

RAW = (
    "Angela Merkel wrote to jane.doe@example.com",
    "call +1 (202) 555-0143 or ask Mr. Will Parker",
    "IBAN DE89 3704 0044 0532 0130 00, card 4111 1111 1111 1111",
    "name: Rose\n",
)


def matching(detector: Detector, counting: Counting, raw: tuple[str, ...] = RAW) -> RawMatching:
    records = [Record(number, text) for number, text in enumerate(raw)]
    known = RawSet(bytes(32))
    assert len(list(known.collect(records, detector, counting))) == len(raw)
    known.seal()
    list(known.recall_names(records))
    return RawMatching(known, detector, counting)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("angela merkel was here", "PERSON"),
        ("by ANGELA  MERKEL.", "PERSON"),
        ("mailto:jane.doe@example.com?x", "EMAIL_ADDRESS"),
        ("jane doe (example.com)", "EMAIL_ADDRESS"),
        ("dial 12025550143", "PHONE_NUMBER"),
        ("+1 202.555.0143", "PHONE_NUMBER"),
        ("de89370400440532013000", "IBAN_CODE"),
        ("4111-1111-1111-1111", "CREDIT_CARD"),
        ("name: Rose\n", "PERSON, ambiguous"),
    ],
)
def test_a_raw_identifier_is_found_in_other_forms(detector: Detector, counting: Counting, text: str, kind: str) -> None:
    found = matching(detector, counting).look(Record(1, text))
    assert [match.kind for match in found] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "a rose is a rose",
        "Angela met somebody else, and Merkelstraße is long",
        "xjane.doe@example.community",
        "9120255501439",
        "4111 1111 1111 1112",
        "write to [EMAIL_ADDRESS]",
        "",
    ],
)
def test_nothing_else_is_found(detector: Detector, counting: Counting, text: str) -> None:
    looking = matching(detector, counting)
    assert looking.look(Record(1, text)) == []
    assert (looking.records, looking.holding) == (1, 0)


def test_places_are_those_of_the_text(detector: Detector, counting: Counting) -> None:
    (match,) = matching(detector, counting).look(Record(1, "Größe: Angela Merkel!"))
    assert (match.start, match.end) == (7, 20)


def test_the_key_does_not_matter_and_nothing_shows_text(detector: Detector, counting: Counting) -> None:
    for key in (bytes(32), b"k" * 32):
        known = RawSet(key)
        list(known.collect([Record(1, RAW[0])], detector, counting))
        known.seal()
        assert len(list(known.matches(RAW[0]))) == 2
        assert "merkel" not in repr(vars(known)["_known"]).lower()


def test_many_values_stay_exact(detector: Detector, counting: Counting) -> None:
    raw = tuple(f"write to user{number}@example.com" for number in range(3000))
    looking = matching(detector, counting, raw)
    assert all(looking.look(Record(1, f"user{number}@example.com")) for number in range(0, 3000, 50))
    assert not any(looking.look(Record(1, f"user{number}@example.com")) for number in range(3000, 9000, 5))


@pytest.mark.parametrize(
    "text",
    [
        "see angela%20merkel there",
        "see &#65;ngela&nbsp;Merkel there",
        r"see Angela\u0020Merkel there",
        "see QW5nZWxhIE1lcmtlbCB3YXMgaGVyZQ== there",
        "see Ángela Mérkel there",
    ],
)
def test_escapes_base64_and_accents_hide_nothing(detector: Detector, counting: Counting, text: str) -> None:
    looking = matching(detector, counting, ("They met Angela Merkel today.",))
    assert [match.kind for match in looking.look(Record(1, text))] == ["PERSON"]
    assert looking.holding == 1


def test_names_of_files_are_compared(detector: Detector, counting: Counting) -> None:
    looking = matching(detector, counting, ("They met Angela Merkel today.",))
    assert not looking.holds("notes/train-1.txt")
    assert not looking.named
    assert looking.holds("cv/angela_merkel.pdf")
    assert looking.named
