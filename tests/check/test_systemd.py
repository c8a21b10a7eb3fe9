from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import Space
from privet.check.scan import compare, tree_of
from privet.check.systemd import read

TEXT = """\
[Unit]
Description=x

[Service]
Environment=VLLM_NO_USAGE_STATS=1 "B=x y"
EnvironmentFile=-/etc/llm.env
ExecStart=/usr/bin/vllm serve m \\
  --host 0.0.0.0
PrivateNetwork=yes
"""


def test_a_unit_has_directives_variables_and_the_program() -> None:
    (unit,) = read("deploy/llm.service", TEXT, lambda _: None).units
    assert unit.components == {"vllm"}
    assert unit.parents == ("file:/etc/llm.env",)
    found = {(fact.space, fact.name): fact for fact in unit.facts}
    assert found[Space.ENV, "VLLM_NO_USAGE_STATS"].value == "1"
    assert found[Space.ENV, "B"].value == "x y"
    host = found[Space.FLAG, "--host"]
    assert TEXT[host.start : host.end] == "0.0.0.0"  # noqa: S104 - the finding
    assert found[Space.KEY, "systemd.Service.PrivateNetwork"].value == "yes"


def test_a_drop_in_is_laid_over_the_unit_that_its_folder_names() -> None:
    (unit,) = read("host/llm.service.d/override.conf", "[Service]\nEnvironment=A=b\n", lambda _: None).units
    assert (unit.name, unit.provides) == ("llm.service", ("over:llm.service",))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("[Service]\nPrivateTmp=yes\n", {"systemd-no-new-privileges"}),
        (None, {"systemd-no-new-privileges", "systemd-private-tmp"}),
    ],
)
def test_what_a_drop_in_no_longer_says_is_told(after: str | None, expected: set[str]) -> None:
    unit = {
        "host/llm.service": "[Service]\nExecStart=/usr/bin/llm\n",
        "host/llm.service.d/x.conf": "[Service]\nNoNewPrivileges=yes\nPrivateTmp=yes\n",
    }
    head = unit | {"host/llm.service.d/x.conf": after} if after else {"host/llm.service": unit["host/llm.service"]}
    assert {weakness.rule.id for weakness in compare(tree_of(unit), tree_of(head)).weaknesses} == expected


@given(st.text(st.sampled_from("[Service]\nExecStart= a'\"\\-@")))
def test_any_text_is_read(text: str) -> None:
    read("a.service", "[Service]\n" + text, lambda _: None)


_HARDENED = """\
[Service]
ExecStart=/usr/bin/vllm serve m
EnvironmentFile=/opt/llm/llm.env
DynamicUser=yes
IPAddressDeny=any
IPAddressAllow=localhost
SystemCallFilter=@system-service
CapabilityBoundingSet=
StandardOutput=null
"""
_UNITS = {"d/llm.service": _HARDENED, "d/llm.env": "VLLM_NO_USAGE_STATS=1\n", "d/dev.env": "A=1\n"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("IPAddressDeny=any\n", "IPAddressDeny=any\nIPAddressDeny=\n", {"systemd-ip-address-deny"}),
        ("=localhost", "=localhost 203.0.113.7", {"systemd-network-inside"}),
        ("DynamicUser=yes\n", "", {"systemd-own-user"}),
        ("SystemCallFilter=@system-service\n", "", {"systemd-system-calls"}),
        ("CapabilityBoundingSet=\n", "", {"systemd-capabilities"}),
        ("=null", "=journal", {"systemd-output"}),
        ("llm.env", "dev.env", {"vllm-no-usage-stats"}),
        ("IPAddressDeny=any\nIPAddressAllow=localhost\n", "PrivateNetwork=yes\n", set()),
        ("=localhost", "=127.0.0.0/8 ::1/128", set()),
    ],
)
def test_a_unit_that_is_less_locked_is_told(before: str, after: str, expected: set[str]) -> None:
    head = _UNITS | {"d/llm.service": _HARDENED.replace(before, after)}
    assert {finding.rule for finding in compare(tree_of(_UNITS), tree_of(head)).findings} == expected


def test_a_drop_in_that_takes_a_list_back_is_told() -> None:
    head = _UNITS | {"d/llm.service.d/open.conf": "[Service]\nIPAddressDeny=\n"}
    found = compare(tree_of(_UNITS), tree_of(head)).findings
    assert {(finding.rule, finding.path) for finding in found} == {
        ("systemd-ip-address-deny", "d/llm.service.d/open.conf")
    }
