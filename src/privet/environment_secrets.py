"""Which variables stay out of a program that was not given them: secrets, ways to agents and daemons outside, proxies.

Invariants: a decision looks at one name and one value, compiles no pattern and imports nothing, so a start is not slowed; a name is
judged by its words (`HF_TOKEN`), never by letters inside one (`TOKENIZERS_PARALLELISM`, `KEYBOARD_LAYOUT`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

OUTSIDE: Final = frozenset((
    # Agents that sign, ask or answer for the user.
    "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "GIT_ASKPASS", "SUDO_ASKPASS", "GPG_AGENT_INFO", "GNOME_KEYRING_CONTROL",
    "KRB5CCNAME",
    # Daemons that start programs or speak to the network in somebody else's name.
    "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "DOCKER_HOST", "CONTAINER_HOST", "BUILDKIT_HOST", "PODMAN_HOST",
    "CONTAINERD_ADDRESS",
    "TMUX", "STY", "KITTY_LISTEN_ON", "SWAYSOCK", "I3SOCK", "NVIM", "NVIM_LISTEN_ADDRESS", "VSCODE_IPC_HOOK_CLI", "VSCODE_GIT_IPC_HANDLE",
    "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
    # Files whose content is a secret.
    "KUBECONFIG", "NETRC", "PGPASSFILE", "PGSERVICEFILE", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "BOTO_CONFIG",
))  # fmt: skip
"""Names of ways out and of files with secrets."""

_WORDS: Final = frozenset((
    "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE", "PASSCODE", "CREDENTIAL", "CREDENTIALS", "CREDS", "DSN",
    "JWT", "COOKIE", "COOKIES", "BEARER", "AUTHORIZATION", "MNEMONIC",
))  # fmt: skip
_INSIDE: Final = (
    "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "APIKEY", "AUTHTOKEN", "ACCESSTOKEN", "ACCESSKEY", "PRIVATEKEY", "AUTHKEY",
    "MASTERKEY", "PRIVKEY", "CREDENTIAL", "SSHPASS", "CONNECTIONSTRING",
)  # fmt: skip
_LAST: Final = frozenset(("PASS", "PWD", "PW", "PAT", "PIN", "PASSFILE"))
_SWITCHES: Final = frozenset(("AUTH", "OAUTH", "HEADERS"))
_COUNTED: Final = frozenset(("KEY", "KEYS", "TOKEN", "TOKENS"))
_QUANTITIES: Final = frozenset((
    "TOKENS", "KEYS", "EOS", "BOS", "PAD", "MAX", "MIN", "NUM", "COUNT", "LIMIT", "LENGTH", "LEN", "SIZE", "TOTAL", "PER", "TTL",
    "TIMEOUT", "SECONDS", "BUDGET", "BATCH", "DISABLE", "DISABLED", "ENABLE", "ENABLED", "USE", "ADD", "SKIP", "REPEAT",
    "REQUIRED", "REQUIRE",
))  # fmt: skip
_PLAIN: Final = frozenset(("", "true", "false", "yes", "no", "on", "off", "none", "auto", "null"))

_PREFIXES: Final = (
    "sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
    "glpat-", "hf_", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-", "AKIA", "ASIA", "AIza", "ya29.", "npm_", "pypi-",
    "dop_v1_", "SG.", "lsv2_", "pplx-", "gsk_", "r8_", "nvapi-", "xai-", "tvly-", "hvs.", "dckr_pat_", "glsa_", "ATATT", "shpat_",
    "figd_", "pul-", "dapi", "tskey-", "AGE-SECRET-KEY-", "lin_api_", "sbp_",
)  # fmt: skip
_MIN_RUN: Final = 16
_ASSIGNED: Final = (
    "password=", "passwd=", "accountkey=", "sharedaccesskey=", "sharedaccesssignature=", "instrumentationkey=", "secret=",
    "api-key=", "api_key=", "apikey=", "access_token=", "auth_token=", "authtoken=", "?token=", "&token=", "-token=", "&sig=",
    "authorization=", "authorization:", "bearer ", "hooks.slack.com/services/", "/api/webhooks/", "--api-key ", "--token ",
    "--password ", "--hf-token ",
)  # fmt: skip
_BETWEEN: Final = str.maketrans(dict.fromkeys(" \t\r\n,;=:\"'()[]{}<>|&?#/\\", " "))


def is_withheld(name: str, value: str) -> bool:
    """Tell whether a variable stays out: its name or its value is shaped like a secret, or it leads outside."""
    return name in OUTSIDE or _is_proxy(name) or name_is_secret(name, value) or value_is_secret(value)


def _is_proxy(name: str) -> bool:
    # npm hands its proxy on as npm_config_https-proxy.
    return name.upper().replace("-", "_").endswith(("_PROXY", "GIT_PROXY_COMMAND"))


def name_is_secret(name: str, value: str) -> bool:
    """Tell whether a name announces a secret; the value only tells counts and switches from keys and tokens."""
    words = "".join(sign if sign.isalnum() else " " for sign in name.upper()).split()
    if not words:
        return False
    if words[0] == "AWS":
        return words[1:] not in (["REGION"], ["DEFAULT", "REGION"], ["CA", "BUNDLE"])
    if not _WORDS.isdisjoint(words) or any(part in word for word in words for part in _INSIDE):
        return True
    if _ends_secret(words, value) or ("CONNECTION" in words and "STRING" in words):
        return True
    if _COUNTED.isdisjoint(words) or "PUBLIC" in words:
        return False
    return _QUANTITIES.isdisjoint(words) or not _is_plain(value)


def _ends_secret(words: list[str], value: str) -> bool:
    last = words[-1]
    if last != "TOKEN" and last.endswith("TOKEN"):
        return True
    if words[-2:] == ["DEV", "HEADERS"]:
        return False  # a package of C headers, which every CUDA image names
    return len(words) > 1 and (last in _LAST or (last in _SWITCHES and not _is_plain(value)))


def _is_plain(value: str) -> bool:
    """Tell whether a value is a switch or a number, which no key is."""
    text = value.strip().lower()
    return text in _PLAIN or (len(text) <= 12 and text.rstrip("kmgb%s").replace(".", "", 1).lstrip("+-").isdigit())


def value_is_secret(value: str) -> bool:
    """Tell whether a value holds a key of a known make, a private key, a signed token, or an address with a password inside."""
    if "PRIVATE KEY-----" in value or _has_password(value):
        return True
    lowered = value.lower()
    for mark in _ASSIGNED:
        after = lowered.partition(mark)[2].split(maxsplit=1)
        if after and not _is_plain(after[0]):
            return True
    return any(_is_key(word) for word in value.translate(_BETWEEN).split())


def _is_key(word: str) -> bool:
    if word.startswith("eyJ") and word.count(".") >= 2:
        return True
    if not word.startswith(_PREFIXES):
        return False
    # Keys are long runs of letters and digits; names of folders and models are words between marks.
    runs = word.replace("_", "-").replace(".", "-").split("-")
    return any(len(run) >= _MIN_RUN and (not run.isalpha() or not run.islower()) for run in runs)


def _has_password(value: str) -> bool:
    for rest in value.split("://")[1:]:
        word = rest.split(maxsplit=1)[0] if rest.strip() else ""
        user, at, _host = word.rpartition("@")
        password = user.partition(":")[2]
        # In http://127.0.0.1:8000/@me the colon starts a port; a password may hold a slash that nobody escaped.
        is_port = "/" in password and (password.split("/", 1)[0].isdigit() or word.startswith("["))
        if at and password and not is_port:
            return True
    return False
