"""Sums of clipped gradients, against gradients of one unit at a time by autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import peft
import pytest
import torch
import transformers
from torch import nn

from privet.train.layers import Mixes, Unsupported
from privet.train.per_unit import PerUnit

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing.*:FutureWarning", "ignore:None of the inputs have requires_grad:UserWarning"
)
VOCABULARY = 60


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Make weights and batches the same each time."""
    torch.manual_seed(0)
    torch.set_num_threads(1)


def gpt2() -> Any:
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            n_layer=2, n_head=2, n_embd=16, vocab_size=VOCABULARY, n_positions=32, bos_token_id=0, eos_token_id=0
        )
    )


def llama(*, tied: bool = True) -> Any:
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            num_hidden_layers=2,
            hidden_size=16,
            intermediate_size=32,
            num_attention_heads=2,
            num_key_value_heads=1,
            vocab_size=VOCABULARY,
            tie_word_embeddings=tied,
        )  # fmt: skip
    )


def bert() -> Any:
    return transformers.BertForSequenceClassification(
        transformers.BertConfig(
            num_hidden_layers=2,
            hidden_size=16,
            intermediate_size=32,
            num_attention_heads=2,
            vocab_size=VOCABULARY,
            num_labels=3,
        )  # fmt: skip
    )


def lora() -> Any:
    return peft.get_peft_model(llama(), peft.LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))


def convolutions() -> Any:
    class Eyes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3)
            self.norm = nn.GroupNorm(2, 4)
            self.last = nn.Linear(4 * 36, 3)

        def forward(self, input_ids: Any) -> Any:
            return type("Out", (), {"logits": self.last(torch.relu(self.norm(self.first(input_ids))).flatten(1))})

    return Eyes()


def batch_of(make: Callable[[], Any], examples: int) -> dict[str, Any]:
    if make is convolutions:
        return {"input_ids": torch.randn(examples, 3, 8, 8), "labels": torch.randint(0, 3, (examples,))}
    ids = torch.randint(0, VOCABULARY, (examples, 12))
    return {"input_ids": ids, "labels": torch.randint(0, 3, (examples,)) if make is bert else ids}


def loss_of(model: Any, batch: dict[str, Any]) -> Any:
    logits = model(input_ids=batch["input_ids"]).logits
    labels = batch["labels"]
    if labels.dim() == 2:
        logits, labels = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    return nn.functional.cross_entropy(logits, labels, reduction="sum")


def expected(model: Any, batch: dict[str, Any], units: int, per_unit: int, clip: float, scale: Any) -> tuple[Any, Any]:
    parameters = [each for each in model.parameters() if each.requires_grad]
    sums = [torch.zeros_like(each) for each in parameters]
    norms = []
    for unit in range(units):
        rows = {name: value[unit * per_unit : (unit + 1) * per_unit] for name, value in batch.items()}
        grads = torch.autograd.grad(loss_of(model, rows) * scale[unit], parameters, allow_unused=True)
        norm = torch.sqrt(sum((each.square().sum() for each in grads if each is not None), torch.zeros(())))
        norms.append(norm)
        for total, each in zip(sums, grads, strict=True):
            if each is not None:
                total.add_(each * min(1.0, clip / float(norm)))
    return torch.stack(norms), sums


@pytest.mark.parametrize("per_unit", [1, 3])
@pytest.mark.parametrize("make", [gpt2, llama, lambda: llama(tied=False), bert, lora, convolutions])
def test_sums_are_those_of_units_alone(make: Callable[[], Any], per_unit: int) -> None:
    model = make().eval()
    units, examples = 6 // per_unit, 6
    batch = batch_of(make, examples)
    scale = torch.rand(units) + 0.5
    gradients = PerUnit(model)
    norms, sums = expected(model, batch, units, per_unit, 1e9, scale)
    clip = float(norms.median())  # some are clipped, some are not
    norms, sums = expected(model, batch, units, per_unit, clip, scale)
    with gradients.capture(examples):
        loss_of(model, batch).backward()
    found = gradients.add(units, per_unit, clip, scale)
    assert torch.allclose(found, norms, rtol=1e-4)
    for parameter, total in zip((each for each in model.parameters() if each.requires_grad), sums, strict=True):
        held = gradients.sums.get(parameter, torch.zeros_like(total))
        assert torch.allclose(held, total, rtol=1e-3, atol=1e-5 * float(sums[0].abs().max()) + 1e-7)


def test_no_unit_adds_more_than_the_clipping_norm() -> None:
    model, clip = gpt2().eval(), 0.01
    batch = batch_of(gpt2, 4)
    gradients = PerUnit(model)
    for unit in range(4):
        gradients.clear()
        rows = {name: value[unit : unit + 1] for name, value in batch.items()}
        with gradients.capture(1):
            loss_of(model, rows).backward()
        gradients.add(1, 1, clip)
        assert torch.sqrt(sum(each.square().sum() for each in gradients.sums.values())) <= clip * (1 + 1e-5)


def test_parts_of_a_batch_add_up() -> None:
    model = llama().eval()
    batch = batch_of(llama, 6)
    whole, parts = PerUnit(model), PerUnit(model)
    for gradients, step in ((whole, 6), (parts, 2)):
        for start in range(0, 6, step):
            rows = {name: value[start : start + step] for name, value in batch.items()}
            with gradients.capture(step):
                loss_of(model, rows).backward()
            gradients.add(step, 1, 0.1)
    for parameter, total in whole.sums.items():
        assert torch.allclose(parts.sums[parameter], total, atol=1e-6)


