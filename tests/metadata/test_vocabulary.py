"""Tokenizers of every kind, read again by the library that makes them: as many tokens, the same ids, no address."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from privet.metadata import hf_json, vocabulary
from privet.metadata.job import Job

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, edits_of

tokenizers = pytest.importorskip("tokenizers")
OTHER = "john.canary@example.org"
TEXTS = [f"write to {CANARY} or {OTHER} about the boat", "Jane lives in Paris and the boat is old"] * 40


def _job() -> Job:
    return Job(edits=edits_of(r"[\w.]+@example\.(?:com|org)", "[EMAIL_ADDRESS]"))


def _trained(kind: str) -> Any:
    model, trainer = {
        "bpe": (tokenizers.models.BPE(unk_token="?"), tokenizers.trainers.BpeTrainer),
        "wordpiece": (tokenizers.models.WordPiece(unk_token="?"), tokenizers.trainers.WordPieceTrainer),
        "unigram": (tokenizers.models.Unigram(), tokenizers.trainers.UnigramTrainer),
        "wordlevel": (tokenizers.models.WordLevel(unk_token="?"), tokenizers.trainers.WordLevelTrainer),
    }[kind]
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    more = {"unk_token": "?"} if kind == "unigram" else {}
    made.train_from_iterator(TEXTS, trainer(vocab_size=400, special_tokens=["?"], show_progress=False, **more))
    made.add_tokens([CANARY, "<Jane>"])
    made.add_special_tokens([f"<{OTHER}>"])
    return made


def _cleaned(text: str) -> str:
    target = io.BytesIO()
    hf_json.clean(io.BytesIO(text.encode()), target, _job())
    return target.getvalue().decode()


@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram", "wordlevel"])
@pytest.mark.parametrize("pretty", [True, False])
def test_a_tokenizer_keeps_its_ids_and_loses_its_addresses(kind: str, *, pretty: bool) -> None:
    raw = _trained(kind)
    assert CANARY in raw.get_vocab()
    text = _cleaned(raw.to_str(pretty=pretty))
    clean = tokenizers.Tokenizer.from_str(text)
    assert CANARY not in text
    assert OTHER not in text
    before, after = raw.get_vocab(), clean.get_vocab()
    assert len(after) == len(before)
    assert sorted(after.values()) == sorted(before.values())
    held = re.compile(r"@example\.\w")
    assert {token: number for token, number in before.items() if not held.search(token)}.items() <= after.items()
    said = "Jane lives in Paris and the boat is old"
    assert clean.encode(said).ids == raw.encode(said).ids
    assert _cleaned(text) == text


def test_added_tokens_have_the_same_name_in_every_file() -> None:
    settings = {"added_tokens_decoder": {"7": {"content": CANARY, "special": True}, "8": {"content": OTHER}}}
    added = [{"id": 7, "content": CANARY}, {"id": 8, "content": OTHER}]
    tokenizer = {"added_tokens": added, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}
    names = [entry["content"] for entry in json.loads(_cleaned(json.dumps(tokenizer)))["added_tokens"]]
    assert names == ["[EMAIL_ADDRESS]#7", "[EMAIL_ADDRESS]#8"]
    assert json.loads(_cleaned(json.dumps({CANARY: 7, "<x>": 9, OTHER: 8}))) == {names[0]: 7, "<x>": 9, names[1]: 8}
    decoder = json.loads(_cleaned(json.dumps(settings)))["added_tokens_decoder"]
    assert [decoder[number]["content"] for number in "78"] == names


def test_a_name_that_is_taken_gets_another_one() -> None:
    tokens = {CANARY: 0, "[EMAIL_ADDRESS]#0": 1}
    assert vocabulary.renamed(tokens, {}, _job()) == {CANARY: "[EMAIL_ADDRESS]#0#"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_of_tokens_keep_their_lines_and_merges_of_addresses_go(end: str) -> None:
    tokens = ["[PAD]", "jane", "smith", *(f"w{number}" for number in range(300)), CANARY, "##ing"]
    raw = (end.join(tokens) + end).encode()
    assert vocabulary.is_token_list("model/vocab.txt", raw)
    target = io.BytesIO()
    vocabulary.clean(io.BytesIO(raw), target, _job())
    assert target.getvalue() == raw.replace(CANARY.encode(), b"[EMAIL_ADDRESS]#303")
    lines = ["#version: 0.2", "j ane", "jane.canary @example.com", "\u0120 t"]
    raw = (end.join(lines) + end).encode()
    assert vocabulary.is_token_list("merges.txt", raw)
    target = io.BytesIO()
    vocabulary.clean(io.BytesIO(raw), target, _job())
    assert target.getvalue() == (end.join([*lines[:2], lines[3]]) + end).encode()


def test_other_texts_of_that_name_are_no_token_lists() -> None:
    assert not vocabulary.is_token_list("vocab.txt", b"Jane Canary\n" * 300)
    assert not vocabulary.is_token_list("vocab.txt", b"jane\n" * 300)
    assert not vocabulary.is_token_list("merges.txt", b"write to jane\n" * 300)
    assert not vocabulary.is_token_list("words.txt", b"\n".join(b"w%d" % number for number in range(300)))


def test_words_are_not_looked_at() -> None:
    job = Job(edits=lambda texts, _place: pytest.fail("a word") if texts else [])
    assert vocabulary.renamed({"Jane": 0, "▁Jane": 1, "2024": 2, "Ġ@": 3, "##@": 4}, {}, job) == {}
