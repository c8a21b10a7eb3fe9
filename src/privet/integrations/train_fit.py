"""The part of a run of `privet train` that takes torch: tokens, steps, saved weights.

Invariant: no weight format but safetensors is read or written, and no code that a model brings is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from privet.errors import BadInput
from privet.integrations.train_canaries import Canary
from privet.integrations.train_data import Examples, Told
from privet.integrations.train_model import loaded, quiet, room
from privet.integrations.train_tokens import Collate, Tokens, tokens_of
from privet.integrations.train_unfinished import Unfinished, step_of
from privet.integrations.transformers import PrivateTrainer
from privet.policy import Policy
from privet.train.evidence import about
from privet.train_config import TrainConfig

_CHECKPOINTS: Final = 2
"""Kept: the older one goes before the newer one says what was spent."""
_SHARE: Final = 5
"""The loss is told over the first and over the last fifth of the steps."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model that was trained and saved into `folder`; `data`: what was done to the data, in exact numbers.

    `went_on_from`: the step of the checkpoint that it began with, or 0.
    """

    folder: Path
    privacy: dict[str, Any]
    data: dict[str, Any]
    loss: tuple[float, float] | None
    weights: list[str]
    went_on_from: int


def fit(
    config: TrainConfig, policy: Policy, examples: Examples, unfinished: Unfinished, folder: Path, told: Told
) -> Fitted:
    """Train, and save into a new folder inside the one that is given.

    Raises:
        BadInput: model, data and numbers do not go together, or are not those of the run that was stopped.

    """
    planted = unfinished.canaries
    with quiet():
        tokenizer, model = loaded(config)
        tokens = _tokens(config, tokenizer, examples, planted)
        data = examples.done | {"tokens": {"cut": tokens.cut, "short": tokens.short}}
        data |= {"canaries": len(planted) // 2} if planted else {}
        rows = _rows(tokens, examples)
        unfinished.begin(rows)
        checkpoint = unfinished.checkpoint
        trainer = _trainer(
            config,
            model,
            tokenizer,
            rows,
            callbacks=[_Tell(told)],
            output_dir=str(unfinished.trainer or folder / "trainer"),
            dataset_id=config.dataset_id or examples.name,
            policy=policy,
            data=_about(data),
        )
        losses = _losses(trainer)
        with room():
            trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
        told("save", 0, 1)
        made = folder / "model"
        if config.merge and config.method == "lora":
            trainer.model = trainer.model.merge_and_unload()
        trainer.save_model(str(made))
    weights = sorted(path.name for path in made.glob("*.safetensors"))
    begun_with = step_of(checkpoint) if checkpoint else 0
    return Fitted(made, asdict(trainer.privacy), data, _ends(losses), weights, begun_with)


def _about(value: Any) -> Any:
    """Return counts for the evidence, which may be published: to two digits, as that of the units is, so that they tell of nobody."""
    if isinstance(value, dict):
        return {name: _about(held) for name, held in value.items()}
    return about(value) if isinstance(value, int) else value


def _tokens(config: TrainConfig, tokenizer: Any, examples: Examples, planted: Sequence[Canary]) -> Tokens:
    found = tokens_of(tokenizer, examples.rows, chats=examples.chats, most=config.sequence_length)
    if planted:
        texts = [one.text for one in planted if one.member]
        more = tokens_of(tokenizer, texts, chats=False, most=config.sequence_length)
        if more.cut:
            raise BadInput(
                f"{config.where('train.sequence_length')}: canaries are longer than {config.sequence_length} tokens",
                hint="make sequence_length 64 or more, or leave canaries out",
            )
        found.examples += more.examples
        found.rows += [len(examples.rows) + at for at in more.rows]
    if not found.examples:
        raise BadInput("no example of two tokens is left", hint="give longer texts")
    return found


def _rows(tokens: Tokens, examples: Examples) -> list[dict[str, Any]]:
    """Return what the trainer is given. A canary is a unit of its own."""
    whose = examples.subjects
    rows: list[dict[str, Any]] = []
    for ids, at in zip(tokens.examples, tokens.rows, strict=True):
        row: dict[str, Any] = {"input_ids": ids}
        if whose is not None:
            row["subject"] = whose[at] if at < len(whose) else None
        rows.append(row)
    return rows


def _trainer(
    config: TrainConfig, model: Any, tokenizer: Any, rows: list[dict[str, Any]], *, output_dir: str, **more: Any
) -> Any:
    padding = tokenizer.pad_token_id
    length = {"max_steps": config.steps} if config.steps is not None else {"num_train_epochs": config.epochs}
    arguments = TrainingArguments(
        output_dir=output_dir,
        per_device_train_batch_size=config.micro_batch_size,
        gradient_accumulation_steps=config.batch_size // config.micro_batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
        save_strategy="steps" if config.save_steps else "no",
        save_steps=config.save_steps or 1,
        save_total_limit=_CHECKPOINTS,
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        **length,
    )
    trainer = PrivateTrainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        processing_class=tokenizer,
        data_collator=Collate(padding if padding is not None else 0),
        epsilon=config.epsilon,
        delta=config.delta,
        max_grad_norm=config.max_grad_norm,
        method=config.method,
        subject_column="subject" if config.subject else None,
        ledger=config.ledger,
        **more,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


class _Tell(TrainerCallback):  # type: ignore[misc] # its package is untyped here
    """Tells how far the steps are, and keeps no checkpoint of the last one: nothing could go on from it."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_more: Any) -> None:
        self._told("train", 0, state.max_steps)

    def on_step_end(self, _args: Any, state: Any, control: Any, **_more: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_save = False
        self._told("train", state.global_step, state.max_steps)


def _losses(trainer: Any) -> list[float]:
    """Return the list that the mean loss of each batch that is not empty will be put into."""
    found: list[float] = []
    step = trainer.training_step

    def noted(*given: Any, **named: Any) -> Any:
        loss = step(*given, **named)
        if value := float(loss):
            found.append(value)
        return loss

    trainer.training_step = noted
    return found


def _ends(losses: Sequence[float]) -> tuple[float, float] | None:
    some = max(1, len(losses) // _SHARE)
    return (sum(losses[:some]) / some, sum(losses[-some:]) / some) if losses else None
