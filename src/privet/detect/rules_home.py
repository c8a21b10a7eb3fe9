"""Rules for the names of users in the paths of their home folders."""

from __future__ import annotations

import re
from typing import Final

from privet.detect.rule import LETTER, Candidate, Rule

# Folders under /home that are nobody's, and addresses of pages on a site that begin alike.
_NOBODY: Final = frozenset((
    "root", "shared", "public", "default", "all", "user", "users", "username", "user_name", "your", "yourname", "your_name",
    "youruser", "your_username", "your-username", "yourusername", "myuser", "me", "you", "name", "admin", "administrator", "guest",
    "nobody", "anonymous", "ubuntu", "debian", "centos", "fedora", "alpine", "runner", "runneradmin", "vscode", "node", "app",
    "www", "www-data", "web", "ec2-user", "azureuser", "opc", "vagrant", "docker", "jenkins", "git", "gitlab-runner", "gitpod",
    "codespace", "coder", "circleci", "travis", "jovyan", "kaggle", "conda", "mamba", "linuxbrew", "oracle", "postgres", "mysql",
    "redis", "hadoop", "spark", "airflow", "nginx", "deploy", "service", "build", "builder", "ci", "dev", "developer", "test",
    "tester", "testuser", "tmp", "temp", "lib", "bin", "data", "work", "workspace", "foo", "bar", "baz", "xxx", "example", "some",
    "somebody", "someone", "ftp", "pi", "steam", "games", "sandbox", "nonroot", "agent", "index", "page", "pages", "main", "about",
    "dashboard", "feed", "login", "search", "settings", "news", "products", "contact", "help", "blog", "profile", "account",
    "assets", "static", "home", "view", "views", "menu", "header", "footer", "new", "en", "de", "fr", "es", "src", "documents",
    "desktop", "downloads", "project", "projects", "code", "repo", "site", "sites", "shop", "store", "api", "v1", "v2",
))  # fmt: skip
_HOME: Final = r"(?:\\?/(?:home|Users)\\?/|[A-Za-z]:(?:\\{1,4}|/)(?i:users)(?:\\{1,4}|/))"
_USER: Final = rf"(?:[A-Za-z0-9_]|{LETTER})(?:[A-Za-z0-9._-]|{LETTER}){{0,31}}"
_BEFORE_HOME: Final = re.compile(
    rb"(?:\A|[^A-Za-z0-9._~)}\]\x80-\xff-]|/mnt/[a-z]|/var|/export|/usr|/nfs|\b[a-z]:|file://)\Z"
)


def _home(hit: Candidate) -> bool:
    """Pass the name of a user in the path of a home folder: not what a whole family of machines shares, not a page of a site."""
    before = hit.data[max(0, hit.start - 80) : hit.start]
    at = re.search(_HOME.encode() + rb"\Z", before)
    if at is None or not _BEFORE_HOME.search(before[: at.start()]):
        return False
    value = hit.data[hit.start : hit.end].rstrip(b"._-")
    hit.end = hit.start + len(value)
    name = hit.value.lower()
    return len(name) > 1 and name not in _NOBODY and not name.isdigit() and not name.endswith(_PAGES)


_PAGES: Final = (
    ".html",
    ".htm",
    ".php",
    ".js",
    ".ts",
    ".tsx",
    ".vue",
    ".css",
    ".py",
    ".json",
    ".png",
    ".jpg",
    ".svg",
    ".md",
    ".txt",
)


RULES: Final = (
    Rule(
        id="home-folder",
        kind="SOCIAL_HANDLE",
        head=_HOME + rf"(?:[A-Za-z0-9_]|{LETTER})",
        pattern=_HOME + rf"({_USER})",
        score=0.8,
        check=_home,
        source="Filesystem Hierarchy Standard 3.0; folders of macOS and Windows users",
        hits=(
            "in /home/«jane.doe»/src/x.py",
            'File "/Users/«jdoe»/Documents/a.txt"',
            r"C:\Users\«jdoe»\AppData",
            r'"c:\\users\\«JANE_D»\\x"',
            "PATH=/home/«jdoe»:/bin",
            "C:/Users/«jdoe»/x",
            "/mnt/c/Users/«jdoe»/x",
            "file:///home/«jdoe»/x",
            "cd /home/«müller».",
        ),
        misses=(
            "/home/runner/work",
            "/Users/Shared/x",
            r"C:\Users\Public\x",
            "https://example.com/home/jdoe",
            "src/home/jdoe.ts",
            "/home/index.html",
            "/home/$USER/x",
            "/home/<user>/x",
            "/home/",
        ),
    ),
    Rule(
        id="home-folder-spaced",
        kind="SOCIAL_HANDLE",
        head=r"[A-Za-z]:\\{1,4}(?i:users)\\{1,4}" + rf"(?:[A-Za-z0-9_]|{LETTER})",
        pattern=rf"[A-Za-z]:\\{{1,4}}(?i:users)\\{{1,4}}({_USER} {_USER})\\",
        score=0.85,
        source="folders of Windows users, whose names may hold a space",
        hits=(r"C:\Users\«Jane Doe»\Desktop",),
        misses=(r"C:\Users\jane\x y\z", r"C:\Users\jane and D:\x"),
    ),
)
