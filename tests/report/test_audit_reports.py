"""Reports of an audit: whole, escaped, without a script; SARIF as its schema has it."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from privet.audit.dataset import Options, audit_dataset
from privet.audit.result import Result
from privet.report.audit_html import as_html, percent
from privet.report.audit_sarif import as_sarif
from privet.report.audit_text import as_text


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("data")
    rows = [{"<b>&text": f"row {number} about the lake and [PERSON]"} for number in range(30)]
    rows[4]["<b>&text"] = "write to jane@example.com"
    (folder / "a<i>.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "b.bin").write_bytes(bytes(range(256)))
    return audit_dataset(folder, Options(tier="patterns"))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_is_whole_and_runs_nothing(result: Result) -> None:
    page = _Page()
    page.feed(as_html(result))
    names = {tag for tag, _ in page.tags}
    assert {"svg", "table", "title"} <= names
    assert not names & {"script", "link", "iframe", "img", "form", "b", "i"}
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for _, attrs in page.tags:
        assert not any(name.startswith("on") or name in {"src", "href"} for name in attrs)


def test_reports_are_the_same_twice_and_hold_no_text(result: Result) -> None:
    for made in (as_html, as_text, lambda known: json.dumps(as_sarif(known))):
        assert made(result) == made(result)
        assert "jane" not in made(result)
    assert "a&lt;i&gt;.jsonl" in as_html(result)


def test_sarif_names_rules_places_and_counts(result: Result) -> None:
    run = as_sarif(result)["runs"][0]
    found = next(item for item in run["results"] if item["ruleId"] == "residual-email-address")
    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%3Ci%3E.jsonl"}, "region": {"startLine": 5}}
    assert found["occurrenceCount"] == 1
    assert {item["ruleId"] for item in run["results"]} == {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert any(item["ruleId"] == "check-residual" for item in run["results"])


def test_text_says_the_bound_and_what_could_not_be_read(result: Result) -> None:
    text = as_text(result)
    assert text.startswith("fail\n")
    assert "at most " in text
    assert "could not be read: b.bin (unknown format)" in text
    assert "\x1b" not in text
    assert "\x1b[31mfail" in as_text(result, colour=True)


def test_a_dataset_without_records_has_a_page_too(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    known = audit_dataset(tmp_path, Options(tier="patterns"))
    assert "not-applicable" in as_html(known)
    assert as_text(known).startswith("pass\n")


def test_shares_are_written_as_people_read_them() -> None:
    assert [percent(share) for share in (0.0, 0.00012, 0.0345, 0.5, 1.0)] == [
        "0 %",
        "0.012 %",
        "3.5 %",
        "50 %",
        "100 %",
    ]


def test_more_unread_files_than_are_shown_are_counted_and_where_they_are_listed_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "raw").mkdir()
    (tmp_path / "data" / "a.txt").write_text("words about the lake")
    for number in range(13):
        (tmp_path / "data" / f"{number}.bin").write_bytes(bytes(range(256)))
        (tmp_path / "raw" / f"r{number}.bin").write_bytes(bytes(range(256)))
    known = audit_dataset(tmp_path / "data", Options(tier="patterns", raw=tmp_path / "raw", canaries=90))
    text = as_text(known)
    assert "could not be read: 0.bin (unknown format)" in text
    assert "could not be read in the raw set: r0.bin (unknown format)" in text
    assert text.count("… and 3 more could not be read") == 2
    assert "--json lists all (files.unread)" in text
    page = as_html(known)
    assert all(f"r{number}.bin" in page for number in range(13))


def test_the_kind_of_an_identifier_in_bytes_is_told(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) + b"write to jane@example.com")
    known = audit_dataset(tmp_path, Options(tier="patterns", canaries=90))
    assert "metadata-identifier-in-bytes  b.bin (EMAIL_ADDRESS)" in as_text(known)
    texts = [item["message"]["text"] for item in as_sarif(known)["runs"][0]["results"]]
    assert "personal metadata is left: identifier in bytes (EMAIL_ADDRESS)" in texts
    assert "jane" not in as_text(known) + as_html(known) + json.dumps(as_sarif(known))


@pytest.mark.parametrize(("allowed", "begins"), [(0.3, "41"), (0.001, "22")])
def test_the_line_of_what_is_allowed_does_not_go_through_the_figure_of_the_bound(
    result: Result, allowed: float, begins: str
) -> None:
    page = _Page()
    page.feed(as_html(replace(result, residual={**result.residual, "upper_bound": 0.25, "max_residual": allowed})))
    assert next(attrs["y1"] for tag, attrs in page.tags if tag == "line" and "stroke-dasharray" in attrs) == begins
