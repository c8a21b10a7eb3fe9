"""Which files may hold secrets that only a name tells, and as what they are read.

Invariant: files in which secrets are made up (tests, samples, templates, translations) are passed over whole.
"""

from __future__ import annotations

import re
from typing import Final

from privet.check.pattern import regex
from privet.check.readers import format_of

CONFIG: Final = frozenset(
    ("dotenv", "shell", "yaml", "compose", "dockerfile", "systemd", "toml", "json", "ini", "terraform", "proxy")
)
_CODE_ENDINGS: Final = regex(
    r"\.(?:js|mjs|cjs|jsx|ts|tsx|go|java|kt|rs|rb|php|cs|scala|swift|ps1|r|jl|lua|dart|groovy|gradle|vue|svelte)$",
    re.IGNORECASE,
)
_PASSED_OVER: Final = regex(
    r"(?:^|/)(?:tests?|testing|__tests__|e2e|fixtures?|mocks?|__mocks__|testdata|test[-_]data|spec|specs|golden|snapshots?|locales?|i18n|lang|translations"
    r"|node_modules|vendor|third_party|cassettes|recordings)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest|[^/]*[._-](?:test|spec|mock)s?)\.\w+$"
    r"|[._-](?:example|sample|template|dist|tmpl|tpl|default|test|testing|ci)s?(?:\.\w+)?$|(?:^|/)(?:example|sample)[._-]?[^/]*$|\.min\.js$|(?:^|/)[^/]*lock\.(?:json|ya?ml)$|\.lock$",
    re.IGNORECASE,
)
"""Files in which secrets are made up."""
_SHOWN: Final = regex(
    r"(?:^|[/_.-])(?:examples?|samples?|demos?|tutorials?|cookbooks?|quickstarts?|docs?|documentation|playground|notebooks?|benchmarks?)(?:[/_.-]|$)",
    re.IGNORECASE,
)
"""Files that show how something is done."""
_ALSO: Final = regex(r"(?:^|/)(?:\.pypirc|[._]netrc|\.pgpass|\.git-credentials|credentials|\.dockercfg)$")
"""Files of settings that no reader knows."""


def kind_of(path: str) -> str:
    """Return a file's format as secrets are read from it."""
    return format_of(path) or ("ini" if _ALSO.search(path) else "")


def is_shown(path: str) -> bool:
    """Tell whether a file shows how something is done: there only what was drawn at random is a secret."""
    return _SHOWN.search(path) is not None


def is_looked_at(path: str) -> bool:
    """Tell by its name whether a file may hold a secret that only its name tells."""
    kind = format_of(path)
    return (
        kind in CONFIG
        or _ALSO.search(path) is not None
        or kind in {"python", "notebook"}
        or _CODE_ENDINGS.search(path) is not None
    ) and not _PASSED_OVER.search(path)