def test_the_model_is_as_before() -> None:
    model = lora().eval()
    batch = batch_of(llama, 2)
    before = model(input_ids=batch["input_ids"]).logits
    with PerUnit(model).capture(2):
        inside = model(input_ids=batch["input_ids"]).logits
    assert torch.allclose(before, inside)
    assert torch.equal(before, model(input_ids=batch["input_ids"]).logits)
    assert all("forward" not in vars(each) for each in model.modules())


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("make", [llama, bert, lora])
@pytest.mark.filterwarnings("ignore:.*activation_checkpointing.*", "ignore:.*gradient_checkpointing.*")
def test_checkpointing_of_activations_changes_nothing(make: Callable[[], Any], reentrant: bool) -> None:
    model = make()
    batch = batch_of(bert if make is bert else llama, 4)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.train()
    sums = []
    for on in (False, True):
        if on:
            model.gradient_checkpointing_enable({"use_reentrant": reentrant})
            if make is lora:
                model.enable_input_require_grads()
        gradients = PerUnit(model)
        with gradients.capture(4):
            loss_of(model, batch).backward()
        gradients.add(4, 1, 0.1)
        sums.append(gradients.sums)
    assert sums[0].keys() == sums[1].keys()
    assert all(torch.allclose(sums[1][each], total, atol=1e-6) for each, total in sums[0].items())


@pytest.mark.parametrize("how", ["autocast", "weights"])
@pytest.mark.parametrize("make", [gpt2, llama, bert, lora, convolutions])
def test_in_sixteen_bits_norms_are_those_of_what_is_added(make: Callable[[], Any], how: str) -> None:
    model = make().eval()
    exact = PerUnit(model)
    batch = batch_of(llama if make is lora else make, 4)
    with exact.capture(4):
        loss_of(model, batch).backward()
    norms = exact.add(4, 1, 1e9)
    if how == "weights":
        model.to(torch.bfloat16)
        batch = {name: each.to(torch.bfloat16) if each.is_floating_point() else each for name, each in batch.items()}
    gradients, clip = PerUnit(model), float(norms.min()) / 2
    for unit in range(4):
        gradients.clear()
        rows = {name: value[unit : unit + 1] for name, value in batch.items()}
        with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"), gradients.capture(1):
            loss_of(model, rows).backward()
        found = gradients.add(1, 1, clip)
        assert float(found[0]) == pytest.approx(float(norms[unit]), rel=0.05)
        total = torch.sqrt(sum(each.square().sum() for each in gradients.sums.values()))
        assert float(total) == pytest.approx(clip, rel=1e-4)
        assert {each.dtype for each in gradients.sums.values()} == {torch.float32}


def test_less_exact_products_are_off_while_norms_are_taken() -> None:
    layer = nn.Linear(300, 300)
    gradients, given = PerUnit(layer), torch.randn(5, 40, 300)
    found = []
    for precision in ("highest", "medium"):
        torch.set_float32_matmul_precision(precision)
        try:
            with gradients.capture(5):
                layer(given).square().sum().backward()
            for each in (use for held in gradients._layers for use in held.uses):
                each.gradient.copy_(torch.ones_like(each.gradient))
            found.append(gradients.add(5, 1, 1.0))
            assert torch.get_float32_matmul_precision() == precision
        finally:
            torch.set_float32_matmul_precision("highest")
    assert torch.equal(*found)


def test_where_products_cancel_the_norm_is_no_smaller_than_the_gradient() -> None:
    layer = nn.Linear(64, 64, bias=False)
    gradients = PerUnit(layer)
    given = torch.randn(1, 64) * 1e3
    # Two positions whose parts cancel but for a ten thousandth.
    batch = torch.stack((given, given * (1 + 1e-4)), 1).reshape(1, 2, 64)
    for positions in (batch, batch.repeat(1, 40, 1)):
        gradients.clear()
        signs = torch.tensor([1.0, -1.0]).repeat(positions.shape[1] // 2)[None, :, None]
        with gradients.capture(1):
            (layer(positions) * signs).sum().backward()
        gradients.add(1, 1, 1.0)
        assert float(gradients.sums[layer.weight].double().norm()) <= 1.001


def test_a_norm_that_is_used_elsewhere_is_not_left_out() -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(2)

        def forward(self, given: Any) -> Any:
            return given * self.norm.weight + self.norm.bias

    model = Around()
    gradients = PerUnit(model)
    with gradients.capture(3):
        model(torch.randn(3, 2)).sum().backward()
    with pytest.raises(Unsupported, match="its gradient is not the sum"):
        gradients.add(3, 1, 1.0)


def test_batch_norm_is_refused_by_name() -> None:
    with pytest.raises(Mixes, match="1: BatchNorm1d"):
        PerUnit(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))


def test_parameters_outside_of_layers_are_refused_by_name() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.zeros(2))
            self.layer = nn.Linear(2, 2)

    with pytest.raises(Unsupported, match="token"):
        PerUnit(Odd())


def test_a_weight_that_is_used_elsewhere_too_is_refused() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, given: Any) -> Any:
            return self.layer(given) + given @ self.layer.weight

    model = Twice()
    gradients = PerUnit(model)
    with gradients.capture(3):
        model(torch.randn(3, 2)).sum().backward()
    with pytest.raises(Unsupported, match="layer: its weight is used outside"):
        gradients.add(3, 1, 1.0)


def test_a_layer_that_sees_other_rows_is_refused() -> None:
    model = nn.Linear(2, 2)
    gradients = PerUnit(model)
    with gradients.capture(4):
        model(torch.randn(3, 2)).sum().backward()
    with pytest.raises(Unsupported, match="one row for each example"):
        gradients.add(4, 1, 1.0)
