"""Which files are worth parsing: one pass over the bytes for the words without which no rule can apply.

Invariants: a file that is passed over has no unit that a rule could judge: every rule that its format can hold needs a word that is not
there.
Formats that are small and always matter (compose, Dockerfile, .env, workflows, manifests) are not asked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from functools import cache
from typing import Any, Final, NamedTuple

from privet.check import secret_files, secrets, switches
from privet.check.facts import Space
from privet.check.known import CALLEES, VARIABLES
from privet.check.pattern import automaton, regex
from privet.check.rule import Absence
from privet.check.rules import RULES

_ASKED: Final = frozenset(("python", "notebook", "yaml", "toml", "json", "ini", "terraform"))
_STEPS: Final = (
    r"(?i:scrub|redact|anonymi[sz]e|pseudonymi[sz]e|de_?identif|mask_pii|remove_pii|strip_(?:pii|metadata|exif)|sanitize_(?:pii|prompt|message"
    r"|text|log)|filter_pii|hash_user|drop_pii)\w*\s*[(,)]|(?:remove_columns|drop_columns|select_columns|make_private\w*|PrivacyEngine|drop|BaseSettings"
    r"|AnalyzerEngine|AnonymizerEngine|BatchMemoryManager|DPOptimizer|Depends|Security|add_middleware|encrypt\w*|Fernet|AESGCM"
    r"|ChaCha20Poly1305|SecretBox|SealedBox)\s*[(=]|(?:import|from) privet"
)
_STARTS: Final = r"subprocess|os\.system|os\.popen|os\.exec"
_SERVERS: Final = (
    r"fastapi|flask|starlette|aiohttp|django|sanic|quart|tornado|litestar|vllm|bentoml|gradio|streamlit|chainlit|litellm|openai"
    r"|import ray"
)
_LOGGED: Final = (
    r"(?:log|print)[\w.]*\(\s*[^\n]*(?:prompt|message|user_|body|request|chat_history|conversation|completion|generated_text|email"
    r"|ssn|phone|password|api_key|token|payload|quer|question|answer|text|transcript|letter|ticket|note|document|row|record|sample|comment|repl|mail|customer|patient|content|output|response|chat)"
)
_BEGINS: Final = (
    r"sk-[A-Za-z0-9_-]{16}|sk_live_|gh[pousr]_[A-Za-z0-9]{20}|github_pat_|A[KS]IA[0-9A-Z]{12}|hf_[A-Za-z0-9]{30}"
    r"|xox[abprs]-\d|-----BEGIN [A-Z ]*PRIVATE KEY|AIza[\w-]{30}|glpat-[\w-]{15}|eyJ[\w-]{15,}\.eyJ|lsv2_[a-z]{2}_|pypi-AgE"
    r"|npm_[A-Za-z0-9]{30}|gsk_[A-Za-z0-9]{30}|r8_[A-Za-z0-9]{30}|dckr_pat_"
    r"|(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqp)://[^\s:@/{}$<]{1,40}:[^\s@{}$<]{4,}@"
)
_PEOPLE: Final = (
    r"(?i:min[_-](?:group|cohort|cell|bucket|population|participants|respondents|patients|people|persons|individuals)|k_?anonym|l_diversity"
    r"|small_cell|suppress_below|score_?threshold|min_?score|(?:score|confidence)_?threshold|retention)"
)
"""Settings that are no rule's and are compared by their names; as in `yaml_config.py`."""
_MANIFEST: Final = regex(
    rb"^[ \t{]*[\"']?(?:apiVersion|services|jobs|containers|steps|repos|spec|script|image|stages)[\"']?[ \t]*:",
    re.MULTILINE,
)
_TEST: Final = regex(r"(?:^|/)(?:tests?|testing|__tests__)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")
"""Python that only tests run: there unsafe values are set to see what becomes of them."""
_FOLDERS: Final = regex(
    r"(?:^|/)(?:\.github|\.gitlab|\.circleci|k8s|kubernetes|helm|charts?|deploy\w*|manifests|kustomize)/"
    r"|(?:^|/)values[^/]*\.ya?ml$|\.gitlab-ci|(?:^|/)(?:kustomization|Chart)\.ya?ml$"
)


class _Words:
    """The words of all rules in one automaton, and which of them each rule needs together."""

    def __init__(self) -> None:
        import re2

        self._set: Any = re2.Set.SearchSet()
        self._ids: dict[str, int] = {}
        self.variables = frozenset(self._id(rf"\b{re.escape(name)}\b") for name in VARIABLES)
        self._calls: dict[int, list[frozenset[int]]] = defaultdict(list)
        for name, absence in {
            (name, rule.absence) for rule in RULES if rule.space is Space.ARGUMENT for name in rule.names
        }:
            *_, last = needed = [self._id(token) for token in _tokens(name, absence)]
            self._calls[last].append(frozenset(needed))
        self.keys = frozenset(self._id(rf"\b{re.escape(name)}\b") for name in _keys())
        self.flags = frozenset(self._id(rf"{re.escape(name)}\b") for name in _flags())
        self.starts = self._id(_STARTS)
        self.servers = self._id(_SERVERS)
        self.logged = self._id(_LOGGED)
        self.people = self._id(_PEOPLE)
        self.secret = self._id(_BEGINS)
        self._set.Compile()

    def _id(self, pattern: str) -> int:
        known = self._ids.get(pattern)
        if known is None:
            known = self._ids[pattern] = len(self._ids)
            self._set.Add(pattern)
        return known

    def of_python(self, found: frozenset[int]) -> bool:
        """Tell whether some words are enough for a call, a program or a log line that a rule speaks of."""
        return (
            any(needed <= found for word in found for needed in self._calls.get(word, ()))
            or (self.starts in found and not self.flags.isdisjoint(found))
            or (self.logged in found and self.servers in found)
        )

    def found(self, raw: bytes) -> frozenset[int]:
        """Return the words that a file has."""
        return frozenset(self._set.Match(raw) or ())


