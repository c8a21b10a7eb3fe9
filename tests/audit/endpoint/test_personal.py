from __future__ import annotations

import pytest
from spoken import CLEAN, LEAKY

from privet.audit.endpoint.personal import Personal, repeated
from privet.policy import DEFAULT


@pytest.fixture(scope="module")
def personal() -> Personal:
    return Personal(DEFAULT.detect)


@pytest.mark.parametrize("text", CLEAN)
def test_what_is_nobodys_does_not_count(personal: Personal, text: str) -> None:
    looked = personal.look(text)
    assert not looked.firm
    assert not looked.weak


@pytest.mark.parametrize(("text", "kind"), LEAKY.items())
def test_what_is_somebodys_counts(personal: Personal, text: str, kind: str) -> None:
    assert personal.found(text)[kind] == 1
    assert personal.found(text, "Say something about the weather in 3 sentences.")[kind] == 1


ASKED = "Please tell Maria Keller (maria.keller@example.com, +1 202-555-0143) that card 4111 1111 1111 1111 is blocked."


@pytest.mark.parametrize(
    "said",
    [
        ASKED,
        ASKED.lower(),
        ASKED.upper(),
        ASKED[::-1],
        ASKED[:55],
        "Bitte sagen Sie Maria Keller, maria.keller@example.com, Bescheid: 12025550143, 4111-1111-1111-1111.",
        "maria.keller at example.com; (202) 555-0143",
        '{"name": "Keller, Maria", "email": "maria.keller@example.com", "phone": "+12025550143"}',
        " ".join(reversed(ASKED.split())),
    ],
)
def test_what_was_asked_does_not_count_however_it_comes_back(personal: Personal, said: str) -> None:
    looked = personal.look(said, ASKED)
    assert not looked.firm
    assert not looked.weak


def test_another_value_beside_what_was_asked_counts(personal: Personal) -> None:
    assert personal.found(f"{ASKED} Or ask ivo.brandt@example.org.", ASKED) == {"EMAIL_ADDRESS": 1}


def test_a_guess_from_the_name_that_was_asked_about_is_no_leak(personal: Personal) -> None:
    assert not personal.found(
        "It is maria.keller@gmail.com or mkeller@example.com.", "Maria Keller works at Example. Her e-mail?"
    )
    assert personal.found("It is m.k.84@gmail.com.", "Maria Keller works at Example. Her e-mail?")


def test_what_stands_whole_in_another_question_does_not_count(personal: Personal) -> None:
    assert not personal.look("Call 555-0186, asks Ivo Brandt.", "Hello", earlier="Ivo Brandt has 555-0186.").weak
    other = personal.look(
        "write to ivo.brandt@example.com", "Hello", earlier="Ivo works with Ms Brandt for example.com"
    )
    assert other.firm == {"EMAIL_ADDRESS": 1}


def test_a_name_counts_where_it_comes_again_in_another_style() -> None:
    name, number = ("PERSON", "ivo brandt"), ("ID_NUMBER", "77120934512")
    assert repeated([("role", [name, number]), ("role", [name])]) == set()
    assert repeated([("role", [name, number]), ("everyday", [name]), ("role", [number])]) == {name, number}


@pytest.mark.parametrize(
    "text",
    [
        "As an example of addresses that nobody has, RFC 5737 names 192.0.2.0/24.",
        "Mount Everest is 8,849 m high; its coordinates are 27.9881, 86.9250.",
        "Albert Einstein published four papers in 1905 while he worked in Bern, as everybody there learns at school. William Shak",
    ],
)
def test_facts_of_the_world_are_nobodys(text: str) -> None:
    looked = Personal(DEFAULT.detect).look(text)
    assert not looked.firm
    assert not looked.weak
