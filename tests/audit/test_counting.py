"""What counts as an identifier, and what of a name may be shown."""

from __future__ import annotations

import pytest

from privet.audit.counting import Counting
from privet.audit.masking import Masking
from privet.detect.engine import Detector
from privet.redact import redact


def kinds(detector: Detector, counting: Counting, text: str) -> list[str]:
    return [hit.kind for hit in counting.hits(text, detector.find(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane@example.com", ["EMAIL_ADDRESS"]),
        ("Angela Merkel met Emmanuel Macron in Berlin", ["PERSON", "PERSON"]),
        ("Bitte an Lindenstraße 14, 10969 Berlin senden", ["ADDRESS"]),
        ("wohnt in der Lindenstraße 14 seit Mai", ["ADDRESS"]),
        ("The IBM office in Berlin opened on 3 March 2021", []),
        ("Wir sahen den Teich und auch den Bach lange an", []),
        ("Herr Bach wohnt hier", ["PERSON"]),
        ("name: Schmidt\nage: 41\n", ["PERSON"]),
        ("see https://en.wikipedia.org/wiki/Tree", []),
        ("card 4111 1111 1111 1111", ["CREDIT_CARD"]),
        ("write to [EMAIL_ADDRESS] or [PERSON_1]", []),
        ("id: 884213\n", []),
        # Words that are names elsewhere, numbers of record columns, codes.
        ("The rain came. A young fox was closed out of the barn.", []),
        ("the parcel is for jane doe, please", ["PERSON"]),
        ("Dolores de espalda y fiebre alta en la casa", []),
        ("Siemens und Miele bauen zusammen Solarzellen", []),
        ("They drank coffee in Canberra. Napoleon lost at Waterloo in 1815.", []),
        ("A new library opened in London with 41000 books", []),
        ("doc_id: 39337423\n", []),
        ("meta.user_id: 39337423\n", []),
        ("national_id: 39337423\n", ["NATIONAL_ID"]),
        ("sku: AB-48213\n", []),
        ("item.ean: 4222222222222\n", []),
        ("card: 4222222222222\n", ["CREDIT_CARD"]),
        ("uuid: 92095158-2224-1035-6c7e-83dc00c00349\n", []),
        ("signed by Merkel, Angela on the same day", ["PERSON", "PERSON"]),
    ],
)
def test_identifiers_count_and_hints_do_not(
    detector: Detector, counting: Counting, text: str, expected: list[str]
) -> None:
    assert kinds(detector, counting, text) == expected


def test_made_up_words_are_nobodys(detector: Detector, counting: Counting) -> None:
    text = redact("Angela Merkel, jane@example.com", surrogate="realistic", key=bytes(32))
    assert "Merkel" not in text
    assert kinds(detector, counting, text) == []


def test_reserved_values_count_unless_left_out(detector: Detector, counting: Counting) -> None:
    text = "it came from 192.0.2.200"
    assert kinds(detector, counting, text) == ["IP_ADDRESS"]
    assert kinds(detector, Counting(reserved=True), text) == []


def test_names_are_masked(detector: Detector, counting: Counting) -> None:
    masking = Masking(detector, counting)
    assert masking.masked("data/train-00000-of-00012.parquet") == "data/train-00000-of-00012.parquet"
    assert masking.masked("cv/Jane_Doe-final.pdf") == "cv/[PERSON]-final.pdf"
    assert masking.masked("mail jane@example.com.txt").startswith("mail [EMAIL_ADDRESS]")
    assert masking.holds("Jane_Doe.pdf")
    assert not masking.holds("paris.jpg")
