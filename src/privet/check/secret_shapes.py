"""Whether a name is one of a secret, and whether what stands there is one: by words and shape, as the makers of a secret are unknown.

Invariants: nothing is kept of a value but one of the words below; what could as well be a name, a path, a place to fill in or a default
that everybody knows is no secret. Linear in the length of a value, and no value longer than `MOST_CHARS` is looked at.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Final

from privet.check.pattern import regex
from privet.check.secret_words import ABOUT, ENDS, KEY_OF, KNOWN, MADE_UP, OF_TEXTS

LITERAL: Final = "literal"
"""A secret, written out."""
STAND_IN: Final = "stand-in"
"""Written out, and known to everybody: `postgres`, `changeme`."""
REFERENCE: Final = "reference"
"""Taken from elsewhere when it runs."""
NOTHING: Final = ""
"""Neither: empty, a place to fill in, something else."""
MOST_CHARS: Final = 256

_PART: Final = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORDS: Final = ("password", "passwd", "passphrase", "passcode", "pwd", "requirepass")
_KEYS: Final = ("apikey", "secretkey", "accesskey", "authkey", "privatekey", "masterkey")

_REFERENCE: Final = regex(
    r"\$\{|\$\(|\{\{|<%|#\{|%\(\w+\)|^%\w+%|^\$[A-Za-z_]|^\$\$?[A-Z_]+$|os\.(?:environ|getenv)"
    r"|^(?:env|ENV|environ|secret|secrets|vault|ref\+?|aws|ssm|sm|gsm|op|azure|doppler"
    r"|file|keyring|awssm|gcp)[:+]|^(?:secrets?|env|vars?|local|data|module|random_\w+|inputs|github|process|config|settings|args|self|each)\.[a-z_A-Z]"
    r"|/run/secrets|^projects/[\w-]+/secrets|^arn:aws|@Microsoft\.KeyVault|^(?:file|lookup|env|getenv|secret|var|get_env|read|templatefile|sops_\w+)\(|^!",
)
_DEFAULT: Final = regex(r"\$\{[A-Za-z_]\w*:?-(?P<word>[^{}$]+)\}\Z")
_LOCKED: Final = regex(
    r"ENC\[|ENC\(|\$(?:2[aby]|argon2\w*|pbkdf2\w*|scrypt|[156y]|apr1)\$|(?:pbkdf2|sha\d+|scrypt|argon2\w*|bcrypt)[:_$]|\{S?SHA|SCRAM-|md5[0-9a-f]{32}\Z|v1:AQICA"
    r"|Ag[A-D][A-Za-z0-9+/]{97}|gAAAAA|AQICAH|phc_|-----BEGIN|AGE-|age1|ssh-(?:rsa|ed25519)|ECDSA|sha256-"
)
"""Encrypted, hashed, or public, as the keys are that a page in the browser writes events with."""
_TEMPLATE: Final = regex(
    r"[<>{}]|\.\.\.|…|\*\*|__\w+__|xxx|XXX|%[sdr]\b|\s|&&|[^\x20-\x7e]|^[@#:/.~=\[(-]|^\w+://|^[A-Za-z]:\\|\w\(.*\)$"
)
_SIGNS: Final = regex(r"[\[\]()`\\|^,;]")
"""What texts of programs have and secrets in them seldom: patterns, lists, calls."""
_PATH: Final = regex(
    r"(?:[\w.~-]+/)+[\w.-]*\.\w{2,5}$|\.(?:pem|key|crt|txt|json|ya?ml|env|py|js|ts|html|png|svg)$|^[\w-]+(?:/[\w-]+)+/?$"
)
_DOTTED: Final = regex(r"[A-Za-z_$][A-Za-z_]*(?:\.[A-Za-z_]\w*)+(?:\[\d\])?")
_CONSTANT: Final = regex(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_RUN: Final = regex(
    r"(.)\1{3}|0123|1234|2345|3456|abcd|bcdef|qwer|asdf|zxcv|a1b2c3|deadbeef|cafebabe|1q2w|112233|9876|8765|7654|6543|4321|123abc",
    re.IGNORECASE,
)
_WORDS: Final = regex(
    r"(?:[A-Za-z]{0,24}\d{1,2}|[a-z]{1,3}\d{1,6}|[A-Za-z]+|\d+)(?:[-_.:/@+](?:[A-Za-z]{0,24}\d{1,2}|[a-z]{1,3}\d{1,6}|[A-Za-z]+|\d+))*"
)
"""Words and numbers: the name of a model, a version, a day."""
_PREFIXED: Final = regex(r"(?:sk|pk|rk|ghp|gho|ghs|hf|glpat|r8|gsk|nvapi|pplx|tvly|lsv2|csk|xox[abp])[-_](?=[\w-]{16})")
"""What well-known keys begin with."""
_LETTERS: Final = regex(r"[A-Za-z]+")
_HINT: Final = regex(
    r"change[-_ ]?(?:me|this|it|in)|example|placeholder|your[-_]|replace|dummy|insert|not[-_]?(?:needed|used|required|a[-_]|set|real)"
    r"|no[-_](?:key|token|auth|pass)",
    re.IGNORECASE,
)
_CHANGE_ME: Final = regex(r"change[-_]?(?:me|this|it)[\W\d]*", re.IGNORECASE)
_LEAST: Final = 6


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case: `OPENAI_API_KEY`, `clientSecret`, `db-password`."""
    return [part.lower() for part in _PART.findall(name)]


