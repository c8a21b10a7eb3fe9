"""`PrivateSFTTrainer`: TRL's trainer on texts and conversations, with a tokenizer and a model of this test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import transformers
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from trl import SFTConfig

from privet.errors import BadInput
from privet.integrations.transformers import PrivateSFTTrainer

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:peft|transformers|trl"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Could not find a config file:UserWarning"),
    pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad:UserWarning"),
]
WORDS = ["<pad>", "<eos>", "<unk>", "user", "assistant", ":", *(f"word{at}" for at in range(30))]
TEMPLATE = "{% for message in messages %}{{ message['role'] }} : {{ message['content'] }} <eos> {% endfor %}"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def tokenizer() -> Any:
    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
    made.chat_template = TEMPLATE
    return made


def llama() -> Any:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            num_hidden_layers=1,
            hidden_size=16,
            intermediate_size=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            vocab_size=len(WORDS),
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=1,
        )
    )


def texts(count: int = 40) -> Dataset:
    return Dataset.from_list(
        [{"text": f"word{at % 30} word{at * 7 % 30} word{at * 3 % 30}", "who": at % 20} for at in range(count)]
    )


def chats(count: int = 40) -> Dataset:
    return Dataset.from_list(
        [
            {
                "messages": [
                    {"role": "user", "content": f"word{at % 30}"},
                    {"role": "assistant", "content": f"word{at * 7 % 30} word3"},
                ],
                "who": at % 20,
            }
            for at in range(count)
        ]
    )


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Any]:
    def made(data: Any, *, method: Any = "lora", config: dict[str, Any] | None = None, **more: Any) -> Any:
        arguments = SFTConfig(
            output_dir=str(tmp_path / "out"),
            use_cpu=True,
            disable_tqdm=True,
            save_strategy="no",
            max_steps=2,
            per_device_train_batch_size=4,
            gradient_accumulation_steps=2,
            **(config or {}),
        )
        return PrivateSFTTrainer(
            model=llama(), args=arguments, train_dataset=data, processing_class=tokenizer(), method=method, **more
        )

    return made


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("data", [texts, chats])
def test_texts_and_conversations(make: Callable[..., Any], tmp_path: Path, data: Any, method: Any) -> None:
    trainer = make(data(), method=method, subject_column="who")
    before = {name: each.detach().clone() for name, each in trainer.model.named_parameters()}
    trainer.train()
    for name, each in trainer.model.named_parameters():
        assert torch.equal(each, before[name]) is not each.requires_grad
    assert (trainer.privacy.unit, trainer.privacy.sampling_rate) == ("subject", 8 / 20)
    trainer.save_model(str(tmp_path / "model"))
    held = json.loads((tmp_path / "model" / "evidence" / "training.json").read_text())
    assert (held["method"], held["dataset"]["units"]) == (method, 20)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    assert again.chat_template == TEMPLATE
    assert again("word3 word4").input_ids == tokenizer()("word3 word4").input_ids


def test_examples_stay_where_they_are(make: Callable[..., Any]) -> None:
    trainer = make(texts())
    for at in (0, 17, 39):
        words = trainer.processing_class.decode(trainer.train_dataset[at]["input_ids"])
        assert words.startswith(texts()[at]["text"])


def test_tokenized_texts_are_not_cached(make: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in texts()))
    stored = datasets.load_dataset(
        "json", data_files=str(tmp_path / "raw.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    before = {path.name for path in (tmp_path / "cache").rglob("*")}
    trainer = make(stored)
    assert "input_ids" in trainer.train_dataset.column_names
    assert {path.name for path in (tmp_path / "cache").rglob("*")} == before
    assert datasets.is_caching_enabled()


def test_checkpoints_have_no_card_and_no_arguments(make: Callable[..., Any], tmp_path: Path) -> None:
    make(texts(), config={"gradient_checkpointing": False, "bf16": False}, dataset_id="tickets").train()
    trainer = make(texts(), dataset_id="notes")
    trainer.args.save_strategy = "steps"
    trainer.args.save_steps = 1
    trainer.train()
    names = {path.name for path in (tmp_path / "out").rglob("*")}
    assert "checkpoint-2" in names
    assert not names & {"README.md", "training_args.bin"}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"packing": True}, "packing puts several examples into one"),
        ({"padding_free": True}, "padding_free puts"),
        ({"shuffle_dataset": True}, "shuffle_dataset moves"),
        ({"loss_type": "dft"}, "only the usual loss"),
        ({"trust_remote_code": True}, "code that comes with a model"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_what_nobody_could_account_for_is_refused(make: Callable[..., Any], config: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make(texts(), config=config)


def test_a_stream_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(BadInput, match="expected a train_dataset with a length"):
        make(texts().to_iterable_dataset())
