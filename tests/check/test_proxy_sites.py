"""What proxies do for their sites: TLS, logins, logs, upstreams, in nginx, Caddy, HAProxy and Traefik."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check import haproxy
from privet.check.readers import format_of
from privet.check.scan import compare, tree_of

NGINX = """\
log_format main '$remote_addr $status';
server {
    listen 443 ssl;
    server_name chat.example.com;
    access_log off;
    auth_basic "staff";
    location / {
        proxy_ssl_verify on;
        proxy_pass https://llm.internal:8000;
    }
    location /admin {
        allow 10.0.0.0/8;
        deny all;
        proxy_pass http://llm:8000;
    }
}
"""
REDIRECT = "server {\n  listen 80;\n  server_name chat.example.com;\n  return 301 https://$host$request_uri;\n}\n"
CADDY = "chat.example.com {\n\t@out not remote_ip 10.0.0.0/8\n\trespond @out 403\n\treverse_proxy https://llm.internal:8000\n}\n"
HAPROXY = """\
frontend chat
    bind *:443 ssl crt /etc/haproxy/chat.pem
    http-request auth unless { http_auth(users) }
    default_backend llm
backend llm
    server a llm.internal:8000 ssl verify required ca-file /etc/ca.pem
listen stats
    bind 127.0.0.1:8404
    stats enable
"""
TRAEFIK = """\
services:
  chat:
    image: registry.example.com/team/chat:1
    labels:
      - traefik.http.routers.chat.rule=Host(`chat.example.com`)
      - traefik.http.routers.chat.entrypoints=websecure
      - traefik.http.routers.chat.tls=true
      - traefik.http.routers.chat.middlewares=auth@file
"""
DYNAMIC = """\
http:
  routers:
    chat: {rule: Host(`chat.example.com`), entryPoints: [websecure], middlewares: [auth], service: llm, tls: {}}
