"""What a repository holds besides settings: people in data files, secrets anywhere, weights that run code or tell where they were made.

Invariants: what was found leaves this module as a kind and a count; a file too large to be looked at whole is noted as sampled;
addresses and numbers that are reserved for examples are nobody's.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from privet.check import secrets, switches
from privet.check.facts import Fact, Note, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.secret_shapes import LITERAL, state_of
from privet.check.secrets import Found
from privet.check.tree import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from privet.check.interest import Marks
    from privet.records import Span

SAMPLE_BYTES: Final = 2**18
PERSONAL: Final = "code:data-personal"
SECRET: Final = "code:data-secret"  # noqa: S105 - a rule's name
PICKLED: Final = "code:weights-pickled"
TELLING: Final = "code:weights-telling"

_DATA: Final = regex(
    r"\.(?:csv|tsv|jsonl|ndjson|log|eml|mbox|vcf)(?:\.\d+)?$|(?:^|/)[^/]*modelfile[^/]*$", re.IGNORECASE
)
_DATA_FOLDER: Final = regex(
    r"(?:^|/)(?:data|datasets?|raw|corpus|corpora|train(?:ing)?[_-]?data|finetun\w*|exports?|dumps?|logs?|prompts?|conversations?|chats?|transcripts?|tickets|fixtures?|samples?)/",
    re.IGNORECASE,
)
_DATA_TEXT: Final = regex(r"\.(?:json|txt|md|yaml|yml|xml|html|sql)$", re.IGNORECASE)
_MADE_UP: Final = regex(
    r"(?:^|[/_.-])(?:tests?|testing|fixtures?|examples?|samples?|demo|mock\w*|synthetic|fake|dummy|docs?|spec|golden|snapshots?|placeholder)(?:[/_.-]|$)",
    re.IGNORECASE,
)
_NOBODY: Final = {
    "EMAIL_ADDRESS": regex(
        r"[@.](?:example\.(?:com|org|net)|example|test|invalid|localhost)\Z|noreply|no-reply", re.IGNORECASE
    ),
    "PHONE_NUMBER": regex(r"555[-. ]?01\d\d(?!\d)"),
}
"""What is reserved for examples: names of RFC 2606, and the numbers that are given to people in films."""
_MADE_UP_TOO: Final = regex(r"[@.](?:example\.edu|(?:[\w-]+\.)*local)\Z|git@github", re.IGNORECASE)
"""What stands for nobody in samples and tests, and may be somebody elsewhere."""
_ROLE: Final = regex(
    r"(?:support|info|contact|help|help-?desk|admin|no-?reply|sales|security|privacy|press|hello|team|abuse|legal|jobs|office|desk|front-?desk|reception"
    r"|service|marketing|noc|postmaster|hostmaster|webmaster|billing|accounts|orders|booking|bookings|feedback|enquiries|inquiries|library|editor)@",
    re.IGNORECASE,
)
"""Addresses of an office, not of a person: those of RFC 2142, and what a counter or a department is called."""
_STRONG: Final = frozenset(("EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN"))
_WEAK: Final = frozenset(
    ("PHONE_NUMBER", "NATIONAL_ID", "TAX_ID", "HEALTH_ID", "PASSPORT", "DRIVER_LICENSE", "DATE_OF_BIRTH")
)
_COUNTED: Final = _STRONG | _WEAK
_MANY: Final = 3
"""How often kinds for which other numbers are easily taken have to be there."""
_TEST_CARDS: Final = regex(r"\A(?:4242|4111|5555|4000|3782|3714|6011|3056|3566|2223|5105)")
_SECRET_KINDS: Final = frozenset(("API_KEY", "PRIVATE_KEY", "JWT", "CONNECTION_STRING"))
_STAND_IN: Final = regex(
    r"example|your|xxxx|\busers?:|:passw?(?:ord|d)?@|@(?:host|hostname|server|localhost|127\.0\.0\.1|db|postgres|redis|mongo)\b|placeholder|changeme|dummy|fake|\.\.\.|<|\*\*\*|redacted|insert|0000000|1234567|abcdef|test",
    re.IGNORECASE,
)
_PASSWORD: Final = regex(r"://[^\s:@/]*:([^\s@/]+)@")
_HUB_TOKEN_CHARS: Final = 30
_MOST_SECRETS: Final = 40
_NAME_BEFORE: Final = regex(
    r"([A-Za-z_][\w.-]{0,60})[\"'\])]{0,3}\s*(?:=|:|:=|,)\s*[\"']?(?:bearer\s+)?\Z", re.IGNORECASE
)
_HEX: Final = regex(r"[0-9a-f]{24}")
_WEIGHTS: Final = regex(r"\.(?:bin|pt|pth|ckpt|pkl|pickle|joblib|dill)$", re.IGNORECASE)
_MODELS: Final = regex(r"\.(?:safetensors|gguf)$", re.IGNORECASE)
_PICKLES: Final = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", "pytorch_model.bin")
_HARMLESS_NOTES: Final = frozenset(("format", "total_size"))
_PATH_IN_MODEL: Final = regex(r"(?:/home/|/Users/|/root/|/mnt/|/workspace/|[A-Z]:\\Users\\)[\w.-]+")


def is_data(path: str) -> bool:
    """Tell by its name whether a file is data, a log, a prompt or mail, in which people may be."""
    return bool(_DATA.search(path) or (_DATA_FOLDER.search(path) and _DATA_TEXT.search(path)))


def is_weights(path: str) -> bool:
    """Tell by its name whether a file is weights, whose beginning tells what they are."""
    return bool(_WEIGHTS.search(path) or _MODELS.search(path))


def of_weights(path: str, head: bytes) -> Reading:
    """Return what the beginning of weights gives away."""
    telling = PICKLED if _WEIGHTS.search(path) and _is_pickled(path, head) else ""
    telling = TELLING if _MODELS.search(path) and _is_telling(path, head) else telling
    return Reading((unit_of(path, (Fact(Space.KEY, telling, "1", path, 0, 0),)),) if telling else ())


def of_text(path: str, raw: bytes, size: int, marks: Marks, *, compared: bool) -> Reading:
    """Return the people, the secrets and, where sides are compared, the switches in the beginning of a file of `size` bytes."""
    data = is_data(path)
    if not (data or any(marks)):
        return Reading()
    raw = raw[:SAMPLE_BYTES]
    text = decode(raw) or decode(raw[: raw.rfind(b"\n") + 1])
    if text is None:
        return Reading()
    message = "only its first 256 KiB were looked at; `privet audit dataset` looks at all of it"
    notes = (Note(path, 1, message),) if size > SAMPLE_BYTES and data else ()
    facts = people_in(text, path) if data else ()
    known = secrets_in(text, path) if marks.known else []
    named = _apart(secrets.found_in(text, path, compared=compared), known) if marks.named else []
    units = [unit_of(path, facts)] if facts else []
    for name, item in secrets.numbered((*known, *named)):
        units.append(_unit(name, path, SECRET, item.state, item.start, item.end))
    for name, switch in switches.numbered(switches.found_in(text, path) if marks.switched else ()):
        units.append(_unit(name, path, switch.fact, switch.state, switch.start, switch.end))
    return Reading(tuple(units), notes)


def _apart(named: Iterable[Found], known: Sequence[Found]) -> list[Found]:
    """Return the secrets told by their names, less what is known by its shape."""
    return [item for item in named if not any(item.start < other.end and other.start < item.end for other in known)]


def _unit(name: str, path: str, fact: str, state: str, start: int, end: int) -> Unit:
    """Return a unit for one place, so that two sides are compared secret by secret and switch by switch."""
    return Unit(UnitKind.CONFIG, name, path, start, end, frozenset(), (Fact(Space.KEY, fact, state, path, start, end),))


def unit_of(path: str, facts: tuple[Fact, ...]) -> Unit:
    """Return the unit that stands for a file's content."""
    return Unit(UnitKind.CONFIG, f"content of {path.rsplit('/', 1)[-1]}", path, 0, 0, frozenset(), facts)


