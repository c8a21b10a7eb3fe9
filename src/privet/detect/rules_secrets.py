r"""Rules for secrets: keys with a known prefix, keys and passwords named by the word before them, key blocks, tokens."""

from __future__ import annotations

import re
from typing import Final

from privet.detect import checks
from privet.detect.rule import Candidate, Rule, utf8

KEY_HEADER: Final = r"-----BEGIN (?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
_BODY_GAP: Final = b" \t\r\nrn\\\"'+,()bf"
_BODY_START: Final = re.compile(rb"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):|[A-Za-z0-9+/=]*")
_SPACES: Final = re.compile(rb"[ \t\r\n]*")
_MIN_BODY: Final = 16
_MAX_END_LINE: Final = 64


def block_end(data: bytes, body: int) -> tuple[int, bool]:
    """Tell where the key block whose header ends at `body` ends, and whether a key follows the header at all.

    A header without anything after it, or with the beginning of a body, is open and reaches to the end of the data: a
    stream may have been cut there. Where no key follows, the end is the place from which that is known.
    """
    start = body
    while start < len(data) and start - body < 32 and data[start] in _BODY_GAP:
        start += 1
    found = _BODY_START.match(data, start)
    end = found.end() if found else start
    if end - start < _MIN_BODY and not data[start:end].endswith(b":"):
        rest = _SPACES.match(data, end)
        known = (rest.end() if rest else end) + 1
        return (known, False) if known <= len(data) else (len(data), True)
    close = data.find(b"-----END ", start)
    line = data.find(b"-----", close + 9) if close >= 0 else -1
    return (line + 5 if 0 <= line <= close + _MAX_END_LINE else len(data)), True


def _block(hit: Candidate) -> bool:
    hit.end, is_key = block_end(hit.data, hit.end)
    return is_key


PASSWORD_WORDS: Final = (
    "password", "passwd", "passwort", "passphrase", "passcode", "pwd", "kennwort", "contraseña", "clave", "passe", "mdp", "senha",
    "palavra-passe", "wachtwoord", "hasło", "haslo", "пароль", "パスワード", "密码",
)  # fmt: skip
"""Words that announce a password in en, de, es, fr, pt, nl, pl, ru, ja, zh. French writes "mot de passe"."""

SECRET_WORDS: Final = (
    "api_key", "api-key", "apikey", "api key", "secret", "token", "access_key", "access-key", "accesskey", "access key",
    "secret_key", "secret-key", "secretkey", "secret key", "client_secret", "client-secret", "clientsecret", "auth_token",
    "access_token", "refresh_token",
    "private_key", "encryption_key", "accountkey", "signing_key", "credential", "credentials", "aws_secret_access_key",
)  # fmt: skip
BE_WORDS: Final = ("is", "ist", "es", "est", "è", "é", "to", "lautet", "was", "war")


def _words(words: tuple[str, ...]) -> str:
    return "(?i:" + "|".join(utf8(word) for word in sorted(words, key=len, reverse=True)) + ")"


_GIVES: Final = r"[\"']?(?:[ \t]{0,3}(?:=>|:=|==?|:)|[ \t]{1,3}" + _words(BE_WORDS) + r"[ \t:])[ \t]{0,3}"
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,30}(?:\.[A-Za-z_]\w{0,30})+\Z")
_LOGIN_HEAD: Final = r"\B(?:-[uU][ =]?|--(?:proxy-)?user[ =])"
LOGIN_FLAGS: Final = ("-u", "-U", "--user", "--proxy-user")
"""Flags that the next word belongs to."""
_PASSWORD_HEAD: Final = _words(PASSWORD_WORDS) + _GIVES
_SECRET_HEAD: Final = _words(SECRET_WORDS) + _GIVES
_NO_PASSWORD: Final = frozenset(
    (
        "none",
        "null",
        "nil",
        "true",
        "false",
        "str",
        "string",
        "text",
        "bytes",
        "int",
        "bool",
        "optional",
        "required",
        "password",
        "passwd",
        "pwd",
        "secret",
        "token",
        "undefined",
        "empty",
        "input",
        "hidden",
        "any",
        "object",
        "value",
        "self",
        "this",
        "field",
        "xxx",
        "changeme?",
    )  # fmt: skip
)
_CODE: Final = re.compile(
    r"[(){}\[\]<>]|\A[$%&*#|/\\.@]|\A[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\Z|::|->|\*\*\*|\.\.\.|\A[A-Z_]+\Z|\A\W+\Z"
)
_NEXT_FIELD: Final = re.compile(r"[&;](?=[\w.-]{1,40}=|\Z)")
"""Where the next field of a form, a query or a connection string begins: `pwd=a&user=b`."""
_MARKS: Final = re.compile(r"[!?]{1,8}\Z")
_WORDLIKE: Final = re.compile(r"[A-Za-z_]+\Z")


