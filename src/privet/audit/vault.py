"""Audit a store of embeddings: can its bytes be read, and can texts be recovered from them?

Invariants:

- The auditor has no key and writes nothing. It knows the model, and texts that the store holds where its owner names them.
- A check passes where its attack does no better than chance on the stored bytes, and the same attack succeeds on plain vectors of the same
  texts; where it does not succeed there, nothing is shown, and the check is underpowered.
- The same bytes, texts and seed give the same result, up to rounding of the embeddings. No text, id or value is in it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from privet.audit.files import digest_of
from privet.audit.result import Check, Verdict, overall, rounded
from privet.audit.vault_attacks import CONFIDENCE, Matrix, Score, Split, static, static_table, tokens_found, words_found
from privet.audit.vault_bytes import Stored, stored_files
from privet.audit.vault_corpus import made_up, of_texts, words_of
from privet.audit.vault_layouts import layouts
from privet.audit.vault_noise import noise_check
from privet.audit.vault_scan import texts_check, vectors_check
from privet.audit.vault_unknown import areas_of, explained, nearness, recognised
from privet.errors import BadInput

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

_VOCABULARY: Final = 1000
_TEXTS: Final = 750
_MOST_TEXTS: Final = 3000
_MOST_TOKENS: Final = 4000
_LEAST_SHARE: Final = 0.1
"""An attack that recovers less than that from plain vectors, at the lower limit, shows nothing by failing on stored ones."""


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """Records that the store holds, in the order in which they were added, all of them: texts, their vectors, ids, other values."""

    texts: Sequence[str]
    vectors: Matrix | None = None
    ids: Sequence[str] = ()
    values: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How to audit: `embed` is the model, `words` its vocabulary, the common words first, `known` what the owner names."""

    embed: Embed
    words: Sequence[str]
    seed: int = 0
    known: Known | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class VaultResult:
    """The audit of a store."""

    verdict: Verdict
    digest: str
    seed: int
    texts: str
    """`given` or `unknown`."""
    checks: Sequence[Check]

    def as_json(self) -> dict[str, Any]:
        """Return the result for machines."""
        return {
            "format": "privet-audit-vault/1",
            "verdict": self.verdict,
            "digest": self.digest,
            "seed": self.seed,
            "texts": self.texts,
            "checks": [
                {"id": check.id, "verdict": check.verdict, "says": check.says, **rounded(check.figures)}
                for check in self.checks
            ],
        }


def audit_vault(root: Path, options: Options) -> VaultResult:
    """Return the audit of a store: a file, or a folder of any layout.

    Raises:
        BadInput: there is nothing to read, or the vectors of the given records are not one for each text.

    """
    # More threads than idle cores make small products slower by far, and the last bits of results differ with their number.
    with threadpool_limits(1):
        return _audited(root, options)


def _audited(root: Path, options: Options) -> VaultResult:
    files = stored_files(root)
    known = options.known
    if known is not None and known.vectors is not None and len(known.vectors) != len(known.texts):
        raise BadInput(
            "expected an embedding for each text, or for none", hint="see docs/audit.md for the form of pairs"
        )
    found = [
        noise_check(files),
        vectors_check(files, _vectors_of(known, options.embed), options.seed),
        texts_check(
            files, known.texts if known else (), known.ids if known else (), known.values if known else (), options.seed
        ),
    ]
    found += _with_texts(files, known, options) if known else _without_texts(files, options)
    return VaultResult(
        verdict=overall(found),
        digest=digest_of([(each.name, root if root.is_file() else root / each.name) for each in files]),
        seed=options.seed,
        texts="given" if known else "unknown",
        checks=found,
    )


def _vectors_of(known: Known | None, embed: Embed) -> Matrix | None:
    if known is None:
        return None
    return known.vectors if known.vectors is not None else embed(known.texts[:_MOST_TEXTS])


