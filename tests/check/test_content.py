"""What is committed besides settings; every person and key here is made up."""

from __future__ import annotations

import random
import string

import pytest

from privet.check.scan import scan_texts


def found(path: str, text: str) -> set[str]:
    return {weakness.rule.id for weakness in scan_texts({path: text})}


def made_up(beginning: str, letters: str, count: int) -> str:
    return beginning + "".join(random.Random(7).choices(letters, k=count))


@pytest.mark.parametrize("letters", [string.ascii_letters, string.ascii_letters + string.digits])
@pytest.mark.parametrize("path", ["config.py", "run.sh", ".env", "notes.txt"])
def test_a_hub_token_is_found_with_and_without_digits(path: str, letters: str) -> None:
    token = made_up("hf_", letters, 34)
    assert "data-secret" in found(
        path, f'export HF_TOKEN="{token}"\n' if path != "config.py" else f'TOKEN = "{token}"\n'
    )


@pytest.mark.parametrize(
    "text", ["postgresql://user:password@host/db", "sk-your-key-goes-here-please", "madatnlp/sk-kogptv2-kormath-causal"]
)
def test_what_only_looks_like_a_key_is_none(text: str) -> None:
    assert "data-secret" not in found("readme.txt", text + "\n")


def test_people_in_data_are_found_and_offices_are_not() -> None:
    assert "data-personal" in found("data/a.jsonl", '{"email": "maria.lopez@correo-madrid.es"}\n')
    assert "data-personal" not in found("data/a.jsonl", '{"email": "support@correo-madrid.es"}\n')
    assert "data-personal" not in found("src/a.txt", "maria.lopez@correo-madrid.es\n")


@pytest.mark.parametrize("path", ["tests/fixtures/a.csv", "data/people.csv"])
@pytest.mark.parametrize(
    "address",
    ["jane.doe@example.com", "x@example.org", "user1@mail.example.net", "jane@mail.example", "j@a.test", "j@a.invalid"],
)
def test_reserved_addresses_are_nobodys(path: str, address: str) -> None:
    assert "data-personal" not in found(path, f"email\n{address}\n")
    assert "data-personal" in found(path, f"email\n{address}\nmaria.lopez@correo-madrid.es\n")


@pytest.mark.parametrize(
    "address", ["jane@example.de", "jane@my-example.com", "jane@example.com.co", "jane@corp.local"]
)
def test_addresses_that_only_look_reserved_are_somebodys(address: str) -> None:
    assert "data-personal" in found("data/people.csv", f"email\n{address}\n")


def test_numbers_that_are_reserved_are_nobodys() -> None:
    numbers = "phone\n+1 212 {0} 0142\n(415) {0}-0143\n+1-646-{0}-0144\n"
    assert "data-personal" in found("data/people.csv", numbers.format(736))
    assert "data-personal" not in found("data/people.csv", numbers.format(555))


def test_a_model_file_that_names_a_person_is_data() -> None:
    assert "data-personal" in found("Modelfile", 'FROM qwen\nSYSTEM """Write to maria.lopez@correo-madrid.es"""\n')


def test_the_desk_of_a_library_is_no_person() -> None:
    assert "data-personal" not in found("Modelfile", 'FROM qwen\nSYSTEM """Point to desk@example.org"""\n')


def test_every_secret_is_a_place_of_its_own() -> None:
    text = "".join(f"{name}={made_up('sk-proj-', string.ascii_letters + string.digits, 40)}\n" for name in ("A", "B"))
    assert sum(weakness.rule.id == "data-secret" for weakness in scan_texts({"deploy/a.env": text})) == 2
