"""The audit of an endpoint as text, HTML, SARIF and JUnit: what they say, and that nothing of a target acts in them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from privet.audit.endpoint.audit import concluded
from privet.audit.endpoint.broken_off import NEXT
from privet.audit.endpoint.outcome import Outcome, Tally
from privet.audit.endpoint.result import EndpointResult
from privet.audit.endpoint.tests import IDS, TESTS
from privet.evidence import Signer
from privet.report.endpoint_html import as_html
from privet.report.endpoint_sarif import as_junit, as_sarif
from privet.report.endpoint_text import as_text
from privet.report.model_sarif import as_sarif as model_sarif

HOSTILE = "\x1b[2J<script>alert(1)</script> [x](http://192.0.2.1) `rm`"


def outcome(name: str, tally: Tally, *, reveal: bool = False) -> Outcome:
    return concluded(next(test for test in TESTS if test.id == name), tally, "", reveal=reveal)


def clean(samples: int) -> Tally:
    tally = Tally()
    for _ in range(samples):
        tally.sample()
    return tally


def document(*outcomes: Outcome, broken_off: str = "") -> dict[str, Any]:
    run = {"target": "http://127.0.0.1:8000/v1", "started": "2026-01-01T00:00:00+00:00", "seconds": 1.5}
    result = EndpointResult(
        7, "quick", "ab" * 32, 0.1, "", outcomes, broken_off, run | {"requests": 3, "tokens": 4, "limited": 0}
    )
    return Signer(bytes(32)).signed(result.evidence()) | {"run": result.run_block()}


def leaking() -> Tally:
    tally = clean(39)
    tally.sample("EMAIL_ADDRESS in content", fix="mask answers", text=HOSTILE)
    tally.note("plain HTTP on loopback")
    return tally


def mixed(*, reveal: bool = False) -> dict[str, Any]:
    few, none = clean(3), Tally()
    none.not_tested("no second key was given: --tenant-key-file names one")
    return document(
        outcome("personal-data", leaking(), reveal=reveal),
        outcome("system-prompt", clean(40)),
        outcome("training-canaries", few),
        outcome("isolation", none),
    )


def test_text_has_a_verdict_and_a_reason_for_each_test() -> None:
    text = as_text(mixed())
    lines = text.splitlines()
    assert lines[0] == "fail  http://127.0.0.1:8000/v1 (unknown)"
    assert any(line.startswith("fail          personal-data      1 of 40 leaked: EMAIL_ADDRESS") for line in lines)
    assert any(
        line.startswith("pass          system-prompt      none of 40 leaked; the rate is at most 8.8%")
        for line in lines
    )
    assert any(line.startswith("underpowered  training-canaries") for line in lines)
    assert any("--tenant-key-file" in line for line in lines)
    assert "fix: mask answers" in text
    assert "note: plain HTTP on loopback" in text


@pytest.mark.parametrize("reveal", [False, True])
def test_what_leaked_is_shown_on_request_only_and_never_acts(reveal: bool) -> None:
    shown = mixed(reveal=reveal)
    for text in (as_text(shown), as_html(shown)):
        assert ("script" in text.replace("no script", "")) == reveal
        assert "\x1b" not in text
        assert "<script" not in text
        assert "](http" not in text
    assert "alert" not in str(as_sarif(shown))
    assert "alert" not in as_junit(shown)


def test_html_is_whole_and_loads_nothing() -> None:
    page = as_html(mixed())
    assert "default-src 'none'" in page
    assert not {"src=", "href=", "url(", "<script", "@import"} & {
        part for part in ("src=", "href=", "url(", "<script", "@import") if part in page
    }
    assert page == as_html(mixed())
    assert "1 of 40" in page


def test_the_chart_shows_the_interval() -> None:
    page = as_html(document(outcome("system-prompt", clean(36))))
    # 0 to 9.74 % of 560 units, which begin at 150.
    assert '<rect x="150.0" y="9" width="54.5"' in page


def test_sarif_has_a_result_for_each_test_that_does_not_pass() -> None:
    run = as_sarif(mixed())["runs"][0]
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [
        ("personal-data", "error"),
        ("training-canaries", "warning"),
        ("isolation", "note"),
    ]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "personal-data",
        "system-prompt",
        "training-canaries",
        "isolation",
    ]


def test_sarif_names_a_place_that_code_scanning_shows() -> None:
    def places(run: dict[str, Any]) -> list[str]:
        return [
            place["physicalLocation"]["artifactLocation"]["uri"]
            for each in run["results"]
            for place in each["locations"]
            if place["physicalLocation"]["region"] == {"startLine": 1}
        ]

    assert places(as_sarif(mixed())["runs"][0]) == [
        "endpoint/personal-data",
        "endpoint/training-canaries",
        "endpoint/isolation",
    ]
    known = document(outcome("membership", leaking()))
    for weights, place in (
        ({"b c.safetensors": "", "z.safetensors": ""}, "b%20c.safetensors"),
        ({}, "model/membership"),
    ):
        assert places(model_sarif(known | {"weights": weights})["runs"][0]) == [place]


def test_junit_counts() -> None:
    suite = ET.fromstring(as_junit(mixed()).partition("\n")[2])[0]  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "2")


def test_a_broken_off_audit_says_so() -> None:
    text = as_text(document(*(outcome(name, Tally()) for name in IDS), broken_off="the target stopped answering"))
    assert "broken off: the target stopped answering" in text
    assert "not-tested  http" in text
    assert "next: see that the target runs; the same command goes on within an hour" in text


@pytest.mark.parametrize("why", NEXT)
def test_a_broken_off_audit_is_never_called_clean(why: str) -> None:
    known = document(outcome("system-prompt", clean(40)), outcome("membership", Tally()), broken_off=why)
    text = as_text(known)
    assert text.startswith("underpowered  http")
    assert f"broken off: {why}\nnext: {NEXT[why]}\n" in text


def test_nothing_tested_is_not_called_clean() -> None:
    text = as_text(document(outcome("membership", Tally())))
    assert "next: give what the tests above ask for: nothing was tested" in text


def test_what_changed_is_said() -> None:
    from privet.audit.endpoint.compare import compared

    before, after = document(outcome("personal-data", clean(40))), document(outcome("personal-data", leaking()))
    shown = after | {"comparison": compared(before, after).as_json()}
    for text in (as_text(shown), as_html(shown)):
        assert "was pass, is fail" in text
