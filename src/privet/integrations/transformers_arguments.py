"""What `PrivateTrainer` makes of the arguments and the model it is given: safe ones, or a refusal that names the remedy."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor
from transformers import TrainingArguments

from privet.errors import BadInput

IGNORED: Final = -100
_LORA_RANK: Final = 8
_TASKS: Final = {
    "ForCausalLM": "CAUSAL_LM",
    "LMHeadModel": "CAUSAL_LM",
    "ForSequenceClassification": "SEQ_CLS",
    "ForTokenClassification": "TOKEN_CLS",
    "ForQuestionAnswering": "QUESTION_ANS",
    "ForConditionalGeneration": "SEQ_2_SEQ_LM",
}
_HEADS: Final = ("classifier", "score", "qa_outputs")
_REMOTE: Final = "transformers_modules"
"""the package into which transformers loads code that came with a model"""


def private_arguments(args: TrainingArguments | None) -> tuple[float, TrainingArguments]:
    """Return the expected units of a batch, and the arguments with what privacy needs.

    Raises:
        BadInput: an argument would push, or look at gradients before the noise, or split a batch among processes.

    """
    kept = copy.copy(args) if args is not None else TrainingArguments(output_dir="trainer_output")
    if kept.push_to_hub:
        raise BadInput("pushing to a hub from training is off", hint="leave push_to_hub out; publish what was audited")
    if kept.fp16:
        raise BadInput("fp16 scales gradients behind the noise", hint="use bf16=True")
    if kept.torch_compile or kept.auto_find_batch_size:
        raise BadInput("torch_compile and auto_find_batch_size are not supported here", hint="leave them out")
    if kept.use_liger_kernel:
        raise BadInput(
            "the liger kernels go around layers, where gradients cannot be told apart", hint="leave them out"
        )
    if kept.world_size > 1 or kept.n_gpu > 1:
        raise BadInput(
            "training on several processes or cards is not supported",
            hint="start one process, with CUDA_VISIBLE_DEVICES=0",
        )
    if getattr(kept, "trust_remote_code", False) or (getattr(kept, "model_init_kwargs", None) or {}).get(
        "trust_remote_code"
    ):
        raise BadInput("code that comes with a model is not run", hint="leave trust_remote_code out")
    expected = float(kept.per_device_train_batch_size * kept.gradient_accumulation_steps)
    kept.gradient_accumulation_steps = 1
    kept.max_grad_norm = 0.0  # ours is per unit, and the sum must not be looked at before the noise
    kept.report_to = []
    kept.ignore_data_skip = True
    return expected, kept


def refuse_remote_code(*loaded: Any) -> None:
    """Refuse a model or tokenizer whose code came with its weights.

    Raises:
        BadInput: one is.

    """
    for each in loaded:
        if any(kind.__module__.split(".")[0] == _REMOTE for kind in type(each).__mro__):
            raise BadInput(
                "the model or its tokenizer runs code that came with it, which could do anything with the data",
                hint="take a model that transformers knows itself",
            )


def subjects_of(rows: Any, column: str | None) -> list[Any] | None:
    """Return whose each example is, or None where no column says so.

    Raises:
        BadInput: there is no such column.

    """
    if column is None:
        return None
    no_column = BadInput("the dataset has no such subject column", hint="name a column that it has")
    if hasattr(rows, "column_names"):
        if column not in rows.column_names:
            raise no_column
        return list(rows[column])
    try:
        return [row[column] for row in rows]
    except (KeyError, TypeError, IndexError) as error:
        raise no_column from error


def with_adapters(model: Any, has_config: bool) -> Any:
    """Return the model with LoRA adapters, unless it has some or the trainer is to make them from its `peft_config`."""
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers.pytorch_utils import Conv1D

    if isinstance(model, PeftModel) or has_config:
        return model
    name = type(model).__name__
    task = next((task for ending, task in _TASKS.items() if name.endswith(ending)), None)
    # A head that is new has nothing to adapt: it is trained whole. Of texts PEFT knows that, once it is no layer to adapt.
    heads = [] if task == "CAUSAL_LM" else [each for each in _HEADS if hasattr(model, each)]
    return get_peft_model(
        model,
        LoraConfig(
            r=_LORA_RANK,
            lora_alpha=2 * _LORA_RANK,
            target_modules="all-linear",
            task_type=task,
            fan_in_fan_out=any(isinstance(each, Conv1D) for each in model.modules()),
            exclude_modules=heads or None,
            modules_to_save=heads if heads and task is None else None,
        ),
    )


def tokens_of(batch: Mapping[str, Any], examples: int) -> Tensor:
    """Return how many labels count in each example, (examples,); 1 where there are none to count."""
    import torch

    labels = batch.get("labels")
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.dim() < 2:
        device = next((value.device for value in batch.values() if isinstance(value, Tensor)), None)
        return torch.ones(examples, device=device)
    return (labels != IGNORED).flatten(1).sum(1).to(torch.float32)


def checkpoint_of(asked: Any, output_dir: str) -> Path | None:
    """Return the folder of the checkpoint to go on from, or None.

    Raises:
        BadInput: there is none.

    """
    if not asked:
        return None
    if asked is not True:
        return Path(asked)
    from transformers.trainer_utils import get_last_checkpoint

    last = get_last_checkpoint(output_dir) if Path(output_dir).is_dir() else None
    if last is None:
        raise BadInput("there is no checkpoint to go on from", hint="leave resume_from_checkpoint out")
    return Path(last)
