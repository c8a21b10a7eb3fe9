"""A step of training: plain, in private with Privet, in private with opacus' hooks. `.venv/bin/python benchmarks/train/overhead.py`.

The same GPT-2 (4 layers of 256, vocabulary 4,096), the same 16 texts of 128 tokens in two parts of 8, one thread, the CPU time of this
process; best of `--rounds`, the three in turn. Noise is part of a private step: Privet's from a cipher, opacus' from torch's generator
(its `secure_mode` is off). Memory is what the process has at its largest, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from typing import Any

import torch
from torch import nn

VOCABULARY, LENGTH, PART, PARTS = 4096, 128, 8, 2
WAYS = ("plain", "privet", "opacus")


def model_of(method: str) -> Any:
    import peft
    import transformers

    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            n_layer=4, n_head=4, n_embd=256, vocab_size=VOCABULARY, n_positions=LENGTH, bos_token_id=0, eos_token_id=0
        )
    )
    if method == "lora":
        config = peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", fan_in_fan_out=True)
        return peft.get_peft_model(model, config)
    # opacus has no tied weights: all three train a head of its own.
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    return model


def loss_of(model: Any, ids: Any, reduction: str) -> Any:
    at = torch.arange(ids.shape[1]).repeat(len(ids), 1)
    logits = model(input_ids=ids, position_ids=at).logits[:, :-1]
    return nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction=reduction)


def plain_step(model: Any, parts: Any) -> None:
    for ids in parts:
        loss_of(model, ids, "sum").backward()


def stepper(way: str, model: Any) -> Any:
    if way == "plain":
        return lambda parts: plain_step(model, parts)
    if way == "privet":
        from privet.train.steps import PrivateSteps

        steps = PrivateSteps(model, noise_multiplier=1.0, clip_norm=1.0, expected_units=PART * PARTS)

        def step(parts: Any) -> None:
            for ids in parts:
                steps.add(lambda given: loss_of(model, given, "sum"), ids, PART, 1)
            steps.finish()

        return step
    from opacus import GradSampleModule

    hooked = GradSampleModule(model, loss_reduction="sum")
    trained = [each for each in hooked.parameters() if each.requires_grad]

    def hooked_step(parts: Any) -> None:
        sums = [torch.zeros_like(each) for each in trained]
        for ids in parts:
            loss_of(hooked, ids, "sum").backward()
            norms = torch.stack([each.grad_sample.flatten(1).norm(dim=1) for each in trained]).norm(dim=0)
            factors = (1.0 / norms.clamp(min=1e-6)).clamp(max=1.0)
            for total, each in zip(sums, trained, strict=True):
                total.add_(torch.einsum("i,i...->...", factors, each.grad_sample))
                each.grad_sample = each.grad = None
        for total, each in zip(sums, trained, strict=True):
            each.grad = (total + torch.randn_like(total)) / (PART * PARTS)

    return hooked_step


def measured(way: str, method: str, rounds: int) -> dict[str, float]:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    model = model_of(method).train()
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=1e-4)
    step = stepper(way, model)
    parts = torch.randint(0, VOCABULARY, (PARTS, PART, LENGTH)).unbind(0)
    times = []
    for _ in range(rounds + 1):
        begun = time.process_time()
        step(parts)
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.process_time() - begun)
    return {"seconds": min(times[1:]), "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(*asked.one, asked.rounds)))
        return
    for method in ("lora", "full"):
        found: dict[str, dict[str, float]] = {}
        for _ in range(asked.turns):
            for way in WAYS:
                command = [sys.executable, __file__, "--one", way, method, "--rounds", str(asked.rounds)]
                said = json.loads(
                    subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
                )
                found[way] = {name: min(value, found.get(way, said)[name]) for name, value in said.items()}
        for way in WAYS:
            seconds, mb = found[way]["seconds"], found[way]["mb"]
            print(
                f"{method:5} {way:7} {seconds:.3f} s a step ({seconds / found['plain']['seconds']:.2f}×), "
                f"{mb:.0f} MB ({mb / found['plain']['mb']:.2f}×)"
            )


if __name__ == "__main__":
    main()
