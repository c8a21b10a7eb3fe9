"""One arm of the demonstration: a base model fine-tuned in one way with one seed, then audited; reads a job as JSON, prints its figures.

- Rows, canaries and model are the same in all arms; what differs is what was done to the rows, and how the steps are taken.
- `matched` takes as many steps as `private`, over batches as large on average, at the same rate: what it does not do is clip and add noise.
- Perplexity is that of held-out tickets without their signatures, which are alike in raw and cleaned tickets.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from privet.audit.endpoint.given import Canary, Given
from privet.audit.model import ModelOptions, audit_model
from privet.integrations.train_tokens import Collate, tokens_of
from privet.integrations.transformers import PrivateTrainer
from privet.integrations.transformers_arguments import with_adapters

_TESTS: Final = ("extraction", "exposure", "membership", "epsilon-lower-bound")


@dataclass(frozen=True, slots=True)
class Job:
    """What to do. `rows`: [text, subject] each; `canaries`: [prompt, secret, member], of which members stand in the rows."""

    way: str
    seed: int
    base: str
    rows: list[list[str]]
    held_out: list[str]
    canaries: list[list[Any]]
    recipe: dict[str, Any]


def main() -> None:
    """Do the job on standard input."""
    # What transformers prints of its progress is no part of the answer.
    answer, sys.stdout = sys.stdout, sys.stderr
    job = Job(**json.load(sys.stdin))
    torch.set_num_threads(int(job.recipe["threads"]))
    torch.manual_seed(job.seed)
    with tempfile.TemporaryDirectory() as folder:
        figures = trained(job, Path(folder))
    json.dump(figures, answer)


def trained(job: Job, folder: Path) -> dict[str, Any]:
    """Return the figures of a job; `folder` is empty."""
    tokenizer = AutoTokenizer.from_pretrained(job.base)
    model = AutoModelForCausalLM.from_pretrained(job.base, dtype=torch.float32)
    if torch.cuda.is_available():
        model = model.to("cuda")
    before = perplexity(model, tokenizer, job)
    begun = time.monotonic()
    privacy, steps = None, 0
    if job.way == "base":
        model.save_pretrained(folder / "model")
        tokenizer.save_pretrained(folder / "model")
    else:
        trainer = made(job, model, tokenizer, folder)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        model, steps = trainer.model, trainer.state.global_step
        trainer.save_model(str(folder / "model"))
        if job.way == "private":
            privacy = asdict(trainer.privacy)
    seconds = time.monotonic() - begun
    after = perplexity(model.eval(), tokenizer, job)
    figures = {
        "way": job.way,
        "seed": job.seed,
        "perplexity": after,
        "perplexity_before": before,
        "privacy": privacy,
        "steps": steps,
        "train_seconds": seconds,
    }
    begun = time.monotonic()
    given = Given(tuple(Canary(*each) for each in job.canaries))
    options = ModelOptions(
        job.seed,
        tuple(test for test in _TESTS if test != "epsilon-lower-bound" or job.way != "base"),
        given,
        None if job.way == "base" else Path(job.base),
        look_alikes=job.recipe["look_alikes"],
    )
    report = audit_model(folder / "model", options).evidence()
    return figures | {
        "audit_seconds": time.monotonic() - begun,
        "tests": {test["id"]: test for test in report["tests"]},
    }


def made(job: Job, model: Any, tokenizer: Any, folder: Path) -> Any:
    """Return the trainer of an arm."""
    recipe = job.recipe
    tokens = tokens_of(tokenizer, [text for text, _ in job.rows], chats=False, most=recipe["length"])
    rows = [
        {"input_ids": ids, "subject": job.rows[at][1]} for ids, at in zip(tokens.examples, tokens.rows, strict=True)
    ]
    is_large = job.way in ("matched", "private")
    part = recipe["part"] if is_large else recipe["batch"]
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=part,
        gradient_accumulation_steps=recipe["private_batch"] // part if is_large else 1,
        learning_rate=recipe["private_rate"] if is_large else recipe["rate"],
        weight_decay=0.0,
        lr_scheduler_type=recipe["schedule"],
        warmup_steps=recipe["warm_up"],
        max_steps=recipe["private_steps"] if is_large else -1,
        num_train_epochs=recipe["epochs"],
        seed=job.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=not torch.cuda.is_available(),
        bf16=recipe["bf16"],
    )
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    given = {"args": arguments, "train_dataset": rows, "processing_class": tokenizer, "data_collator": Collate(padding)}
    if job.way != "private":
        whole = recipe["private_method" if job.way == "matched" else "method"] == "full"
        return Trainer(model=model if whole else with_adapters(model, has_config=False), **given)
    return PrivateTrainer(
        model=model,
        **given,
        epsilon=recipe["epsilon"],
        max_grad_norm=recipe["clip"],
        method=recipe["private_method"],
        subject_column="subject",
        ledger=folder / "ledger.json",
        dataset_id="demonstration",
    )


def perplexity(model: Any, tokenizer: Any, job: Job) -> float:
    """Return exp of the mean loss of a token over held-out texts."""
    # Without the end: they were cut before what ends them.
    tokens = [tokenizer(text)["input_ids"][: job.recipe["length"]] for text in job.held_out]
    collate, total, count = Collate(tokenizer.pad_token_id or 0), 0.0, 0
    device = next(model.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(tokens), 64):
            part = tokens[start : start + 64]
            batch = {name: value.to(device) for name, value in collate([{"input_ids": ids} for ids in part]).items()}
            labels = batch["labels"]
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            loss = torch.nn.functional.cross_entropy(
                logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100, reduction="sum"
            )
            total, count = total + float(loss), count + int((labels[:, 1:] != -100).sum())
    return math.exp(total / count)


if __name__ == "__main__":
    main()
