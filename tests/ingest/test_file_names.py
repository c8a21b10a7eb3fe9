"""Names of files, folders and members."""

from __future__ import annotations

import pytest

from privet.ingest.file_names import clean_component, clean_path
from privet.ingest.texts import Texts
from privet.policy import DEFAULT


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts(DEFAULT, "names", None)


@pytest.mark.parametrize(
    "name",
    [
        "README", "Makefile", "main.py", "train.jsonl", "part-00000-of-00001.parquet", "report.v1.2", "index.html", "data.csv.gz",
        "model.safetensors", "IMG_20200101_120000.jpg", "paris.txt", "grace.csv", "will.md", ".gitignore", ".", "..", "...", "-", "_",
        "new.york", "quarterly.report", "tokenizer_config.json", "x" * 255, "文件.txt", "a b c.txt", "Dockerfile", "1.txt",
    ],
)  # fmt: skip
def test_a_name_without_a_person_stays(texts: Texts, name: str) -> None:
    assert clean_component(name, texts) == name


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("jane.doe@example.com", "EMAIL_ADDRESS"),
        ("jane.doe@example.com.txt", "EMAIL_ADDRESS.txt"),
        ("mail to jane.doe@example.com re tax.eml", "mail to EMAIL_ADDRESS re tax.eml"),
        ("4111111111111111.csv", "CREDIT_CARD.csv"),
        ("192.0.2.1.log", "IP_ADDRESS.log"),
        ("john.smith.pdf", "PERSON.pdf"),
        ("John Smith", "PERSON"),
        ("john_smith.tar.gz", "PERSON.tar.gz"),
        ("john.smith", "PERSON"),
        ("angela.merkel", "PERSON"),
        ("events.out.tfevents.1700000000.janes-laptop", "events.out.tfevents"),
    ],
)
def test_identifiers_give_way_and_the_extension_stays(texts: Texts, name: str, clean: str) -> None:
    assert clean_component(name, texts) == clean


def test_every_component_of_a_path_is_looked_at(texts: Texts) -> None:
    texts.taken()
    assert clean_path("users/john.smith/jane.doe@example.com/a.txt", texts) == "users/PERSON/EMAIL_ADDRESS/a.txt"
    assert texts.taken() == {"file names": {"EMAIL_ADDRESS": 1, "PERSON": 1}}


@pytest.mark.parametrize("name", ["jane@example.com", "John Smith", "+1 415 555 0100"])
def test_a_clean_name_is_clean(texts: Texts, name: str) -> None:
    once = clean_component(name, texts)
    assert clean_component(once, texts) == once
    assert "/" not in once