"""
_SENDING_ON = "    bind *:80\n    http-request redirect scheme https unless { ssl_fc }\n    default_backend llm"
BASE = {
    "nginx/chat.conf": NGINX + REDIRECT,
    "Caddyfile": CADDY,
    "haproxy/haproxy.cfg": HAPROXY,
    "compose.yaml": TRAEFIK,
    "traefik/dynamic.yml": DYNAMIC,
}


def _weaker(path: str, after: str) -> set[str]:
    found = compare(tree_of(BASE), tree_of(BASE | {path: after})).findings
    return {finding.rule for finding in found if finding.path == path}


@pytest.mark.parametrize(
    ("path", "before", "after", "rule"),
    [
        ("nginx/chat.conf", "listen 443 ssl", "listen 443", "proxy-tls"),
        ("nginx/chat.conf", "  return 301 https://$host$request_uri;", "  location / { proxy_pass http://llm; }", "proxy-tls"),
        ("nginx/chat.conf", "proxy_ssl_verify on", "proxy_ssl_verify off", "proxy-upstream-verify"),
        ("nginx/chat.conf", "        proxy_ssl_verify on;\n", "", "proxy-upstream-verify"),
        ("nginx/chat.conf", "https://llm.internal:8000", "http://llm.internal:8000", "proxy-upstream-tls"),
        ("nginx/chat.conf", "https://llm.internal:8000", "https://llm.example.com", "proxy-upstream-outside"),
        ("nginx/chat.conf", "    location /admin {", "    location /v1 { auth_basic off; }\n    location /admin {", "proxy-auth-off"),
        ("nginx/chat.conf", "allow 10.0.0.0/8", "allow all", "proxy-auth-removed"),
        ("nginx/chat.conf", "        deny all;", "        deny all;\n        satisfy any;", "proxy-satisfy-any"),
        ("nginx/chat.conf", "    access_log off;\n", "", "proxy-access-log"),
        ("nginx/chat.conf", "$status", "$args", "proxy-log-query"),
        ("Caddyfile", "chat.example.com {", "http://chat.example.com {", "proxy-tls"),
        ("Caddyfile", "chat.example.com {", ":80 {", "proxy-tls"),
        ("Caddyfile", "\t@out not remote_ip 10.0.0.0/8\n\trespond @out 403\n", "", "proxy-auth-removed"),
        ("Caddyfile", "https://llm.internal:8000", "http://llm.internal:8000", "proxy-upstream-tls"),
        ("haproxy/haproxy.cfg", " ssl crt /etc/haproxy/chat.pem", "", "proxy-tls"),
        ("haproxy/haproxy.cfg", "verify required ca-file /etc/ca.pem", "verify none", "proxy-upstream-verify"),
        ("haproxy/haproxy.cfg", " ssl verify required ca-file /etc/ca.pem", "", "proxy-upstream-tls"),
        ("haproxy/haproxy.cfg", "    http-request auth unless { http_auth(users) }\n", "", "proxy-auth-removed"),
        ("haproxy/haproxy.cfg", "127.0.0.1:8404", "*:8404", "proxy-admin-open"),
        ("haproxy/haproxy.cfg", "    default_backend", "    http-request capture req.body id 0\n    default_backend", "proxy-log-content"),
        ("haproxy/haproxy.cfg", "    default_backend", "    capture request header Cookie len 9\n    default_backend", "proxy-log-content"),
        ("compose.yaml", "      - traefik.http.routers.chat.tls=true\n", "", "proxy-tls"),
        ("compose.yaml", "=websecure", "=web", "proxy-tls"),
        ("compose.yaml", "auth@file", "gzip@file", "traefik-router-auth"),
        ("traefik/dynamic.yml", ", tls: {}", "", "proxy-tls"),
        ("traefik/dynamic.yml", "[auth]", "[gzip]", "traefik-router-auth"),
    ],
)  # fmt: skip
def test_a_site_that_does_less_than_it_did_is_told(path: str, before: str, after: str, rule: str) -> None:
    assert before in BASE[path]
    assert rule in _weaker(path, BASE[path].replace(before, after))


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("nginx/chat.conf", REDIRECT, ""),
        ("nginx/chat.conf", "listen 443 ssl;", "listen 443 ssl http2;\n    listen [::]:443 ssl;\n    listen 127.0.0.1:8080;"),
        ("nginx/chat.conf", "  return 301 https://$host$request_uri;", "  location / { return 301 https://$host$request_uri; }"),
        ("nginx/chat.conf", "chat.example.com", "talk.example.com"),
        ("nginx/chat.conf", "    location /admin {", "    location = /healthz { auth_basic off; }\n    location /admin {"),
        ("nginx/chat.conf", "https://llm.internal:8000", "https://$upstream"),
        ("nginx/chat.conf", "10.0.0.0/8", "10.1.0.0/16"),
        ("Caddyfile", "chat.example.com {", "https://chat.example.com, www.example.com {"),
        ("Caddyfile", "\treverse_proxy", "\ttls internal\n\treverse_proxy"),
        ("haproxy/haproxy.cfg", "    default_backend llm", "    capture request header Host len 64\n    default_backend llm"),
        ("Caddyfile", "\treverse_proxy https://llm.internal:8000", "\thandle {\n\t\treverse_proxy https://llm.internal:8000\n\t}"),
        ("haproxy/haproxy.cfg", "    default_backend llm", _SENDING_ON),
        ("compose.yaml", "routers.chat.tls=true", "routers.chat.tls.certresolver=le"),
        ("compose.yaml", "routers.chat.", "routers.talk."),
        ("compose.yaml", "auth@file", "gzip@file,auth@file"),
    ],
)  # fmt: skip
def test_what_does_the_same_another_way_is_not_told(path: str, before: str, after: str) -> None:
    assert before in BASE[path]
    assert _weaker(path, BASE[path].replace(before, after)) == set()


def test_haproxy_has_a_reader_of_its_own() -> None:
    assert format_of("deploy/haproxy.cfg") == "proxy"
    units = {unit.name: unit for unit in haproxy.read("haproxy.cfg", HAPROXY).units}
    (tls,) = units["site frontend chat"].facts
    assert (tls.name, tls.value, HAPROXY[tls.start : tls.end]) == (
        "proxy.tls",
        "true",
        "*:443 ssl crt /etc/haproxy/chat.pem",
    )


@given(st.text(st.sampled_from("frontend bind*:8{}\n\"'\\# ssl")))
def test_any_text_is_read(text: str) -> None:
    for unit in haproxy.read("haproxy.cfg", text).units:
        assert all(0 <= fact.start <= fact.end <= len(text) for fact in unit.facts)
