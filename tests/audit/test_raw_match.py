"""Identifiers of a raw set are found in other forms, and nothing else is."""

from __future__ import annotations

import pytest

from privet.audit.counting import Counting, Hit
from privet.audit.raw_match import RawMatching, RawSet
from privet.audit.raw_values import is_weak, owners_in
from privet.audit.record import Record
from privet.detect.engine import Detector
from privet.records import Span

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


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (("10152: Case 10152\n",), "the judge heard Case 10152 today"),
        (("Unit 41647 stands near the gate",), "we painted unit 41647 green"),
        (("staff numbers 2012-2022, call 2012-2022",), "between 2012 and 2022 nothing happened"),
        (("Unit 41647 stands near the gate",), "Unit 41647 stands near the gate"),
        (("login: root",), "the root of a tree"),
    ],
)
def test_what_may_be_anything_is_no_proof(
    detector: Detector, counting: Counting, raw: tuple[str, ...], text: str
) -> None:
    assert matching(detector, counting, raw).look(Record(1, text)) == []


@pytest.mark.parametrize(
    ("value", "kind", "rule", "score", "weak"),
    [
        ("Case 10152", "ADDRESS", "names-location", 0.78, True),
        ("10152: Case 10152", "ADDRESS", "names-location", 0.55, True),
        ("02110-1301", "ADDRESS", "names-location", 0.67, True),
        ("Ringgasse 5b", "ADDRESS", "street-address-germanic", 0.8, False),
        ("Via Roma 12", "ADDRESS", "names-location", 0.7, False),
        ("Hauptstraße 12", "ADDRESS", "names-location", 0.8, False),
        ("Page 8554", "PERSON", "names-person", 0.64, True),
        ("J. Doe", "PERSON", "names-person", 0.85, False),
        ("202-555-0143", "PHONE_NUMBER", "phone-north-america", 0.85, False),
        ("20240314", "ID_NUMBER", "named-id", 0.7, True),
        ("500000", "ID_NUMBER", "named-id", 0.7, True),
        ("482913", "ID_NUMBER", "named-id", 0.7, False),
        ("home", "SOCIAL_HANDLE", "social-handle", 0.7, True),
        ("jdoe85", "USERNAME", "named-user", 0.7, False),
    ],
)
def test_weak_values_are_told_by_their_form(value: str, kind: str, rule: str, score: float, weak: bool) -> None:
    assert is_weak(value, Hit(kind, Span(0, len(value), kind, score, rule))) is weak


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Jane Doe", ["Jane Doe"]),
        ("Jane Doe; Max Mustermann", ["Jane Doe", " Max Mustermann"]),
        ("Erika Mustermann und Jan Kowalski", ["Erika Mustermann", "Jan Kowalski"]),
        ("Microsoft Office User", []),
        ("Contoso Ltd", []),
        ("jane@example.com", []),
        ("a remark that somebody wrote where a name should stand", []),
    ],
)
def test_owners_are_people(text: str, names: list[str]) -> None:
    assert [name for name, _ in owners_in(text)] == names
