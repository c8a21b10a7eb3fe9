"""A run of `privet train` on a tiny model: what is trained on, what is written, what is left where it stops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from privet.errors import BadInput, Damaged
from privet.evidence import is_signed
from privet.integrations.train_run import Outcome, train
from privet.integrations.train_tokens import IGNORED, Collate, tokens_of
from privet.policy import DEFAULT
from privet.train_config import TrainConfig

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
SAID: list[str] = []


def tiny_model(folder: Path) -> None:
    """Write a Llama of two layers, with a tokenizer of single bytes."""
    signs = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<end>"]
    made = Tokenizer(models.BPE(vocab={sign: at for at, sign in enumerate(signs)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(signs), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, eos_token_id=len(signs) - 1, bos_token_id=None,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "tiny"
    tiny_model(folder)
    return folder


@pytest.fixture
def made(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrainConfig]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    SAID.clear()

    def make(rows: list[Any], **more: Any) -> TrainConfig:
        data = tmp_path / "rows.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        chosen: dict[str, Any] = {
            "model": model, "data": data, "output": tmp_path / "out", "tier": "patterns", "steps": 2, "batch_size": 4,
            "micro_batch_size": 4, "sequence_length": 96, "ledger": tmp_path / "ledger.json", "name": "c.toml",
        }  # fmt: skip
        return TrainConfig(**chosen | more)

    return make


def done(config: TrainConfig, told: Callable[[str, int, int], None] | None = None) -> Outcome:
    return train(config, DEFAULT, None, told or (lambda step, _done, _of: SAID.append(step)))


def rows(count: int = 12) -> list[dict[str, Any]]:
    words = ["amber", "brisk", "calm", "dusty", "early", "faded", "gentle", "hollow", "ivory", "jolly", "keen", "late"]
    return [
        {"text": f"{words[at % 12]} {at} asks jane{at}@example.com for {words[-1 - at % 12]}"} for at in range(count)
    ]


def test_adapters_alone_for_conversations_with_all_weights_left_where_they_were(
    made: Callable[..., TrainConfig], model: Path
) -> None:
    chats = [
        {"messages": [{"role": "user", "content": row["text"]}], "who": at // 2} for at, row in enumerate(rows(18))
    ]
    config = made(chats, merge=False, subject="who", canaries=3)
    outcome = done(config)
    spent = outcome.privacy
    assert 0 < spent["epsilon"] <= 8
    assert (spent["unit"], spent["steps"], spent["delta"]) == ("subject", 2, 1e-5)
    # Nine subjects and three canaries, each a unit.
    assert spent["sampling_rate"] == pytest.approx(4 / 12)
    assert outcome.weights == ["adapter_model.safetensors"]
    assert outcome.data["canaries"] == 3
    assert SAID[0] == "scrub"
    assert [step for at, step in enumerate(SAID) if step not in SAID[:at]] == ["scrub", "load model", "train", "save"]
    evidence = json.loads((config.output / "evidence" / "training.json").read_bytes())
    assert is_signed(evidence)
    assert evidence["data"]["scrub"]["changed"] == 18
    assert evidence["dataset"]["id"] == "rows"
    everything = b"".join(path.read_bytes() for path in config.output.rglob("*") if path.is_file())
    assert b"example.com" not in everything
    assert str(model).encode() not in everything
    names = {path.name for path in config.output.parent.iterdir()}
    assert names == {"out", "out-canaries.jsonl", "rows.jsonl", "state", "ledger.json", ".ledger.json.lock"}
    planted = [json.loads(line) for line in config.canary_file.read_text().splitlines()]
    assert [row["member"] for row in planted].count(True) == [row["member"] for row in planted].count(False) == 3
    assert not any(row["secret"].encode() in everything for row in planted)
    assert config.canary_file.stat().st_mode & 0o777 == 0o600


def test_full_training_moves_all_weights_and_a_second_run_is_beyond_the_budget(
    made: Callable[..., TrainConfig], model: Path
) -> None:
    config = made(rows(), method="full", learning_rate=1e-2)
    done(config)
    before, after = load_file(model / "model.safetensors"), load_file(config.output / "model.safetensors")
    assert before.keys() == after.keys()
    assert not any(torch.equal(before[name], after[name]) for name in before)
    assert config.output.stat().st_mode & 0o777 == 0o700
    with pytest.raises(BadInput, match="spent epsilon"):
        done(replace(config, output=config.output.with_name("again")))
    assert not config.output.with_name("again").exists()
    assert not list(config.output.parent.glob(".again-*"))


def test_a_run_that_is_stopped_leaves_nothing_but_what_it_spent(made: Callable[..., TrainConfig]) -> None:
    config = made(rows(10), canaries=2)
    before = {path.name for path in config.output.parent.iterdir()}

    def stop(step: str, done: int, _of: int) -> None:
        if step == "train" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        done(config, stop)
    left = {path.name for path in config.output.parent.iterdir()} - before
    assert left == {"state", "ledger.json", ".ledger.json.lock"}
    assert json.loads((config.output.parent / "ledger.json").read_bytes())["datasets"]["rows"][0]["steps"] >= 1


def stopped_at(config: TrainConfig, last: int) -> None:
    """Train, and stop behind a step."""

    def stop(step: str, at: int, _of: int) -> None:
        if step == "train" and at == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        done(config, stop)


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_run_that_was_stopped_goes_on_from_its_last_checkpoint(
    made: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch, method: str, is_killed: bool
) -> None:
    config = made(rows(), steps=6, save_steps=2, canaries=2, method=method)
    with monkeypatch.context() as patch:
        if is_killed:
            # What a kill leaves: nobody says to the ledger what was taken.
            patch.setattr("privet.train.run.Run.end", lambda _self: None)
        stopped_at(config, 5)
    folder = config.unfinished
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not config.output.exists()
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"example.com" not in everything
    planted = (folder / "canaries.jsonl").read_bytes()
    outcome = done(config)
    assert outcome.went_on_from == 4
    assert outcome.privacy["steps"] == 6
    assert config.canary_file.read_bytes() == planted
    assert not folder.exists()
    (entry,) = json.loads((config.output.parent / "ledger.json").read_bytes())["datasets"]["rows"]
    assert (entry["steps"], entry["ended"]) == (6, True)
    whole = done(replace(config, output=config.output.with_name("whole"), dataset_id="another"))
    assert whole.went_on_from == 0
    assert whole.privacy == outcome.privacy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 1e-4}, "train.learning_rate is not that of the run that was stopped"),
        ({"steps": 9}, "train.steps is not that"),
        ({"sequence_length": 90}, "train.sequence_length is not that"),
        ({}, "the data, once cleaned, is not that"),
    ],
)
def test_a_run_goes_on_with_what_it_was_begun_with_alone(
    made: Callable[..., TrainConfig], change: dict[str, Any], said: str
) -> None:
    config = made(rows(), steps=4, save_steps=2, canaries=2)
    stopped_at(config, 3)
    left = sorted(config.unfinished.rglob("*"))
    with pytest.raises(BadInput, match=said):
        done(replace(config if change else made(rows()[::-1][1:], steps=4, save_steps=2, canaries=2), **change))
    assert sorted(config.unfinished.rglob("*")) == left


def test_what_cannot_be_read_of_a_run_that_was_stopped_is_said(made: Callable[..., TrainConfig]) -> None:
    config = made(rows(), steps=4, save_steps=2, canaries=2)
    stopped_at(config, 3)
    for name in ("begun.json", "canaries.jsonl"):
        path = config.unfinished / name
        held = path.read_bytes()
        path.write_bytes(b"{")
        with pytest.raises(Damaged, match="cannot be read; remove the folder"):
            done(config)
        path.write_bytes(held)
    # A checkpoint that was being written says nothing yet, and does not count.
    (config.unfinished / "trainer" / "checkpoint-3").mkdir()
    assert done(config).went_on_from == 2


def test_an_output_that_appears_meanwhile_is_not_written_over(made: Callable[..., TrainConfig]) -> None:
    config = made(rows(10), canaries=2)

    def put(step: str, _done: int, _of: int) -> None:
        if step == "save":
            config.output.mkdir()
            (config.output / "theirs").touch()

    with pytest.raises(BadInput, match="is there already"):
        done(config, put)
    assert [path.name for path in config.output.iterdir()] == ["theirs"]
    assert not config.canary_file.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "is quantized"),
        ({"model_type": "nobodys", "auto_map": {"AutoModelForCausalLM": "theirs.Model"}}, "cannot be loaded"),
        ({"hidden_size": 32}, "cannot be loaded"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_said_with_its_line(
    made: Callable[..., TrainConfig], model: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "theirs.py").write_text("raise SystemExit('code of the model was run')")
    settings = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(settings | change))
    config = made(rows(), lines={"model.path": 2})
    with pytest.raises(BadInput) as failed:
        done(replace(config, model=broken))
    assert failed.value.message.startswith("c.toml:2: the model broken ")
    assert said in failed.value.message
    assert str(tmp_path) not in str(failed.value)
    assert not config.output.exists()


def test_canaries_that_would_be_cut_are_refused(made: Callable[..., TrainConfig]) -> None:
    with pytest.raises(BadInput, match="canaries are longer than 16 tokens"):
        done(made(rows(), canaries=2, sequence_length=16))


def test_examples_end_with_an_end_and_are_cut(model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    end = tokenizer.eos_token_id
    found = tokens_of(tokenizer, ["abc", "", "a" * 20], chats=False, most=8)
    assert [len(ids) for ids in found.examples] == [4, 8]
    assert found.examples[0][-1] == end
    assert (found.rows, found.cut, found.short) == ([0, 2], 1, 1)
    chat = tokens_of(tokenizer, [[{"role": "user", "content": "hi"}]], chats=True, most=99)
    assert tokenizer.decode(chat.examples[0]) == "user: hi\n<end>"


def test_conversations_need_a_template_that_they_fit(model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    chat = [[{"role": "user", "content": "jane@example.com"}]]
    tokenizer.chat_template = "{{ raise_exception('no ' + messages[0]['content']) }}"
    with pytest.raises(BadInput, match="does not fit") as failed:
        tokens_of(tokenizer, chat, chats=True, most=9)
    assert "jane" not in str(failed.value)
    tokenizer.chat_template = None
    with pytest.raises(BadInput, match="no template"):
        tokens_of(tokenizer, chat, chats=True, most=9)


def test_batches_are_padded_on_the_right_and_padding_is_not_learned() -> None:
    batch = Collate(7)([{"input_ids": [1, 7, 2], "subject": 3}, {"input_ids": [5]}])
    assert batch["input_ids"].tolist() == [[1, 7, 2], [5, 7, 7]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[1, 7, 2], [5, IGNORED, IGNORED]]
    assert "subject" not in batch


def test_merged_weights_are_a_model_of_their_own_in_full_precision(
    made: Callable[..., TrainConfig], model: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    shutil.copytree(model, half)
    weights = {name: value.to(torch.bfloat16) for name, value in load_file(model / "model.safetensors").items()}
    save_file(weights, half / "model.safetensors", {"format": "pt"})
    config = made(rows(), model=half, learning_rate=1e-2)
    outcome = done(config)
    assert outcome.weights == ["model.safetensors"]
    plain = AutoModelForCausalLM.from_pretrained(config.output, local_files_only=True)
    base = AutoModelForCausalLM.from_pretrained(half, local_files_only=True, dtype=torch.float32)
    assert plain.dtype == torch.float32
    ids = torch.arange(40)[None]
    with torch.no_grad():
        assert (plain(ids).logits - base(ids).logits).abs().max() > 1e-4
