"""Rules for what a proxy does for its sites, in whatever program's words: TLS, logins, logs, where requests go.

What a reader finds by more than a name and a value: `proxy.tls`, `proxy.asks`, `proxy.quiet`, `proxy.upstream.*`, `proxy.log.query`,
`proxy.admin.closed` of each site, each "true" or "false".

Invariant: a row gives the exact words that the release named as its source honours.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DOOR,
    FOREIGN,
    GAP,
    LOGS,
    SAFE,
    SENT,
    SWITCHED_ON,
    WEAKER,
    env,
    flag,
    key,
    read_by,
)
from privet.check.values import added, any_of, better, has, matches, present


def _nginx(
    lines: str = "", listen: str = "443 ssl", location: str = "proxy_pass https://llm.internal:8000;", before: str = ""
) -> Example:
    return Example(
        "nginx/chat.conf",
        f"{before}server {{\n    listen {listen};\n    server_name chat.example.com;\n{lines}    location / {{\n"
        f"        {location}\n    }}\n}}\n",
    )


def _places(server: str, first: str) -> Example:
    return Example(
        "nginx/chat.conf",
        f"server {{\n    listen 443 ssl;\n    server_name chat.example.com;\n{server}    location / {{\n{first}"
        "        proxy_pass https://llm.internal:8000;\n    }\n"
        "    location /v1/ {\n        proxy_pass https://llm.internal:8001;\n    }\n}\n",
    )


def _traefik(*labels: str) -> Example:
    lines = "".join(f"      - traefik.http.routers.chat.{label}\n" for label in labels)
    return Example(
        "compose.yaml", f"services:\n  chat:\n    image: registry.example.com/team/chat:1.4\n    labels:\n{lines}"
    )


def _haproxy(lines: str) -> Example:
    return Example("haproxy/haproxy.cfg", f"frontend chat\n{lines}    default_backend llm\n")


def _static(lines: str) -> Example:
    return Example("traefik/traefik.yml", f"entryPoints:\n  websecure:\n    address: ':443'\n{lines}")


_LOG: Final = "log_format main '$remote_addr {}';\n"
_NO_HEALTH: Final = r"^(?!.*(?:health|ping|ready|live|metrics|favicon|robots|well-known|static|assets|oauth2)).+"
_SKIP: Final = "OAUTH2_PROXY_SKIP_AUTH_ROUTES OAUTH2_PROXY_SKIP_AUTH_REGEX"

SITES: Final = (
    *read_by("nginx", "documentation nginx.org/en/docs/http/configuring_https_servers.html",
        key("proxy-tls", "proxy.tls", better("true"), DOOR, WEAKER, "true", "prompts and answers cross the network in clear",
            remedy="listen with TLS, or send people on to where TLS is", hit=_nginx(listen="80"), miss=_nginx())),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_proxy_module.html",
        key("proxy-upstream-tls", "proxy.upstream.tls", better("true"), GAP, SAFE, "true", "what people write is sent on in clear",
            remedy="send it on by https", hit=_nginx(location="proxy_pass http://llm.internal:8000;"), miss=_nginx()),
        key("proxy-upstream-verify", "proxy.upstream.verified", better("true"), DOOR, SAFE, "true", "prompts go to whoever answers",
            remedy="let the certificate be checked", hit=_nginx("    proxy_ssl_verify off;\n"), miss=_nginx("    proxy_ssl_verify on;\n")),
        key("proxy-upstream-outside", "proxy.upstream.inside", better("true"), SENT, SAFE, "true",
            "what people write is sent on to a host outside", remedy="send it to a host inside",
            hit=_nginx(location="proxy_pass https://llm.example.com;"), miss=_nginx())),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_core_module.html",
        key("proxy-satisfy-any", "code:proxy-satisfy-any", added(), DOOR, SAFE, "", "a password or an address is enough, not both",
            remedy="write satisfy all", hit=_nginx("    satisfy any;\n"), miss=_nginx("    satisfy all;\n"))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_auth_basic_module.html",
        key("proxy-auth-off", "code:proxy-auth-off", added(), DOOR, SAFE, "", "this part of the site asks nobody who is calling",
            remedy="leave it out", hit=_nginx("    auth_basic x;\n", location="auth_basic off;\n        proxy_pass https://llm.internal:8000;"),
            miss=_nginx("    auth_basic x;\n"))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_auth_request_module.html",
        key("proxy-auth-place", "proxy.place.asks", better("true"), DOOR, SAFE, "true",
            "this part of the site no longer asks who is calling, or is new and never did, where others do",
            remedy="ask in the server, or in each location",
            hit=_places("", "        auth_request /login;\n"), miss=_places("    auth_request /login;\n", ""))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_log_module.html",
        key("proxy-access-log", "proxy.quiet", better("true"), LOGS, WEAKER, "true",
            "the log holds addresses of clients and what they ask for in the address", remedy="write access_log off",
            hit=_nginx(), miss=_nginx("    access_log off;\n")),
        key("proxy-log-query", "proxy.log.query", better("false"), LOGS, SAFE, "false", "the log has what stands after the ? in addresses",
            remedy="log $uri instead", hit=_nginx(before=_LOG.format("$args")), miss=_nginx(before=_LOG.format("$uri")))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_mirror_module.html",
        key("nginx-mirror", "mirror", matches(r"^/"), SENT, SAFE, "", "a copy of each request, with what people write, goes elsewhere",
            remedy="leave it out", hit=_nginx("    mirror /copy;\n"), miss=_nginx("    mirror off;\n"))),
    *read_by("haproxy", "documentation docs.haproxy.org/3.2/configuration.html",
        key("proxy-log-content", "code:proxy-log-content", present(), CONTENT, SAFE, "", "the log holds what people write, or their keys",
            remedy="log no bodies and no credentials", hit=_haproxy('    log-format "%ci %[req.body]"\n'),
            miss=_haproxy('    log-format "%ci %ST"\n')),
        key("proxy-admin-open", "proxy.admin.closed", better("true"), GAP, SAFE, "true",
            "the page of the proxy itself can be reached from outside", remedy="bind it to 127.0.0.1",
            hit=_haproxy("    bind *:8404\n    stats enable\n"), miss=_haproxy("    bind 127.0.0.1:8404\n    stats enable\n"))),
    *read_by("caddy", "documentation caddyserver.com/docs/caddyfile/options",
        key("caddy-admin", "admin", matches(r"^(?:0\.0\.0\.0|\[::\])?:\d+$"), DOOR, SAFE, "localhost:2019",
            "whoever reaches the port can change what the proxy does", hit=Example("Caddyfile", "{\n\tadmin :2019\n}\n"),
            miss=Example("Caddyfile", "{\n\tadmin localhost:2019\n}\n")),
        env("caddy-admin-variable", "CADDY_ADMIN", matches(r"^(?:0\.0\.0\.0|\[::\])?:\d+$"), DOOR, SAFE, "localhost:2019",
            "whoever reaches the port can change what the proxy does", hit=":2019")),
    *read_by("traefik", "documentation doc.traefik.io/traefik/routing/routers",
        key("traefik-router-auth", "proxy.asks", better("true"), DOOR, SAFE, "true", "the proxy no longer asks who is calling",
            remedy="keep the middleware that asks", hit=_traefik("rule=Host(`a`)", "middlewares=gzip"),
            miss=_traefik("rule=Host(`a`)", "middlewares=auth"))),
    *read_by("traefik", "documentation doc.traefik.io/traefik/reference/static-configuration/cli",
        flag("traefik-api-insecure", "--api.insecure", SWITCHED_ON, DOOR, SAFE, "false",
            "whoever reaches the port sees every route, and what stands behind it"),
        flag("traefik-dashboard", "--api.dashboard --api", better("false"), GAP, SAFE, "false",
            "the dashboard shows every route, and what stands behind it", hit="true", miss="false"),
        flag("traefik-exposed-by-default", "--providers.docker.exposedbydefault --providers.docker.exposedByDefault", SWITCHED_ON, GAP,
            WEAKER, "false", "every container gets a way in from outside unless it says otherwise", miss="false"),
        flag("traefik-skip-verify", "--serverstransport.insecureskipverify --serversTransport.insecureSkipVerify", SWITCHED_ON, DOOR, SAFE,
            "false", "prompts go to whoever answers"),
        flag("traefik-log-headers", "--accesslog.fields.headers.defaultmode --accesslog.fields.headers.defaultMode", any_of("keep"),
            CONTENT, SAFE, "drop", "the log holds keys and cookies", hit="keep"),
        key("traefik-api-insecure-config", "api.insecure", any_of("true"), DOOR, SAFE, "false",
            "whoever reaches the port sees every route, and what stands behind it", hit=_static("api:\n  insecure: true\n"),
            miss=_static("api:\n  insecure: false\n")),
        key("traefik-exposed-by-default-config", "providers.docker.exposedByDefault", any_of("true"), GAP, WEAKER, "false",
            "every container gets a way in from outside unless it says otherwise",
            hit=_static("providers:\n  docker:\n    exposedByDefault: true\n"),
            miss=_static("providers:\n  docker:\n    exposedByDefault: false\n")),
        key("traefik-skip-verify-config", "serversTransport.insecureSkipVerify", any_of("true"), DOOR, SAFE, "false",
            "prompts go to whoever answers", hit=_static("serversTransport:\n  insecureSkipVerify: true\n"), miss=_static("log: {}\n")),
        key("traefik-log-headers-config", "accessLog.fields.headers.defaultMode", any_of("keep"), CONTENT, SAFE, "drop",
            "the log holds keys and cookies", hit=_static("accessLog:\n  fields:\n    headers:\n      defaultMode: keep\n"),
            miss=_static("accessLog:\n  fields:\n    headers:\n      defaultMode: drop\n"))),
    *read_by("oauth2-proxy", "documentation oauth2-proxy.github.io/oauth2-proxy/configuration/overview",
        flag("oauth2-proxy-skip-auth", "--skip-auth-route --skip-auth-regex", matches(_NO_HEALTH), DOOR, SAFE, "",
            "these addresses can be called without a login", remedy="let only what says nothing go without a login",
            hit="^/v1", miss="GET=^/healthz$"),
        env("oauth2-proxy-skip-auth-variable", _SKIP, matches(_NO_HEALTH), DOOR, SAFE, "",
            "these addresses can be called without a login", remedy="let only what says nothing go without a login",
            hit="GET=^/v1", miss="GET=^/healthz$"),
        flag("oauth2-proxy-email-domain", "--email-domain env:OAUTH2_PROXY_EMAIL_DOMAINS", has("*"), GAP, SAFE, "",
            "whoever has an account anywhere is let in", remedy="name the domains that may log in", hit="'*'", miss="example.com"),
        flag("oauth2-proxy-cookie-secure", "--cookie-secure env:OAUTH2_PROXY_COOKIE_SECURE", any_of("false"), GAP, SAFE, "true",
            "the login crosses the network in clear", hit="false"),
        flag("oauth2-proxy-skip-verify", "--ssl-insecure-skip-verify --insecure-oidc-skip-issuer-verification "
            "--insecure-oidc-allow-unverified-email --ssl-upstream-insecure-skip-verify", SWITCHED_ON, FOREIGN, SAFE, "",
            "a login is taken from whoever answers", remedy="leave it out", hit="true", miss="false")),
)  # fmt: skip