def _with_texts(files: list[Stored], known: Known, options: Options) -> list[Check]:
    """Return the checks of the attacks where texts are given: what is recovered is compared with what they say."""
    mixed = np.random.default_rng(options.seed).permutation(len(known.texts))
    rows = np.sort(mixed[:_MOST_TEXTS]).astype(np.int64)
    texts = of_texts(options.words, [known.texts[row] for row in rows], _VOCABULARY)
    vectors = options.embed(texts.texts) if known.vectors is None else np.asarray(known.vectors[rows], dtype=np.float32)
    dimensions, every = vectors.shape[1], np.arange(len(rows))
    stored = layouts(files, len(known.texts), dimensions, rows)
    plain = layouts([_npy(vectors)], len(rows), dimensions, every)

    held = [row for row, word in enumerate(texts.rarest) if word]
    places = {word: place for place, word in enumerate(texts.vocabulary)}
    rarest = np.array([places.get(word, 0) for word in texts.rarest], np.int64)
    words, split = options.embed(texts.vocabulary), Split.of(held, options.seed)
    by_ridge = [words_found(each, rarest, words, split) for each in (stored, plain)]

    counts = Counter(word for text in texts.texts for word in words_of(text))
    tokens = {word: place for place, (word, _) in enumerate(sorted(counts.most_common(_MOST_TOKENS)))}
    table = static_table(options.embed(list(tokens)))
    bags = [[tokens[word] for word in words_of(text) if word in tokens] for text in texts.texts]
    plain = layouts([_npy(static(bags, table))], len(rows), table.shape[1], every)
    stored += layouts(files, len(known.texts), table.shape[1], rows) if table.shape[1] != dimensions else []
    by_pursuit = [tokens_found(each, bags, table, split, options.seed) for each in (stored, plain)]
    return [
        _attack("inversion", "the rarest word of a text comes first", *by_ridge),
        _attack("token-pursuit", "a word of a text is found", *by_pursuit),
    ]


def _without_texts(files: list[Stored], options: Options) -> list[Check]:
    """Return the checks where no text is known: are rows embeddings, and what would they tell if they were?"""
    made = made_up(options.words, _TEXTS, _VOCABULARY, options.seed)
    vectors, words = options.embed(made.texts), options.embed(made.vocabulary)
    split = Split.of(range(len(made.texts)), options.seed)
    places = {word: place for place, word in enumerate(made.vocabulary)}
    rarest = np.array([places[word] for word in made.rarest], np.int64)
    told = words_found([vectors], rarest, words, split)
    near = nearness(vectors[split.known])

    others = sorted({word for text in made.texts for word in words_of(text)} - places.keys())
    table = static_table(np.concatenate((words, options.embed(others))))
    places |= {word: len(places) + place for place, word in enumerate(others)}
    bags = [[places[word] for word in words_of(text)] for text in made.texts]
    rows = static(bags, table)
    tokens = tokens_found([rows], bags, table, split, options.seed)
    found = []
    for name, told_of, plain, likeness in (
        ("inversion", told, vectors[split.test], near),
        ("token-pursuit", tokens, rows[split.test], explained(table)),
    ):
        scores = [recognised(areas_of(each), plain.shape[1], likeness, options.seed) for each in (files, [_npy(plain)])]
        check = _attack(name, "a row is an embedding", *scores)
        figures = {**check.figures, "plain_recovered": told_of.as_figures()}
        says = f"{check.says}; plain rows give away {told_of}"
        verdict: Verdict = "underpowered" if check.verdict == "pass" and told_of.low < _LEAST_SHARE else check.verdict
        found.append(Check(name, verdict, says, figures))
    return found


def _attack(name: str, what: str, stored: Score, plain: Score) -> Check:
    """Return the check of an attack on stored bytes, given how it does on plain vectors."""
    figures = {"stored": stored.as_figures(), "plain": plain.as_figures(), "confidence": CONFIDENCE}
    says = f"{what}: stored {stored}; plain {plain}"
    if stored.low > stored.chance:
        return Check(name, "fail", says, figures)
    if plain.low < max(_LEAST_SHARE, plain.chance) or plain.low <= stored.high:
        return Check(name, "underpowered", f"{says}; too few texts to tell", figures)
    return Check(name, "pass", says, figures)


def _npy(vectors: Matrix) -> Stored:
    """Return what a plain store of vectors has on disk."""
    out = io.BytesIO()
    np.save(out, np.asarray(vectors, dtype="<f4"))
    data = np.frombuffer(out.getvalue(), dtype=np.uint8)
    return Stored("plain.npy", data, [(0, len(data))])