def _password(hit: Candidate) -> bool | float:
    """Tell a password from code, types, placeholders and sentences about passwords."""
    value = hit.value.rstrip(".,:;)!?") if hit.after(1) not in {b'"', b"'"} else hit.value
    if hit.before(1) == b"=":
        value = _NEXT_FIELD.split(value, maxsplit=1)[0]
    # A mark behind it may be the sentence's or its own: with it nothing is left in either case.
    marks = _MARKS.match(hit.value, len(value))
    hit.end = hit.start + len(value.encode()) + (len(marks[0]) if marks else 0)
    if len(value) < 3 or value.lower() in _NO_PASSWORD or _CODE.search(value):
        return False
    before = hit.before(2)
    if before[-1:] in {b'"', b"'"} and hit.after(1) == before[-1:]:
        return 0.8 if not _WORDLIKE.match(value) else 0.6
    if _WORDLIKE.match(value) or value.isdigit():
        # Without a digit or mark it is a password only where nothing else can stand: password=letmein, at the end of a line or field.
        return (
            0.6
            if before[-1:] == b"=" and hit.after(1) in {b"", b" ", b"\n", b"\r", b"&", b";"} and before[:1] != b"="
            else False
        )
    return 0.8


def _secret(hit: Candidate) -> bool | float:
    return len(hit.value) >= 12 and not _NAME.match(hit.value) and checks.is_random(hit.value)


def _bearer(hit: Candidate) -> bool:
    return any(char.isdigit() for char in hit.value) and checks.entropy_bits(hit.value) > 2.5


def _key(
    rule_id: str, pattern: str, source: str, hit: str, *misses: str, kind: str = "API_KEY", score: float = 0.97
) -> Rule:
    """Return a rule for keys that a prefix gives away."""
    return Rule(
        id=rule_id, kind=kind, pattern=pattern, score=score, source=source, hits=(f"key «{hit}» leaked",), misses=misses
    )


_HEX32: Final = "0123456789abcdef" * 2
_MIXED: Final = "a1B2c3D4e5F6g7H8i9J0"

