"""Rules for mail and web addresses, accounts and connection strings."""

from __future__ import annotations

import re
from typing import Final

from privet.detect.rule import LETTER, Candidate, Rule

_AT: Final = r"@[A-Za-z0-9_\x80-\xff]"

_DOMAIN: Final = r"(?:[A-Za-z0-9\x80-\xff][A-Za-z0-9\x80-\xff-]{0,62}\.){1,8}(?:xn--[A-Za-z0-9-]{2,40}|[A-Za-z]{2,24}|[\x80-\xff]{4,40})"

# What Chinese and Japanese keyboards write for a dot (RFC 3490, section 3.1). Full-width letters and dots are read anew elsewhere.
_WIDE_DOT: Final = r"(?:\xe3\x80\x82|\xef\xbd\xa1)"

_WIDE_DOMAIN: Final = rf"(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}{_WIDE_DOT}){{1,8}}[A-Za-z]{{2,24}}"

_LOCAL: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+-/=?^_`{|}~" + bytes(
    range(0x80, 0x100)
)

# A zero-width character inside is there to hide the address, and is part of it.
_UNSEEN: Final = rb"\xe2\x80[\x8b-\x8d]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad"

_LOCAL_END: Final = re.compile(rb"(?:[A-Za-z0-9._%+&'-]|" + LETTER.encode() + rb"|" + _UNSEEN + rb")+\Z")

# An address that runs into the next one: a@b.comc@d.com.
_GLUED: Final = re.compile(rb"(?:(?:[A-Za-z0-9._%+&'-]|" + LETTER.encode() + rb")+@)+\Z")

# The @ as URLs, HTML and JSON escape it, and in full width.
_ESCAPED_AT: Final = r"(?:%40|&#64;|&#[xX]40;|\\u0040|\xef\xbc\xa0)"

_LOCAL_MAX_BYTES: Final = 256

_FILE_ENDINGS: Final = frozenset(
    (
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "avif",
        "js",
        "ts",
        "css",
        "scss",
        "html",
        "json",
        "py",
        "md",
        "txt",
        "so",
        "dll",
    )
)

_TOP_LEVEL: Final = re.compile(
    r"(?:com|org|net|edu|gov|mil|int|info|biz|name|pro|io|ai|app|dev|eu|email|cloud|online|test|example|invalid|localhost|[a-z]{2})\Z"
)


def _mail(hit: Candidate) -> bool | float:
    """Reach back from the @ over the local part; reject image names (icon@2x.png) and remote repositories (git@host)."""
    window = hit.before(_LOCAL_MAX_BYTES)
    local = window[len(window.rstrip(_LOCAL)) :]
    found = _LOCAL_END.search(local)
    name = found.group().lstrip(b".'-&+%") if found else b""
    if not name or name == b"git":
        return False
    top = hit.data[hit.start : hit.end].rpartition(b".")[2].decode("utf-8", "replace").lower()
    if top in _FILE_ENDINGS:
        return False
    hit.start -= len(name)
    if window[: len(window) - len(name)].endswith(b"@") and (glued := _GLUED.search(window[: len(window) - len(name)])):
        hit.start -= len(glued.group().lstrip(b".'-&+%"))
    return 0.95 if _TOP_LEVEL.match(top) or not top.isascii() or top.startswith("xn--") else 0.7


_URL_CHAR: Final = r"(?:[!#$%&()*+,./0-9:;=?@A-Z_a-z~-]|" + LETTER + r")"

_SCHEME: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-:"

_WEB_SCHEMES: Final = frozenset(("http", "https", "ftp", "ws", "wss"))

_SOCIAL_HOSTS: Final = (
    r"(?i:twitter|x|facebook|fb|instagram|linkedin|tiktok|github|gitlab|youtube|reddit|pinterest|snapchat|t|vk|xing|medium|threads)"
    r"\.(?i:com|net|me|org)/"
)

# A place on a public site is not a person; a query, an account, a long number or an identifier in the address may be.
_PERSONAL: Final = re.compile(
    r"[?#@]|/(?:u|users?|in|pub|profiles?|people|members?|accounts?|home|~[^/]+)/.|/~."
    r"|/[^/]*\d{6}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-",
    re.IGNORECASE,
)

_LOCAL_HOSTS: Final = frozenset(("localhost", "127.0.0.1", "0.0.0.0", "[::1]", "::1"))  # noqa: S104  (names, not a bind)


def _trim(hit: Candidate) -> None:
    """Leave the punctuation of the sentence outside."""
    value = hit.data[hit.start : hit.end]
    while value:
        if value[-1:] in b".,;:!?'*_~&-" or (value[-1:] == b")" and value.count(b"(") < value.count(b")")):
            value = value[:-1]
        else:
            break
    hit.end = hit.start + len(value)


def _scheme(hit: Candidate) -> str:
    """Move the start back over the scheme (also two of them: jdbc:mysql) and return it."""
    window = hit.before(40)
    scheme = window[len(window.rstrip(_SCHEME)) :].lstrip(b"0123456789+.-:")
    hit.start -= len(scheme)
    return scheme.decode("ascii").lower()


def _link(hit: Candidate) -> bool | float:
    """Score a web address: plain links are low, links that can point to a person high."""
    if not _scheme(hit):
        return False
    _trim(hit)
    _, _, rest = hit.value.partition("://")
    host, slash, path = rest.partition("/")
    if not host or host.rpartition(":")[0] in _LOCAL_HOSTS or host in _LOCAL_HOSTS:
        return False
    if "@" in host:
        return 0.9
    return 0.85 if _PERSONAL.search(slash + path) or "?" in host or "#" in host else 0.45


def _bare_link(hit: Candidate) -> bool | float:
    """Score an address without a scheme."""
    if hit.before(1) in {b"/", b".", b"@", b"-"} and hit.before(1):
        return False
    _trim(hit)
    host, slash, path = hit.value.partition("/")
    if "." not in host[4:] and not slash:
        return False
    return 0.85 if _PERSONAL.search(slash + path) else 0.45


def _social_link(hit: Candidate) -> bool | float:
    """Pass accounts on social sites: the first part of the path names one."""
    if hit.before(1) in {b"/", b".", b"@", b"-"} and hit.before(1):
        return False
    _trim(hit)
    return len(hit.value.partition("/")[2]) > 1


def _credentials(hit: Candidate) -> bool:
    """Pass user:password@host behind a scheme that is not the web's."""
    scheme = _scheme(hit)
    value = hit.data[hit.start : hit.end].rstrip(b".,;)`")
    hit.end = hit.start + len(value)
    return bool(scheme) and scheme not in _WEB_SCHEMES


