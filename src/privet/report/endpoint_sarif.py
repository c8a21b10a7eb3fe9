"""The audit of an endpoint as SARIF 2.1.0 and as JUnit XML, for code review and for CI."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from privet.audit.endpoint.tests import TESTS

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {"fail": "error", "underpowered": "warning", "not-tested": "note"}
_TITLES: Final = {test.id: test.title for test in TESTS}


def as_sarif(
    document: Mapping[str, Any],
    *,
    tool: str = "privet audit endpoint",
    titles: Mapping[str, str] = _TITLES,
    place: str = "endpoint/{id}",
) -> dict[str, Any]:
    """Return a SARIF log: one result for each test that does not pass.

    `place`: the file that a result is shown at, for code scanning shows none without one; `{id}` stands for the test.
    """
    tests = [test for test in document["tests"] if test["verdict"] != "pass"]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": tool,
                        "rules": [
                            {"id": test["id"], "shortDescription": {"text": titles[test["id"]]}}
                            for test in document["tests"]
                        ],
                    }
                },
                "results": [_result(test, document["run"]["target"], titles, place) for test in tests],
                "properties": {
                    "verdict": document["verdict"],
                    "digest": document["digest"],
                    "seed": document["seed"],
                }
                | ({"size": document["size"]} if "size" in document else {}),
            }
        ],
    }


def _result(test: Mapping[str, Any], target: str, titles: Mapping[str, str], place: str) -> dict[str, Any]:
    text = f"{titles[test['id']]}: {test['says']}" if test["verdict"] == "fail" else test["says"]
    fix = f" Fix: {test['fix']}" if test["fix"] else ""
    low, high = test["interval"]
    artifact = {"uri": quote(place.replace("{id}", test["id"]).encode(errors="surrogateescape"))}
    return {
        "ruleId": test["id"],
        "level": _LEVELS[test["verdict"]],
        "message": {"text": text + fix},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": 1}},
                "logicalLocations": [{"name": target, "kind": "resource"}],
            }
        ],
        "properties": {
            "verdict": test["verdict"],
            "samples": test["samples"],
            "hits": test["hits"],
            "interval": [low, high],
            "seen": list(test["seen"]),
        },
    }


def as_junit(document: Mapping[str, Any]) -> str:
    """Return JUnit XML: a test case for each test; underpowered and not tested count as skipped."""
    tests = document["tests"]
    count = {verdict: sum(test["verdict"] == verdict for test in tests) for verdict in ("fail", "pass")}
    suite = ET.Element(
        "testsuite",
        name="privet audit endpoint",
        tests=str(len(tests)),
        failures=str(count["fail"]),
        errors="0",
        skipped=str(len(tests) - count["fail"] - count["pass"]),
        time=str(document["run"]["seconds"]),
    )
    for test in tests:
        case = ET.SubElement(suite, "testcase", classname="endpoint", name=test["id"])
        if test["verdict"] == "fail":
            failure = ET.SubElement(case, "failure", type="fail", message=test["says"])
            failure.text = test["fix"]
        elif test["verdict"] != "pass":
            ET.SubElement(case, "skipped", message=f"{test['verdict']}: {test['says']}")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
