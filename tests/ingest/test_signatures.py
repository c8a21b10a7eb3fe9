"""Signatures are as alike as the texts' words."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privet.ingest.signatures import MIN_SEQUENCES, SIGNATURE_BYTES, signatures, similarity

WORDS = [f"word{number}" for number in range(5000)]


def jaccard(left: list[str], right: list[str]) -> float:
    one, two = ({tuple(words[at : at + 3]) for at in range(len(words) - 2)} for words in (left, right))
    return len(one & two) / len(one | two)


def test_the_estimate_is_that_of_the_words() -> None:
    rng = random.Random(7)
    errors = []
    for _ in range(300):
        words = rng.choices(WORDS, k=rng.randint(30, 200))
        other = [rng.choice(WORDS) if rng.random() < 0.05 else word for word in words]
        left, right = signatures([" ".join(words), " ".join(other)])
        errors.append(similarity(left[None], right[None])[0] - jaccard(words, other))
    assert abs(np.mean(errors)) < 0.01
    assert np.std(errors) < 0.05


def test_the_estimate_for_short_texts_is_as_good_as_their_length_allows() -> None:
    # Of texts with a dozen sequences nearly all bins are empty: filled from bins that were filled themselves, the error is 0.08.
    rng = random.Random(3)
    errors = []
    for _ in range(600):
        words = rng.choices(WORDS, k=rng.randint(9, 20))
        other = list(words)
        other[rng.randrange(len(other))] = rng.choice(WORDS)
        left, right = signatures([" ".join(words), " ".join(other)])
        errors.append(similarity(left[None], right[None])[0] - jaccard(words, other))
    assert abs(np.mean(errors)) < 0.01
    assert np.std(errors) < 0.065


@given(st.lists(st.text("ab \n.,é\0", max_size=60), max_size=8))
def test_a_signature_depends_on_its_text_alone(texts: list[str]) -> None:
    together = signatures(texts)
    assert together.shape == (len(texts), SIGNATURE_BYTES)
    for text, signature in zip(texts, together, strict=True):
        assert (signatures([text])[0] == signature).all()


def test_case_marks_and_spaces_do_not_count() -> None:
    left, right = signatures(
        ["the quick brown fox jumps over the lazy dog", "The quick,\nbrown FOX jumps: over the lazy dog."]
    )
    assert (left == right).all()
    assert left.any()


def test_too_few_words_have_no_signature() -> None:
    short = " ".join(WORDS[: MIN_SEQUENCES + 1])
    assert not signatures([short]).any()
    assert not signatures([""]).any()
    assert signatures([short + " more"]).any()


def test_other_words_have_other_signatures() -> None:
    left, right = signatures([" ".join(WORDS[:50]), " ".join(WORDS[100:150])])
    assert similarity(left[None], right[None])[0] < 0.1


def test_another_process_makes_the_same_signature() -> None:
    code = (
        "from privet.ingest.signatures import signatures; print(signatures(['a b c d e f g h i j k']).tobytes().hex())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert made == {signatures(["a b c d e f g h i j k"]).tobytes().hex() + "\n"}


@given(st.integers(1, 200), st.data())
def test_a_letter_anywhere_in_a_word_counts(length: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, length - 1))
    word = "a" * length
    around = " ".join(WORDS[:MIN_SEQUENCES])
    left, right = signatures([f"{around} {word} {around}", f"{around} {word[:at]}b{word[at + 1 :]} {around}"])
    assert (left != right).any()