RULES: Final = (
    Rule(
        id="private-key-block",
        kind="PRIVATE_KEY",
        head="-----BEGIN ",
        pattern=KEY_HEADER,
        score=0.99,
        check=_block,
        source="RFC 7468, RFC 1421, RFC 9580; a block without an end is secret to the end of the text",
        hits=(
            "x «-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----» y",
            "«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUA\nAAAA»",
            "«-----BEGIN RSA PRIVATE KEY-----\\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASC\\n-----END RSA PRIVATE KEY-----»",
            "«-----BEGIN EC PRIVATE KEY-----\nMHc»",
        ),
        misses=(
            "-----BEGIN PUBLIC KEY-----\nMIIB",
            'if "-----BEGIN PRIVATE KEY-----" in text:',
            "-----BEGIN CERTIFICATE-----",
        ),
    ),
    Rule(
        id="json-web-token",
        kind="JWT",
        pattern=r"\beyJ[A-Za-z0-9_-]{9,100}",
        extent=r"eyJ[A-Za-z0-9_=-]*(?:\.[A-Za-z0-9_=-]*){0,4}",
        score=0.97,
        check=lambda hit: hit.value.count(".") >= 1 and checks.jwt(hit),
        source="RFC 7519, RFC 7516",
        hits=("auth «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLW9mLXRva2Vu» end",),
        misses=("eyJhbGciOiJIUzI1NiJ9", "eyJxxxxxxxxxxxxxx.yyyy.zzzz"),
    ),
    _key(
        "anthropic-key", r"\bsk-ant-[A-Za-z0-9_-]{20,200}", "Anthropic key format", "sk-ant-api03-" + _MIXED, "sk-ant-"
    ),
    _key(
        "openai-key",
        r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_]{5,}[A-Za-z0-9_-]{15,200}".replace("{5,}", "{5,50}"),
        "OpenAI key format",
        "sk-proj-" + _MIXED * 2,
        "sk-learn",
        "sk-",
    ),
    _key(
        "github-token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,200}|github_pat_[A-Za-z0-9_]{22,200})",
        "GitHub token format",
        "ghp_" + _MIXED * 2,
        "ghp_x",
    ),
    _key(
        "gitlab-token",
        r"\bgl(?:pat|dt|rt|ptt|ft|soat|cbt)-[A-Za-z0-9_-]{20,100}",
        "GitLab token format",
        "glpat-" + _MIXED,
        "glpat-x",
    ),
    _key(
        "slack-token",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,200}",
        "Slack token format",
        "xoxb-123456789012-" + _MIXED,
        "xoxo-love",
    ),
    _key("google-key", r"\bAIza[A-Za-z0-9_-]{35}", "Google key format", "AIza" + (_MIXED * 2)[:35], "AIzaX"),
    _key(
        "aws-access-key",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        "AWS IAM unique identifiers",
        "AKIAIOSFODNN7EXAMPLE",
        "AKIA",
        "ASIAPACIFIC",
    ),
    Rule(
        id="aws-secret-beside-id",
        kind="API_KEY",
        pattern=r"\b(?:AKIA|ASIA)[A-Z2-7]{16}(?:[ \t]{1,3}[/|]?|[/|:,;])[ \t]{0,3}([A-Za-z0-9/+]{40})\b",
        score=0.95,
        check=lambda hit: checks.is_random(hit.value),
        source="AWS IAM: a secret access key is 40 characters, and handed out beside its id",
        hits=(
            "AWS key AKIAIOSFODNN7EXAMPLE / «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
            "AKIAIOSFODNN7EXAMPLE,«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
        ),
        misses=("AKIAIOSFODNN7EXAMPLE in commits", "AKIAIOSFODNN7EXAMPLE / aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ),
    _key(
        "stripe-key",
        r"\b(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{20,200}",
        "Stripe key format",
        "sk_" + "test_" + _MIXED,
        "sk_live_",
    ),
    _key(
        "hugging-face-token",
        r"\bhf_[A-Za-z0-9]{30,60}",
        "Hugging Face token format",
        "hf_" + _MIXED * 2,
        "hf_hub_download",
    ),
    _key("npm-token", r"\bnpm_[A-Za-z0-9]{36}\b", "npm token format", "npm_" + (_MIXED * 2)[:36], "npm_config_cache"),
    _key(
        "pypi-token",
        r"\bpypi-[A-Za-z0-9_-]{50,220}",
        "PyPI token format (macaroon)",
        "pypi-" + _MIXED * 4,
        "pypi-server",
    ),
    _key(
        "sendgrid-key",
        r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
        "SendGrid key format",
        f"SG.{_MIXED}.{_MIXED}{_MIXED}",
        "SG.x",
    ),
    _key("twilio-key", r"\b(?:SK|AC)[0-9a-f]{32}\b", "Twilio key format", "SK" + _HEX32, "SKabc"),
    _key(
        "privet-key",
        r"\bprivet_[A-Za-z0-9_-]{20,100}",
        "key format of this endpoint",
        "privet_" + _MIXED * 2,
        "privet_state",
    ),
    Rule(
        id="bearer-token",
        kind="API_KEY",
        pattern=r"\b(?i:bearer)[ \t]{1,3}([A-Za-z0-9._~+/-]{12,160}=?=?)",
        extent=r"(?i:bearer)[ \t]{1,3}([A-Za-z0-9._~+/=-]*)",
        score=0.9,
        check=_bearer,
        source="RFC 6750 section 2.1",
        hits=("Authorization: Bearer «a1b2c3d4e5f6g7h8»",),
        misses=("bearer of bad news", "Bearer authentication", "Bearer token"),
    ),
    Rule(
        id="basic-credentials",
        kind="PASSWORD",
        pattern=r"\b(?i:authorization)[\"']?[ \t]{0,2}[:=][ \t]{0,2}[\"']?(?i:basic)[ \t]{1,3}([A-Za-z0-9+/]{8,160}=?=?)",
        score=0.9,
        source="RFC 7617",
        hits=("Authorization: Basic «amFuZTpodW50ZXIy»",),
        misses=("Authorization: Basic", "basic training"),
    ),
    Rule(
        id="named-secret",
        kind="API_KEY",
        head=_SECRET_HEAD,
        pattern=_SECRET_HEAD + r"[\"']?([A-Za-z0-9_.~+/=-]{12,160})",
        extent=_SECRET_HEAD + r"[\"']?([A-Za-z0-9_.~+/=-]*)",
        score=0.8,
        check=_secret,
        source="assignment of a random value to a name that says key, token or secret",
        hits=(
            'api_key = "«9f8e7d6c5b4a39281706f5e4»"',
            "CLIENT_SECRET=«Zm9vYmFyYmF6cXV4MTIz»",
            "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
        ),
        misses=(
            "token = tokenizer.next_token",
            "secret: str",
            'token = "begin_of_sentence_1"',
            "api_key = os.environ['X']",
        ),
    ),
    Rule(
        id="command-line-login",
        kind="PASSWORD",
        head=_LOGIN_HEAD,
        pattern=_LOGIN_HEAD + r"[\"']?([^\x00-\x20\"'<>:\x80-\xff]{1,64}:[^\x00-\x20\"'<>\x80-\xff]{3,64})",
        score=0.9,
        check=lambda hit: (
            not _CODE.search(hit.value.partition(":")[2]) and hit.value.partition(":")[2][:1] not in "$%*["
        ),
        context=("curl", "curl.exe", "http", "https", "xh"),
        needs_context=True,
        source="manual of curl, --user and --proxy-user",
        hits=(
            "curl -u «jane:hunter2» https://example.com/",
            "$ curl -sS --user '«jane:hunter2»' https://example.com/",
            "curl -x proxy --proxy-user=«jane:s3cr3t»",
        ),
        misses=(
            "curl -u jane https://example.com/",
            "docker run -u 1000:1000 image",
            'curl -u "$USER:$PASSWORD" x',
            "date -u",
        ),
    ),
    Rule(
        id="named-password",
        kind="PASSWORD",
        head=_PASSWORD_HEAD,
        pattern=_PASSWORD_HEAD
        + r"(?:\"([^\x00-\x20\"\x80-\xff]{3,64})\"|'([^\x00-\x20'\x80-\xff]{3,64})'|([^\x00-\x20\"'<>,\x80-\xff]{3,64}))",
        score=0.8,
        check=_password,
        source="a value after a word that announces a password",
        hits=(
            "password: «hunter2»",
            '{"password": "«correct-horse»"}',
            "pwd=«s3cr3t!x» host=a",
            "my password is «Tr0ub4dor&3».",
            "passwd=«Tr0ub4dor&3» next",
            "password=«Tr0ub4d;or»&user=bob",
            "password: «hunter2Blue!»",
            "Passwort: «geheim123»",
            "contraseña: «clave2024»",
            "le mot de passe est «soleil99»",
            "hasło: «tajne123»",
            "PGPASSWORD=«letmein»",
        ),
        misses=(
            "password: str",
            "password = getpass()",
            "password is required",
            "password=password,",
            "pwd = os.getcwd()",
            "password: ********",
            "password: [PASSWORD]",
            "password: [PASSWORD_1]",
            "password: ${DB_PASSWORD}",
            "password=None",
            "{'password': 'password'}",
        ),  # fmt: skip
    ),
)