def _handle(hit: Candidate) -> bool:
    before = hit.before(1)
    line = hit.left.rpartition("\n")[2]
    if not line.strip() and hit.after(1) in {b"", b"\n", b"\r", b"("}:
        # A decorator or annotation, alone on its line.
        return False
    value = hit.data[hit.start : hit.end].rstrip(b"._")
    hit.end = hit.start + len(value)
    return not (before and (before.isalnum() or before in b"@/._\\")) and len(value) > 2


RULES: Final = (
    Rule(
        id="email-address",
        kind="EMAIL_ADDRESS",
        head=_AT,
        pattern=f"@(?:{_DOMAIN}|{_WIDE_DOMAIN})",
        score=0.95,
        check=_mail,
        source="RFC 5321, RFC 6531 (letters beyond ASCII), RFC 5890 (international domains), RFC 3490 section 3.1 (other dots)",
        hits=(
            "write to «jane.doe@example.com».",
            "<«j+news@mail.example.co.uk»>",
            "mailto:«jane@example.org»?subject=hi",
            "Grüße an «jörg.müller@münchen.example»!",
            "почта «иван@пример.рф» работает",
            "メールは«taro@example.jp»です",
            "«user@xn--bcher-kva.example»",
            "to «jane@example.comjohn@example.org» now",
            "联系 «jane@example。com» 谢谢",
            "«jane@mail｡example｡com»",
            "写信给 «jane@example.com»。Thanks",
        ),
        misses=(
            "icon@2x.png",
            "git@github.com:org/repo",
            "@pytest.fixture",
            "a @ b.com",
            "user@localhost",
            "@example.com",
            "看 @example。com",
            "jane@example。",
            "jane@例子。谢谢",
        ),
    ),
    Rule(
        id="web-address",
        kind="URL",
        head=r"://[^\x00-\x20/<>\"'(){}\[\]$%]",
        pattern=r"://[^\x00-\x20/<>\"'(){}\[\]$%]",
        extent=r"://" + _URL_CHAR + r"*",
        score=0.45,
        check=_link,
        source="RFC 3986",
        hits=(
            "see «https://example.com/docs/page.html».",
            "(«http://example.com/a_(b)»)",
            "go to «https://example.com/users/jane» now",
            "«https://example.com/reset?token=1»",
            "[text](«https://example.com/in/jane»)",
            "«https://jane:secret@example.com/»",
        ),
        misses=("http://localhost:8400/", "http://127.0.0.1:80/x", "://", "http://{host}/", "a://"),
    ),
    Rule(
        id="web-address-ipv6",
        kind="URL",
        head=r"://\[",
        pattern=r"://\[[0-9A-Fa-f:.]{3,45}\]",
        extent=r"://\[[0-9A-Fa-f:.]+\]" + _URL_CHAR + r"*",
        score=0.85,
        check=lambda hit: bool(_scheme(hit)) and "[::1]" not in hit.value,
        source="RFC 3986 section 3.2.2",
        hits=("at «http://[2001:db8::1]:8080/x» now",),
        misses=("http://[::1]/", "http://[host]/"),
    ),
    Rule(
        id="web-address-bare",
        kind="URL",
        pattern=r"\b(?i:www)\.[A-Za-z0-9\xc3-\xdf]",
        extent=r"(?i:www)\." + _URL_CHAR + r"*",
        score=0.45,
        check=_bare_link,
        source="RFC 3986, as people write it",
        hits=("on «www.example.com».", "«www.example.com/u/jane»"),
        misses=("www.", "www.example", "//www.example.com"),
    ),
    Rule(
        id="social-account",
        kind="SOCIAL_HANDLE",
        pattern=r"\b" + _SOCIAL_HOSTS + r"[A-Za-z0-9_@]",
        extent=_SOCIAL_HOSTS + r"[A-Za-z0-9_.@/-]*",
        score=0.7,
        check=_social_link,
        source="address forms of the sites",
        hits=("find me on «twitter.com/jane_doe_example»", "«linkedin.com/in/jane-doe-example»."),
        misses=("twitter.com", "https://example.com/x.com/"),
    ),
    Rule(
        id="connection-string",
        kind="CONNECTION_STRING",
        head=r"://[^\x00-\x20/<>\"'(){}\[\]$%]",
        pattern=r"://(?:[^\x00-\x20/\"'<>@:{}$()\[\]%][^\x00-\x20/\"'<>@:{}$]{0,62})?:[^\x00-\x20\"'<>@{}]{1,127}@[^\x00-\x20\"'<>{}\x80-\xff]",
        extent=r"://(?:[^\x00-\x20/\"'<>@:{}$()\[\]%][^\x00-\x20/\"'<>@:{}$]{0,62})?:[^\x00-\x20\"'<>@{}]{1,127}@[^\x00-\x20\"'<>\x80-\xff]*",
        score=0.97,
        check=_credentials,
        source="RFC 3986 section 3.2.1; libpq, MongoDB, Redis and AMQP connection strings",
        hits=(
            "DATABASE_URL=«postgres://app:hunter2@db.example.com:5432/main»",
            "'«mongodb+srv://root:p@ss.w0rd@cluster.example.net/x?y=1»'",
            "«redis://:hunter2@192.0.2.7:6379/0»",
            "«jdbc:mysql://app:hunter2@db.example.com/x»",
        ),
        misses=("postgres://db.example.com/main", "postgres://${USER}:${PASSWORD}@host/", "https://a:b@example.com"),
    ),
    Rule(
        id="email-address-escaped",
        kind="EMAIL_ADDRESS",
        head=_ESCAPED_AT + r"[A-Za-z0-9_\x80-\xff]",
        pattern=_ESCAPED_AT + _DOMAIN,
        score=0.95,
        check=_mail,
        source="RFC 3986 section 2.1, HTML character references, RFC 8259 section 7, Unicode U+FF20",
        hits=(
            "mailto:«jane.doe%40example.com»",
            "to «jane.doe&#64;example.com».",
            "to «jane.doe\\u0040example.com» now",
            "an «jane.doe＠example.com» senden",
        ),
        misses=("50%40a", "a %40 b", "&#64;media"),
    ),
    Rule(
        id="social-handle",
        kind="SOCIAL_HANDLE",
        head=_AT,
        # \B: no letter or digit stands before it, as one does in an address.
        pattern=r"\B@[A-Za-z0-9_][A-Za-z0-9_.]{1,30}",
        score=0.7,
        check=_handle,
        context=(
            "twitter",
            "tweet",
            "tweeted",
            "rt",
            "instagram",
            "insta",
            "ig",
            "tiktok",
            "telegram",
            "threads",
            "bluesky",
            "mastodon",
            "github",
            "follow",
            "following",
            "follower",
            "followers",
            "handle",
            "username",
            "dm",
            "dms",
            "cc",
            "via",
            "snapchat",
            "discord",
            "profile",
            "account",
            "folge",
            "suivez",
            "sigue",
            "seguici",
        ),  # fmt: skip
        context_score=0.75,
        needs_context=True,
        source="handle rules of the sites",
        hits=("follow me on Twitter: «@jane_doe_example»!", "RT «@jane_example»: so true"),
        misses=("@property", "@app.route", "twitter a@b", "instagram @@x"),
    ),
    Rule(
        id="fediverse-handle",
        kind="SOCIAL_HANDLE",
        head=_AT,
        pattern=r"\B@[A-Za-z0-9_][A-Za-z0-9_.-]{0,29}@" + _DOMAIN,
        score=0.9,
        check=_handle,
        source="ActivityPub (WebFinger, RFC 7033)",
        hits=("I am «@jane@social.example» there",),
        misses=("a@b@c.example",),
    ),
)