def people_in(text: str, path: str, offset: int = 0) -> tuple[Fact, ...]:
    """Return one fact that counts the personal identifiers of a text and points at the first, or none."""
    from privet.detect import detect

    is_made_up = _MADE_UP.search(path) is not None
    found: list[Span] = []
    counts: Counter[str] = Counter()
    for span in detect(text, tier="patterns"):
        value = text[span.start : span.end]
        nobody = _NOBODY.get(span.kind)
        if (
            span.kind not in _COUNTED
            or _ROLE.match(value)
            or (nobody is not None and nobody.search(value))
            or (is_made_up and _MADE_UP_TOO.search(value))
            or (span.kind == "CREDIT_CARD" and _TEST_CARDS.match(value))
        ):
            continue
        found.append(span)
        counts[span.kind] += 1
    if not sum(counts[kind] for kind in _STRONG) and counts.total() < _MANY:
        return ()
    first = found[0]
    return (Fact(Space.KEY, PERSONAL, str(len(found)), path, offset + first.start, offset + first.end),)


def secrets_in(text: str, path: str) -> list[Found]:
    """Return the secrets of a known shape, at most so many."""
    from privet.detect import detect

    found = [
        Found(_name_before(text, span.start) or span.kind, LITERAL, span.start, span.end)
        for span in detect(text, tier="patterns")
        if span.kind in _SECRET_KINDS and _is_secret(span.kind, text[span.start : span.end], path)
    ]
    return found[:_MOST_SECRETS]


