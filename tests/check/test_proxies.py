"""Proxies: what asks who is calling, and settings, in Caddyfiles and nginx configurations."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import UnitKind
from privet.check.proxies import read
from privet.check.readers import format_of
from privet.check.scan import compare, tree_of

NGINX = """\
# the page
server {
    listen 443 ssl;
    server_name chat.example.com;
    auth_basic "staff; only";  # asks
    location /open { auth_basic off; }
    location /admin { allow 192.0.2.0/24; deny all; proxy_pass http://127.0.0.1:8080; }
}
"""
CADDY = """\
chat.example.com {
\t@api path /v1/*
\tbasic_auth @api {
\t\toffice $2a$14$abcdefghijklmnopqrstuv
\t}
\treverse_proxy 127.0.0.1:8000
}
"""


def _guards(path: str, text: str) -> list[str]:
    return [unit.name for unit in read(path, text, lambda _: None).units if unit.kind is UnitKind.GUARD]


def test_what_asks_who_is_calling_is_a_guard() -> None:
    assert _guards("nginx/chat.conf", NGINX) == ["login of chat.example.com", "addresses let in by chat.example.com"]
    assert _guards("Caddyfile", CADDY) == ["login of chat.example.com"]


def test_a_setting_knows_where_it_stands() -> None:
    (unit,) = [unit for unit in read("nginx/chat.conf", NGINX, lambda _: None).units if unit.kind is UnitKind.CONFIG]
    assert unit.components == {"nginx"}
    (fact,) = [fact for fact in unit.facts if fact.name == "listen"]
    assert (fact.value, NGINX[fact.start : fact.end]) == ("443 ssl", "443 ssl")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Caddyfile", "proxy"),
        ("deploy/Caddyfile.prod", "proxy"),
        ("nginx/chat.conf", "proxy"),
        ("etc/conf.d/chat.conf", "proxy"),
        ("nginx.conf", "proxy"),
        ("redis.conf", "ini"),
        ("host/ollama.service.d/override.conf", "systemd"),
        ("slurm/train.sbatch", "shell"),
    ],
)
def test_proxies_drop_ins_and_batch_scripts_have_a_reader(path: str, kind: str) -> None:
    assert format_of(path) == kind


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("Caddyfile", CADDY, CADDY.replace("basic_auth @api", "header @api"), {"proxy-auth-removed"}),
        ("Caddyfile", CADDY, CADDY.replace("basic_auth @api", "forward_auth login:80"), set()),
        ("web/chat.conf", NGINX, NGINX.replace("    deny all;", "").replace(" deny all;", ""), {"proxy-auth-removed"}),
        ("nginx/chat.conf", NGINX, NGINX.replace('auth_basic "staff; only"', "auth_basic off"), {"proxy-auth-removed"}),
        ("nginx/chat.conf", NGINX, NGINX.replace("    auth_basic", "\tauth_basic"), set()),
    ],
)
def test_a_proxy_that_lets_in_whom_it_did_not_is_weaker(path: str, before: str, after: str, expected: set[str]) -> None:
    assert before != after
    found = compare(tree_of({path: before}), tree_of({path: after})).weaknesses
    assert {weakness.rule.id for weakness in found} == expected


@given(st.text(st.sampled_from("server{};\n\"'\\#$ auth_basic on")))
def test_any_text_is_read(text: str) -> None:
    for path in ("nginx/a.conf", "Caddyfile"):
        for unit in read(path, text, lambda _: None).units:
            assert all(0 <= fact.start <= fact.end <= len(text) for fact in unit.facts)


@pytest.mark.parametrize("text", ["{" * 200_000, 'a "' * 100_000, "a b;" * 50_000, "\\" * 200_000, "${" * 100_000])
def test_hostile_text_takes_no_long_time(text: str) -> None:
    started = time.process_time()
    read("nginx/a.conf", text, lambda _: None)
    assert time.process_time() - started < 3