@cache
def _words() -> _Words:
    return _Words()


def found_in(raw: bytes) -> frozenset[int]:
    """Return which of the words of interest a file has; what it means is asked of the functions below.

    Worth its while where there are many files: the words of all rules have to be put together first.
    """
    return _words().found(raw)


class Marks(NamedTuple):
    """What a file may hold besides settings: something that begins as keys do, the name of a secret, a switch."""

    known: bool
    named: bool
    switched: bool


def marks_of(raw: bytes, found: frozenset[int] | None, path: str, *, compared: bool) -> Marks:
    """Tell which content is worth looking for; `found` is None where the words were not looked for.

    Names and switches are searched alone: in one automaton with the words they took ten times as long.
    """
    is_looked_at = secret_files.is_looked_at(path)
    is_config = secret_files.kind_of(path) in secret_files.CONFIG
    is_known = automaton(_BEGINS).search(raw) is not None if found is None else _words().secret in found
    named = secrets.INTERESTING if compared or is_config else secrets.WRITTEN
    return Marks(
        is_known,
        is_looked_at and (is_known or _has(named, raw)),
        compared and is_looked_at and _has(switches.INTERESTING, raw),
    )


def _has(pattern: str, raw: bytes) -> bool:
    return automaton(pattern, ignore_case=True).search(raw) is not None


def matters(kind: str, path: str, raw: bytes, found: frozenset[int] | None, *, compared: bool) -> bool:
    """Tell whether a file of a format may hold something that a rule judges; steps that protect only matter where sides are compared.

    Where the words were not looked for, no file is passed over, so that one that is broken is told even where it could hold nothing.
    """
    if kind == "python" and _TEST.search(path):
        return False
    if (
        found is None
        or (compared and kind == "python")
        or kind not in _ASKED
        or kind == "notebook"
        or raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
    ):
        return True  # in UTF-16 the words are not there as bytes; a notebook's outputs are content
    if kind == "yaml" and (_FOLDERS.search(path) or _MANIFEST.search(raw)):
        return True
    words = _words()
    if not words.variables.isdisjoint(found):
        return True
    if kind == "python":
        return words.of_python(found)
    return not words.flags.isdisjoint(found) or not words.keys.isdisjoint(found) or (compared and words.people in found)


@cache
def _python_words() -> Any:
    called = rf"\b(?:{'|'.join(sorted(map(re.escape, CALLEES)))})\s*[(=]"
    variables = rf"\b(?:{'|'.join(sorted(map(re.escape, VARIABLES)))})\b"
    return automaton(rf"{called}|{variables}|{_STEPS}|{_STARTS}|environ|putenv|(?:log|print)[\w.]*\(")


def lines_of_interest(text: str, aliases: Collection[str] = ()) -> list[int]:
    """Return the numbers of the lines of a Python file on which something stands that a rule may speak of, in order.

    `aliases` are further names of callees: `from openai import OpenAI as Client`.
    """
    found: set[int] = set()
    for pattern in (
        _python_words(),
        *((re.compile(rf"\b(?:{'|'.join(map(re.escape, aliases))})\s*\("),) if aliases else ()),
    ):
        line, at = 1, 0
        for place in pattern.finditer(text):
            line += text.count("\n", at, place.start())
            at = place.start()
            found.add(line)
    return sorted(found)


def _tokens(name: str, absence: Absence) -> tuple[str, ...]:
    """Return what a file has to hold for a call's keyword to be there: the callee's last name, and the keyword."""
    callee, _, keyword = name.rstrip(")").partition("(")
    owner, _, last = callee.rpartition(".")
    # A callee may be imported from a module below its package, so only the outermost name has to be there, and a class.
    owners = [
        part
        for number, part in enumerate(owner.split("."))
        if part not in {"", "*"} and (not number or part[0].isupper())
    ]
    from_package = tuple(rf"\b{re.escape(part)}\b" for part in owners)
    last = re.escape(last)
    if keyword == "=":
        return (*from_package, rf"\b{last}\s*=")
    called = (*from_package, rf"\b{last}\s*\(")
    # Without the keyword nothing is found there, unless its absence is a finding; what only a change can lose is read in every file.
    if not keyword or keyword.isdigit() or absence is Absence.UNSAFE:
        return called
    return (*called, rf"\b{re.escape(keyword)}\b")


def _keys() -> set[str]:
    return {
        name.removesuffix("[]").rsplit(".", 1)[-1]
        for rule in RULES
        if rule.space is Space.KEY
        for name in rule.names
        if not name.startswith("code:")
    }


def _flags() -> set[str]:
    return {name for rule in RULES if rule.space is Space.FLAG for name in rule.names if name.startswith("--")}