@lru_cache(4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a variable, key or flag of this name holds a secret."""
    words = words_of(name)
    while len(words) > 1 and (words[-1] in ENDS or words[-1].isdigit()):
        words.pop()
    if not words or not ABOUT.isdisjoint(words):
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last.endswith((*_PASSWORDS, *_KEYS)) or (last == "pass" and before):
        return last != "pwd" or name != "PWD"
    if last == "key":
        return before in KEY_OF
    if last == "salt":
        return name.isupper()  # of a server's settings; in code one that everybody may know
    if last.endswith("secret"):
        return True
    return last.endswith("token") and before not in OF_TEXTS and not (before == "id" and len(words) == 2)


def state_of(name: str, value: str, *, strict: bool, many: bool = False) -> str:
    """Return what a value is.

    Args:
        name: of what it is the value.
        value: as the program reads it.
        strict: the file is code, where a text may be anything: only what cannot well be a word of the program is a secret.
        many: the file is an example: only what was surely drawn at random is a secret.

    """
    value = value.strip()
    if len(value) > MOST_CHARS:
        return NOTHING
    default = _DEFAULT.search(value)
    if default:
        return state_of(name, default["word"], strict=strict, many=many) or REFERENCE
    if _REFERENCE.search(value):
        return REFERENCE
    chunks = [chunk.lower() for chunk in _LETTERS.findall(value)]
    if _CHANGE_ME.fullmatch(value) is None and _is_none(value, chunks, strict=strict):
        return NOTHING
    if len(value) < _LEAST or _is_known(value, chunks, name):
        return STAND_IN
    is_password = name.lower().rstrip("0123456789").endswith((*_PASSWORDS, "pass"))
    return LITERAL if _is_drawn(value, is_password=is_password, strict=strict, many=many) else STAND_IN


def _is_none(value: str, chunks: list[str], *, strict: bool) -> bool:
    """Tell whether a value is none that could open anything: a place to fill in, a path, a name in code, something locked."""
    if not value or _LOCKED.match(value) or _PATH.search(value) or _HINT.search(value):
        return True
    if _TEMPLATE.search(value) or (strict and _SIGNS.search(value)) or _DOTTED.fullmatch(value):
        return True
    if _CONSTANT.fullmatch(value) and (strict or not any(map(str.isdigit, value))):
        return True
    return not MADE_UP.isdisjoint(chunks) or any(chunk.startswith("test") for chunk in chunks)


def _is_known(value: str, chunks: list[str], name: str) -> bool:
    """Tell whether a value is made of words that everybody would try, or of a run of keys."""
    own = frozenset((*words_of(name), *_LETTERS.findall(name.lower())))
    digits = sum(map(str.isdigit, value))
    if value.lower().replace("-", "_") == name.lower().replace("-", "_") or len(set(value)) < 5:
        return True
    if _RUN.search(value) and len(value) < 40:
        return True
    return digits <= 4 and all(chunk in own or _is_made_of_known(chunk) for chunk in chunks)


def _is_made_of_known(chunk: str) -> bool:
    """Tell whether a word is a known one, or several written together: `rootpass`."""
    if chunk in KNOWN:
        return True
    ends = {0}
    for end in range(3, min(len(chunk), 40) + 1):
        if any(end - start >= 3 and chunk[start:end] in KNOWN for start in ends):
            ends.add(end)
    return len(chunk) in ends


def _is_drawn(value: str, *, is_password: bool, strict: bool, many: bool) -> bool:
    """Tell whether a value has the shape of a secret: long, and of several kinds of characters."""
    has_digit = any(map(str.isdigit, value))
    has_upper = any(map(str.isupper, value))
    has_lower = any(map(str.islower, value))
    has_sign = any(not char.isalnum() and char not in "-_." for char in value)
    if not (has_upper or has_lower):
        return False
    kinds = has_digit + has_upper + has_lower + has_sign
    is_plain = value.isalpha() and not (has_upper and has_lower and not value.istitle() and _switches(value) > 4)
    if kinds < 2 or is_plain:
        return False
    if many:
        return has_digit and len(value) >= 16 and _bits(value) >= 60
    if _PREFIXED.match(value) and _is_mixed(value, 3.4):
        return True
    is_mixed = value.isalpha() and _is_mixed(value)
    if strict:
        least = 8 if is_password else 12
        is_word = not has_digit or _WORDS.fullmatch(value) or _bits(value) < 24
        return len(value) >= (16 if is_mixed else least) and (is_mixed or not is_word)
    # Without a digit or sign it is words with separators.
    is_words = not has_digit and not has_sign and not is_mixed and not (value.isalpha() and len(value) >= 20)
    return not is_words and len(value) >= (6 if is_password else 8)


def _is_mixed(value: str, most: float = 2.9) -> bool:
    """Tell whether small and capital letters change as by chance, 2.7 of them a part on average, and not as in words written together."""
    letters = "".join(filter(str.isalpha, value))
    parts = _PART.findall(letters)
    return len(letters) >= 10 and len(letters) < most * len(parts)


def _switches(value: str) -> int:
    return sum(1 for one, other in pairwise(value) if one.isupper() != other.isupper())


def _bits(value: str) -> float:
    """Return how much a value tells: its length times Shannon's entropy of its characters."""
    counts = Counter(value)
    return -sum(count * math.log2(count / len(value)) for count in counts.values())
