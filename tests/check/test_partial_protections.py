"""Protections that stay and hold for less: logins at some places, chart values without TLS or a key, flags, clients in other files."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of


def told(before: dict[str, str], after: dict[str, str]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.path) for finding in compare(tree_of(before), tree_of(after)).findings}


FORWARD = (
    "chat.example.com {{\n{}\tforward_auth{} authelia:9091 {{\n\t\turi /api/authz/forward-auth\n\t}}\n"
    "\treverse_proxy webui:8080\n}}\n"
)


@pytest.mark.parametrize(
    ("matchers", "at"),
    [
        ("", " /admin/*"),
        ("\t@some path /admin/*\n", " @some"),
        ("\t@some {\n\t\tpath /admin/*\n\t}\n", " @some"),
        ("\t@some not path /api/*\n", " @some"),
    ],
)
def test_a_login_of_a_caddy_site_that_asks_at_some_places_only_is_told(matchers: str, at: str) -> None:
    before, after = FORWARD.format("", ""), FORWARD.format(matchers, at)
    assert told({"Caddyfile": before}, {"Caddyfile": after}) == {("proxy-auth-place", "Caddyfile")}
    assert told({"Caddyfile": after}, {"Caddyfile": before}) == set()


@pytest.mark.parametrize(
    ("matchers", "at"), [("", " *"), ("", " /*"), ("\t@some not path /health /static/*\n", " @some")]
)
def test_one_that_asks_everywhere_or_all_but_health_is_none(matchers: str, at: str) -> None:
    assert told({"Caddyfile": FORWARD.format("", "")}, {"Caddyfile": FORWARD.format(matchers, at)}) == set()


OWN_PLACES = (
    "chat.example.com {\n\thandle /admin/* {\n\t\tbasic_auth {\n\t\t\tlab {$HASH}\n\t\t}\n\t\treverse_proxy admin:1\n\t}\n"
    "\thandle {\n%s\t\treverse_proxy webui:2\n\t}\n}\n"
)


def test_a_login_in_one_place_of_a_caddy_site_does_nothing_for_another() -> None:
    asking = OWN_PLACES % "\t\tbasic_auth {\n\t\t\tlab {$HASH}\n\t\t}\n"
    assert ("proxy-auth-place", "Caddyfile") in told({"Caddyfile": asking}, {"Caddyfile": OWN_PLACES % ""})


VALUES = "ingress:\n  enabled: {}\n  hosts: [{{host: llm.example.com}}]\n  tls:{}"
TLS = "\n    - secretName: llm-tls\n      hosts: [llm.example.com]\n"


@pytest.mark.parametrize("after", [VALUES.format("true", " []\n"), VALUES.format("true", "").replace("  tls:", "")])
def test_values_of_a_chart_of_others_that_lose_tls_are_told(after: str) -> None:
    path = "deploy/values-prod.yaml"
    assert told({path: VALUES.format("true", TLS)}, {path: after}) == {("k8s-ingress-tls", path)}
    below = {path: "webui:\n  " + after.replace("\n", "\n  ")}
    assert told({path: "webui:\n  " + VALUES.format("true", TLS).replace("\n", "\n  ")}, below)


@pytest.mark.parametrize(
    "after",
    [
        VALUES.format("true", TLS.replace("llm-tls", "other-tls")),
        VALUES.format("false", " []\n"),  # nothing comes in
        "replicaCount: 1\n",
    ],
)
def test_values_with_tls_or_without_an_ingress_are_none(after: str) -> None:
    path = "deploy/values-prod.yaml"
    assert told({path: VALUES.format("true", TLS)}, {path: after}) == set()


REFERRED = "apiKey:\n  valueFrom:\n    secretKeyRef: {name: store, key: key}\n"


@pytest.mark.parametrize("path", ["deploy/qdrant-values.yaml", "deploy/qdrant/values.yaml", "deploy/store.values.yaml"])
@pytest.mark.parametrize("before", ["apiKey: true\n", REFERRED])
@pytest.mark.parametrize("after", ["apiKey: false\n", ""])
def test_a_store_of_a_chart_that_loses_its_key_is_told(path: str, before: str, after: str) -> None:
    rest = "replicaCount: 1\nimage:\n  repository: docker.io/qdrant/qdrant\n"
    assert told({path: rest + before}, {path: rest + after}) == {("qdrant-chart-api-key", path)}


def test_a_key_that_comes_from_a_secret_instead_is_none() -> None:
    path = "deploy/qdrant-values.yaml"
    assert told({path: "apiKey: true\n"}, {path: REFERRED}) == set()
    assert (
        told({"deploy/other-values.yaml": "apiKey: true\n"}, {"deploy/other-values.yaml": "apiKey: false\n"}) == set()
    )


PUSH = (
    "import argparse\nfrom transformers import AutoModel\n\nparser = argparse.ArgumentParser()\n{}args = parser.parse_args()\n"
    'AutoModel.from_pretrained("example-org/a").push_to_hub("example-org/b", private={})\n'
)
OPTION = 'parser.add_argument("--private", {})\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OPTION.format("default=True"), OPTION.format("default=False")),
        (OPTION.format('action="store_false"'), OPTION.format('action="store_true"')),
        (
            OPTION.format("action=argparse.BooleanOptionalAction, default=True"),
            OPTION.format("action=argparse.BooleanOptionalAction, default=False"),
        ),
    ],
)
def test_a_keyword_behind_a_flag_is_what_the_flag_is_when_it_is_not_given(before: str, after: str) -> None:
    pushed = [PUSH.format(option, "args.private") for option in (before, after)]
    assert ("hf-push-private", "push.py") in told({"push.py": pushed[0]}, {"push.py": pushed[1]})
    assert told({"push.py": pushed[1]}, {"push.py": pushed[0]}) == set()


def test_a_fixed_keyword_that_becomes_a_flag_is_told_by_what_the_flag_is() -> None:
    fixed = PUSH.format("", "True")
    asked = PUSH.format(OPTION.format('action="store_true"'), "args.private")
    kept = PUSH.format(OPTION.format('action="store_false"'), "args.private")
    assert told({"push.py": fixed}, {"push.py": asked}) == {("hf-push-private", "push.py")}
    assert told({"push.py": fixed}, {"push.py": kept}) == set()


CLIENT = "from langsmith import Client\n\n\nclass {}:\n    def __init__(self):\n        self.client = Client({})\n"
HIDES = "hide_inputs=True, hide_outputs=True"
TAKES = "from app.tracing import Tracing\n\n\nclass Chain:\n    def __init__(self):\n        self.client = Tracing().client\n"


def test_a_client_that_moves_to_another_file_and_hides_nothing_there_is_told() -> None:
    before = {"app/chain.py": CLIENT.format("Chain", HIDES)}
    found = told(before, {"app/chain.py": TAKES, "app/tracing.py": CLIENT.format("Tracing", "")})
    assert {rule for rule, _ in found} == {"langsmith-client-hide", "langsmith-client-hide-outputs"}


@pytest.mark.parametrize(
    "after",
    [
        {"app/chain.py": TAKES, "app/tracing.py": CLIENT.format("Tracing", HIDES)},
        {"app/chain.py": "class Chain:\n    pass\n"},  # what is not made traces nothing
    ],
)
def test_one_that_hides_the_same_there_or_is_gone_is_none(after: dict[str, str]) -> None:
    assert told({"app/chain.py": CLIENT.format("Chain", HIDES)}, after) == set()


@pytest.mark.parametrize("given", ["True", "mask"])
def test_a_client_that_hides_answers_no_longer_is_told(given: str) -> None:
    both = CLIENT.format("Chain", f"hide_inputs={given}, hide_outputs={given}")
    assert told({"a.py": both}, {"a.py": CLIENT.format("Chain", f"hide_inputs={given}")})
