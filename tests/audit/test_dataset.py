"""Whole audits: verdicts, the bound, repeatability."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pikepdf
import pytest
from PIL import Image

from privet.audit.canaries import KINDS
from privet.audit.dataset import Options
from privet.audit.dataset import audit_dataset as whole_audit
from privet.audit.result import Result
from privet.errors import BadInput
from privet.policy import DEFAULT

NOUNS = [
    "tree",
    "river",
    "stone",
    "garden",
    "bridge",
    "field",
    "cloud",
    "window",
    "table",
    "lamp",
    "path",
    "wall",
    "roof",
    "boat",
    "wheel",
    "basket",
    "shelf",
    "engine",
    "lake",
    "kettle",
]
WORDS = [
    "old",
    "small",
    "quiet",
    "green",
    "wide",
    "heavy",
    "bright",
    "cold",
    "simple",
    "round",
    "narrow",
    "soft",
    "deep",
    "empty",
    "slow",
    "dry",
    "warm",
    "rough",
    "smooth",
    "plain",
]


def sentences(count: int, seed: int = 1) -> list[str]:
    chance = Random(seed)
    return [
        f"The {chance.choice(WORDS)} {chance.choice(NOUNS)} stands near the {chance.choice(NOUNS)} and it is {chance.choice(WORDS)}, "
        f"while the {chance.choice(WORDS)} {chance.choice(NOUNS)} is not as {chance.choice(WORDS)} as a {chance.choice(NOUNS)}."
        for _ in range(count)
    ]


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def audit_dataset(path: Path, options: Options | None = None) -> Result:
    """Audit with a quarter of the canaries: the verdicts are the same, the bounds a little larger."""
    return whole_audit(path, replace(options or Options(), canaries=900))


def verdicts(result: Result) -> dict[str, str]:
    return {check.id: check.verdict for check in result.checks}


def test_clean_data_passes_and_the_bound_is_above_zero(tmp_path: Path) -> None:
    result = audit_dataset(write(tmp_path / "a.jsonl", sentences(800)))
    assert result.verdict == "pass"
    assert verdicts(result) == {
        "residual": "pass",
        "raw": "not-applicable",
        "k-anonymity": "not-applicable",
        "metadata": "pass",
        "near-duplicates": "pass",
        "manifest": "not-applicable",
    }
    assert 0 < result.residual["upper_bound"] <= 0.01
    assert {cell["kind"] for cell in result.as_json()["residual"]["cells"]} == set(KINDS)
    assert {cell["language"] for cell in result.as_json()["residual"]["cells"]} == {"en"}


def test_kinds_that_the_policy_leaves_out_are_not_planted_and_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", sentences(800))
    kinds = frozenset(("EMAIL_ADDRESS", "IBAN_CODE", "TAX_ID", "PASSPORT"))
    result = audit_dataset(path, Options(policy=replace(DEFAULT.detect, kinds=kinds)))
    assert result.verdict == "pass"
    assert 0 < result.residual["upper_bound"] <= 0.01
    assert {cell["kind"] for cell in result.as_json()["residual"]["cells"]} == {"EMAIL_ADDRESS", "IBAN_CODE"}
    assert set(result.residual["not_covered"]) == set(KINDS) - {"EMAIL_ADDRESS", "IBAN_CODE"}
    assert "not covered under this policy: PERSON" in result.checks[0].says


def test_a_policy_without_a_kind_of_canary_leaves_the_question_open(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [f"{text} Ask 192.0.2.7." for text in sentences(800)])
    result = audit_dataset(path, Options(policy=replace(DEFAULT.detect, kinds=frozenset(("API_KEY",)))))
    assert (result.verdict, result.residual["upper_bound"]) == ("underpowered", None)
    assert set(result.residual["not_covered"]) == set(KINDS)


def test_residue_fails_and_is_located_without_its_text(tmp_path: Path) -> None:
    texts = sentences(400)
    for number in range(0, 400, 20):
        texts[number] += f" Please ask Edward Thornton{number % 7} at edward.t{number}@example.com."
    result = audit_dataset(write(tmp_path / "a.jsonl", texts))
    assert result.verdict == "fail"
    assert verdicts(result)["residual"] == "fail"
    assert result.residual["upper_bound"] >= 20 / 400
    assert result.residual["lower_bound"] <= 21 / 400
    shown = json.dumps(result.as_json())
    assert "thornton" not in shown.lower()
    assert "@example.com" not in shown
    found = next(item for item in result.findings if item["rule"] == "residual-email-address")
    assert (found["count"], found["column"], found["lines"][:2]) == (20, "text", [1, 21])


def test_the_same_seed_gives_the_same_result_and_another_one_another_sample(tmp_path: Path) -> None:
    texts = sentences(600)
    for number in range(0, 600, 40):
        texts[number] += " Write to jane@example.com."
    path = write(tmp_path / "a.jsonl", texts)
    options = Options(sample=200, seed=1, tier="patterns")
    first = audit_dataset(path, options).as_json()
    assert audit_dataset(path, options).as_json() == first
    other = audit_dataset(path, replace(options, seed=2)).as_json()
    assert other["digest"] == first["digest"]
    assert other["findings"] != first["findings"]


def test_few_records_are_underpowered_and_the_sample_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", sentences(700))
    result = audit_dataset(path, Options(sample=60))
    assert result.verdict == "underpowered"
    needed = result.residual["needed_records"]
    assert 300 < needed < 600
    assert str(needed) in next(check.says for check in result.checks if check.id == "residual")
    assert audit_dataset(path, Options(sample=needed)).verdict == "pass"
    small = audit_dataset(write(tmp_path / "b.jsonl", sentences(30)), Options())
    assert small.verdict == "underpowered"
    assert small.residual["needed_records"] is None
    says = next(check.says for check in small.checks if check.id == "residual")
    assert "it takes 100 records or more" in says


def test_a_share_over_the_limit_fails_only_where_it_is_sure(tmp_path: Path) -> None:
    texts = sentences(500)
    texts[7] += " Write to jane@example.com."
    path = write(tmp_path / "a.jsonl", texts)
    assert verdicts(audit_dataset(path, Options(max_residual=0.05)))["residual"] == "pass"
    assert verdicts(audit_dataset(path, Options(max_residual=0.003)))["residual"] == "underpowered"
    assert verdicts(audit_dataset(path, Options(max_residual=0.001)))["residual"] == "fail"


def test_raw_identifiers_are_searched_in_all_records(tmp_path: Path) -> None:
    raw = [f"{text} Ask +1 212 555 01{number:02}." for number, text in enumerate(sentences(60))]
    write(tmp_path / "raw.jsonl", raw)
    clean = sentences(600)
    options = Options(raw=tmp_path / "raw.jsonl", tier="patterns")
    path = write(tmp_path / "a.jsonl", clean)
    assert verdicts(audit_dataset(path, options))["raw"] == "pass"
    clean[300] += " or 12125550142 perhaps."
    result = audit_dataset(write(path, clean), replace(options, sample=50))
    assert verdicts(result)["raw"] == "fail"
    check = next(check for check in result.checks if check.id == "raw")
    assert (check.figures["records_holding"], check.figures["records"]) == (1, 600)
    assert check.figures["upper_bound"] >= 1 / 600
    assert any(item["rule"] == "raw-identifier" and item["lines"] == [301] for item in result.findings)


def test_groups_are_judged_against_k_l_and_t(tmp_path: Path) -> None:
    rows = [{"age": "30-39", "town": "A", "illness": f"i{number % 3}"} for number in range(9)]
    rows += [{"age": "40-49", "town": "B", "illness": "i1"} for _ in range(6)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def check(**options: Any) -> Any:
        result = audit_dataset(path, Options(quasi_identifiers=("age", "town"), tier="patterns", **options))
        return next(check for check in result.checks if check.id == "k-anonymity")

    assert (check().verdict, check().figures["k"]) == ("pass", 6)
    assert check(k=7).verdict == "fail"
    assert (check(sensitive=("illness",)).verdict, check(sensitive=("illness",)).figures["l"]) == ("fail", 1)
    assert check(sensitive=("illness",), l=1).verdict == "pass"
    assert check(sensitive=("illness",), l=1, t=0.1).verdict == "fail"
    with pytest.raises(BadInput):
        audit_dataset(path, Options(quasi_identifiers=("agee",), tier="patterns"))


def test_each_folder_is_a_table(tmp_path: Path) -> None:
    for folder, count in (("a", 6), ("b", 4)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_text("age,town\n" + "30,A\n" * count)
    result = audit_dataset(tmp_path, Options(quasi_identifiers=("age",), tier="patterns"))
    assert next(check for check in result.checks if check.id == "k-anonymity").figures["k"] == 4


def test_copies_fail(tmp_path: Path) -> None:
    texts = sentences(300)
    result = audit_dataset(write(tmp_path / "a.jsonl", texts + texts[:60]), Options(tier="patterns"))
    assert verdicts(result)["near-duplicates"] == "fail"
    assert result.verdict == "fail"
    options = Options(max_duplicates=0.5, tier="patterns")
    assert verdicts(audit_dataset(tmp_path / "a.jsonl", options))["near-duplicates"] == "pass"


def test_names_of_files_and_columns_are_masked(tmp_path: Path) -> None:
    (tmp_path / "Jane_Doe.jsonl").write_text('{"jane@example.com": "call +1 212 555 0143"}\n')
    result = audit_dataset(tmp_path)
    assert verdicts(result)["metadata"] == "fail"
    shown = json.dumps(result.as_json())
    assert "Jane" not in shown
    assert "jane" not in shown
    assert "[PERSON].jsonl" in shown


def test_what_cannot_be_read_leaves_the_question_open(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", sentences(800))
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    result = audit_dataset(tmp_path)
    assert result.verdict == "underpowered"
    assert result.files["unread"] == [{"file": "b.bin", "reason": "unknown format"}]


def test_a_language_without_canaries_leaves_the_question_open(tmp_path: Path) -> None:
    texts = sentences(600) + [f"дерево растёт у реки, номер {number} из многих" for number in range(60)]
    result = audit_dataset(write(tmp_path / "a.jsonl", texts))
    assert verdicts(result)["residual"] != "pass"
    assert result.residual["unmeasured_share"] == pytest.approx(60 / 660)


def test_pictures_alone_have_no_records(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    result = audit_dataset(tmp_path, Options(tier="patterns"))
    assert (result.verdict, verdicts(result)["residual"]) == ("pass", "not-applicable")
    assert result.residual["upper_bound"] is None


def test_what_a_cleaner_alike_has_missed_is_told(tmp_path: Path) -> None:
    texts = [f"{text} Ask [PERSON] or [PHONE_NUMBER_2]." for text in sentences(300)]
    residual = audit_dataset(write(tmp_path / "a.jsonl", texts), Options(max_duplicates=1)).residual
    assert residual["placeholders"] == {"PERSON": 300, "PHONE_NUMBER": 300}
    assert 0 < residual["missed_if_cleaned_alike"] < 1
    assert residual["flagged"] == 0


def test_identifiers_in_the_names_of_a_manifest_fail(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "a.jsonl", sentences(100))
    raw = write(tmp_path / "raw.jsonl", ["Please ask Angela Merkel about it."])
    (tmp_path / "data" / "privet-manifest.json").write_text(json.dumps({"files": [{"input": "angela_merkel.pdf"}]}))
    result = audit_dataset(tmp_path / "data", Options(raw=raw))
    assert verdicts(result)["raw"] == "fail"
    assert {"raw-identifier", "name-identifier"} >= {item["rule"] for item in result.findings} > set()
    assert "merkel" not in json.dumps(result.as_json()).lower()


def test_a_link_out_of_the_dataset_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "a.jsonl", sentences(800))
    (tmp_path / "data" / "b.jsonl").symlink_to(write(tmp_path / "out.jsonl", ["x"]))
    result = audit_dataset(tmp_path / "data")
    assert result.verdict == "underpowered"
    assert result.files["unread"][0]["file"] == "b.jsonl"


def picture_of(path: Path, owner: str) -> None:
    exif = Image.Exif()
    exif[0x013B] = owner
    Image.new("RGB", (8, 8)).save(path, exif=exif)


def paper_of(path: Path, author: str) -> None:
    paper = pikepdf.new()
    paper.add_blank_page()
    paper.docinfo["/Author"] = author
    paper.save(path)


def letter_of(path: Path, author: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document xmlns:w='w'><w:body/></w:document>")
        core = '<c xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>'
        archive.writestr("docProps/core.xml", f"{core}{author}</dc:creator></c>")


@pytest.mark.parametrize(
    ("write", "name"), [(picture_of, "a.jpg"), (paper_of, "a.pdf"), (letter_of, "a.docx")], ids=["exif", "pdf", "docx"]
)
def test_who_stands_only_in_the_metadata_of_the_raw_set_is_searched(
    tmp_path: Path, write: Callable[[Path, str], None], name: str
) -> None:
    raw, data = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    data.mkdir()
    write(raw / name, "Quenby Zawistowska")
    (data / "a.txt").write_text("the trees are green, wrote quenby zawistowska, and the wall is old")
    options = Options(raw=raw, tier="patterns", canaries=90)
    found = next(check for check in audit_dataset(data, options).checks if check.id == "raw")
    assert (found.verdict, found.figures["records_holding"]) == ("fail", 1)
    (data / "a.txt").write_text("the trees are green, wrote somebody, and the wall is old")
    found = next(check for check in audit_dataset(data, options).checks if check.id == "raw")
    assert (found.verdict, found.figures["identifiers"]) == ("pass", 1)


def test_an_output_that_is_not_complete_is_no_dataset(tmp_path: Path) -> None:
    work = tmp_path / ".privet-work"
    work.mkdir()
    (work / "plan.json").write_text("{}")
    with pytest.raises(BadInput, match="not complete") as error:
        whole_audit(tmp_path, Options(tier="patterns"))
    assert "same privet scrub command" in (error.value.hint or "")


def test_what_is_attached_to_a_pdf_is_judged_and_not_that_it_is_there(tmp_path: Path) -> None:
    for name, text in (("clean", "the lake is wide"), ("dirty", "write to jane@example.com")):
        made = pikepdf.new()
        made.add_blank_page()
        made.attachments["notes.txt"] = text.encode()
        made.save(tmp_path / f"{name}.pdf")
        inline = pikepdf.Dictionary(F=pikepdf.String("b.txt"), EF=pikepdf.Dictionary(F=made.make_stream(text.encode())))
        made.pages[0].obj.Annots = pikepdf.Array([pikepdf.Dictionary(Subtype=pikepdf.Name.FileAttachment, FS=inline)])
        made.save(tmp_path / f"{name}-pinned.pdf")
    result = whole_audit(tmp_path, Options(tier="patterns"))
    assert next(check.verdict for check in result.checks if check.id == "metadata") == "pass"
    assert {(item["rule"], item["file"]) for item in result.findings} == {
        ("residual-email-address", "dirty.pdf!/notes.txt"),
        ("residual-email-address", "dirty-pinned.pdf!/notes.txt"),
        ("residual-email-address", "dirty-pinned.pdf!/b.txt"),
    }
