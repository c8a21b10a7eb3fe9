"""`PrivateTrainer`: the real trainer on small models, what it spends, writes and refuses."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import TrainingArguments

from privet.errors import BadInput, Damaged, Unprotected
from privet.evidence import Signer, is_signed, json_bytes
from privet.integrations.transformers import PrivateTrainer
from privet.policy import DEFAULT, with_value
from privet.train import weights
from privet.train.layers import Mixes, Unsupported
from privet.train.ledger import Ledger
from privet.train.run import STATE

pytestmark = [
    # Deprecations inside the libraries among themselves.
    pytest.mark.filterwarnings("ignore::FutureWarning:peft|transformers"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Could not find a config file:UserWarning"),
]
VOCABULARY = 40
Make = Callable[..., PrivateTrainer]


def rows(count: int = 60, length: int = 8) -> list[dict[str, Any]]:
    chance = torch.Generator().manual_seed(1)
    made = []
    for at in range(count):
        ids = torch.randint(3, VOCABULARY, (length,), generator=chance).tolist()
        made.append({"input_ids": ids, "labels": ids, "who": f"person {at % 20}"})
    return made


def llama(**more: Any) -> Any:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            num_hidden_layers=1,
            hidden_size=16,
            intermediate_size=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            vocab_size=VOCABULARY,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            **more,
        )
    )


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    return tmp_path / "state" / "privet"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(model: Any = None, data: Any = None, **more: Any) -> PrivateTrainer:
        named = {name: more.pop(name) for name in list(more) if name in TrainingArguments.__dataclass_fields__}
        named = {"max_steps": 4, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 3} | named
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "out"),
            use_cpu=True,
            disable_tqdm=True,
            learning_rate=1e-3,
            **({"save_strategy": "no"} | named),
        )
        return PrivateTrainer(
            model=model or llama(), args=arguments, train_dataset=rows() if data is None else data, **more
        )

    return made


def moved(model: Any, before: dict[str, Any]) -> set[str]:
    return {name for name, each in model.named_parameters() if not torch.equal(each, before[name])}


def kept(model: Any) -> dict[str, Any]:
    return {name: each.detach().clone() for name, each in model.named_parameters()}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_it_trains_what_is_trainable_and_says_what_was_spent(make: Make, method: Any) -> None:
    trainer = make(method=method, subject_column="who")
    before = kept(trainer.model)
    trainer.train()
    assert moved(trainer.model, before) == {
        name for name, each in trainer.model.named_parameters() if each.requires_grad
    }
    privacy = trainer.privacy
    assert 7.5 < privacy.epsilon <= 8
    assert (privacy.delta, privacy.unit, privacy.steps, privacy.max_grad_norm) == (1e-5, "subject", 4, 1.0)
    assert privacy.sampling_rate == 12 / 20


def test_the_ledger_is_on_by_itself(make: Make, state: Path) -> None:
    trainer = make(epsilon=5.0)
    trainer.train()
    with pytest.raises(BadInput, match="has spent epsilon"):
        make(epsilon=8.0, data=rows()[::-1]).train()  # the same data in another order
    make(epsilon=5.0, data=rows(59)).train()
    assert (state / "ledger.json").exists()


def test_a_ledger_of_ones_own_and_the_policys_budget(make: Make, tmp_path: Path, state: Path) -> None:
    narrow = with_value(DEFAULT, "train.dataset_epsilon", 3.0)
    with pytest.raises(BadInput, match=r"of 3\.00"):
        make(epsilon=5.0, ledger=tmp_path / "mine.json", dataset_id="tickets", policy=narrow).train()
    trainer = make(epsilon=2.5, ledger=tmp_path / "mine.json", dataset_id="tickets", policy=narrow)
    trainer.train()
    spent = Ledger(tmp_path / "mine.json", state).epsilon("tickets", "example", 1e-5)
    assert spent == pytest.approx(trainer.privacy.epsilon)


def test_more_than_the_policy_lets_needs_an_exception(make: Make, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="epsilon 9 is above 8"):
        make(epsilon=9.0)
    (tmp_path / "privet.toml").write_text(
        '[[exception]]\nrule = "train.max_epsilon"\nvalue = 10.0\nreason = "public data"\nowner = "a@example.com"\nexpires = 2999-01-01\n'
    )
    make(epsilon=9.0)


def test_a_run_that_goes_on_spends_what_an_unbroken_one_does(make: Make, tmp_path: Path) -> None:
    class Stop(transformers.TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_more: Any) -> Any:
            del args
            control.should_training_stop = state.global_step == 3
            return control

    trainer = make(save_strategy="steps", save_steps=2, callbacks=[Stop()], max_steps=6)
    trainer.train()
    assert trainer.privacy.steps == 3
    folder = tmp_path / "out" / "checkpoint-2"
    assert not [path for path in folder.rglob("*") if path.name == "training_args.bin"]
    assert not stat.S_IMODE(folder.stat().st_mode) & 0o077
    with pytest.raises(BadInput, match="another plan"):
        make(max_steps=7).train(resume_from_checkpoint=str(folder))
    with pytest.raises(BadInput, match="another dataset"):
        make(max_steps=6, data=rows(61)[1:]).train(resume_from_checkpoint=str(folder))
    again = make(max_steps=6)
    again.train(resume_from_checkpoint=str(folder))
    whole = make(max_steps=6, dataset_id="another")
    whole.train()
    assert again.privacy == whole.privacy
    with pytest.raises(BadInput, match="taken all its steps"):
        make(max_steps=6).train(resume_from_checkpoint=str(folder))
    with pytest.raises(BadInput, match="taken all its steps"):
        whole.train()


@pytest.mark.parametrize("how", ["gone", "edited", "signed by another"])
def test_a_checkpoint_whose_state_is_not_ours_is_refused(make: Make, tmp_path: Path, how: str) -> None:
    trainer = make(save_strategy="steps", save_steps=2)
    trainer.train()
    path = tmp_path / "out" / "checkpoint-2" / STATE
    document = json.loads(path.read_text())
    path.unlink()
    if how == "edited":
        path.write_bytes(json_bytes(document | {"taken": 0}))
    elif how != "gone":
        path.write_bytes(json_bytes(Signer(bytes(32)).signed(document | {"taken": 0})))
    with pytest.raises(Damaged):
        make().train(resume_from_checkpoint=str(path.parent))


def from_folder(model: Any, folder: Path) -> Any:
    model.save_pretrained(folder)
    return type(model).from_pretrained(folder)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("tied", [True, False])
def test_what_is_saved_is_clean_private_and_equal(make: Make, tmp_path: Path, method: Any, tied: bool) -> None:
    base = from_folder(llama(tie_word_embeddings=tied), tmp_path / "base")
    trainer = make(base, method=method)
    trainer.train()
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    trainer.save_model(str(folder))
    for path in [folder, *folder.rglob("*")]:
        if path.name != "README.md":
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes()
        assert path.suffix not in (".bin", ".pt")
    assert (folder / "README.md").read_text() == "mine"
    document = json.loads((folder / "evidence" / "training.json").read_text())
    assert is_signed(document)
    assert document["privacy"] == asdict(trainer.privacy)
    assert document["method"] == method
    assert document["dataset"]["units"] == 60
    assert document["weights"] == weights.digests(folder)
    (name,) = document["weights"]
    assert weights.metadata_of(folder / name) == {"format": "pt"}
    if method == "full":
        loaded = transformers.LlamaForCausalLM.from_pretrained(folder)
        assert all(map(torch.equal, loaded.parameters(), trainer.model.parameters()))
    else:
        import peft

        loaded = peft.PeftModel.from_pretrained(llama(tie_word_embeddings=tied), folder)
        held = dict(loaded.named_parameters())
        for part, each in trainer.model.named_parameters():
            assert not each.requires_grad or torch.equal(held[part], each)
        assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] is None


def test_saving_fails_where_something_trained_is_left_out(make: Make, tmp_path: Path) -> None:
    trainer = make()
    trainer.model.get_base_model().lm_head.weight.requires_grad = True
    with pytest.raises(Unprotected, match=r"lm_head\.weight: what was trained is not what was saved"):
        trainer.save_model(str(tmp_path / "model"))
    assert not list((tmp_path / "model").iterdir())


def test_nothing_leaves(make: Make) -> None:
    trainer = make()
    assert trainer.args.report_to == []
    with pytest.raises(BadInput, match="pushing"):
        trainer.push_to_hub()
    with pytest.raises(BadInput, match="pushing"):
        make(push_to_hub=True)


def test_code_that_comes_with_a_model_is_refused(make: Make) -> None:
    model = llama()
    model.__class__ = type("Remote", (type(model),), {"__module__": "transformers_modules.x.modeling"})
    with pytest.raises(BadInput, match="code that came with it"):
        make(model)


def bert(kind: str) -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        num_hidden_layers=1,
        hidden_size=16,
        intermediate_size=16,
        num_attention_heads=2,
        vocab_size=VOCABULARY,
        num_labels=3,
        max_position_embeddings=16,
    )
    return getattr(transformers, f"BertFor{kind}")(config)


def vit() -> Any:
    torch.manual_seed(0)
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(
            num_hidden_layers=1,
            hidden_size=16,
            intermediate_size=16,
            num_attention_heads=2,
            image_size=8,
            patch_size=4,
            num_labels=3,
        )
    )


def labelled(kind: str) -> list[dict[str, Any]]:
    if kind == "image":
        return [{"pixel_values": torch.randn(3, 8, 8), "labels": at % 3} for at in range(40)]
    return [
        {"input_ids": row["input_ids"], "labels": [token % 3 for token in row["labels"]] if kind == "token" else at % 3}
        for at, row in enumerate(rows(40))
    ]


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize(
    ("model", "kind"),
    [(lambda: bert("SequenceClassification"), "text"), (lambda: bert("TokenClassification"), "token"), (vit, "image")],
)
def test_encoders_and_vision(
    make: Make, tmp_path: Path, method: Any, model: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = make(model(), labelled(kind), method=method, max_steps=2)
    before = kept(trainer.model)
    trainer.train()
    changed = moved(trainer.model, before)
    assert changed == {name for name, each in trainer.model.named_parameters() if each.requires_grad}
    assert any("classifier" in name for name in changed)
    trainer.save_model(str(tmp_path / "model"))
    slower = [record for record in caplog.records if "backward pass of its own" in record.getMessage()]
    assert len(slower) == (1 if kind == "image" and method == "full" else 0)


class Pooled(torch.nn.Module):
    """Sentence embeddings by the mean of tokens, and a loss on pairs."""

    def __init__(self, *, contrastive: bool) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(VOCABULARY, 8)
        self.out = torch.nn.Linear(8, 8)
        self.contrastive = contrastive

    def forward(self, input_ids: Any, others: Any, labels: Any = None) -> Any:
        left, right = (self.out(torch.tanh(self.words(ids))).mean(1) for ids in (input_ids, others))
        if self.contrastive:
            return {"loss": torch.nn.functional.cross_entropy(left @ right.T, torch.arange(len(left)))}
        return {"loss": (torch.cosine_similarity(left, right) - labels).square().mean()}


def test_sentence_embeddings_train_on_pairs_and_not_against_the_batch(make: Make) -> None:
    data = [{"input_ids": row["input_ids"], "others": row["input_ids"][::-1], "labels": 0.5} for row in rows(40)]
    make(Pooled(contrastive=False), data, method="full", remove_unused_columns=False).train()
    with pytest.raises(Mixes, match="gradients of examples alone"):
        make(Pooled(contrastive=True), data[1:], method="full", remove_unused_columns=False).train()


def test_batch_norm_is_refused_by_name(make: Make) -> None:
    model = Pooled(contrastive=False)
    model.out = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.BatchNorm1d(8))
    data = [{"input_ids": row["input_ids"], "others": row["input_ids"], "labels": 0.5} for row in rows(40)]
    with pytest.raises(Unsupported, match=r"out\.1: BatchNorm1d"):
        make(model, data, method="full", remove_unused_columns=False).train()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"data": []}, "the dataset is empty"),
        ({"data": rows(5)}, "larger than the dataset of 5 examples"),
        ({"epsilon": 0.01, "max_steps": 300}, r"too small for epsilon 0\.01.*with these steps and batches epsilon \d"),
        ({"subject_column": "whom"}, "no such subject column"),
        ({"subject_column": "labels"}, "subjects that are texts or numbers"),
        ({"delta": 1e-3}, "expected delta"),
        ({"method": "half"}, "expected method"),
        ({"model": "name"}, "a model that is loaded"),
    ],
)
def test_bad_input(make: Make, more: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make(**more).train()


def test_frozen_models_and_wrong_optimizers_are_refused(make: Make) -> None:
    model = llama()
    optimizer = torch.optim.AdamW(model.parameters())
    with pytest.raises(BadInput, match="optimizer does not hold"):
        make(model, optimizers=(optimizer, None)).train()
    model = llama().requires_grad_(requires_grad=False)
    with pytest.raises(BadInput, match="no parameter of the model is trainable"):
        make(model, method="full", optimizers=(optimizer, None)).train()


class Loss(Pooled):
    """A loss that goes wrong."""

    def __init__(self, how: str) -> None:
        super().__init__(contrastive=False)
        self.how = how

    def forward(self, input_ids: Any, others: Any, labels: Any = None) -> Any:
        if self.how == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        loss = super().forward(input_ids, others, labels)["loss"]
        return {"loss": loss * (float("nan") if self.how == "nan" else 0.0)}


@pytest.mark.parametrize(
    ("how", "says"),
    [("nan", "not finite"), ("memory", "lower per_device_train_batch_size"), ("nought", "only noise was learned")],
)
def test_losses_that_go_wrong(make: Make, how: str, says: str) -> None:
    data = [{"input_ids": row["input_ids"], "others": row["input_ids"], "labels": 0.5} for row in rows(40)]
    with pytest.raises(BadInput, match=says):
        make(Loss(how), data, method="full", remove_unused_columns=False).train()


def test_a_logged_loss_is_that_of_many(make: Make) -> None:
    trainer = make(logging_steps=1, per_device_train_batch_size=1, gradient_accumulation_steps=1, max_steps=20)
    trainer.train()
    losses = [each["loss"] for each in trainer.state.log_history if "loss" in each]
    assert losses[0] == 0
    assert losses[-1] == 0 or 1 < losses[-1] < 10