def _name_before(text: str, start: int) -> str:
    """Return the name of which a text is the value, so that another value is the same secret."""
    found = _NAME_BEFORE.search(text[max(0, start - 120, text.rfind("\n", 0, start) + 1) : start])
    return found[1] if found else ""


def _is_secret(kind: str, value: str, path: str) -> bool:
    """Tell a key from a stand-in for one, and from a name that only begins as keys do."""
    if _STAND_IN.search(value):
        return False
    if value.startswith("hf_") and len(value) > _HUB_TOKEN_CHARS:
        return True  # letters only, as often as not
    if kind == "API_KEY":
        return any(map(str.isdigit, value)) and (any(map(str.isupper, value)) or _HEX.search(value) is not None)
    if kind == "CONNECTION_STRING":
        password = _PASSWORD.search(value)
        return password is None or state_of("password", password[1], strict=False) == LITERAL
    return not _MADE_UP.search(path)


def _is_pickled(path: str, head: bytes) -> bool:
    """Tell pickles by how they begin: protocol 2 and up, or a torch archive that holds one; a pointer to a large file by its name."""
    is_pickle = head[:1] == b"\x80" and head[1:2] in {b"\2", b"\3", b"\4", b"\5"}
    is_torch = head[:2] == b"PK" and b"data.pkl" in head[:4096]
    is_pointer = head.startswith(b"version https://git-lfs") and path.lower().endswith(_PICKLES)
    return is_pickle or is_torch or is_pointer


def _is_telling(path: str, head: bytes) -> bool:
    """Tell whether the header of model weights has notes of whoever made them, or paths of their machine."""
    if path.lower().endswith(".safetensors"):
        size = int.from_bytes(head[:8], "little")
        try:
            notes = json.loads(head[8 : 8 + size]).get("__metadata__", {})
            return any(key not in _HARMLESS_NOTES for key in notes)
        except (ValueError, AttributeError, TypeError, RecursionError):
            return False
    has_maker = b"general.author" in head or b"general.organization" in head
    return head[:4] == b"GGUF" and (has_maker or _PATH_IN_MODEL.search(head.decode("latin-1")) is not None)
