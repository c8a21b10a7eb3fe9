"""Does the bound of `privet audit dataset` cover the truth, and how loose is it?

    python benchmarks/audit/coverage.py [--seeds 100] [--records 20000] [--sample 5000] [--languages en,de,fr] [--shares 0.01,0.001]

For each language, share and seed: clean text is made of word lists, so that it holds no identifier; into a share of its records residue
is planted, by generators that share nothing with the audit's canaries, hard forms among them (lower case, a name alone, rare names,
spelled-out addresses, numbers in odd groups or without a word beside them, which no detector can tell). Then the dataset is audited.
Covered is a run whose `residual.upper_bound` is at least the true share. `--hard SHARE` says how many of the forms are hard ones.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any, Final

from privet.audit.bound import lower_limit
from privet.audit.dataset import Options, audit_dataset

WORDS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
)


def clean(language: str, chance: random.Random) -> str:
    """Return two to five sentences without an identifier."""
    words = WORDS[language]
    nouns, adjectives = words["nouns"].split(), words["adjectives"].split()
    out = []
    for _ in range(chance.randrange(2, 6)):
        one = chance.choice(words["sentences"])
        for mark in "nmk":
            one = one.replace(f"{{{mark}}}", chance.choice(nouns))
        while "{a}" in one:
            one = one.replace("{a}", chance.choice(adjectives), 1)
        out.append(one[0].upper() + one[1:])
    return " ".join(out)


def residue(language: str, chance: random.Random, hard: float) -> str:
    """Return an identifier, of which a share is hard to find."""
    kind = chance.choice(("name", "name", "name", "e-mail", "phone", "address", "iban", "card", "id"))
    easy, difficult = FORMS[kind](WORDS[language], chance)
    return chance.choice(difficult if chance.random() < hard else easy)


Forms = tuple[tuple[str, ...], tuple[str, ...]]


def _name(words: dict[str, Any], chance: random.Random) -> Forms:
    given, family = chance.choice(words["given"].split()), chance.choice(words["family"].split())
    easy = (f"{given} {family}", f"{given} {family}", f"{given[0]}. {family}", f"{family}, {given}")
    return easy, (f"{given} {family}".lower(), given, family, f"{given[0]}{family[0]} {family}")


def _email(words: dict[str, Any], chance: random.Random) -> Forms:
    given, family = chance.choice(words["given"].split()), chance.choice(words["family"].split())
    plain = f"{given}.{family}@example.{chance.choice(('com', 'org', 'net'))}".lower()
    return (plain,), (plain.replace("@", " (at) ").replace(".", " . "),)


def _phone(words: dict[str, Any], chance: random.Random) -> Forms:
    form = chance.choice(words["phones"])
    number = "".join(str(chance.randrange(10)) if char == "#" else char for char in form)
    return (number,), ("".join(filter(str.isdigit, number)),)


def _address(words: dict[str, Any], chance: random.Random) -> Forms:
    place = chance.choice(words["streets"])
    return (place,), (place.split(",")[0].lower(),)


def _iban(words: dict[str, Any], _chance: random.Random) -> Forms:
    number = words["iban"]
    return (number,), ("-".join(number[at : at + 5] for at in range(0, len(number), 5)),)


def _card(_words: dict[str, Any], _chance: random.Random) -> Forms:
    easy = ("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005")
    return easy, ("4111.1111.1111.1111", "55555 55555 55444 4")


def _id(words: dict[str, Any], _chance: random.Random) -> Forms:
    return (words["id"],), (words["id"].rsplit(" ", 1)[-1],)


FORMS: Final = {
    "name": _name,
    "e-mail": _email,
    "phone": _phone,
    "address": _address,
    "iban": _iban,
    "card": _card,
    "id": _id,
}


def dataset(path: Path, language: str, share: float, records: int, seed: int, hard: float) -> float:
    """Write a dataset; return its true residual share."""
    chance = random.Random(f"{language} {share} {seed}")  # noqa: S311 (test data)
    holding = sum(chance.random() < share for _ in range(records))
    places = set(chance.sample(range(records), holding))
    with path.open("w", encoding="utf-8") as file:
        for at in range(records):
            text = clean(language, chance)
            if at in places:
                value = residue(language, chance, hard)
                lead = chance.choice(WORDS[language]["leads"]).replace("{x}", value)
                text = chance.choice((f"{text} {lead}", f"{lead} {text}", f"{text} {value}"))
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    return holding / records


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Audit every dataset; return a row for each language and share."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.jsonl"
        for language in options.languages.split(","):
            for share in map(float, options.shares.split(",")):
                truths, bounds, estimates, seconds = [], [], [], []
                for seed in range(options.seeds):
                    truths.append(dataset(path, language, share, options.records, seed, options.hard))
                    start = time.perf_counter()
                    found = audit_dataset(path, Options(seed=seed, sample=options.sample)).residual
                    seconds.append(time.perf_counter() - start)
                    bounds.append(found["upper_bound"])
                    estimates.append(found["estimate"])
                covered = sum(bound >= truth for bound, truth in zip(bounds, truths, strict=True))
                rows.append(
                    {
                        "language": language,
                        "share": share,
                        "seeds": options.seeds,
                        "covered": covered,
                        "covered_at_least": round(lower_limit(covered, options.seeds, 0.05), 3),
                        "median_truth": statistics.median(truths),
                        "median_estimate": statistics.median(estimates),
                        "median_bound": statistics.median(bounds),
                        "seconds": round(statistics.median(seconds), 2),
                    }
                )
                sys.stdout.write(json.dumps(rows[-1]) + "\n")
                sys.stdout.flush()
    return rows


def main() -> int:
    """Run the benchmark; exit 1 where a row covers fewer than 95 in 100."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=5_000)
    parser.add_argument("--hard", type=float, default=0.15)
    parser.add_argument("--languages", default="en,de,fr")
    parser.add_argument("--shares", default="0.01,0.001,0.0001")
    return int(any(row["covered"] < 0.95 * row["seeds"] for row in run(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
