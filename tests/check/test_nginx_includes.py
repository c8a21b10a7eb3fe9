"""Logins in snippets: where an nginx configuration takes them from, in the repository."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of

SITE = "server {{\n  listen 443 ssl;\n  location / {{\n{}    proxy_pass http://webui:8080;\n  }}\n}}\n"
LOGIN = '    auth_basic "team";\n    auth_basic_user_file /etc/nginx/htpasswd;\n'
INCLUDE = "    include /etc/nginx/snippets/auth.conf;\n"
DOCKERFILE = "FROM nginx:1.29\nCOPY nginx/site.conf /etc/nginx/conf.d/default.conf\nCOPY {}\n"
MOUNTED = "services:\n  proxy:\n    image: nginx:1.29\n    volumes:\n      - {}\n"


def told(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in compare(tree_of(before), tree_of(after)).findings]


@pytest.mark.parametrize(
    ("line", "snippet", "more"),
    [
        (INCLUDE, "nginx/snippets/auth.conf", {}),
        ("    include snippets/auth.conf;\n", "nginx/snippets/auth.conf", {}),
        (INCLUDE, "snippets/auth.conf", {}),
        (
            INCLUDE,
            "parts/team.conf",
            {"Dockerfile": DOCKERFILE.format("parts/team.conf /etc/nginx/snippets/auth.conf")},
        ),
        (INCLUDE, "parts/auth.conf", {"Dockerfile": DOCKERFILE.format("--chmod=644 parts/ /etc/nginx/snippets/")}),
        (INCLUDE, "parts/auth.conf", {"compose.yaml": MOUNTED.format("./parts:/etc/nginx/snippets:ro")}),
        (
            INCLUDE,
            "nginx/parts/auth.conf",
            {"nginx/Dockerfile": DOCKERFILE.format("parts/auth.conf /etc/nginx/snippets/")},
        ),
    ],
)
def test_a_login_that_moves_into_a_snippet_is_still_asked(line: str, snippet: str, more: dict[str, str]) -> None:
    before = {"nginx/site.conf": SITE.format(LOGIN), **more}
    assert told(before, {"nginx/site.conf": SITE.format(line), snippet: LOGIN, **more}) == []
    emptied = {"nginx/site.conf": SITE.format(line), snippet: "proxy_set_header X-Team a;\n", **more}
    assert ("proxy-auth-removed", "nginx/site.conf") in told(before, emptied)


@pytest.mark.parametrize("line", [INCLUDE, "    include /etc/nginx/snippets/*.conf;\n", "    include $which;\n"])
def test_a_snippet_that_nobody_can_find_asks_nothing(line: str) -> None:
    assert told({"nginx/site.conf": SITE.format(LOGIN)}, {"nginx/site.conf": SITE.format(line)})


def test_a_snippet_that_loses_its_login_is_told_there() -> None:
    before = {"nginx/site.conf": SITE.format(INCLUDE), "nginx/snippets/auth.conf": LOGIN}
    after = before | {"nginx/snippets/auth.conf": "# later\n"}
    assert ("proxy-auth-removed", "nginx/snippets/auth.conf") in told(before, after)


def test_snippets_that_include_one_another_end() -> None:
    loop = {"nginx/site.conf": SITE.format(INCLUDE), "nginx/snippets/auth.conf": INCLUDE * 50}
    assert told(loop, loop) == []
    assert told({}, loop) is not None
